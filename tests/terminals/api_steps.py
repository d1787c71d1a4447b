"""What the tests of terminals over HTTP share: tills with a key, and what they ask for."""

from typing import Any

from rest_framework.test import APIClient

from orgs.permissions import Scope
from tests.factories import make_api_key
from tests.terminals.till_steps import BASKET, Till

READERS = "/api/v1/terminals"
PAYMENTS = "/api/v1/payments/terminal"
INTENT = f"{PAYMENTS}/intent"


def key_of(till: Till, *scopes: str, name: str = "Till 3") -> str:
    """Return the key of a till: it may take payments at readers, and nothing else."""
    wanted = scopes or (Scope.TERMINALS_WRITE,)
    return make_api_key(till.organization, *wanted, name=name)[1]


def payment_at(payment: Any, rest: str = "") -> str:
    return f"{PAYMENTS}/{payment.pk}{rest}"


def reader_at(till: Till, rest: str = "") -> str:
    return f"{READERS}/{till.terminal.pk}{rest}"


def ask_for(client: APIClient, till: Till, key: str = "", **more: Any) -> Any:
    """Open a payment; `key` is an Idempotency-Key."""
    body = {"terminal_id": str(till.terminal.pk), "amount": BASKET, **more}
    return client.post(INTENT, body, format="json", **sent_with(key))


def sent_with(key: str) -> dict[str, Any]:
    return {"HTTP_IDEMPOTENCY_KEY": key} if key else {}


def refusal(answer: Any) -> tuple[int, str, set[str]]:
    """Return status, code, and the fields that it is about."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], set(error.get("fields", {}))
