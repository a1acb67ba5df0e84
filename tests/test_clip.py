"""Clips: a text or a recording becomes an MP4 that plays, is labelled, and repeats exactly."""

from __future__ import annotations

import argparse
import functools
import io
import json
import os
import signal
import subprocess
import sys
import time
import wave
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from livehost import cli
from livehost.brain.voice import ENGINES
from livehost.brain.voice.level import BOTH_CHANNELS, loudness
from livehost.brain.voice.say import default_room
from livehost.brain.voice.tone import Tone
from livehost.clip import flags, maker, subtitles
from livehost.clip.batch import read_batch
from livehost.clip.film import Film, Grade, tags_of
from livehost.clip.maker import Share
from livehost.clip.progress import Bar
from livehost.clip.recording import Recording
from livehost.clip.settings import FIELDS, job
from livehost.clip.take import clip_layout
from livehost.errors import BackendBroken, ConfigError, OutputLost
from livehost.media import Yuv
from livehost.stage import compose

SMALL = ["--size", "180x320", "--fps", "24", "--preset", "ultrafast", "--quiet"]
SAY = ["--text", "你好呀大家好。再见啦朋友们。", "--voice", "tone"]
LABEL = ["--producer", "某公司", "--propagator", "某平台"]
RATE = 48_000


def render(out, *flags):
    return cli.main(["render", "--out", str(out), *SMALL, *flags])


def made(values, **more):
    base = default_room()
    given = {"text": "你好", **values, **more}
    return job(given, base, Path.cwd(), lambda key: key)


def packets(path):
    with av.open(str(path)) as file:
        return [(p.stream.type, p.pts, p.dts, bytes(p)) for p in file.demux() if p.size]


def pictures(path):
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def sound(path):
    with av.open(str(path)) as file:
        turn = av.AudioResampler("flt", "mono", RATE)
        parts = [part.to_ndarray()[0] for f in file.decode(audio=0) for part in turn.resample(f)]
    return np.concatenate(parts)


def write_wav(path, pcm, rate=RATE, channels=1):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(pcm, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def speech_like(seconds=1.5, rate=RATE, level=0.2):
    t = np.arange(int(seconds * rate)) / rate
    return level * np.sin(2 * np.pi * 220 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t))


@pytest.fixture(scope="module", autouse=True)
def load_once(tmp_path_factory):
    """Load the host and paint each studio once: they never differ."""
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    patch.setattr(maker, "load_avatar", functools.cache(maker.load_avatar))
    for name in ("studio", "paint_desk"):
        patch.setattr(compose, name, functools.cache(getattr(compose, name)))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """One small clip that many tests look at."""
    out = tmp_path_factory.mktemp("clip") / "clip.mp4"
    assert render(out, *SAY, "--srt", *LABEL, "--preset", "veryfast") == 0
    return out


# --- the file -------------------------------------------------------------------------------------


def test_the_file_is_what_players_and_platforms_take(clip):
    with av.open(str(clip)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.profile) == ("h264", "High")
        assert (video.width, video.height, video.average_rate) == (180, 320, 24)
        frame = next(file.decode(video=0))
        assert (int(frame.color_range), int(frame.colorspace)) == (1, 1)  # limited, bt709
        assert (audio.codec_context.name, audio.rate, audio.layout.name) == ("aac", RATE, "stereo")


