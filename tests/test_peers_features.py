"""Networks that hear features: Ultralight with HuBERT, MuseTalk; and the published graphs' size.

The encoders here are written by hand: a feature is the loudness of its own 20 ms. So a burst shows
in the very features that the published code gives to a tick.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.onnx_file import INT64, Sketch
from benchmarks.peer_graphs import NETWORKS
from livehost.avatar import load_avatar
from livehost.clock import Timeline
from livehost.media import Quality, rest_face
from livehost.models import sha256
from livehost.stage.render import make_renderer
from livehost.stage.render.peers import check_network, load_network, playout
from livehost.stage.render.peers.crop import face as face_of
from livehost.stage.render.peers.crop import place
from livehost.stage.render.peers.musetalk import _places
from livehost.stage.render.peers.renderer import _painter
from livehost.wire import Speech

HOST = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
TIMELINE = Timeline(Fraction(25))
SIZE, TICK = (360, 640), 1920


def ints(sketch, *values):
    return sketch.weight(np.array(values, np.int64))


def part(sketch, tensor, axis, first, end):
    return sketch.node("Slice", [tensor, *(ints(sketch, at) for at in (first, end, axis))])


def grey(sketch, level, side, channels=3):
    """A picture that is `level` [n, 1, 1, 1] everywhere."""
    shape = ints(sketch, 1, channels, side, side)
    return sketch.node("Expand", [level, shape])


def hubert(path):
    """Features of 1024 times the mean of the squares of their own samples."""
    sketch = Sketch()
    heard = sketch.input("input_values", (1, "samples"))
    row = sketch.node("Unsqueeze", [sketch.node("Mul", [heard, heard]), ints(sketch, 1)])
    pooled = sketch.node("AveragePool", [row], kernel_shape=[400], strides=[320])
    column = sketch.node("Transpose", [pooled], perm=[0, 2, 1])
    made = sketch.output("last_hidden_state", (1, "features", 1024))
    sketch.node("Expand", [column, ints(sketch, 1, 1, 1024)], to=made)
    return sketch.write(path)


def ultralight(path, features):
    """Grey of the mean of some of the sixteen features; or a channel of the face given back."""
    sketch = Sketch()
    face = sketch.input("input", (1, 6, 160, 160))
    heard = sketch.input("audio", (1, 16, 32, 32))
    if isinstance(features, tuple):
        some = part(sketch, heard, 1, *features)
        level = sketch.node("ReduceMean", [some], axes=[1, 2, 3])
        level = sketch.node("Mul", [level, sketch.weight(np.float32([0.02]))])
        out = grey(sketch, level, 160)
    else:
        first = {"whole": 0, "masked": 3}[features]
        nothing = sketch.node("ReduceMean", [heard], axes=[1, 2, 3])
        nothing = sketch.node("Mul", [nothing, sketch.weight(np.float32([0]))])
        out = sketch.node("Add", [part(sketch, face, 1, first, first + 3), nothing])
    sketch.node("Identity", [out], to=sketch.output("output", (1, 3, 160, 160)))
    return sketch.write(path)


def whisper(path):
    """Five states of 384 times the mean of two log-mel frames."""
    sketch = Sketch()
    heard = sketch.input("input_features", (1, 80, 3000))
    level = sketch.node("ReduceMean", [heard], axes=[1])  # [1, 1, 3000]
    pooled = sketch.node("AveragePool", [level], kernel_shape=[2], strides=[2])
    column = sketch.node("Reshape", [pooled, ints(sketch, 1, 1500, 1, 1)])
    made = sketch.output("states", (1, 1500, 5, 384))
    sketch.node("Expand", [column, ints(sketch, 1, 1500, 5, 384)], to=made)
    return sketch.write(path)


def encoder(path, channels):
    """Each latent: the mean of 8 x 8 pixels of red, green or blue; then nothing, or a variance."""
    sketch = Sketch()
    seen = sketch.input("sample", ("n", 3, 256, 256))
    small = sketch.node("AveragePool", [seen], kernel_shape=[8, 8], strides=[8, 8])
    pads = ints(sketch, 0, 0, 0, 0, 0, channels - 3, 0, 0)
    made = sketch.output("latents", ("n", channels, 32, 32))
    sketch.node("Pad", [small, pads], to=made)
    return sketch.write(path)


def decoder(path):
    """The first three latents, enlarged."""
    sketch = Sketch()
    seen = part(sketch, sketch.input("latents", ("n", 4, 32, 32)), 1, 0, 3)
    scales = sketch.weight(np.float32([1, 1, 8, 8]))
    empty = sketch.weight(np.zeros(0, np.float32))
    made = sketch.output("image", ("n", 3, 256, 256))
    sketch.node("Resize", [seen, empty, scales], {"mode": "nearest"}, to=made)
    return sketch.write(path)


def unet(path, features):
    """The second four latents, or the first; or the loudness of some of ten features."""
    sketch = Sketch()
    seen = sketch.input("sample", ("n", 8, 32, 32))
    sketch.input("timestep", (1,), INT64)
    heard = sketch.input("encoder_hidden_states", ("n", 50, 384))
    made = sketch.output("out", ("n", 4, 32, 32))
    if isinstance(features, tuple):
        # Places are taken off again: what is left is what Whisper said.
        plain = sketch.node("Sub", [heard, sketch.weight(_places(50)[None])])
        some = part(sketch, plain, 1, 5 * features[0], 5 * features[1])
        level = sketch.node("ReduceMean", [some], axes=[1, 2])
        level = sketch.node("Reshape", [level, ints(sketch, -1, 1, 1, 1)])
        level = sketch.node("Mul", [level, sketch.weight(np.float32([0.18215]))])
        nothing = sketch.node("Mul", [part(sketch, seen, 1, 0, 4), sketch.weight(np.float32([0]))])
        sketch.node("Add", [nothing, level], to=made)
    else:
        first = {"masked": 0, "whole": 4}[features]
        nothing = sketch.node("ReduceMean", [heard], axes=[1, 2])
        nothing = sketch.node("Reshape", [nothing, ints(sketch, -1, 1, 1, 1)])
        nothing = sketch.node("Mul", [nothing, sketch.weight(np.float32([0]))])
        sketch.node("Add", [part(sketch, seen, 1, first, first + 4), nothing], to=made)
    return sketch.write(path)


def described(folder, kind, models, **keys):
    lines = [f'kind = "{kind}"', 'licence = "made for this test"']
    lines += [f"{key} = {value}" for key, value in keys.items()]
    for name, path in models.items():
        lines += [f"[models.{name}]", f'file = "{path.name}"', f'sha256 = "{sha256(path)}"']
    (folder / "network.toml").write_text("\n".join(lines))
    return load_network(folder / "network.toml")


def an_ultralight(folder, features, **keys):
    models = {
        "generator": ultralight(folder / "unet.onnx", features),
        "hubert": hubert(folder / "hubert.onnx"),
    }
    return described(folder, "ultralight-hubert", models, **keys)


def a_musetalk(folder, features, channels=8, **keys):
    models = {
        "whisper": whisper(folder / "whisper.onnx"),
        "encoder": encoder(folder / "encoder.onnx", channels),
        "unet": unet(folder / "unet.onnx", features),
        "decoder": decoder(folder / "decoder.onnx"),
    }
    return described(folder, "musetalk", models, **keys)


def sounds(network, pcm, ticks):
    voice = playout(network, TIMELINE)
    voice.push(Speech(1, 0, np.asarray(pcm).astype(np.int16), True, "话"))
    return [voice.pull(TICK).sound for n in range(ticks)]


def burst_at(tick, ticks=40):
    """Quiet noise, with all of one tick loud."""
    pcm = np.random.default_rng(0).normal(0, 40, TICK * ticks)
    pcm[TICK * tick : TICK * (tick + 1)] = np.random.default_rng(1).normal(0, 9000, TICK)
    return pcm.clip(-32768, 32767)


def painted(network, pcm, ticks, batch=1):
    """Return what is painted for each tick as one level, `batch` ticks at once."""
    painter = _painter(network)(network, face_of(HOST, place(HOST, network)))
    heard = sounds(network, pcm, ticks)
    out = []
    for at in range(0, ticks, batch):
        starts = heard[at].starts[:batch]
        out += [float(each.mean()) for each in painter.paint(heard[at], starts)]
    return np.array(out[:ticks])


@pytest.mark.parametrize(("features", "later"), [((8, 10), 0), ((0, 2), 4), ((14, 16), -3)])
def test_ultralight_hears_four_pictures_before_and_after_a_tick(tmp_path, features, later):
    """Of sixteen features the tick's own are the ninth and tenth."""
    levels = painted(an_ultralight(tmp_path, features), burst_at(15), 30)
    assert levels.argmax() == 15 + later
    assert np.sort(levels)[-3] < 0.2 * levels.max()


