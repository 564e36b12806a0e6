"""A study's file is read strictly: every mistake is answered with the file, the key and what to write."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from docexp.errors import DocexpError
from docexp.studies.read import read_study, study_file

STUDY: dict[str, Any] = {
    "name": "toy",
    "baseline": "mlm",
    "rows": {
        "mlm": {"label": "MLM", "overrides": ["objective=[mlm]"]},
        "both": {"overrides": ["objective=[mlm,mim]"]},
    },
    "stages": {
        "pretrain": {"experiment": "pretrain/layoutlmv3_tiny"},
        "finetune": {"experiment": "finetune/${task}", "weights": "pretrain", "overrides": ["trainer.max_steps=9"]},
    },
    "tasks": {"funsd": {"metric": "entity_f1", "paper": {"mlm": 89.39, "both": "diverged"}}},
    "seeds": {"pretrain": [0, 1], "finetune": [0]},
    "scale": {
        "smoke": {
            "stages": {"finetune": {"overrides": ["trainer.max_steps=2", "optim.lr=1"]}},
            "seeds": {"pretrain": [7]},
            "notes": ["tiny"],
        }
    },
}


def write(folder: Path, study: Any) -> Path:
    file = folder / "study.yaml"
    file.write_text(study if isinstance(study, str) else yaml.safe_dump(study, sort_keys=False))
    return file


def changed(path: str, value: Any) -> dict[str, Any]:
    study = deepcopy(STUDY)
    *parents, last = path.split("/")
    node = study
    for name in parents:
        node = node[name]
    node[last] = value
    return study


def test_interpolations_are_left_to_the_runs(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, changed("stages/pretrain/overrides", ["data.shards=${paths.shards}/x"])))
    assert study.stages["finetune"].experiment == "finetune/${task}"
    assert study.stages["pretrain"].overrides == ["data.shards=${paths.shards}/x"]
    assert study.tasks["funsd"].paper == {"mlm": 89.39, "both": "diverged"}


def test_a_scale_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, STUDY))
    smoke = study.at("smoke")
    assert smoke.stages["finetune"].overrides == ["trainer.max_steps=2", "optim.lr=1"]
    assert smoke.stages["finetune"].experiment == "finetune/${task}"
    assert smoke.seeds == {"pretrain": [7], "finetune": [0]}
    assert smoke.tasks == study.tasks
    assert study.at("paper") == study


def test_another_experiment_at_a_scale_comes_without_the_stages_overrides(tmp_path: Path) -> None:
    study = read_study(write(tmp_path, changed("scale/smoke/stages/finetune", {"experiment": "quickstart/image"})))
    assert study.at("smoke").stages["finetune"].overrides == []
    assert study.at("smoke").stages["finetune"].weights == "pretrain"


@pytest.mark.parametrize(
    ("path", "value", "answer"),
    [
        ("baselin", "mlm", "baselin is no setting of a study"),
        ("baselin", "mlm", "Nearest: baseline."),
        ("rows/mlm/overides", [], "rows.mlm.overides is no setting of rows.mlm"),
        ("rows/mlm/overides", [], "Nearest: rows.mlm.overrides."),
        ("rows/mlm/overrides", "objective=[mlm]", "must be a list of texts in brackets"),
        ("rows/mlm", "mlm", "rows.mlm=mlm"),
        ("rows", ["mlm"], "must be a mapping"),
        ("rows", {}, "rows has no entry"),
        ("baseline", "mln", "baseline: there is no mln. Nearest: mlm."),
        ("rows/mlm/stages", {"pretrian": ["optim.lr=1"]}, "Nearest: pretrain."),
        ("rows/mlm/overrides", ["seed=3"], "override seed=3: list seeds in seeds"),
        ("stages/finetune/overrides", ["label=x"], "rows have labels"),
        ("stages/finetune/weights", "pretrian", "stages.finetune.weights: there is no pretrian. Nearest: pretrain."),
        ("stages/finetune/weights", "pretrain@first", "@last and @best"),
        ("stages/finetune/weights", "finetune", "no part of one chain"),
        ("stages/third", {"experiment": "x"}, "stages.third is no part of one chain"),
        ("stages/finetune/experiment", None, "stages.finetune.experiment"),
        ("tasks/funsd/metric", None, "tasks.funsd.metric"),
        ("tasks/funsd/paper", {"mlm": "bad"}, "paper.mlm=bad must be a number or diverged"),
        ("tasks/funsd/paper", {"mln": 3.0}, "tasks.funsd.paper: there is no mln. Nearest: mlm."),
        ("tasks/funsd/skip", ["bot"], "tasks.funsd.skip: there is no bot. Nearest: both."),
        ("tasks/funsd/expect", {"both": "divergd"}, "expect.both=divergd must be diverged or failed"),
        ("seeds", {"pretrain": [0]}, "seeds.finetune is missing"),
        ("seeds/finetun", [0], "Nearest: finetune."),
        ("seeds/finetune", [0, 0], "holds a seed twice"),
        ("seeds/finetune", [-1], "must be at least 0"),
        ("retries", -1, "retries=-1"),
        ("name", "../toy", "name=../toy names a folder"),
        (
            "scale/smoke/stages/finetun",
            {"overrides": []},
            "scale.smoke.stages: there is no finetun. Nearest",
        ),
        ("scale/smoke/rows", {}, "scale.smoke.rows is no setting of scale.smoke"),
        ("scale/smoke/seeds", {"pretrain": []}, "scale.smoke.seeds.pretrain is missing"),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(path: str, value: Any, answer: str, tmp_path: Path) -> None:
    file = write(tmp_path, changed(path, value))
    with pytest.raises(DocexpError) as refusal:
        read_study(file)
    assert answer in str(refusal.value)
    assert str(file) in str(refusal.value)
    assert len(str(refusal.value).splitlines()) <= 2


@pytest.mark.parametrize(("text", "answer"), [("rows: [", "line 1: no yaml"), ("- a", "holds no study")])
def test_what_is_no_study_at_all_is_refused(text: str, answer: str, tmp_path: Path) -> None:
    with pytest.raises(DocexpError, match=answer):
        read_study(write(tmp_path, text))


def test_an_unknown_scale_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DocexpError, match=r"there is no smok\. Nearest: smoke"):
        read_study(write(tmp_path, STUDY)).at("smok")


def test_a_study_is_named_by_its_folder_and_a_misspelt_one_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "quickstart").mkdir()
    file = write(tmp_path / "quickstart", STUDY)
    assert study_file(str(tmp_path / "quickstart")) == file == study_file(str(file))
    with pytest.raises(DocexpError, match=r"Nearest: .*quickstart"):
        study_file(str(tmp_path / "quickstrat"))
