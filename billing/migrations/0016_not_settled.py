from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0015_sales_requests'),
    ]

    operations = [
        migrations.AlterField(
            model_name='case',
            name='kind',
            field=models.CharField(choices=[('late_winner', 'A payment arrived although the debt was already settled'), ('other_amount', 'The provider charged another amount than was quoted'), ('dispute', 'A payer disputes a payment'), ('refund_failed', 'The bank sent a refund back'), ('unknown_outcome', "What became of a payment can't be learned"), ('not_settled', 'An approved payment was rejected at settlement')], max_length=20),
        ),
    ]