@pytest.mark.parametrize(("features", "later"), [((4, 6), 0), ((0, 2), 2), ((8, 10), -2)])
def test_musetalk_hears_two_pictures_before_and_after_a_tick(tmp_path, features, later):
    """Of ten features of 20 ms the tick's own are the fifth and sixth."""
    levels = painted(a_musetalk(tmp_path, features), burst_at(15), 30)
    assert levels.argmax() == 15 + later
    assert np.sort(levels)[-4] < levels.max() - 0.05


def test_shifted_sound_is_earlier_or_later(tmp_path):
    early = painted(an_ultralight(tmp_path, (8, 10), shift_ms=80), burst_at(15), 30)
    late = painted(a_musetalk(tmp_path, (4, 6), shift_ms=-120), burst_at(15), 30)
    assert (early.argmax(), late.argmax()) == (13, 18)


def test_a_batch_is_in_order(tmp_path):
    for make, own in ((an_ultralight, (8, 10)), (a_musetalk, (4, 6))):
        levels = painted(make(tmp_path, own, batch=5), burst_at(13), 30, batch=5)
        assert levels.argmax() == 13


def mouth(layer):
    """Return RGB in the middle of the mouth's region."""
    from livehost.colour import yuv_to_rgb

    scale = SIZE[0] / HOST.frame.width
    x = (HOST.mouth.box[0] + 108 - HOST.frame.x) * scale - layer.left
    y = (HOST.mouth.box[1] + 80 - HOST.frame.y) * scale - layer.top
    return yuv_to_rgb(layer.picture)[round(y) - 4 : round(y) + 4, round(x) - 8 : round(x) + 8]


