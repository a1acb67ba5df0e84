"""What faces are rendered for the decoders to learn from.

In:  an avatar's visemes and emotions, a seed.   Out: labelled blendshapes, always the same.

Fixed faces come first (every viseme at three strengths, rest, visemes under emotions), then random
ones in random order, so that rendering may be stopped anywhere; last, for the mouth, faces a
talking host shows most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from livehost.avatar.manifest import Shapes
from livehost.avatar.recipe.host import RegionKeys
from livehost.errors import ConfigError
from livehost.media import BLENDSHAPES

Coefs = dict[str, float]
Random = np.random.Generator
Kind = Literal["fixed", "random", "talking"]

MOUTH_SEED, TALKING_SEED, EYES_SEED = 2026, 77, 7
EMOTIONS = ("friendly_smile", "excited", "surprised", "apologetic", "thinking")
PURE = (
    "a", "eh", "e", "i", "o", "u", "v", "er", "m", "f", "d", "l", "th", "g", "j", "zh", "z",
    "friendly_smile", "excited", "surprised",
)  # fmt: skip
_UNDER = ("friendly_smile", "excited", "apologetic")  # emotions that some visemes are shown under
_SHOWN = ("a", "o", "i", "m", "u", "z")
_OPEN = 0.8  # the jaw never opens further
_OPENERS = ("jawOpen", "mouthUpperUp", "mouthLowerDown")
_SMILE = {"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4}
MOUTH_SHAPES = tuple(
    name
    for name in BLENDSHAPES
    if name.startswith(("jaw", "mouth", "cheek", "tongue", "noseSneer", "x_tongue"))
)
EYES_SHAPES = tuple(
    name for name in BLENDSHAPES if name.startswith(("brow", "eye", "cheekSquint", "noseSneer"))
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One face: a name for reports, where it comes from, its blendshapes (0..1, missing is 0)."""

    label: str
    kind: Kind
    coefs: Coefs


@dataclass(frozen=True, slots=True)
class Targets:
    """The avatar's visemes and emotions, sparse."""

    visemes: Mapping[str, Coefs]
    emotions: Mapping[str, Coefs]


def load_targets(path: Path) -> Targets:
    """Read shapes.json.

    Raises:
        ConfigError: it cannot be read, or lacks a viseme or an emotion that is sampled.
    """
    try:
        shapes = Shapes.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(f"{path}: is not a table of visemes and emotions: {first}") from error
    wanted = {*PURE, *EMOTIONS, *_SHOWN} - set(shapes.visemes) - set(shapes.emotions)
    if wanted:
        raise ConfigError(f"{path}: lacks {', '.join(sorted(wanted))}")
    return Targets(shapes.visemes, shapes.emotions)


def mouth_samples(targets: Targets, keys: RegionKeys) -> list[Sample]:
    """Return every face of the mouth that is rendered."""
    random = np.random.default_rng(MOUTH_SEED)
    fixed = _fixed_mouths(targets)
    mixed = [_mixed(targets, random) for _ in range(keys.random)]
    random = np.random.default_rng(TALKING_SEED)
    talking = [_talking(targets, turn, random) for turn in range(keys.talking)]
    return fixed + mixed + talking


def eyes_samples(targets: Targets, keys: RegionKeys) -> list[Sample]:
    """Return every face of the eyes that is rendered."""
    random = np.random.default_rng(EYES_SEED)
    return _fixed_eyes(targets) + [_looking(random) for _ in range(keys.random)]


def scaled(coefs: Coefs, by: float) -> Coefs:
    """Return `coefs`, each `by` times as strong."""
    return {name: weight * by for name, weight in coefs.items()}


def added(*rows: Coefs) -> Coefs:
    """Return the sum, at most 1 each."""
    out: Coefs = {}
    for row in rows:
        for name, weight in row.items():
            out[name] = min(1.0, out.get(name, 0) + weight)
    return out


def both(**weights: float) -> Coefs:
    """Return blendshapes; a name that ends in "_" stands for Left and Right."""
    out: Coefs = {}
    for name, weight in weights.items():
        if name.endswith("_"):
            out[f"{name[:-1]}Left"] = out[f"{name[:-1]}Right"] = weight
        else:
            out[name] = weight
    return out


def under(viseme: Coefs, emotion: Coefs) -> Coefs:
    """Return `viseme` said under `emotion`: shut and rounded lips keep their shape."""
    shut = max(0.0, 1 - 4 * viseme.get("jawOpen", 0)) if viseme else 0.0
    shut *= viseme.get("mouthPressLeft", 0) > 0.05
    rounded = max(viseme.get("mouthPucker", 0), viseme.get("mouthFunnel", 0))
    kept = {}
    for name, weight in emotion.items():
        kept[name] = weight * (1 - (0.85 if name.startswith(_OPENERS) else 0.25) * shut)
        if name.startswith(("mouthSmile", "mouthDimple", "mouthStretch")):
            kept[name] *= 1 - 0.65 * min(1, rounded * 1.3)
    return added(viseme, kept)


