"""What two runs of an event set must agree on, and what only depends on when somebody looked.

Rows and what is told once are the same whatever the order. Some lines tell of a change between two
looks at the provider: who looked less often has fewer of them, never others, and never in another
order. Times of noticing are compared as there or not there.
"""

import dataclasses
import functools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.apps import apps
from django.db import connection, models

from billing.enums import CaseKind
from billing.models import Dispute, Subscription
from billing.services import wording
from tests.journeys import dump

_LABELS = ("orgs", "billing", "notifications")
# Written at the moment somebody noticed: only whether they are there is compared.
_TIMES = {
    "Organization": {"access_since"},
    "Subscription": {"activated_at", "past_due_since"},
    "Customer": {"trial_redeemed_at", "deleted_at", "requested_at"},
    "PaymentMethod": {"detached_at"},
    "Obligation": {"settled_at"},
    "PaymentAttempt": {"sent_at", "resolved_at", "resolve_after"},
    "Case": {"resolved_at"},
    "InboxEvent": {"next_attempt_at"},
}
# Random, or about the run itself.
_LEFT_OUT = {
    "PaymentAttempt": {"our_reference"},
    "InboxEvent": {"payload"},
    "Organization": {"event_sequence"},
}
_SEEN_BETWEEN_LOOKS = ("billing.subscription.", "billing.access.", "billing.payment_method.")
_ACCESS = "billing.access.changed"
_TOLD_WHEN_NOTICED = ("billing.case.opened", "billing.payment.dispute_closed")
# Mails about a state that was over by the time somebody looked are not sent.
_PASSING_MAILS = ("payment_failed", "trial_ending")


@dataclasses.dataclass(slots=True)
class State:
    """What the database says after a run. `exact` must agree; `passing` may have less."""

    exact: dict[str, Counter[str]]
    passing: dict[str, Counter[str]]
    seen: dict[str, list[wording.State]]
    faults: list[str]


class Watch:
    """Keeps which states of subscriptions a run has gone through."""

    def __init__(self) -> None:
        self.seen: dict[str, list[wording.State]] = {}
        self.faults: list[str] = []

    def copy(self) -> "Watch":
        """Return one that goes on from here."""
        other = Watch()
        other.seen = {key: list(states) for key, states in self.seen.items()}
        return other

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on while lines are made of a change."""
        told = wording.lines

        def lines(before: wording.State, subscription: Subscription, **more: Any) -> Any:
            after, key = wording.state_of(subscription), str(subscription.pk)
            known = self.seen.setdefault(key, [before])
            if known[-1] != before:
                self.faults.append(f"a change of {key} began at another state than it was left in")
            if after != before:
                known.append(after)
            return told(before, subscription, **more)

        with mock.patch.object(wording, "lines", lines):
            yield


def take_down(watch: Watch) -> State:
    """Read what the database says."""
    tables = dict(_rows())
    told = {model.__name__: rows for model, rows in tables.items()}
    names = {
        key: row[column]
        for _, model, column in dump.NAMED.values()
        for row in told[model]
        for key in (row["id"], str(row["id"]))
    }
    exact: dict[str, Counter[str]] = {}
    passing: dict[str, Counter[str]] = {}
    for model, rows in tables.items():
        for values in rows:
            is_passing = _is_passing(model.__name__, values)
            row = dump._row(model, _shown(model.__name__, values), names)
            (passing if is_passing else exact).setdefault(model.__name__, Counter())[row] += 1
    return State(exact, passing, watch.seen, [*watch.faults, *_faults(told)])


def _rows() -> Iterator[tuple[type[models.Model], list[dict[str, Any]]]]:
    """Yield every table with its rows; one statement reads all that PostgreSQL can read for us."""
    by_table = {model._meta.db_table: model for model in tenant_tables()}
    found: dict[str, list[dict[str, Any]]] = {table: [] for table in by_table}
    sealed = {table for table, model in by_table.items() if _has_binary(model)}
    reads = [
        f"SELECT '{table}', to_jsonb(t) FROM {table} t"  # noqa: S608 - names of our own tables
        for table in found.keys() - sealed
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(reads))
        for table, row in cursor.fetchall():
            found[table].append(row if isinstance(row, dict) else json.loads(row))
    for table in sealed:
        found[table] = list(by_table[table]._default_manager.values())
    for table, rows in found.items():
        yield by_table[table], rows


def _has_binary(model: type[models.Model]) -> bool:
    return any(isinstance(field, models.BinaryField) for field in model._meta.fields)


@functools.cache
def tenant_tables() -> list[type[models.Model]]:
    """Return the tables that an event set can write to."""
    found: list[type[models.Model]] = []
    for label in _LABELS:
        for model in apps.get_app_config(label).get_models():
            names = {field.name for field in model._meta.fields}
            if "organization" in names or model.__name__ in ("Organization", "MirrorTodo"):
                found.append(model)
    return found


def _shown(table: str, values: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in values.items() if name not in _LEFT_OUT.get(table, ())}
    for name in _TIMES.get(table, ()):
        shown[name] = "then" if shown[name] else None
    if table == "BillingEvent" and _is_told_when_noticed(values["type"]):
        shown["occurred_at"] = "then"
        shown["data"] = {}
    if table == "BillingEvent" and values["type"] == _ACCESS:
        # Where it came from depends on the look before; that lines follow on each other is checked.
        shown["summary"], shown["data"] = "", {**values["data"], "from": "wherever"}
    if table == "Message":
        shown["context"] = _known_at_any_time(values["kind"], values["context"])
    return shown


def _known_at_any_time(kind: str, context: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a mail what depends on when its reason was noticed."""
    if kind == "subscription_confirmed":
        return {}
    return {name: value for name, value in context.items() if name != "access_until"}


