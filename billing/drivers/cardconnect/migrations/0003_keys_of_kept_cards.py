from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cardconnect', '0002_polling'),
        ('orgs', '0004_organization_access'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='storedcard',
            name='cardconnect_card_once_per_key',
        ),
        migrations.AddConstraint(
            model_name='storedcard',
            constraint=models.UniqueConstraint(condition=models.Q(('detached_at', None)), fields=('organization', 'idempotency_key'), name='cardconnect_card_once_per_key'),
        ),
    ]
