"""Asking sales: one row for staff, a mail to them and one to whoever asked."""

import dataclasses
from datetime import datetime

from django.conf import settings
from django.db import transaction

from billing.enums import SalesState
from billing.models import Plan, SalesRequest
from notifications import services as notifications
from orgs.base import insert_once
from orgs.errors import InvalidRequest
from orgs.models import Organization, User

_DESK_PATH = "/admin/billing/salesrequest"


@dataclasses.dataclass(frozen=True, slots=True)
class Inquiry:
    """What somebody wrote. The same `request_key` is one request, however often it is sent."""

    plan: Plan
    name: str
    email: str
    request_key: str
    phone: str = ""
    seats: int | None = None
    message: str = ""


def ask_sales(
    *, organization: Organization, user: User | None, inquiry: Inquiry, now: datetime
) -> bool:
    """Keep a request and mail both sides; say whether it was new.

    Raises:
        InvalidRequest: the plan has a price that everybody pays.
    """
    if not inquiry.plan.contact_sales:
        raise InvalidRequest(fields={"plan": ["This plan can be bought right away."]})
    row = SalesRequest(
        organization=organization,
        plan=inquiry.plan,
        requested_by=user,
        name=inquiry.name,
        email=inquiry.email,
        phone=inquiry.phone,
        seats=inquiry.seats,
        message=inquiry.message,
        request_key=inquiry.request_key,
        state=SalesState.NEW,
    )
    with transaction.atomic():
        if not insert_once(row):
            return False
        _tell_staff(row, now)
        _confirm(row, now)
    return True


def _tell_staff(row: SalesRequest, now: datetime) -> None:
    notifications.queue_message(
        organization=row.organization,
        kind="sales_request",
        key=str(row.pk),
        to=settings.SALES_EMAIL,
        context={
            "organization": row.organization.name,
            "plan": row.plan.name,
            "name": row.name,
            "email": row.email,
            "phone": row.phone,
            "seats": row.seats or "",
            "message": row.message,
            "desk_url": f"{settings.PUBLIC_URL}{_DESK_PATH}/{row.pk}/change/",
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )


def _confirm(row: SalesRequest, now: datetime) -> None:
    notifications.queue_message(
        organization=row.organization,
        kind="sales_request_received",
        key=str(row.pk),
        to=row.email,
        context={
            "organization": row.organization.name,
            "plan": row.plan.name,
            "name": row.name,
            "support_email": settings.SUPPORT_EMAIL,
        },
        now=now,
    )
