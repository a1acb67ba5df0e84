"""The speaker against the real playout, on virtual time: what viewers hear, and when."""

import asyncio

import pytest

from livehost.brain.boundary import LEAD
from livehost.brain.guests import MOST_IN_A_CROWD, MOST_REPLIES
from livehost.brain.intent import Place
from livehost.errors import BackendBroken
from livehost.wire import CueKind

from .show_parts import ALL, CHARACTER, comment, segment, show
from .virtual import run


async def until(condition, most=120.0):
    async with asyncio.timeout(most):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_the_script_is_heard_in_order_and_loops():
    async def main():
        async with show() as room:
            await until(lambda: len(room.stage.air) > len(ALL) + 3)
            return room.stage

    stage = run(main())
    assert stage.texts[: len(ALL) + 3] == ALL + ALL[:3]
    assert all(not s.interrupted for s in stage.air[:-1])
    gaps = [stage.silence_before(n) for n in range(1, len(stage.air))]
    assert max(gaps) <= 0.08, "cached sentences follow each other without a hole"


def test_the_stage_never_holds_much_more_than_the_end_of_a_sentence():
    async def main():
        async with show() as room:
            await until(lambda: len(room.stage.air) > 12)
            return room.stage

    stage = run(main())
    assert stage.most_queued <= 2.1 * 48_000
    starts = [m for m in stage.received if getattr(m, "text", "")]
    assert len(starts) <= len(stage.air) + 1, "at most one sentence is sent ahead"
    assert pytest.approx(0.7) == LEAD


def test_an_answer_goes_first_at_the_sentence_boundary_and_the_script_goes_on_exactly_there():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            room.chat(comment("tea多少钱"))
            await until(lambda: len(room.stage.air) > 7)
            return room

    room = run(main())
    assert room.stage.texts[:7] == [
        "欢迎大家来到这里。",
        "今天有两样东西。",
        "答tea多少钱。",
        "还有问题吗。",
        "先看第一样东西。",
        "再看第二样。",
        "这是一款绿茶。",
    ]
    assert list(room.notes.ends.values())[:4] == ["done", "yielded", "done", "done"]
    assert next(iter(room.notes.chat.values()))[0] == "answered"


def test_an_answer_breaks_off_a_script_sentence_in_its_pause_and_it_is_taken_up_there():
    long = "先看第一样东西它是绿茶产地在山里。"

    async def main():
        rundown = (segment("open", None, "欢迎大家来到这里。", long, "茶叶用小罐装。"),)
        async with show(rundown=rundown, gives_way=1.0) as room:
            room.voice.pauses[long] = (7,)
            await until(lambda: room.stage.texts[-1:] == [long])
            await asyncio.sleep(1.2)
            asked = asyncio.get_running_loop().time()
            room.chat(comment("tea多少钱"))
            await until(lambda: len(room.stage.air) > 5)
            return room, asked

    room, asked = run(main())
    air = room.stage.air
    assert [s.text for s in air[1:5]] == [long, "答tea多少钱。", "还有问题吗。", long]
    assert air[1].interrupted and 7 * CHARACTER <= air[1].samples <= 8 * CHARACTER
    assert air[2].at - asked < 1.0
    pause = 0.28 * 48_000
    rest = air[4].samples - pause
    assert 9 * CHARACTER <= rest <= 9.2 * CHARACTER, "what was not heard yet, and no more"
    assert not air[4].interrupted
    assert next(iter(room.notes.chat.values()))[0] == "answered"


def test_a_sentence_that_got_no_further_is_not_broken_off_again_nor_any_for_the_sake_of_talk():
    long = "先看第一样东西它是绿茶产地在山里。"

    async def main():
        rundown = (segment("open", None, long, "茶叶用小罐装。"),)
        async with show(rundown=rundown, gives_way=1.0) as room:
            await until(lambda: room.stage.texts == [long])
            await asyncio.sleep(0.5)
            room.chat(comment("tea多少钱", "a"))
            await until(lambda: room.stage.texts[-1:] == ["还有问题吗。"])
            room.chat(comment("cup多少钱", "b"))
            await until(lambda: "茶叶用小罐装。" in room.stage.texts, 120)
            return room

    stage = run(main()).stage
    cut = [s for s in stage.air if s.interrupted and s.text == long]
    assert len(cut) == 1, "there is no pause in it: it was taken up at its beginning"


