"""The way of a gateway call: let in, done once, disturbed if asked for, answered."""

import asyncio
import base64
import binascii
import json
import traceback
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from tests.simulators.cardpointe import Json, batches, noise, pending, routing
from tests.simulators.cardpointe.call import Call
from tests.simulators.cardpointe.faults import Fault, Faults, vanish
from tests.simulators.cardpointe.fields import Fields
from tests.simulators.cardpointe.journal import Journal
from tests.simulators.cardpointe.limiter import Limiter
from tests.simulators.cardpointe.merchants import Merchant
from tests.simulators.cardpointe.refusal import HttpError, Refused
from tests.simulators.cardpointe.world import World

_BASE = "/cardconnect/rest"
_SERVLET = "<html><body><h1>CardConnect REST Servlet</h1></body></html>"
_PROCESSOR_WAIT_S = 32


class Gateway:
    """Everything under `/cardconnect/rest` of every site."""

    def __init__(self, world: World, after_request: Callable[[], None]) -> None:
        self.world = world
        self.faults = Faults()
        self.journal = Journal()
        self.limiter = Limiter(world)
        self.after_request = after_request

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, site: str, path: str
    ) -> None:
        """Answer one call of a site; `path` begins with `/cardconnect/rest`."""
        request = Request(scope, receive)
        raw = await request.body()
        self.run_due()
        rest = path.removeprefix(_BASE).removeprefix("/")
        matched = routing.match(request.method, rest)
        op = matched[0].op if matched else ""
        query = dict(request.query_params)
        body, wrong = _read(raw)
        told = _told(body, query, matched)
        entry = self.journal.open_entry(op, request.method, path, told, self.world.now())
        fault = self.faults.take(op, told)
        if fault is not None:
            entry["fault"] = fault.kind
            if fault.is_unheard:
                await vanish(receive, fault.hold_s)
                return
        try:
            user, password = _credentials(request)
            entry["user"] = user
            known = self._let_in(site, user, password)
            headers = self.limiter.pass_through(op, _address(request))
            if not rest:
                response: Response | None = HTMLResponse(_SERVLET)
            else:
                handler, parts = _checked(matched, wrong=wrong)
                fields = Fields({**body, **query})
                merchant = _merchant(known, told)
                call = Call(self.world, merchant, fields, parts, query, fault, body)
                response = await self._answer(handler, call, entry)
        except HttpError as error:
            response, headers = self._http_error(error, path), {}
        self.after_request()
        if response is None:
            await vanish(receive, fault.hold_s if fault else 0)
            return
        entry["status"] = response.status_code
        response.headers.update(headers)
        await response(scope, receive, send)

    def run_due(self) -> None:
        """Let what has become due by the virtual clock happen first."""
        pending.run_due(self.world, self.world.now(), self.perform)
        batches.run_due(self.world, self.world.now())

    def perform(self, handler: routing.Handler, call: Call) -> Any:
        """Do the work of a call; from here to the return nothing else happens in this world."""
        try:
            return handler(call)
        except Refused as refusal:
            return refusal.body()

    async def _answer(self, handler: routing.Handler, call: Call, entry: Json) -> Response | None:
        """Return the answer, or nothing when the caller is not to get one."""
        fault = call.fault
        if fault is None:
            return self._done(handler, call, entry)
        if fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.kind == "processor_timeout":
            self.world.offset += _PROCESSOR_WAIT_S
        if fault.kind == "late_commit":
            pending.put_off(self.world, entry["op"], call, seconds=fault.seconds)
            return None
        if fault.status is not None and not fault.commit:
            return answer_by_force(fault)
        response = self._done(handler, call, entry)
        if fault.kind == "drop_after":
            return None
        return response if fault.status is None else answer_by_force(fault)

    def _done(self, handler: routing.Handler, call: Call, entry: Json) -> Response:
        try:
            answer = self.perform(handler, call)
        except Exception:  # noqa: BLE001 - a fault of the simulator must be seen, not hang
            entry["error"] = traceback.format_exc()
            return PlainTextResponse(entry["error"], 500)
        entry["warnings"] = call.fields.warnings
        if isinstance(answer, dict):
            entry.update({name: answer.get(name) for name in ("respstat", "respcode", "retref")})
        return self._shown(answer, call.fault)

    def _shown(self, answer: Any, fault: Fault | None) -> Response:
        if isinstance(answer, str):
            return PlainTextResponse(answer)
        if isinstance(answer, dict):
            answer = without_parts(answer, fault)
        if self.world.setting("noise"):
            answer = noise.disturb(answer, self.world.random)
        text = json.dumps(answer)
        if fault is not None and fault.kind == "truncate":
            text = text[: len(text) // 2]
        return Response(text, media_type="application/json")

    def _let_in(self, site: str, user: str, password: str) -> list[Merchant]:
        known = [
            merchant
            for merchant in self.world.merchants(site)
            if (merchant.user, merchant.password) == (user, password)
        ]
        if not known:
            raise HttpError(401, "Unauthorized")
        return known

    def _http_error(self, error: HttpError, path: str) -> Response:
        body = error.body(path, self.world.stamp())
        return JSONResponse(body, error.status, headers=error.headers)


def _checked(
    matched: tuple[routing.Route, tuple[str, ...]] | None, *, wrong: bool
) -> tuple[routing.Handler, tuple[str, ...]]:
    """Return who answers; refuse a path that is none, and a body that is no JSON object."""
    if matched is None:
        raise HttpError(404, "Not Found")
    if wrong:
        raise HttpError(400, "Bad Request")
    return matched[0].handler, matched[1]


def _merchant(known: list[Merchant], told: Json) -> Merchant:
    """Return the merchant that is meant: one that these credentials are for."""
    merchid = told.get("merchid")
    if not merchid:
        raise HttpError(400, "Bad Request")
    for merchant in known:
        if merchant.merchid == merchid:
            return merchant
    raise HttpError(401, "Unauthorized")


def _read(raw: bytes) -> tuple[Json, bool]:
    """Return the JSON object of a body, and whether it is something else."""
    if not raw:
        return {}, False
    try:
        body = json.loads(raw.decode("ascii"))
    except (UnicodeDecodeError, ValueError):
        return {}, True
    return (body, False) if isinstance(body, dict) else ({}, True)


def _told(body: Json, query: dict[str, str], matched: Any) -> Json:
    """Return what a call says in its body, its query and its path."""
    told: Json = {**body, **query}
    if matched is not None and matched[0].merchid_at is not None:
        route, parts = matched
        told["merchid"] = parts[route.merchid_at]
        if route.op == "inquireByOrderid":
            told["orderid"] = parts[0]
    return told


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise HttpError(401, "Unauthorized")
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise HttpError(401, "Unauthorized") from None
    return user, password


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def without_parts(answer: Json, fault: Fault | None) -> Json:
    """Return an answer without what a fault takes from it."""
    taken = {"no_retref": "retref", "no_respstat": "respstat"}.get(fault.kind if fault else "")
    return {name: value for name, value in answer.items() if name != taken}


def answer_by_force(fault: Fault) -> Response:
    """Return the error that a fault asks for."""
    headers = {}
    if fault.retry_after is not None:
        headers["X-Rate-Limit-Retry-After-Seconds"] = str(fault.retry_after)
    return PlainTextResponse("An error was asked for.", fault.status or 500, headers=headers)
