"""Failures outside of API views: JSON below `/api/`, a page elsewhere."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from orgs import trace
from orgs.api.exceptions import error_body
from orgs.errors import DomainError, InvalidRequest, NotFound, PermissionDenied


class StaleForm(PermissionDenied):
    """This page was open for too long. Please go back, load it again and repeat what you did."""


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 400."""
    return _answer(request, InvalidRequest())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 403."""
    return _answer(request, PermissionDenied())


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 403 when a form came without its proof of origin."""
    return _answer(request, StaleForm())


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 404."""
    return _answer(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, without asking anything that may be what failed."""
    error = DomainError()
    if _wants_json(request):
        return JsonResponse(error_body(error), status=error.status)
    page = render_to_string("errors/error.html", _context(error))
    return HttpResponse(page, status=error.status)


def _answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    if _wants_json(request):
        return JsonResponse(error_body(error), status=error.status)
    return render(request, "errors/error.html", _context(error), status=error.status)


def _wants_json(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _context(error: DomainError) -> dict[str, object]:
    return {
        "heading": _HEADINGS[error.status],
        "message": error.message,
        "trace_id": trace.get_trace_id(),
    }


_HEADINGS = {
    400: "We could not read that request",
    403: "You can't do this",
    404: "There is nothing here",
    500: "Something went wrong",
}
