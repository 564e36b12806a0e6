"""MIM: which patches are hidden, what is guessed behind them, and what the head costs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from docexp.errors import DocexpError
from docexp.inputs.batch import Batch
from docexp.inputs.collate import collate, target_counts
from docexp.inputs.sample import IGNORED
from docexp.models.backbone import Encoded
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.objectives.image_tokenizer.images import tokenizer_pixels
from docexp.objectives.image_tokenizer.settings import DiscreteVAESettings
from docexp.objectives.image_tokenizer.tokenizer import ImageTokenizer, build_network
from docexp.objectives.mim import MIMSettings
from docexp.objectives.mim.objective import MaskedCodes, MaskedPixels
from docexp.shards.codes import CodesFacts, encode_codes
from docexp.shards.index import Index, SetFacts
from docexp.shards.write import write_shards

GRID, PATCH = 10, 16
PIXELS = MIMSettings(target="pixels")


def codes_of(number: int, vocabulary: int = 8192, grid: int = GRID) -> dict[str, bytes]:
    codes = np.random.default_rng(number).integers(0, vocabulary, (grid, grid))
    return {"codes.npy": encode_codes(codes)}


def test_about_two_fifths_of_the_patches_are_hidden_and_only_these_have_targets(forms: Any) -> None:
    shares = []
    for number in range(30):
        plain = forms.window(number)
        window, record = forms.corrupted(MIMSettings(), number, codes_of(number))
        target = window.window_targets["own"]
        assert (window.patch_mask == record.patches_masked).all() and window.patch_mask.shape == (GRID**2,)
        codes = np.random.default_rng(number).integers(0, 8192, (GRID, GRID)).ravel()
        assert (target == np.where(window.patch_mask, codes, IGNORED)).all()
        assert (window.pixels == plain.pixels).all() and not window.targets
        shares.append(window.patch_mask.mean())
    assert max(shares) <= 0.4 and np.mean(shares) > 0.39


def test_masks_are_blocks_and_not_single_patches(forms: Any) -> None:
    pairs = []
    for number in range(30):
        mask = forms.corrupted(PIXELS, number)[0].patch_mask.reshape(GRID, GRID)
        pairs.append((mask[:, 1:] & mask[:, :-1]).sum() / (mask[:, :-1]).sum())
    assert np.mean(pairs) > 0.65  # of independent patches two in five have a hidden neighbour


def test_codes_made_while_training_are_of_the_part_that_is_shown(forms: Any) -> None:
    """The part of the image's own page, where another page's image is shown."""
    settings, own, other = MIMSettings(tokenizer="somewhere"), (0.1, 0.2, 0.6, 0.7), (0.3, 0.0, 0.9, 0.5)
    visits = [replace(forms.visit(number), part=part) for number, part in ((0, own), (5, other))]
    for visit in visits:
        window, _ = forms.corrupted(settings, 0, image=visit)
        assert (window.code_pixels == tokenizer_pixels(visit.page, 8 * GRID, visit.part)).all()
        assert (window.code_pixels != tokenizer_pixels(visit.page, 8 * GRID)).any()


@pytest.mark.parametrize(("grid", "hidden", "smallest"), [(14, 78, 16), (24, 230, 16), (10, 40, 8), (4, 6, 1)])
def test_small_grids_have_small_blocks(grid: int, hidden: int, smallest: int) -> None:
    assert (MIMSettings().hidden_number(grid), MIMSettings().smallest_block(grid)) == (hidden, smallest)
    assert MIMSettings(smallest=5).smallest_block(grid) == 5


def test_another_page_s_image_has_its_codes_and_a_dropped_one_none(forms: Any) -> None:
    own, _ = forms.corrupted(MIMSettings(), 0, codes_of(0))
    other, _ = forms.corrupted(MIMSettings(), 0, codes_of(0), image=forms.visit(5, codes_of(5)))
    dropped, record = forms.corrupted(MIMSettings(), 0, codes_of(0), image=None)
    assert (own.patch_mask == other.patch_mask).all() and (own.patch_mask == dropped.patch_mask).all()
    theirs = np.random.default_rng(5).integers(0, 8192, (GRID, GRID)).ravel()
    assert (other.window_targets["own"] == np.where(own.patch_mask, theirs, IGNORED)).all()
    assert (dropped.window_targets["own"] == IGNORED).all() and record.patches_masked.any()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "has no .codes.npy"),
        (codes_of(0, grid=7), "has 49 codes up to 7,.*; wanted are 10 × 10 below 8,192"),
        (codes_of(0, 20_000), "has 100 codes up to 19,.*; wanted are 10 × 10 below 8,192"),
    ],
)
def test_a_page_without_fitting_codes_is_refused(forms: Any, members: dict[str, bytes], said: str) -> None:
    with pytest.raises(DocexpError, match=said) as refused:
        forms.corrupted(MIMSettings(), 0, members)
    assert forms.page(0).id in str(refused.value) and "docexp data tokenize-images" in str(refused.value)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with an image tokenizer of 300 codes."""
    torch.manual_seed(0)
    size = DiscreteVAESettings(vocabulary=300, codebook_dim=8, hidden_dim=8)
    made = build_network(size)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(4)  # drawn as usual, the biases alone would decide
    folder = tmp_path_factory.mktemp("tokenizer") / "small"
    ImageTokenizer(made, size).save(folder)
    return str(folder)


