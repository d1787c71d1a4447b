"""A page between an action that can't be undone and its doing."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest
from django.template.response import TemplateResponse


def is_confirmed(request: HttpRequest) -> bool:
    """Say whether the request comes from the page that `ask` showed."""
    return request.POST.get("confirmed") == "yes"


def ask(
    page: ModelAdmin[Any],
    request: HttpRequest,
    *,
    rows: Sequence[Model],
    action: str,
    question: str,
    verb: str,
    reason: str = "",
) -> TemplateResponse:
    """Show what an action is about to be done to, and ask.

    With `reason` the answer has to bring one, under that name; this is its label.
    """
    context = {
        **page.admin_site.each_context(request),
        "title": verb,
        "opts": page.opts,
        "rows": rows,
        "action": action,
        "question": question,
        "verb": verb,
        "reason": reason,
        "back": request.get_full_path(),
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/confirm.html", context)
