"""Keep on a checkout what its coupon takes off, so that the page can show it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_invoices")]

    operations = [
        migrations.AddField(
            model_name="checkoutsession",
            name="discount",
            field=models.JSONField(
                blank=True, help_text="What the coupon takes off the chosen price.", null=True
            ),
        ),
    ]
