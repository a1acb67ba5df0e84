"""Packing on pictures made by hand: the plate, the fit of a region, the avatar's folder."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.avatar.recipe.command import main
from livehost.avatar.recipe.host import Grade, Neck, RegionKeys, load_host
from livehost.avatar.recipe.pack import region_box
from livehost.avatar.recipe.plate import PlateCamera as Camera
from livehost.avatar.recipe.plate import (
    compose_plate,
    encode_depth,
    plate_maps,
    read_graded,
)
from livehost.avatar.recipe.samples import (
    Renders,
    Shown,
    graded_teeth,
    make_fit,
    pack_region,
    split_of,
    unfolded,
)
from livehost.avatar.recipe.sampling import MOUTH_SHAPES, Sample
from livehost.avatar.recipe.stages import BODY, HEAD
from livehost.avatar.samples import load_samples
from livehost.config import load_toml
from livehost.errors import ConfigError

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "avatars" / "recipes" / "xiaohe-jacket.toml"
PLAIN = Grade(gamma=1, saturation=1)
KEYS = RegionKeys(box=(400, 600, 96, 96), scale=0.5, crop=(0, 0, 48, 48), random=20)
SKIN, HAIR = (120, 150, 200), (20, 20, 30)


def picture(height, width, colour, alpha=255):
    return np.full((height, width, 4), (*colour, alpha), np.uint8)


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def mouth(opened):
    """A render of 48x48: skin with a dark opening, the upper right corner transparent."""
    image = picture(48, 48, SKIN)
    if opened:
        cv2.ellipse(image, (24, 26), (9, max(2, int(8 * opened))), 0, 0, 360, (30, 20, 60, 255), -1)
    image[:8, 40:] = 0
    return image


@pytest.fixture(scope="module")
def plate():
    out = np.zeros((1920, 1080, 4), np.uint8)
    out[500:800, 300:700] = (*(int(c * 0.9) for c in SKIN), 255)  # in the shade of the hair
    out[500:616, 480:700] = (*HAIR, 255)
    return out


@pytest.fixture
def behind():
    return picture(96, 96, HAIR)


def samples(count):
    fixed = [Sample("rest", "fixed", {}), Sample("a@1.0", "fixed", {"jawOpen": 0.6})]
    random = [Sample(f"mix {n}", "random", {"jawOpen": n / count}) for n in range(count)]
    return [*fixed, *random, Sample("x close", "talking", {"mouthPressLeft": 0.3})]


def shown(plate, behind):
    hair = (plate[..., :3] == HAIR).all(-1) & (plate[..., 3] > 0)
    return Shown(plate, behind, hair)


def renders(folder, count=20):
    listed = samples(count)
    for n, one in enumerate(listed):
        write(folder / f"{n:04d}.png", mouth(one.coefs.get("jawOpen", 0)))
    return Renders(listed, folder, PLAIN)


def test_grading_changes_colour_and_leaves_alpha(tmp_path):
    write(tmp_path / "a.png", picture(2, 2, (10, 100, 200), 77))
    plain = read_graded(tmp_path / "a.png", PLAIN)
    assert plain[0, 0].tolist() == [10, 100, 200, 77]
    lit = read_graded(tmp_path / "a.png", Grade(gamma=0.5, saturation=1))
    assert lit[0, 0, 1] == int(255 * (100 / 255) ** 0.5 + 0.5) and lit[0, 0, 3] == 77
    grey = read_graded(tmp_path / "a.png", Grade(gamma=1, saturation=1e-9))
    assert len(set(grey[0, 0, :3].tolist())) == 1


def test_the_plate_is_the_head_over_the_body(tmp_path):
    write(tmp_path / "body.png", picture(BODY[3], BODY[2], (0, 0, 200)))
    head = picture(HEAD[3], HEAD[2], (0, 200, 0))
    head[:40] = 0
    write(tmp_path / "head.png", head)
    out = compose_plate(tmp_path, PLAIN)
    assert out.shape == (1920, 1080, 4)
    assert out[600, 540].tolist() == [0, 200, 0, 255]  # inside the head's render
    assert out[1500, 540].tolist() == [0, 0, 200, 255]
    assert out[200, 540, 3] == 0
    edge = out[600, 250 : 250 + 60, 1].astype(int)
    assert edge[0] < 5 and edge[-1] > 195 and (np.diff(edge) >= 0).all()


def test_a_render_of_another_size_is_refused(tmp_path):
    write(tmp_path / "body.png", picture(10, 10, SKIN))
    with pytest.raises(ConfigError, match="must be"):
        compose_plate(tmp_path, PLAIN)


def test_a_rest_render_becomes_the_plate(plate, behind):
    rest = mouth(0)
    fit = make_fit(shown(plate, behind), rest, [mouth(1)], KEYS)
    out = fit.apply(rest).astype(int)
    wanted = plate[600:696:2, 400:496:2, :3].astype(int)
    centre = (slice(18, 40), slice(10, 38))
    assert np.abs(out[centre] - wanted[centre]).max() <= 2  # the gain map takes the shade over


def test_outside_the_moving_part_a_sample_is_the_plate(plate, behind):
    fit = make_fit(shown(plate, behind), mouth(0), [mouth(1)], KEYS)
    still = fit.moving[..., 0] < 0.001
    assert 0.1 < still.mean() < 0.9
    out = fit.apply(mouth(1))
    assert np.abs(out[still].astype(int) - fit.plate[still]).max() <= 1
    assert out[26, 24].max() < 80  # the mouth is open


def test_hair_shows_through_a_transparent_render(plate, behind):
    fit = make_fit(shown(plate, behind), mouth(0), [mouth(1)], KEYS)
    assert np.abs(fit.behind[2:6, 43:46] - HAIR).max() <= 1


def test_hair_before_the_face_stays_where_the_region_is_covered(plate, behind):
    plate = plate.copy()
    plate[600:696, 400:424] = (*HAIR, 255)  # over the left of the face
    plate[600:696, 424:496] = (*SKIN, 255)
    opened, rest = mouth(1), mouth(0)
    rest[:8, 40:] = opened[:8, 40:] = (*SKIN, 255)
    opened[20:40, 2:46, :3] = 30  # all of the face moves
    bare = make_fit(shown(plate, behind), rest, [opened], KEYS)
    keys = KEYS.model_copy(update={"covered": True})
    fit = make_fit(shown(plate, behind), rest, [opened], keys)
    lock, face = (slice(20, 36), slice(8, 11)), (slice(20, 36), slice(20, 36))
    assert np.abs(fit.apply(opened)[lock].astype(int) - HAIR).max() <= 1
    assert fit.moving[lock].max() < 0.05 and bare.moving[lock].min() > 0.4
    assert np.allclose(fit.moving[face], bare.moving[face], atol=0.01)
    assert fit.moving[face].min() > 0.8


def test_finer_renders_are_reduced_to_the_samples(tmp_path, plate, behind):
    keys = KEYS.model_copy(update={"scale": 0.25, "oversample": 2.0, "crop": (0, 0, 16, 16)})
    found = renders(tmp_path / "raw")
    fit = pack_region(found, shown(plate, behind), keys, MOUTH_SHAPES, tmp_path / "out")
    got = load_samples(tmp_path / "out", (0, 0, 16, 16))
    assert got.images.shape == (23, 16, 16, 3)
    assert fit.moving.shape == (48, 48, 1) and fit.mask(keys).shape == (24, 24)
    about = json.loads((tmp_path / "out" / "names.json").read_text("utf-8"))
    assert about["image_scale"] == 0.25


def test_noise_alone_does_not_move(plate, behind):
    noisy = mouth(0)
    noisy[30:33, 10:13, :3] = 255
    with pytest.raises(ConfigError, match="no pixel of the region moves"):
        make_fit(shown(plate, behind), mouth(0), [noisy], KEYS)


def test_a_packed_region_is_a_folder_that_training_takes(tmp_path, plate, behind):
    found = renders(tmp_path / "raw")
    pack_region(found, shown(plate, behind), KEYS, MOUTH_SHAPES, tmp_path / "out")
    got = load_samples(tmp_path / "out", (0, 0, 48, 48))
    assert got.images.shape == (23, 48, 48, 3)
    assert got.names == MOUTH_SHAPES and got.labels[0] == "rest"
    assert got.coefs[1, MOUTH_SHAPES.index("jawOpen")] == np.float32(0.6)
    assert {found.samples[n].kind for n in got.test} == {"random"}
    assert sorted([*got.train, *got.test]) == list(range(23))
    assert len(got.test) == 2


def test_unrendered_samples_are_left_out_and_the_rest_renumbered(tmp_path, plate, behind):
    found = renders(tmp_path / "raw")
    for n in (5, 6, 22):
        (tmp_path / "raw" / f"{n:04d}.png").unlink()
    pack_region(found, shown(plate, behind), KEYS, MOUTH_SHAPES, tmp_path / "out")
    got = load_samples(tmp_path / "out")
    assert len(got.labels) == 20 and "mix 3" not in got.labels and "x close" not in got.labels
    assert got.labels[5] == "mix 5"


def test_teeth_are_toned_and_nothing_beside_them():
    sample = np.full((100, 100, 3), SKIN, np.uint8)
    white = (225, 222, 220)
    sample[30:40, 40:60] = white  # teeth
    sample[90:, :10] = white  # a collar
    assert graded_teeth(sample, (1, 1, 1)) is sample
    toned = graded_teeth(sample, (1.09, 1.03, 0.92)).astype(int)
    blue, _, red = toned[35, 50]
    assert red > 224 and blue < 220
    changed = (toned != sample).any(-1)
    assert changed[32:38, 42:58].all()
    changed[26:44, 36:64] = False
    assert not changed.any()


def test_a_bright_fold_is_taken_off_where_it_is_asked_for():
    sample = np.full((96, 120, 3), SKIN, np.uint8)
    sample[:, 100:] = (60, 80, 110)  # the cheek's shadow, which stays
    for middle in (30, 85):
        line = 40 * np.exp(-(((np.arange(120) - middle) / 3.5) ** 2))
        sample = (sample + line[None, :, None]).astype(np.uint8)
    assert unfolded(sample, ()) is sample
    smooth = unfolded(sample, ((60, 0, 60, 96),)).astype(int)
    assert np.abs(smooth[:, 70:95] - SKIN).max() < 15
    assert np.abs(smooth[:, 104:] - sample[:, 104:]).max() <= 1
    assert np.abs(smooth[:, :45] - sample[:, :45]).max() <= 1


def test_the_split_is_the_same_every_time():
    assert split_of(samples(30)) == split_of(samples(30))


def maps(tmp_path, plate):
    depth = np.full((960, 540), np.inf, np.float32)
    depth[252:398, 152:348] = 21.0
    weight = np.where(np.isfinite(depth), 1, 0).astype(np.float32)
    label = weight.astype(np.uint8)
    np.savez_compressed(tmp_path / "depth.npz", depth=depth, weight=weight, label=label)
    camera = Camera(207.85, 6.0, 4.34)
    return plate_maps(tmp_path / "depth.npz", plate, camera, load_host(RECIPE).neck)


def test_maps_cover_every_visible_pixel_and_no_other(tmp_path, plate):
    got = maps(tmp_path, plate)
    visible = plate[..., 3] > 0
    assert np.isfinite(got.depth[visible]).all()
    assert (got.depth[visible] == 21.0).all()
    assert np.isinf(got.depth[~visible]).all()
    assert got.weight[600, 500] == 1
    assert got.label[600, 500] == 1 and (got.label[~visible] == 0).all()
    assert got.weight[100, 50] == 1 and got.weight[1900, 50] == 0  # by the row


def test_a_collar_stays_with_the_shoulders_and_the_chin_with_the_head(tmp_path, plate):
    neck = load_host(RECIPE).neck.model_copy(update={"cloth": 0.25})
    plate = plate.copy()
    plate[500:1400, 300:700] = 255
    depth = np.full((960, 540), 21.0, np.float32)
    weight = np.full_like(depth, 0.8)
    label = np.full(depth.shape, 1, np.uint8)
    label[430:, 250:] = 3  # cloth from row 860, to the right of column 500
    np.savez_compressed(tmp_path / "depth.npz", depth=depth, weight=weight, label=label)
    got = plate_maps(tmp_path / "depth.npz", plate, Camera(207.85, 6.0, 4.34), neck).weight
    assert got[1300, 400] == pytest.approx(0.8, abs=0.01)  # skin
    assert got[1300, 650] == pytest.approx(0.2, abs=0.01)  # cloth
    assert (got[520:700, 310:690] == 1).all()  # the head
    across = got[1300, 440:560]
    assert np.abs(np.diff(across)).max() < 0.06  # no jump where they meet
    whole = plate_maps(tmp_path / "depth.npz", plate, Camera(207.85, 6.0, 4.34), Neck()).weight
    assert np.allclose(whole[500:1400, 300:700], 0.8)


def test_depth_survives_16_bits(tmp_path, plate):
    depth = maps(tmp_path, plate).depth
    rows = np.indices(depth.shape)[0]
    depth = np.where(np.isfinite(depth), 20.5 + rows / 2000, np.inf).astype(np.float32)
    code, near, far = encode_depth(depth)
    back = near + (code.astype(np.float64) - 1) / 65534 * (far - near)
    known = np.isfinite(depth)
    assert (code[~known] == 0).all() and (code[known] > 0).all()
    error = np.abs(back - depth)[known]
    assert np.median(error) < 0.001 and error.max() < 0.031  # softened at the edges
    assert near <= depth[known].min() and depth[known].max() <= far


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A work folder in which everything is rendered, at least a little."""
    folder = tmp_path_factory.mktemp("work")
    raw = folder / "plate"
    write(raw / "body.png", picture(BODY[3], BODY[2], SKIN))
    write(raw / "head.png", picture(HEAD[3], HEAD[2], SKIN))
    write(raw / "behind_mouth.png", picture(240, 288, HAIR))
    write(raw / "behind_eyes.png", picture(128, 272, HAIR))
    depth = np.full((960, 540), 21.5, np.float32)
    np.savez_compressed(raw / "depth.npz", depth=depth, weight=depth * 0 + 1, label=depth * 0 + 1)
    keys = {"px": 207.847158, "height": 6.0, "middle": 4.341477, "eyes": 0, "chin": 0, "crown": 0}
    (raw / "camera.json").write_text(json.dumps(keys), "utf-8")
    for name, (height, width), numbers in (
        ("mouth", (160, 192), [0, 2, 60, *range(79, 90), 600]),
        ("eyes", (128, 272), [0, 7, *range(49, 60)]),
    ):
        for n in numbers:
            image = picture(height, width, SKIN)
            if n % 60:
                cv2.circle(image, (width // 2, height // 2), 10 + n % 9, (40, 30, 60, 255), -1)
            write(folder / name / f"{n:04d}.png", image)
    assert main([str(RECIPE), "--work", str(folder), "--stage", "pack"]) == 0
    return folder


def test_the_manifest_says_what_the_shipped_one_does(work):
    from livehost.avatar.manifest import Manifest

    got = load_toml(work / "avatar" / "avatar.toml", Manifest)
    shipped = load_toml(ROOT / "avatars" / "xiaohe" / "avatar.toml", Manifest)
    for key in ("title", "kind", "licence", "frame"):
        assert getattr(got, key) == getattr(shipped, key), key
    for region in ("mouth", "eyes"):
        for key in ("mask", "coefs"):
            assert getattr(getattr(got, region), key) == getattr(getattr(shipped, region), key)
    host = load_host(RECIPE)
    assert (got.name, got.mouth.box) == (host.name, region_box(host.mouth))
    assert (got.eyes.box, got.mouth.scale) == (region_box(host.eyes_region), host.mouth.scale)
    camera, wanted = got.camera.model_dump(), shipped.camera.model_dump()
    assert camera.pop("focal_px") == pytest.approx(wanted.pop("focal_px"), abs=0.01)
    assert camera == wanted
    assert got.depth.near <= 21.5 <= got.depth.far


def test_the_notice_gives_the_licence(work):
    text = (work / "avatar" / "NOTICE.md").read_text("utf-8")
    assert "CC0 1.0" in text and "AI生成 · 数字人" in text and "小荷" in text


def test_a_packed_host_loads_when_its_decoders_lie_beside_it(work, tmp_path):
    folder = tmp_path / "work"
    shutil.copytree(work, folder)
    avatar = folder / "avatar"
    for region in ("mouth", "eyes"):
        (avatar / f"{region}.onnx").write_bytes(b"decoder")
    assert main([str(RECIPE), "--work", str(folder), "--stage", "seal"]) == 0
    loaded = load_avatar(avatar)
    assert loaded.name == "xiaohe-jacket" and loaded.mouth.model.name == "mouth.onnx"
    assert loaded.visemes.keys() == load_avatar(ROOT / "avatars" / "xiaohe").visemes.keys()
    for region in ("mouth", "eyes"):
        (avatar / f"{region}.sums.onnx").write_bytes(b"sums")
    assert main([str(RECIPE), "--work", str(folder), "--stage", "seal"]) == 0
    loaded = load_avatar(avatar)
    assert loaded.mouth.model.name == "mouth.sums.onnx"
    assert loaded.mouth.precise.name == "mouth.onnx"


def test_packing_shows_the_samples_side_by_side(work):
    sheet = cv2.imread(str(work / "mouth.png"))
    assert sheet.shape == (2 * 160, 9 * 192, 3)
