"""Chat sources in the room file: every mistake with its line, no secret in any message."""

import re
import tomllib
from pathlib import Path

import pytest

from livehost.check import check
from livehost.config import load_room
from livehost.config_chat import KINDS, Chat, problems, secret, variables
from livehost.errors import ConfigError

from .chat_parts import table

GOOD = 'name = "room"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'
ROOT = Path(__file__).parents[1]
EXAMPLE = (ROOT / "scripts/example-room.toml").read_text("utf-8")
DOCS = (ROOT / "docs/chat-sources.md").read_text("utf-8")


def load(tmp_path, more):
    file = tmp_path / "room.toml"
    file.write_text(GOOD + more)
    return load_room(file)


def told(tmp_path, more):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, more)
    return [p.removeprefix(f"{tmp_path}/") for p in caught.value.problems]


HEAD = '[[chat.source]]\nkind = "%s"\nname = "a"\n'
DOUYIN = '[[chat.source]]\nkind = "douyin"\nname = "d"\nsecret_env = "S"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (HEAD % "tiktok", "room.toml:6: chat.source.0: Input tag"),
        ('[[chat.source]]\nname = "a"\n', "room.toml:6: chat.source.0: Unable to extract tag"),
        (HEAD % "dycast", "room.toml:6: chat.source.0.key_env: is"),
        (DOUYIN + "windows = 3\n", "room.toml:10: chat.source.0.windows: unknown key"),
        (DOUYIN + 'app_id = "1"\n', "room.toml:6: chat.source.0: app_id and app_secret_env"),
        (DOUYIN + 'messages = ["live_x"]\n', "room.toml:10: chat.source.0.messages.0: Input"),
        (DOUYIN + "queue = 1\n", "room.toml:10: chat.source.0.queue: Input should be greater"),
        (DOUYIN + DOUYIN, "room.toml:6: chat.source: each source needs a name of its own; d is"),
        (DOUYIN.replace('"d"', '"http"'), "room.toml:8: chat.source.0.name: is the name of a"),
        (DOUYIN.replace('"d"', '"A b"'), "room.toml:8: chat.source.0.name: String should"),
        (HEAD % "websocket" + 'url = "wss://u:p@x/"\n', "room.toml:9: chat"),
        (HEAD % "websocket" + 'url = "wss://x/?key=1"\n', "room.toml:9: ch"),
        (HEAD % "replay" + 'path = "no"\n', "room.toml: chat.source.0.path"),
        (HEAD % "replay" + 'path = "."\nspeed = 200\n', "room.toml:10: ch"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_key(tmp_path, more, expected):
    (problem,) = told(tmp_path, more)
    assert problem.startswith(expected), problem


def test_a_secret_where_its_variable_belongs_is_not_repeated(tmp_path):
    (problem,) = told(tmp_path, DOUYIN.replace('"S"', '"my-secret-123"'))
    assert "secret_env" in problem and "my-secret-123" not in problem
    (problem,) = told(tmp_path, '[[chat.source]]\nkind = "x"\nname = "a"\nsecret = "hush-hush"\n')
    assert "hush-hush" not in problem


def test_missing_and_short_secrets_are_told_before_the_show(tmp_path, monkeypatch):
    monkeypatch.delenv("S", raising=False)
    monkeypatch.setenv("K", "short")
    room = load(tmp_path, DOUYIN + '[[chat.source]]\nkind = "dycast"\nname = "c"\nkey_env = "K"\n')
    first, second = problems(room.chat)
    assert first == "chat source d: set the environment variable S (secret_env)"
    assert second.startswith("chat source c: the key in K has 5 characters")
    assert '"short"' not in second
    assert any("variable S" in problem for problem in check(room.file))
    monkeypatch.setenv("S", "x")
    monkeypatch.setenv("K", "0123456789abcdef")
    assert list(problems(room.chat)) == [] and secret(room.chat.source[0], "secret_env") == "x"


def test_variables_of_optional_secrets_count_only_when_named():
    plain = table("websocket", url="ws://127.0.0.1/")
    assert list(variables(plain)) == []
    assert list(variables(table("websocket", url="ws://x/", token_env="T"))) == [("token_env", "T")]


def tables():
    """The commented tables of the example, by kind."""
    text = EXAMPLE[EXAMPLE.index("# [[chat.source]]") : EXAMPLE.index("[console]")]
    for part in text.split("# [[chat.source]]")[1:]:
        lines = [line[2:] for line in part.splitlines()[1:] if line.startswith("# ")]
        yield tomllib.loads("\n".join(lines))


def test_the_example_has_every_kind_and_key_and_is_valid():
    found = {values["kind"]: values for values in tables()}
    assert set(found) == set(KINDS)
    app = {"app_id": "1"}  # belongs to app_secret_env
    given = [values | (app if kind == "douyin" else {}) for kind, values in found.items()]
    Chat.model_validate({"source": given})
    common = {"queue", "each_second"}
    assert all(re.search(rf"^# {key} = ", EXAMPLE, re.MULTILINE) for key in common)
    for kind, model in KINDS.items():
        assert set(found[kind]) == set(model.model_fields) - common
        for key, field in model.model_fields.items():
            default = field.get_default()
            if key in common or field.is_required() or key.endswith("_env"):
                continue
            given = found[kind][key]
            assert (tuple(given) if isinstance(given, list) else given) == default, (kind, key)


def test_the_docs_have_every_kind_and_key():
    for kind, model in KINDS.items():
        assert f'kind = "{kind}"' in DOCS
        for key in model.model_fields:
            assert f"`{key}`" in DOCS or f"{key} = " in DOCS, (kind, key)
