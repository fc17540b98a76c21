"""Texts that say nearly the same: shingles, an index of the lowest hashes, and the exact Jaccard index. Pure."""

from __future__ import annotations

import string
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import sqrt

import numpy as np
import numpy.typing as npt

THRESHOLD = 0.8
SHINGLE = 5  # UTF-16 units, which for most scripts are characters
LOWEST = 24  # hashes of a text that the index knows
MOST_IN_LIST = 32  # texts that the index keeps for one hash
MOST_COMPARED = 16  # texts that one text is compared to in full
_MOST_KEPT = 16_000_000  # hashes of texts kept for the next comparison; 64 MB
_BATCH = 1_000_000  # characters hashed at once
_EDGES = string.whitespace + string.punctuation + "¿¡…“”‘’«»"

Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Group:
    """Texts that nearly repeat one another: two or more positions in the list, ascending.

    `similarity`: the lowest Jaccard index (a fraction of 1) of the links that hold the group together; 1.0 where
    all are the same but for case, white space and the punctuation at both ends.
    """

    members: tuple[int, ...]
    similarity: float


def near_duplicates(
    texts: Sequence[str],
    threshold: float = THRESHOLD,
    progress: Callable[[int, int], None] | None = None,
) -> list[Group]:
    """Groups of texts joined by pairs with a Jaccard index of `threshold` (a fraction of 1) or more.

    Compared are the sets of all runs of five characters, without regard to case, white space and punctuation at
    both ends. Candidates share enough of their 24 lowest crc32 hashes; each is then compared exactly, so no group
    holds a pair that is none. A text is compared to at most 16 others: work grows linearly with the texts, and some
    link among hundreds of near repeats may go unseen. Groups in the order of their first text; which texts form a
    group does not depend on the order of the list. `progress(done, total)` counts texts.
    Raises ValueError for a threshold that is not above 0 and at most 1.
    Source: Broder 1997, On the resemblance and containment of documents (bottom-k sketches); the prefix filter of
    Chaudhuri, Ganti & Kaushik 2006.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold is {threshold}; give a fraction above 0 and at most 1")
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        positions[_normalised(text)].append(position)
    # whatever the order of the list, the same texts meet in the same order
    distinct = sorted(positions)
    links = _links(distinct, threshold, progress, len(texts))
    parent = list(range(len(distinct)))
    for low, high, _ in links:
        parent[_root(parent, high)] = _root(parent, low)
    weakest: dict[int, float] = {}
    for low, _, similarity in links:
        root = _root(parent, low)
        weakest[root] = min(similarity, weakest.get(root, 1.0))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, text in enumerate(distinct):
        members[_root(parent, number)] += positions[text]
    groups = [
        Group(tuple(sorted(group)), weakest.get(root, 1.0))
        for root, group in members.items()
        if len(group) > 1
    ]
    return sorted(groups, key=lambda group: group.members)


def jaccard(first: Hashes, second: Hashes) -> float:
    """Shared over all, of two sorted arrays of hashes without repeats. Not for two empty ones."""
    both = np.concatenate((first, second))
    both.sort()
    shared = int(np.count_nonzero(both[1:] == both[:-1]))
    return shared / (both.size - shared)


def shingle_hashes(text: str) -> Hashes:
    """Sorted distinct crc32 of every run of five UTF-16 units (little-endian); of the whole text where shorter.

    As `zlib.crc32`, computed for all runs at once.
    """
    return _hashes_of([_normalised(text)])[0]


def _normalised(text: str) -> str:
    folded = " ".join(text.casefold().split())
    return folded.strip(_EDGES) or folded


def _root(parent: list[int], number: int) -> int:
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


def _crc_table() -> Hashes:
    """crc32's step for two bytes at once."""
    table = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0xEDB88320), table >> 1)
    return table


_TABLE = _crc_table()


def _crc_runs(units: npt.NDArray[np.uint16], length: int) -> Hashes:
    runs = units.size - length + 1
    value = np.full(runs, 0xFFFFFFFF, dtype=np.uint32)
    for offset in range(length):
        value = _TABLE[(value ^ units[offset : offset + runs]) & 0xFFFF] ^ (value >> 16)
    return ~value


