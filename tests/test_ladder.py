"""The quality ladder under a renderer that is made slow, stalls or crashes.

Whatever happens to the picture, the sound is the same to the last sample and no tick is lost.
"""

import asyncio
import logging
import threading
import time
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from livehost import config
from livehost.brain.voice.say import default_room
from livehost.clock import Timeline
from livehost.errors import BackendBroken
from livehost.media import Quality
from livehost.options import Options
from livehost.stage import app
from livehost.stage.encode import AudioEncoder
from livehost.stage.pace import Ladder
from livehost.stage.render import make_renderer
from livehost.wire import Speech
from tests.test_show import Drawn, Stage, loop_of_pictures

FULL, MOUTH_ONLY, MOUTH_HALF, HOLD = list(Quality)[:4]
COST = {FULL: 0.024, MOUTH_ONLY: 0.012, MOUTH_HALF: 0.008, HOLD: 0.003}  # of 0.040 seconds
LAST = 25 * 90
FROM, UNTIL = 25 * 10, 25 * 30  # ticks in which the renderer is slow


def slow(factor):
    return lambda plan: COST[plan.quality] * (factor if FROM <= plan.tick < UNTIL else 1)


def stall(plan):
    return 1.0 if plan.tick == FROM else COST[plan.quality]


def crash(plan):
    """The session is gone for two seconds: each picture fails at once, then it is opened again."""
    return 0.6 if plan.tick == FROM + 50 else COST[plan.quality]


class Shown(Stage):
    """A show that speaks all the time, with the level of each second."""

    def __init__(self, source=None):
        super().__init__(source)
        self.show.ladder = Ladder(25, grace_seconds=0)
        self.levels = []

    async def script(self, _):
        noise = np.random.default_rng(1).integers(-9000, 9000, 4800, np.int16)
        for n in range(10**6):
            self.playout.push(Speech(n, 0, noise, True, "x"))
            if n % 10 == 9:
                self.levels.append((self.show.snapshot()["quality"], self.show.ladder.level))
            await asyncio.sleep(0.1)


def show(seconds, source=None):
    stage = Shown(source)
    loop_of_pictures(stage, seconds, LAST, stage.script)
    return stage


def sound(stage):
    firsts = [first for first, _ in stage.encoder.pcm]
    assert firsts == [n * 1920 for n in range(LAST + 1)]
    return np.concatenate([pcm for _, pcm in stage.encoder.pcm])


@pytest.fixture(scope="module")
def undisturbed():
    stage = show(slow(1))
    assert stage.show.ladder.changes == 0 and stage.show.counters.repeated == 0
    return sound(stage)


@pytest.mark.parametrize(
    ("seconds", "lowest", "most_changes"),
    [
        pytest.param(slow(2), MOUTH_ONLY, 10, id="twice as slow"),
        pytest.param(slow(5), HOLD, 24, id="five times as slow"),
        pytest.param(stall, MOUTH_ONLY, 2, id="a stall of a second"),
        pytest.param(crash, MOUTH_ONLY, 2, id="a crash and a new session"),
    ],
)
def test_the_ladder_takes_what_a_slow_renderer_brings(
    seconds, lowest, most_changes, undisturbed, caplog
):
    broken = range(FROM, FROM + 50) if seconds is crash else ()
    stage = show(seconds, Drawn(fail=broken))
    assert np.array_equal(sound(stage), undisturbed)
    assert [tick for tick, _ in stage.encoder.pictures] == list(range(LAST + 1))
    counters = stage.show.counters
    assert (counters.late, counters.skipped, counters.resets) == (0, 0, 0)
    # Down while it is slow, and up again to all of it afterwards.
    names = [name for name, _ in stage.levels]
    assert max(level for _, level in stage.levels) == lowest
    assert names[:9] == ["FULL"] * 9 and names[-20:] == ["FULL"] * 20
    assert stage.show.snapshot()["quality_level"] == 0
    # Every change is logged, one level at a time, and there are few of them.
    told = [(r.__dict__["from"], r.to) for r in caplog.records if r.message == "quality level"]
    assert len(told) == stage.show.ladder.changes == stage.show.snapshot()["quality_changes"]
    assert told[0][0] == told[-1][1] == "FULL" and 2 <= len(told) <= most_changes
    assert all(abs(Quality[a] - Quality[b]) == 1 for a, b in told)


