"""What the provider's test environment makes of a card, an amount, a post code, a CVV."""

import re
from dataclasses import dataclass

from tests.simulators.cardpointe import codes
from tests.simulators.cardpointe.codes import Code

_TIMEOUT_PANS = {"4999006200620062", "5111006200620062", "6465006200620062"}
_PARTIAL_PAN = "4387750101010101"
_PARTIAL_FROM, _PARTIAL_GIVES = 600, 500
_AUTHCODES = {
    "4788250000121443": "PPS009",
    "5454545454545454": "PPS010",
    "371449635398431": "PPS013",
    "6011000995500000": "PPS015",
    "36438999960016": "PPS012",
    "3528000000000007": "PPS007",
}
_DECLINED = {
    ("4387751111111020", "5442981111111023", "6011000995511122"): {"FNOR": "01", "RPCT": "107"},
    ("4387751111111038", "5442981111111031", "6011000995511130"): {"FNOR": "05", "RPCT": "100"},
    ("4387751111111046", "5442981111111049", "6011000995511148"): {"FNOR": "54", "RPCT": "101"},
    ("4387751111111053", "5442981111111056", "6011000995511155"): {"FNOR": "NU", "RPCT": "500"},
}
_DECLINES = {pan: by_proc for pans, by_proc in _DECLINED.items() for pan in pans}
_PLAIN_PANS = {
    "4111111111111111",
    "4242424242424242",
    "5555555555554444",
    "4222222222222204",
    "6510000000000331",
}
TEST_PANS = {*_TIMEOUT_PANS, _PARTIAL_PAN, *_AUTHCODES, *_DECLINES, *_PLAIN_PANS}

_BRANDS = (
    ("VISA", re.compile(r"4\d{15}")),
    ("MC", re.compile(r"(?:5[1-5]|2[2-7])\d{14}")),
    ("AMEX", re.compile(r"3[47]\d{13}")),
    ("DISC", re.compile(r"(?:6011|622\d|64[4-9]\d|65\d\d)\d{12}")),
    ("DINERS", re.compile(r"36\d{12}")),
    ("JCB", re.compile(r"35\d{14}")),
)

_BY_AMOUNT = {"NASH", "FNOR", "RPCT", "PMT", "VANT", "PTAM", "VPS"}
_REFUND_BY_AMOUNT = _BY_AMOUNT - {"PTAM", "VPS"}

_CVV = {"112": "M", "111": "N", "222": "P", "333": "U"}
_AVS = {
    **dict.fromkeys(("224", "1A1"), "X"),
    **dict.fromkeys(("225", "406", "1A2"), "Y"),
    **dict.fromkeys(("111", "201", "1A3"), "A"),
    **dict.fromkeys(("223", "1A4"), "W"),
    **dict.fromkeys(("113", "226", "1A5"), "Z"),
    **dict.fromkeys(("112", "214", "1A6"), "N"),
    **dict.fromkeys(("221", "1A7"), "U"),
    **dict.fromkeys(("207", "1A8"), "G"),
    **dict.fromkeys(("218", "1A9"), "R"),
    **dict.fromkeys(("205", "2B1"), "E"),
    **dict.fromkeys(("219", "2B2"), "S"),
    **dict.fromkeys(("228", "2B3"), "Q"),
    **dict.fromkeys(("204", "227", "2B4"), "D"),
    **dict.fromkeys(("202", "2B5"), "B"),
    **dict.fromkeys(("203", "2B6"), "C"),
    **dict.fromkeys(("216", "2B7"), "P"),
    **dict.fromkeys(("209", "2B8"), "I"),
    **dict.fromkeys(("213", "2B9"), "M"),
}
_AVS_PMT = {f"11{digit}": f"I{digit}" for digit in range(1, 9)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the card's bank says: the code, how much, and the authorisation code."""

    code: Code
    amount: int
    authcode: str = ""


def brand(pan: str) -> str:
    """Return the brand of a card number, or nothing when no brand has such numbers."""
    return next((name for name, pattern in _BRANDS if pattern.fullmatch(pan)), "")


def authorise(proc: str, pan: str, amount: int) -> Verdict:
    """Return what becomes of an authorisation; `pan` is empty for an ordinary card."""
    if proc in ("FNOR", "RPCT"):
        if pan in _TIMEOUT_PANS:
            return Verdict(codes.named("PPS", "62"), 0)
        if pan in _DECLINES:
            return Verdict(codes.named(proc, _DECLINES[pan][proc]), 0)
    if pan == _PARTIAL_PAN and amount >= _PARTIAL_FROM and proc in codes.PARTIAL:
        return Verdict(codes.named(proc, codes.PARTIAL[proc]), _PARTIAL_GIVES, "PPS500")
    asked = by_amount(proc, amount) if proc in _BY_AMOUNT else None
    if asked is not None:
        return _asked_for(proc, asked, amount)
    authcode = _AUTHCODES.get(pan) or f"PPS{amount % 1000:03d}"
    return Verdict(codes.approval(proc), amount, authcode)


def refund(proc: str, parent_amount: int, amount: int) -> Code | None:
    """Return the decline that the amount of a refund asks for, if it asks for one."""
    if proc not in _REFUND_BY_AMOUNT or parent_amount < 2000_00:
        return None
    asked = by_amount(proc, amount)
    return asked if asked is not None and asked.stat != "A" else None


def by_amount(proc: str, amount: int) -> Code | None:
    """Return the code that an amount of 1,000 to 1,999 whole units asks for."""
    whole = amount // 100
    if not 1000 <= whole <= 1999:
        return None
    digits = f"{whole - 1000:03d}"
    if (found := codes.known(proc, digits)) is not None:
        return found
    return codes.known(proc, digits[1:]) if digits.startswith("0") else None


def avs(proc: str, postal: str, address: str) -> str:
    """Return the answer of the address check."""
    table = _AVS_PMT if proc == "PMT" else _AVS
    wanted = postal[-3:].upper()
    if wanted not in table:
        in_address = re.findall(r"(?<!\d)\d{3}(?!\d)", address)
        wanted = next((digits for digits in in_address if digits in table), wanted)
    return table.get(wanted, "Y")


def cvv(code: str | None) -> str:
    """Return the answer of the security code check."""
    return _CVV.get(code, "M") if code else "X"


def _asked_for(proc: str, code: Code, amount: int) -> Verdict:
    if code.stat != "A":
        return Verdict(code, 0)
    given = amount // 2 if code.code == codes.PARTIAL.get(proc) and proc != "PMT" else amount
    return Verdict(code, given, f"PPS{amount % 1000:03d}")
