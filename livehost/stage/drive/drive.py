"""From what is being said to a living face, one tick at a time.

In:  ticks in order, each with its speech or None.   Out: one `Face` per tick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.media import BLENDSHAPES, SHAPE, Body, Face, HeadPose
from livehost.stage.drive.audio import follower
from livehost.stage.drive.gesture import plan
from livehost.stage.drive.idle import LARGE_SHIFT, Blinks, Breath, Sway
from livehost.stage.drive.look import Look
from livehost.stage.drive.micro import Micros
from livehost.stage.drive.mix import mix
from livehost.stage.drive.mood import Mood
from livehost.stage.drive.motion import Drift, Follow, Pulse, Splice, soft
from livehost.stage.drive.perform import Performer
from livehost.stage.drive.timings import OPENERS, Articulator, Curve

if TYPE_CHECKING:
    from livehost.stage.playout import Spoken

Shapes = NDArray[np.float32]

JOIN_TIME = 0.2  # seconds to pass from one mouth motion to the next
LOUD, QUIET = 1.12, 0.8  # opening of a loud and a soft syllable
YAW_PER_SHAPE, PITCH_PER_SHAPE = 30.0, 24.0  # degrees of eyeLook* = 1
FARTHEST_LOOK = 0.6
UPRIGHT = 0.6  # of a lean that the head makes good, so that the eyes stay level
LID_FOLLOWS = 0.75  # of a look down: so much less is left to shut in a blink

# yaw, pitch, roll in degrees; tx, ty in head heights
POSE_SPREAD = np.array([1.5, 1.0, 0.8, 0.004, 0.003])
POSE_LIMIT = np.array([5.0, 4.0, 3.0, 0.012, 0.008])
_MOST: list[float] = POSE_LIMIT.tolist()
BROW_ROOM = 1.2  # at brows raised by 1 / this an emphasis raises them no further


class Drive:
    """Makes the face of every tick.

    Args:
        avatar: whose visemes and emotions to use.
        timeline: how long a tick lasts.
        seed: of everything random; equal seeds and speech give equal faces.
        expression: how far emotions move the face; 0: the resting face only.
        gestures: how far head and brows go with what is said; 0: not at all.
    """

    def __init__(
        self,
        avatar: Avatar,
        timeline: Timeline,
        seed: int = 0,
        expression: float = 1.0,
        gestures: float = 1.0,
    ) -> None:
        self._timeline, self._last_tick = timeline, -1
        self._mouth = _Mouth(avatar)
        self._random = np.random.default_rng(seed)
        random = self._random.spawn(7)
        self._blinks, self._look, self._breath = (
            Blinks(random[0]),
            Look(random[1]),
            Breath(random[2]),
        )
        self._sway = Sway(random[6])
        self._pose = Drift(random[3], POSE_SPREAD, POSE_LIMIT)
        self._mood = Mood(avatar, random[4], expression)
        self._micros = Micros(random[5], expression)
        self._gestures, self._performer = gestures, Performer(gestures)
        self._sentence: tuple[int, int] | None = None
        self._stressed = False
        self._lively = Follow(np.zeros(1), 0.6)
        self._activity = Follow(np.zeros(1), 0.18)
        self._nod, self._brow = Pulse(0.14, 0.34), Pulse(0.12, 0.45)

    def face(self, tick: int, spoken: Spoken | None) -> Face:
        """Return the face of `tick`; call once per tick, in order.

        Args:
            spoken: the speech that sounds during it, or None.
        """
        period = self._timeline.period * max(1, min(25, tick - self._last_tick))
        self._last_tick = tick
        mouth = self._mouth.step(spoken, self._timeline.samples(tick), period)
        sounding = np.array([float(self._mouth.sounding)])
        lively = float(self._lively.step(sounding, period)[0])
        activity = float(self._activity.step(sounding, period)[0])
        self._begin(spoken)
        self._accent()
        felt, pitch, roll = self._mood.step(spoken, period)
        self._micros.step(felt, period, activity)
        shapes = mix(mouth, felt, activity)
        seconds = spoken.start / SAMPLE_RATE if spoken else 0.0
        yaw, nod, tilt, lift, shrug = self._performer.step(seconds, period)
        lean = min(1.0, self._gestures) * self._sway.step(period, activity)
        upright = roll + tilt + UPRIGHT * lean
        pose = self._head(period, lively, (yaw, pitch + nod, upright))
        self._eyes(shapes, pose, period, spoken)
        self._brows(shapes, period, lift)
        body = Body(self._breath.step(period), lean, shrug)
        return Face(np.clip(shapes, 0, 1, out=shapes), pose, body, tick)

    def glance(self, left: float, up: float) -> None:
        """Look for a moment at something new in the picture, when there is room for it.

        Args:
            left, up: where it lies, in degrees from the camera as the host sees it.
        """
        self._look.ask(left, up)

    def _begin(self, spoken: Spoken | None) -> None:
        """Plan the gestures of a sentence when it begins."""
        sentence = (spoken.utterance, spoken.sentence) if spoken else None
        if sentence == self._sentence:
            return
        self._sentence = sentence
        if spoken is None:
            self._performer.begin(())
            return
        self._stressed = any(phone.stress for phone in spoken.phones)
        self._performer.begin(plan(spoken.text, spoken.phones, int(self._random.integers(2**32))))
        self._look.begin(spoken.emotion)

    def _accent(self) -> None:
        """Let a loud syllable show in head and brows, most of the time.

        Where the voice marks emphasised words, they are among the sentence's gestures instead.
        """
        busy = self._nod.busy or self._brow.busy or self._performer.busy
        if not self._mouth.accent or self._stressed or busy:
            return
        chance = self._random.random()
        if chance < 0.65:
            self._nod.trigger(self._random.uniform(1.0, 2.4))
        if chance > 0.3:
            self._brow.trigger(self._random.uniform(0.15, 0.38))

    def _head(self, period: float, lively: float, moved: tuple[float, float, float]) -> HeadPose:
        """Return the pose: drifting, plus (yaw, pitch, roll) of gestures and mood."""
        yaw, pitch, roll, tx, ty = self._pose.step(period, 0.8 + 0.5 * lively).tolist()
        nod = self._gestures * self._nod.step(period)
        return HeadPose(
            soft(yaw + moved[0], _MOST[0]),
            soft(pitch + moved[1] + nod, _MOST[1]),
            soft(roll + moved[2], _MOST[2]),
            tx,
            ty,
        )

    def _eyes(self, shapes: Shapes, pose: HeadPose, period: float, spoken: Spoken | None) -> None:
        """Blink, and look at the camera whatever the head does."""
        busy = self._performer.busy or (spoken is not None and spoken.emotion == "apologetic")
        left, up, shift = self._look.step(period, self._mouth.sounding, busy)
        if nod := self._look.nod():
            self._performer.start(nod)
        if shift > LARGE_SHIFT:
            self._blinks.with_gaze()
        if self._mouth.blink:
            self._blinks.with_phrase()
        _look(shapes, (left - pose.yaw) / YAW_PER_SHAPE, (up + pose.pitch) / PITCH_PER_SHAPE)
        shut = self._blinks.step(period)
        shut *= 1 - LID_FOLLOWS * float(shapes[SHAPE["eyeLookDownLeft"]])
        for side in ("Left", "Right"):
            shapes[SHAPE["eyeBlink" + side]] = max(shapes[SHAPE["eyeBlink" + side]], shut)
            shapes[SHAPE["eyeWide" + side]] *= 1 - shut

    def _brows(self, shapes: Shapes, period: float, lift: float) -> None:
        """Raise the brows, less where an emotion has raised them already."""
        lift += self._gestures * self._brow.step(period) + max(0.0, self._mood.brows)
        lift *= max(0.0, 1 - BROW_ROOM * float(shapes[SHAPE["browInnerUp"]]))
        shapes[SHAPE["browInnerUp"]] += 0.8 * lift
        shapes[SHAPE["browOuterUpLeft"]] += lift
        shapes[SHAPE["browOuterUpRight"]] += 0.9 * lift


def _look(shapes: Shapes, left: float, up: float) -> None:
    """Turn both eyes; `left` is the subject's left, both in shares of a full look."""
    left = min(FARTHEST_LOOK, max(-FARTHEST_LOOK, left))
    up = min(FARTHEST_LOOK, max(-FARTHEST_LOOK, up))
    for name in ("OutLeft", "InRight") if left > 0 else ("InLeft", "OutRight"):
        shapes[SHAPE["eyeLook" + name]] += abs(left)
    for name in ("UpLeft", "UpRight") if up > 0 else ("DownLeft", "DownRight"):
        shapes[SHAPE["eyeLook" + name]] += abs(up)


