"""Services and selectors of the catalogue, on the seeded plans."""

import pytest

from billing.enums import Provider
from billing.models import ExternalPrice, Plan, PlanFeature, Price
from billing.selectors import plans
from billing.services import catalogue
from tests.billing.seeding import seed
from tests.factories_billing import NOW

pytestmark = pytest.mark.django_db


class TestStartVersion:
    def test_copies_the_version_in_force(self) -> None:
        seed()
        plan = plans.get_plan("professional")

        draft = catalogue.start_version(plan=plan)

        assert (draft.version, draft.published_at) == (2, None)
        assert plans.features_of(draft)["agents"] == 25
        assert set(draft.prices.values_list("interval", "amount_minor")) == {
            ("month", 9900),
            ("year", 99000),
        }

    def test_returns_the_open_draft_instead_of_a_second_one(self) -> None:
        seed()
        plan = plans.get_plan("professional")

        assert catalogue.start_version(plan=plan) == catalogue.start_version(plan=plan)

    def test_starts_empty_for_a_plan_that_was_never_published(self) -> None:
        plan = Plan.objects.create(code="new", name="New")

        draft = catalogue.start_version(plan=plan)

        assert draft.version == 1
        assert not PlanFeature.objects.filter(plan_version=draft).exists()


class TestPublishVersion:
    def test_puts_a_draft_in_force_once(self) -> None:
        seed()
        plan = plans.get_plan("starter")
        draft = catalogue.start_version(plan=plan)

        catalogue.publish_version(version=draft, now=NOW)

        with pytest.raises(catalogue.AlreadyPublished):
            catalogue.publish_version(version=draft, now=NOW)


def test_prices_to_link_are_the_paid_ones_on_sale() -> None:
    seed()
    starter = plans.get_price(plans.get_plan("starter"))
    ExternalPrice.objects.create(price=starter, provider=Provider.STRIPE, external_id="price_1")
    Price.objects.filter(plan_version__plan__code="professional", interval="year").update(
        is_active=False
    )

    left = [str(price) for price in plans.prices_to_link(Provider.STRIPE)]

    assert left == ["Starter v1 29000 USD/year", "Professional v1 9900 USD/month"]
