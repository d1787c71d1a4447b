"""What Stripe's driver asks and writes about readers, and about payments in person."""

import dataclasses
import uuid
from typing import Any

from billing.types import ReaderRef, SaleOrder, SaleSnapshot
from orgs import clock
from tests.billing import stripe_builders as build
from tests.billing.stripe_cases import Call, Case
from tests.billing.stripe_invoice_cases import sent
from tests.simulators.stripe.client import StripeSimulator

LOCATION = "tml_simulated"
# Cards that readers decline, by their numbers.
NO_FUNDS, EXPIRED = "4000000000009995", "4000000000000069"


@dataclasses.dataclass
class Till:
    """A reader of its own, and one payment after the other."""

    stripe: StripeSimulator
    reader: str

    def order(self, **changes: Any) -> SaleOrder:
        fields: dict[str, Any] = {
            "organization_id": uuid.uuid4(),
            "payment_id": uuid.uuid4(),
            "reference": "TILLABCDEFGH",
            "reader": ReaderRef(self.reader),
            "amount_minor": 1500,
            "currency": "USD",
            "is_captured_at_once": True,
            "metadata": {"basket": "b1"},
        }
        return SaleOrder(**{**fields, **changes})

    def opened(self, **changes: Any) -> SaleOrder:
        """Return the order of a payment that waits for a reader."""
        order = self.order(**changes)
        made = build.driver().open_sale(order, idempotency_key=build.new_key())
        return dataclasses.replace(order, external_id=made.external_id)

    def held(self) -> SaleOrder:
        """Return the order of a payment that is authorized and not captured."""
        return self.taken(is_captured_at_once=False)

    def taken(self, **changes: Any) -> SaleOrder:
        """Return the order of a payment whose card was approved."""
        order = self.opened(**changes)
        run(order)
        self.stripe.at_reader(self.reader)
        return order

    def started(self, **changes: Any) -> SaleOrder:
        """Return the order of a payment for which the reader asks a card."""
        order = self.opened(**changes)
        run(order)
        return order


def till(stripe: StripeSimulator) -> Till:
    """Register a reader."""
    wish = {"registration_code": "simulated-wpe", "label": "Till 1", "location": LOCATION}
    return Till(stripe, str(sent(stripe, "/v1/terminal/readers", wish)["id"]))


def run(order: SaleOrder) -> SaleSnapshot:
    return build.driver().run_sale(order, idempotency_key=build.new_key())


def find(order: SaleOrder) -> SaleSnapshot:
    """Ask for a payment that there is."""
    found = build.driver().find_sale(order, sent_at=None, now=clock.now())
    assert found is not None
    return found


def intent(till: Till, external_id: str) -> Any:
    return till.stripe.api("GET", f"/v1/payment_intents/{external_id}").json()


def open_sale(stripe: StripeSimulator) -> Call:
    order, key = till(stripe).order(), build.new_key()
    return lambda: build.driver().open_sale(order, idempotency_key=key)


def run_sale(stripe: StripeSimulator) -> Call:
    order, key = till(stripe).opened(asks_for_tip=True), build.new_key()
    return lambda: build.driver().run_sale(order, idempotency_key=key)


def stop_sale(stripe: StripeSimulator) -> Call:
    order = till(stripe).started()
    return lambda: build.driver().stop_sale(order)


def capture_sale(stripe: StripeSimulator) -> Call:
    order, key = till(stripe).held(), build.new_key()
    return lambda: build.driver().capture_sale(order, amount_minor=900, idempotency_key=key)


def void_sale(stripe: StripeSimulator) -> Call:
    order, key = till(stripe).held(), build.new_key()
    return lambda: build.driver().void_sale(order, idempotency_key=key)


def connection_token(_: StripeSimulator) -> Call:
    return lambda: build.driver().create_connection_token(location=LOCATION)


WRITES = {
    "open_sale": Case("POST", "/payment_intents$", open_sale),
    "run_sale": Case("POST", "/process_payment_intent$", run_sale),
    "stop_sale": Case("POST", "/cancel_action$", stop_sale),
    "capture_sale": Case("POST", "/capture$", capture_sale),
    "void_sale": Case("POST", "/cancel$", void_sale),
    "connection_token": Case("POST", "/connection_tokens$", connection_token),
}


def retrieve_reader(stripe: StripeSimulator) -> Call:
    reader = ReaderRef(till(stripe).reader)
    return lambda: build.driver().retrieve_reader(reader)


def list_readers(stripe: StripeSimulator) -> Call:
    till(stripe)
    return lambda: build.driver().list_readers(None)


def find_sale(stripe: StripeSimulator) -> Call:
    order = till(stripe).started()
    return lambda: find(order)


def search_sale(stripe: StripeSimulator) -> Call:
    order = dataclasses.replace(till(stripe).opened(), external_id="")
    return lambda: find(order)


QUESTIONS = {
    "retrieve_reader": Case("GET", "/terminal/readers/", retrieve_reader),
    "list_readers": Case("GET", "/terminal/readers$", list_readers),
    "find_sale": Case("GET", "/payment_intents/", find_sale),
    "find_sale_at_reader": Case("GET", "/terminal/readers/", find_sale),
    "search_sale": Case("GET", "/payment_intents/search$", search_sale),
}

# What each call of the driver's protocol is here; the rest asks nobody.
CALLS = {
    "retrieve_reader": retrieve_reader,
    "list_readers": list_readers,
    "create_connection_token": connection_token,
    "open_sale": open_sale,
    "run_sale": run_sale,
    "find_sale": find_sale,
    "stop_sale": stop_sale,
    "capture_sale": capture_sale,
    "void_sale": void_sale,
}
