"""Money back and payments twice where CardConnect charges, through billing's own services."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from billing.enums import Provider, RefundReason
from billing.models import (
    BillingEvent,
    Case,
    Invoice,
    MerchantAccount,
    Obligation,
    Price,
    Refund,
    Subscription,
)
from billing.services import late_winners, refunds, resolve, subscribe
from billing.types import CardDetails
from orgs import clock
from orgs.models import Organization
from tests.billing.enterprise_steps import pay
from tests.billing.refund_steps import STAFF
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.django_db

VISA = "4788250000121443"
PRICE = 2900


@pytest.fixture
def paid(
    org: Organization,
    catalogue: dict[str, Price],
    account: MerchantAccount,
    simulator: CardPointeSimulator,
) -> Invoice:
    """Starter by the month, whose first invoice was charged and is settled."""
    simulator.settings(close_hour=None)
    call_command("push_catalogue", provider="cardconnect", verbosity=0)
    started = subscribe.start_subscription(
        organization=org,
        request=subscribe.StartRequest(
            price=catalogue["starter:month"],
            payment_method=simulator.tokenize(VISA, expiry="1230"),
            card=CardDetails(expiry="1230", name="Joe Cardholder", postal="19355"),
            provider=Provider.CARDCONNECT,
        ),
        cause=STAFF,
        now=clock.now(),
    )
    assert started.subscription.status == "active"
    simulator.close_batches()
    invoice: Invoice = Invoice.objects.select_related("organization", "subscription").get(
        organization=org
    )
    return invoice


def give_back(invoice: Invoice, amount: int | None = None, key: str = "") -> Obligation:
    request = refunds.RefundRequest(
        provider=invoice.provider,
        external_payment_id=invoice.external_payment_id,
        reason=RefundReason.REQUESTED_BY_CUSTOMER,
        amount_minor=amount,
        request_key=key,
    )
    return refunds.refund(
        organization=invoice.organization, request=request, cause=STAFF, now=clock.now()
    )


def refunded(simulator: CardPointeSimulator) -> list[int]:
    return [int(row["amount"]) for row in simulator.transactions(kind="refund")]


class TestRefund:
    def test_gives_a_part_back_and_tells_it_once(
        self, paid: Invoice, simulator: CardPointeSimulator
    ) -> None:
        debt = give_back(paid, 500)

        assert debt.state == "settled"
        assert refunded(simulator) == [500]
        row = Refund.objects.get()
        assert (row.amount_minor, row.status, row.invoice) == (500, "succeeded", paid)
        paid.refresh_from_db()
        assert paid.refunded_minor == 500
        told = BillingEvent.objects.filter(
            organization=paid.organization, type="billing.payment.refunded"
        )
        assert [line.summary for line in told] == ["A payment of $5.00 was refunded."]

    @pytest.mark.parametrize(
        ("fault", "state", "given"),
        # What the gateway does not know (yet) is asked for until it can't come any more.
        [("drop_after", "settled", [500]), ("drop_before", "open", [])],
    )
    def test_a_lost_answer_is_decided_by_asking(
        self,
        paid: Invoice,
        simulator: CardPointeSimulator,
        fault: str,
        state: str,
        given: list[int],
    ) -> None:
        simulator.add_fault(fault, op="refund")

        debt = give_back(paid, 500, key="click")

        assert debt.state == "open"
        for seconds in (10, 60, 120, 240, 3600):
            resolve.resolve_due(now=clock.now() + timedelta(seconds=seconds))
        debt.refresh_from_db()
        assert refunded(simulator) == given
        assert debt.state == state


class TestPaidTwice:
    def test_a_transfer_beside_a_charge_is_a_late_winner_with_one_click(
        self, paid: Invoice, simulator: CardPointeSimulator
    ) -> None:
        assert pay(paid, PRICE, "ZB-77").is_too_much

        case = Case.objects.get(organization=paid.organization)
        assert case.summary.endswith("refund what was charged, or transfer it back.")
        remedy = late_winners.find_remedy(case=case)
        assert (remedy.external_subscription_id, remedy.gives_money_back) == ("", True)
        late_winners.refund_late_winner(case=case, cause=STAFF, now=clock.now())

        case.refresh_from_db()
        assert case.state == "resolved"
        assert refunded(simulator) == [PRICE]
        assert Subscription.objects.get(organization=paid.organization).status == "active"
