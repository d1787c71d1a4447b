"""A provider's simulator as the scenarios shared by all drivers see it.

A new driver brings a sandbox of its own, lists it in `SANDBOXES`, and runs through every scenario
that its capabilities allow.
"""

import abc
import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal
from unittest import mock

import stripe as sdk

from billing.drivers import registry
from billing.drivers.base import PaymentDriver
from billing.drivers.cardconnect import finding, voiding
from billing.enums import Provider
from billing.models import MerchantAccount
from billing.types import CardDetails, CustomerSpec, PriceSpec, SubscriptionSpec
from tests.billing.builders import make_organization
from tests.simulators.cardpointe.client import CardPointeSimulator
from tests.simulators.cardpointe.merchants import FNOR_MID, PASSWORD, SITE, USER
from tests.simulators.stripe.client import StripeSimulator

_GATEWAY = {"site": SITE, "merchid": FNOR_MID, "api_user": USER, "api_pass": PASSWORD}


class Sandbox(abc.ABC):
    """One provider to try a driver on: its test cards, its faults, its events."""

    provider: ClassVar[Provider]
    good_card: str
    refused_card: str
    """Declined by the time the first payment is made, not when the card is saved."""
    refusal: ClassVar[str]
    """The provider's reason for `refused_card`."""
    unsavable_card: str
    """Declined already when it is saved."""
    asking_card: ClassVar[str]
    """Its holder must confirm every payment; empty if the provider has no such cards."""
    card_details: ClassVar[CardDetails | None] = None
    """What goes beside a card, where the provider needs that."""
    is_remote: ClassVar[bool] = True
    """Its payers and invoices are asked for over a network; otherwise they are rows of ours."""

    @classmethod
    @abc.abstractmethod
    def started(cls, settings: Any) -> contextlib.AbstractContextManager["Sandbox"]:
        """Run the simulator for a block, with our settings pointing at it."""

    @abc.abstractmethod
    def lose_next_answer(
        self, *, processed: bool, of: Literal["start", "change", "refund"] = "start"
    ) -> None:
        """Let the next start, change or refund end without an answer, done or not done."""

    @abc.abstractmethod
    def refuse_connections(self, settings: Any) -> None:
        """Let nobody answer at the provider's address."""

    @abc.abstractmethod
    def events(self) -> list[dict[str, Any]]:
        """Return what the provider would have told us so far, oldest first."""

    @abc.abstractmethod
    def sign(self, body: bytes, secret: str) -> Mapping[str, str]:
        """Return the headers of a webhook signed with a secret."""

    @property
    def driver(self) -> PaymentDriver:
        """Return the driver that is configured for the provider."""
        return registry.get_driver(self.provider)

    def new_organization(self) -> str:
        """Return the id of an organization; a provider of our own needs one that there is."""
        return str(uuid.uuid4())

    def new_payer(self, organization_id: str = "") -> str:
        """Create a payer; return the provider's id."""
        our_id = str(uuid.uuid4())
        spec = CustomerSpec(
            our_id=our_id,
            organization_id=organization_id or self.new_organization(),
            email=f"{our_id}@example.com",
            name="Acme",
        )
        return self.driver.create_customer(spec, idempotency_key=new_key())

    def new_start(self, card: str) -> SubscriptionSpec:
        """Return what is needed to start a subscription, with a card unless it is empty."""
        organization_id = self.new_organization()
        payer = self.new_payer(organization_id)
        method = ""
        if card:
            method = self.driver.attach_payment_method(
                card,
                external_customer_id=payer,
                idempotency_key=new_key(),
                card=self.card_details,
            )
        price = self.driver.ensure_price(
            PriceSpec(
                plan_code="shared",
                plan_name="Shared",
                version=1,
                interval="month",
                currency="USD",
                amount_minor=2900,
                lookup_key="till_shared_v1_month_usd",
            )
        )
        return SubscriptionSpec(
            our_id=str(uuid.uuid4()),
            organization_id=organization_id,
            external_customer_id=payer,
            external_price_id=price.external_id,
            seats=2,
            payment_method=method,
        )


