"""A model, a task, an objective and a dataset of a user's own: a file and a yaml each, in a folder of theirs."""

import subprocess
import sys
from pathlib import Path

import pytest

MODEL = """
from dataclasses import dataclass

from torch import nn

from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.models.backbone import Backbone, Encoded
from docexp.models.settings import ModelSettings


@dataclass(kw_only=True)
class BagSettings(ModelSettings):
    width: int = 16

    @property
    def provides(self):
        return frozenset({"text"})

    def encoder(self, tokenizer, box_level, window_stride):
        return LayoutLMv3Encoder(
            tokenizer=tokenizer, box_level=box_level, max_tokens=self.max_tokens, stride=window_stride, image_size=None
        )

    def build(self, vocab_size, pad_token_id):
        return Bag(self, vocab_size, pad_token_id)


class Bag(Backbone):
    def __init__(self, settings, vocab_size, pad_token_id):
        super().__init__()
        self.provides, self.hidden_size = settings.provides, settings.width
        self.words = nn.Embedding(vocab_size, settings.width, padding_idx=pad_token_id)

    def forward(self, batch):
        return Encoded(text=self.words(batch.input_ids))

    def checkpoint_activations(self):
        pass
"""
TASK = """
from dataclasses import dataclass

from docexp.tasks.tagging import TaggingSettings


@dataclass(kw_only=True)
class StrictTagging(TaggingSettings):
    @property
    def primary_metric(self):
        return "entity_f1_strict"
"""
OBJECTIVE = """
from dataclasses import dataclass

import numpy as np
from torch import nn

from docexp.inputs.sample import IGNORED
from docexp.objectives.objective import Corruptor, Objective, judged_classes, wanted
from docexp.objectives.settings import ObjectiveSettings


@dataclass(kw_only=True)
class DigitsSettings(ObjectiveSettings):
    @property
    def needs(self):
        return frozenset({"text"})

    def corruptor(self, name, given):
        return Digits(name)

    def build(self, name, given, hidden_size):
        return GuessDigits(name, hidden_size)

    def protocol(self):
        return "is a word a number?"


@dataclass(frozen=True)
class Digits(Corruptor):
    name: str

    def corrupt(self, window, record, visit, rng):
        number = np.array([word.isdigit() for word in visit.page.words] + [False])[window.word_index]
        window.targets[self.name] = np.where(window.word_index >= 0, number.astype(np.int64), IGNORED)


class GuessDigits(Objective):
    def __init__(self, name, hidden_size):
        super().__init__(name, classes=2)
        self.classifier = nn.Linear(hidden_size, 2)

    def judge(self, encoded, batch):
        target = batch.targets[self.name]
        row, token = wanted(target).unbind(dim=1)
        return judged_classes(self.classifier(encoded.text[row, token]), target[row, token], row)
"""
READER = """
import json
from dataclasses import dataclass

from docexp.documents.page import Entity, Page
from docexp.documents.readers.reader import Reader


@dataclass(kw_only=True)
class Lines(Reader):
    name = "lines"
    licence = "mine"

    @property
    def annotations(self):
        return {"entities": ("item", "price")}

    def units(self, source, report):
        yield from enumerate(self.folder(source).joinpath("pages.txt").read_text().splitlines())

    def read(self, unit, report):
        number, line = unit
        words = tuple(line.split())
        boxes = [(10 * i, 10, 10 * i + 8, 20) for i in range(len(words))]
        entities = tuple(
            Entity("price" if word.isdigit() else "item", (i,), boxes[i]) for i, word in enumerate(words)
        )
        split = "test" if number % 4 == 0 else "train"
        yield split, Page(f"p{number}", 100, 40, words, boxes, entities=entities)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    files = {
        "docexp.yaml": "",
        "bag.py": MODEL,
        "strict.py": TASK,
        "lines.py": READER,
        "conf/model/bag.yaml": "_target_: bag.BagSettings\ntokenizer: data:300\n",
        "conf/task/strict.yaml": "_target_: strict.StrictTagging\n",
        "digits.py": OBJECTIVE,
        "conf/objective/digits.yaml": "digits:\n  _target_: digits.DigitsSettings\n",
        "conf/data/lines.yaml": "_target_: docexp.inputs.settings.DataSettings\nname: lines\n"
        "shards: ${paths.shards}/lines\nreader: {_target_: lines.Lines}\nlabels: [item, price]\nworkers: 0\n",
        "conf/experiment/priced.yaml": "# @package _global_\ndefaults: [override /model: bag, override /data: lines, "
        "override /task: strict]\ntrainer: {max_steps: 40, global_batch: 4}\noptim: {lr: 0.1}\n",
        "raw/pages.txt": "\n".join(f"ham {i} egg {i * 3} tea {i + 20}" for i in range(16)),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def docexp(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "docexp.cli", *words], cwd=folder, capture_output=True, text=True)


def test_own_model_task_and_data_train_and_score(project: Path) -> None:
    prepared = docexp(project, "data", "prepare", "data=lines", "source=raw")
    assert prepared.returncode == 0, prepared.stderr
    assert "16 pages" in prepared.stdout
    trained = docexp(project, "train", "experiment=priced")
    assert trained.returncode == 0, trained.stderr
    assert "entity F1 100.0" in trained.stdout
    compared = docexp(project, "compare", "experiment=priced")
    assert compared.returncode == 0, compared.stderr
    assert "entity_f1_strict" in compared.stdout.replace(" ", "_").lower() or "strict" in compared.stdout


def test_an_own_objective_pretrains_an_own_model(project: Path) -> None:
    prepared = docexp(project, "data", "prepare", "data=lines", "source=raw")
    assert prepared.returncode == 0, prepared.stderr
    words = ["experiment=priced", "task=pretraining", "objective=[digits]", "objective.digits.weight=0.5"]
    trained = docexp(project, "train", *words)
    assert trained.returncode == 0, trained.stderr
    assert "digits loss" in trained.stdout and "100.0 % right (chance 65.7 %)" in trained.stdout


def test_found_from_a_folder_below_and_by_name(project: Path, tmp_path: Path) -> None:
    below = docexp(project / "raw", "train", "experiment=priced", "--cfg", "job")
    named = docexp(tmp_path, "--project", str(project), "train", "experiment=priced", "--cfg", "job")
    assert below.returncode == named.returncode == 0, below.stderr + named.stderr
    assert below.stdout == named.stdout
    assert "_target_: bag.BagSettings" in named.stdout
