"""What the published networks are given: mel frames, 16 kHz, shapes; and what is refused."""

import logging
from fractions import Fraction

import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.onnx_file import FLOAT16, INT64, Sketch
from livehost.clock import Timeline
from livehost.errors import BackendBroken, ConfigError
from livehost.media import Sound
from livehost.models import sha256
from livehost.stage.render import session
from livehost.stage.render.peers import check_network, load_network, mel, voice, window
from livehost.stage.render.peers.contract import Form
from livehost.stage.render.peers.graph import Graph
from livehost.stage.render.session import ORDER

TENSORRT, CUDA, CPU = ORDER
PAIR = Form({"mel": (None, 1, 80, 16), "face": (None, 6, 4, 4)}, (None, 3, 4, 4))


def tone(hertz, count, rate=16_000, size=0.5):
    return (size * np.sin(2 * np.pi * hertz * np.arange(count) / rate)).astype(np.float32)


# --- mel ------------------------------------------------------------------------------------------


def test_silence_is_the_lowest_level_and_a_tone_lights_its_own_band():
    assert np.all(mel.wav2lip(np.zeros(mel.SPAN, np.float32)) == -4)
    edges = mel._hertz(np.linspace(mel._mel(55), mel._mel(7600), 82))
    for band in (5, 20, 40, 60, 75):
        shown = mel.wav2lip(tone(edges[band + 1], mel.SPAN))
        assert shown.shape == (80, 16) and shown.max() <= 4
        assert set(shown.argmax(axis=0)) == {band}


def test_levels_are_those_of_the_published_code():
    """Written out here once more, slowly: pre-emphasis, one centred frame, Slaney's mel, dB."""
    pcm = np.random.default_rng(0).normal(0, 0.1, mel.SPAN).astype(np.float32)
    frame = 7
    bright = pcm.astype(float).copy()
    bright[1:] -= 0.97 * pcm[:-1]
    part = bright[1 + 200 * frame :][:800]
    hann = np.array([0.5 - 0.5 * np.cos(2 * np.pi * n / 800) for n in range(800)])
    size = np.abs(np.fft.fft(part * hann)[:401])
    # Slaney: 66.7 Hz a mel up to 1 kHz, then 27 mels for a factor of 6.4.
    to_mel = lambda f: f * 3 / 200 if f < 1000 else 15 + 27 * np.log(f / 1000) / np.log(6.4)  # noqa: E731
    to_hertz = lambda m: m * 200 / 3 if m < 15 else 1000 * 6.4 ** ((m - 15) / 27)  # noqa: E731
    edges = [to_hertz(m) for m in np.linspace(to_mel(55), to_mel(7600), 82)]
    for band in (0, 13, 44, 79):
        low, middle, high = edges[band : band + 3]
        total = 0.0
        for bin_ in range(401):
            hertz = bin_ * 20.0
            weight = max(0.0, min((hertz - low) / (middle - low), (high - hertz) / (high - middle)))
            total += weight * 2 / (high - low) * size[bin_]
        level = 20 * np.log10(max(1e-5, total)) - 20
        wanted = np.clip(8 * (level + 100) / 100 - 4, -4, 4)
        assert mel.wav2lip(pcm)[band, frame] == pytest.approx(wanted, abs=2e-3)


def test_whispers_frames_are_long_loud_and_silent_where_nothing_is():
    shown = mel.whisper(tone(1000, 16_000))
    assert shown.shape == (80, 3000)
    assert shown.max() - shown.min() <= 2 + 1e-6  # eight decades, in quarters
    assert np.all(shown[:, 102:] == shown.min()) and shown[:, :99].max(axis=0).min() > 1
    whole = np.zeros(mel.LONGEST, np.float32)
    whole[:16_000] = tone(1000, 16_000)
    assert np.allclose(mel.whisper(whole), shown, atol=1e-5)


# --- 16 kHz ---------------------------------------------------------------------------------------


def sound(pcm, first=0, starts=(0, 1920)):
    return Sound(pcm, first, first + len(pcm), starts)


