"""Places, readers and the secrets of tills with an SDK of their own."""

from typing import Any

import pytest

from tests.simulators.counter_steps import READER, Counter
from tests.simulators.stripe.client import PUBLISHABLE_KEY, StripeSimulator

ADDRESS = {"country": "US", "city": "X", "line1": "1 Main St", "postal_code": "1", "state": "IL"}


class TestFromTheStart:
    def test_an_account_has_a_reader_in_a_place(self, v1: Any) -> None:
        (reader,) = v1.terminal.readers.list().data
        (location,) = v1.terminal.locations.list().data

        assert (reader.id, reader.status, reader.location) == (READER, "online", location.id)
        assert reader.device_type == "simulated_wisepos_e"
        assert location.id == "tml_simulated"

    def test_a_reset_leaves_it_as_new(self, counter: Counter) -> None:
        counter.send(counter.order())
        counter.simulator.set_reader(READER, online=False, authorizes_s=5)

        counter.simulator.reset()

        assert (counter.reader().status, counter.reader().action) == ("online", None)
        assert counter.take(counter.order()).status == "succeeded"


class TestLocations:
    def test_has_a_name_and_an_address(self, v1: Any) -> None:
        made = v1.terminal.locations.create({"display_name": "Shop", "address": ADDRESS})

        changed = v1.terminal.locations.update(made.id, {"address": {"city": "Y"}})

        assert changed.address.to_dict() == {**ADDRESS, "city": "Y", "line2": None}
        assert v1.terminal.locations.retrieve(made.id).display_name == "Shop"

    def test_a_country_is_needed(self, counter: Counter) -> None:
        wish = {"display_name": "Shop", "address": {"city": "X"}}

        refused = counter.refused(counter.v1.terminal.locations.create, wish)

        assert (refused.code, refused.param) == ("parameter_missing", "address[country]")

    def test_one_with_readers_stays(self, counter: Counter) -> None:
        counter.refused(counter.v1.terminal.locations.delete, "tml_simulated")

        counter.v1.terminal.readers.delete(READER)

        assert counter.v1.terminal.locations.delete("tml_simulated").deleted


class TestReaders:
    @pytest.mark.parametrize(
        ("code", "device"),
        [("simulated-wpe", "simulated_wisepos_e"), ("simulated-s700", "simulated_stripe_s700")],
    )
    def test_are_registered_by_a_code(self, v1: Any, code: str, device: str) -> None:
        made = v1.terminal.readers.create({"registration_code": code, "location": "tml_simulated"})

        assert (made.device_type, made.label, made.status) == (device, code, "online")
        assert v1.terminal.readers.retrieve(made.id).serial_number == made.serial_number

    @pytest.mark.parametrize(
        ("wish", "param"),
        [
            ({"registration_code": "no-such-code"}, "registration_code"),
            ({"registration_code": "simulated-wpe", "location": "tml_none"}, "location"),
        ],
        ids=["code", "location"],
    )
    def test_not_by_what_there_is_not(self, counter: Counter, wish: Any, param: str) -> None:
        assert counter.refused(counter.v1.terminal.readers.create, wish).param == param

    def test_are_listed_by_what_they_are(self, counter: Counter) -> None:
        v1 = counter.v1
        made = v1.terminal.readers.create({"registration_code": "simulated-s700"})
        counter.simulator.set_reader(made.id, online=False)

        def found(**wish: str) -> list[str]:
            return [row.id for row in v1.terminal.readers.list(wish).data]

        assert found() == [made.id, READER]
        assert found(status="online") == [READER]
        assert found(status="offline") == [made.id]
        assert found(device_type="simulated_stripe_s700") == [made.id]
        assert found(location="tml_simulated") == [READER]
        assert found(serial_number=made.serial_number) == [made.id]

    def test_one_that_is_on_was_seen_just_now(self, counter: Counter) -> None:
        counter.simulator.stop_clock()
        counter.simulator.advance(600)
        seen = counter.reader().last_seen_at
        assert seen == counter.simulator.now() * 1000

        counter.simulator.set_reader(READER, online=False)
        counter.simulator.advance(600)

        assert counter.reader().last_seen_at == seen

    def test_one_that_was_given_up_is_gone(self, counter: Counter) -> None:
        gone = counter.v1.terminal.readers.delete(READER)

        assert (gone.id, gone.deleted) == (READER, True)
        assert counter.reader().deleted
        assert counter.v1.terminal.readers.list().data == []
        assert counter.refused(counter.send, counter.order()).http_status == 404

    def test_a_page_may_not_drive_them(self, simulator: StripeSimulator) -> None:
        answer = simulator.api("GET", f"/v1/terminal/readers/{READER}", key=PUBLISHABLE_KEY)

        assert answer.status_code == 403


