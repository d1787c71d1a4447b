"""A merchant account, cards and orders for tests on the gateway's simulator."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.drivers.base import OutcomeUnknown
from billing.drivers.cardconnect.driver import CardConnectDriver
from billing.drivers.cardconnect.rail import CardConnectRail
from billing.engine.rails import ChargeOrder, ChargeResult, RefundOrder
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.types import CardDetails, CustomerSpec, PaymentMethodSnapshot
from orgs import references
from orgs.models import Organization
from tests.billing.builders import make_organization
from tests.billing.engine.engine_steps import Clock, Shop, new_key
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, PASSWORD, SITE, USER

SENT_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = SENT_AT + timedelta(seconds=5)
LATER = SENT_AT + timedelta(seconds=41)
MUCH_LATER = SENT_AT + timedelta(minutes=31)
VISA = "4788250000121443"
MASTERCARD = "5454545454545454"
PARTIAL = "4387750101010101"

rail = CardConnectRail()


def open_account(
    organization: Organization | None = None, *, merchid: str = FNOR_MID, **changes: Any
) -> MerchantAccount:
    """Give an organization, or the platform, a merchant account."""
    credentials = {
        "site": SITE,
        "merchid": merchid,
        "api_user": USER,
        "api_pass": PASSWORD,
        **changes,
    }
    return MerchantAccount.objects.create(
        organization=organization,
        provider=Provider.CARDCONNECT,
        label="Till",
        external_id=merchid,
        credentials=json.dumps(credentials),
    )


def save(
    simulator: CardPointeSimulator,
    organization: Organization,
    pan: str = VISA,
    *,
    payer: str = "cc_cus_one",
    cvv: str = "112",
    card: CardDetails | None = None,
    key: str = "",
) -> PaymentMethodSnapshot:
    """Save a card as a payer does who entered it in the tokenizer."""
    return rail.save_method(
        organization_id=organization.pk,
        payer_id=payer,
        payment_method=simulator.tokenize(pan, expiry="1230", cvv=cvv),
        card=card or CardDetails(expiry="1230", name="Joe Cardholder", postal="19355"),
        idempotency_key=key or str(uuid.uuid4()),
    )


def order_for(organization: Organization, method: str, **changes: Any) -> ChargeOrder:
    """Return a renewal of 49.00."""
    values: dict[str, Any] = {
        "organization_id": organization.pk,
        "reference": references.new_reference(),
        "amount_minor": 4900,
        "currency": "USD",
        "method_id": method,
        "initiator": "merchant",
        "is_recurring": True,
        "stores_card": False,
    }
    return ChargeOrder(**values | changes)


def refund_of(order: ChargeOrder, charge_id: str, amount_minor: int = 0) -> RefundOrder:
    """Return a refund of a charge, all of it unless an amount is given."""
    return RefundOrder(
        organization_id=order.organization_id,
        reference=references.new_reference(),
        charge_id=charge_id,
        amount_minor=amount_minor or order.amount_minor,
        currency=order.currency,
    )


def live(simulator: CardPointeSimulator, reference: str) -> list[dict[str, Any]]:
    """Return the approved transactions under a reference that were not taken back."""
    return [
        txn
        for txn in simulator.transactions(orderid=reference)
        if txn["respstat"] == "A" and txn["setlstat"] != "Voided"
    ]


def sent(simulator: CardPointeSimulator, op: str) -> list[dict[str, Any]]:
    """Return the fields of an operation's calls, oldest first."""
    return [request["fields"] for request in simulator.requests(op=op)]


def lose(simulator: CardPointeSimulator, order: ChargeOrder, kind: str, **fault: Any) -> None:
    """Charge, and let the answer be lost."""
    simulator.add_fault(kind, **fault)
    with pytest.raises(OutcomeUnknown):
        rail.charge(order)


def find(order: ChargeOrder, now: Any = LATER) -> ChargeResult | None:
    """Ask what became of a charge, as long after it was sent as is needed to be certain."""
    return rail.find_charge(order, sent_at=SENT_AT, now=now)


def open_shop(simulator: CardPointeSimulator, clock: Clock, *, card: str = VISA) -> Shop:
    """Return a payer with a card at the gateway."""
    driver, organization = CardConnectDriver(), make_organization()
    spec = CustomerSpec(new_key(), str(organization.pk), "pay@acme.example", "Acme")
    payer = driver.create_customer(spec, idempotency_key=new_key())
    method = driver.attach_payment_method(
        simulator.tokenize(card),
        external_customer_id=payer,
        idempotency_key=new_key(),
        card=CardDetails("1230", "Joe Cardholder", "19355"),
    )
    return Shop(driver, clock, organization, payer, method)


def refunded(simulator: CardPointeSimulator) -> list[int]:
    """Return the amounts of the refunds at the gateway."""
    return [int(txn["amount"]) for txn in simulator.transactions(kind="refund")]
