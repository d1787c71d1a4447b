"""What reached the merchant's bank account, and what banks took back from it, day by day.

Nobody tells of a chargeback or of a returned bank payment: both only stand in funding reports. Each
becomes the dispute that other providers send a webhook for.

Sources: the gateway's developer guide on funding: reports of a day come 13:00 to 18:00 Eastern Time
on the next day, others up to two business days later, those of bank payments within 72 hours; a
chargeback that is taken back is an adjustment with the same case number.
"""

import dataclasses
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from billing.drivers.base import DriverUnavailable
from billing.drivers.cardconnect import amounts, budget, calls, connections, events, transport
from billing.drivers.cardconnect.accounts import Merchant
from billing.drivers.cardconnect.models import (
    AccountState,
    FundingReport,
    GatewayReversal,
    GatewayTransaction,
    ReversalKind,
    TransactionKind,
)
from billing.drivers.cardconnect.outcome import text
from billing.engine import ids
from billing.enums import Provider

# A day's report may come, or grow, for that long: each of them is read again.
_LATE = timedelta(days=5)
# After an outage of ours days are caught up with, some at a time.
_MOST_DAYS = 15
_DAY = timedelta(days=1)
_DATE = re.compile(r"(20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")

logger = logging.getLogger(__name__)


def poll(merchant: Merchant, *, now: datetime) -> int:
    """Read the reports that may have come or grown, the oldest first; say how much was news.

    Raises:
        DriverUnavailable: the gateway can't be asked now; the days that were read are noted.
    """
    state, _ = AccountState.objects.get_or_create(account_id=merchant.account_id)
    news = 0
    for day in _days(state.funding_read_until, now.date()):
        news += _Report(merchant, day, now).take_over(_ask(merchant, day))
        AccountState.objects.filter(pk=state.pk).update(funding_read_until=day, updated_at=now)
    return news


def _days(read_until: date | None, today: date) -> list[date]:
    first = min(read_until or today, today) - _LATE
    return [first + _DAY * number for number in range((today - first).days + 1)][:_MOST_DAYS]


def _ask(merchant: Merchant, day: date) -> dict[str, Any]:
    """Ask for a day; one without deposits is answered with a text about that."""
    budget.take(merchant)
    query = {"merchid": merchant.merchid, "date": f"{day:%Y%m%d}"}
    try:
        answer = transport.send(merchant, "GET", "funding", query=query)
    except connections.NotSent:
        raise DriverUnavailable("API_ERROR", detail="not_sent") from None
    found = calls.usable("funding", merchant, answer)
    if not isinstance(found, dict):
        raise DriverUnavailable("API_ERROR", detail="funding_no_answer")
    return found