class TestInputs:
    ASKED = (
        {"type": "email", "custom_text": {"title": "Receipt?"}},
        {
            "type": "selection",
            "required": True,
            "custom_text": {"title": "Bag?"},
            "selection": {"choices": [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]},
        },
    )

    def ask(self, counter: Counter) -> Any:
        return counter.v1.terminal.readers.collect_inputs(READER, {"inputs": list(self.ASKED)})

    @pytest.mark.parametrize(("skips", "email"), [("none", "someone@example.com"), ("all", None)])
    def test_a_customer_answers(self, counter: Counter, skips: str, email: str | None) -> None:
        assert self.ask(counter).action.status == "in_progress"

        done = counter.v1.test_helpers.terminal.readers.succeed_input_collection(
            READER, {"skip_non_required_inputs": skips}
        )

        first, second = done.action.collect_inputs.inputs
        assert (first.email.value, first.skipped) == (email, email is None)
        assert (second.selection.id, second.skipped) == ("yes", False)
        assert counter.told(READER)[-1] == "terminal.reader.action_succeeded"

    def test_a_customer_walks_away(self, counter: Counter) -> None:
        self.ask(counter)

        done = counter.v1.test_helpers.terminal.readers.timeout_input_collection(READER)

        assert done.action.status == "failed"
        assert counter.told(READER)[-1] == "terminal.reader.action_failed"

    def test_no_card_meanwhile_and_a_payment_takes_its_place(self, counter: Counter) -> None:
        self.ask(counter)
        assert counter.refused(counter.present).code == "payment_method_unexpected"

        assert counter.take(counter.order()).status == "succeeded"
        helpers = counter.v1.test_helpers.terminal.readers
        refused = counter.refused(helpers.succeed_input_collection, READER)
        assert refused.code == "input_collection_unexpected"

    @pytest.mark.parametrize(
        ("asked", "param"),
        [
            ([], "inputs"),
            ([{"type": "selection", "custom_text": {"title": "t"}}], "inputs[0][selection]"),
        ],
        ids=["none", "no_choices"],
    )
    def test_not_what_can_not_be_asked(
        self, counter: Counter, asked: list[Any], param: str
    ) -> None:
        wish = {"inputs": asked}

        refused = counter.refused(counter.v1.terminal.readers.collect_inputs, READER, wish)

        assert (refused.param or "").startswith(param)


class TestTillWithItsOwnSdk:
    def token(self, counter: Counter) -> str:
        return str(counter.v1.terminal.connection_tokens.create().secret)

    def test_takes_a_payment_of_which_it_knows_the_secret(self, counter: Counter) -> None:
        intent = counter.order(asks := 1500)

        done = counter.simulator.till_pays(intent.client_secret, self.token(counter))

        assert (done["status"], done["amount_received"]) == ("succeeded", asks)
        assert counter.reader().action is None
        assert counter.told(intent.id) == [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.succeeded",
        ]

    def test_a_declined_card_can_be_followed_by_another(self, counter: Counter) -> None:
        intent, token = counter.held(), self.token(counter)

        declined = counter.simulator.till_pays(
            intent.client_secret, token, number="4000000000000002"
        )
        held = counter.simulator.till_pays(intent.client_secret, token)

        assert declined["last_payment_error"]["decline_code"] == "generic_decline"
        assert held["status"] == "requires_capture"

    @pytest.mark.parametrize("broken", ["token", "secret"])
    def test_not_without_proof(self, counter: Counter, broken: str) -> None:
        intent, token = counter.order(), self.token(counter)
        secret = intent.client_secret
        proof = (secret, "pst_test_none") if broken == "token" else (f"{secret}x", token)

        with pytest.raises(ValueError, match="unknown" if broken == "token" else "does not fit"):
            counter.simulator.till_pays(*proof)

        assert counter.look(intent).latest_charge is None

    def test_a_token_may_be_for_one_place(self, counter: Counter) -> None:
        create = counter.v1.terminal.connection_tokens.create

        assert create({"location": "tml_simulated"}).location == "tml_simulated"
        assert counter.refused(create, {"location": "tml_none"}).param == "location"


class TestSearch:
    def test_finds_payments_by_their_metadata(self, counter: Counter) -> None:
        wanted = counter.order(metadata={"till": "1", "basket": "b1"})
        counter.order(metadata={"till": "1", "basket": "b2"})
        search = counter.v1.payment_intents.search

        both = search({"query": "metadata['till']:'1' AND metadata[\"basket\"]:\"b1\""})

        assert [row.id for row in both.data] == [wanted.id]
        assert len(search({"query": "metadata['till']:'1'"}).data) == 2
        assert search({"query": "metadata['till']:'1'", "limit": 1}).has_more

    def test_refuses_what_it_can_not_search_for(self, counter: Counter) -> None:
        wish = {"query": "amount>1000"}

        assert counter.refused(counter.v1.payment_intents.search, wish).param == "query"
