"""What providers tell us: the same for every driver."""

import json
from typing import Any

import pytest

from billing.drivers.base import (
    SignatureInvalid,
)
from billing.types import NormalizedEvent, Subject
from tests.contract.driver_steps import able, attach, start
from tests.contract.sandboxes import Sandbox, new_key

SECRET = "whsec_sharedscenariosshared00000"


class TestWebhooks:
    def test_its_own_events_are_believed(self, signing: Sandbox) -> None:
        event = _some_event(signing)
        body = json.dumps(event).encode()

        webhook = signing.driver.verify_webhook(body, signing.sign(body, SECRET), secret=SECRET)

        assert json.loads(webhook.body) == event
        assert webhook.external_id
        assert webhook.type

    def test_nobody_elses_are(self, signing: Sandbox) -> None:
        body = json.dumps(_some_event(signing)).encode()

        for headers in ({}, signing.sign(body, "whsec_other"), signing.sign(b"{}", SECRET)):
            with pytest.raises(SignatureInvalid):
                signing.driver.verify_webhook(body, headers, secret=SECRET)

    def test_a_start_leads_back_to_itself(self, signing: Sandbox) -> None:
        created = start(signing, signing.good_card)

        told = [
            event
            for event in _normalized(signing)
            if event.subject == Subject("subscription", created.external_id)
        ]

        assert {event.external_customer_id for event in told} == {created.external_customer_id}
        assert all(event.provider is signing.provider for event in told)
        # One payment is one fact, however many events tell of it.
        facts = {(event.fact.kind, event.fact.external_id) for event in told if event.fact}
        assert [kind for kind, _ in facts] == ["payment_succeeded"]

    def test_a_refused_payment_is_a_fact(self, signing: Sandbox) -> None:
        created = start(signing, signing.refused_card)

        facts = {
            (event.fact.kind, event.fact.external_id): event.fact
            for event in _normalized(signing)
            if event.fact and event.subject == Subject("subscription", created.external_id)
        }

        assert [kind for kind, _ in facts] == ["payment_failed"]
        fact = next(iter(facts.values()))
        assert (fact.amount_minor, fact.currency) == (5800, "USD")

    def test_what_happens_to_a_method_leads_to_its_payer(self, saving: Sandbox) -> None:
        payer = saving.new_payer()
        method = attach(saving, payer)
        saving.driver.detach_payment_method(method, idempotency_key=new_key())

        told = [
            event.type
            for event in _normalized(able(saving, "signed_webhooks"))
            if event.subject == Subject("customer", payer)
        ]

        assert told == ["billing.payment_method.attached", "billing.payment_method.detached"]

    def test_every_event_has_a_name_of_ours(self, signing: Sandbox) -> None:
        _some_event(signing)

        names = {event.type for event in _normalized(signing)}

        assert names
        assert all(name.startswith("billing.") and name.count(".") == 2 for name in names)


def _some_event(sandbox: Sandbox) -> dict[str, Any]:
    sandbox.new_payer()
    return sandbox.events()[-1]


def _normalized(sandbox: Sandbox) -> list[NormalizedEvent]:
    return [sandbox.driver.normalize_webhook(event) for event in sandbox.events()]
