from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0018_one_comparison_at_a_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='subscription',
            name='reminded_for',
            field=models.DateTimeField(blank=True, editable=False, help_text='The end of the period before which its payer was told of the renewal.', null=True),
        ),
    ]
