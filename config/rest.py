"""How the API is parsed, guarded and described. Only names: settings import this."""

from datetime import timedelta
from typing import Any

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["orgs.api.authentication.CredentialAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["orgs.api.parsers.SafeJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "orgs.api.negotiation.FirstFormatNegotiation",
    "DEFAULT_SCHEMA_CLASS": "orgs.api.schema.TenantSchema",
    "EXCEPTION_HANDLER": "orgs.api.exceptions.handle_exception",
    "DEFAULT_THROTTLE_RATES": {
        "register": "20/min",
        "token": "30/min",
        "invite": "60/hour",
        "invoice_pdf": "120/min",
        "invoice_send": "30/hour",
        "contact_sales": "5/hour",
        "receipt": "300/min",
        "receipt_send": "120/hour",
    },
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Till",
    "DESCRIPTION": "Payments and billing for organizations, over every provider.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "EffectiveEnum": "billing.enums.Effective",
        "KeyModeEnum": "orgs.models.KeyMode",
        "SessionModeEnum": ["checkout", "portal"],
        "TerminalStatusEnum": "terminals.enums.TerminalStatus",
        "MailStatusEnum": "notifications.models.MessageState",
        "TerminalRefundStatusEnum": ["succeeded", "unknown"],
        "TerminalPaymentStatusEnum": "terminals.enums.PaymentStatus",
    },
    "TAGS": [
        {"name": "Accounts", "description": "Registration, tokens, the team and its API keys."},
        {"name": "Catalogue", "description": "What can be subscribed to."},
        {"name": "Subscription", "description": "Its whole life, with quotes that bind."},
        {"name": "Access", "description": "What the plan gives, and what of it is used."},
        {"name": "Checkout and portal", "description": "Pages to send a payer to."},
        {"name": "Payment methods", "description": "How a payer pays; never a card number."},
        {"name": "Invoices", "description": "What was billed, as data and as a document."},
        {"name": "Terminals", "description": "Card readers, and payments at the counter."},
    ],
    "PREPROCESSING_HOOKS": ["orgs.api.schema.canonical_endpoints"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/img/till.svg",
}
SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "sub",
    "UPDATE_LAST_LOGIN": False,
    "CHECK_REVOKE_TOKEN": True,
}
