"""The room file: every mistake with file, line and key; nothing but ConfigError comes out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost import options
from livehost.config import REQUIRED_LABEL, Room, key_lines, load_room, load_toml
from livehost.errors import ConfigError

GOOD = 'name = "room"\n[avatar]\npath = "."\n[show]\nrundown = "room.toml"\n'


def problems(tmp_path, text):
    file = tmp_path / "room.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_room(file)
    return [p.removeprefix(f"{tmp_path}/") for p in caught.value.problems]


def test_defaults_are_filled_in(tmp_path):
    file = tmp_path / "room.toml"
    file.write_text(GOOD)
    room = load_room(file)
    assert room.video.width == 720 and room.scene.label == REQUIRED_LABEL
    assert room.near("x") == tmp_path / "x"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("[video]\nwidth = 721\n", "room.toml:7: video.width: must be even (is 721)"),
        ('[video]\nfps = "fast"\n', 'room.toml:7: video.fps: write it like "25"'),
        ('[video]\nfps = "0/0"\n', 'room.toml:7: video.fps: write it like "25"'),
        ('[video]\nfps = "500"\n', "room.toml:7: video.fps: must be between 1 and 60"),
        ("[video]\ncolour = 1\n", "room.toml:7: video.colour: unknown key"),
        ('[scene]\nlabel = ""\n', "room.toml:7: scene.label: must contain AI生成 and 数字人"),
        ('[scene]\nlabel = "AI生成"\n', "room.toml:7: scene.label: must contain 数字人"),
        ('[scene]\nmusic = "none.mp3"\n', "room.toml: scene.music:"),
        ('[[output]]\nname = "a"\n[[output]]\nname = "b/c"\n', "room.toml:9: output.1.name:"),
    ],
)
def test_a_mistake_has_its_line_and_key(tmp_path, more, expected):
    (problem,) = problems(tmp_path, GOOD + more)
    assert problem.startswith(expected)


def test_all_mistakes_are_told_at_once(tmp_path):
    found = problems(tmp_path, GOOD + "[video]\nwidth = 1\nheight = 3\n[audio]\nx = 1\n")
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [b"\xff\xfe", "name = ", "[", "x = " + "[" * 100_000, "x = " + "9" * 5000, ""],
    ids=["not utf-8", "half", "bracket", "deep", "digits", "empty"],
)
def test_what_is_not_toml_is_one_line(tmp_path, text):
    assert all("\n" not in problem for problem in problems(tmp_path, text))


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_room(tmp_path / "none.toml")


@given(st.binary(max_size=300))
def test_garbage_is_a_config_error_and_nothing_else(tmp_path_factory, garbage):
    file = tmp_path_factory.mktemp("garbage") / "room.toml"
    file.write_bytes(garbage)
    with pytest.raises(ConfigError):
        load_toml(file, Room)


def test_key_lines_sees_through_strings_and_arrays():
    text = 'a = 1\nlong = """\nb = 2\n"""\n[t]\n"k" = 3\n[[t.list]]\nx = 4\n[[t.list]]\nx = 5\n'
    lines = key_lines(text)
    assert "b" not in lines
    assert (lines["a"], lines["t.k"], lines["t.list.0.x"], lines["t.list.1.x"]) == (1, 6, 8, 10)


def test_an_output_without_an_address_says_what_to_set(tmp_path, monkeypatch):
    file = tmp_path / "room.toml"
    file.write_text(GOOD + '[[output]]\nname = "a"\nurl_env = "NOT_SET"\n')
    output = load_room(file).output[0]
    with pytest.raises(ConfigError, match="url_env"):
        output.target()
    monkeypatch.setenv("NOT_SET", "rtmp://127.0.0.1/live/key")
    assert output.target() == "rtmp://127.0.0.1/live/key"


def test_options_travel_as_one_line():
    given_ = options.Options("/r.toml", "/s", (options.Target("a", "rtmp://x/k"),), None, ":1", 5.0)
    assert options.read(given_.line()) == given_


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b"\xff", b'{"room": 1, "x": 2}'])
def test_bad_options_are_a_config_error(line):
    with pytest.raises(ConfigError):
        options.read(line)
