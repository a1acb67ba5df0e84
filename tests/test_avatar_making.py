import argparse
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from livehost.avatar import load_avatar
from livehost.avatar.command import Source, check, source_of
from livehost.avatar.likeness import LikenessKeys, likeness_consent
from livehost.avatar.making import Asked, Claim, Finding, Report, Verdict, fresh_folder
from livehost.cli import parser
from livehost.errors import ConfigError
from livehost.models import sha256

HOST = Path(__file__).parents[1] / "avatars" / "xiaohe"
TODAY = date.today()


def record(folder, **values):
    """Write a consent record with its document; return its path."""
    (folder / "signed.pdf").write_bytes(b"signed")
    keys = {
        "who": "王丽",
        "contact": "wang@example.org",
        "when": TODAY - timedelta(days=2),
        "expires": TODAY + timedelta(days=30),
        "scope": ["likeness"],
        **values,
    }
    lines = [f"{k} = {v if isinstance(v, date) else json.dumps(v)}" for k, v in keys.items()]
    lines += ["[document]", 'file = "signed.pdf"', f'sha256 = "{sha256(folder / "signed.pdf")}"']
    path = folder / "wang.consent.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def finding(verdict):
    return Finding("face size", "90 px", verdict, "come closer")


def test_a_report_is_as_good_as_its_worst_finding_and_names_it_first():
    report = Report("me.jpg", (finding(Verdict.GOOD), finding(Verdict.BAD), finding(Verdict.FAIR)))
    assert report.verdict is Verdict.BAD
    assert report.lines()[0] == "me.jpg: bad"
    assert report.lines()[1].split() == "bad face size: 90 px; come closer".split()
    with pytest.raises(ConfigError, match=r"me.jpg: face size: 90 px; come closer"):
        report.demand()
    Report("me.jpg", (finding(Verdict.FAIR),)).demand()


def test_a_report_writes_its_files(tmp_path):
    sheet = np.full((40, 60, 3), (200, 30, 30), np.uint8)
    Report("me.jpg", (finding(Verdict.FAIR),), sheet).write(tmp_path)
    said = json.loads((tmp_path / "report.json").read_text())
    assert said["verdict"] == "fair"
    assert said["findings"][0]["advice"] == "come closer"
    assert "face size: 90 px" in (tmp_path / "report.txt").read_text()
    assert (tmp_path / "sheet.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_a_folder_is_whole_or_not_there(tmp_path):
    out = tmp_path / "avatars" / "me"
    with pytest.raises(RuntimeError), fresh_folder(out) as filling:
        (filling / "avatar.toml").write_text("half")
        raise RuntimeError
    assert list(out.parent.iterdir()) == []
    with fresh_folder(out) as filling:
        (filling / "avatar.toml").write_text("whole")
    assert [p.name for p in out.parent.iterdir()] == ["me"]
    assert (out / "avatar.toml").read_text() == "whole"


def test_an_interrupted_import_keeps_the_older_avatar(tmp_path):
    out = tmp_path / "me"
    with fresh_folder(out) as filling:
        (filling / "avatar.toml").write_text("old")
    with pytest.raises(KeyboardInterrupt), fresh_folder(out, replace=True) as filling:
        raise KeyboardInterrupt
    assert (out / "avatar.toml").read_text() == "old"
    with fresh_folder(out, replace=True) as filling:
        (filling / "avatar.toml").write_text("new")
    assert (out / "avatar.toml").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["me"]


def test_a_full_disk_is_a_reason_and_leaves_nothing(tmp_path):
    out = tmp_path / "me"
    with pytest.raises(ConfigError, match="No space left"), fresh_folder(out):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"), fresh_folder(tmp_path):
        pass
    with pytest.raises(ConfigError, match="not an avatar"), fresh_folder(tmp_path, replace=True):
        pass
    assert (tmp_path / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "a/b", "../x", "名", "a" * 65])
def test_names_are_safe_for_folders(name):
    with pytest.raises(ConfigError, match="--name"):
        Asked(name, Claim(ai_generated=True))


def test_somebody_must_say_whose_face_it_is(tmp_path):
    for claim in (Claim(), Claim(own_face="  "), Claim(own_face="Wang", ai_generated=True)):
        with pytest.raises(ConfigError, match="who is in the picture"):
            claim.checked(())
    Claim(own_face="Wang Li").checked(())
    Claim(ai_generated=True).checked(())
    Claim(consent=record(tmp_path)).checked(())


