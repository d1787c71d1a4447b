"""What somebody has to decide, and the one click that settles a payment too many."""

from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from billing.admin import display, refunding
from billing.enums import CaseKind, CaseState
from billing.models import Case
from billing.services import cases, causes, late_winners
from orgs import clock, confirm, desk_pages
from orgs.backoffice import ReadOnlyAdmin
from orgs.errors import DomainError

_REFUND_PAGE = "billing_case_refund"


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin[Case]):
    list_display = ("summary", "organization", "kind", "state", "remedy", "created_at")
    list_filter = ("state", "kind")
    list_select_related = ("organization",)
    search_fields = ("external_id", "organization__name", "organization__slug")
    fields = (
        "organization",
        "kind",
        "state",
        "summary",
        "remedy",
        "subscription",
        "external_id",
        "external_payment_id",
        "refund",
        "created_at",
        "resolved_at",
    )
    actions = ("resolve",)

    def get_urls(self) -> list[URLPattern]:
        """Add the page that asks before a late winner is given back."""
        page = self.admin_site.admin_view(self.refund_page)
        return [path("<uuid:key>/refund/", page, name=_REFUND_PAGE), *super().get_urls()]

    @admin.display(description="What to do")
    def remedy(self, case: Case) -> str:
        """Link to the page that gives a late winner back."""
        if case.kind != CaseKind.LATE_WINNER or case.state != CaseState.OPEN:
            return "-"
        address = reverse(f"admin:{_REFUND_PAGE}", args=[case.pk])
        return format_html('<a href="{}">Refund</a>', address)

    def refund_page(self, request: HttpRequest, key: UUID) -> HttpResponse:
        """Show what would be given back to whom, and why; on a click, do it."""
        case = self.get_object(request, str(key))
        if not self.may_act(request):
            raise PermissionDenied
        if case is None:
            raise Http404
        back = reverse("admin:billing_case_change", args=[case.pk])
        try:
            if confirm.is_confirmed(request):
                return self._refund(request, case, back)
            remedy = late_winners.find_remedy(case=case)
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(back)
        return desk_pages.show(
            self,
            request,
            title="Refund",
            facts=_facts(case, remedy),
            verb="Refund" if remedy.gives_money_back else "Resolve",
            back=back,
            question=_question(remedy),
        )

    def _refund(self, request: HttpRequest, case: Case, back: str) -> HttpResponse:
        debt = late_winners.refund_late_winner(
            case=case,
            cause=causes.of_staff(request.user),
            now=clock.now(case.organization),
        )
        if debt is None:
            messages.success(request, "Ended; there was nothing to give back.")
        else:
            refunding.tell(request, debt)
        self.log_action(request, [case], "Ended and given back.")
        return HttpResponseRedirect(back)

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Guard the action."""
        return self.may_act(request)

    @admin.action(description="Mark selected cases as resolved", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[Case]) -> HttpResponse | None:
        """Close cases, after a question: closing moves no money."""
        open_ones = list(queryset.filter(state=CaseState.OPEN))
        if open_ones and not confirm.is_confirmed(request):
            return confirm.ask(
                self,
                request,
                rows=open_ones,
                action="resolve",
                question="This moves no money: refund or cancel at the provider first. "
                "Mark these cases as resolved?",
                verb="Mark as resolved",
            )
        resolved = [case for case in open_ones if cases.resolve_case(case=case, now=clock.now())]
        self.log_action(request, resolved, "Marked as resolved.")
        messages.success(request, f"{len(resolved)} cases resolved.")
        return None


def _question(remedy: late_winners.Remedy) -> str:
    ends = "End what it started, and give" if remedy.external_subscription_id else "Give"
    if not remedy.gives_money_back or remedy.amount is None:
        return "Nothing was taken. End what it started, and mark the case as resolved?"
    return f"{ends} {remedy.amount.display()} back to {remedy.payer}?"


def _facts(case: Case, remedy: late_winners.Remedy) -> list[tuple[str, str]]:
    amount = remedy.amount
    return [
        ("Organization", case.organization.name),
        ("Payer", remedy.payer or "-"),
        ("Why", case.summary),
        (
            "To be given back",
            display.money(amount.amount_minor, amount.currency) if amount else "-",
        ),
        ("Payment", remedy.external_payment_id or "-"),
        ("Ends at the provider", remedy.external_subscription_id or "-"),
    ]