def test_a_sentence_that_got_further_is_broken_off_again():
    long = "先看第一样东西它是绿茶产地在山里而且每年春天才能采摘一次。"

    async def main():
        rundown = (segment("open", None, long, "茶叶用小罐装。"),)
        async with show(rundown=rundown, gives_way=1.0) as room:
            room.voice.pauses[long] = (7, 16)
            await until(lambda: room.stage.texts == [long])
            for n, seconds in enumerate((0.9, 1.4), 1):
                await asyncio.sleep(seconds)
                room.chat(comment("tea多少钱", f"u{n}"))
                await until(lambda n=n: room.stage.texts.count(long) > n)
            await until(lambda: "茶叶用小罐装。" in room.stage.texts)
            return room

    said = [s for s in run(main()).stage.air if s.text == long]
    assert [s.interrupted for s in said] == [True, True, False]
    assert 7 * CHARACTER <= said[0].samples <= 8 * CHARACTER
    assert 8 * CHARACTER <= said[1].samples <= 9 * CHARACTER, "from the first pause to the second"


def test_after_a_few_answers_in_a_row_a_sentence_of_the_script_is_said_whole():
    long = "先看第一样东西它是绿茶产地在山里而且每年春天才能采摘一次。"

    async def main():
        rundown = (segment("open", None, long, "茶叶用小罐装。"),)
        async with show(rundown=rundown, gives_way=1.0) as room:
            room.voice.pauses[long] = (7, 16)
            await until(lambda: room.stage.texts == [long])
            await asyncio.sleep(0.5)
            for n, word in enumerate("苦甜浓淡香涩新老粗细轻重"):
                room.chat(comment(f"tea喝起来{word}不{word}", f"u{n}"))
            await until(lambda: "茶叶用小罐装。" in room.stage.texts, 120)
            return room

    stage = run(main()).stage
    said = [s for s in stage.air if s.text == long]
    assert [s.interrupted for s in said] == [True, False], "and not broken off for the next"
    replies = sum(text.startswith("答") for text in stage.texts)
    most = MOST_IN_A_CROWD + MOST_REPLIES
    assert MOST_REPLIES <= replies <= most, "the script gets its sentence between answers"


def test_an_answer_does_not_break_off_another_answer_or_what_the_operator_says():
    async def main():
        async with show(gives_way=1.0) as room:
            await until(lambda: room.stage.texts)
            room.director.say("请大家看屏幕上的这件衣服。")
            room.speaker.plan()
            await until(lambda: "请大家看屏幕上的这件衣服。" in room.stage.texts)
            await asyncio.sleep(0.5)
            room.chat(comment("tea多少钱", "a"))
            await until(lambda: "答tea多少钱。" in room.stage.texts)
            room.chat(comment("cup多少钱", "b"))
            await until(lambda: "答cup多少钱。" in room.stage.texts)
            await asyncio.sleep(2)
            return room

    stage = run(main()).stage
    cut = {s.text for s in stage.air if s.interrupted}
    assert not cut & {"请大家看屏幕上的这件衣服。", "答tea多少钱。", "还有问题吗。"}


def test_a_slow_answer_does_not_hold_up_the_script():
    async def main():
        async with show() as room:
            room.words.reply_seconds = 6.0
            await until(lambda: room.stage.texts[-1:] == ["欢迎大家来到这里。"])
            room.chat(comment("多少钱"))
            await until(lambda: "答多少钱。" in room.stage.texts)
            await asyncio.sleep(8)
            return room.stage

    stage = run(main())
    at = stage.texts.index("答多少钱。")
    assert stage.texts[:at] == ALL[:at] and at >= 3
    rest = [t for t in stage.texts if t not in ("答多少钱。", "还有问题吗。")]
    assert rest == ALL[: len(rest)]
    gaps = sorted(stage.silence_before(n) for n in range(1, len(stage.air)))
    assert gaps[-1] <= 0.4 and gaps[-2] <= 0.08, "held back once, for a moment"


@pytest.mark.parametrize(("left", "slow"), [(0.5, 0.4), (0.2, 0.5), (0.9, 1.2)])
def test_an_answer_that_is_nearly_ready_is_waited_for(left, slow):
    """Asked shortly before the end of a sentence: it still goes before the next one."""

    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            room.words.reply_seconds = slow
            await asyncio.sleep(2.28 - 0.7 - left)
            asked = asyncio.get_running_loop().time()
            room.chat(comment("多少钱"))
            await until(lambda: len(room.stage.air) > 3)
            return room.stage, asked

    stage, asked = run(main())
    assert stage.texts[2] == "答多少钱。"
    assert stage.air[2].at - asked <= 1.6
    assert stage.silence_before(2) <= 0.4


def test_the_operator_comes_before_chat():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            room.chat(comment("多少钱"))
            room.director.say("老板说一句。")
            room.speaker.plan()
            await until(lambda: len(room.stage.air) > 6)
            return room.stage.texts

    assert run(main())[2:6] == ["老板说一句。", "答多少钱。", "还有问题吗。", "先看第一样东西。"]


