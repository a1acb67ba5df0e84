"""The picture on air: what is always there, what never is, and that partial redraws are exact."""

import dataclasses
import functools
import weakref

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from livehost.colour import rgb_to_yuv
from livehost.config import REQUIRED_LABEL, Scene, Video
from livehost.media import Layer, Yuv
from livehost.stage import compose, planes
from livehost.stage.compose import Composer
from livehost.stage.text import ink_height

CARD = {
    "name": "轻薄防晒衣",
    "price": "199.90",
    "compared": "269.00",
    "basis": "品牌官方旗舰店日常售价",
    "picture": None,
    "tags": ["UPF50+", "可收纳"],
    "stock": 320,
}
UPRIGHT, WIDE = (360, 640), (640, 360)


def composer(size=UPRIGHT, folder=None, **scene):
    video = Video(width=size[0], height=size[1])
    return Composer(video, Scene(**scene), lambda path: (folder or "/") / path if folder else path)


@pytest.fixture(scope="module", autouse=True)
def paint_once():
    """Paint the studio and the desk of each frame once: they never differ."""
    patch = pytest.MonkeyPatch()
    patch.setattr(compose, "studio", functools.cache(compose.studio))
    patch.setattr(compose, "paint_desk", functools.cache(compose.paint_desk))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def shared(paint_once):
    return composer(title="小荷的日常好物")


@pytest.fixture(scope="module")
def twins(paint_once):
    return composer(title="双胞胎"), composer(title="双胞胎")


