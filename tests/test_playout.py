"""Playout is sample-exact: what went in is what was heard, cut or not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from livehost.stage.cues import Cues
from livehost.stage.playout import AHEAD_SAMPLES, FADE_SAMPLES, Playout
from livehost.wire import Cue, CueKind, Speech


def speech(utterance, sentence, pcm, last=False):
    return Speech(
        utterance, sentence, np.asarray(pcm, np.int16), last, text=f"{utterance}.{sentence}"
    )


PIECES = st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=4), min_size=1, max_size=5)


@given(PIECES, st.integers(1, 700))
def test_every_sample_is_heard_once_and_in_order(sentences, tick):
    playout, sent, value = Playout(), [], 0
    for n, sizes in enumerate(sentences):
        for m, size in enumerate(sizes):
            pcm = np.arange(value + 1, value + size + 1)
            value += size
            sent.append(pcm)
            playout.push(speech(1, n, pcm, last=m == len(sizes) - 1))
    everything = np.concatenate(sent)
    out, started, heard = [], [], []
    for _ in range(len(everything) // tick + 2):
        pulled = playout.pull(tick)
        assert len(pulled.pcm) == tick
        out.append(pulled.pcm)
        started += pulled.started
        heard += pulled.heard
    played = np.round(np.concatenate(out) * 32768).astype(int)
    assert np.array_equal(played[: len(everything)], everything)
    assert not played[len(everything) :].any()
    assert started == [(1, n) for n in range(len(sentences))]
    assert [(h.samples, h.total) for h in heard] == [(sum(s), sum(s)) for s in sentences]
    assert playout.queued == 0 and playout.taken == len(everything)


def test_spoken_tells_where_in_the_sentence_the_tick_begins():
    playout = Playout()
    playout.push(speech(1, 0, np.ones(250), last=True))
    playout.push(speech(1, 1, np.ones(500), last=True))
    starts = [(p.spoken.sentence, p.spoken.start) for p in (playout.pull(100) for _ in range(5))]
    assert starts == [(0, 0), (0, 100), (1, -50), (1, 50), (1, 150)]


def test_late_speech_is_silence_and_then_goes_on_where_it_was():
    playout = Playout()
    playout.push(speech(1, 0, np.full(150, 9)))
    first, second, third = (playout.pull(100) for _ in range(3))
    assert not first.starved and second.starved and third.starved
    assert third.spoken.start == 150
    playout.push(speech(1, 0, np.full(150, 9), last=True))
    resumed = playout.pull(100)
    assert resumed.spoken.start == 150 and not resumed.starved and resumed.pcm.all()


def test_cut_fades_out_and_reports_what_was_really_heard():
    playout = Playout()
    playout.push(speech(1, 0, np.full(48_000, 1000)))
    playout.push(speech(2, 0, np.full(100, 1000), last=True))
    playout.pull(1920)
    playout.cut()
    pulled = playout.pull(1920)
    assert pulled.pcm[0] > pulled.pcm[FADE_SAMPLES // 2] > 0
    assert not pulled.pcm[FADE_SAMPLES:].any()
    assert [(h.utterance, h.samples, h.interrupted) for h in pulled.heard] == [
        (1, 1920 + FADE_SAMPLES, True),
        (2, 0, True),
    ]
    playout.push(speech(1, 0, np.full(100, 1000), last=True))
    assert not playout.pull(1920).pcm.any()
    assert playout.refused == 1 and playout.queued == 0


def test_what_is_said_after_a_cut_is_not_cut():
    playout = Playout()
    playout.push(speech(1, 0, np.full(4800, 1000)))
    playout.pull(1920)
    playout.cut()
    playout.push(speech(1, 0, np.full(4800, 1000), last=True))
    playout.push(speech(2, 0, np.full(500, 7), last=True))
    assert [h.utterance for h in playout.pull(1920).heard] == [1]
    after = playout.pull(1920)
    assert after.started == ((2, 0),) and (after.pcm > 0).sum() == 500
    assert playout.refused == 1


def test_a_cut_of_nothing_does_nothing():
    playout = Playout()
    playout.cut()
    assert playout.pull(100).heard == ()


def test_pause_ends_the_sentence_and_holds_the_next():
    playout = Playout()
    playout.push(speech(1, 0, np.ones(150), last=True))
    playout.push(speech(1, 1, np.ones(150), last=True))
    playout.pull(100)
    playout.paused = True
    assert playout.pull(100).heard
    assert not playout.pull(100).pcm.any()
    playout.paused = False
    assert playout.pull(100).pcm.all()


def test_an_empty_sentence_is_heard_at_once():
    playout = Playout()
    playout.push(speech(1, 0, [], last=True))
    pulled = playout.pull(100)
    assert [(h.samples, h.interrupted) for h in pulled.heard] == [(0, False)]


def test_a_sender_without_manners_cannot_fill_the_memory():
    playout = Playout(most_samples=1000)
    for _ in range(50):
        playout.push(speech(1, 0, np.ones(100)))
    assert playout.queued == 1000 and playout.refused == 40


def test_cues_fire_with_their_sentence_or_when_it_is_cut():
    cues = Cues()
    now, later, passed = (Cue(CueKind.NOTICE, {"text": t}) for t in "abc")
    bound = Cue(CueKind.QUESTION, {}, 5, 1)
    cues.add(now)
    cues.add(bound)
    assert cues.take() == (now,)
    cues.passed([(5, 0)])
    assert cues.take() == ()
    cues.passed([(5, 1)])
    assert cues.take() == (bound,)
    late = Cue(CueKind.QUESTION, {}, 5, 1)
    cues.add(late)
    assert cues.take() == (late,)
    assert later != passed


def test_a_soft_cut_ends_in_the_next_pause():
    playout = Playout()
    loud, quiet = np.full(24_000, 3000), np.zeros(9_600)
    playout.push(speech(1, 0, np.concatenate([loud, quiet, loud, loud]), last=True))
    playout.push(speech(2, 0, loud, last=True))
    playout.pull(1_920)
    playout.cut(within=48_000)
    pulls = [playout.pull(1_920) for _ in range(40)]
    heard = [h for p in pulls for h in p.heard]
    assert [(h.utterance, h.interrupted) for h in heard] == [(1, True), (2, True)]
    assert 24_000 <= heard[0].samples <= 24_000 + 3_360 and heard[1].samples == 0
    assert np.abs(np.concatenate([p.pcm for p in pulls])).sum() > 0
    assert playout.queued == 0 and playout.on_air is None


def test_a_soft_cut_lets_a_sentence_end_that_is_nearly_over():
    playout = Playout()
    playout.push(speech(1, 0, np.full(24_000, 3000), last=True))
    playout.push(speech(2, 0, np.full(24_000, 3000), last=True))
    playout.pull(1_920)
    playout.cut(within=20_000)
    heard = [h for _ in range(15) for h in playout.pull(1_920).heard]
    assert [(h.utterance, h.samples, h.interrupted) for h in heard] == [
        (1, 24_000, False),
        (2, 0, True),
    ]


def test_a_soft_cut_does_not_wait_for_speech_that_never_comes():
    playout = Playout()
    playout.push(speech(1, 0, np.full(9_600, 3000)))
    playout.pull(1_920)
    playout.cut(within=480_000)
    heard = [h for _ in range(6) for h in playout.pull(1_920).heard]
    assert [(h.samples <= 9_600, h.interrupted) for h in heard] == [(True, True)]
    assert playout.on_air is None


def test_a_hard_cut_goes_before_a_soft_one():
    playout = Playout()
    playout.push(speech(1, 0, np.full(96_000, 3000), last=True))
    playout.pull(1_920)
    playout.cut(within=48_000)
    playout.cut()
    assert [h.interrupted for h in playout.pull(1_920).heard] == [True]


@given(PIECES, st.integers(1, 700))
def test_what_lies_ahead_is_what_sounds_next(sentences, tick):
    playout = Playout()
    for n, sizes in enumerate(sentences):
        for m, size in enumerate(sizes):
            pcm = np.random.default_rng(n * 10 + m).integers(-9_000, 9_000, size)
            playout.push(speech(1, n, pcm, last=m == len(sizes) - 1))
    pulls = [playout.pull(tick) for _ in range(playout.queued // tick + AHEAD_SAMPLES // tick + 3)]
    air = np.concatenate([pulled.pcm for pulled in pulls])
    for n, pulled in enumerate(pulls):
        if pulled.spoken:
            following = air[(n + 1) * tick :][:AHEAD_SAMPLES]
            assert np.array_equal(pulled.spoken.ahead[: len(following)], following)
            assert len(pulled.spoken.ahead) == AHEAD_SAMPLES


def test_what_has_not_arrived_is_not_ahead():
    playout = Playout()
    playout.push(speech(1, 0, np.ones(1_000)))
    assert len(playout.pull(400).spoken.ahead) == 600
    playout.push(speech(1, 0, np.ones(300), last=True))
    assert len(playout.pull(400).spoken.ahead) == AHEAD_SAMPLES


def test_after_a_cut_silence_is_ahead():
    playout = Playout()
    playout.push(speech(1, 0, np.full(50_000, 8_000), last=True))
    playout.pull(1_920)
    playout.cut()
    ahead = playout.pull(1_920).spoken.ahead
    assert len(ahead) == AHEAD_SAMPLES and not ahead.any()


def test_a_paused_queue_keeps_the_next_sentence_back():
    playout = Playout()
    playout.push(speech(1, 0, np.ones(500), last=True))
    playout.push(speech(1, 1, np.ones(9_000), last=True))
    playout.pull(400)
    playout.paused = True
    ahead = playout.pull(50).spoken.ahead
    assert np.count_nonzero(ahead) == 50 and len(ahead) == AHEAD_SAMPLES