class _Mouth:
    """The mouth of each tick: from timings, from sound, or at rest, joined without a jump.

    Attributes:
        sounding: whether a voice is heard in this tick.
        accent: whether an emphasised syllable begins in this tick.
        blink: whether a phrase heard without timings ends in this tick.
    """

    def __init__(self, avatar: Avatar) -> None:
        self._articulator = Articulator(avatar.visemes, avatar.ipa)
        self._audio = follower(avatar.visemes)
        self._splice = Splice(len(BLENDSHAPES), JOIN_TIME)
        self._key: tuple[int, int] | None = None
        self._curve: Curve | None = None
        self._loudness = _Loudness()
        self._still = np.zeros(len(BLENDSHAPES), np.float32)
        self.sounding = self.accent = self.blink = False

    def step(self, spoken: Spoken | None, samples: int, period: float) -> Shapes:
        """Return (53,) float32, a fresh array."""
        self.blink = False
        key = (spoken.utterance, spoken.sentence) if spoken else None
        joined = key != self._key
        if joined:
            self._begin(spoken)
            self._key = key
        if spoken is None:
            self.sounding = self.accent = False
            return self._splice.step(self._still, period, joined).copy()
        pcm = np.clip(np.nan_to_num(spoken.pcm), -1, 1)
        gain, self.accent = self._loudness.step(pcm, period)
        self.sounding = self._loudness.sounding
        fresh = self._shapes(spoken, pcm, samples, period, gain)
        return self._splice.step(fresh, period, joined).copy()

    def _begin(self, spoken: Spoken | None) -> None:
        self._audio.reset()
        phones = spoken.phones if spoken else ()
        self._curve = self._articulator.curve(phones) if phones else None

    def _shapes(
        self, spoken: Spoken, pcm: Shapes, samples: int, period: float, gain: float
    ) -> Shapes:
        if self._curve is None:
            return self._followed(spoken, pcm, period, gain)
        begin, end = spoken.start / SAMPLE_RATE, (spoken.start + samples) / SAMPLE_RATE
        if self._curve.accents:
            self.accent = any(begin <= at < end for at in self._curve.accents)
        shapes = self._curve.at((begin + end) / 2)
        shapes[list(OPENERS)] *= gain
        return shapes

    def _followed(self, spoken: Spoken, pcm: Shapes, period: float, gain: float) -> Shapes:
        shapes = self._audio.shapes(pcm, spoken.ahead, period)
        self.blink = self._audio.blink
        if self._audio.accent is None:
            return shapes
        self.accent = self._audio.accent
        shapes[list(OPENERS)] *= gain
        return shapes


