from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("engine", "0004_next_try"),
    ]

    operations = [
        migrations.RenameField(
            model_name="taxentry",
            old_name="seller",
            new_name="organization",
        ),
    ]
