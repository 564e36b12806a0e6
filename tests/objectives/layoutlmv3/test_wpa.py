"""WPA: labels against a version that goes patch by patch, and what is said of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from docexp.errors import DocexpError
from docexp.inputs.sample import IGNORED
from docexp.models.layoutlmv3 import LayoutLMv3Settings
from docexp.objectives.masking.alignment import RULES
from docexp.objectives.mim import MIMSettings
from docexp.objectives.mlm import MLMSettings
from docexp.objectives.mlm.objective import MaskedTokens
from docexp.objectives.wpa import WPASettings
from docexp.objectives.wpa.objective import Alignment

GRID = 10
PIXELS = MIMSettings(target="pixels")


def label(box: list[int], hidden: np.ndarray, rule: str) -> int:
    """1 for unaligned, patch by patch: their edges lie at every hundred of a thousand."""
    under = [
        bool(hidden[row, column])
        for row in range(GRID)
        for column in range(GRID)
        if box[1] < 100 * (row + 1) and box[3] > 100 * row and box[0] < 100 * (column + 1) and box[2] > 100 * column
    ]
    assert under
    return int({"any": any(under), "majority": sum(under) > len(under) / 2, "all": all(under)}[rule])


@pytest.mark.parametrize("rule", RULES)
def test_labels_are_those_found_patch_by_patch(forms: Any, together: Callable[..., Any], rule: str) -> None:
    task = together(wpa=WPASettings(rule=rule), mlm=MLMSettings(), mim=PIXELS)
    assert task.order == ["mim", "mlm", "wpa"]
    seen = set()
    for sample in forms.samples(task, range(12)):
        for window in sample.windows:
            target, hidden = window.targets["wpa"], window.patch_mask.reshape(GRID, GRID)
            for token, box in enumerate(window.word_bbox.tolist()):
                special = window.word_index[token] < 0
                if special or window.targets["mlm"][token] != IGNORED:
                    assert target[token] == IGNORED
                    continue
                assert box[0] < box[2] and box[1] < box[3]
                assert target[token] == label(box, hidden, rule)
                seen.add(int(target[token]))
    assert seen == {0, 1}


def test_the_word_s_own_box_decides_whatever_the_model_sees(forms: Any) -> None:
    mask = np.random.default_rng(0).random(GRID**2) < 0.4
    plain, _ = forms.corrupted(WPASettings(), 0, patches_masked=mask)
    window, visit = forms.window(0), forms.visit(0)
    window = replace(window, bbox=np.zeros_like(window.bbox))
    from docexp.objectives.objective import Record

    record = replace(Record.of(window, visit), patches_masked=mask)
    WPASettings().corruptor("own", forms.given).corrupt(window, record, visit, np.random.default_rng(0))
    assert (window.targets["own"] == plain.targets["own"]).all() and (plain.targets["own"] >= 0).any()


def test_an_image_that_is_not_the_page_s_own_gives_no_labels(forms: Any) -> None:
    mask = np.ones(GRID**2, bool)
    for image, labels in ((None, {IGNORED}), (forms.visit(4), {IGNORED})):
        window, _ = forms.corrupted(WPASettings(), 0, patches_masked=mask, image=image)
        assert set(window.targets["own"].tolist()) == labels
    window, _ = forms.corrupted(WPASettings(), 0, patches_masked=mask)
    assert set(window.targets["own"].tolist()) == {IGNORED, 1}


def test_it_needs_an_objective_that_hides_patches(together: Callable[..., Any]) -> None:
    with pytest.raises(DocexpError, match=r"needs patches masked, .*objective=\[wpa,mim\]"):
        together(mlm=MLMSettings(), wpa=WPASettings()).order  # noqa: B018 - a property that raises


def test_the_aligned_share_is_logged_and_scored(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    task = together(mlm=MLMSettings(), mim=PIXELS, wpa=WPASettings())
    pretraining, backbone = task.build(forms.given, model.hidden_size), model.build(300, 1)
    batch = forms.batch(task, range(3))
    with torch.no_grad():
        encoded = pretraining.encode(backbone, batch)
        losses, predictions = pretraining.losses(encoded, batch), pretraining.decode(encoded, batch)
    target = batch.targets["wpa"]
    aligned, there = int((target == 0).sum()), int((target >= 0).sum())
    assert 0 < aligned < there and {name: int(v) for name, v in losses.classes.items()} == {"wpa/aligned": aligned}
    scores = pretraining.scores(predictions)
    assert scores["wpa/aligned"] == pretraining.baseline(predictions)["wpa/aligned"] == aligned / there
    assert scores.keys() == pretraining.baseline(predictions).keys() and "wpa/unaligned" not in scores
    assert pretraining.remarks(scores) == []


@pytest.mark.parametrize(
    ("aligned", "targets", "said"),
    [
        (0.951, 10.0, "wpa: 95.1 % of the targets are aligned"),
        (0.949, 10.0, None),
        (0.051, 10.0, None),
        (0.049, 10.0, "wpa: 95.1 % of the targets are unaligned"),
        (0.0, 0.0, None),
    ],
)
def test_one_sided_labels_are_remarked_on(
    forms: Any, together: Callable[..., Any], aligned: float, targets: float, said: str | None
) -> None:
    pretraining = together(mim=PIXELS, wpa=WPASettings()).build(forms.given, 48)
    found = pretraining.remarks({"wpa/targets": targets, "wpa/aligned": aligned, "mim/targets": 3.0})
    assert [sentence.partition(",")[0] for sentence in found] == ([said] if said else [])


def test_all_three_together_reach_every_parameter(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    task = together(mlm=MLMSettings(), mim=PIXELS, wpa=WPASettings())
    pretraining, backbone = task.build(forms.given, model.hidden_size), model.build(300, 1)
    batch = forms.batch(task, [0, 1])
    losses = pretraining.losses(pretraining.encode(backbone, batch), batch)
    assert list(losses.sums) == ["mim", "mlm", "wpa"]
    sum(losses.sums.values()).backward()
    named = [*backbone.named_parameters(), *pretraining.named_parameters()]
    assert not [name for name, weight in named if weight.grad is None]
    assert pretraining.flops(batch).shape == (batch.rows,)


def test_logits_are_made_of_labelled_tokens_alone(
    forms: Any, together: Callable[..., Any], model: LayoutLMv3Settings
) -> None:
    task = together(mlm=MLMSettings(), mim=PIXELS, wpa=WPASettings())
    pretraining, batch = task.build(forms.given, model.hidden_size), forms.batch(task, [0, 1])
    rows: list[int] = []
    head = pretraining.objectives["wpa"].head.out_proj
    head.register_forward_hook(lambda module, inputs, output: rows.append(len(output)))
    pretraining.losses(pretraining.encode(model.build(300, 1), batch), batch)
    assert rows == [int((batch.targets["wpa"] >= 0).sum())]


def test_heads_have_the_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        heads = MaskedTokens("mlm", 768, 50265), Alignment("wpa", 768)
    assert [round(sum(p.numel() for p in head.parameters()) / 1e6, 1) for head in heads] == [39.2, 0.6]  # §3.5
