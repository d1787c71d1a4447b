"""Stripe behind the contract that all providers keep."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings

from billing.drivers.base import Capabilities, PaymentDriver
from billing.drivers.stripe import (
    catalog,
    changes,
    checkouts,
    coupons,
    customers,
    mirror,
    normalizer,
    payment_methods,
    payments,
    portal,
    scheduling,
    subscriptions,
    webhooks,
)
from billing.drivers.stripe.invoicing import Invoicing
from billing.drivers.stripe.listings import Listing
from billing.drivers.stripe.terminals import Terminals
from billing.enums import Provider
from billing.types import (
    BillingDetails,
    CardDetails,
    CardElement,
    ChangeSpec,
    CheckoutSnapshot,
    CheckoutSpec,
    CouponSpec,
    CustomerSpec,
    DiscountOffer,
    ExternalPriceRef,
    InvoicePreview,
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


class StripeDriver(Invoicing, Listing, Terminals, PaymentDriver):
    """Stripe, at the pinned API version. Holds no state: settings are read at each call."""

    name: ClassVar[Provider] = Provider.STRIPE
    capabilities: ClassVar[Capabilities] = Capabilities(
        hosted_checkout=True,
        signed_webhooks=True,
        subscriptions=True,
        mirror=True,
        payment_methods=True,
        portal=True,
        listing=True,
        terminals=True,
        reader_sdk=True,
    )

    def create_customer(self, spec: CustomerSpec, *, idempotency_key: str) -> str:
        """Create a payer; return Stripe's id."""
        return customers.create(spec, idempotency_key=idempotency_key)

    def find_customer(self, spec: CustomerSpec) -> str | None:
        """Look for the payer that carries our id, by its e-mail address."""
        return customers.find(spec)

    def update_customer(
        self,
        external_id: str,
        *,
        email: str,
        name: str,
        idempotency_key: str,
        details: BillingDetails | None = None,
    ) -> None:
        """Tell Stripe where bills go and to whom."""
        customers.update(
            external_id, email=email, name=name, details=details, idempotency_key=idempotency_key
        )

    def retrieve_payer(self, external_id: str) -> PayerSnapshot:
        """Ask for a payer with everything it can pay with, as it is now."""
        return payment_methods.retrieve_payer(external_id)

    def attach_payment_method(
        self,
        payment_method: str,
        *,
        external_customer_id: str,
        idempotency_key: str,
        card: CardDetails | None = None,  # noqa: ARG002 - Stripe's tokens know it
    ) -> str:
        """Give a payer a card; return the id of the method that now belongs to it."""
        return payment_methods.attach(
            payment_method,
            external_customer_id=external_customer_id,
            idempotency_key=idempotency_key,
        )

    def card_element(self) -> CardElement:
        """Return Stripe.js and the key that pages may know."""
        return CardElement(
            script_url=settings.STRIPE_JS_URL, publishable_key=settings.STRIPE_PUBLISHABLE_KEY
        )

    def create_setup_intent(
        self, external_customer_id: str, *, idempotency_key: str
    ) -> SetupResult:
        """Prepare for a payer's browser to enter a card that is charged later."""
        return payment_methods.create_setup_intent(
            external_customer_id, idempotency_key=idempotency_key
        )

    def set_default_payment_method(
        self,
        *,
        external_customer_id: str,
        payment_method: str,
        external_subscription_id: str = "",
        idempotency_key: str,
    ) -> None:
        """Have a payer's invoices charged to a method it has, a subscription's included."""
        payment_methods.set_default(
            external_customer_id=external_customer_id,
            payment_method=payment_method,
            external_subscription_id=external_subscription_id,
            idempotency_key=idempotency_key,
        )

    def detach_payment_method(self, external_id: str, *, idempotency_key: str) -> None:
        """Take a method off its payer, for good."""
        payment_methods.detach(external_id, idempotency_key=idempotency_key)

    def create_portal_session(
        self, external_customer_id: str, *, return_url: str, idempotency_key: str
    ) -> str:
        """Open Stripe's portal for a payer; return its address."""
        return portal.create_session(
            external_customer_id, return_url=return_url, idempotency_key=idempotency_key
        )

    def create_subscription(
        self, spec: SubscriptionSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Start a subscription. A declined card is a snapshot whose latest payment failed."""
        return subscriptions.create(spec, idempotency_key=idempotency_key)

    def retrieve_subscription(self, external_id: str) -> SubscriptionSnapshot:
        """Ask for a subscription as it is now."""
        return subscriptions.retrieve(external_id)

    def find_subscription(
        self, *, our_id: str, external_customer_id: str
    ) -> SubscriptionSnapshot | None:
        """Look for the subscription that carries our id, in whatever state."""
        return subscriptions.find(our_id=our_id, external_customer_id=external_customer_id)

    def cancel_subscription(
        self, external_id: str, *, idempotency_key: str, reason: str = "", comment: str = ""
    ) -> SubscriptionSnapshot:
        """End a subscription now."""
        return subscriptions.cancel(
            external_id, reason=reason, comment=comment, idempotency_key=idempotency_key
        )

    def abandon_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Give up a subscription whose first payment is still open."""
        return subscriptions.abandon(external_id, idempotency_key=idempotency_key)

    def preview_change(self, spec: ChangeSpec) -> InvoicePreview:
        """Say what an invoice would be if this were done, without doing it."""
        return changes.preview(spec)

    def preview_renewal(self, external_id: str) -> InvoicePreview | None:
        """Say what the next regular invoice will be; None when there is none."""
        return changes.preview_renewal(external_id)

    def preview_ending(self, external_id: str) -> InvoicePreview | None:
        """Say what comes last if it ended with its period; None when nothing does."""
        return changes.preview_ending(external_id)

    def change_subscription(
        self, spec: ChangeSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Change price, seats or discount now."""
        return changes.change(spec, idempotency_key=idempotency_key)

    def drop_unpaid_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Give up a change whose payment is open."""
        return changes.drop_unpaid(external_id, idempotency_key=idempotency_key)

    def schedule_change(self, spec: ChangeSpec, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Have price and seats change at the end of the period."""
        return scheduling.schedule(spec, idempotency_key=idempotency_key)

    def unschedule_change(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Withdraw a change that waits for the end of the period."""
        return scheduling.unschedule(external_id, idempotency_key=idempotency_key)

    def end_at_period_end(
        self, external_id: str, *, reason: str, comment: str, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Let a subscription end with its period."""
        return scheduling.end_at_period_end(
            external_id, reason=reason, comment=comment, idempotency_key=idempotency_key
        )

    def keep_subscription(self, external_id: str, *, idempotency_key: str) -> SubscriptionSnapshot:
        """Take back that a subscription ends."""
        return scheduling.keep(external_id, idempotency_key=idempotency_key)

    def pause_subscription(
        self, external_id: str, *, resumes_at: datetime | None, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Charge nothing until `resumes_at`, or until it is resumed."""
        return scheduling.pause(external_id, resumes_at=resumes_at, idempotency_key=idempotency_key)

    def resume_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Go on with a paused subscription."""
        return scheduling.resume(external_id, idempotency_key=idempotency_key)

    def client_secret(self, external_subscription_id: str) -> str:
        """Return what the payer's browser needs to finish the open payment; empty if nothing."""
        return subscriptions.client_secret(external_subscription_id)

    def create_checkout_session(
        self, spec: CheckoutSpec, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Open Stripe's own checkout page."""
        return checkouts.create(spec, idempotency_key=idempotency_key)

    def retrieve_checkout_session(self, external_id: str) -> CheckoutSnapshot:
        """Ask for a checkout as it is now."""
        return checkouts.retrieve(external_id)

    def expire_checkout_session(
        self, external_id: str, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Close Stripe's checkout page."""
        return checkouts.expire(external_id, idempotency_key=idempotency_key)

    def create_payment_intent(
        self,
        *,
        amount_minor: int,
        currency: str,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> PaymentIntentResult:
        """Prepare a one-off payment that is captured later."""
        return payments.create(
            amount_minor=amount_minor,
            currency=currency,
            metadata=metadata,
            idempotency_key=idempotency_key,
        )

    def capture_payment(self, external_id: str, *, idempotency_key: str) -> PaymentIntentResult:
        """Take an authorized payment."""
        return payments.capture(external_id, idempotency_key=idempotency_key)

    def ensure_price(self, spec: PriceSpec) -> ExternalPriceRef:
        """Find our price by its lookup key, or create it and its product."""
        return catalog.ensure_price(spec)

    def ensure_coupon(self, spec: CouponSpec, *, idempotency_key: str) -> str:
        """Find our coupon by its id, or create it."""
        return coupons.ensure(spec, idempotency_key=idempotency_key)

    def find_discount(self, code: str) -> DiscountOffer | None:
        """Look for a promotion code, then for a coupon, that is not one of ours."""
        return coupons.find(code)

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], *, secret: str
    ) -> VerifiedWebhook:
        """Check who sent it."""
        return webhooks.verify(body, headers, secret=secret)

    def normalize_webhook(self, payload: Mapping[str, Any]) -> NormalizedEvent:
        """Say in our words what a stored event is about."""
        return normalizer.normalize(payload)

    def copy_to_mirror(self, subject: Subject) -> bool:
        """Copy one object into dj-stripe's tables; say whether they keep such objects."""
        return mirror.copy(subject)
