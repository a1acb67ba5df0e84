"""Make one clip: the parts of the stage on a loop without a clock, as fast as the machine can.

In:  a `Job`, its avatar, its speech.   Out: one film, tick by tick; the same for the same seed.

The loop plans a tick (speech, sound, face), the render thread draws it, the encode thread writes
it. Each works ahead of the next by a few pictures, and the voice ahead of all by some seconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from livehost.avatar import Avatar
from livehost.channel import Channel
from livehost.clip.film import Film
from livehost.clip.settings import Job
from livehost.clip.speech import Pieces
from livehost.clip.subtitles import Captions, Cue
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.media import Face, Quality, Yuv
from livehost.stage.compose import Composer
from livehost.stage.drive import Drive
from livehost.stage.layout import SAFE_BOTTOM, Layout, layout
from livehost.stage.planes import even
from livehost.stage.playout import Pulled
from livehost.stage.render import make_renderer
from livehost.stage.render.peers import load_network, playout
from livehost.stage.sound import Mixer
from livehost.wire import Speech

VOICE_AHEAD = 20 * SAMPLE_RATE  # samples made before they are needed
IN_PLAYOUT = 2 * SAMPLE_RATE
WIDE_SAFE_BOTTOM = 0.03  # share of the height
DRAWN_AHEAD = 8  # pictures between planning and writing
TELL_SECONDS = 0.25  # of the clip, between two reports of progress

Told = Callable[[int, int, float], None]
"""Called with the ticks made, the sentence being said, and the share of it that is said."""


@dataclass(slots=True)
class Taken:
    """What a take came to.

    Attributes:
        ticks: pictures.
        cues: sentences with the samples of the clip at which they begin and end.
    """

    ticks: int = 0
    cues: list[Cue] = field(default_factory=list)


class Take:
    """One clip in the making.

    Raises:
        ConfigError: the avatar does not fit this frame.
        BackendBroken: a model cannot be loaded.
    """

    def __init__(self, job: Job, avatar: Avatar, captions: Captions, film: Film) -> None:
        room, clip = job.room, job.clip
        self._film = film
        self._captions = captions
        self._timeline = Timeline(room.video.rate)
        named = room.avatar.network
        network = load_network(room.near(named)) if named else None
        self._playout = playout(network, self._timeline)
        face = room.avatar
        self._drive = Drive(avatar, self._timeline, clip.seed, face.expression, face.gestures)
        self._mixer = Mixer(room.audio, room.scene, room.near)
        size = room.video.width, room.video.height
        self._renderer = make_renderer(avatar, *size, room.video.rate, network)
        places = clip_layout(job, filmed=avatar.loop is not None)
        self._composer = Composer(room.video, room.scene, room.near, places, live=False)
        self._lead = round(clip.lead_seconds * room.video.rate)
        self._tail = round(clip.tail_seconds * room.video.rate)
        self._speech: Channel[Speech | None] = Channel(VOICE_AHEAD)
        self._ended = False
        self._taken = Taken()
        self._render, self._write = ThreadPoolExecutor(1, "render"), ThreadPoolExecutor(1, "encode")
        self._pending: deque[Future[None]] = deque()

    async def run(self, pieces: Pieces, told: Told) -> Taken:
        """Film `pieces` from the first to the last; the film is not closed.

        Cancelling stops within a few pictures.

        Raises:
            ConfigError, BackendBroken: from `pieces`.
            BackendBroken: a model failed.
            OutputLost: the film cannot be written.
        """
        feeding = asyncio.get_running_loop().create_task(self._feed(pieces), name="speech")
        try:
            await self._film_all(feeding, told)
            while self._pending:
                await asyncio.wrap_future(self._pending.popleft())
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            self._close()
        return self._taken

    async def _film_all(self, feeding: asyncio.Task[None], told: Told) -> None:
        left = self._tail
        every = max(1, round(TELL_SECONDS * self._timeline.fps))
        while True:
            tick = self._taken.ticks
            if tick >= self._lead:
                await self._supply(feeding)
                if self._all_said:
                    left -= 1
            if left < 0:
                return
            pulled = self._plan(tick, min(1.0, (left + 1) / max(1, self._tail)))
            if tick % every == 0:
                said = pulled.spoken
                told(tick, said.sentence if said else -1, _share(pulled))
            self._taken.ticks += 1
            while len(self._pending) > DRAWN_AHEAD:
                await asyncio.wrap_future(self._pending.popleft())

    @property
    def _all_said(self) -> bool:
        return self._ended and not self._playout.queued and self._playout.on_air is None

    async def _feed(self, pieces: Pieces) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    await self._speech.put(piece, len(piece.pcm))
        finally:
            self._speech.offer(None, 0.0)

    async def _supply(self, feeding: asyncio.Task[None]) -> None:
        """Keep two seconds of speech in playout. Raises what the speech ended with."""
        while not self._ended and self._playout.queued < IN_PLAYOUT:
            piece = await self._speech.get()
            if piece is None:
                self._ended = True
                await feeding
            else:
                self._playout.push(piece)

    def _plan(self, tick: int, gain: float) -> Pulled:
        """Order the picture and the sound of a tick."""
        samples = self._timeline.samples(tick)
        pulled = self._playout.pull(samples)
        self._note(tick, pulled)
        pcm = _faded(self._mixer.mix(samples, pulled.pcm), gain, self._tail)
        face = self._drive.face(tick, pulled.spoken)
        if pulled.sound:
            face = replace(face, sound=pulled.sound)
        since = self._timeline.first_sample(tick) - self._timeline.first_sample(self._lead)
        caption, progress = self._captions.at(since, pulled.spoken)
        drawn = self._render.submit(self._draw, tick, face, caption, progress)
        self._pending.append(self._write.submit(self._add, drawn, pcm))
        return pulled

    def _note(self, tick: int, pulled: Pulled) -> None:
        """Remember when sentences begin and end."""
        at, cues = self._timeline.first_sample(tick), self._taken.cues
        if pulled.spoken and (pulled.started or not cues):
            cues.append(Cue(at, at, pulled.spoken.text))
        if pulled.spoken and cues:
            cues[-1] = replace(cues[-1], end=at + len(pulled.pcm))

    # --- in the threads ---------------------------------------------------------------------------

    def _draw(self, tick: int, face: Face, caption: str, progress: float) -> Yuv:
        presenter = self._renderer.render(face, Quality.FULL)
        return self._composer.compose(tick, presenter, caption, progress)

    def _add(self, drawn: Future[Yuv], pcm: NDArray[np.int16]) -> None:
        self._film.add(drawn.result(), pcm)

    def _close(self) -> None:
        for thread in (self._write, self._render):
            thread.shutdown(wait=False, cancel_futures=True)
        for thread in (self._render, self._write):
            thread.shutdown(wait=True)
        self._composer.close()


def clip_layout(job: Job, *, filmed: bool = False) -> Layout:
    """Return the places of a clip: no product card, so captions stand in the lower third.

    A wide clip is watched in a player, without a platform's controls at the bottom.

    Args:
        filmed: the host was filmed where she is, so that no desk is painted before her.
    """
    video, desk = job.room.video, job.clip.desk
    usual = layout(video.width, video.height)
    safe, wide = (SAFE_BOTTOM, video.width - 2 * usual.margin)
    if not usual.upright:
        safe, wide = WIDE_SAFE_BOTTOM, even(0.72 * video.width)
    bottom = even(video.height * (1 - safe) - 24 * usual.unit)
    places = replace(usual, caption_bottom=bottom, caption_width=wide)
    own = bool(filmed or job.colour or job.room.scene.background)
    return places if (not own if desk is None else desk) else replace(places, desk_top=video.height)


def _share(pulled: Pulled) -> float:
    spoken = pulled.spoken
    if spoken is None or not spoken.phones:
        return 0.0
    return min(1.0, max(0.0, spoken.start / spoken.phones[-1].end))


def _faded(pcm: NDArray[np.int16], gain: float, ticks: int) -> NDArray[np.int16]:
    """Return a tick of the tail quieter, from `gain` down by one step of `ticks`."""
    if gain >= 1.0:
        return pcm
    ramp = np.linspace(gain, max(0.0, gain - 1 / max(1, ticks)), len(pcm))[:, None]
    return np.rint(pcm * ramp).astype(np.int16)
