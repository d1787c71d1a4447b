"""Everything the engine has, page by page: its rows are compared like any other provider's.

A request that died between the engine's rows and billing's leaves a difference, as a lost webhook
does elsewhere. What changed lately is told as events, which nobody sends and nobody can miss.
"""

import abc
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from billing.drivers.base import ObjectMissing
from billing.drivers.listing_calls import ListingCalls
from billing.engine import refunding, snapshots
from billing.engine.house import House
from billing.engine.models import EngineInvoice, EngineRefund, EngineSubscription, Payer
from billing.enums import RefundStatus
from billing.types import (
    ChargeSnapshot,
    InvoiceSnapshot,
    NormalizedEvent,
    Page,
    PayerSnapshot,
    Subject,
    SubscriptionSnapshot,
    VerifiedWebhook,
)
from orgs import clock

_PER_PAGE = 100

RowT = TypeVar("RowT", bound=Model)
ShownT = TypeVar("ShownT")


class Listing(ListingCalls):
    """Lists of the engine's rows, newest first; `after` is the id of the last row before."""

    @abc.abstractmethod
    def house(self) -> House:
        """Return whose rows these are, with the rail."""

    def list_subscriptions(
        self, *, after: str = "", external_customer_id: str = ""
    ) -> Page[SubscriptionSnapshot]:
        """List subscriptions in whatever state."""
        rows = EngineSubscription.objects.filter(provider=self.house().provider).select_related(
            "organization", "payer__seller", "price", "next_price", "latest_invoice__attempt"
        )
        if external_customer_id:
            rows = rows.filter(payer__external_id=external_customer_id)
        return _page(
            rows,
            after,
            lambda row: snapshots.subscription(row, now=clock.now(row.organization)),
        )

    def list_payers(self, *, after: str = "") -> Page[PayerSnapshot]:
        """List payers without their methods, which are the rail's."""
        rows = Payer.objects.filter(provider=self.house().provider)
        return _page(rows, after, self._payer)

    def list_invoices(
        self, *, created_since: datetime, after: str = "", external_customer_id: str = ""
    ) -> Page[InvoiceSnapshot]:
        """List invoices."""
        rows = EngineInvoice.objects.filter(
            provider=self.house().provider, issued_at__gte=created_since
        ).select_related("payer", "subscription", "attempt__obligation", "seller")
        if external_customer_id:
            rows = rows.filter(payer__external_id=external_customer_id)
        return _page(rows, after, snapshots.invoice)

    def list_refunds(self, *, created_since: datetime, after: str = "") -> Page[ChargeSnapshot]:
        """List refunds that were not given up: each as its payment with this one refund."""
        rows = (
            EngineRefund.objects.filter(
                invoice__provider=self.house().provider, sent_at__gte=created_since
            )
            .exclude(status=RefundStatus.CANCELED)
            .select_related("invoice__payer", "invoice__attempt", "credit_note")
        )
        return _page(rows, after, refunding.charge_of)

    def list_events(
        self, *, created_since: datetime, after: str = "", only_undelivered: bool = False
    ) -> Page[NormalizedEvent]:
        """List what changed since a moment, all on one page; nothing is ever undelivered."""
        if after or only_undelivered:
            return Page(())
        provider = self.house().provider
        changed = Q(provider=provider, updated_at__gte=created_since)
        events = [
            *self._changed("subscription", EngineSubscription.objects.filter(changed)),
            *self._changed("invoice", EngineInvoice.objects.filter(changed)),
            *self._changed("customer", Payer.objects.filter(changed)),
        ]
        return Page(tuple(sorted(events, key=lambda event: event.occurred_at, reverse=True)))

    def retrieve_event(self, external_id: str) -> VerifiedWebhook:
        """Find nothing: what changed is told, and kept nowhere."""
        raise ObjectMissing("INVALID_REQUEST", detail=f"no_events {external_id}"[:100])

    def _payer(self, row: Payer) -> PayerSnapshot:
        return PayerSnapshot(
            provider=self.house().provider,
            external_id=row.external_id,
            our_id=row.our_id,
            email=row.email,
            default_method_id=row.default_method_id,
            has_methods=False,
        )

    def _changed(self, kind: str, rows: "QuerySet[RowT]") -> list[NormalizedEvent]:
        pairs = rows.order_by("-updated_at").values_list("external_id", "updated_at")
        return [
            NormalizedEvent(
                provider=self.house().provider,
                external_id=f"{external_id}:{changed_at.astimezone(UTC):%Y%m%dT%H%M%S%f}",
                type=f"billing.{kind}.updated",
                provider_type=f"{kind}.updated",
                occurred_at=changed_at,
                subject=Subject(kind, external_id),
            )
            for external_id, changed_at in pairs
        ]


def _page(
    rows: "QuerySet[RowT]", after: str, show: Callable[[RowT], ShownT | None]
) -> Page[ShownT]:
    """Return one page: by time, then by key, so that nothing is left out while rows are added."""
    rows = rows.order_by("-created_at", "-pk")
    if after:
        last = rows.model._default_manager.filter(pk=after).values_list("created_at").first()  # noqa: SLF001 - Django's name for a documented API
        if last is None:
            return Page(())
        rows = rows.filter(Q(created_at__lt=last[0]) | Q(created_at=last[0], pk__lt=after))
    found = list(rows[: _PER_PAGE + 1])
    shown = [one for row in found[:_PER_PAGE] if (one := show(row)) is not None]
    return Page(tuple(shown), str(found[_PER_PAGE - 1].pk) if len(found) > _PER_PAGE else "")
