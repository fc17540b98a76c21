"""The path of the win rate over the examples seen, as a drawing and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reviews.stats.gate_path import Path

# a drawing of this size in units of its own; strokes don't scale
WIDTH, HEIGHT = 1000, 240
ROWS = 12


@dataclass(frozen=True)
class PathRow:
    examples: int
    win_rate: float
    low: float
    high: float


@dataclass(frozen=True)
class PathPlot:
    """`band`, `line`: points of a polygon and a polyline. `bar_y`: of the bar. `rows`: some moments, last first."""

    band: str
    line: str
    bar_y: float
    last_x: float
    last_y: float
    most: int
    rows: list[PathRow]
    width: int = WIDTH
    height: int = HEIGHT


def path_plot(path: Path | None, *, planned: int, bar: float) -> PathPlot | None:
    """None under two moments: a point is no path."""
    if path is None or len(path.examples) < 2:
        return None
    most = max(planned, path.examples[-1])

    def points(values: Sequence[float]) -> list[str]:
        return [
            f"{WIDTH * seen / most:.1f} {HEIGHT * (1 - value):.1f}"
            for seen, value in zip(path.examples, values, strict=True)
        ]

    step = max(1, len(path.examples) // ROWS)
    moments = list(zip(path.examples, path.win_rate, path.low, path.high, strict=True))
    line = points(path.win_rate)
    last_x, last_y = line[-1].split()
    return PathPlot(
        band=" ".join([*points(path.high), *reversed(points(path.low))]),
        line=" ".join(line),
        bar_y=HEIGHT * (1 - bar),
        last_x=float(last_x),
        last_y=float(last_y),
        most=most,
        rows=[PathRow(*moment) for moment in moments[::-1][::step]],
    )
