"""Payment methods over HTTP: both spellings of every path, who may, and what is refused."""

import uuid
from typing import Any

import pytest

from billing.enums import Provider
from billing.models import BillingEvent, Customer, PaymentMethod, Subscription
from orgs.models import KeyMode, Membership, Organization, Role, User
from orgs.services import api_keys
from tests.billing.api_caller import PASSWORD, Caller, error_of, register, signed_in
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("empty_redis", "short_pauses")]

PATH = "/billing/payment-methods"


@pytest.fixture
def organization(bistro: dict[str, Any]) -> Organization:
    return Organization.objects.get(pk=bistro["organization"]["id"])


@pytest.fixture(params=["short", "long"])
def prefix(request: pytest.FixtureRequest, bistro: dict[str, Any]) -> str:
    """Both spellings of a tenant's path."""
    if request.param == "short":
        return "/billing"
    return f"/billing/tenants/{bistro['organization']['id']}"


def attached(caller: Caller, card: str = "pm_card_visa", **more: Any) -> dict[str, Any]:
    answer = caller.post(PATH, {"payment_method": card, **more})
    assert answer.status_code == 201, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def listed(caller: Caller) -> list[tuple[str, bool]]:
    """Return brand and default of every method, newest first."""
    return [(row["brand"], row["is_default"]) for row in caller.get(PATH).json()["data"]]


class TestAttaching:
    def test_shows_the_card_and_no_number(self, owner: Caller, prefix: str) -> None:
        answer = owner.post(f"{prefix}/payment-methods", {"payment_method": "pm_card_visa"})

        assert answer.status_code == 201
        row = PaymentMethod.objects.get()
        assert answer.json() == {
            "id": str(row.pk),
            "provider": "stripe",
            "external_id": row.external_id,
            "type": "card",
            "label": "Visa ending in 4242",
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2034,
            "is_default": True,
            "created_at": row.created_at.isoformat().replace("+00:00", "Z"),
            "overdue_payment": None,
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"payment_method_id": "pm_card_visa"},
            {"token": "pm_card_visa"},
            {"token": "tok_visa"},
            {"token": "pm_card_visa", "card": {"expiry": "1234"}, "set_default": True},
        ],
    )
    def test_takes_every_name_of_a_method(self, owner: Caller, body: dict[str, Any]) -> None:
        assert owner.post(PATH, body).status_code == 201
        assert listed(owner) == [("visa", True)]

    def test_makes_it_the_default_on_request(self, owner: Caller) -> None:
        attached(owner)

        attached(owner, "pm_card_mastercard")
        assert listed(owner) == [("mastercard", False), ("visa", True)]

        attached(owner, "pm_card_amex", set_default=True)
        assert listed(owner) == [("amex", True), ("mastercard", False), ("visa", False)]

    def test_the_short_form_attaches_and_chooses(self, owner: Caller, prefix: str) -> None:
        attached(owner)

        answer = owner.post(f"{prefix}/payment-method", {"payment_method_id": "pm_card_amex"})

        assert answer.status_code == 201
        assert answer.json()["is_default"] is True
        assert listed(owner) == [("amex", True), ("visa", False)]

    @pytest.mark.parametrize("name", ["payment_method", "token"])
    def test_the_short_form_takes_the_other_names_too(self, owner: Caller, name: str) -> None:
        assert owner.post("/billing/payment-method", {name: "pm_card_visa"}).status_code == 201
        assert owner.post("/billing/payment-method", {}).status_code == 400

    def test_a_declined_card_changes_nothing(self, owner: Caller) -> None:
        answer = owner.post(PATH, {"payment_method": "pm_card_chargeDeclined"})

        assert answer.status_code == 402
        assert error_of(answer)["code"] == "CARD_DECLINED"
        assert error_of(answer)["message"] == (
            "Your card was declined. Please try another payment method."
        )
        assert listed(owner) == []

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "payment_method"),
            ({"payment_method": ""}, "payment_method"),
            ({"payment_method": "pm_1", "token": "pm_2"}, "payment_method"),
            ({"payment_method": "pm_of_nobody"}, "payment_method"),
            ({"payment_method": "p" * 256}, "payment_method"),
            ({"payment_method": "pm_card_visa", "number": "4242424242424242"}, "number"),
            ({"payment_method": "pm_card_visa", "set_default": "maybe"}, "set_default"),
            ({"token": "pm_card_visa", "card": {"expiry": "1399"}}, "card.expiry"),
        ],
    )
    def test_bad_input_names_the_field(
        self, owner: Caller, body: dict[str, Any], field: str
    ) -> None:
        answer = owner.post(PATH, body)

        assert answer.status_code == 400
        assert error_of(answer)["code"] == "INVALID_REQUEST"
        assert list(error_of(answer)["fields"]) == [field]
        assert listed(owner) == []

    def test_a_card_of_somebody_else_is_refused(self, owner: Caller) -> None:
        theirs = attached(signed_in(register("Diner")["user"]["email"]))

        answer = owner.post(PATH, {"payment_method": theirs["external_id"]})

        assert answer.status_code == 400
        assert listed(owner) == []

    def test_the_same_key_attaches_once(self, owner: Caller) -> None:
        body, key = {"payment_method": "pm_card_visa"}, {"Idempotency-Key": "k1"}

        first, again = owner.post(PATH, body, **key), owner.post(PATH, body, **key)

        assert again["Idempotent-Replayed"] == "true"
        assert again.content == first.content
        assert PaymentMethod.objects.count() == 1

    def test_a_failure_of_the_provider_is_never_final(
        self, owner: Caller, stripe: StripeSimulator
    ) -> None:
        body, key = {"payment_method": "pm_card_visa"}, {"Idempotency-Key": "k1"}
        stripe.add_fault(method="POST", path="/attach$", times=1, status=500)

        first, again = owner.post(PATH, body, **key), owner.post(PATH, body, **key)

        assert (first.status_code, error_of(first)["code"]) == (502, "API_ERROR")
        assert again.status_code == 201
        assert listed(owner) == [("visa", True)]


