from django.db import migrations

from reviews.triggers import backwards, forwards


class Migration(migrations.Migration):
    dependencies = [("reviews", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
