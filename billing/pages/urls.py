"""Addresses of the billing pages."""

from django.urls import path

from billing.pages import checkout, overview, plans

_SESSION = "settings/billing/checkout/<str:session_id>"

urlpatterns = [
    path("settings/billing", overview.OverviewPage.as_view(), name="billing-overview"),
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
