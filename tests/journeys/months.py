"""One organization on the virtual clock of a simulated Stripe of its own."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management import call_command

from billing.enums import Interval, Provider
from billing.models import (
    BillingEvent,
    Invoice,
    Plan,
    PlanFeature,
    PlanVersion,
    Price,
    Subscription,
)
from billing.selectors import access, subscriptions
from billing.services import dispatch, grace, inbox
from billing.types import Cause, VerifiedWebhook
from notifications.models import Message
from orgs.models import Organization
from tests.simulators.stripe.client import StripeSimulator

DAY = timedelta(days=1)
CAUSE = Cause("request", id="journey")


def sell(code: str, month_minor: int, *, users: int, trial_days: int = 0, rank: int = 0) -> Plan:
    """A plan by the month and, for ten times as much, by the year."""
    plan = Plan.objects.create(code=code, name=code.title(), grace_days=7, rank=rank)
    version = PlanVersion.objects.create(plan=plan, version=1)
    for interval, amount in ((Interval.MONTH, month_minor), (Interval.YEAR, 10 * month_minor)):
        Price.objects.create(
            plan_version=version,
            interval=interval,
            currency="USD",
            amount_minor=amount,
            trial_days=trial_days if interval == Interval.MONTH else 0,
        )
    PlanFeature.objects.create(plan_version=version, key="users", kind="limit", limit=users)
    PlanVersion.objects.filter(pk=version.pk).update(published_at=datetime(2026, 1, 1, tzinfo=UTC))
    return plan


class Months:
    """What happens to one organization, day by day; `news` tells what it noticed."""

    def __init__(self, stripe: StripeSimulator, organization: Organization) -> None:
        self.stripe, self.organization = stripe, organization
        self.heard = stripe.events_so_far()
        self.told_sequence, self.told_mails = 0, 0
        call_command("push_catalogue", verbosity=0)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.stripe.now(), UTC)

    @property
    def subscription(self) -> Subscription:
        found = subscriptions.current(self.organization)
        assert found is not None
        return found

    @property
    def access(self) -> str:
        self.organization.refresh_from_db()
        given = access.access_of(subscriptions.current(self.organization), self.now)
        # What a person reads now and what was written down when it changed are the same.
        assert given.level == self.organization.access_level
        return f"{given.level.value}:{given.reason_code}"

    def listen(self) -> None:
        """Take in what the provider has to tell, and let the sweeps look."""
        for event in self.stripe.events(since=self.heard):
            self.heard += 1
            inbox.receive_event(
                provider=Provider.STRIPE,
                account=None,
                webhook=VerifiedWebhook(event["id"], event["type"], json.dumps(event)),
                trace_id="",
            )
        dispatch.drain_inbox(now=self.now)
        grace.end_grace(now=self.now)

    def until(self, moment: datetime, *, step: timedelta = 4 * DAY) -> None:
        """Let time pass, step by step."""
        while (now := self.now) < moment:
            self.stripe.advance(max(1, int(min(step, moment - now).total_seconds())))
            self.listen()

    def past_period_end(self, *, step: timedelta = 4 * DAY) -> None:
        """Let time pass until a little after the current period, when its invoice is final."""
        end = self.subscription.current_period_end
        assert end is not None
        self.until(end + timedelta(hours=3), step=step)

    def news(self) -> list[str]:
        """Tell what the timeline and the mailbox say since the last time, each in order."""
        events = BillingEvent.objects.for_org(self.organization).filter(
            sequence__gt=self.told_sequence
        )
        lines = []
        for event in events.order_by("sequence"):
            self.told_sequence += 1
            assert event.sequence == self.told_sequence
            assert event.cause["kind"] in ("request", "webhook", "sweep")
            lines.append(event.type.removeprefix("billing."))
        mails = Message.objects.filter(organization=self.organization).order_by("created_at")
        for mail in mails[self.told_mails :]:
            self.told_mails += 1
            lines.append(f"mail {mail.kind}")
        return lines

    def invoices(self) -> list[tuple[str, int, int]]:
        """Every invoice in order: status, total, paid."""
        rows = Invoice.objects.for_org(self.organization).order_by("issued_at", "number")
        return [(row.status, row.total_minor, row.amount_paid_minor) for row in rows]

    def provider_total(self) -> int:
        """What the provider really took, less what it gave back."""
        rows: list[dict[str, Any]] = self.stripe.objects("charge")
        mine = [row for row in rows if row["customer"] == self.subscription.customer.external_id]
        return sum(
            row["amount_captured"] - row["amount_refunded"]
            for row in mine
            if row["status"] == "succeeded"
        )
