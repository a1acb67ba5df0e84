"""The tick loop on virtual time: sound never waits for pictures, and nothing is skipped."""

import asyncio
import threading
from concurrent.futures import Executor, Future
from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest

from livehost.clock import InlineExecutor, Timeline
from livehost.errors import BackendBroken
from livehost.media import Packet, Quality, Yuv, rest_face
from livehost.stage.pace import Ladder
from livehost.stage.playout import Playout
from livehost.stage.program import Host, Plan, Program, Still
from livehost.stage.show import MOST_SOUNDING, Show
from livehost.wire import Cue, CueKind, Heard, Speech, Started
from tests.virtual import RenderThread, SlowLoop, run

TIMELINE = Timeline(Fraction(25))


def picture(value):
    plane = np.full((2, 2), value, np.uint8)
    return Yuv(plane, plane, plane)


class Drawn:
    """A source that remembers its plans, and fails or is slow when told to."""

    name = "drawn"

    def __init__(self, fail=(), slow=None):
        self.plans, self.fail, self.slow = [], set(fail), slow or {}

    def picture(self, plan):
        self.plans.append(plan)
        if plan.tick in self.slow:
            self.slow[plan.tick]()
        if plan.tick in self.fail:
            raise ValueError("broken source")
        return picture(plan.tick % 200)


class Encoder:
    """Packets without a codec; remembers what it was given."""

    def __init__(self, broken_at=None):
        self.pictures, self.pcm, self.keyframes, self.broken_at = [], [], [], broken_at

    def video(self, tick, given, keyframe=False):
        if tick == self.broken_at:
            raise BackendBroken("encoder lost")
        self.pictures.append((tick, None if given is None else int(given.y[0, 0])))
        if keyframe:
            self.keyframes.append(tick)
        at = TIMELINE.first_sample(tick)
        return [Packet("video", at, at, 1920, keyframe, b"v")]

    def audio(self, first_sample, pcm):
        self.pcm.append((first_sample, pcm))
        return [Packet("audio", first_sample, first_sample, len(pcm), True, b"a")]


class Sound:
    def mix(self, samples, voice):
        assert len(voice) == samples
        return np.repeat((voice * 32768).astype(np.int16)[:, None], 2, axis=1)


class Drive:
    def face(self, tick, spoken):
        return rest_face()


class Stage:
    def __init__(self, source=None, encoder=None):
        self.source, self.encoder = source or Drawn(), encoder or Encoder()
        self.playout, self.packets, self.reports = Playout(), [], []
        self.program = Program([self.source], Still(picture(255)))
        self.show = Show(
            TIMELINE, self.playout, Drive(), Sound(), self.program, self.encoder,
            self.packets.append, self.reports.append,
        )  # fmt: skip

    def run(self, last_tick, script=None):
        async def main():
            async with asyncio.TaskGroup() as group:
                if script:
                    group.create_task(script(self))
                await self.show.run(last_tick)

        run(main())
        return self


def test_every_tick_has_one_picture_and_its_exact_samples():
    stage = Stage().run(250)
    assert stage.encoder.pictures == [(n, n % 200) for n in range(251)]
    assert [first for first, _ in stage.encoder.pcm] == [n * 1920 for n in range(251)]
    assert stage.show.counters.repeated == 0
    kinds = [p.kind for p in stage.packets]
    assert kinds.count("video") == kinds.count("audio") == 251


def test_no_encoder_runs_in_the_event_loop():
    """Half a tick of codec there would make every socket and timer late."""

    class Noting(Encoder):
        threads: ClassVar = set()

        def video(self, *given):
            self.threads.add(threading.current_thread().name)
            return super().video(*given)

        def audio(self, *given):
            self.threads.add(threading.current_thread().name)
            return super().audio(*given)

    Stage(encoder=Noting()).run(5)
    assert Noting.threads == {"encode_0", "sound_0"}


def test_packets_of_each_kind_keep_their_order():
    packets = Stage().run(100).packets
    for kind in ("video", "audio"):
        times = [packet.dts for packet in packets if packet.kind == kind]
        assert times == sorted(times)


