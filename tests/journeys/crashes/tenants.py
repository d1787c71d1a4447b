"""A tenant, and what it, its page or staff can do: each through the service behind the API."""

import copy
import dataclasses
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Self

from billing.engine.models import EngineInvoice, EngineSubscription
from billing.enums import InvoiceStatus, Proration, Provider, RefundReason
from billing.models import Invoice, Price, Subscription
from billing.selectors import subscriptions
from billing.services import (
    by_hand,
    changes,
    payment_methods,
    recovery,
    refunds,
    subscribe,
)
from billing.services.quotes import Wanted
from billing.types import CardDetails, Cause
from orgs.models import Organization
from tests.journeys.crashes.stage import LARGE, SMALL, Stage

CAUSE = Cause("request", id="crash")
BROKE = "51"
_PANS = ("4788250000121443", "5454545454545454")
_CARD = CardDetails(expiry="1235", name="Joe Cardholder", postal="19355")


@dataclasses.dataclass
class Tenant:
    """One organization with its card."""

    stage: Stage
    provider: Provider = Provider.CARDCONNECT
    organization: Organization = dataclasses.field(init=False)
    token: str = ""
    key: str = "the-first-key"

    @classmethod
    def back_in(cls, stage: Stage, name: str, as_it_was: Self) -> Self:
        """Return to a moment that the stage has kept, with the tenant as it was then."""
        stage.go_back(name)
        organization = Organization.objects.get(pk=as_it_was.organization.pk)
        tenant = copy.copy(as_it_was)
        tenant.organization = organization
        return tenant

    def __post_init__(self) -> None:
        """Register."""
        self.organization = Organization.objects.create(
            name="Bistro", slug=f"bistro-{uuid.uuid4().hex[:12]}", email="pay@bistro.example"
        )
        self.new_card()

    # --- What it has ------------------------------------------------------------------------------

    @property
    def live(self) -> Subscription | None:
        """Return what runs."""
        return subscriptions.live(self.organization)

    @property
    def books(self) -> EngineSubscription:
        """Return the subscription in the engine's books."""
        return EngineSubscription.objects.get(organization=self.organization)

    def unpaid(self) -> Invoice | None:
        """Return the latest invoice that is to be paid."""
        rows = Invoice.objects.for_org(self.organization).filter(status=InvoiceStatus.OPEN)
        return rows.order_by("-issued_at").first()

    def payment(self) -> str:
        """Return the latest payment."""
        rows = EngineInvoice.objects.filter(
            organization=self.organization, status=InvoiceStatus.PAID
        )
        return rows.exclude(attempt=None).order_by("-issued_at")[0].payment_id

    def new_card(self) -> None:
        """Have another good card at hand."""
        if self.provider is Provider.CARDCONNECT:
            pan = _PANS[bool(self.token)]
            self.token = self.stage.gateway.tokenize(pan, expiry="1235", cvv="112", unique=True)

    def turn_card(self, code: str) -> None:
        """Let the card be declined, or as before."""
        self.stage.gateway.turn_card(self.token, code)

    # --- What it does -----------------------------------------------------------------------------

    def start(self, key: str = "") -> None:
        """Start a subscription."""
        subscribe.start_subscription(
            request=subscribe.StartRequest(
                price=price_of(SMALL),
                payment_method=self.token,
                card=_CARD if self.token else None,
                provider=self.provider,
                request_key=key or self.key,
            ),
            **self.who(),
        )

    def start_anew(self) -> None:
        """Come again to the page, which makes another key."""
        self.start(str(uuid.uuid4()))

    def use_card(self) -> None:
        """Give the card that is at hand; what is overdue is charged to it at once."""
        chosen = payment_methods.attach_payment_method(
            payment_method=self.token,
            card=_CARD,
            provider=self.provider,
            set_default=True,
            **self.who(),
        )
        if chosen.refusal is not None:
            raise chosen.refusal

    def pay_overdue(self) -> None:
        """Pay what is overdue with the card that is known."""
        recovery.pay_overdue(**self.who())

    def upgrade(self) -> None:
        """Change to the larger plan, the difference charged now."""
        wanted = Wanted(price=price_of(LARGE), proration=Proration.INVOICE)
        changes.change_subscription(wanted=wanted, **self.who())

    def refund(self, key: str = "the-first-refund", amount_minor: int | None = None) -> None:
        """Have staff give back the latest payment, or some of it."""
        request = refunds.RefundRequest(
            provider=self.provider,
            external_payment_id=self.payment(),
            reason=RefundReason.REQUESTED_BY_CUSTOMER,
            amount_minor=amount_minor,
            request_key=key,
        )
        refunds.refund(request=request, **self.who())

    def refund_a_part(self) -> None:
        """Have staff give back a part."""
        self.refund("a-part", 700)

    def refund_another_part(self) -> None:
        """Have somebody else of staff give back another part."""
        self.refund("another-part", 1500)

    def mark_paid(self) -> None:
        """Have staff note that a transfer has come for what is open."""
        invoice = self.unpaid()
        if invoice is None:
            return
        payment = by_hand.SeenPayment(
            invoice.amount_remaining_minor, "WIRE-1", self.stage.now.date()
        )
        by_hand.mark_paid(
            invoice=invoice, payment=payment, entered_by=None, cause=CAUSE, now=self.stage.now
        )

    def who(self) -> dict[str, Any]:
        return {"organization": self.organization, "cause": CAUSE, "now": self.stage.now}

    # --- How it comes that far --------------------------------------------------------------------

    def subscribed(self) -> None:
        """Have a subscription that runs."""
        self.start()
        assert self.live is not None

    def due(self) -> None:
        """Have a period that has ended a moment ago."""
        self.subscribed()
        self.stage.move_to(self.books.current_period_end)

    def overdue(self) -> None:
        """Have a renewal that was declined."""
        self.due()
        self.turn_card(BROKE)
        self.stage.work("billing.run_renewals")
        self.stage.move(timedelta(minutes=5))

    def recovered(self) -> None:
        """Have a renewal that was declined, and the card in order again."""
        self.overdue()
        self.turn_card("")

    def retried(self) -> None:
        """Have the card in order again, and the policy's next try due."""
        self.recovered()
        at = self.books.next_action_at
        assert at is not None
        self.stage.move_to(at)

    def with_other_card(self) -> None:
        """Have a renewal that was declined, and another card at hand."""
        self.overdue()
        self.new_card()

    def settled(self) -> None:
        """Have a payment that can't be voided any more."""
        self.subscribed()
        self.stage.move(timedelta(hours=1))
        self.stage.gateway.close_batches()

    def billed(self) -> None:
        """Have a further invoice to be paid by transfer."""
        self.due()
        self.stage.work("billing.run_renewals")


Act = Callable[[Tenant], None]


def price_of(of: tuple[str, int]) -> Price:
    """Return a price of the catalogue by the month."""
    return Price.objects.select_related("plan_version__plan").get(
        plan_version__plan__code=of[0], interval="month"
    )
