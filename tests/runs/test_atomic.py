import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from docexp.errors import DocexpError
from docexp.runs import atomic, strict_json
from docexp.runs.folder import RunFolder


@pytest.fixture
def read_only():
    """A folder this process may not write; as root it gives its rights up for the while."""
    with tempfile.TemporaryDirectory() as place:
        root = os.geteuid() == 0
        Path(place).chmod(0o555)
        if root:
            os.seteuid(65534)
        try:
            yield Path(place)
        finally:
            if root:
                os.seteuid(0)
            Path(place).chmod(0o755)


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_read_only_is_one_line_that_says_what_to_change(read_only):
    folder = RunFolder(read_only / "finetune" / "3fa91c0b77de")
    with pytest.raises(DocexpError) as refused:
        folder.create()
    assert (
        str(refused.value)
        == f"{folder.path} cannot be written: Permission denied. Set paths.runs to a folder you may write."
    )
    with pytest.raises(DocexpError, match="Permission denied"):
        atomic.write_json(read_only / "a.json", {})
    with pytest.raises(DocexpError, match="Permission denied"), atomic.new_folder(read_only / "a"):
        pass


def test_a_full_disk_asks_for_room():
    with pytest.raises(DocexpError, match=r"No space left on device\. Make room"), atomic.mendable(Path("a")):
        raise OSError(28, os.strerror(28))


def test_written_files_are_whole_and_alone(tmp_path):
    atomic.write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, "ü"]})
    atomic.write_json(tmp_path / "a.json", {"b": 2})
    atomic.write_yaml(tmp_path / "a.yaml", {"z": 1e-5, "a": "1e-5", "n": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": 2}
    assert yaml.safe_load((tmp_path / "a.yaml").read_text()) == {"z": 1e-5, "a": "1e-5", "n": None}
    assert names(tmp_path) == ["a.json", "a.yaml"]


def test_others_may_read_what_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        atomic.write_text(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_failure_leaves_the_old_file_and_no_litter(tmp_path):
    atomic.write_json(tmp_path / "a.json", 1)
    with pytest.raises(TypeError):
        atomic.write_json(tmp_path / "a.json", {"a": object()})
    with pytest.raises(ValueError), atomic.new_folder(tmp_path / "folder") as folder:
        (folder / "half").write_text("half")
        raise ValueError
    assert json.loads((tmp_path / "a.json").read_text()) == 1
    assert names(tmp_path) == ["a.json"]


def test_a_folder_appears_when_it_is_complete_and_replaces_an_old_one(tmp_path):
    for text in ("old", "new"):
        with atomic.new_folder(tmp_path / "deep" / "folder") as folder:
            (folder / text).write_text(text)
            assert (tmp_path / "deep" / "folder" / text).exists() is False
    assert names(tmp_path / "deep" / "folder") == ["new"]
    assert names(tmp_path / "deep") == ["folder"]


def test_a_file_is_never_seen_half_written_and_survives_a_kill(tmp_path):
    code = (
        "import sys; from pathlib import Path; from docexp.runs import atomic\n"
        "texts = [digit * 2_000_000 for digit in '0123456789']\n"
        "while True: [atomic.write_text(Path(sys.argv[1]), text) for text in texts]"
    )
    target = tmp_path / "a.txt"
    writer = subprocess.Popen([sys.executable, "-c", code, str(target)])
    try:
        while not target.exists():
            time.sleep(0.01)
        seen = [target.read_text() for _ in range(150)]
    finally:
        writer.kill()
        writer.wait()
    seen.append(target.read_text())
    assert len(set(seen)) > 1
    assert all(text == text[:1] * 2_000_000 for text in seen)


def test_numbers_that_are_not_finite_stay_valid_json_and_come_back():
    text = strict_json.dumps({"a": math.nan, "b": [math.inf, -math.inf, 1.5], "c": "ü"})
    assert text == '{"a": "nan", "b": ["inf", "-inf", 1.5], "c": "ü"}'
    assert [float(value) for value in json.loads(text)["b"]] == [math.inf, -math.inf, 1.5]
