"""What is rendered: always the same faces, rest among them, the mouth always plausible."""

import hashlib
import json
from pathlib import Path

import pytest

from livehost.avatar import load_avatar
from livehost.avatar.recipe.host import EYES, MOUTH, load_host
from livehost.avatar.recipe.samples import split_of
from livehost.avatar.recipe.sampling import (
    EYES_SHAPES,
    MOUTH_SHAPES,
    PURE,
    both,
    eyes_samples,
    gaze,
    load_targets,
    mouth_samples,
    under,
    under_live,
)
from livehost.errors import ConfigError

ROOT = Path(__file__).parents[1]
HOST = load_host(ROOT / "avatars" / "recipes" / "xiaohe-jacket.toml")
TARGETS = load_targets(HOST.shapes)


@pytest.fixture(scope="module")
def mouths():
    return mouth_samples(TARGETS, HOST.mouth)


@pytest.fixture(scope="module")
def eyes():
    return eyes_samples(TARGETS, HOST.eyes_region)


def digest(samples):
    rows = []
    for one in samples:
        rows.append([one.label, sorted((n, round(w, 6)) for n, w in one.coefs.items() if w)])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def test_samples_are_those_the_first_decoders_learned_from(mouths, eyes):
    assert (len(mouths), len(eyes)) == (1000, 169)
    assert digest(mouths) == "47870e13f26cd829"
    assert digest(eyes) == "f036639f44f6805f"


def test_fewer_samples_of_the_renewed_host_are_the_same_faces(mouths, eyes):
    host = load_host(ROOT / "avatars" / "recipes" / "xiaohe.toml")
    fewer, looks = mouth_samples(TARGETS, host.mouth), eyes_samples(TARGETS, host.eyes_region)
    assert (len(fewer), len(looks)) == (409, 140)
    assert fewer[:209] == mouths[:209] and fewer[209:] == mouths[507 : 507 + 200]
    assert looks == eyes[:140]


def test_samples_are_the_same_every_time(mouths):
    again = mouth_samples(TARGETS, HOST.mouth)
    assert again == mouths


def test_more_random_samples_leave_the_earlier_ones_alone(mouths):
    fewer = mouth_samples(TARGETS, MOUTH.model_copy(update={"random": 40, "talking": 0}))
    assert fewer == mouths[: len(fewer)]
    few_eyes = eyes_samples(TARGETS, EYES.model_copy(update={"random": 3}))
    assert few_eyes == eyes_samples(TARGETS, EYES)[: len(few_eyes)]


def test_rest_and_every_pure_viseme_are_there(mouths, eyes):
    labels = [one.label for one in mouths]
    assert mouths[labels.index("rest")].coefs == {}
    assert {f"{name}@1.0" for name in PURE} <= set(labels)
    assert not any(eyes[0].coefs.values())


def test_every_blendshape_belongs_to_the_decoder_and_is_a_weight(mouths, eyes):
    for samples, names in ((mouths, MOUTH_SHAPES), (eyes, EYES_SHAPES)):
        for one in samples:
            assert set(one.coefs) <= set(names), one.label
            assert all(0 <= weight <= 1 for weight in one.coefs.values()), one.label
    assert max(one.coefs.get("jawOpen", 0) for one in mouths) <= 0.8


def test_names_are_those_of_the_shipped_decoders():
    avatar = load_avatar(ROOT / "avatars" / "xiaohe")
    assert avatar.mouth.coefs == MOUTH_SHAPES
    assert avatar.eyes.coefs == EYES_SHAPES


def test_visemes_are_those_of_the_avatar_that_is_made():
    shapes = json.loads((ROOT / "avatars" / "xiaohe" / "shapes.json").read_text("utf-8"))
    assert dict(TARGETS.visemes) == shapes["visemes"]
    assert dict(TARGETS.emotions) == shapes["emotions"]


def test_only_random_samples_are_held_out(mouths):
    split = split_of(mouths)
    assert {mouths[n].kind for n in split["test"]} == {"random"}
    assert len(split["test"]) == round(0.08 * 507)
    assert sorted(split["test"] + split["train"]) == list(range(len(mouths)))


def test_too_few_random_samples_are_refused(mouths):
    with pytest.raises(ConfigError, match="only 1 random samples"):
        split_of(mouths[:80])


def test_a_shut_mouth_stays_shut_under_a_smile():
    wide = {"jawOpen": 0.2, "mouthSmileLeft": 0.6, "mouthUpperUpLeft": 0.4}
    shut = under(TARGETS.visemes["m"], wide)
    assert shut["jawOpen"] < 0.04 and shut["mouthUpperUpLeft"] < 0.07
    assert 0.4 < shut["mouthSmileLeft"] < 0.5
    assert under({}, wide) == wide


def test_rounded_lips_smile_less_and_open_ones_less_again():
    smile = {"mouthSmileLeft": 0.6}
    assert under(TARGETS.visemes["u"], smile)["mouthSmileLeft"] == pytest.approx(0.6 * 0.35)
    live = under_live(TARGETS.visemes["a"], smile)["mouthSmileLeft"]
    assert live == pytest.approx(0.6 * 0.6)


def test_gaze_moves_both_eyes_together():
    assert gaze(0.5, 0) == {"eyeLookOutLeft": 0.5, "eyeLookInRight": 0.5}
    assert gaze(-0.5, -0.2) == {
        "eyeLookOutRight": 0.5, "eyeLookInLeft": 0.5,
        "eyeLookDownLeft": 0.2, "eyeLookDownRight": 0.2,
    }  # fmt: skip
    assert both(browDown_=0.1, jawOpen=0.2) == {
        "browDownLeft": 0.1, "browDownRight": 0.1, "jawOpen": 0.2,
    }  # fmt: skip


def test_a_table_that_lacks_a_viseme_is_refused(tmp_path):
    shapes = json.loads(HOST.shapes.read_text("utf-8"))
    del shapes["visemes"]["zh"]
    path = tmp_path / "shapes.json"
    path.write_text(json.dumps(shapes), "utf-8")
    with pytest.raises(ConfigError, match="lacks zh"):
        load_targets(path)
    with pytest.raises(ConfigError, match="is not a table"):
        load_targets(tmp_path / "none.json")
