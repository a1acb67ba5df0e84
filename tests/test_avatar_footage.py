"""Footage: upright pictures in steady time, from whatever a camera or a bad copy left behind."""

import numpy as np
import pytest

from livehost.avatar.video.film import frames as film_frames
from livehost.avatar.video.film import read, still, write
from livehost.avatar.video.footage import FPS, fitted, open_footage
from livehost.avatar.video.hdr import WHITE_NITS, to_sdr
from livehost.avatar.video.morph import between
from livehost.avatar.video.seam import FADE, Stretch
from livehost.errors import ConfigError
from tests import footage

SIZE = (160, 96)


def pictures(path):
    found = open_footage(path)
    return found, list(found.shots(fitted(found.facts, 720, 1280)))


def centre(picture):
    """Where the bar is: the brightest column, between pixels."""
    row = picture[..., 1].astype(float).mean(0) - 40
    row[row < 20] = 0
    return (row * np.arange(len(row))).sum() / row.sum()


def times(count, fps, jitter):
    dice = np.random.default_rng(0)
    return [max(0.0, n / fps + (jitter * dice.uniform(-1, 1) if n else 0)) for n in range(count)]


@pytest.mark.parametrize(("fps", "jitter"), [(25, 0), (30, 0), (60, 0), (15, 0), (24, 0)])
def test_every_rate_becomes_steady(tmp_path, fps, jitter):
    path = footage.write(tmp_path / "a.mp4", footage.bar(2 * fps, fps), fps)
    _, shots = pictures(path)
    assert abs(len(shots) - 2 * FPS) <= 2
    away = [centre(still(shot)) - 20 - 40 * shot.index / FPS for shot in shots]
    assert np.abs(away).max() < 0.7


def test_a_rate_that_varies_becomes_steady(tmp_path):
    at = times(60, 30, 0.012)
    x = np.arange(SIZE[0], dtype=np.float32)
    bars = [40 + 180 * np.exp(-0.5 * ((x - 20 - 40 * t) / 5) ** 2) for t in at]
    moving = [np.broadcast_to(b[None, :, None], (96, 160, 3)).astype(np.uint8) for b in bars]
    _, shots = pictures(footage.write(tmp_path / "a.mp4", moving, 30, at))
    away = [centre(still(shot)) - 20 - 40 * shot.index / FPS for shot in shots]
    assert abs(len(shots) - 50) <= 2 and np.abs(away).max() < 0.8


def test_time_in_which_nothing_was_filmed_is_told(tmp_path):
    at = [n / 25 + (1.0 if n >= 20 else 0) for n in range(40)]
    _, shots = pictures(footage.write(tmp_path / "a.mp4", footage.bar(40, 25), 25, at))
    stale = [shot.index for shot in shots if shot.stale]
    assert set(range(22, 44)) <= set(stale) <= set(range(19, 47))


def mark(quarters):
    """A picture with one bright corner, lying as a phone turned by so many quarters stores it."""
    upright = np.full((160, 96, 3), 60, np.uint8)
    upright[8:40, 8:30] = 220
    return np.rot90(upright, quarters)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_video_that_lies_is_turned_upright(tmp_path, quarters):
    path = footage.write(tmp_path / "a.mp4", [mark(quarters)] * 5)
    found, shots = pictures(footage.turned(path, quarters))
    assert (found.facts.width, found.facts.height) == (96, 160)
    away = shots[0].nearest.astype(int) - mark(0)
    assert np.abs(away).mean() < 3


def test_ten_bits_look_like_eight(tmp_path):
    one = pictures(footage.write(tmp_path / "a.mp4", footage.bar(5, 25)))[1]
    ten = footage.write(tmp_path / "b.mp4", footage.bar(5, 25), pix_fmt="yuv420p10le")
    found, other = pictures(ten)
    assert found.facts.bits == 10 and not found.facts.curve
    assert np.abs(one[2].nearest.astype(int) - other[2].nearest).mean() < 1.5


