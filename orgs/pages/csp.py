"""What one page needs beyond the content security policy of all pages."""

from collections.abc import Mapping

from django.http.response import HttpResponseBase

_ATTRIBUTE = "_csp_allowed"
_ONLY = "_csp_only"


def allow(response: HttpResponseBase, directive: str, *sources: str) -> None:
    """Let this answer's page use more sources: `allow(response, "frame-ancestors", origin)`."""
    mine = dict(allowed(response))
    mine[directive] = (*mine.get(directive, ()), *sources)
    setattr(response, _ATTRIBUTE, mine)


def restrict(response: HttpResponseBase, directive: str, *sources: str) -> None:
    """Let this answer's page use these sources alone, whatever other pages may use."""
    setattr(response, _ONLY, {**restricted(response), directive: sources})


def restricted(response: HttpResponseBase) -> Mapping[str, tuple[str, ...]]:
    """Return what alone is allowed for this answer: directive → sources."""
    mine: dict[str, tuple[str, ...]] = getattr(response, _ONLY, {})
    return mine


def allowed(response: HttpResponseBase) -> Mapping[str, tuple[str, ...]]:
    """Return what was allowed for this answer: directive → sources."""
    mine: dict[str, tuple[str, ...]] = getattr(response, _ATTRIBUTE, {})
    return mine
