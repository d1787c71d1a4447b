"""What all billing pages share: nothing is cached, refusals are pages, strangers learn nothing."""

import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from orgs.errors import DomainError
from orgs.pages import base

# A form's own number: the same form sent twice is one request.
NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


class Page(base.Page):
    """A page that is never stored and shows expected failures in billing's words."""

    def address_after_login(self, request: HttpRequest) -> str:
        """Return where somebody goes on who has to sign in first (a form is not sent again)."""
        if request.method == "GET":
            return request.get_full_path()
        return request.path if hasattr(self, "get") else reverse("billing-overview")

    def problem(self, request: HttpRequest, error: DomainError) -> HttpResponse:
        """Render a refusal."""
        return show(request, "problem.html", {"error": error}, status=error.status)


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render one of our templates."""
    return render(request, f"billing/{template}", dict(context), status=status)
