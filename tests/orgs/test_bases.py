"""Shared bases: encryption, references, clock, users."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from orgs import clock, crypto, references, selectors, trace
from orgs.models import IdempotencyRecord, Organization, User
from tests.factories import UserFactory, make_api_key


class TestCrypto:
    def test_reads_what_any_of_the_keys_wrote(self, settings: Any) -> None:
        old, new = (Fernet.generate_key().decode() for _ in range(2))
        settings.TILL_ENCRYPTION_KEYS = [old]
        written = crypto.encrypt(b"secret")

        settings.TILL_ENCRYPTION_KEYS = [new, old]

        assert crypto.decrypt(written) == b"secret"
        assert Fernet(new).decrypt(crypto.encrypt(b"x")) == b"x"

    def test_says_when_no_key_fits(self, settings: Any) -> None:
        written = crypto.encrypt(b"secret")
        settings.TILL_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

        with pytest.raises(crypto.DecryptionFailed):
            crypto.decrypt(written)


class TestEncryptedTextField:
    @pytest.mark.parametrize("text", ["", "client_secret ä 🙂"])
    def test_is_text_here_and_ciphertext_there(self, org: Organization, text: str) -> None:
        row = IdempotencyRecord.objects.create(organization=org, key="k", response_body=text)

        row.refresh_from_db()
        assert row.response_body == text
        row.full_clean(exclude=["fingerprint"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT response_body FROM orgs_idempotencyrecord")
            stored = bytes(cursor.fetchone()[0])
        assert (stored == b"") is (text == "")
        assert b"client_secret" not in stored


class TestReferences:
    def test_can_not_be_taken_for_card_numbers_or_words(self) -> None:
        made = {references.new_reference() for _ in range(200)}

        assert len(made) == 200
        assert all(re.fullmatch(r"[B-DF-HJ-NP-TV-XZ]{18}", reference) for reference in made)


class TestClock:
    def test_is_utc(self) -> None:
        before = timezone.now()

        assert before <= clock.now() <= timezone.now()
        assert clock.now().utcoffset() == timedelta(0)


class TestTrace:
    def test_is_empty_outside_of_a_request(self) -> None:
        assert trace.get_trace_id() == ""


@pytest.mark.django_db
class TestUsers:
    def test_are_one_per_address_in_any_case(self) -> None:
        UserFactory.create(email="dana@example.com")

        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.bulk_create([User(email="DANA@example.com")])

    def test_are_found_in_any_case(self) -> None:
        user = UserFactory.create(email="dana@example.com")

        assert selectors.get_user_by_email(" Dana@EXAMPLE.com") == user
        assert selectors.get_user_by_email("nobody@example.com") is None

    def test_of_the_staff_may_do_everything(self) -> None:
        user = User.objects.create_superuser("root@example.com", "a long password")

        assert (user.is_staff, user.is_superuser, user.check_password("a long password")) == (
            True,
            True,
            True,
        )

    def test_are_greeted_by_name_or_address(self) -> None:
        named, unnamed = User(full_name="Dana Doe", email="d@x.org"), User(email="e@x.org")

        assert (named.get_full_name(), named.get_short_name()) == ("Dana Doe", "Dana")
        assert (unnamed.get_full_name(), unnamed.get_short_name()) == ("e@x.org", "e@x.org")


class TestSelectors:
    @pytest.mark.parametrize("wrong", [None, "", "x", 1, "\x00"])
    def test_know_nobody_by_what_is_no_id(self, alice: User, org: Organization, wrong: Any) -> None:
        assert selectors.parse_uuid(wrong) is None
        assert selectors.get_user(wrong) is None
        assert selectors.get_membership(user=alice, organization_id=wrong) is None
        assert selectors.get_member_of(user_id=wrong, organization_id=org.pk) is None
        assert selectors.get_key(org, wrong) is None

    def test_find_keys_of_the_organization_alone(
        self, org: Organization, other_org: Organization
    ) -> None:
        key, _ = make_api_key(org)

        assert selectors.get_key(org, str(key.pk)) == key
        assert selectors.get_key(other_org, key.pk) is None
        assert selectors.get_key(org, uuid4()) is None

    def test_choose_the_preferred_membership_else_the_oldest(
        self, alice: User, org: Organization, other_org: Organization
    ) -> None:
        chosen = selectors.choose_membership(user=alice, preferred=other_org.pk)

        assert chosen is not None
        assert chosen.organization == org
        assert selectors.choose_membership(user=UserFactory.create()) is None
