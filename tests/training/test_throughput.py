"""Counted work and measured devices: every real token once, and no run disturbed by the counting."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate
from docexp.inputs.sample import Sample, Window
from docexp.models.flops import STEP
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.training import throughput
from docexp.training.device import matmul_rate, peak_memory
from docexp.training.throughput import Throughput

CPU = torch.device("cpu")
SMALL = {"layers": 1, "heads": 2, "hidden_size": 24, "ffn_size": 32, "coordinate_size": 4, "shape_size": 4}


def window(length: int) -> Window:
    numbers, boxes = np.zeros(length, np.int64), np.zeros((length, 4), np.int64)
    pixels = np.zeros((3, 32, 32), np.uint8)
    return Window(numbers, boxes, boxes, numbers, numbers, numbers.astype(bool), pixels)


def batch(*samples: tuple[tuple[int, ...], bool]) -> Batch:
    """Samples as (lengths of their windows, filler or not)."""
    return collate([Sample("key", [window(n) for n in lengths], filler) for lengths, filler in samples], 1)


@pytest.fixture
def module() -> Any:
    backbone = LayoutLMv3Settings(**SMALL, image_size=32).build(50, 1)
    return SimpleNamespace(backbone=backbone, task=SimpleNamespace(flops=lambda batch: torch.zeros(batch.rows)))


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Throughput:
    """A meter whose clock moves two seconds at every look, on a device of 1,000 FLOP/s."""
    at = iter(range(0, 1000, 2))
    monkeypatch.setattr(throughput.time, "monotonic", lambda: next(at))
    monkeypatch.setattr(throughput, "matmul_rate", lambda device, precision: 1000.0)
    made = Throughput(global_batch=4)
    made.start(CPU, "32-true")
    return made


def test_padding_and_fillers_count_nothing_and_every_window_counts(meter: Throughput, module: Any) -> None:
    """5 visual tokens for each window: 4 patches of 16 pixels and the class token."""
    parts = [batch(((10, 20), False), ((7,), True)), batch(((13,), False), ((5,), True))]
    for part in parts:
        meter.add(module, part)
    meter.step()
    line = meter.line(CPU)
    assert line["tokens_per_second"] == (10 + 20 + 13 + 3 * 5) / 2
    assert line["samples_per_second"] == 4 / 2
    alone = batch(((10, 20), False), ((13,), False))
    flops = STEP * float(module.backbone.work(alone).flops.sum()) / 2
    assert line["model_flops_per_second"] == pytest.approx(flops)
    assert line["matmul_utilisation"] == pytest.approx(flops / 1000)


def test_a_line_counts_anew_and_the_measured_rate_is_told_once(meter: Throughput, module: Any) -> None:
    lines = []
    for _ in range(2):
        meter.add(module, batch(((10,), False)))
        meter.step()
        lines.append(meter.line(CPU))
    assert [line["tokens_per_second"] for line in lines] == [15 / 2, 15 / 2]
    assert ["matmul_flops_per_second" in line for line in lines] == [True, False]
    meter.add(module, batch(((10,), False)))
    meter.restart()  # a validation came between
    meter.add(module, batch(((20,), False)))
    meter.step()
    assert meter.line(CPU)["tokens_per_second"] == 25 / 2


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_measuring_draws_no_random_number(precision: str) -> None:
    before = torch.get_rng_state()
    assert matmul_rate(CPU, precision) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_memory_is_a_peak_in_bytes() -> None:
    held = bytearray(300 * 2**20)
    held[:: 2**12] = b"1" * len(held[:: 2**12])  # touches every page
    assert peak_memory(CPU) > 300 * 2**20
    del held
    assert peak_memory(CPU) > 300 * 2**20


def test_one_batch_counts_the_same_on_another_order(module: Any) -> None:
    """The owner of a row, not its number, says whose filler it is."""
    mixed = batch(((7,), True), ((10, 20), False))
    meter = Throughput(4)
    meter.add(module, mixed)
    assert meter._work is not None and float(meter._work[0]) == 10 + 20 + 2 * 5
