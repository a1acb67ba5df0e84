"""Making the mouth that follows sound: clips, labels, what is heard, what is measured."""

from dataclasses import fields
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from livehost.lipsync import augment, conditions, measure
from livehost.lipsync.data import Clip, folder, load, save, texts
from livehost.lipsync.labels import RATE, Labeller, reference
from livehost.media import SHAPE, Phone
from livehost.stage.drive import mel
from livehost.stage.drive.loudness import LoudnessMouth
from livehost.stage.drive.timings import GROUP_OF, GROUPS

CLIP = load(Path(__file__).parent / "speech" / "zm_yunxi.npz")
AVATAR = reference()
LABELLER = Labeller(AVATAR)
LABELS = LABELLER.label(CLIP)


def random(seed=0):
    return np.random.default_rng(seed)


# --- clips --------------------------------------------------------------------------------------


def test_a_clip_is_kept_as_it_was(tmp_path):
    save(CLIP, tmp_path / "a.npz")
    save(CLIP, tmp_path / "b.tmp.npz")
    (again,) = folder(tmp_path)
    assert again.phones == CLIP.phones and again.voice == CLIP.voice == "zm_yunxi"
    assert np.allclose(again.pcm, CLIP.pcm, atol=1e-4)
    assert np.allclose(again.energy, CLIP.energy, atol=0.01)


@pytest.mark.parametrize(("voice", "han"), [("zf_x", True), ("af_x", False)])
def test_voices_read_their_own_language(voice, han):
    said = ["".join(part.text for part in clause) for clause in islice(texts(voice, 3), 30)]
    tones = sum(any(mark in text for mark in "→↗↓↘") for text in said)
    assert (tones > 15) if han else (tones == 0)


def test_texts_are_the_same_for_the_same_seed():
    assert list(islice(texts("zf_x", 3), 5)) == list(islice(texts("zf_x", 3), 5))
    assert list(islice(texts("zf_x", 3), 5)) != list(islice(texts("zf_x", 4), 5))


# --- labels -------------------------------------------------------------------------------------


def test_shares_of_visemes_make_up_the_curve():
    targets = np.stack([AVATAR.visemes[name] for name in LABELLER.visemes])
    made = np.einsum("tsv,vs->ts", LABELS.shares[:, GROUP_OF], targets)
    for name in ("mouthPressLeft", "mouthFunnel", "mouthSmileLeft", "mouthRollLower"):
        assert np.allclose(made[:, SHAPE[name]], LABELS.shapes[:, SHAPE[name]], atol=0.02)
    assert LABELLER.visemes[0] == "sil" and np.allclose(LABELS.shares.sum(2), 1, atol=1e-5)


def test_labels_begin_and_end_at_rest():
    press = GROUPS.index("press")
    assert LABELS.shares[0, press, 0] > 0.9 and LABELS.shares[-1, press, 0] > 0.9
    assert len(LABELS.brow) == int(CLIP.seconds * RATE) + 1


def test_brows_rise_where_pitch_and_effort_do():
    ticks = 240
    pitch, energy = np.full(ticks, 200.0), np.full(ticks, 4.0)
    pitch[80:100], energy[80:100] = 300, 6
    clip = Clip("x", np.zeros(ticks * 300, np.float32), CLIP.phones, pitch, energy)
    brow = LABELLER.label(clip).brow
    assert abs(brow.argmax() / RATE - 90 / 80) < 0.1
    assert brow.max() > 0.9 and brow[:20].max() < 0.1


def test_eyelids_tend_to_fall_where_a_phrase_ends():
    said = (Phone("a", 0, 60_000), Phone("sil", 60_000, 84_000), Phone("a", 84_000, 96_000))
    clip = Clip("x", np.zeros(48_000, np.float32), said, CLIP.pitch, CLIP.energy)
    blink = np.flatnonzero(LABELLER.label(clip).blink) / RATE
    assert blink.min() == pytest.approx(1.25, abs=0.03) and blink.max() < 1.5


# --- what is heard ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(12))
def test_examples_are_in_step_and_in_range(seed):
    heard = augment.example(CLIP, LABELS, [CLIP], random(seed))
    count = len(heard.labels.brow)
    assert heard.frames.shape == (2 * count, mel.BANDS) and np.isfinite(heard.frames).all()
    assert heard.frames.min() >= mel.SILENT - 1e-3
    for field in fields(heard.labels):
        values = getattr(heard.labels, field.name)
        assert len(values) == count and values.min() >= 0 and values.max() <= 1.001


