"""What strategies refuse before anything is built."""

import importlib.util
import sys

import pytest

from docexp.errors import DocexpError
from docexp.training.settings import HardwareSettings
from docexp.training.strategies.deepspeed import DeepSpeedSettings
from docexp.training.strategies.settings import DDPSettings

ZERO2 = {"accelerator": "cpu", "devices": 2, "strategy": DeepSpeedSettings()}


def test_deepspeed_that_is_not_there(monkeypatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "deepspeed" else found(name))
    with pytest.raises(DocexpError, match=r"DeepSpeed is not installed\. Use hardware=ddp"):
        HardwareSettings(**ZERO2).sharing.check_installed()
    HardwareSettings(devices=2).sharing.check_installed()


def test_deepspeed_on_another_system(monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(DocexpError, match=r"DeepSpeed runs on Linux, this is darwin\. Use hardware=ddp"):
        HardwareSettings(**ZERO2).sharing.check_installed()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "single device"),
        ({"strategy": DDPSettings()}, "single device"),
        ({"devices": 2}, "ddp"),
        ({"devices": 2, "strategy": DDPSettings()}, "ddp"),
        (ZERO2, "deepspeed_zero2"),
        ({**ZERO2, "devices": 1}, "deepspeed_zero2"),
    ],
)
def test_a_strategy_is_called_what_it_is(settings: dict, name: str) -> None:
    assert HardwareSettings(**settings).strategy_name == name


def test_the_same_run_whatever_shares_it() -> None:
    from docexp.config.check import check
    from docexp.config.compose import compose
    from docexp.runs.identity import identity

    extras = {"data": "data", "tokenizer": "tokenizer"}
    presets = ("gpu", "ddp", "deepspeed_zero2")
    plains = [check(compose([f"hardware={name}", "hardware.devices=2"])).plain for name in presets]
    assert len({identity(plain, extras) for plain in plains}) == 1
