"""The demo room on air, pushed to a real RTMP server and watched there.

In:  minutes.   Out: tick times, misses, latencies, CPU and memory of each process.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.machine import quantiles
from benchmarks.receiver import Receiver
from livehost.brain.catalog import load_catalog
from livehost.brain.emotion import USUALLY, feeling
from livehost.brain.intent import IntentKind
from livehost.brain.voice import Sentence, make_voice
from livehost.config import load_room
from tests.onair import DEMO, RoomOnAir, wait_until
from tests.peers import Nginx, nginx_rtmp

QUIET_SCENE = "\nmusic_db = -60\n"
NEW = (
    "防晒衣身高158体重97斤穿什么码",
    "防晒衣身高172体重131斤穿什么码",
    "防晒衣身高163体重118斤穿什么码",
    "防晒衣身高169体重109斤穿什么码",
    "防晒衣身高155体重88斤穿什么码",
)
"""Their answers name the viewer's own figures: nobody can have made them ahead."""
COMMON = ("这个多少钱？", "还有货吗", "什么时候发货", "可以退货吗", "你是真人吗")
"""Their answers are made ahead when there is time."""


def measure(minutes: float, cache: Path | None = None, size: tuple[int, int] = (720, 1280)) -> Any:
    """Run the room for `minutes` and return what was measured."""
    with tempfile.TemporaryDirectory(prefix="livehost-bench-") as name:
        folder = Path(name)
        with nginx_rtmp(folder) as server:
            room = RoomOnAir(folder, ["--to", server.url("bench")], _room(size), cache)
            with room:
                return _Session(room, server).run(minutes)


def _room(size: tuple[int, int]) -> str:
    text = DEMO.read_text().replace("[scene]", "[scene]" + QUIET_SCENE, 1)
    return text + f"\n[video]\nwidth = {size[0]}\nheight = {size[1]}\n"