def test_a_broken_sound_encoder_ends_the_show():
    class Broken(Encoder):
        def audio(self, first_sample, pcm):
            if first_sample > 1920 * 20:
                raise BackendBroken("aac lost")
            return super().audio(first_sample, pcm)

    with pytest.raises(BaseExceptionGroup) as told:
        Stage(encoder=Broken()).run(100)
    assert told.group_contains(BackendBroken, match="aac lost")


def test_a_sound_encoder_that_never_returns_ends_the_show():
    async def clog(stage):
        never = [asyncio.get_running_loop().create_future() for _ in range(MOST_SOUNDING)]
        stage.show._sounding.update(never)
        await asyncio.sleep(0.2)
        for future in never:
            future.cancel()

    with pytest.raises(BaseExceptionGroup) as told:
        Stage().run(100, clog)
    assert told.group_contains(BackendBroken, match="stuck")


def test_speech_comes_out_whole_and_is_reported():
    async def script(stage):
        await asyncio.sleep(0.5)
        stage.playout.push(Speech(1, 0, np.full(5000, 77, np.int16), True, "你好"))

    stage = Stage().run(50, script)
    sound = np.concatenate([pcm[:, 0] for _, pcm in stage.encoder.pcm])
    assert (sound == 77).sum() == 5000
    assert [type(r) for r in stage.reports] == [Started, Heard]
    assert stage.reports[1].samples == 5000
    started = next(p for p in stage.source.plans if p.caption == "你好")
    assert started.tick == stage.reports[0].tick


def test_a_cue_changes_the_picture_in_the_tick_its_sentence_starts():
    async def script(stage):
        stage.show.cues.add(Cue(CueKind.PRODUCT, {"name": "x"}, 3, 0))
        await asyncio.sleep(1)
        stage.playout.push(Speech(3, 0, np.ones(4000, np.int16), True, "x"))

    stage = Stage().run(60, script)
    (with_cue,) = [p.tick for p in stage.source.plans if p.cues]
    assert with_cue == stage.reports[0].tick


def test_a_failing_source_falls_to_the_still_for_that_tick_only():
    stage = Stage(Drawn(fail={5, 6})).run(20)
    shown = dict(stage.encoder.pictures)
    assert (shown[4], shown[5], shown[6], shown[7]) == (4, 255, 255, 7)
    assert stage.program.failures == 2


def test_an_encoder_that_breaks_ends_the_stage_so_that_it_is_started_again():
    with pytest.raises(BaseExceptionGroup) as caught:
        Stage(encoder=Encoder(broken_at=10)).run(50)
    assert caught.group_contains(BackendBroken)


def test_a_stalled_renderer_costs_pictures_and_not_one_sample():
    """The render thread hangs for a second of real time while the clock goes on."""
    import threading

    release = threading.Event()

    async def main():
        stage = Stage(Drawn(slow={10: lambda: release.wait(5)}))
        stage.show.ladder = Ladder(25, grace_seconds=0)
        loop = asyncio.get_running_loop()
        loop.call_later(0.9, release.set)
        await stage.show.run(50)
        return stage

    with asyncio.Runner() as runner:  # real time: the stall must be real
        stage = runner.run(main())
    assert [first for first, _ in stage.encoder.pcm] == [n * 1920 for n in range(51)]
    assert [tick for tick, _ in stage.encoder.pictures] == list(range(51))
    assert stage.show.counters.repeated >= 5
    assert stage.show.ladder.changes >= 1 and stage.show.counters.late == 0


class Renderer:
    """Draws the number of the renderer; fails at the pictures it is told to."""

    name = provider = "fake"
    losses = 1
    opened, begun = 0, None

    def __init__(self, fails=(), trouble=""):
        self.fails, self.trouble, self.drawn, self.shown = fails, trouble, 0, "nothing"

    def begin(self, shown):
        self.begun = shown

    def render(self, face, quality):
        self.drawn += 1
        if self.drawn in self.fails:
            raise BackendBroken("session lost")
        self.shown = f"face {self.drawn}"
        return self


class Scenery:
    def __init__(self):
        self.seen = []

    def compose(self, tick, presenter, caption, progress):
        self.seen.append(presenter)
        return picture(1)


def host_of(*renderers, **options):
    """A host whose renderers are opened in turn; an exception is one that does not open."""
    queue = list(renderers)

    def opened():
        renderer = queue.pop(0)
        if isinstance(renderer, Exception):
            raise renderer
        return renderer

    return Host(opened, Scenery(), **options)


