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
        return self._write("post", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self._write("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self._write("delete", path, None, headers)

    def _write(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        raw = body if isinstance(body, str | bytes) else json.dumps(body or {})
        send = getattr(Client(), method)
        return send(
            f"{API}{path}",
            raw,
            content_type="application/json",
            headers={**self.headers, **headers},
        )


def signed_in(email: str) -> Caller:
    """A client with a user's own token, which may do what its role may."""
    answer = Caller().post("/auth/token", {"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.content
    return Caller(answer.json()["access"])


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
