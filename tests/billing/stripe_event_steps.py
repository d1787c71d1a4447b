"""Whole events of the pinned API version."""

import json
from pathlib import Path
from typing import Any

from billing.drivers.stripe import normalizer
from billing.types import NormalizedEvent

EVENTS = Path(__file__).parent.parent / "fixtures" / "stripe" / "events"


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def normalized(name: str) -> NormalizedEvent:
    return normalizer.normalize(load(name))


def obj(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(name)["data"]["object"]
    return found
