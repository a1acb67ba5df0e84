"""The sound on air: no clicks, no overs, music that steps back for a voice, bad voices counted."""

import wave

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from livehost.config import Audio, Scene
from livehost.stage import music
from livehost.stage.sound import CEILING, RELEASED_DB, Duck, Limiter, Loop, Mixer, _joined

RATE = 48_000
TICK = 1920


@pytest.fixture(scope="module", autouse=True)
def one_loop():
    """Render the built-in music once for all tests of this file."""
    made = music.loop()
    patch = pytest.MonkeyPatch()
    patch.setattr(music, "loop", lambda: made)
    yield made
    patch.undo()


@pytest.fixture(scope="module")
def shared(one_loop):
    return mixer()


def mixer(folder=None, **scene):
    return Mixer(Audio(), Scene(**scene), lambda path: folder / path if folder else path)


def tone(seconds, hertz=220.0, level=0.3):
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(
        np.float32
    )


def run(mix, voice, sizes=(TICK,)):
    out, at, turn = [], 0, 0
    while at < len(voice):
        size = min(sizes[turn % len(sizes)], len(voice) - at)
        out.append(mix.mix(size, voice[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate(out)


def level_db(sound):
    return 10 * np.log10(np.mean((sound.astype(float) / 32_768) ** 2) + 1e-12)


def write_wav(path, pcm, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(pcm, "<i2").tobytes())


# --- shape and level ------------------------------------------------------------------------------


def test_each_tick_gives_its_samples_in_stereo():
    mix = mixer()
    for samples in (1920, 1601, 1602, 1, 9600):
        out = mix.mix(samples, np.zeros(samples, np.float32))
        assert out.shape == (samples, 2)
        assert out.dtype == np.int16


def test_silence_is_a_quiet_room_and_not_digital_zero():
    mix = mixer(music_db=-60)
    out = run(mix, np.zeros(10 * RATE, np.float32))
    assert -75 < level_db(out[2 * RATE :]) < -48
    zeros = (out == 0).all(axis=1)
    assert not np.convolve(zeros, np.ones(48), "valid").max() >= 48


def test_the_voice_is_in_the_middle_at_its_own_level():
    voice = tone(2, level=0.25)
    out = run(mixer(music_db=-60), voice).astype(float) / 32_768
    assert np.abs(out - voice[:, None]).max() < 0.02


def test_music_sits_at_its_level_under_speech_and_comes_back_after_it(tmp_path):
    t = np.arange(3 * RATE) / RATE
    write_wav(tmp_path / "a.wav", np.stack([9000 * np.sin(2 * np.pi * 440 * t)] * 2, 1))
    voice = np.concatenate([np.zeros(4 * RATE), tone(8, level=0.2), np.zeros(6 * RATE)])
    with_voice = run(mixer(tmp_path, music="a.wav"), voice.astype(np.float32)).astype(float)
    bed = with_voice - np.rint(voice * 32_767)[:, None]
    under, after = level_db(bed[7 * RATE : 12 * RATE]), level_db(bed[15 * RATE :])
    assert under == pytest.approx(-26, abs=0.5)
    assert after - under == pytest.approx(RELEASED_DB, abs=0.5)


def test_ducking_is_quick_down_slow_up_and_holds_through_short_pauses():
    duck = Duck()
    duck.gains(np.zeros(RATE, np.float32))
    down = duck.gains(tone(0.5))
    full = 10 ** (RELEASED_DB / 20)
    assert down[0] == pytest.approx(full, rel=0.05)
    assert down[int(0.12 * RATE)] < 1.1
    pause = duck.gains(np.zeros(int(0.28 * RATE), np.float32))
    assert pause.max() < 1.01
    up = duck.gains(np.zeros(3 * RATE, np.float32))
    assert up[int(0.2 * RATE)] < 1.4
    assert up[-1] == pytest.approx(full, rel=0.05)


@given(sizes=st.lists(st.integers(1, 4000), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_ducking_gain_has_no_steps_whatever_the_tick_size(sizes):
    duck, voice = Duck(), np.concatenate([np.zeros(3000), tone(0.2), np.zeros(3000)])
    gains, at = [], 0
    for turn in range(200):
        size = sizes[turn % len(sizes)]
        if at + size > len(voice):
            break
        gains.append(duck.gains(voice[at : at + size].astype(np.float32)))
        at += size
    if gains:
        line = np.concatenate(gains)
        assert np.abs(np.diff(line)).max(initial=0) < 0.004
        assert line.min() >= 0.999
        assert line.max() <= 10 ** (RELEASED_DB / 20) + 1e-6


# --- no clicks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(TICK,), (1601, 1602, 1601), (480,)])
def test_tick_borders_leave_no_trace(sizes):
    voice = np.concatenate([np.zeros(RATE), tone(2, level=0.5), np.zeros(RATE)]).astype(np.float32)
    whole = mixer().mix(len(voice), voice).astype(int)
    pieces = run(mixer(), voice, sizes).astype(int)
    borders = np.cumsum([sizes[n % len(sizes)] for n in range(60)])
    borders = borders[borders < len(voice) - 2]
    jumps = np.abs(np.diff(pieces, 2, axis=0)).max(axis=1)
    usual = np.abs(np.diff(whole, 2, axis=0)).max(axis=1)
    for border in borders:
        assert jumps[border - 2 : border + 1].max() <= usual[border - 40 : border + 40].max() + 6


def test_the_loop_has_no_seam(one_loop):
    line = np.concatenate([one_loop[-4800:], one_loop[:4800]]).astype(int)
    bends = np.abs(np.diff(line, 2, axis=0)).max(axis=1)
    assert bends[4790:4805].max() <= bends.max(initial=0)
    assert bends[4790:4805].max() < 400
    assert np.abs(np.diff(line[4799:4801], axis=0)).max() < 1500


def test_a_loop_goes_on_where_it_was():
    pcm = np.arange(40, dtype=np.int16).reshape(20, 2)
    loop = Loop(pcm)
    got = np.concatenate([loop.take(n) for n in (7, 7, 50, 1)]) * 32_768
    assert np.array_equal(got[:, 0], np.resize(pcm[:, 0], 65))


def test_a_music_file_is_joined_end_to_start():
    pcm = np.stack([10_000 * np.sin(np.arange(3 * RATE) / 50.3)] * 2, axis=1).astype(np.int16)
    joined = _joined(pcm)
    twice = np.concatenate([joined, joined]).astype(int)
    at = len(joined)
    assert np.abs(np.diff(twice, axis=0))[at - 3 : at + 3].max() < 450


# --- limiter --------------------------------------------------------------------------------------


@given(
    levels=st.lists(st.floats(0, 8), min_size=1, max_size=12),
    hertz=st.sampled_from([60.0, 440.0, 3000.0, 11_025.0, 23_000.0]),
    size=st.sampled_from([1, 100, 1601, TICK]),
)
@settings(max_examples=40, deadline=None)
def test_nothing_leaves_above_the_ceiling(levels, hertz, size):
    limiter = Limiter()
    for index, level in enumerate(levels):
        t = np.arange(size) + index * size
        sound = np.stack([np.sin(2 * np.pi * hertz * t / RATE)] * 2, axis=1) * level
        assert np.abs(limiter.limit(sound.astype(np.float32))).max() <= CEILING + 1e-6


def test_loud_voice_stays_under_minus_one_db_full_scale():
    voice = np.concatenate([tone(1, 300, 0.9), tone(1, 997, 3.5), tone(1, 300, 0.2)])
    out = run(mixer(), voice)
    assert np.abs(out.astype(int)).max() <= 0.9 * 32_767
    assert mixer().snapshot()["limited_db"] == 0


def test_quiet_sound_passes_the_limiter_untouched():
    sound = np.stack([tone(0.2, 440, 0.5)] * 2, axis=1)
    assert np.array_equal(Limiter().limit(sound), sound)


def test_the_limiter_lets_go_again():
    limiter = Limiter()
    limiter.limit(np.full((TICK, 2), 1.7, np.float32))
    assert limiter.gain < 0.6
    for _ in range(40):
        out = limiter.limit(np.full((TICK, 2), 0.1, np.float32))
    assert np.allclose(out, 0.1, atol=0.001)


# --- bad input ------------------------------------------------------------------------------------


def test_voice_that_is_not_numbers_becomes_silence_and_is_counted(caplog):
    voice = tone(0.04)
    voice[10:20], voice[30], voice[40] = np.nan, np.inf, -np.inf
    mix = mixer()
    out = mix.mix(TICK, voice)
    mix.mix(TICK, np.full(TICK, np.nan, np.float32))
    assert mix.bad_samples == 12 + TICK
    assert mix.snapshot()["bad_voice_samples"] == 12 + TICK
    assert np.abs(out.astype(int)).max() < 0.9 * 32_767
    assert [record.message for record in caplog.records] == [
        "voice holds samples that are not numbers; they become silence"
    ]


@pytest.mark.parametrize("length", [0, 5, 5000])
def test_voice_of_the_wrong_length_is_cut_or_filled_and_counted(length):
    mix = mixer()
    assert mix.mix(TICK, np.full(length, 0.1, np.float32)).shape == (TICK, 2)
    assert mix.bad_blocks == 1


@given(
    voice=st.lists(
        st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=8, max_size=64
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_voice_breaks_the_mixer(shared, voice):
    out = shared.mix(len(voice), np.array(voice, np.float32))
    assert np.abs(out.astype(int)).max() <= 0.9 * 32_767


# --- music ----------------------------------------------------------------------------------------


def test_the_built_in_music_is_a_minute_or_so_and_the_same_every_time(one_loop):
    assert 60 <= len(one_loop) / RATE <= 90
    assert one_loop.dtype == np.int16
    assert 0.5 < np.abs(one_loop.astype(int)).max() / 32_768 < 1
    quarters = [level_db(part) for part in np.array_split(one_loop, 4)]
    assert max(quarters) - min(quarters) < 6
    assert not np.array_equal(one_loop[:, 0], one_loop[:, 1])


def test_two_mixers_give_the_same_sound():
    voice = tone(1)
    assert np.array_equal(run(mixer(), voice), run(mixer(), voice))


def test_a_music_file_of_another_rate_is_played(tmp_path):
    t = np.arange(3 * 44_100) / 44_100
    write_wav(tmp_path / "a.wav", np.stack([9000 * np.sin(2 * np.pi * 440 * t)] * 2, 1), 44_100)
    out = run(mixer(tmp_path, music="a.wav"), np.zeros(2 * RATE, np.float32))
    power = np.abs(np.fft.rfft(out[:, 0].astype(float)))
    assert np.argmax(power) / 2 == pytest.approx(440, abs=2)
    assert level_db(out) == pytest.approx(-26 + RELEASED_DB, abs=1)


@pytest.mark.parametrize("content", [None, b"", b"no music here" * 99])
def test_unreadable_music_falls_back_to_the_built_in(tmp_path, content, caplog):
    if content is not None:
        (tmp_path / "m.mp3").write_bytes(content)
    quiet = np.zeros(RATE, np.float32)
    assert np.array_equal(run(mixer(tmp_path, music="m.mp3"), quiet), run(mixer(), quiet))
    assert [record.message for record in caplog.records] == [
        "music cannot be played; the built-in music is used"
    ]


def test_a_moment_of_music_is_refused(tmp_path, caplog):
    write_wav(tmp_path / "blip.wav", np.zeros((100, 2)))
    mixer(tmp_path, music="blip.wav")
    assert caplog.records[0].why == "is shorter than one second"


def test_silent_music_stays_silent(tmp_path):
    write_wav(tmp_path / "zero.wav", np.zeros((2 * RATE, 2)))
    out = run(mixer(tmp_path, music="zero.wav"), np.zeros(RATE, np.float32))
    assert level_db(out) < -65


def test_music_goes_and_comes_back_without_a_click():
    mix = mixer()
    quiet = np.zeros(RATE, np.float32)
    with_music = run(mix, quiet)
    mix.music = False
    fading = run(mix, quiet)
    silent = run(mix, quiet)
    mix.music = True
    back = run(mix, quiet)
    assert level_db(silent) < level_db(with_music) - 20
    assert level_db(fading[RATE // 5 :]) < level_db(with_music) - 20
    assert level_db(back[RATE // 2 :]) > level_db(with_music) - 6
    for before, after in ((with_music, fading), (silent, back)):
        seam = np.concatenate([before[-200:], after[:200]]).astype(float)
        assert np.abs(np.diff(seam, axis=0)).max() < 3000
