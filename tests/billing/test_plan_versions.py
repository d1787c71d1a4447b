"""A published version of a plan is final."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import PlanFeature, PlanVersion, Price
from tests.factories_billing import (
    NOW,
    ExternalPriceFactory,
    PlanFactory,
    PlanFeatureFactory,
    PlanVersionFactory,
    PriceFactory,
)

pytestmark = pytest.mark.django_db


class TestPublishedVersionsAreFinal:
    @pytest.fixture
    def price(self) -> Price:
        version = PlanVersionFactory.create(draft=True)
        PlanFeatureFactory.create(plan_version=version)
        price = PriceFactory.create(plan_version=version)
        PlanVersion.objects.filter(pk=version.pk).update(published_at=NOW)
        return price

    @pytest.mark.parametrize(
        "change",
        [
            {"amount_minor": 1},
            {"currency": "EUR"},
            {"interval": "year"},
            {"usage_type": "metered"},
            {"trial_days": 14},
        ],
    )
    def test_a_price_keeps_its_terms(self, price: Price, change: dict[str, Any]) -> None:
        with (
            pytest.raises(IntegrityError, match="published plan version is final"),
            transaction.atomic(),
        ):
            Price.objects.filter(pk=price.pk).update(**change)

        assert Price.objects.filter(pk=price.pk, amount_minor=2900, currency="USD").exists()

    @pytest.mark.parametrize(
        "change", [{"version": 99}, {"published_at": None}, {"published_at": NOW + timedelta(1)}]
    )
    def test_a_version_keeps_its_number_and_stays_published(
        self, price: Price, change: dict[str, Any]
    ) -> None:
        with pytest.raises(IntegrityError, match="final"), transaction.atomic():
            PlanVersion.objects.filter(pk=price.plan_version_id).update(**change)

    def test_a_version_stays_with_its_plan(self, price: Price) -> None:
        other = PlanFactory.create()

        with pytest.raises(IntegrityError, match="final"), transaction.atomic():
            PlanVersion.objects.filter(pk=price.plan_version_id).update(plan=other)

    @pytest.mark.parametrize("change", [{"enabled": False}, {"limit": 9}, {"key": "other"}])
    def test_a_feature_keeps_its_value(self, price: Price, change: dict[str, Any]) -> None:
        with pytest.raises(IntegrityError, match="final"), transaction.atomic():
            PlanFeature.objects.filter(plan_version=price.plan_version_id).update(**change)

    def test_nothing_is_moved_into_it_or_added(self, price: Price) -> None:
        stray_price, stray_feature = (
            PriceFactory.create(plan_version__draft=True, interval="year"),
            PlanFeatureFactory.create(),
        )

        for move in (
            lambda: Price.objects.filter(pk=stray_price.pk).update(
                plan_version=price.plan_version_id
            ),
            lambda: PlanFeature.objects.filter(pk=stray_feature.pk).update(
                plan_version=price.plan_version_id
            ),
            lambda: PlanFeatureFactory.create(plan_version_id=price.plan_version_id),
        ):
            with pytest.raises(IntegrityError, match="final"), transaction.atomic():
                move()

    def test_nothing_of_it_is_deleted(self, price: Price) -> None:
        version_id = price.plan_version_id
        doomed = (
            Price.objects.filter(pk=price.pk),
            PlanFeature.objects.filter(plan_version=version_id),
            PlanVersion.objects.filter(pk=version_id),
        )

        for rows in doomed:
            with pytest.raises(IntegrityError, match="final"), transaction.atomic():
                rows._raw_delete(rows.db)

    def test_a_price_can_be_taken_off_sale_and_named_anew(self, price: Price) -> None:
        Price.objects.filter(pk=price.pk).update(is_active=False)
        link = ExternalPriceFactory.create(price=price)
        link.external_id = "price_new"
        link.save()
        link.delete()

        assert not Price.objects.get(pk=price.pk).is_active

    def test_a_draft_can_be_changed_in_every_way(self) -> None:
        feature = PlanFeatureFactory.create()
        price = PriceFactory.create(plan_version=feature.plan_version)

        Price.objects.filter(pk=price.pk).update(amount_minor=1)
        PlanFeature.objects.filter(pk=feature.pk).update(enabled=False)
        PlanVersion.objects.filter(pk=price.plan_version_id).update(version=7)
        price.delete()
        feature.delete()

        assert PlanVersion.objects.get().version == 7
