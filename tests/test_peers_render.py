"""A network's mouth: right in time, place, colour and order; at rest when nothing is said.

The networks here are written by hand and do one thing that is known beforehand: give a channel of
what they were given back, paint a mark, or paint how loud their window is.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.onnx_file import Sketch
from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.colour import yuv_to_rgb
from livehost.errors import BackendBroken, ConfigError
from livehost.media import Face, Quality, rest_face
from livehost.models import sha256
from livehost.stage.render import make_renderer
from livehost.stage.render.part import GLIDE_TICKS
from livehost.stage.render.peers import NetworkRenderer, load_network, playout
from livehost.stage.render.peers.crop import face as face_of
from livehost.stage.render.peers.crop import place
from livehost.stage.render.peers.graph import Graph
from livehost.stage.render.peers.renderer import _painter
from livehost.wire import Speech

HOST = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
TIMELINE = Timeline(Fraction(25))
PLATE_SIZE = HOST.frame.width, HOST.frame.height // 2 * 2
"""A frame in which a plate pixel is a pixel."""
SIZE = (360, 640)
LOUD = 0.3
TICK = 1920


# --- networks that do one known thing -------------------------------------------------------------


def ints(sketch, *values):
    return sketch.weight(np.array(values, np.int64))


def channels(sketch, tensor, first, end):
    return sketch.node("Slice", [tensor, *(ints(sketch, at) for at in (first, end, 1))])


def generator(path, side, draw):
    """A Wav2Lip of `side` pixels whose output is draw(sketch, mel, face)."""
    sketch = Sketch()
    mel, face = sketch.input("mel", ("n", 1, 80, 16)), sketch.input("face", ("n", 6, side, side))
    sketch.node("Identity", [draw(sketch, mel, face)], to=sketch.output("o", ("n", 3, side, side)))
    return sketch.write(path)


def whole(sketch, mel, face):
    return channels(sketch, face, 3, 6)


def masked(sketch, mel, face):
    return channels(sketch, face, 0, 3)


def half_as_bright(sketch, mel, face):
    return sketch.node("Mul", [whole(sketch, mel, face), sketch.weight(np.float32([0.5]))])


def picture(pixels):
    """Paint (3, side, side) BGR always."""

    def draw(sketch, mel, face):
        nothing = sketch.node("Mul", [whole(sketch, mel, face), sketch.weight(np.float32([0]))])
        return sketch.node("Add", [nothing, sketch.weight(pixels[None].astype(np.float32))])

    return draw


def loudness(sketch, mel, face):
    """Grey: the mean of the window, from silence 0 to the loudest 1."""
    mean = sketch.node("ReduceMean", [mel], axes=[1, 2, 3])
    share = sketch.node("Add", [mean, sketch.weight(np.float32([4]))])
    share = sketch.node("Mul", [share, sketch.weight(np.float32([1 / 8]))])
    nothing = sketch.node("Mul", [whole(sketch, mel, face), sketch.weight(np.float32([0]))])
    return sketch.node("Add", [nothing, share])


def described(folder, models, kind="wav2lip-96", **keys):
    lines = [f'kind = "{kind}"', 'licence = "made for this test"']
    lines += [f"{key} = {list(v) if isinstance(v, tuple) else v}" for key, v in keys.items()]
    for name, path in models.items():
        lines += [f"[models.{name}]", f'file = "{path.name}"', f'sha256 = "{sha256(path)}"']
    (folder / "network.toml").write_text("\n".join(lines))
    return load_network(folder / "network.toml")


@pytest.fixture
def network(tmp_path):
    def make(draw, side=96, **keys):
        models = {"generator": generator(tmp_path / "g.onnx", side, draw)}
        return described(tmp_path, models, f"wav2lip-{side}", **keys)

    return make


# --- a show of ticks ------------------------------------------------------------------------------


def noise(samples, size=LOUD, seed=0):
    return (np.random.default_rng(seed).normal(0, size, samples) * 32767).clip(-32768, 32767)


def say(voice, pcm, utterance=1, last=True):
    voice.push(Speech(utterance, 0, np.asarray(pcm).astype(np.int16), last, "话"))


def sounds(network, pcm, ticks, timeline=TIMELINE):
    """Return the sound of each tick while `pcm` is said from the first tick on."""
    voice = playout(network, timeline)
    say(voice, pcm)
    return [voice.pull(timeline.samples(n)).sound for n in range(ticks)]


def spoken(sound):
    return replace(rest_face(), sound=sound)


def drawn(network, pcm, ticks, size=SIZE, quality=Quality.FULL):
    """Return the layers of a host who says `pcm`."""
    renderer = make_renderer(HOST, *size, network=network)
    return [renderer.render(spoken(each), quality) for each in sounds(network, pcm, ticks)]


def at_plate(layer, size, x, y):
    """Return the row and the column of `layer` that show a point of the plate."""
    scale = size[0] / HOST.frame.width
    column = (x - HOST.frame.x) * scale - layer.left
    row = (y - HOST.frame.y) * scale - layer.top
    return row, column


def mouth(layer, size=SIZE, up=0.0):
    """Return what of the luma lies in the middle of the mouth's region, or more of it."""
    x, y, width, height = HOST.mouth.box
    top, left = at_plate(layer, size, x + (0.4 - up) * width, y + (0.3 - up) * height)
    bottom, right = at_plate(layer, size, x + (0.6 + up) * width, y + (0.45 + up) * height)
    return layer.picture.y[round(top) : round(bottom), round(left) : round(right)]


