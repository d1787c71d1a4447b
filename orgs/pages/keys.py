"""`/settings/api-keys`: the organization's keys, making one and revoking one."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from orgs import crypto, selectors
from orgs.api.pagination import cut_page
from orgs.errors import DomainError, NotFound
from orgs.models import KeyMode, Membership
from orgs.pages import base
from orgs.pages.team_forms import KeyForm
from orgs.services import api_keys

_NEW_KEY = "new_api_key"
_ROWS = 50


class KeysPage(base.Page):
    """For owners and admins."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the keys, and the text of one that was made a moment ago: this once."""
        return _show(request, base.require_team(request), KeyForm(), new_key=_take(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Make a key."""
        membership = base.require_team(request)
        form = KeyForm(request.POST)
        if not form.is_valid():
            return _show(request, membership, form)
        try:
            key, text = api_keys.create_api_key(
                organization=membership.organization,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                mode=KeyMode(form.cleaned_data["mode"]),
                created_by=membership.user,
            )
        except DomainError as error:
            form.show_refusal(error)
            return _show(request, membership, form)
        _keep(request, organization_id=str(key.organization_id), name=key.name, text=text)
        return redirect("api-keys-page")


class RevokePage(base.Page):
    """The question before a key is revoked, and the revocation."""

    def get(self, request: HttpRequest, key_id: str) -> HttpResponse:
        """Ask."""
        membership = base.require_team(request)
        key = selectors.get_key(membership.organization, key_id)
        if key is None:
            raise NotFound
        return base.show(request, "settings/api_key_revoke.html", {"key": key})

    def post(self, request: HttpRequest, key_id: str) -> HttpResponse:
        """Revoke."""
        membership = base.require_team(request)
        key = selectors.get_key(membership.organization, key_id)
        if key is None:
            raise NotFound
        api_keys.revoke_api_key(key=key, now=timezone.now())
        messages.success(request, f"The key {key.name} was revoked: it opens nothing any more.")
        return redirect("api-keys-page")


def _keep(request: HttpRequest, **new_key: str) -> None:
    # Across one redirect, so that loading the page again makes no second key; sessions are rows
    # in the database, and no key is ever stored there in the clear.
    request.session[_NEW_KEY] = crypto.encrypt(json.dumps(new_key).encode()).decode()


def _take(request: HttpRequest) -> dict[str, str] | None:
    sealed = request.session.pop(_NEW_KEY, None)
    if sealed is None:
        return None
    try:
        new_key: dict[str, str] = json.loads(crypto.decrypt(sealed.encode()))
    except crypto.DecryptionFailed:
        return None  # the encryption keys were changed in between; the API key is made anew
    return new_key


def _show(
    request: HttpRequest,
    membership: Membership,
    form: KeyForm,
    new_key: dict[str, str] | None = None,
) -> HttpResponse:
    organization = membership.organization
    keys, next_cursor = cut_page(
        request.GET, [selectors.keys_of(organization)], default_limit=_ROWS
    )
    if new_key is not None and new_key["organization_id"] != str(organization.pk):
        new_key = None  # another organization was chosen meanwhile, in another tab
    context: dict[str, Any] = {
        "organization": organization,
        "keys": keys,
        "next_cursor": next_cursor,
        "is_first_page": "cursor" not in request.GET,
        "form": form,
        "new_key": new_key,
    }
    return base.show(request, "settings/api_keys.html", context)