def test_skip_is_silent_within_two_ticks_and_goes_to_the_next_segment():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            await asyncio.sleep(0.5)
            cut_at = asyncio.get_running_loop().time()
            room.director.skip()
            room.speaker.cut(resume=False)
            await until(lambda: len(room.stage.air) > 4)
            return room, cut_at

    room, cut_at = run(main())
    sounded = room.stage.air[1]
    assert sounded.interrupted and sounded.until - cut_at <= 0.081
    assert room.stage.texts[2:4] == ["这是一款绿茶。", "产地在山里。"]
    assert room.stage.air[2].at - cut_at < 0.5


def test_a_cut_with_resume_says_the_interrupted_answer_again_from_its_sentence():
    async def main():
        async with show() as room:
            room.chat(comment("多少钱"))
            await until(lambda: room.stage.texts[-1:] == ["还有问题吗。"])
            room.director.say("插一句。")
            room.speaker.cut(resume=True)
            await until(lambda: len(room.stage.air) > 5)
            return room.stage

    stage = run(main())
    at = stage.texts.index("插一句。")
    assert stage.texts[at - 1 : at + 2] == ["还有问题吗。", "插一句。", "还有问题吗。"]
    assert stage.air[at - 1].interrupted and stage.air[at + 1].interrupted is False


def test_a_killed_stage_makes_the_current_sentence_be_said_again():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["先看第一样东西。"])
            await asyncio.sleep(0.7)
            room.stage.die()
            await asyncio.sleep(3)
            room.stage.be_born()
            await until(lambda: len(room.stage.air) > 6)
            return room

    room = run(main())
    assert room.stage.texts[2:6] == [
        "先看第一样东西。",
        "先看第一样东西。",
        "再看第二样。",
        "这是一款绿茶。",
    ]
    kinds = [c.kind for _, c in room.stage.shown]
    assert kinds.count(CueKind.SLATE) == 2, "a new stage is told the wished state"


def test_a_killed_stage_in_an_answer_makes_the_answer_go_on():
    async def main():
        async with show() as room:
            room.chat(comment("多少钱"))
            await until(lambda: room.stage.texts[-1:] == ["还有问题吗。"])
            await asyncio.sleep(0.2)
            room.stage.die()
            await asyncio.sleep(1)
            room.stage.be_born()
            at = len(room.stage.air)
            await until(lambda: len(room.stage.air) > at + 1)
            return room.stage.texts, at

    texts, at = run(main())
    assert texts.count("答多少钱。") == 1
    assert texts[at] == "还有问题吗。"


@pytest.mark.parametrize("moment", [0.1, 0.9, 1.4, 1.7, 2.0, 2.31, 2.6, 3.5, 5.2, 7.7])
def test_killing_the_stage_at_any_moment_loses_and_repeats_no_heard_sentence(moment):
    async def main():
        async with show() as room:
            await asyncio.sleep(moment)
            room.stage.die()
            await asyncio.sleep(0.5)
            room.stage.be_born()
            await asyncio.sleep(15)
            return room.stage.air

    air = run(main())
    assert [s.text for s in air if s.interrupted is False][:5] == ALL[:5]


def test_nothing_is_sent_before_it_is_on_disk():
    async def main():
        async with show() as room:
            disk, loop = [], asyncio.get_running_loop()

            async def safe():
                assert room.notes.states
                await asyncio.sleep(0.05)
                disk.append((loop.time(), dict(room.notes.states)))

            room.notes.safe = safe
            await until(lambda: len(room.stage.air) > 5)
            return room.stage, disk

    stage, disk = run(main())
    for sounded in stage.air:
        key = sounded.utterance, sounded.sentence
        on_disk = min(at for at, states in disk if states.get(key, ("",))[0] == "sent")
        assert on_disk <= sounded.at
    gaps = [stage.silence_before(n) for n in range(1, len(stage.air))]
    assert max(gaps) <= 0.08, "it is done before the sentence on air has ended"


def test_a_cut_while_the_disk_is_waited_for_leaves_nothing_to_be_confirmed():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            disk = asyncio.Event()
            room.notes.safe = disk.wait
            await until(lambda: ("sent", "先看第一样东西。") in room.notes.states.values())
            room.speaker.cut(resume=False)
            await asyncio.sleep(0.3)
            unsettled = room.speaker.on_air.unsettled
            disk.set()
            await until(lambda: "先看第一样东西。" in room.stage.texts)
            return unsettled, room.notes.states

    unsettled, states = run(main())
    assert not unsettled
    assert "lost" in [state for state, _ in states.values()], "the one that was never sent"


def test_what_a_lost_stage_did_not_report_is_unfinished_no_more():
    async def main():
        async with show() as room:
            room.chat(comment("多少钱"))
            await until(lambda: "答多少钱。" in room.stage.texts)
            room.stage.die()
            await asyncio.sleep(1)
            room.stage.be_born()
            await until(lambda: room.stage.texts.count("还有问题吗。") == 1, 60)
            return room.notes, room.notes.kept["owed"]

    notes, owed = run(main())
    lost = [text for state, text in notes.states.values() if state == "lost"]
    assert "答多少钱。" in lost, "it is said again by another utterance"
    assert not owed, "it is on its way"


