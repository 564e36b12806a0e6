"""``docexp data tokenize-images`` as typed."""

from pathlib import Path

import pytest
import torch

from docexp.errors import DocexpError
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer, build_network
from docexp.shards.codes import check_codes, stored_codes
from docexp.shards.index import Index
from docexp.shards.read import ShardReader


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    settings = DiscreteVAESettings(vocabulary=40, codebook_dim=8, hidden_dim=8)
    torch.manual_seed(0)
    ImageTokenizer(build_network(settings), settings).save(tmp_path / "vae")
    return tmp_path / "vae"


def test_codes_are_made_kept_checked_and_counted(cli, tokenizer: Path, shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "coded"
    words = ["data", "tokenize-images", f"tokenizer={tokenizer}", "grid=6", f"out={out}"]
    status, output = cli(*words).wait()
    assert status == 0, output
    assert "32 pages (22 train, 4 validation, 6 test)" in output and "image codes 6 × 6 of 40" in output
    made, plain = Index.open(out), Index.open(shards / "synthetic_forms")
    check_codes(made, 6, None, 40)
    coded, before = ShardReader(made), ShardReader(plain)
    assert len({stored_codes(coded.members(row), "here").tobytes() for row in range(32)}) > 16
    assert [coded.read(row).to_json() for row in range(32)] == [before.read(row).to_json() for row in range(32)]
    assert "tokenize-images" in made.facts.command and "jobs" not in made.facts.command
    status, output = cli(*words, "jobs=2").wait()
    assert status == 0 and "holds these codes already" in output, output
    status, output = cli("data", "check", f"data.shards={out}").wait()
    assert status == 0 and "0 faults" in output, output
    status, output = cli("data", "stats", f"data.shards={out}").wait()
    assert status == 0 and "image codes: 6 × 6 of 40, tokenizer " in output, output
    status, output = cli("data", "tokenize-images", f"data.shards={out}", f"tokenizer={tokenizer}", f"out={out}").wait()
    assert status == 2 and "folder of the set itself" in output, output
    status, output = cli("data", "export", f"data.shards={out}", f"out={tmp_path / 'hf'}").wait()
    assert status == 0 and "left out: the image codes (6 × 6 of 40" in output, output
    status, output = cli("data", "index", f"tars={out}", f"out={tmp_path / 'adopted'}").wait()
    assert status == 0, output
    with pytest.raises(DocexpError, match="its tars do not say of which image tokenizer"):
        check_codes(Index.open(tmp_path / "adopted"), 6, None, 40)


def test_refusals_name_what_to_type(cli, tokenizer: Path, tmp_path: Path) -> None:
    good = {"tokenizer": str(tokenizer), "out": str(tmp_path / "coded")}
    for change, part in [
        ({"tokenizer": None}, "needs tokenizer=PLACE"),
        ({"out": None}, "needs out=DIR"),
        ({"tokenizer": str(tmp_path / "none")}, "does not exist"),
        ({"tokenizer": "run:abcdef12", "paths.runs": str(tmp_path / "ran")}, str(tmp_path / "ran")),
        ({"grid": "0"}, "grid=0 must be a whole number, at least 1"),
        ({"grid": "257"}, "grid=257 is beyond 256"),
        ({"model": "layoutlmv3_base"}, "is nothing that docexp data tokenize-images takes"),
    ]:
        words = [f"{key}={value}" for key, value in (good | change).items() if value is not None]
        status, output = cli("data", "tokenize-images", *words).wait()
        assert status == 2, (words, output)
        assert part in output, (words, output)
        assert "Traceback" not in output
        assert not (tmp_path / "coded").exists()
