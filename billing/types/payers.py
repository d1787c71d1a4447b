"""Payers at a provider, and how they pay."""

import dataclasses
from urllib.parse import urlsplit

from billing.enums import Provider


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """Where a payer is, which decides about taxes. `country` is its two letters (ISO 3166-1).

    `region` is the part of the country, by the code that its tax rates use. All empty: not known.
    """

    line1: str = ""
    line2: str = ""
    city: str = ""
    postal_code: str = ""
    region: str = ""
    country: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class BillingDetails:
    """What stands on an organization's invoices beside its name."""

    address: Address = Address()
    tax_id: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class CustomerSpec:
    """What a provider is told about a payer."""

    our_id: str
    organization_id: str
    email: str
    name: str
    details: BillingDetails = BillingDetails()


@dataclasses.dataclass(frozen=True, slots=True)
class CardDetails:
    """What a gateway needs beside a token: expiry ("MMYY"), the holder's name and postal code."""

    expiry: str = dataclasses.field(repr=False)
    name: str = dataclasses.field(default="", repr=False)
    postal: str = dataclasses.field(default="", repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class CardElement:
    """What a page of ours embeds so that a payer can enter a card: it never gets to us.

    Either a provider's script with its public key, or the provider's own page in a frame.
    """

    script_url: str = ""
    publishable_key: str = ""
    frame_url: str = ""

    @property
    def frame_origin(self) -> str:
        """Return who the frame's messages come from."""
        parts = urlsplit(self.frame_url)
        return f"{parts.scheme}://{parts.netloc}" if self.frame_url else ""


@dataclasses.dataclass(frozen=True, slots=True)
class PaymentMethodSnapshot:
    """A way to pay as the provider shows it: never a number, only its last four digits.

    `kind` is the provider's word ("card", "us_bank_account"); `exp_month` and `exp_year` are 0 for
    what does not expire. `fingerprint` is the same for the same card, empty where unknown.
    """

    external_id: str
    kind: str
    brand: str = ""
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0
    fingerprint: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class PayerSnapshot:
    """A payer with everything it can pay with, as the provider had it at one moment.

    `our_id` is our customer's id out of the provider's metadata, empty for one that is not ours.
    `default_method_id` is what its invoices are charged to unless a subscription names another;
    empty for none. A deleted payer has `is_deleted` and no methods; `has_methods` is False where a
    list left them out, which says nothing about what is there.
    """

    provider: Provider
    external_id: str
    our_id: str = ""
    email: str = ""
    methods: tuple[PaymentMethodSnapshot, ...] = ()
    default_method_id: str = ""
    is_deleted: bool = False
    has_methods: bool = True


@dataclasses.dataclass(frozen=True, slots=True)
class SetupResult:
    """What a payer's browser needs to enter a card for later."""

    external_id: str
    client_secret: str = dataclasses.field(default="", repr=False)
