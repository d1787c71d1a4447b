"""One call of the gateway: who calls, with which fields, and what is to go wrong."""

from dataclasses import dataclass, field

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.faults import Fault
from tests.simulators.cardpointe.fields import Fields
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.world import World


@dataclass(slots=True)
class Call:
    """What a handler works with."""

    world: World
    merchant: Merchant
    fields: Fields
    path: tuple[str, ...] = ()
    query: dict[str, str] = field(default_factory=dict)
    fault: Fault | None = None
    # The JSON before it is taken for fields, for the calls that take lists.
    body: Json = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Note in the journal what the provider lets pass and its contract does not."""
        self.fields.warnings.append(text)

    def note_stored_credential(self) -> None:
        """Warn of combinations that the card brands' rules for stored credentials forbid."""
        given = self.fields
        if given["cof"] == "M" and given["cvv2"]:
            self.warn("a merchant-initiated charge carries a security code")
        if given["ecomind"] == "R" and (given["cof"], given["cofscheduled"]) != ("M", "Y"):
            self.warn("a recurring charge without cof M and cofscheduled Y")
        if given["profile"] == "Y" and given["cof"] != "C":
            self.warn("a card is stored without cof C")
