"""Wire the stage together and keep it on air.

In:  `Options`, a room file, the brain's messages.   Out: the stream, reports, health.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2

from livehost.avatar import load_avatar
from livehost.clock import SAMPLE_RATE, Timeline
from livehost.config import Room, load_room
from livehost.errors import ConfigError
from livehost.media import Packet, Quality, StreamHeader, rest_face
from livehost.options import Options, Target
from livehost.stage.brain_link import BrainLink
from livehost.stage.compose import Composer
from livehost.stage.drive import Drive
from livehost.stage.encode import Encoder, open_encoder
from livehost.stage.glance import CardGlance, towards_card
from livehost.stage.layout import layout
from livehost.stage.outputs import Output, make_output
from livehost.stage.program import Host, Plan, Program, Still
from livehost.stage.render import make_renderer
from livehost.stage.render.peers import load_network, playout
from livehost.stage.show import Show
from livehost.stage.sound import Mixer
from livehost.stage.wishes import Wishes
from livehost.supervise import supervise
from livehost.wire import Cue, CueKind, Health, Heard, Hello, Progress, Speech, Started

log = logging.getLogger(__name__)

HEALTH_SECONDS = 0.25
PROGRESS_SECONDS = 0.1
CLOSE_SECONDS = 5.0
BRAIN, OUTPUTS = "brain", "outputs"  # who may want Opus
CONSENT_SECONDS = 5.0
WARM_PICTURES = 5  # drawn before going on air: the first ones cost many times the later ones


async def run(options: Options, ending: asyncio.Event, _: asyncio.StreamReader) -> int:
    """Be on air until `ending` is set; return the exit code.

    Raises:
        ConfigError: the room, the avatar or an output is wrong.
        BackendBroken: an encoder gave up; start again.
    """
    cv2.setNumThreads(1)  # the other core belongs to the encoder and the brain
    stage = Stage(load_room(options.path), options)
    log.info("stage ready", extra=stage.facts())
    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as group:
        service = group.create_task(stage.run(group), name="stage")
        waiting = group.create_task(ending.wait(), name="ending")
        await asyncio.wait({service, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        service.cancel()
        await asyncio.wait({service})
        await stage.close()
    return 0


class Stage:
    """All parts of the stage, built in the order they depend on each other."""

    def __init__(self, room: Room, options: Options) -> None:
        self._room = room
        self._boot = uuid.uuid4().hex
        timeline = Timeline(room.video.rate)
        avatar = load_avatar(room.near(room.avatar.path), room.name)
        self._consent = avatar.consent
        self._encoder: Encoder = open_encoder(room.video, room.audio)
        named = room.avatar.network
        network = load_network(room.near(named)) if named else None
        self._playout = playout(network, timeline)
        places = layout(room.video.width, room.video.height)
        if avatar.loop:  # she was filmed where she is: no desk is painted before her
            places = replace(places, desk_top=places.height)
        self._composer = Composer(room.video, room.scene, room.near, places)
        self._mixer = Mixer(room.audio, room.scene, room.near)
        size = room.video.width, room.video.height
        self._host = Host(
            lambda: make_renderer(avatar, *size, room.video.rate, network),
            self._composer,
        )
        self._program = Program([self._host], self._safety())
        drive = Drive(
            avatar,
            timeline,
            expression=room.avatar.expression,
            gestures=room.avatar.gestures,
        )
        towards = towards_card(places, avatar)
        self.show = Show(
            timeline,
            self._playout,
            drive,
            self._mixer,
            self._program,
            self._encoder,
            self._emit,
            self._report,
            on_cues=CardGlance(drive.glance, towards),
        )
        self._wishes = Wishes(self.show.want_keyframe, self._opus)
        self._link = BrainLink(options.socket, self._hello, self.header, self._receive)
        self._outputs: dict[str, tuple[Output, asyncio.Task[None] | None]] = {}
        for target in targets(room, options):
            self._outputs[target.name] = (self._output(target), None)
        self._group: asyncio.TaskGroup | None = None

    @property
    def header(self) -> StreamHeader:
        """What every muxer must know."""
        return self._encoder.header

    def facts(self) -> dict[str, object]:
        """Return what was really loaded, for the log."""
        return {
            "encoder": self._encoder.name,
            "renderer": self._host.provider,
            "size": f"{self.header.width}x{self.header.height}",
            "fps": self.header.fps,
            "outputs": list(self._outputs),
        }

    async def run(self, group: asyncio.TaskGroup) -> None:
        """Be on air until cancelled. Raises BackendBroken when an encoder gave up."""
        self._group = group
        services = [
            group.create_task(self._link.run(), name="brain-link"),
            group.create_task(self._tell(), name="health"),
            group.create_task(self._watch_consent(), name="consent"),
        ]
        for name in list(self._outputs):
            self._start_output(name)
        try:
            await self.show.run()
        finally:
            for task in services:
                task.cancel()

    async def close(self) -> None:
        """Write trailers and end the outputs, within `CLOSE_SECONDS`."""
        for packet in self._encoder.flush():
            self._emit(packet)
        closing = (self._end_output(name, *before) for name, before in self._outputs.items())
        await asyncio.gather(*closing, return_exceptions=True)

    async def _watch_consent(self) -> None:
        """Take a person out of the picture within seconds of the end of her or his consent."""
        if self._consent is None:
            return
        loop = asyncio.get_running_loop()
        while True:
            problem = await loop.run_in_executor(None, self._consent.problem)
            if problem != self._host.withdrawn:
                log.warning("consent of the host's person changed", extra={"problem": problem})
            self._host.withdrawn = problem
            await asyncio.sleep(CONSENT_SECONDS)

    def _safety(self) -> Still:
        """Warm up, and return the picture of last resort: the room now, label included.

        A person who may withdraw is not in it.
        """
        for _ in range(WARM_PICTURES):
            self._host.picture(Plan(0, rest_face(), Quality.FULL))
        self._host.withdrawn = "not in the safety picture" if self._consent else ""
        picture = self._host.picture(Plan(0, rest_face(), Quality.PLATE))
        self._host.withdrawn = ""
        if picture is None:
            raise RuntimeError("the host made no first picture")
        return Still(picture)

    # --- packets and reports ----------------------------------------------------------------------

    def _emit(self, packet: Packet) -> None:
        self._wishes.made(packet)
        for output, _ in self._outputs.values():
            output.put(packet)
        self._link.packet(packet)

    def _opus(self, on: bool) -> None:
        self._encoder.opus = on

    def _report(self, report: Started | Heard) -> None:
        self._link.report(report)
        self._progress()

    def _progress(self) -> None:
        self._link.post(Progress(self._playout.taken, self._playout.queued))

    async def _tell(self) -> None:
        """Post progress and health at their intervals."""
        beat = 0
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            beat += 1
            if self._playout.queued or beat % 10 == 0:
                self._progress()
            if beat % round(HEALTH_SECONDS / PROGRESS_SECONDS + 0.5) == 0:
                self._link.post(Health(self.snapshot()))

    def snapshot(self) -> dict[str, object]:
        """Return the state of the stage as JSON values."""
        return {
            **self.show.snapshot(),
            "boot": self._boot,
            "encoder": self._encoder.name,
            "encoder_trouble": self._encoder.trouble,
            "provider": self._host.provider,
            "renderer_failures": self._host.failures,
            "renderer_trouble": self._host.trouble,
            "accelerator_losses": self._host.losses,
            "preview_left_out": self._link.left_out,
            "keyframes_asked": self._wishes.keyframes,
            "scene": self._composer.snapshot(),
            "sound": self._mixer.snapshot(),
            "outputs": {name: output.snapshot() for name, (output, _) in self._outputs.items()},
        }

    # --- from the brain ---------------------------------------------------------------------------

    def _hello(self) -> Hello:
        self._wishes.opus(BRAIN, False)  # it says so again when it still wants it
        header = self.header
        return Hello(self._boot, header.width, header.height, header.fps, self._playout.on_air)

    def _receive(self, message: Speech | Cue) -> None:
        if isinstance(message, Speech):
            self._playout.push(message)
            return
        match message.kind:
            case CueKind.CUT:
                self._playout.cut(round(float(message.data.get("within", 0.0)) * SAMPLE_RATE))
            case CueKind.PAUSE:
                self._playout.paused = True
            case CueKind.RESUME:
                self._playout.paused = False
            case CueKind.MUSIC:
                self._mixer.music = bool(message.data.get("on"))
            case CueKind.KEYFRAME:
                self._wishes.keyframe()
            case CueKind.OPUS:
                self._wishes.opus(BRAIN, bool(message.data.get("on")))
            case CueKind.STREAM:
                self._link.stream(on := bool(message.data.get("on")))
                if on:
                    self._wishes.first_keyframe()
            case CueKind.OUTPUT_ADD:
                name, url = (str(message.data.get(key, "")) for key in ("name", "url"))
                self._add_output(Target(name, url))
            case CueKind.OUTPUT_REMOVE:
                self._remove_output(str(message.data.get("name")))
            case _:
                self.show.cues.add(message)

    # --- outputs ----------------------------------------------------------------------------------

    def _add_output(self, target: Target) -> None:
        """Start an output; it takes the place of one that has its name."""
        try:
            output = self._output(target)
        except ConfigError as error:
            log.warning("output refused", extra={"output": target.name, "error": str(error)})
            return
        self._remove_output(target.name)
        self._outputs[target.name] = (output, None)
        self._start_output(target.name)

    def _output(self, target: Target) -> Output:
        return make_output(target.name, target.url, self.header, self._wishes.first_keyframe)

    def _remove_output(self, name: str) -> None:
        before = self._outputs.pop(name, None)
        self._ask_for_opus()
        if before and self._group:
            self._group.create_task(self._end_output(name, *before), name=f"end-{name}")

    def _start_output(self, name: str) -> None:
        if self._group is None:
            return
        output, _ = self._outputs[name]
        self._ask_for_opus()
        forever = supervise(f"output {name}", output.run)
        task = self._group.create_task(forever, name=f"output-{name}")
        self._outputs[name] = (output, task)

    def _ask_for_opus(self) -> None:
        wanted = any(output.sound == "opus" for output, _ in self._outputs.values())
        self._wishes.opus(OUTPUTS, wanted)

    async def _end_output(self, name: str, output: Output, task: asyncio.Task[None] | None) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await output.close()
        except TimeoutError:
            log.warning("output did not close in time", extra={"output": name})
        if task:
            task.cancel()


def targets(room: Room, options: Options) -> Iterable[Target]:
    """Yield every place the stream goes to: room file, command line, recording."""
    for output in room.output:
        yield Target(output.name, output.target())
    yield from options.outputs
    record = options.record or (str(room.near(room.record.path)) if room.record.path else None)
    if record:
        yield Target("record", str(Path(record).absolute()))
