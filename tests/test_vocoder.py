"""The vocoder's signals, and the shipped network against the published decoder."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime import RunOptions

from livehost.brain.voice.kokoro import Kokoro
from livehost.brain.voice.kokoro_model import Encoder, Live, Studio
from livehost.brain.voice.prosody import SEMITONE, STYLES, Style, blended, shaped
from livehost.brain.voice.say import default_room
from livehost.brain.voice.speech import Sentence
from livehost.brain.voice.vocoder import (
    HOP,
    SAMPLE_RATE,
    TICK,
    inputs,
    istft,
    noise,
    pulses,
    stft,
)
from livehost.errors import ConfigError
from livehost.vocoder.measure import contrast, distance
from livehost.vocoder.texts import sentences


def test_pulses_have_the_pitch_unit_power_and_every_harmonic():
    pitch = np.full(160, 200.0, np.float32)
    wave = pulses(pitch)
    assert len(wave) == 160 * TICK
    assert np.mean(wave[TICK:-TICK] ** 2) == pytest.approx(1.0, rel=0.05)
    spectrum = np.abs(np.fft.rfft(wave[:24_000] * np.hanning(24_000)))
    peaks = spectrum[200:11_400:200]
    assert peaks.min() > 0.9 * peaks.max(), "flat"
    assert spectrum[300:11_400:200].max() < 0.01 * peaks.max(), "nothing in between"


def test_pulses_are_silent_without_pitch_and_in_phase_when_the_pitch_glides():
    pitch = np.concatenate([np.zeros(40), np.linspace(180, 300, 80), np.zeros(40)])
    wave = pulses(pitch.astype(np.float32))
    assert not wave[: 39 * TICK].any() and not wave[121 * TICK :].any()
    inside = wave[42 * TICK : 118 * TICK]
    middle = inside[1:-1]
    top = (middle > inside[:-2]) & (middle >= inside[2:]) & (middle > 0.4 * inside.max())
    peaks = np.flatnonzero(top)
    gaps = np.diff(peaks)
    assert gaps.max() <= SAMPLE_RATE / 170 and gaps.min() >= SAMPLE_RATE / 310


@given(st.integers(0, 50_000), st.integers(1, 9_000), st.integers(0, 9_000))
def test_noise_is_one_sequence_wherever_it_is_read(first, count, into):
    whole = noise(first, count + into)
    assert np.array_equal(whole[into:], noise(first + into, count))


def test_noise_is_white():
    hiss = noise(0, 240_000)
    assert abs(hiss.mean()) < 0.01 and hiss.std() == pytest.approx(1.0, abs=0.01)
    power = np.abs(np.fft.rfft(hiss.reshape(-1, 1_000), axis=1)) ** 2
    assert power[:, 5:-5].mean(axis=0).std() / power.mean() < 0.15


def test_the_inverse_stft_gives_the_samples_back():
    wave = np.random.default_rng(1).standard_normal(80 * TICK).astype(np.float32)
    back = istft(stft(wave))
    assert len(stft(wave)) == len(wave) // HOP
    assert np.allclose(back[600:-600], wave[600:-600], atol=1e-4)


def test_inputs_hold_pitch_as_a_logarithm_and_a_flag():
    seen = inputs(np.ones((512, 3)), np.array([0.0, 100.0, 400.0]), np.array([-9.0, 5.0, 5.0]))
    assert seen.shape == (515, 3) and seen.dtype == np.float32
    assert seen[513].tolist() == [0, 1, 1]
    assert seen[512, 0] == 0 and seen[512, 2] > seen[512, 1] > 0


# --- manner ---------------------------------------------------------------------------------------

PITCH = np.concatenate([np.zeros(20), np.linspace(180, 240, 100), np.zeros(20)])[None]
ENERGY = np.concatenate([np.full(20, -9.0), np.full(100, 6.0), np.full(20, -9.0)])[None]


def semitones(pitch):
    return np.log(pitch[0, 20:120] / PITCH[0, 20:120]) / SEMITONE


def test_a_neutral_style_changes_nothing():
    pitch, energy = shaped(PITCH, ENERGY, STYLES["neutral"])
    assert np.allclose(pitch, PITCH) and np.allclose(energy, ENERGY)


def test_a_style_moves_pitch_melody_and_effort_where_there_is_speech():
    pitch, energy = shaped(PITCH, ENERGY, Style(pitch=2.0, melody=1.2, energy=0.5))
    assert semitones(pitch).mean() == pytest.approx(2.0, abs=0.05)
    assert np.ptp(np.log(pitch[0, 20:120])) > 1.15 * np.ptp(np.log(PITCH[0, 20:120]))
    assert np.allclose(energy[0, 20:120], 6.5) and np.allclose(energy[0, :20], -9.0)
    assert not pitch[0, :20].any() and not pitch[0, 120:].any()


def test_an_emphasised_word_is_lifted_and_its_neighbours_are_not():
    pitch, energy = shaped(PITCH, ENERGY, Style(), [(60, 80)])
    lift = semitones(pitch)
    assert lift[45:55].min() > 1.0 and abs(lift[:30]).max() < 0.01 and abs(lift[70:]).max() < 0.01
    assert energy[0, 70] > 6.2 and energy[0, 30] == pytest.approx(6.0)


def test_a_question_rises_at_its_end():
    lift = semitones(shaped(PITCH, ENERGY, Style(), question=True)[0])
    assert abs(lift[:60]).max() < 0.01 and 1.8 < lift[-1] < 2.1 and (np.diff(lift) >= -1e-3).all()


def test_pitch_never_leaves_what_the_vocoder_knows():
    pitch, _ = shaped(PITCH, ENERGY, Style(pitch=9.0), [(0, 140)], question=True)
    assert abs(semitones(pitch)).max() <= 4.01
    silence = shaped(np.zeros((1, 20)), np.full((1, 20), -9.0), Style(pitch=3.0))
    assert not silence[0].any()


def test_a_blend_keeps_the_sound_and_mixes_the_manner():
    one, other = np.zeros(256, np.float32), np.ones(256, np.float32)
    mixed = blended(one, other, 0.25)
    assert not mixed[:128].any() and np.allclose(mixed[128:], 0.25)
    assert blended(one, None, 0.5) is one


def test_half_an_expression_is_half_of_everything():
    style = STYLES["excited"].scaled(0.5)
    assert style.pitch == STYLES["excited"].pitch / 2
    assert style.like[1] == pytest.approx(STYLES["excited"].like[1] / 2)
    assert STYLES["excited"].scaled(0.0) == Style(like=("lively", 0.0))


def test_training_sentences_are_the_same_for_the_same_seed_and_never_end():
    first, again, other = (list(islice(sentences(seed), 200)) for seed in (1, 1, 2))
    assert first == again and first != other
    assert len(set(first)) > 150 and all("{" not in text for text in first)


# --- the shipped network --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clause():
    """Prosody of a clause, with the room it is spoken in."""
    room = default_room()
    voice = Kokoro(room)
    symbols = "xwa→njiŋ↗ ta↘ʨja→ lai↗ tau↘ ʈʂɨ↗pwo→ʨjɛ→n, ʨjɛ→n".replace("ʈʂ", "ꭧ").replace(
        "iŋ", "i→ŋ"
    )
    from livehost.brain.voice.g2p import vocabulary

    ids = [vocabulary()[symbol] for symbol in symbols if symbol in vocabulary()]
    prosody = Encoder(room.cache_dir).encode(ids, voice._vector[len(ids) - 1], 1.0)
    return room, voice, prosody, prosody.sounding(5, 8)


@pytest.mark.real
def test_the_live_voice_says_what_the_published_decoder_says(clause):
    room, voice, prosody, span = clause
    assert voice._vocoder, "the shipped voice has a vocoder"
    theirs = Studio(room.cache_dir).begin(prosody, span)(span).astype(np.float64)
    ours = Live(room.cache_dir, voice._vocoder).begin(prosody, span)(span).astype(np.float64)
    assert len(ours) == len(theirs) == (span[1] - span[0]) * TICK
    far = distance(theirs, ours)
    assert far.log_mel_db < 4.0 and abs(far.level_db) < 1.5 and far.snr_db > 3
    pitch = prosody.pitch[0, span[0] : span[1]]
    low, middle = (
        10 * np.log10(power[:, 0] / power[:, 1])
        for power in (contrast(ours, pitch)[:2], contrast(theirs, pitch)[:2])
    )
    assert np.abs(low - middle).max() < 5, "harmonics are neither lost nor made up"


@pytest.mark.real
def test_a_clause_sounds_the_same_however_it_is_cut_and_again(clause):
    room, voice, prosody, span = clause
    live = Live(room.cache_dir, voice._vocoder)
    whole = live.begin(prosody, span)(span)
    again = live.begin(prosody, span)
    cuts = [span[0], span[0] + 10, span[0] + 44, span[1]]
    parts = np.concatenate([again((low, high)) for low, high in pairwise(cuts)])
    assert np.abs(parts - whole).max() < 1e-5


@pytest.mark.real
def test_a_damaged_vocoder_is_refused(tmp_path):
    room = default_room()
    folder = room.near(room.avatar.path)
    voice = tmp_path / "voice"
    voice.mkdir()
    for name in ("zf_xiaoxiao.bin", "zf_xiaoxiao.onnx"):
        (voice / name).write_bytes((folder / "voice" / name).read_bytes())
    (voice / "zf_xiaoxiao.onnx").write_bytes(b"no model")
    named = room.voice.model_copy(update={"name": str(voice / "zf_xiaoxiao.bin")})
    with pytest.raises(ConfigError, match="sha256"):
        Kokoro(room.model_copy(update={"voice": named}))


def _planned(voice, text, emotion):
    """Return (mean pitch in Hz, seconds) of a sentence."""
    [stretch] = voice._plan(Sentence(text, emotion), RunOptions())
    low, high = stretch.span
    pitch = stretch.prosody.pitch[0, low:high]
    return float(pitch[pitch > 10].mean()), (high - low) / 80


@pytest.mark.real
def test_emotions_are_heard_in_pitch_and_speed_and_can_be_turned_off():
    room = default_room()
    voice = Kokoro(room)
    text = "今天给大家带来一款好用的杯子。"
    neutral, excited, sorry = (
        _planned(voice, text, e) for e in ("neutral", "excited", "apologetic")
    )
    assert excited[0] > neutral[0] * 1.03 > sorry[0]
    assert excited[1] < neutral[1] < sorry[1]
    assert voice.key(Sentence(text, "excited")) != voice.key(Sentence(text))
    flat = room.voice.model_copy(update={"expression": 0.0})
    plain = Kokoro(room.model_copy(update={"voice": flat}))
    assert _planned(plain, text, "excited") == pytest.approx(_planned(plain, text, "neutral"))
    for each in (voice, plain):
        each.close()


@pytest.mark.real
def test_the_studio_quality_is_the_published_decoder():
    room = default_room()
    studio = Kokoro(
        room.model_copy(update={"voice": room.voice.model_copy(update={"quality": "studio"})})
    )
    live = Kokoro(room)
    assert studio._vocoder is None and live._vocoder
    assert studio.key(Sentence("好。")) != live.key(Sentence("好。"))
