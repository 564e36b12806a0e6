"""A study whose runs are jobs of a real Slurm."""

import json
from typing import Any

import pytest
import yaml

from docexp.runs.environment import segments
from docexp.runs.find import all_runs
from tests.slurm.conftest import SHORT
from tests.small import SMALL

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.xdist_group("slurm")]

SLURM = "hydra/launcher=slurm"


def study() -> dict[str, Any]:
    small = [word for word in SMALL if not word.startswith("data.workers")] + SHORT
    sizes = [word for word in small if not word.startswith("model.tokenizer")]
    pretrain = [*small, "data=synthetic_forms", "task.scored=6"]
    return {
        "name": "toy",
        "rows": {"mlm": {"overrides": ["objective=[mlm]"]}, "both": {"overrides": ["objective=[mlm,mim]"]}},
        "stages": {
            "pretrain": {"experiment": "pretrain/layoutlmv3_tiny", "overrides": pretrain},
            "finetune": {"experiment": "quickstart/image", "weights": "pretrain", "overrides": sizes},
        },
        "tasks": {"forms": {"metric": "entity_f1"}},
        "seeds": {"pretrain": [0, 1], "finetune": [0]},
        "data": ["data=synthetic_forms"],
    }


def test_a_preempted_study_gives_the_table_of_an_undisturbed_one(site) -> None:
    (site.folder / "toy").mkdir()
    (site.folder / "toy" / "study.yaml").write_text(yaml.safe_dump(study(), sort_keys=False))
    site.says("study", "run", "toy", runs="here")
    expected = json.loads(site.says("study", "report", "toy", "--json", runs="here"))
    site.hold(seeds=(1,))
    output = site.says("study", "run", "toy", SLURM)
    assert "8 to run" in output and "8 submitted as Slurm job" in output
    site.held(seed=1)
    output = site.says("study", "run", "toy", SLURM)
    assert "nothing to do" in output and "  job " in output and " running on " in output
    output = site.says("study", "status", "toy")
    assert "pending (Dependency)" in output and " running on " in output
    assert site.cluster.ask("sbatch", "-p", "high", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 0.1")
    runs = site.done(count=8)
    outcomes = [[part.outcome for part in segments(run)] for run in runs]
    assert ["preempted", "finished"] in outcomes and ["finished"] in outcomes
    assert json.loads(site.says("study", "report", "toy", "--json")) == expected
    assert "nothing to do" in site.says("study", "run", "toy", SLURM)


def test_a_cancelled_study_goes_on_from_its_checkpoints(site) -> None:
    (site.folder / "toy").mkdir()
    (site.folder / "toy" / "study.yaml").write_text(yaml.safe_dump(study(), sort_keys=False))
    site.hold(seeds=(0, 1))
    site.says("study", "run", "toy", SLURM)
    site.held(seed=0)
    site.held(seed=1)
    output = site.says("study", "cancel", "toy")
    site.go()
    assert "cancelled" in output and "goes on from here" in output
    site.until(site.ended, "end of the cancelled jobs")
    assert not any(run.result.is_file() for run in all_runs(site.runs))
    output = site.says("study", "run", "toy", SLURM)
    assert "8 submitted" in output
    runs = site.done(count=8)
    assert any(part.resumed_from_step for run in runs for part in segments(run))
