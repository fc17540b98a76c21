"""What changed between two texts, word by word. Pure: no Django.

Words are compared by difflib's SequenceMatcher (Ratcliff and Obershelp's longest common blocks) with autojunk off.
Its time grows with how often words repeat, so what would take too long is compared by sentences first, then word by
word only within the sentences that differ; and a part that is too long even for that is shown as replaced whole.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from itertools import accumulate, groupby
from typing import Literal

type Kind = Literal["equal", "removed", "added"]

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
SENTENCES = re.compile(r"[^\n.!?…。！？]*(?:[.!?…。！？]+[^\S\n]*\n*|\n+|$)")
A_WORD = re.compile(r"\w")
PUNCTUATION = (".", "!", "?", ",", ";", ":")
# pairs of equal tokens that may be looked at for two texts: about a tenth of a second, whatever they are
MOST_WORK = 600_000
# texts that have less than this in common read better one after the other than interleaved
LEAST_IN_COMMON = 0.25


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text that both have, that only the earlier one has, or that only the later one has."""

    kind: Kind
    text: str

    @property
    def shown(self) -> str:
        """With a sign at line breaks that came or went, which could not be seen otherwise."""
        return self.text if self.kind == "equal" else self.text.replace("\n", "↵\n")


def word_difference(before: str, after: str) -> tuple[Segment, ...]:
    """The segments in reading order. Joined, all but the added ones are `before`, all but the removed ones `after`."""
    if before == after:
        return (Segment("equal", before),) if before else ()
    compared = _Comparison(MOST_WORK).segments(WORDS.findall(before), WORDS.findall(after))
    found = _after_punctuation(list(_joined(_together(compared))))
    in_common = sum(len(segment.text) for segment in found if segment.kind == "equal")
    if in_common < LEAST_IN_COMMON * min(len(before), len(after)):
        return tuple(_replaced(before, after))
    return tuple(found)


class _TooMuchWork(Exception):
    pass


class _Matcher(SequenceMatcher[str]):
    """Gives up where it would look at more pairs of equal tokens than `most`.

    Spaces are junk: they join a match beside them and are no match by themselves.
    """

    def __init__(self, before: Sequence[str], after: Sequence[str], most: int) -> None:
        often = Counter(after)
        work = (1 if token.isspace() else 1 + often[token] for token in before)
        self.until, self.most, self.spent = [0, *accumulate(work)], most, len(after)
        super().__init__(str.isspace, before, after, autojunk=False)

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self.spent += self.until[-1 if ahi is None else ahi] - self.until[alo]
        if self.spent > self.most:
            raise _TooMuchWork
        return super().find_longest_match(alo, ahi, blo, bhi)


class _Comparison:
    """One comparison of two texts, with what is left of the work that it may take."""

    def __init__(self, work: int) -> None:
        self.left = work

    def segments(self, before: Sequence[str], after: Sequence[str]) -> Iterator[Segment]:
        start = _common(before, after)
        end = _common(before[start:][::-1], after[start:][::-1])
        one, other = before[start : len(before) - end], after[start : len(after) - end]
        yield Segment("equal", "".join(before[:start]))
        yield from self._matched(one, other) or self._by_sentences("".join(one), "".join(other))
        yield Segment("equal", "".join(before[len(before) - end :]))

    def _by_sentences(self, before: str, after: str) -> Iterator[Segment]:
        gone = ""
        for segment in self._matched(SENTENCES.findall(before), SENTENCES.findall(after)) or _replaced(
            before, after
        ):
            # what was removed comes first, what stands in its place next
            if segment.kind == "removed":
                gone = segment.text
                continue
            if segment.kind == "added" and gone:
                words = WORDS.findall(gone), WORDS.findall(segment.text)
                yield from self._matched(*words) or _replaced(gone, segment.text)
            else:
                yield from (Segment("removed", gone), segment)
            gone = ""
        yield Segment("removed", gone)

    def _matched(self, before: Sequence[str], after: Sequence[str]) -> list[Segment]:
        """Nothing where it would take more than half of the work that is left."""
        matcher = _Matcher(before, after, self.left // 2)
        try:
            operations = matcher.get_opcodes()
        except _TooMuchWork:
            operations = []
        self.left -= min(matcher.spent, self.left // 2)
        return [
            segment
            for operation, start, end, other_start, other_end in operations
            for segment in (
                [Segment("equal", "".join(before[start:end]))]
                if operation == "equal"
                else _replaced("".join(before[start:end]), "".join(after[other_start:other_end]))
            )
        ]


def _common(before: Sequence[str], after: Sequence[str]) -> int:
    """How many tokens both begin with."""
    number = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        number += 1
    return number


def _replaced(before: str, after: str) -> list[Segment]:
    both = Segment("removed", before), Segment("added", after)
    return [segment for segment in both if segment.text]


def _together(segments: Iterable[Segment]) -> Iterator[Segment]:
    """What is equal in a row as one segment."""
    for kind, run in groupby(segments, key=lambda segment: segment.kind):
        yield Segment(kind, "".join(segment.text for segment in run))


def _joined(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Each change as one removed and one added run, also across what both have by chance between two words."""
    removed = added = ""
    found = [segment for segment in segments if segment.text]
    for number, segment in enumerate(found, start=1):
        if segment.kind == "removed":
            removed += segment.text
        elif segment.kind == "added":
            added += segment.text
        elif removed and added and number < len(found) and _is_chance(segment.text):
            removed += segment.text
            added += segment.text
        else:
            yield from _replaced(removed, added)
            removed = added = ""
            yield segment
    yield from _replaced(removed, added)


def _after_punctuation(segments: list[Segment]) -> list[Segment]:
    """A sentence that came or went with the full stop at its end, rather than with the one before it."""
    found = list(segments)
    for place in range(1, len(found)):
        before, change = found[place - 1], found[place]
        after = found[place + 1].text if place + 1 < len(found) else ""
        mark = change.text[:1]
        if (
            before.kind == "equal" != change.kind
            and (place + 1 == len(found) or found[place + 1].kind == "equal")
            and mark in PUNCTUATION
            and after.startswith(mark)
        ):
            found[place - 1] = Segment("equal", before.text + mark)
            found[place] = Segment(change.kind, change.text[1:] + mark)
            found[place + 1] = Segment("equal", after[1:])
    return [segment for segment in found if segment.text]


def _is_chance(text: str) -> bool:
    return not A_WORD.search(text) and "\n" not in text and len(text) < 4
