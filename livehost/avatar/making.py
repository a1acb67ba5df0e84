"""What avatars that users make have in common: what is asked for, the report, the atomic folder.

In:  what the command line asks for.   Out: an avatar folder that is complete or not there at all,
with report.txt, report.json and sheet.jpg in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livehost.avatar.likeness import LikenessKeys
from livehost.consent import Consent, Scope, Use
from livehost.errors import ConfigError

NAME = r"^[a-zA-Z0-9_-]{1,64}$"
UNDECLARED = (
    "who is in the picture? give --consent FILE with the person's record (docs/avatars.md), "
    '--own-face "YOUR NAME" when it is you, or --ai-generated when it shows nobody real'
)


class Verdict(StrEnum):
    """What a measure means for the avatar."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a quality report.

    Attributes:
        measure: what was looked at ("face size").
        value: what was found, with its unit ("312 px").
        advice: what to do about it; "" when it is good.
    """

    measure: str
    value: str
    verdict: Verdict
    advice: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict.value:5} {self.measure}: {self.value}"
        return f"{line}; {self.advice}" if self.advice else line


@dataclass(frozen=True, slots=True)
class Report:
    """What an import found and made.

    Attributes:
        sheet: (h, w, 3) uint8 RGB, the avatar's faces side by side; None while there is none.
    """

    source: str
    findings: tuple[Finding, ...]
    sheet: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings."""
        order = list(Verdict)
        return max((each.verdict for each in self.findings), key=order.index, default=Verdict.GOOD)

    def lines(self) -> list[str]:
        """Return the report as text, the worst first."""
        order = [Verdict.BAD, Verdict.FAIR, Verdict.GOOD]
        ranked = sorted(self.findings, key=lambda each: order.index(each.verdict))
        return [f"{self.source}: {self.verdict.value}", *(f"  {each}" for each in ranked)]

    def demand(self) -> None:
        """Raise ConfigError with every reason when the input cannot be used."""
        bad = [each for each in self.findings if each.verdict is Verdict.BAD]
        if bad:
            lines = (f"{self.source}: {b.measure}: {b.value}; {b.advice}" for b in bad)
            raise ConfigError(*lines)

    def write(self, folder: Path) -> None:
        """Write report.txt, report.json and, when there is one, sheet.jpg."""
        (folder / "report.txt").write_text("\n".join(self.lines()) + "\n", "utf-8")
        said = {
            "source": self.source,
            "verdict": self.verdict,
            "findings": [asdict(each) for each in self.findings],
        }
        text = json.dumps(said, ensure_ascii=False, indent=1)
        (folder / "report.json").write_text(text + "\n", "utf-8")
        if self.sheet is not None:
            bgr = cv2.cvtColor(self.sheet, cv2.COLOR_RGB2BGR)
            _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 88])
            (folder / "sheet.jpg").write_bytes(jpeg.tobytes())


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose face it is, as the operator says; exactly one of the three.

    Attributes:
        consent: record of the person's consent.
        own_face: name of the operator, whose own face it is.
        ai_generated: the picture shows nobody real.
    """

    consent: Path | None = None
    own_face: str = ""
    ai_generated: bool = False

    def checked(self, sources: tuple[Path, ...]) -> None:
        """Check the claim for `sources`, the pictures or recordings that are used.

        Raises:
            ConfigError: there is none, more than one, or the consent does not hold.
        """
        made = [self.consent is not None, bool(self.own_face.strip()), self.ai_generated]
        if sum(made) != 1:
            raise ConfigError(UNDECLARED if not any(made) else "say only one: " + UNDECLARED)
        if self.consent is not None:
            Consent(self.consent, Use(Scope.LIKENESS, "", sources)).check()

    def keys(self, folder: Path, today: date) -> LikenessKeys:
        """Return [likeness] of an avatar that will lie in `folder`."""
        if self.consent is None:
            declared: Literal["own-face", "ai-generated"]
            declared = "ai-generated" if self.ai_generated else "own-face"
            return LikenessKeys(declared=declared, who=self.own_face.strip(), on=today)
        record = self.consent.resolve()
        who = Consent(record, Use(Scope.LIKENESS, "")).check().who
        near = record.is_relative_to(folder.resolve().parent)
        path = os.path.relpath(record, folder.resolve()) if near else str(record)
        return LikenessKeys(declared="consent", who=who, on=today, consent=path)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants made.

    Attributes:
        name: of the avatar: letters, digits, - and _.
        title: how viewers may call it.
        claim: whose face it is.
        background: `keep` the picture's own, or `cut` it away for the scene behind.
        licence: of the picture, as it will stand in avatar.toml.
        seed: of everything that is drawn by chance.
        replace: take the place of an avatar that is already there.
    """

    name: str
    claim: Claim
    title: str = ""
    background: Literal["keep", "cut"] = "keep"
    licence: str = "not stated"
    seed: int = 1
    replace: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME, self.name):
            raise ConfigError(f"--name {self.name}: use letters, digits, - and _, at most 64")


@contextmanager
def fresh_folder(out: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a folder to fill; it becomes `out` at the end, or vanishes when anything fails.

    Raises:
        ConfigError: `out` is there already, or cannot be made.
    """
    if not replace and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise ConfigError(f"{out}: is there already; choose another --out, or add --replace")
    if out.is_dir() and any(out.iterdir()) and not (out / "avatar.toml").is_file():
        raise ConfigError(
            f"{out}: is not an avatar, and will not be replaced; choose another --out"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        filling = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise ConfigError(f"{out}: cannot be made: {error.strerror}") from error
    try:
        yield filling
        filling.chmod(0o755)
        _put(filling, out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(filling, ignore_errors=True)


def _put(filling: Path, out: Path) -> None:
    """Move `filling` to `out`; what lay there is removed when the new one is in its place."""
    old = filling.with_name(f"{filling.name}.old")
    if out.exists():
        out.rename(old)
    filling.rename(out)
    shutil.rmtree(old, ignore_errors=True)