def under_live(viseme: Coefs, emotion: Coefs) -> Coefs:
    """Return `under`, where an open viseme needs less of the emotion's own opening and smile."""
    opened = min(1.0, viseme.get("jawOpen", 0) / 0.5)
    less = {
        name: weight * (1 - (0.6 if name.startswith(_OPENERS) else _SMILE.get(name, 0)) * opened)
        for name, weight in emotion.items()
    }
    return under(viseme, less)


def _only(coefs: Coefs, names: tuple[str, ...]) -> Coefs:
    return {name: weight for name, weight in coefs.items() if name in names}


def _mouth(coefs: Coefs) -> Coefs:
    kept = _only(coefs, MOUTH_SHAPES)
    kept["jawOpen"] = min(kept.get("jawOpen", 0), _OPEN)
    return kept


def _fixed_mouths(targets: Targets) -> list[Sample]:
    known = {**targets.visemes, **targets.emotions}
    out = [
        Sample(f"{name}@{by}", "fixed", scaled(_only(known[name], MOUTH_SHAPES), by))
        for name in PURE
        for by in (0.45, 0.75, 1.0)
    ]
    out.append(Sample("rest", "fixed", {}))
    for emotion in _UNDER:
        for viseme in _SHOWN:
            coefs = under(targets.visemes[viseme], targets.emotions[emotion])
            out.append(Sample(f"{emotion}+{viseme}", "fixed", _only(coefs, MOUTH_SHAPES)))
    return out


def _mixed(targets: Targets, random: Random) -> Sample:
    """Return two visemes at random strengths; some under an emotion, some jittered."""
    names = list(targets.visemes)
    turn = random.random()
    one, other = (names[n] for n in random.choice(len(names), 2, replace=False))
    share = random.random()
    a, b = random.uniform(0.35, 1.15, 2) * (share, 1 - share)
    coefs = added(scaled(targets.visemes[one], a), scaled(targets.visemes[other], b))
    label = f"mix {one}*{a:.2f}+{other}*{b:.2f}"
    if 0.50 < turn < 0.85:
        emotion = EMOTIONS[random.integers(len(EMOTIONS))]
        strength = random.uniform(0.2, 1.1)
        coefs = under(coefs, scaled(targets.emotions[emotion], strength))
        label += f" emo {emotion}*{strength:.2f}"
    if turn > 0.70:
        coefs = _jittered(coefs, random)
        label += " jitter"
    return Sample(label, "random", {name: float(x) for name, x in _mouth(coefs).items()})


_JITTER = {"jawOpen": 0.2, "tongueOut": 0.15, "x_tongueUp": 0.8, "cheekPuff": 0.25}
_JITTER |= dict.fromkeys(("jawLeft", "jawRight", "jawForward"), 0.3)
_SIDEWAYS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")


def _jittered(coefs: Coefs, random: Random) -> Coefs:
    """Return `coefs` with up to four blendshapes moved a little, both sides nearly alike."""
    for name in (str(name) for name in random.choice(MOUTH_SHAPES, 4, replace=False)):
        if name == "mouthClose":
            continue
        amount = random.uniform(0, _JITTER.get(name, 0.35)) * 0.7
        move = {name: amount}
        for end, partner in (("Left", "Right"), ("Right", "Left")):
            if name.endswith(end) and name not in _SIDEWAYS:
                other = name.removesuffix(end) + partner
                move[other] = float(np.clip(amount + random.normal(0, 0.06), 0, 1))
        coefs = added(coefs, move)
    return coefs


def _talking(targets: Targets, number: int, random: Random) -> Sample:
    """Return a face a talking host shows: closed lips, f, smiles, wide open, blends."""
    emotion = _mood(targets, random)
    kind = number % 8
    if kind < 3:
        viseme, label = _closing(targets, "m" if kind < 2 else "f", random)
        if random.random() < 0.3:
            emotion = {}
    elif kind == 3:
        emotion, viseme, label = _smiling(targets, random)
    elif kind == 4:
        strength = random.uniform(0.6, 1.05)
        name = ("a", "ae", "eh", "o")[random.integers(4)]
        viseme, label = scaled(targets.visemes[name], strength), f"open {name}*{strength:.2f}"
    else:
        viseme, label = _blend(targets, random), "blend"
        if random.random() < 0.2:
            emotion = {}
    coefs = _mouth(under_live(viseme, emotion))
    return Sample(f"x {label}", "talking", {n: float(x) for n, x in coefs.items() if x > 0})


def _mood(targets: Targets, random: Random) -> Coefs:
    if random.random() < 0.65:
        return scaled(targets.emotions["friendly_smile"], random.uniform(0.1, 1.1))
    name = EMOTIONS[random.integers(len(EMOTIONS))]
    return scaled(targets.emotions[name], random.uniform(0.2, 1.0))


