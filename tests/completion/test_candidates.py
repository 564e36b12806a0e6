"""Which words are offered: the same names and values that the checks accept."""

import subprocess
import sys
from pathlib import Path

import pytest

from docexp.cli import VERBS
from docexp.completion.candidates import candidates, split_line
from docexp.completion.surface import surface
from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.fill import schema_of
from docexp.config.project import OBJECTIVE, Project
from docexp.config.schema import GROUPS
from docexp.config.sources import Sources
from docexp.objectives.settings import ObjectiveSettings
from docexp.settings import choices_of, hints_of


def offered(line: str, project: Path | None = None) -> list[str]:
    return candidates(f"docexp {line}", VERBS, project)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs, one that was set aside, and one for finding faults."""
    for place in (
        "finetune/funsd/3fa91c0b77de",
        "custom/91ab00c1d2e3",
        "custom/91ab00c1d2e3.old-1",
        ".debug/aaaaaaaaaaaa",
    ):
        (tmp_path / "runs" / place).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOCEXP_RUNS", raising=False)
    return tmp_path / "runs"


READER = [f"data.reader.{name}=" for name in ("exclude", "document_tags", "repair")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tr", ["train"]),
        ("--pro", ["--project"]),
        ("trian ", []),
        ("train mod", ["model=", "model."]),
        ("train model=layoutlmv3_l", ["model=layoutlmv3_large"]),
        ("train model=layoutlmv3_tiny,layoutlmv3_b", ["model=layoutlmv3_tiny,layoutlmv3_base"]),
        ("train model=layoutlmv3_tiny,layoutlmv3_t", []),
        ("train +experiment=finetune/f", ["+experiment=finetune/funsd"]),
        ("train trainer.sel", ["trainer.selection="]),
        ("train ++trainer.sel", ["++trainer.selection="]),
        ("train trainer.max_steps=5 trainer.max", []),
        ("train trainer.selection=b", ["trainer.selection=best_minival", "trainer.selection=best_test"]),
        ("train trainer.selection=last,best_t", ["trainer.selection=last,best_test"]),
        ("train data.hold_out=", ["data.hold_out=true", "data.hold_out=false"]),
        ("train data.re", ["data.reader."]),
        ("train data=funsd data.reader.", READER),
        ("train experiment=finetune/funsd data.reader.", READER),
        ("train optim=sgd optim.mom", ["optim.momentum="]),
        ("train optim.mom", []),
        ("train debug=one_batch debug.pa", ["debug.pages="]),
        ("train hydra", ["hydra/launcher=", "hydra.launcher."]),
        ("train hydra.launcher.", ["hydra.launcher.parallel="]),
        ("train --ag", ["--again"]),
        ("train --cfg ", ["job"]),
        ("train --help model=layoutlmv3_s", ["model=layoutlmv3_small"]),
        ("train obj", ["objective=", "objective."]),
        ("train objective=[mi", ["objective=[mim]"]),
        ("train objective=[mlm,mi", ["objective=[mlm,mim]"]),
        ("train objective=[mim,ti", ["objective=[mim,tia]", "objective=[mim,tim]"]),
        ("train 'objective=[mlm,w", ["objective=[mlm,wpa]"]),
        ("train objective=[mlm,mim,ml", []),
        ("train objective.mlm.ra", ["objective.mlm.ratio=", "objective.mlm.random="]),
        ("train objective.mlm.ratio=0.5 objective.mlm.ra", ["objective.mlm.random="]),
        ("train objective.mlm.masking=", ["objective.mlm.masking=spans", "objective.mlm.masking=tokens"]),
        ("train objective.mml.", []),
        ("train --help objective=ml", ["objective=mlm"]),
        ("evaluate objec", []),
        ("train see", ["seed="]),
        ("evaluate split=mi", ["split=minival"]),
        ("evaluate checkpoint=", ["checkpoint=last", "checkpoint=best"]),
        ("evaluate mod", []),
        ("data pre", ["prepare", "preview"]),
        ("data prepare so", ["source="]),
        ("data tokenize-", ["tokenize-images"]),
        ("data tokenize-images gr", ["grid="]),
        ("data tokenize-images --ag", ["--again"]),
        ("data check so", []),
        ("data prepare data=fu", ["data=funsd"]),
        ("data prepare --ag", ["--again"]),
        ("completion z", ["zsh"]),
    ],
)
def test_words_that_could_come_next(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_runs_and_experiments_that_were_run(runs: Path) -> None:
    assert offered("evaluate 3f") == ["3fa91c0b77de"]
    assert offered("compare 9") == ["91ab00c1d2e3"]
    assert offered("compare experiment=") == ["experiment=custom", "experiment=finetune/funsd"]
    known = [f"model.weights=run:{identity}" for identity in ("3fa91c0b77de", "91ab00c1d2e3")]
    assert offered("train model.weights=run:") == known
    runs.rename(runs.with_name("elsewhere"))
    assert offered("evaluate 3f") == []
    assert offered("evaluate runs=elsewhere 3f") == ["3fa91c0b77de"]


def test_paths_where_a_path_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "raw data").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "run.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert offered("data prepare source=") == ["source=raw data/"]
    assert offered("data prepare source=.h") == ["source=.hidden/"]
    assert offered(f"data prepare out={tmp_path}/ra") == [f"out={tmp_path}/raw data/"]
    assert offered("train config=r") == ["config=raw data/", "config=run.yaml"]
    assert offered("train data.shards=ra") == ["data.shards=raw data/"]


def test_choices_and_settings_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "conf" / "optim").mkdir(parents=True)
    (tmp_path / "conf" / "optim" / "mine.yaml").write_text("_target_: docexp.training.settings.SGDSettings\nlr: 1\n")
    assert offered("train optim=m", tmp_path) == ["optim=mine"]
    assert offered(f"--project {tmp_path} train optim=mine optim.mo") == ["optim.momentum="]


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_offered_is_what_the_checks_accept(group: str) -> None:
    settings = getattr(check(compose([])), group)
    names = hints_of(type(settings))
    if names:
        assert [word.rstrip("=.") for word in offered(f"train {group}.")] == [f"{group}.{name}" for name in names]
    for name, hint in names.items():
        if choices_of(hint):
            assert offered(f"train {group}.{name}=") == [f"{group}.{name}={word}" for word in choices_of(hint)]


def test_every_objective_is_offered_and_behind_a_comma_those_that_are_left() -> None:
    names = Project().choices(OBJECTIVE)
    assert offered("train objective=") == offered("train objective=[") == [f"objective=[{name}]" for name in names]
    others = [name for name in names if name != "mlm"]
    assert offered("train objective=[mlm,") == [f"objective=[mlm,{name}]" for name in others]
    assert offered("train objective.") == [f"objective.{name}." for name in names]


@pytest.mark.parametrize("name", Project().choices(OBJECTIVE))
def test_an_objectives_settings_are_offered_as_the_checks_accept_them(name: str) -> None:
    schema = schema_of_objective(name)
    assert offered(f"train objective.{name}.") == [f"objective.{name}.{key}=" for key in hints_of(schema)]
    for key, hint in hints_of(schema).items():
        if choices_of(hint):
            words = [f"objective.{name}.{key}={word}" for word in choices_of(hint)]
            assert offered(f"train objective.{name}.{key}=") == words


def schema_of_objective(name: str) -> type:
    composed = compose(["task=pretraining", f"objective=[{name}]"])
    return schema_of(composed.config[OBJECTIVE][name], f"{OBJECTIVE}.{name}", ObjectiveSettings, Sources(composed))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_takes(verb: str) -> None:
    assert "--help" in surface(verb).flags


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("docexp tr", (["docexp"], "tr")),
        ("docexp train ", (["docexp", "train"], "")),
        ("docexp train 'label=a b", (["docexp", "train"], "label=a b")),
        ('docexp train "label=a', (["docexp", "train"], "label=a")),
        ("docexp data prepare source=my\\ fol", (["docexp", "data", "prepare"], "source=my fol")),
        ("docexp data prepare source=my\\ ", (["docexp", "data", "prepare"], "source=my ")),
        ("docexp train label=\\", (["docexp", "train"], "label=\\")),
    ],
)
def test_a_line_as_a_shell_reads_it(line: str, parts: tuple[list[str], str]) -> None:
    assert split_line(line) == parts


def test_completing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from docexp.verbs.completion import run\n"
        "for words in ('train model=', 'train model.', 'train trainer.selection=', 'evaluate '):\n"
        "    run(['bash', f'docexp {words}'], None)\n"
        "heavy = {'torch', 'transformers', 'pytorch_lightning', 'hydra', 'omegaconf', 'rich', 'tokenizers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "layers=" in done.stdout and "last" in done.stdout


def test_studies_and_their_scales_are_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("objectives", "quickstart"):
        (tmp_path / "experiments" / name).mkdir(parents=True)
        (tmp_path / "experiments" / name / "study.yaml").write_text("scale: {small: {}, smoke: {}}")
    (tmp_path / "experiments" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    assert offered("study pl") == ["plan"]
    assert offered("study plan exp") == ["experiments/objectives", "experiments/quickstart"]
    assert offered("study plan experiments/q") == ["experiments/quickstart"]
    assert offered("study plan experiments/quickstart scale=s") == ["scale=small", "scale=smoke"]
    assert offered("study plan experiments/quickstart sp") == ["speed="]
    assert "hydra/launcher=" in offered("study run experiments/quickstart hyd")
    assert offered("study report experiments/quickstart --j") == ["--json"]
