"""What the scenarios over all drivers share."""

import pytest

from billing.enums import AttemptState
from billing.types import SubscriptionSnapshot
from tests.contract.sandboxes import Sandbox, new_key


def able(sandbox: Sandbox, capability: str) -> Sandbox:
    if not getattr(sandbox.driver.capabilities, capability):
        pytest.skip(f"{sandbox.provider} has no {capability}")
    return sandbox


def start(sandbox: Sandbox, card: str) -> SubscriptionSnapshot:
    return sandbox.driver.create_subscription(sandbox.new_start(card), idempotency_key=new_key())


def state_of(snapshot: SubscriptionSnapshot) -> AttemptState | None:
    assert snapshot.latest_payment is not None
    return snapshot.latest_payment.state


def attach(sandbox: Sandbox, payer: str, card: str = "") -> str:
    return sandbox.driver.attach_payment_method(
        card or sandbox.good_card,
        external_customer_id=payer,
        idempotency_key=new_key(),
        card=sandbox.card_details,
    )
