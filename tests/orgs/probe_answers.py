"""How the tests of access ask the probe, and what they read of its answer."""

from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient

Api = Callable[..., APIClient]


PROBE = "/api/v1/billing/probe"


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]
