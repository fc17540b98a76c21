from django.db import migrations


class Migration(migrations.Migration):
    """Installed the triggers once; now the last migration that alters their tables does."""

    dependencies = [("reviews", "0001_initial")]
    operations: list[migrations.operations.base.Operation] = []
