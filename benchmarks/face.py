"""The face on a recorded stream, judged by MediaPipe: `python -m benchmarks --only face`.

In:  minutes of the demo room.   Out: how the mouth follows the sound, what it does in silence,
blinks, closures, borders; see `benchmarks.judge` for each measure.

The room runs as users run it and pushes to a real RTMP server, whose recording is judged. The
script speaks, viewers ask, and now and then the operator pauses, so that there is silence.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks import judge
from benchmarks.receiver import RATE, best_match
from livehost.avatar.landmarks import Found, Landmarker
from livehost.brain.catalog import load_catalog
from livehost.brain.emotion import USUALLY, feeling
from livehost.brain.intent import IntentKind
from livehost.brain.voice import Sentence, make_voice
from livehost.config import load_room
from livehost.media import Phone
from tests.onair import DEMO, RoomOnAir, wait_until
from tests.peers import nginx_rtmp

QUIET_SCENE = "\nmusic_db = -60\n"
QUESTIONS = ("这个多少钱？", "还有货吗", "什么时候发货", "防晒衣身高163体重118斤穿什么码")
PAUSES, PAUSE_SECONDS, SPEECH_SECONDS = 4, 7.0, 11.0
LABIALS = frozenset({"p", "pʰ", "b", "m"})
SURE = 0.8  # correlation with the recorded sound above which a sentence is taken to be there
CROP = 1.7  # sides of the judged square, in those of the face


def measure(
    minutes: float = 3.0,
    cache: Path | None = None,
    size: tuple[int, int] = (720, 1280),
    keep: Path | None = None,
) -> dict[str, Any]:
    """Record the demo room and return what the judge says; `keep` gets the recording."""
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        folder = Path(name)
        with nginx_rtmp(folder) as server:
            room = RoomOnAir(folder, ["--to", server.url("face")], _room(size), cache)
            with room:
                wait_until(lambda: server.publishing("face"), 120, 0.05)
                said = _show(room, minutes)
            server.stop()
            recording = server.recordings("face")[0]
            if keep:
                keep.write_bytes(recording.read_bytes())
            pcm = sound(recording)
            return judge.verdict(seen(recording, pcm), _labials(room, said, pcm))


def _room(size: tuple[int, int]) -> str:
    text = DEMO.read_text().replace("[scene]", "[scene]" + QUIET_SCENE, 1)
    return text + f"\n[video]\nwidth = {size[0]}\nheight = {size[1]}\n"


def _show(room: RoomOnAir, minutes: float) -> dict[str, str]:
    """Run the room; return what was said, with the kind of utterance of each sentence."""
    room.wait_on_air(120)
    said: dict[str, str] = {}
    began = time.monotonic()
    for number in range(PAUSES):
        _listen(room, said, SPEECH_SECONDS)
        room.command("pause")
        _listen(room, said, PAUSE_SECONDS)
        room.command("resume")
        room.chat(QUESTIONS[number % len(QUESTIONS)], nickname=f"观众{number}")
    while time.monotonic() - began < minutes * 60:
        _listen(room, said, 5)
    return said


def _listen(room: RoomOnAir, said: dict[str, str], seconds: float) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        said.update({u["text"]: u["kind"] for u in room.ask("/api/recent")["utterances"]})
        time.sleep(min(left, 3))


# --- what the recording holds ---------------------------------------------------------------------


def sound(path: Path) -> NDArray[np.float32]:
    """Return the sound of a recording, 48 kHz mono, its first sample at the file's time 0."""
    resampler = av.AudioResampler("flt", "mono", RATE)
    pieces: list[NDArray[np.float32]] = []
    count = 0
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            for piece in resampler.resample(frame):
                pcm = piece.to_ndarray()[0].astype(np.float32)
                if not pieces and frame.time:
                    pieces.append(np.zeros(round(frame.time * RATE), np.float32))
                    count = len(pieces[0])
                pieces.append(pcm)
                count += len(pcm)
    return np.concatenate(pieces)


