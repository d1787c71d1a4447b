"""How failures look from outside."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from orgs.api.exceptions import flatten
from orgs.models import User
from tests.orgs.probe import Calls

pytestmark = pytest.mark.urls("tests.orgs.probe")
Api = Callable[..., APIClient]
PROBE = "/api/v1/billing/probe"
SENTENCE = "Invalid request. Please check your input."


def _refusal(client: APIClient, body: Any) -> dict[str, Any]:
    response = client.post(PROBE, body)
    assert response.status_code == 400
    error: dict[str, Any] = response.json()["error"]
    assert (error["code"], error["message"]) == ("INVALID_REQUEST", SENTENCE)
    return dict(error["fields"])


def _send(client: Any, body: bytes) -> Any:
    return client.generic("POST", PROBE, body, content_type="application/json")


class TestBodies:
    def test_unknown_keys_are_named(self, api: Api, alice: User, calls: type[Calls]) -> None:
        fields = _refusal(api(alice), {"plan": "x", "count": "many", "seen": "1"})

        assert fields == {
            "plan": ["This field is not known."],
            "seen": ["This field is not known."],
            "count": ["A valid integer is required."],
        }
        assert calls.seen == []

    def test_unknown_keys_are_named_where_they_are(self, api: Api, alice: User) -> None:
        fields = _refusal(
            api(alice), {"item": {"name": "a", "x": 1}, "items": [{"name": "a"}, {"y": 1}]}
        )

        assert fields == {
            "item.x": ["This field is not known."],
            "items.1.y": ["This field is not known."],
            "items.1.name": ["This field is required."],
        }

    @pytest.mark.parametrize("body", ["[]", '"text"', "1", "null", "true"])
    def test_must_be_objects(self, api: Api, alice: User, calls: type[Calls], body: str) -> None:
        response = api(alice).post(PROBE, body, content_type="application/json")

        assert response.status_code == 400
        assert list(response.json()["error"]["fields"]) == ["body"]
        assert calls.seen == []

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b'{"count": NaN}',
            b"\xff\xfe",
            b'{"item": {"name": "\\u0000"}}',
            b'{"item": {"na\\u0000me": "a"}}',
            b'{"items": ["\\u0000"]}',
            b'{"item": {"name": "\\ud800"}}',
            b"[" * 100_000,
            b'{"count": ' + b"9" * 5000 + b"}",
        ],
    )
    def test_must_be_json_that_can_be_stored(
        self, api: Api, alice: User, calls: type[Calls], body: bytes
    ) -> None:
        response = _send(api(alice), body)

        assert response.status_code == 400
        assert response.json()["error"]["code"] == "INVALID_REQUEST"
        assert calls.seen == []

    def test_may_escape_what_is_harmless(self, api: Api, alice: User, calls: type[Calls]) -> None:
        body = b'{"item": {"name": "\\u00e4 \\ud83d\\ude00 \\\\u0000"}}'

        response = _send(api(alice), body)

        assert response.status_code == 201

    def test_must_be_json_by_type(self, api: Api, alice: User) -> None:
        response = api(alice).post(PROBE, "a=b", content_type="application/x-www-form-urlencoded")

        assert response.status_code == 415
        assert response.json()["error"]["code"] == "UNSUPPORTED_MEDIA_TYPE"

    def test_must_not_be_endless(self, api: Api, alice: User, settings: Any) -> None:
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10

        response = api(alice).post(PROBE, {"count": 1_000_000}, headers={"idempotency-key": "k"})

        assert response.status_code == 413
        assert response.json()["error"]["code"] == "PAYLOAD_TOO_LARGE"


class TestErrors:
    def test_carry_the_trace_id_of_the_header(self, api: Api, db: None) -> None:
        response = api().get("/api/v1/fail/domain", headers={"x-request-id": "abc-12345"})

        assert response.json() == {
            "error": {
                "code": "UNKNOWN_ERROR",
                "message": "An unexpected error occurred. Please contact support.",
                "trace_id": "abc-12345",
            }
        }
        assert response["X-Request-ID"] == "abc-12345"

    def test_that_nobody_expected_are_logged_and_say_nothing(
        self, api: Api, db: None, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR):
            response = api().get("/api/v1/fail/bug")

        assert response.status_code == 500
        error = response.json()["error"]
        assert error["message"] == "An unexpected error occurred. Please contact support."
        assert "4242" not in response.text
        [record] = [record for record in caplog.records if record.name == "orgs.api.exceptions"]
        assert record.getMessage() == "request.failed"
        assert vars(record)["path"] == "/api/v1/fail/bug"
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError

    def test_say_when_to_come_back(self, api: Api, db: None) -> None:
        response = api().get("/api/v1/fail/busy")

        assert (response.status_code, response["Retry-After"]) == (429, "7")
        assert response.json()["error"]["code"] == "RATE_LIMIT"
        assert response.json()["error"]["message"] == "Too many requests. Please try again later."

    def test_name_the_fields(self, api: Api, db: None) -> None:
        response = api().get("/api/v1/fail/conflict")

        assert response.status_code == 409
        assert response.json()["error"]["fields"] == {"plan": ["Taken."]}

    @pytest.mark.parametrize(
        ("kind", "fields"),
        [("model", {"slug": ["Taken."]}), ("rule", {"body": ["Never on Sundays."]})],
    )
    def test_come_from_models_too(
        self, api: Api, db: None, kind: str, fields: dict[str, list[str]]
    ) -> None:
        response = api().get(f"/api/v1/fail/{kind}")

        assert response.status_code == 400
        assert response.json()["error"]["fields"] == fields

    def test_are_json_for_whoever_asks_for_a_page_or_a_stream(self, api: Api, db: None) -> None:
        for accepted in ("text/html", "text/event-stream", "application/pdf"):
            response = api().get(PROBE, headers={"accept": accepted})
            assert response.status_code == 401
            assert response["Content-Type"] == "application/json"


class TestErrorsOutsideOfViews:
    def test_are_json_below_api(self, client: Client) -> None:
        response = client.get("/api/v1/nothing")

        assert response.status_code == 404
        error = json.loads(response.content)["error"]
        assert (error["code"], error["message"]) == ("NOT_FOUND", "Not found.")
        assert error["trace_id"] == response["X-Request-ID"]

    @pytest.mark.parametrize(
        ("name", "status", "code", "heading"),
        [
            ("broken", 500, "UNKNOWN_ERROR", "Something went wrong"),
            ("closed", 403, "PERMISSION_DENIED", "You can&#x27;t do this"),
            ("odd", 400, "INVALID_REQUEST", "We could not read that request"),
        ],
    )
    def test_cover_everything_that_can_happen(
        self, client: Client, name: str, status: int, code: str, heading: str
    ) -> None:
        client.raise_request_exception = False

        answer, page = client.get(f"/api/v1/{name}"), client.get(f"/plain/{name}")

        assert (answer.status_code, page.status_code) == (status, status)
        assert answer.json()["error"]["code"] == code
        assert answer.json()["error"]["trace_id"] == answer["X-Request-ID"]
        assert heading in page.text
        assert page["X-Request-ID"] in page.text

    def test_are_pages_elsewhere(self, client: Client) -> None:
        response = client.get("/nothing")

        assert response.status_code == 404
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert "There is nothing here" in response.text
        assert response["X-Request-ID"] in response.text


class TestFlatten:
    def test_joins_names_and_positions(self) -> None:
        detail = {
            "a": ["one", "two"],
            "b": {"c": ["three"], "non_field_errors": ["four"]},
            "d": [{}, {"e": ["five"]}],
            "non_field_errors": ["six"],
        }

        assert flatten(detail) == {
            "a": ["one", "two"],
            "b.c": ["three"],
            "b": ["four"],
            "d.1.e": ["five"],
            "body": ["six"],
        }

    def test_gives_a_lone_message_to_the_body(self) -> None:
        assert flatten(["wrong"]) == {"body": ["wrong"]}