def shown(network):
    """Return the mouth at rest, and after five ticks of speech."""
    renderer = make_renderer(HOST, *SIZE, network=network)
    rest = mouth(renderer.render(rest_face(), Quality.FULL)).astype(float).mean((0, 1))
    loud = np.random.default_rng(0).normal(0, 6000, TICK * 20)
    for each in sounds(network, loud, 6):
        layer = renderer.render(replace(rest_face(), sound=each), Quality.FULL)
    return rest, mouth(layer).astype(float).mean((0, 1))


@pytest.mark.parametrize("channels", [4, 8])
def test_musetalks_latents_and_colours_go_there_and_back(tmp_path, channels):
    """The whole face comes back in its own colours, the masked one is grey: -1 is black."""
    rest, whole = shown(a_musetalk(tmp_path, "whole", channels))
    assert np.abs(rest - whole).max() < 6
    _, masked = shown(a_musetalk(tmp_path, "masked", channels))
    assert masked.max() < 4


def test_ultralight_is_given_the_face_and_then_the_face_with_a_black_mouth(tmp_path):
    rest, whole = shown(an_ultralight(tmp_path, "whole"))
    assert np.abs(rest - whole).max() < 6
    _, masked = shown(an_ultralight(tmp_path, "masked"))
    assert masked.max() < 4


def test_the_black_mouth_is_where_the_published_code_has_it():
    from livehost.stage.render.peers.ultralight import _given

    given = _given(np.full((160, 160, 3), 255, np.uint8))
    assert given.shape == (1, 6, 160, 160) and given[0, :3].min() == 1
    black = np.argwhere(given[0, 3] == 0)
    assert black.min(0).tolist() == [5, 5] and black.max(0).tolist() == [149, 154]


def test_checking_looks_into_every_model(tmp_path):
    network = a_musetalk(tmp_path, "whole")
    assert check_network(network.file).kind == "musetalk"


# --- the published layers -------------------------------------------------------------------------

PUBLISHED = {
    "wav2lip-96": (36_275_283, 3_966_984_192),
    "wav2lip-256": (53_578_835, 27_788_599_296),
    "ultralight-hubert": (12_127_279, 3_163_639_808),
}
"""Parameters with folded normalisation and multiply-adds, counted in the published modules."""


@pytest.mark.parametrize("kind", PUBLISHED)
def test_benchmark_graphs_have_the_published_arithmetic(tmp_path, kind):
    made = NETWORKS[kind](tmp_path / "g.onnx")
    assert (made.parameters, made.multiply_adds) == PUBLISHED[kind]


def test_a_benchmark_graph_is_a_network_that_runs(tmp_path):
    made = NETWORKS["ultralight-hubert"](tmp_path / "g.onnx")
    session = ort.InferenceSession(str(made.path), providers=["CPUExecutionProvider"])
    shapes = {"face": (2, 6, 160, 160), "features": (2, 16, 32, 32)}
    given = {name: np.random.default_rng(0).random(s, np.float32) for name, s in shapes.items()}
    (out,) = session.run(None, given)
    assert out.shape == (2, 3, 160, 160) and 0 <= out.min() < out.max() <= 1
    assert not np.allclose(out[0], out[1])