def test_the_index_stands_before_the_pictures(clip):
    data = clip.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_sound_and_picture_begin_at_0_and_end_together(clip):
    with av.open(str(clip)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert video.start_time == 0
        assert audio.start_time == 0
        lengths = [float(s.duration * s.time_base) for s in (video, audio)]
        assert lengths[0] == pytest.approx(video.frames / 24)
        assert abs(lengths[0] - lengths[1]) < 1 / 24
        times = [frame.pts * frame.time_base for frame in file.decode(video=0)]
    assert times == [Fraction(n, 24) for n in range(len(times))]


def test_speech_begins_after_the_lead_and_the_tail_follows_it(clip):
    # 0.4 s are 10 ticks of 24
    loud = np.flatnonzero(np.abs(sound(clip)) > 0.05) / RATE
    assert loud[0] == pytest.approx(10 / 24, abs=0.03)
    with av.open(str(clip)) as file:
        seconds = file.streams.video[0].frames / 24
    assert seconds - loud[-1] == pytest.approx(0.6, abs=0.1)


def test_the_file_says_that_it_is_synthetic(clip):
    tags = tags_of(clip)
    label = json.loads(tags["AIGC"])
    assert list(label) == [
        "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator",
        "PropagateID", "ReservedCode2",
    ]  # fmt: skip
    assert (label["Label"], label["ContentProducer"]) == ("1", "某公司")
    assert label["ContentPropagator"] == "某平台"
    assert label["ProduceID"] == tags["livehost_clip"][:32]
    assert json.loads(tags["comment"]) == {"AIGC": label}


def test_the_label_is_on_every_picture(clip):
    frames = pictures(clip)
    corner = np.s_[25:60, 90:178]
    bright = [(frame[corner].min(axis=2) > 200).mean() for frame in frames]
    assert min(bright) > 0.05, "white glyphs"
    assert np.ptp(bright) < 0.05


def test_lips_move_with_speech_and_rest_before_it(clip):
    frames = [frame.astype(np.int16) for frame in pictures(clip)]
    mouth = np.s_[95:135, 65:115]
    moves = [np.abs(b[mouth] - a[mouth]).mean() for a, b in pairwise(frames)]
    assert np.mean(moves[11:18]) > 3 * np.mean(moves[1:8])


def test_captions_go_with_the_sentences(clip):
    cues = subtitles.read_srt(clip.with_suffix(".srt"))
    assert [cue.text for cue in cues] == ["你好呀大家好。", "再见啦朋友们。"]
    assert cues[0].start / RATE == pytest.approx(10 / 24, abs=0.01)
    assert all(a.end <= b.start for a, b in pairwise(cues))


def test_equal_settings_give_equal_files_and_another_seed_another_face(tmp_path):
    short = ["--text", "好", "--voice", "tone", "--seed"]
    files = [tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    for path, seed in zip(files, ("7", "7", "8"), strict=True):
        assert render(path, *short, seed) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    video = [[p for p in packets(path) if p[0] == "video"] for path in files]
    assert video[0] != video[2]
    assert np.array_equal(sound(files[0]), sound(files[2])), "the seed is the face's alone"


@pytest.mark.parametrize("fps", ["25", "30", "48", "50", "60", "24000/1001", "30000/1001"])
def test_every_rate(fps, tmp_path):
    out = tmp_path / "clip.mp4"
    flags = ["--size", "160x160", "--lead", "0.1", "--tail", "0.1", "--fps", fps]
    assert render(out, "--text", "好", "--voice", "tone", *flags) == 0
    with av.open(str(out)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert video.average_rate == Fraction(fps)
        lengths = [float(s.duration * s.time_base) for s in (video, audio)]
    assert abs(lengths[0] - lengths[1]) < float(1 / Fraction(fps))


def test_a_mean_bitrate_in_place_of_a_quality(tmp_path):
    sizes = []
    for rate in ("100", "1500"):
        out = tmp_path / f"{rate}.mp4"
        assert render(out, *SAY, "--bitrate", rate) == 0
        sizes.append(out.stat().st_size)
    assert sizes[1] > 2 * sizes[0]


# --- recordings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2), (96_000, 1)])
def test_a_recording_of_any_rate_is_said_at_the_level_of_speech(rate, channels, tmp_path):
    pcm = np.repeat(speech_like(2.0, rate, 0.01), channels)
    path = write_wav(tmp_path / "in.wav", pcm, rate, channels)
    out = tmp_path / "clip.mp4"
    assert render(out, "--audio", str(path)) == 0
    heard = sound(out)
    assert len(heard) / RATE == pytest.approx(2.0 + 10 / 24 + 14 / 24, abs=0.1)
    assert loudness(heard) + BOTH_CHANNELS == pytest.approx(-16, abs=3.5)  # stereo, folded to one


@pytest.mark.parametrize("codec", ["mp3", "flac", "m4a"])
def test_compressed_recordings(codec, tmp_path):
    path = tmp_path / f"in.{codec}"
    names = {"mp3": "libmp3lame", "flac": "flac", "m4a": "aac"}
    with av.open(str(path), "w") as file:
        stream = file.add_stream(names[codec], rate=44_100)
        form = stream.codec_context.format.name if stream.codec_context.format else "s16"
        pcm = (speech_like(1.0, 44_100) * 32_767).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(pcm, "s16", "mono")
        frame.sample_rate = 44_100
        turn = av.AudioResampler(form, "mono", 44_100)
        for part in [*turn.resample(frame), None]:
            file.mux(stream.encode(part))
    taken = Recording(path, -16.0)
    assert taken.samples / RATE == pytest.approx(1.0, abs=0.1)
    assert sum(map(len, taken.pieces())) == taken.samples


def write_float(path, pcm):
    """A WAV of float samples, which may hold what is no number."""
    data = np.asarray(pcm, "<f4").tobytes()
    head = b"RIFF" + (36 + len(data)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\x03\0\x01\0"
    head += RATE.to_bytes(4, "little") + (RATE * 4).to_bytes(4, "little") + b"\x04\0\x20\0data"
    path.write_bytes(head + len(data).to_bytes(4, "little") + data)
    return path


def bad_recordings():
    noise = speech_like()
    broken = noise.copy()
    broken[RATE // 2] = np.nan
    yield "silent", lambda p: write_wav(p, np.zeros(RATE)), "is silent"
    yield "short", lambda p: write_wav(p, noise[:900]), "shorter than"
    yield "empty", lambda p: write_wav(p, noise[:0]), "shorter than"
    yield "nan", lambda p: write_float(p, broken), "not numbers at 0.50 s"
    yield "text", lambda p: p.write_text("这不是声音" * 99), "is not a sound file"
    yield "nothing", lambda p: p.write_bytes(b""), "is not a sound file"


@pytest.mark.parametrize(
    ("name", "write", "said"), list(bad_recordings()), ids=lambda v: str(v)[:8]
)
def test_a_recording_that_cannot_be_used_is_told(name, write, said, tmp_path, capsys):
    path = tmp_path / f"{name}.wav"
    write(path)
    assert render(tmp_path / "out.mp4", "--audio", str(path)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "nothing is left behind"


def test_a_picture_without_sound_is_no_recording(tmp_path, capsys):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((8, 8, 3), np.uint8))
    assert render(tmp_path / "out.mp4", "--audio", str(path)) == 2
    assert "holds no sound" in capsys.readouterr().err


def test_subtitles_of_a_recording(tmp_path):
    path = tmp_path / "in.srt"
    path.write_text(
        "1\n00:00:00,500 --> 00:00:01,000\n<i>你好</i>\n世界\n\n2\n00:00:02.0 --> 00:00:03.0\nb\n"
    )
    cues = subtitles.read_srt(path)
    assert cues == [subtitles.Cue(24_000, 48_000, "你好 世界"), subtitles.Cue(96_000, 144_000, "b")]
    assert subtitles.read_srt(path.with_name("in.srt")) == cues
    shown = subtitles.Given(cues)
    assert shown.at(0, None) == ("", 0.0)
    assert shown.at(36_000, None) == ("你好 世界", 0.5)
    assert shown.at(50_000, None) == ("", 0.0)
    path.write_text(subtitles.srt(cues))
    assert subtitles.read_srt(path) == cues


# --- look and sound -------------------------------------------------------------------------------


def test_a_colour_behind_the_host(tmp_path):
    out = tmp_path / "clip.mp4"
    assert render(out, *SAY, "--background", "#20a060") == 0
    corner = pictures(out)[5][270:300, :5].reshape(-1, 3).mean(axis=0)
    assert corner == pytest.approx((0x20, 0xA0, 0x60), abs=6), "and no desk before it"


def test_a_clip_behind_the_host_runs_at_its_own_speed(tmp_path):
    path = tmp_path / "back.mp4"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=12, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 90, 160, "yuv420p"
        for level in range(0, 240, 20):  # a second, then again
            rgb = np.full((160, 90, 3), level, np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, "rgb24")))
        file.mux(stream.encode(None))
    out = tmp_path / "clip.mp4"
    assert render(out, *SAY, "--background", str(path), "--crf", "4") == 0
    levels = [float(frame[200:210, :8].mean()) for frame in pictures(out)]
    expected = [20 * (n // 2 % 12) for n in range(len(levels))]
    assert levels == pytest.approx(expected, abs=6)


def test_music_only_when_it_is_asked_for(tmp_path):
    plain, musical = tmp_path / "plain.mp4", tmp_path / "music.mp4"
    assert render(plain, *SAY) == 0
    assert render(musical, *SAY, "--music", "studio") == 0
    lead = np.s_[2_000 : int(0.35 * RATE)]
    levels = [20 * np.log10(np.std(sound(path)[lead])) for path in (plain, musical)]
    assert levels[0] < -60
    assert levels[1] > -40
    assert np.abs(sound(musical)[-400:]).max() < 0.003, "faded out"


@pytest.mark.parametrize("size", ["1080x1920", "1920x1080", "1080x1080"])
def test_captions_stand_in_the_lower_third(size):
    clip = made({"size": size})
    places = clip_layout(clip)
    width, height = clip.clip.sides
    two_lines = 2 * 50 * places.unit + 16 * places.unit
    assert places.caption_bottom - two_lines > 0.66 * height
    assert places.caption_bottom < 0.97 * height
    assert places.caption_width <= width
    assert clip_layout(made({"size": size, "background": "#000000"})).desk_top == height


# --- settings -------------------------------------------------------------------------------------


def bad_settings():
    yield {"size": "1081x1920"}, "size: both sides must be even"
    yield {"size": "big"}, "size: write it like"
    yield {"fps": "12"}, "fps: must be between 23 and 60"
    yield {"fps": "0/0"}, "fps: write it like"
    yield {"emotoin": "x"}, "emotoin: unknown setting; there are text"
    yield {"text": "  "}, "text: give either"
    yield {"text": "。。。"}, "text: nothing of this text"
    yield {"audio": "none.wav", "text": ""}, "audio: "
    yield {"avatar": "nowhere"}, "avatar: "
    yield {"background": "nowhere.png"}, "background: "
    yield {"background": "#12345"}, "background: "
    yield {"music": "nowhere.mp3"}, "music: "
    yield {"label": "真人主播"}, "label: must contain AI生成"
    yield {"speed": "9"}, "speed: "
    yield {"seed": "-1"}, "seed: "
    yield {"subtitles": "a.srt"}, "subtitles go with audio"
    yield {"text_file": "nowhere.txt"}, "text_file: nowhere.txt cannot be read"


@pytest.mark.parametrize(("values", "said"), list(bad_settings()), ids=lambda v: str(v)[:24])
def test_a_wrong_setting_is_told_in_one_line(values, said):
    with pytest.raises(ConfigError) as caught:
        made(values)
    [line] = caught.value.problems
    assert said in line


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([*SAY, "--emotion", "angry"], "no emotion angry; there are"),
        (["--text", "好", "--voice", "nobody"], "no voice nobody"),
        (["--text", "好", "--voice", "nowhere:x"], "no engine nowhere"),
        ([], "give --text, --text-file or --audio"),
        ([*SAY, "--fps", "12"], "--fps: must be"),
        ([*SAY, "--bitrate", "1"], "--bitrate: "),
        ([*SAY, "--background", __file__], "is not a picture or clip"),
        ([*SAY, "--music", __file__], "is not a sound file"),
        ([*SAY, "--avatar", "tests"], "avatar.toml"),
    ],
)
def test_a_wrong_flag_ends_with_2(flags, said, tmp_path, capsys):
    assert render(tmp_path / "out.mp4", *flags) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "said"),
    [("a.avi", "must end in .mp4"), ("no/a.mp4", "does not exist"), ("d.mp4", "is a folder")],
)
def test_a_place_that_cannot_be_written(out, said, tmp_path, capsys):
    (tmp_path / "d.mp4").mkdir()
    assert render(tmp_path / out, *SAY) == 2
    assert said in capsys.readouterr().err


def test_out_is_required(capsys):
    assert cli.main(["render", *SAY]) == 2
    assert "--out" in capsys.readouterr().err


def test_settings_over_a_room(tmp_path):
    (tmp_path / "room.toml").write_text(
        'name = "shop"\n[avatar]\npath = "."\ngestures = 0.5\n[voice]\nengine = "tone"\n'
        '[scene]\ntitle = "小店"\nmusic = "m.wav"\n[show]\nrundown = "room.toml"\n'
    )
    write_wav(tmp_path / "m.wav", speech_like())
    (tmp_path / "avatar.toml").write_text("")
    from livehost.config import load_room

    room = load_room(tmp_path / "room.toml")
    kept = job({"text": "好"}, room, tmp_path, str)
    assert (kept.room.voice.engine, kept.room.scene.title) == ("tone", "小店")
    assert kept.room.avatar.gestures == 0.5
    assert kept.room.scene.music_db == -26
    other = job({"text": "好", "music": "none", "title": "夜场"}, room, tmp_path, str)
    assert (other.room.scene.music_db, other.room.scene.title) == (-60, "夜场")
    assert other.digest != kept.digest


def test_the_digest_follows_settings_and_files(tmp_path):
    one = write_wav(tmp_path / "a.wav", speech_like())
    same = write_wav(tmp_path / "b.wav", speech_like())
    values = {"text": "", "audio": str(one)}
    digest = made(values).digest
    assert made(values).digest == digest
    assert made(values, audio=str(same)).digest == digest, "what is in the file counts"
    write_wav(one, speech_like(level=0.3))
    assert made(values).digest != digest
    assert len({made({}, **v).digest for v in ({}, {"seed": 2}, {"fps": 48}, {"title": "a"})}) == 4


def test_a_voice_that_fails_ends_the_clip_and_says_why(tmp_path, capsys, monkeypatch):
    class Broken(Tone):
        name = "broken"

        async def speak(self, sentence):
            raise BackendBroken("the model is damaged")
            yield

    monkeypatch.setitem(ENGINES, "broken", Broken)
    assert render(tmp_path / "out.mp4", "--text", "好", "--voice", "broken") == 1
    assert "the voice failed: broken: the model is damaged" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_text_with_something_that_cannot_be_said(tmp_path):
    assert render(tmp_path / "out.mp4", "--text", "😀😀\n你好呀！", "--voice", "tone") == 0


def test_every_setting_has_a_flag_and_stands_in_the_docs():
    text = (Path(__file__).parents[1] / "docs" / "clips.md").read_text()
    parser = argparse.ArgumentParser()
    flags.add_flags(parser)
    known = {option for action in parser._actions for option in action.option_strings}
    for name in FIELDS:
        assert flags.flag(name) in known
        assert f"`{flags.flag(name)}" in text
    assert not [option for option in known if option not in text and option not in {"-h", "--help"}]


def test_flags_become_settings_with_paths_from_here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    flags.add_flags(parser)
    given = parser.parse_args(
        ["--audio", "a.wav", "--background", "#102030", "--music", "none", "--no-captions"]
    )
    assert flags.settings_of(given) == {
        "audio": str(tmp_path / "a.wav"), "background": "#102030", "music": "none",
        "captions": False,
    }  # fmt: skip
    given = parser.parse_args(["--text-file", "-", "--background", "b.png", "--lead", "1"])
    assert flags.settings_of(given) == {
        "text_file": "-", "background": str(tmp_path / "b.png"), "lead_seconds": "1"
    }  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal_and_silent_when_asked():
    terminal, log = Terminal(), io.StringIO()
    bar = Bar("a.mp4", terminal)
    bar.tell(1.5, 0.25)
    shown = terminal.getvalue()
    assert shown.startswith("\r")
    assert "\n" not in shown
    assert "a.mp4 ██████··················  25%  1.5 s made" in shown
    bar.clear()
    assert terminal.getvalue().endswith("\r\x1b[K")
    Bar("a.mp4", log).tell(1.0, 0.1)
    assert not log.getvalue(), "not so soon in a log"
    quiet = Terminal()
    Bar("a.mp4", quiet, quiet=True).tell(1.0, 0.1)
    assert not quiet.getvalue()


def test_the_share_that_is_made_follows_what_is_said():
    told = []
    share = Share(made({"text": "一二三四五六七。八九十。"}), None, lambda *t: told.append(t[1]))
    for tick, sentence, said in ((0, -1, 0.0), (10, 0, 0.5), (20, 0, 1.0), (25, -1, 0.0)):
        share.tell(tick, sentence, said)
    assert told[0] == 0
    assert told == sorted(told)
    assert told[2] == told[3] > 0.5


# --- trouble with the disk ------------------------------------------------------------------------


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path):
    out = tmp_path / "clip.mp4"
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from livehost import cli\n"
        "sys.exit(cli.main(sys.argv[1:]))\n"
    )
    flags = ["render", "--out", str(out), *SMALL, "--text", "好" * 20, "--voice", "tone"]
    ended = subprocess.run(
        [sys.executable, "-c", code, *flags, "--crf", "1"], capture_output=True, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert "cannot be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not out.exists()
    assert not out.with_name("clip.mp4.partial").exists()


def test_a_film_is_there_only_when_it_is_complete(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"older")
    grey = Yuv(*(np.full((n, n), 128, np.uint8) for n in (160, 80, 80)))
    film = Film(path, (160, 160), Fraction(24), Grade(), {})
    film.add(grey, np.zeros((2000, 2), np.int16))
    assert path.read_bytes() == b"older"
    film.abandon()
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    film = Film(path, (160, 160), Fraction(24), Grade(), {"title": "x"})
    film.add(grey, np.zeros((2000, 2), np.int16))
    assert film.close() == path.stat().st_size
    assert tags_of(path)["title"] == "x"


def test_a_damaged_end_is_noticed(tmp_path, monkeypatch):
    film = Film(tmp_path / "a.mp4", (160, 160), Fraction(24), Grade(), {})
    film.add(
        Yuv(*(np.full((n, n), 128, np.uint8) for n in (160, 80, 80))),
        np.zeros((2000, 2), np.int16),
    )
    film._ticks = 2  # as if a picture had been lost
    with pytest.raises(OutputLost, match="not complete"):
        film.close()
    film.abandon()
    assert not list(tmp_path.iterdir())


# --- batches --------------------------------------------------------------------------------------


def write_batch(path, names=("a", "b", "c")):
    rows = [{"name": name, "text": f"你好{name}"} for name in names]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def batch(path, out, *flags):
    given = ["--batch", str(path), "--out-dir", str(out), "--voice", "tone", *SMALL]
    return cli.main(["render", *given, *flags])


def test_a_batch_with_a_bad_row_makes_the_others_and_goes_on_where_it_was(tmp_path, capsys):
    path = write_batch(tmp_path / "clips.jsonl")
    path.write_text(path.read_text() + '{"name": "d", "text": "好", "emotion": "angry"}\n')
    assert batch(path, tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "3 made, 0 skipped, 1 failed" in told.out
    assert "d: xiaohe has no emotion angry" in told.err
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    assert sorted(before) == ["a.mp4", "b.mp4", "c.mp4"]
    path.write_text(path.read_text().replace("你好b", "再见b").replace("angry", "excited"))
    assert batch(path, tmp_path / "out") == 0
    assert "2 made, 2 skipped, 0 failed" in capsys.readouterr().out
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out").iterdir()}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"b.mp4", "d.mp4"}


def test_somebody_elses_file_is_not_overwritten(tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.mp4").write_bytes(b"mine")
    assert batch(write_batch(tmp_path / "clips.jsonl", "ab"), out) == 1
    assert (out / "a.mp4").read_bytes() == b"mine"
    assert "was not made here" in capsys.readouterr().err
    assert (out / "b.mp4").exists()


def _hears_ctrl_c():
    """A shell has what it starts in the background ignore SIGINT: also a whole test run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_was_ended_goes_on(number, tmp_path):
    path, out = write_batch(tmp_path / "clips.jsonl"), tmp_path / "out"
    path.write_text(path.read_text().replace("你好b", "你好" * 16))
    command = [
        sys.executable, "-m", "livehost", "render", "--batch", str(path), "--out-dir", str(out),
        "--voice", "tone", *SMALL,
    ]  # fmt: skip
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    running = subprocess.Popen(
        command,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hears_ctrl_c,  # noqa: PLW1509  (nothing else runs in this process)
    )
    until = time.monotonic() + 60
    while not (out / "b.mp4.partial").exists() and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(number)
    error = running.communicate(timeout=30)[1]
    first = (out / "a.mp4").stat().st_mtime_ns
    assert not (out / "b.mp4").exists()
    if number != signal.SIGKILL:
        assert running.returncode == 130
        assert "interrupted; run the same command to go on" in error
        assert "Traceback" not in error
        assert not (out / "b.mp4.partial").exists()
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "2 made, 1 skipped" in ended.stdout
    assert (out / "a.mp4").stat().st_mtime_ns == first
    assert sorted(p.name for p in out.iterdir()) == ["a.mp4", "b.mp4", "c.mp4"]


def test_batch_files_of_every_kind(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[defaults]\nfps = 48\nseed = 3\n\n[[clip]]\nname = "x"\ntext = "好"\n\n[[clip]]\n'
        'text = "再见"\nfps = 30\n'
    )
    (tmp_path / "a.csv").write_text('\ufeffname,text,fps\nx,"你好,\n世界",48\n,再见,\n', "utf-8")
    (tmp_path / "a.jsonl").write_text('{"name": "x.mp4", "text": "好"}\n\n{"text": "b"}\n')
    toml, table, lines = (read_batch(tmp_path / f"a.{kind}") for kind in ("toml", "csv", "jsonl"))
    assert [row.name for row in toml] == ["x", "002"]
    assert toml[1].values == {"fps": 30, "seed": 3, "text": "再见"}
    assert toml[1].where("fps") == f"{tmp_path}/a.toml:11: fps"
    assert [row.values for row in table] == [{"text": "你好,\n世界", "fps": "48"}, {"text": "再见"}]
    assert table[1].where("text") == f"{tmp_path}/a.csv:4: text"
    assert [row.name for row in lines] == ["x", "002"]
    assert lines[1].where("text") == f"{tmp_path}/a.jsonl:3: text"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "x", "ends in .toml, .csv or .jsonl"),
        ("a.csv", "name,text\n", "holds no clips"),
        ("a.csv", "name,text\nx,a,b\n", "more cells"),
        ("a.csv", 'name,text\nx,"a\n', "not valid CSV"),
        ("a.toml", "x", "not valid TOML"),
        ("a.toml", "clips = 1", "nothing else"),
        ("a.toml", "clip = [1]", "[[clip]] tables"),
        ("a.jsonl", "{", ":1: is not valid JSON"),
        ("a.jsonl", "[]", ":1: must be an object"),
        ("a.jsonl", '{"name": [1], "text": "a"}\n{"name": "[1]"}', "used twice"),
        ("a.jsonl", '{"name": "../x", "text": "a"}', "no name for a file"),
        ("a.jsonl", '{"name": "x"}\n{"name": "X"}', "used twice"),
    ],
)
def test_a_batch_file_that_cannot_be_read(name, text, said, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert batch(path, tmp_path / "out") == 2
    assert said in capsys.readouterr().err


def test_a_batch_file_in_another_encoding(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_bytes("text\n你好\n".encode("gbk"))
    assert batch(path, tmp_path / "out") == 2
    assert "save it as UTF-8" in capsys.readouterr().err


# --- the real thing -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_clip_at_1080p_and_48_pictures(tmp_path):
    out = tmp_path / "clip.mp4"
    flags = ["--size", "1080x1920", "--fps", "48", "--preset", "veryfast", "--emotion", "excited"]
    assert render(out, "--text", "大家好，欢迎来到直播间！", "--music", "studio", *flags) == 0
    with av.open(str(out)) as file:
        video, audio = file.streams.video[0], file.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (1080, 1920, 48)
        lengths = [float(s.duration * s.time_base) for s in (video, audio)]
    assert lengths[0] > 1.5
    assert abs(lengths[0] - lengths[1]) < 1 / 48
    assert loudness(sound(out)) + BOTH_CHANNELS == pytest.approx(-16, abs=3.5)
