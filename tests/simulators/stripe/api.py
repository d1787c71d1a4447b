"""The way of an API request: let in, checked, done once, answered in Stripe's shape."""

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from tests.simulators.faults import cut, hold
from tests.simulators.stripe import API_VERSION, Json, auth, expand, faults, ids, journal, routing
from tests.simulators.stripe.errors import Refusal
from tests.simulators.stripe.idempotency import Keys, Stored
from tests.simulators.stripe.wire import Params, decode_form
from tests.simulators.stripe.world import World

_BROWSER_EXTRAS = ("key", "client_secret", "_stripe_version", "payment_user_agent")


class RequestContract(Protocol):
    """Whoever judges requests against the published parameters."""

    def request_errors(self, method: str, path: str, params: Json) -> list[Json]:
        """Return the deviations, each with message, param and code."""


def _nothing() -> None:
    """Do nothing."""


class Api:
    """Everything under /v1."""

    def __init__(
        self,
        world: World,
        *,
        contract: RequestContract | None = None,
        after_request: Callable[[], None] = _nothing,
    ) -> None:
        self.world = world
        self.contract = contract
        self.faults = faults.Faults()
        self.journal = journal.Journal()
        self.keys = Keys(world)
        self.after_request = after_request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        method, path = scope["method"], scope["path"]
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if method == "OPTIONS":
            await _preflight(send, path, headers)
            return
        body = await _read(receive)
        entry = self.journal.open_entry(method, path, headers, self.world.now())
        fault = self.faults.take(method, path)
        if fault is not None and fault.action in ("timeout_before", "reset_before"):
            entry.update(verdict="never_processed", status=None)
            await _vanish(fault, receive)
            return
        request = _Request(method, path, headers, scope["query_string"].decode(), body)
        status, text, extra = await self._answer(request, entry, fault)
        entry["status"] = status
        self.after_request()
        if fault is not None and fault.action is not None:
            entry["answer_lost"] = True
            await _vanish(fault, receive)
            return
        await _respond(send, status, text, extra)

    async def _answer(
        self, request: "_Request", entry: Json, fault: faults.Fault | None
    ) -> tuple[int, str, dict[str, str]]:
        extra = {"request-id": f"req_{ids.token(14)}", "stripe-version": API_VERSION}
        if request.headers.get("origin") and routing.browser_may_call(request.method, request.path):
            extra["access-control-allow-origin"] = "*"
        name = ""
        try:
            key = self._let_in(request, entry)
            fingerprint = ""
            given = request.headers.get("idempotency-key")
            if given and request.method == "POST":
                extra["idempotency-key"] = given
                fingerprint = Keys.print_of(request.method, request.path, request.params)
                earlier = self.keys.begin(f"{key} {given}", fingerprint)
                if earlier is not None:
                    entry["verdict"] = "replayed"
                    extra.update(
                        {"idempotent-replayed": "true", "original-request": earlier.request_id}
                    )
                    return earlier.status, earlier.body, extra
                name = f"{key} {given}"
            if fault is not None and fault.latency_ms:
                await asyncio.sleep(fault.latency_ms / 1000)
            if fault is not None and fault.status is not None:
                entry["verdict"] = "forced"
                extra.update(fault.headers)
                return fault.status, json.dumps({"error": fault.error}), extra
            status, text = self._execute(request, key, extra["request-id"], entry)
            if name:
                self.keys.finish(name, fingerprint, Stored(status, text, extra["request-id"]))
        except Refusal as refusal:
            status, text = _refused(refusal, entry)
        finally:
            self.keys.release(name)
        return status, text, extra

    def _let_in(self, request: "_Request", entry: Json) -> str:
        """Decode and check a request; return its key."""
        request.decode()
        entry["params"] = journal.without_card_data(request.params)
        entry["verdict"] = "unauthorized"
        key = auth.read_key(request.headers.get("authorization"), request.params.get("key"))
        entry["key"] = auth.masked(key)
        entry["verdict"] = "no_route"
        request.route, request.ids = routing.match(request.method, request.path)
        if not request.route.browser:
            auth.require_secret(key)
        entry["verdict"] = "invalid"
        version = request.headers.get("stripe-version")
        if version not in (None, API_VERSION):
            raise Refusal(f"Invalid Stripe API version: {version}", param="Stripe-Version")
        if self.contract is not None and request.route.documented:
            self._check_contract(request, key, entry)
        return key

    def _check_contract(self, request: "_Request", key: str, entry: Json) -> None:
        params = request.params
        if key.startswith("pk_"):
            params = {name: v for name, v in params.items() if name not in _BROWSER_EXTRAS}
        errors = (
            self.contract.request_errors(request.method, request.path, params)
            if (self.contract)
            else []
        )
        if errors:
            entry["errors"] = [f"{error['param']}: {error['message']}" for error in errors]
            first = errors[0]
            raise Refusal(first["message"], param=first["param"], code=first["code"])

    def _execute(
        self, request: "_Request", key: str, request_id: str, entry: Json
    ) -> tuple[int, str]:
        """Run the handler: from here to the return nothing else happens in this world."""
        world = self.world
        params = Params(request.params)
        call = routing.Call(
            world, params, request.path, request.ids, publishable=key.startswith("pk_")
        )
        entry["verdict"] = "refused"
        world.request = {
            "id": request_id,
            "idempotency_key": request.headers.get("idempotency-key"),
        }
        try:
            _refuse_unknown_money(request.params)
            tree = expand.tree_of(params.texts("expand"))
            row = routing_handler(request)(call)
            answer = expand.apply(world, row, tree) if tree else row
            entry["verdict"] = "ok"
            return 200, dumps(answer)
        except Refusal as refusal:
            return _refused(refusal, entry)
        except Exception as error:  # noqa: BLE001 - a fault of the simulator must be seen, not hang
            entry.update(verdict="simulator_error", errors=[traceback.format_exc()])
            message = f"The simulator failed: {error!r}"
            return 500, dumps({"error": {"type": "api_error", "message": message}})
        finally:
            world.request = {"id": None, "idempotency_key": None}
            world.frozen, world.clock_id = None, ""
            entry["ignored"] = sorted(set(params.ignored()) - set(_BROWSER_EXTRAS))