def test_codes_made_while_training_are_those_that_were_stored(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings, tokenizer: str
) -> None:
    from docexp.objectives.image_tokenizer.loading import load_image_tokenizer

    maker = load_image_tokenizer(tokenizer)

    def members(number: int) -> dict[str, bytes]:
        pixels = torch.from_numpy(tokenizer_pixels(forms.page(number), 8 * GRID))
        return {"codes.npy": encode_codes(maker.codes(pixels[None])[0].numpy())}

    judged = []
    for settings in (MIMSettings(codes=300, tokenizer=tokenizer), MIMSettings(codes=300)):
        task = together(mim=settings)
        torch.manual_seed(0)
        objective = task.build(forms.given, model.hidden_size).objectives["mim"]
        batch = forms.batch(task, [0, 1], members)
        patches = torch.randn(batch.rows, GRID**2, model.hidden_size, generator=torch.Generator().manual_seed(1))
        judged.append(objective.judge(Encoded(patches=patches), batch))
        assert (batch.code_pixels is not None) == (settings.tokenizer is not None)
    made, stored = judged
    assert torch.equal(made.target, stored.target) and torch.equal(made.loss, stored.loss)
    assert len(made.target.unique()) > 3


def test_the_image_tokenizer_is_no_part_of_the_model(forms: Any, tokenizer: str) -> None:
    settings = MIMSettings(codes=300, tokenizer=tokenizer)
    with_it, without = settings.build("mim", forms.given, 48), MIMSettings(codes=300).build("mim", forms.given, 48)
    assert list(with_it.state_dict()) == list(without.state_dict())
    assert list(dict(with_it.named_parameters())) == list(dict(without.named_parameters()))
    assert set(settings.places) == {"tokenizer"} and not MIMSettings().places


def test_an_image_tokenizer_that_does_not_fit_is_refused(forms: Any, tokenizer: str, tmp_path: Path) -> None:
    with pytest.raises(
        DocexpError, match=r"has 300 codes, and objective.mim.codes is 8,192. Set objective.mim.codes=30"
    ):
        MIMSettings(tokenizer=tokenizer).build("mim", forms.given, 48)
    with pytest.raises(DocexpError, match="no effect with target=pixels"):
        MIMSettings(tokenizer=tokenizer, target="pixels")
    size = DiscreteVAESettings(vocabulary=300, codebook_dim=8, hidden_dim=8, layers=2)
    ImageTokenizer(build_network(size), size).save(tmp_path / "coarse")
    with pytest.raises(DocexpError, match="a code of 4 × 4 pixels"):
        MIMSettings(codes=300, tokenizer=str(tmp_path / "coarse")).build("mim", forms.given, 48)


