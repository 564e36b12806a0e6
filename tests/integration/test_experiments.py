"""Every shipped experiment runs one batch on a CPU in a tiny flavour."""

from pathlib import Path

import pytest

from docexp.config.project import Project


@pytest.mark.parametrize("experiment", Project().choices("experiment"))
def test_one_batch(experiment: str, train, shards: Path) -> None:
    words = [f"experiment={experiment}", "model=layoutlmv3_tiny", "debug=one_batch"]
    status, output = train(*words, f"data.shards={shards / 'synthetic_forms'}", "trainer.global_batch=2").wait()
    assert status == 0, output
    assert "1 steps of 2 pages" in output