class _Request:
    """One request as it came in."""

    def __init__(
        self, method: str, path: str, headers: dict[str, str], query: str, body: bytes
    ) -> None:
        self.method, self.path, self.headers = method, path, headers
        self.query, self.body = query, body
        self.params: Json = {}
        self.route: routing.Route | None = None
        self.ids: tuple[str, ...] = ()

    def decode(self) -> None:
        """Read the parameters of the query string and of the form."""
        try:
            text = self.body.decode()
        except UnicodeDecodeError:
            raise Refusal("Invalid request: the body is not UTF-8.") from None
        self.params = decode_form(f"{self.query}&{text}".strip("&"))


# They would change what is charged: better refused than passed over.
_NOT_SIMULATED = (
    "add_invoice_items",
    "application_fee_amount",
    "application_fee_percent",
    "backdate_start_date",
    "billing_cycle_anchor_config",
    "billing_schedules",
    "billing_thresholds",
    "default_tax_rates",
    "shipping_options",
    "transfer_data",
)


def _refuse_unknown_money(params: Json) -> None:
    """Refuse what the simulator cannot calculate."""
    taxed = params.get("automatic_tax")
    wanted = [name for name in _NOT_SIMULATED if params.get(name)]
    if isinstance(taxed, dict) and taxed.get("enabled") == "true":
        wanted.append("automatic_tax")
    if wanted:
        raise Refusal(f"The simulator does not know `{wanted[0]}` yet.", param=wanted[0])


def routing_handler(request: _Request) -> routing.Handler:
    """Return the handler that the request was matched with."""
    if request.route is None:
        raise Refusal("Unrecognized request URL.", status=404)
    return request.route.handler


def dumps(answer: Json) -> str:
    """Return JSON in one line."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False)


def _refused(refusal: Refusal, entry: Json) -> tuple[int, str]:
    entry["errors"] = entry["errors"] or [refusal.message]
    return refusal.status, dumps(refusal.body())


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _vanish(fault: faults.Fault, receive: Receive) -> None:
    if fault.action in ("reset_before", "reset_after"):
        cut(receive)
    else:
        await hold(receive, fault.hold_s)


async def _respond(send: Send, status: int, text: str, extra: dict[str, str]) -> None:
    body = text.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    headers += [(name.encode(), value.encode()) for name, value in extra.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _preflight(send: Send, path: str, headers: dict[str, str]) -> None:
    wanted = headers.get("access-control-request-method", "")
    if not routing.browser_may_call(wanted, path):
        await _respond(send, 403, "{}", {})
        return
    allowed = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": "authorization, content-type, stripe-version",
        "access-control-max-age": "600",
    }
    await _respond(send, 204, "", allowed)
