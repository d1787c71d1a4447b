"""A merchant account with a reader, orders, and asking what became of them, on the simulator."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.models import GatewayTransaction, TransactionKind
from billing.drivers.cardconnect.terminals.finding import ABSENT_AFTER
from billing.models import MerchantAccount
from billing.types import ReaderRef, SaleOrder, SaleSnapshot
from orgs import clock, references
from orgs.models import Organization
from tests.billing.cardconnect import gateway_steps
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import API_KEY
from tests.simulators.cardpointe.terminals.readers import HSN

AMOUNT = 4900
CLOVER = "SIM0002"
SESSION_KEY = "f4fb39ff5c9c4299b3d7b34ca7ce2348"
AT_ONCE = timedelta()
TOO_EARLY = timedelta(seconds=204)
CERTAIN = ABSENT_AFTER + timedelta(seconds=1)
TAKEN = [("Queued for Capture", AMOUNT)]

driver = CardConnectDriver()


def open_counter(organization: Organization | None = None, **changes: Any) -> MerchantAccount:
    """Give an organization, or the platform, a merchant account with a key for readers."""
    return gateway_steps.open_account(organization, **{"terminal_api_key": API_KEY} | changes)


def sale_for(organization: Organization, account: MerchantAccount, **changes: Any) -> SaleOrder:
    """Return an order of 49.00, captured at once."""
    values: dict[str, Any] = {
        "organization_id": organization.pk,
        "payment_id": uuid4(),
        "reference": references.new_reference(),
        "reader": ReaderRef(changes.pop("hsn", HSN), account.pk),
        "amount_minor": AMOUNT,
        "currency": "USD",
        "is_captured_at_once": True,
    }
    return SaleOrder(**values | changes)


def run(order: SaleOrder) -> SaleSnapshot:
    """Have a reader take it."""
    return driver.run_sale(order, idempotency_key=order.reference)


def lose(simulator: CardPointeSimulator, order: SaleOrder, kind: str, **fault: Any) -> None:
    """Have a reader take it, let the answer be lost, and the first question with it."""
    simulator.add_fault(kind, op="authCard", hsn=order.reader.external_id, **fault)
    simulator.add_fault("inquiry_down")
    with pytest.raises(OutcomeUnknown):
        run(order)


def find(order: SaleOrder, after: timedelta = CERTAIN) -> SaleSnapshot | None:
    """Ask what became of it, so long after its reader was asked."""
    row = row_of(order)
    sent_at = row.sent_at if row is not None and row.sent_at else clock.now()
    return driver.find_sale(order, sent_at=sent_at, now=sent_at + after)


def row_of(order: SaleOrder) -> GatewayTransaction | None:
    """Return what we have written down of it."""
    rows = GatewayTransaction.objects.filter(kind=TransactionKind.SALE)
    return rows.filter(reference=order.reference).first()


def state_of(order: SaleOrder) -> str:
    """Return the state that is written down of it; empty for none."""
    row = row_of(order)
    return str(row.state) if row else ""


def asked(simulator: CardPointeSimulator, op: str) -> list[dict[str, Any]]:
    """Return the fields of a command's calls, oldest first."""
    return [request["fields"] for request in simulator.requests(op=op)]


def money_of(simulator: CardPointeSimulator, order: SaleOrder) -> list[tuple[str, int]]:
    """Return what the gateway holds or took of it: state and cents."""
    rows = gateway_steps.live(simulator, order.reference)
    return [(row["setlstat"], row["captured"] or row["amount"]) for row in rows]


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Do something at a reader while the body of the block waits for it."""
    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join(timeout=20)
    assert not thread.is_alive()
