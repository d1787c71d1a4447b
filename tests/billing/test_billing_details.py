"""The address and the tax ID on invoices: told to every provider first, and taxed by."""

import dataclasses
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.test import Client

from billing.drivers import registry
from billing.engine.models import Payer, TaxEntry
from billing.enums import Provider
from billing.errors import ProviderBusy
from billing.models import BillingEvent, Customer, Price, Subscription
from billing.selectors.billing_details import details_of
from billing.services import billing_details, customers
from billing.types import Address, BillingDetails, ChangeSpec
from orgs import clock
from orgs.errors import InvalidRequest
from orgs.models import Organization, User
from tests.billing.page_steps import OVERVIEW, refused, send, show
from tests.billing.subscribe_steps import CAUSE
from tests.conftest import Api
from tests.simulators.stripe.client import StripeSimulator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("short_pauses")]

PAGE = f"{OVERVIEW}/details"
BERLIN = Address("Lindenstraße 1", "", "Berlin", "10969", "", "DE")
DETAILS = BillingDetails(BERLIN, "DE123456789")
FILLED = {"line1": "Lindenstraße 1", "city": "Berlin", "postal_code": "10969", "country": "de"}


def change(organization: Organization, details: BillingDetails = DETAILS) -> BillingDetails:
    return billing_details.change_details(
        organization=organization, details=details, cause=CAUSE, now=clock.now()
    )


def told(organization: Organization) -> int:
    rows = BillingEvent.objects.for_org(organization).filter(type="billing.customer.updated")
    return rows.count()


class TestChangeDetails:
    def test_tells_the_provider_and_keeps_it(
        self, running: Subscription, stripe: StripeSimulator
    ) -> None:
        change(running.organization)

        theirs = stripe.api("GET", f"/v1/customers/{running.customer.external_id}").json()
        assert theirs["address"]["city"] == "Berlin"
        assert theirs["address"]["country"] == "DE"
        assert details_of(running.organization) == DETAILS
        assert told(running.organization) == 1

    def test_the_same_again_is_no_news(self, running: Subscription) -> None:
        change(running.organization)
        change(running.organization)

        assert told(running.organization) == 1

    def test_can_be_forgotten_again(self, running: Subscription, stripe: StripeSimulator) -> None:
        change(running.organization)
        change(running.organization, BillingDetails())

        theirs = stripe.api("GET", f"/v1/customers/{running.customer.external_id}").json()
        assert not theirs["address"]
        assert details_of(running.organization) == BillingDetails()

    @pytest.mark.parametrize(
        "address",
        [
            dataclasses.replace(BERLIN, country="XX"),
            dataclasses.replace(BERLIN, country="EU"),
            dataclasses.replace(BERLIN, country=""),
        ],
        ids=["no such country", "no country", "none"],
    )
    def test_a_country_has_to_be_one(self, org: Organization, address: Address) -> None:
        with pytest.raises(InvalidRequest) as caught:
            change(org, BillingDetails(address))

        assert list(caught.value.fields) == ["country"]
        assert details_of(org) == BillingDetails()

    def test_nothing_changes_while_the_provider_is_down(
        self, running: Subscription, stripe: StripeSimulator
    ) -> None:
        stripe.add_fault(method="POST", path="^/v1/customers/", status=429, times=9)

        with pytest.raises(ProviderBusy):
            change(running.organization)

        assert details_of(running.organization) == BillingDetails()
        assert told(running.organization) == 0

    def test_a_payer_who_is_created_later_has_them(
        self, org: Organization, stripe: StripeSimulator
    ) -> None:
        change(org)

        customer = customers.get_or_create_customer(organization=org, provider=Provider.STRIPE)
        external_id = customers.ensure_external(customer=customer, now=clock.now())

        theirs = stripe.api("GET", f"/v1/customers/{external_id}").json()
        assert theirs["address"]["postal_code"] == "10969"

    def test_an_organizations_own_customers_have_their_own(self, org: Organization) -> None:
        change(org)
        guest = customers.get_or_create_customer(
            organization=org, provider=Provider.CUSTOM, reference="guest"
        )

        customers.ensure_external(customer=guest, now=clock.now())

        assert Payer.objects.get(our_id=guest.pk).country == ""


