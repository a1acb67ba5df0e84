"""Commands on product files and the rundown: read, check, publish, take back; listen to a sentence.

In:  texts or form values of a page.   Out: problems by line and key, diffs, files, sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
from pydantic import Field, model_validator

from livehost.brain.chat.message import clean
from livehost.brain.command import Args, Nothing, Outcome, Role, Who, command
from livehost.brain.emotion import Emotion, feeling
from livehost.brain.intent import Intent, IntentKind
from livehost.brain.manuscript.folder import (
    MOST_TEXT,
    Folder,
    Script,
    Stale,
    Unknown,
    difference,
    version_of,
)
from livehost.brain.manuscript.judge import Problem, caused_by
from livehost.brain.manuscript.merge import merged, values_of
from livehost.brain.product import Product
from livehost.brain.programme.file import Rundown

if TYPE_CHECKING:
    from livehost.brain.app import Show

KEPT = "scripts"  # folder beside the state
CHECK_SECONDS = 20.0
HEAR_SECONDS = 45.0  # speech on air goes first
MOST_HEARD = 120  # characters listened to at once

T = TypeVar("T")
Name = Annotated[str, Field(min_length=1, max_length=200)]


class File(Args):
    """A script by its name."""

    file: Name


class Version(File):
    """An earlier text of a script; "" is the last."""

    version: str = ""


class Draft(File):
    """A script as it should be: a text, or values of a form."""

    text: str | None = Field(None, max_length=MOST_TEXT)
    values: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one(self) -> Draft:
        if (self.text is None) == (self.values is None):
            raise ValueError("give either text or values")
        return self


class Publish(Draft):
    """A draft and the version that it was made from."""

    version: str


class NewProduct(Draft):
    """A draft of a new product's file; `file` is its name without folder and ending."""


class Hear(Args):
    """A sentence to listen to."""

    text: Annotated[str, Field(min_length=1, max_length=MOST_HEARD)]
    emotion: Emotion | None = None


