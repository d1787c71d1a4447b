from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("engine", "0005_tax_rates_of_a_seller"),
    ]

    operations = [
        migrations.AlterField(
            model_name="engineinvoice",
            name="billing_reason",
            field=models.CharField(
                choices=[
                    ("subscription_create", "Start"),
                    ("subscription_cycle", "Renewal"),
                    ("subscription_update", "Change"),
                    ("subscription_end", "End"),
                    ("manual", "By hand"),
                ],
                max_length=30,
            ),
        ),
    ]
