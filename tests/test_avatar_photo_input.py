from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from livehost.avatar.landmarks import Found
from livehost.avatar.making import Verdict
from livehost.avatar.photo import picture
from livehost.avatar.photo.judge import faces, judge, side_of
from livehost.avatar.photo.picture import Photo, read
from livehost.errors import ConfigError

DATA = Path(__file__).parent / "data" / "photo"


def host():
    return Image.open(DATA / "host.jpg")


def found(change=None):
    """Return the stored face, its points changed by a function."""
    with np.load(DATA / "host.npz") as data:
        points = data["points"].copy()
        scores = dict(zip(map(str, data["names"]), map(float, data["scores"]), strict=True))
        if change:
            change(points)
        return Found(points, scores, data["matrix"])


def verdicts(rgb=None, face=None, grey=False):
    photo = Photo(np.asarray(host()) if rgb is None else rgb, None, grey)
    return {f.measure: f for f in judge(photo, face or found())}


# --- files ----------------------------------------------------------------------------------------


def save(path, image, **how):
    image.save(path, **how)
    return read(path)


def test_a_plain_photo_is_read_as_it_is(tmp_path):
    photo = read(DATA / "host.jpg")
    np.testing.assert_array_equal(photo.rgb, np.asarray(host()))
    assert photo.alpha is None and not photo.grey


@pytest.mark.parametrize(("orientation", "turn"), [(6, 90), (8, 270), (3, 180)])
def test_a_phone_held_sideways_is_turned_upright(tmp_path, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = host().rotate(turn, expand=True)
    photo = save(tmp_path / "a.png", lying, exif=exif)
    np.testing.assert_array_equal(photo.rgb, np.asarray(host()))


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("CMYK", "jpg"), ("CMYK", "tif"), ("P", "png"), ("RGB", "webp"), ("RGB", "bmp")],
)
def test_colours_of_all_kinds_become_srgb(tmp_path, mode, ending):
    image = host().quantize(256) if mode == "P" else host().convert(mode)
    photo = save(tmp_path / f"a.{ending}", image)
    assert photo.rgb.shape == (1000, 720, 3) and photo.rgb.dtype == np.uint8
    assert np.abs(photo.rgb.astype(int) - np.asarray(host())).mean() < 12


@pytest.mark.parametrize("deep", [False, True])
def test_greys_of_8_and_16_bits_are_told(tmp_path, deep):
    grey = np.asarray(host().convert("L"))
    image = Image.fromarray(grey.astype(np.uint16) * 257) if deep else Image.fromarray(grey)
    photo = save(tmp_path / "a.png", image)
    assert photo.grey
    assert np.abs(photo.rgb[..., 0].astype(int) - grey).max() <= 1


def test_transparent_parts_are_kept_apart_and_white(tmp_path):
    alpha = np.zeros((1000, 720), np.uint8)
    alpha[100:] = 255
    image = host()
    image.putalpha(Image.fromarray(alpha))
    photo = save(tmp_path / "a.png", image)
    np.testing.assert_array_equal(photo.alpha, alpha)
    assert photo.rgb[:90].min() == 255
    opaque = host()
    opaque.putalpha(255)
    assert save(tmp_path / "b.png", opaque).alpha is None


def test_huge_photos_are_shrunk_and_absurd_ones_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, "MOST_SIDE", 300)
    assert max(read(DATA / "host.jpg").rgb.shape) == 300
    host().save(tmp_path / "a.png")
    assert max(read(tmp_path / "a.png").rgb.shape) == 300
    monkeypatch.setattr(picture, "MOST_PIXELS", 500_000)
    with pytest.raises(ConfigError, match="720x1000 pixels; shrink it"):
        read(tmp_path / "a.png")
    assert read(DATA / "host.jpg").rgb.size
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    with pytest.raises(ConfigError, match="shrink it"):
        read(DATA / "host.jpg")


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tif"])
def test_animations_and_pages_are_refused(tmp_path, ending):
    small = host().resize((360, 500))
    path = tmp_path / f"a.{ending}"
    small.save(path, save_all=True, append_images=[small.rotate(8), small.rotate(16)])
    with pytest.raises(ConfigError, match=r"holds 3 pictures .*save the one you want"):
        read(path)


