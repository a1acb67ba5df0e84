"""A room whose host has a network's mouth: the show, clips and the check know of it."""

import asyncio
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.onnx_file import Sketch
from livehost.avatar import load_avatar
from livehost.brain.voice.say import default_room
from livehost.check import check
from livehost.clip.maker import Maker
from livehost.clip.settings import job
from livehost.clock import InlineExecutor, Timeline, VirtualTimeLoop
from livehost.config import load_room
from livehost.errors import ConfigError
from livehost.media import Yuv, rest_face
from livehost.models import sha256
from livehost.options import Options
from livehost.stage import app
from livehost.stage.program import Program, Still
from livehost.stage.render.peers import KINDS, Network, load_network, playout
from livehost.stage.render.peers.graph import Graph
from livehost.stage.show import Show
from livehost.wire import Speech

HOST = load_avatar(Path(__file__).parents[1] / "avatars" / "xiaohe")
TICK = 1920


def white(path):
    """A Wav2Lip-96 that paints white, whatever it hears."""
    sketch = Sketch()
    mel, face = sketch.input("mel", ("n", 1, 80, 16)), sketch.input("face", ("n", 6, 96, 96))
    ends = [sketch.weight(np.array([at], np.int64)) for at in (0, 3, 1)]
    seen = sketch.node("Slice", [face, *ends])
    mean = sketch.node("ReduceMean", [mel], axes=[1, 2, 3])
    nothing = sketch.node("Mul", [mean, sketch.weight(np.float32([0]))])
    one = sketch.node("Add", [nothing, sketch.weight(np.float32([1]))])
    black = sketch.node("Mul", [seen, sketch.weight(np.float32([0]))])
    sketch.node("Add", [black, one], to=sketch.output("o", ("n", 3, 96, 96)))
    return sketch.write(path)


@pytest.fixture
def described(tmp_path):
    path = white(tmp_path / "g.onnx")
    text = f'kind = "wav2lip-96"\nlicence = "mine"\n[models.generator]\nfile = "{path.name}"\n'
    (tmp_path / "network.toml").write_text(text + f'sha256 = "{sha256(path)}"\n')
    return tmp_path / "network.toml"


def room_of(described, more=""):
    """Return a room beside network.toml that names it."""
    demo = default_room().file.parent / "scripts" / "demo" / "room.toml"
    text = demo.read_text("utf-8").replace('path = "', f'path = "{demo.parent}/')
    for key in ("rundown", "replay", "background", "music"):
        text = text.replace(f'{key} = "', f'{key} = "{demo.parent}/')
    text = text.replace("[avatar]", f'[avatar]\nnetwork = "{described.name}"', 1)
    path = described.parent / "room.toml"
    path.write_text(text + more, "utf-8")
    return path


class Drive:
    def face(self, tick, spoken):
        return rest_face()


class Sound:
    def mix(self, samples, voice):
        return np.zeros((samples, 2), np.int16)


class Encoder:
    def video(self, tick, picture, keyframe=False):
        return []

    def audio(self, first_sample, pcm):
        return []


class Eyes:
    name = "eyes"

    def __init__(self):
        self.plans = []

    def picture(self, plan):
        self.plans.append(plan)
        plane = np.zeros((2, 2), np.uint8)
        return Yuv(plane, plane[:1, :1], plane[:1, :1])


@pytest.mark.parametrize("ahead", [0, 120])
def test_the_show_hands_each_tick_its_sound(described, ahead):
    timeline, source = Timeline(Fraction(25)), Eyes()
    described.write_text(f"look_ahead_ms = {ahead}\n" + described.read_text())
    speech = np.random.default_rng(0).integers(-9000, 9000, TICK * 10).astype(np.int16)

    async def on_air():
        voice = playout(load_network(described), timeline)
        voice.push(Speech(1, 0, speech, True, "话"))
        plane = np.zeros((2, 2), np.uint8)
        program = Program([source], Still(Yuv(plane, plane, plane)))
        threads = [InlineExecutor() for _ in range(3)]
        show = Show(
            timeline, voice, Drive(), Sound(), program, Encoder(), [].append, [].append, *threads
        )
        await show.run(20)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(on_air())
    for plan in source.plans[:8]:
        sound = plan.face.sound
        assert sound.starts[0] == plan.tick * TICK
        now = sound.pcm[sound.starts[0] - sound.first :][:TICK]
        assert np.allclose(now * 32768, speech[plan.tick * TICK :][:TICK], atol=0.01)


