"""The choice of an organization, as a browser without JavaScript sees it."""

import pytest
from django.test import Client

from orgs.models import Organization, Role, User
from tests.factories import MembershipFactory

pytestmark = pytest.mark.usefixtures("empty_redis", "db")


TEAM = "/settings/team"


class TestSwitch:
    @pytest.fixture
    def second(self, alice: User, other_org: Organization) -> Organization:
        MembershipFactory.create(organization=other_org, user=alice, role=Role.VIEWER)
        return other_org

    def test_is_not_shown_to_members_of_one(self, desk: Client) -> None:
        assert "/organizations/switch" not in desk.get(TEAM).text

    def test_changes_the_organization_of_this_browser(
        self, desk: Client, org: Organization, second: Organization
    ) -> None:
        before = desk.get(TEAM).text
        assert f'<option value="{org.pk}" selected>Acme</option>' in before
        assert f'<option value="{second.pk}">Globex</option>' in before

        response = desk.post("/organizations/switch", {"organization": str(second.pk)})

        assert response.headers["Location"] == "/"
        assert desk.session["organization_id"] == str(second.pk)
        after = desk.get(TEAM).text
        assert "Who works with Globex" in after
        assert f'<option value="{second.pk}" selected>Globex</option>' in after
        assert desk.get("/api/v1/me").json()["organization"]["name"] == "Globex"

    @pytest.mark.parametrize("choice", ["", "not-a-uuid", "foreign"])
    def test_finds_no_other_organization(
        self, desk: Client, org: Organization, other_org: Organization, choice: str
    ) -> None:
        wanted = str(other_org.pk) if choice == "foreign" else choice

        response = desk.post("/organizations/switch", {"organization": wanted})

        assert response.status_code == 404
        assert "Who works with Acme" in desk.get(TEAM).text

    def test_needs_somebody_who_is_signed_in(self, client: Client, org: Organization) -> None:
        response = client.post("/organizations/switch", {"organization": str(org.pk)})

        assert response.headers["Location"] == "/login?next=/"
        assert client.get("/organizations/switch").status_code == 405