def painted(network, pcm, ticks):
    """Return what the painter makes of each tick, as one grey level."""
    where = place(HOST, network)
    painter = _painter(network)(network, face_of(HOST, where))
    return [
        float(painter.paint(each, each.starts[:1]).mean()) for each in sounds(network, pcm, ticks)
    ]


# --- place and colour -----------------------------------------------------------------------------


def test_a_network_that_changes_nothing_leaves_the_plate_as_it_is(network):
    """At one pixel for one: the way there and back costs one level at most, of rounding."""
    same = network(whole, 384, box=(350, 430, 384, 384))
    speaking = drawn(same, noise(TICK * 8), 6, PLATE_SIZE)[-1]
    plate = make_renderer(HOST, *PLATE_SIZE).render(rest_face(), Quality.PLATE)
    for plane in ("y", "u", "v"):
        one, other = getattr(speaking.picture, plane), getattr(plate.picture, plane)
        step = 1 if plane == "y" else 2
        top, left = at_plate(plate, PLATE_SIZE, *HOST.mouth.box[:2])
        bottom, right = top + HOST.mouth.box[3], left + HOST.mouth.box[2]
        inside = np.s_[
            round(top) // step : round(bottom) // step, round(left) // step : round(right) // step
        ]
        assert np.abs(one[inside].astype(int) - other[inside]).max() <= 1, plane


@pytest.mark.parametrize("size", [(360, 640), (720, 1280), (1080, 1920)])
@pytest.mark.parametrize("side", [96, 256])
def test_a_mark_shows_where_it_was_painted(network, size, side):
    """A bright square at known pixels of the network's picture, at known pixels of the frame."""
    u, v, half = round(0.52 * side), round(0.66 * side), side // 32
    pixels = np.zeros((3, side, side))
    pixels[:, v - half : v + half, u - half : u + half] = 1
    marked = network(picture(pixels), side)
    where = place(HOST, marked)
    layer = drawn(marked, noise(TICK * 8), 5, size)[-1]
    x = where.x + u * where.width / side
    y = where.y + v * where.height / side
    row, column = at_plate(layer, size, x, y)
    reach = round(0.06 * where.width * size[0] / HOST.frame.width) + 3
    top, left = round(row) - reach, round(column) - reach
    part = layer.picture.y[top : top + 2 * reach, left : left + 2 * reach].astype(float) - 16
    weights = np.maximum(0, part)
    rows, columns = np.mgrid[0 : 2 * reach, 0 : 2 * reach] + 0.5
    assert abs((weights * rows).sum() / weights.sum() + top - row) < 0.6
    assert abs((weights * columns).sum() / weights.sum() + left - column) < 0.6


def test_blue_comes_first_as_the_networks_have_it(network):
    pixels = np.zeros((3, 96, 96))
    pixels[0] = 1
    layer = drawn(network(picture(pixels)), noise(TICK * 8), 5)[-1]
    row, column = at_plate(layer, SIZE, *(HOST.mouth.box[0] + 108, HOST.mouth.box[1] + 80))
    red, green, blue = yuv_to_rgb(layer.picture)[round(row), round(column)].astype(int)
    assert blue > 235 and red < 20 and green < 20


def test_the_masked_face_comes_first_and_its_lower_half_is_black(network):
    dark = mouth(drawn(network(masked), noise(TICK * 8), 5)[-1])
    light = mouth(drawn(network(whole), noise(TICK * 8), 5)[-1])
    assert dark.max() <= 20 and light.min() > 60
    bright = light.mean() - 16
    half = mouth(drawn(network(half_as_bright), noise(TICK * 8), 5)[-1]).mean() - 16
    assert half == pytest.approx(bright / 2, rel=0.04)


