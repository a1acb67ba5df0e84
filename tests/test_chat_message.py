"""The door for foreign JSON: tolerant of what platforms send, rejecting the rest with a reason."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.chat.message import ChatMessage, Kind, Rejected, clean, parse

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def reason(raw, **options):
    with pytest.raises(Rejected) as rejected:
        parse(raw, **options)
    return rejected.value.reason


def test_everything_that_stands_in_a_message():
    message = parse(
        '{"id": 7327000000000000001, "kind": "gift", "user": 9007199254740993, "nickname": "小明",'
        ' "text": "玫瑰", "at": "2026-11-22T12:00:00+08:00", "count": 3, "extra": {"value": 10}}'
    )
    assert message.id == "7327000000000000001" and message.user == "9007199254740993"
    assert message.kind is Kind.GIFT and message.count == 3 and message.extra == {"value": 10}
    assert message.at == datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def test_what_is_missing_is_made_up():
    message = parse(b'{"text": "\xe4\xbd\xa0\xe5\xa5\xbd"}', now=NOW)
    assert message.kind is Kind.COMMENT and message.at == NOW and message.count == 1
    assert message.id and message.user == "anonymous" and message.id != parse({"text": "x"}).id
    assert parse({"text": "x", "nickname": "小明"}).user == "小明"


@pytest.mark.parametrize("kind", ["like", "follow", "enter", "gift"])
def test_only_comments_need_a_text(kind):
    assert parse({"kind": kind}).kind == kind
    assert reason({"kind": "comment"}) == "text"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\xff\xfe{}", "not_utf8"),
        (b'{"text": "\xe4\xbd', "not_utf8"),
        (b'{"text": "half', "not_json"),
        (b"", "not_json"),
        (b"[1]", "not_object"),
        (b'"text"', "not_object"),
        (b"NaN", "not_json"),
        (b'{"text": "x", "count": NaN}', "not_json"),
        (b'{"text": "x", "count": 1e999}', "count"),
        (b'{"text": "x", "count": -1}', "count"),
        (b'{"text": "x", "count": "many"}', "count"),
        (b'{"text": "x", "count": 99999999999}', "count"),
        (b'{"text": 5}', "text"),
        (b'{"text": ["x"]}', "text"),
        (b'{"text": "x", "nickname": {}}', "nickname"),
        (b'{"text": "x", "user": true}', "user"),
        (b'{"text": "x", "id": 1.5}', "id"),
        (b'{"text": "x", "id": []}', "id"),
        (b'{"kind": "shout", "text": "x"}', "kind"),
        (b'{"kind": 4, "text": "x"}', "kind"),
        (b"{}", "kind"),
        (b'{"text": "x", "at": "yesterday"}', "at"),
        (b'{"text": "x", "at": 1e300}', "at"),
        (b'{"text": "x", "at": []}', "at"),
        (b'{"text": "x", "extra": 5}', "extra"),
        (b'{"text": "x", "extra": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}", "extra"),
        (b'{"text": "x", "extra": ' + b'{"a": ' * 17 + b"1" + b"}" * 18, "extra"),
        (b"[" * 100_000, "too_large"),
        (b"[" * 10_000, "not_json"),
        (b'{"id": ' + b"9" * 5000 + b', "text": "x"}', "not_json"),
        ({"text": "x", "count": float("nan")}, "not_json"),
        ({"text": object()}, "not_json"),
    ],
)
def test_rejections(raw, why):
    assert reason(raw) == why


def test_limits():
    assert reason({"text": "x" * 100_000}) == "too_large"
    assert reason({"text": "x" * 501}) == "text_too_long"
    assert reason({"text": "x" * 300}, most_bytes=256) == "too_large"
    assert reason({"text": "x", "id": "i" * 129}) == "id"
    assert len(parse({"text": "x", "nickname": "长" * 100}).nickname) == 32


def test_text_is_one_clean_line():
    assert clean("  a\tb\nc\x00\x1b[31m\u202e ") == "a b c[31m"
    assert clean("好 \u3000 的") == "好 的"
    surrogate = parse(b'{"text": "x\\ud800y", "id": "\\udfff1"}')
    assert surrogate.text == "xy" and surrogate.id == "1"
    surrogate.text.encode()


def test_times_as_platforms_send_them():
    seconds = NOW.timestamp()
    for given_at in (seconds, seconds * 1000, NOW.isoformat(), "2026-11-22T12:00:00"):
        assert parse({"text": "x", "at": given_at}).at == NOW


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("id", "kind", "user", "nickname", "text", "at", "count", "extra"), json_values
        ),
    )
)
def test_any_object_is_accepted_or_rejected(values):
    try:
        message = parse(values)
    except Rejected:
        return
    assert isinstance(message, ChatMessage)
    json.dumps([message.id, message.user, message.nickname, message.text]).encode()
    message.text.encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_rejected(raw):
    try:
        parse(raw)
    except Rejected as rejected:
        assert rejected.reason