def layer(width, height, left, top, alpha=255, seed=0):
    dice = np.random.default_rng(seed)
    rgb = dice.integers(0, 256, (height, width, 3), dtype=np.uint8)
    cover = np.full((height, width), alpha, np.uint8)
    small = cv2.resize(cover, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return Layer(rgb_to_yuv(rgb), cover, small, left, top)


def disc_layer(width, height, left, top, seed=0):
    plain = layer(width, height, left, top, seed=seed)
    cover = np.zeros((height, width), np.uint8)
    cv2.ellipse(cover, (width // 2, height // 2), (width // 3, height // 3), 0, 0, 360, 255, -1)
    cover = cv2.GaussianBlur(cover, (9, 9), 0)
    small = cv2.resize(cover, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return dataclasses.replace(plain, alpha=cover, alpha_uv=small)


def show(scenery, ticks=range(40), presenter=None, caption="", progress=0.0):
    scenery.settle()
    for tick in ticks:
        picture = scenery.compose(tick, presenter, caption, progress)
    return picture


def wears_label(scenery, picture):
    """Return whether every fully inked pixel of the label is on the picture, in its own colour."""
    label = scenery._label.layer
    box = planes.box_of(label)
    ink = (label.alpha == 255) & (label.picture.y > 225)
    assert ink.sum() > 300
    return bool(np.all(planes.cut(picture.y, box, 1)[ink] == label.picture.y[ink]))


# --- the label ------------------------------------------------------------------------------------


def test_label_is_on_every_picture_whatever_else_is_shown():
    scenery = composer(title="一个非常非常非常长的直播间标题，长得放不下" * 3)
    everything = layer(360, 640, 0, 0)
    assert wears_label(scenery, show(scenery))
    scenery.product(CARD)
    scenery.question({"nickname": "甲" * 500, "text": "问" * 100_000})
    scenery.notice({"text": "公告" * 400})
    assert wears_label(scenery, show(scenery, range(40, 80), everything, "字幕" * 300, 0.5))
    scenery.slate(True)
    scenery.settle()
    for tick in range(80, 110):
        assert wears_label(scenery, scenery.compose(tick, everything, "字", 1.0))
    assert REQUIRED_LABEL.replace(" ", "") in "".join(scenery.texts).replace(" ", "")


def test_layers_are_left_out_and_come_back_and_the_label_stays():
    scenery = composer(title="直播间")
    scenery.product(CARD)
    scenery.question({"nickname": "a", "text": "有货吗"})
    whole = show(scenery, range(0, 40), None, "字幕", 0.5)
    names = {"captions", "card", "question", "title", "label"}
    seen = {}
    for tick, name in enumerate(sorted(names), 40):
        scenery.hide([name])
        seen[name] = scenery.compose(tick, None, "字幕", 0.5)
        assert wears_label(scenery, seen[name])
    assert np.array_equal(seen.pop("label").y, whole.y)  # cannot be left out
    rows = {}
    for name, picture in seen.items():
        changed = np.argwhere(np.abs(picture.y.astype(int) - whole.y) > 8)
        assert len(changed) > 100, name
        rows[name] = changed[:, 0].mean()
    assert rows["title"] < rows["captions"] < rows["card"]
    scenery.hide([])
    assert np.array_equal(scenery.compose(50, None, "字幕", 0.5).y, whole.y)


@pytest.mark.parametrize("size", [UPRIGHT, WIDE, (720, 1280), (1080, 1920)])
def test_label_glyphs_are_five_percent_of_the_shorter_side(size):
    scenery = composer(size)
    least = 0.05 * min(size)
    assert scenery.label_glyph_px >= least
    picture = show(scenery, range(1))
    box = planes.box_of(scenery._label.layer)
    part = planes.cut(picture.y, box, 1)
    white = np.where(part > 200, 255, 0).astype(np.uint8)
    columns = np.flatnonzero(white.any(axis=0))
    last = white[:, columns[-1] - int(0.9 * least) : columns[-1] + 1]  # the character 人
    assert ink_height(last) >= least
    assert part.max() - np.median(part) > 100  # contrast with its plate


@pytest.mark.parametrize("size", [UPRIGHT, WIDE, (240, 426), (1920, 160), (160, 1920)])
def test_label_lies_inside_every_frame(size):
    scenery = composer(size)
    box = planes.box_of(scenery._label.layer)
    assert box & planes.frame(*size) == box


def test_label_may_say_more_and_falls_back_when_it_does_not_fit(caplog):
    more = composer(label="本直播间由AI生成的数字人主持")
    assert "".join(more._label.texts) == "本直播间由AI生成的数字人主持"
    with pytest.raises(ValidationError):
        Scene(label="真人直播")
    assert not caplog.records
    endless = composer(label="啊" * 200 + "AI生成 数字人")
    assert "".join(endless._label.texts).replace(" ", "") == REQUIRED_LABEL.replace(" ", "")
    assert [record.message for record in caplog.records] == [
        "scene.label does not fit; the required label is shown alone"
    ]


@given(title=st.text(max_size=60), label=st.text(max_size=40))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_title_or_label_hides_the_duty(title, label):
    from livehost.stage import overlay
    from livehost.stage.layout import layout

    place = layout(*UPRIGHT)
    drawn = overlay.label("AI生成" + label + "数字人", place)
    said = "".join(drawn.texts)
    assert "AI生成" in said
    assert "数字人" in said
    bar = overlay.title_bar(title, place, drawn.layer.left - 2 * place.margin)
    if bar:
        assert (planes.box_of(bar.layer) & planes.box_of(drawn.layer)).empty


# --- the card -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [UPRIGHT, WIDE])
def test_compared_price_stands_beside_its_basis(size):
    scenery = composer(size)
    scenery.product(CARD)
    show(scenery)
    said = "".join(scenery.texts)
    assert "¥269.00" in said
    assert "品牌官方旗舰店日常售价" in said
    assert "199" in said


@pytest.mark.parametrize(
    "change",
    [
        {"basis": None},
        {"basis": ""},
        {"basis": " \u200b"},
        {"basis": "🦄"},
        {"basis": 7},
        {"compared": None},
        {"compared": "很贵"},
        {"compared": "199.90"},
        {"compared": "99"},
        {"compared": "-300"},
        {"price": "面议"},
        {"price": ""},
        {"basis": "很长的依据" * 30},
    ],
)
@pytest.mark.parametrize("size", [UPRIGHT, WIDE])
def test_compared_price_is_never_drawn_without_a_basis_that_can_be_read(change, size):
    from livehost.stage import card
    from livehost.stage.layout import layout
    from livehost.stage.pictures import Pictures

    painter = card.CardPainter(layout(*size), (1, 0, 0), Pictures())
    parsed = card.parse({**CARD, **change})
    said = "".join(painter.draw(parsed).texts)
    assert "269" not in said
    assert "很贵" not in said
    assert "-300" not in said
    assert "划线价" not in said


def test_price_without_cents_shows_none():
    from livehost.stage import card
    from livehost.stage.layout import layout
    from livehost.stage.pictures import Pictures

    painter = card.CardPainter(layout(*UPRIGHT), (1, 0, 0), Pictures())
    drawn = painter.draw(card.parse({"name": "杯", "price": "89.00"}))
    assert drawn.texts == ("杯", "¥", "89")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(
    card=st.fixed_dictionaries({}, optional=dict.fromkeys([*CARD], JSON)),
    question=st.fixed_dictionaries({}, optional={"nickname": JSON, "text": JSON}),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_values_break_the_picture(shared, card, question):
    failed = shared.snapshot()["drawings_failed"]
    shared.product(card)
    shared.question(question)
    shared.notice(question)
    show(shared, range(2))
    assert shared.snapshot()["drawings_failed"] == failed


def test_missing_and_broken_pictures_show_a_placeholder_and_are_counted(tmp_path, caplog):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    scenery = composer()
    pictures = []
    for tick, path in enumerate(["/does/not/exist.png", str(broken), str(tmp_path), "\0", None]):
        scenery.product({**CARD, "picture": path})
        pictures.append(show(scenery, range(100 * tick, 100 * tick + 20)))
    assert scenery.snapshot()["pictures_failed"] == 3
    assert [r.message for r in caplog.records] == ["picture cannot be shown"] * 3
    assert all(np.array_equal(picture.y, pictures[-1].y) for picture in pictures)


def test_a_changed_picture_file_is_shown_with_the_next_card(tmp_path):
    import os

    path = tmp_path / "cup.png"
    scenery = composer()
    seen = []
    for stamp, value in enumerate((40, 220)):
        cv2.imwrite(str(path), np.full((50, 80, 3), value, np.uint8))
        os.utime(path, ns=(stamp, stamp))
        scenery.product({**CARD, "picture": str(path)})
        seen.append(show(scenery, range(50 * stamp, 50 * stamp + 30)))
    difference = seen[1].y.astype(int) - seen[0].y
    assert (difference > 120).sum() > 1000
    assert not (difference < 0).any()


def test_transparent_grey_and_deep_pictures_are_read(tmp_path):
    from livehost.stage.pictures import Pictures

    shapes = {
        "rgba": ((8, 6, 4), np.uint8),
        "grey": ((8, 6), np.uint8),
        "deep": ((8, 6, 3), np.uint16),
    }
    for name, (shape, kind) in shapes.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full(shape, np.iinfo(kind).max, kind))
        got = Pictures().cover(tmp_path / f"{name}.png", 20, 30)
        assert got.shape == (30, 20, 4)
        assert np.allclose(got, 1, atol=0.01)


# --- captions and words ---------------------------------------------------------------------------


def test_captions_show_two_lines_at_a_time_and_all_of_the_sentence():
    scenery = composer()
    sentence = "这款防晒衣的面料标称UPF50+，吊牌上可以查到，夏天穿也不会闷热。" * 4
    seen = []
    for tick in range(200):
        scenery.compose(tick, None, sentence, tick / 199)
        lines = scenery._captions.texts
        assert 1 <= len(lines) <= 2
        if not seen or seen[-1] != lines:
            seen.append(lines)
    assert len(seen) > 2
    assert "".join("".join(page) for page in seen) == sentence.rstrip("。")


def test_the_said_part_of_a_caption_changes_colour_from_left_to_right():
    scenery = composer()
    warm = []
    for progress in (0.0, 0.5, 1.0):
        picture = scenery.compose(0, None, "欢迎来到直播间", progress)
        box = planes.box_of(scenery._captions.at("欢迎来到直播间", progress))
        warm.append(planes.cut(picture.u, box, 2).astype(int))
    half = warm[0].shape[1] // 2
    assert (warm[1] < warm[0])[:, : half - 6].any()
    assert np.array_equal(warm[1][:, half + 6 :], warm[0][:, half + 6 :])
    assert (warm[2] < warm[0])[:, half + 6 :].any()


@pytest.mark.parametrize("progress", [-1.0, 2.0, float("nan"), float("inf")])
def test_odd_progress_is_harmless(shared, progress):
    shared.compose(0, None, "一句话", progress)
    assert shared._captions.texts == ("一句话",)


def test_captions_can_be_switched_off_and_empty_ones_show_nothing():
    off = composer(captions=False)
    assert np.array_equal(show(off, range(2), None, "字幕").y, show(off, range(2), None, "").y)
    scenery = composer()
    bare = show(scenery, range(2))
    for text in ("", "。", "\u200b", "🦄🦄"):
        assert np.array_equal(show(scenery, range(2, 4), None, text).y, bare.y)


def test_a_hidden_name_is_replaced_and_long_words_are_shortened(shared):
    shared.question({"nickname": "🦄\u202e", "text": "能不能便宜点" * 50})
    show(shared)
    assert "观众" in shared.texts
    assert any(text.endswith("…") for text in shared.texts)
    shared.question({})
    show(shared, range(40, 80))
    assert "观众" not in shared.texts


# --- presenter ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("left", "top"), [(0, 0), (-120, -80), (300, 500), (-400, 0), (360, 0), (40, -700), (40, 640)]
)
@pytest.mark.parametrize("make", [layer, disc_layer])
def test_presenter_is_clipped_to_the_frame_wherever_it_stands(left, top, make):
    host = make(200, 300, left, top)
    onto = rgb_to_yuv(np.full((640, 360, 3), 90, np.uint8))
    expected = _reference(onto, host)
    planes.blend(onto, host, planes.frame(360, 640))
    for got, want in zip((onto.y, onto.u, onto.v), expected, strict=True):
        assert np.abs(got.astype(float) - want).max() <= 1.01


def _reference(under, host):
    out = []
    parts = ((under.y, host.picture.y, host.alpha, 1), (under.u, host.picture.u, host.alpha_uv, 2),
             (under.v, host.picture.v, host.alpha_uv, 2))  # fmt: skip
    for plane, over, alpha, step in parts:
        result = plane.astype(float)
        for y in range(alpha.shape[0]):
            row = y + host.top // step
            if not 0 <= row < plane.shape[0]:
                continue
            first = max(0, -host.left // step)
            last = min(alpha.shape[1], plane.shape[1] - host.left // step)
            if first >= last:
                continue
            share = alpha[y, first:last] / 255
            at = slice(first + host.left // step, last + host.left // step)
            result[row, at] = over[y, first:last] * share + plane[row, at] * (1 - share)
        out.append(result)
    return out


def test_no_presenter_keeps_the_last_one(shared):
    shared.product({})
    shared.question({})
    shared.notice({})
    show(shared)
    host = disc_layer(200, 300, 80, 120)
    shown = shared.compose(50, host, "", 0)
    assert np.array_equal(shared.compose(51, None, "", 0).y, shown.y)


def test_the_desk_hides_the_lower_body(shared):
    before = shared.compose(60, layer(2, 2, 0, 0), "", 0)
    after = shared.compose(61, layer(360, 640, 0, 0, seed=3), "", 0)
    top = shared._layout.desk_top
    assert np.array_equal(before.y[top:], after.y[top:])
    assert not np.array_equal(before.y[:top], after.y[:top])


def follower(before, box, seed):
    """Return a layer that differs from `before` in `box` alone, and says so."""
    other = layer(*before.alpha.shape[::-1], before.left, before.top, seed=seed)
    mixed = []
    for kept, new in zip(all_planes(before), all_planes(other), strict=True):
        left, top, width, height = (n * kept.shape[0] // before.alpha.shape[0] for n in box)
        plane = kept.copy()
        plane[top : top + height, left : left + width] = new[
            top : top + height, left : left + width
        ]
        mixed.append(plane)
    where = before.left, before.top, weakref.ref(before), (box,)
    return Layer(Yuv(*mixed[:3]), *mixed[3:], *where)


def all_planes(one):
    return one.picture.y, one.picture.u, one.picture.v, one.alpha, one.alpha_uv


def test_a_presenter_that_says_what_changed_looks_like_one_drawn_anew(shared):
    first = disc_layer(200, 300, 80, 120)
    second = follower(first, (40, 60, 80, 50), seed=1)
    third = follower(second, (0, 0, 30, 30), seed=2)
    show(shared)
    shared.compose(70, first, "", 0)
    stepwise = [shared.compose(71 + n, one, "", 0) for n, one in enumerate((second, third))][-1]
    shared.compose(73, layer(2, 2, 0, 0), "", 0)
    anew = shared.compose(74, Layer(third.picture, third.alpha, third.alpha_uv, 80, 120), "", 0)
    for one, other in zip(planes_of(stepwise), planes_of(anew), strict=True):
        assert np.array_equal(one, other)


def test_a_change_since_a_layer_that_was_never_shown_is_not_trusted(shared):
    first = disc_layer(200, 300, 80, 120)
    skipped = follower(first, (40, 60, 80, 50), seed=1)
    third = follower(skipped, (0, 0, 30, 30), seed=2)
    show(shared)
    shared.compose(80, first, "", 0)
    shown = shared.compose(81, third, "", 0)
    shared.compose(82, layer(2, 2, 0, 0), "", 0)
    anew = shared.compose(83, Layer(third.picture, third.alpha, third.alpha_uv, 80, 120), "", 0)
    assert np.array_equal(shown.y, anew.y)


def planes_of(picture):
    return picture.y, picture.u, picture.v


# --- partial redraws ------------------------------------------------------------------------------

STEP = st.one_of(
    st.tuples(st.just("product"), st.sampled_from([CARD, {}, {"name": "杯子", "price": "9"}])),
    st.tuples(st.just("question"), st.sampled_from([{"nickname": "a", "text": "有货吗"}, {}])),
    st.tuples(st.just("notice"), st.sampled_from([{"text": "包邮"}, {}])),
    st.tuples(st.just("slate"), st.booleans()),
    st.tuples(st.just("hide"), st.sets(st.sampled_from(["captions", "card", "title"]))),
    st.tuples(st.just("tick"), st.integers(1, 14)),
)
HOST = st.none() | st.tuples(
    st.integers(-60, 180).map(lambda n: 2 * n),
    st.integers(-60, 320).map(lambda n: 2 * n),
    st.booleans(),
)


@given(
    steps=st.lists(
        st.tuples(STEP, HOST, st.sampled_from(["", "短句", "长句子" * 20]), st.floats(0, 1)),
        min_size=2,
        max_size=9,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_partial_redraw_equals_full_redraw(twins, steps):
    partial, full = twins
    tick = getattr(partial, "_test_tick", 0)
    for (name, value), host, caption, progress in steps:
        if name == "tick":
            tick += value
        else:
            for scenery in twins:
                getattr(scenery, name)(value)
                scenery.settle()
        tick += 1
        made = None
        if host:
            make = disc_layer if host[2] else layer
            made = make(120, 160, host[0], host[1])
        full._canvas = None
        got = partial.compose(tick, made, caption, progress)
        want = full.compose(tick, made, caption, progress)
        assert np.array_equal(got.y, want.y)
        assert np.array_equal(got.u, want.u)
        assert np.array_equal(got.v, want.v)
    partial._test_tick = tick


def test_planes_are_fresh_every_tick(shared):
    first = shared.compose(70, None, "", 0)
    kept = first.y.copy()
    first.y[:] = 0
    assert np.array_equal(shared.compose(71, None, "", 0).y, kept)


def test_same_input_gives_the_same_pictures(twins):
    one, two = composer(title="同"), composer(title="同")
    for scenery in (one, two):
        scenery.product(CARD)
        scenery.settle()
    for tick in range(10):
        a, b = (s.compose(tick, None, "同一句话", tick / 10) for s in (one, two))
        assert np.array_equal(a.y, b.y)
        assert np.array_equal(a.v, b.v)


def test_cards_fade_in_by_ticks_and_stay():
    scenery = composer()
    bare = scenery.compose(0, None, "", 0).y.astype(int)
    scenery.product(CARD)
    scenery.settle()
    changes = [
        int(np.abs(scenery.compose(tick, None, "", 0).y - bare).sum()) for tick in range(1, 14)
    ]
    assert 0 < changes[0] < changes[2] < changes[5]
    assert changes[6:] == changes[6:7] * 7


def test_legal_range_is_kept(shared):
    picture = show(shared, range(100, 102), layer(360, 640, 0, 0), "字幕", 0.5)
    assert picture.y.min() >= 16
    assert picture.y.max() <= 235
    assert min(picture.u.min(), picture.v.min()) >= 16
    assert max(picture.u.max(), picture.v.max()) <= 240


def test_essential_words_stay_out_of_the_platform_s_zones():
    for size in (UPRIGHT, WIDE, (720, 1280), (1280, 720)):
        scenery = composer(size)
        height = size[1]
        scenery.notice({"text": "满99元包邮"})
        scenery.question({"nickname": "a", "text": "有货吗"})
        show(scenery, range(20), None, "两行字幕" * 12, 0.5)
        for sprite in scenery._drawn:
            if planes.box_of(sprite.layer).bottom >= height:
                continue  # the desk
            rows = np.flatnonzero((sprite.layer.alpha > 200).any(axis=1)) + sprite.layer.top
            if len(rows) and not any(sprite.layer is part for part in scenery._desk.layers):
                assert rows[0] >= 0.08 * height
                assert rows[-1] <= 0.88 * height


def _yuv_is(picture: Yuv, size):
    return picture.y.shape == size[::-1] and picture.u.shape == (size[1] // 2, size[0] // 2)


@pytest.mark.parametrize("size", [(160, 160), (160, 1920), (1920, 160), (498, 722)])
def test_every_allowed_frame_can_be_composed(size):
    scenery = composer(size, title="标题")
    scenery.product(CARD)
    scenery.question({"nickname": "a", "text": "有货吗"})
    scenery.notice({"text": "包邮"})
    assert _yuv_is(show(scenery, range(9), None, "一句字幕"), size)
    assert scenery.snapshot()["drawings_failed"] == 0