def test_a_tone_survives_16_khz_and_what_would_fold_back_does_not():
    at = np.arange(48_000) / 48_000
    for hertz, least, most in ((200, 0.99, 1.01), (5000, 0.97, 1.02), (11_000, 0, 0.01)):
        given = np.sin(2 * np.pi * hertz * at).astype(np.float32)
        heard = voice.heard(sound(given), 1000, 8000)
        assert least <= np.sqrt(2 * np.mean(heard**2)) <= most
    kept = voice.heard(sound(np.sin(2 * np.pi * 200 * at).astype(np.float32)), 1000, 800)
    assert np.allclose(kept, np.sin(2 * np.pi * 200 * (1000 + np.arange(800)) / 16_000), atol=0.01)


def test_a_moment_sounds_the_same_wherever_it_is_cut_from():
    pcm = np.random.default_rng(1).normal(0, 0.3, 30_000).astype(np.float32)
    one = voice.heard(sound(pcm, 600), 3000, 500)
    other = voice.heard(sound(pcm[3000:24_000], 3600), 3000, 500)
    assert np.array_equal(one, other)
    assert np.array_equal(one[100:], voice.heard(sound(pcm, 600), 3100, 400))


def test_what_is_no_number_is_silence_and_what_is_too_loud_is_full_scale():
    pcm = np.full(4800, np.nan, np.float32)
    pcm[2400:] = 9
    heard = voice.heard(sound(pcm), 0, 1600)
    assert np.isfinite(heard).all() and abs(heard[1400] - 1) < 1e-3 and abs(heard[100]) < 1e-3


# --- graphs ---------------------------------------------------------------------------------------


def pair(
    path,
    *,
    mel_shape=("n", 1, 80, 16),
    face=("n", 6, 4, 4),
    made=("n", 3, 4, 4),
    flat=False,
    fails=False,
):
    """A graph that adds the mean of the mel to the second half of the face's channels."""
    sketch = Sketch()
    heard, seen = sketch.input("sequences", mel_shape), sketch.input("pictures", face)
    mean = sketch.node("ReduceMean", [heard], axes=[1, 2, 3])
    parts = [sketch.weight(np.array([at], np.int64)) for at in (3, 6, 1)]
    whole = sketch.node("Slice", [seen, *parts])
    out = sketch.node("Add", [whole, mean])
    if flat:
        out = sketch.node("Flatten", [out])
    if fails:  # channels that are not there, which only a run can tell
        far = sketch.node("Cast", [sketch.node("ReduceMean", [heard], keepdims=0)], {"to": 7})
        far = sketch.node("Add", [far, sketch.weight(np.full(3, 99, np.int64))])
        out = sketch.node("Gather", [out, far], axis=1)
    sketch.node("Identity", [out], to=sketch.output("o", made))
    return sketch.write(path)


@pytest.fixture
def face():
    return np.random.default_rng(2).random((1, 6, 4, 4), np.float32)


@pytest.mark.parametrize("batch", ["n", 1, 3])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_pictures_come_in_order_whatever_batch_the_file_was_made_for(tmp_path, face, batch, count):
    path = pair(
        tmp_path / "a.onnx",
        mel_shape=(batch, 1, 80, 16),
        face=(batch, 6, 4, 4),
        made=(batch, 3, 4, 4),
    )
    graph = Graph(path, PAIR, 4, {"face": face})
    mels = np.arange(count, dtype=np.float32)[:, None, None, None] + np.zeros((1, 1, 80, 16))
    made = graph.run({"mel": mels.astype(np.float32)})
    assert made.shape == (count, 3, 4, 4)
    for n in range(count):
        assert np.allclose(made[n], face[0, 3:] + n, atol=1e-5)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"mel_shape": ("n", 1, 80, 20)}, "no input of shape [n, 1, 80, 16] (mel)"),
        ({"face": ("n", 6, 8, 8), "made": ("n", 3, 8, 8)}, "no input of shape [n, 6, 4, 4] (face)"),
        ({"made": ("n", 48), "flat": True}, "no output of shape [n, 3, 4, 4]"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path, face, changed, said):
    path = pair(tmp_path / "other.onnx", **changed)
    with pytest.raises(ConfigError) as raised:
        Graph(path, PAIR, 1, {"face": face})
    (problem,) = raised.value.problems
    assert problem.startswith("other.onnx: ") and said in problem and "its " in problem