def test_a_renderer_that_crashes_is_opened_again_where_it_was():
    first, second = Renderer(fails={5}), Renderer(trouble="CUDA lost")
    host = host_of(first, second, rest_ticks=5)
    stage = Stage(host).run(20)
    assert host._scenery.seen == [first] * 9 + [second] * 14  # the last picture stays meanwhile
    assert second.begun == "face 4"
    assert host.failures == 1 and len(stage.encoder.pictures) == 21
    assert (host.trouble, host.losses) == ("CUDA lost", 2)


def test_who_has_withdrawn_is_not_drawn_while_the_scene_goes_on():
    renderer = Renderer()
    host = host_of(renderer)
    for tick, why in enumerate(
        ("", "王丽 has withdrawn consent", "王丽 has withdrawn consent", "")
    ):
        host.withdrawn = why
        assert host.picture(Plan(tick, rest_face(), Quality.FULL)) is not None
        assert host.trouble == why
    first, nobody, still_nobody, last = host._scenery.seen
    assert first is last is renderer
    assert nobody is still_nobody and not nobody.alpha.any()


def test_each_try_to_open_a_renderer_comes_later(caplog):
    broken = [BackendBroken("no memory")] * 4
    host = host_of(Renderer(fails={1}), *broken, Renderer(), rest_ticks=4)
    shown = []
    for tick in range(140):
        host.picture(Plan(tick, rest_face(), Quality.FULL))
        shown.append((host.failures, host.trouble))
    tries = [tick for tick in range(1, 140) if shown[tick] != shown[tick - 1]]
    assert tries == [4, 12, 28, 60, 124]  # 4, 8, 16, 32, 64 ticks after the one before
    assert shown[100] == (5, "renderer failed: no memory") and shown[-1] == (5, "")
    assert len([r for r in caplog.records if "renderer failed" in r.message]) == 1


def test_a_picture_that_comes_late_is_shown_rather_than_an_older_one():
    """Each picture takes three ticks: none is in time, and yet the picture moves."""
    shown = []

    class Slow(Encoder):
        def video(self, tick, given, keyframe=False):
            shown.append(None if given is None else int(given.y[0, 0]))
            return super().video(tick, given, keyframe)

    stage = Stage(encoder=Slow())
    loop_of_pictures(stage, lambda plan: 0.12, 40)
    drawn = [value for value in shown if value is not None]
    assert drawn == sorted(drawn) and 9 <= len(drawn) <= 14
    assert stage.show.counters.repeated == 41 - len(drawn)


def loop_of_pictures(stage, seconds, last_tick, script=None):
    """Run a stage whose pictures take `seconds(plan)` of virtual time."""
    stage.show._render_thread = RenderThread(seconds)
    stage.show._encode_thread = stage.show._sound_thread = InlineExecutor()

    async def main():
        async with asyncio.TaskGroup() as group:
            other = group.create_task(script(stage)) if script else None
            await stage.show.run(last_tick)
            if other:
                other.cancel()

    with asyncio.Runner(loop_factory=SlowLoop) as runner:
        runner.run(main())


def test_a_renderer_that_never_returns_ends_the_show():
    with pytest.raises(BaseExceptionGroup) as told:
        loop_of_pictures(Stage(), lambda plan: 3600.0, 600)
    assert told.group_contains(BackendBroken, match="renderer is stuck")


def test_a_video_encoder_that_never_returns_ends_the_show():
    class Stuck(Executor):
        def submit(self, fn, /, *args, **named):
            return Future()

    stage = Stage()

    async def main():
        stage.show._encode_thread = Stuck()
        stage.show._render_thread = stage.show._sound_thread = InlineExecutor()
        await stage.show.run(700)

    with asyncio.Runner(loop_factory=SlowLoop) as runner, pytest.raises(BackendBroken) as told:
        runner.run(main())
    assert "video encoder is stuck" in str(told.value)
    assert len(stage.encoder.pcm) > 500


def test_quality_level_travels_with_the_plan():
    stage = Stage()
    stage.show.ladder.level = Quality.HOLD
    stage.run(5)
    assert {p.quality for p in stage.source.plans} == {Quality.HOLD}
