"""Loading an avatar: the shipped one is whole, and every fault has its own clear line."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.avatar.measure import OnnxDecoder
from livehost.avatar.seal import seal
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES, SHAPE

XIAOHE = Path(__file__).parents[1] / "avatars" / "xiaohe"


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(XIAOHE, tmp_path / "xiaohe"))


@pytest.fixture(scope="module")
def avatar():
    return load_avatar(XIAOHE)


def edit(folder, old, new):
    path = folder / "avatar.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def problem(folder):
    with pytest.raises(ConfigError) as caught:
        load_avatar(folder)
    assert all("\n" not in line for line in caught.value.problems)
    return str(caught.value)


def test_shipped_avatar_has_the_promised_types(avatar):
    assert avatar.plate.shape == (1920, 1080, 4) and avatar.plate.dtype == np.uint8
    assert avatar.depth.shape == (1920, 1080) and avatar.depth.dtype == np.float32
    assert avatar.head_weight.shape == (1920, 1080) and avatar.head_weight.dtype == np.uint8
    assert avatar.kind == "ai" and avatar.name == "xiaohe"
    for target in (*avatar.visemes.values(), *avatar.emotions.values()):
        assert target.shape == (len(BLENDSHAPES),) and target.dtype == np.float32
        assert target.min() >= 0 and target.max() <= 1


def test_depth_covers_the_body_and_nothing_else(avatar):
    solid = avatar.plate[..., 3] > 0
    assert np.isfinite(avatar.depth[solid]).all()
    assert np.isinf(avatar.depth[~solid]).all()
    nose, shoulder = avatar.depth[620, 540], avatar.depth[900, 300]
    assert nose < shoulder


def test_plate_is_rgb_not_bgr(avatar):
    lips = avatar.plate[700:712, 520:560, :3].reshape(-1, 3).mean(0)
    assert lips[0] > lips[2]


def test_face_is_large_enough_for_a_phone(avatar):
    frame = avatar.frame
    assert 0.28 <= 448 / frame.height <= 0.32
    assert abs(frame.width / frame.height - 9 / 16) < 0.001


def decode(model, coefs):
    """Return (h, w, 3) in 0..1."""
    return OnnxDecoder(model).draw(coefs[None])[0] / np.float32(255)


@pytest.mark.parametrize("which", ["model", "precise"])
@pytest.mark.parametrize("name", ["mouth", "eyes"])
def test_decoder_fits_its_region_and_rests_like_the_plate(avatar, name, which):
    region = getattr(avatar, name)
    rgb = decode(getattr(region, which), np.zeros(len(region.coefs), np.float32))
    assert rgb.shape == (*region.mask.shape, 3)
    x, y, width, height = region.box
    size = (round(width * region.scale), round(height * region.scale))
    assert size == region.mask.shape[::-1]
    rest = cv2.resize(avatar.plate[y : y + height, x : x + width, :3], size)
    covered = region.mask > 200
    error = np.abs(rgb * 255 - rest)[covered]
    assert error.mean() < 5


def mouth_of(avatar, *sparse):
    coefs = np.zeros(len(avatar.mouth.coefs), np.float32)
    for shapes in sparse:
        coefs += [shapes[SHAPE[name]] for name in avatar.mouth.coefs]
    return decode(avatar.mouth.model, coefs) @ (0.2126, 0.7152, 0.0722)


def test_m_looks_shut_and_a_looks_open(avatar):
    """Count dark pixels: an open mouth shows its inside, a shut one a thin line at most."""
    smile = 0.35 * avatar.emotions["friendly_smile"]
    lips = np.s_[28:80, 40:110]
    shut = (mouth_of(avatar, avatar.visemes["m"], smile)[lips] < 0.25).sum()
    opened = (mouth_of(avatar, avatar.visemes["a"], smile)[lips] < 0.25).sum()
    assert shut < 15 and opened > 150


def test_eyes_close(avatar):
    def dark(blink):
        coefs = np.zeros(len(avatar.eyes.coefs), np.float32)
        for side in ("Left", "Right"):
            coefs[avatar.eyes.coefs.index("eyeBlink" + side)] = blink
        rgb = decode(avatar.eyes.model, coefs)
        below_brows = round((552 - avatar.eyes.box[1]) * avatar.eyes.scale)
        drawn = avatar.eyes.mask[below_brows:] > 128  # irises and lashes, no hair
        return (rgb.min(2)[below_brows:][drawn] < 0.2).sum()

    assert dark(1.0) < 0.6 * dark(0.0)


def test_every_blendshape_the_visemes_use_reaches_a_decoder(avatar):
    drawn = {*avatar.mouth.coefs, *avatar.eyes.coefs}
    used = {BLENDSHAPES[n] for v in avatar.visemes.values() for n in np.flatnonzero(v)}
    assert used <= drawn


def test_bilabials_map_to_a_closed_mouth(avatar):
    for phone in ("p", "b", "m"):
        (viseme,) = avatar.ipa[phone]
        assert avatar.visemes[viseme][SHAPE["jawOpen"]] == 0


@pytest.mark.parametrize(
    "name",
    ["plate.png", "depth.png", "headweight.png", "shapes.json", "mouth.onnx", "eyes_mask.png"],
)
def test_missing_file(folder, name):
    (folder / name).unlink()
    assert f"{name}: model file is missing" in problem(folder)


def test_missing_manifest(tmp_path):
    assert "avatar.toml: cannot be read" in problem(tmp_path / "nowhere")


def test_changed_file(folder):
    path = folder / "mouth.onnx"
    path.write_bytes(path.read_bytes() + b"x")
    assert "sha256" in problem(folder)


def test_unlisted_file(folder):
    edit(folder, '"plate.png" = "', '"other.png" = "')
    assert "plate.png has no sha256" in problem(folder)


def test_file_outside_the_folder(folder):
    shutil.copy(folder / "plate.png", folder.parent / "plate.png")
    edit(folder, 'plate = "plate.png"', 'plate = "../plate.png"')
    edit(folder, '"plate.png" = "', '"../plate.png" = "')
    assert "outside the avatar's folder" in problem(folder)


def test_broken_toml(folder):
    (folder / "avatar.toml").write_text("name = [", "utf-8")
    assert "is not valid TOML" in problem(folder)


def test_unknown_key_names_its_line(folder):
    edit(folder, "[frame]", "colour = 3\n\n[frame]")
    said = problem(folder)
    assert "colour: unknown key" in said and "avatar.toml:" in said


@pytest.mark.parametrize("value", ["nan", "-inf", "0.0"])
def test_depth_scale_must_be_a_positive_number(folder, value):
    edit(folder, "near = 20.73", f"near = {value}")
    assert "depth.near" in problem(folder)


def test_depth_scale_must_have_a_range(folder):
    edit(folder, "far = 23.49", "far = 20.73")
    assert "depth.far" in problem(folder)


def test_unknown_blendshape(folder):
    edit(folder, '"cheekPuff"', '"cheekPuf"')
    assert "no such blendshape: cheekPuf" in problem(folder)


def test_region_outside_the_plate(folder):
    edit(folder, "x = 120", "x = 520")
    assert "frame: reaches outside the plate of 1080x1920" in problem(folder)


def resealed_problem(folder):
    seal(folder)
    return problem(folder)


@pytest.mark.parametrize(
    ("name", "picture", "says"),
    [
        ("depth.png", np.zeros((1920, 1080), np.uint8), "must be 16-bit grey"),
        ("depth.png", np.zeros((1920, 1080), np.uint16), "every pixel is background"),
        ("depth.png", np.ones((10, 10), np.uint16), "must be 16-bit grey of 1080x1920"),
        ("headweight.png", np.zeros((1920, 1080, 3), np.uint8), "must be 8-bit grey"),
        ("plate.png", np.zeros((1920, 1080, 3), np.uint8), "must be an 8-bit RGBA"),
        ("mouth_mask.png", np.zeros((5, 5), np.uint8), "must be 8-bit grey of"),
    ],
)
def test_wrong_picture(folder, name, picture, says):
    cv2.imwrite(str(folder / name), picture)
    assert says in resealed_problem(folder)


def test_not_a_picture(folder):
    (folder / "plate.png").write_bytes(b"no picture")
    assert "is not a picture" in resealed_problem(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s["visemes"]["a"].update(jawOpen=float("nan")), "shapes.json"),
        (lambda s: s["visemes"]["a"].update(jawOpen=1.5), "less than or equal to 1"),
        (lambda s: s["visemes"]["a"].update(noSuch=0.5), "no such blendshape: noSuch"),
        (lambda s: s["ipa"].update(a=["zz"]), "missing visemes ['zz']"),
        (lambda s: s["emotions"].pop("friendly_smile"), "missing emotions"),
        (lambda s: s.pop("ipa"), "ipa"),
    ],
)
def test_wrong_shapes(folder, change, says):
    path = folder / "shapes.json"
    shapes = json.loads(path.read_text("utf-8"))
    change(shapes)
    path.write_text(json.dumps(shapes), "utf-8")
    assert says in resealed_problem(folder)


def test_seal_makes_a_changed_avatar_loadable(folder):
    (folder / "shapes.json").write_text((folder / "shapes.json").read_text() + "\n")
    assert "sha256" in problem(folder)
    seal(folder)
    assert load_avatar(folder).name == "xiaohe"


def test_seal_refuses_missing_files(folder):
    (folder / "eyes.onnx").unlink()
    with pytest.raises(ConfigError, match=r"eyes\.onnx: is missing"):
        seal(folder)


def test_folder_stays_small():
    assert sum(f.stat().st_size for f in XIAOHE.iterdir()) < 20e6
