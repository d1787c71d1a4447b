"""The look at what is logged finds what must not be there, and leaves the rest alone."""

import logging

import pytest

from tests import log_scan
from tests.log_scan import Scanner


class TestSecretsIn:
    @pytest.mark.parametrize(
        "text",
        [
            "card 4111111111111111 declined",
            "4242-4242-4242-4242",
            "token 9418594164541111 charged",
            "2223003122003222",
            '{"cvv2": "123"}',
            "Authorization: Basic dGVzdGluZzp0ZXN0aW5nMTIz",
            "Bearer abcdefgh123",
            "key sk_test_abcdef123",
            "whsec_abcdefgh12345678",
            "till_test_abcdefgh12",
            "cst_abcdefgh1234",
            "pi_123_secret_abcdef",
            "session_key=f4fb39ff5c9c4299b3d7b34ca7ce2348",
            "password testing123",
        ],
    )
    def test_finds_it(self, text: str) -> None:
        assert log_scan.secrets_in(text) != []

    @pytest.mark.parametrize(
        "text",
        [
            "retref 363652261392, batch 1900941444",
            "profile 16700875781344019340",
            "2026-11-21T10:20:30.123456+00:00",
            "attempt 0193a5f0-7b4e-7c3d-9f00-4242424242424242 sent",
            "KQWZBTRNLMXCVFGHJD, ending in 1111",
            "took 4111111111111.111 ms",
        ],
    )
    def test_leaves_alone(self, text: str) -> None:
        assert log_scan.secrets_in(text) == []


class TestScanner:
    def test_sees_what_the_redaction_would_have_hidden(self) -> None:
        own = Scanner()
        said = {"name": "billing.x", "msg": "paid", "pan": "4111111111111111"}

        own.handle(logging.makeLogRecord(said))

        assert own.found == [("the number of a card or its token", "billing.x: paid")]

    def test_is_there_for_every_test(self, scanner: Scanner) -> None:
        logging.getLogger("billing.x").info("key sk_test_abcdef123")

        assert [what for what, _ in scanner.found] == ["a provider's key"]
        scanner.found.clear()
