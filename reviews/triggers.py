"""Triggers that keep N votes N, on both databases. See models_registry/triggers.py for how they are installed."""

from __future__ import annotations

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from models_registry.triggers import install, uninstall

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
        "OR (OLD.voted AND (NOT NEW.voted OR NEW.reviewer_id IS DISTINCT FROM OLD.reviewer_id))",
        "the side order of an assignment, and the reviewer who voted on it, never change",
    ),
    "vote_is_kept": ("reviews_vote", "UPDATE", "1 = 1", "a vote never changes"),
    "vote_stays": ("reviews_vote", "DELETE", "1 = 1", "a vote is never deleted"),
    "votes_are_fixed_when_voting_opens": (
        "reviews_evaluation",
        "UPDATE",
        "OLD.opened_at IS NOT NULL AND (NEW.votes_per_comparison <> OLD.votes_per_comparison "
        "OR NEW.seed <> OLD.seed OR NEW.candidate_id <> OLD.candidate_id OR NEW.baseline_id <> OLD.baseline_id "
        "OR NEW.golden_set_version_id <> OLD.golden_set_version_id)",
        "what an evaluation compares is fixed when voting opens",
    ),
}


def forwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install(schema_editor.connection, TRIGGERS)


def backwards(apps: object, schema_editor: BaseDatabaseSchemaEditor) -> None:
    uninstall(schema_editor.connection, TRIGGERS)
