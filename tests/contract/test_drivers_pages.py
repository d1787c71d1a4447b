"""What our own pages embed: the same question to every driver."""

import pytest

from billing.drivers.base import DriverRejected
from tests.contract.sandboxes import Sandbox


class TestCardElement:
    def test_is_a_script_with_its_key_or_a_frame(self, saving: Sandbox) -> None:
        saving.new_organization()

        element = saving.driver.card_element()

        is_script = bool(element.script_url and element.publishable_key)
        assert is_script != bool(element.frame_url)

    def test_of_a_frame_says_whose_messages_are_believed(self, saving: Sandbox) -> None:
        saving.new_organization()

        element = saving.driver.card_element()

        assert element.frame_url.startswith(element.frame_origin)
        assert bool(element.frame_origin) == bool(element.frame_url)

    def test_is_refused_where_nobody_pays_by_card(self, sandbox: Sandbox) -> None:
        if sandbox.driver.capabilities.payment_methods:
            pytest.skip(f"{sandbox.provider} takes cards")

        with pytest.raises(DriverRejected) as refused:
            sandbox.driver.card_element()

        assert refused.value.code == "INVALID_REQUEST"
