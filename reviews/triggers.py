"""Triggers that keep N votes N, count them and keep plans and judges frozen, on both databases.

See models_registry/triggers.py for how they are installed, and when a migration has to do it again.
"""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from models_registry.triggers import install, uninstall
from reviews.models import Choice, EvaluationPlan

# the whole judgement stands among the revisions
KEPT = (
    "EXISTS (SELECT 1 FROM reviews_voterevision r WHERE r.assignment_id = OLD.assignment_id "
    "AND r.number = OLD.number AND r.choice = OLD.choice AND r.strength = OLD.strength "
    "AND r.reasons = OLD.reasons AND r.comment = OLD.comment AND r.cast_at = OLD.cast_at)"
)
CLOSED = (
    "EXISTS (SELECT 1 FROM reviews_assignment a JOIN reviews_evaluation e ON e.id = a.evaluation_id "
    "WHERE a.id = OLD.assignment_id AND e.closed_at IS NOT NULL)"
)

SETTLED_BEFORE = (
    "EXISTS (SELECT 1 FROM reviews_adjudicationrevision r WHERE r.comparison_id = OLD.comparison_id "
    "AND r.number = OLD.number AND r.choice = OLD.choice AND r.comment = OLD.comment AND r.blind = OLD.blind "
    "AND r.candidate_on_left = OLD.candidate_on_left AND r.settled_by_id = OLD.settled_by_id "
    "AND r.settled_at = OLD.settled_at)"
)

EXTENSION = {"extended_to", "extended_at", "extended_by_id", "extended_because"}
PLANNED = " OR ".join(
    f"NEW.{field.column} IS DISTINCT FROM OLD.{field.column}"
    for field in EvaluationPlan._meta.concrete_fields
    if field.column not in EXTENSION
)

TRIGGERS: dict[str, tuple[str, str, str, str]] = {
    "assignment_within_n": (
        "reviews_assignment",
        "INSERT",
        "NEW.slot >= (SELECT e.votes_per_comparison FROM reviews_evaluation e WHERE e.id = NEW.evaluation_id) "
        "OR NEW.evaluation_id <> (SELECT c.evaluation_id FROM reviews_comparison c WHERE c.id = NEW.comparison_id)",
        "a comparison gets no more votes than its evaluation asks for",
    ),
    "assignment_side_is_kept": (
        "reviews_assignment",
        "UPDATE",
        "NEW.candidate_on_left <> OLD.candidate_on_left OR NEW.slot <> OLD.slot "
        "OR NEW.comparison_id <> OLD.comparison_id OR NEW.evaluation_id <> OLD.evaluation_id "
        "OR (OLD.voted AND NEW.reviewer_id IS DISTINCT FROM OLD.reviewer_id) "
        # a vote that was taken back is gone before its turn is open again
        "OR (OLD.voted AND NOT NEW.voted AND EXISTS (SELECT 1 FROM reviews_vote v WHERE v.assignment_id = OLD.id))",
        "the side order of an assignment, and the reviewer who voted on it, never change",
    ),
    "vote_number_is_new": (
        "reviews_vote",
        "INSERT",
        "EXISTS (SELECT 1 FROM reviews_voterevision r WHERE r.assignment_id = NEW.assignment_id "
        "AND r.number >= NEW.number)",
        "a vote on a turn whose vote was taken back has the next number",
    ),
    "vote_is_kept": (
        "reviews_vote",
        "UPDATE",
        f"NEW.assignment_id <> OLD.assignment_id OR NEW.number <> OLD.number + 1 OR NOT {KEPT} OR {CLOSED}",
        "a vote changes only while voting is open, and what it said before is kept",
    ),
    "vote_stays": (
        "reviews_vote",
        "DELETE",
        f"NOT {KEPT} OR {CLOSED}",
        "a vote is taken back only while voting is open, and what it said is kept",
    ),
    "vote_revision_is_kept": ("reviews_voterevision", "UPDATE", "1 = 1", "what a vote said never changes"),
    "vote_revision_stays": ("reviews_voterevision", "DELETE", "1 = 1", "what a vote said is never deleted"),
    "votes_are_fixed_when_voting_opens": (
        "reviews_evaluation",
        "UPDATE",
        "OLD.opened_at IS NOT NULL AND (NEW.votes_per_comparison <> OLD.votes_per_comparison "
        "OR NEW.seed <> OLD.seed OR NEW.candidate_id <> OLD.candidate_id OR NEW.baseline_id <> OLD.baseline_id "
        "OR NEW.golden_set_version_id <> OLD.golden_set_version_id "
        "OR NEW.asks_strength <> OLD.asks_strength OR NEW.reasons <> OLD.reasons "
        "OR NEW.reason_rule <> OLD.reason_rule OR NEW.comment_rule <> OLD.comment_rule "
        "OR NEW.attempt <> OLD.attempt)",
        "what an evaluation compares is fixed when voting opens",
    ),
    "plan_is_frozen": (
        "reviews_evaluationplan",
        "UPDATE",
        f"OLD.frozen_at IS NOT NULL AND ({PLANNED} OR (OLD.extended_to IS NOT NULL AND "
        "(NEW.extended_to IS NULL OR NEW.extended_to < OLD.extended_to)))",
        "a plan never changes once voting is open; close the evaluation and start a new attempt",
    ),
    "plan_stays": (
        "reviews_evaluationplan",
        "DELETE",
        "OLD.frozen_at IS NOT NULL",
        "a plan that votes were cast under is kept",
    ),
}