class TestListing:
    def test_is_a_page_newest_first(self, owner: Caller, prefix: str) -> None:
        for card in ("pm_card_visa", "pm_card_mastercard", "pm_card_amex"):
            attached(owner, card)

        first = owner.get(f"{prefix}/payment-methods?limit=2").json()
        second = owner.get(f"{prefix}/payment-methods?limit=2&cursor={first['next_cursor']}").json()

        assert [row["brand"] for row in first["data"]] == ["amex", "mastercard"]
        assert [row["brand"] for row in second["data"]] == ["visa"]
        assert second["next_cursor"] is None
        assert "overdue_payment" not in second["data"][0]

    def test_is_empty_for_a_tenant_the_provider_does_not_know(self, owner: Caller) -> None:
        assert owner.get(PATH).json() == {"data": [], "next_cursor": None}

    def test_has_the_card_of_a_subscription_before_any_webhook(self, paying: Caller) -> None:
        assert listed(paying) == [("visa", True)]

    def test_asks_the_provider_only_once(self, paying: Caller, stripe: StripeSimulator) -> None:
        paying.get(PATH)
        since = stripe.requests()[-1]["seq"]

        paying.get(PATH)

        assert stripe.requests(since) == []

    def test_answers_from_our_rows_while_the_provider_is_down(
        self, paying: Caller, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="GET", path="/customers/", times=-1, status=500)

        assert paying.get(PATH).json() == {"data": [], "next_cursor": None}

        stripe.clear_faults()
        assert listed(paying) == [("visa", True)]


