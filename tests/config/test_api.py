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
