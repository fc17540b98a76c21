"""What an evaluation is to decide and how, frozen and hashed before the first vote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from math import isfinite
from typing import Any, Final, Self

import numpy as np

from reviews.stats.choices import Bools, Floats, Ints
from reviews.stats.sequence import DEFAULT_VARIANCE, Bets, bets
from reviews.stats.traffic import importance, moved_variance

VERSION: Final = 1
#: Under so many examples no verdict is given, and nothing is said of an intent under so many of its own.
LEAST_EXAMPLES: Final = 50
LEAST_OF_AN_INTENT: Final = 20


@dataclass(frozen=True)
class PlannedIntent:
    """One primary intent: its examples in the plan, its share of the traffic, and whether it must not get worse."""

    name: str
    examples: int
    weight: float
    guarded: bool


@dataclass(frozen=True)
class Limits:
    """What the candidate may not exceed, each None where there is no limit.

    latency_p95: seconds. cost: of one response, in the currency of the prices. failure_rate: a fraction of 1.
    """

    latency_p95: float | None = None
    cost: float | None = None
    failure_rate: float | None = None


@dataclass(frozen=True)
class GatePlan:
    """The frozen plan. Made by `gate_plan` or `from_json`, which check it.

    votes: R per example. bar: tau, the win rate to exceed. margin: Delta; a guarded intent must be above 1/2 - Delta.
    alpha_peek: error of the anytime-valid interval; alpha_final: of the one fixed interval at exactly K examples; both
    of the two sides together. variance: expected of example scores. intents: by name; their examples add up to K.
    """

    votes: int
    bar: float
    margin: float
    alpha_peek: float
    alpha_final: float
    variance: float
    intents: tuple[PlannedIntent, ...]
    limits: Limits

    @property
    def examples(self) -> int:
        """K, the planned number of examples."""
        return sum(intent.examples for intent in self.intents)

    @property
    def weights(self) -> Floats:
        """Traffic shares, shape (G,), in the order of `intents`, summing to 1."""
        raw: Floats = np.array([intent.weight for intent in self.intents])
        return np.divide(raw, raw.sum())

    @property
    def sizes(self) -> Ints:
        """Planned examples of each intent, shape (G,)."""
        return np.array([intent.examples for intent in self.intents], dtype=np.int64)

    @property
    def guarded(self) -> Bools:
        """bool, shape (G,)."""
        return np.array([intent.guarded for intent in self.intents], dtype=np.bool_)

    @property
    def floor(self) -> float:
        """1/2 - Delta: what a guarded intent's win rate must be above."""
        return 0.5 - self.margin

    @property
    def ratios(self) -> Floats:
        """r_g = w_g/q_g, shape (G,)."""
        return importance(self.weights, self.sizes)

    @property
    def moved_bar(self) -> float:
        """The bar on the scale of the moved scores z: 1/2 + (tau - 1/2)/B."""
        return 0.5 + (self.bar - 0.5) / float(self.ratios.max())

    def bets(self) -> Bets:
        """The bets on the traffic-weighted win rate."""
        return bets(self.examples, self.alpha_peek, moved_variance(self.variance, self.ratios, self.sizes))

    def intent_bets(self) -> list[Bets]:
        """The bets on each intent's win rate."""
        return [bets(intent.examples, self.alpha_peek, self.variance) for intent in self.intents]

    def canonical_json(self) -> str:
        """One line that two equal plans share, whatever order their intents were given in."""
        content = {"version": VERSION, **asdict(self)}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @property
    def sha256(self) -> str:
        """Of the canonical JSON in UTF-8, as 64 hexadecimal digits."""
        return sha256(self.canonical_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `canonical_json` wrote. Raises ValueError where it is none, or out of range."""
        try:
            content: dict[str, Any] = json.loads(text)
            version = content.pop("version")
            intents = [PlannedIntent(**intent) for intent in content.pop("intents")]
            limits = Limits(**content.pop("limits"))
            if version != VERSION:
                raise ValueError(f"this plan is of version {version}; this program reads version {VERSION}")
            return cls(
                intents=_checked_intents(intents), limits=_checked_limits(limits), **_checked(**content)
            )
        except (TypeError, KeyError, AttributeError) as wrong:
            raise ValueError(f"this is no gate plan: {wrong}; give what canonical_json wrote") from wrong


def gate_plan(
    intents: Sequence[PlannedIntent],
    *,
    votes: int = 1,
    bar: float = 0.5,
    margin: float = 0.1,
    alpha_peek: float = 0.01,
    alpha_final: float = 0.04,
    variance: float = DEFAULT_VARIANCE,
    limits: Limits | None = None,
) -> GatePlan:
    """A checked plan; see `GatePlan` for what its parts are.

    With the defaults a model that is no better is promoted with probability alpha_peek/2 + alpha_final/2 = 2.5 % at
    most, however often anyone looks.
    Raises ValueError, naming the fix, where a part is out of range.
    Source: Haybittle 1971 (Br J Radiol 44:793-797); Peto et al. 1976 (Br J Cancer 34:585-612), here with an
    e-process for the looks before the last.
    """
    return GatePlan(
        intents=_checked_intents(intents),
        limits=_checked_limits(limits or Limits()),
        **_checked(
            votes=votes,
            bar=bar,
            margin=margin,
            alpha_peek=alpha_peek,
            alpha_final=alpha_final,
            variance=variance,
        ),
    )


def own_shares(sizes: dict[str, int], guarded: Sequence[str] = ()) -> list[PlannedIntent]:
    """Intents weighted by the golden set's own shares: names with their examples, and which are guarded."""
    total = sum(sizes.values())
    unknown = set(guarded) - set(sizes)
    if unknown:
        raise ValueError(
            f"guarded names {sorted(unknown)}, which have no examples; guard intents of the golden set"
        )
    return [PlannedIntent(name, size, size / total, name in guarded) for name, size in sizes.items()]


def _checked(
    *, votes: int, bar: float, margin: float, alpha_peek: float, alpha_final: float, variance: float
) -> dict[str, Any]:
    if votes != int(votes) or votes < 1:
        raise ValueError(f"votes is {votes}; give the number of votes per example, 1 or more")
    for name, value, low, high in (
        ("bar", bar, 0.0, 1.0),
        ("margin", margin, 0.0, 0.5),
        ("alpha_peek", alpha_peek, 0.0, 0.5),
        ("alpha_final", alpha_final, 0.0, 0.5),
    ):
        if not low < value < high:
            raise ValueError(f"{name} is {value}; give a fraction of 1 above {low:g} and below {high:g}")
    if not 0 < variance <= 0.25:
        raise ValueError(f"variance is {variance}; scores between 0 and 1 have one above 0, at most 0.25")
    # 1 and 1.0 are one number and must have one hash
    return {
        "votes": int(votes),
        "bar": float(bar),
        "margin": float(margin),
        "alpha_peek": float(alpha_peek),
        "alpha_final": float(alpha_final),
        "variance": float(variance),
    }


def _checked_intents(intents: Sequence[PlannedIntent]) -> tuple[PlannedIntent, ...]:
    if not intents:
        raise ValueError("the plan has no intent; give one for all examples where they have no tags")
    if len({intent.name for intent in intents}) < len(intents):
        raise ValueError("an intent is in the plan twice; give each name once")
    for intent in intents:
        if intent.examples < 1:
            raise ValueError(
                f"intent {intent.name!r} has no example; leave it out of the plan, or add examples"
            )
        if not (isfinite(intent.weight) and intent.weight > 0):
            raise ValueError(
                f"intent {intent.name!r} has weight {intent.weight}; give its traffic share, above 0"
            )
    total = sum(intent.weight for intent in intents)
    if abs(total - 1) > 1e-6:
        raise ValueError(f"the weights sum to {total:g}; divide each by that, so that they sum to 1")
    return tuple(
        PlannedIntent(str(i.name), int(i.examples), float(i.weight), bool(i.guarded))
        for i in sorted(intents, key=lambda intent: intent.name)
    )


def _checked_limits(limits: Limits) -> Limits:
    given = asdict(limits)
    for name, limit in given.items():
        if limit is not None and not (isfinite(limit) and limit >= 0):
            raise ValueError(f"limit {name} is {limit}; give a number that is not negative, or none")
    if limits.failure_rate is not None and limits.failure_rate > 1:
        raise ValueError("limit failure_rate is a fraction of 1, such as 0.02 for two in a hundred")
    return Limits(**{name: None if limit is None else float(limit) for name, limit in given.items()})
