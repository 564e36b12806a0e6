"""Rules of the house that a reader should be able to rely on, kept by tests."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from docexp.cli import VERBS

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "docexp").rglob("*.py"))
FORBIDDEN_CALLS = {"weights_only": False, "trust_remote_code": True, "allow_pickle": True}
FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "torchvision", "timm", "detectron2"}


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_loading_is_safe_and_imports_stay_few(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not {name.split(".")[0] for name in names} & FORBIDDEN_MODULES, f"{file}:{node.lineno}"
        if isinstance(node, ast.keyword) and node.arg in FORBIDDEN_CALLS and isinstance(node.value, ast.Constant):
            assert node.value.value is not FORBIDDEN_CALLS[node.arg], f"{file}:{node.value.lineno}: {node.arg}"


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_says_what_it_is(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text())), f"{file} has no docstring"


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = {"torch", "hydra", "rich", "numpy", "yaml"}
    code = f"import sys, docexp.cli; print(sorted({{m.split('.')[0] for m in sys.modules}} & {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_verbs_are_these() -> None:
    """The command line's surface: a change of it is meant, or it is a mistake."""
    from docexp.verbs import data, study

    assert list(VERBS) == ["train", "evaluate", "export", "study", "compare", "data", "bench", "completion"]
    assert list(study.COMMANDS) == ["plan", "run", "status", "cancel", "report"]
    for command in study.COMMANDS:
        assert f"\n  {command} " in study.HELP
        assert importlib.util.find_spec(f"docexp.verbs.study_commands.{command}")
    commands = ["prepare", "index", "check", "stats", "preview", "export", "tokenizer", "tokenize-images"]
    assert list(data.COMMANDS) == commands
    for command in data.COMMANDS:
        assert f"\n  {command} " in data.HELP or f"\n  {command}\n" in data.HELP
        assert importlib.util.find_spec(f"docexp.verbs.data_commands.{command.replace('-', '_')}")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_helps_with_an_example(verb: str) -> None:
    done = subprocess.run([sys.executable, "-m", "docexp.cli", verb, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert f"docexp {verb} " in done.stdout


@pytest.mark.parametrize("target", ["quickstart", "test", "test-full", "lint"])
def test_make_knows_what_to_do(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", "--always-make", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
