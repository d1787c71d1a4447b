"""Whether an account works, asked of the gateway."""

import json
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.drivers.cardconnect import accounts
from billing.drivers.cardconnect.account_check import AccountRefused, check
from billing.drivers.cardconnect.models import AccountState
from billing.models import MerchantAccount
from orgs.models import Organization, User
from tests.billing.cardconnect.gateway_steps import order_for, rail, save
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID

GOOD = {"site": "fts", "merchid": FNOR_MID, "api_user": "testing", "api_pass": "hunter2-testing"}


class TestCheck:
    def test_one_that_is_fine_goes_on_with_what_the_gateway_says_of_it(
        self, simulator: CardPointeSimulator, account: MerchantAccount, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        accounts.mark_broken(account.pk, now=timezone.now())

        check(account, now=timezone.now())

        state = AccountState.objects.get(account=account)
        assert state.broken_at is None
        assert state.facts["cardproc"] == "FNOR"
        assert set(state.facts) <= {
            "cardproc",
            "avs",
            "cvv",
            "acctupdater",
            "echeck",
            "fee_type",
            "enabled",
            "site",
        }
        assert rail.charge(order_for(org, method)).state == "succeeded"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"enabled": False}, "switched the account off"),
            ({"fee_type": "S"}, "adds fees"),
        ],
    )
    def test_one_that_the_gateway_has_set_up_otherwise_is_refused(
        self,
        simulator: CardPointeSimulator,
        account: MerchantAccount,
        change: dict[str, Any],
        reason: str,
    ) -> None:
        simulator.put_merchant(merchid=FNOR_MID, **change)

        with pytest.raises(AccountRefused, match=reason):
            check(account, now=timezone.now())

    def test_wrong_credentials_are_refused(
        self, simulator: CardPointeSimulator, account: MerchantAccount
    ) -> None:
        stored = json.loads(str(account.credentials))
        account.credentials = json.dumps(stored | {"api_pass": "wrong"})
        account.save()

        with pytest.raises(AccountRefused, match="refuses the credentials"):
            check(account, now=timezone.now())

    def test_credentials_that_can_not_be_right_are_never_sent(
        self, simulator: CardPointeSimulator, account: MerchantAccount
    ) -> None:
        account.credentials = json.dumps({"site": "evil.example"})

        with pytest.raises(AccountRefused):
            check(account, now=timezone.now())
        assert simulator.requests() == []


@pytest.mark.django_db
class TestDesk:
    def test_staff_let_a_stopped_account_go_on(
        self,
        client: Client,
        staff: User,
        simulator: CardPointeSimulator,
        account: MerchantAccount,
    ) -> None:
        accounts.mark_broken(account.pk, now=timezone.now())
        state = AccountState.objects.get()

        answer = client.post(
            reverse("admin:cardconnect_accountstate_changelist"),
            {"action": "check_now", "_selected_action": [str(state.pk)]},
            follow=True,
        )

        assert "Till: fine." in answer.content.decode()
        assert AccountState.objects.get().broken_at is None

    def test_no_page_shows_a_token_or_a_profile(
        self,
        client: Client,
        staff: User,
        simulator: CardPointeSimulator,
        account: MerchantAccount,
        org: Organization,
    ) -> None:
        order = order_for(org, save(simulator, org).external_id)
        rail.charge(order)
        token = simulator.tokenize("4788250000121443")
        [kept] = simulator.objects("account")

        for model in ("storedcard", "gatewayprofile", "gatewaytransaction"):
            listed = client.get(reverse(f"admin:cardconnect_{model}_changelist"))

            [row] = apps.get_model("cardconnect", model).objects.all()
            shown = client.get(reverse(f"admin:cardconnect_{model}_change", args=[row.pk]))
            for page in (listed, shown):
                assert page.status_code == 200
                assert token not in page.content.decode()
                assert str(kept["profileid"]) not in page.content.decode()


@pytest.mark.django_db
class TestEntering:
    def enter(self, client: Client, credentials: object, mode: str = "test") -> str:
        fields = {
            "label": "Till",
            "provider": "cardconnect",
            "mode": mode,
            "is_active": "on",
            "new_credentials": json.dumps(credentials),
        }
        answer = client.post(reverse("admin:billing_merchantaccount_add"), fields, follow=True)
        return answer.content.decode()

    def test_good_credentials_are_kept_encrypted_under_their_merchant_id(
        self, client: Client, staff: User
    ) -> None:
        page = self.enter(client, GOOD)

        account = MerchantAccount.objects.get()
        assert accounts.read(account).merchid == account.external_id == FNOR_MID
        assert GOOD["api_pass"] not in page

    @pytest.mark.parametrize(
        ("change", "mode", "field"),
        [
            ({"site": "evil.example"}, "test", "site"),
            ({"site": "fts-uat"}, "live", "site"),
            ({"merchid": "x"}, "test", "merchid"),
            ({"api_pass": ""}, "test", "api_pass"),
            ({"currency": "EUR"}, "test", "currency"),
        ],
    )
    def test_others_are_refused_by_the_field_that_is_wrong(
        self, client: Client, staff: User, change: dict[str, str], mode: str, field: str
    ) -> None:
        page = self.enter(client, GOOD | change, mode)

        assert f"{field} is missing, or can&#x27;t be right." in page
        assert not MerchantAccount.objects.exists()
