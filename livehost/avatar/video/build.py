"""From a video to an avatar folder: watch, judge, cut, follow, draw, write.

In:  a video file, what is asked for.   Out: the folder and the report in it.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from functools import partial
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.landmarks import Landmarker
from livehost.avatar.making import Asked, Finding, Report, fresh_folder
from livehost.avatar.photo.judge import judge as judge_face
from livehost.avatar.photo.picture import Photo
from livehost.avatar.video import film, folder, judge, mouth, seam, track
from livehost.avatar.video.footage import FPS, Footage, fitted, open_footage
from livehost.avatar.video.pose import Box, Reference
from livehost.avatar.video.seam import Stretch
from livehost.avatar.video.sheet import sheet
from livehost.avatar.video.watch import Finder, watch
from livehost.errors import ConfigError

U8 = NDArray[np.uint8]
log = logging.getLogger(__name__)

UPRIGHT, WIDE = (720, 1280), (1080, 1920)
"""Most pixels, short side and long, of films that are taller than wide, and of others: of those an
upright stream shows a part only."""
CUT = "a video keeps its background; leave --background out, and film before what shall be seen"
SAID_ALREADY = {"face size", "occlusion", "mouth"}
"""What the photo's judge says and the video's says better, of all moments."""


def make(source: Path, out: Path, asked: Asked) -> Report:
    """Make the avatar at `out` from the video at `source`.

    Raises:
        ConfigError: the video is of no use, each reason on a line with what to do; the consent
            does not hold; `out` is taken; MediaPipe is missing. Nothing is left behind.
    """
    asked.claim.checked((source,))
    if asked.background == "cut":
        raise ConfigError(f"{source.name}: {CUT}")
    footage = open_footage(source)
    with Landmarker() as landmarker:
        cut, findings = _loop(footage, landmarker.find)
        with fresh_folder(out, replace=asked.replace) as filling:
            report = _made(filling, out, asked, footage, cut, landmarker.find, findings)
            report.write(filling)
    return report


def _loop(footage: Footage, find: Finder) -> tuple[Stretch, list[Finding]]:
    """Return what to repeat. Raises ConfigError when nothing can be, with every reason."""
    name, facts = footage.path.name, footage.facts
    log.info("looking at the video", extra={"path": str(footage.path)})
    moments = watch(footage, find)
    findings = judge.file(facts, len(moments) / FPS, footage.losses)
    free = seam.usable(moments, (facts.width, facts.height))
    findings += judge.people(moments, free)
    Report(name, tuple(findings)).demand()
    cut = seam.find(moments, free[""])
    if cut is None:
        why = judge.nothing(free)
        raise ConfigError(f"{name}: {why.measure}: {why.value}; {why.advice}")
    log.info("loop found", extra={"seconds": cut.frames / FPS, "seam": round(cut.seam, 1)})
    return cut, [*findings, judge.loop(cut)]


def _made(
    filling: Path,
    out: Path,
    asked: Asked,
    footage: Footage,
    cut: Stretch,
    find: Finder,
    findings: list[Finding],
) -> Report:
    path = filling / folder.FILM
    size = film_size(footage)
    film.write(film.frames(footage, cut, size), path)
    frames = partial(film.read, path)
    log.info("following the mouth", extra={"frames": cut.frames})
    seen = track.faces(frames, find)
    plate = track.picture(frames, seen.reference)
    name = footage.path.name
    findings = [*findings, judge.size(seen.ref.height, size), *_face(plate, find)]
    Report(name, tuple(findings)).demand()
    frame = framed(seen.ref, size)
    drawn = mouth.made(plate, seen.ref, frame)
    box, mask = drawn.region.where.box, drawn.region.mask
    followed, fit = track.follow(frames, seen, plate, box, mask)
    findings += judge.followed(fit, seen.ref.height)
    findings += [judge.speed(_decoding(path), sum(drawn.artist.milliseconds()))]
    Report(name, tuple(findings)).demand()
    likeness = asked.claim.keys(out, datetime.now().astimezone().date())
    folder.write(filling, asked, likeness, plate, frame, followed, drawn.region)
    picture = sheet(frames(), followed.camera, seen.ref, drawn.artist)
    return Report(name, tuple(findings), picture)


def film_size(footage: Footage) -> tuple[int, int]:
    """Return width and height of the film: no more than streams show."""
    facts = footage.facts
    return fitted(facts, *(UPRIGHT if facts.height > facts.width else WIDE))


def framed(ref: Reference, size: tuple[int, int]) -> Box:
    """Return what of a film fills an upright stream: all of its height, the face in the middle."""
    width, height = size
    wide = min(width, round(height * 9 / 16))
    tall = min(height, round(wide * 16 / 9))
    left = min(max(0, round(ref.centre[0] - wide / 2)), width - wide)
    top = min(max(0, round(ref.centre[1] - 0.42 * tall)), height - tall)
    return left, top, wide, tall


def _face(plate: U8, find: Finder) -> list[Finding]:
    """Return what a photo's judge says of the plate."""
    found = find(plate)
    if not found:
        return []
    said = judge_face(Photo(plate, None, False), found[0])
    return [finding for finding in said if finding.measure not in SAID_ALREADY]


def _decoding(path: Path) -> float:
    """Return the CPU time of a frame of the film, in milliseconds."""
    before = time.process_time()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_count = 1
        count = sum(1 for _ in container.decode(video=0))
    return (time.process_time() - before) * 1e3 / max(1, count)
