"""Make clips one after the other, with avatars and voices that stay loaded between them.

In:  a `Job` and where it goes.   Out: a labelled MP4, and what it came to.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from livehost.avatar import Avatar, load_avatar
from livehost.brain.voice import SpeechCache, make_voice
from livehost.clip import given, subtitles
from livehost.clip.film import Film, Grade
from livehost.clip.recording import Recording
from livehost.clip.settings import Job
from livehost.clip.speech import Pieces, play, read_aloud
from livehost.clip.take import Take
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.config import Room
from livehost.errors import BackendBroken, ConfigError
from livehost.stage.outputs.aigc import label_tags

DIGEST_TAG = "livehost_clip"
"""Metadata of a clip: the digest of what it was made from."""

Told = Callable[[float, float], None]
"""Called with the seconds of the clip made so far and the share of it that is made."""


@dataclass(frozen=True, slots=True)
class Made:
    """A finished clip.

    Attributes:
        seconds: its length.
        took: seconds of work.
        written: bytes.
    """

    path: Path
    seconds: float
    took: float
    written: int

    def __str__(self) -> str:
        speed = self.took / self.seconds
        return (
            f"{self.path}: {self.seconds:.2f} s, {self.written / 1e6:.1f} MB, "
            f"made in {self.took:.1f} s ({speed:.2f} s per second of clip)"
        )


class Maker:
    """Makes clips; use it within one event loop, one clip at a time, as a context manager."""

    def __init__(self) -> None:
        self._avatars: dict[Path, Avatar] = {}
        self._voices: dict[str, SpeechCache] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="livehost-clip-")

    def __enter__(self) -> Maker:
        cv2.setNumThreads(1)  # the other cores belong to the encoder and the voice
        return self

    def __exit__(self, *_: object) -> None:
        for voice in self._voices.values():
            voice.close()
        self._scratch.cleanup()

    async def make(self, job: Job, path: Path, told: Told, srt: bool = False) -> Made:
        """Make one clip. Cancelling leaves no file behind.

        Args:
            path: of the MP4; replaced only when the new one is complete.
            srt: also write the captions beside it.

        Raises:
            ConfigError: a file or a setting is wrong.
            BackendBroken: the voice, a model or an encoder failed.
            OutputLost: the file cannot be written.
        """
        now = asyncio.get_running_loop().time
        began = now()
        given.check_scene(job.room.scene)
        avatar = self._avatar(job)
        job = self._with_colour(job)
        recording = await self._recording(job)
        if recording is None:
            self._voice(job.room)  # its settings are judged before the work begins
        pieces = play(recording, job.clip.emotion) if recording else self._read_aloud(job)
        film = open_film(job, path)
        try:
            take = Take(job, avatar, _captions(job), film)
            taken = await take.run(pieces, Share(job, recording, told).tell)
            written = film.close()  # not in a thread: nothing may come between it and abandon
        except BaseException:
            film.abandon()
            raise
        if srt:
            cues = [cue for cue in taken.cues if cue.text]
            path.with_suffix(".srt").write_text(subtitles.srt(cues), "utf-8")
        seconds = Timeline(job.room.video.rate).seconds(taken.ticks)
        return Made(path, seconds, now() - began, written)

    def _avatar(self, job: Job) -> Avatar:
        folder = job.room.near(job.room.avatar.path)
        if folder not in self._avatars:
            self._avatars = {folder: load_avatar(folder)}  # plates are large: one at a time
        avatar = self._avatars[folder]
        if job.clip.emotion and job.clip.emotion not in avatar.emotions:
            there = ", ".join(sorted(avatar.emotions))
            raise ConfigError(f"{avatar.name} has no emotion {job.clip.emotion}; there are {there}")
        return avatar

    def _with_colour(self, job: Job) -> Job:
        """Return the job with a picture in place of a plain colour."""
        if not job.colour:
            return job
        path = Path(self._scratch.name) / f"{job.colour[1:]}.png"
        red, green, blue = bytes.fromhex(job.colour[1:])
        cv2.imwrite(str(path), np.full((16, 16, 3), (blue, green, red), np.uint8))
        scene = job.room.scene.model_copy(update={"background": path})
        return replace(job, room=job.room.model_copy(update={"scene": scene}))

    async def _recording(self, job: Job) -> Recording | None:
        if job.clip.audio is None:
            return None
        lufs, loop = job.room.audio.loudness_lufs, asyncio.get_running_loop()
        return await loop.run_in_executor(None, Recording, job.clip.audio, lufs)

    async def _read_aloud(self, job: Job) -> Pieces:
        voice = self._voice(job.room)
        try:
            async for piece in read_aloud(voice, job.texts, job.clip.emotion):
                yield piece
        except BackendBroken as error:
            engines = voice.snapshot()["engines"]
            why = "; ".join(f"{name}: {each['why']}" for name, each in engines.items())
            raise BackendBroken(f"the voice failed: {why or error}") from error

    def _voice(self, room: Room) -> SpeechCache:
        kept = {"name", "voice", "language", "avatar", "audio", "state", "file"}
        key = room.model_dump_json(include=kept)
        if key not in self._voices:
            for other in self._voices.values():
                other.close()
            self._voices = {key: make_voice(room)}
        return self._voices[key]


class Share:
    """How much of a clip is made, from what is said: the length of speech to come is unknown."""

    def __init__(self, job: Job, recording: Recording | None, told: Told) -> None:
        self._timeline = Timeline(job.room.video.rate)
        self._told = told
        self._seconds = recording.samples / SAMPLE_RATE if recording else 0.0
        self._lead = job.clip.lead_seconds
        self._lengths = [len(text) for text in job.texts]
        self._share = 0.0

    def tell(self, tick: int, sentence: int, said: float) -> None:
        """Take note of a tick."""
        seconds = self._timeline.seconds(tick)
        if self._seconds:
            self._share = min(1.0, max(0.0, seconds - self._lead) / self._seconds)
        elif sentence >= 0:
            done = sum(self._lengths[:sentence]) + said * self._lengths[sentence]
            self._share = done / sum(self._lengths)
        self._told(seconds, self._share)


def open_film(job: Job, path: Path) -> Film:
    """Open the film of `job`, its label in it. Raises ConfigError, BackendBroken."""
    clip, room = job.clip, job.room
    label = label_tags(
        clip.producer, clip.produce_id or job.digest[:32], clip.propagator, clip.propagate_id
    )
    grade = Grade(clip.preset, clip.crf, clip.bitrate_kbps, room.audio.bitrate_kbps)
    return Film(path, clip.sides, room.video.rate, grade, {**label, DIGEST_TAG: job.digest})


def _captions(job: Job) -> subtitles.Captions:
    if job.clip.subtitles:
        return subtitles.Given(subtitles.read_srt(job.clip.subtitles))
    return subtitles.Said()