def test_a_climb_waits_for_two_calm_seconds_and_longer_after_each_fall():
    changes = []

    class Noting(Ladder):
        def _change(self, level):
            changes.append((asyncio.get_running_loop().time(), self.level, level))
            super()._change(level)

    stage = Shown()
    stage.show.ladder = Noting(25, grace_seconds=0)
    loop_of_pictures(stage, slow(2), LAST, stage.script)
    climbs = [at for at, before, after in changes if after < before]
    falls = [at for at, before, after in changes if after > before]
    waits = [climb - max(at for at in falls if at < climb) for climb in climbs]
    assert all(wait >= 2 for wait in waits)
    during = [wait for climb, wait in zip(climbs, waits, strict=True) if climb < UNTIL / 25]
    assert len(during) >= 2 and all(b > 1.5 * a for a, b in pairwise(during))


# --- on air -------------------------------------------------------------------------------------


class Disturbed:
    """A real renderer that is five times too slow from its third second on, stalls for a second
    at the sixth and loses its session at the eighth."""

    def __init__(self, *given):
        self._real, self._began = make_renderer(*given), None
        self.failed = False

    def __getattr__(self, name):
        return getattr(self._real, name)

    def render(self, face, quality):
        self._began = self._began or time.monotonic()
        second = time.monotonic() - self._began
        if 3 <= second < 5:
            threading.Event().wait(5 * COST[quality])
        elif second >= 6 and not Disturbed.stalled:
            Disturbed.stalled = True
            threading.Event().wait(1.0)
        elif second >= 8 and not Disturbed.lost:
            Disturbed.lost = True
            raise BackendBroken("session lost")
        return self._real.render(face, quality)


@pytest.mark.real
@pytest.mark.slow
def test_a_recording_of_a_disturbed_show_is_whole(tmp_path, monkeypatch, caplog):
    """The real stage in real time: x264 and AAC into a file, judged from outside."""
    monkeypatch.setattr(Disturbed, "stalled", False, raising=False)
    monkeypatch.setattr(Disturbed, "lost", False, raising=False)
    monkeypatch.setattr(app, "make_renderer", Disturbed)
    caplog.set_level(logging.WARNING)
    room = default_room()
    video = config.Video(width=360, height=640, bitrate_kbps=800, preset="ultrafast")
    avatar = room.avatar.model_copy(update={"path": room.avatar.path.resolve()})
    room = room.model_copy(
        update={"video": video, "avatar": avatar, "file": tmp_path / "room.toml"}
    )
    options = Options(str(room.file), str(tmp_path / "s"), record=str(tmp_path / "show.mp4"))
    stage = app.Stage(room, options)
    mixed, counters, levels = asyncio.run(on_air(stage, 12.0))
    (path,) = tmp_path.glob("*.mp4")
    pictures, units, frames = recorded(path)

    assert counters.skipped == counters.resets == 0
    ticks = counters.ticks
    assert ticks >= 250
    timeline = Timeline(Fraction(25))
    assert [at for at, _ in pictures] == [timeline.first_sample(n) for n in range(ticks)]
    assert frames == ticks  # every one of them decodes
    # The sound is what was mixed, bit for bit, to the end.
    assert len(mixed) == ticks * 1920
    encoder = AudioEncoder(room.audio.bitrate_kbps)
    expected = encoder.encode(0, mixed) + encoder.flush()
    assert units == [(packet.pts, packet.data) for packet in expected]
    assert (mixed[48_000 : 48_000 * 10] != 0).mean() > 0.5  # she speaks all through it
    # The ladder did its work, and said so.
    assert HOLD in levels
    assert "quality level" in caplog.messages
    assert any("renderer failed" in message for message in caplog.messages)
    assert "renderer back" in caplog.messages


async def on_air(stage, seconds):
    """Run `stage`, speaking; return what was mixed, its counters and the levels it had."""
    mixed, levels, mix = [], set(), stage._mixer.mix

    def noting(samples, voice):
        mixed.append(mix(samples, voice))
        return mixed[-1]

    stage._mixer.mix = noting
    tone = (np.sin(np.arange(9600) * 0.05) * 6000).astype(np.int16)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(stage.run(group))
        for n in range(round(seconds / 0.2)):
            stage._playout.push(Speech(n, 0, tone, True, "大家好"))
            levels.add(stage.show.ladder.level)
            await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.wait({running})
        await stage.close()
    released = stage.show.counters.ticks
    return np.concatenate(mixed[:released]), stage.show.counters, levels


def recorded(path):
    """Return (pts, bytes) of the video packets, of the audio packets, and the frames decoded."""
    with av.open(str(path)) as source:
        packets = [packet for packet in source.demux() if packet.size]
        kinds = {
            kind: [
                (round(packet.pts * packet.time_base * 48_000), bytes(packet))
                for packet in packets
                if packet.stream.type == kind
            ]
            for kind in ("video", "audio")
        }
    with av.open(str(path)) as source:
        frames = sum(1 for _ in source.decode(video=0))
    return kinds["video"], kinds["audio"], frames
