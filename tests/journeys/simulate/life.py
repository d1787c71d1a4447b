"""The life of one tenant: it wakes up now and then, looks at how things stand, and does something.

What it sees is what the product shows it. What it must not do is the product's to refuse.
"""

from datetime import datetime, timedelta

from billing.enums import InvoiceStatus, Provider, SubscriptionStatus
from billing.models import Invoice, Subscription
from orgs.models import Organization
from tests.journeys.simulate.diary import Diary
from tests.journeys.simulate.purse import Purse
from tests.journeys.simulate.steps import Steps
from tests.journeys.simulate.tenants import Character
from tests.journeys.simulate.world import World

_OVERDUE = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
# Stripe's renewals are drafts for an hour: what happens in it is not stated anywhere.
_AFTER_A_RENEWAL = timedelta(hours=2)
_YEAR = 12


class Tenant:
    """An organization, its character, its purse and its diary."""

    def __init__(self, world: World, character: Character) -> None:
        self.world, self.character = world, character
        self.chance = character.chance
        self.diary = Diary(character.number, character.provider.value)
        self.organization = Organization.objects.create(
            name=f"Tenant {character.number}",
            slug=f"tenant-{character.number}",
            email=f"tenant{character.number}@example.com",
        )
        purse = Purse(world, character.provider, self.chance)
        self.purse = purse
        self.steps = Steps(world, self.organization, self.diary, purse)
        self.wakes_at = character.first_start()
        self.is_quiet_until: datetime = self.wakes_at
        self._patience: dict[str, timedelta] = {}
        self._mends_at: datetime | None = None
        self._waits_until: datetime | None = None

    @property
    def now(self) -> datetime:
        """Return the time."""
        return self.world.now

    def wake(self) -> None:
        """Do something, and sleep again."""
        sleeps = self.character.later(8, 50)
        if self.character.provider is Provider.CUSTOM:
            sleeps = self.character.later(5, 20)
            self._pay()
        row = self.steps.live
        if row is None:
            sleeps = self._come(sleeps)
        elif row.status in _OVERDUE:
            sleeps = self._mend(sleeps)
        elif row.status == SubscriptionStatus.PAUSED:
            self.steps.resume()
        elif self._is_too_early(row):
            sleeps = _AFTER_A_RENEWAL
        elif self.purse.is_bad and self._likely(0.7):
            sleeps = self.character.later(3, 9)  # until the mail about it comes
        else:
            sleeps = self._do(row, sleeps)
        self.wakes_at = self.now + max(sleeps, timedelta(minutes=30))

    def _come(self, sleeps: timedelta) -> timedelta:
        """Start, or start again."""
        chosen = self.character
        done = self.steps.start(chosen.plan(), chosen.rhythm(), chosen.seats(), chosen.coupon())
        self._mends_at = None
        return sleeps if done else self.character.later(0.5, 2.5)

    def _mend(self, sleeps: timedelta) -> timedelta:
        """Bring the card in order, some days after it was declined."""
        if self.character.provider is Provider.CUSTOM:
            return sleeps
        if self._mends_at is None:
            self._mends_at = self.now + self.character.later(0.2, 12)
        if self.now < self._mends_at:
            return self._mends_at - self.now
        self._mends_at = None
        if self.character.provider is Provider.CARDCONNECT and self._likely(0.3):
            self.purse.get_well()
            return self.character.later(2, 8)
        if not self.steps.use_card(self.purse.new_card()):
            self.purse.is_bad = True
            return self.character.later(0.5, 2.5)
        return sleeps

    def _is_too_early(self, row: Subscription) -> bool:
        start, end = row.current_period_start, row.current_period_end
        if start is None or end is None:
            return True
        return self.now - start < _AFTER_A_RENEWAL or end <= self.now

    # --- Wishes -----------------------------------------------------------------------------------

    def _do(self, row: Subscription, sleeps: timedelta) -> timedelta:
        if not row.auto_renew:
            if self._likely(0.4):
                self.steps.keep()
        elif row.pending_change:
            if self._likely(0.3):
                self.steps.withdraw()
        else:
            return self._follow_wish(row, sleeps)
        return sleeps

    def _follow_wish(self, row: Subscription, sleeps: timedelta) -> timedelta:
        wish = self.character.wish()
        if wish in ("seats", "plan", "rhythm", "later"):
            self._change(row, wish)
        elif wish in ("end_later", "end_now"):
            self.steps.cancel(later=wish == "end_later")
        elif wish == "pause" and self._may_pause(row) and self.steps.pause():
            return self.character.later(1, 70)
        elif wish == "bad_card":
            self._lose_card()
        elif wish == "refund":
            self._ask_for_refund()
        return sleeps

    def _likely(self, share: float) -> bool:
        return self.chance.random() < share

    def _change(self, row: Subscription, wish: str) -> None:
        if self.now < self.is_quiet_until:
            return
        plan = months = seats = None
        later = wish == "later"
        kind = self.chance.choice(("seats", "plan", "rhythm")) if later else wish
        if kind == "seats":
            seats = self.chance.choice([each for each in range(1, 6) if each != row.seats])
        elif kind == "plan":
            mine = row.price.plan_version.plan.code
            plan = self.chance.choice([each for each in self.character.plans() if each != mine])
        else:
            months = 1 if row.price.interval == "year" else _YEAR
        proration = self.character.proration()
        done = self.steps.change(
            plan=plan or "",
            months=months or 0,
            seats=seats or 0,
            proration="" if later else proration,
            later=later,
        )
        if done and proration == "next_invoice" and not later:
            self._waits_until = row.current_period_end

    def _may_pause(self, row: Subscription) -> bool:
        """Not while something waits for an invoice, which a pause would waive; nor in a trial."""
        if row.status != SubscriptionStatus.ACTIVE or row.current_period_end is None:
            return False
        if self._waits_until is not None and self.now < self._waits_until:
            return False
        # What a change costs in a period that is not charged is each provider's own rule.
        self.is_quiet_until = self.now + timedelta(
            days=120 if row.price.interval == "month" else 800
        )
        return True

    def _lose_card(self) -> None:
        if self.purse.is_bad or self.character.provider is Provider.CUSTOM:
            return
        if self.character.provider is Provider.STRIPE:
            card = self.purse.failing_card()
            self.purse.is_bad = self.steps.use_card(card)
        elif self.purse.token:
            self.purse.go_bad()

    def _ask_for_refund(self) -> None:
        paid = Invoice.objects.for_org(self.organization).filter(
            status=InvoiceStatus.PAID,
            amount_paid_minor__gt=0,
            refunded_minor=0,
            paid_at__lt=self.now - timedelta(days=3),
        )
        invoice = paid.exclude(external_payment_id="").order_by("-paid_at").first()
        if invoice is None or self.character.provider is Provider.CUSTOM:
            return
        part = self.chance.randint(1, invoice.amount_paid_minor)
        self.steps.refund(invoice, self.chance.choice((invoice.amount_paid_minor, part)))

    # --- Paying by hand ---------------------------------------------------------------------------

    def _pay(self) -> None:
        """Pay the oldest bill some time after it came: all of it, or first a part."""
        for invoice in self.steps.open_invoices()[:1]:
            waits = self._patience.setdefault(invoice.external_id, self.character.later(1, 50))
            if self.now < invoice.issued_at + waits:
                continue
            rest = invoice.amount_remaining_minor
            part = self.chance.randint(1, rest)
            self.steps.pay_by_hand(invoice, self.chance.choice((rest, rest, part)))


def is_awake(tenant: Tenant, now: datetime) -> bool:
    """Say whether a tenant is to do something by now."""
    return tenant.wakes_at <= now
