from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0020_declined_cards'),
    ]

    operations = [
        migrations.AlterField(
            model_name='paymentattempt',
            name='kind',
            field=models.CharField(choices=[('card', 'Card'), ('hosted_checkout', "Provider's checkout page"), ('terminal', 'Terminal'), ('capture', 'Capture of an authorization'), ('manual', 'Marked paid'), ('free', 'Nothing to pay'), ('refund', 'Money back')], max_length=20),
        ),
    ]
