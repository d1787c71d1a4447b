"""How the API behaves whatever it is asked about."""

import base64
from typing import Any

import pytest
import stripe

from tests.simulators.stripe import API_VERSION
from tests.simulators.stripe.client import PUBLISHABLE_KEY, SECRET_KEY, StripeSimulator

OTHER_VERSION = "2024-06-20"


class TestKeys:
    def test_no_key_is_401(self, simulator: StripeSimulator) -> None:
        assert simulator.http.get("/v1/customers").status_code == 401

    @pytest.mark.parametrize("key", ["nonsense", "sk_live_000000000000000000000000"])
    def test_malformed_and_live_keys_are_401(self, simulator: StripeSimulator, key: str) -> None:
        answer = simulator.api("GET", "/v1/customers", key=key)

        assert answer.status_code == 401
        assert key not in answer.text

    def test_basic_auth_works_too(self, simulator: StripeSimulator) -> None:
        token = base64.b64encode(f"{SECRET_KEY}:".encode()).decode()

        answer = simulator.http.get("/v1/customers", headers={"Authorization": f"Basic {token}"})

        assert answer.status_code == 200

    def test_a_publishable_key_may_not_read_customers(self, simulator: StripeSimulator) -> None:
        answer = simulator.api("GET", "/v1/customers", key=PUBLISHABLE_KEY)

        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_key_required")

    def test_a_publishable_key_needs_the_client_secret(
        self, simulator: StripeSimulator, v1: Any
    ) -> None:
        intent = v1.payment_intents.create({"amount": 500, "currency": "usd"})
        path = f"/v1/payment_intents/{intent.id}"

        without = simulator.api("GET", path, key=PUBLISHABLE_KEY)
        given = {"client_secret": intent.client_secret}
        proven = simulator.api("GET", path, given, key=PUBLISHABLE_KEY)

        assert (without.status_code, proven.status_code) == (400, 200)

    @pytest.mark.parametrize(
        ("method", "path", "readable"),
        [
            ("POST", "/v1/payment_methods", True),
            ("POST", "/v1/setup_intents/seti_1/confirm", True),
            ("GET", "/v1/customers", False),
            ("POST", "/v1/subscriptions", False),
            ("GET", "/v1/nothing", False),
        ],
    )
    def test_a_page_of_another_origin_reads_only_what_stripe_js_needs(
        self, simulator: StripeSimulator, method: str, path: str, *, readable: bool
    ) -> None:
        origin = {"Origin": "http://127.0.0.1:1"}
        asked = {**origin, "Access-Control-Request-Method": method}

        answer = simulator.api(method, path, {}, headers=origin)
        preflight = simulator.http.options(path, headers=asked)

        assert ("access-control-allow-origin" in answer.headers) is readable
        assert ("access-control-allow-origin" in preflight.headers) is readable

    def test_a_card_number_may_not_come_from_a_server(self, simulator: StripeSimulator) -> None:
        card = {
            "type": "card",
            "card[number]": "4242424242424242",
            "card[exp_month]": 12,
            "card[exp_year]": 2034,
        }

        from_server = simulator.api("POST", "/v1/payment_methods", card)
        from_page = simulator.api("POST", "/v1/payment_methods", card, key=PUBLISHABLE_KEY)

        assert (from_server.status_code, from_page.status_code) == (402, 200)
        assert "4242424242424242" not in str(simulator.requests())
        assert "4242424242424242" not in str(simulator.events())


class TestHeaders:
    def test_names_the_request_and_the_version(self, simulator: StripeSimulator) -> None:
        answer = simulator.api("GET", "/v1/customers")

        assert answer.headers["request-id"].startswith("req_")
        assert answer.headers["stripe-version"] == API_VERSION

    def test_refuses_another_version(self, simulator: StripeSimulator) -> None:
        answer = simulator.api("GET", "/v1/customers", headers={"Stripe-Version": OTHER_VERSION})

        assert answer.status_code == 400
        assert OTHER_VERSION in answer.json()["error"]["message"]


class TestParameters:
    def test_an_unknown_parameter_is_refused_by_name(
        self, simulator: StripeSimulator, v1: Any, customer: Any
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            v1.subscriptions.create({"customer": customer.id, "items": [{"pricee": "x"}]})

        assert refused.value.param == "items[0][pricee]"
        assert simulator.requests()[-1]["verdict"] == "invalid"
        assert simulator.objects("subscription") == []

    def test_what_would_change_the_amount_is_not_passed_over(
        self, simulator: StripeSimulator, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        wish = {"customer": customer.id, "items": [{"price": price.id}]}

        with pytest.raises(
            stripe.InvalidRequestError, match="does not know `application_fee_percent`"
        ):
            v1.subscriptions.create({**wish, "application_fee_percent": 5})

        assert simulator.objects("subscription") == []

    def test_four_levels_can_be_expanded_and_lists_count_as_one(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
        four = "data.latest_invoice.payments.data"

        assert v1.subscriptions.list({"expand": [four]}).data[0].latest_invoice.payments.data
        with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
            v1.subscriptions.list({"expand": [f"{four}.payment"]})

    def test_a_removed_expansion_is_refused(
        self, v1: Any, customer: Any, price: Any, card: Any
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            v1.subscriptions.create(
                {
                    "customer": customer.id,
                    "items": [{"price": price.id}],
                    "expand": ["latest_invoice.payment_intent"],
                }
            )

    def test_metadata_is_merged_and_unset_by_empty(self, v1: Any, customer: Any) -> None:
        v1.customers.update(customer.id, {"metadata": {"a": "1", "b": "2"}})

        changed = v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})

        assert changed.metadata.to_dict() == {"b": "2", "c": "3"}

    def test_what_is_missing_is_named(self, v1: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as missing:
            v1.customers.retrieve("cus_nobody")

        assert missing.value.http_status == 404
        assert missing.value.code == "resource_missing"
        assert "No such customer: 'cus_nobody'" in str(missing.value)

    def test_what_is_missing_in_a_parameter_is_400(self, v1: Any, price: Any) -> None:
        with pytest.raises(stripe.InvalidRequestError) as missing:
            v1.subscriptions.create({"customer": "cus_nobody", "items": [{"price": price.id}]})

        assert (missing.value.http_status, missing.value.param) == (400, "customer")


class TestLists:
    def test_pages_forwards_and_backwards(self, v1: Any) -> None:
        made = [v1.customers.create({"name": str(n)}).id for n in range(5)]
        newest_first = made[::-1]

        first = v1.customers.list({"limit": 2})
        second = v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})
        back = v1.customers.list({"limit": 2, "ending_before": second.data[0].id})

        assert [row.id for row in first.data] == newest_first[:2]
        assert [row.id for row in second.data] == newest_first[2:4]
        assert (first.has_more, second.has_more) == (True, True)
        assert [row.id for row in back.data] == newest_first[:2]
        assert [row.id for row in v1.customers.list().auto_paging_iter()] == newest_first

    def test_expands_inside_data(self, v1: Any, customer: Any, price: Any, card: Any) -> None:
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})

        listed = v1.subscriptions.list(
            {"expand": ["data.customer", "data.latest_invoice.payments"]}
        )

        assert listed.data[0].customer.email == "ada@example.test"
        assert listed.data[0].latest_invoice.payments.data[0].status == "paid"

    def test_filters_customers_by_email(self, v1: Any, customer: Any) -> None:
        v1.customers.create({"email": "other@example.test"})

        found = v1.customers.list({"email": "ada@example.test"})

        assert [row.id for row in found.data] == [customer.id]
