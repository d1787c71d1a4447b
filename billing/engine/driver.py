"""The contract that all drivers keep, kept by the engine: a gateway only adds its rail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, NoReturn

from billing.drivers.base import (
    DriverRejected,
    ObjectMissing,
    PaymentDriver,
    SecretMissing,
)
from billing.drivers.no_terminals import NoTerminals
from billing.engine import catalog, paying_parties, snapshots, starting
from billing.engine.driver_changes import Changing
from billing.engine.driver_invoices import Invoicing
from billing.engine.driver_listing import Listing
from billing.engine.house import House
from billing.engine.rails import Rail
from billing.types import (
    BillingDetails,
    CardDetails,
    CardElement,
    CheckoutSnapshot,
    CheckoutSpec,
    CouponSpec,
    CustomerSpec,
    DiscountOffer,
    ExternalPriceRef,
    NormalizedEvent,
    PayerSnapshot,
    PaymentIntentResult,
    PriceSpec,
    SetupResult,
    Subject,
    SubscriptionSnapshot,
    SubscriptionSpec,
    VerifiedWebhook,
)


class EngineDriver(Changing, Invoicing, Listing, NoTerminals, PaymentDriver):
    """A provider of our own. Its subclasses say who they are, and who moves the money."""

    days_until_due: ClassVar[int] = 0

    def rail(self) -> Rail | None:
        """Return who moves the money; None: invoices are sent, and paid by their payers."""
        raise NotImplementedError

    def house(self) -> House:
        """Return whose rows these are, with the rail."""
        return House(self.name, self.rail(), self.days_until_due)

    # --- Payers -----------------------------------------------------------------------------------

    def create_customer(self, spec: CustomerSpec, *, idempotency_key: str) -> str:
        """Create a payer, once for each id of ours."""
        del idempotency_key
        return paying_parties.create(self.house(), spec)

    def find_customer(self, spec: CustomerSpec) -> str | None:
        """Look for the payer that carries our id."""
        return paying_parties.find(self.house(), spec)

    def update_customer(
        self,
        external_id: str,
        *,
        email: str,
        name: str,
        idempotency_key: str,
        details: BillingDetails | None = None,
    ) -> None:
        """Take over where bills go and to whom."""
        del idempotency_key
        paying_parties.update(self.house(), external_id, email=email, name=name, details=details)

    def retrieve_payer(self, external_id: str) -> PayerSnapshot:
        """Ask for a payer with everything it can pay with."""
        return paying_parties.retrieve(self.house(), external_id)

    def attach_payment_method(
        self,
        payment_method: str,
        *,
        external_customer_id: str,
        idempotency_key: str,
        card: CardDetails | None = None,
    ) -> str:
        """Give a payer a card; return our name of it."""
        return paying_parties.attach(
            self.house(),
            payment_method,
            payer=external_customer_id,
            card=card,
            key=idempotency_key,
        )

    def card_element(self) -> CardElement:
        """Refuse: who takes cards says where they are entered."""
        return _refuse("no_card_element")

    def create_setup_intent(
        self, external_customer_id: str, *, idempotency_key: str
    ) -> SetupResult:
        """Prepare for a payer's browser to enter a card: our own pages need no more than its name.

        Raises:
            DriverRejected: nobody moves money here.
        """
        house = self.house()
        house.need_rail()
        payer = house.payer(external_customer_id)
        return SetupResult(f"seti_{idempotency_key}"[:255], snapshots.sign(payer.external_id))

    def set_default_payment_method(
        self,
        *,
        external_customer_id: str,
        payment_method: str,
        external_subscription_id: str = "",
        idempotency_key: str,
    ) -> None:
        """Have a payer's invoices charged to a method it has, a subscription's included."""
        del idempotency_key
        paying_parties.set_default(
            self.house(),
            payer=external_customer_id,
            payment_method=payment_method,
            external_subscription_id=external_subscription_id,
        )

    def detach_payment_method(self, external_id: str, *, idempotency_key: str) -> None:
        """Forget a card, for good."""
        del idempotency_key
        paying_parties.detach(self.house(), external_id)

    def create_portal_session(
        self, external_customer_id: str, *, return_url: str, idempotency_key: str
    ) -> str:
        """Refuse: our own pages are the portal."""
        del external_customer_id, return_url, idempotency_key
        return _refuse("no_portal")

    # --- Subscriptions ----------------------------------------------------------------------------

    def create_subscription(
        self, spec: SubscriptionSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Start a subscription. A declined card is a snapshot whose latest payment failed."""
        return starting.create(self.house(), spec, idempotency_key)

    def retrieve_subscription(self, external_id: str) -> SubscriptionSnapshot:
        """Ask for a subscription as it is now, once what is undecided of it was asked about."""
        house = self.house()
        return house.decided(house.subscription(external_id))

    def find_subscription(
        self, *, our_id: str, external_customer_id: str
    ) -> SubscriptionSnapshot | None:
        """Look for the subscription that carries our id."""
        return starting.find(self.house(), our_id, external_customer_id)

    def abandon_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Give up a start that was not paid."""
        del idempotency_key
        return starting.abandon(self.house(), external_id)

    def client_secret(self, external_subscription_id: str) -> str:
        """Return what the payer's browser shows to finish the open payment; empty if nothing."""
        latest = self.house().answer(external_subscription_id).latest_payment
        return latest.client_secret if latest else ""

    # --- Catalogue --------------------------------------------------------------------------------

    def ensure_price(self, spec: PriceSpec) -> ExternalPriceRef:
        """Find our price by its lookup key, or create it."""
        return catalog.ensure_price(self.house(), spec)

    def ensure_coupon(self, spec: CouponSpec, *, idempotency_key: str) -> str:
        """Find our coupon by its code, or create it."""
        del idempotency_key
        return catalog.ensure_coupon(self.house(), spec)

    def find_discount(self, code: str) -> DiscountOffer | None:
        """Find nothing: every coupon is one of ours."""
        del code
        return None

    # --- What the engine has none of --------------------------------------------------------------

    def create_checkout_session(
        self, spec: CheckoutSpec, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Refuse: our own page is the checkout."""
        del spec, idempotency_key
        return _refuse("no_hosted_checkout")

    def retrieve_checkout_session(self, external_id: str) -> CheckoutSnapshot:
        """Find nothing."""
        raise ObjectMissing("INVALID_REQUEST", detail=f"no_hosted_checkout {external_id}"[:100])

    def expire_checkout_session(
        self, external_id: str, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Find nothing."""
        del idempotency_key
        return self.retrieve_checkout_session(external_id)

    def create_payment_intent(
        self,
        *,
        amount_minor: int,
        currency: str,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> PaymentIntentResult:
        """Refuse: what is paid here is an invoice."""
        del amount_minor, currency, metadata, idempotency_key
        return _refuse("no_one_off_payments")

    def capture_payment(self, external_id: str, *, idempotency_key: str) -> PaymentIntentResult:
        """Refuse: what is charged is taken at once."""
        del external_id, idempotency_key
        return _refuse("no_one_off_payments")

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], *, secret: str
    ) -> VerifiedWebhook:
        """Believe nobody: our own rows tell what happened."""
        del body, headers, secret
        raise SecretMissing

    def normalize_webhook(self, payload: Mapping[str, Any]) -> NormalizedEvent:
        """Say that an event, which nobody sends, is about nothing of ours."""
        return NormalizedEvent(
            provider=self.name,
            external_id=str(payload.get("id", "")),
            type="billing.event.ignored",
            provider_type=str(payload.get("type", "")),
            occurred_at=datetime.fromtimestamp(0).astimezone(),
            subject=None,
        )

    def copy_to_mirror(self, subject: Subject) -> bool:
        """Copy nothing: our own tables are the truth."""
        del subject
        return False


def _refuse(detail: str) -> NoReturn:
    raise DriverRejected("INVALID_REQUEST", detail=detail)
