from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import ERROR, WARNING, CheckMessage, run_checks
from django.core.management import call_command
from django.db import OperationalError

from billing.models import ExternalPrice, Price
from billing.selectors import plans
from config import checks
from tests.factories_billing import ExternalPriceFactory


def ids(found: list[CheckMessage]) -> list[str]:
    return [str(message.id) for message in found]


class TestEncryptionKeys:
    def test_takes_several(self, settings: Any) -> None:
        settings.TILL_ENCRYPTION_KEYS = [Fernet.generate_key().decode() for _ in range(2)]

        assert checks.check_encryption_keys() == []

    def test_says_which_one_is_no_key_without_repeating_it(self, settings: Any) -> None:
        settings.TILL_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "too-short-secret"]

        (message,) = checks.check_encryption_keys()

        assert (message.level, message.id) == (ERROR, "till.E001")
        assert message.msg == "TILL_ENCRYPTION_KEYS: number 2 is no key."

    def test_wants_at_least_one(self, settings: Any) -> None:
        settings.TILL_ENCRYPTION_KEYS = []

        assert ids(checks.check_encryption_keys()) == ["till.E001"]


class TestWebhookSecret:
    def test_is_needed_to_deploy(self, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRET = " "

        (message,) = checks.check_webhook_secret_for_deployment()

        assert (message.level, message.id) == (ERROR, "till.E002")

    def test_is_missed_in_production_alone(self, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRET = ""
        settings.IS_PRODUCTION = False
        assert checks.check_webhook_secret() == []

        settings.IS_PRODUCTION = True
        (message,) = checks.check_webhook_secret()
        assert message.level == WARNING

    def test_is_enough(self, settings: Any) -> None:
        settings.STRIPE_WEBHOOK_SECRET = "whsec_x"
        settings.IS_PRODUCTION = True

        assert checks.check_webhook_secret() == []
        assert checks.check_webhook_secret_for_deployment() == []


class TestPriceMap:
    def test_must_be_readable(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter"

        (message,) = checks.check_price_map()

        assert (message.level, message.id) == (ERROR, "till.E003")
        assert "'starter' has no '='" in message.msg

    def test_may_be_empty(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = ""

        assert checks.check_price_map() == []


@pytest.mark.django_db
class TestCatalogue:
    @pytest.fixture(autouse=True)
    def _seeded(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = ""
        call_command("seed_plans", verbosity=0)

    def test_names_every_paid_price_that_stripe_does_not_know(self) -> None:
        found = checks.check_catalogue(databases=["default"])

        assert ids(found) == ["till.E004"] * 4
        assert {message.level for message in found} == {WARNING}
        assert found[0].msg == "Starter v1 2900 USD/month is on sale, but Stripe does not know it."

    def test_is_an_error_when_deploying(self) -> None:
        found = checks.check_catalogue_for_deployment()

        assert {(message.level, message.id) for message in found} == {(ERROR, "till.E004")}

    def test_does_not_touch_the_database_at_a_plain_start(
        self, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            assert checks.check_catalogue(databases=None) == []

    def test_is_satisfied_when_every_paid_price_on_sale_has_its_name(self) -> None:
        for price in plans.prices_to_link("stripe"):
            ExternalPriceFactory.create(price=price)

        assert checks.check_catalogue_for_deployment() == []

    def test_does_not_ask_for_prices_that_are_off_sale(self) -> None:
        Price.objects.update(is_active=False)

        assert checks.check_catalogue_for_deployment() == []

    def test_reports_a_map_that_says_something_else(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1,professional=price_2,gold=price_3"
        price = plans.get_price(plans.get_plan("starter"))
        ExternalPrice.objects.create(price=price, provider="stripe", external_id="price_other")

        drift = [
            message.msg.removeprefix("STRIPE_PRODUCT_PRICE_MAP: ")
            for message in checks.check_catalogue(databases=["default"])
            if message.id == "till.E005"
        ]

        assert drift[0] == "starter:month is price_1 there, but price_other in the catalogue."
        assert drift[1] == "professional:month is price_2 there, but nothing yet in the catalogue."
        assert drift[2].startswith("gold:month: there is no plan 'gold'")

    def test_agrees_with_a_map_that_was_applied(self, settings: Any) -> None:
        settings.STRIPE_PRODUCT_PRICE_MAP = "starter=price_1"
        call_command("seed_plans", verbosity=0)

        assert "till.E005" not in ids(checks.check_catalogue(databases=["default"]))

    def test_names_what_the_provider_that_charges_by_default_does_not_know(
        self, settings: Any
    ) -> None:
        settings.DEFAULT_PROVIDER = "cardconnect"
        for price in plans.prices_to_link("stripe"):
            ExternalPriceFactory.create(price=price)

        found = checks.check_catalogue(databases=["default"])

        assert ids(found) == ["till.E004"] * 4
        assert found[0].msg.endswith("is on sale, but CardConnect does not know it.")
        assert found[0].hint == "Run manage.py push_catalogue --provider cardconnect."

    def test_asks_nothing_of_stripe_without_its_driver(self, settings: Any) -> None:
        settings.PAYMENT_DRIVERS = {}

        assert checks.check_catalogue_for_deployment() == []

    def test_says_so_when_it_can_not_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_provider: str) -> None:
            raise OperationalError("password=secret")

        monkeypatch.setattr(plans, "prices_to_link", fail)

        (message,) = checks.check_catalogue_for_deployment()

        assert (message.level, message.id) == (WARNING, "till.W006")
        assert message.msg == "The catalogue could not be read (OperationalError)."

    def test_runs_with_django_s_own(self) -> None:
        plain = run_checks()
        with_database = run_checks(databases=["default"])

        assert "till.E004" not in ids(plain)
        assert "till.E004" in ids(with_database)