def test_an_input_too_many_is_named(tmp_path, face):
    sketch = Sketch()
    names = [sketch.input(*each) for each in (("m", [1, 1, 80, 16]), ("f", [1, 6, 4, 4]))]
    extra = sketch.input("age", [1, 7])
    total = [sketch.node("ReduceMean", [name]) for name in [names[0], extra]]
    parts = [sketch.weight(np.array([at], np.int64)) for at in (3, 6, 1)]
    out = sketch.node("Slice", [names[1], *parts])
    out = sketch.node(
        "Add", [out, sketch.node("ReduceSum", [sketch.node("Add", total)], keepdims=0)]
    )
    sketch.node("Identity", [out], to=sketch.output("o", [1, 3, 4, 4]))
    with pytest.raises(ConfigError, match=r"input age \[1, 7\] is not known"):
        Graph(sketch.write(tmp_path / "a.onnx"), PAIR, 1, {"face": face})


def test_half_precision_inputs_and_time_steps_of_any_kind_are_served(tmp_path):
    form = Form({"latents": (None, 8, 2, 2), "sound": (None, 5, 3)}, (None, 4, 2, 2), "time")
    still = {"latents": np.ones((1, 8, 2, 2), np.float32), "time": np.zeros(1, np.float32)}
    for code, shape in ((None, ()), (INT64, ()), (INT64, (1,)), (FLOAT16, ("n",))):
        sketch = Sketch()
        latents = sketch.input("sample", ("n", 8, 2, 2), FLOAT16)
        heard = sketch.input("states", ("n", 5, 3), FLOAT16)
        if code is not None:
            sketch.input("timestep", shape, code)
        parts = [sketch.weight(np.array([at], np.int64)) for at in (0, 4, 1)]
        half = sketch.node("Slice", [latents, *parts])
        mean = sketch.node("ReduceMean", [heard], axes=[1, 2])
        mean = sketch.node("Reshape", [mean, sketch.weight(np.array([-1, 1, 1, 1], np.int64))])
        sketch.node("Add", [half, mean], to=sketch.output("o", ("n", 4, 2, 2), FLOAT16))
        graph = Graph(sketch.write(tmp_path / "u.onnx"), form, 2, still)
        made = graph.run({"sound": np.full((2, 5, 3), 0.5, np.float32)})
        assert made.dtype == np.float32 and np.allclose(made, 1.5)


def test_a_file_that_cannot_be_read_or_fails_is_a_broken_backend(tmp_path, face):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"no graph")
    with pytest.raises(BackendBroken, match=r"bad\.onnx: cannot be loaded"):
        Graph(bad, PAIR, 1, {"face": face})
    with pytest.raises(BackendBroken, match=r"fails\.onnx"):
        Graph(
            pair(tmp_path / "fails.onnx", fails=True),
            PAIR,
            1,
            {"face": face},
        )


class Gpu:
    """The CPU in the clothes of CUDA."""

    def __init__(self, real):
        self._real, self.bound, self.fails = real, 0, False

    def load(self, path, options, providers):
        made = self._real(path, options, providers=[CPU])
        gpu = self

        class Loaded:
            get_inputs, get_outputs, io_binding = made.get_inputs, made.get_outputs, made.io_binding

            def get_providers(self):
                return [CUDA]

            def disable_fallback(self):
                pass

            def run_with_iobinding(self, binding):
                gpu.bound += 1
                if gpu.fails:
                    raise RuntimeError("CUDA failure 700\nlong story")
                made.run_with_iobinding(binding)

        return Loaded()


@pytest.fixture
def gpu(monkeypatch):
    gpu = Gpu(ort.InferenceSession)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", gpu.load)
    monkeypatch.setattr(session, "DEVICES", {CUDA: "cpu"})
    return gpu


def test_on_a_device_buffers_are_bound_and_pictures_are_the_same(tmp_path, face, gpu, caplog):
    with caplog.at_level(logging.INFO):
        graph = Graph(pair(tmp_path / "a.onnx"), PAIR, 3, {"face": face})
    assert graph.provider == "CUDA" and "network loaded" in caplog.text
    for count in (1, 3, 7, 2):
        mels = np.random.default_rng(count).random((count, 1, 80, 16), np.float32)
        made = graph.run({"mel": mels})
        wanted = face[0, 3:] + mels.mean((1, 2, 3))[:, None, None, None]
        assert np.allclose(made, wanted, atol=1e-5)
    assert gpu.bound == 1 + 1 + 1 + 3 + 1


