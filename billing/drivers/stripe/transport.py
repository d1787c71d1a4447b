"""HTTP for the SDK that knows whether a request was sent.

The SDK's own client turns a refused connection and a lost answer into the same error. For a write
the difference decides everything: one may be tried again, the other may have taken money.
"""

import json
from collections.abc import Mapping

import httpx
import stripe

from billing.drivers import leaving
from billing.drivers.pools import BEFORE_SENDING, open_pool


class _Broken(stripe.APIConnectionError):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)  # type: ignore[no-untyped-call]


class NotSent(_Broken):
    """There was no connection, or it was too late: the request provably never arrived."""


class AnswerLost(_Broken):
    """The request may have arrived, and no answer came back."""


class AnswerTimedOut(AnswerLost):
    """No answer within the time that a call may take."""


class PooledClient(stripe.HTTPClient):
    """One pool of kept connections for all threads of a process; never sends twice by itself."""

    name = "httpx"

    def __init__(self, *, connect_timeout: float, read_timeout: float, is_loopback: bool) -> None:
        super().__init__()
        self._pool = open_pool(
            connect_timeout_s=connect_timeout,
            read_timeout_s=read_timeout,
            is_loopback=is_loopback,
        )

    def request(  # type: ignore[override]  # bytes, as the SDK's own clients return
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: str | bytes | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request.

        Raises:
            NotSent: no connection could be made, or a write came too late (`leaving`).
            AnswerTimedOut: sent, and no answer in time.
            AnswerLost: sent, and the connection broke, or somebody on the way answered.
        """
        # Nothing may come between this and the request: a process can stand still at any line.
        if method.upper() != "GET" and leaving.is_too_late():
            raise NotSent("too_late")
        try:
            answer = self._pool.request(method, url, headers=headers, content=post_data)
        except BEFORE_SENDING as error:
            raise NotSent(type(error).__name__) from error
        except httpx.ReadTimeout as error:
            raise AnswerTimedOut(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise AnswerLost(type(error).__name__) from error
        if not _is_from_stripe(answer):
            raise AnswerLost(f"foreign_{answer.status_code}")
        return answer.content, answer.status_code, answer.headers

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.close()


def _is_from_stripe(answer: httpx.Response) -> bool:
    """Say whether this looks like Stripe at all: gateways answer too, some of them in JSON.

    The SDK stumbles over errors of another shape.
    """
    if answer.is_success:
        return b'"object"' in answer.content
    try:
        body = json.loads(answer.content)
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("error"), dict)
