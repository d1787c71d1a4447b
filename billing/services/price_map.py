"""STRIPE_PRODUCT_PRICE_MAP: what our prices are called at Stripe, in either of two spellings."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

from billing.enums import Interval

_FORM = 'Use JSON like {"starter": "price_123"} or starter=price_123,professional:year=price_456.'
_MAX_PARTS = 3


class PriceMapInvalid(ValueError):
    """The map can't be read; the message names the part at fault."""


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One price's name at the provider. No currency: the plan has one price per interval."""

    plan: str
    interval: Interval
    currency: str
    external_id: str

    @property
    def key(self) -> str:
        """Return the entry's left side as a person would write it."""
        return ":".join(part for part in (self.plan, self.interval, self.currency) if part)


def parse(text: str) -> list[Entry]:
    """Read the map; a plan without an interval means its monthly price.

    JSON: `{"starter": "price_1"}`, `{"starter": {"month": "price_1", "year": "price_2"}}`,
    `{"starter:year": "price_2"}`. Plain: `starter=price_1,professional:year=price_2`. A third part
    names the currency of a plan that is sold in several: `starter:month:EUR`.

    Raises:
        PriceMapInvalid: it is malformed, or says two things about one price.
    """
    text = text.strip()
    pairs = _from_json(text) if text.startswith(("{", "[", '"')) else _from_plain(text)
    entries = [_entry(key, external_id) for key, external_id in pairs]
    _refuse_repeats(entries)
    return entries


def _refuse_repeats(entries: list[Entry]) -> None:
    keys: set[str] = set()
    external_ids: dict[str, str] = {}
    for entry in entries:
        if entry.key in keys:
            raise PriceMapInvalid(f"{entry.key} is given twice.")
        if entry.external_id in external_ids:
            other = external_ids[entry.external_id]
            raise PriceMapInvalid(f"{entry.external_id} is given to both {other} and {entry.key}.")
        keys.add(entry.key)
        external_ids[entry.external_id] = entry.key


def _from_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise PriceMapInvalid(f"not valid JSON: {error}. {_FORM}") from None
    if not isinstance(value, dict):
        raise PriceMapInvalid(f"the JSON must be an object, not {text[:40]}. {_FORM}")
    for plan, ids in value.items():
        if isinstance(ids, dict):
            for interval, external_id in ids.items():
                yield f"{plan}:{interval}", _text(f"{plan}:{interval}", external_id)
        else:
            yield plan, _text(plan, ids)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PriceMapInvalid(f"{twice} is given twice.")
    return found


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise PriceMapInvalid(f"{key}: {json.dumps(value)} is not a price id. {_FORM}")
    return value


def _from_plain(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(","):
        if not part.strip():
            continue  # a trailing comma, or nothing set at all
        key, equals, external_id = part.partition("=")
        if not equals:
            raise PriceMapInvalid(f"{part.strip()!r} has no '='. {_FORM}")
        yield key, external_id


def _entry(key: str, external_id: str) -> Entry:
    parts = [part.strip() for part in key.split(":")]
    if len(parts) > _MAX_PARTS or not all(parts):
        raise PriceMapInvalid(f"{key.strip()!r} is not a plan, or a plan and an interval. {_FORM}")
    plan, interval, currency = (*parts, "", "")[:_MAX_PARTS]
    external_id = external_id.strip()
    if not external_id or any(character.isspace() for character in external_id):
        raise PriceMapInvalid(f"{key.strip()}: {external_id!r} is not a price id. {_FORM}")
    try:
        known = Interval(interval or Interval.MONTH)
    except ValueError:
        choices = " or ".join(Interval.values)
        raise PriceMapInvalid(f"{key.strip()}: {interval!r} is not {choices}.") from None
    return Entry(plan, known, currency.upper(), external_id)