class _Loudness:
    """How loud a tick is against the last seconds of speech."""

    FLOOR = 10 ** (-50 / 20)
    MEMORY, EASE, COOLDOWN = 3.0, 0.09, 1.4  # seconds

    def __init__(self) -> None:
        self._usual, self._gain, self._wait, self._before = 0.0, 1.0, 0.0, 0.0
        self._heard = 0.0  # seconds of voice so far: the first ones count for more
        self.sounding = False

    def step(self, pcm: NDArray[np.float32], period: float) -> tuple[float, bool]:
        """Return the gain for the mouth's opening, and whether an accent begins."""
        rms = float(np.mean(np.square(pcm))) ** 0.5 if len(pcm) else 0.0
        self.sounding, self._wait = rms > self.FLOOR, self._wait - period
        if not self.sounding:
            self._before = 0.0
            return self._gain, False
        self._heard = min(self.MEMORY, self._heard + period)
        self._usual += (rms - self._usual) * period / self._heard
        goal = min(LOUD, max(QUIET, (rms / self._usual) ** 0.35))
        self._gain += (goal - self._gain) * (1 - np.exp(-period / self.EASE))
        accent = self._wait <= 0 and rms > 1.35 * self._usual and rms > self._before
        self._before = rms
        if accent:
            self._wait = self.COOLDOWN
        return self._gain, accent
