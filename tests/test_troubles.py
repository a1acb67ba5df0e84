"""Viewers who hear or see nothing: understood, answered, and told to the operator."""

import pytest

from livehost.brain.chat.classes import Class, read
from livehost.brain.chat.troubles import KEPT, MOST_VIEWERS, SEVERAL, WITHIN, Troubles
from livehost.brain.desk.warnings import alerts

SOUND = ("没声音", "怎么没有声音", "听不见啊", "声音断断续续", "no sound")
PICTURE = ("黑屏了", "画面不动了", "花屏", "只有声音没画面", "the picture is frozen")
LAG = ("卡了", "好卡啊", "卡成ppt了", "一卡一卡的", "音画不同步", "so laggy")
NEITHER = (
    "声音真好听",
    "盖子卡不卡手",
    "会员卡能用吗",
    "卡扣结实吗",
    "静音效果怎么样",
    "听不懂",
    "多少钱",
)


@pytest.mark.parametrize(
    ("texts", "intent"),
    [(SOUND, "trouble_sound"), (PICTURE, "trouble_picture"), (LAG, "trouble_lag")],
)
def test_trouble_is_understood(texts, intent):
    for text in texts:
        assert (read(text).of, read(text).intent) == (Class.OTHER, intent), text


@pytest.mark.parametrize("text", NEITHER)
def test_what_only_looks_like_trouble_is_none(text):
    assert not read(text).intent.startswith("trouble")


def told(troubles, texts, now=0.0, user="u"):
    for number, text in enumerate(texts):
        troubles.note(read(text), f"{user}{number}", now)


def test_several_viewers_are_a_warning_with_what_to_do():
    troubles = Troubles()
    told(troubles, SOUND[: SEVERAL - 1])
    assert troubles.warnings(0.0) == []
    told(troubles, SOUND[-1:], 10.0, "late")
    (line,) = troubles.warnings(10.0)
    assert line == "viewers hear nothing: 3 of them wrote so within two minutes"
    (alert,) = alerts([line])
    assert alert["code"] == "viewers" and "phone" in alert["todo"]


def test_one_viewer_who_says_it_often_is_none():
    troubles = Troubles()
    for second in range(10):
        troubles.note(read("没声音"), "the same", float(second))
    assert troubles.warnings(9.0) == []


def test_sound_and_picture_are_counted_apart():
    troubles = Troubles()
    told(troubles, [SOUND[0], PICTURE[0], LAG[0]])
    assert troubles.warnings(0.0) == []


def test_what_was_long_ago_does_not_count_and_a_warning_ends():
    troubles = Troubles()
    told(troubles, SOUND[:2], 0.0, "early")
    told(troubles, SOUND[:1], WITHIN + 1, "late")
    assert troubles.warnings(WITHIN + 1) == []
    told(troubles, SOUND, WITHIN + 2, "more")
    assert troubles.warnings(WITHIN + 2 + KEPT) and not troubles.warnings(WITHIN + 3 + KEPT)


def test_a_flood_is_bounded():
    troubles = Troubles()
    for number in range(MOST_VIEWERS + 50):
        troubles.note(read("没声音"), f"u{number}", 0.0)
    assert str(MOST_VIEWERS) in troubles.warnings(0.0)[0]
