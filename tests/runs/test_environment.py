import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import docexp
from docexp.errors import DocexpError
from docexp.runs.code import change_message, changed_files, code_digest, repository
from docexp.runs.environment import (
    Segment,
    begin_segment,
    code_changed_since,
    describe,
    end_segment,
    read_environment,
    segments,
)
from docexp.runs.folder import RunFolder
from docexp.runs.lock import RunLock
from docexp.runs.result import Result
from docexp.runs.state import RunState, state_of

CONFIG = {"paths": {"_target_": "docexp.runs.settings.PathsSettings"}}


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path / "runs" / "3fa91c0b77de")
    folder.create()
    return folder


@pytest.fixture
def repo(tmp_path):
    place = tmp_path / "project"
    place.mkdir()
    git(place, "init", "-q")
    (place / "a.py").write_text("a = 1\n")
    git(place, "add", "a.py")
    git(place, "-c", "user.name=n", "-c", "user.email=e@example.org", "commit", "-q", "-m", "m")
    return place


def git(place, *words):
    subprocess.run(["git", "-C", str(place), *words], check=True, capture_output=True)


def segment(**changes):
    values = {"accelerator": "cpu", "devices": 1, "strategy": "single device", "threads": 2, "resumed_from_step": 0}
    return Segment(**values | changes)


def test_digest_names_every_source_of_docexp():
    digest = code_digest({})
    package = Path(docexp.__file__).parent
    assert digest.keys() == {f"docexp/{file.relative_to(package)}" for file in package.rglob("*.py")}
    assert all(len(value) == 64 for value in digest.values())


def test_digest_follows_targets_outside(tmp_path, monkeypatch):
    package = tmp_path / "mylab_models"
    (package / "deep").mkdir(parents=True)
    for name in ("__init__.py", "settings.py", "deep/model.py"):
        (package / name).write_text("")
    (tmp_path / "mylab_single.py").write_text("")
    (tmp_path / "mylab_other.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {
        "model": {"_target_": "mylab_models.settings.Model", "parts": [{"_target_": "mylab_single.Part"}]},
        "task": {"_target_": "docexp.tasks.tagging.TaggingSettings"},
    }
    before = code_digest(config)
    assert [name for name in before if name.startswith("mylab")] == [
        "mylab_models/__init__.py",
        "mylab_models/deep/model.py",
        "mylab_models/settings.py",
        "mylab_single.py",
    ]
    (package / "deep" / "model.py").write_text("x = 1\n")
    (package / "new.py").write_text("")
    (tmp_path / "mylab_single.py").unlink()
    changed = changed_files(before, code_digest({"model": config["model"]}))
    assert changed == ["mylab_models/deep/model.py", "mylab_models/new.py", "mylab_single.py"]


def test_change_message():
    assert change_message([]) == ""
    assert change_message(["docexp/training/module.py"]) == "the code has changed since: docexp/training/module.py"
    assert change_message([f"{n}.py" for n in range(8)]) == (
        "the code has changed since: 0.py, 1.py, 2.py, 3.py, 4.py and 3 more"
    )


def test_repository(repo, tmp_path):
    clean, diff = repository(repo)
    assert clean is not None and len(clean["commit"]) == 40
    assert (clean["diff"], clean["untracked"], diff) == ("", 0, b"")
    (repo / "a.py").write_text("a = 2\n")
    (repo / "new.py").write_text("")
    dirty, diff = repository(repo)
    assert dirty is not None and dirty["commit"] == clean["commit"] and dirty["untracked"] == 1
    assert len(dirty["diff"]) == 64 and b"+a = 2" in diff
    (tmp_path / "plain").mkdir()
    assert repository(tmp_path / "plain") == (None, b"")