class StripeSandbox(Sandbox):
    """Stripe, simulated."""

    provider = Provider.STRIPE
    good_card = "pm_card_visa"
    refused_card = "pm_card_chargeCustomerFail"
    refusal = "generic_decline"
    unsavable_card = "pm_card_chargeDeclined"
    asking_card = "pm_card_authenticationRequired"

    def __init__(self, simulator: StripeSimulator) -> None:
        self.simulator = simulator

    @classmethod
    @contextlib.contextmanager
    def started(cls, settings: Any) -> Iterator[Sandbox]:
        """Start a process of our own."""
        with StripeSimulator.start() as simulator:
            settings.STRIPE_API_BASE = settings.STRIPE_API_HOST = simulator.base_url
            yield cls(simulator)

    def lose_next_answer(
        self, *, processed: bool, of: Literal["start", "change", "refund"] = "start"
    ) -> None:
        """Cut the connection after, or before, the request is executed."""
        action = "reset_after" if processed else "reset_before"
        paths = {"start": "/subscriptions$", "change": "/subscriptions/", "refund": "/refunds$"}
        self.simulator.add_fault(method="POST", path=paths[of], action=action)

    def refuse_connections(self, settings: Any) -> None:
        """Point at a port that nobody listens on."""
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    def events(self) -> list[dict[str, Any]]:
        """Return all events."""
        return self.simulator.events()

    def sign(self, body: bytes, secret: str) -> Mapping[str, str]:
        """Sign as Stripe does."""
        header = sdk.WebhookSignature.generate_signature_header(body.decode(), secret)
        return {"stripe-signature": header}


class OwnSandbox(Sandbox):
    """A provider of our own: its payers, subscriptions and invoices are rows of ours."""

    is_remote = False
    asking_card = ""

    def new_organization(self) -> str:
        """Create an organization."""
        return str(make_organization().pk)

    def events(self) -> list[dict[str, Any]]:
        """Return nothing: our own rows tell what happened."""
        return []

    def sign(self, body: bytes, secret: str) -> Mapping[str, str]:
        """Sign nothing."""
        raise NotImplementedError


class CustomSandbox(OwnSandbox):
    """Invoices by hand: nobody is asked, and nothing gets lost."""

    provider = Provider.CUSTOM
    good_card = refused_card = refusal = unsavable_card = ""

    @classmethod
    @contextlib.contextmanager
    def started(cls, settings: Any) -> Iterator[Sandbox]:
        """Start nothing."""
        del settings
        yield cls()

    def lose_next_answer(
        self, *, processed: bool, of: Literal["start", "change", "refund"] = "start"
    ) -> None:
        """Lose nothing."""
        raise NotImplementedError

    def refuse_connections(self, settings: Any) -> None:
        """Refuse nothing."""
        raise NotImplementedError


class CardConnectSandbox(OwnSandbox):
    """The CardPointe gateway, simulated: subscriptions are ours, cards and charges its."""

    provider = Provider.CARDCONNECT
    refusal = "insufficient_funds"
    card_details = CardDetails(expiry="1230", name="Joe Cardholder", postal="19355")

    def __init__(self, simulator: CardPointeSimulator) -> None:
        self.simulator = simulator
        self.good_card = simulator.tokenize("4788250000121443")
        # Its bank covers 5.00 of whatever is asked.
        self.refused_card = simulator.tokenize("4387750101010101")
        self.unsavable_card = simulator.tokenize("4387751111111053")

    @classmethod
    @contextlib.contextmanager
    def started(cls, settings: Any) -> Iterator[Sandbox]:
        """Start a process of our own."""
        with (
            CardPointeSimulator.start() as simulator,
            # What this simulator drops never arrives later: "there is none" is final at once.
            mock.patch.object(finding, "ABSENT_AFTER", timedelta(0)),
            mock.patch.object(voiding, "PAUSE_S", 0),
        ):
            # A batch that closes at ten would have tests depend on the time of day.
            simulator.settings(rate_limit=0, close_hour=None)
            # May give back a part of what is not settled yet, as some merchants may.
            simulator.put_merchant(merchid=FNOR_MID, refunds_unsettled=True)
            settings.CARDCONNECT_API_BASE = simulator.base_url
            yield cls(simulator)

    def new_organization(self) -> str:
        """Create an organization, and the platform's merchant account once."""
        MerchantAccount.objects.get_or_create(
            organization=None,
            provider=Provider.CARDCONNECT,
            defaults={"label": "Till", "credentials": json.dumps(_GATEWAY)},
        )
        return super().new_organization()

    def lose_next_answer(
        self, *, processed: bool, of: Literal["start", "change", "refund"] = "start"
    ) -> None:
        """Cut the connection after, or before, the gateway does what is asked."""
        kind = "drop_after" if processed else "drop_before"
        self.simulator.add_fault(kind, op="refund" if of == "refund" else "auth")

    def refuse_connections(self, settings: Any) -> None:
        """Point at a port that nobody listens on."""
        settings.CARDCONNECT_API_BASE = "http://127.0.0.1:9"


SANDBOXES: dict[Provider, type[Sandbox]] = {
    Provider.STRIPE: StripeSandbox,
    Provider.CARDCONNECT: CardConnectSandbox,
    Provider.CUSTOM: CustomSandbox,
}


def new_key() -> str:
    """Return an idempotency key that was never used."""
    return f"key-{uuid.uuid4()}"
