"""What a sentence makes its speaker feel: by its words, unless the script says so itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.avatar import load_avatar
from livehost.brain.common import CommonAnswers
from livehost.brain.emotion import EMOTIONS, GUESSED, Feeling, feeling, felt
from livehost.brain.intent import Intent, IntentKind, Place
from livehost.brain.manners import PHRASES, History, Manners
from livehost.brain.programme.file import LineText, SegmentText
from livehost.brain.programme.load import segment as segment_of
from livehost.brain.script import Kind, Line, Segment
from livehost.brain.sentences import split
from livehost.brain.utterance import Said, Utterance
from livehost.brain.voice.kokoro import Kokoro
from livehost.brain.voice.prosody import STYLES
from livehost.brain.voice.speech import Sentence
from livehost.brain.writer import ShowWriter
from livehost.stage.playout import Playout
from livehost.wire import Speech, decode, encode

from . import show_parts
from .demo_shop import demo_catalog
from .virtual import run

ROOT = Path(__file__).parents[1]

SENTENCES = {
    "friendly_smile": (
        "哈喽，刚进来的朋友，晚上好，",
        "欢迎来到小荷的直播间。",
        "谢谢小鱼送的礼物，心意收到啦。",
        "感谢大家一直在点赞。",
        "大家好，我是小荷。",
        "这个小细节我挺喜欢的。",
        "没问题，您放心拍。",
        "没关系，慢慢看。",
        "觉得讲得还算清楚，点个关注。",
        "Thank you all for the likes.",
        "Welcome, Anna.",
        "Hi everyone, good to have you here.",
        "Of course it fits in a bag.",
    ),
    "excited": (
        "三、二、一，上链接！",
        "三二一，开始！",
        "3，2，1，开抢！",
        "倒计时十秒。",
        "最后5件，拍完就没有了。",
        "今天只剩二十单。",
        "现在直播间到手199元。",
        "直降一百块，省下来自己买杯奶茶。",
        "全场八折。",
        "今天的福利来了。",
        "千万别走开！",
        "太划算了！",
        "这一款真的很能装！",
        "Three, two, one, go!",
        "Hurry, only five left.",
        "You save 20 dollars today.",
        "This is amazing!",
    ),
    "apologetic": (
        "对不起，让您不开心了。",
        "不好意思，这款现在没有库存了，",
        "抱歉，新疆暂时发不了货。",
        "很遗憾，绿色的没有货了。",
        "可惜白色已经卖完了。",
        "实在抱歉，给您添麻烦了，",
        "这个尺码暂时缺货，补货了再看。",
        "Sorry, it is sold out now.",
        "Unfortunately we cannot ship there.",
        "My apologies, that was the wrong colour.",
    ),
    "thinking": (
        "嗯，这个我得想一想。",
        "让我看看商品卡上怎么写的。",
        "这个问题问得好。",
        "怎么说呢，看您平时怎么用。",
        "我查一下再告诉您。",
        "Let me check the card.",
        "Hmm, good question.",
    ),
    "surprised": (
        "哇，一下子来了这么多人。",
        "它居然只有180克。",
        "真的吗？",
        "没想到还有这个颜色。",
        "天哪，这么轻。",
        "Wow, that was quick.",
        "No way, it is lighter than a phone.",
        "什么？！",
    ),
    "calm": (
        "我是人工智能生成的数字人主播，",
        "一个AI生成的数字人主播，不是真人出镜，",
        "商品信息以页面为准。",
        "对坚果过敏的朋友请不要吃，",
        "热水容易烫到，这一点一定要提醒各位爸爸妈妈。",
        "牛奶和碳酸饮料不建议装。",
        "装洗衣袋机洗，不要烘干。",
        "不着急，想清楚再拍；",
        "第一步，先把盖子拧紧。",
        "请点商品页里的官方客服。",
        "理性消费，需要再买。",
        "Please note that it is not dishwasher safe.",
        "I am an AI-generated digital host,",
        "Be careful, the water is hot.",
    ),
    "neutral": (
        "今天跟大家慢慢聊三款日常用得上的东西。",
        "容量480毫升，一个手掌握得住，",
        "帽檐是加宽的，带抽绳。",
        "它折起来跟一个饭团差不多大。",
        "三折叠的伞更小一些。",
        "目前没有另外的优惠，",
        "我们不会断货。",
        "这款不打折。",
        "收到手里先看一眼。",
        "袖口有拇指孔，往前一套，",
        "The bottle holds 480 millilitres.",
        "There is no other discount now,",
        "It is not a deal.",
    ),
}
TABLE = [(text, emotion) for emotion, texts in SENTENCES.items() for text in texts]


def test_the_table_is_worth_the_name():
    assert len(TABLE) >= 60 and set(SENTENCES) == set(EMOTIONS)


@pytest.mark.parametrize(("text", "emotion"), TABLE, ids=[text for text, _ in TABLE])
def test_words_and_marks_decide(text, emotion):
    assert feeling(text).emotion == emotion


@pytest.mark.parametrize("given", EMOTIONS)
def test_what_the_script_names_wins_at_full_strength(given):
    for text, _ in TABLE:
        assert feeling(text, given) == Feeling(given, 1.0)


def test_a_guess_is_felt_less_than_a_wish_and_marks_add_to_it():
    plain, loud, louder = (feeling("今天的福利来了" + end) for end in ("。", "！", "！！！！！"))
    assert plain.intensity < loud.intensity < louder.intensity <= 1.0
    assert feeling("还有三种颜色。", usually="friendly_smile").intensity == GUESSED


def test_countdowns_are_felt_more_than_prices():
    price, countdown = feeling("到手199元。"), feeling("三、二、一，上链接。")
    assert price.emotion == countdown.emotion == "excited"
    assert countdown.intensity > price.intensity + 0.2


@given(st.text(max_size=80))
def test_any_text_has_a_feeling(text):
    found = feeling(text)
    assert found.emotion in EMOTIONS and 0 <= found.intensity <= 1
    assert found == feeling(text), "equal text, equal feeling: the cache depends on it"


# --- everybody agrees on the names ----------------------------------------------------------------


def test_the_face_and_the_voice_know_every_name():
    avatar = load_avatar(ROOT / "avatars" / "xiaohe")
    assert set(EMOTIONS) <= set(avatar.emotions)
    assert set(EMOTIONS) == set(STYLES)


def test_the_operators_page_names_them_all():
    page = (ROOT / "docs" / "expression.md").read_text("utf-8")
    assert [name for name in EMOTIONS if f"`{name}`" not in page] == []


# --- in the show ----------------------------------------------------------------------------------


def test_kinds_of_intents_have_a_usual_mood():
    text = "它有三种颜色。"
    moods = {kind: felt(Intent(kind, ""), text).emotion for kind in IntentKind}
    assert moods == {
        IntentKind.SAY: "neutral",
        IntentKind.REPLY: "friendly_smile",
        IntentKind.NOTICE: "calm",
        IntentKind.THANKS: "friendly_smile",
        IntentKind.SCRIPT: "neutral",
        IntentKind.SALE: "excited",
        IntentKind.ANNOUNCEMENT: "neutral",
        IntentKind.FILLER: "friendly_smile",
    }


def test_bad_news_in_a_friendly_answer_is_not_smiled_at():
    assert felt(Intent(IntentKind.REPLY, ""), "抱歉，卖完了。").emotion == "apologetic"


def test_an_intent_made_anew_from_the_state_file_feels_the_same():
    for emotion in ("", "neutral", "calm"):
        intent = Intent(IntentKind.SAY, "", texts=("谢谢大家。",), emotion=emotion)
        assert felt(Intent.from_json(intent.to_json()), "谢谢大家。") == felt(intent, "谢谢大家。")


def test_a_line_names_its_emotion_or_its_segment_does_or_nobody():
    class Source:
        def at(self, key, text):
            return "here"

    lines = ({"text": "甲", "emotion": "neutral"}, "乙")
    for of_segment, expected in ((None, ["neutral", ""]), ("calm", ["neutral", "calm"])):
        said = SegmentText(id="a", kind="opening", lines=lines, emotion=of_segment)
        assert [line.emotion for line in segment_of(said, lambda *_: "", "", UTC).lines] == expected
    assert LineText(text="x", emotion="calm").emotion == "calm"


class Silent:
    """Remembers how each sentence was asked for."""

    def __init__(self):
        self.asked = []

    async def __call__(self, text, feeling):
        self.asked.append((text, feeling))
        yield type("Chunk", (), {"pcm": np.zeros(960, np.float32), "phones": ()})()


LINE = "哇，来了这么多人！谢谢大家的支持和关注。今天聊一聊这个保温杯。对不起，绿色的卖完了。"


class Ruling:
    def __init__(self, text):
        self.text, self.ok, self.rule, self.found = text, True, "", ""


class Gate:
    def check(self, text, product, now):
        return Ruling(text.replace("聊一聊", "说说"))


def writer(emotion=""):
    segment = Segment("a", None, "opening", (Line(LINE, emotion),))
    catalog = type("Shelf", (), {"products": {}, "version": 1})()
    return ShowWriter(
        catalog, Gate(), None, History(), lambda place: (segment, segment.lines[place.line]),
        lambda: datetime(2026, 1, 1).astimezone(),
    )  # fmt: skip


def made(intent, words):
    """Return how each sentence was spoken, and what was sent with it."""

    async def main():
        voice, utterance, sent = Silent(), Utterance(1, intent), []
        making = asyncio.ensure_future(utterance.make(words, voice))
        while piece := await utterance.pieces.get():
            sent += [piece.feeling] if piece.first else []
        await making
        return voice.asked, sent

    return asyncio.run(main())


def test_one_line_may_change_its_mood_from_sentence_to_sentence():
    asked, sent = made(Intent(IntentKind.SCRIPT, "", place=Place("a")), writer())
    moods = [how.emotion for _, how in asked]
    assert moods == ["surprised", "friendly_smile", "neutral", "apologetic"]
    assert sent == [how for _, how in asked], "the face gets what the voice got"


@pytest.mark.parametrize("emotion", ["", "neutral", "excited"])
def test_speech_made_ahead_is_the_speech_that_is_asked_for(emotion):
    words = writer(emotion)
    asked, _ = made(Intent(IntentKind.SCRIPT, "", place=Place("a"), emotion=emotion), words)
    assert list(words.ahead(Place("a"))) == asked


@pytest.mark.parametrize("language", PHRASES)
def test_fixed_texts_made_ahead_are_those_said(language):
    manners = Manners(language)
    said = {
        (sentence, felt(Intent(kind, ""), sentence))
        for kind, texts in (
            (IntentKind.NOTICE, PHRASES[language].notices),
            (IntentKind.THANKS, PHRASES[language].thanks["like"]),
        )
        for text in texts
        for sentence in split(text)
    }
    assert set(manners.fixed()) == said


def test_common_answers_made_ahead_feel_as_answers_do(tmp_path):
    answers = CommonAnswers(
        demo_catalog(tmp_path), "zh", lambda: None, lambda text, intent: Said(text)
    )

    async def all_of_them():
        return [said async for said in answers.texts()]

    made_ahead = asyncio.run(all_of_them())
    assert len({how.emotion for _, how in made_ahead}) >= 3
    for text, how in made_ahead:
        assert how == felt(Intent(IntentKind.REPLY, ""), text)


def test_the_stage_is_told_each_sentences_feeling():
    rundown = (
        Segment("a", None, Kind.OPENING, (Line("谢谢大家。卖完了。它很轻。", ""),)),
        Segment("b", None, Kind.OPENING, (Line("谢谢大家。", "calm"),)),
    )

    async def main():
        async with show_parts.show(rundown=rundown) as room, asyncio.timeout(60):
            while len(room.stage.air) < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            return room.stage.received

    sent = [m for m in run(main()) if isinstance(m, Speech) and m.text][:4]
    assert [(m.text, m.emotion, m.intensity) for m in sent] == [
        ("谢谢大家。", "friendly_smile", 0.8),
        ("卖完了。", "apologetic", 0.6),
        ("它很轻。", "neutral", 1.0),
        ("谢谢大家。", "calm", 1.0),
    ]


def test_a_feeling_reaches_the_face_over_the_wire():
    frame = encode(Speech(1, 0, np.ones(960, np.int16), True, "x", (), "calm", 0.4))
    head = int.from_bytes(frame[:4], "big")
    playout = Playout()
    playout.push(decode(frame[8 : 8 + head], frame[8 + head :]))
    spoken = playout.pull(960).spoken
    assert (spoken.emotion, spoken.intensity) == ("calm", 0.4)


def test_the_voice_feels_a_guess_less_than_a_wish():
    voice = SimpleNamespace(_expression=1.0)
    half, full = (
        Kokoro._style(voice, Sentence("x", "excited", intensity=share)) for share in (0.5, 1.0)
    )
    assert full == STYLES["excited"]
    assert 1 < half.speed < full.speed and 0 < half.pitch < full.pitch
