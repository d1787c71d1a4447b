"""A visit to the customer portal: who came, what they may do, and where they go from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from starlette.responses import RedirectResponse, Response

from tests.simulators.stripe import Json
from tests.simulators.stripe.engine import cardholding, standing
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.pages.html import link_back, page
from tests.simulators.stripe.world import World


@dataclass(frozen=True)
class Visit:
    """One request to the portal, let in by the id of its session."""

    world: World
    session: Json
    customer: Json
    features: Json
    posted: bool
    given: Mapping[str, str]

    @property
    def home(self) -> str:
        """Return the address of the portal's first page."""
        return f"/p/session/{self.session['id']}"

    def require(self, feature: str) -> Json:
        """Return the settings of a feature; without it the page does not exist."""
        settings: Json = self.features[feature]
        if not settings["enabled"]:
            raise Refusal("This is not switched on in the portal.", status=404)
        return settings

    def may(self, feature: str) -> bool:
        """Say whether the payer is offered something."""
        return bool(self.features[feature]["enabled"])

    def running(self) -> list[Json]:
        """Return the subscriptions that have not ended."""
        return [
            row
            for row in self.world.store.where("subscription", "customer", self.customer["id"])
            if row["status"] not in standing.ENDED
        ]

    def subscription(self, subscription_id: str) -> Json:
        """Return one that runs; another payer's does not exist here."""
        for row in self.running():
            if row["id"] == subscription_id:
                return row
        raise Refusal("There is no such subscription.", status=404)

    def cards(self) -> list[Json]:
        """Return the saved cards."""
        return list(self.world.store.where("payment_method", "customer", self.customer["id"]))

    def card(self, method_id: str) -> Json:
        """Return a saved card; another payer's does not exist here."""
        for row in self.cards():
            if row["id"] == method_id:
                return row
        raise Refusal("There is no such card.", status=404)

    def pays_with(self, subscription: Json) -> str | None:
        """Return the card that a subscription is charged to."""
        own = subscription["default_payment_method"]
        return cardholding.default_of(self.world, self.customer["id"], own)

    def go(self, done: str) -> Response:
        """Lead on after something was done: home with a notice, or where a flow ends."""
        ending = (self.session["flow"] or {}).get("after_completion", {})
        if ending.get("type") == "redirect":
            return RedirectResponse(ending["redirect"]["return_url"], 303)
        if ending.get("type") == "hosted_confirmation":
            return RedirectResponse(f"{self.home}/done", 303)
        return RedirectResponse(f"{self.home}/home?done={done}", 303)

    def show(self, title: str, body: str, *, status: int = 200) -> Response:
        """Answer with a page of the portal; its heading says where the payer is."""
        back = link_back(f"{self.home}/home", "Billing")
        if self.session["flow"] is not None:
            back = link_back(self.session["return_url"], "Return")
        text = f'<main>{back}<div class="card"><h1>{escape(title)}</h1>{body}</div></main>'
        return page(f"{title} · Billing portal", text, status=status)
