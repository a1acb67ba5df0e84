"""Models run on the best provider that loads, and failures have the right class."""

import logging
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from livehost.errors import BackendBroken
from livehost.stage.render import session
from livehost.stage.render.session import ORDER, Session, providers

MOUTH = Path(__file__).parents[1] / "avatars" / "xiaohe" / "mouth.onnx"
TENSORRT, CUDA, CPU = ORDER


class Loaded:
    """A session that says it runs on `provider`."""

    def __init__(self, provider, session):  # of onnxruntime
        self._provider = provider
        self.get_inputs, self.run = session.get_inputs, session.run
        self.get_outputs, self.io_binding = session.get_outputs, session.io_binding
        self.run_with_iobinding = session.run_with_iobinding

    def disable_fallback(self):
        pass

    def get_providers(self):
        return [self._provider]


@pytest.fixture
def machine(monkeypatch):
    """Pretend that `available` is compiled in and only `working` loads; return what was asked."""
    real = ort.InferenceSession

    def make(*available, working, silent=False):
        asked = []

        def load(path, options, providers):
            names = [name for name, _ in providers]
            asked.append(names)
            if names[0] not in working and not silent:
                raise RuntimeError("libcudart is missing\nlong story")
            loaded = next(name for name in names if name in working)
            return Loaded(loaded, real(path, options, providers=[CPU]))

        monkeypatch.setattr(ort, "get_available_providers", lambda: list(available))
        monkeypatch.setattr(ort, "InferenceSession", load)
        monkeypatch.setattr(session, "DEVICES", dict.fromkeys((TENSORRT, CUDA), "cpu"))
        return asked

    return make


def test_the_best_provider_comes_first():
    names = [name for name, _ in providers([CPU, "AzureExecutionProvider", CUDA, TENSORRT])]
    assert names == [TENSORRT, CUDA, CPU]
    assert [name for name, _ in providers([CPU])] == [CPU]


def test_tensorrt_engines_are_kept_on_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    options = dict(providers([TENSORRT, CPU]))[TENSORRT]
    assert options["trt_engine_cache_enable"] and options["trt_fp16_enable"]
    assert options["trt_engine_cache_path"].startswith(str(tmp_path))


def test_a_cpu_session_runs():
    made = Session(MOUTH)
    assert made.provider == "CPU"
    output = made.run(np.zeros(made.shape, np.float32))
    assert output.shape[:2] == (1, 3) and output.min() >= 0 and output.max() <= 1


def test_a_provider_that_fails_is_passed_over_and_told(machine, caplog):
    asked = machine(CUDA, CPU, working=[CPU])
    with caplog.at_level(logging.INFO):
        made = Session(MOUTH)
    assert made.provider == "CPU"
    assert asked == [[CUDA, CPU], [CPU]]
    (told,) = [r for r in caplog.records if r.message == "provider passed over"]
    assert told.provider == "CUDA" and told.why == "libcudart is missing"


def test_a_provider_that_silently_did_not_load_is_told(machine, caplog):
    machine(TENSORRT, CUDA, CPU, working=[CUDA, CPU], silent=True)
    with caplog.at_level(logging.INFO):
        made = Session(MOUTH)
    assert made.provider == "CUDA"
    assert "provider passed over" in caplog.messages


def test_a_damaged_model_is_a_broken_backend(tmp_path):
    path = tmp_path / "mouth.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(BackendBroken, match=r"mouth\.onnx: cannot be loaded"):
        Session(path)


def test_no_provider_at_all_is_a_broken_backend(machine):
    machine("AzureExecutionProvider", working=[])
    with pytest.raises(BackendBroken, match="none of the providers"):
        Session(MOUTH)


def test_an_input_that_does_not_fit_is_a_broken_backend():
    with pytest.raises(BackendBroken, match="failed"):
        Session(MOUTH).run(np.zeros((1, 3), np.float32))