@dataclasses.dataclass(slots=True)
class _Report:
    """One day of one account, while it is taken over."""

    merchant: Merchant
    day: date
    now: datetime
    reversals: int = 0
    unknown: int = 0

    def take_over(self, found: Mapping[str, Any]) -> int:
        """Write down what a report says, once each; return how much of it was news."""
        txns = _rows(found, "txns")
        returned = [row for row in txns if text(row, "achreturncode")]
        news = sum(self._charged_back(row) for row in _rows(found, "chargebacks"))
        news += sum(self._returned(row) for row in returned)
        news += sum(self._won(row) for row in _rows(found, "adjustments"))
        paid_out = [row for row in txns if not text(row, "achreturncode")]
        if txns or self.reversals:
            self._note(found, len(txns))
        if paid_out:
            self._note_payouts(paid_out)
            key = f"{self.merchant.account_id}:{self.day:%Y%m%d}"
            news += events.tell("payout.paid", key, at=self.now)
        return news

    def _charged_back(self, row: Mapping[str, Any]) -> bool:
        number, charge = text(row, "casenumber"), self._charge(text(row, "retref"))
        code, words = text(row, "reasoncode"), text(row, "reasondescription")
        opened_on = _date(text(row, "chargebackdate")) or self.day
        return self._open(
            ReversalKind.CHARGEBACK, number, charge, row, (code, words), opened_on=opened_on
        )

    def _returned(self, row: Mapping[str, Any]) -> bool:
        number, charge = text(row, "retref"), self._charge(text(row, "parentretref"))
        reason = (text(row, "achreturncode"), "returned by the bank")
        return self._open(ReversalKind.RETURN, number, charge, row, reason, opened_on=self.day)

    def _open(
        self,
        kind: ReversalKind,
        number: str,
        charge: GatewayTransaction | None,
        row: Mapping[str, Any],
        reason: tuple[str, str],
        *,
        opened_on: date,
    ) -> bool:
        self.reversals += 1
        if charge is None or not number:
            self._unknown(kind, number)
            return False
        reversal, _ = GatewayReversal.objects.get_or_create(
            account_id=self.merchant.account_id,
            kind=kind,
            number=number[:50],
            defaults={
                "organization_id": charge.organization_id,
                "charge": charge,
                "external_id": ids.new_id(Provider.CARDCONNECT, "dp"),
                "reason_code": reason[0][:20],
                "reason": reason[1][:100],
                "amount_minor": _amount(row) or charge.amount_minor,
                "currency": charge.currency,
                "opened_on": opened_on,
            },
        )
        # Told even if it was known: whoever wrote it down may have died before it could tell.
        return events.tell(
            "charge.disputed",
            reversal.external_id,
            at=self.now,
            dispute=reversal.external_id,
            amount_minor=str(reversal.amount_minor),
            currency=reversal.currency,
            reason=reversal.reason_code,
            **events.charge_subject(charge.reference),
        )

    def _won(self, row: Mapping[str, Any]) -> bool:
        """Take over that a chargeback was taken back: an adjustment of its case, in our favour."""
        number = text(row, "casenumber")
        if not number or text(row, "amount").startswith("-"):
            return False
        self.reversals += 1
        rows = GatewayReversal.objects.filter(
            account_id=self.merchant.account_id, kind=ReversalKind.CHARGEBACK, number=number
        )
        rows.filter(won_on=None).update(won_on=self.day, updated_at=self.now)
        reversal = rows.first()
        if reversal is None:
            self._unknown(ReversalKind.CHARGEBACK, number)
            return False
        name = reversal.external_id
        return events.tell("dispute.closed", name, at=self.now, dispute=name)

    def _charge(self, retref: str) -> GatewayTransaction | None:
        if not retref:
            return None
        rows = GatewayTransaction.objects.filter(account_id=self.merchant.account_id, retref=retref)
        return rows.exclude(kind=TransactionKind.REFUND).order_by("-created_at").first()

    def _unknown(self, kind: ReversalKind, number: str) -> None:
        """Somebody else's, on the same merchant ID: for staff, who see the count of the report."""
        self.unknown += 1
        about = {"account": str(self.merchant.account_id), "kind": kind.value, "number": number}
        logger.error("cardconnect.unknown_reversal", extra=about)

    def _note_payouts(self, rows: Iterable[Mapping[str, Any]]) -> None:
        retrefs = {text(row, "retref") for row in rows} - {""}
        GatewayTransaction.objects.filter(
            account_id=self.merchant.account_id, retref__in=retrefs, paid_out_on=None
        ).update(paid_out_on=self.day, updated_at=self.now)

    def _note(self, found: Mapping[str, Any], transactions: int) -> None:
        fundings = _rows(found, "fundings")
        FundingReport.objects.update_or_create(
            account_id=self.merchant.account_id,
            day=self.day,
            defaults={
                "external_id": text(found, "fundingmasterid")[:64],
                "net_sales": ", ".join(text(row, "netsales") for row in fundings)[:30],
                "transactions": transactions,
                "reversals": self.reversals,
                "unknown": self.unknown,
                "read_at": self.now,
            },
        )


def _rows(found: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = found.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _amount(row: Mapping[str, Any]) -> int:
    """Return the cents of an amount that says whether it is one; 0 where that can't be told."""
    written = text(row, "amount")
    return abs(amounts.from_wire(written) or 0) if "." in written else 0


def _date(written: str) -> date | None:
    found = _DATE.fullmatch(written)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
