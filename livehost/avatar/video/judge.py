"""Can a host be made from this video, and how good will it be?

In:  what was seen in it, the loop that was found, how well the face could be followed.
Out: findings with values, verdicts and advice.
"""

from __future__ import annotations

import numpy as np

from livehost.avatar.making import Finding, Verdict
from livehost.avatar.photo.judge import Bounds
from livehost.avatar.video import seam
from livehost.avatar.video.footage import FPS, Facts, Losses
from livehost.avatar.video.seam import FAR, LEAST_SECONDS, Mask, Stretch
from livehost.avatar.video.track import Fit
from livehost.avatar.video.watch import Moment

GOOD, FAIR, BAD = Verdict.GOOD, Verdict.FAIR, Verdict.BAD

FILM = (
    "film 10 to 60 seconds, camera fixed and upright: look into it with closed lips, quietly, as "
    "if listening; blink and breathe as usual (docs/avatars.md, From a video)"
)
LONGER = "film 30 to 60 seconds: among more moments, two that join better are found"
CAUSES = {
    "no face": "face",
    "face not whole in the picture": "face in the picture",
    "turned away": "frontality",
    "mouth open": "lips",
    "something before the mouth": "occlusion",
    "no picture": "continuity",
    "cut": "cuts",
}
ADVICE = {
    "no face": "light the face from the front, come closer, take off masks",
    "face not whole in the picture": "keep the whole head in the picture all the time",
    "turned away": "look into the camera; put it at the height of the eyes",
    "mouth open": "do not speak; keep the lips closed and think of nothing",
    "something before the mouth": "keep hands, cups and microphones away from the face",
    "no picture": "copy the file again from the camera, or film again",
    "cut": "use one shot without cuts",
}
SHORT, LINES, RATE = Bounds(8, 2.5), Bounds(700, 240), Bounds(23, 9)
FACE = Bounds(160, 70)  # pixels of the film from brow to chin
FACELESS, OCCLUDED = Bounds(0.05, 0.98), Bounds(0.05, 0.98)
STILL = Bounds(0.9, 0.6)
DRIFT = Bounds(0.02, 0.08)  # of the face's height
BORDER = Bounds(3, 12)  # levels
LENGTH = Bounds(8, 0)
ROOMY = 0.10
"""Share of the picture that the face is high, below which most of the picture is wall."""
REST_OF_TICK_MS = 12.0  # of a tick: carrying the mouth, scene, encoder
OTHERS = 0.02
"""Share of the moments at which another face may be seen."""


def file(facts: Facts, seconds: float, losses: Losses) -> list[Finding]:
    """Judge the file itself."""
    size = f"{facts.width}x{facts.height}"
    seen = f"{facts.fps:.4g} a second, {facts.codec}"
    seen += f", {facts.curve} turned into ordinary colours" if facts.curve else ""
    out = [
        _finding("length", seconds, SHORT, f"{seconds:.1f} s", FILM),
        _finding("picture", min(facts.width, facts.height), LINES, size, "film in 1080p"),
        _finding("frames", facts.fps, RATE, seen, "film with 25 or 30 frames a second"),
    ]
    if facts.interlaced:
        out.append(Finding("half pictures", "interlaced", FAIR, "set the camera to progressive"))
    if losses.damaged:
        seen = f"{losses.damaged} of {losses.packets} parts"
        out.append(Finding("damage", seen, FAIR, "copy the file again from the camera"))
    return out


def people(moments: list[Moment], free: dict[str, Mask]) -> list[Finding]:
    """Judge who is seen, and whether nothing is in the way."""
    faceless = 1 - float(free["no face"].mean())
    hidden = 1 - float(free["something before the mouth"].mean())
    if faceless == 1:
        return [Finding("face", "none found", BAD, f"{ADVICE['no face']}; {FILM}")]
    others = sum(moment.others > 0 for moment in moments) / len(moments)
    out = []
    if others > OTHERS:
        seen = f"more than one in {others:.0%} of it"
        out.append(Finding("face", seen, BAD, "cut the video to one person, or film one alone"))
    else:
        seen = f"one, in {1 - faceless:.0%} of it"
        out.append(_finding("face", faceless, FACELESS, seen, ADVICE["no face"]))
    if hidden:
        advice = ADVICE["something before the mouth"]
        out.append(_finding("occlusion", hidden, OCCLUDED, f"in {hidden:.0%} of it", advice))
    return out


