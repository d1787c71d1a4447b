"""The tables of billing.

Lock order, everywhere: InboxEvent → Organization (`select_for_update(no_key=True)`: a plain FOR
UPDATE blocks every child insert at commit and deadlocks) → Customer → Subscription → Invoice →
Obligation → PaymentAttempt → CheckoutSession → Coupon. Projection reads the organization's id
unlocked, locks the organization, then the rest. No network call happens while any of these is held.
"""

from billing.models.agreements import Agreement, BankAccount, ManualPayment
from billing.models.checkout import CheckoutSession
from billing.models.coupons import Coupon, CouponRedemption, ExternalCoupon
from billing.models.customers import BillingProfile, Customer, MerchantAccount
from billing.models.differences import Difference, Reconciliation
from billing.models.events import BillingEvent, InboxEvent, MirrorTodo
from billing.models.invoices import Invoice, InvoiceDelivery, InvoiceLine
from billing.models.payment_methods import DeclinedCard, PaymentMethod
from billing.models.payments import Case, Obligation, PaymentAttempt, PaymentFact
from billing.models.plans import ExternalPrice, Plan, PlanFeature, PlanVersion, Price
from billing.models.quotes import Quote
from billing.models.reversals import CreditNote, Dispute, Refund
from billing.models.sales import SalesRequest
from billing.models.subscriptions import Subscription

__all__ = [
    "Agreement",
    "BankAccount",
    "BillingEvent",
    "BillingProfile",
    "Case",
    "CheckoutSession",
    "Coupon",
    "CouponRedemption",
    "CreditNote",
    "Customer",
    "DeclinedCard",
    "Difference",
    "Dispute",
    "ExternalCoupon",
    "ExternalPrice",
    "InboxEvent",
    "Invoice",
    "InvoiceDelivery",
    "InvoiceLine",
    "ManualPayment",
    "MerchantAccount",
    "MirrorTodo",
    "Obligation",
    "PaymentAttempt",
    "PaymentFact",
    "PaymentMethod",
    "Plan",
    "PlanFeature",
    "PlanVersion",
    "Price",
    "Quote",
    "Reconciliation",
    "Refund",
    "SalesRequest",
    "Subscription",
]
