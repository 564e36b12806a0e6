import gzip
import json
import math

import pytest

from docexp.errors import DocexpError
from docexp.runs.result import Evaluation, Result, evaluation_key, read_predictions, write_evaluation

PROTOCOL = {"boxes": "word boxes", "tags": "BIO, first sub-word"}


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def evaluation(**changes):
    values = {
        "checkpoint": "step-001000",
        "data": "d1",
        "protocol": PROTOCOL,
        "primary_metric": "entity_f1",
        "value": 0.901,
        "metrics": {"entity_f1": 0.901, "precision": 0.89},
        "samples": 50,
        "seconds": 2.5,
    }
    return Evaluation(**values | changes)


def test_result_comes_back(tmp_path):
    result = Result(
        identity="3fa91c0b77de",
        experiment="finetune/funsd",
        status="finished",
        primary_metric="entity_f1",
        value=0.1 + 0.2,
        metrics={"entity_f1": 0.1 + 0.2},
        protocol=PROTOCOL,
        step=1000,
        seconds=12.5,
        evaluation="evaluations/5b0c",
    )
    result.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json") == result


def test_a_diverged_run_is_a_result(tmp_path):
    Result(
        identity="a", experiment="b", status="diverged", primary_metric="f1", value=math.nan, step=7, seconds=1.0
    ).write(tmp_path / "r")
    read = Result.read(tmp_path / "r")
    assert read.status == "diverged" and math.isnan(read.value) and read.step == 7


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"value": 1, "metrics": {}, "colour": "red"}', '{"value": 1'])
def test_a_damaged_result_is_named(tmp_path, text):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(DocexpError, match=r"result\.json cannot be read as a result"):
        Result.read(tmp_path / "result.json")


def test_a_status_is_one_of_two(tmp_path):
    with pytest.raises(ValueError, match="neither finished nor diverged"):
        Result(identity="a", experiment="b", status="done", primary_metric="f1", value=1.0, step=7, seconds=1.0)


def test_the_key_holds_what_decides_the_outcome():
    keys = {
        evaluation().key,
        evaluation(checkpoint="step-000900").key,
        evaluation(data="d2").key,
        evaluation(protocol={**PROTOCOL, "boxes": "segment boxes"}).key,
    }
    assert len(keys) == 4
    assert evaluation(protocol=dict(reversed(PROTOCOL.items())), value=0.1).key == evaluation().key
    assert evaluation_key("step-001000", "d1", PROTOCOL) == evaluation().key == "1537c46fdd19"


def test_an_evaluation_is_complete_and_the_same_bytes_again(tmp_path):
    predictions = [{"key": f"p{number}", "predicted": ["B-header", "ü"], "score": math.nan} for number in range(3)]
    scores = [{"key": f"p{number}", "entity_f1": number / 3} for number in range(3)]
    packed = []
    for _ in range(2):
        folder = write_evaluation(tmp_path / "evaluations", evaluation(), predictions, scores)
        packed.append((folder / "predictions.jsonl.gz").read_bytes())
    assert packed[0] == packed[1]
    assert packed[0][4:8] == bytes(4) and not packed[0][3] & 8  # RFC 1952: no time, no name
    assert folder == tmp_path / "evaluations" / evaluation().key
    assert names(tmp_path / "evaluations") == [folder.name]
    assert names(folder) == ["predictions.jsonl.gz", "result.json", "scores.jsonl"]
    assert Evaluation.read(folder / "result.json").metrics == evaluation().metrics
    assert read_predictions(folder)[2] == {"key": "p2", "predicted": ["B-header", "ü"], "score": "nan"}
    assert [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()] == scores
    assert gzip.decompress(packed[0]).count(b"\n") == 3


def test_an_evaluation_that_fails_leaves_the_earlier_one(tmp_path):
    folder = write_evaluation(tmp_path, evaluation(), [{"key": "p0"}], [])

    def broken():
        yield {"key": "p1"}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_evaluation(tmp_path, evaluation(value=0.1), broken(), [])
    assert read_predictions(folder) == [{"key": "p0"}]
    assert Evaluation.read(folder / "result.json").value == 0.901
    assert names(tmp_path) == [folder.name]