class TestMakingDefault:
    @pytest.mark.parametrize("name", ["id", "external_id"])
    def test_takes_our_id_and_the_providers(self, owner: Caller, prefix: str, name: str) -> None:
        attached(owner)
        other = attached(owner, "pm_card_mastercard")

        answer = owner.post(f"{prefix}/payment-methods/{other[name]}/default")

        assert answer.status_code == 200
        assert answer.json() == {**other, "is_default": True}
        assert listed(owner) == [("mastercard", True), ("visa", False)]

    def test_charges_the_subscription_to_it(self, paying: Caller, stripe: StripeSimulator) -> None:
        other = attached(paying, "pm_card_mastercard")
        assert other["is_default"] is False

        paying.post(f"{PATH}/{other['id']}/default")

        row = Subscription.objects.get(is_free=False)
        assert row.payment_method_external_id == other["external_id"]
        theirs = stripe.api("GET", f"/v1/subscriptions/{row.external_id}").json()
        assert theirs["default_payment_method"] == other["external_id"]
        payer = stripe.api("GET", f"/v1/customers/{row.customer.external_id}").json()
        assert payer["invoice_settings"]["default_payment_method"] == other["external_id"]
        assert listed(paying) == [("mastercard", True), ("visa", False)]

    def test_takes_no_body(self, owner: Caller) -> None:
        shown = attached(owner)

        answer = owner.post(f"{PATH}/{shown['id']}/default", {"is_default": False})

        assert answer.status_code == 400


class TestRemoving:
    @pytest.mark.parametrize("name", ["id", "external_id"])
    def test_answers_nothing_and_takes_it_off(self, owner: Caller, prefix: str, name: str) -> None:
        shown = attached(owner)

        answer = owner.delete(f"{prefix}/payment-methods/{shown[name]}")

        assert (answer.status_code, answer.content) == (204, b"")
        assert listed(owner) == []
        assert owner.delete(f"{prefix}/payment-methods/{shown[name]}").status_code == 404

    def test_the_newest_other_one_follows_a_default(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]
        attached(paying, "pm_card_mastercard")
        attached(paying, "pm_card_amex")

        assert paying.delete(f"{PATH}/{visa['id']}").status_code == 204

        assert listed(paying) == [("amex", True), ("mastercard", False)]
        row = Subscription.objects.get(is_free=False)
        assert row.payment_method_external_id == paying.get(PATH).json()["data"][0]["external_id"]

    def test_the_last_one_of_a_running_subscription_stays(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]

        answer = paying.delete(f"{PATH}/{visa['id']}")

        assert answer.status_code == 409
        assert error_of(answer)["code"] == "CONFLICT"
        assert error_of(answer)["message"] == (
            "This is the only payment method of a running subscription. "
            "Please add another one first."
        )
        assert listed(paying) == [("visa", True)]

    def test_the_last_one_may_go_once_the_subscription_has_ended(self, paying: Caller) -> None:
        visa = paying.get(PATH).json()["data"][0]
        assert paying.post("/billing/subscription/cancel", {"mode": "now"}).status_code == 200

        assert paying.delete(f"{PATH}/{visa['id']}").status_code == 204


class TestSetupIntent:
    def test_prepares_the_element_for_a_setup_token_too(
        self, setup: Caller, prefix: str, stripe: StripeSimulator
    ) -> None:
        answer = setup.post(f"{prefix}/payment-methods/setup-intent")

        assert answer.status_code == 201
        assert answer["Cache-Control"] == "no-store"
        shown = answer.json()
        assert set(shown) == {"id", "client_secret"}
        theirs = stripe.api("GET", f"/v1/setup_intents/{shown['id']}").json()
        assert theirs["client_secret"] == shown["client_secret"]
        assert theirs["usage"] == "off_session"
        assert theirs["customer"] == Customer.objects.get(provider=Provider.STRIPE).external_id

    def test_what_it_makes_can_be_chosen(self, owner: Caller, stripe: StripeSimulator) -> None:
        prepared = owner.post(f"{PATH}/setup-intent").json()
        done = stripe.api(
            "POST",
            f"/v1/setup_intents/{prepared['id']}/confirm",
            {"payment_method": "pm_card_visa"},
        ).json()
        assert done["status"] == "succeeded"

        shown = attached(owner, done["payment_method"], set_default=True)

        assert shown["external_id"] == done["payment_method"]
        assert listed(owner) == [("visa", True)]


