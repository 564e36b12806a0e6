"""Every shipped study is valid at each of its scales, whatever data are there."""

from pathlib import Path

import pytest

from docexp.config.project import Project
from docexp.studies.needs import needed
from docexp.studies.read import read_study
from docexp.studies.settings import PAPER
from docexp.studies.size import size_lines

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = sorted((ROOT / "experiments").glob("*/study.yaml"))
SCALES = [(file, scale) for file in FILES for scale in dict.fromkeys([PAPER, *read_study(file).scale])]
RUNS = {
    ("quickstart", "paper"): [9],
    ("layoutlmv3_objectives", "paper"): [20, 40],
    ("layoutlmv3_objectives", "small"): [12, 24],
    ("layoutlmv3_objectives", "smoke"): [8, 16],
}


@pytest.mark.parametrize(("file", "scale"), SCALES, ids=[f"{file.parent.name} {scale}" for file, scale in SCALES])
def test_every_run_of_it_is_valid(file: Path, scale: str) -> None:
    study = read_study(file).at(scale)
    assert study.name == file.parent.name
    *stages, _ = size_lines(file, study, Project(), (), None)
    assert [int(line.split()[1]) for line in stages] == RUNS[file.parent.name, scale]
    datasets = needed(study, Project())
    assert all(one.made_here for one in datasets) or scale != "smoke"


def test_a_study_is_at_most_80_lines_beside_a_readme() -> None:
    assert len(FILES) == 2
    for file in FILES:
        assert len(file.read_text().splitlines()) <= 80
        readme = (file.parent / "README.md").read_text()
        assert all(
            part in readme for part in ("**Question", "**Command", f"docexp study run experiments/{file.parent.name}")
        )
