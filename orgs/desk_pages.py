"""Pages of the back office with a form of their own: fill in, be asked, done."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.template.response import TemplateResponse

from orgs.models import Organization
from orgs.refusal_forms import ShowsRefusal
from orgs.selectors import parse_uuid

_LOOK = (
    "border border-base-200 bg-white font-medium rounded-default shadow-xs px-3 py-2 w-full "
    "max-w-2xl text-font-default-light dark:bg-base-900 dark:border-base-700 "
    "dark:text-font-default-dark"
)

Facts = Sequence[tuple[str, str]]


class DeskForm(ShowsRefusal):
    """A form in the look of the back office."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Give every field the same look."""
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.setdefault("class", _LOOK)


class OrganizationForm(DeskForm):
    """A form about one organization, which staff name."""

    organization = forms.CharField(
        label="Organization", help_text="Its id or its slug.", max_length=100
    )

    def clean_organization(self) -> Organization:
        """Find it by its id or its slug."""
        text = str(self.cleaned_data["organization"]).strip()
        parsed = parse_uuid(text)
        rows = Organization.objects.all()
        found = (rows.filter(pk=parsed) if parsed else rows.filter(slug=text)).first()
        if found is None:
            raise forms.ValidationError("There is no such organization.")
        return found


def show(
    page: ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str,
    facts: Facts,
    verb: str,
    back: str,
    form: forms.Form | None = None,
    question: str = "",
) -> TemplateResponse:
    """Show a form under some facts or, with a `question`, ask before it is done.

    The page that asks carries the form along unseen; `confirm.is_confirmed` knows its answer.
    """
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "facts": facts,
        "form": form,
        "question": question,
        "verb": verb,
        "back": back,
    }
    return TemplateResponse(request, "admin/desk_page.html", context)
