"""Log lines: one id from the request to upstream's RequestId, JSON for collectors, and nothing in them that is a secret."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from jobs import trails
from tests.test_settings import settings_with

if TYPE_CHECKING:
    from pytest_django import Settings


def record(message: str = "%s happened", *arguments: object, **facts: object) -> logging.LogRecord:
    made = logging.getLogger("jobs.test").makeRecord(
        "jobs.test", logging.INFO, "test.py", 1, message, arguments or ("it",), None, extra=facts
    )
    assert trails.AddId().filter(made)
    return made


def as_json(made: logging.LogRecord) -> Any:
    text = trails.JsonFormatter().format(made)
    assert "\n" not in text
    return json.loads(text)


def test_json_line_holds_message_id_and_facts() -> None:
    with trails.following("abc"):
        line = as_json(record(bucket="media-1250000000", seconds=0.1, request_id="r-1"))

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "jobs.test",
        "message": "it happened",
        "id": "abc",
        "bucket": "media-1250000000",
        "seconds": 0.1,
        "request_id": "r-1",
    }


def test_json_line_holds_nothing_else_of_its_record() -> None:
    """Django hangs whole requests onto its records."""
    line = as_json(record(request="GET /?name=hush", secret="hush", cookies={"sessionid": "hush"}))

    assert "hush" not in json.dumps(line)


def test_json_line_of_an_exception_is_one_line_too() -> None:
    made = record()
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        made.exc_info = sys.exc_info()

    assert "ValueError: first\nsecond" in as_json(made)["traceback"]


def test_plain_line_ends_with_the_id() -> None:
    with trails.following("abc"):
        inside = record()
    outside = record()

    assert trails.PlainFormatter().format(inside).endswith("INFO jobs.test it happened (id abc)")
    assert trails.PlainFormatter().format(outside).endswith("INFO jobs.test it happened")


@pytest.mark.parametrize("given", ["", "a b", "x\ny", "é", "x" * 65, "<b>"])
def test_what_can_be_no_id_is_replaced(given: str) -> None:
    assert trails.VALID.fullmatch(trails.new(given))
    assert trails.new(given) != given


def test_no_two_ids_are_alike() -> None:
    assert len({trails.new() for _ in range(1000)}) == 1000


@pytest.mark.django_db
class TestRequests:
    """What the middleware does."""

    def test_answer_names_a_new_id_whatever_a_stranger_sends(self, client: Client) -> None:
        answers = [client.get("/healthz", headers={"X-Request-ID": "chosen"})["X-Request-ID"] for _ in range(2)]

        assert len({*answers, "chosen"}) == 3

    def test_trusted_proxy_names_the_id(self, client: Client, settings: Settings) -> None:
        settings.TRUST_REQUEST_ID = True

        assert client.get("/healthz", headers={"X-Request-ID": "from-proxy.1"})["X-Request-ID"] == "from-proxy.1"
        assert client.get("/healthz", headers={"X-Request-ID": "no id"})["X-Request-ID"] != "no id"

    def test_each_request_has_one_line_without_its_query(
        self, client: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.handler.addFilter(trails.AddId())
        with caplog.at_level(logging.INFO, "dashboard.access"):
            answer = client.get("/buckets/media-1250000000/jobs/?name=hush")

        (made,) = [one for one in caplog.records if one.name == "dashboard.access"]
        line = as_json_of(made)
        assert (line["id"], line["status"], line["method"]) == (answer["X-Request-ID"], 302, "GET")
        assert line["path"] == "/buckets/media-1250000000/jobs/"
        assert "hush" not in json.dumps(line)

    @pytest.mark.parametrize("path", ["/welcome/a:secret:token/", "/welcome/a:secret:token"])
    def test_one_time_link_is_not_logged(self, client: Client, caplog: pytest.LogCaptureFixture, path: str) -> None:
        with caplog.at_level(logging.INFO, "dashboard.access"):
            client.get(path)

        assert [one.getMessage() for one in caplog.records if one.name == "dashboard.access"]
        assert "secret" not in caplog.text

    def test_path_cannot_begin_a_line_of_its_own(self, client: Client, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "dashboard.access"):
            client.get("/x%0A2026-11-25 ERROR forged")

        (made,) = [one for one in caplog.records if one.name == "dashboard.access"]
        assert "\n" not in made.getMessage()

    @pytest.mark.parametrize("path", ["/healthz", "/metrics", "/readyz", "/static/css/nothing.css"])
    def test_probes_and_static_files_have_no_line(
        self, client: Client, caplog: pytest.LogCaptureFixture, path: str
    ) -> None:
        with caplog.at_level(logging.INFO, "dashboard.access"):
            client.get(path)

        assert [one for one in caplog.records if one.name == "dashboard.access"] == []


def as_json_of(made: logging.LogRecord) -> Any:
    """Return a captured record's line, with the id that it got when it was written."""
    return json.loads(trails.JsonFormatter().format(made))


def test_format_of_logs_is_checked_at_the_start() -> None:
    assert settings_with("LOG_FORMAT") == ["plain"]
    assert settings_with("LOG_FORMAT", LOG_FORMAT="json") == ["json"]
    assert "LOG_FORMAT is 'xml'" in settings_with("LOG_FORMAT", LOG_FORMAT="xml")
