"""The pages of accounts, as a browser without JavaScript sees them."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from orgs.models import Organization, PlanStatus, User
from tests.factories import PASSWORD, MembershipFactory, UserFactory

FORM = {
    "organization_name": "Acme",
    "full_name": "Dana Doe",
    "email": "dana@example.com",
    "password": PASSWORD,
}

pytestmark = pytest.mark.usefixtures("empty_redis", "db")


class TestHome:
    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get("/").headers["Location"] == "/login"

    @pytest.mark.parametrize(
        ("status", "target"),
        [
            (PlanStatus.PENDING_PAYMENT, "/settings/billing/checkout"),
            (PlanStatus.ACTIVE, "/settings/billing"),
            (PlanStatus.PAST_DUE, "/settings/billing"),
        ],
    )
    def test_leads_members_to_what_is_next(
        self, client: Client, alice: User, status: PlanStatus, target: str
    ) -> None:
        Organization.objects.update(plan_status=status)
        client.force_login(alice)

        assert client.get("/").headers["Location"] == target

    def test_leads_staff_to_the_back_office(self, client: Client) -> None:
        client.force_login(UserFactory.create(staff=True))

        assert client.get("/").headers["Location"] == "/admin/"

    def test_leads_somebody_without_an_organization_to_billing(self, client: Client) -> None:
        client.force_login(UserFactory.create())

        assert client.get("/").headers["Location"] == "/settings/billing"


class TestRegister:
    def test_shows_a_form_that_browsers_can_fill_in(self, client: Client) -> None:
        response = client.get("/register")

        assert response.status_code == 200
        assert '<html lang="en">' in response.text
        assert 'href="#content"' in response.text
        for name, autocomplete in {
            "organization_name": "organization",
            "full_name": "name",
            "email": "email",
            "password": "new-password",
        }.items():
            assert f'<label class="field__label" for="id_{name}">' in response.text
            tag = re.search(rf"<input[^>]*name=\"{name}\"[^>]*>", response.text)
            assert tag is not None
            assert f'autocomplete="{autocomplete}"' in tag[0]

    def test_has_nothing_inline(self, client: Client) -> None:
        for path in ("/register", "/login", "/password-reset", "/nothing"):
            page = client.get(path).text
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page), path

    def test_signs_in_and_leads_to_the_checkout(self, client: Client) -> None:
        response = client.post("/register", FORM)

        assert (response.status_code, response.headers["Location"]) == (
            302,
            "/settings/billing/checkout",
        )
        user, organization = User.objects.get(), Organization.objects.get()
        assert client.session["_auth_user_id"] == str(user.pk)
        assert client.session["organization_id"] == str(organization.pk)
        assert user.full_name == "Dana Doe"

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({"email": "alice@EXAMPLE.com"}, "email", "Someone is already registered"),
            ({"email": "nobody"}, "email", "Enter a valid email address."),
            ({"password": "short"}, "password", "This password is too short."),
            ({"organization_name": ""}, "organization_name", "This field is required."),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, client: Client, alice: User, changes: dict[str, str], field: str, message: str
    ) -> None:
        response = client.post("/register", {**FORM, **changes})

        assert response.status_code == 200
        assert f'<a href="#id_{field}">' in response.text
        assert f'id="id_{field}_error"' in response.text
        assert re.search(rf'<input[^>]*name="{field}"[^>]*aria-invalid="true"', response.text)
        assert re.search(rf'aria-describedby="[^"]*id_{field}_error', response.text)
        assert message in response.text
        assert 'role="alert"' in response.text
        assert "<title>Error: Create your account · Till</title>" in response.text
        assert PASSWORD not in response.text
        assert User.objects.count() == 1
        assert Organization.objects.count() == 1

    def test_is_limited(self, client: Client) -> None:
        for _ in range(20):
            client.post("/register", {})

        response = client.post("/register", FORM)

        assert response.status_code == 429
        assert "Too many requests. Please try again later." in response.text
        assert int(response["Retry-After"]) >= 1
        assert User.objects.count() == 0

    def test_sends_somebody_who_is_signed_in_away(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/register").headers["Location"] == "/"

    def test_wants_the_proof_of_origin(self) -> None:
        response = Client(enforce_csrf_checks=True).post("/register", FORM)

        assert response.status_code == 403
        assert "This page was open for too long." in response.text
        assert User.objects.count() == 0


class TestSignIn:
    def _sign_in(self, client: Client, **changes: str) -> Any:
        return client.post(
            "/login", {"username": "Alice@Example.com", "password": PASSWORD, **changes}
        )

    def test_leads_to_the_start_page(self, client: Client, alice: User) -> None:
        assert self._sign_in(client).headers["Location"] == "/"
        assert client.session["_auth_user_id"] == str(alice.pk)

    def test_follows_an_address_of_ours(self, client: Client, alice: User) -> None:
        response = self._sign_in(client, next="/settings/billing/checkout?plan=starter")

        assert response.headers["Location"] == "/settings/billing/checkout?plan=starter"

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"]
    )
    def test_follows_no_other_address(self, client: Client, alice: User, target: str) -> None:
        assert self._sign_in(client, next=target).headers["Location"] == "/"

    @pytest.mark.parametrize("changes", [{"password": "wrong"}, {"username": "nobody@example.com"}])
    def test_refuses_everything_else_alike(
        self, client: Client, alice: User, changes: dict[str, str]
    ) -> None:
        response = self._sign_in(client, **changes)

        assert response.status_code == 200
        assert "No active account has this e-mail and password." in response.text
        assert "_auth_user_id" not in client.session

    def test_is_limited(self, client: Client, alice: User) -> None:
        for _ in range(30):
            client.post("/login", {})

        assert self._sign_in(client).status_code == 429
        assert "_auth_user_id" not in client.session

    def test_is_skipped_by_somebody_who_is_signed_in(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/login").headers["Location"] == "/"


class TestSignOut:
    def test_ends_the_session(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.post("/logout").headers["Location"] == "/login"
        assert "_auth_user_id" not in client.session

    def test_needs_a_form(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        assert client.get("/logout").status_code == 405
        assert "_auth_user_id" in client.session


class TestPasswordReset:
    def _link(self, client: Client) -> str:
        client.post("/password-reset", {"email": "ALICE@example.com"})
        found = re.search(r"http://127\.0\.0\.1:\d+(/password-reset/\S+)", str(mail.outbox[0].body))
        assert found is not None
        return found[1]

    def test_mails_a_link_in_html_and_text(self, client: Client, alice: User) -> None:
        response = client.post(
            "/password-reset", {"email": "Alice@example.com"}, headers={"host": "localhost"}
        )

        assert response.headers["Location"] == "/password-reset/sent"
        [message] = mail.outbox
        assert isinstance(message, mail.EmailMultiAlternatives)
        assert message.to == ["alice@example.com"]
        assert message.subject == "Choose a new password for Till"
        html = str(message.alternatives[0][0])
        for body in (str(message.body), html):
            assert "http://127.0.0.1:" in body
            assert "localhost" not in body
            assert "Alice" in body

    def test_says_the_same_to_a_stranger(self, client: Client, alice: User) -> None:
        response = client.post("/password-reset", {"email": "nobody@example.com"})

        assert response.headers["Location"] == "/password-reset/sent"
        assert mail.outbox == []

    def test_mails_nobody_who_was_deactivated(self, client: Client, alice: User) -> None:
        User.objects.update(is_active=False)

        client.post("/password-reset", {"email": alice.email})

        assert mail.outbox == []

    def test_sets_a_new_password_once(self, client: Client, alice: User) -> None:
        link = self._link(client)
        form = client.get(link).headers["Location"]
        assert "Choose a new password" in client.get(form).text
        new = {"new_password1": "another fine battery", "new_password2": "another fine battery"}

        response = client.post(form, new)

        assert response.headers["Location"] == "/password-reset/done"
        alice.refresh_from_db()
        assert alice.check_password("another fine battery")
        assert "Your password is changed" in client.get("/password-reset/done").text
        assert "does not work any more" in Client().get(link).text

    def test_refuses_a_forged_link(self, client: Client, alice: User) -> None:
        page = client.get("/password-reset/AAAA/bad-token")

        assert "This link does not work any more" in page.text

    def test_pages_can_be_read(self, client: Client) -> None:
        assert "Check your mail" in client.get("/password-reset/sent").text
        assert "Reset your password" in client.get("/password-reset").text


class TestHeader:
    def test_names_the_organization_and_leads_out(self, client: Client, alice: User) -> None:
        client.force_login(alice)

        page = client.get("/nothing").text

        assert '<span class="site-header__org">Acme</span>' in page
        assert 'action="/logout"' in page
        assert "support@till.example" in page

    def test_escapes_names(self, client: Client) -> None:
        member = MembershipFactory.create(organization__name="<script>alert(1)</script>")
        client.force_login(member.user)

        assert "<script>alert" not in client.get("/nothing").text

    def test_is_quiet_for_strangers(self, client: Client) -> None:
        assert "Log out" not in client.get("/login").text
