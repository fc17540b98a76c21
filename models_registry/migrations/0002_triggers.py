from django.db import migrations

from models_registry.triggers import backwards, forwards


class Migration(migrations.Migration):
    dependencies = [("models_registry", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