def test_facts_hold_versions_and_no_secrets(repo, folder, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "hunter2-secret")
    (repo / "a.py").write_text("a = 3\n")
    facts, diff = describe(CONFIG, {"data": "d1", "weights": None}, repo)
    assert facts["packages"]["torch"] and facts["packages"]["scipy"] and facts["python"] and facts["cpu"]
    assert facts["extras"] == {"data": "d1"}
    begin_segment(folder, facts, diff, segment())
    assert folder.changes.read_bytes() == diff
    assert all("hunter2-secret" not in file.read_text() for file in folder.path.iterdir())
    begin_segment(folder, facts, b"", segment())
    assert not folder.changes.exists()


def test_a_large_diff_is_only_digested(folder):
    facts, _ = describe(CONFIG, {}, folder.path)
    begin_segment(folder, facts, b"x" * 300_000, segment())
    assert not folder.changes.exists()


def test_each_start_is_recorded_and_says_what_changed(folder, tmp_path):
    facts, _ = describe(CONFIG, {}, tmp_path)
    assert begin_segment(folder, facts, b"", segment()) == []
    end_segment(folder, "interrupted")
    assert begin_segment(folder, facts, b"", segment(resumed_from_step=40)) == []
    later = {
        **facts,
        "packages": {**facts["packages"], "torch": "9.9"},
        "code": {**facts["code"], "docexp/training/module.py": "0"},
    }
    said = begin_segment(folder, later, b"", segment(threads=4, resumed_from_step=60))
    assert said == [
        "threads per process: 4, was 2; from here on no longer bit-equal to an undisturbed run",
        f"torch: 9.9, was {facts['packages']['torch']}",
        "the code has changed since: docexp/training/module.py",
    ]
    first, second, third = segments(folder)
    assert (first.outcome, second.outcome, third.outcome) == ("interrupted", "", "")
    assert first.ended and not second.ended
    assert [entry.resumed_from_step for entry in segments(folder)] == [0, 40, 60]
    assert third.changed == said and third.pid == os.getpid()
    assert read_environment(folder)["packages"]["torch"] == "9.9"


def test_code_changed_since_the_last_start(folder, tmp_path, monkeypatch):
    (tmp_path / "mylab_changing.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {"model": {"_target_": "mylab_changing.Model"}}
    facts, _ = describe(config, {}, tmp_path)
    begin_segment(folder, facts, b"", segment())
    assert code_changed_since(folder, config) == ""
    (tmp_path / "mylab_changing.py").write_text("x = 2\n")
    assert code_changed_since(folder, config) == "the code has changed since: mylab_changing.py"


def test_damaged_environment_is_named(folder):
    for text in ("{", "[1]", json.dumps({"segments": [{"colour": "red"}]})):
        folder.environment.write_text(text)
        with pytest.raises(DocexpError, match=r"environment\.json"):
            segments(folder)


def test_state(folder, tmp_path):
    facts, _ = describe(CONFIG, {}, tmp_path)
    assert state_of(RunFolder(tmp_path / "absent")) is RunState.NEW
    assert state_of(folder) is RunState.NEW
    with RunLock(folder):
        begin_segment(folder, facts, b"", segment())
        assert state_of(folder) is RunState.RUNNING
    assert state_of(folder) is RunState.INTERRUPTED  # as a killed process leaves it
    end_segment(folder, "failed", "RuntimeError: out of memory\nat step 40")
    assert state_of(folder) is RunState.FAILED
    assert segments(folder)[-1].reason == "RuntimeError: out of memory"
    begin_segment(folder, facts, b"", segment())
    end_segment(folder, "interrupted")
    assert state_of(folder) is RunState.INTERRUPTED
    for status, state in (("diverged", RunState.DIVERGED), ("finished", RunState.FINISHED)):
        Result(identity="a", experiment="b", status=status, primary_metric="f1", value=1.0, step=7, seconds=1.0).write(
            folder.result
        )
        assert state_of(folder) is state


def test_environment_needs_no_git(tmp_path):
    code = "from pathlib import Path; from docexp.runs.code import repository; print(repository(Path('.')))"
    environment = {**os.environ, "PATH": ""}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
    )
    assert answer.stdout.strip() == "(None, b'')"