def test_pixels_are_each_patch_s_own_less_its_mean_over_its_deviation(forms: Any, together: Callable[..., Any]) -> None:
    task = together(mim=PIXELS)
    batch = forms.batch(task, [0, 1])
    objective = task.build(forms.given, 48).objectives["mim"]
    found = objective.judge(Encoded(patches=torch.zeros(batch.rows, GRID**2, 48)), batch)  # guesses the bias, 0
    expected = []
    for row, patch in (batch.targets["mim"] == 0).nonzero().tolist():
        top, left = PATCH * (patch // GRID), PATCH * (patch % GRID)
        own = batch.pixels[row, :, top : top + PATCH, left : left + PATCH].double() / 255
        normal = (own - own.mean()) / (own.var() + 1e-6).sqrt()
        expected.append(float(normal.square().mean()))
    assert found.constant.tolist() == pytest.approx(expected, abs=1e-4)
    assert torch.allclose(found.loss, found.constant)
    assert min(expected) < 0.5 < max(expected)  # empty paper, and ink


def test_the_pixels_of_a_patch_are_in_the_order_of_the_head_s_outputs() -> None:
    from docexp.objectives.mim.pixels import normalised_patches

    pixels = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    pixels[0, 2, 0, 3] = 255  # blue, row 0, column 3: second patch, its row 0, column 1
    patch = normalised_patches(pixels, 2, torch.tensor([0, 0]), torch.tensor([1, 2]))
    assert patch.shape == (2, 12) and patch[0].argmax() == (0 * 2 + 1) * 3 + 2 and not patch[1].any()


def test_logits_are_made_of_hidden_patches_alone(forms: Any, together: Callable[..., Any]) -> None:
    task = together(mim=MIMSettings())
    batch = forms.batch(task, [0, 1, 2], codes_of)
    objective = task.build(forms.given, 48).objectives["mim"]
    rows: list[int] = []
    objective.decoder.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    judged = objective.judge(Encoded(patches=torch.randn(batch.rows, GRID**2, 48)), batch)
    assert rows == [int(batch.patch_mask.sum())] == [len(judged.loss)] and rows[0] < 0.41 * batch.patch_mask.numel()
    assert (judged.target == batch.targets["mim"][batch.patch_mask]).all()


def test_the_model_does_not_see_what_is_hidden(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    task = together(mim=PIXELS)
    batch, backbone = forms.batch(task, [3]), model.build(300, 1).eval()
    pretraining = task.build(forms.given, model.hidden_size)

    def encoded(changed: int | None) -> Encoded:
        pixels = batch.pixels.clone()
        if changed is not None:
            top, left = PATCH * (changed // GRID), PATCH * (changed % GRID)
            pixels[:, :, top : top + PATCH, left : left + PATCH] += 100
        return pretraining.encode(backbone, replace(batch, pixels=pixels))

    hidden, shown = (int((batch.patch_mask[0] == flag).nonzero()[0]) for flag in (True, False))
    plain, behind, seen = encoded(None), encoded(hidden), encoded(shown)
    if len(batch.patch_mask) > 1:
        assert (batch.patch_mask[1:] != batch.patch_mask[0]).any()  # each window has a mask of its own
    assert torch.equal(plain.patches[0], behind.patches[0]) and torch.equal(plain.text[0], behind.text[0])
    assert not torch.allclose(plain.text[0], seen.text[0])
    with torch.no_grad():
        pretraining.objectives["mim"].mask_token += 1
    assert not torch.allclose(plain.patches[0], encoded(None).patches[0])


def test_the_learned_vector_learns(forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings) -> None:
    task = together(mim=MIMSettings())
    pretraining, backbone = task.build(forms.given, model.hidden_size), model.build(300, 1)
    token = pretraining.objectives["mim"].mask_token
    assert token.abs().max() <= 0.02 and token.std() > 0.005
    batch = forms.batch(task, [0, 1], codes_of)
    pretraining.losses(pretraining.encode(backbone, batch), batch).sums["mim"].backward()
    assert token.grad.abs().min() > 0


def test_chance_is_the_entropy_of_the_codes(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    task = together(mim=MIMSettings(codes=7))
    pretraining = task.build(forms.given, model.hidden_size)
    batch = forms.batch(task, range(4), lambda number: codes_of(number, 7))
    with torch.no_grad():
        predictions = pretraining.decode(pretraining.encode(model.build(300, 1), batch), batch)
    codes = batch.targets["mim"][batch.patch_mask]
    shares = codes.bincount() / len(codes)
    chance = pretraining.baseline(predictions)
    assert chance["mim/loss"] == pytest.approx(float(-(shares * shares.log()).sum()), rel=1e-5)
    assert chance["mim/accuracy"] == pytest.approx(float(shares.max())) and chance["skill(mim)"] == pytest.approx(
        0, abs=1e-6
    )
    scores = pretraining.scores(predictions)
    assert scores["mim/targets"] == len(codes) and scores["mim/loss"] > 1


def test_fillers_count_nowhere(forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings) -> None:
    task = together(mim=PIXELS)
    pretraining, backbone = task.build(forms.given, model.hidden_size), model.build(300, 1)
    samples = forms.samples(task, [0, 1])
    filled = [*samples, replace(samples[0], filler=True)]

    def sums(batch: Batch) -> float:
        return pretraining.losses(pretraining.encode(backbone, batch), batch).sums["mim"].item()

    alone, more = (collate(some, forms.tokenizer.pad_id) for some in (samples, filled))
    assert target_counts(samples) == target_counts(filled) == {"mim": float(alone.patch_mask.sum())}
    assert sums(more) == pytest.approx(sums(alone), rel=1e-5)
    with torch.no_grad():
        assert len(pretraining.decode(pretraining.encode(backbone, more), more)) == 2


def test_a_micro_batch_without_targets_costs_nothing(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    for settings in (MIMSettings(), PIXELS):
        task = together(mim=settings)
        batch = forms.batch(task, [0], codes_of)
        batch.targets["mim"].fill_(IGNORED)
        pretraining = task.build(forms.given, model.hidden_size)
        loss = pretraining.losses(pretraining.encode(model.build(300, 1), batch), batch).sums["mim"]
        assert loss == 0 and loss.requires_grad


def test_heads_have_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        codes, pixels = MaskedCodes("mim", 768, 8192), MaskedPixels("mim", 768, 14, 16)
    millions = [sum(p.numel() for p in each.parameters()) / 1e6 for each in (codes, pixels)]
    assert round(millions[0], 1) == 6.9  # LayoutLMv3 §3.5
    assert pixels.decoder.out_features == 768


@pytest.fixture
def index(forms: Any, tmp_path: Path) -> Index:
    """Two pages, without codes."""
    facts = SetFacts(name="forms", licence="none", command="docexp data prepare")
    write_shards([("train", forms.page(number)) for number in (0, 1)], tmp_path / "forms", facts)
    return Index.open(tmp_path / "forms")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (None, "has no image codes. .*docexp data tokenize-images .*grid=10"),
        (CodesFacts("abc", 14, 8192), "other image codes: grid 14 where 10 is wanted. .*docexp data tokenize-images"),
        (CodesFacts("abc", 10, 300), "objective.mim.codes is 8,192. Set objective.mim.codes=300"),
        (CodesFacts("abc", 10, 8192), None),
    ],
)
def test_shards_without_fitting_codes_are_refused_before_training(
    forms: Any, together: Callable[..., Any], index: Index, codes: CodesFacts | None, said: str | None
) -> None:
    found = replace(index, facts=replace(index.facts, codes=codes))
    together(mim=PIXELS).check_data(forms.given.data, [found], GRID)
    together(mim=MIMSettings(tokenizer="somewhere")).check_data(forms.given.data, [found], GRID)
    if said is None:
        together(mim=MIMSettings()).check_data(forms.given.data, [found], GRID)
        return
    with pytest.raises(DocexpError, match=f"objective mim: .*{said}"):
        together(mim=MIMSettings()).check_data(forms.given.data, [found], GRID)


def test_corpora_with_codes_of_unlike_image_tokenizers_are_refused(
    forms: Any, together: Callable[..., Any], index: Index
) -> None:
    """The same number would mean another code."""
    first, second = (
        replace(index, facts=replace(index.facts, codes=CodesFacts(tokenizer, 10, 8192)))
        for tokenizer in ("abc", "xyz")
    )
    together(mim=MIMSettings()).check_data(forms.given.data, [first, first], GRID)
    with pytest.raises(DocexpError, match=r"objective mim: .*tokenizer xyz where abc is wanted"):
        together(mim=MIMSettings()).check_data(forms.given.data, [first, second], GRID)


def test_the_protocol_names_what_the_score_depends_on() -> None:
    assert MIMSettings(ratio=0.3, codes=300).protocol() == (
        "0.3 of the patches, blocks of at least BEiT's 16 of 196, aspect 0.3, 300 codes"
    )
    assert PIXELS.protocol().endswith("normalised pixels")