# apart from the others: they are of tables of later migrations
SETTLING: dict[str, tuple[str, str, str, str]] = {
    "adjudication_is_kept": (
        "reviews_adjudication",
        "UPDATE",
        f"NEW.comparison_id <> OLD.comparison_id OR NEW.number <> OLD.number + 1 OR NOT {SETTLED_BEFORE}",
        "what an adjudication said before it changes is kept",
    ),
    "adjudication_stays": ("reviews_adjudication", "DELETE", "1 = 1", "an adjudication is never deleted"),
    "adjudication_revision_is_kept": (
        "reviews_adjudicationrevision",
        "UPDATE",
        "1 = 1",
        "what an adjudication said never changes",
    ),
    "adjudication_revision_stays": (
        "reviews_adjudicationrevision",
        "DELETE",
        "1 = 1",
        "what an adjudication said is never deleted",
    ),
}

JUDGING: dict[str, tuple[str, str, str, str]] = {
    "judge_is_frozen": (
        "reviews_judge",
        "UPDATE",
        "(NEW.evaluation_id <> OLD.evaluation_id OR NEW.model_version_id <> OLD.model_version_id "
        "OR NEW.template <> OLD.template OR NEW.template_sha256 <> OLD.template_sha256) "
        "AND EXISTS (SELECT 1 FROM reviews_judgeverdict v WHERE v.judge_id = OLD.id)",
        "a judge with verdicts never changes; start another one",
    ),
    "judge_verdict_is_kept": (
        "reviews_judgeverdict",
        "UPDATE",
        "NEW.judge_id <> OLD.judge_id OR NEW.comparison_id <> OLD.comparison_id "
        "OR NEW.candidate_first <> OLD.candidate_first OR (OLD.choice <> '' AND (NEW.choice <> OLD.choice "
        "OR NEW.rationale <> OLD.rationale OR NEW.response_id <> OLD.response_id))",
        "a verdict that was read never changes; start another judge",
    ),
}

# Comparison's columns, and the choice each counts
COUNTED = {
    "wins": Choice.CANDIDATE,
    "losses": Choice.BASELINE,
    "ties": Choice.TIE,
    "both_bad": Choice.BOTH_BAD,
}


def _counted(*rows: tuple[str, str]) -> str:
    """The columns of Comparison after `+ NEW` or `- OLD`."""
    return ", ".join(
        f"{column} = {column}"
        + "".join(f" {sign} (CASE WHEN {row}.choice = '{choice}' THEN 1 ELSE 0 END)" for sign, row in rows)
        for column, choice in COUNTED.items()
    )


# name: (event, the row that names the turn, what it sets)
COUNTING = {
    "vote_is_counted": ("INSERT", "NEW", _counted(("+", "NEW"))),
    "vote_is_counted_anew": ("UPDATE OF choice", "NEW", _counted(("-", "OLD"), ("+", "NEW"))),
    "vote_is_no_longer_counted": ("DELETE", "OLD", _counted(("-", "OLD"))),
}


def install_counting(connection: BaseDatabaseWrapper) -> None:
    """Each vote moves the counts of its comparison in the same transaction, whoever stores it."""
    with connection.cursor() as cursor:
        for name, (event, row, columns) in COUNTING.items():
            statement = (
                f"UPDATE reviews_comparison SET {columns} WHERE id = "  # noqa: S608 - constants of this module
                f"(SELECT a.comparison_id FROM reviews_assignment a WHERE a.id = {row}.assignment_id);"
            )
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(f"CREATE TRIGGER {name} AFTER {event} ON reviews_vote BEGIN {statement} END")
                continue
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {statement} RETURN NULL; END $$"
            )
            cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON reviews_vote")
            cursor.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON reviews_vote FOR EACH ROW EXECUTE FUNCTION {name}()"
            )


def uninstall_counting(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for name in COUNTING:
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON reviews_vote")
                cursor.execute(f"DROP FUNCTION IF EXISTS {name}()")


def forwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, TRIGGERS)
    install_counting(schema_editor.connection)


def backwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall_counting(schema_editor.connection)
    uninstall(schema_editor.connection, TRIGGERS)


def forwards_judging(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, JUDGING)


def backwards_judging(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall(schema_editor.connection, JUDGING)


def forwards_settling(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, SETTLING)


def backwards_settling(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall(schema_editor.connection, SETTLING)
