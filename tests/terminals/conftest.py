"""Tills at readers of both kinds: those that are waited for, and those that are told."""

from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from orgs.models import Organization
from tests.conftest import Api
from tests.terminals.api_steps import key_of
from tests.terminals.till_steps import Till, open_till


@pytest.fixture(params=["cardconnect", "stripe"])
def till(request: pytest.FixtureRequest, settings: Any, org: Organization) -> Till:
    return open_till(settings, org, request.param, timezone.now())


@pytest.fixture
def waiting(settings: Any, org: Organization) -> Till:
    """A till whose reader is waited for."""
    return open_till(settings, org, "cardconnect", timezone.now())


@pytest.fixture
def told(settings: Any, org: Organization) -> Till:
    """A till whose reader is told, and reports later."""
    return open_till(settings, org, "stripe", timezone.now())


@pytest.fixture
def counter(api: Api, till: Till) -> APIClient:
    """The API, as a till with its key sees it."""
    return api(key_of(till))
