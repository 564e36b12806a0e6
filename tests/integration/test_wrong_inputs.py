"""What users get wrong: one or two lines saying what to change, a non-zero exit, nothing that a run would trust."""

import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest
from PIL import Image

from docexp.runs.find import all_runs


def refused(outcome: tuple[int | None, str], *parts: str) -> None:
    status, output = outcome
    assert status == 2, output
    error = output[output.index("docexp: ") :]
    assert len(error.strip().splitlines()) <= 2, output
    assert "Traceback" not in output
    for part in parts:
        assert part in error, output


@pytest.fixture
def funsd(tmp_path: Path) -> Path:
    """Two pages in FUNSD's genuine layout."""
    for split in ("training_data", "testing_data"):
        for part in ("annotations", "images"):
            (tmp_path / "raw" / "dataset" / split / part).mkdir(parents=True)
        words = [{"box": [10, 10, 60, 20], "text": "Name:"}]
        form = [{"box": [10, 10, 60, 20], "text": "Name:", "label": "question", "words": words, "linking": [], "id": 0}]
        folder, name = tmp_path / "raw" / "dataset" / split, split[:4]
        (folder / "annotations" / f"{name}.json").write_text(json.dumps({"form": form}))
        Image.new("L", (100, 120), 255).save(folder / "images" / f"{name}.png")
    return tmp_path / "raw"


def prepare(cli, source: Path, out: Path) -> tuple[int | None, str]:
    return cli("data", "prepare", "data=funsd", f"source={source}", f"out={out}").wait()


def test_a_folder_without_funsd_in_it(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(prepare(cli, tmp_path / "empty", tmp_path / "out"), "FUNSD", str(tmp_path / "empty"))
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_box_outside_the_page(cli, funsd: Path, tmp_path: Path) -> None:
    file = funsd / "dataset" / "testing_data" / "annotations" / "test.json"
    file.write_text(file.read_text().replace("[10, 10, 60, 20]", "[10, 10, 160, 20]"))
    refused(prepare(cli, funsd, tmp_path / "out"), "test.json", "outside the page", "repair=clip")
    assert not list((tmp_path / "out").glob("*"))
    status, output = cli(
        "data", "prepare", "data=funsd", f"source={funsd}", f"out={tmp_path / 'out'}", "data.reader.repair=clip"
    ).wait()
    assert status == 0, output
    assert "repaired: " in output


def test_an_image_that_does_not_decode(cli, funsd: Path, tmp_path: Path) -> None:
    file = funsd / "dataset" / "training_data" / "images" / "trai.png"
    file.write_bytes(file.read_bytes()[:60])
    refused(prepare(cli, funsd, tmp_path / "out"), "trai.png", "does not decode")
    assert not list((tmp_path / "out").glob("*"))


def test_a_label_not_in_the_label_set(train, tmp_path: Path) -> None:
    refused(
        train("data.labels=[header,question]", "trainer.max_steps=2").wait(),
        "has entities labelled answer, which data.labels (header, question) do not name",
        "data.outside_labels",
    )
    assert not (tmp_path / "runs").exists()


def test_a_truncated_tar(cli, train, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(shards / "synthetic_forms", tmp_path / "cut")
    tar = sorted((tmp_path / "cut").glob("train-*.tar"))[1]
    os.truncate(tar, tar.stat().st_size // 2)
    refused(
        train(f"data.shards={tmp_path / 'cut'}", "trainer.max_steps=2").wait(),
        tar.name,
        "does not match its checksum (truncated at",
        "docexp data prepare",
    )
    status, output = cli("data", "check", f"data.shards={tmp_path / 'cut'}").wait()
    assert status == 1
    assert re.search(rf"fault: .*{tar.name} does not match its checksum", output)


def test_several_ranks_say_it_once(train, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(shards / "synthetic_forms", tmp_path / "cut")
    tar = next((tmp_path / "cut").glob("test-*.tar"))
    os.truncate(tar, tar.stat().st_size // 2)
    outcome = train(f"data.shards={tmp_path / 'cut'}", "trainer.max_steps=2", "hardware.devices=2").wait()
    refused(outcome, tar.name, "does not match its checksum")


def test_no_shards_names_the_command_that_makes_them(train, tmp_path: Path) -> None:
    refused(train("data=funsd").wait(), "docexp data prepare data=funsd source=DIR")


def test_tars_without_an_index_are_adopted_by_the_command_that_the_error_names(
    cli, train, shards: Path, tmp_path: Path
) -> None:
    shutil.copytree(shards / "synthetic_forms", tmp_path / "mine")
    (tmp_path / "mine" / "index.json").unlink()
    words = [f"data.shards={tmp_path / 'mine'}", "trainer.max_steps=1"]
    advice = f"docexp data index tars={tmp_path / 'mine'}"
    refused(train(*words).wait(), "holds tars but no index", advice)
    assert cli(*advice.split()[1:]).wait()[0] == 0
    assert train(*words).wait()[0] == 0


def test_a_misspelt_override(train) -> None:
    refused(train("trainer.max_step=3").wait(), "trainer.max_step is no setting", "Nearest: trainer.max_steps.")


def test_a_gpu_that_is_not_there(train) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    refused(train("hardware=gpu").wait(), "1 GPU", "this machine has 0", "hardware=cpu")


def test_a_read_only_run_folder(train, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    place.write_text("a file where the folder should be")  # root may write everywhere, so permissions prove nothing
    refused(train("trainer.max_steps=2").wait(), "cannot be written", "paths.runs")


def test_a_tokenizer_and_weights_that_are_not_there(train) -> None:
    refused(train("model.weights=run:abcdef").wait(), "no run abcdef")
    refused(
        train("model.weights=some/model", "model.tokenizer=null").wait(),
        "some/model is no folder here",
        "DOCEXP_ONLINE=1",
    )
    refused(train("model.tokenizer=nowhere/at/all").wait(), "nowhere/at/all")
    refused(train("model.tokenizer=null").wait(), "model.tokenizer is not set", "data:4096")


def test_started_twice_at_once_the_second_names_the_first(train, tmp_path: Path) -> None:
    first = train("trainer.max_steps=2000")
    lines = list((tmp_path / "runs").rglob("metrics.jsonl"))
    deadline = time.monotonic() + 60
    while not (lines and lines[0].stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
        lines = list((tmp_path / "runs").rglob("metrics.jsonl"))
    try:
        refused(train("trainer.max_steps=2000").wait(), f"is being trained by pid {first.process.pid} on host")
    finally:
        first.process.kill()
        first.wait()


def test_a_finished_run_trains_nothing_and_says_whether_the_code_changed(train, tmp_path: Path) -> None:
    assert train("trainer.max_steps=2").wait()[0] == 0
    (run,) = all_runs(tmp_path / "runs")
    before = run.metrics.read_bytes()
    status, output = train("trainer.max_steps=2").wait()
    assert status == 0
    assert f"run {run.identity}  finished on" in output
    assert "nothing to do (--again runs it anew)" in output
    assert "code has changed" not in output
    environment = json.loads(run.environment.read_text())
    environment["code"]["docexp/training/module.py"] = "0" * 64  # as if that file had been another one then
    run.environment.write_text(json.dumps(environment))
    status, output = train("trainer.max_steps=2").wait()
    assert status == 0
    assert "the code has changed since: docexp/training/module.py" in output
    assert run.metrics.read_bytes() == before
    status, output = train("trainer.max_steps=2", "--again").wait()
    assert status == 0, output
    assert run.path.with_name(f"{run.identity}.old-1").is_dir()
    assert run.result.is_file()
