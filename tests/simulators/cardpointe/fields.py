"""The fields of a request as the gateway takes them: by exact name, as text, up to a length."""

from collections.abc import Mapping
from typing import Any

from tests.simulators.cardpointe import Json, amounts
from tests.simulators.cardpointe.refusal import Refused

# Documented maximum lengths; a longer value is PPS 34 "Invalid field".
_LENGTHS = {
    "merchid": 16, "account": 19, "amount": 14, "expiry": 8, "capture": 1, "orderid": 50,
    "tokenize": 1, "currency": 3, "name": 30, "company": 128, "address": 30, "address2": 30,
    "city": 30, "region": 20, "country": 2, "postal": 9, "phone": 15, "email": 128, "cvv2": 4,
    "ecomind": 1, "cof": 1, "cofscheduled": 1, "cofpermission": 1, "profile": 24, "acctid": 3,
    "auoptout": 1, "accttype": 6, "bankaba": 9, "authcode": 6, "receipt": 4, "bin": 1,
    "invoiceid": 12, "ponumber": 36, "taxexempt": 1, "taxamnt": 12, "retref": 14,
    "defaultacct": 1, "profileupdate": 1, "signature": 6144,
}  # fmt: skip
_ONE_OF = {
    "capture": "YN",
    "tokenize": "YN",
    "ecomind": "TER",
    "cof": "CM",
    "cofscheduled": "YN",
    "cofpermission": "YN",
    "auoptout": "YN",
    "defaultacct": "YN",
    "profileupdate": "YN",
}
# Known, and without any effect here.
_PASSED_OVER = {
    "userfields", "items", "frtamnt", "dutyamnt", "orderdate", "shiptozip", "shipfromzip",
    "shiptocountry", "secureflag", "securevalue", "securedstid", "secureexemption", "termid",
    "frontendid", "batchsource", "fee_excluded_amount", "accounts", "date", "batchid", "daysBack",
    "page", "profiles", "binInfo", "token",
}  # fmt: skip


class Fields(Mapping[str, str]):
    """A request's fields; it knows which of them nobody asked for."""

    def __init__(self, given: Json) -> None:
        self.given = given
        self.warnings = [
            f"{name} is not text" for name, value in given.items() if isinstance(value, int | float)
        ]
        unknown = sorted(set(given) - set(_LENGTHS) - _PASSED_OVER)
        self.warnings += [f"{name} is no field of the gateway" for name in unknown]

    def __getitem__(self, name: str) -> str:
        return self.text(name)

    def __iter__(self) -> Any:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)

    def check(self) -> None:
        """Refuse what is too long or none of the letters a field may have."""
        for name in self.given:
            value = self.text(name)
            if len(value) > _LENGTHS.get(name, len(value)):
                raise Refused("34")
            if value and value not in _ONE_OF.get(name, value):
                raise Refused("34")

    def text(self, name: str) -> str:
        """Return a field, empty when it is not there."""
        value = self.given.get(name)
        if value is None or isinstance(value, list | dict):
            return ""
        return str(value)

    def is_set(self, name: str) -> bool:
        """Say whether a switch is Y."""
        return self.text(name) == "Y"

    def amount(self, *, default: int | None = None) -> int:
        """Return the amount in minor units; without one the default, or PPS 43."""
        text = self.text("amount")
        parsed = amounts.parse(text) if text else default
        if parsed is None:
            raise Refused("43")
        return parsed
