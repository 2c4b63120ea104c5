"""From bytes to values: what CI sends, what it may send some day, and what somebody hostile sends."""

from __future__ import annotations

import encodings.aliases
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.cloudinfinite.exceptions import (
    ClockSkew,
    CloudInfiniteError,
    NotEnabled,
    NotFound,
    PermissionDenied,
    Throttled,
    Unreadable,
    UpstreamFailing,
)
from jobs.cloudinfinite.parser import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_NODES,
    Answer,
    BadXml,
    decode_xml,
    parse_job,
    parse_jobs,
    parse_media_buckets,
    read_xml,
)
from jobs.cloudinfinite.schema import JobsAnswer, parse_time
from jobs.cloudinfinite.tree import nodes, text

DATA = Path(__file__).parent / "data"
FIXTURES = {path.stem: path.read_bytes() for path in sorted(DATA.glob("*.xml"))}
NOW = 1_700_000_000.0


def jobs_of(name: str, status: int = 200) -> JobsAnswer:
    return parse_jobs(Answer(status, FIXTURES[name], "header-id"), NOW)


def failure(body: bytes, status: int = 200, date: float | None = None) -> CloudInfiniteError:
    with pytest.raises(CloudInfiniteError) as caught:
        parse_jobs(Answer(status, body, "header-id", "header-trace", date), NOW)
    return caught.value


# What CI sends --------------------------------------------------------------------------------------------------------


def test_list_reads_every_job_of_both_kinds() -> None:
    answer = jobs_of("f1_list_first")

    assert [(job.name, job.type, job.state) for job in answer.jobs] == [
        ("course-archive-2023Q4", "Workflow", "Running"),
        ("夜间转码-1", "Job", "Success"),
        ("thumbs-backfill", "Workflow", "Submitted"),
    ]
    assert (answer.next_token, answer.request_id) == ("884213", "NjU1MmQ3NWNfMWMwYTA4NjRfMmYxYl8xMA==")


def test_list_reads_every_field_of_a_job() -> None:
    job = jobs_of("f1_list_first").jobs[1]

    assert (job.job_id, job.code, job.message, job.tag) == (
        "b0a77d3f0828f11eea1b2525400c0ffee",
        "Success",
        "",
        "Transcode",
    )
    assert (job.queue_id, job.progress, job.workflow_ids) == ("p7c2e91d04b6f4a8c9d3e5f60718293a4", None, ())
    assert job.creation_time == parse_time("2023-11-13T17:00:02Z")
    assert text(job.tree, "Operation", "UserData") == "ticket=OPS-4711&owner=media"


def test_list_keeps_the_whole_element_in_document_order() -> None:
    job = jobs_of("f1_list_first").jobs[0]

    assert json.dumps(job.tree) == json.dumps(
        {
            "Code": "Success",
            "Message": "",
            "Type": "Workflow",
            "Name": "course-archive-2023Q4",
            "JobId": "b5f1c0a2e829311eea1b2525400c0ffee",
            "State": "Running",
            "CreationTime": "2023-11-14T10:11:32+0800",
            "StartTime": "2023-11-14T10:11:35+0800",
            "EndTime": "-",
            "Input": {"Prefix": "courses/2023/"},
            "Operation": {
                "TimeInterval": {"Start": "2023-10-01T00:00:00+0800", "End": "2023-11-14T00:00:00+0800"},
                "WorkflowIds": "w4d0f6a1b2c3e4f5061728394a5b6c7d8",
            },
        }
    )


def test_list_of_one_job_without_a_token_is_a_last_page() -> None:
    answer = jobs_of("f3_list_last")

    assert (len(answer.jobs), answer.next_token) == (1, "")
    assert (answer.jobs[0].start_time, answer.jobs[0].tag, answer.jobs[0].queue_id) == (None, None, None)


