"""A cluster's own settings: laid over the launcher, below what is typed, and checked like everything else."""

from pathlib import Path

import pytest

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.errors import DocexpError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "site.yaml"


def test_it_fills_what_nobody_typed(here: Path) -> None:
    here.write_text("slurm: {partition: a100, account: docai, setup: [module load cuda]}\n")
    launcher = compose(["hydra/launcher=slurm", "hydra.launcher.account=other"]).launcher
    assert (launcher["partition"], launcher["account"], launcher["setup"]) == ("a100", "other", ["module load cuda"])
    assert "partition" not in compose([]).launcher  # the local launcher


def test_an_experiment_goes_before_it(here: Path) -> None:
    here.write_text("slurm: {timeout_min: 60, partition: a100}\n")
    own = here.parent / "conf" / "experiment"
    own.mkdir(parents=True)
    (own / "long.yaml").write_text("# @package _global_\nhydra: {launcher: {timeout_min: 2000}}\n")
    launcher = compose(["experiment=long", "hydra/launcher=slurm"], Project.at(here.parent)).launcher
    assert (launcher["timeout_min"], launcher["partition"]) == (2000, "a100")


def test_a_projects_file_is_found_from_anywhere(here: Path, tmp_path_factory, monkeypatch) -> None:
    (here.parent / "conf").mkdir()
    here.write_text("slurm: {partition: a100}\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert compose(["hydra/launcher=slurm"], Project.at(here.parent)).launcher["partition"] == "a100"
    assert compose(["hydra/launcher=slurm"]).launcher["partition"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "slurm: {partitin: a100}",
            ["hydra.launcher.partitin is no setting", "(site.yaml)", "hydra.launcher.partition."],
        ),
        ("slurm: {timeout_min: soon}", ["hydra.launcher.timeout_min=soon (site.yaml) must be a whole number"]),
        ("slurm: {sbatch: {nodes: 2}}", ["sbatch.nodes is derived from hardware"]),
        ("slurm: {signal_delay_s: 7200, timeout_min: 60}", ["must be less than timeout_min=60"]),
        ("slrm: {partition: a100}", ["site.yaml: slrm must be a launcher", "Nearest: slurm."]),
        ("slurm: a100", ["site.yaml: slurm must be a launcher with its settings", "slurm: {partition: a100}"]),
        ("- slurm", ["site.yaml: ", "must be a launcher"]),
        ("slurm: {", ["site.yaml cannot be read"]),
    ],
)
def test_a_wrong_one_is_refused(here: Path, text: str, said: list[str]) -> None:
    here.write_text(text)
    with pytest.raises(DocexpError) as refused:
        check(compose(["hydra/launcher=slurm"]))
    for words in said:
        assert words in str(refused.value)
