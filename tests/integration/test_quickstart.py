"""The quickstart shows what its corpus was built to show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from docexp.documents.synthetic import SyntheticForms

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
def test_every_input_adds_what_it_must(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCEXP_RUNS": "runs", "DOCEXP_SHARDS": "shards"}
    docexp = [sys.executable, "-m", "docexp.cli", "study"]
    study = str(ROOT / "experiments" / "quickstart")
    run = [*docexp, "run", study, "hydra.launcher.parallel=2"]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = [*docexp, "report", study, "--json"]
    shown = subprocess.run(report, cwd=tmp_path, env=environment, capture_output=True, text=True)
    rows = json.loads(shown.stdout)["tasks"]["forms"]["rows"]
    text, layout, image = (rows[name] for name in ("text", "layout", "image"))
    assert [row["n"] for row in (text, layout, image)] == [3, 3, 3]
    assert layout["verdict"] == image["verdict"] == "higher"
    seen = [["text"], ["text", "layout"], ["text", "layout", "image"]]
    for row, modalities in zip((text, layout, image), seen, strict=True):
        ceiling = SyntheticForms().ceiling(modalities).entity_f1
        # what is not seen cannot be known (0.05: sixty pages are not the long run), and what is seen is learned
        assert ceiling - 0.2 < row["mean"] < ceiling + 0.05, (modalities, row["mean"], ceiling)