def _spoken(targets: Targets) -> list[str]:
    return [name for name in targets.visemes if name != "sil"]


def _closing(targets: Targets, name: str, random: Random) -> tuple[Coefs, str]:
    """Return lips that shut or nearly: "m" or "f", half of the time with a trace of another."""
    shut = name == "m"
    strength = random.uniform(0.8, 1.15) if shut else random.uniform(0.75, 1.1)
    coefs = scaled(targets.visemes[name], strength)
    label = f"{'close m' if shut else 'f'}*{strength:.2f}"
    if random.random() < 0.5:
        spoken = _spoken(targets)
        other = spoken[random.integers(len(spoken))]
        trace = random.uniform(0.03, 0.3) if shut else random.uniform(0.05, 0.35)
        coefs = added(scaled(coefs, 1 - trace), scaled(targets.visemes[other], trace))
        label += f" {other}*{trace:.2f}"
    return coefs, label


def _smiling(targets: Targets, random: Random) -> tuple[Coefs, Coefs, str]:
    strength = random.uniform(0.3, 1.25)
    name = "friendly_smile" if random.random() < 0.6 else "excited"
    emotion, viseme = scaled(targets.emotions[name], strength), {}
    if random.random() < 0.6:
        spoken = _spoken(targets)
        said = targets.visemes[spoken[random.integers(len(spoken))]]
        viseme = scaled(said, random.uniform(0, 0.35))
    return emotion, viseme, f"smile {strength:.2f}"


def _blend(targets: Targets, random: Random) -> Coefs:
    spoken = _spoken(targets)
    picked = random.choice(len(spoken), 3, replace=False)
    shares = random.dirichlet([1.2, 0.8, 0.4]) * random.uniform(0.6, 1.05)
    rows = [
        scaled(targets.visemes[spoken[n]], float(share))
        for n, share in zip(picked, shares, strict=True)
    ]
    return added(*rows)


def gaze(yaw: float, pitch: float) -> Coefs:
    """Return eyes that look to the subject's left (yaw > 0) and up (pitch > 0), -1..1 each."""
    out: Coefs = {}
    if yaw:
        outer, inner = ("Left", "Right") if yaw > 0 else ("Right", "Left")
        out[f"eyeLookOut{outer}"] = out[f"eyeLookIn{inner}"] = abs(yaw)
    if pitch:
        out |= both(**{f"eyeLook{'Up' if pitch > 0 else 'Down'}_": abs(pitch)})
    return out


def _fixed_eyes(targets: Targets) -> list[Sample]:
    rows: list[tuple[str, Coefs]] = [
        (f"blink@{by}", both(eyeBlink_=by)) for by in (0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.0)
    ]
    yaws = (-0.6, -0.3, 0, 0.3, 0.6)
    rows += [(f"gaze {y} {p}", gaze(y, p)) for y in yaws for p in (-0.6, -0.3, 0.3, 0.5)]
    rows += [(f"gaze {y} 0", gaze(y, 0)) for y in yaws if y]
    for name in (
        "browInnerUp", "browOuterUp_", "browDown_", "eyeSquint_", "eyeWide_", "cheekSquint_",
    ):  # fmt: skip
        rows += [(f"{name}@{by}", both(**{name: by})) for by in (0.5, 1.0)]
    rows += [(name, _only(targets.emotions[name], EYES_SHAPES)) for name in EMOTIONS]
    return [Sample(label, "fixed", coefs) for label, coefs in rows]


def _looking(random: Random) -> Sample:
    """Return eyes that glance, often half closed, brows moving along."""
    turned = gaze(random.normal(0, 0.25), random.normal(-0.05, 0.22))
    coefs = {name: min(0.9, weight) for name, weight in turned.items()}
    if random.random() < 0.55:
        shut = random.choice([random.uniform(0, 1), random.beta(0.6, 0.6)])
        coefs = added(coefs, both(eyeBlink_=float(shut)))
    brow = random.uniform(0, 0.7) * (random.random() < 0.6)
    inner, outer = brow * random.uniform(0.4, 1.0), brow * random.uniform(0.3, 1.0)
    coefs = added(coefs, both(browInnerUp=inner, browOuterUp_=outer))
    if random.random() < 0.25:
        coefs = added(coefs, both(browDown_=random.uniform(0, 0.6)))
    if random.random() < 0.5:
        squint = random.uniform(0, 0.6)
        cheek = squint * random.uniform(0.3, 1)
        coefs = added(coefs, both(eyeSquint_=squint, cheekSquint_=cheek))
    elif random.random() < 0.3:
        coefs = added(coefs, both(eyeWide_=random.uniform(0, 0.7)))
    if random.random() < 0.12:
        side = "Left" if random.random() < 0.5 else "Right"
        coefs = added(coefs, {f"browOuterUp{side}": random.uniform(0.1, 0.5)})
    return Sample("random", "random", {name: float(weight) for name, weight in coefs.items()})
