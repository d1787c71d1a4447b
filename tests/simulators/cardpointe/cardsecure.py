"""CardSecure: the tokenizer that needs no credentials."""

import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.simulators.cardpointe import Json, emulation, tokens
from tests.simulators.cardpointe.faults import Faults
from tests.simulators.cardpointe.world import World

_TEXTS = {
    8: "Data not decimal digits",
    13: "Data too long",
    14: "Data empty",
    21: "Data too short",
    43: "Server failed",
    49: "Data not found",
    54: "Card number check (Luhn formula) failed.",
    74: "Missing parameter",
    76: "Invalid JSON",
}
_CVV = re.compile(r"\d{3,4}")
_ANYWHERE = {"access-control-allow-origin": "*", "access-control-allow-headers": "content-type"}


class CardSecure:
    """`/cardsecure/api/v1/…` of every site."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world, self.faults = world, faults

    async def __call__(self, request: Request, *, site: str, path: str) -> Response:
        """Answer one request."""
        if request.method == "OPTIONS":
            return Response(headers=_ANYWHERE)
        if request.method != "POST" or not path.endswith(("/echo", "/ccn/tokenize")):
            return _error(49, 404)
        fault = self.faults.take("tokenize", {})
        if fault is not None and fault.status is not None:
            return _error(43, fault.status)
        given = _object(await request.body())
        if given is None:
            return _error(76, 400)
        if path.endswith("/echo"):
            return JSONResponse({"message": given.get("message"), "errorcode": 0})
        return self._tokenize(site, given)

    def _tokenize(self, site: str, given: Json) -> Response:
        account = str(given.get("account") or "").replace(" ", "").replace("-", "")
        code = self._wrong_with(site, account)
        if code:
            return _error(code, 404 if code == 49 else 400)
        if tokens.is_token(account):
            token = account
        else:
            unique = _is_true(given.get("unique"))
            token = tokens.keep(self.world, site, account, unique=unique)
        cvv = str(given.get("cvv") or "")
        tokens.attach(
            self.world,
            site,
            token,
            cvv=cvv if _CVV.fullmatch(cvv) else None,
            expiry=_expiry(str(given.get("expiry") or "")),
        )
        answer = {"message": "No error", "errorcode": 0, "token": token}
        return JSONResponse(answer, headers=_ANYWHERE)

    def _wrong_with(self, site: str, account: str) -> int:
        """Return the error code of an account, 0 when it is one."""
        if not account:
            return 14
        if tokens.is_token(account):
            return 0 if tokens.known(self.world, site, account) else 49
        if not account.replace("/", "", 1).isdigit():
            return 8
        if "/" in account:
            return 0
        return _wrong_with_card(account)


def _object(raw: bytes) -> Json | None:
    try:
        given = json.loads(raw)
    except ValueError:
        return None
    return given if isinstance(given, dict) else None


def _wrong_with_card(account: str) -> int:
    if len(account) < 12:
        return 21
    if len(account) > 19:
        return 13
    return 0 if tokens.luhn_ok(account) and emulation.brand(account) else 54


def _expiry(text: str) -> str | None:
    """Return MMYY of what the tokenizer may be given: MMYY or YYYYMM."""
    if re.fullmatch(r"\d{4}", text):
        return text
    if re.fullmatch(r"20\d{4}", text):
        return text[4:] + text[2:4]
    return None


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _error(code: int, status: int) -> Response:
    body = {"message": _TEXTS[code], "errorcode": code}
    return JSONResponse(body, status, headers=_ANYWHERE)
