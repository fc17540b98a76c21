"""A golden set file into a spool of good rows, everything that is wrong with it, and its preflight report."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO

from models_registry.golden_files import Limits, Opened, Problem, Row, open_golden_set
from models_registry.golden_files.reading import MOST_PROBLEMS
from models_registry.golden_files.row import shorten
from models_registry.importing.spool import Spool
from models_registry.preflight import Options, Quick, Report, replaced_row, slow

EVERY = 200  # rows between two calls of `progress`
LINES_SHOWN = 20
NO_ROWS = Problem(1, "the file holds no rows", "write one row a line; see the example on the upload page")

Progress = Callable[[], None]


@dataclass(frozen=True)
class Checked:
    """What a file holds. `errors` are the first of them, `more_errors` counts those left out.

    `report` is of the good rows, None where there are none; `sha256` is theirs as a golden set version.
    """

    format: str
    rows: int = 0
    bad_rows: int = 0
    errors: tuple[Problem, ...] = ()
    more_errors: int = 0
    warnings: tuple[str, ...] = ()
    report: Report | None = None
    sha256: str = ""

    @property
    def error_count(self) -> int:
        return len(self.errors) + self.more_errors

    @property
    def preflight(self) -> dict[str, Any] | None:
        return self.report.as_json() if self.report else None

    @property
    def bad_lines(self) -> list[int]:
        return sorted({problem.line for problem in self.errors})

    def version_warnings(self, replaced: Collection[str] = ()) -> list[str]:
        """What the version's page keeps saying about the file it came from, and what was `replaced` in it."""
        said = list(self.warnings)
        if replaced:
            said.append(f"Personal data was replaced by placeholders: {', '.join(replaced)}.")
        if not self.bad_rows:
            return said
        shown = ", ".join(str(line) for line in self.bad_lines[:LINES_SHOWN])
        more = ", …" if self.bad_rows > LINES_SHOWN else ""
        unit = self.errors[0].unit if self.errors else "line"
        rows = "1 bad row was" if self.bad_rows == 1 else f"{self.bad_rows:,} bad rows were"
        return [
            *said,
            f"{rows} skipped: {unit if self.bad_rows == 1 else f'{unit}s'} {shown}{more}.",
        ]


def check_file(
    stream: BinaryIO,
    filename: str,
    spool: Spool,
    *,
    columns: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    options: Options | None = None,
    replaced: Collection[str] = (),
    reports: bool = True,
    progress: Progress = lambda: None,
) -> Checked:
    """Read a file to its end; its good rows go into the spool. The report is the quick one.

    columns   of a CSV, as for open_golden_set
    replaced  kinds of personal data that get placeholders before anything else sees them
    reports   False where there is a report of these rows already
    progress  called every so often; what it raises ends the reading

    With `columns`, what is wrong is told by the file's own names. Any bytes give a Checked. Raises OSError where
    the stream does, ValueError for an option without sense.
    """
    opened = open_golden_set(stream, filename, columns=columns, limits=limits)
    quick = Quick(options)
    errors: list[Problem] = []
    more_errors = 0
    bad_lines: set[int] = set()
    for number, item in enumerate(_with_placeholders(opened, replaced)):
        if number % EVERY == 0:
            progress()
        if isinstance(item, Row):
            spool.add(item)
            if reports:
                quick.add(item)
        elif item.whole_file:
            return Checked(opened.format, 0, len(bad_lines), (item, *errors), more_errors)
        else:
            bad_lines.add(item.line)
            if len(errors) < MOST_PROBLEMS:
                errors.append(_in_their_words(item, columns or {}))
            else:
                more_errors += 1
    if not len(spool):
        return Checked(opened.format, 0, len(bad_lines), tuple(errors) or (NO_ROWS,), more_errors)
    return Checked(
        format=opened.format,
        rows=len(spool),
        bad_rows=len(bad_lines),
        errors=tuple(errors),
        more_errors=more_errors,
        warnings=opened.warnings,
        report=quick.report() if reports else None,
        sha256=spool.sha256(),
    )


def scan(checked: Checked, spool: Spool, progress: Callable[[int, int], None] | None = None) -> Checked:
    """The same with the slow scans done too: personal data, tokens, languages, near-duplicates."""
    if checked.report is None:
        return checked
    return replace(checked, report=slow(checked.report, spool.rows(), progress))


def _in_their_words(problem: Problem, columns: Mapping[str, str]) -> Problem:
    message = problem.message
    for ours, theirs in columns.items():
        message = message.replace(f'"{ours}"', f'"{shorten(theirs)}"')
    return replace(problem, message=message)


def problems_as_json(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    return [asdict(problem) for problem in problems]


def _with_placeholders(opened: Opened, kinds: Collection[str]) -> Iterator[Row | Problem]:
    if not kinds:
        return opened.rows
    return (replaced_row(item, kinds) if isinstance(item, Row) else item for item in opened.rows)
