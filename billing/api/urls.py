"""The billing API."""

from billing.api.details import DetailsView
from billing.api.direct import DirectSubscriptionView
from billing.api.entitlements import EntitlementsView, EntitlementView
from billing.api.invoices import InvoicePdfView, InvoiceSendView, InvoicesView, InvoiceView
from billing.api.lifecycle import (
    CancelView,
    PauseView,
    PendingChangeView,
    PlanChangeView,
    ResumeView,
)
from billing.api.payment_methods import (
    DefaultPaymentMethodView,
    MakeDefaultView,
    PaymentMethodsView,
    PaymentMethodView,
    SetupIntentView,
)
from billing.api.plans import PlansView
from billing.api.portal import PortalSessionView, PortalView
from billing.api.session import SessionView
from billing.api.status import StatusView
from billing.api.subscription import SubscribeView, SubscriptionView
from billing.api.upcoming import UpcomingInvoiceView
from orgs.api.routes import endpoint, tenant_endpoint

urlpatterns = [
    *endpoint("billing/plans", PlansView, name="plans"),
    *endpoint(
        "customer/subscription/create", DirectSubscriptionView, name="subscription-create-directly"
    ),
    *tenant_endpoint("subscription", SubscriptionView, name="subscription"),
    *tenant_endpoint("subscription/plan", PlanChangeView, name="subscription-plan"),
    *tenant_endpoint("subscription/cancel", CancelView, name="subscription-cancel"),
    *tenant_endpoint("subscription/resume", ResumeView, name="subscription-resume"),
    *tenant_endpoint("subscription/pause", PauseView, name="subscription-pause"),
    *tenant_endpoint(
        "subscription/pending-change", PendingChangeView, name="subscription-pending-change"
    ),
    *tenant_endpoint("details", DetailsView, name="details"),
    *tenant_endpoint("upcoming-invoice", UpcomingInvoiceView, name="upcoming-invoice"),
    *tenant_endpoint("invoices", InvoicesView, name="invoices"),
    *tenant_endpoint("invoices/<str:invoice_id>", InvoiceView, name="invoice"),
    *tenant_endpoint("invoices/<str:invoice_id>/pdf", InvoicePdfView, name="invoice-pdf"),
    *tenant_endpoint("invoices/<str:invoice_id>/send", InvoiceSendView, name="invoice-send"),
    *tenant_endpoint("subscribe", SubscribeView, name="subscribe"),
    *tenant_endpoint("session", SessionView, name="session"),
    *tenant_endpoint("payment-methods", PaymentMethodsView, name="payment-methods"),
    *tenant_endpoint("payment-methods/setup-intent", SetupIntentView, name="setup-intent"),
    *tenant_endpoint(
        "payment-methods/<str:method_id>/default", MakeDefaultView, name="payment-method-default"
    ),
    *tenant_endpoint(
        "payment-methods/<str:method_id>", PaymentMethodView, name="payment-method-one"
    ),
    *tenant_endpoint("payment-method", DefaultPaymentMethodView, name="payment-method"),
    *tenant_endpoint("portal", PortalView, name="portal"),
    *tenant_endpoint("portal-session", PortalSessionView, name="portal-session"),
    *tenant_endpoint("status", StatusView, name="status"),
    *tenant_endpoint("entitlements", EntitlementsView, name="entitlements"),
    *tenant_endpoint("entitlements/<str:feature>", EntitlementView, name="entitlement"),
]
