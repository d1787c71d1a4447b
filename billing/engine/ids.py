"""Names of the engine's objects: `cc_sub_…`, `cu_in_…`."""

from uuid import uuid4

from billing.enums import Provider

PREFIXES = {Provider.CARDCONNECT: "cc", Provider.CUSTOM: "cu"}


def new_id(provider: Provider | str, kind: str) -> str:
    """Return a name that was never used, for an object of a kind (`sub`, `in`, `cus`)."""
    return f"{PREFIXES[Provider(provider)]}_{kind}_{uuid4().hex}"


def payment_id(provider: Provider | str, reference: str) -> str:
    """Return what the payment with a reference of ours is called."""
    return f"{PREFIXES[Provider(provider)]}_pay_{reference}"


def reference_of(external_payment_id: str) -> str:
    """Return the reference of a payment; empty for what is no payment's name."""
    parts = external_payment_id.split("_", maxsplit=2)
    return parts[2] if len(parts) == 3 and parts[1] == "pay" else ""  # noqa: PLR2004 - see above
