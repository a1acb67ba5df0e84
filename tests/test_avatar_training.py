"""Training a decoder: samples, measures, and (where torch is installed) a short real run."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar import measure
from livehost.avatar.measure import crop_of, lip_leak, psnr, ssim
from livehost.avatar.samples import Samples, closed_lips, load_samples
from livehost.avatar.train import Plan, main, schedule, weight_map
from livehost.errors import ConfigError

NAMES = ("jawOpen", "mouthPressLeft", "mouthUpperUpLeft")


def picture(coefs):
    """Draw a mouth of sorts: a dark bar as high as the jaw is open."""
    image = np.full((48, 48, 3), (200, 160, 140), np.uint8)
    height = round(2 + 20 * coefs[0])
    image[24 - height // 2 : 24 + height // 2 + 1, 12:36] = (60, 20, 20)
    return image


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    coefs = random.random((20, 3)).astype(np.float32)
    coefs[:4] = [[0, 0.3, 0], [0, 0.3, 0.3], [0.5, 0, 0], [0.01, 0.2, 0.05]]
    np.save(tmp_path / "coefs.npy", coefs)
    names = {"coefs": NAMES, "labels": [f"s{n}" for n in range(20)]}
    (tmp_path / "names.json").write_text(json.dumps(names))
    splits = {"train": list(range(16)), "test": [16, 17, 18, 19]}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    for n, row in enumerate(coefs):
        cv2.imwrite(str(tmp_path / f"{n:04d}.png"), picture(row)[..., ::-1])
    return tmp_path


def test_samples_are_rgb_and_cropped(folder):
    samples = load_samples(folder, (8, 8, 32, 32))
    assert samples.images.shape == (20, 32, 32, 3)
    assert tuple(samples.images[0, 0, 0]) == (200, 160, 140)
    assert samples.names == NAMES and len(samples.train) == 16 and len(samples.test) == 4


@pytest.mark.parametrize("name", ["names.json", "splits.json", "coefs.npy", "0007.png"])
def test_missing_sample_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ConfigError):
        load_samples(folder)


def test_counts_must_agree(folder):
    np.save(folder / "coefs.npy", np.zeros((19, 3), np.float32))
    with pytest.raises(ConfigError, match=r"names\.json says"):
        load_samples(folder)


def test_closed_lips_are_those_with_nothing_open(folder):
    samples = load_samples(folder)
    assert closed_lips(samples)[:4].tolist() == [True, False, False, True]


def test_eyes_have_no_lips(folder):
    samples = load_samples(folder)
    eyes = Samples(
        samples.images, samples.coefs, ("a", "b", "c"), samples.train, samples.test, samples.labels
    )
    assert not closed_lips(eyes).any()


def test_weights_are_large_where_pictures_differ():
    images = np.zeros((4, 3, 32, 32), np.float32)
    images[::2, :, 10:14, 10:14] = 1
    weight = weight_map(images)
    assert weight[12, 12] == pytest.approx(6, abs=0.5) and weight[30, 30] == pytest.approx(1)


def test_moving_part_is_found(folder):
    left, top, width, height = crop_of(load_samples(folder))
    assert 8 <= left <= 13 and 34 <= left + width <= 40
    assert top > 5 and top + height < 43


def test_psnr_of_a_known_error():
    truth = np.zeros((1, 8, 8, 3), np.uint8)
    assert psnr(truth + np.uint8(255), truth) == pytest.approx(0)
    assert psnr(truth + np.uint8(1), truth) == pytest.approx(48.13, abs=0.01)
    half = truth.copy()
    half[:, :4] = 255
    assert psnr(half, truth, (0, 4, 8, 4)) > 100


def test_ssim_is_one_for_equal_and_low_for_noise():
    truth = np.random.default_rng(0).integers(0, 255, (1, 32, 32, 3)).astype(np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, (1, 32, 32, 3)).astype(np.uint8)
    assert ssim(truth, truth) == pytest.approx(1)
    assert ssim(noise, truth) < 0.2


def test_a_gap_that_is_not_there_is_a_leak():
    truth = np.full((1, 32, 32, 3), 150, np.uint8)
    gap = truth.copy()
    gap[:, 16, 4:28] = 90
    assert lip_leak(gap, truth, (0, 0, 32, 32)) == pytest.approx(60)
    assert lip_leak(truth, gap, (0, 0, 32, 32)) == pytest.approx(0)


XIAOHE = Path(__file__).parents[1] / "avatars" / "xiaohe"


def test_measuring_from_the_command_line(folder, capsys):
    from livehost.avatar import load_avatar

    mouth = load_avatar(XIAOHE).mouth
    height, width = mouth.mask.shape
    names = {"coefs": mouth.coefs, "labels": [f"s{n}" for n in range(20)]}
    (folder / "names.json").write_text(json.dumps(names))
    np.save(folder / "coefs.npy", np.zeros((20, len(mouth.coefs)), np.float32))
    for n in range(20):
        image = np.random.default_rng(n).integers(0, 255, (height, width, 3))
        cv2.imwrite(str(folder / f"{n:04d}.png"), image)
    assert measure.main([str(folder), str(mouth.model)]) == 0
    said = capsys.readouterr().out
    assert "16 training, 4 held-out samples" in said and "closed lips: 20 samples" in said


def test_schedule_warms_up_and_cools_down():
    assert schedule(0, 1_000) < 0.02
    assert schedule(120, 1_000) > 0.9
    assert schedule(1_000, 1_000) == pytest.approx(0.02)


def test_bad_samples_exit_with_2(tmp_path, capsys):
    assert main([str(tmp_path), "--out", str(tmp_path / "x.onnx")]) == 2
    assert "not a folder of samples" in capsys.readouterr().err


def test_odd_crop_is_refused(folder, capsys):
    with pytest.raises(SystemExit):
        main([str(folder), "--out", "x.onnx", "--crop", "0,0,30,32"])
    assert "divisible by 16" in capsys.readouterr().err


def test_importing_the_package_does_not_import_torch():
    code = "import sys, livehost.avatar, livehost.avatar.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- with torch ---------------------------------------------------------------------------------


def run(folder, *more):
    arguments = [str(folder), "--out", str(folder / "m.onnx"), "--small", "--steps", "40", *more]
    return main(arguments)


def test_trains_exports_and_the_graph_says_the_same(folder, capsys):
    torch = pytest.importorskip("torch")
    import onnxruntime

    from livehost.avatar.train import Run

    assert run(folder) == 0
    samples = load_samples(folder)
    state = Run(samples, Plan(steps=40), folder / "m.pt", True)
    assert state.step == 40
    session = onnxruntime.InferenceSession(
        str(folder / "m.onnx"), providers=["CPUExecutionProvider"]
    )
    for row in samples.coefs[:6] * np.float32(1.5):  # beyond the border of the flow, too
        drawn = session.run(["rgb"], {"coefs": row[None]})[0]
        with torch.no_grad():
            expected = state.average(torch.from_numpy(row[None])).numpy()
        assert np.abs(drawn - expected).max() < 1e-4


def test_resumes_where_it_stopped(folder, capsys):
    pytest.importorskip("torch")
    from livehost.avatar.train import Run

    assert run(folder, "--seconds", "0") == 0
    assert Run(load_samples(folder), Plan(steps=40), folder / "m.pt", True).step == 0
    assert run(folder) == 0
    assert Run(load_samples(folder), Plan(steps=40), folder / "m.pt", True).step == 40


def test_a_strange_checkpoint_is_refused(folder, capsys):
    pytest.importorskip("torch")
    assert run(folder) == 0
    arguments = [str(folder), "--out", str(folder / "m.onnx"), "--steps", "41"]
    assert main(arguments) == 2  # the same checkpoint, but not --small
    assert "is not a checkpoint of this network" in capsys.readouterr().err
