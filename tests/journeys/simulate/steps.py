"""What a tenant, or staff for it, can do: each goes through the service that the API calls."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from billing.enums import Effective, InvoiceStatus, Proration, Provider, RefundReason
from billing.models import Invoice, Subscription
from billing.selectors import subscriptions
from billing.services import (
    by_hand,
    changes,
    endings,
    payment_methods,
    refunds,
    subscribe,
)
from billing.services.quotes import Wanted
from billing.types import Cause
from orgs.errors import DomainError
from orgs.models import Organization
from tests.journeys.simulate import catalogue
from tests.journeys.simulate.diary import Diary, Did, Entry
from tests.journeys.simulate.purse import Purse
from tests.journeys.simulate.world import World

CAUSE = Cause("request", id="simulate")

_T = TypeVar("_T")


class Steps:
    """One organization's, each written into its diary once it was done."""

    def __init__(
        self, world: World, organization: Organization, diary: Diary, purse: Purse
    ) -> None:
        self.world, self.organization = world, organization
        self.diary, self.purse = diary, purse
        self.provider = Provider(diary.provider)

    @property
    def now(self) -> datetime:
        """Return the time."""
        return self.world.now

    @property
    def live(self) -> Subscription | None:
        """Return what runs."""
        return subscriptions.live(self.organization)

    def start(self, plan: str, months: int, seats: int, coupon: str) -> bool:
        """Start a subscription with a card that is good."""
        price = catalogue.price_of(plan, months)
        done = self._try(
            lambda: subscribe.start_subscription(
                organization=self.organization,
                request=subscribe.StartRequest(
                    price=price,
                    payment_method=self.purse.new_card(),
                    card=self.purse.details,
                    seats=seats,
                    provider=self.provider,
                    coupon=coupon,
                ),
                cause=CAUSE,
                now=self.now,
            )
        )
        row = self.live
        if done is None or row is None:
            return False
        self._note(
            Did.START,
            price=row,
            trial_days=row.trial_days,
            coupon=coupon,
        )
        return True

    def change(
        self, *, plan: str = "", months: int = 0, seats: int = 0, proration: str = "", later: bool
    ) -> bool:
        """Change plan, rhythm or seats, now or with the next period."""
        row = self._running()
        mine = catalogue.offer_of(row.price)
        price = catalogue.price_of(plan or mine.plan, months or mine.months)
        wanted = Wanted(
            price=price,
            seats=seats or row.seats,
            effective=Effective.PERIOD_END if later else Effective.NOW,
            proration=None if later else Proration(proration),
        )
        done = self._try(
            lambda: changes.change_subscription(
                organization=self.organization, wanted=wanted, cause=CAUSE, now=self.now
            )
        )
        if done is None:
            return False
        self.diary.note(
            Entry(
                self.now,
                Did.SCHEDULE if later else Did.CHANGE,
                offer=catalogue.offer_of(price),
                seats=wanted.seats or 0,
                proration=proration,
            )
        )
        return True

    def withdraw(self) -> bool:
        """Withdraw what waits for the next period."""
        return self._plainly(Did.UNSCHEDULE, lambda: endings.withdraw_change(**self._who()))

    def pause(self) -> bool:
        """Pause until somebody resumes."""
        return self._plainly(Did.PAUSE, lambda: endings.pause_subscription(**self._who()))

    def resume(self) -> bool:
        """End a pause."""
        return self._plainly(Did.RESUME, lambda: endings.resume_subscription(**self._who()))

    def keep(self) -> bool:
        """Take an end back."""
        return self._plainly(Did.KEEP, lambda: endings.resume_subscription(**self._who()))

    def cancel(self, *, later: bool) -> bool:
        """End it, now or with the period."""
        mode = Effective.PERIOD_END if later else Effective.NOW
        return self._plainly(
            Did.CANCEL_LATER if later else Did.CANCEL,
            lambda: endings.cancel_subscription(mode=mode, reason="too_expensive", **self._who()),
        )

    def use_card(self, card: str) -> bool:
        """Have everything charged to another card; what is overdue at once."""
        done = self._try(
            lambda: payment_methods.attach_payment_method(
                payment_method=card,
                card=self.purse.details,
                provider=self.provider,
                set_default=True,
                **self._who(),
            )
        )
        return done is not None

    def refund(self, invoice: Invoice, amount_minor: int) -> bool:
        """Have staff give back some of an invoice."""
        request = refunds.RefundRequest(
            provider=invoice.provider,
            external_payment_id=invoice.external_payment_id,
            reason=RefundReason.REQUESTED_BY_CUSTOMER,
            amount_minor=amount_minor,
        )
        if self._try(lambda: refunds.refund(request=request, **self._who())) is None:
            return False
        self.diary.note(Entry(self.now, Did.REFUND, amount_minor=amount_minor))
        return True

    def pay_by_hand(self, invoice: Invoice, amount_minor: int) -> bool:
        """Have staff note money that has arrived."""
        payment = by_hand.SeenPayment(
            amount_minor,
            reference=f"WIRE-{self.diary.number}-{int(self.now.timestamp())}",
            received_on=self.now.date(),
        )
        done = self._try(
            lambda: by_hand.mark_paid(
                invoice=invoice, payment=payment, entered_by=None, cause=CAUSE, now=self.now
            )
        )
        if done is None:
            return False
        self.diary.note(Entry(self.now, Did.PAY_BY_HAND, amount_minor=amount_minor))
        return True

    def open_invoices(self) -> list[Invoice]:
        """Return what is to be paid, the oldest first."""
        rows = Invoice.objects.for_org(self.organization).filter(status=InvoiceStatus.OPEN)
        return list(rows.select_related("subscription").order_by("issued_at", "number"))

    # --- How they are done ------------------------------------------------------------------------

    def _running(self) -> Subscription:
        row = self.live
        if row is None:
            raise LookupError(f"tenant {self.diary.number} has nothing that runs")
        return row

    def _who(self) -> dict[str, Any]:
        return {"organization": self.organization, "cause": CAUSE, "now": self.now}

    def _try(self, act: Callable[[], _T]) -> _T | None:
        """Do something; None if it was refused, which is counted by its reason."""
        try:
            return act()
        except DomainError as error:
            self.world.counts[f"refused:{error.code}"] += 1
            return None

    def _plainly(self, did: Did, act: Callable[[], object]) -> bool:
        if self._try(act) is None:
            return False
        self.diary.note(Entry(self.now, did))
        return True

    def _note(self, did: Did, *, price: Subscription, trial_days: int, coupon: str) -> None:
        self.diary.note(
            Entry(
                self.now,
                did,
                offer=catalogue.offer_of(price.price),
                seats=price.seats,
                trial_days=trial_days,
                coupon=catalogue.COUPONS.get(coupon),
            )
        )