def _hashes_of(texts: Sequence[str]) -> list[Hashes]:
    encoded = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    everything = np.frombuffer(b"".join(encoded), dtype=np.uint16)
    runs = _crc_runs(everything, SHINGLE) if everything.size >= SHINGLE else np.empty(0, np.uint32)
    found: list[Hashes] = []
    start = 0
    for data in encoded:
        size = len(data) // 2
        if size >= SHINGLE:
            hashes = runs[start : start + size - SHINGLE + 1].copy()
            hashes.sort()
            found.append(hashes[np.concatenate(([True], hashes[1:] != hashes[:-1]))])
        else:
            found.append(_crc_runs(everything[start : start + size], size)[:1])
        start += size
    return found


def _links(
    texts: list[str], threshold: float, progress: Callable[[int, int], None] | None, total: int
) -> list[tuple[int, int, float]]:
    """(earlier, later, Jaccard) of pairs that hold the groups together; not all pairs inside a group."""
    kept = _Kept(texts)
    sizes: list[int] = []
    lowest: list[list[int]] = []
    for number in range(len(texts)):
        all_hashes = kept.hashes(number)
        sizes.append(all_hashes.size)
        lowest.append(all_hashes[:LOWEST].tolist())
        if progress and number % 256 == 0:
            progress(number * total // (2 * len(texts)), total)
    # Of two texts at the threshold, about that share of the lowest hashes is common. Chance takes away more than 3.3
    # standard deviations once in 2,000 pairs. Where so many are common, one of the rarest is, if the rarest are all
    # but so many: only those are looked up.
    share = threshold - 3.3 * sqrt(threshold * (1 - threshold) / LOWEST)
    commonness = Counter(hash_ for hashes in lowest for hash_ in hashes)
    index: defaultdict[int, list[int]] = defaultdict(list)
    parent = list(range(len(texts)))
    links: list[tuple[int, int, float]] = []
    for number, hashes in enumerate(lowest):
        needed = max(1, int(share * len(hashes)))
        rarest = sorted(hashes, key=lambda hash_: (commonness[hash_], hash_))[: len(hashes) - needed + 1]
        rarest = [hash_ for hash_ in rarest if commonness[hash_] > 1]
        met: Counter[int] = Counter()
        for hash_ in rarest:
            met.update(index[hash_])
        if met:
            least, most = threshold * sizes[number], sizes[number] / threshold
            ranked = [(-times, other) for other, times in met.items() if least <= sizes[other] <= most]
            mine = set(hashes)
            for _, other in nsmallest(MOST_COMPARED, ranked):
                if _root(parent, number) == _root(parent, other):
                    continue
                if len(mine.intersection(lowest[other])) < min(needed, int(share * len(lowest[other]))):
                    continue
                similarity = jaccard(kept.hashes(number), kept.hashes(other))
                if similarity >= threshold:
                    parent[_root(parent, number)] = _root(parent, other)
                    links.append((other, number, similarity))
        for hash_ in rarest:
            if len(index[hash_]) < MOST_IN_LIST:
                index[hash_].append(number)
        if progress and number % 256 == 0:
            progress((len(texts) + number) * total // (2 * len(texts)), total)
    if progress:
        progress(total, total)
    return links


class _Kept:
    """Hashes of texts, made in batches and kept while there is room: all of them would be four times the texts."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts
        self._kept: OrderedDict[int, Hashes] = OrderedDict()
        self._size = 0
        self._next = 0

    def hashes(self, number: int) -> Hashes:
        known = self._kept.get(number)
        if known is not None:
            self._kept.move_to_end(number)
            return known
        # the first time they are asked for one after the other
        stop = number + 1
        if number == self._next:
            length = len(self._texts[number])
            while stop < len(self._texts) and stop - number < 64 and length < _BATCH:
                length += len(self._texts[stop])
                stop += 1
            self._next = stop
        for offset, hashes in enumerate(_hashes_of(self._texts[number:stop])):
            self._kept[number + offset] = hashes
            self._size += hashes.size
        known = self._kept[number]
        while self._size > _MOST_KEPT and len(self._kept) > stop - number:
            self._size -= self._kept.popitem(last=False)[1].size
        return known
