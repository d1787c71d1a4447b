"""The shop of the tills: run as `python -m bench.till_rows PROVIDER READER… [--count]`.

Stores an organization with a key and its readers in our own environment, and prints them as JSON.
With `--count` one payment at each reader is made in this process, the worker's part too, and the
statements that one takes are printed as well.
"""

import json
import sys
from typing import Any
from unittest import mock

import django

AMOUNT = 1250
_PAYMENTS = "/api/v1/payments/terminal"


def store(provider: str, readers: list[str]) -> dict[str, Any]:
    """Store the shop; return the till's key, and the readers' ids by their names there."""
    from billing.enums import Provider
    from billing.models import MerchantAccount
    from orgs.models import KeyMode, Organization
    from orgs.permissions import Scope
    from orgs.services import api_keys
    from terminals.models import Terminal
    from tests.simulators.cardpointe.merchants import API_KEY, FNOR_MID, PASSWORD, SITE, USER

    organization = Organization.objects.create(name="Bench", slug=f"bench-{provider}")
    account = None
    if provider == Provider.CARDCONNECT:
        known = {"site": SITE, "merchid": FNOR_MID, "api_user": USER, "api_pass": PASSWORD}
        account = MerchantAccount.objects.create(
            provider=provider,
            label="Bench",
            external_id=FNOR_MID,
            credentials=json.dumps({**known, "terminal_api_key": API_KEY}),
        )
    terminals = [
        Terminal(
            organization=organization,
            provider=provider,
            account=account,
            external_id=reader,
            label=reader,
            is_online=True,
        )
        for reader in readers
    ]
    Terminal.objects.bulk_create(terminals)
    _, text = api_keys.create_api_key(
        organization=organization,
        name="Tills",
        scopes=(Scope.TERMINALS_WRITE,),
        mode=KeyMode.TEST,
        created_by=None,
    )
    return {"key": text, "terminals": {row.external_id: str(row.pk) for row in terminals}}


def count(shop: dict[str, Any]) -> float:
    """Return the statements of one payment, from the till's first request to its answer.

    Raises:
        RuntimeError: it was not paid.
    """
    from django.test import Client

    from bench.statements import traced
    from billing import jobs
    from config.celery import app

    app.loader.import_default_modules()
    client = Client(HTTP_HOST="127.0.0.1", HTTP_AUTHORIZATION=f"Bearer {shop['key']}")
    sent: list[tuple[str, dict[str, Any]]] = []
    terminals = list(shop["terminals"].values())
    with mock.patch.object(jobs, "_send", lambda name, **given: sent.append((name, given))):
        _pay(client, terminals[0], sent, app)  # what is only done once
        with traced() as counted:
            for terminal in terminals[1:]:
                _pay(client, terminal, sent, app)
            return counted() / len(terminals[1:])


def _pay(client: Any, terminal: str, sent: list[tuple[str, dict[str, Any]]], app: Any) -> None:
    body = {"terminal_id": terminal, "amount": AMOUNT, "reference": terminal, "process": True}
    headers = {"HTTP_IDEMPOTENCY_KEY": terminal}
    opened = client.post(f"{_PAYMENTS}/intent", body, content_type="application/json", **headers)
    while sent:
        name, given = sent.pop(0)
        if name.startswith("terminals."):
            app.tasks[name](**given)
    seen = client.get(f"{_PAYMENTS}/{opened.json().get('id')}?wait=0").json()
    if seen.get("status") != "succeeded":
        raise RuntimeError(f"{opened.content!r}: {seen}")


if __name__ == "__main__":
    django.setup()
    _counts = "--count" in sys.argv
    _words = [word for word in sys.argv[1:] if word != "--count"]
    _shop = store(_words[0], _words[1:])
    if _counts:
        _shop["statements"] = count(_shop)
    sys.stdout.write(json.dumps(_shop) + "\n")