def test_list_with_an_empty_token_is_a_last_page() -> None:
    assert (len(jobs_of("f2_list_filtered").jobs), jobs_of("f2_list_filtered").next_token) == (4, "")


def test_list_of_nothing_is_an_answer() -> None:
    assert (jobs_of("f4_list_empty").jobs, jobs_of("f4_list_empty").next_token) == ((), "")


def test_token_of_white_space_is_no_token_and_any_other_is_left_alone() -> None:
    blank = parse_jobs(Answer(200, b"<Response><NextToken>\n  </NextToken></Response>"), NOW)
    odd = parse_jobs(Answer(200, b"<Response><NextToken> a+/= </NextToken></Response>"), NOW)

    assert (blank.next_token, odd.next_token) == ("", " a+/= ")


def test_request_id_comes_from_the_header_when_the_body_has_none() -> None:
    assert parse_jobs(Answer(200, b"<Response/>", "header-id"), NOW).request_id == "header-id"


def test_irregular_job_loses_nothing() -> None:
    answer = jobs_of("irregular")
    job = answer.jobs[0]

    assert len(answer.jobs) == 1
    assert (job.state, job.type, job.tag, job.queue_id, job.progress) == (
        "Hibernating",
        "Batch",
        "TopLevelTag",
        "ptoplevel",
        "42",
    )
    assert (job.name, job.workflow_ids) == ('<b>&"bold"</b> 夜间', ("w1", "w2", "w3"))
    assert (job.creation_time, job.end_time) == (parse_time("2023-11-14T10:11:32+0800"), None)
    assert job.tree["@kind"] == "odd"
    assert nodes(job.tree, "Operation") == [
        {
            "WorkflowIds": ["w1, w2,", "w3"],
            "JobParam": {
                "Watermark": [{"Type": "Text"}, {"Type": "Image"}],
                "Novelty": {"@a": "1", "#text": "new"},
            },
        }
    ]


def test_mixed_text_is_kept_and_namespaces_are_not() -> None:
    root, tree = read_xml(FIXTURES["irregular"])

    assert (root, tree["Surplus"]) == ("Response", {"@version": "2", "#text": "kept", "Inner": ""})


def test_media_buckets_are_read() -> None:
    answer = parse_media_buckets(Answer(200, FIXTURES["f13_media_buckets"], date=5.0), NOW)

    assert [(bucket.name, bucket.region) for bucket in answer.buckets] == [
        ("media-prod-1250000000", "ap-guangzhou"),
        ("media-sg-1250000000", "ap-singapore"),
    ]
    assert (answer.total_count, answer.page_number, answer.page_size, answer.date) == (2, 1, 10, 5.0)


def test_counts_that_are_no_numbers_are_zero() -> None:
    body = "<Response><TotalCount>many</TotalCount><PageNumber>٣</PageNumber><PageSize>-1</PageSize></Response>"
    answer = parse_media_buckets(Answer(200, body.encode()), NOW)

    assert (answer.total_count, answer.page_number, answer.page_size) == (0, 0, 0)


# One job --------------------------------------------------------------------------------------------------------------


def test_job_is_read_with_its_raw_xml_though_an_empty_non_exist_element_stands_beside_it() -> None:
    body = FIXTURES["job_one"]
    answer = parse_job(Answer(200, body), "b0a77d3f0828f11eea1b2525400c0ffee", NOW)

    assert (answer.job.name, answer.raw, answer.request_id) == ("夜间转码-1", body.decode(), "one-1")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (FIXTURES["f9_job_unknown"], 200),
        (b"<Response><NonExistJobId>b1</NonExistJobId></Response>", 200),
        (b"<Response><RequestId>r</RequestId></Response>", 200),
        (FIXTURES["job_one"], 200),
        (FIXTURES["f9_job_unknown"], 404),
        (b"<Error><Code>ResourceNotFound</Code></Error>", 404),
        (b"<html>Not Found</html>", 404),
        (b"", 404),
    ],
)
def test_job_that_ci_does_not_know_is_not_found(body: bytes, status: int) -> None:
    with pytest.raises(NotFound) as caught:
        parse_job(Answer(status, body), "bffffffffffffffffffffffffffffffff", NOW)

    assert (caught.value.code, caught.value.status) == ("no_such_job", status)


