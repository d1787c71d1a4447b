"""What the calls of the terminal service may say, and how much of it."""

import re
from collections.abc import Callable
from typing import Any

from tests.simulators.cardpointe import Json
from tests.simulators.cardpointe.terminals import refusals

_LARGEST_AMOUNT = 2147483647
_PERCENTS = 3
_FORMATS = re.compile(r"PHONE|AMOUNT|MMYY|(?:N|AN)\d{1,2}(?:,\d{1,2})?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?")
# Texts and how long they may be.
_LENGTHS = {"text": 1000, "prompt": 1000, "orderId": 50, "invoiceId": 12, "termId": 8}
_SWITCHES = (
    "force", "capture", "includeSignature", "confirmAmount", "includeAmountDisplay", "beep",
    "includePIN", "includeAVS", "includeCVV", "createProfile", "bin", "printReceipt",
    "printExtraReceipt", "includeCustomTipAmount", "gzipSignature",
)  # fmt: skip


def check(given: Json, *, prompt_length: int | None = None) -> None:
    """Refuse values that cannot be.

    Raises:
        TerminalError: with HTTP 400 and errorCode 3.
    """
    lengths = {**_LENGTHS, **({"prompt": prompt_length} if prompt_length else {})}
    for name, length in lengths.items():
        _check_text(name, given.get(name), length)
    for name in _SWITCHES:
        if name in given and str(given[name]).lower() not in ("true", "false"):
            raise _wrong(name)
    for name, is_right in _RULES.items():
        if name in given and not is_right(given[name]):
            raise _wrong(name)


def _check_text(name: str, value: Any, length: int) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise _wrong(name)
    if len(value) > length and name in ("prompt", "text"):
        text = f"{name.capitalize()} text must be less than or equal to {length} characters"
        raise refusals.invalid(text)
    if len(value) > length:
        raise _wrong(name)


def _wrong(name: str) -> refusals.TerminalError:
    return refusals.invalid(f"Invalid value for param: '{name}'.")


def _is_whole(value: Any, *, least: int = 0, most: int = 1000) -> bool:
    """Say whether a value is a whole number, or a text of one, that is not too far off."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,12}", str(value)):
        return False
    return least <= int(value) <= most


def _is_amount(value: Any) -> bool:
    return _is_whole(value, least=-_LARGEST_AMOUNT, most=_LARGEST_AMOUNT)


def _are_percents(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == _PERCENTS
        and all(_is_whole(percent, most=100) for percent in value)
    )


_RULES: dict[str, Callable[[Any], bool]] = {
    "amount": _is_amount,
    "aid": lambda value: value in ("credit", "debit"),
    "format": lambda value: _FORMATS.fullmatch(str(value)) is not None,
    "dateTime": lambda value: _MOMENT.fullmatch(str(value)) is not None,
    "minLength": _is_whole,
    "maxLength": _is_whole,
    "tipPercentPresets": _are_percents,
    "clearDisplayDelay": lambda value: _is_whole(value, most=60_000),
    "printDelay": lambda value: _is_whole(value, most=60_000),
    "userFields": lambda value: isinstance(value, dict),
}
