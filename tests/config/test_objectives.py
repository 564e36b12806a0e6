"""Objectives are chosen apart from how they are set: an experiment may set more of them than a run has."""

from pathlib import Path

import pytest

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.errors import DocexpError

TINY = "experiment=pretrain/layoutlmv3_tiny"
"""It chooses MLM, MIM and WPA, and sets MIM's target."""


def test_the_line_chooses_anew_and_what_is_not_chosen_leaves_no_trace() -> None:
    whole, part = check(compose([TINY])), check(compose([TINY, "objective=[mlm]"]))
    assert list(whole.plain["objective"]) == ["mim", "mlm", "wpa"]
    assert whole.plain["objective"]["mim"]["target"] == "pixels"
    assert list(part.objective) == list(part.plain["objective"]) == ["mlm"]
    assert part.task.primary_metric == "skill(mlm)" and list(part.task.objectives) == ["mlm"]


def test_what_an_experiment_sets_holds_as_soon_as_it_is_chosen() -> None:
    other = check(compose([TINY, "objective=[wpa,mim]"]))
    assert list(other.plain["objective"]) == ["mim", "wpa"]
    assert other.plain["objective"]["mim"]["target"] == "pixels"


def test_the_order_of_writing_is_no_setting() -> None:
    written = [check(compose([TINY, f"objective=[{names}]"])) for names in ("mlm,mim,wpa", "wpa,mim,mlm")]
    assert list(written[0].plain["objective"]) == list(written[1].plain["objective"])
    assert written[0].plain == written[1].plain


def test_a_typed_setting_of_what_is_not_chosen_is_refused() -> None:
    with pytest.raises(DocexpError) as error:
        check(compose([TINY, "objective=[mlm]", "objective.mim.ratio=0.5"]))
    assert str(error.value) == (
        "objective.mim.ratio (command line) has no effect: mim is not chosen. Choose it: objective=[mlm,mim]."
    )
    assert check(compose([TINY, "objective.mim.ratio=0.5"])).plain["objective"]["mim"]["ratio"] == 0.5


def test_a_name_that_is_no_objective_is_refused_in_an_experiment_too(tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    file = tmp_path / "conf" / "experiment" / "mine.yaml"
    text = "# @package _global_\ndefaults:\n  - override /task: pretraining\n  - override /objective: [mlm]\n"
    file.write_text(text + "objective: {mlm: {ratio: 0.5}, mim: {ratio: 0.5}}\n")
    project = Project.at(tmp_path)
    assert check(compose(["experiment=mine"], project)).plain["objective"].keys() == {"mlm"}
    file.write_text(text + "objective: {mimm: {ratio: 0.5}}\n")
    with pytest.raises(DocexpError, match=r"mine\.yaml\) is no objective\. Nearest: objective\.mim\."):
        check(compose(["experiment=mine"], project))
    file.write_text(text + "objective: {mim: {targt: pixels}}\n")
    with pytest.raises(DocexpError, match=r"objective\.mim\.targt .*mine\.yaml.* Nearest: objective\.mim\.target\."):
        check(compose(["experiment=mine"], project))