def nothing(free: dict[str, Mask]) -> Finding:
    """Say why no stretch can be repeated."""
    longest = max((end - begin for begin, end in seam.runs(free[""])), default=0) / FPS
    shares = {name: float(kept.mean()) for name, kept in free.items() if name}
    why = min(shares, key=lambda name: shares[name])
    seen = f"no quiet stretch of {LEAST_SECONDS / 2:.0f} s (longest {longest:.1f} s): "
    seen += f"{why} in {1 - shares[why]:.0%} of it"
    return Finding(CAUSES[why], seen, BAD, f"{ADVICE[why]}; {FILM}")


def loop(cut: Stretch) -> Finding:
    """Judge the loop that was found."""
    seconds = cut.frames / FPS
    if cut.mirrored:
        seen = f"{seconds:.1f} s, there and back: no two moments join"
        return Finding("loop", seen, FAIR, f"come back to one pose again and again; {LONGER}")
    moved = f"its ends are {cut.seam:.1f} usual steps apart, joined over {seam.FADE / FPS:.1f} s"
    seen = f"{seconds:.1f} s from {cut.begin / FPS:.1f} s on; {moved}"
    verdict = max(LENGTH.of(seconds), FAIR if cut.seam > FAR else GOOD, key=list(Verdict).index)
    return Finding("loop", seen, verdict, "" if verdict is GOOD else LONGER)


def size(height: float, film: tuple[int, int]) -> Finding:
    """Judge how large the face is in the film."""
    seen = f"{height:.0f} px from brow to chin in a film of {film[0]}x{film[1]}"
    share = height / film[1]
    advice = "come closer: head and chest should fill the picture"
    finding = _finding("face in the film", height, FACE, seen, advice)
    if finding.verdict is GOOD and share < ROOMY:
        return Finding(finding.measure, seen, FAIR, advice)
    return finding


def followed(fit: Fit, height: float) -> list[Finding]:
    """Judge how well the mouth could be followed."""
    alike, drift = float(np.percentile(fit.alike, 5)), float(np.percentile(fit.drift, 95)) / height
    border = float(np.percentile(fit.border, 95))
    light = "film in steady light, without screens or the sun on the face"
    return [
        _finding(
            "face followed", alike, STILL, f"{100 * alike:.0f} % alike at worst",
            "move less, and use more light",
        ),
        _finding(
            "lips at rest", drift, DRIFT, f"move by {100 * drift:.1f} % of the face",
            "keep the lips still while you are filmed",
        ),
        _finding("colour match", border, BORDER, f"{border:.1f} levels at the border", light),
    ]  # fmt: skip


def speed(decode_ms: float, mouth_ms: float) -> Finding:
    """Judge what it will cost on air."""
    rate = 1000 / (decode_ms + mouth_ms + REST_OF_TICK_MS)
    verdict = GOOD if rate >= 40 else FAIR if rate >= FPS else BAD
    seen = f"about {rate:.0f} fps on one core of this machine"
    seen += f" ({decode_ms:.1f} ms for the film, {mouth_ms:.1f} ms for the mouth)"
    advice = "" if verdict is GOOD else "use a smaller stream, or a faster machine"
    return Finding("expected speed", seen, verdict, advice)


def _finding(measure: str, value: float, bounds: Bounds, seen: str, advice: str) -> Finding:
    verdict = bounds.of(value)
    return Finding(measure, seen, verdict, "" if verdict is GOOD else advice)
