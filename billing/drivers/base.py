"""What every provider must offer, and the three ways in which it may fail.

Drivers are translators: plain values in, frozen dataclasses out. They know no rows, no clock but
the provider's, and never try a write again by themselves. Every write takes an idempotency key.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from billing.drivers.by_hand_calls import ByHandCalls
from billing.drivers.change_calls import ChangeCalls
from billing.drivers.coupon_calls import CouponCalls
from billing.drivers.invoice_calls import InvoiceCalls
from billing.drivers.listing_calls import ListingCalls
from billing.drivers.payer_calls import PayerCalls
from billing.drivers.terminal_calls import TerminalCalls
from billing.enums import Provider
from billing.types import (
    CheckoutSnapshot,
    CheckoutSpec,
    ExternalPriceRef,
    NormalizedEvent,
    PaymentIntentResult,
    PriceSpec,
    Subject,
    SubscriptionSnapshot,
    SubscriptionSpec,
    VerifiedWebhook,
)


class DriverError(Exception):
    """A provider call that did not end well. `code` is one of the contract's stable codes."""

    def __init__(
        self, code: str, *, detail: str = "", decline_code: str = "", retry_after: int | None = None
    ) -> None:
        """Keep stable codes only: a provider's message may quote what the caller sent."""
        self.code = code
        self.detail = detail
        self.decline_code = decline_code
        self.retry_after = retry_after
        super().__init__(f"{code} {detail}".strip())


class DriverRejected(DriverError):
    """The provider understood and said no: never retried.

    `code` is CARD_DECLINED or INVALID_REQUEST; `detail` the provider's own code.
    """


class ObjectMissing(DriverRejected):
    """The provider has no such object."""


class DriverUnavailable(DriverError):
    """Provably not processed (refused connection, 429, open breaker): may be tried again.

    `code` is RATE_LIMIT or API_ERROR.
    """


class ReaderBusy(DriverUnavailable):
    """The reader is occupied: provably not started there."""


class ReaderOffline(DriverUnavailable):
    """The reader can't be reached: provably not started there."""


class OutcomeUnknown(DriverError):
    """Sent, no usable answer: never retried, only resolved by asking with our reference."""


class SignatureInvalid(Exception):
    """The webhook was not signed with our secret, or too long ago."""


class SecretMissing(Exception):
    """No secret is configured: nothing can be verified, so nothing is accepted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between providers; scenarios shared by all of them ask here.

    `payment_methods`: it keeps what a payer can pay with. `portal`: it has a page for payers.
    `listing`: it can say everything it has, for the comparison with our rows. `part_payments`: what
    staff mark as paid may be a part of an invoice. `terminals`: it takes cards at readers.
    `blocking_readers`: whoever starts a reader waits until the card was read. `reader_sdk`: a till
    can drive its reader itself, with a secret of ours.
    """

    hosted_checkout: bool
    signed_webhooks: bool
    subscriptions: bool
    mirror: bool
    payment_methods: bool
    portal: bool
    automatic_collection: bool = True
    listing: bool = False
    part_payments: bool = False
    terminals: bool = False
    blocking_readers: bool = False
    reader_sdk: bool = False


class PaymentDriver(
    ByHandCalls,
    ChangeCalls,
    CouponCalls,
    InvoiceCalls,
    ListingCalls,
    PayerCalls,
    TerminalCalls,
    Protocol,
):
    """One provider. Reads may be repeated by the driver; writes never are.

    Every call raises `DriverRejected`, `DriverUnavailable` or `OutcomeUnknown`; a read raises
    `DriverUnavailable` for anything but a clear no.
    """

    name: ClassVar[Provider]
    capabilities: ClassVar[Capabilities]

    def create_subscription(
        self, spec: SubscriptionSpec, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Start a subscription. A declined card is a snapshot whose latest payment failed."""
        ...

    def retrieve_subscription(self, external_id: str) -> SubscriptionSnapshot:
        """Ask for a subscription as it is now.

        Raises:
            ObjectMissing: there is none with this id.
        """
        ...

    def find_subscription(
        self, *, our_id: str, external_customer_id: str
    ) -> SubscriptionSnapshot | None:
        """Look for the subscription that carries our id, in whatever state."""
        ...

    def cancel_subscription(
        self, external_id: str, *, idempotency_key: str, reason: str = "", comment: str = ""
    ) -> SubscriptionSnapshot:
        """End a subscription now: nothing is charged, nothing is credited."""
        ...

    def abandon_subscription(
        self, external_id: str, *, idempotency_key: str
    ) -> SubscriptionSnapshot:
        """Give up a subscription whose first payment is still open, so that it can't be paid.

        Unlike `cancel_subscription` it is refused (`DriverRejected`) once the payment went through.
        """
        ...

    def client_secret(self, external_subscription_id: str) -> str:
        """Return what the payer's browser needs to finish the open payment; empty if nothing."""
        ...

    def create_checkout_session(
        self, spec: CheckoutSpec, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Open the provider's own checkout page."""
        ...

    def retrieve_checkout_session(self, external_id: str) -> CheckoutSnapshot:
        """Ask for a checkout as it is now."""
        ...

    def expire_checkout_session(
        self, external_id: str, *, idempotency_key: str
    ) -> CheckoutSnapshot:
        """Close the provider's checkout page."""
        ...

    def create_payment_intent(
        self,
        *,
        amount_minor: int,
        currency: str,
        metadata: Mapping[str, str],
        idempotency_key: str,
    ) -> PaymentIntentResult:
        """Prepare a one-off payment."""
        ...

    def capture_payment(self, external_id: str, *, idempotency_key: str) -> PaymentIntentResult:
        """Take an authorized payment."""
        ...

    def ensure_price(self, spec: PriceSpec) -> ExternalPriceRef:
        """Find our price at the provider by its lookup key, or create it and its product."""
        ...

    def verify_webhook(
        self, body: bytes, headers: Mapping[str, str], *, secret: str
    ) -> VerifiedWebhook:
        """Check who sent it. `headers` has lower-case names.

        Raises:
            SignatureInvalid: not signed with `secret`, stale, or not an event at all.
        """
        ...

    def normalize_webhook(self, payload: Mapping[str, Any]) -> NormalizedEvent:
        """Say in our words what a stored event is about."""
        ...

    def copy_to_mirror(self, subject: Subject) -> bool:
        """Copy one object into the raw mirror; say whether the mirror keeps such objects."""
        ...