class TestWhoMay:
    def calls(self, caller: Caller, prefix: str, method_id: object) -> dict[str, int]:
        base = f"{prefix}/payment-methods"
        return {
            "list": caller.get(base).status_code,
            "attach": caller.post(base, {"payment_method": "pm_card_amex"}).status_code,
            "replace": caller.post(
                f"{prefix}/payment-method", {"payment_method_id": "pm_card_amex"}
            ).status_code,
            "setup": caller.post(f"{base}/setup-intent").status_code,
            "default": caller.post(f"{base}/{method_id}/default").status_code,
            "remove": caller.delete(f"{base}/{method_id}").status_code,
        }

    def test_a_viewer_reads_and_does_not_write(
        self, owner: Caller, organization: Organization, prefix: str
    ) -> None:
        shown = attached(owner)
        viewer = User.objects.create_user("viewer@till.test", PASSWORD)
        Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)

        answers = self.calls(signed_in(viewer.email), prefix, shown["id"])

        assert answers.pop("list") == 200
        assert set(answers.values()) == {403}
        assert listed(owner) == [("visa", True)]

    @pytest.mark.parametrize(
        ("scope", "may_read", "may_write"),
        [
            ("billing:read", True, False),
            ("billing:write", False, True),
            ("usage:write", False, False),
        ],
    )
    def test_a_key_needs_the_scope(
        self,
        owner: Caller,
        organization: Organization,
        *,
        scope: str,
        may_read: bool,
        may_write: bool,
    ) -> None:
        shown = attached(owner)
        _, key = api_keys.create_api_key(
            organization=organization,
            name="Till",
            scopes=[scope],
            mode=KeyMode.TEST,
            created_by=None,
        )

        answers = self.calls(Caller(key), "/billing", shown["id"])

        assert answers == {
            "list": 200 if may_read else 403,
            "attach": 201 if may_write else 403,
            "replace": 201 if may_write else 403,
            "setup": 201 if may_write else 403,
            "default": 200 if may_write else 403,
            "remove": 204 if may_write else 403,
        }

    def test_a_setup_token_only_prepares(self, setup: Caller, owner: Caller) -> None:
        shown = attached(owner)

        answers = self.calls(setup, "/billing", shown["id"])

        assert answers.pop("setup") == 201
        assert set(answers.values()) == {403}

    def test_nobody_learns_of_anothers_methods(self, owner: Caller) -> None:
        theirs = attached(signed_in(register("Diner")["user"]["email"]))
        bodies = set()

        for method_id in (theirs["id"], theirs["external_id"], uuid.uuid4(), "pm_x", "%00"):
            for answer in (
                owner.post(f"{PATH}/{method_id}/default"),
                owner.delete(f"{PATH}/{method_id}"),
            ):
                assert answer.status_code == 404
                bodies.add((error_of(answer)["code"], error_of(answer)["message"]))

        assert bodies == {("NOT_FOUND", "Not found.")}
        assert PaymentMethod.objects.get().detached_at is None

    def test_a_foreign_tenant_looks_like_none(self, owner: Caller) -> None:
        foreign = f"/billing/tenants/{register('Diner')['organization']['id']}"

        assert set(self.calls(owner, foreign, uuid.uuid4()).values()) == {404}
        assert PaymentMethod.objects.count() == 0


def test_the_timeline_tells_it_in_words(owner: Caller, organization: Organization) -> None:
    visa = attached(owner)
    attached(owner, "pm_card_mastercard", set_default=True)
    owner.delete(f"{PATH}/{visa['id']}")

    told = BillingEvent.objects.for_org(organization).filter(
        type__startswith="billing.payment_method."
    )
    assert list(told.order_by("sequence").values_list("summary", flat=True)) == [
        "Visa ending in 4242 was added.",
        "Visa ending in 4242 is the default card now.",
        "Mastercard ending in 4444 was added.",
        "Mastercard ending in 4444 is the default card now.",
        "Visa ending in 4242 was removed.",
    ]
    assert {row.cause["kind"] for row in told} == {"request"}
