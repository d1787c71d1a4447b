"""The API describes itself: completely, correctly, and from our own origin."""

import re
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The OpenAPI document."""
    response = Client().get("/api/v1/schema")
    assert response.status_code == 200
    document: dict[str, Any] = yaml.safe_load(response.content)
    return document


class TestSchema:
    def test_is_valid_and_complete(self, tmp_path: Any) -> None:
        call_command(
            "spectacular", file=str(tmp_path / "schema.yml"), fail_on_warn=True, validate=True
        )

    def test_is_for_everybody(self, schema: dict[str, Any]) -> None:
        assert schema["openapi"].startswith("3.1")

    def test_knows_one_spelling_of_each_slash(self, schema: dict[str, Any]) -> None:
        assert [path for path in schema["paths"] if path.endswith("/")] == []

    @pytest.mark.parametrize(
        ("path", "methods"),
        [
            ("/auth/register", {"post"}),
            ("/auth/token", {"post"}),
            ("/auth/token/refresh", {"post"}),
            ("/me", {"get"}),
            ("/orgs/{tenant_id}/members", {"get", "post"}),
            ("/orgs/{tenant_id}/members/{member_id}", {"patch", "delete"}),
            ("/orgs/{tenant_id}/api-keys", {"get", "post"}),
            ("/orgs/{tenant_id}/api-keys/{key_id}", {"delete"}),
        ],
    )
    def test_has_accounts(self, schema: dict[str, Any], path: str, methods: set[str]) -> None:
        assert set(schema["paths"][f"/api/v1{path}"]) == methods

    def test_names_operations_once(self, schema: dict[str, Any]) -> None:
        names = [
            operation["operationId"]
            for item in schema["paths"].values()
            for operation in item.values()
        ]

        assert len(names) == len(set(names))

    def test_tells_the_headers_of_tenants(self, schema: dict[str, Any]) -> None:
        def headers(path: str, method: str) -> set[str]:
            operation = schema["paths"][f"/api/v1{path}"][method]
            return {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}

        both = {"Idempotency-Key", "X-Organization"}
        assert headers("/billing/subscription", "post") == both
        assert headers("/billing/subscription", "get") == {"X-Organization"}
        assert headers("/billing/tenants/{tenant_id}/subscription", "post") == {"Idempotency-Key"}
        assert headers("/auth/register", "post") == set()

    def test_shows_every_refusal_in_one_shape(self, schema: dict[str, Any]) -> None:
        for path, item in schema["paths"].items():
            for operation in item.values():
                for status, response in operation["responses"].items():
                    if not status.startswith(("4", "5")):
                        continue
                    shape = response["content"]["application/json"]["schema"]["$ref"]
                    assert shape.endswith("ErrorOut"), (path, status)

    def test_lets_strangers_register_and_nobody_else_in(self, schema: dict[str, Any]) -> None:
        paths = schema["paths"]

        assert paths["/api/v1/auth/register"]["post"].get("security", [{}]) == [{}]
        assert paths["/api/v1/me"]["get"]["security"] == [{"bearer": []}]


class TestStyle:
    """What a reader of the document may rely on, held by machine."""

    @pytest.fixture
    def operations(self, schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        return [
            (path, method, operation)
            for path, item in schema["paths"].items()
            for method, operation in item.items()
        ]

    def test_every_operation_says_what_it_does_under_a_heading(
        self, schema: dict[str, Any], operations: list[tuple[str, str, dict[str, Any]]]
    ) -> None:
        headings = {tag["name"] for tag in schema["tags"]}
        for path, method, operation in operations:
            assert set(operation["tags"]) <= headings, (path, method, operation["tags"])
            assert operation["description"].endswith("."), (path, method)

    def test_every_operation_of_a_tenant_tells_who_is_turned_away(
        self, operations: list[tuple[str, str, dict[str, Any]]]
    ) -> None:
        for path, method, operation in operations:
            if "/auth/" in path or path.endswith("/billing/plans"):
                continue
            assert {"401", "404"} <= set(operation["responses"]), (path, method)

    def test_every_write_with_a_key_tells_of_its_conflicts(
        self, operations: list[tuple[str, str, dict[str, Any]]]
    ) -> None:
        for path, method, operation in operations:
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            if method != "get" and "Idempotency-Key" in names:
                assert "409" in operation["responses"], (path, method)

    def test_every_body_is_a_named_shape_that_refuses_what_it_does_not_know(
        self, schema: dict[str, Any], operations: list[tuple[str, str, dict[str, Any]]]
    ) -> None:
        shapes = schema["components"]["schemas"]
        for path, method, operation in operations:
            body = operation.get("requestBody")
            if body is None:
                continue
            name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            assert shapes[name]["additionalProperties"] is False, (path, method, name)

    def test_every_tenant_path_has_its_short_twin(
        self, operations: list[tuple[str, str, dict[str, Any]]]
    ) -> None:
        known = {(path, method) for path, method, _ in operations}
        for path, method, _ in operations:
            if "/billing/tenants/{tenant_id}/" in path:
                assert (path.replace("/tenants/{tenant_id}", ""), method) in known

    @pytest.mark.parametrize(
        ("path", "methods"),
        [
            ("/billing/plans", {"get"}),
            ("/billing/subscription", {"get", "post", "patch", "delete"}),
            ("/billing/subscribe", {"post"}),
            ("/billing/subscription/plan", {"post"}),
            ("/billing/subscription/cancel", {"post"}),
            ("/billing/subscription/resume", {"post"}),
            ("/billing/subscription/pause", {"post"}),
            ("/billing/subscription/pending-change", {"delete"}),
            ("/billing/upcoming-invoice", {"post"}),
            ("/billing/status", {"get"}),
            ("/billing/entitlements", {"get"}),
            ("/billing/entitlements/{feature}", {"get"}),
            ("/billing/session", {"post"}),
            ("/billing/portal", {"post"}),
            ("/billing/portal-session", {"get"}),
            ("/billing/payment-methods", {"get", "post"}),
            ("/billing/payment-method", {"post"}),
            ("/billing/payment-methods/setup-intent", {"post"}),
            ("/billing/payment-methods/{method_id}", {"delete"}),
            ("/billing/payment-methods/{method_id}/default", {"post"}),
            ("/billing/invoices", {"get"}),
            ("/billing/invoices/{invoice_id}", {"get"}),
            ("/billing/invoices/{invoice_id}/pdf", {"get"}),
            ("/billing/invoices/{invoice_id}/send", {"post"}),
            ("/terminals", {"get", "post"}),
            ("/terminals/{terminal_id}", {"get", "patch", "delete"}),
            ("/terminals/{terminal_id}/connection-token", {"post"}),
            ("/terminals/{terminal_id}/totals", {"get"}),
            ("/payments/terminal", {"get"}),
            ("/payments/terminal/intent", {"post"}),
            ("/payments/terminal/{payment_id}", {"get"}),
            ("/payments/terminal/{payment_id}/process", {"post"}),
            ("/payments/terminal/{payment_id}/capture", {"post"}),
            ("/payments/terminal/{payment_id}/cancel", {"post"}),
            ("/payments/terminal/{payment_id}/refunds", {"post"}),
            ("/payments/terminal/{payment_id}/receipt", {"get"}),
            ("/payments/terminal/{payment_id}/receipt/send", {"post"}),
        ],
    )
    def test_billing_is_complete(
        self, schema: dict[str, Any], path: str, methods: set[str]
    ) -> None:
        assert set(schema["paths"][f"/api/v1{path}"]) == methods


class TestDocs:
    @pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/"])
    def test_load_everything_from_us(self, path: str) -> None:
        response = Client().get(path)

        assert response.status_code == 200
        sources = re.findall(r'(?:src|href)="([^"]+)"', response.text)
        assert len(sources) >= 4
        assert all(source.startswith(("/static/", "/api/v1/docs")) for source in sources)
        assert not re.search(r"<script(?![^>]*\bsrc=)", response.text)
        assert "script-src 'self';" in response["Content-Security-Policy"]

    def test_have_their_script_apart(self) -> None:
        response = Client().get("/api/v1/docs?script=")

        assert response.status_code == 200
        assert response["Content-Type"].startswith("application/javascript")
        assert "/api/v1/schema" in response.text
