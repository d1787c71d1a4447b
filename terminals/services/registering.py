"""Readers of an organization: registered, named, removed."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from billing.drivers import registry
from billing.drivers.base import DriverError, DriverRejected, ObjectMissing, PaymentDriver
from billing.enums import Provider
from billing.services import refusals
from billing.types import ReaderRef, ReaderSnapshot
from orgs.errors import Conflict, InvalidRequest
from orgs.models import Organization
from terminals.models import Terminal
from terminals.selectors import terminals
from terminals.services import processing

_LONGEST = 100


def register_terminal(
    *,
    organization: Organization,
    provider: str,
    external_id: str,
    label: str = "",
    location: str = "",
    now: datetime,
) -> Terminal:
    """Register a reader that its provider knows; what is not named is called as there.

    Raises:
        InvalidRequest: the provider takes no cards at readers, or none for this organization, or
            has no such reader; by field.
        Conflict: it is registered already, by whomever.
        ProviderBusy, ProviderFailed: the provider did not answer; nothing was registered.
    """
    _check(external_id=external_id, label=label, location=location)
    driver = _driver(provider)
    account_id = _account(driver, organization)
    found = _look(driver, ReaderRef(external_id, account_id))
    terminal = Terminal(
        organization=organization,
        provider=provider,
        account_id=account_id,
        external_id=external_id,
        label=label or found.label[:_LONGEST] or external_id,
        location=location or found.location[:_LONGEST],
        device_type=found.device_type[:50],
        is_online=found.is_online,
        last_seen_at=found.last_seen_at,
        checked_at=now,
    )
    try:
        with transaction.atomic():
            terminal.save()
    except IntegrityError:
        raise Conflict("This reader is registered already.") from None
    return terminal


def change_terminal(
    *,
    organization: Organization,
    terminal_id: UUID,
    label: str | None = None,
    location: str | None = None,
) -> Terminal:
    """Name a reader, or say where it stands.

    Raises:
        NotFound: no such reader of this organization.
        InvalidRequest: a text is too long, or the label empty; by field.
    """
    terminal = terminals.get_terminal(organization, terminal_id)
    _check(label=label or "", location=location or "")
    if label == "":
        raise InvalidRequest(fields={"label": ["A reader needs a name."]})
    terminal.label = terminal.label if label is None else label
    terminal.location = terminal.location if location is None else location
    terminal.save(update_fields=["label", "location", "updated_at"])
    return terminal


def remove_terminal(*, organization: Organization, terminal_id: UUID, now: datetime) -> None:
    """Take a reader away; its payments stay, and it can be registered again.

    Raises:
        NotFound: no such reader of this organization.
        TerminalBusy: a payment holds it.
    """
    with transaction.atomic():
        locked = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        terminal = terminals.get_terminal(locked, terminal_id)
        processing.refuse_if_busy(terminal=terminal)
        terminal.removed_at = now
        terminal.save(update_fields=["removed_at", "updated_at"])


def create_connection_token(*, organization: Organization, terminal_id: UUID) -> str:
    """Return the secret with which a till's own SDK connects to a reader.

    Raises:
        NotFound: no such reader of this organization.
        ProviderRefused: readers of this provider are driven by the server alone.
        ProviderBusy, ProviderFailed: the provider did not answer.
    """
    terminal = terminals.get_terminal(organization, terminal_id)
    driver = registry.get_driver(terminal.provider)
    try:
        return driver.create_connection_token(location=terminal.location)
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def providers() -> list[Provider]:
    """Return the providers that take cards at readers."""
    configured = [provider for provider in Provider if registry.is_configured(provider)]
    return [row for row in configured if registry.get_driver(row).capabilities.terminals]


def _check(**texts: str) -> None:
    fields = {
        name: [f"At most {_LONGEST} characters."]
        for name, text in texts.items()
        if len(text) > _LONGEST
    }
    if texts.get("external_id") == "":
        fields["external_id"] = ["Which reader?"]
    if fields:
        raise InvalidRequest(fields=fields)


def _driver(provider: str) -> PaymentDriver:
    refusal = InvalidRequest(fields={"provider": ["This provider takes no cards at readers."]})
    try:
        driver = registry.get_driver(provider)
    except registry.ProviderUnknown:
        raise refusal from None
    if not driver.capabilities.terminals:
        raise refusal
    return driver


def _account(driver: PaymentDriver, organization: Organization) -> UUID | None:
    try:
        return driver.terminal_account(organization.pk)
    except DriverRejected:
        raise InvalidRequest(
            fields={"provider": ["Payments in person are not set up with this provider."]}
        ) from None
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error


def _look(driver: PaymentDriver, reader: ReaderRef) -> ReaderSnapshot:
    try:
        return driver.retrieve_reader(reader)
    except ObjectMissing:
        raise InvalidRequest(fields={"external_id": ["The provider has no such reader."]}) from None
    except DriverError as error:
        raise refusals.of_code(error.code, retry_after=error.retry_after) from error