def test_missing_bucket_is_not_a_missing_job() -> None:
    with pytest.raises(NotEnabled):
        parse_job(Answer(404, b"<Error><Code>NoSuchBucket</Code></Error>"), "b1", NOW)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "gb18030"])
def test_raw_xml_is_decoded_by_its_own_encoding(encoding: str) -> None:
    name = "é" if encoding == "iso-8859-1" else "夜"
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    xml = f'<?xml version="1.0" encoding="{declared}"?><a>{name}</a>'

    assert decode_xml(xml.encode(encoding)) == xml


def test_raw_xml_with_a_senseless_encoding_is_decoded_as_utf_8() -> None:
    xml = '<?xml version="1.0" encoding="hex"?><a>夜</a>'

    assert decode_xml(xml.encode()) == xml


# Errors ---------------------------------------------------------------------------------------------------------------


def test_error_of_ci_is_read_whole() -> None:
    error = failure(FIXTURES["f5_error_access_denied"], 403)

    assert type(error) is PermissionDenied
    assert error.args == (
        "AccessDenied",
        "Access Denied.",
        403,
        "NjU1MmQ4MjZfMWMwYTA4NjRfMmYxYl8yMA==",
        "OGVmYzZiMmQzYjA2OWNhODk0NTRkMTBiOWVmMDAxODc0",
    )


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("f6_error_not_enabled", 400, "not_enabled", "MediaBucketUnBinded"),
        ("f7_error_slow_down", 429, "throttled", "SlowDown"),
        ("f7_error_slow_down", 503, "throttled", "SlowDown"),
        ("f8_error_cos_signature", 403, "credentials", "SignatureDoesNotMatch"),
        ("f5_error_access_denied", 200, "permission", "AccessDenied"),
    ],
)
def test_error_of_either_family_has_its_kind(name: str, status: int, kind: str, code: str) -> None:
    error = failure(FIXTURES[name], status)

    assert (error.kind, error.code, error.status) == (kind, code, status)


def test_clock_skew_carries_what_to_add_to_our_clock() -> None:
    error = failure(b"<Error><Code>SignatureExpired</Code></Error>", 401, date=NOW + 900)

    assert isinstance(error, ClockSkew)
    assert error.offset == 900


def test_clock_skew_without_a_date_has_no_offset() -> None:
    error = failure(b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", 403)

    assert isinstance(error, ClockSkew)
    assert error.offset is None


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(
    "body",
    [
        "<Response><JobsDetail><UserData>token=hush</UserData><Sta",
        "ps://h.example.com/hush</CallBack></Operation></JobsDetail></Response>",
        "a=1;hush</UserData><CallBackFormat>",
        "<Other><JobsDetail><CallBack>https://h.example.com/hush</CallBack></JobsDetail></Other>",
    ],
)
def test_nothing_is_kept_of_what_can_t_be_read_and_holds_jobs(body: str, encoding: str, status: int) -> None:
    with pytest.raises(CloudInfiniteError) as raised:
        parse_jobs(Answer(status=status, body=body.encode(encoding)), NOW)

    assert "hush" not in str(raised.value).replace(" ", "")
    assert "jobs" in raised.value.message


def test_error_page_of_a_gateway_is_kept_as_status_first_characters_and_request_id() -> None:
    error = failure(FIXTURES["hostile_gateway"] + b"x" * 10_000, 502)

    assert type(error) is UpstreamFailing
    assert (error.code, error.status, error.request_id, error.trace_id) == (
        "http_502",
        502,
        "header-id",
        "header-trace",
    )
    assert error.message.startswith("<html><head><title>502 Bad Gateway</title>")
    assert len(error.message) == 200


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "credentials"), (403, "permission"), (400, "refused"), (302, "upstream_failing")]
)
def test_error_without_a_body_goes_by_its_status(status: int, kind: str) -> None:
    error = failure(b"", status)

    assert (error.kind, error.code, error.message) == (kind, f"http_{status}", "")