class TestAtTheEngine:
    @pytest.fixture
    def customer(self, org: Organization, catalogue: dict[str, Price]) -> Customer:
        call_command("push_catalogue", provider=Provider.CUSTOM, verbosity=0)
        found = customers.get_or_create_customer(organization=org, provider=Provider.CUSTOM)
        customers.ensure_external(customer=found, now=clock.now())
        return found

    def test_they_stand_on_the_next_invoice_and_are_taxed_by(
        self, org: Organization, customer: Customer
    ) -> None:
        TaxEntry.objects.create(name="VAT", percentage=Decimal(19), country="DE")
        change(org)

        payer = Payer.objects.get(external_id=customer.external_id)
        assert payer.address == ["Lindenstraße 1", "10969 Berlin", "DE"]
        assert (payer.country, payer.tax_ids) == ("DE", ["DE123456789"])
        assert preview_tax(customer) > 0

    def test_nobody_is_taxed_before_they_say_where_they_are(self, customer: Customer) -> None:
        TaxEntry.objects.create(name="VAT", percentage=Decimal(19), country="DE")

        assert preview_tax(customer) == 0


def preview_tax(customer: Customer) -> int:
    """Return the tax on a month that would begin now, in minor units."""
    driver = registry.get_driver(Provider.CUSTOM)
    external_price = Price.objects.get(plan_version__plan__code="starter", interval="month")
    link = external_price.external_prices.get(provider=Provider.CUSTOM)
    spec = ChangeSpec(
        external_customer_id=customer.external_id,
        external_price_id=link.external_id,
        seats=1,
        interval="month",
    )
    tax: int = driver.preview_change(spec).tax_minor
    return tax


class TestApi:
    def test_shows_and_changes_what_is_given(self, api: Api, alice: User) -> None:
        client = api(alice)
        assert client.get("/api/v1/billing/details").json()["country"] == ""

        changed = client.patch("/api/v1/billing/details", FILLED, format="json")
        more = client.patch("/api/v1/billing/details", {"tax_id": " DE1 "}, format="json")

        assert (changed.status_code, changed.json()["country"]) == (200, "DE")
        assert more.json() == {
            **FILLED,
            "country": "DE",
            "line2": "",
            "region": "",
            "tax_id": "DE1",
        }
        assert client.get("/api/v1/billing/details").json() == more.json()

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"country": "XX"}, "country"),
            ({"country": "Germany"}, "country"),
            ({"city": "Berlin"}, "country"),
            ({"line1": "x" * 201}, "line1"),
            ({"vat": "1"}, "vat"),
        ],
        ids=["no country", "a name", "none", "too long", "unknown"],
    )
    def test_says_what_is_wrong(
        self, api: Api, alice: User, org: Organization, body: dict[str, str], field: str
    ) -> None:
        answer = api(alice).patch("/api/v1/billing/details", body, format="json")

        assert answer.status_code == 400
        assert list(answer.json()["error"]["fields"]) == [field]
        assert details_of(org) == BillingDetails()

    def test_who_only_looks_changes_nothing(self, api: Api, alice: User, bob: User) -> None:
        assert api(bob).get("/api/v1/billing/details").status_code == 200
        answer = api(bob).patch("/api/v1/billing/details", FILLED, format="json")
        assert answer.status_code == 403

    def test_a_strangers_are_not_found(self, api: Api, charlie: User, org: Organization) -> None:
        path = f"/api/v1/billing/tenants/{org.pk}/details"

        assert api(charlie).get(path).status_code == 404
        assert api(charlie).patch(path, FILLED, format="json").status_code == 404


class TestPage:
    def test_is_filled_in_and_saved(self, payer: Client, org: Organization) -> None:
        assert "Germany" in show(payer, PAGE)

        text = send(payer, PAGE, {**FILLED, "country": "DE", "tax_id": "DE1"}, to=PAGE)

        assert "It stands on your next invoice." in text
        assert 'value="Berlin"' in text
        assert details_of(org).tax_id == "DE1"

    def test_says_what_is_missing(self, payer: Client, org: Organization) -> None:
        text = refused(payer, PAGE, {"city": "Berlin"}, 400)

        assert "Say which country this is in." in text
        assert details_of(org) == BillingDetails()

    def test_leads_strangers_to_sign_in(self, client: Client) -> None:
        assert client.get(PAGE)["Location"] == f"/login?next={PAGE}"
