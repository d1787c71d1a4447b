"""The way of webhooks past everything that only browsers and people need."""

from typing import cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, URLResolver
from django.urls.resolvers import RegexPattern

from config.both_servers import Answer, BothServers

_ADDRESSES = URLResolver(RegexPattern(r"^/"), "billing.webhooks.urls")


class WebhookShortcut(BothServers):
    """Hands a webhook to its view before sessions, sign-in, CSRF and page headers are looked at.

    A provider's delivery has none of these, is verified by its signature, and comes in bursts: the
    rest of the chain would cost as much as storing the event. What stays around it (the trace id,
    the redirect to TLS) stands before this in MIDDLEWARE.
    """

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer a webhook at once; pass everything else on."""
        match = _match(request.path_info)
        if match is None:
            return self.get_response(request)
        request.resolver_match = match
        if self.is_async:
            return sync_to_async(_answer)(request, match)
        return _answer(request, match)


def _match(path: str) -> ResolverMatch | None:
    if "webhooks" not in path:
        return None
    try:
        return _ADDRESSES.resolve(path)
    except Resolver404:
        return None


def _answer(request: HttpRequest, match: ResolverMatch) -> HttpResponseBase:
    response = cast("HttpResponseBase", match.func(request, *match.args, **match.kwargs))
    # A connection is only kept for the next delivery when the length of this answer is known.
    response["Content-Length"] = str(len(response.content))  # type: ignore[attr-defined]
    return response
