"""Help says what can be chosen and set, with the words of the files and classes themselves."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from docexp.cli import VERBS, main
from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.documentation import field_docs
from docexp.config.project import Project
from docexp.config.schema import GROUPS
from docexp.config.show import WIDTH, choices_help, group_help
from docexp.config.top import TopSettings
from docexp.documents.readers.coco import CocoReader
from docexp.documents.readers.doclaynet import DoclaynetReader
from docexp.errors import DocexpError
from docexp.settings import Settings, hints_of, words_for
from docexp.verbs.data import COMMANDS

CHOSEN = [f"{group}={choice}" for group in Project().groups() for choice in Project().choices(group)]


def every_settings_class() -> list[type]:
    """Those of all groups and readers, and whatever else is built on ``Settings``."""
    import docexp.documents.readers
    import docexp.documents.synthetic
    import docexp.models.layoutlmv3
    import docexp.studies.launchers
    import docexp.tasks.tagging

    for module in pkgutil.iter_modules(docexp.documents.readers.__path__):
        importlib.import_module(f"docexp.documents.readers.{module.name}")
    found: list[type] = [*GROUPS.values(), TopSettings]
    for cls in (waiting := [Settings]):
        waiting += cls.__subclasses__()
    return list(dict.fromkeys([*found, *(cls for cls in waiting if cls.__module__.startswith("docexp."))]))


def test_every_setting_is_documented_where_it_is_declared() -> None:
    classes = every_settings_class()
    assert len(classes) > 12
    lacking = [f"{cls.__name__}.{name}" for cls in classes for name in hints_of(cls) if not field_docs(cls).get(name)]
    assert not lacking, "a string below the field says what it is"


def test_a_field_with_another_default_keeps_the_bases_docstring() -> None:
    base, other = field_docs(CocoReader), field_docs(DoclaynetReader)
    assert DoclaynetReader().images != CocoReader().images and other["images"] == base["images"]
    assert "``" not in base["repair"] and base["repair"].startswith("What to do with faulty boxes: none refuses them")


def test_groups_and_choices_with_a_line_each() -> None:
    text = choices_help(Project())
    for chosen in CHOSEN:
        group, _, choice = chosen.partition("=")
        lines = text.split(f"  {group}=\n")[1].split("\n\n")[0].splitlines()
        (place,) = [number for number, line in enumerate(lines) if f"{line[4:]} ".startswith(f"{choice} ")]
        said = " ".join(lines[place : place + 2])  # below a name that is too long
        assert Project().header(group, choice)[0].split()[0] in said, said
    assert "  * layoutlmv3_tiny" in text and "    layoutlmv3_base" in text
    assert "docexp train --help model" in text


@pytest.mark.parametrize("asked", ["", *GROUPS, "seed", "experiment", "hydra/launcher", "hydra.launcher", *CHOSEN])
def test_help_fits_a_hundred_columns(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help", *([asked] if asked else [])])
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    if not asked.startswith(("experiment=", "debug=")):  # those are shown as their files
        assert max(map(len, lines)) <= WIDTH, max(lines, key=len)


def test_a_group_shows_every_setting_with_value_type_and_documentation() -> None:
    text = group_help("model=layoutlmv3_tiny", Project())
    settings = check(compose(["model=layoutlmv3_tiny"])).model
    for name in hints_of(type(settings)):
        assert f"  model.{name}=" in text
    flat = " ".join(text.split())
    assert "model.layers=2 (a whole number, at least 1; default 12) Transformer layers." in flat
    assert "model.image=patches (patches or none)" in flat
    assert "model.weights=null (a text or null)" in flat
    assert "data.reader.repair=none (none, swap, clip or swap+clip)" in " ".join(
        group_help("data=funsd", Project()).split()
    )


def test_a_long_list_is_cut_after_its_commas() -> None:
    lines = group_help("data=cord", Project()).splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  data.labels="))
    last = next(number for number, line in enumerate(lines) if number >= first and line.endswith("]"))
    assert last - first > 3 and all(line.endswith(",") for line in lines[first:last])
    assert "".join(line.strip() for line in lines[first : last + 1]).count(",") == 29


def test_one_setting_alone() -> None:
    assert group_help("trainer.max_steps", Project()).splitlines() == [
        "  trainer.max_steps=200                 (a whole number, at least 1)",
        "      Optimiser steps in all.",
    ]


def test_every_objective_with_a_line() -> None:
    lines = group_help("objective", Project()).splitlines()
    assert lines[0] == "objective=" and lines[-1].strip().startswith("docexp train --help objective=mdc ")
    for name in Project().choices("objective"):
        (line,) = [line for line in lines if line.startswith(f"    {name} ")]
        assert Project().header("objective", name)[0].startswith(line.removeprefix(f"    {name} ").strip())


@pytest.mark.parametrize("asked", ["objective=mlm", "objective=[mlm]", "objective.mlm"])
def test_an_objective_however_it_is_named(asked: str) -> None:
    text = group_help(asked, Project())
    settings = check(compose(["task=pretraining", "objective=[mlm]"])).objective["mlm"]
    assert text.startswith("objective=mlm   (others: mdc, mim, mvlm,")
    assert text.count("  objective.mlm.") == len(hints_of(type(settings)))
    for name in hints_of(type(settings)):
        value = getattr(settings, name)
        assert f"  objective.mlm.{name}={str(value).lower()} " in text
    flat = " ".join(text.split())
    assert "objective.mlm.masking=spans (spans or tokens) spans of neighbouring tokens" in flat


def test_one_setting_of_an_objective_alone_with_the_value_it_has_there() -> None:
    said = ["      The share of the text's tokens that are hidden, special tokens left out."]
    shares = {"mlm": "0.3 (a number, between 0 and 1)", "mvlm": "0.15 (a number, between 0 and 1; default 0.3)"}
    for name, share in shares.items():
        first, *rest = group_help(f"objective.{name}.ratio", Project()).splitlines()
        assert " ".join(first.split()) == f"objective.{name}.ratio={share}" and rest == said


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("modle", "Nearest: model."),
        ("objective=mml", r"objective=\[mml\] is no choice of conf/objective/. Nearest: mlm."),
        ("objective=[mlm,mim]", "ask for one, as in --help objective=mlm"),
        ("objective.mlm.ratoi", "Nearest: objective.mlm.ratio."),
        ("model=tiny", "model=tiny is no choice of conf/model/"),
        ("trainer.max_step", "Nearest: trainer.max_steps."),
    ],
)
def test_help_for_what_is_not_there(asked: str, hint: str) -> None:
    with pytest.raises(DocexpError, match=hint):
        group_help(asked, Project())


@pytest.mark.parametrize("words", [[], *([verb] for verb in VERBS), *(["data", command] for command in COMMANDS)])
def test_every_help_has_an_example_and_fits(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"docexp {' '.join(words)} ".replace("  ", " ") in text.split("\n", 1)[1] or not words
    assert max(map(len, text.splitlines())) <= WIDTH, max(text.splitlines(), key=len)


def test_docs_come_from_a_users_own_class_too(tmp_path: Path) -> None:
    (tmp_path / "docexp.yaml").touch()
    (tmp_path / "conf" / "optim").mkdir(parents=True)
    (tmp_path / "conf" / "optim" / "mine.yaml").write_text("# Mine.\n_target_: mine.Mine\nlr: 1\n")
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\nfrom docexp.training.settings import SGDSettings\n\n"
        "@dataclass(kw_only=True)\nclass Mine(SGDSettings):\n"
        '    """Mine."""\n    twist: float = 0.5\n    """How far."""\n'
    )
    words = [sys.executable, "-m", "docexp.cli", "train", "--help", "optim=mine"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert "optim.twist=0.5" in done.stdout and "How far." in done.stdout, done.stderr
    assert "Share of the last step's direction that is kept." in done.stdout


def test_a_list_of_choices_in_words() -> None:
    assert words_for(list[Literal["de", "es"]]) == "a list in brackets, each de or es"
