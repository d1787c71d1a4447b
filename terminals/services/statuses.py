"""Whether readers can be reached: asked for all together, or for one that somebody looks at."""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from billing.drivers import registry
from billing.drivers.base import DriverError, ObjectMissing
from billing.types import ReaderSnapshot
from orgs.models import Organization
from terminals.models import Terminal
from terminals.selectors import terminals
from terminals.services import rows

FRESH_FOR_S = 10

logger = logging.getLogger(__name__)


def refresh_all(*, now: datetime) -> int:
    """Ask every account for its readers, each in one go; say how many readers were heard of.

    An account that does not answer leaves its readers as they were.
    """
    by_account: dict[tuple[str, UUID | None], list[Terminal]] = defaultdict(list)
    for terminal in Terminal.objects.filter(removed_at=None).order_by("pk"):
        by_account[terminal.provider, terminal.account_id].append(terminal)
    return sum(
        _refresh_account(provider, account_id, readers, now)
        for (provider, account_id), readers in by_account.items()
    )


def refresh_one(*, organization: Organization, terminal_id: UUID, now: datetime) -> Terminal:
    """Return a reader as its provider sees it now, or saw it some seconds ago.

    Raises:
        NotFound: no such reader of this organization.
    """
    terminal = terminals.get_terminal(organization, terminal_id)
    fresh_since = now - timedelta(seconds=FRESH_FOR_S)
    if terminal.checked_at is not None and terminal.checked_at > fresh_since:
        return terminal
    driver = registry.get_driver(terminal.provider)
    try:
        found: ReaderSnapshot | None = driver.retrieve_reader(rows.reader_of(terminal))
    except ObjectMissing:
        found = None
    except DriverError as error:
        logger.info("terminals.no_status", extra={"id": str(terminal.pk), "code": error.code})
        return terminal
    _write(terminal, found, now)
    return terminal


def _refresh_account(
    provider: str, account_id: UUID | None, readers: Iterable[Terminal], now: datetime
) -> int:
    try:
        found = registry.get_driver(provider).list_readers(account_id)
    except (DriverError, registry.ProviderUnknown) as error:
        logger.warning("terminals.no_statuses", extra={"provider": provider, "code": str(error)})
        return 0
    by_id = {row.external_id: row for row in found}
    for terminal in readers:
        _write(terminal, by_id.get(terminal.external_id), now)
    return len(by_id)


def _write(terminal: Terminal, found: ReaderSnapshot | None, now: datetime) -> None:
    """Keep what was said; a reader that its provider has no more is offline."""
    terminal.is_online = found is not None and found.is_online
    terminal.last_seen_at = (found.last_seen_at if found else None) or terminal.last_seen_at
    terminal.checked_at = now
    terminal.save(update_fields=["is_online", "last_seen_at", "checked_at", "updated_at"])
