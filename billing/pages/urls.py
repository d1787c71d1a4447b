"""Addresses of the billing pages."""

from django.urls import path

from billing.pages import (
    actions,
    cancel,
    change,
    checkout,
    details,
    invoices,
    methods,
    overview,
    pause,
    plans,
    quote,
    sales,
)

_SESSION = "settings/billing/checkout/<str:session_id>"
_QUOTE = "settings/billing/plan/quotes/<str:quote_id>"
_METHODS = "settings/billing/payment-methods"
_INVOICE = "settings/billing/invoices/<str:invoice_id>"

urlpatterns = [
    path("settings/billing", overview.OverviewPage.as_view(), name="billing-overview"),
    path("settings/billing/resume", actions.ResumePage.as_view(), name="billing-resume"),
    path("settings/billing/withdraw", actions.WithdrawPage.as_view(), name="billing-withdraw"),
    path("settings/billing/pay", actions.PayPage.as_view(), name="billing-pay"),
    path(
        "settings/billing/next-invoice",
        actions.NextInvoicePage.as_view(),
        name="billing-next-invoice",
    ),
    path("settings/billing/plan", change.ChangePage.as_view(), name="billing-plan"),
    path(_QUOTE, quote.QuotePage.as_view(), name="billing-quote"),
    path(f"{_QUOTE}/state", quote.StatePage.as_view(), name="billing-quote-state"),
    path(f"{_QUOTE}/confirmed", quote.ConfirmedPage.as_view(), name="billing-quote-confirmed"),
    path(f"{_QUOTE}/other-card", quote.OtherCardPage.as_view(), name="billing-quote-other-card"),
    path("settings/billing/details", details.DetailsPage.as_view(), name="billing-details"),
    path("settings/billing/cancel", cancel.CancelPage.as_view(), name="billing-cancel"),
    path("settings/billing/pause", pause.PausePage.as_view(), name="billing-pause"),
    path(_METHODS, methods.MethodsPage.as_view(), name="billing-methods"),
    path(f"{_METHODS}/new", methods.NewMethodPage.as_view(), name="billing-method-new"),
    path(f"{_METHODS}/setup", methods.SetupPage.as_view(), name="billing-method-setup"),
    path(f"{_METHODS}/portal", methods.PortalPage.as_view(), name="billing-portal"),
    path(
        f"{_METHODS}/<str:method_id>/default",
        methods.DefaultPage.as_view(),
        name="billing-method-default",
    ),
    path(
        f"{_METHODS}/<str:method_id>/remove",
        methods.RemovePage.as_view(),
        name="billing-method-remove",
    ),
    path("settings/billing/invoices", invoices.InvoicesPage.as_view(), name="billing-invoices"),
    path(_INVOICE, invoices.InvoicePage.as_view(), name="billing-invoice"),
    path(f"{_INVOICE}/pdf", invoices.PdfPage.as_view(), name="billing-invoice-pdf"),
    path(
        f"{_INVOICE}/credit-notes/<str:note_id>/pdf",
        invoices.CreditNotePage.as_view(),
        name="billing-credit-note-pdf",
    ),
    path(f"{_INVOICE}/send", invoices.SendPage.as_view(), name="billing-invoice-send"),
    path("settings/billing/contact-sales", sales.SalesPage.as_view(), name="billing-contact-sales"),
    path("settings/billing/checkout", plans.PlansPage.as_view(), name="billing-checkout"),
    path(_SESSION, checkout.SessionPage.as_view(), name="billing-checkout-session"),
    path(f"{_SESSION}/plan", plans.SessionPlansPage.as_view(), name="billing-checkout-plan"),
    path(f"{_SESSION}/state", checkout.StatePage.as_view(), name="billing-checkout-state"),
    path(
        f"{_SESSION}/confirmed", checkout.ConfirmedPage.as_view(), name="billing-checkout-confirmed"
    ),
    path(f"{_SESSION}/provider", checkout.ProviderPage.as_view(), name="billing-checkout-provider"),
    path(f"{_SESSION}/restart", checkout.RestartPage.as_view(), name="billing-checkout-restart"),
]
