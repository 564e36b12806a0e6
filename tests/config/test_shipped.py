"""Every shipped configuration composes and passes its schemas."""

import pytest

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.config.fitting import models_that_fit
from docexp.config.project import Project
from docexp.errors import DocexpError

GROUPS = ["model", "task", "data", "optim", "trainer", "hardware", "logger", "paths", "debug", "experiment"]
NO_TASK = models_that_fit(Project(), lambda model: not model.reads_text)
"""Models that see the image alone: no task predicts from that yet."""
CHOICES = [
    (group, choice)
    for group in GROUPS
    for choice in Project().choices(group)
    if group != "model" or choice not in NO_TASK
]
MUST_BE_SAID = {
    "hardware=ddp": ["hardware.devices=2"],
    "hardware=deepspeed_zero2": ["hardware.devices=2"],
    "task=pretraining": ["objective=[mlm]"],
}
"""Choices that leave a setting to the user, and one for it."""


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=[f"{g}={c}" for g, c in CHOICES])
def test_every_choice_passes(group: str, choice: str) -> None:
    word = f"{group}={choice}"
    settings = check(compose([word, *MUST_BE_SAID.get(word, [])]))
    assert settings.plain["trainer"]["max_steps"] > 0


@pytest.mark.parametrize("choice", NO_TASK)
def test_a_model_of_images_alone_is_refused_for_want_of_text_and_of_nothing_else(choice: str) -> None:
    provided = "code_logits, reconstruction" if "tokenizer" in choice else "patch_token, patches, pooled"
    with pytest.raises(DocexpError, match=f"^model {choice} provides {provided}; .* needs text"):
        check(compose([f"model={choice}"]))


def test_every_file_says_what_it_is() -> None:
    for group in Project().groups():
        for choice in Project().choices(group):
            file = Project().file(group, choice)
            assert file is not None
            assert file.read_text().startswith("#"), f"{file} does not open with a comment that says what it is"


def test_experiments_say_command_and_cost_in_at_most_40_lines() -> None:
    for choice in Project().choices("experiment"):
        file = Project().file("experiment", choice)
        assert file is not None
        lines = file.read_text().splitlines()
        head = "\n".join(line for line in lines if line.startswith("#"))
        assert len(lines) <= 40, file
        assert f"docexp train experiment={choice}" in head or f"docexp train -m experiment={choice}" in head, file
        assert " min" in head, f"{file} does not say what it costs"


def test_defaults_are_filled_in_and_a_run_reads_its_own_configuration(tmp_path) -> None:
    import yaml

    from docexp.verbs.train import resolved_settings

    settings = check(compose(["experiment=finetune/funsd", "model=layoutlmv3_tiny", "optim.lr=1e-4"]))
    assert settings.plain["optim"]["betas"] == [0.9, 0.999]
    assert settings.plain["optim"]["lr"] == 1e-4
    assert settings.plain["trainer"]["max_steps"] == 300
    pretrained = check(compose(["experiment=finetune/funsd", "model.weights=microsoft/layoutlmv3-base"]))
    assert (pretrained.trainer.max_steps, pretrained.optim.lr) == (1000, 1e-5)
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.plain))
    assert resolved_settings(file, Project()).plain == settings.plain
