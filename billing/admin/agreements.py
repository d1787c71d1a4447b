"""Starting what was agreed with an organization: a plan, a price, seats, a day."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from billing import money
from billing.admin import display
from billing.enums import AgreementState, Interval
from billing.models import Agreement, Plan
from billing.models.agreements import LONGEST_TERM_DAYS
from billing.money import Money
from billing.services import agreements, causes
from orgs import clock, confirm, desk_pages
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError
from orgs.models import Organization, User
from orgs.selectors import parse_uuid

_PAGE = "billing_agreement_start"


class AgreementForm(desk_pages.OrganizationForm):
    """What was agreed."""

    plan = forms.ModelChoiceField(queryset=Plan.objects.filter(is_active=True))
    interval = forms.ChoiceField(choices=Interval.choices)
    currency = forms.CharField(max_length=3, initial="USD", help_text="ISO 4217: USD, EUR.")
    amount = forms.DecimalField(
        label="Price per seat and interval",
        max_digits=14,
        decimal_places=3,
        required=False,
        help_text="As agreed with this organization alone. Empty: the price on sale.",
    )
    seats = forms.IntegerField(min_value=1, max_value=1_000_000, initial=1)
    starts_on = forms.DateField(
        label="Starts on",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Today, or the day from which periods are counted.",
    )
    days_until_due = forms.IntegerField(
        label="Days until due", min_value=0, max_value=LONGEST_TERM_DAYS, initial=30
    )
    billing_email = forms.EmailField(label="Invoices go to")
    reference = forms.CharField(
        max_length=100, required=False, help_text="Contract or purchase order."
    )
    note = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 3}), help_text="For staff only."
    )
    # What is sent twice from one page is done once.
    request_key = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def clean_currency(self) -> str:
        """Take any case, and only what is a currency."""
        currency = str(self.cleaned_data["currency"]).upper()
        try:
            Money(0, currency).display()
        except ValueError as error:
            raise forms.ValidationError("Not an ISO 4217 code.") from error
        return currency

    def clean(self) -> dict[str, Any]:
        """Read the amount in the currency."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        amount, currency = cleaned.get("amount"), cleaned.get("currency")
        cleaned["amount_minor"] = None
        if amount is None or currency is None:
            return cleaned
        try:
            cleaned["amount_minor"] = money.to_minor(amount, currency)
        except ValueError:
            self.add_error("amount", "The currency has no such small unit.")
            return cleaned
        if cleaned["amount_minor"] <= 0:
            self.add_error("amount", "Give a price above nothing, or none for the price on sale.")
        return cleaned


