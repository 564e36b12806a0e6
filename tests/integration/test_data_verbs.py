"""``docexp data …`` as typed: each command on small shards, and what it refuses."""

import shutil
from pathlib import Path

from docexp.shards.index import Index


def test_prepare_draws_and_counts_and_keeps_what_is_there(cli, tmp_path: Path) -> None:
    words = ["data", "prepare", "data=synthetic_receipts", "data.reader.train=3", "data.reader.validation=1"]
    words += ["data.reader.test=2", f"out={tmp_path / 'receipts'}"]
    status, output = cli(*words).wait()
    assert status == 0, output
    assert "synthetic receipts: 6 pages (3 train, 1 validation, 2 test)" in output
    status, output = cli(*words).wait()
    assert status == 2
    assert "holds an index already" in output
    status, output = cli(*words, "--again").wait()
    assert status == 0, output


def test_index_adopts_tars_in_place_and_the_pages_are_the_same_data(cli, shards: Path, tmp_path: Path) -> None:
    own = Index.open(shards / "synthetic_forms")
    for tar in (shards / "synthetic_forms").glob("*.tar"):
        shutil.copy(tar, tmp_path)
    status, output = cli("data", "index", f"tars={tmp_path}", "name=mine", f"out={tmp_path / 'index'}").wait()
    assert status == 0, output
    assert output.startswith("mine: 32 pages (22 train, 4 validation, 6 test)")
    assert Index.open(tmp_path / "index").checksum == own.checksum
    status, output = cli("data", "stats", f"data.shards={tmp_path / 'index'}").wait()
    assert status == 0, output
    for part in ("train", "question", "22"):
        assert part in output


def test_check_passes_good_shards(cli) -> None:
    status, output = cli("data", "check").wait()
    assert status == 0, output
    assert "32 pages checked, 0 faults" in output


def test_export_and_back_and_with_the_exported_left_out(cli, shards: Path, tmp_path: Path) -> None:
    own = shards / "synthetic_forms"
    status, output = cli("data", "export", f"out={tmp_path / 'hf'}").wait()
    assert status == 0, output
    assert output.startswith(f"{tmp_path / 'hf'}: 32 pages, 3 parquet files")
    back = ["data", "prepare", "data=hub", f"source={tmp_path / 'hf'}", f"out={tmp_path / 'back'}"]
    status, output = cli(*back).wait()
    assert status == 0, output
    assert output.startswith("hub dataset: 32 pages (22 train, 4 validation, 6 test)")
    (tmp_path / "ids.txt").write_text("none-of-these\n")
    status, output = cli(*back, "--again", f"data.reader.exclude=[{tmp_path / 'ids.txt'},{own}]").wait()
    assert status == 2
    assert "no page came" in output
    status, output = cli("data", "export", f"out={tmp_path / 'hf'}").wait()
    assert status == 2
    assert "is there and not empty" in output


def test_tokenizer_is_trained_saved_and_used(cli, train, tmp_path: Path) -> None:
    status, output = cli("data", "tokenizer", "vocab_size=290", f"out={tmp_path / 'bpe'}").wait()
    assert status == 0, output
    assert "byte-level BPE of 290 tokens" in output
    status, output = train(f"model.tokenizer={tmp_path / 'bpe'}", "trainer.max_steps=1").wait()
    assert status == 0, output
    status, output = cli("data", "tokenizer", "vocab_size=290", f"out={tmp_path / 'bpe'}").wait()
    assert status == 2
    assert "exists" in output
    status, output = cli("data", "tokenizer", "vocab_size=many").wait()
    assert status == 2


def test_preview_shows_pages_as_pretraining_sees_them(cli, small, tmp_path: Path) -> None:
    words = ["data", "preview", "out=seen.html", "pages=2", *(word for word in small if word.startswith("model."))]
    words += ["objective=[mlm,wpa,mim]", "objective.mim.target=pixels", "objective.mlm.ratio=0.5", "model.patch_size=8"]
    status, output = cli(*words).wait()
    assert status == 0, output
    assert "seen.html: 2 of " in output
    assert '"title":"hidden patches"' in (tmp_path / "seen.html").read_text()
    status, output = cli(*words, "model.image=none").wait()
    assert status == 2
    assert "objective=[mim,mlm,wpa]" in output or "objective=[mlm,wpa,mim]" in output, output
    assert "Set model.image=patches" in output, output


def test_refusals_name_what_to_type(cli) -> None:
    for words, part in [
        (["data", "prepar"], "Nearest: docexp data prepare."),
        (["data", "prepare", "data=funsd"], "needs source=DIR"),
        (["data", "prepare", "data=funsd", "sorce=x"], "Nearest: source."),
        (["data", "index"], "needs tars=DIR"),
        (["data", "export"], "needs out=DIR"),
        (["data", "export", "out=x", "format=csv"], "format=csv is none of hf."),
        (["trian"], "Nearest: docexp train."),
        (["compare", "experiment=none"], "no run of experiment=none"),
        (["evaluate", "abcdef12"], "no run abcdef12"),
        (["train", "--agian"], "Nearest: --again."),
    ]:
        status, output = cli(*words).wait()
        assert status == 2, (words, output)
        assert part in output, (words, output)
        assert "Traceback" not in output
