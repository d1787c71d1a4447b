"""Giving an invoice its number: without gaps, for each seller."""

from datetime import datetime

from django.db import connections, router

from billing.engine.models import NumberSeries, SellerNumbers
from billing.engine.numbering import NumberForm, number, series_of
from orgs.base import rows_where
from orgs.models import Organization

_PLATFORM_PREFIX = "TILL"
_PREFIX = "INV"
_CREDIT = "CN"
_FORM = "organization_id IS NOT DISTINCT FROM %s"
# The series is begun, or counted on, and read: each invoice of a seller waits for this lock.
_COUNT = """
    INSERT INTO engine_numberseries (id, created_at, updated_at, organization_id, series, last)
    VALUES (%s, now(), now(), %s, %s, %s)
    ON CONFLICT (organization_id, series)
    DO UPDATE SET last = engine_numberseries.last + 1, updated_at = now()
    RETURNING last
"""


def next_number(seller: Organization | None, *, issued_at: datetime) -> str:
    """Return the next number of a seller, in the caller's transaction.

    The series stays locked until that ends; a rollback gives the number back.
    """
    form = form_of(seller)
    return number(form, issued_at, _count(seller, series_of(form, issued_at)))


def next_credit_number(seller: Organization | None, *, issued_at: datetime) -> str:
    """Return the next number of a seller's credit notes, which are counted by themselves.

    In the caller's transaction, as `next_number`.
    """
    form = form_of(seller)
    # No invoice's series has a colon: the two never share a count.
    count = _count(seller, f"credit:{series_of(form, issued_at)}")
    return f"{_CREDIT}-{number(form, issued_at, count)}"


def _count(seller: Organization | None, series: str) -> int:
    first = NumberSeries(organization=seller, series=series, last=1)
    values = (first.pk, seller.pk if seller else None, first.series, first.last)
    with connections[router.db_for_write(NumberSeries)].cursor() as cursor:
        cursor.execute(_COUNT, values)
        count: int = cursor.fetchone()[0]
    return count


def form_of(seller: Organization | None) -> NumberForm:
    """Return how a seller's numbers look."""
    row = next(iter(rows_where(SellerNumbers, _FORM, seller.pk if seller else None)), None)
    if row is None:
        return NumberForm(_PREFIX if seller else _PLATFORM_PREFIX)
    is_yearly = row.restarts == "yearly"
    return NumberForm(row.prefix, row.digits, "yearly" if is_yearly else "never", row.zone)
