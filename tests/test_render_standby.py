"""A GPU that is lost on air: the picture goes on on the CPU, says why, and comes back."""

import gc
import logging
import threading
import weakref
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnxruntime as ort
import pytest

from livehost.avatar import load_avatar
from livehost.errors import BackendBroken
from livehost.media import BLENDSHAPES, SHAPE, Face, HeadPose, Quality
from livehost.stage.render import make_renderer, session, standby
from livehost.stage.render.session import ORDER, Session
from livehost.stage.render.standby import MOST_REST_SECONDS, REST_SECONDS, Standby

AVATAR = Path(__file__).parents[1] / "avatars" / "xiaohe"
PRECISE, PLAIN = AVATAR / "mouth.onnx", AVATAR / "mouth.sums.onnx"
TENSORRT, CUDA, CPU = ORDER
SHAPE_GIVEN = tuple(ort.InferenceSession(str(PLAIN), providers=[CPU]).get_inputs()[0].shape)


class Gpu:
    """The CPU in the clothes of CUDA: loads and runs while it is well.

    Attributes:
        works: whether models load.
        fails_after: runs, of each session, after which it fails; None never.
        asked: providers of each load.
    """

    def __init__(self, real):
        self.works, self.fails_after, self.asked, self._real = True, None, [], real

    def load(self, path, options, providers):
        names = [name for name, _ in providers]
        self.asked.append(names)
        if names[0] == CPU:
            return self._real(path, options, providers=[CPU])
        if not self.works:
            raise RuntimeError("CUDA failure 46: all CUDA-capable devices are busy")
        return OnGpu(self, self._real(path, options, providers=[CPU]), names[0])


class OnGpu:
    def __init__(self, gpu, real, name):
        self._gpu, self._real, self._name, self._runs = gpu, real, name, 0
        self.get_inputs, self.get_outputs = real.get_inputs, real.get_outputs
        self.io_binding = real.io_binding

    def get_providers(self):
        return [self._name, CPU]

    def disable_fallback(self):
        pass

    def run_with_iobinding(self, binding):
        self._runs += 1
        after = self._gpu.fails_after
        if not self._gpu.works or (after is not None and self._runs > after):
            raise RuntimeError("CUDA failure 700: an illegal memory access was encountered")
        self._real.run_with_iobinding(binding)


@pytest.fixture
def gpu(monkeypatch):
    gpu = Gpu(ort.InferenceSession)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr(ort, "InferenceSession", gpu.load)
    monkeypatch.setattr(session, "DEVICES", {CUDA: "cpu", TENSORRT: "cpu"})
    return gpu


@pytest.fixture
def timers(monkeypatch):
    """Rests that end when the test says so."""

    class Timer:
        made: ClassVar[list] = []

        def __init__(self, seconds, function, given):
            self.seconds, self._end = seconds, lambda: function(*given)
            Timer.made.append(self)

        def start(self):
            pass

        def over(self):
            self._end()

    Timer.made.clear()
    monkeypatch.setattr(standby.threading, "Timer", Timer)
    return Timer.made


def given(value=0.3):
    return np.full(SHAPE_GIVEN, value, np.float32)


def test_what_runs_on_a_device_is_what_runs_without(gpu):
    bound, unbound = Session(PRECISE, among=[CUDA]), Session(PRECISE, among=[CPU])
    assert (bound.provider, unbound.provider) == ("CUDA", "CPU")
    first, second = bound.run(given(0.2)), bound.run(given(0.7))
    assert np.array_equal(first, unbound.run(given(0.2)))
    assert np.array_equal(second, unbound.run(given(0.7)))
    assert not np.array_equal(first, second)  # an answer is not overwritten by the next one
    with pytest.raises(BackendBroken, match="failed"):
        bound.run(np.zeros((1, 3), np.float32))


def test_a_provider_that_loads_and_cannot_run_is_passed_over(gpu, caplog):
    gpu.fails_after = 0
    made = Session(PRECISE)
    assert made.provider == "CPU"
    told = [r for r in caplog.records if r.message == "provider passed over"]
    assert [r.provider for r in told] == ["CUDA"] and "700" in told[0].why
    with pytest.raises(BackendBroken, match="cannot be loaded: CUDA failure 700"):
        Session(PRECISE, among=[CUDA])


def test_a_lost_accelerator_costs_no_picture(gpu, timers, caplog):
    gpu.fails_after = 3
    model, plain = Standby(PRECISE, PLAIN), Session(PLAIN, among=[CPU])
    shown = []
    for n in range(6):
        made = model.run(given(n / 10))
        shown.append((model.provider, made.dtype == np.float32))
    assert shown == [("CUDA", True)] * 2 + [("CPU", False)] * 4  # it ran once to warm up
    assert np.array_equal(made, plain.run(given(0.5)))
    assert model.losses == 1 and "CUDA lost" in model.trouble and "700" in model.trouble
    (told,) = [r for r in caplog.records if "accelerator lost" in r.message]
    assert (told.provider, told.again_in_seconds) == ("CUDA", REST_SECONDS)
    assert [timer.seconds for timer in timers] == [REST_SECONDS]


