"""Pages of signing up, in and out, and of choosing a new password."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from orgs import selectors
from orgs.api.tenancy import SESSION_KEY
from orgs.api.throttling import seconds_to_wait
from orgs.errors import DomainError
from orgs.models import PlanStatus, User
from orgs.pages.base import BACKEND, TOO_MANY
from orgs.pages.forms import RegisterForm, ResetForm, SignInForm
from orgs.pages.navigation import BILLING_PATH
from orgs.services import register

CHECKOUT_PATH = "/settings/billing/checkout"
ADMIN_PATH = "/admin/"


class LimitedMixin(FormView[Any]):
    """Counts what is sent, under the same limits as the API."""

    throttle_scope = "token"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take the form unless too many came from here."""
        wait = seconds_to_wait(request, self.throttle_scope)
        if wait is None:
            return super().post(request, *args, **kwargs)
        form = self.get_form()
        form.add_error(None, TOO_MANY)
        response = self.render_to_response(self.get_context_data(form=form))
        response.status_code = 429
        response["Retry-After"] = str(wait)
        return response


class HomePage(View):
    """The start page leads to where the visitor has something to do."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to sign-in, checkout, billing or the back office."""
        user = request.user
        if not isinstance(user, User):
            return redirect(settings.LOGIN_URL)
        chosen = request.session.get(SESSION_KEY)
        membership = selectors.choose_membership(user=user, preferred=chosen)
        if membership is None:
            return redirect(ADMIN_PATH if user.is_staff else BILLING_PATH)
        if membership.organization.plan_status == PlanStatus.PENDING_PAYMENT:
            return redirect(CHECKOUT_PATH)
        return redirect(BILLING_PATH)


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class RegisterPage(LimitedMixin):
    """Registration, which ends signed in and at the choice of a plan."""

    template_name = "auth/register.html"
    form_class = RegisterForm
    throttle_scope = "register"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send somebody who is signed in to the start page."""
        if request.user.is_authenticated:
            return redirect("home")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: RegisterForm) -> HttpResponse:
        """Register, or say beside the field what stands against it."""
        try:
            made = register.register_organization(**form.cleaned_data, now=timezone.now())
        except DomainError as error:
            form.show_refusal(error)
            return self.form_invalid(form)
        login(self.request, made.user, backend=BACKEND)
        self.request.session[SESSION_KEY] = str(made.organization.pk)
        return redirect(CHECKOUT_PATH)


class SignInPage(LimitedMixin, auth_views.LoginView):
    """Signing in; only addresses of ours are followed afterwards."""

    template_name = "auth/login.html"
    form_class = SignInForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """Let the start page decide."""
        return "/"


class SignOut(auth_views.LogoutView):
    """Signing out."""

    http_method_names = ["post", "options"]


class ResetPage(LimitedMixin, auth_views.PasswordResetView):
    """Asking for a link; the answer is the same whether or not somebody has this e-mail."""

    template_name = "auth/password_reset.html"
    form_class = ResetForm
    success_url = reverse_lazy("password-reset-sent")
    subject_template_name = "auth/mail/password_reset_subject.txt"
    email_template_name = "auth/mail/password_reset.txt"
    html_email_template_name = "auth/mail/password_reset.html"
    extra_email_context = {
        # Never the host that the request names: a stranger chooses that one.
        "public_url": settings.PUBLIC_URL,
        "support_email": settings.SUPPORT_EMAIL,
    }


class ResetSentPage(auth_views.PasswordResetDoneView):
    """The link is on its way."""

    template_name = "auth/password_reset_sent.html"


class ResetConfirmPage(auth_views.PasswordResetConfirmView):
    """Choosing a new password with the link."""

    template_name = "auth/password_reset_confirm.html"
    success_url = reverse_lazy("password-reset-done")


class ResetDonePage(auth_views.PasswordResetCompleteView):
    """The new password works."""

    template_name = "auth/password_reset_done.html"
