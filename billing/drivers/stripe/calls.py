"""One call at a time: questions may be repeated, writes never are; answers become plain dicts."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast
from urllib import parse

import stripe

from billing.drivers.stripe import client, errors
from billing.drivers.stripe.transport import AnswerTimedOut

Json = dict[str, Any]
Ask = Callable[[stripe.StripeClient], "stripe.StripeObject | stripe.StripeResponse"]
AskForPage = Callable[
    [stripe.StripeClient, str | None], "stripe.StripeObject | stripe.StripeResponse"
]

_PAUSES_S = (0.1, 0.4)


def read(ask: Ask) -> Json:
    """Ask, at most three times, and return the answer as a plain dict.

    Raises:
        DriverRejected: a clear no (`ObjectMissing` for an object that is not there).
        DriverUnavailable: anything else.
    """
    for pause in (*_PAUSES_S, None):
        try:
            return _plain(ask(client.get_client()))
        except stripe.StripeError as error:
            if pause is None or not _is_worth_repeating(error, pause):
                raise errors.of_read(error) from error
            time.sleep(pause)
    raise AssertionError("unreachable")  # pragma: no cover


def read_one(collection: str, external_id: str, *, expand: Sequence[str] = ()) -> Json:
    """Ask for one object without the SDK's classes, which cost more than the request itself."""
    path = f"/v1/{collection}/{parse.quote(external_id, safe='')}"
    return read(lambda sdk: sdk.raw_request("get", path, expand=list(expand)))


def write(ask: Ask) -> Json:
    """Send one write, once, and return the answer as a plain dict.

    Raises:
        DriverRejected: refused.
        DriverUnavailable: provably not processed.
        OutcomeUnknown: sent, and no usable answer.
    """
    try:
        return _plain(ask(client.get_client()))
    except stripe.StripeError as error:
        raise errors.of_write(error) from error


def pages(ask: AskForPage) -> Iterator[Json]:
    """Yield the rows of a list, page by page; `ask` takes the id to go on after."""
    after: str | None = None
    while True:
        page = read(lambda sdk, after=after: ask(sdk, after))  # type: ignore[misc]
        yield from page["data"]
        if not page["has_more"] or not page["data"]:
            return
        after = page["data"][-1]["id"]


def keyed(idempotency_key: str, step: str = "") -> stripe.RequestOptions:
    """Return the options of a write; each further write of one call has a step of its own."""
    return {"idempotency_key": f"{idempotency_key}:{step}" if step else idempotency_key}


def _plain(answer: "stripe.StripeObject | stripe.StripeResponse") -> Json:
    # At once: dj-stripe gives the SDK's objects other methods, which hide fields such as `items`.
    if isinstance(answer, stripe.StripeObject):
        return answer.to_dict()
    return cast("Json", answer.data)


def _is_worth_repeating(error: stripe.StripeError, pause: float) -> bool:
    """Not after a time-out (it would take as long again), nor when asked to wait for longer."""
    if isinstance(error, AnswerTimedOut) or not errors.may_ask_again(error):
        return False
    return (errors.retry_after(error) or 0) <= pause
