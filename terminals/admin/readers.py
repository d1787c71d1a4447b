"""Readers: how they are, who holds them, and the way out of a stale lock."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing.admin import display
from billing.services import causes
from orgs import clock, desk_pages
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError
from terminals.models import Terminal, TerminalPayment
from terminals.selectors import terminals
from terminals.services import registering, releasing, statuses

_REGISTER_PAGE = "terminals_terminal_register"


class RegisterForm(desk_pages.OrganizationForm):
    """A reader that its provider knows, and whose it is."""

    provider = forms.ChoiceField()
    external_id = forms.CharField(
        label="Reader", max_length=100, help_text="The id at Stripe (tmr_…), or the serial number."
    )
    label = forms.CharField(
        label="Name", max_length=100, required=False, help_text="Empty: as the provider has it."
    )
    location = forms.CharField(
        max_length=100, required=False, help_text="For Stripe's readers, the id of it there."
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Offer the providers that have readers."""
        super().__init__(*args, **kwargs)
        field = self.fields["provider"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(row.value, row.label) for row in registering.providers()]


@admin.register(Terminal)
class TerminalAdmin(ReadOnlyAdmin[Terminal]):
    list_display = (
        "label",
        "organization",
        "provider",
        "external_id",
        "is_online",
        "held_by",
        "last_seen_at",
        "removed_at",
    )
    list_filter = ("provider", "is_online", ("removed_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization",)
    list_before_template = "admin/terminals/register.html"
    search_fields = (
        "label",
        "external_id",
        "location",
        "organization__name",
        "organization__slug",
    )
    fields = (
        "organization",
        "label",
        "provider",
        "account",
        "external_id",
        "location",
        "device_type",
        "is_online",
        "held_by",
        "last_seen_at",
        "checked_at",
        "removed_at",
        "id",
        "created_at",
    )
    actions = ("ask_now", "release")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Terminal]:
        """Read what holds each reader with the readers."""
        return terminals.with_open_payments(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """Add the page that registers one."""
        page = self.admin_site.admin_view(self.register_page)
        return [path("register/", page, name=_REGISTER_PAGE), *super().get_urls()]

    @admin.display(description="Held by")
    def held_by(self, terminal: Terminal) -> str:
        """Link to the payment that has it."""
        payment = terminals.open_payment(terminal)
        return link(payment) if payment is not None and payment.holds_reader else "-"

    def register_page(self, request: HttpRequest) -> HttpResponse:
        """Take whose reader it is, and register it."""
        if not self.may_act(request):
            raise PermissionDenied
        back = reverse("admin:terminals_terminal_changelist")
        form = RegisterForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            row = self._register(request, form)
            if row is not None:
                page = reverse("admin:terminals_terminal_change", args=[row.pk])
                return HttpResponseRedirect(page)
        return desk_pages.show(
            self,
            request,
            title="Register a reader",
            facts=(),
            form=form,
            verb="Register",
            back=back,
        )

    def _register(self, request: HttpRequest, form: RegisterForm) -> Terminal | None:
        """Register it; None after a refusal that the form shows."""
        filled = form.cleaned_data
        try:
            row = registering.register_terminal(**filled, now=clock.now(filled["organization"]))
        except DomainError as error:
            form.show_refusal(error)
            return None
        messages.success(request, f"{row} is registered.")
        self.log_action(request, [row], "Registered.")
        return row

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Guard the actions."""
        return self.may_act(request)

    @admin.action(description="Ask the provider how they are", permissions=["act"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[Terminal]) -> None:
        """Ask about each of the selected readers."""
        found = list(queryset.filter(removed_at=None).select_related("organization"))
        for row in found:
            statuses.refresh_one(
                organization=row.organization, terminal_id=row.pk, now=clock.now(row.organization)
            )
        messages.success(request, f"{len(found)} asked about.")

    @admin.action(description="Release from the payment that holds them", permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Terminal]) -> None:
        """Free readers whose payment is not under way; its provider is asked first."""
        done = []
        for row in queryset.filter(removed_at=None).select_related("organization"):
            try:
                payment = releasing.release_terminal(
                    organization=row.organization,
                    terminal_id=row.pk,
                    by=str(request.user),
                    cause=causes.of_staff(request.user),
                    now=clock.now(row.organization),
                )
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
            else:
                done += [row] if payment is not None else []
        self.log_action(request, done, "Released from its payment.")
        messages.success(request, f"{len(done)} released.")


def link(payment: TerminalPayment) -> str:
    """Link to a payment, by what its till calls it and how much it is."""
    address = reverse("admin:terminals_terminalpayment_change", args=[payment.pk])
    amount = display.money(payment.amount_minor, payment.currency)
    return format_html('<a href="{}">{} ({})</a>', address, payment.reference or "Payment", amount)
