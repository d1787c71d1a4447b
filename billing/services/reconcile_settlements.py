"""Comparing what a gateway settled, account by account and day by day, with what we captured.

The report of a day names suspects; how a suspect stands is asked for by itself.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from billing.drivers.base import ObjectMissing
from billing.drivers.settlement_calls import SettlementCalls
from billing.services.reconcile_compare import moment
from billing.services.reconcile_quiet import Seen
from billing.services.reconcile_session import Session
from billing.types import Subject
from billing.types.differences import DifferenceKind, Found, Look, Remedy, Scope, Shown
from billing.types.settlements import Capture, Settlement, SettlementAccount
from orgs.selectors import parse_uuid

KIND = "transaction"
# Banks take a day or two, and do not work at weekends; this long without a word is worth a look.
DUE_AFTER = timedelta(hours=48)
_DAYS = {Scope.RECENT: 2, Scope.FULL: 5}


def suspects(session: Session, scope: Scope) -> Iterator[Subject]:
    """Yield the transactions whose settlement is another than what we captured, or is missing."""
    driver = session.driver
    if not isinstance(driver, SettlementCalls):
        return
    for account in driver.settlement_accounts():
        if not _is_wanted(session, account):
            continue
        for age in range(_DAYS[scope]):
            day = (session.now - timedelta(days=age)).date()
            yield from _of_day(session, driver, account.account_id, day)
        since, before = session.history_since, session.now - DUE_AFTER
        for row in driver.unsettled_captures(account.account_id, since=since, before=before):
            yield _subject(account.account_id, row.external_id)


def look_at(session: Session, subject: Subject) -> Seen | None:
    """Ask how one transaction stands, beside our row of it; None where nothing is settled."""
    driver = session.driver
    account_id, external_id = _parse(subject)
    if account_id is None or not isinstance(driver, SettlementCalls):
        return None
    account = next(
        (row for row in driver.settlement_accounts() if row.account_id == account_id), None
    )
    if account is None:  # switched off, or broken: nobody can say
        return None
    try:
        theirs = session.ask(lambda: driver.retrieve_settlement(account_id, external_id))
    except ObjectMissing:
        theirs = None
    ours = (
        driver.find_captures(account_id, [theirs]).get(external_id)
        if theirs
        else driver.find_capture(account_id, external_id)
    )
    is_due = ours is not None and ours.captured_at < session.now - DUE_AFTER
    found = compare(ours, theirs, is_due=is_due)
    if theirs is not None:
        driver.note_settlements(account_id, [theirs], now=session.now)
    look = Look(
        organization_id=ours.organization_id if ours else account.organization_id,
        provider=session.provider,
        object_type=KIND,
        external_id=subject.external_id,
        object_id=ours.reference if ours else "",
        found=found,
    )
    return Seen(look, ours.captured_at if ours else None)


def compare(ours: Capture | None, theirs: Settlement | None, *, is_due: bool) -> tuple[Found, ...]:
    """Compare a transaction; `is_due` says that it should have been settled by now."""
    if ours is None:
        if theirs is None or theirs.state in ("voided", "declined"):
            return ()
        return (_found(DifferenceKind.TRANSACTION_UNKNOWN, None, theirs),)
    if theirs is None or (theirs.state == "pending" and is_due):
        return (_found(DifferenceKind.NOT_SETTLED, ours, theirs),)
    if theirs.state == "rejected":
        return (_found(DifferenceKind.SETTLEMENT_REJECTED, ours, theirs),)
    is_taken = theirs.state in ("accepted", "pending")
    if (theirs.amount_minor if is_taken else 0) != ours.amount_minor:
        return (_found(DifferenceKind.SETTLED_AMOUNT, ours, theirs),)
    return ()


def _of_day(
    session: Session, driver: SettlementCalls, account_id: UUID, day: date
) -> Iterator[Subject]:
    rows = session.ask(lambda: driver.list_settlements(account_id, day))
    captures = driver.find_captures(account_id, rows)
    session.run.compared += len(rows)
    if rows:
        session.tell(f"{session.provider}: {len(rows)} settled on {day:%Y-%m-%d}")
    for row in rows:
        if compare(captures.get(row.external_id), row, is_due=False):
            yield _subject(account_id, row.external_id)
    driver.note_settlements(account_id, rows, now=session.now)


def _is_wanted(session: Session, account: SettlementAccount) -> bool:
    """Say whether an account may have taken money for whom is compared: the platform's for all."""
    if session.organization is None:
        return True
    return account.organization_id in (None, session.organization.pk)


def _found(kind: DifferenceKind, ours: Capture | None, theirs: Settlement | None) -> Found:
    """Say what differs; only a person can end it: the money has to be looked for."""
    here: Shown = {}
    there: Shown = {}
    if ours is not None:
        here = {
            "kind": ours.kind,
            "reference": ours.reference,
            "amount_minor": ours.amount_minor,
            "currency": ours.currency,
            "captured_at": moment(ours.captured_at),
        }
    if theirs is not None:
        there = {
            "state": theirs.state,
            "word": theirs.word,
            "amount_minor": theirs.amount_minor,
            "reference": theirs.reference,
        }
    return Found(kind, here, there, Remedy.LOOK)


def _subject(account_id: UUID, external_id: str) -> Subject:
    """Name a transaction: a gateway's ids are its accounts' own."""
    return Subject(KIND, f"{account_id}:{external_id}")


def _parse(subject: Subject) -> tuple[UUID | None, str]:
    account, _, external_id = subject.external_id.partition(":")
    return parse_uuid(account), external_id
