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
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DOCEXP_RUNS": "runs", "DOCEXP_SHARDS": "shards"}
    script = ["sh", ROOT / "experiments" / "quickstart" / "run.sh"]
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    names = ["quickstart/text", "quickstart/layout", "quickstart/image"]
    words = ["compare", *(f"experiment={name}" for name in names), "--json"]
    command = [sys.executable, "-m", "docexp.cli", *words]
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    text, layout, image = json.loads(shown.stdout)["rows"]
    assert [row["n"] for row in (text, layout, image)] == [3, 3, 3]
    assert layout["verdict"] == image["verdict"] == "higher"
    seen = [["text"], ["text", "layout"], ["text", "layout", "image"]]
    for row, modalities in zip((text, layout, image), seen, strict=True):
        ceiling = SyntheticForms().ceiling(modalities).entity_f1
        # what is not seen cannot be known (0.05: sixty pages are not the long run), and what is seen is learned
        assert ceiling - 0.2 < row["mean"] < ceiling + 0.05, (row["label"], row["mean"], ceiling)
