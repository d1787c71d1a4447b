"""Settings in processes of their own: what each kind of place needs before it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "DATABASE_URL": "postgres://till@127.0.0.1:1/till",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "PUBLIC_URL": "https://pay.example.com",
    "STRIPE_SECRET_KEY": "sk_test_0000000000000000",
    "STRIPE_PUBLISHABLE_KEY": "pk_test_0000000000000000",
    "TILL_ENCRYPTION_KEYS": "ZGV2ZWxvcG1lbnQtb25seS1lbmNyeXB0aW9uLWtleSE=",
    "ALLOWED_HOSTS": "pay.example.com",
}
_SHOW = "from django.conf import settings as s; print(({}))"


def _run(arguments: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _show(expression: str, variables: dict[str, str]) -> str:
    done = _run(["-c", _SHOW.format(expression)], variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class TestProduction:
    def test_is_what_a_server_takes_itself_for(self) -> None:
        assert _show("s.TILL_ENV, s.DEBUG, s.IS_PRODUCTION", PRODUCTION) == (
            "('production', False, True)"
        )

    @pytest.mark.parametrize("name", sorted(set(PRODUCTION) - {"ALLOWED_HOSTS"}))
    def test_fails_loudly_when_something_is_missing(self, name: str) -> None:
        variables = {key: value for key, value in PRODUCTION.items() if key != name}

        done = _run(["-c", _SHOW.format("s.TILL_ENV")], variables)

        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert last == (
            f"django.core.exceptions.ImproperlyConfigured: {name} is not set. Production needs it "
            "(see .env.example); for development set TILL_ENV=development."
        )

    def test_refuses_debug(self) -> None:
        done = _run(["-c", _SHOW.format("s.DEBUG")], {**PRODUCTION, "DEBUG": "1"})

        assert "ImproperlyConfigured: DEBUG must be off in production." in done.stderr

    def test_protects_cookies_and_transport(self) -> None:
        expression = (
            "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, "
            "s.SECURE_HSTS_SECONDS > 0, s.SESSION_COOKIE_HTTPONLY"
        )

        assert _show(expression, PRODUCTION) == "(True, True, True, True, True)"

    def test_passes_the_security_checks_of_a_deployment(self) -> None:
        done = _run(
            ["manage.py", "check", "--deploy", "--tag", "security", "--fail-level", "WARNING"],
            {**PRODUCTION, "STRIPE_WEBHOOK_SECRET": "whsec_0000000000000000"},
        )

        assert done.returncode == 0, done.stderr


class TestOtherPlaces:
    def test_are_a_closed_list(self) -> None:
        done = _run(["-c", _SHOW.format("s.TILL_ENV")], {**PRODUCTION, "TILL_ENV": "staging"})

        assert "TILL_ENV is 'staging': use production, development or test." in done.stderr

    def test_have_harmless_secrets(self) -> None:
        services = {name: PRODUCTION[name] for name in ("DATABASE_URL", "REDIS_URL")}

        shown = _show(
            "s.STRIPE_SECRET_KEY, s.SESSION_COOKIE_SECURE", {"TILL_ENV": "development", **services}
        )

        assert shown == "('sk_test_developmentonlydevelopment0000', False)"


class TestPaymentProvider:
    def test_is_stripe_unless_another_is_named(self) -> None:
        named = {**PRODUCTION, "PAYMENT_PROVIDER": "cardconnect"}

        assert _show("s.DEFAULT_PROVIDER", PRODUCTION) == "stripe"
        assert _show("s.DEFAULT_PROVIDER", named) == "cardconnect"

    @pytest.mark.parametrize("name", ["custom", "paypal"])
    def test_must_take_payments_on_our_pages(self, name: str) -> None:
        chosen = {**PRODUCTION, "PAYMENT_PROVIDER": name}

        done = _run(["-c", _SHOW.format("s.DEFAULT_PROVIDER")], chosen)

        assert f"PAYMENT_PROVIDER: {name} takes no payments on our pages." in done.stderr


class TestManage:
    def test_is_for_development_when_nothing_is_said(self) -> None:
        probe = "import manage, os, sys; sys.argv = ['manage.py', 'version']; manage.main(); "

        done = _run(["-c", probe + "print(os.environ['TILL_ENV'])"], {"REDIS_URL": "redis://x"})

        assert done.stdout.split()[-1] == "development"

    @pytest.mark.parametrize(
        "variables", [{"DATABASE_URL": "postgres://x/y"}, {"TILL_ENV": "production"}]
    )
    def test_is_for_production_when_a_place_is_named(self, variables: dict[str, str]) -> None:
        done = _run(["manage.py", "check"], variables)

        assert done.returncode == 1
        assert "ImproperlyConfigured: SECRET_KEY is not set." in done.stderr