def test_throttling_without_a_code_is_throttling() -> None:
    assert type(failure(b"<Error/>", 429)) is Throttled


# What can't be read ---------------------------------------------------------------------------------------------------

DEEP = b"<Response>" + b"<a>" * 1_000_000 + b"</a>" * 1_000_000 + b"</Response>"
HUGE = 8 * 1024 * 1024
HOSTILE = {
    "nothing": (b"", "bad_xml"),
    "html": (FIXTURES["hostile_gateway"], "bad_xml"),
    "json": (b'{"Response": {}}', "bad_xml"),
    "truncated": (FIXTURES["hostile_truncated"], "bad_xml"),
    "wrong root": (b"<Answer/>", "bad_xml"),
    "billion laughs": (FIXTURES["hostile_billion_laughs"], "bad_xml"),
    "external entity": (FIXTURES["hostile_external_entity"], "bad_xml"),
    "dtd": (FIXTURES["hostile_dtd"], "bad_xml"),
    "undefined entity": (b"<Response>&nbsp;</Response>", "bad_xml"),
    "a million deep": (DEEP, "bad_xml"),
    "a million wide": (b"<Response>" + b"<a/>" * 1_000_000 + b"</Response>", "too_large"),
    "huge attribute": (b'<Response a="' + b"y" * HUGE + b'"/>', "too_large"),
    "many attributes": (b"<Response " + b" ".join(b'x%d=""' % n for n in range(700_000)) + b"/>", "too_large"),
    "many namespaces": (b"<Response " + b" ".join(b'xmlns:x%d="y"' % n for n in range(400_000)) + b"/>", "too_large"),
    "huge comment": (b"<Response><!--" + b"y" * HUGE + b"--></Response>", "too_large"),
    "huge name": (b"<Response><" + b"y" * HUGE + b"/></Response>", "too_large"),
    "multi-byte encoding": ("<?xml version='1.0' encoding='gbk'?><Response>夜</Response>".encode("gbk"), "bad_xml"),
    "unknown encoding": (b"<?xml version='1.0' encoding='nonsense'?><Response/>", "bad_xml"),
    "control character": (b"<Response>\x01</Response>", "bad_xml"),
    "broken utf-8": (b"<Response>\xff\xfe\xfd</Response>", "bad_xml"),
    "two roots": (b"<Response/><Response/>", "bad_xml"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_body_is_unreadable_soon_and_in_little_memory(name: str) -> None:
    # Arrange
    body, code = HOSTILE[name]

    # Act
    started = time.process_time()
    error = failure(body)
    took = time.process_time() - started
    tracemalloc.start()
    failure(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # Assert
    assert (type(error), error.code, error.request_id) == (Unreadable, code, "header-id")
    assert took < 2.5
    assert peak < 64 * 1024 * 1024
    assert len(error.message) < 500


def test_limits_are_where_they_are_said_to_be() -> None:
    attributes = " ".join(f'a{n}=""' for n in range(MAX_ATTRIBUTES))

    assert read_xml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH)[0] == "a"
    assert len(read_xml(f"<a {attributes}/>".encode())[1]) == MAX_ATTRIBUTES
    assert len(nodes(read_xml(b"<a>" + b"<b/>" * (MAX_NODES - 1) + b"</a>")[1], "b")) == MAX_NODES - 1
    with pytest.raises(BadXml, match="too deep"):
        read_xml(b"<a>" * (MAX_DEPTH + 1) + b"</a>" * (MAX_DEPTH + 1))
    with pytest.raises(BadXml, match="too many"):
        read_xml(f'<a {attributes} more=""/>'.encode())
    with pytest.raises(BadXml, match="too many"):
        read_xml(b"<a>" + b"<b/>" * MAX_NODES + b"</a>")


def test_long_text_is_no_long_markup() -> None:
    tree = read_xml(b"<a><b>" + b"y" * 1_000_000 + b"</b></a>")[1]

    assert len(text(tree, "b") or "") == 1_000_000


def test_refused_document_leaves_no_context_that_a_log_would_print() -> None:
    error = failure(FIXTURES["hostile_dtd"])

    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("encoding", sorted(set(encodings.aliases.aliases.values()) | {"undefined", "idna", "oem"}))
def test_any_declared_encoding_gives_an_answer_or_our_exception(encoding: str) -> None:
    body = f"<?xml version='1.0' encoding='{encoding}'?><Response><NextToken>a\\x</NextToken></Response>".encode()

    answers_or_raises_ours(body)


def answers_or_raises_ours(body: bytes, status: int = 200) -> None:
    for parse in (
        lambda answer: parse_jobs(answer, NOW),
        lambda answer: parse_job(answer, "b1", NOW),
        lambda answer: parse_media_buckets(answer, NOW),
    ):
        try:
            json.dumps(parse(Answer(status, body, "r")).request_id)
        except CloudInfiniteError as error:
            assert str(error)  # noqa: PT017 - either outcome is right, this one must be printable


@given(st.binary(max_size=400), st.integers(200, 599))
def test_random_bytes_give_an_answer_or_our_exception(body: bytes, status: int) -> None:
    answers_or_raises_ours(body, status)


@given(
    name=st.sampled_from(sorted(FIXTURES)),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), st.binary(max_size=8)), min_size=1, max_size=6),
    status=st.sampled_from([200, 400, 403, 404, 500]),
)
@settings(max_examples=300)
def test_mutated_fixtures_give_an_answer_or_our_exception(
    name: str, edits: list[tuple[float, int, bytes]], status: int
) -> None:
    body = FIXTURES[name]
    for place, removed, inserted in edits:
        at = int(place * len(body))
        body = body[:at] + inserted + body[at + removed :]

    answers_or_raises_ours(body, status)


