"""A reader at the simulated Stripe, and what its events tell."""

import dataclasses
import json
from typing import Any

from billing.enums import InboxState, Provider
from billing.models import BillingEvent, InboxEvent
from billing.services import inbox
from billing.types import Cause, VerifiedWebhook
from orgs import clock
from orgs.models import Organization
from terminals.models import Terminal, TerminalPayment
from terminals.services import payments, registering
from tests.billing import stripe_terminal_cases
from tests.billing.dispatch_steps import drain
from tests.simulators.stripe.client import StripeSimulator

BASKET = 1500


@dataclasses.dataclass
class Counter:
    """A reader of an organization, and the events that Stripe sent since it was registered."""

    stripe: StripeSimulator
    terminal: Terminal
    seen: int

    def sell(self, **more: Any) -> TerminalPayment:
        """Open a payment and have the reader ask for a card."""
        return self.open(**more).payment

    def open(self, **more: Any) -> payments.Opened:
        request = payments.PaymentRequest(
            **{"terminal_id": self.terminal.pk, "amount_minor": BASKET, **more}
        )
        return payments.open_payment(
            organization=self.terminal.organization,
            request=request,
            cause=Cause("request"),
            now=clock.now(),
        )

    def about(self, payment: TerminalPayment) -> dict[str, Any]:
        return {
            "organization": self.terminal.organization,
            "payment_id": payment.pk,
            "cause": Cause("request"),
            "now": clock.now(),
        }

    def act(self, does: str = "tap", **how: Any) -> None:
        self.stripe.at_reader(self.terminal.external_id, does, **how)

    def told(self, *types: str) -> int:
        """Take in the events since the last call, all or those of some types."""
        found = self.stripe.events(since=self.seen)
        self.seen += len(found)
        for event in found:
            if not types or event["type"] in types:
                webhook = VerifiedWebhook(event["id"], event["type"], json.dumps(event))
                inbox.receive_event(
                    provider=Provider.STRIPE, account=None, webhook=webhook, trace_id=""
                )
        return drain()

    def lines(self) -> list[str]:
        lines = BillingEvent.objects.for_org(self.terminal.organization)
        return list(lines.order_by("sequence").values_list("type", flat=True))


def open_counter(stripe: StripeSimulator, organization: Organization) -> Counter:
    """Register a reader of its own."""
    terminal = registering.register_terminal(
        organization=organization,
        provider=Provider.STRIPE,
        external_id=stripe_terminal_cases.till(stripe).reader,
        now=clock.now(),
    )
    return Counter(stripe, terminal, stripe.events_so_far())


def again(payment: TerminalPayment) -> TerminalPayment:
    return TerminalPayment.objects.get(pk=payment.pk)


def unhandled() -> list[str]:
    rows = InboxEvent.objects.exclude(state=InboxState.DONE)
    return list(rows.values_list("type", flat=True))
