"""Payment methods while the provider is down or its answers get lost."""

from typing import Any

import pytest

from billing.errors import ProviderBusy, ProviderFailed
from billing.selectors import payment_methods as methods
from billing.services import payment_methods
from orgs import clock
from orgs.errors import DomainError
from orgs.models import Organization
from tests.billing.payment_method_steps import (
    at_provider,
    attach,
    choose,
    reachable_organization,
    remove,
    shown,
)
from tests.billing.subscribe_steps import CAUSE
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("short_pauses"),
]


@pytest.fixture
def organization(stripe: StripeSimulator) -> Organization:
    return reachable_organization()


class TestWhileTheProviderIsDown:
    """Every step fails in every way: nothing is promised, and the same again ends well."""

    STEPS = {
        "create the payer": ("POST", "/v1/customers$"),
        "attach": ("POST", "/attach$"),
        "set the default": ("POST", "/v1/customers/cus_[^/]+$"),
        "look": ("GET", "/v1/customers/cus_[^/]+$"),
        "look at the methods": ("GET", "/payment_methods$"),
    }
    FAULTS: dict[str, tuple[dict[str, Any], type[DomainError]]] = {
        "500": ({"status": 500}, ProviderFailed),
        "429": ({"status": 429}, ProviderBusy),
        "reset": ({"action": "reset_before"}, ProviderFailed),
    }

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("step", STEPS)
    def test_attaching(
        self, organization: Organization, stripe: StripeSimulator, step: str, fault: str
    ) -> None:
        method, path = self.STEPS[step]
        what, refusal = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises(refusal) as caught:
            attach(organization)
        assert type(caught.value) is refusal
        # The card is shown once the provider has it, and never as a default that it is not.
        assert shown(organization) == ([("visa", False)] if step == "set the default" else [])

        stripe.clear_faults()
        attach(organization)
        assert shown(organization) == [("visa", True)]
        assert len(at_provider(stripe, organization)) == 1

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/subscriptions/sub_"),
            ("POST", "/v1/customers/cus_[^/]+$"),
            ("GET", "/v1/subscriptions/sub_"),
            ("GET", "/v1/customers/cus_[^/]+$"),
        ],
    )
    def test_choosing(
        self,
        subscribed: Organization,
        stripe: StripeSimulator,
        method: str,
        path: str,
        fault: str,
    ) -> None:
        other = attach(subscribed, "pm_card_mastercard")
        what, _ = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises((ProviderFailed, ProviderBusy)):
            choose(other)

        stripe.clear_faults()
        assert choose(other).method.is_default
        assert shown(subscribed) == [("mastercard", True), ("visa", False)]

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/subscriptions/sub_"),
            ("POST", "/detach$"),
            ("GET", "/v1/customers/cus_[^/]+$"),
        ],
    )
    def test_removing(
        self,
        subscribed: Organization,
        stripe: StripeSimulator,
        method: str,
        path: str,
        fault: str,
    ) -> None:
        visa = methods.list_methods(subscribed).get()
        attach(subscribed, "pm_card_mastercard")
        what, _ = self.FAULTS[fault]
        stripe.add_fault(method=method, path=path, times=-1, **what)

        with pytest.raises((ProviderFailed, ProviderBusy)):
            remove(visa)

        visa.refresh_from_db()
        assert (visa.detached_at, visa.removing_until) == (None, None)
        stripe.clear_faults()
        remove(visa)
        assert shown(subscribed) == [("mastercard", True)]

    def test_preparing_a_card(self, organization: Organization, stripe: StripeSimulator) -> None:
        stripe.add_fault(method="POST", path="/setup_intents$", times=1, status=500)

        with pytest.raises(ProviderFailed):
            payment_methods.begin_setup(organization=organization, cause=CAUSE, now=clock.now())

    @pytest.mark.parametrize("path", ["/attach$", "/v1/customers/cus_[^/]+$"])
    def test_an_answer_that_was_lost_is_looked_for(
        self, organization: Organization, stripe: StripeSimulator, path: str
    ) -> None:
        made = stripe.api(
            "POST", "/v1/payment_methods", {"type": "card", "card[token]": "tok_visa"}
        ).json()
        stripe.add_fault(method="POST", path=path, times=1, action="reset_after")

        assert attach(organization, made["id"]).is_default

        assert at_provider(stripe, organization) == [made["id"]]

    @pytest.mark.parametrize("path", ["/v1/subscriptions/sub_", "/v1/customers/cus_[^/]+$"])
    def test_a_choice_is_only_confirmed_when_all_of_it_is_true(
        self, subscribed: Organization, stripe: StripeSimulator, path: str
    ) -> None:
        other = attach(subscribed, "pm_card_mastercard")
        stripe.add_fault(method="POST", path=path, times=1, action="reset_after")

        # Either the payer has still to be told, or only the answer to that was lost.
        if path.startswith("/v1/sub"):
            with pytest.raises(ProviderFailed):
                choose(other)

        assert choose(other).method.is_default

    def test_a_removal_whose_answer_was_lost_is_looked_for(
        self, organization: Organization, stripe: StripeSimulator
    ) -> None:
        method = attach(organization)
        stripe.add_fault(method="POST", path="/detach$", times=1, action="reset_after")

        remove(method)

        assert shown(organization) == []