TAGS = st.sampled_from(
    ["Response", "Error", "JobsDetail", "Operation", "JobId", "Code", "NextToken", "MediaBucketList"]
)
ELEMENTS = st.recursive(
    st.tuples(TAGS, st.text("ab-0 &lt;", max_size=5).map(lambda words: words.replace("&", ""))).map(
        lambda leaf: f"<{leaf[0]}>{leaf[1]}</{leaf[0]}>"
    ),
    lambda inner: st.tuples(TAGS, st.lists(inner, max_size=4)).map(
        lambda node: f"<{node[0]} a='1'>{''.join(node[1])}</{node[0]}>"
    ),
    max_leaves=15,
)


@given(ELEMENTS, st.sampled_from([200, 403, 404]))
def test_known_elements_in_any_place_give_an_answer_or_our_exception(xml: str, status: int) -> None:
    answers_or_raises_ours(xml.encode(), status)
    answers_or_raises_ours(f"<Response>{xml}</Response>".encode(), status)


def test_a_page_of_fifty_jobs_is_read_in_time() -> None:
    """The bound is loose, for slow machines; measured: about 5 ms."""
    row = FIXTURES["job_one"].decode().partition("<JobsDetail>")[2].partition("</JobsDetail>")[0]
    rows = "".join(f"<JobsDetail>{row}</JobsDetail>" for _ in range(50))
    body = f"<Response>{rows}</Response>".encode()

    took = []
    for _ in range(10):
        started = time.process_time()
        parse_jobs(Answer(200, body), NOW)
        took.append(time.process_time() - started)

    assert min(took) < 0.02
