"""Reconstruction from pages to scores: what is a target, what it costs, and how many codes are in use."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate, target_counts
from docexp.inputs.sample import IGNORED, Sample, Window
from docexp.inputs.settings import DataSettings
from docexp.inputs.tokenizer import Tokenizer
from docexp.models.backbone import Encoded
from docexp.objectives import PretrainingSettings
from docexp.objectives.image_tokenizer.model_settings import ImageTokenizerSettings
from docexp.objectives.pretraining import Pretraining
from docexp.objectives.reconstruction import ReconstructionSettings
from docexp.objectives.reconstruction.corruptor import WholePages
from docexp.objectives.reconstruction.objective import page_divergence
from docexp.tasks.settings import Given

CODES = 24
MODEL = ImageTokenizerSettings(vocabulary=CODES, codebook_dim=6, hidden_dim=8, image_size=16)


def task_of(tokenizer: Tokenizer, **settings: float) -> Pretraining:
    whole = PretrainingSettings()
    whole.objectives = {"reconstruction": ReconstructionSettings(**settings)}
    given = Given(data=DataSettings(name="some", shards="nowhere"), tokenizer=tokenizer, image_side=16, codes=CODES)
    return whole.build(given, MODEL.codebook_dim)


def window(number: int) -> Window:
    one = np.zeros(2, dtype=np.int64)
    pixels = np.random.default_rng(number).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    boxes = np.zeros((2, 4), dtype=np.int64)
    made = Window(one, boxes, boxes, one - 1, one - 1, one > 0, pixels=pixels)
    WholePages("reconstruction").corrupt(made, None, None, np.random.default_rng(0))  # pyright: ignore[reportArgumentType]
    return made


SAMPLES = [Sample(str(number), [window(number)]) for number in range(3)] + [Sample("2", [window(2)], filler=True)]


@pytest.fixture
def batch() -> Batch:
    return collate(SAMPLES, pad_token_id=1)


def encoded_of(batch: Batch, logits: torch.Tensor) -> Encoded:
    assert batch.pixels is not None
    return Encoded(reconstruction=batch.pixels.float() / 127.5 - 0.5, code_logits=logits)


def test_pages_are_counted_and_fillers_are_not(batch: Batch) -> None:
    assert target_counts(SAMPLES) == {"reconstruction": 3.0}
    assert batch.targets["reconstruction"].tolist() == [0, 0, 0, IGNORED]


def test_scored_are_the_squared_error_and_the_variance_around_the_mean_colour(
    batch: Batch, byte_tokenizer: Tokenizer
) -> None:
    task = task_of(byte_tokenizer, kl_weight=5.0, usage_weight=5.0).eval()
    encoded = encoded_of(batch, torch.randn(4, CODES, 2, 2))  # every pixel is half too bright
    assert float(task.losses(encoded, batch).sums["reconstruction"]) == pytest.approx(3 * 0.25)
    predictions = task.decode(encoded, batch)
    assert [prediction.key for prediction in predictions] == ["0", "1", "2"]
    metrics, baseline = task.scores(predictions), task.baseline(predictions)
    assert batch.pixels is not None
    variance = [(pixels / 127.5).var(axis=(1, 2)).mean() for pixels in batch.pixels[:3].numpy()]
    assert metrics["reconstruction/loss"] == pytest.approx(0.25)
    assert baseline["reconstruction/loss"] == pytest.approx(np.mean(variance), rel=1e-5)
    assert metrics["skill(reconstruction)"] == pytest.approx(1 - 0.25 / np.mean(variance), rel=1e-5)
    assert baseline["skill(reconstruction)"] == pytest.approx(0)
    assert metrics.keys() == baseline.keys()
    assert "0.25" in task.describe(metrics, baseline)


def test_usage_and_perplexity_are_those_of_all_pages_codes(batch: Batch, byte_tokenizer: Tokenizer) -> None:
    task = task_of(byte_tokenizer).eval()
    codes = torch.tensor([[[0, 0], [0, 0]], [[1, 1], [1, 1]], [[2, 2], [3, 3]], [[9, 9], [9, 9]]])
    logits = torch.nn.functional.one_hot(codes, CODES).permute(0, 3, 1, 2).float()
    predictions = task.decode(encoded_of(batch, logits), batch)
    metrics = task.scores(predictions)
    assert metrics["reconstruction/usage"] == pytest.approx(4 / CODES)  # a filler's code 9 counts nowhere
    entropy = 2 / 3 * math.log(3) + 1 / 3 * math.log(6)
    assert metrics["reconstruction/perplexity"] == pytest.approx(math.exp(entropy))
    metric = task.metric()
    for prediction in predictions:
        task.update(metric, [prediction])
    assert metric.compute() == pytest.approx(metrics)


def test_training_adds_the_weighted_divergences(batch: Batch, byte_tokenizer: Tokenizer) -> None:
    sure = torch.full((4, CODES, 2, 2), -50.0)
    sure[:, 7] = 50.0  # every position is sure of the same code: both divergences are log K
    for weights in ({"kl_weight": 0.3, "usage_weight": 0.0}, {"kl_weight": 0.0, "usage_weight": 0.3}):
        loss = task_of(byte_tokenizer, **weights).train().losses(encoded_of(batch, sure), batch)
        assert float(loss.sums["reconstruction"]) == pytest.approx(3 * (0.25 + 0.3 * math.log(CODES)), rel=1e-5)


def test_a_page_whose_positions_are_sure_of_different_codes_is_no_worse_for_being_sure() -> None:
    logits = torch.full((1, 4, 2, 2), -50.0)
    for number, (row, column) in enumerate(np.ndindex(2, 2)):
        logits[0, number, row, column] = 50.0
    assert float(page_divergence(logits)) == pytest.approx(0, abs=1e-5)


def test_the_picture_shows_pages_above_what_was_made_of_them(batch: Batch, byte_tokenizer: Tokenizer) -> None:
    assert batch.pixels is not None
    exact = Encoded(reconstruction=batch.pixels.float() / 127.5 - 1, code_logits=torch.zeros(4, CODES, 2, 2))
    ((name, png),) = task_of(byte_tokenizer).pictures(exact, batch).items()
    sheet = np.asarray(Image.open(io.BytesIO(png)))
    assert name == "reconstructions.png"
    assert sheet.shape == (36, 76, 3)
    assert np.array_equal(sheet[:16, 20:36], batch.pixels[1].numpy().transpose(1, 2, 0))
    assert np.array_equal(sheet[:16], sheet[20:])


def test_it_learns_through_the_model(batch: Batch, byte_tokenizer: Tokenizer) -> None:
    torch.manual_seed(0)
    backbone, task = MODEL.build(1, 0), task_of(byte_tokenizer)
    assert batch.pixels is not None
    blocks = torch.randint(0, 2, (4, 1, 2, 2)).mul(255).byte().expand(-1, 3, -1, -1)
    plain = replace(batch, pixels=blocks.repeat_interleave(8, 2).repeat_interleave(8, 3))
    optimiser = torch.optim.Adam(backbone.parameters(), lr=1e-2)
    for _ in range(120):
        optimiser.zero_grad()
        task.losses(task.encode(backbone, plain), plain).sums["reconstruction"].backward()
        optimiser.step()
    backbone.eval()
    task.eval()
    with torch.no_grad():
        predictions = task.decode(task.encode(backbone, plain), plain)
    assert task.scores(predictions)["skill(reconstruction)"] > 0.5
