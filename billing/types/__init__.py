"""What travels between drivers and services: frozen facts, no rows."""

from billing.types.catalogue import ExternalPriceRef, PriceSpec
from billing.types.causes import Cause
from billing.types.changes import ChangeSpec, DiscountSnapshot, ScheduledChange
from billing.types.checkouts import CheckoutSnapshot, CheckoutSpec, PaymentIntentResult
from billing.types.discounts import CouponSpec, DiscountOffer, DiscountRef
from billing.types.events import Fact, NormalizedEvent, Subject, SubjectNews, VerifiedWebhook
from billing.types.invoices import InvoiceLineSnapshot, InvoicePreview, InvoiceSnapshot
from billing.types.listings import Page
from billing.types.payers import (
    Address,
    BillingDetails,
    CardDetails,
    CardElement,
    CustomerSpec,
    PayerSnapshot,
    PaymentMethodSnapshot,
    SetupResult,
)
from billing.types.reversals import (
    ChargeSnapshot,
    CreditNoteSnapshot,
    DisputeSnapshot,
    RefundSnapshot,
)
from billing.types.subscriptions import PaymentOutcome, SubscriptionSnapshot, SubscriptionSpec
from billing.types.terminals import (
    CardPresent,
    EntryMode,
    ReaderRef,
    ReaderSnapshot,
    SaleOrder,
    SaleSnapshot,
    SaleState,
    Verification,
)
from billing.types.updates import SubscriptionUpdate

__all__ = [
    "Address",
    "BillingDetails",
    "CardDetails",
    "CardElement",
    "CardPresent",
    "Cause",
    "ChangeSpec",
    "ChargeSnapshot",
    "CheckoutSnapshot",
    "CheckoutSpec",
    "CouponSpec",
    "CreditNoteSnapshot",
    "CustomerSpec",
    "DiscountOffer",
    "DiscountRef",
    "DiscountSnapshot",
    "DisputeSnapshot",
    "EntryMode",
    "ExternalPriceRef",
    "Fact",
    "InvoiceLineSnapshot",
    "InvoicePreview",
    "InvoiceSnapshot",
    "NormalizedEvent",
    "Page",
    "PayerSnapshot",
    "PaymentIntentResult",
    "PaymentMethodSnapshot",
    "PaymentOutcome",
    "PriceSpec",
    "ReaderRef",
    "ReaderSnapshot",
    "RefundSnapshot",
    "SaleOrder",
    "SaleSnapshot",
    "SaleState",
    "ScheduledChange",
    "SetupResult",
    "Subject",
    "SubjectNews",
    "SubscriptionSnapshot",
    "SubscriptionSpec",
    "SubscriptionUpdate",
    "Verification",
    "VerifiedWebhook",
]
