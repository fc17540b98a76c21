"""Triggers that keep N votes N, on both databases. See models_registry/triggers.py for how they are installed."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from models_registry.triggers import install, uninstall

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
        "OR NEW.reason_rule <> OLD.reason_rule OR NEW.comment_rule <> OLD.comment_rule)",
        "what an evaluation compares is fixed when voting opens",
    ),
}


def forwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, TRIGGERS)


def backwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall(schema_editor.connection, TRIGGERS)
