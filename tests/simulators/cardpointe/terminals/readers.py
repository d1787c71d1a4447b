"""Card readers: what they are, whose they are, what they can."""

from dataclasses import dataclass
from typing import Protocol

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.merchants import FNOR_MID, SITE
from tests.simulators.rows import Rows

KIND = "reader"
# The reader every fresh simulator has: somebody has to act on its page.
HSN = "SIM0001"


@dataclass(frozen=True, slots=True)
class Device:
    """What a kind of reader can do; all of them read chips, stripes and contactless cards."""

    screen: tuple[int, int]
    signature: bool = False
    printer: bool = False
    clover: bool = False


DEVICES = {
    "ISC250": Device((480, 272), signature=True),
    "ICT220": Device((128, 64)),
    "Lane 3000": Device((320, 240)),
    "Mini 2": Device((1280, 800), signature=True, printer=True, clover=True),
    "Flex 2": Device((720, 1280), signature=True, printer=True, clover=True),
}


class HoldsRows(Protocol):
    """Whatever keeps rows and knows the time."""

    @property
    def store(self) -> Rows:
        """Return the rows."""

    def now(self) -> int:
        """Return the virtual time."""


def new(hsn: str, *, site: str = SITE, merchid: str = FNOR_MID) -> Json:
    """Return a reader as it comes out of its box."""
    return {
        "hsn": hsn,
        "site": site,
        "merchid": merchid,
        "name": "",
        "device_type": "ISC250",
        "plugged": True,
        # Clover: somebody uses it as a cash register of its own; only ping is answered.
        "merchant_mode": False,
        # connect wants the token that preconnect put on the display.
        "two_factor": False,
        "paper": True,
        # What its cardholders do: the next ones, and all others; {} waits for a person.
        "queue": [],
        "script": {},
        "display": "",
        # From this moment on the display is empty again; None: it stays.
        "display_until": None,
        # How the latest payment ended, for whoever stands there.
        "last": "",
        "token": None,
        "clock": "",
    }


def check(row: Json) -> None:
    """Refuse what no reader has.

    Raises:
        ValueError: a field is unknown or impossible.
    """
    unknown = sorted(set(row) - set(new("")))
    if unknown:
        raise ValueError(f"a reader has no {', '.join(unknown)}")
    if row["device_type"] not in DEVICES:
        raise ValueError(f"device_type is one of {', '.join(DEVICES)}")
    if not row["hsn"]:
        raise ValueError("give the hsn")


def device(row: Json) -> Device:
    """Return what a reader can do."""
    return DEVICES[row["device_type"]]


def put(world: HoldsRows, row: Json) -> Json:
    """Add or replace a reader."""
    check(row)
    return world.store.put(KIND, key(row["site"], row["hsn"]), row)


def find(world: HoldsRows, site: str, hsn: str) -> Json | None:
    """Return a reader of a site."""
    return world.store.find(KIND, key(site, hsn))


def of_site(world: HoldsRows, site: str) -> list[Json]:
    """Return all readers of a site, oldest first."""
    return [row for row in world.store.rows(KIND) if row["site"] == site]


def of_merchant(world: HoldsRows, site: str, merchid: str) -> list[Json]:
    """Return the readers of a merchant, oldest first."""
    return [row for row in of_site(world, site) if row["merchid"] == merchid]


def touch(world: HoldsRows, row: Json) -> None:
    """Note that a reader changed."""
    world.store.touch(KIND, key(row["site"], row["hsn"]))


def show(world: HoldsRows, row: Json, text: str, *, for_s: float | None = None) -> None:
    """Put a text on the display, for so long or until the next one."""
    row["display"] = text
    row["display_until"] = None if for_s is None else world.now() + for_s
    touch(world, row)


def displayed(world: HoldsRows, row: Json) -> str:
    """Return what is on the display now."""
    until = row["display_until"]
    return "" if until is not None and world.now() >= until else str(row["display"])


def key(site: str, hsn: str) -> str:
    """Return what a reader is found by."""
    return f"{site}/{hsn}"


def details(row: Json) -> Json:
    """Return a reader as `terminalDetails` tells of it."""
    can = device(row)
    return {
        "hsn": row["hsn"],
        "name": row["name"],
        "merchantId": row["merchid"],
        "connected": row["plugged"],
        "deviceType": row["device_type"],
        "environment": "UAT",
        "deviceCapabilities": {
            "screenDimensionX": str(can.screen[0]),
            "screenDimensionY": str(can.screen[1]),
            "pinPad": True,
            "msr": True,
            "emv": True,
            "nfc": True,
            "signature": can.signature,
            "printer": can.printer,
        },
    }
