"""How a charge tells the card brands who began it, and whether the card is kept.

Source: the gateway's "Visa and Mastercard stored credential" mandate. A security code is never
part of a charge of a stored card.
"""

from typing import Literal

_KEPT = "Y"


def of_verification() -> dict[str, str]:
    """Return the fields of keeping a card without charging it, its holder at hand."""
    return {"ecomind": "E", "cof": "C", "cofscheduled": "Y", "cofpermission": _KEPT}


def of_charge(
    *, initiator: Literal["payer", "merchant"], is_recurring: bool, stores_card: bool
) -> dict[str, str]:
    """Return the fields of a charge of a stored card.

    A regular charge of ours says so three times: one guide declines it without the indicator of
    recurring payments, another one ignores that and reads the two others.
    """
    scheduled = "Y" if is_recurring else "N"
    if initiator == "merchant":
        return {"ecomind": "R" if is_recurring else "E", "cof": "M", "cofscheduled": scheduled}
    fields = {"ecomind": "E", "cof": "C", "cofscheduled": scheduled}
    return fields | {"cofpermission": _KEPT} if stores_card else fields
