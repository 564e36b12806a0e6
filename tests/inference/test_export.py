"""A run's folder for plain transformers: what is in it, that strangers open it, and that it is whole or not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, AutoProcessor, AutoTokenizer, LayoutLMv3Processor

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticForms
from docexp.errors import DocexpError
from docexp.inference import export as module
from docexp.inference.export import export
from docexp.inputs.tokenizer import load_tokenizer
from docexp.models.weights import load_weights
from docexp.runs import atomic
from docexp.runs.first_weights import FirstWeights
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards
from docexp.training.build import build_module

torch.set_num_threads(1)

TINY = ["layers=1", "heads=2", "hidden_size=24", "ffn_size=32", "coordinate_size=4", "shape_size=4", "image_size=32"]
TINY += ["tokenizer=data:300", "max_tokens=96"]
Trained = Callable[..., tuple[ResolvedRun, Path]]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    facts = SetFacts(name="synthetic forms", licence="none", command="docexp data prepare data=synthetic_forms")
    write_shards(SyntheticForms(train=6, validation=1, test=3).pages(None, Report()), folder / "forms", facts)
    return folder / "forms"


@pytest.fixture
def trained(shards: Path, tmp_path: Path) -> Trained:
    """A run as training leaves it, its weights as drawn but with biases that matter."""

    def make(*words: str) -> tuple[ResolvedRun, Path]:
        model = {word.partition("=")[0]: word for word in (*TINY, *words)}
        settings = check(
            compose(
                [
                    *(f"model.{word}" for word in model.values()),
                    f"data.shards={shards}",
                    "data.window_stride=8",
                    f"paths.runs={tmp_path / 'runs'}",
                ]
            )
        )
        run = resolve(settings)
        run.folder.create()
        atomic.write_yaml(run.folder.config, settings.plain)
        run.tokenizer.save(run.folder.tokenizer)
        weights = build_module(run).state_dict()
        draw = torch.Generator().manual_seed(0)
        weights = {name: torch.randn(weight.shape, generator=draw) * 0.3 for name, weight in weights.items()}
        checkpoint = run.folder.checkpoints / "step-000007"
        checkpoint.mkdir(parents=True)
        save_file(weights, checkpoint / "model.safetensors")
        return run, checkpoint

    return make


def test_a_stranger_opens_it_and_docexp_takes_its_weights_back(trained: Trained, tmp_path: Path) -> None:
    run, checkpoint = trained()
    FirstWeights("someone/model", "CC BY-NC-SA 4.0").write(run.folder)
    made = export(run, checkpoint, tmp_path / "out", None)
    assert made.scored == "all 3 test pages of synthetic forms" and made.agreement.windows >= 3
    assert made.ours == made.theirs and made.agreement.difference < 1e-4
    model = AutoModelForTokenClassification.from_pretrained(made.folder)
    assert type(model).__name__ == made.model_class == "LayoutLMv3ForTokenClassification"
    assert model.config.id2label[0] == "O" and model.config.label2id["B-HEADER"] > 0
    processor = AutoProcessor.from_pretrained(made.folder)
    assert isinstance(processor, LayoutLMv3Processor) and not processor.image_processor.apply_ocr
    assert processor.tokenizer.model_max_length == 96
    biases = "layoutlmv3.encoder.rel_pos_bias.weight"
    assert torch.equal(model.state_dict()[biases], load_file(checkpoint / "model.safetensors")[f"backbone.{biases}"])
    assert load_tokenizer(str(made.folder)).checksum == run.tokenizer.checksum
    fresh = run.settings.model.build(run.tokenizer.vocab_size, run.tokenizer.pad_id)
    report = load_weights(fresh, str(made.folder), licence="not asked, for the card says")
    assert report.missing == () and report.licence == "CC BY-NC-SA 4.0"
    card = (made.folder / "README.md").read_text()
    for text in (
        "someone/model",
        "licence of the weights it started from: CC BY-NC-SA 4.0",
        "synthetic forms (licence",
    ):
        assert text in card
    assert "has not been scored" in card and (made.folder / "run_config.yaml").is_file()
    assert {file.name for file in tmp_path.iterdir()} == {"out", "runs"}


@pytest.mark.parametrize(
    "words",
    [["layout=false"], ["image=none"], ["bias_1d=false"], ["image_position=2d"], ["image_position=none", "layers=2"]],
    ids=str,
)
def test_arms_are_exported_with_the_same_predictions(trained: Trained, tmp_path: Path, words: list[str]) -> None:
    run, checkpoint = trained(*words)
    made = export(run, checkpoint, tmp_path / "out", 2)
    assert made.scored == "2 of 3 test pages of synthetic forms"
    assert made.agreement.ours == made.agreement.theirs and len(made.agreement.ours) == 2
    if "image=none" in words:
        assert "give it no `pixel_values`" in (made.folder / "README.md").read_text()
        assert not (made.folder / "processor_config.json").exists()
        assert AutoTokenizer.from_pretrained(made.folder).is_fast


def test_what_transformers_cannot_compute_leaves_nothing(trained: Trained, tmp_path: Path) -> None:
    run, checkpoint = trained("valid_span=true")
    with pytest.raises(DocexpError, match="knows no valid_span"):
        export(run, checkpoint, tmp_path / "out", 1)
    assert {file.name for file in tmp_path.iterdir()} == {"runs"}


def test_a_folder_that_computes_otherwise_is_not_left_there(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, checkpoint = trained()

    def tampered(folder: Path, name: str) -> Any:
        model = module_open(folder, name)
        with torch.no_grad():
            model.layoutlmv3.encoder.rel_pos_bias.weight += torch.randn(2, 32)
        return model

    module_open = module.open_model
    monkeypatch.setattr(module, "open_model", tampered)
    with pytest.raises(
        DocexpError, match=r"plain transformers gives other logits than docexp, by up to .* Nothing was"
    ):
        export(run, checkpoint, tmp_path / "out", 1)
    assert {file.name for file in tmp_path.iterdir()} == {"runs"}


def test_a_folder_that_is_there_is_not_touched(trained: Trained, tmp_path: Path) -> None:
    run, checkpoint = trained()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(DocexpError, match=r"out=.*out is there already"):
        export(run, checkpoint, tmp_path / "out", 1)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine"]


def test_windows_that_cut_a_word_or_spell_a_special_token_are_given_as_ids(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, checkpoint = trained()
    from docexp.shards.read import ShardReader

    read = ShardReader.read

    def odd(self: ShardReader, row: int) -> Any:
        import dataclasses

        page = read(self, row)
        return dataclasses.replace(page, words=("<mask>", "w" * 200, *page.words[2:]))

    monkeypatch.setattr(ShardReader, "read", odd)
    made = export(run, checkpoint, tmp_path / "out", 1)
    assert 2 <= made.agreement.as_ids <= made.agreement.windows
    assert f"{made.agreement.as_ids} of the windows were given as token ids" in (made.folder / "README.md").read_text()


def test_an_older_run_from_others_weights_does_not_claim_random_ones(trained: Trained, tmp_path: Path) -> None:
    run, checkpoint = trained()
    config = run.folder.read_config()
    atomic.write_yaml(run.folder.config, {**config, "model": {**config["model"], "weights": "someone/model"}})
    card = (export(run, checkpoint, tmp_path / "out", 1).folder / "README.md").read_text()
    assert "started from: the weights of someone/model" in card and "not stated: see where they came from" in card


def test_the_front_matter_is_yaml(trained: Trained, tmp_path: Path) -> None:
    import yaml

    run, checkpoint = trained()
    FirstWeights("x", 'odd: "terms" # here').write(run.folder)
    made = export(run, checkpoint, tmp_path / "out", 1)
    front = yaml.safe_load((made.folder / "README.md").read_text().split("---\n")[1])
    assert front["license_name"] == 'odd: "terms" # here'
    assert json.loads((made.folder / "config.json").read_text())["architectures"] == [made.model_class]