def signal(nits, curve):
    """The inverse of the curves, by BT.2100."""
    if curve == "PQ":
        y = (np.asarray(nits) / 10_000) ** (2610 / 16384)
        return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)
    scene = (np.asarray(nits) / 1000) ** (1 / 1.2)
    low = np.sqrt(3 * scene)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, low, high)


@pytest.mark.parametrize("curve", ["PQ", "HLG"])
def test_a_high_dynamic_range_keeps_the_tones_of_a_face(curve):
    """A grey that ordinary video stores as 40 to 180 comes out as itself."""
    stored = np.arange(40, 181, 20)
    light = ((stored / 255 + 0.055) / 1.055) ** 2.4
    given = np.rint(signal(light * WHITE_NITS, curve) * 65_535).astype(np.uint16)
    row = np.repeat(given[None, :, None], 3, axis=2)
    assert np.abs(to_sdr(row, curve)[0].astype(int) - stored[:, None]).max() <= 3


@pytest.mark.parametrize("curve", ["PQ", "HLG"])
def test_highlights_roll_off_in_order(curve):
    given = np.linspace(0, 65_535, 64).astype(np.uint16)
    out = to_sdr(np.repeat(given[None, :, None], 3, axis=2), curve)[0, :, 0].astype(int)
    assert (np.diff(out) >= 0).all() and out[0] <= 2 and out[-1] >= 245


@pytest.mark.parametrize(("curve", "trc"), [("PQ", 16), ("HLG", 18)])
def test_a_high_dynamic_range_is_noticed(tmp_path, curve, trc):
    path = footage.write(
        tmp_path / "a.mp4", footage.bar(5, 25), pix_fmt="yuv420p10le", trc=trc, primaries=9
    )
    found, shots = pictures(path)
    assert found.facts.curve == curve and len(shots) == 5


def test_a_huge_video_is_decoded_at_the_size_that_is_needed(tmp_path):
    big = [np.full((3840, 2160, 3), 90 + n, np.uint8) for n in range(6)]
    found, shots = pictures(footage.write(tmp_path / "a.mp4", big, 60, preset="ultrafast"))
    assert (found.facts.width, found.facts.height, found.facts.fps) == (2160, 3840, 60)
    assert shots[0].nearest.shape == (1280, 720, 3) and len(shots) == 3


@pytest.mark.parametrize(
    ("given", "size"),
    [((2160, 3840), (720, 1280)), ((1920, 1080), (1280, 720)), ((100, 50), (100, 50))],
)
def test_sizes_fit_and_are_never_enlarged(tmp_path, given, size):
    facts = open_footage(footage.write(tmp_path / "a.mp4", footage.bar(2, 25))).facts
    assert fitted(type(facts)(*given, 25, "h264"), 720, 1280) == size


# --- damage ---------------------------------------------------------------------------------------