def test_a_device_that_fails_on_air_ends_the_renderer(tmp_path, face, gpu):
    graph = Graph(pair(tmp_path / "a.onnx"), PAIR, 3, {"face": face})
    gpu.fails = True
    with pytest.raises(BackendBroken, match=r"a\.onnx: failed: CUDA failure 700$"):
        graph.run({"mel": np.zeros((1, 1, 80, 16), np.float32)})


# --- network.toml ---------------------------------------------------------------------------------


def describe(folder, kind="wav2lip-96", more="", **hashes):
    """Write network.toml and files of nothing; return its path."""
    models = {"wav2lip-96": ["generator"], "musetalk": ["whisper", "encoder", "unet", "decoder"]}
    lines = [f'kind = "{kind}"', 'licence = "mine"', more]
    for name in models.get(kind, ["generator"]):
        file = folder / f"{name}.onnx"
        file.write_bytes(name.encode())
        lines += [f"[models.{name}]", f'file = "{file.name}"']
        lines += [f'sha256 = "{hashes.get(name, sha256(file))}"']
    path = folder / "network.toml"
    path.write_text("\n".join(lines))
    return path


def test_a_described_network_is_loaded(tmp_path):
    network = load_network(describe(tmp_path, "musetalk", "batch = 4\nbox = [1, 2, 30, 40]"))
    assert network.form.side == 256 and network.box == (1, 2, 30, 40)
    assert network.path("unet") == (tmp_path / "unet.onnx").resolve()


@pytest.mark.parametrize(
    ("kind", "more", "hashes", "said"),
    [
        ("wav2lip-100", "", {}, "network.toml:1: kind: must be one of wav2lip-96"),
        (
            "ultralight-hubert",
            "",
            {},
            "models: ultralight-hubert consists of models.generator, models.hubert",
        ),
        ("wav2lip-96", "batch = 40", {}, "batch"),
        ("wav2lip-96", "speed = 2", {}, "unknown key"),
        ("wav2lip-96", "", {"generator": ""}, 'write sha256 = "'),
        ("wav2lip-96", "", {"generator": "0" * 64}, "not the same file"),
    ],
)
def test_what_is_wrong_with_a_description_is_said(tmp_path, kind, more, hashes, said):
    with pytest.raises(ConfigError) as raised:
        load_network(describe(tmp_path, kind, more, **hashes))
    assert said in str(raised.value) and "network.toml" in str(raised.value)


def test_a_file_that_is_missing_is_said(tmp_path):
    path = describe(tmp_path)
    (tmp_path / "generator.onnx").unlink()
    with pytest.raises(ConfigError, match="does not exist"):
        load_network(path)


def test_checking_lists_the_problems_of_every_model(tmp_path):
    path = describe(tmp_path, "musetalk")
    with pytest.raises(ConfigError) as raised:
        check_network(path)
    assert len(raised.value.problems) == 4
    assert all("is not an ONNX file" in problem for problem in raised.value.problems)


@pytest.mark.parametrize("kind", ["wav2lip-96", "musetalk"])
@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001)])
@pytest.mark.parametrize("shift", [-120, 0, 80])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_window_holds_all_that_a_batch_depends_on(tmp_path, kind, fps, shift, batch):
    """Found by asking each kind for the span of every tick."""
    from livehost.stage.render.peers.renderer import _painter

    path = describe(tmp_path, kind, f"shift_ms = {shift}\nbatch = {batch}")
    network, timeline = load_network(path), Timeline(fps)
    told = window(network, timeline)
    painter = _painter(network).__new__(_painter(network))
    painter._shift = shift * 48
    for tick in range(40):
        begin = timeline.first_sample(tick)
        for later in range(batch):
            low, high = painter.span(timeline.first_sample(tick + later))
            assert low >= begin - round(told.before * 48_000)
            assert high <= begin + round(told.after * 48_000)
