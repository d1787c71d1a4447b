"""`manage.py reconcile`: by hand what beat does, with a summary."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from billing import tasks
from billing.models import Customer, Price, Reconciliation
from billing.services import projection
from tests.billing.invoice_event_steps import Shop
from tests.billing.reconcile_steps import HOUR, make_comparison
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> list[str]:
    out = StringIO()
    options = ("--provider", "stripe", "--per-second", "1000", *arguments)
    call_command("reconcile", *options, stdout=out)
    return out.getvalue().splitlines()


class TestReconcile:
    def test_compares_one_organization_and_sums_up(
        self, stripe: StripeSimulator, price: Price
    ) -> None:
        stripe.advance(HOUR)  # what happens at the provider from now on is not "a moment ago"
        shop = Shop(stripe, price)
        last_week = projection.database_now() - timedelta(days=7)
        Customer.objects.filter(external_id=shop.customer).update(
            email="old@bistro.example", updated_at=last_week
        )

        lines = run("--full", "--organization", shop.organization.slug)

        row = Reconciliation.objects.get()
        assert "stripe: 1 subscriptions" in lines
        assert "stripe: 1 invoices" in lines
        assert lines[-2:] == [
            f"stripe: 3 compared with {row.calls} questions, 1 differ, 0 left for the next time.",
            "  Customer's e-mail: 1",
        ]
        assert (row.organization, row.scope, row.state) == (shop.organization, "full", "done")

    def test_compares_what_happened_lately_unless_asked_for_all(self, shop: Shop) -> None:
        run()

        assert Reconciliation.objects.get().scope == "recent"

    def test_says_when_it_may_not_ask_more(self, shop: Shop) -> None:
        assert "Not everything was compared: --calls allows more questions." in run("--calls", "1")

    def test_knows_no_such_organization(self, stripe: StripeSimulator) -> None:
        with pytest.raises(CommandError, match="no organization nobody"):
            run("--organization", "nobody")

        assert not Reconciliation.objects.exists()

    def test_fails_when_the_provider_does_not_answer(
        self, stripe: StripeSimulator, short_pauses: None
    ) -> None:
        stripe.add_fault(method="GET", path="^/v1/events$", status=500, times=-1)

        with pytest.raises(CommandError, match="did not answer"):
            run()

    def test_leaves_one_that_is_under_way_alone(self, stripe: StripeSimulator) -> None:
        make_comparison(state="running", alive_at=projection.database_now(), finished_at=None)

        with pytest.raises(CommandError, match="under way already"):
            run("--full")


class TestTasks:
    def test_compare_lately_and_everything(self, stripe: StripeSimulator) -> None:
        tasks.reconcile_recent()
        tasks.reconcile_everything()

        runs = Reconciliation.objects.filter(provider="stripe").order_by("started_at")
        assert [(row.scope, row.state) for row in runs] == [("recent", "done"), ("full", "done")]
