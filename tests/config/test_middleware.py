import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.test import AsyncClient, Client, RequestFactory

from config import middleware
from orgs import trace
from orgs.models import User
from orgs.pages import csp


def _answer(
    view: Callable[[HttpRequest], HttpResponse], kind: Any, path: str = "/", **extra: Any
) -> Any:
    """Call a view through one middleware."""
    return kind(view)(RequestFactory().get(path, **extra))


def _page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(trace.get_trace_id())


class TestRequestId:
    def test_makes_one(self) -> None:
        response = _answer(_page, middleware.RequestIdMiddleware)

        assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])
        assert response.content.decode() == response["X-Request-ID"]
        assert trace.get_trace_id() == ""

    def test_leaves_nothing_behind_where_nobody_answers(self) -> None:
        def die(_request: HttpRequest) -> HttpResponse:
            raise SystemExit

        with pytest.raises(SystemExit):
            _answer(die, middleware.RequestIdMiddleware)

        assert trace.get_trace_id() == ""

    @pytest.mark.parametrize("offered", ["abcd-1234", "A" * 64])
    def test_takes_a_harmless_one(self, offered: str) -> None:
        response = _answer(_page, middleware.RequestIdMiddleware, headers={"x-request-id": offered})

        assert response["X-Request-ID"] == offered

    @pytest.mark.parametrize(
        "offered",
        ["short", "A" * 65, "with space", "a\nb-12345", "<script>", "4242424242424242", ""],
    )
    def test_takes_no_other(self, offered: str) -> None:
        response = _answer(_page, middleware.RequestIdMiddleware, headers={"x-request-id": offered})

        assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])

    def test_keeps_requests_of_one_loop_apart(self) -> None:
        async def view(_request: HttpRequest) -> HttpResponse:
            before = trace.get_trace_id()
            await asyncio.sleep(0.01)
            return HttpResponse(f"{before} {trace.get_trace_id()}")

        handler = middleware.RequestIdMiddleware(view)

        async def serve(number: int) -> HttpResponse:
            request = RequestFactory().get("/", headers={"x-request-id": f"request-{number}"})
            return cast("HttpResponse", await cast("Awaitable[Any]", handler(request)))

        async def serve_all() -> list[HttpResponse]:
            return await asyncio.gather(*(serve(number) for number in range(5)))

        answers = asyncio.run(serve_all())

        for number, answer in enumerate(answers):
            assert answer.content.decode() == f"request-{number} request-{number}"
            assert answer["X-Request-ID"] == f"request-{number}"


class TestContentSecurityPolicy:
    def _policy(self, response: Any) -> dict[str, list[str]]:
        parts = [part.split() for part in response["Content-Security-Policy"].split(";")]
        return {name: sources for name, *sources in parts}

    def test_allows_us_and_the_provider(self, settings: Any) -> None:
        settings.STRIPE_JS_URL = "https://js.stripe.com/dahlia/stripe.js"
        settings.STRIPE_API_BASE = "https://api.stripe.com"

        response = _answer(_page, middleware.ContentSecurityPolicyMiddleware)

        stripe = ["https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"]
        assert self._policy(response) == {
            "default-src": ["'self'"],
            "script-src": ["'self'", "https://js.stripe.com"],
            "frame-src": [*stripe, "https://api.stripe.com"],
            "connect-src": ["'self'", *stripe, "https://api.stripe.com"],
            "style-src": ["'self'"],
            "img-src": ["'self'", "data:"],
            "object-src": ["'none'"],
            "frame-ancestors": ["'none'"],
            "base-uri": ["'self'"],
            "form-action": ["'self'", "https://checkout.stripe.com", "https://billing.stripe.com"],
        }

    def test_allows_the_simulator_in_its_place(self, settings: Any) -> None:
        settings.STRIPE_JS_URL = "http://127.0.0.1:8001/dahlia/stripe.js"
        settings.STRIPE_API_BASE = "http://127.0.0.1:8001"

        policy = self._policy(_answer(_page, middleware.ContentSecurityPolicyMiddleware))

        assert policy["script-src"] == ["'self'", "http://127.0.0.1:8001"]
        assert policy["frame-src"] == ["http://127.0.0.1:8001"]
        assert policy["form-action"] == ["'self'", "http://127.0.0.1:8001"]

    def test_lets_the_back_office_work_without_the_provider(self) -> None:
        policy = self._policy(
            _answer(_page, middleware.ContentSecurityPolicyMiddleware, "/admin/orgs/")
        )

        assert policy["script-src"] == ["'self'", "'unsafe-inline'", "'unsafe-eval'"]
        assert policy["frame-ancestors"] == ["'none'"]

    def test_lets_a_page_be_framed_by_whom_it_names(self) -> None:
        def view(_request: HttpRequest) -> HttpResponse:
            response = HttpResponse()
            csp.allow(response, "frame-ancestors", "https://shop.example")
            csp.allow(response, "frame-ancestors", "https://app.example")
            csp.allow(response, "img-src", "https://cdn.example")
            return response

        response = XFrameOptionsMiddleware(middleware.ContentSecurityPolicyMiddleware(view))(
            RequestFactory().get("/")
        )

        policy = self._policy(response)
        assert policy["frame-ancestors"] == ["https://shop.example", "https://app.example"]
        assert policy["img-src"] == ["'self'", "data:", "https://cdn.example"]
        assert "X-Frame-Options" not in cast("HttpResponse", response)

    def test_leaves_a_policy_of_the_view_alone(self) -> None:
        def view(_request: HttpRequest) -> HttpResponse:
            return HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})

        response = _answer(view, middleware.ContentSecurityPolicyMiddleware)

        assert response["Content-Security-Policy"] == "default-src 'none'"


class TestNoStore:
    def test_keeps_the_api_out_of_caches(self, client: Client) -> None:
        assert client.get("/api/v1/nothing")["Cache-Control"] == "no-store"

    def test_keeps_pages_of_members_out_of_caches(self, client: Client, alice: User) -> None:
        assert "Cache-Control" not in client.get("/nothing")

        client.force_login(alice)

        assert client.get("/nothing")["Cache-Control"] == "no-store"

    def test_leaves_what_the_view_said_alone(self) -> None:
        def view(_request: HttpRequest) -> HttpResponse:
            return HttpResponse(headers={"Cache-Control": "public, max-age=60"})

        response = _answer(view, middleware.NoStoreMiddleware, "/api/v1/x")

        assert response["Cache-Control"] == "public, max-age=60"


class TestBothServers:
    @pytest.mark.django_db(transaction=True)
    def test_give_the_same_headers(self, client: Client) -> None:
        async def get() -> Any:
            return await AsyncClient().get("/login")

        there, here = client.get("/login"), asyncio.run(get())

        assert here.status_code == there.status_code == 200
        assert here["Content-Security-Policy"] == there["Content-Security-Policy"]
        for response in (here, there):
            assert re.fullmatch(r"[0-9a-f]{32}", response["X-Request-ID"])
            assert response["X-Frame-Options"] == "DENY"
            assert response["X-Content-Type-Options"] == "nosniff"