def test_an_accelerator_that_is_well_again_is_taken_up(gpu, timers, caplog):
    gpu.fails_after = 3
    model = Standby(PRECISE, PLAIN)
    for _ in range(4):
        model.run(given())
    gpu.fails_after = None
    timers[-1].over()
    model.run(given())
    assert (model.provider, model.trouble, model.losses) == ("CUDA", "", 1)
    assert caplog.messages.count("accelerator back") == 1


def test_each_rest_is_longer_up_to_a_bound(gpu, timers, caplog):
    gpu.fails_after = 2
    model = Standby(PRECISE, PLAIN)
    for _ in range(3):
        model.run(given())
    gpu.works = False
    for n in range(7):
        timers[n].over()
        model.run(given())
    rests = [timer.seconds for timer in timers]
    assert rests == [30, 60, 120, 240, 480, MOST_REST_SECONDS, MOST_REST_SECONDS, 960]
    assert model.losses == 1 and model.provider == "CPU" and model.trouble
    assert len([r for r in caplog.records if "accelerator" in r.message]) == 1


def test_an_accelerator_that_holds_is_trusted_again(gpu, timers, monkeypatch):
    monkeypatch.setattr(standby, "STEADY_RUNS", 3)
    gpu.fails_after = 2
    model = Standby(PRECISE, PLAIN)
    for runs in (1, 5):
        gpu.fails_after = runs + 1
        while model.provider != "CPU":
            model.run(given())
        gpu.fails_after = 100
        timers[-1].over()
        model.run(given())
    assert [timer.seconds for timer in timers] == [30, 30]


def test_the_rest_is_waited_for_beside_the_show(gpu, monkeypatch):
    gpu.fails_after = 3
    model = Standby(PRECISE, PLAIN, rest_seconds=0.02)
    loads, load = [], gpu.load

    def noting(*given, **named):
        loads.append(threading.current_thread())
        return load(*given, **named)

    monkeypatch.setattr(ort, "InferenceSession", noting)
    for _ in range(4):
        model.run(given())
    gpu.fails_after = None
    for _ in range(2000):
        model.run(given())
        if model.provider == "CUDA":
            break
        threading.Event().wait(0.005)
    assert model.provider == "CUDA"
    assert loads and threading.main_thread() not in loads


def test_nothing_is_tried_for_a_renderer_that_is_gone(gpu, timers):
    gpu.fails_after = 1
    model = Standby(PRECISE, PLAIN)
    model.run(given())
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    timers[-1].over()
    assert len(timers) == 1


def test_no_accelerator_from_the_start_is_told_and_not_tried_again(gpu, timers):
    gpu.works = False
    model = Standby(PRECISE, PLAIN)
    model.run(given())
    assert model.provider == "CPU" and "busy" in model.trouble and not timers


def test_without_accelerators_one_model_is_open_and_nothing_is_wrong(gpu, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])
    model = Standby(PRECISE, PLAIN)
    model.run(given())
    assert gpu.asked == [[CPU]] and model.trouble == ""


def test_a_cpu_that_fails_is_a_broken_renderer(gpu, timers):
    gpu.fails_after = 1
    model = Standby(PRECISE, PLAIN)
    with pytest.raises(BackendBroken):
        model.run(np.zeros((1, 3), np.float32))


def test_the_host_goes_on_through_a_loss_at_every_level(gpu, timers, caplog):
    """The two models make pictures of different forms; she is the same in both."""
    avatar = load_avatar(AVATAR)
    with caplog.at_level(logging.WARNING):
        for level in (Quality.FULL, Quality.MOUTH_ONLY, Quality.MOUTH_HALF):
            gpu.fails_after = 4
            renderer, before = make_renderer(avatar, 180, 320), None
            jaws = np.concatenate([np.full(3, 0.1), np.linspace(0.1, 0.3, 12)])
            renderer.render(mouth(0.1), Quality.FULL)
            for jaw in jaws:
                now = renderer.render(mouth(jaw), level).picture.y.astype(float)
                if before is not None:
                    assert np.abs(now - before).mean() < 0.5
                    assert np.abs(now - before).max() < 90
                before = now
            assert renderer.provider == "CPU" and renderer.losses >= 1
            assert "CUDA lost" in renderer.trouble


def mouth(jaw):
    shapes = np.zeros(len(BLENDSHAPES), np.float32)
    shapes[SHAPE["jawOpen"]] = jaw
    return Face(shapes, HeadPose())
