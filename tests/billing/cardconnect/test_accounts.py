"""Which account a call runs on, and which hosts its credentials may reach."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from billing.drivers import registry
from billing.drivers.base import DriverRejected
from billing.drivers.cardconnect import accounts, hosts
from billing.drivers.cardconnect.checks import check_cardconnect
from billing.engine.models import Payer
from billing.enums import Provider
from billing.models import MerchantAccount
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import open_account

GOOD = {"site": "fts", "merchid": "496160873888", "api_user": "u", "api_pass": "p"}


def stored(mode: str = "test", /, **changes: object) -> MerchantAccount:
    return MerchantAccount(mode=mode, credentials=json.dumps(GOOD | changes))


class TestHosts:
    @pytest.fixture
    def production(self, settings: Any) -> Any:
        settings.IS_PRODUCTION = True
        settings.CARDCONNECT_API_BASE = ""
        return settings

    def test_a_test_account_only_reaches_the_test_host(self, production: Any) -> None:
        assert hosts.origin_of("fts", "test") == "https://fts-uat.cardconnect.com"
        assert hosts.origin_of("fts-uat", "test") == "https://fts-uat.cardconnect.com"

    def test_a_live_account_only_reaches_the_live_host(self, production: Any) -> None:
        assert hosts.origin_of("fts", "live") == "https://fts.cardconnect.com"
        with pytest.raises(hosts.HostRefused):
            hosts.origin_of("fts-uat", "live")

    def test_a_live_account_reaches_nothing_outside_of_production(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = ""
        with pytest.raises(hosts.HostRefused):
            hosts.origin_of("fts", "live")

    def test_a_simulator_never_gets_a_live_account(self, production: Any) -> None:
        production.CARDCONNECT_API_BASE = "http://127.0.0.1:12112"

        for mode in ("live", "test"):
            with pytest.raises(hosts.HostRefused):
                hosts.origin_of("fts", mode)

    def test_elsewhere_it_stands_for_every_host(self, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = "http://127.0.0.1:12112/"

        assert hosts.origin_of("fts", "test") == "http://127.0.0.1:12112/gw/fts-uat"

    @pytest.mark.parametrize(
        "site",
        [
            "",
            "FTS",
            "fts.evil.example",
            "evil.example/",
            "fts@evil",
            "a b",
            "fts\n",
            "-a",
            "a-",
            "é",
        ],
    )
    def test_a_site_is_a_plain_name(self, site: str, settings: Any) -> None:
        settings.CARDCONNECT_API_BASE = ""
        with pytest.raises(hosts.HostRefused):
            hosts.origin_of(site, "test")


class TestRead:
    def test_what_a_call_needs(self) -> None:
        merchant = accounts.read(stored(site="fts-uat"))

        assert (merchant.site, merchant.merchid, merchant.currency) == (
            "fts",
            GOOD["merchid"],
            "USD",
        )

    def test_no_secret_is_printed(self) -> None:
        assert "hunter2" not in repr(accounts.read(stored(api_user="hunter2", api_pass="hunter2")))

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"site": "evil.example"}, "site"),
            ({"site": ""}, "site"),
            ({"merchid": "49616087388X"}, "merchid"),
            ({"merchid": "4" * 17}, "merchid"),
            ({"merchid": 496160873888}, "merchid"),
            ({"api_user": " "}, "api_user"),
            ({"api_pass": None}, "api_pass"),
            ({"currency": "EUR"}, "currency"),
        ],
    )
    def test_says_which_field_is_wrong(self, change: dict[str, object], field: str) -> None:
        with pytest.raises(accounts.AccountInvalid, match=f"^{field}$"):
            accounts.read(stored("test", **change))

    @pytest.mark.parametrize("text", ["", "[]", "x", '"y"'])
    def test_only_an_object_holds_credentials(self, text: str) -> None:
        with pytest.raises(accounts.AccountInvalid):
            accounts.read(MerchantAccount(mode="test", credentials=text))

    def test_a_live_account_is_none_of_a_test_site(self) -> None:
        with pytest.raises(accounts.AccountInvalid, match="site"):
            accounts.read(stored("live", site="fts-uat"))


class TestOfPayer:
    def test_the_platforms_unless_somebody_else_sells(
        self, org: Organization, other_org: Organization
    ) -> None:
        ours, theirs = open_account(), open_account(other_org)
        for name, seller in (("cc_cus_a", None), ("cc_cus_b", other_org)):
            Payer.objects.create(
                organization=org,
                seller=seller,
                provider=Provider.CARDCONNECT,
                external_id=name,
                our_id=name,
            )

        assert accounts.of_payer("cc_cus_a") == ours
        assert accounts.of_payer("cc_cus_b") == theirs
        assert accounts.of_payer("cc_cus_unheard_of") == ours

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "change", [{"is_active": False}, {"mode": "live"}, {"provider": Provider.STRIPE}]
    )
    def test_not_one_that_is_off_or_of_another_mode(self, change: dict[str, Any]) -> None:
        account = open_account()
        MerchantAccount.objects.filter(pk=account.pk).update(**change)

        with pytest.raises(DriverRejected) as caught:
            accounts.of_payer("cc_cus_a")

        assert caught.value.detail == "no_merchant_account"


class TestChecks:
    def found(self) -> set[str]:
        return {str(message.id) for message in check_cardconnect()}

    def test_the_defaults_are_fine(self) -> None:
        assert self.found() == set()

    def test_production_has_no_address_of_its_own(self, settings: Any) -> None:
        settings.IS_PRODUCTION, settings.CARDCONNECT_MODE = True, "live"
        assert self.found() == set()

        settings.CARDCONNECT_API_BASE = "https://evil.example"
        assert self.found() == {"till.E030"}

    @pytest.mark.parametrize("base", ["evil", "ftp://x", "https://", "http://u@x", "http://x?y"])
    def test_an_address_must_be_one(self, settings: Any, base: str) -> None:
        settings.CARDCONNECT_API_BASE = base
        assert self.found() == {"till.E031"}

    @pytest.mark.parametrize(("mode", "id_"), [("prod", "till.E032"), ("live", "till.E033")])
    def test_a_mode_must_fit(self, settings: Any, mode: str, id_: str) -> None:
        settings.CARDCONNECT_MODE = mode
        assert self.found() == {id_}


class TestCardElement:
    def test_is_the_frame_of_the_platforms_site(self, settings: Any, db: None) -> None:
        settings.CARDCONNECT_API_BASE = ""
        open_account()

        element = registry.get_driver(Provider.CARDCONNECT).card_element()

        assert element.frame_origin == "https://fts-uat.cardconnect.com"
        address = urlsplit(element.frame_url)
        assert address.path == "/itoke/ajax-tokenizer.html"
        options = dict(parse_qsl(address.query))
        assert {options[name] for name in ("useexpiry", "usecvv", "enhancedresponse")} == {"true"}
        assert (options["tokenizewheninactive"], options["inactivityto"]) == ("true", "2000")

    @pytest.mark.django_db
    def test_without_an_account_there_is_none(self) -> None:
        with pytest.raises(DriverRejected):
            registry.get_driver(Provider.CARDCONNECT).card_element()