def problem(path):
    with pytest.raises(ConfigError) as caught:
        pictures(path)
    assert all("\n" not in line for line in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no video at all" * 99, b"\0" * 5000])
def test_what_is_no_video_is_refused_with_what_to_do(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    assert "export it again as an MP4" in problem(path)


def test_a_missing_file_is_refused(tmp_path):
    assert "there is no such file" in problem(tmp_path / "none.mp4")


def test_a_copy_that_broke_off_is_refused(tmp_path):
    path = footage.write(tmp_path / "a.mp4", footage.bar(40, 25))
    path.write_bytes(path.read_bytes()[:1500])  # the index lies at the end
    assert "export it again" in problem(path)


def test_sound_alone_is_refused(tmp_path):
    import wave

    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"\0" * 8000)
    assert "only sound" in problem(path)


def test_a_recording_that_begins_in_the_middle_starts_at_its_first_keyframe(tmp_path):
    whole = footage.write(tmp_path / "a.mp4", footage.bar(50, 25), g="20", bf="0", sc_threshold="0")
    _, shots = pictures(footage.without_first_keyframe(whole, tmp_path / "b.ts"))
    assert len(shots) in (29, 30, 31)


def test_a_recording_without_any_keyframe_is_refused(tmp_path):
    whole = footage.write(tmp_path / "a.mp4", footage.bar(40, 25), g="999", bf="0")
    said = problem(footage.without_first_keyframe(whole, tmp_path / "b.ts"))
    assert "no picture that can be decoded" in said


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_refused_or_survived(tmp_path, seed):
    """Bytes changed at random, anywhere: a ConfigError at the worst."""
    path = footage.write(tmp_path / "a.mp4", footage.bar(60, 25), g="15")
    data, dice = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in dice.integers(0 if seed % 2 else 2000, len(data) - 40, 2 + 4 * seed):
        data[at : at + 30] = dice.bytes(30)
    path.write_bytes(data)
    try:
        _, shots = pictures(path)
    except ConfigError as error:
        assert all("\n" not in line for line in error.problems)
    else:
        assert 1 <= len(shots) <= 200


# --- pictures in between --------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.8, 1.0])
def test_what_moves_goes_part_of_the_way(share):
    one, other = list(footage.bar(5, 25))[::4]  # 6.4 pixels apart
    assert abs(centre(between(one, other, share)) - 20 - 6.4 * share) < 0.5


def test_a_picture_in_between_does_not_show_twice():
    one, other = list(footage.bar(5, 25))[::4]
    alone, mixed = one[40, :, 1].astype(int), between(one, other, 0.5)[40, :, 1].astype(int)
    assert abs(mixed.max() - alone.max()) < 20
    assert ((mixed > 100).sum()) < 1.3 * (alone > 100).sum()


def swinging(frames, period=40):
    x, y = np.meshgrid(np.arange(160, dtype=np.float32), np.arange(96, dtype=np.float32))
    for n in range(frames):
        middle = 80 + 20 * np.sin(2 * np.pi * n / period)
        spot = 40 + 180 * np.exp(-0.5 * (((x - middle) / 9) ** 2 + ((y - 48) / 9) ** 2))
        yield np.repeat(spot[..., None], 3, axis=2).astype(np.uint8)


def steps(film):
    pictures = [picture.astype(int) for picture in film]
    pairs = zip(pictures, [*pictures[1:], pictures[0]], strict=True)
    return np.array([np.abs(b - a).mean() for a, b in pairs])


@pytest.mark.parametrize("off", [0, 2, 4])
def test_the_film_goes_round_without_a_jump(tmp_path, off):
    """Ends that do not quite meet are joined over the fade, no faster than the film moves."""
    source = open_footage(footage.write(tmp_path / "a.mp4", swinging(120)))
    cut = Stretch(3, 40 + off, 0.0)
    count = write(film_frames(source, cut, SIZE), tmp_path / "loop.mp4")
    assert count == cut.frames == 40 + off
    moved = steps(read(tmp_path / "loop.mp4"))
    usual = np.percentile(moved[: -FADE - 1], 99)
    assert moved[-FADE - 1 :].max() <= 1.3 * usual


def test_there_and_back(tmp_path):
    source = open_footage(footage.write(tmp_path / "a.mp4", swinging(60)))
    cut = Stretch(10, 21, 0.0, mirrored=True)
    film = list(film_frames(source, cut, SIZE))
    assert len(film) == cut.frames == 40
    for n in range(1, 20):
        assert np.abs(film[n].astype(int) - film[40 - n]).mean() < 2
    assert steps(film).max() <= 1.1 * np.percentile(steps(film), 90)


def test_a_film_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "loop.mp4").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot be decoded"):
        list(read(tmp_path / "loop.mp4"))


def test_a_film_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        write(iter(list(footage.bar(3, 25))), tmp_path / "none" / "loop.mp4")
