"""Forms of the admin: plans and their versions, merchant accounts, billing profiles."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from billing.models import (
    BillingProfile,
    MerchantAccount,
    Plan,
    PlanFeature,
    PlanVersion,
    Price,
)
from orgs.models import User
from tests import factories_billing as make
from tests.billing.admin_steps import act

pytestmark = pytest.mark.django_db


def version_form(version: PlanVersion, **changes: Any) -> dict[str, Any]:
    """What the browser sends for a version with one price and one feature."""
    price, feature = version.prices.get(), version.features.get()
    return {
        "prices-TOTAL_FORMS": 1,
        "prices-INITIAL_FORMS": 1,
        "prices-0-id": str(price.pk),
        "prices-0-plan_version": str(version.pk),
        "prices-0-interval": price.interval,
        "prices-0-currency": price.currency,
        "prices-0-amount_minor": price.amount_minor,
        "prices-0-trial_days": price.trial_days,
        "prices-0-is_active": "on",
        "features-TOTAL_FORMS": 1,
        "features-INITIAL_FORMS": 1,
        "features-0-id": str(feature.pk),
        "features-0-plan_version": str(version.pk),
        "features-0-key": feature.key,
        "features-0-kind": feature.kind,
        "features-0-enabled": "on",
        "features-0-rank": 0,
        **changes,
    }


class TestPlanVersions:
    @pytest.fixture
    def draft(self) -> PlanVersion:
        feature = make.PlanFeatureFactory.create()
        make.PriceFactory.create(plan_version=feature.plan_version)
        version: PlanVersion = feature.plan_version
        return version

    @pytest.fixture
    def published(self, draft: PlanVersion) -> PlanVersion:
        PlanVersion.objects.filter(pk=draft.pk).update(published_at=make.NOW)
        draft.refresh_from_db()
        return draft

    def save(self, client: Client, version: PlanVersion, **changes: Any) -> Any:
        url = reverse("admin:billing_planversion_change", args=[version.pk])
        return client.post(url, version_form(version, **changes))

    def test_a_draft_is_edited(self, client: Client, staff: User, draft: PlanVersion) -> None:
        changes = {"prices-0-amount_minor": 3900, "prices-0-currency": "eur"}

        assert self.save(client, draft, **changes).status_code == 302

        price = Price.objects.get()
        assert (price.amount_minor, price.currency) == (3900, "EUR")

    def test_minus_one_means_unlimited(
        self, client: Client, staff: User, draft: PlanVersion
    ) -> None:
        changes = {"features-0-kind": "limit", "features-0-limit": -1}

        assert self.save(client, draft, **changes).status_code == 302

        feature = PlanFeature.objects.get()
        assert (feature.limit, feature.unlimited, feature.value) == (None, True, -1)

    @pytest.mark.parametrize(
        "changes",
        [
            {"features-0-kind": "limit"},
            {"features-0-kind": "limit", "features-0-limit": -2},
            {"prices-0-currency": "U$D"},
            {"prices-0-amount_minor": -1},
        ],
    )
    def test_what_makes_no_sense_is_refused(
        self, client: Client, staff: User, draft: PlanVersion, changes: dict[str, Any]
    ) -> None:
        before = (Price.objects.values().get(), PlanFeature.objects.values().get())

        response = self.save(client, draft, **changes)

        assert response.status_code == 200
        assert (Price.objects.values().get(), PlanFeature.objects.values().get()) == before

    def test_of_a_published_one_only_the_place_on_sale_changes(
        self, client: Client, staff: User, published: PlanVersion
    ) -> None:
        data = version_form(published, **{"prices-0-amount_minor": 1, "features-0-key": "other"})
        del data["prices-0-is_active"]
        url = reverse("admin:billing_planversion_change", args=[published.pk])

        assert client.post(url, data).status_code == 302

        price = Price.objects.get()
        assert (price.amount_minor, price.is_active) == (2900, False)
        assert PlanFeature.objects.get().key != "other"

    def test_publishing_asks_first(self, client: Client, staff: User, draft: PlanVersion) -> None:
        html = act(client, "billing_planversion", "publish", draft).content.decode()

        assert "Published versions are final" in html
        assert PlanVersion.objects.get().published_at is None

    def test_publishing_puts_the_draft_in_force(
        self, client: Client, staff: User, draft: PlanVersion
    ) -> None:
        act(client, "billing_planversion", "publish", draft, confirmed="yes")

        assert PlanVersion.objects.get().published_at is not None
        assert LogEntry.objects.get().change_message == "Published."

    def test_a_new_version_starts_from_the_one_in_force(
        self, client: Client, staff: User, published: PlanVersion
    ) -> None:
        act(client, "billing_plan", "start_version", published.plan)

        draft = PlanVersion.objects.get(published_at=None)
        assert draft.prices.get().amount_minor == 2900
        assert draft.features.count() == 1


class TestPlans:
    def test_the_code_is_fixed_and_the_rest_is_not(self, client: Client, staff: User) -> None:
        plan = make.PlanFactory.create(code="starter")
        data = {
            "code": "other",
            "name": "Beginner",
            "description": "",
            "rank": 3,
            "grace_days": 10,
            "versions-TOTAL_FORMS": 0,
            "versions-INITIAL_FORMS": 0,
        }

        response = client.post(reverse("admin:billing_plan_change", args=[plan.pk]), data)

        assert response.status_code == 302
        changed = Plan.objects.get()
        assert (changed.code, changed.name, changed.is_active) == ("starter", "Beginner", False)
        assert changed.grace_days == 10


class TestMerchantAccounts:
    def save(self, client: Client, account: MerchantAccount, **changes: str) -> Any:
        data = {
            "label": "Bistro",
            "organization": str(account.organization_id),
            "provider": "stripe",
            "mode": "test",
            "is_active": "on",
            **changes,
        }
        url = reverse("admin:billing_merchantaccount_change", args=[account.pk])
        return client.post(url, data)

    def test_secrets_never_come_out(self, client: Client, staff: User) -> None:
        account = make.MerchantAccountFactory.create()

        html = client.get(
            reverse("admin:billing_merchantaccount_change", args=[account.pk])
        ).content.decode()

        assert "sk_test_stored" not in html
        assert "whsec_stored" not in html

    def test_empty_keeps_what_is_stored(self, client: Client, staff: User) -> None:
        account = make.MerchantAccountFactory.create()

        assert self.save(client, account).status_code == 302

        account.refresh_from_db()
        assert account.label == "Bistro"
        assert account.credentials == '{"secret_key": "sk_test_stored"}'
        assert account.webhook_secret == "whsec_stored"

    def test_what_is_entered_replaces_it(self, client: Client, staff: User) -> None:
        account = make.MerchantAccountFactory.create()

        self.save(client, account, new_credentials='{"user": "u"}', new_webhook_secret="whsec_new")

        account.refresh_from_db()
        assert (account.credentials, account.webhook_secret) == ('{"user": "u"}', "whsec_new")
        assert "whsec_new" not in str(LogEntry.objects.values())

    @pytest.mark.parametrize("text", ["{", "[]", "5"])
    def test_credentials_must_be_an_object_and_are_not_repeated(
        self, client: Client, staff: User, text: str
    ) -> None:
        account = make.MerchantAccountFactory.create()

        response = self.save(client, account, new_credentials=text)

        assert response.status_code == 200
        assert "Not a JSON object." in response.content.decode()
        account.refresh_from_db()
        assert account.credentials == '{"secret_key": "sk_test_stored"}'


class TestBillingProfiles:
    def save(self, client: Client, hosts: str) -> Any:
        profile = make.BillingProfileFactory.create()
        url = reverse("admin:billing_billingprofile_change", args=[profile.pk])
        return client.post(url, {"allowed_return_hosts": hosts})

    def test_hosts_are_kept_in_lower_case(self, client: Client, staff: User) -> None:
        self.save(client, '["Shop.Example", "localhost:3000"]')

        assert BillingProfile.objects.get().allowed_return_hosts == [
            "shop.example",
            "localhost:3000",
        ]

    @pytest.mark.parametrize(
        "hosts",
        ['"shop.example"', '["https://a.example"]', '["*.example"]', '["a.example/x"]', "[5, {}]"],
    )
    def test_anything_but_hosts_is_refused(self, client: Client, staff: User, hosts: str) -> None:
        assert self.save(client, hosts).status_code == 200
        assert BillingProfile.objects.get().allowed_return_hosts == ["shop.example"]