def test_the_room_file_names_the_network(described):
    room = load_room(room_of(described))
    assert room.near(room.avatar.network) == described.resolve()
    described.unlink()
    with pytest.raises(ConfigError, match=r"avatar\.network: .*network\.toml does not exist"):
        load_room(room.file)


def test_check_tells_what_is_wrong_with_the_network(described):
    room = room_of(described)
    assert not any("g.onnx" in problem for problem in check(room))
    (described.parent / "g.onnx").write_bytes(b"no graph")
    assert any("g.onnx: has sha256" in problem for problem in check(room))
    sketch = Sketch()
    sketch.node("Identity", [sketch.input("a", (1, 7))], to=sketch.output("o", (1, 7)))
    path = sketch.write(described.parent / "g.onnx")
    head = described.read_text().rsplit("sha256", 1)[0]
    described.write_text(head + f'sha256 = "{sha256(path)}"\n')
    problems = check(room)
    assert any("g.onnx: has no input of shape [n, 1, 80, 16] (mel)" in p for p in problems)


def level_at_mouth(grey):
    """Return how bright the middle of the mouth is in a picture of 180 x 320."""
    x, y, width, height = HOST.mouth.box
    scale = 180 / HOST.frame.width
    row = round((y + height / 3 - HOST.frame.y) * scale)
    column = round((x + width / 2 - HOST.frame.x) * scale)
    return float(grey[row - 2 : row + 3, column - 3 : column + 4].mean())


def test_a_clip_has_the_networks_mouth_while_she_speaks(described, tmp_path):
    base = load_room(room_of(described))
    values = {"text": "你好呀大家好。", "voice": "tone", "size": "180x320", "preset": "ultrafast"}
    out = tmp_path / "out.mp4"
    wanted = job(values, base, tmp_path, str)
    with Maker() as maker:
        asyncio.run(maker.make(wanted, out, lambda *_: None, None))
    with av.open(str(out)) as file:
        grey = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    level = [level_at_mouth(each) for each in grey]
    assert max(level) > 225 and level[0] < 190 and level[-1] < 190
    assert sum(each > 225 for each in level) > 0.2 * len(level)


def test_the_stage_on_air_paints_what_is_said(described, monkeypatch):
    """The real stage in real time, for two seconds; the file is judged from outside."""
    painted = []
    run = Graph.run
    monkeypatch.setattr(Graph, "run", lambda graph, given: painted.append(1) or run(graph, given))
    more = "\n[video]\nwidth = 180\nheight = 320\npreset = 'ultrafast'\n"
    room, folder = load_room(room_of(described, more)), described.parent
    out = folder / "show.mp4"
    stage = app.Stage(room, Options(str(room.file), str(folder / "s"), record=str(out)))
    tone = (np.sin(np.arange(9600) * 0.05) * 6000).astype(np.int16)

    async def on_air():
        async with asyncio.TaskGroup() as group:
            running = group.create_task(stage.run(group))
            for n in range(10):
                stage._playout.push(Speech(n, 0, tone, True, "大家好"))
                await asyncio.sleep(0.2)
            running.cancel()
            await asyncio.wait({running})
            told = stage.snapshot()
            await stage.close()
        return told

    told = asyncio.run(on_air())
    assert told["renderer_failures"] == 0 and told["renderer_trouble"] == ""
    assert len(painted) >= 5
    with av.open(str(out)) as file:
        grey = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
    assert max(level_at_mouth(each) for each in grey) > 215


def test_the_clips_digest_follows_the_network(described, tmp_path):
    base = load_room(room_of(described))
    values = {"text": "你好", "voice": "tone"}
    one = job(values, base, tmp_path, str).digest
    described.write_text(described.read_text().replace("mine", "theirs"))
    other = job(values, base, tmp_path, str).digest
    plain = base.model_copy(update={"avatar": base.avatar.model_copy(update={"network": None})})
    assert len({one, other, job(values, plain, tmp_path, str).digest}) == 3


def test_every_kind_and_every_key_stands_in_the_docs():
    text = (Path(__file__).parents[1] / "docs" / "networks.md").read_text("utf-8")
    assert all(f"`{kind}`" in text for kind in KINDS)
    assert all(f"`{model}`" in text for kind in KINDS.values() for model in kind.models)
    keys = set(Network.model_fields) - {"file", "models"}
    assert all(f"| `{key}`" in text for key in keys)
    assert "`models.NAME.file`, `models.NAME.sha256`" in text
