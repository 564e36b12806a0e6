"""Misspelt, mistyped and contradictory command lines: each is refused with the key, its source and a right hint."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from docexp.cli import main
from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project
from docexp.errors import DocexpError

REFUSED = [
    ("trainer.max_step=5", ["trainer.max_step is no setting of trainer", "Nearest: trainer.max_steps."]),
    ("++trainer.max_step=5", ["command line", "Nearest: trainer.max_steps."]),
    ("+trainer.maxsteps=5", ["Nearest: trainer.max_steps."]),
    ("trainer.max_steps=many", ["trainer.max_steps", "command line", "must be a whole number, at least 1"]),
    ("trainer.max_steps=1.5", ["trainer.max_steps", "must be a whole number"]),
    ("trainer.max_steps=null", ["trainer.max_steps=null", "must be a whole number"]),
    ("trainer.max_steps=0", ["trainer.max_steps=0 (command line) must be at least 1"]),
    ("trainer.selection=best", ["best_minival", "best_test"]),
    ("trainer.selection=best_test", ["validate_every"]),
    ("optim.lr=-1", ["optim.lr=-1.0 (command line) must be above 0"]),
    ("optim.lr=fast", ["optim.lr=fast (command line) must be a number, above 0"]),
    ("optim.schedule=lineer", ["Nearest: linear."]),
    ("optim.betas=[0.9]", ["betas", "two numbers"]),
    ("optim.warmup_fraction=2", ["between 0 and 1"]),
    ("data.box_level=segments", ["Nearest: segment."]),
    ("data.bx_level=word", ["Nearest: data.box_level."]),
    ("data.labels=[header,other]", ["labels and outside_labels both hold other"]),
    ("data=fnsd", ["data=fnsd is no choice", "Nearest: funsd."]),
    ("model=layoutlm3_tiny", ["Nearest: layoutlmv3_tiny."]),
    ("model.layrs=3", ["Nearest: model.layers."]),
    ("modle=layoutlmv3_tiny", ["modle is no setting of a run", "Nearest: model."]),
    ("experiment=finetune/fusd", ["Nearest: finetune/funsd."]),
    ("experment=finetune/funsd", ["experment is no setting"]),
    ("hardware=gpu8x", ["hardware=gpu8x is no choice", "Nearest: gpu."]),
    ("hardware.precision=fp16", ["fp32, bf16-mixed"]),
    ("hardware.accelerator=tpu", ["cpu, gpu"]),
    ("hardware.micro_batch=3", ["global_batch=8", "no multiple"]),
    ("hardware.micro_batch=0", ["hardware.micro_batch=0 (command line) must be at least 1"]),
    ("hardware.devices=0", ["hardware.devices=0 (command line) must be at least 1"]),
    ("hardware.threads=0", ["hardware.threads=0 (command line) must be at least 1"]),
    ("hardware.devices=3", ["global_batch=8", "no multiple", "(3 × 3)"]),
    ("hardware.precision=bf16-mxed", ["Nearest: bf16-mixed."]),
    ("hardware.precision=bf16-params", ["single device", "fp32 or bf16-mixed", "hardware=deepspeed_zero2"]),
    ("hardware=ddp", ["hardware.devices needs a value (conf/hardware/", "hardware.devices=…"]),
    ("hardware=deepspeed_zero2", ["hardware.devices needs a value (conf/hardware/", "hardware.devices=…"]),
    ("hardware=ddp hardware.devices=2 hardware.precision=bf16-params", ["ddp does not", "hardware=deepspeed_zero2"]),
    ("hardware=ddp hardware.devices=2 hardware.precision=fp16", ["fp32, bf16-mixed, bf16-params"]),
    ("hardware=deepspeed_zero2 hardware.devices=3", ["global_batch=8", "no multiple"]),
    ("hardware=deepspeed_zero2 hardware.devices=2 hardware.strategy.stage=4", ["stage=4 must be 2"]),
    ("hardware=deepspeed_zero2 hardware.devices=2 hardware.strategy.stge=2", ["Nearest: hardware.strategy.stage."]),
    ("hardware=deepspeed_zero2 hardware.devices=2 hardware.accelerator=tpu", ["cpu, gpu"]),
    ("hardware=deepspeed_zero2 hardware.devices=2 hardware.offload=cpu", ["hardware.offload is no setting"]),
    ("hardware=deepspeed", ["hardware=deepspeed is no choice", "Nearest: deepspeed_zero2."]),
    (
        "hardware.strategy=ddp",
        ["hardware.strategy=ddp (command line) must be a group of settings", "Write hardware=ddp."],
    ),
    ("seed=first", ["seed=first", "whole number"]),
    ("hydra/lancher=local", ["hydra/lancher is no group", "Nearest: hydra/launcher."]),
    ("trainer", ["'trainer' is no override"]),
    ("model._target_=docexp.models.nowhere.Settings", ["model._target_=docexp.models.nowhere.Settings"]),
    ("model._target_=docexp.training.settings.SGDSettings", ["is no ModelSettings"]),
    ("data.reader.no_such=1", ["data.reader.no_such is no setting of data.reader"]),
    ("model.text=false", ["provides patch_token, patches, pooled", "needs text"]),
    # how a word is written
    ("~trainer.max_steps", ["~trainer.max_steps would delete a setting", "null where it may be unset"]),
    ("trainer.=5", ["'trainer.=5' is no override"]),
    ("trainer/max_steps=5", ["trainer/max_steps is no group", "Nearest: trainer.max_steps=5."]),
    ("data.labels=[a,b", ["data.labels=[a,b cannot be read", "[ and ] do not match"]),
    ('label="a', ['a quote " is not closed']),
    ("seed=rang(3)", ["there is no function rang", "Nearest: range."]),
    ("seed=1,2", ["seed=1,2 names several values", "-m", "[1,2]"]),
    ("model=layoutlmv3_tiny,layoutlmv3_base", ["names several values: with -m there is a job for each."]),
    ("seed=1 seed=2", ["seed is given twice, seed=1 and seed=2"]),
    ("trainer.log_every=1 ++trainer.log_every=2", ["trainer.log_every is given twice"]),
    ("experiment=quickstart/text experiment=quickstart/image", ["experiment is given twice"]),
    ("hydra.run.dir=elsewhere", ["hydra.run.dir has no effect", "paths.runs=DIR"]),
    ("hydra.launcher.paralel=2", ["hydra.launcher.paralel", "command line", "Nearest: hydra.launcher.parallel."]),
    ("hydra.launcher.parallel=0", ["hydra.launcher.parallel=0 (command line) must be at least 1"]),
    ("model=", ["model= is no choice", "layoutlmv3_tiny"]),
    ("model=null", ["a run needs one", "layoutlmv3_tiny"]),
    ("model=[layoutlmv3_tiny]", ["Choose one by its name"]),
    ("model={layers:2}", ["Choose one by its name", "model.KEY=…"]),
    # keys that belong elsewhere
    ("lr=1e-3", ["lr is no setting of a run (command line). Write optim.lr."]),
    ("max_steps=5", ["Write trainer.max_steps."]),
    ("model.lr=1e-3", ["model.lr is no setting of model", "It belongs to another group: optim.lr."]),
    ("optim.momentum=0.9", ["optim.momentum is no setting of optim"]),
    ("a.b=1", ["a is no setting of a run"]),
    # values
    ("trainer.max_steps=", ["trainer.max_steps= (command line) has no value: it must be a whole number"]),
    ("model.weights=", ["model.weights= (command line) has no value: write null to unset it"]),
    ("paths.runs=", ["paths.runs= (command line) has no value"]),
    ("trainer.max_steps={x:1}", ["trainer.max_steps={x:1} (command line) must be a whole number, at least 1"]),
    ("trainer.clip_norm=-1", ["trainer.clip_norm=-1.0", "at least 0"]),
    ("trainer.selection=best", ["trainer.selection=best (command line) is none of last, best_minival, best_test"]),
    ("optim.lr=nan", ["optim.lr=nan (command line) must be a finite number, above 0"]),
    ("optim.lr=inf", ["optim.lr=inf", "finite"]),
    ("optim.weight_decay=-1", ["optim.weight_decay=-1.0 (command line) must be at least 0"]),
    ("optim.warmup_steps=-1", ["optim.warmup_steps=-1", "at least 0"]),
    ("optim.warmup_steps=5 optim.warmup_fraction=0.5", ["warmup_steps=5 and warmup_fraction=0.5 are both set"]),
    ("optim.eps=0", ["optim.eps=0.0", "above 0"]),
    ("optim.betas=[0.9,1.5]", ["optim.betas[1]=1.5 (command line) must be at least 0 and below 1"]),
    ("optim=sgd optim.momentum=2", ["optim.momentum=2.0", "below 1"]),
    ("task.head_dropout=1.5", ["task.head_dropout=1.5", "at least 0 and below 1"]),
    ("model.dropout=1", ["model.dropout=1.0", "below 1"]),
    ("model.image=patch", ["model.image=patch (command line) is none of patches, none. Nearest: patches."]),
    ("model.heads=5", ["model: hidden_size=128 must be a multiple of heads=5"]),
    ("debug.pages=0", ["debug.pages=0 (command line) must be at least 1"]),
    ("debug.profile=maybe", ["debug.profile=maybe (command line) must be true or false"]),
    ("data.workers=-1", ["data.workers=-1", "at least 0"]),
    ("data.hold_out=nein", ["data.hold_out=nein (command line) must be true or false"]),
    ("data.labels=header", ["data.labels=header (command line) must be a list of texts in brackets"]),
    ("data.labels=[a,b,a]", ["labels holds a twice"]),
    ("data=funsd data.reader.repair=swop", ["data.reader.repair=swop (command line)", "Nearest: swap."]),
    ("data.reader.shares={text:2,layout:0,image:0}", ["data.reader.shares[text]=2.0", "between 0 and 1"]),
    ("seed=-1", ["seed=-1 (command line) must be at least 0"]),
    ("trainer.max_steps=${trainer.max_step}", ["${trainer.max_step} names nothing", "Nearest: ${trainer.max_steps}."]),
    ("paths.runs=${oc.env:DOCEXP_NO_SUCH}", ["paths.runs (command line)", "'DOCEXP_NO_SUCH' not found"]),
    ("model._target_=docexp.models.layoutlmv3.LayoutLMv3Setings", ["Nearest: docexp.models.layoutlmv3.LayoutLMv3Set"]),
    ("model._target_=docexp.models.settings.ModelSettings", ["is abstract, it lacks build, encoder, provides"]),
    # settings against each other
    ("trainer.selection=best_minival trainer.validate_every=500", ["trainer.validate_every=500 comes after"]),
    ("optim.warmup_steps=1000", ["optim.warmup_steps=1000 is longer than the run: trainer.max_steps=200"]),
    ("model.max_tokens=100", ["must be a multiple of data.pad_to_multiple=8"]),
    ("model.max_tokens=128", ["data.window_stride=128 must be below 126", "model.max_tokens=128"]),
    ("model.weights=microsoft/layoutlmv3-base", ["model.tokenizer=data:4096 would be trained anew", "=null"]),
    ("model.weights=run:3fa9 model.tokenizer=data:300", ["brings that run's tokenizer", "Leave one of them out"]),
    ("model.text=false", ["Set model.text=true.", "Models for tagging: layoutlm_base", ", layoutlmv3_base"]),
    (
        "model=dit_tiny",
        ["dit_tiny provides patch_token, patches, pooled", "needs text", "tagging: layoutlm_"],
    ),
    ("model=dit_tiny model.tokenizer=data:300", ["model.tokenizer has no effect: this model reads no words"]),
    # objectives
    ("objective=[mlm]", ["objective=[mlm] (command line) has no effect under task=tagging", "Set task=pretraining"]),
    ("task=pretraining", ["task=pretraining has no objective. Choose some: objective=[mlm] ("]),
    ("task=pretraining objective=mlm", ["objective=mlm: several can be chosen", "in brackets", "choices: "]),
    ("task=pretraining objective=[mml]", ["objective=[mml] is no choice of conf/objective/. Nearest: mlm."]),
    ("task=pretraining objective=null", ["objective=null: several can be chosen"]),
    (
        "task=pretraining objective=[mlm] objective.mlm.ratoi=1",
        ["objective.mlm.ratoi", "Nearest: objective.mlm.ratio."],
    ),
    ("task=pretraining objective=[mlm] objective.mlm.ratio=2", ["objective.mlm.ratio=2", "between 0 and 1"]),
    ("task=pretraining objective=[mlm] objective.mlm.keep=0.95", ["objective.mlm: keep=0.95 and random=0.1"]),
    (
        "task=pretraining objective=[mlm] objective.mvlm.ratio=1",
        ["mvlm is not chosen. Choose it: objective=[mlm,mvlm]."],
    ),
    ("task=pretraining objective=[mlm] model=dit_tiny", ["objective=[mlm] needs text", "Models for objective=[mlm]: "]),
    ("model.text=false model.max_tokens=64", ["model.max_tokens has no effect: this model reads no words"]),
    ("task=pretraining objective=[mim] model=dit_tiny model.random_crop=[1,0.5]", ["random_crop=[1.0, 0.5]", "two sh"]),
    ("task=pretraining objective=[mim] model=dit_tiny model.random_crop=[0.5]", ["random_crop=[0.5]", "two shares"]),
    ("model=dit_base model.resize_vocabulary=true", ["model.resize_vocabulary has no effect"]),
]


@pytest.mark.parametrize(("words", "parts"), REFUSED, ids=[words for words, _ in REFUSED])
def test_refused_with_a_hint(words: str, parts: list[str]) -> None:
    refused(lambda: check(compose(words.split(" "))), parts)


def refused(what: Callable[[], object], parts: list[str]) -> None:
    with pytest.raises(DocexpError) as error:
        what()
    text = str(error.value)
    assert len(text.splitlines()) <= 2, text
    for part in parts:
        assert part in text, text


HEADER = "# @package _global_\n"
WRONG_FILES = {
    "a key": ("experiment", HEADER + "trainer: {max_step: 5}", ["experiment/mine.yaml). Nearest: trainer.max_steps."]),
    "a group": (
        "experiment",
        HEADER + "trainr: {max_steps: 5}",
        ["trainr is no setting", "mine.yaml). Nearest: trainer."],
    ),
    "a value": ("experiment", HEADER + "optim: {lr: -1}", ["optim.lr=-1.0 (", "mine.yaml) must be above 0"]),
    "a text for a group": ("experiment", HEADER + "model: layoutlmv3_tiny", ["mine.yaml) must be a group of settings"]),
    "no such group": (
        "experiment",
        HEADER + "defaults: [override /modle: layoutlmv3_tiny]",
        ["mine.yaml overrides modle, which is no group. Nearest: override /model."],
    ),
    "no such choice": (
        "experiment",
        HEADER + "defaults: [override /model: layoutlm3_tiny]",
        ["model=layoutlm3_tiny (", "mine.yaml) is no choice of conf/model/. Nearest: layoutlmv3_tiny."],
    ),
    "no override": (
        "experiment",
        HEADER + "defaults: [model: layoutlmv3_tiny]",
        ["write 'override /model: layoutlmv3_tiny'"],
    ),
    "no slash": (
        "experiment",
        HEADER + "defaults: [override model: layoutlmv3_tiny]",
        ["mine.yaml overrides experiment/model", "Nearest: override /model."],
    ),
    "no header": ("experiment", "trainer: {max_steps: 5}", ["mine.yaml must open with the line: # @package _global_"]),
    "a list": ("experiment", HEADER + "- a", ["mine.yaml must hold settings, key: value"]),
    "no yaml": ("experiment", HEADER + "trainer: {max_steps: 5\noptim: {lr: 1}", ["mine.yaml, line 3: expected"]),
    "a key twice": ("experiment", HEADER + "seed: 1\nseed: 2", ["mine.yaml, line 3: found duplicate key seed"]),
    "hydra's own": ("experiment", HEADER + "hydra: {run: {dir: x}}", ["mine.yaml: hydra.run has no effect"]),
    "no variable": ("experiment", HEADER + "label: ${oc.env:NO_SUCH}", ["label (", "mine.yaml): Environment variable"]),
    "no setting": ("experiment", HEADER + "seed: ${trainer.max_step}", ["seed (", "Nearest: ${trainer.max_steps}."]),
    "no target": ("model", "layers: 2", ["model (", "model/mine.yaml) has no _target_"]),
    "no class": (
        "model",
        "_target_: docexp.models.layoutlmv3.LayoutLMv3Setings",
        ["mine.yaml): docexp.models.layoutlmv3 has no LayoutLMv3Setings. Nearest: "],
    ),
    "another group's class": (
        "model",
        "_target_: docexp.training.settings.SGDSettings",
        ["mine.yaml) is no ModelSettings"],
    ),
    "a value missing": (
        "trainer",
        "_target_: docexp.training.settings.TrainerSettings\nmax_steps: ???\nglobal_batch: 8",
        ["trainer.max_steps needs a value (", "mine.yaml): trainer.max_steps=…, a whole number, at least 1"],
    ),
    "a key left out": (
        "trainer",
        "_target_: docexp.training.settings.TrainerSettings\nglobal_batch: 8",
        ["trainer.max_steps needs a value (", "mine.yaml)"],
    ),
    "a key of a nested node": (
        "data",
        "_target_: docexp.inputs.settings.DataSettings\nname: x\nshards: x\n"
        "reader: {_target_: docexp.documents.readers.funsd.FunsdReader, repiar: swap}",
        ["data.reader.repiar is no setting of data.reader (", "data/mine.yaml). Nearest: data.reader.repair."],
    ),
}


@pytest.mark.parametrize(("group", "text", "parts"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_file_of_ones_own_is_named(group: str, text: str, parts: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "conf" / group
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(text)
    refused(lambda: check(compose([f"{group}=mine"], Project.at(tmp_path))), parts)


def test_a_module_that_does_not_import_and_a_file_that_is_no_text(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "explodes.py").write_text("raise ValueError('inside')\n")
    (tmp_path / "conf" / "model" / "mine.yaml").write_text("_target_: explodes.Settings\n")
    refused(lambda: check(compose(["model=mine"], Project.at(tmp_path))), ["mine.yaml) cannot be imported", "inside"])
    (tmp_path / "conf" / "model" / "mine.yaml").write_bytes(b"_target_: caf\xe9\n")
    refused(lambda: check(compose(["model=mine"], Project.at(tmp_path))), ["mine.yaml: not UTF-8"])


VERBS_REFUSED = [
    ("trian", ["trian is no verb", "Nearest: docexp train."]),
    ("train --multi-run", ["Nearest: --multirun."]),
    ("train --trainer.max_steps=5", ["Settings are written without dashes: trainer.max_steps=5"]),
    ("train --cfg jobs", ["--cfg jobs: write --cfg job"]),
    ("train --cfg", ["write --cfg job"]),
    ("train -m --cfg job seed=1,2", ["-m trains"]),
    ("train trainer:max_steps=5", ["is no override", "Nearest: trainer.max_steps=5."]),
    ("train model", ["'model' is no override: write model=CHOICE or model.KEY=VALUE"]),
    ("train config=nowhere.yaml", ["config=nowhere.yaml cannot be read: No such file"]),
    ("train config=unknown.yaml", ["trainer.max_step is no setting of trainer (unknown.yaml)", "trainer.max_steps"]),
    ("train config=broken.yaml", ["broken.yaml, line 2: no yaml"]),
    ("train config=unknown.yaml seed=1", ["seed=1 cannot be added to it"]),
    ("train config=a.yaml config=b.yaml", ["config is given twice"]),
    (
        "train -m model=layoutlmv3_tiny,layoutlmv3_bse",
        ["model=layoutlmv3_bse is no choice", "Nearest: layoutlmv3_base."],
    ),
    ("train -m trainer.max_step=1,2", ["trainer.max_step is no setting of trainer (command line)"]),
    ("train -m seed=0,1,0", ["this sweep holds seed=0 twice"]),
    ("train -m seed=rang(3)", ["there is no function rang"]),
    ("train --help modle", ["modle is no group. Nearest: model."]),
    ("evaluate 3fa9 split=", ["split= has no value"]),
    ("compare --jsn", ["Nearest: --json."]),
    ("data prepar", ["Nearest: docexp data prepare."]),
    ("data prepare data=funsd sorce=x", ["sorce=x is nothing that docexp data prepare takes. Nearest: source."]),
    ("data prepare model=layoutlmv3_tiny", ["It takes source, out, jobs, image_size, images, quality, data, paths."]),
    ("data check source=x", ["source=x is nothing that docexp data check takes"]),
    ("completion bsh", ["Nearest: bash."]),
]


@pytest.mark.parametrize(("words", "parts"), VERBS_REFUSED, ids=[words for words, _ in VERBS_REFUSED])
def test_verbs_refuse_with_a_hint(words: str, parts: list[str], tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "broken.yaml").write_text("trainer: {\nmodel: [}")
    plain = check(compose([])).plain
    plain["trainer"]["max_step"] = plain["trainer"].pop("max_steps")
    (tmp_path / "unknown.yaml").write_text(yaml.safe_dump(plain))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words.split(" "))
    error = capsys.readouterr().err
    assert ended.value.code == 2, error
    refused(lambda: raised(error), ["docexp: ", *parts])


def raised(text: str) -> None:
    raise DocexpError(text.strip())


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("label=größe", "größe"),
        ("label=it's", "it's"),
        ("label=a b (c); d & e!", "a b (c); d & e!"),
        ("label=back\\slash", "back\\slash"),
        ("label='a,b'", "a,b"),
        ("label=2024", "2024"),
        ("label=", ""),
        ("data.shards=/tmp/my runs/größe (1)", "/tmp/my runs/größe (1)"),
        ("model.weights=run:experiment=finetune/funsd,seed=1", "run:experiment=finetune/funsd,seed=1"),
    ],
)
def test_texts_pass_as_they_are_typed(word: str, value: str) -> None:
    settings = check(compose([word]))
    assert value in (settings.label, settings.model.weights, settings.data.shards)


def test_a_project_may_not_shadow_a_shipped_name(tmp_path) -> None:
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "funsd.yaml").write_text("name: mine\n")
    with pytest.raises(DocexpError, match="has the name of a shipped configuration"):
        Project.at(tmp_path)


def test_nothing_heavy_is_imported_to_check_a_configuration() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from docexp.config.check import check; from docexp.config.compose import compose;"
        "check(compose([])); print([m for m in ('torch', 'transformers', 'pytorch_lightning') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
