"""``docexp export`` as one types it, right and wrong."""

from pathlib import Path


def test_a_run_is_exported_and_mistakes_are_named(train, cli, tmp_path: Path) -> None:
    status, output = train(
        "trainer.max_steps=2", "trainer.global_batch=2", "model.max_tokens=96", "data.window_stride=8"
    ).wait()
    assert status == 0, output
    good = cli("export", "experiment=custom", "out=out", "pages=all")
    wrong = {
        ("experiment=custom",): "export needs a folder to make: out=DIR",
        ("out=out2",): "export takes one run",
        ("experiment=custom", "out=out2", "pages=0"): "pages=0 must be a whole number, at least 1, or all",
        ("experiment=custom", "out=out2", "checkpoint=best"): "has no best checkpoint",
        ("experiment=custom", "out=out2", "model.layers=2"): "model.layers=2: export takes data settings",
        ("experiment=custom", "out=out2", "hardware.precision=bf16-mixed"): "bf16-mixed: export takes data settings",
    }
    started = [(cli("export", *words), told) for words, told in wrong.items()]
    status, output = good.wait()
    assert status == 0, output
    assert "out: LayoutLMv3ForTokenClassification of run " in output
    assert (
        "scored again through plain transformers, all 6 test pages of synthetic forms: the same predictions" in output
    )
    assert (tmp_path / "out" / "model.safetensors").is_file()
    for process, told in started:
        status, output = process.wait()
        assert status == 2 and told in output, output
    assert not (tmp_path / "out2").exists()
