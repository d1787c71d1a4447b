"""The command that seeds the plans, and the price map it reads."""

import dataclasses
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import timezone

from billing.enums import Interval
from billing.models import ExternalPrice, Plan, PlanVersion, Price
from billing.selectors import plans
from billing.services import catalogue, price_map, tiers
from tests.billing.seeding import seed
from tests.factories_billing import PriceFactory

pytestmark = pytest.mark.django_db


def links() -> dict[str, str]:
    rows = ExternalPrice.objects.select_related("price__plan_version__plan")
    return {
        f"{row.price.plan_version.plan.code}:{row.price.interval}": row.external_id for row in rows
    }


def change_starter(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    changed = tuple(
        dataclasses.replace(tier, **changes) if tier.code == "starter" else tier
        for tier in tiers.TIERS
    )
    monkeypatch.setattr(tiers, "TIERS", changed)


DEARER = (
    tiers.PriceSeed(Interval.MONTH, 3_900),
    tiers.PriceSeed(Interval.YEAR, 39_000),
)


class TestSeedPlans:
    def test_publishes_the_four_tiers(self) -> None:
        seed()

        prices = Price.objects.values_list(
            "plan_version__plan__code", "interval", "amount_minor", "currency"
        )
        assert set(prices) == {
            ("free", "month", 0, "USD"),
            ("free", "year", 0, "USD"),
            ("starter", "month", 2900, "USD"),
            ("starter", "year", 29000, "USD"),
            ("professional", "month", 9900, "USD"),
            ("professional", "year", 99000, "USD"),
        }
        assert list(Plan.objects.filter(contact_sales=True).values_list("code", flat=True)) == [
            "enterprise"
        ]

    def test_gives_each_tier_what_it_promises(self) -> None:
        seed()

        offers = {offer.plan.code: offer.features for offer in plans.list_plans()}
        assert offers["free"] == {
            "agents": 1,
            "messages": 1000,
            "users": 1,
            "storage_mb": 100,
            "knowledge_base": False,
            "workflows": False,
            "fine_tuning": False,
            "sso": False,
            "sla": False,
            "support": "community",
        }
        assert offers["starter"] | {"storage_mb": 1000, "support": "email"} == offers["starter"]
        assert offers["professional"]["fine_tuning"] is True
        assert offers["enterprise"] == {
            "agents": -1,
            "messages": -1,
            "users": -1,
            "storage_mb": -1,
            "knowledge_base": True,
            "workflows": True,
            "fine_tuning": True,
            "sso": True,
            "sla": True,
            "support": "dedicated",
        }

    def test_leaves_the_grace_that_staff_has_set(self) -> None:
        seed()
        assert set(Plan.objects.values_list("grace_days", flat=True)) == {7}
        Plan.objects.filter(code="starter").update(grace_days=21)

        seed(restore=True)

        assert Plan.objects.get(code="starter").grace_days == 21

    def test_changes_nothing_the_second_time_and_says_so(self) -> None:
        seed()
        before = list(PlanVersion.objects.order_by("pk").values())

        output = seed()

        assert output.endswith("Nothing to change.\n")
        assert list(PlanVersion.objects.order_by("pk").values()) == before

    def test_publishes_a_new_version_when_prices_changed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seed()
        change_starter(monkeypatch, prices=DEARER)

        output = seed()

        assert "starter: published version 2." in output
        assert plans.get_price(plans.get_plan("starter")).amount_minor == 3900
        first = Price.objects.filter(plan_version__plan__code="starter", plan_version__version=1)
        assert set(first.values_list("amount_minor", flat=True)) == {2900, 29000}

    def test_publishes_a_new_version_when_a_feature_changed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seed()
        features = tuple(
            dataclasses.replace(feature, value=7) if feature.key == "agents" else feature
            for feature in tiers.TIERS[1].features
        )
        change_starter(monkeypatch, features=features)

        seed()

        version = plans.current_version(plans.get_plan("starter"))
        assert version is not None
        assert (version.version, plans.features_of(version)["agents"]) == (2, 7)

    def test_leaves_in_force_what_staff_published_since(self) -> None:
        seed()
        draft = catalogue.start_version(plan=plans.get_plan("starter"))
        Price.objects.filter(plan_version=draft, interval="month").update(amount_minor=2500)
        version = plans.current_version(plans.get_plan("starter"))
        assert version is not None
        assert version.published_at is not None
        catalogue.publish_version(version=draft, now=version.published_at)

        output = seed()

        assert "starter: version 2 is in force and stays so" in output
        assert plans.get_price(plans.get_plan("starter")).amount_minor == 2500

    def test_restores_the_release_s_content_when_asked(self) -> None:
        self.test_leaves_in_force_what_staff_published_since()

        seed(restore=True)

        assert plans.get_price(plans.get_plan("starter")).amount_minor == 2900
        assert PlanVersion.objects.filter(plan__code="starter").count() == 3

    def test_says_nothing_when_asked_to_be_quiet(self) -> None:
        assert seed(verbosity=0) == ""


class TestPriceMapInTheCommand:
    @pytest.mark.parametrize(
        "text",
        [
            '{"starter": "price_1", "professional:year": "price_2"}',
            '{"starter": {"month": "price_1"}, "professional": {"year": "price_2"}}',
            "starter=price_1,professional:year=price_2",
            " starter = price_1 ,\n professional:year = price_2 , ",
            "starter:month:usd=price_1,professional:year:USD=price_2",
        ],
    )
    def test_names_the_prices_in_either_spelling(self, settings: Any, text: str) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = text

        seed()

        assert links() == {"starter:month": "price_1", "professional:year": "price_2"}

    def test_changes_nothing_the_second_time(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"
        seed()

        output = seed()

        assert "starter:month: already price_1." in output
        assert output.endswith("Nothing to change.\n")

    def test_follows_a_map_that_changed(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1,starter:year=price_2"
        seed()
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_2,starter:year=price_1"

        seed()

        assert links() == {"starter:month": "price_2", "starter:year": "price_1"}

    def test_leaves_the_name_with_the_version_that_was_sold_under_it(
        self, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"
        seed()
        change_starter(monkeypatch, prices=DEARER)

        output = seed()

        assert "price_1 belongs to version 1; version 2 needs a price of its own" in output
        assert ExternalPrice.objects.get().price.plan_version.version == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("stater=price_1", "stater:month: there is no plan 'stater' (plans: free, starter"),
            ("enterprise=price_1", "enterprise:month: enterprise has no such price on sale"),
            ("starter:month:EUR=price_1", "starter:month:EUR: starter has no such price on sale"),
            ("starter", "'starter' has no '='"),
            ("starter=", "starter: '' is not a price id"),
            ("starter:week=price_1", "starter:week: 'week' is not month or year"),
            ("=price_1", "'' is not a plan"),
            ("starter=price_1,starter:month=price_2", "starter:month is given twice"),
            ("starter=price_1,starter:year=price_1", "price_1 is given to both starter:month"),
            ("starter=price 1", "starter: 'price 1' is not a price id"),
            ('{"starter": ', "not valid JSON"),
            ('["starter"]', "the JSON must be an object"),
            ('{"starter": 5}', "starter: 5 is not a price id"),
            ('{"starter": {"month": null}}', "starter:month: null is not a price id"),
            ('{"starter": "a", "starter": "b"}', "starter is given twice"),
        ],
    )
    def test_names_the_part_that_is_wrong_and_writes_nothing(
        self, settings: Any, text: str, message: str
    ) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = text

        with pytest.raises(CommandError) as caught:
            seed()

        assert str(caught.value).startswith("STRIPE_PRODUCT_PRICE_MAP: ")
        assert message in str(caught.value)
        assert not Plan.objects.exists()

    def test_refuses_an_id_that_belongs_to_another_plan(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"
        seed()
        settings.STRIPE_PRODUCT_PRICE_MAP = "professional=price_1"

        with pytest.raises(CommandError, match="price_1 already belongs to Starter v1"):
            seed()

        assert links() == {"starter:month": "price_1"}

    def test_asks_for_the_currency_where_a_plan_has_several(self, settings: Any) -> None:
        seed()
        draft = catalogue.start_version(plan=plans.get_plan("starter"))
        PriceFactory.create(plan_version=draft, currency="EUR", amount_minor=2700)
        catalogue.publish_version(version=draft, now=timezone.now())
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"

        with pytest.raises(CommandError, match="write starter:month:EUR or starter:month:USD"):
            seed()


class TestParse:
    def test_takes_nothing_for_no_entries(self) -> None:
        assert price_map.parse("") == []
        assert price_map.parse("  ") == []
        assert price_map.parse("{}") == []

    def test_takes_a_plan_without_an_interval_for_its_monthly_price(self) -> None:
        entry = price_map.Entry("starter", Interval.MONTH, "", "price_1")

        assert price_map.parse("starter=price_1") == [entry]
