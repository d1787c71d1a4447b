"""Comparing a provider with our rows: hourly what happened lately, nightly everything.

Suspects come from lists and events; each is looked at twice, closely, and written down only when
both looks agree and nothing about it is being changed. What stood and is gone resolves itself.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now

from billing.drivers import registry
from billing.drivers.base import DriverError, PaymentDriver
from billing.models import Reconciliation
from billing.selectors import reconciliation
from billing.services import differences, projection, reconcile_look, reconcile_scan
from billing.services.reconcile_quiet import Seen, Stir
from billing.services.reconcile_session import LIMITS, EnoughAsked, Limits, Session
from billing.types import Subject
from billing.types.differences import Found, RunState, Scope
from orgs.base import insert_once
from orgs.models import Organization

# A comparison that gave no sign of life for this long belongs to a process that died.
_LOST_AFTER = timedelta(minutes=15)
# Each comparison begins a little before the last one began: what was being changed then, and was
# left alone, is compared now.
_OVERLAP = timedelta(minutes=15)
_FIRST_TIME = timedelta(days=1)
# So many objects one after the other of which the provider can't tell: it is down.
_FAILURES = 5

logger = logging.getLogger(__name__)


class AlreadyRunning(Exception):
    """Another comparison with this provider is under way."""


def _nobody(_words: str) -> None:
    """Tell nobody."""


def reconcile_all(*, scope: Scope, now: datetime) -> list[Reconciliation]:
    """Compare every provider that can say what it has; one that is being compared is left alone."""
    done = []
    for provider in sorted(settings.PAYMENT_DRIVERS):
        if not registry.get_driver(provider).capabilities.listing:
            continue
        try:
            done.append(reconcile_provider(provider=provider, scope=scope, now=now))
        except AlreadyRunning:
            logger.info("reconcile.already_running", extra={"provider": provider})
        except Exception:  # a bug with one provider must not hide what differs at the others
            logger.exception("reconcile.broken", extra={"provider": provider})
    return done


def reconcile_provider(
    *,
    provider: str,
    scope: Scope,
    now: datetime,
    organization: Organization | None = None,
    limits: Limits | None = None,
    tell: Callable[[str], None] = _nobody,
) -> Reconciliation:
    """Compare one provider with our rows, all of them or an organization's; return the summary.

    A provider that does not answer ends it: the row says so, and the next one begins where this
    one did.

    Raises:
        AlreadyRunning: one is under way.
    """
    driver = registry.get_driver(provider)
    run = _begin(provider, scope, organization, now)
    session = Session(driver, run, organization, now, limits or LIMITS[scope], tell)
    error, state = "", RunState.DONE
    try:
        _compare(session, scope)
    except EnoughAsked:
        error = "LIMIT"
    except DriverError as failure:
        error, state = f"{failure.code} {failure.detail}".strip()[:100], RunState.FAILED
        logger.warning("reconcile.not_answered", extra={"provider": provider, "code": failure.code})
    except BaseException:
        _finish(run, RunState.FAILED, "BROKEN")
        raise
    _finish(run, state, error)
    return run


def examine(session: Session, subject: Subject, stir: Stir) -> None:
    """Look at one object, twice if something differs, and write down what stands."""
    try:
        seen = reconcile_look.look_at(session, subject)
        if seen is None or not _is_in_scope(session, seen):
            return
        session.run.compared += 1
        if seen.look.found:
            again = reconcile_look.look_at(session, subject) if stir.is_quiet(seen) else None
            if again is None or again.is_moving:
                session.run.postponed += 1
                return
            seen = Seen(dataclasses.replace(again.look, found=_in_both(seen, again)))
    except DriverError as error:
        _postpone(session, subject, error)
        return
    session.failures = 0
    session.run.found += differences.record_look(look=seen.look, now=session.now)


def _postpone(session: Session, subject: Subject, error: DriverError) -> None:
    """Leave one object that nobody can tell of now to the next time; several in a row are it."""
    session.run.postponed += 1
    session.failures += 1
    logger.info("reconcile.postponed", extra={"kind": subject.kind, "code": error.code})
    if session.failures >= _FAILURES:
        raise error


def _in_both(first: Seen, second: Seen) -> tuple[Found, ...]:
    return tuple(found for found in second.look.found if found in first.look.found)


def _is_in_scope(session: Session, seen: Seen) -> bool:
    if session.organization is None:
        return True
    return seen.look.organization_id == session.organization.pk


def _compare(session: Session, scope: Scope) -> None:
    stir, done = Stir(session), set()
    for subject in _suspects(session, scope):
        if subject not in done:
            done.add(subject)
            examine(session, subject, stir)


def _suspects(session: Session, scope: Scope) -> Iterator[Subject]:
    if scope is Scope.FULL:
        return reconcile_scan.everything(session)
    return reconcile_scan.recent(session)


def _begin(
    provider: str, scope: Scope, organization: Organization | None, now: datetime
) -> Reconciliation:
    """Write down that a comparison begins; of two at once, the constraint decides."""
    Reconciliation.objects.filter(
        provider=provider, state=RunState.RUNNING, alive_at__lt=Now() - _LOST_AFTER
    ).update(state=RunState.LOST, finished_at=F("alive_at"))
    last = reconciliation.last_reconciliation(provider)
    since = max(last.started_at - _OVERLAP, now - reconcile_scan.EVENTS_KEPT) if last else None
    run = Reconciliation(
        organization=organization,
        provider=provider,
        scope=scope,
        started_at=now,
        alive_at=projection.database_now(),
        covers_since=since or now - _FIRST_TIME,
    )
    if not insert_once(run):
        raise AlreadyRunning(provider)
    return Reconciliation.objects.get(pk=run.pk)


def _finish(run: Reconciliation, state: RunState, error: str) -> None:
    run.state, run.error = state, error
    run.alive_at = run.finished_at = projection.database_now()
    run.save()


def open_session(driver: PaymentDriver, now: datetime) -> Session:
    """Return a session for looking at a few objects, outside of any comparison."""
    run = Reconciliation(provider=driver.name, scope=Scope.RECENT, started_at=now)
    return Session(driver, run, None, now, LIMITS[Scope.RECENT], _nobody)
