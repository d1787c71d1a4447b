"""Say per plan how long access goes on after a payment failed, and since when one is overdue."""

import django.core.validators
from django.db import migrations, models

# When a payment became overdue was not kept until now: the last change is no earlier.
BACKFILL = "UPDATE billing_subscription SET past_due_since = updated_at WHERE status = 'past_due'"


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_used_coupons_are_final")]

    operations = [
        migrations.AddField(
            "plan",
            "grace_days",
            models.PositiveSmallIntegerField(
                default=7,
                help_text="Days of full use after a payment failed, 0 to 60. Also counts for "
                "payments that are overdue now.",
                validators=[django.core.validators.MaxValueValidator(60)],
            ),
        ),
        migrations.AddConstraint(
            "plan",
            models.CheckConstraint(
                condition=models.Q(("grace_days__gte", 0), ("grace_days__lte", 60)),
                name="plan_grace_in_range",
            ),
        ),
        migrations.AddField(
            "subscription",
            "past_due_since",
            models.DateTimeField(
                blank=True,
                help_text="When its payment became overdue: grace counts from here.",
                null=True,
            ),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            "subscription",
            models.Index(
                condition=models.Q(("status", "past_due")),
                fields=["past_due_since"],
                name="subscription_in_grace",
            ),
        ),
    ]
