import json
import math
import subprocess
import sys

import pytest

from docexp.errors import DocexpError
from docexp.runs.metrics_log import MetricsLog, comparable, read


@pytest.fixture
def path(tmp_path):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        for step in (10, 20, 20, 30):
            log.write(step, {"loss": 1 / step, "samples_per_second": 5.0})
    return tmp_path / "metrics.jsonl"


def test_lines_come_back_to_the_last_bit(path):
    lines = read(path)
    assert [line["step"] for line in lines] == [10, 20, 20, 30]
    assert [line["loss"] for line in lines] == [1 / 10, 1 / 20, 1 / 20, 1 / 30]
    assert isinstance(lines[0]["step"], int)


def test_cut_back_drops_what_came_after_the_checkpoint(path):
    log = MetricsLog(path)
    assert log.cut_back(20) == 1
    log.write(30, {"loss": 7.0})
    log.close()
    assert [(line["step"], line["loss"]) for line in read(path)][2:] == [(20, 1 / 20), (30, 7.0)]
    assert MetricsLog(path).cut_back(0) == 4
    assert path.read_bytes() == b""


@pytest.mark.parametrize("length", range(1, 55, 3))
def test_a_torn_last_line_is_left_out_and_cut(path, length):
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    torn = whole[: -min(length, len(last) - 1)]
    path.write_bytes(torn)
    assert [line["step"] for line in read(path)] == [10, 20, 20]
    log = MetricsLog(path)
    assert log.cut_back(30) == 1
    log.write(30, {"loss": 1 / 30, "samples_per_second": 5.0})
    assert path.read_bytes() == whole


def test_cut_back_that_has_nothing_to_cut_leaves_the_file(path):
    before = path.stat()
    assert MetricsLog(path).cut_back(30) == 0
    assert path.stat().st_ino == before.st_ino


def test_a_line_is_on_disk_when_write_returns(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from docexp.runs.metrics_log import MetricsLog\n"
        "MetricsLog(Path(sys.argv[1])).write(1, {'loss': 0.1}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "m")], check=False)
    assert read(tmp_path / "m") == [{"step": 1, "loss": 0.1}]


def test_not_finite_is_valid_json(tmp_path):
    MetricsLog(tmp_path / "m").write(5, {"loss": math.nan, "norm": -math.inf})
    refuse = {"parse_constant": lambda name: pytest.fail(f"{name} is no json")}
    assert json.loads((tmp_path / "m").read_text(), **refuse) == {"step": 5, "loss": "nan", "norm": "-inf"}
    (line,) = read(tmp_path / "m")
    assert math.isnan(line["loss"]) and line["norm"] == -math.inf


def test_a_log_that_was_not_cut_back_is_refused(path):
    with pytest.raises(ValueError, match="cut_back first"):
        MetricsLog(path).write(40, {"loss": 1.0})
    log = MetricsLog(path)
    log.cut_back(30)
    with pytest.raises(ValueError, match="step 20 after one of step 30"):
        log.write(20, {"loss": 1.0})


def test_damage_in_the_middle_is_named(path):
    lines = path.read_bytes().splitlines(keepends=True)
    for bad in (b"garbage\n", b"[1]\n", b'{"loss": 1.0}\n', b'{"step": 1, "loss": "much"}\n'):
        path.write_bytes(lines[0] + bad + lines[3])
        with pytest.raises(DocexpError, match=r"metrics\.jsonl, line 2 is damaged"):
            read(path)


def test_a_file_that_is_gone(tmp_path):
    log = MetricsLog(tmp_path / "m")
    assert log.cut_back(0) == 0
    with pytest.raises(DocexpError, match="is gone, the run goes on from step 20"):
        log.cut_back(20)


def test_comparable_is_without_times():
    lines = [{"step": 1, "loss": 0.5, "seconds": 3.0, "samples_per_second": 9.0, "validation/seconds": 1.0}]
    assert comparable(lines) == [{"step": 1, "loss": 0.5}]
