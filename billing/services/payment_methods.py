"""What tenants do with their payment methods: add one, pay with another.

The provider is told first and looked at then: the answer is what it has (see `method_writes`).
"""

import dataclasses
import logging
from datetime import datetime

from django.db.models import QuerySet

from billing.drivers import registry
from billing.drivers.base import DriverError, OutcomeUnknown
from billing.enums import Provider, SubscriptionStatus
from billing.errors import ProviderFailed
from billing.models import Customer, PaymentMethod, Subscription
from billing.selectors import payment_methods, payments, subscriptions
from billing.services import card_testing, customers, method_writes, payers, recovery, refusals
from billing.types import CardDetails, CardElement, Cause, SetupResult
from orgs.errors import DomainError
from orgs.models import Organization

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class Chosen:
    """A method of the payer's, after it was added or made the default.

    `overdue` is the subscription if a payment for it was overdue and was tried at once, and
    `refusal` why that did not succeed: the method stays what it was made all the same.
    """

    method: PaymentMethod
    overdue: Subscription | None = None
    refusal: DomainError | None = None

    @property
    def is_recovered(self) -> bool:
        """Say whether what was overdue is paid now."""
        overdue = (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
        return self.overdue is not None and self.overdue.status not in overdue


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """What the provider's element handed over, and what some need beside it."""

    name: str = dataclasses.field(repr=False)
    card: CardDetails | None = None


def list_payment_methods(
    *, organization: Organization, cause: Cause, now: datetime
) -> QuerySet[PaymentMethod]:
    """Return what an organization can pay with, newest first; asks a provider only once ever."""
    payers.see_unseen(organization=organization, cause=cause, now=now)
    return payment_methods.list_methods(organization)


def card_element(
    *, organization: Organization, provider: Provider | str | None = None
) -> CardElement:
    """Return what our page embeds for an organization to enter a card; nobody is asked.

    Raises:
        ProviderRefused: cards can't be entered there right now.
    """
    driver = registry.get_driver(provider or payment_methods.paying_provider(organization))
    try:
        return driver.card_element()
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def begin_setup(
    *,
    organization: Organization,
    provider: Provider | None = None,
    cause: Cause,
    now: datetime,
) -> SetupResult:
    """Prepare for the payer's browser to enter a card that is charged later.

    Raises:
        RateLimited: too many cards were declined.
        ProviderRefused, ProviderBusy, ProviderFailed: nothing was prepared.
    """
    card_testing.refuse_guessing(organization=organization, now=now)
    customer = _customer(organization, provider)
    driver = registry.get_driver(customer.provider)
    key = method_writes.new_key()
    try:
        return payers.ask_for_payer(
            customer=customer,
            ask=lambda external_id: driver.create_setup_intent(external_id, idempotency_key=key),
            cause=cause,
            now=now,
        )
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def attach_payment_method(
    *,
    organization: Organization,
    payment_method: str,
    card: CardDetails | None = None,
    provider: Provider | None = None,
    set_default: bool = False,
    cause: Cause,
    now: datetime,
) -> Chosen:
    """Add what the provider's element made; a payer's first method becomes its default.

    The same card again takes the place of its older entry: the new one carries the newest expiry
    and consent. It is the default if the old one was.

    Raises:
        CardDeclined: nothing was added.
        RateLimited: too many cards were declined; nobody was asked about this one.
        ProviderRefused: no such method, or somebody else's.
        ProviderBusy, ProviderFailed: the same request again ends in the same state.
    """
    card_testing.refuse_guessing(organization=organization, now=now)
    customer = _customer(organization, provider)
    external_id = _attach(customer, Given(payment_method, card), cause, now)
    if set_default:
        method_writes.set_default(customer=customer, external_id=external_id, cause=cause, now=now)
    else:
        method_writes.look(customer=customer, cause=cause, now=now)
    method = method_writes.known(customer, external_id)
    twins = payment_methods.twins_of(method)
    has_other = payment_methods.others_of(method).filter(is_default=True)
    is_heir = any(twin.is_default for twin in twins) or not has_other.exists()
    if not method.is_default and is_heir:
        method_writes.set_default(customer=customer, external_id=external_id, cause=cause, now=now)
    _drop(twins, cause, now)
    method.refresh_from_db()
    return _recover(organization, method, cause, now)


def make_default(
    *, organization: Organization, method: PaymentMethod, cause: Cause, now: datetime
) -> Chosen:
    """Have everything charged to this method from now on; what is overdue at once.

    Raises:
        ProviderRefused: the provider does not have it any more.
        ProviderBusy, ProviderFailed: the same request again ends in the same state.
    """
    method_writes.set_default(
        customer=method.customer, external_id=method.external_id, cause=cause, now=now
    )
    method.refresh_from_db()
    return _recover(organization, method, cause, now)


def _customer(organization: Organization, provider: Provider | None) -> Customer:
    provider = provider or payment_methods.paying_provider(organization)
    return customers.get_or_create_customer(organization=organization, provider=provider)


def _attach(customer: Customer, given: Given, cause: Cause, now: datetime) -> str:
    driver = registry.get_driver(customer.provider)
    key = method_writes.new_key()
    try:
        return payers.ask_for_payer(
            customer=customer,
            ask=lambda external_id: driver.attach_payment_method(
                given.name,
                external_customer_id=external_id,
                idempotency_key=key,
                card=given.card,
            ),
            cause=cause,
            now=now,
        )
    except OutcomeUnknown as error:
        # A name that stands for a new card tells nothing about whether it is there.
        if customer.external_id:
            method_writes.look(customer=customer, cause=cause, now=now)
        if payment_methods.of_customer(customer, given.name) is None:
            raise ProviderFailed from error
        return given.name
    except DriverError as error:
        if error.code == payments.DECLINED:
            card_testing.note_decline(
                organization=customer.organization, provider=customer.provider, now=now
            )
        raise method_writes.refusal(error) from error


def _drop(twins: list[PaymentMethod], cause: Cause, now: datetime) -> None:
    """Take off older entries of a card; one that stays does no harm."""
    for twin in twins:
        try:
            method_writes.detach(method=twin, cause=cause, now=now)
        except DomainError as error:
            logger.warning(
                "payment_method.twin_stays", extra={"method": str(twin.pk), "code": error.code}
            )


def _recover(
    organization: Organization, method: PaymentMethod, cause: Cause, now: datetime
) -> Chosen:
    """Pay what is overdue with a new default; a refusal is no failure of what was asked for."""
    if not method.is_default:
        return Chosen(method)
    try:
        return Chosen(method, recovery.pay_overdue(organization=organization, cause=cause, now=now))
    except DomainError as error:
        logger.info("payment_method.not_recovered", extra={"code": error.code})
        return Chosen(method, subscriptions.live(organization), error)