def _is_told_when_noticed(type_: str) -> bool:
    return type_.startswith((*_SEEN_BETWEEN_LOOKS, *_TOLD_WHEN_NOTICED))


def _is_passing(table: str, values: dict[str, Any]) -> bool:
    if table == "BillingEvent":
        return str(values["type"]).startswith(_SEEN_BETWEEN_LOOKS)
    if table in ("Message", "InvoiceDelivery"):
        return values["kind"] in _PASSING_MAILS
    if table == "Case" and values["kind"] == CaseKind.DISPUTE:
        # Nobody is asked to answer a dispute that was won before it was heard of.
        return Dispute.objects.filter(external_id=values["external_id"], status="won").exists()
    return table == "PaymentMethod" and values["detached_at"] is not None


def _faults(tables: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield what must not be in any run."""
    for row in tables["InboxEvent"]:
        if row["state"] != "done":
            yield f"{row['type']} is {row['state']}: {row['error']}"
    for organization in tables["Organization"]:
        lines = [
            row for row in tables["BillingEvent"] if row["organization_id"] == organization["id"]
        ]
        lines.sort(key=lambda row: row["sequence"])
        numbers = [row["sequence"] for row in lines]
        if numbers != list(range(1, organization["event_sequence"] + 1)):
            yield f"the timeline has gaps: {numbers}"
        yield from _access_faults(organization, lines)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _access_faults(organization: dict[str, Any], lines: list[dict[str, Any]]) -> Iterator[str]:
    """Each line about access goes on where the one before it ended."""
    level = "none"
    for data in [row["data"] for row in lines if row["type"] == _ACCESS]:
        if data["from"] != level:
            yield f"access went on from {data['from']}, and was {level}"
        level = data["to"]
    if level != organization["access_level"]:
        yield f"access is {organization['access_level']}, and the timeline says {level}"


def differences(expected: State, found: State) -> list[str]:
    """Return in what a run differs from the one in order, in lines a person can read."""
    lines = [*found.faults, *dump.difference(expected.exact, found.exact)]
    for table, rows in found.passing.items():
        known = expected.passing.get(table, Counter())
        too_much = rows - known
        for row in [row for row in too_much if _ACCESS in row and row in known]:
            del too_much[row]  # somebody with an older clock judged it once more
        lines += [f"never noticed in order, in {table}: {row}" for row in too_much.elements()]
    for key, states in found.seen.items():
        stray = _first_stray(states, expected.seen.get(key, []))
        if stray is not None:
            lines.append(f"{key} was seen in a state that was over, or never was: {stray}")
    return lines


def _first_stray(states: list[wording.State], known: list[wording.State]) -> wording.State | None:
    """Return the first state that does not come after the ones before it in the run in order."""
    rest = iter(known)
    return next((state for state in states if state not in rest), None)
