"""What the provider sells, and for whom, in the shape of the pinned API version."""

from typing import Any

from bench import ids

Json = dict[str, Any]


def price() -> Json:
    """Return the one price everybody pays."""
    return {
        "id": ids.PRICE_ID,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": ids.START - ids.MONTH,
        "currency": "usd",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": "bench_v1_month_usd",
        "metadata": {},
        "nickname": None,
        "product": ids.PRODUCT_ID,
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": ids.AMOUNT,
        "unit_amount_decimal": str(ids.AMOUNT),
    }


def product() -> Json:
    """Return the one product."""
    return {
        "id": ids.PRODUCT_ID,
        "object": "product",
        "active": True,
        "created": ids.START - ids.MONTH,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": "Starter",
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": ids.START - ids.MONTH,
        "url": None,
    }


def account() -> Json:
    """Return the account everything belongs to."""
    return {
        "id": ids.ACCOUNT_ID,
        "object": "account",
        "business_profile": {"name": "Bench", "support_email": None, "url": None},
        "charges_enabled": True,
        "country": "US",
        "created": ids.START - ids.MONTH,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "bench@till.example",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Bench", "timezone": "Etc/UTC"}},
        "type": "standard",
    }