def test_tiny_damaged_and_false_files_get_a_reason(tmp_path):
    host().resize((180, 250)).save(tmp_path / "tiny.png")
    with pytest.raises(ConfigError, match="only 180x250; use a photo of at least 256"):
        read(tmp_path / "tiny.png")
    (tmp_path / "cut.jpg").write_bytes((DATA / "host.jpg").read_bytes()[:20_000])
    with pytest.raises(ConfigError, match="is damaged"):
        read(tmp_path / "cut.jpg")
    (tmp_path / "text.jpg").write_text("hello")
    with pytest.raises(ConfigError, match="not a picture"):
        read(tmp_path / "text.jpg")


# --- faces ----------------------------------------------------------------------------------------


def test_a_good_photo_is_good():
    assert faces((found(),)).verdict is Verdict.GOOD
    bad = [str(f) for f in verdicts().values() if f.verdict is not Verdict.GOOD]
    assert bad == []
    assert all(not f.advice for f in verdicts().values())


def test_one_face_is_wanted():
    assert faces(()).verdict is Verdict.BAD
    two = faces((found(), found()))
    assert (two.value, two.verdict) == ("2 faces", Verdict.BAD)

    def small(points):
        points *= 0.2

    assert faces((found(), found(small))).verdict is Verdict.GOOD  # somebody far behind


def test_a_picture_that_lies_is_told_from_a_tilted_head():
    def turned(degrees):
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

        def change(points):
            middle = points[:, :2].mean(0)
            points[:, :2] = (points[:, :2] - middle) @ turn + middle

        return found(change)

    assert faces((turned(90),)).value == "one, not upright"
    assert faces((turned(12),)).verdict is Verdict.GOOD
    assert verdicts(face=turned(12))["tilt"].verdict is Verdict.FAIR
    assert verdicts(face=turned(-25))["tilt"].verdict is Verdict.BAD


def test_profiles_are_refused():
    def profile(points):
        points[1, 0] += 0.30 * (points[454, 0] - points[234, 0])

    assert side_of(found()) < 5
    assert verdicts(face=found(profile))["frontality"].verdict is Verdict.BAD


def test_open_mouths_and_shut_eyes_are_refused():
    def opened(points):
        lower = [178, 87, 14, 317, 402]
        points[lower, 1] += 0.2 * (points[291, 0] - points[61, 0])

    assert verdicts(face=found(opened))["mouth"].verdict is Verdict.BAD
    face = found()
    shut = replace(face, scores={**face.scores, "eyeBlinkLeft": 0.8, "eyeBlinkRight": 0.8})
    assert verdicts(face=shut)["eyes"].verdict is Verdict.BAD


def test_small_blurred_and_dark_faces_are_told():
    rgb = np.asarray(host())

    def small(points):
        points *= 0.3

    assert verdicts(face=found(small))["face size"].verdict is Verdict.BAD
    blurred = cv2.GaussianBlur(rgb, (0, 0), 6)
    assert verdicts(blurred)["sharpness"].verdict is Verdict.BAD
    dark = (rgb * 0.1).astype(np.uint8)
    assert verdicts(dark)["brightness"].verdict is Verdict.BAD
    half = rgb.copy()
    half[:, :360] //= 5
    assert verdicts(half)["light from both sides"].verdict is not Verdict.GOOD


def test_masks_and_dark_glasses_hide_a_face_and_a_fringe_does_not():
    rgb = np.asarray(host())
    points = found().points
    masked, glasses, fringe = rgb.copy(), rgb.copy(), rgb.copy()
    masked[int(points[2, 1]) :, 200:520] = (60, 110, 170)
    glasses[int(points[159, 1]) - 14 : int(points[145, 1]) + 14, 230:490] = 12
    fringe[: int(points[105, 1]) - 8] = (30, 22, 20)
    assert verdicts(masked)["occlusion"].verdict is Verdict.BAD
    assert verdicts(glasses)["contrast of the eyes"].verdict is Verdict.BAD
    assert verdicts(fringe)["occlusion"].verdict is Verdict.GOOD
    assert verdicts(grey=True)["colour"].verdict is Verdict.FAIR


def test_a_face_that_the_edge_cuts_off_is_refused():
    rgb, points = np.asarray(host()), found().points
    assert verdicts()["face in the photo"].verdict is Verdict.GOOD
    chin = int(points[152, 1])
    assert verdicts(rgb[: chin + 20])["face in the photo"].verdict is Verdict.BAD

    def aside(moved):
        moved[:, 0] -= points[:, 0].min() + 30

    assert verdicts(face=found(aside))["face in the photo"].verdict is Verdict.BAD
