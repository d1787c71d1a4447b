"""Keep on the organization what it may do, since when, and which line of the timeline says why."""

from django.db import migrations, models

# As exact as the past allows; the next change writes reason, moment and line as well.
BACKFILL = """
UPDATE orgs_organization SET
    access_level = CASE plan_status
        WHEN 'ACTIVE' THEN 'full' WHEN 'PAST_DUE' THEN 'grace'
        WHEN 'SUSPENDED' THEN 'restricted' ELSE 'none' END,
    access_reason = CASE plan_status
        WHEN 'ACTIVE' THEN 'active' WHEN 'PAST_DUE' THEN 'payment_overdue'
        WHEN 'SUSPENDED' THEN 'unpaid' WHEN 'CANCELED' THEN 'ended' ELSE 'no_subscription' END;
"""


class Migration(migrations.Migration):
    dependencies = [("orgs", "0003_invitation")]

    operations = [
        migrations.AddField(
            "organization",
            "access_level",
            models.CharField(
                default="none", help_text="full, grace, restricted or none.", max_length=10
            ),
        ),
        migrations.AddField(
            "organization",
            "access_reason",
            models.CharField(
                default="no_subscription",
                help_text="Code of the reason for this access.",
                max_length=50,
            ),
        ),
        migrations.AddField(
            "organization",
            "access_since",
            models.DateTimeField(
                blank=True, help_text="When it became so; empty if it never changed.", null=True
            ),
        ),
        migrations.AddField(
            "organization",
            "access_event_id",
            models.UUIDField(
                blank=True, help_text="Id of the line of the timeline that says why.", null=True
            ),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
