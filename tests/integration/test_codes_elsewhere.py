"""Image codes of shards behind HTTP, and codes that are damaged: made, trained on, refused, skipped and counted."""

import filecmp
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer, build_network
from docexp.runs.find import all_runs
from docexp.runs.metrics_log import comparable, read
from docexp.runs.result import Result
from docexp.shards.codes import SUFFIX
from docexp.shards.index import Index
from docexp.shards.read import ShardReader

GRID, CODES = 4, 40
MIM = ["model=dit_tiny", "model.image_size=64", "task=pretraining", "objective=[mim]", f"objective.mim.codes={CODES}"]
MIM += ["data=synthetic_forms", "hardware=cpu", "data.workers=0", "objective.mim.smallest=1", "optim.lr=0.001"]
MIM += ["trainer.max_steps=6", "trainer.global_batch=8", "trainer.checkpoint_every=6", "trainer.validate_every=3"]


@pytest.fixture
def coded(cli, shards: Path, tmp_path: Path) -> Callable[[str, str], tuple[int | None, str, Path]]:
    """``coded(place, name)``: what making codes of the pages of a place gives, and the folder they are written to."""
    settings = DiscreteVAESettings(vocabulary=CODES, codebook_dim=8, hidden_dim=8)
    torch.manual_seed(0)
    ImageTokenizer(build_network(settings), settings).save(tmp_path / "vae")

    def make(place: str, name: str, *words: str) -> tuple[int | None, str, Path]:
        out = tmp_path / name
        given = [f"data.shards={place}", f"tokenizer={tmp_path / 'vae'}", f"grid={GRID}", f"out={out}", *words]
        return *cli("data", "tokenize-images", *given).wait(), out

    return make


def test_shards_behind_http_get_the_same_codes_and_train_the_same_model(
    cli, coded, serve: Callable[[Path], str], shards: Path, tmp_path: Path
) -> None:
    cache = f"data.cache={tmp_path / 'cache'}"
    (status, output, near), far = (
        coded(str(shards / "synthetic_forms"), "near"),
        coded(f"{serve(shards)}/synthetic_forms", "far", cache, "jobs=2"),
    )
    assert (status, far[0]) == (0, 0), output + far[1]
    tars = sorted(file.name for file in near.glob("*.tar"))
    assert len(tars) > 3 and filecmp.cmpfiles(near, far[2], tars, shallow=False) == (tars, [], [])
    assert Index.open(near).checksum == Index.open(far[2]).checksum
    assert Index.open(near).facts.codes == Index.open(far[2]).facts.codes

    outcomes = []
    for name, place in (("local", str(near)), ("remote", f"{serve(tmp_path)}/near")):
        status, output = cli("train", *MIM, f"data.shards={place}", cache, runs=name).wait()
        assert status == 0, output
        (run,) = all_runs(tmp_path / name)
        last = run.checkpoints / (run.checkpoints / "last").read_text().strip()
        weights = {key: array.tobytes() for key, array in load_file(last / "model.safetensors").items()}
        outcomes.append((run.identity, weights, comparable(read(run.metrics)), Result.read(run.result).metrics))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][3]["mim/targets"] > 20


def damage(folder: Path) -> None:
    """Overwrites the header of one training page's codes; nothing else of its tar changes."""
    index = Index.open(folder)
    row = index.split("train")[5]
    reader, entry = ShardReader(index), index.table[row]
    shard = next(n for n, s in enumerate(index.shards) if any(first <= row < stop for first, stop in s.rows))
    codes = reader.members(row)[SUFFIX]
    data = index.path(shard).read_bytes()
    place = data.index(codes, int(entry["offset"]))
    index.path(shard).write_bytes(data[:place] + b"?" * 6 + data[place + 6 :])


def test_a_page_with_damaged_codes_stops_a_run_or_is_skipped_and_counted(
    cli, coded, shards: Path, tmp_path: Path
) -> None:
    status, output, folder = coded(str(shards / "synthetic_forms"), "near")
    assert status == 0, output
    shutil.copytree(folder, tmp_path / "damaged")
    damage(tmp_path / "damaged")
    words = ["train", *MIM, f"data.shards={tmp_path / 'damaged'}"]
    status, output = cli(*words).wait()
    assert status == 2 and "its .codes.npy holds no codes" in output and "Traceback" not in output, output
    assert "Make them again: docexp data tokenize-images" in output
    status, output = cli(*words, "data.on_error=skip", "data.max_skipped=1", runs="skipping").wait()
    assert status == 0, output
    (run,) = all_runs(tmp_path / "skipping")
    # 48 pages of an epoch of 22: it came up two or three times
    assert list(Result.read(run.result).skipped.values()) in ([2], [3])
    status, output = cli("data", "check", f"data.shards={tmp_path / 'damaged'}").wait()
    assert status == 1 and "does not match its checksum" in output, output
