"""A client of the API, as the tests of subscriptions over HTTP use it."""

import json
from typing import Any

from django.test import Client

API = "/api/v1"


PASSWORD = "correct horse battery staple"


class Caller:
    """A client with one credential."""

    def __init__(self, token: str = "", **headers: str) -> None:
        self.headers = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}

    def get(self, path: str) -> Any:
        return Client().get(f"{API}{path}", headers=self.headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body or {})
        return Client().post(
            f"{API}{path}",
            raw,
            content_type="application/json",
            headers={**self.headers, **headers},
        )


def register(name: str = "Bistro") -> dict[str, Any]:
    answer = Caller().post(
        "/auth/register",
        {
            "organization_name": name,
            "email": f"{name.lower()}@till.test",
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 201, answer.content
    registered: dict[str, Any] = answer.json()
    return registered


def error_of(answer: Any) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["trace_id"] == answer.headers["X-Request-ID"]
    return error