class ScriptCommands:
    """Changes what is said from now on."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._folder = Folder(show.room, show.room.state_dir / KEPT)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scripts")
        self._hearing = asyncio.Lock()

    # --- reading ----------------------------------------------------------------------------------

    @command(Role.OPERATOR, quiet=True)
    async def scripts(self, _: Nothing, __: Who) -> Outcome:
        """List the rundown and the product files."""
        return await self._do(lambda: Outcome(True, "", {"scripts": self._list()}))

    def _list(self) -> list[dict[str, Any]]:
        listed = []
        for script in self._folder.scripts():
            text = self._folder.read(script)
            try:
                values = values_of(text)
            except ValueError:
                values = {}
            title = str(values.get("name") or values.get("title") or "")
            version = version_of(text)
            listed.append(
                {"file": script.name, "kind": script.kind, "title": title, "version": version}
            )
        return listed

    @command(Role.OPERATOR, File, quiet=True)
    async def script_read(self, args: File, _: Who) -> Outcome:
        """Read a script as text and as values for a form."""
        return await self._do(lambda: self._read(self._folder.script(args.file)))

    def _read(self, script: Script) -> Outcome:
        text = self._folder.read(script)
        try:
            values: dict[str, Any] | None = values_of(text)
        except ValueError:
            values = None  # broken by hand: only the text can be edited
        told = {"file": script.name, "kind": script.kind, "version": version_of(text)}
        return Outcome(True, "", {**told, "text": text, "values": values})

    @command(Role.OPERATOR, quiet=True)
    def script_schema(self, _: Nothing, __: Who) -> Outcome:
        """Say which keys product files and rundowns have, as JSON schema."""
        schemas = {
            "product": Product.model_json_schema(),
            "rundown": Rundown.model_json_schema(),
        }
        return Outcome(True, "", schemas)

    @command(Role.OPERATOR, File, quiet=True)
    async def script_versions(self, args: File, _: Who) -> Outcome:
        """List earlier texts of a script, newest first."""

        def listed() -> Outcome:
            kept = self._folder.kept(self._folder.script(args.file))
            told = [{"version": k.version, "at": k.at, "by": k.by} for k in kept]
            return Outcome(True, "", {"versions": told})

        return await self._do(listed)

    # --- drafts -----------------------------------------------------------------------------------

    @command(Role.OPERATOR, Draft, quiet=True, seconds=CHECK_SECONDS)
    async def script_check(self, args: Draft, _: Who) -> Outcome:
        """Check a draft as `livehost check` does, and show what it changes; nothing is saved."""
        return await self._do(lambda: self._checked(self._folder.script(args.file), args))

    def _checked(self, script: Script, draft: Draft) -> Outcome:
        before = self._folder.read(script)
        after = _text(draft, before)
        problems, elsewhere = caused_by(self._show.room, {script.path: after})
        data = {
            "problems": [asdict(problem) for problem in problems],
            "elsewhere": [asdict(problem) for problem in elsewhere],
            "diff": difference(before, after, script.name),
            "text": after,
            "version": version_of(before),
        }
        found = f"{len(problems)} problems" if problems else "no problem"
        return Outcome(True, found, data)

    @command(Role.OPERATOR, Publish, secret=("text", "values"), seconds=CHECK_SECONDS)
    async def script_publish(self, args: Publish, who: Who) -> Outcome:
        """Put a draft in force, if there is nothing wrong with it; the text before is kept."""

        def publish() -> Outcome:
            script = self._folder.script(args.file)
            text = _text(args, self._folder.read(script))
            return self._written(script, text, args.version, who)

        return await self._do(publish)

    @command(Role.OPERATOR, NewProduct, secret=("text", "values"), seconds=CHECK_SECONDS)
    async def script_new(self, args: NewProduct, who: Who) -> Outcome:
        """Put the file of a new product in force, if there is nothing wrong with it."""

        def create() -> Outcome:
            text = _text(args, "")
            return self._written(self._folder.new_product(args.file, text), text, "", who)

        return await self._do(create)

    @command(Role.OPERATOR, Version, once=True, seconds=CHECK_SECONDS)
    async def script_undo(self, args: Version, who: Who) -> Outcome:
        """Put an earlier text of a script in force again, the last one or one by its version."""

        def undo() -> Outcome:
            script = self._folder.script(args.file)
            now = self._folder.read(script)
            text = self._folder.earlier(script, args.version)
            outcome = self._written(script, text, version_of(now), who)
            if outcome.ok:
                self._folder.drop(script, version_of(text))
            return outcome

        return await self._do(undo)

    def _written(self, script: Script, text: str, version: str, who: Who) -> Outcome:
        problems, elsewhere = caused_by(self._show.room, {script.path: text})
        if problems:
            told = [asdict(problem) for problem in problems]
            why = f"not published: {_line(problems[0])}"
            return Outcome(False, why, {"problems": told}, "problems")
        version = self._folder.write(script, text, version, who.name)
        data = {"file": script.name, "version": version}
        if not elsewhere:
            return Outcome(True, f"{script.name} is in force in a moment", data)
        other = elsewhere[0]
        why = f"{script.name} is saved, and in force once this is right: {_line(other)}"
        return Outcome(True, why, {**data, "elsewhere": [asdict(p) for p in elsewhere]})

    async def _do(self, work: Callable[[], Outcome]) -> Outcome:
        """Do what reads and writes files, in a thread."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except Stale as error:
            return Outcome(False, str(error), code="stale")
        except Unknown as error:
            return Outcome(False, str(error), code="unknown")
        except ValueError as error:
            return Outcome(False, str(error)[:300], code="args")
        except OSError as error:
            return Outcome(False, f"the file cannot be written: {error.strerror}", code="failed")

    # --- listening --------------------------------------------------------------------------------

    @command(Role.OPERATOR, Hear, quiet=True, seconds=HEAR_SECONDS)
    async def hear(self, args: Hear, _: Who) -> Outcome:
        """Make the speech of a sentence for the operator alone; speech on air goes first."""
        if not (text := clean(args.text)):
            return Outcome(False, "hear needs a text", code="args")
        if self._hearing.locked():
            return Outcome(False, "another sentence is being made; try again", code="busy")
        async with self._hearing:
            said = self._show.writer.judged(text, Intent(IntentKind.SAY, "preview", texts=(text,)))
            voice = await self._show.voice.get()
            sentence = self._show.sentence(text, feeling(text, args.emotion or ""))
            if not await voice.prepare(sentence):
                return Outcome(False, "the voice cannot make it now; try again later")
            async with aclosing(voice.speak(sentence)) as chunks:
                pcm = [chunk.pcm async for chunk in chunks]
        name = self._show.heard.keep(np.concatenate([*pcm, np.zeros(0, np.float32)]))
        data = {"url": f"/api/heard/{name}", "rule": said.rule, "found": said.found}
        return Outcome(True, "", data)


def _line(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}: {problem.text}"


def _text(draft: Draft, before: str) -> str:
    """Return the text of a draft. Raises ValueError."""
    text = draft.text if draft.text is not None else merged(before, draft.values or {})
    if len(text) > MOST_TEXT:
        raise ValueError(f"the file is longer than {MOST_TEXT} characters")
    return text if text.endswith("\n") else text + "\n"