def seen(path: Path, pcm: NDArray[np.float32]) -> judge.Track:
    """Return the landmarks of every picture of a recording, and the level of its sound."""
    points, blink, at = [], [], []
    crop: tuple[slice, slice] | None = None
    with av.open(str(path)) as file, Landmarker(faces=1) as landmarker:
        fps = float(file.streams.video[0].average_rate or 25)
        for frame in file.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24")
            if crop is None and (faces := landmarker.find(rgb)):
                crop = _around(faces[0], rgb.shape[:2])
            if crop is None or not (faces := landmarker.find(rgb[crop])):
                continue
            face = faces[0]
            points.append(face.points[:, :2])
            blink.append(min(face.scores["eyeBlinkLeft"], face.scores["eyeBlinkRight"]))
            at.append(float(frame.time or 0.0))
    moments = np.array(at)
    level = np.array([_level(pcm, moment, fps) for moment in moments], np.float32)
    return judge.Track(fps, np.array(points), np.array(blink, np.float32), level, moments)


def _around(face: Found, size: tuple[int, int]) -> tuple[slice, slice]:
    left, top, width, height = face.box
    half = CROP * max(width, height) / 2
    x, y = left + width / 2, top + height / 2
    rows = slice(max(0, round(y - half)), min(size[0], round(y + half)))
    return rows, slice(max(0, round(x - half)), min(size[1], round(x + half)))


def _level(pcm: NDArray[np.float32], at: float, fps: float) -> float:
    part = pcm[round(at * RATE) : round((at + 1 / fps) * RATE)]
    power = float(np.mean(part.astype(np.float64) ** 2)) if len(part) else 0.0
    return 10 * np.log10(power + 1e-9)


# --- where b, p and m are -------------------------------------------------------------------------


def _labials(
    on_air: RoomOnAir, said: dict[str, str], pcm: NDArray[np.float32]
) -> list[tuple[float, float]]:
    """Return begin and end of each labial, in seconds, of the sentences found in the sound."""
    os.environ["XDG_CACHE_HOME"] = on_air.environment["XDG_CACHE_HOME"]
    return asyncio.run(_found(on_air, said, pcm))


async def _found(
    on_air: RoomOnAir, said: dict[str, str], pcm: NDArray[np.float32]
) -> list[tuple[float, float]]:
    room = load_room(on_air.room)
    catalog = load_catalog(room)
    names = {name for product in catalog.products.values() for name in product.names()}
    lines = [line for segment in catalog.segments for line in segment.lines]
    voice = make_voice(room)
    spans: list[tuple[float, float]] = []
    try:
        for text, kind in said.items():
            given = next((line.emotion for line in lines if text in line.text), "")
            felt = feeling(text, given, USUALLY.get(IntentKind(kind), "neutral"))
            stressed = tuple(sorted(name for name in names if name in text))
            asked = Sentence(text, felt.emotion, intensity=felt.intensity, stressed=stressed)
            spans += _places(*await _spoken(voice, asked), pcm)
    finally:
        voice.close()
    return spans


async def _spoken(voice: Any, sentence: Sentence) -> tuple[NDArray[np.float32], tuple[Phone, ...]]:
    async with aclosing(voice.speak(sentence)) as chunks:
        made = [chunk async for chunk in chunks]
    return np.concatenate([chunk.pcm for chunk in made]), made[0].phones


def _places(
    speech: NDArray[np.float32], phones: tuple[Phone, ...], pcm: NDArray[np.float32]
) -> list[tuple[float, float]]:
    if len(speech) > len(pcm):
        return []
    first, strength = best_match(pcm, speech)
    if strength < SURE:
        return []
    labials = [phone for phone in phones if phone.ipa in LABIALS]
    return [((first + p.start) / RATE, (first + p.end) / RATE) for p in labials]
