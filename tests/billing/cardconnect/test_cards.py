"""Cards kept at the gateway, and forgotten there once nobody uses them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from billing.drivers.base import DriverRejected, DriverUnavailable, OutcomeUnknown
from billing.drivers.cardconnect import profiles
from billing.drivers.cardconnect.models import GatewayProfile, StoredCard
from billing.types import CardDetails
from orgs.models import Organization
from tests.billing.cardconnect.gateway_steps import VISA, order_for, rail, save, sent
from tests.simulators.cardpointe.client import CardPointeSimulator

pytestmark = pytest.mark.usefixtures("account")

CARD = CardDetails(expiry="1230", name="Joe Cardholder", postal="19355")


def keep(
    simulator: CardPointeSimulator, organization: Organization, token: str, **changes: Any
) -> str:
    values: dict[str, Any] = {
        "organization_id": organization.pk,
        "payer_id": "cc_cus_one",
        "payment_method": token,
        "card": CARD,
        "idempotency_key": "key",
    }
    return rail.save_method(**values | changes).external_id


def there(simulator: CardPointeSimulator) -> int:
    """Return how many cards the gateway keeps."""
    return len(simulator.objects("account"))


class TestSaving:
    def test_a_card_is_verified_and_kept_without_a_charge(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org)

        [body] = sent(simulator, "auth")
        assert (method.kind, method.brand, method.last4) == ("card", "visa", VISA[-4:])
        assert (method.exp_month, method.exp_year) == (12, 2030)
        assert (body["amount"], body["profile"], body.get("capture")) == ("0.00", "Y", None)
        kept = ("ecomind", "cof", "cofscheduled", "cofpermission")
        assert [body[key] for key in kept] == list("ECYY")
        assert sum(txn["captured"] for txn in simulator.transactions()) == 0

    def test_what_names_it_at_the_gateway_is_ciphertext(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        save(simulator, org)

        profile = GatewayProfile.objects.get()
        raw = GatewayProfile.objects.extra(
            select={"a": "profile::bytea", "b": "token::bytea"}
        ).values("a", "b")
        stored = b"".join(bytes(value) for row in raw for value in row.values())
        assert str(profile.token).startswith("9")
        assert str(profile.token).encode() not in stored
        assert str(profile.profile).encode() not in stored

    def test_the_same_key_is_the_same_card(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        assert save(simulator, org, key="a") == save(simulator, org, key="a")
        assert StoredCard.objects.count() == 1
        assert len(sent(simulator, "auth")) == 1

    def test_the_same_card_twice_is_one(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        assert save(simulator, org) == save(simulator, org)
        assert (StoredCard.objects.count(), there(simulator)) == (1, 1)

    def test_our_own_id_is_the_card_it_names(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org)

        assert keep(simulator, org, method.external_id) == method.external_id

    def test_not_the_card_of_another_payer(
        self, simulator: CardPointeSimulator, org: Organization, other_org: Organization
    ) -> None:
        method = save(simulator, org).external_id

        for who, payer in ((org, "cc_cus_two"), (other_org, "cc_cus_one")):
            with pytest.raises(DriverRejected) as caught:
                keep(simulator, who, method, payer_id=payer)
            assert caught.value.detail == "no_such_method"

    @pytest.mark.parametrize(
        "token",
        [
            "4111111111111111",
            "4788250000121443",
            "",
            "9",
            "94188594164541111",
            "9418594164541111/1",
            "16700875781344019340/1",
            "9418594164541111\n",
            "pm_card_visa",
        ],
    )
    def test_whatever_is_no_token_never_leaves_us(
        self, simulator: CardPointeSimulator, org: Organization, token: str
    ) -> None:
        with pytest.raises(DriverRejected) as caught:
            keep(simulator, org, token)

        assert caught.value.detail == "payment_method"
        assert simulator.requests() == []

    @pytest.mark.parametrize("expiry", ["", "1330", "0030", "12/30", "203012", "123"])
    def test_an_expiry_must_be_one(
        self, simulator: CardPointeSimulator, org: Organization, expiry: str
    ) -> None:
        token = simulator.tokenize(VISA)

        with pytest.raises(DriverRejected) as caught:
            keep(simulator, org, token, card=CardDetails(expiry=expiry))

        assert caught.value.detail == "card.expiry"
        assert sent(simulator, "auth") == []

    def test_names_that_the_gateway_can_not_read_do_no_harm(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        card = CardDetails(expiry="1230", name="Zoë  Ångström " + "x" * 40, postal="SW1A 1AA")

        save(simulator, org, card=card)

        [body] = sent(simulator, "auth")
        assert (body["name"], body.get("postal")) == ("Zo ngstrm " + "x" * 20, None)

    @pytest.mark.parametrize(
        ("postal", "fields"),
        [
            ("19355", ("19355", None)),
            ("19355-1234", ("193551234", None)),
            ("k1c 2n6", ("K1C2N6", "CA")),
            ("1234", (None, None)),
            ("", (None, None)),
        ],
    )
    def test_postal_codes_go_with_their_country(
        self,
        simulator: CardPointeSimulator,
        org: Organization,
        postal: str,
        fields: tuple[str | None, str | None],
    ) -> None:
        save(simulator, org, card=CardDetails(expiry="1230", postal=postal))

        [body] = sent(simulator, "auth")
        assert (body.get("postal"), body.get("country")) == fields


class TestRefusals:
    @pytest.mark.parametrize(
        ("pan", "word"),
        [
            ("4387751111111020", "call_issuer"),
            ("4387751111111038", "do_not_honor"),
            ("4387751111111046", "expired_card"),
            ("4387751111111053", "insufficient_funds"),
        ],
    )
    def test_a_card_that_its_bank_refuses_is_not_kept(
        self, simulator: CardPointeSimulator, org: Organization, pan: str, word: str
    ) -> None:
        with pytest.raises(DriverRejected) as caught:
            save(simulator, org, pan)

        assert (caught.value.code, caught.value.decline_code) == ("CARD_DECLINED", word)
        assert (StoredCard.objects.count(), there(simulator)) == (0, 0)

    def test_an_approval_with_a_wrong_code_is_none(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        with pytest.raises(DriverRejected) as caught:
            save(simulator, org, cvv="111")

        assert (caught.value.code, caught.value.decline_code) == ("CARD_DECLINED", "incorrect_cvc")
        assert rail.methods_of(organization_id=org.pk, payer_id="cc_cus_one") == []
        assert there(simulator) == 0

    def test_the_same_key_may_come_with_the_right_code(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        with pytest.raises(DriverRejected):
            save(simulator, org, cvv="111", key="a")

        method = save(simulator, org, cvv="112", key="a")

        assert rail.charge(order_for(org, method.external_id)).state == "succeeded"

    def test_without_an_account_nothing_is_sent(
        self, simulator: CardPointeSimulator, org: Organization, account: Any
    ) -> None:
        account.is_active = False
        account.save()

        with pytest.raises(DriverRejected) as caught:
            save(simulator, org)

        assert caught.value.detail == "no_merchant_account"

    def test_a_lost_answer_may_be_asked_for_again_and_keeps_one_card(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        simulator.add_fault("drop_after")
        with pytest.raises(OutcomeUnknown):
            save(simulator, org, key="a")

        method = save(simulator, org, key="a")

        assert rail.charge(order_for(org, method.external_id)).state == "succeeded"
        assert there(simulator) == 1


class TestForgetting:
    def test_it_is_gone_here_and_there(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id

        rail.forget_method(method)
        rail.forget_method(method)
        rail.forget_method("cc_pm_nothing")

        assert rail.methods_of(organization_id=org.pk, payer_id="cc_cus_one") == []
        assert there(simulator) == 0

    def test_two_payers_with_one_profile_lose_it_one_by_one(
        self, simulator: CardPointeSimulator, org: Organization, other_org: Organization
    ) -> None:
        ours = save(simulator, org).external_id
        theirs = save(simulator, other_org, payer="cc_cus_two").external_id
        assert (GatewayProfile.objects.count(), there(simulator)) == (1, 1)

        rail.forget_method(ours)

        assert rail.charge(order_for(other_org, theirs)).state == "succeeded"
        rail.forget_method(theirs)
        assert there(simulator) == 0

    def test_a_card_can_be_saved_again(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        rail.forget_method(save(simulator, org).external_id)

        method = save(simulator, org).external_id

        assert rail.charge(order_for(org, method)).state == "succeeded"

    def test_what_could_not_be_deleted_is_deleted_later(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("drop_before", op="profile")

        rail.forget_method(method)
        assert there(simulator) == 1
        assert profiles.delete_left_over(now=timezone.now()) == 0
        assert profiles.delete_left_over(now=timezone.now() + timedelta(minutes=6)) == 1

        assert there(simulator) == 0

    def test_one_that_waits_for_its_deletion_can_be_used_again(
        self, simulator: CardPointeSimulator, org: Organization
    ) -> None:
        method = save(simulator, org).external_id
        simulator.add_fault("drop_before", op="profile")
        rail.forget_method(method)

        again = save(simulator, org).external_id

        assert profiles.delete_left_over(now=timezone.now() + timedelta(minutes=6)) == 0
        assert rail.charge(order_for(org, again)).state == "succeeded"

    def test_one_that_is_being_deleted_can_not(
        self, simulator: CardPointeSimulator, org: Organization, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        method = save(simulator, org).external_id
        monkeypatch.setattr(profiles, "_is_deleted", lambda _profile: True)
        rail.forget_method(method)

        with pytest.raises(DriverUnavailable) as caught:
            save(simulator, org)

        assert caught.value.detail == "profile_vanishing"
