"""A person's face leaves the picture when the consent ends, in the middle of the show."""

import asyncio
import re
import shutil
import tomllib

import numpy as np
import pytest

from livehost import config
from livehost.avatar import face_consent, load_avatar
from livehost.brain.voice.say import default_room
from livehost.errors import ConfigError
from livehost.media import Quality, rest_face
from livehost.options import Options
from livehost.stage import app
from livehost.stage.program import Plan
from tests.test_avatar_making import TODAY, record


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """The stage of a room whose host has a person's face: 小荷's, with somebody's consent."""
    monkeypatch.setattr(app, "CONSENT_SECONDS", 0.05)
    shipped = default_room().near(default_room().avatar.path).resolve()
    folder = tmp_path / "her"
    shutil.copytree(shipped, folder, ignore=shutil.ignore_patterns("voice"))
    record(tmp_path)
    manifest = folder / "avatar.toml"
    text = re.sub(r'(?m)^kind = ".*"', 'kind = "person"', manifest.read_text("utf-8"))
    text += '\n[likeness]\ndeclared = "consent"\nwho = "王丽"\n'
    text += f'on = {TODAY}\nconsent = "../wang.consent.toml"\n'
    manifest.write_text(text, "utf-8")
    room = default_room()
    room = room.model_copy(
        update={
            "video": config.Video(width=180, height=320, preset="ultrafast"),
            "avatar": room.avatar.model_copy(update={"path": folder}),
            "file": tmp_path / "room.toml",
        }
    )
    return app.Stage(room, Options(str(room.file), str(tmp_path / "s")))


def seen(stage):
    return stage._host.picture(Plan(1, rest_face(), Quality.FULL)).y.astype(int)


async def until(stage, withdrawn):
    task = asyncio.ensure_future(stage._watch_consent())
    async with asyncio.timeout(10):
        while bool(stage._host.withdrawn) is not withdrawn:  # noqa: ASYNC110  (a plain attribute)
            await asyncio.sleep(0.01)
    task.cancel()


def test_she_leaves_the_picture_with_her_consent_and_may_come_back(stage, tmp_path):
    before = seen(stage)
    record(tmp_path, revoked=TODAY)
    asyncio.run(until(stage, withdrawn=True))
    assert "withdrawn consent" in stage._host.trouble
    without = seen(stage)
    assert (np.abs(without - before) > 20).mean() > 0.1  # where she was is the room now
    record(tmp_path)
    asyncio.run(until(stage, withdrawn=False))
    assert (np.abs(seen(stage) - before) > 20).mean() < 0.01


def test_she_is_not_in_the_picture_of_last_resort(stage):
    safety = stage._safety().picture(Plan(1, rest_face(), Quality.PLATE)).y.astype(int)
    assert (np.abs(safety - seen(stage)) > 20).mean() > 0.1
    assert stage._host.withdrawn == ""


def test_the_consent_of_a_face_is_known_without_loading_the_avatar(stage, tmp_path):
    folder = tmp_path / "her"
    assert tomllib.loads((folder / "avatar.toml").read_text("utf-8"))["likeness"]["who"] == "王丽"
    consent = face_consent(folder, "room")
    assert consent is not None and consent.problem() == ""
    record(tmp_path, revoked=TODAY)
    assert "withdrawn" in consent.problem()
    with pytest.raises(ConfigError, match="withdrawn"):
        load_avatar(folder)
    assert face_consent(default_room().near(default_room().avatar.path)) is None
