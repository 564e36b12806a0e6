"""The papers' pretraining, as the papers have it; and what a text model's weights give to it."""

import pytest

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.project import Project

PRESETS = [choice for choice in Project().choices("experiment") if choice.startswith("pretrain/")]
BASES = [choice for choice in PRESETS if not choice.endswith("_tiny")]

PAPERS = {
    # steps, batch, lr, betas, weight decay, warm-up steps, objectives, pages of IIT-CDIP in millions
    "layoutlm_base": (275_000, 80, 5e-5, [0.9, 0.999], 0.01, 27_500, "mvlm", 11),
    "layoutlmv2_base": (859_000, 64, 2e-5, [0.9, 0.999], 0.01, 85_900, "mvlm tia tim", 11),
    "layoutxlm_base": (150_000, 1024, 2e-5, [0.9, 0.999], 0.01, 15_000, "mvlm tia tim", None),
    "layoutlmv3_base": (500_000, 2048, 1e-4, [0.9, 0.98], 0.01, 24_000, "mim mlm wpa", 11),
    "layoutlmv3_large": (500_000, 2048, 5e-5, [0.9, 0.98], 0.01, 50_000, "mim mlm wpa", 11),
    "layoutlmv3_ablation": (150_000, 512, 3e-4, [0.9, 0.98], 0.01, 7_200, "mim mlm wpa", 1),
    "dit_base": (500_000, 2048, 1e-3, [0.9, 0.999], 0.05, 10_000, "mim", None),
}
"""Sources: arXiv 1912.13318; 2012.14740 §3; 2104.08836 §3-5; 2204.08387 §3.2 and Table 3; 2203.02378 §4. What no paper
states is in the files' headers: LayoutLM's lr and batch, LayoutXLM's lr, the ablation's batch."""

PAGES = 42 * 0.9
"""Millions of pages of IIT-CDIP that are not held out."""


@pytest.mark.parametrize("name", PAPERS)
def test_numbers_are_the_papers(name: str) -> None:
    settings = check(compose([f"experiment=pretrain/{name}"]))
    steps, batch, lr, betas, decay, warmup, objectives, pages = PAPERS[name]
    optim, trainer = settings.plain["optim"], settings.trainer
    assert (trainer.max_steps, trainer.global_batch, optim["lr"], optim["betas"]) == (steps, batch, lr, betas)
    assert (optim["weight_decay"], settings.optim.warmup(steps)) == (decay, warmup)
    assert sorted(settings.objective) == objectives.split()
    assert settings.data.share * PAGES == pytest.approx(pages or PAGES, rel=0.01)


def test_every_preset_that_is_no_tiny_one_is_held_against_its_paper() -> None:
    assert {f"pretrain/{name}" for name in PAPERS} == set(BASES) - {"pretrain/image_tokenizer"}  # no preset of a model


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_composes_and_its_model_provides_what_its_objectives_need(preset: str) -> None:
    settings = check(compose([f"experiment={preset}"]))
    assert settings.objective and settings.task.needs <= settings.model.provides


@pytest.mark.parametrize("name", PAPERS)
def test_headers_say_what_is_estimated_and_what_deviates(name: str) -> None:
    file = Project().file("experiment", f"pretrain/{name}")
    assert file is not None
    head = "\n".join(line for line in file.read_text().splitlines() if line.startswith("#"))
    for word in ("arXiv", "estimated", "GPU-day", "Data:", "Deviations", "conf/data/"):
        assert word in head, word