@admin.register(Agreement)
class AgreementAdmin(ReadOnlyAdmin[Agreement]):
    """What was agreed, and whether it runs; what runs is dealt with as a subscription."""

    list_display = (
        "organization",
        "plan",
        "amount",
        "seats",
        "starts_on",
        "state",
        "error",
        "reference",
    )
    list_filter = ("state",)
    list_select_related = ("organization", "price__plan_version__plan")
    list_before_template = "admin/billing/agreement_start.html"
    search_fields = (
        "reference",
        "billing_email",
        "organization__name",
        "organization__slug",
        "subscription__external_id",
    )
    fields = (
        "organization",
        "plan",
        "amount",
        "seats",
        "starts_on",
        "days_until_due",
        "billing_email",
        "reference",
        "note",
        "state",
        "error",
        "subscription",
        "made_by",
        "created_at",
    )
    actions = ("withdraw",)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that starts one."""
        page = self.admin_site.admin_view(self.start_page)
        return [path("start/", page, name=_PAGE), *super().get_urls()]

    @admin.display(description="Plan")
    def plan(self, agreement: Agreement) -> str:
        """Name the plan and its version."""
        return str(agreement.price.plan_version)

    @admin.display(description="Price per seat")
    def amount(self, agreement: Agreement) -> str:
        """Show what a seat costs per interval."""
        price = agreement.price
        return f"{display.money(price.amount_minor, price.currency)} per {price.interval}"

    def start_page(self, request: HttpRequest) -> HttpResponse:
        """Take what was agreed, ask, and start it."""
        if not self.may_act(request):
            raise PermissionDenied
        back = reverse("admin:billing_agreement_changelist")
        form = _form(request)
        if request.method == "POST" and form.is_valid():
            if not confirm.is_confirmed(request):
                return desk_pages.show(
                    self,
                    request,
                    title="Start a subscription",
                    facts=_facts(form),
                    form=form,
                    verb="Start the subscription",
                    back=request.get_full_path(),
                    question="The first invoice is issued and mailed on the first day. Start it?",
                )
            agreement = self._agree(request, form)
            if agreement is not None:
                page = reverse("admin:billing_agreement_change", args=[agreement.pk])
                return HttpResponseRedirect(page)
        return desk_pages.show(
            self,
            request,
            title="Start a subscription",
            facts=(),
            form=form,
            verb="Go on",
            back=back,
        )

    def _agree(self, request: HttpRequest, form: AgreementForm) -> Agreement | None:
        """Write it down and start it; None after a refusal that the form shows."""
        filled = form.cleaned_data
        organization: Organization = filled["organization"]
        terms = agreements.Terms(
            plan=filled["plan"],
            interval=Interval(filled["interval"]),
            currency=filled["currency"],
            amount_minor=filled["amount_minor"],
            seats=filled["seats"],
            starts_on=filled["starts_on"],
            days_until_due=filled["days_until_due"],
            billing_email=filled["billing_email"],
            reference=filled["reference"],
            note=filled["note"],
            request_key=filled["request_key"],
        )
        try:
            agreement = agreements.agree(
                organization=organization,
                terms=terms,
                made_by=request.user if isinstance(request.user, User) else None,
                cause=causes.of_staff(request.user),
                now=clock.now(organization),
            )
        except DomainError as error:
            form.show_refusal(error)
            return None
        _tell(request, agreement)
        self.log_action(request, [agreement], "Agreed.")
        return agreement

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Withdraw what has not started", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Agreement]) -> None:
        """Take agreements back that wait for their day."""
        done = []
        for row in queryset.select_related("organization"):
            try:
                agreements.withdraw_agreement(agreement=row, now=clock.now(row.organization))
            except DomainError as error:
                messages.error(request, f"{row}: {error.message}")
            else:
                done.append(row)
        self.log_action(request, done, "Withdrawn.")
        messages.success(request, f"{len(done)} withdrawn.")


def _form(request: HttpRequest) -> AgreementForm:
    if request.method == "POST":
        return AgreementForm(request.POST)
    wanted = parse_uuid(request.GET.get("organization", ""))
    known = Organization.objects.filter(pk=wanted).first() if wanted else None
    initial = {
        "organization": str(known.pk) if known else "",
        "billing_email": known.email if known else "",
        "starts_on": clock.now(known).date(),
        "request_key": uuid4().hex,
    }
    return AgreementForm(initial=initial)


def _facts(form: AgreementForm) -> list[tuple[str, str]]:
    filled = form.cleaned_data
    amount, currency, seats = filled["amount_minor"], filled["currency"], filled["seats"]
    price = "as on sale" if amount is None else display.money(amount, currency)
    total = "" if amount is None else f" = {display.money(amount * seats, currency)}"
    return [
        ("Organization", filled["organization"].name),
        ("Plan", str(filled["plan"])),
        ("Price", f"{price} for each of {seats}{total} per {filled['interval']}"),
        ("Starts on", f"{filled['starts_on']:%-d %B %Y}"),
        ("Due", f"{filled['days_until_due']} days after each invoice"),
        ("Invoices go to", filled["billing_email"]),
        ("Reference", filled["reference"] or "-"),
    ]


def _tell(request: HttpRequest, agreement: Agreement) -> None:
    if agreement.state == AgreementState.STARTED:
        messages.success(request, "The subscription runs; its first invoice is on its way.")
    elif agreement.error:
        messages.error(request, f"It has not started: {agreement.error} It is tried again.")
    else:
        messages.success(request, f"It starts on {agreement.starts_on:%-d %B %Y}.")
