"""From a parsed body to what somebody wants."""

from collections.abc import Mapping
from typing import Any

from billing.enums import Effective, Proration
from billing.selectors import prices
from billing.services.quotes import Wanted
from orgs.models import Organization


def wanted_from(organization: Organization, data: Mapping[str, Any]) -> Wanted:
    """Return the change a body asks for; what it leaves out stays as it is.

    Raises:
        InvalidRequest: there is no such plan, or none with this interval.
        ContactSales: its price is agreed individually.
    """
    price = prices.wanted_price(
        organization, plan=data.get("plan", ""), interval=data.get("interval", "")
    )
    ending, effective, proration = (data.get(name) for name in ("cancel", "effective", "proration"))
    return Wanted(
        price=price,
        seats=data.get("seats"),
        coupon=data.get("coupon", ""),
        effective=Effective(effective) if effective else None,
        proration=Proration(proration) if proration else None,
        ending=Effective(ending) if ending else None,
    )
