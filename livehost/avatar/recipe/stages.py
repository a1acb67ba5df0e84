"""What is rendered of a host: a look, the plate, its depth, regions of the face, turned heads.

In:  a host's parameters, a work folder.   Out: raw pictures in it; missing ones are made.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

from livehost.avatar.recipe.body import Body, Turn
from livehost.avatar.recipe.depth import measure_depth
from livehost.avatar.recipe.host import PLATE, Box, Host
from livehost.avatar.recipe.mesh import MakeHuman
from livehost.avatar.recipe.render import Job, Shot, render, work
from livehost.avatar.recipe.sampling import Sample, eyes_samples, load_targets, mouth_samples
from livehost.avatar.recipe.scene import PARTS, Scene

Say = Callable[[str], None]
HEAD: Box = (250, 270, 580, 640)
"""The part of the plate that is rendered with most care."""
BODY: Box = (0, 300, 1080, 1620)
POSES = (
    (0, 0, 0), (-10, 0, 0), (10, 0, 0), (0, -8, 0), (0, 8, 0), (0, 0, -8), (0, 0, 8), (-5, 0, 0),
    (5, 0, 0), (-8, 6, 3), (8, 6, -3), (-8, -6, -3), (8, -6, 3),
)  # fmt: skip
"""Degrees of yaw, pitch and roll of the turned heads."""
POSE_SCALE = 0.6
_LOOK_SCALE = 0.5


class Studio:
    """Renders one host into one work folder.

    Args:
        threads: that Blender uses for one picture.
        say: takes lines of progress.
    """

    def __init__(self, host: Host, data: Path, folder: Path, threads: int, say: Say) -> None:
        self.host, self.folder, self.threads, self.say = host, folder, threads, say
        self._data = data

    def look(self) -> None:
        """Take one quick picture, WORK/look.png, again each time: to try parameters by."""
        shot = Shot((0, 0, *PLATE), self.host.quality.body, _LOOK_SCALE)
        render(self._scene(), shot, self.folder / "look.png", self.threads)

    def plate(self) -> None:
        """Render head, body, what lies behind the regions, and measure depth."""
        quality, folder = self.host.quality, self.folder / "plate"
        shots = {
            "head": Shot(HEAD, quality.head, careful=True),
            "body": Shot(BODY, quality.body, careful=True),
        }
        behind = {
            "behind_mouth": Shot(self.host.mouth.box, quality.behind),
            "behind_eyes": Shot(self.host.eyes_region.box, quality.behind),
        }
        files = [folder / f"{name}.png" for name in (*shots, *behind)]
        files += [folder / "depth.npz", folder / "camera.json"]
        if all(path.exists() for path in files):
            return
        scene = self._scene()
        jobs = [
            Job(folder / f"{name}.png", self._take(scene, shot)) for name, shot in shots.items()
        ]
        jobs.append(Job(folder / "depth.npz", partial(measure_depth, scene)))
        jobs.append(Job(folder / "camera.json", partial(_describe, scene)))
        work(jobs, self.folder, self.say)
        scene.hide_face()
        jobs = [
            Job(folder / f"{name}.png", self._take(scene, shot)) for name, shot in behind.items()
        ]
        work(jobs, self.folder, self.say)

    def mouth(self) -> None:
        """Render the mouth's samples."""
        samples = mouth_samples(load_targets(self.host.shapes), self.host.mouth)
        shot = Shot(self.host.mouth.box, self.host.quality.mouth, self.host.mouth.render_scale)
        self._region("mouth", samples, shot)

    def eyes(self) -> None:
        """Render the eyes' samples."""
        keys = self.host.eyes_region
        samples = eyes_samples(load_targets(self.host.shapes), keys)
        self._region("eyes", samples, Shot(keys.box, self.host.quality.eyes, keys.render_scale))

    def poses(self) -> None:
        """Render turned heads, to compare a warped plate with."""
        scene = self._scene()
        shot = Shot(HEAD, self.host.quality.poses, POSE_SCALE)
        jobs = []
        for yaw, pitch, roll in POSES:
            turn = scene.body.turn(*(math.radians(angle) for angle in (yaw, pitch, roll)))
            name = f"yaw{yaw:+03d}_pitch{pitch:+03d}_roll{roll:+03d}.png"
            take = partial(self._turned, scene, shot, turn)
            jobs.append(Job(self.folder / "poses" / name, take))
        work(jobs, self.folder, self.say)

    def _scene(self, *, bare: bool = False) -> Scene:
        body = Body(self.host, MakeHuman(self._data))
        return Scene(body, () if bare else PARTS)

    def _region(self, name: str, samples: list[Sample], shot: Shot) -> None:
        paths = [self.folder / name / f"{n:04d}.png" for n in range(len(samples))]
        missing = sum(not path.exists() for path in paths)
        self.say(f"{name}: {missing} of {len(paths)} pictures to make")
        if not missing:
            return
        scene = self._scene(bare=True)
        jobs = [
            Job(path, partial(self._face, scene, shot, sample))
            for path, sample in zip(paths, samples, strict=True)
        ]
        work(jobs, self.folder, self.say)

    def _take(self, scene: Scene, shot: Shot) -> Callable[[Path], None]:
        return lambda path: render(scene, shot, path, self.threads)

    def _face(self, scene: Scene, shot: Shot, sample: Sample, path: Path) -> None:
        scene.show(sample.coefs)
        render(scene, shot, path, self.threads)

    def _turned(self, scene: Scene, shot: Shot, turn: Turn, path: Path) -> None:
        scene.show({}, turn)
        render(scene, shot, path, self.threads)


def _describe(scene: Scene, path: Path) -> None:
    """Write what packing must know of the camera."""
    camera, body = scene.camera, scene.body
    keys = {
        "px": camera.px,
        "height": camera.height,
        "middle": camera.middle,
        "eyes": body.eye_height,
        "chin": body.chin,
        "crown": body.crown,
    }
    path.write_text(json.dumps(keys, indent=1), "utf-8")
