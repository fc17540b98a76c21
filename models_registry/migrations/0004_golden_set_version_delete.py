from django.db import migrations

from models_registry.triggers import forwards


class Migration(migrations.Migration):
    """Install the trigger that refuses to delete a sealed version; installing the others again changes nothing."""

    dependencies = [
        ("models_registry", "0003_upload_draft_retirement"),
    ]

    operations = [
        # taken back by 0003, which takes back all triggers
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
