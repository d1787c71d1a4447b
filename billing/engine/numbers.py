"""Giving an invoice its number: without gaps, for each seller."""

from datetime import datetime

from django.db.models import F

from billing.engine.models import NumberSeries, SellerNumbers
from billing.engine.numbering import NumberForm, number, series_of
from orgs.base import insert_once
from orgs.models import Organization

_PLATFORM_PREFIX = "TILL"
_PREFIX = "INV"


def next_number(seller: Organization | None, *, issued_at: datetime) -> str:
    """Return the next number of a seller, in the caller's transaction.

    The series stays locked until that ends; a rollback gives the number back.
    """
    form = form_of(seller)
    series = series_of(form, issued_at)
    rows = NumberSeries.objects.filter(organization=seller, series=series)
    if not rows.update(last=F("last") + 1):
        insert_once(NumberSeries(organization=seller, series=series))
        rows.update(last=F("last") + 1)
    return number(form, issued_at, rows.values_list("last", flat=True).get())


def form_of(seller: Organization | None) -> NumberForm:
    """Return how a seller's numbers look."""
    row = SellerNumbers.objects.filter(organization=seller).first()
    if row is None:
        return NumberForm(_PREFIX if seller else _PLATFORM_PREFIX)
    is_yearly = row.restarts == "yearly"
    return NumberForm(row.prefix, row.digits, "yearly" if is_yearly else "never", row.zone)
