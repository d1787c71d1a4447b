"""The way of webhooks past what only browsers and people need."""

import asyncio
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory

from config.shortcut import WebhookShortcut

URL = "/api/v1/billing/webhooks/stripe"


def _elsewhere(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("elsewhere")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/login",
        "/api/v1/billing/status",
        "/api/v1/webhooks/endpoints",
        "/webhooks",
        "/webhooks/x",
    ],
)
def test_passes_everything_else_on(path: str) -> None:
    answer: Any = WebhookShortcut(_elsewhere)(RequestFactory().post(path))

    assert answer.content == b"elsewhere"


@pytest.mark.parametrize(
    "path",
    [URL, f"{URL}/", "/api/v1/billing/webhooks/provider", "/stripe/webhooks", "/webhooks/stripe"],
)
def test_answers_every_spelling_itself(path: str) -> None:
    answer: Any = WebhookShortcut(_elsewhere)(RequestFactory().get(path))

    assert answer.status_code == 405


def test_keeps_the_trace_id_and_says_how_long_the_answer_is() -> None:
    answer = Client().get(URL, headers={"X-Request-ID": "0123456789abcdef"})

    assert answer.headers["X-Request-ID"] == "0123456789abcdef"
    assert answer.headers["Content-Length"] == str(len(answer.content))


def test_still_redirects_to_tls_where_that_is_demanded(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert Client().post(URL).status_code == 301


@pytest.mark.django_db
def test_neither_session_nor_page_headers_are_made_for_a_provider() -> None:
    answer = Client().post(URL, b"{}", content_type="application/json")

    assert "Content-Security-Policy" not in answer.headers
    assert "Vary" not in answer.headers


def test_works_under_the_asynchronous_server_too() -> None:
    answer: Any = asyncio.run(AsyncClient().get(URL))

    assert answer.status_code == 405
    assert answer.headers["Content-Length"] == str(len(answer.content))