class _Session:
    """One run of the room and its viewer."""

    def __init__(self, room: RoomOnAir, server: Nginx) -> None:
        self._room = room
        self._server = server
        self._viewer: Receiver | None = None
        self._watcher: Watcher | None = None
        self._memory: list[dict[str, float]] = []

    def run(self, minutes: float) -> dict[str, Any]:
        wait_until(lambda: self._server.publishing("bench"), 120, 0.05)
        pushed = time.monotonic() - self._room.started
        self._room.wait_on_air(120)
        speaking = time.monotonic() - self._room.started
        self._viewer = Receiver(self._server.url("bench"))
        self._viewer.start()
        assert self._viewer.first.wait(15)
        self._watcher = Watcher(self._server.url("bench"))
        self._watcher.start()
        began, cpu = time.monotonic(), self._cpu()
        self._rest(5)
        results: dict[str, Any] = {
            "start_to_stream_seconds": round(pushed, 2),
            "start_to_speech_seconds": round(speaking, 2),
        }
        results["reply_uncached_seconds"] = self._replies(NEW)
        results["reply_cached_seconds"] = self._replies(COMMON)
        results["skip_to_silence_seconds"] = self._skips(5)
        while time.monotonic() - began < minutes * 60:
            self._rest(15)
        results |= self._finish(time.monotonic() - began, cpu)
        return results

    def _rest(self, seconds: float) -> None:
        time.sleep(seconds)
        self._memory.append(
            {"minute": round((time.monotonic() - self._room.started) / 60, 2), **self._resident()}
        )

    # --- latencies --------------------------------------------------------------------------------

    def _replies(self, questions: tuple[str, ...]) -> Any:
        """Ask each question and find its answer in the sound that the viewer got.

        Asked while the script is on air, at any moment of a sentence: while an earlier answer is
        being said, a question waits for its end.
        """
        found: list[float] = []
        missed = 0
        for number, question in enumerate(questions):
            wait_until(self._script_sounds, 60, 0.05, "the script")
            self._rest(0.4 * number)
            known = self._replied()
            posted = time.perf_counter()
            self._room.chat(question, nickname=f"观众{number}{posted:.0f}")
            text = wait_until(lambda known=known: self._new_reply(known), 60, 0.1, question)
            self._rest(4)
            heard = self._viewer.onset_of(self._speech(text), posted, time.perf_counter() - posted)
            if heard[1] > 0.5:
                found.append(heard[0])
            else:
                missed += 1
        return {**quantiles(found), "not_found": missed}

    def _script_sounds(self) -> bool:
        said = self._room.ask("/api/recent")["utterances"]
        return bool(said) and (said[-1]["kind"], said[-1]["state"]) == ("script", "started")

    def _replied(self) -> set[tuple[int, int]]:
        return {
            (u["utterance"], u["sentence"])
            for u in self._room.ask("/api/recent")["utterances"]
            if u["kind"] == "reply"
        }

    def _new_reply(self, known: set[tuple[int, int]]) -> str | None:
        for said in self._room.ask("/api/recent")["utterances"]:
            if said["kind"] == "reply" and (said["utterance"], said["sentence"]) not in known:
                return str(said["text"])
        return None

    def _speech(self, text: str) -> NDArray[np.float32]:
        return asyncio.run(_spoken(self._room, text))

    def _skips(self, count: int) -> Any:
        """Pause (so that nothing follows), skip, and see when the viewer's sound ends."""
        found = []
        for _ in range(count):
            wait_until(lambda: (self._room.status() or {}).get("now"), 60, 0.05, "speech")
            self._room.command("pause")
            asked = time.perf_counter()
            self._room.command("skip")
            time.sleep(3)
            found.append(self._viewer.silence_after(asked, 2.5))
            self._room.command("resume")
            self._rest(4)
        return quantiles(found)

    # --- cost -------------------------------------------------------------------------------------

    def _processes(self) -> dict[str, list[psutil.Process]]:
        parent = psutil.Process(self._room.process.pid)
        stage = psutil.Process(self._room.pids["stage"])
        brain = psutil.Process(self._room.pids["brain"])
        return {"parent": [parent], "stage": [stage], "brain": [brain], "link": stage.children()}

    def _cpu(self) -> dict[str, float]:
        return {
            name: sum(sum(p.cpu_times()[:2]) for p in processes)
            for name, processes in self._processes().items()
        }

    def _resident(self) -> dict[str, float]:
        return {
            name: round(sum(p.memory_info().rss for p in processes) / 2**20, 1)
            for name, processes in self._processes().items()
        }

    def _finish(self, seconds: float, cpu: dict[str, float]) -> dict[str, Any]:
        used = {name: (now - cpu[name]) / seconds for name, now in self._cpu().items()}
        status = self._room.status() or {}
        stage = status["stage"]
        counters = stage["counters"]
        self._viewer.stop()
        self._watcher.stop()
        return {
            "minutes": round(seconds / 60, 1),
            "cpu_seconds_per_second": {k: round(v, 3) for k, v in used.items()},
            "milliseconds": stage["milliseconds"],
            "counters": counters,
            "deadline_misses_share": (counters["late"] + counters["repeated"])
            / max(1, counters["ticks"]),
            "audio_gaps": counters["filler"],
            "quality": stage["quality"],
            "quality_changes": stage["quality_changes"],
            "resident_mib": self._memory[:: max(1, len(self._memory) // 8)] + self._memory[-1:],
            "pictures_at_viewer": len(self._watcher.video),
            "video_gaps_at_viewer": _gaps(self._watcher),
            "outputs": status["outputs"],
            "exit_code": self._room.end(),
        }


class Watcher(Receiver):
    """A viewer that waits until the pictures are found, too."""

    options: ClassVar[dict[str, str]] = {}


def _gaps(viewer: Receiver) -> int:
    """Return how many pictures did not follow the one before within 1.5 periods."""
    assert len(viewer.video) > 25, "the viewer got no pictures"
    times = np.array([pts for _, pts in viewer.video])
    return int((np.diff(times) > 0.06).sum())


async def _spoken(on_air: RoomOnAir, text: str) -> NDArray[np.float32]:
    """Return the speech of a sentence from the room's own cache."""
    os.environ["XDG_CACHE_HOME"] = on_air.environment["XDG_CACHE_HOME"]
    room = load_room(on_air.room)
    voice = make_voice(room)
    names = {name for p in load_catalog(room).products.values() for name in p.names()}
    said = feeling(text, "", USUALLY[IntentKind.REPLY])
    stressed = tuple(sorted(name for name in names if name in text))
    sentence = Sentence(text, said.emotion, intensity=said.intensity, stressed=stressed)
    try:
        async with aclosing(voice.speak(sentence)) as chunks:
            return np.concatenate([chunk.pcm async for chunk in chunks])
    finally:
        voice.close()
