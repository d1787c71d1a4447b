"""How the back office looks. Only names and addresses: settings import this."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

_ENVIRONMENTS = {
    "production": ["Production", "danger"],
    "development": ["Development", "info"],
    "test": ["Test", "warning"],
}


def environment(_request: HttpRequest) -> list[str]:
    """Return the badge at the top: where am I?"""
    from django.conf import settings  # noqa: PLC0415 - settings import this module

    return _ENVIRONMENTS[settings.TILL_ENV]


def _favicon(_request: HttpRequest) -> str:
    return static("img/till.svg")


def _may_view(app: str, model: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(f"{app}.view_{model}")


def _page(title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may_view(app, model),
    }


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Till",
    "SITE_HEADER": "Till",
    "SITE_SYMBOL": "point_of_sale",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _favicon}],
    "SITE_URL": "/settings/billing",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "config.backoffice.environment",
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Tenants",
                "separator": True,
                "items": [
                    _page("Organizations", "apartment", "orgs", "organization"),
                    _page("Subscriptions", "autorenew", "billing", "subscription"),
                    _page("Agreements", "handshake", "billing", "agreement"),
                    _page("Sales requests", "contact_phone", "billing", "salesrequest"),
                    _page("Timeline", "history", "billing", "billingevent"),
                    _page("Customers", "group", "billing", "customer"),
                    _page("Billing profiles", "tune", "billing", "billingprofile"),
                    _page("Checkouts", "shopping_cart", "billing", "checkoutsession"),
                    _page("Mail", "mail", "notifications", "message"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _page("Users", "person", "orgs", "user"),
                    _page("Memberships", "badge", "orgs", "membership"),
                    _page("Invitations", "outgoing_mail", "orgs", "invitation"),
                    _page("API keys", "key", "orgs", "apikey"),
                ],
            },
            {
                "title": "Money",
                "separator": True,
                "items": [
                    _page("Invoices", "receipt", "billing", "invoice"),
                    _page("Transfers", "account_balance", "billing", "manualpayment"),
                    _page("Cases", "report", "billing", "case"),
                    _page("Dunning", "event_busy", "engine", "dunningstate"),
                    _page("Credit notes", "undo", "billing", "creditnote"),
                    _page("Refunds", "currency_exchange", "billing", "refund"),
                    _page("Disputes", "gavel", "billing", "dispute"),
                    _page("Obligations", "request_quote", "billing", "obligation"),
                    _page("Payment attempts", "credit_card", "billing", "paymentattempt"),
                    _page("Payment facts", "fact_check", "billing", "paymentfact"),
                    _page("Declined cards", "credit_card_off", "billing", "declinedcard"),
                ],
            },
            {
                "title": "At the counter",
                "separator": True,
                "items": [
                    _page("Card readers", "point_of_sale", "terminals", "terminal"),
                    _page("Payments in person", "contactless", "terminals", "terminalpayment"),
                ],
            },
            {
                "title": "Catalogue",
                "separator": True,
                "items": [
                    _page("Plans", "sell", "billing", "plan"),
                    _page("Versions", "layers", "billing", "planversion"),
                    _page("Prices", "payments", "billing", "price"),
                    _page("Bank accounts", "account_balance", "billing", "bankaccount"),
                    _page("Coupons", "confirmation_number", "billing", "coupon"),
                    _page("Coupon uses", "redeem", "billing", "couponredemption"),
                    _page("Dunning policies", "event_upcoming", "engine", "dunningpolicy"),
                    _page("Tax rates", "percent", "engine", "taxentry"),
                    _page("Invoice numbers", "tag", "engine", "sellernumbers"),
                ],
            },
            {
                "title": "Providers",
                "separator": True,
                "items": [
                    _page("Differences", "difference", "billing", "difference"),
                    _page("Comparisons", "compare_arrows", "billing", "reconciliation"),
                    _page("Incoming events", "inbox", "billing", "inboxevent"),
                    _page("Merchant accounts", "storefront", "billing", "merchantaccount"),
                    _page("Outages", "power_off", "engine", "circuit"),
                    _page("Mirror queue", "sync", "billing", "mirrortodo"),
                    _page("Engine payers", "contact_page", "engine", "payer"),
                    _page("Engine subscriptions", "settings", "engine", "enginesubscription"),
                    _page("Engine invoices", "description", "engine", "engineinvoice"),
                    _page("Engine prices", "price_check", "engine", "engineprice"),
                    _page("Engine coupons", "loyalty", "engine", "enginecoupon"),
                    _page("Number series", "123", "engine", "numberseries"),
                    _page("CardConnect accounts", "vpn_key", "cardconnect", "accountstate"),
                    _page("CardConnect cards", "credit_card", "cardconnect", "storedcard"),
                    _page("CardConnect profiles", "wallet", "cardconnect", "gatewayprofile"),
                    _page("Gateway payments", "point_of_sale", "cardconnect", "gatewaytransaction"),
                    _page("Chargebacks", "undo", "cardconnect", "gatewayreversal"),
                    _page("Payouts", "account_balance", "cardconnect", "fundingreport"),
                    _page("Stripe customers", "contacts", "djstripe", "customer"),
                    _page("Stripe subscriptions", "event_repeat", "djstripe", "subscription"),
                    _page("Stripe invoices", "receipt_long", "djstripe", "invoice"),
                ],
            },
        ],
    },
}