def test_only_the_mouths_own_region_changes(network):
    white = network(picture(np.ones((3, 96, 96))))
    speaking = drawn(white, noise(TICK * 8), 5, PLATE_SIZE)[-1]
    plate = make_renderer(HOST, *PLATE_SIZE).render(rest_face(), Quality.PLATE)
    changed = speaking.picture.y != plate.picture.y
    eyes_row = at_plate(plate, PLATE_SIZE, 0, HOST.eyes.box[1] + HOST.eyes.box[3])[0]
    top, left = at_plate(plate, PLATE_SIZE, *HOST.mouth.box[:2])
    changed[: round(eyes_row)] = False  # the eyes are decoded
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[0] >= top and rows[-1] <= top + HOST.mouth.box[3]
    assert columns[0] >= left and columns[-1] <= left + HOST.mouth.box[2]


def test_the_mouth_turns_with_the_head(network):
    pixels = np.zeros((3, 96, 96))
    pixels[:, 60:68, 46:54] = 1
    marked = network(picture(pixels))
    renderer = make_renderer(HOST, *SIZE, network=marked)
    heard = sounds(marked, noise(TICK * 30), 20)

    def column(yaw):
        for each in heard[:6]:
            pose = replace(rest_face().pose, yaw=yaw)
            layer = renderer.render(replace(spoken(each), pose=pose), Quality.FULL)
        weights = mouth(layer, up=0.15).astype(float) - 16
        assert weights.max() > 150
        return (weights.sum(0) * np.arange(weights.shape[1])).sum() / weights.sum()

    assert column(-4) < column(0) - 0.5 < column(4) - 1


def test_a_box_beside_the_plate_or_the_mouth_is_refused(network):
    with pytest.raises(
        ConfigError, match=r"box: .* does not lie on the plate of xiaohe, 1080 x 1920"
    ):
        make_renderer(HOST, *SIZE, network=network(whole, box=(1000, 400, 300, 300)))
    with pytest.raises(ConfigError, match="its mouth is not in the network's picture"):
        make_renderer(HOST, *SIZE, network=network(whole, box=(100, 1400, 300, 300)))


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0, -80, 40])
def test_a_burst_shows_in_the_ticks_whose_windows_hold_it(network, shift):
    """The published window begins with its tick and is 200 ms long: five ticks."""
    pcm = noise(TICK * 30, 1e-3)
    burst = TICK * 15 + TICK // 2
    pcm[burst : burst + 240] = 20_000 * (-1.0) ** np.arange(240)
    levels = painted(network(loudness, shift_ms=shift), pcm, 30)
    quiet = np.median(levels)
    holds = [n for n, level in enumerate(levels) if level > quiet + 0.004]
    moved = shift / 40
    # From the tick whose window ends at the burst to the tick whose window begins there.
    assert holds == [n for n in range(30) if 15.5 - 5.4 <= n + moved <= 15.5 + 0.7]


def test_the_published_numbers_of_mel_frames_are_kept_for_a_minute(network, monkeypatch):
    """Tick n begins with frame int(80 n / 25), counted from the beginning."""
    from livehost.stage.render.peers import voice as voices
    from livehost.stage.render.peers.wav2lip import Wav2Lip

    asked = []
    heard = voices.heard
    monkeypatch.setattr(
        voices, "heard", lambda s, first, n: asked.append(first) or heard(s, first, n)
    )
    plain = network(loudness)
    painter = Wav2Lip(plain, np.zeros((96, 96, 3), np.uint8))
    quiet = sounds(plain, noise(0), 1)[0]
    for n in (0, 1, 2, 3, 4, 5, 777, 1499):
        painter.paint(replace(quiet, starts=(n * TICK,)), [n * TICK])
    assert [(first + 401) / 200 for first in asked] == [
        int(80 * n / 25) for n in (0, 1, 2, 3, 4, 5, 777, 1499)
    ]


def test_the_picture_of_a_tick_is_due_with_the_tick(network):
    """Through playout, renderer and paste: brightness rises with the window, not a tick off."""
    pcm = noise(TICK * 30, 0.006)
    pcm[TICK * 12 : TICK * 20] = noise(TICK * 8)
    told = network(loudness)
    shown = np.array([mouth(layer).mean() for layer in drawn(told, pcm, 28)])
    made = np.array(painted(told, pcm, 28))
    for n in range(4, 26):  # fully opened
        assert (shown[n] - 16) / 219 == pytest.approx(made[n], abs=0.02)
    assert made[7] < made[9] < made[11] and made[12] == pytest.approx(made[13], abs=0.02)


