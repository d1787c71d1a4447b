"""A payment whose process died before billing's rows heard of it."""

from datetime import timedelta
from typing import Any

import pytest

from billing.engine.models import EngineInvoice, EngineSubscription
from billing.enums import Provider, SubscriptionStatus
from billing.services import renewals
from tests.billing.engine.engine_steps import Clock, new_key
from tests.billing.engine.scripted_rail import DECLINED
from tests.billing.engine.service_steps import Tenant, open_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def overdue(settings: Any, clock: Clock) -> Tenant:
    """A tenant whose renewal was declined."""
    tenant = open_tenant(settings, clock, Provider.CARDCONNECT)
    tenant.start(request_key="start")
    end = tenant.row.current_period_end
    assert end is not None
    clock.now = end
    tenant.rail.answers = [DECLINED]
    renewals.run_due(now=clock.now)
    assert tenant.row.status == SubscriptionStatus.PAST_DUE
    return tenant


def test_what_was_paid_is_taken_over_by_the_runner(overdue: Tenant) -> None:
    invoice = EngineInvoice.objects.latest("issued_at")
    overdue.driver.pay_invoice(invoice.external_id, payment_method="", idempotency_key=new_key())
    assert overdue.row.status == SubscriptionStatus.PAST_DUE  # nobody has told

    overdue.clock.now += renewals.LEASE + timedelta(seconds=1)
    renewals.run_due(now=overdue.clock.now)

    assert overdue.row.status == SubscriptionStatus.ACTIVE
    assert not EngineSubscription.objects.filter(claimed_at__isnull=False).exists()
