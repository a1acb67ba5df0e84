"""What a newcomer touches first: make targets, the container file, the command line, the docs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from livehost import cli

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", ROOT / "README.zh-CN.md", *(ROOT / "docs").rglob("*.md")]


def targets():
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_make_has_the_words_that_the_readme_promises():
    assert {"setup", "run", "test", "check", "bench", "soak", "clean", "help"} <= targets()


def test_every_path_and_target_in_the_container_file_exists():
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert [s for s in sources if not (ROOT / s).exists()] == []
    assert set(re.findall(r"^RUN make ([a-z-]+)", text, re.MULTILINE)) <= targets()
    assert re.search(r"^USER \d+$", text, re.MULTILINE)


def test_the_container_file_passes_its_linter():
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), "--ignore", "DL3008", ROOT / "Dockerfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_plain_install_is_light():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    plain = " ".join(project["dependencies"]).lower()
    assert not re.search(r"torch|transformers|scipy|coqui|onnxruntime-gpu", plain)
    assert {"gpu", "llm", "coqui", "fleet", "dev"} <= set(project["optional-dependencies"])


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["dev"], *extras["asr"]]
    names = {re.split("[<>=]", w)[0].lower().replace("_", "-") for w in wanted}
    assert names - pinned == set()


def commands():
    parser = cli.parser()
    pending, found = [((), parser)], []
    while pending:
        path, here = pending.pop()
        groups = [a for a in here._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
        if not groups:
            found.append((path, here))
        for group in groups:
            pending += [((*path, name), sub) for name, sub in group.choices.items()]
    return sorted(found, key=lambda item: item[0])


@pytest.mark.parametrize(("path", "command"), commands(), ids=lambda v: str(v)[:30])
def test_every_command_has_an_example_and_stands_in_the_docs(path, command):
    assert "example: livehost " + " ".join(path) in command.format_help()
    readme = (ROOT / "README.md").read_text()
    assert "livehost " + " ".join(path) in readme
    everywhere = "\n".join(doc.read_text() for doc in DOCS)
    for action in command._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert option in everywhere, f"{' '.join(path)} {option} is in no document"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_needs_no_heavy_import(arguments):
    code = (
        "import sys; from livehost.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'numpy', 'av', 'onnxruntime', 'cv2'} & set(sys.modules), 'heavy'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_doc_links_to_a_missing_file():
    for doc in DOCS:
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", doc.read_text()):
            assert (doc.parent / link).exists(), f"{doc.name}: {link}"
