"""What a provider knows of payers and of how they pay."""

from typing import Protocol

from billing.types import (
    BillingDetails,
    CardDetails,
    CardElement,
    CustomerSpec,
    PayerSnapshot,
    SetupResult,
)


class PayerCalls(Protocol):
    """Payers, their payment methods, and the provider's own page for both.

    Errors as in `PaymentDriver`. No money moves here: a write whose outcome is unknown may be sent
    again, under a new key, and ends in the same state.
    """

    def create_customer(self, spec: CustomerSpec, *, idempotency_key: str) -> str:
        """Create a payer; return the provider's id."""
        ...

    def find_customer(self, spec: CustomerSpec) -> str | None:
        """Look for the payer that carries our id; return the provider's id."""
        ...

    def update_customer(
        self,
        external_id: str,
        *,
        email: str,
        name: str,
        idempotency_key: str,
        details: BillingDetails | None = None,
    ) -> None:
        """Tell the provider where bills go and to whom; an empty value stays as it is there.

        `details` replace those it had, where any are given.
        """
        ...

    def retrieve_payer(self, external_id: str) -> PayerSnapshot:
        """Ask for a payer with everything it can pay with, as it is now.

        Raises:
            ObjectMissing: there never was one with this id.
        """
        ...

    def attach_payment_method(
        self,
        payment_method: str,
        *,
        external_customer_id: str,
        idempotency_key: str,
        card: CardDetails | None = None,
    ) -> str:
        """Give a payer a card; return the provider's id of the method that now belongs to it.

        `card` is what a gateway needs beside a token; others have it in the token.
        """
        ...

    def card_element(self) -> CardElement:
        """Return what our page embeds for an organization's own card; the provider is not asked.

        Raises:
            DriverRejected: nobody can pay by card here.
        """
        ...

    def create_setup_intent(
        self, external_customer_id: str, *, idempotency_key: str
    ) -> SetupResult:
        """Prepare for a payer's browser to enter a card that is charged later."""
        ...

    def set_default_payment_method(
        self,
        *,
        external_customer_id: str,
        payment_method: str,
        external_subscription_id: str = "",
        idempotency_key: str,
    ) -> None:
        """Have a payer's invoices charged to a method it has, those of a subscription included."""
        ...

    def detach_payment_method(self, external_id: str, *, idempotency_key: str) -> None:
        """Take a method off its payer, for good; one that nobody has any more is fine."""
        ...

    def create_portal_session(
        self, external_customer_id: str, *, return_url: str, idempotency_key: str
    ) -> str:
        """Open the provider's own page for a payer; return its address.

        Only with the capability `portal`.
        """
        ...
