from collections import defaultdict
from itertools import batched

from django.db import migrations, models

import reviews.models.assignment

UNTAGGED = "untagged"


def fill(apps, schema_editor):
    """Tickets, languages, intents and tallies of turns that were dealt before there were any."""
    Assignment = apps.get_model("reviews", "Assignment")
    ReviewerTally = apps.get_model("reviews", "ReviewerTally")
    ExampleTag = apps.get_model("models_registry", "ExampleTag")
    intents = dict(ExampleTag.objects.filter(position=0).values_list("example_id", "name"))
    tallies = defaultdict(lambda: [0, 0])
    turns = Assignment.objects.select_related("comparison__example").order_by("pk")
    for some in batched(turns.iterator(chunk_size=1000), 1000):
        for turn in some:
            turn.ticket = reviews.models.assignment.new_ticket()
            turn.lang = turn.comparison.example.lang.partition("-")[0].lower()[:8]
            turn.intent = intents.get(turn.comparison.example_id, UNTAGGED)
            if turn.voted:
                tally = tallies[turn.evaluation_id, turn.reviewer_id, turn.intent]
                tally[0] += 1
                tally[1] += turn.candidate_on_left
        Assignment.objects.bulk_update(some, ["ticket", "lang", "intent"], batch_size=500)
    ReviewerTally.objects.bulk_create(
        ReviewerTally(
            evaluation_id=evaluation, reviewer_id=reviewer, intent=intent, votes=votes, candidate_left=left
        )
        for (evaluation, reviewer, intent), (votes, left) in tallies.items()
    )


class Migration(migrations.Migration):
    dependencies = [
        ("reviews", "0004_voting"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="assignment",
            name="ticket",
            field=models.CharField(
                default=reviews.models.assignment.new_ticket, editable=False, max_length=16, unique=True
            ),
        ),
    ]
