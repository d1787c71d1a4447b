"""What surrounds every request: the trace id, the content security policy, caching."""

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from config import logs
from config.both_servers import Answer, BothServers
from orgs import trace
from orgs.pages import csp

if TYPE_CHECKING:
    from collections.abc import Awaitable

REQUEST_ID_HEADER = "X-Request-ID"


class _Around(BothServers):
    """A middleware for both servers: `enter` before, `leave` after."""

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer, in the way of the server that asks."""
        if self.is_async:
            return self._answer(request)
        token = self.enter(request)
        try:
            response = cast("HttpResponseBase", self.get_response(request))
            return self.leave(request, response)
        finally:
            self.end(token)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        token = self.enter(request)
        try:
            response = await cast("Awaitable[HttpResponseBase]", self.get_response(request))
            return self.leave(request, response)
        finally:
            self.end(token)

    def enter(self, request: HttpRequest) -> str:  # noqa: ARG002 - for subclasses
        """Prepare; what is returned comes back in `end`."""
        return ""

    def leave(
        self,
        request: HttpRequest,  # noqa: ARG002 - for subclasses
        response: HttpResponseBase,
    ) -> HttpResponseBase:
        """Finish the answer."""
        return response

    def end(self, token: str) -> None:
        """Leave the thread as it was, also when there is no answer."""


class RequestIdMiddleware(_Around):
    """Gives every request its trace id, the caller's own if that is harmless."""

    def enter(self, request: HttpRequest) -> str:
        """Set the trace id; keep the one before (a thread or task may serve many requests)."""
        offered = request.headers.get(REQUEST_ID_HEADER, "")
        if logs.redact(offered) != offered:
            offered = ""
        request.trace_id = trace.new_trace_id(offered)  # type: ignore[attr-defined]
        return trace.set_trace_id(request.trace_id)  # type: ignore[attr-defined]

    def leave(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Tell the caller its trace id."""
        response[REQUEST_ID_HEADER] = request.trace_id  # type: ignore[attr-defined]
        return response

    def end(self, token: str) -> None:
        """Go back to the trace id of before."""
        trace.set_trace_id(token)


class ContentSecurityPolicyMiddleware(_Around):
    """Lets pages load from us and from the payment provider alone.

    The back office and the API's documentation are other people's pages and need more:
    django-unfold works with inline handlers, Swagger UI with inline styles. Neither holds a card.
    """

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
    ) -> HttpResponseBase:
        """Set the header, unless the view has set its own."""
        if not response.has_header("Content-Security-Policy"):
            policy = policy_for(request.path) | dict(csp.restricted(response))
            for directive, sources in csp.allowed(response).items():
                kept = [source for source in policy.get(directive, ()) if source != "'none'"]
                policy[directive] = tuple(dict.fromkeys([*kept, *sources]))
            response["Content-Security-Policy"] = "; ".join(
                f"{directive} {' '.join(sources)}" for directive, sources in policy.items()
            )
            if csp.allowed(response).get("frame-ancestors"):
                # The older header knows no list; browsers that know neither are none we support.
                response.xframe_options_exempt = True  # type: ignore[attr-defined]
        return response


class NoStoreMiddleware(_Around):
    """Keeps answers of the API and pages of people who are signed in out of every cache."""

    def leave(
        self,
        request: HttpRequest,
        response: HttpResponseBase,
    ) -> HttpResponseBase:
        """Forbid storing, unless the view has said something else."""
        is_personal = (
            request.path.startswith("/api/")
            or settings.SESSION_COOKIE_NAME in request.COOKIES
            or settings.SESSION_COOKIE_NAME in response.cookies
        )
        if is_personal and not response.has_header("Cache-Control"):
            response["Cache-Control"] = "no-store"
        return response


def policy_for(path: str) -> dict[str, tuple[str, ...]]:
    """Return the policy of a page: directive → sources."""
    script, api = _origin(settings.STRIPE_JS_URL), _origin(settings.STRIPE_API_BASE)
    provider = tuple(dict.fromkeys([script, *_STRIPE_FRAMES.get(script, ()), api]))
    policy = {
        "default-src": ("'self'",),
        "script-src": ("'self'", script),
        "frame-src": provider,
        "connect-src": ("'self'", *provider),
        "style-src": ("'self'",),
        "img-src": ("'self'", "data:"),
        "object-src": ("'none'",),
        "frame-ancestors": ("'none'",),
        "base-uri": ("'self'",),
        # A form of ours may answer with a redirect to the provider's page.
        "form-action": ("'self'", *_STRIPE_PAGES.get(api, (api,))),
    }
    if path.startswith("/admin/"):
        policy |= {
            "script-src": ("'self'", "'unsafe-inline'", "'unsafe-eval'"),
            "style-src": ("'self'", "'unsafe-inline'"),
            "font-src": ("'self'", "data:"),
        }
    elif path.startswith("/api/v1/docs"):
        policy |= {"script-src": ("'self'",), "style-src": ("'self'", "'unsafe-inline'")}
    return policy


# Source: https://docs.stripe.com/security/guide#content-security-policy
_STRIPE_FRAMES = {
    "https://js.stripe.com": ("https://*.js.stripe.com", "https://hooks.stripe.com"),
}
_STRIPE_PAGES = {
    "https://api.stripe.com": ("https://checkout.stripe.com", "https://billing.stripe.com"),
}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