# --- batch and look-ahead -------------------------------------------------------------------------


class Count:
    """How often a network ran, and for how many pictures."""

    def __init__(self, monkeypatch):
        self.runs, run = [], Graph.run

        def counted(graph, given):
            made = run(graph, given)
            self.runs.append(len(made))
            return made

        monkeypatch.setattr(Graph, "run", counted)


def test_a_batch_draws_the_same_pictures_in_a_quarter_of_the_runs(network, monkeypatch):
    pcm = noise(TICK * 24) * np.sin(np.arange(TICK * 24) / 9000)
    one = drawn(network(loudness), pcm, 22)
    count = Count(monkeypatch)
    four = drawn(network(loudness, batch=4), pcm, 22)
    assert sum(count.runs) <= 24 and len(count.runs) <= 7 and max(count.runs) == 4
    for a, b in zip(one, four, strict=True):
        assert np.abs(a.picture.y.astype(int) - b.picture.y).max() <= 1


@pytest.mark.parametrize("batch", [1, 6])
def test_pictures_made_ahead_of_a_cut_are_not_shown(network, batch):
    told = network(loudness, batch=batch)
    voice, renderer = playout(told, TIMELINE), make_renderer(HOST, *SIZE, network=told)
    say(voice, noise(TICK * 40))
    shown, made = [], []
    painter = _painter(told)(told, face_of(HOST, place(HOST, told)))
    for tick in range(20):
        if tick == 9:
            voice.cut()
        heard = voice.pull(TICK).sound
        shown.append(mouth(renderer.render(spoken(heard), Quality.FULL)))
        made.append(float(painter.paint(heard, heard.starts[:1]).mean()))
    plate = mouth(renderer.render(rest_face(), Quality.PLATE))
    # The voice ends half way through tick 9, is near ticks up to 10, and then she closes.
    assert [n for n, each in enumerate(shown) if np.array_equal(each, plate)] == [*range(15, 20)]
    for tick in range(3, 11):  # wide open: what is shown is what is said now, cut or not
        assert (shown[tick].mean() - 16) / 219 == pytest.approx(made[tick], abs=0.02), tick
    assert made[8] - made[10] > 0.3


def pieces(network, pcm, ticks):
    """Say `pcm` in pieces of a tick that arrive just in time; return the painted sound."""
    voice, out = playout(network, TIMELINE), []
    for tick in range(ticks + 12):
        part = pcm[TICK * tick : TICK * (tick + 1)]
        if len(part):
            say(voice, part, last=TICK * (tick + 1) >= len(pcm))
        out.append(voice.pull(TICK))
    return out


def test_speech_that_arrives_just_in_time_is_heard_whole_when_the_show_is_held_back(network):
    pcm = noise(TICK * 16)
    needed = 10_270  # samples from a tick's beginning on that its picture depends on
    for held, certain in ((0, False), (240, True)):
        pulled = pieces(network(loudness, look_ahead_ms=held), pcm, 16)
        ahead = [each.sound.known - each.sound.starts[0] for each in pulled[2:8]]
        assert (min(ahead) >= needed) is certain


# --- rest and the ladder --------------------------------------------------------------------------


def test_in_silence_the_mouth_rests_and_the_network_is_not_asked(network, monkeypatch):
    count = Count(monkeypatch)
    white = network(picture(np.ones((3, 96, 96))))
    pcm = np.zeros(TICK * 60)
    pcm[TICK * 20 : TICK * 30] = noise(TICK * 10)
    layers = drawn(white, pcm, 60)
    plate = mouth(layers[0])
    assert plate.max() < 235
    still = [n for n, layer in enumerate(layers) if np.array_equal(mouth(layer), plate)]
    assert still == [*range(18), *range(36, 60)]  # 60 ms before and after, and 200 ms to close
    assert all(mouth(layers[n]).min() >= 234 for n in range(21, 31))
    assert len(count.runs) == 18


def test_a_mouth_opens_and_closes_without_a_jump(network):
    white = network(picture(np.ones((3, 96, 96))))
    pcm = np.zeros(TICK * 40)
    pcm[TICK * 10 : TICK * 20] = noise(TICK * 10)
    levels = [mouth(layer).mean() for layer in drawn(white, pcm, 40)]
    steps = np.abs(np.diff(levels))
    assert steps.max() <= 0.55 * (max(levels) - min(levels))
    assert sum(step > 0 for step in steps) >= 5


