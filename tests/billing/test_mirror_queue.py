"""The raw mirror follows behind, one row of work per object, and holds nothing up."""

from typing import Any

import pytest

from billing.drivers import registry
from billing.drivers.base import DriverUnavailable
from billing.enums import Provider
from billing.models import MirrorTodo
from billing.services import mirror
from billing.types import Subject

pytestmark = pytest.mark.django_db

CUSTOMER = Subject("customer", "cus_1")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The driver with a copy that does what a test says."""
    found = registry.get_driver(Provider.STRIPE)
    monkeypatch.setattr(found, "copy_to_mirror", lambda _subject: True)
    return found


def todo() -> MirrorTodo:
    return MirrorTodo.objects.get()


class TestNote:
    def test_keeps_one_row_per_object(self) -> None:
        mirror.note(provider="stripe", subjects=[CUSTOMER, CUSTOMER])
        mirror.note(provider="stripe", subjects=[CUSTOMER])

        assert todo().generation == 2

    def test_nothing_is_nothing(self) -> None:
        mirror.note(provider="stripe", subjects=[])

        assert MirrorTodo.objects.count() == 0


class TestDrain:
    def test_copies_and_forgets(self, driver: Any) -> None:
        mirror.note(provider="stripe", subjects=[CUSTOMER])

        assert mirror.drain_mirror() == 1

        assert MirrorTodo.objects.count() == 0

    def test_an_event_during_the_copy_has_it_copied_again(
        self, driver: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror.note(provider="stripe", subjects=[CUSTOMER])

        def while_an_event_comes(subject: Subject) -> bool:
            mirror.note(provider="stripe", subjects=[subject])
            return True

        monkeypatch.setattr(driver, "copy_to_mirror", while_an_event_comes)

        mirror.drain_mirror()

        assert todo().generation == 2

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (DriverUnavailable("API_ERROR"), "API_ERROR"),
            (RuntimeError("a payload"), "RuntimeError"),
        ],
    )
    def test_trouble_is_noted_and_postponed(
        self, error: Exception, words: str, driver: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror.note(provider="stripe", subjects=[CUSTOMER])

        def fail(_: Subject) -> bool:
            raise error

        monkeypatch.setattr(driver, "copy_to_mirror", fail)

        assert mirror.drain_mirror() == 0

        assert (todo().attempts, todo().error) == (1, words)
        assert mirror.drain_mirror() == 0
        assert todo().attempts == 1

    def test_what_never_works_is_said_loudly(
        self, driver: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        mirror.note(provider="stripe", subjects=[CUSTOMER])
        MirrorTodo.objects.update(attempts=19)

        def fail(_: Subject) -> bool:
            raise DriverUnavailable("API_ERROR")

        monkeypatch.setattr(driver, "copy_to_mirror", fail)

        mirror.drain_mirror()

        assert "mirror.given_up" in caplog.text
