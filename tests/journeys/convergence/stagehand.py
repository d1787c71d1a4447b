"""What a tenant, its payer and the provider's staff do in an event set, one call each."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.enums import Effective, Interval
from billing.models import Customer, PaymentMethod, Price, Subscription
from billing.services import (
    changes,
    endings,
    payment_methods,
    quotes,
    recovery,
    remove_method,
    subscribe,
)
from billing.services.quotes import Wanted
from tests.journeys.convergence.recording import CAUSE, Recorder
from tests.simulators.stripe.client import StripeSimulator

if TYPE_CHECKING:
    from orgs.models import Organization

GOOD, OTHER = "pm_card_visa", "pm_card_mastercard"
REFUSED, ASKING = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"

_START = r"/v1/subscriptions$"
_CHANGE = r"/v1/(subscriptions|subscription_schedules)/\w+$"
_PAY = r"/v1/invoices/\w+/pay$"

Scenario = Callable[["Stagehand"], None]


def price_of(code: str, interval: str = Interval.MONTH) -> Price:
    """Return a price with its plan."""
    rows = Price.objects.select_related("plan_version__plan")
    return rows.get(plan_version__plan__code=code, interval=interval)


class Stagehand:
    """Does one thing after the other, and has it recorded."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.organization: Organization = recorder.stage.organization

    # --- The tenant --------------------------------------------------------------------------

    def start(self, code: str, card: str, **more: Any) -> None:
        """Start a subscription."""

        def run(now: datetime) -> None:
            wanted = subscribe.StartRequest(price=price_of(code), payment_method=card, **more)
            subscribe.start_subscription(
                organization=self.organization, request=wanted, cause=CAUSE, now=now
            )

        self.recorder.request(f"start {code} with {card}", run, money=_START)

    def change(
        self, code: str = "", *, interval: str = Interval.MONTH, money: str = _CHANGE, **more: Any
    ) -> None:
        """Change the subscription for exactly what was quoted."""

        def run(now: datetime) -> None:
            price = price_of(code, interval) if code else None
            wanted = Wanted(price=price, **more)
            quote = quotes.make_quote(organization=self.organization, wanted=wanted, now=now)
            changes.change_subscription(
                organization=self.organization,
                wanted=wanted,
                quote_id=quote.pk,
                cause=CAUSE,
                now=now,
            )

        words = ", ".join(f"{name} {value}" for name, value in more.items())
        self.recorder.request(f"change to {code or 'the same plan'} {words}", run, money=money)

    def withdraw(self) -> None:
        """Withdraw the change that is pending."""
        self._ending("withdraw the change", endings.withdraw_change, money="")

    def cancel(self, mode: Effective) -> None:
        """End the subscription."""
        self._ending(f"cancel {mode}", endings.cancel_subscription, mode=mode, reason="unused")

    def pause(self) -> None:
        """Pause it."""
        self._ending("pause", endings.pause_subscription)

    def resume(self) -> None:
        """End a pause, or keep what was to end."""
        self._ending("resume", endings.resume_subscription)

    def _ending(
        self, name: str, service: Callable[..., object], *, money: str = _CHANGE, **more: Any
    ) -> None:
        def run(now: datetime) -> None:
            service(organization=self.organization, cause=CAUSE, now=now, **more)

        self.recorder.request(name, run, money=money)

    def use_card(self, card: str, *, set_default: bool = True) -> None:
        """Give another card; what is overdue is charged to it at once."""

        def run(now: datetime) -> None:
            payment_methods.attach_payment_method(
                organization=self.organization,
                payment_method=card,
                set_default=set_default,
                cause=CAUSE,
                now=now,
            )

        # Were a renewal to fail meanwhile, this very request would try to pay it.
        self.recorder.request(f"use {card}", run, money=_PAY, is_brief=True)

    def pay_overdue(self) -> None:
        """Pay what is overdue with the default card."""

        def run(now: datetime) -> None:
            recovery.pay_overdue(organization=self.organization, cause=CAUSE, now=now)

        # Nothing gets in between: that it was this very try that failed, only its answer says.
        self.recorder.request("pay what is overdue", run, is_brief=True)

    def remove_card(self, brand: str) -> None:
        """Remove a card."""

        def run(now: datetime) -> None:
            method = self._method(brand)
            remove_method.remove_payment_method(method=method, cause=CAUSE, now=now)

        self.recorder.request(f"remove the {brand}", run)

    def make_default(self, brand: str) -> None:
        """Have everything charged to one of the cards."""

        def run(now: datetime) -> None:
            payment_methods.make_default(
                organization=self.organization, method=self._method(brand), cause=CAUSE, now=now
            )

        self.recorder.request(f"make the {brand} the default", run)

    def _method(self, brand: str) -> PaymentMethod:
        return PaymentMethod.objects.filter(
            organization=self.organization, brand=brand, detached_at=None
        ).get()

    def settled(self) -> None:
        """Say that what was done so far is only how it came to what this event set is about."""
        self.recorder.prologue_ends()

    # --- Time, the payer, and others ---------------------------------------------------------

    def days(self, number: float, *, step: timedelta = timedelta(days=2)) -> None:
        """Let days pass."""
        stage = self.recorder.stage
        self.recorder.wait(stage.now + timedelta(days=number), step=step)

    def past_period_end(self) -> None:
        """Let time pass until the current period is over: its end, and when the invoice is due."""
        end = self._raw_subscription()["items"]["data"][0]["current_period_end"]
        for second in (end - 60, end + 1, end + 3_700):
            moment = datetime.fromtimestamp(second, self.recorder.stage.now.tzinfo)
            self.recorder.wait(moment, step=timedelta(days=20))

    def outside(self, run: Callable[[StripeSimulator], object]) -> None:
        """Let somebody else do something at the provider."""
        self.recorder.outside(run)

    def post(self, path: str, data: dict[str, Any] | None = None) -> None:
        """Let somebody change something in the provider's dashboard."""

        def run(stripe: StripeSimulator) -> None:
            answer = stripe.api("POST", path, data)
            assert answer.status_code in (200, 402), answer.text

        self.recorder.outside(run)

    def confirm(self, outcome: str) -> None:
        """Let the card's holder answer the bank: pass or fail."""
        intent = self.newest("payment_intent")
        form = {"client_secret": intent["client_secret"], "outcome": outcome}
        # The holder sees the bank's page only with the secret that our answer brings.
        self.recorder.outside(
            lambda stripe: stripe.http.post(f"/3ds/{intent['id']}", data=form), needs_answer=True
        )

    def newest(self, kind: str) -> dict[str, Any]:
        """Return the newest object of a kind that is this payer's."""
        mine = Customer.objects.get(organization=self.organization).external_id
        found = self.recorder.stage.stripe.objects(kind)
        row: dict[str, Any] = [row for row in found if row["customer"] == mine][-1]
        return row

    def newest_dispute(self) -> str:
        """Return the id of the newest dispute; it names no payer."""
        found: str = self.recorder.stage.stripe.objects("dispute")[-1]["id"]
        return found

    def outside_settings(self, **settings: Any) -> None:
        """Change how the provider is set up; nothing is told about it."""
        self.recorder.stage.stripe.control("POST", "settings", settings)

    def attach_there(self, card: str) -> None:
        """Let the payer give a card in the provider's portal, and make it the default."""
        payer = Customer.objects.get(organization=self.organization).external_id

        def run(stripe: StripeSimulator) -> None:
            path = f"/v1/payment_methods/{card}/attach"
            method = stripe.api("POST", path, {"customer": payer}).json()["id"]
            chosen = {"invoice_settings[default_payment_method]": method}
            stripe.api("POST", f"/v1/customers/{payer}", chosen)
            chosen = {"default_payment_method": method}
            stripe.api("POST", f"/v1/subscriptions/{self.external_id}", chosen)

        self.recorder.outside(run)

    def see(self, status: str) -> None:
        """Make sure that it came to what the event set is about."""
        found = self._raw_subscription()["status"]
        assert found == status, f"{self.recorder.tape.name}: {found} instead of {status}"

    def item(self) -> str:
        """Return the provider's id of what the subscription sells."""
        found: str = self._raw_subscription()["items"]["data"][0]["id"]
        return found

    @property
    def external_id(self) -> str:
        """Return the provider's id of the newest subscription."""
        rows = Subscription.objects.filter(organization=self.organization)
        return rows.order_by("-created_at")[0].external_id

    def _raw_subscription(self) -> dict[str, Any]:
        stripe = self.recorder.stage.stripe
        found: dict[str, Any] = stripe.api("GET", f"/v1/subscriptions/{self.external_id}").json()
        return found
