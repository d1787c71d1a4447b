"""push_catalogue makes Stripe know our coupons, and the demo has one."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from billing.enums import CouponDuration, Provider
from billing.models import Coupon, ExternalCoupon, MerchantAccount, Price
from billing.services import coupon_links, merchant_accounts
from orgs.models import KeyMode
from terminals.models import Terminal
from tests.billing.coupon_steps import make_coupon, make_theirs
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.stripe.client import StripeSimulator

pytestmark = pytest.mark.django_db


def push() -> list[str]:
    out = io.StringIO()
    call_command("push_catalogue", stdout=out)
    return out.getvalue().splitlines()


class TestPushCatalogue:
    def test_makes_stripe_know_each_coupon_once(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()

        assert push()[-1] == f"Coupon {coupon.code}: known to stripe."
        assert push() == ["Every price has its name."]

        raw = stripe.api("GET", f"/v1/coupons/till_{coupon.code}").json()
        assert (raw["percent_off"], raw["duration"]) == (20, "once")
        assert ExternalCoupon.objects.get(coupon=coupon).external_id == raw["id"]

    def test_names_the_one_that_something_else_stands_in_place_of(
        self, catalogue: dict[str, Price], stripe: StripeSimulator
    ) -> None:
        coupon = make_coupon()
        make_theirs(stripe, id=f"till_{coupon.code}", percent_off="50")

        with pytest.raises(CommandError, match=rf"the coupon {coupon.code} \(.*coupon_mismatch"):
            push()

        assert not ExternalCoupon.objects.filter(coupon=coupon).exists()
        coupon_links.deactivate_coupon(coupon=coupon, now=coupon.created_at)
        assert push() == ["Every price has its name."]


class TestDemo:
    @pytest.fixture
    def people(self, stripe: StripeSimulator, tmp_path: Path, settings: Any) -> list[Any]:
        """What it told of its people, each of the two times that it was seeded."""
        told = []
        with CardPointeSimulator.start() as cardpointe:
            settings.CARDCONNECT_API_BASE = cardpointe.base_url
            for _ in range(2):
                call_command("seed_demo", str(tmp_path / "people.json"), stdout=io.StringIO())
                told.append(json.loads((tmp_path / "people.json").read_text()))
        return told

    def test_has_a_coupon_to_try(self, people: list[Any], stripe: StripeSimulator) -> None:
        welcome = Coupon.objects.get()
        assert (welcome.code, welcome.percent_off) == ("WELCOME20", Decimal(20))
        assert (welcome.duration, welcome.duration_months) == (CouponDuration.REPEATING, 3)
        known = ExternalCoupon.objects.order_by("provider").values_list("provider", "external_id")
        assert [provider for provider, _ in known] == ["cardconnect", "custom", "stripe"]
        assert dict(known)["stripe"] == "till_WELCOME20"
        assert stripe.api("GET", "/v1/coupons/till_WELCOME20").json()["percent_off"] == 20

    def test_has_a_reader_of_each_provider_to_try(self, people: list[Any]) -> None:
        first, second = people
        readers = Terminal.objects.order_by("provider")
        seen = [(row.provider, row.external_id, row.is_online) for row in readers]
        assert seen == [("cardconnect", "SIM0001", True), ("stripe", "tmr_simulated", True)]
        assert {row.organization_id for row in readers} == {UUID(first["owner"]["organization_id"])}
        assert {row["id"] for row in first["readers"].values()} == {str(row.pk) for row in readers}
        assert second == first


class TestPlatformAccount:
    FIRST = {"site": "fts", "merchid": "1"}

    def ensure(self, **credentials: str) -> Any:
        account = merchant_accounts.ensure_platform_account(
            provider=Provider.CARDCONNECT,
            mode=KeyMode.TEST,
            label="Ours",
            credentials=credentials,
        )
        return json.loads(MerchantAccount.objects.get(pk=account.pk).credentials)

    def test_gets_what_an_earlier_version_has_not_known(self) -> None:
        assert self.ensure(**self.FIRST) == self.FIRST
        assert self.ensure(**self.FIRST, terminal_api_key="k") == {
            **self.FIRST,
            "terminal_api_key": "k",
        }

    def test_keeps_credentials_of_its_own(self) -> None:
        assert self.ensure(site="acme", merchid="1") == {"site": "acme", "merchid": "1"}
        assert self.ensure(**self.FIRST, terminal_api_key="k") == {"site": "acme", "merchid": "1"}
