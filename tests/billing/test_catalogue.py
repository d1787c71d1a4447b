"""The catalogue as it is read, and pushed to a provider."""

import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.enums import FeatureKind, Interval, Provider
from billing.errors import ContactSales
from billing.models import ExternalPrice, Plan
from billing.selectors import plans
from billing.types import ExternalPriceRef, PriceSpec
from orgs.errors import InvalidRequest
from tests.factories_billing import (
    NOW,
    ExternalPriceFactory,
    PlanFactory,
    PlanFeatureFactory,
    PlanVersionFactory,
    PriceFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def seeded() -> None:
    call_command("seed_plans", verbosity=0)


class TestListPlans:
    def test_lists_what_is_on_sale_in_the_order_of_the_pages(self, seeded: None) -> None:
        offers = plans.list_plans()

        assert [offer.plan.code for offer in offers] == [
            "free",
            "starter",
            "professional",
            "enterprise",
        ]
        assert [price.interval for price in offers[1].prices] == ["month", "year"]
        assert offers[3].prices == []

    def test_takes_the_version_published_last(self) -> None:
        plan = PlanFactory.create()
        PlanVersionFactory.create(plan=plan, version=1, published_at=NOW)
        newest = PlanVersionFactory.create(
            plan=plan, version=2, published_at=NOW + timedelta(days=1)
        )
        PlanVersionFactory.create(plan=plan, version=3, draft=True)

        assert [offer.version for offer in plans.list_plans()] == [newest]

    def test_leaves_out_what_is_not_on_sale(self) -> None:
        PlanVersionFactory.create(plan__is_active=False)
        PlanVersionFactory.create(draft=True)
        price = PriceFactory.create(is_active=False)

        offers = plans.list_plans()

        assert [(offer.plan, offer.prices) for offer in offers] == [(price.plan_version.plan, [])]

    def test_asks_three_questions_however_many_plans(
        self, seeded: None, django_assert_num_queries: Callable[..., Any]
    ) -> None:
        with django_assert_num_queries(3):
            plans.list_plans()


class TestGetPlan:
    def test_finds_a_plan_by_slug_or_id_in_any_case(self, seeded: None) -> None:
        starter = Plan.objects.get(code="starter")

        found = [plans.get_plan(word) for word in ("starter", " Starter ", starter.pk)]
        found.append(plans.get_plan(str(starter.pk).upper()))

        assert found == [starter] * 4

    @pytest.mark.parametrize(
        "identifier", ["stater", "", "  ", None, 5, "a\x00b", uuid.uuid4(), "x" * 500, "😀", []]
    )
    def test_says_which_field_is_wrong_for_an_unknown_one(
        self, seeded: None, identifier: object
    ) -> None:
        with pytest.raises(plans.UnknownPlan) as caught:
            plans.get_plan(identifier)

        assert caught.value.status == 400
        assert caught.value.code == "INVALID_REQUEST"
        assert caught.value.fields == {"plan": ["There is no such plan."]}

    def test_knows_no_plan_that_is_off_sale_or_unpublished(self) -> None:
        PlanVersionFactory.create(plan__code="old", plan__is_active=False)
        PlanVersionFactory.create(plan__code="new", draft=True)

        for code in ("old", "new"):
            with pytest.raises(plans.UnknownPlan):
                plans.get_plan(code)


class TestGetPrice:
    def test_takes_the_monthly_dollar_price_when_nothing_is_said(self) -> None:
        version = PlanVersionFactory.create()
        PriceFactory.create(plan_version=version, interval=Interval.YEAR, amount_minor=29000)
        PriceFactory.create(plan_version=version, currency="EUR", amount_minor=2700)
        PriceFactory.create(plan_version=version, amount_minor=2900)

        price = plans.get_price(version.plan)

        assert (price.interval, price.currency, price.amount_minor) == ("month", "USD", 2900)

    def test_takes_the_interval_and_the_currency_asked_for(self) -> None:
        version = PlanVersionFactory.create()
        PriceFactory.create(plan_version=version)
        yearly = PriceFactory.create(plan_version=version, interval="year", amount_minor=29000)
        euros = PriceFactory.create(plan_version=version, currency="EUR")

        assert plans.get_price(version.plan, "year") == yearly
        assert plans.get_price(version.plan, "month", "eur") == euros

    def test_sends_to_sales_for_a_plan_priced_individually(self, seeded: None) -> None:
        with pytest.raises(ContactSales):
            plans.get_price(plans.get_plan("enterprise"), "month")

    @pytest.mark.parametrize("interval", ["week", "MONTH", "year", "\x00"])
    def test_says_which_field_is_wrong_for_an_interval_not_sold(self, interval: str) -> None:
        price = PriceFactory.create()
        PriceFactory.create(plan_version=price.plan_version, interval="year", is_active=False)

        with pytest.raises(InvalidRequest) as caught:
            plans.get_price(price.plan_version.plan, interval)

        assert list(caught.value.fields) == ["interval"]

    def test_says_which_field_is_wrong_for_a_currency_not_sold(self) -> None:
        price = PriceFactory.create()

        with pytest.raises(InvalidRequest) as caught:
            plans.get_price(price.plan_version.plan, "month", "CHF")

        assert list(caught.value.fields) == ["currency"]

    def test_refuses_a_plan_that_went_off_sale_meanwhile(self) -> None:
        price = PriceFactory.create(plan_version__plan__is_active=False)

        with pytest.raises(plans.UnknownPlan):
            plans.get_price(price.plan_version.plan)


class TestScopesOf:
    def test_lists_switches_that_are_on_and_limits_above_zero(self) -> None:
        version = PlanVersionFactory.create(draft=True)
        rows: list[dict[str, Any]] = [
            {"key": "on", "kind": FeatureKind.BOOL, "enabled": True},
            {"key": "off", "kind": FeatureKind.BOOL, "enabled": False},
            {"key": "some", "kind": FeatureKind.LIMIT, "limit": 5},
            {"key": "none", "kind": FeatureKind.LIMIT, "limit": 0},
            {"key": "endless", "kind": FeatureKind.METERED, "unlimited": True},
            {"key": "words", "kind": FeatureKind.TEXT, "text": "email"},
        ]
        for rank, row in enumerate(rows):
            PlanFeatureFactory.create(plan_version=version, rank=rank, **row)

        assert plans.scopes_of(version) == ["feature:on", "feature:some", "feature:endless"]


class FakeDriver:
    """Makes prices as a provider would: one per lookup key."""

    def __init__(self) -> None:
        self.specs: list[PriceSpec] = []
        self.fails_after = 99

    def ensure_price(self, spec: PriceSpec) -> ExternalPriceRef:
        if len(self.specs) >= self.fails_after:
            raise DriverUnavailable("API_ERROR", detail="connect")
        self.specs.append(spec)
        return ExternalPriceRef(f"price_{spec.lookup_key}", f"prod_{spec.plan_code}")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    made = FakeDriver()
    monkeypatch.setattr(registry, "get_driver", lambda _provider: made)
    return made


def push() -> str:
    out = io.StringIO()
    call_command("push_catalogue", stdout=out)
    return out.getvalue()


class TestPushCatalogue:
    def test_gives_every_paid_price_a_counterpart(self, seeded: None, driver: FakeDriver) -> None:
        output = push()

        assert driver.specs[0] == PriceSpec(
            plan_code="starter",
            plan_name="Starter",
            version=1,
            interval="month",
            currency="USD",
            amount_minor=2900,
            lookup_key="till_starter_v1_month_usd",
        )
        assert set(ExternalPrice.objects.values_list("external_id", "external_product_id")) == {
            ("price_till_starter_v1_month_usd", "prod_starter"),
            ("price_till_starter_v1_year_usd", "prod_starter"),
            ("price_till_professional_v1_month_usd", "prod_professional"),
            ("price_till_professional_v1_year_usd", "prod_professional"),
        }
        assert output.splitlines()[-1] == "4 prices linked."

    def test_asks_for_nothing_the_second_time(self, seeded: None, driver: FakeDriver) -> None:
        push()
        driver.specs.clear()

        assert push() == "Every price has its name.\n"
        assert driver.specs == []

    def test_leaves_alone_what_the_price_map_named(self, driver: FakeDriver, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"
        call_command("seed_plans", verbosity=0)

        push()

        assert len(driver.specs) == 3

    def test_keeps_what_was_made_before_the_provider_went_away(
        self, seeded: None, driver: FakeDriver
    ) -> None:
        driver.fails_after = 2
        with pytest.raises(CommandError, match="2 were made before"):
            push()
        driver.fails_after = 99

        output = push()

        assert output.splitlines()[-1] == "2 prices linked."
        assert ExternalPrice.objects.filter(provider=Provider.STRIPE).count() == 4

    def test_refuses_a_name_that_stands_for_another_price(
        self, seeded: None, driver: FakeDriver
    ) -> None:
        ExternalPriceFactory.create(external_id="price_till_starter_v1_month_usd")

        with pytest.raises(CommandError, match="stands for another"):
            push()

    def test_knows_only_configured_providers(self) -> None:
        with pytest.raises(CommandError, match="invalid choice"):
            call_command("push_catalogue", "--provider", "nobody")