def test_labels_keep_step_with_speech_that_is_played_faster(monkeypatch):
    """Loud where the jaw is open, whatever the pace."""
    plain = augment.plain(augment.at_level(CLIP), LABELS)

    def agree(heard):
        loud = heard.frames[::2].max(1)
        jaw = heard.labels.shapes[:, SHAPE["jawOpen"]]
        return np.corrcoef(loud, jaw)[0, 1]

    usual = agree(plain)
    for seed in range(4):
        sound, labels = augment.paced(CLIP, LABELS, random(seed))
        assert agree(augment.plain(sound, labels)) == pytest.approx(usual, abs=0.06)


def test_some_examples_hold_no_speech():
    mute = [
        heard.labels.shares[:, :, 0].min() == 1
        for heard in (augment.example(CLIP, LABELS, [CLIP], random(n)) for n in range(40))
    ]
    assert 1 <= sum(mute) <= 12


@pytest.mark.parametrize("make", [augment.coloured, augment.tones, augment.chords])
def test_backgrounds_last_as_long_as_asked_for(make):
    sound = make(12_345, random(1))
    assert len(sound) == 12_345 and np.isfinite(sound).all() and sound.std() > 0


# --- what is measured ---------------------------------------------------------------------------


def judged(mouth_of):
    judge = measure.Judge(AVATAR)
    said = [judge.prepare(CLIP, augment.at_level(CLIP))]
    return judge.judge(said, [mouth_of(said[0])])


def test_a_mouth_that_knows_the_phones_is_without_fault():
    told = judged(lambda said: said.truth)
    assert told["jaw_correlation"] == 1 and told["closed_on_bilabials"] == 1
    assert told["closed_in_open_vowels"] == 0 and abs(told["lag_ms"]) < 5
    assert set(told["error"].values()) == {0.0}


def test_a_late_mouth_is_found_late():
    told = judged(lambda said: np.concatenate([said.truth[:1]] * 2 + [said.truth])[:-2])
    assert told["lag_ms"] == pytest.approx(80, abs=10)


def test_a_shut_mouth_is_found_to_say_nothing():
    told = judged(lambda said: said.truth * 0)
    assert told["jaw_correlation"] == 0 and told["movement"] == 0
    assert told["closed_in_open_vowels"] == 1 and told["error"]["jaw"] > 0.02


def test_mouths_are_judged_tick_by_tick():
    sound = augment.at_level(CLIP)
    shapes = measure.followed(LoudnessMouth(AVATAR.visemes), sound)
    assert shapes.shape == (len(sound) // measure.TICK, 53)


def test_conditions_repeat():
    first, again = (dict(conditions.hard([CLIP])) for _ in range(2))
    assert list(first) == list(again)
    for name, heard in first.items():
        assert np.array_equal(heard[0][1], again[name][0][1])
        assert np.isfinite(heard[0][1]).all()
    assert all(len(sound) == 20 * 48_000 for _, sound in conditions.speechless())


# --- training -----------------------------------------------------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_an_answer_depends_on_its_own_frames_alone(torch):
    from livehost.lipsync.network import Network
    from livehost.stage.drive.hearing import FUTURE, PAST

    network = Network(18).eval()
    heard = torch.randn(1, mel.BANDS + 1, PAST + FUTURE + 2 * 4 - 1)
    shares, _ = network(heard)
    assert shares.shape == (1, 4, len(GROUPS), 18)
    alone, _ = network(heard[:, :, 4 : 4 + PAST + FUTURE + 1])
    assert torch.allclose(shares[:, 2:3], alone, atol=1e-5)


def test_the_judge_finds_nothing_wrong_with_the_labels(torch):
    from livehost.lipsync.network import Judge

    targets = np.stack([AVATAR.visemes[name] for name in LABELLER.visemes])
    judge = Judge(torch.from_numpy(targets), [])
    shares = torch.from_numpy(LABELS.shares)[None]
    shapes = judge.shapes(shares, torch.ones(1, len(LABELS.brow), 1))
    index = SHAPE["mouthFunnel"]
    assert np.allclose(shapes[0, :, index], LABELS.shapes[:, index], atol=0.02)


def test_stretches_lack_what_was_cut_off(torch):
    from livehost.lipsync import train

    heard = augment.plain(augment.at_level(CLIP), LABELS)
    drawn = train.batch([heard], random(2))
    known = drawn.heard[:, -1].numpy()
    assert drawn.shapes.shape == (train.BATCH, train.MOMENTS, 53)
    assert np.isin(known, (0, 1)).all() and 0.2 < known[:, -1].mean() < 0.8
    assert (drawn.heard[:, :-1].numpy()[np.repeat(known[:, None] == 0, mel.BANDS, 1)] == 0).all()
