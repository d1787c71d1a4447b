"""Settings that would send requests to the wrong place, or not at all, are said at the start."""

from typing import Any

import pytest

from billing.drivers.stripe import checks

TEST_KEY = f"sk_test_{'a' * 24}"
LIVE_KEY = f"sk_live_{'a' * 24}"


@pytest.fixture(autouse=True)
def _good_settings(settings: Any) -> None:
    settings.STRIPE_API_BASE = settings.STRIPE_API_HOST = "https://api.stripe.com"
    settings.STRIPE_SECRET_KEY = TEST_KEY
    settings.STRIPE_PUBLISHABLE_KEY = f"pk_test_{'b' * 24}"


def ids() -> list[str | None]:
    return [message.id for message in checks.check_stripe()]


class TestCheckStripe:
    def test_says_nothing_about_good_settings(self) -> None:
        assert ids() == []

    def test_a_version_the_sdk_does_not_speak(self, settings: Any) -> None:
        settings.STRIPE_API_VERSION = "2026-05-27.dahlia"

        assert ids() == ["till.E020"]

    @pytest.mark.parametrize(
        "key",
        ["", "sk_test_12345", f"sk_test_{'_' * 24}", f"pk_test_{'a' * 24}", f"sk_org_{'a' * 24}"],
    )
    def test_a_secret_key_that_is_none(self, settings: Any, key: str) -> None:
        settings.STRIPE_SECRET_KEY = key

        assert ids() == ["till.E021"]
        assert key == "" or key not in checks.check_stripe()[0].msg

    def test_a_secret_key_in_the_place_of_the_publishable_one(self, settings: Any) -> None:
        settings.STRIPE_PUBLISHABLE_KEY = TEST_KEY

        assert ids() == ["till.E021"]

    def test_a_restricted_key_is_good(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = f"rk_test_{'a' * 24}"

        assert ids() == []

    def test_one_test_key_and_one_live_key(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = LIVE_KEY

        assert ids() == ["till.E022"]

    @pytest.mark.parametrize("base", ["http://127.0.0.1:8001", "https://stripe.example.com"])
    def test_a_live_key_for_somebody_else(self, settings: Any, base: str) -> None:
        settings.STRIPE_SECRET_KEY = LIVE_KEY
        settings.STRIPE_PUBLISHABLE_KEY = f"pk_live_{'b' * 24}"
        settings.STRIPE_API_BASE = settings.STRIPE_API_HOST = base

        assert ids() == ["till.E023"]

    def test_live_keys_for_stripe_are_good(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = LIVE_KEY
        settings.STRIPE_PUBLISHABLE_KEY = f"pk_live_{'b' * 24}"

        assert ids() == []

    def test_the_key_for_development_at_stripe(self, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_test_developmentonlydevelopment0000"

        assert ids() == ["till.E024"]

    def test_dj_stripe_with_an_address_of_its_own(self, settings: Any) -> None:
        settings.STRIPE_API_HOST = "http://127.0.0.1:8001"

        assert ids() == ["till.E025"]
