"""Rows of the gateway, for the tests of their pages: each call makes new ones."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

from django.db.models import Model

from billing.drivers.cardconnect.models import (
    AccountState,
    FundingReport,
    GatewayProfile,
    GatewayReversal,
    GatewayTransaction,
    ReversalKind,
    StoredCard,
    TransactionKind,
    TransactionState,
)
from orgs import references
from tests.billing.builders import make_organization
from tests.billing.cardconnect.gateway_steps import open_account


def account_state() -> Model:
    return AccountState.objects.create(account=open_account())


def profile() -> GatewayProfile:
    return GatewayProfile.objects.create(
        account=open_account(),
        digest=uuid.uuid4().hex,
        profile="16700875781344019340/1",
        token="9418594164541111",
        fingerprint=uuid.uuid4().hex,
        brand="visa",
        last4="1111",
        exp_month=12,
        exp_year=2030,
    )


def card() -> Model:
    return StoredCard.objects.create(
        organization=make_organization(),
        payer_id="cc_cus_one",
        external_id=f"cc_pm_{uuid.uuid4().hex}",
        profile=profile(),
        idempotency_key=str(uuid.uuid4()),
    )


def transaction() -> GatewayTransaction:
    return GatewayTransaction.objects.create(
        organization=make_organization(),
        account=open_account(),
        kind=TransactionKind.CHARGE,
        state=TransactionState.APPROVED,
        reference=references.new_reference(),
        retref="363652261392",
        amount_minor=4900,
        currency="USD",
    )


def reversal() -> Model:
    charge = transaction()
    return GatewayReversal.objects.create(
        organization=charge.organization,
        account=charge.account,
        charge=charge,
        kind=ReversalKind.CHARGEBACK,
        external_id=f"cc_dp_{uuid.uuid4().hex}",
        number=uuid.uuid4().hex[:12],
        amount_minor=4900,
        currency="USD",
        opened_on=date(2026, 3, 1),
    )


def funding_report() -> Model:
    return FundingReport.objects.create(
        account=open_account(), day=date(2026, 3, 1), read_at=datetime(2026, 3, 2, tzinfo=UTC)
    )


PAGES: dict[str, Callable[[], Model]] = {
    "cardconnect_accountstate": account_state,
    "cardconnect_gatewayprofile": profile,
    "cardconnect_storedcard": card,
    "cardconnect_gatewaytransaction": transaction,
    "cardconnect_gatewayreversal": reversal,
    "cardconnect_fundingreport": funding_report,
}
