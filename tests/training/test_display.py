"""What training shows: every number once, the end when it is known, and a bar that is gone afterwards."""

import io
import re
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from docexp.training import display
from docexp.training.amounts import clock, duration, roughly, short
from docexp.training.display import Display, left_before

LINE = {"loss": 1.23456, "samples_per_second": 52.13, "tokens_per_second": 9400.0, "memory_bytes": 1.24e9}


class Log:
    """Stands for RunLog; ``said`` went to the terminal and the file, ``noted`` to the file alone."""

    def __init__(self, terminal: Any = None) -> None:
        self.terminal, self.said, self.noted = terminal, [], []

    def say(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.noted.append(text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test moves."""
    at = [100.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: at[0])
    return at


def train(shown: Display, now: list[float], steps: range, seconds: float, first: float, micro: int = 1) -> None:
    """Steps of ``seconds`` each, the first of ``first``, in micro-batches, every step with a line."""
    shown.on_train_start(SimpleNamespace(), SimpleNamespace())
    for number, step in enumerate(steps):
        for batch in range(micro):
            now[0] += (first if number == 0 else seconds) / micro
            trainer = SimpleNamespace(global_step=step - (batch < micro - 1), accumulate_grad_batches=micro)
            shown.on_train_batch_end(trainer, SimpleNamespace(), None, None, number * micro + batch)
        shown.show(step, LINE)


def test_a_line_tells_step_loss_rates_time_left_and_memory(now: list[float]) -> None:
    log = Log()
    train(Display(log, 100, 0, "validation/f1"), now, range(1, 101), seconds=1.0, first=20.0)  # its end is said at 16
    assert log.said[0] == "step 1/100  loss 1.235  52.1 pages/s  9.4k tokens/s  1.2 GB"  # nothing is timed yet
    assert "step 32/100  loss 1.235  52.1 pages/s  9.4k tokens/s  1:08 left  1.2 GB" in log.said
    assert log.said[-1] == "step 100/100  loss 1.235  52.1 pages/s  9.4k tokens/s  0:00 left  1.2 GB"
    assert len(log.said) < 12  # a line now and then


@pytest.mark.parametrize("micro", [1, 2])
def test_the_end_is_said_once_and_without_the_slow_first_step(now: list[float], micro: int) -> None:
    log = Log()
    before = datetime.now().timestamp()
    train(Display(log, 140, 39, "validation/f1"), now, range(40, 141), seconds=1.0, first=50.0, micro=micro)
    (said,) = [line for line in log.said if "until" in line]
    assert re.fullmatch(r"  training takes about 80 s more, until about [0-9:]{5}", said), said
    assert said.split()[-1] in {f"{datetime.fromtimestamp(before + 85 + late):%H:%M}" for late in range(5)}


def test_an_end_that_is_near_is_not_announced(now: list[float]) -> None:
    log = Log()
    train(Display(log, 20, 0, "validation/f1"), now, range(1, 21), seconds=1.0, first=1.0)
    assert not [line for line in log.said if "until" in line]


def test_a_validation_is_always_said(now: list[float]) -> None:
    log = Log()
    shown = Display(log, 100, 0, "validation/f1")
    train(shown, now, range(1, 4), seconds=0.1, first=0.1)
    shown.show(3, {"validation/f1": 0.51234, "validation/precision": 0.1})
    assert log.said[-1] == "step 3/100  validation/f1 0.5123"


@pytest.mark.parametrize("columns", ["60", "80", "140"])
def test_the_bar_keeps_to_one_line_and_goes_away(
    now: list[float], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    log = Log(terminal)
    shown = Display(log, 1000, 0, "validation/f1")
    train(shown, now, range(1, 31), seconds=1.0, first=1.0)
    shown.show(30, {"validation/f1": 0.5})
    shown._bar.refresh()
    shown.on_exception(SimpleNamespace(), SimpleNamespace(), ValueError())
    drawn = terminal.getvalue()
    frames = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in re.split(r"[\r\n]", drawn)]
    assert any(f"30/1000  loss 1.235{' ' * 2}52.1 pages/s" in frame for frame in frames)
    assert max(map(len, frames)) < int(columns) - 2  # an echoed ^C must not break the line
    assert ("16:10 left  1.2 GB" in drawn) == (columns == "140" or columns == "80")
    assert "step 30/1000  validation/f1 0.5" in frames
    assert log.noted[-1] == "step 30/1000  validation/f1 0.5"
    assert drawn.rstrip("\x1b[?25h").endswith("\x1b[2K")  # the last thing done is to clear the bar's line
    assert not log.said


def test_a_resumed_run_knows_its_rate() -> None:
    lines = [{"step": 1, **LINE, "samples_per_second": 3.0}, {"step": 10, **LINE}, {"step": 10, "validation/f1": 0.5}]
    assert left_before(lines, steps=1000, global_batch=16) == "about 5.1 min left at the last 52.1 pages/s"
    assert left_before(lines, steps=10, global_batch=16) == ""  # three seconds: not worth a word
    assert left_before([{"step": 10, "validation/f1": 0.5}], 1000, 16) == ""


def test_numbers_for_people() -> None:
    assert [duration(s) for s in (7, 750, 11100)] == ["0:07", "12:30", "3:05:00"]
    assert [roughly(s) for s in (7, 44, 89, 372, 12600, 250000)] == [
        "about 7 s",
        "about 40 s",
        "about 90 s",
        "about 6.2 min",
        "about 3.5 h",
        "about 2.9 days",
    ]
    assert [short(n) for n in (87.4, 9412, 1.34e6)] == ["87.4", "9.41k", "1.34M"]
    assert re.fullmatch(r"\d?\d [A-Z][a-z]{2} \d\d:\d\d", clock(86400 * 3))