def test_pause_holds_after_the_sentence_and_resume_goes_on():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["今天有两样东西。"])
            room.speaker.pause(True)
            await asyncio.sleep(60)
            held = list(room.stage.texts)
            room.speaker.pause(False)
            await until(lambda: len(room.stage.air) > 3)
            return held, room.stage.texts, room.stage.air[1].interrupted

    held, texts, interrupted = run(main())
    assert held == ALL[:2] and interrupted is False
    assert texts[:4] == ALL[:4]


def test_cues_come_with_their_sentences():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["这是一款绿茶。"])
            room.chat(comment("cup多少钱", "小明"))
            await until(lambda: "这是一个杯子。" in room.stage.texts)
            await asyncio.sleep(3)
            return room.stage

    stage = run(main())
    sounded = {s.text: s.at for s in stage.air}
    cards = [(at, c.data["name"]) for at, c in stage.shown if c.kind == "product" and c.data]
    assert cards == [
        (sounded["这是一款绿茶。"], "tea"),
        (sounded["答cup多少钱。"], "cup"),
        (sounded["产地在山里。"], "tea"),
        (sounded["这是一个杯子。"], "cup"),
    ]
    asked = [(at, c.data) for at, c in stage.shown if c.kind == "question" and at > 0.5]
    assert asked == [
        (sounded["答cup多少钱。"], {"nickname": "小明", "text": "cup多少钱"}),
        (sounded["产地在山里。"], {}),
    ]


def test_the_gate_replaces_and_it_is_noted():
    async def main():
        async with show() as room:
            room.words.stopped["欢迎大家来到这里。"] = "x"
            await until(lambda: len(room.stage.air) > 2)
            return room

    room = run(main())
    assert room.stage.texts[:2] == ["看商品卡。", "今天有两样东西。"]
    gate = [what for kind, what in room.notes.audits if kind == "gate"]
    assert gate[0]["rule"] == "rule"


def test_a_broken_voice_costs_its_sentence_and_nothing_else():
    async def main():
        async with show() as room:
            room.voice.broken["先看第一样东西。"] = BackendBroken("no")
            await until(lambda: "这是一款绿茶。" in room.stage.texts)
            return room

    room = run(main())
    assert room.stage.texts[:2] == ALL[:2]
    assert "failed" in room.notes.ends.values() and room.speaker.failures == 1


def test_empty_and_not_a_number_audio_is_silence():
    rundown = (segment("a", None, "空的声音。", "坏的声音。", "好的声音。"),)

    async def main():
        async with show(rundown=rundown) as room:
            import numpy as np

            tone = room.voice

            class Bad:
                async def __call__(self, text, emotion):
                    async for chunk in tone(text, emotion):
                        if text == "坏的声音。":
                            chunk.pcm[:] = np.nan
                        if text != "空的声音。":
                            yield chunk

            room.speaker._speak = Bad()
            await until(lambda: len(room.stage.air) > 6)
            return room.stage

    stage = run(main())
    assert stage.texts[:3] == ["空的声音。", "坏的声音。", "好的声音。"]


def test_a_line_without_words_is_passed_over():
    rundown = (segment("a", None, "", "有话说。"), segment("b", None, "再见。"))

    async def main():
        async with show(rundown=rundown) as room:
            await until(lambda: len(room.stage.air) > 4)
            return room.stage.texts

    assert run(main())[:4] == ["有话说。", "再见。", "有话说。", "再见。"]


def test_the_cursor_is_the_sentence_not_yet_heard():
    async def main():
        async with show() as room:
            await until(lambda: room.stage.texts[-1:] == ["再看第二样。"])
            await asyncio.sleep(0.2)
            return room.notes.cursors

    cursors = run(main())
    seen = list(dict.fromkeys(cursors))
    assert seen == [
        Place("open", 0, 0),
        Place("open", 1, 0),
        Place("open", 1, 1),
        Place("open", 1, 2),
    ]


def test_rundown_of_one_short_line_does_not_spin():
    async def main():
        async with show(rundown=(segment("a", None, "嗯。"),)) as room:
            await asyncio.sleep(60)
            return len(room.stage.air)

    assert 60 / 0.9 < run(main()) < 60 / 0.7


def test_an_utterance_that_is_never_ready_is_bridged_by_the_script_for_ever():
    async def main():
        async with show() as room:
            room.words.reply_seconds = 1e6
            room.chat(comment("多少钱"))
            await asyncio.sleep(60)
            return room.stage.texts

    texts = run(main())
    assert len(texts) > 10 and texts[:10] == (ALL * 2)[:10]
