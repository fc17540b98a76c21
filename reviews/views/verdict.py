"""The verdict as the top of a dashboard shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from django.utils.functional import Promise

from reviews.queries.gate import Gated
from reviews.queries.gate_words import LIMITS, NAMES, Said, reasons, sentence, shown_limit
from reviews.queries.plans import seconds_per_vote


@dataclass(frozen=True)
class ShownReason:
    said: Said
    url: str


@dataclass(frozen=True)
class ShownLimit:
    name: str | Promise
    measured: str
    limit: str
    holds: bool


@dataclass(frozen=True)
class ShownVerdict:
    """`code`: promote, hold, reject or inconclusive; `reasons`: why, each with the comparisons behind it."""

    code: str
    name: str | Promise
    sentence: str
    reasons: list[ShownReason]
    limits: list[ShownLimit]
    gated: Gated

    @property
    def peek_level(self) -> float:
        return 1 - self.gated.plan.alpha_peek

    @property
    def final_level(self) -> float:
        return 1 - self.gated.plan.alpha_final

    @property
    def is_futile(self) -> bool:
        futility = self.gated.gate.futility
        return futility is not None and futility.advised and self.code == "hold"


def verdict(gated: Gated, *, behind: str, closed: bool) -> ShownVerdict:
    measured = asdict(gated.measured)
    return ShownVerdict(
        code=gated.gate.verdict.name.lower(),
        name=NAMES[gated.gate.verdict],
        sentence=sentence(gated, closed=closed),
        reasons=[
            ShownReason(said, f"{behind}?{urlencode({'intent': said.intent})}" if said.intent else "")
            for said in reasons(gated, seconds_per_vote()[0], closed=closed)
        ],
        limits=[
            ShownLimit(
                LIMITS[name],
                shown_limit(name, measured[name]),
                shown_limit(name, limit),
                measured[name] is not None and measured[name] <= limit,
            )
            for name, limit in asdict(gated.plan.limits).items()
            if limit is not None
        ],
        gated=gated,
    )
