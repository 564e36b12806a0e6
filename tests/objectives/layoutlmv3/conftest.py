"""Form pages on their way through LayoutLMv3's objectives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from docexp.documents.page import Page
from docexp.documents.synthetic import SyntheticForms
from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate
from docexp.inputs.layoutlmv3 import LayoutLMv3Encoder
from docexp.inputs.sample import Sample, Window
from docexp.inputs.settings import DataSettings
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.visit import Visit
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.objectives import PretrainingSettings
from docexp.objectives.objective import Record
from docexp.objectives.settings import ObjectiveSettings
from docexp.shards.order import sample_rng
from docexp.tasks.settings import Given

torch.set_num_threads(1)

GRID, SIDE = 10, 160


@cache
def form(number: int) -> Page:
    return SyntheticForms(noise="none").page("train", number)


@dataclass(frozen=True)
class Forms:
    """Pages to windows, and windows through objectives to batches, for a model of 10 × 10 patches."""

    tokenizer: Tokenizer

    @property
    def given(self) -> Given:
        data = DataSettings(name="forms", shards="nowhere")
        return Given(data=data, tokenizer=self.tokenizer, image_side=SIDE, patch_grid=GRID)

    @property
    def encoder(self) -> LayoutLMv3Encoder:
        return LayoutLMv3Encoder(tokenizer=self.tokenizer, max_tokens=96, stride=16, image_size=SIDE)

    def page(self, number: int) -> Page:
        return form(number)

    def visit(self, number: int, members: Mapping[str, bytes] | None = None) -> Visit:
        page = self.page(number)
        return Visit(
            page,
            number,
            rng=lambda purpose: sample_rng(0, 0, number, purpose),
            members=lambda: members or {},
            partner=lambda rng: self.visit(number + 1),
            windows=lambda: self.encoder.encode(page),
        )

    def window(self, number: int) -> Window:
        return self.encoder.encode(self.page(number))[0]

    def corrupted(
        self, settings: ObjectiveSettings, number: int = 0, members: Mapping[str, bytes] | None = None, **record: Any
    ) -> tuple[Window, Record]:
        """The page's first window after one objective, and what it recorded; ``record`` is what others did before."""
        window, visit = self.window(number), self.visit(number, members)
        done = replace(Record.of(window, visit), **record)
        settings.corruptor("own", self.given).corrupt(window, done, visit, np.random.default_rng(number))
        return window, done

    def samples(self, task: PretrainingSettings, numbers: Sequence[int], members: Any = None) -> list[Sample]:
        corruption, samples = task.targets(self.given), []
        for number in numbers:
            windows = self.encoder.encode(self.page(number))[:2]
            corruption.corrupt(windows, self.visit(number, members(number) if members else None))
            samples.append(Sample(str(number), windows))
        return samples

    def batch(self, task: PretrainingSettings, numbers: Sequence[int], members: Any = None) -> Batch:
        return collate(self.samples(task, numbers, members), self.tokenizer.pad_id)


@pytest.fixture(scope="session")
def forms(byte_tokenizer: Tokenizer) -> Forms:
    return Forms(byte_tokenizer)


@pytest.fixture(scope="session")
def together() -> Callable[..., PretrainingSettings]:
    """``together(mlm=…, mim=…)``: these objectives as a task."""

    def task(**objectives: ObjectiveSettings) -> PretrainingSettings:
        made = PretrainingSettings()
        made.objectives = objectives
        return made

    return task


@pytest.fixture(scope="session")
def model(byte_tokenizer: Tokenizer) -> LayoutLMv3Settings:
    """A model of 10 × 10 patches without dropout."""
    return LayoutLMv3Settings(
        layers=2,
        heads=4,
        hidden_size=48,
        ffn_size=64,
        coordinate_size=8,
        shape_size=8,
        max_tokens=96,
        image_size=SIDE,
        dropout=0.0,
        attention_dropout=0.0,
    )