def test_a_claim_becomes_the_manifest(tmp_path):
    own = Claim(own_face="Wang Li").keys(tmp_path / "me", TODAY)
    assert (own.declared, own.who, own.consent) == ("own-face", "Wang Li", "")
    drawn = Claim(ai_generated=True).keys(tmp_path / "me", TODAY)
    assert (drawn.declared, drawn.who) == ("ai-generated", "")
    agreed = Claim(consent=record(tmp_path)).keys(tmp_path / "me", TODAY)
    assert (agreed.declared, agreed.who) == ("consent", "王丽")
    assert agreed.consent == "../wang.consent.toml"  # moves along when both are moved


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"revoked": TODAY}, "withdrawn consent"),
        ({"expires": TODAY - timedelta(days=1)}, "expired"),
        ({"scope": ["voice"]}, "not to likeness"),
    ],
)
def test_without_consent_nothing_is_made_and_nothing_loads(tmp_path, values, said):
    path = record(tmp_path)
    keys = Claim(consent=path).keys(tmp_path / "me", TODAY)
    record(tmp_path, **values)
    with pytest.raises(ConfigError, match=said) as caught:
        likeness_consent(keys, tmp_path / "me").check()
    assert len(caught.value.problems) == 1
    with pytest.raises(ConfigError, match=said):
        Claim(consent=path).checked(())


def test_consent_may_name_rooms_which_are_asked_for_when_a_room_loads_it(tmp_path):
    keys = Claim(consent=record(tmp_path, rooms=["evening"])).keys(tmp_path / "me", TODAY)
    likeness_consent(keys, tmp_path / "me").check()
    likeness_consent(keys, tmp_path / "me", room="evening").check()
    with pytest.raises(ConfigError, match="does not agree to room morning"):
        likeness_consent(keys, tmp_path / "me", room="morning").check()


def test_consent_may_name_the_photo(tmp_path):
    path, photo, other = record(tmp_path), tmp_path / "a.jpg", tmp_path / "b.jpg"
    photo.write_bytes(b"a")
    other.write_bytes(b"b")
    with path.open("a", encoding="utf-8") as file:
        file.write(f'\n[[recordings]]\nfile = "a.jpg"\nsha256 = "{sha256(photo)}"\n')
    Claim(consent=path).checked((photo,))
    with pytest.raises(ConfigError, match=r"b\.jpg is not one that 王丽 agreed to"):
        Claim(consent=path).checked((other,))


def test_a_likeness_says_all_of_it():
    with pytest.raises(ValueError, match="consent:"):
        LikenessKeys(declared="consent", who="Wang", on=TODAY)
    with pytest.raises(ValueError, match="who:"):
        LikenessKeys(declared="own-face", on=TODAY)


def test_a_person_without_a_likeness_does_not_load(tmp_path):
    for path in HOST.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = tmp_path / "avatar.toml"
    manifest.write_text(manifest.read_text("utf-8").replace('kind = "ai"', 'kind = "person"'))
    with pytest.raises(ConfigError, match=r"needs \[likeness\]"):
        load_avatar(tmp_path)


def test_files_are_told_apart_by_what_is_in_them(tmp_path):
    photo = Path(__file__).parent / "data" / "photo" / "host.jpg"
    disguised = tmp_path / "film.mp4"
    disguised.write_bytes(photo.read_bytes())
    assert source_of(photo) is source_of(disguised) is Source.PICTURE
    phone = tmp_path / "IMG_1.jpg"
    phone.write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    with pytest.raises(ConfigError, match="save it as JPEG"):
        source_of(phone)
    text = tmp_path / "me.jpg"
    text.write_text("hello")
    with pytest.raises(ConfigError, match="neither a picture nor a video"):
        source_of(text)
    with pytest.raises(ConfigError, match="no such file"):
        source_of(tmp_path / "missing.jpg")


def test_a_film_is_a_video(tmp_path):
    import av

    path = tmp_path / "film.jpg"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for _ in range(3):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    assert source_of(path) is Source.VIDEO


def test_check_tells_about_an_avatar(capsys):
    assert check(argparse.Namespace(folder=HOST)) == 0
    said = capsys.readouterr().out
    assert "xiaohe (ai)" in said and "mouth: 176x192, 34 blendshapes" in said


def test_the_command_line_offers_both(capsys):
    given = parser().parse_args(["avatar", "make", "me.jpg", "--name", "me", "--own-face", "Wang"])
    assert (given.name, given.own_face, given.background) == ("me", "Wang", "keep")
    assert parser().parse_args(["avatar", "check", "avatars/me"]).folder == Path("avatars/me")
    with pytest.raises(SystemExit):
        parser().parse_args(["avatar", "make", "me.jpg"])
    assert "--name" in capsys.readouterr().err
