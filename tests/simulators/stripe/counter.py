"""The switches of what stands at a counter: readers, cardholders, and tills with an SDK."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import at_reader, in_person, readers
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.resources.terminal_locations import TOKENS
from tests.simulators.stripe.world import World

if TYPE_CHECKING:
    from tests.simulators.switchboard import Switch

_SETTINGS = ("busy", "authorizes_s", "times_out", "cardholder")


class Counter:
    """Does what people and machines at a counter do."""

    def __init__(self, world: World, after_change: Callable[[], None]) -> None:
        self.world, self.after_change = world, after_change
        self.switches: dict[tuple[str, str], Switch] = {
            ("POST", "readers"): self._set,
            ("POST", "readers/act"): self._act,
            ("POST", "readers/answer"): self._answer,
            ("POST", "tills/pay"): self._pay,
        }

    def _reader(self, given: Json) -> Json:
        return self.world.store.get(readers.KIND, str(given.get("reader", "")), param="reader")

    def _set(self, given: Json, _query: dict[str, str]) -> Json:
        """Change what a reader is like: online, busy, authorizes_s, times_out, cardholder."""
        reader = self._reader(given)
        state = readers.state_of(self.world, reader)
        unknown = sorted(set(given) - {"reader", "online", *_SETTINGS})
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        if given.get("times_out") not in (None, "received", "lost"):
            raise ValueError("times_out is received or lost")
        if given.get("cardholder"):
            given["cardholder"] = _cardholder(given["cardholder"])
        state.update({name: given[name] for name in _SETTINGS if name in given})
        self.world.store.touch(readers.STATE, reader["id"])
        if "online" in given:
            readers.switch(self.world, reader, online=bool(given["online"]))
        self.after_change()
        return {"reader": reader, **state}

    def _act(self, given: Json, _query: dict[str, str]) -> Json:
        """Do something at a reader now."""
        reader = self._reader(given)
        at_reader.act(
            self.world, reader, str(given.get("does", "tap")), at_reader.presented_by(given)
        )
        self.after_change()
        return reader

    def _answer(self, given: Json, _query: dict[str, str]) -> Json:
        """Have the issuer that is asked for a card answer now, not when its time is over."""
        reader = self._reader(given)
        at_reader.answer(self.world, reader)
        self.after_change()
        return reader

    def _pay(self, given: Json, _query: dict[str, str]) -> Json:
        """Collect and confirm a payment as a till does whose SDK drives its reader."""
        store = self.world.store
        if store.find(TOKENS, str(given.get("connection_token", ""))) is None:
            raise Refusal("The connection token is unknown.", status=401)
        secret = str(given.get("client_secret", ""))
        intent = store.get("payment_intent", secret.partition("_secret_")[0], param="client_secret")
        if intent["client_secret"] != secret or (
            in_person.TYPE not in intent["payment_method_types"]
        ):
            raise Refusal("The client secret does not fit.", param="client_secret")
        if intent["status"] != "requires_payment_method":
            raise Refusal("There is nothing to pay.", code="intent_invalid_state")
        at_reader.pay(self.world, intent, at_reader.presented_by(given))
        self.after_change()
        return intent


def _cardholder(given: Json) -> Json:
    """Return who acts at a reader of itself: at once, or so many seconds after it asked."""
    known = {"does": "tap", "after_s": 0, "at_once": False, "number": None, "tip": 0}
    unknown = sorted(set(given) - set(known))
    if unknown or given.get("does", "tap") not in at_reader.DEEDS:
        raise ValueError(f"a cardholder has {', '.join(known)}; does one of {at_reader.DEEDS}")
    return {**known, **given}