def test_half_the_rate_asks_every_second_time_and_blends(network, monkeypatch):
    pcm = noise(TICK * 20) * np.sin(np.arange(TICK * 20) / 9000)
    count = Count(monkeypatch)
    layers = drawn(network(loudness), pcm, 16, quality=Quality.MOUTH_HALF)
    assert 7 <= len(count.runs) <= 9
    assert len({mouth(layer).mean() for layer in layers[2:]}) >= 12
    count.runs.clear()
    drawn(network(loudness, batch=4), pcm, 16, quality=Quality.MOUTH_HALF)
    assert len(count.runs) <= 5 and 7 <= sum(count.runs) <= 10


def test_held_the_mouth_shuts_and_then_nothing_is_drawn(network, monkeypatch):
    white = network(picture(np.ones((3, 96, 96))))
    renderer = make_renderer(HOST, *SIZE, network=white)
    heard = sounds(white, noise(TICK * 40), 30)
    plate = mouth(renderer.render(rest_face(), Quality.FULL))
    for each in heard[:8]:
        renderer.render(spoken(each), Quality.FULL)
    count = Count(monkeypatch)
    held = [renderer.render(spoken(each), Quality.HOLD) for each in heard[8:18]]
    assert not count.runs
    levels = [mouth(layer).mean() for layer in held]
    assert sorted(levels, reverse=True) == levels and len(set(levels)) >= 3
    assert np.array_equal(mouth(held[GLIDE_TICKS]), plate)
    assert all(layer is held[GLIDE_TICKS] for layer in held[GLIDE_TICKS + 1 :])
    again = [renderer.render(spoken(each), Quality.FULL) for each in heard[18:24]]
    assert mouth(again[-1]).min() >= 234


def test_the_plate_is_the_plate_and_speech_goes_on_after_it(network):
    white = network(picture(np.ones((3, 96, 96))))
    renderer = make_renderer(HOST, *SIZE, network=white)
    heard = sounds(white, noise(TICK * 20), 16)
    for each in heard[:6]:
        renderer.render(spoken(each), Quality.FULL)
    still = renderer.render(spoken(heard[6]), Quality.PLATE)
    fresh = make_renderer(HOST, *SIZE).render(rest_face(), Quality.PLATE)
    assert np.array_equal(still.picture.y, fresh.picture.y)
    after = [renderer.render(spoken(each), Quality.FULL) for each in heard[7:12]]
    assert mouth(after[-1]).min() >= 234


def test_two_takes_of_one_text_are_the_same(network):
    pcm = noise(TICK * 12)
    told = network(loudness, batch=3)
    for a, b in zip(drawn(told, pcm, 12), drawn(told, pcm, 12), strict=True):
        assert np.array_equal(a.picture.y, b.picture.y) and np.array_equal(a.picture.u, b.picture.u)


def test_another_renderer_goes_on_where_one_failed(network, monkeypatch):
    white = network(picture(np.ones((3, 96, 96))))
    renderer = make_renderer(HOST, *SIZE, network=white)
    heard = sounds(white, noise(TICK * 20), 16)
    for each in heard[:4]:
        renderer.render(spoken(each), Quality.FULL)

    def broken(graph, given):
        raise BackendBroken("g.onnx: failed: lost")

    with monkeypatch.context() as patched:
        patched.setattr(Graph, "run", broken)
        with pytest.raises(BackendBroken, match="lost"):
            renderer.render(spoken(heard[4]), Quality.FULL)
    after = make_renderer(HOST, *SIZE, network=white)
    after.begin(renderer.shown)
    layers = [after.render(spoken(each), Quality.FULL) for each in heard[5:10]]
    assert mouth(layers[-1]).min() >= 234


def test_the_renderer_says_what_it_is(network, caplog):
    with caplog.at_level("INFO"):
        renderer = make_renderer(HOST, *SIZE, network=network(whole))
    assert isinstance(renderer, NetworkRenderer)
    assert (renderer.name, renderer.provider, renderer.trouble) == ("wav2lip-96", "CPU", "")
    assert renderer.losses == 0
    assert any(getattr(r, "licence", "") == "made for this test" for r in caplog.records)


def test_a_face_without_sound_is_a_mouth_at_rest(network):
    renderer = make_renderer(HOST, *SIZE, network=network(picture(np.ones((3, 96, 96)))))
    layer = renderer.render(Face(rest_face().shapes), Quality.FULL)
    assert mouth(layer).max() < 235
