"""Who stands on our invoices as their seller. Only names and values: settings import this."""

import environ


def from_environment(env: environ.Env) -> dict[str, str]:
    """Return the seller's data; an address has its lines separated by `|`."""
    return {
        "name": env.str("SELLER_NAME", default="Till"),
        "address": env.str("SELLER_ADDRESS", default=""),
        "vat_id": env.str("SELLER_VAT_ID", default=""),
        "note": env.str("SELLER_NOTE", default=""),
    }
