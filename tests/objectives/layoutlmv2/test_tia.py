"""Which lines are covered, what the targets say, and that neither tells which image is shown."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import IGNORED, Window
from docexp.objectives.mlm import MLMSettings
from docexp.objectives.tia import TIASettings
from docexp.objectives.tim import TIMSettings

EPOCHS, ROWS, LINES, SCALE = 150, 20, 6, 64 / 100

Make = Callable[..., SampleMaker]
Black = Callable[[Window], np.ndarray]


def windows(maker: SampleMaker, epochs: int = EPOCHS) -> list[Window]:
    return [maker.training(row, epoch).windows[0] for epoch in range(epochs) for row in range(ROWS)]


def painted_lines(black: np.ndarray) -> np.ndarray:
    """Which lines are black over the first word's full height and width, ``[LINES]``."""
    tops = [int((15 * n + 4) * SCALE) for n in range(LINES)]
    return np.array([black[top : top + 5, 2:15].all() for top in tops])


def line_targets(window: Window) -> np.ndarray:
    """The one target that all tokens of a line have, ``[LINES]``; IGNORED where none has one."""
    found = []
    for line in range(LINES):
        own = set(window.targets["tia"][window.line_index == line].tolist()) - {IGNORED}
        assert len(own) < 2
        found.append(own.pop() if own else IGNORED)
    return np.array(found)


def close(share: float, expected: float, draws: int) -> bool:
    return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / draws)


def test_15_of_100_lines_are_covered_each_as_likely_and_targets_say_which(make: Make, black: Black) -> None:
    targets = []
    for window in windows(make(tia=TIASettings())):
        targets.append(line_targets(window))
        assert np.array_equal(painted_lines(black(window)), targets[-1] == 1)
        assert (window.targets["tia"] == IGNORED).tolist() == (window.word_index < 0).tolist()
    by_line = np.mean(targets, axis=0)
    assert all(close(share, 0.15, len(targets)) for share in by_line), by_line
    assert {int((each == 1).sum()) for each in targets} == {0, 1}  # 15 % of six lines


def test_the_whole_line_is_painted_and_nothing_else(make: Make, black: Black) -> None:
    for window in windows(make(tia=TIASettings(ratio=0.4)), 5):
        expected, margin = np.zeros((2, 64, 64), bool), (0, 2)
        for line in np.flatnonzero(line_targets(window) == 1):
            box = window.word_bbox[window.line_index == line]
            left, top = box[:, :2].min(axis=0) * 64 / 1000
            right, bottom = box[:, 2:].max(axis=0) * 64 / 1000
            for area, wider in zip(expected, margin, strict=True):
                low, high = (max(int(top) - wider, 0), max(int(left) - wider, 0)), (bottom + wider, right + wider)
                area[low[0] : int(np.ceil(high[0])), low[1] : int(np.ceil(high[1]))] = True
        found = black(window)
        assert (found >= expected[0]).all() and (found <= expected[1]).all()
        assert len(np.unique(window.pixels[:, ~found])) == 1


def test_under_another_image_all_is_covered_and_the_lines_painted_are_those_of_the_own_image(
    make: Make, black: Black
) -> None:
    alone, both = make(tia=TIASettings()), make(tia=TIASettings(), tim=TIMSettings(replaced=0.3, dropped=0.2))
    fates = np.zeros((2, 2))  # other or own image; no line covered, or one
    for own, shown in zip(windows(alone), windows(both), strict=True):
        assert np.array_equal(black(own), black(shown))  # so what is painted cannot tell which image it is painted on
        text = own.word_index >= 0
        fates[int(shown.window_targets["tim"]), int(black(own).any())] += 1
        if shown.window_targets["tim"]:
            assert np.array_equal(own.targets["tia"], shown.targets["tia"])
        else:
            assert (shown.targets["tia"] == np.where(text, 1, IGNORED)).all()
    assert close(fates[0].sum() / fates.sum(), 0.5, EPOCHS * ROWS)
    assert stats.chi2_contingency(fates).pvalue > 1e-4


def test_the_text_tells_nothing_about_the_targets(make: Make) -> None:
    """Each token is covered as often as any other, by its share of 0.15 and 0.2, and whether TIM changed the image."""
    maker = make(tia=TIASettings(), tim=TIMSettings(), mvlm=MLMSettings(ratio=0.15, masking="tokens", mask_image=True))
    found = windows(maker)
    targets = np.array([window.targets["tia"] for window in found])
    for token in targets.T[1:-1]:
        seen = token[token != IGNORED]
        assert close(len(seen) / len(token), 0.85, len(token))
        assert close((seen == 1).mean(), 1 - 0.8 * 0.85, len(seen))


def test_hidden_and_special_tokens_have_no_target_and_what_mvlm_paints_is_not_covered(make: Make, black: Black) -> None:
    mvlm = MLMSettings(ratio=0.4, masking="tokens", mask_image=True)
    alone, both = make(tia=TIASettings()), make(tia=TIASettings(), mvlm=mvlm)
    for own, shown in zip(windows(alone, 10), windows(both, 10), strict=True):
        hidden = shown.targets["mvlm"] != IGNORED
        assert hidden.any() and not hidden[[0, -1]].any()
        assert np.array_equal(shown.targets["tia"], np.where(hidden, IGNORED, own.targets["tia"]))
        assert (black(shown) >= black(own)).all() and black(shown).sum() > black(own).sum()


def test_a_word_of_no_line_is_a_line_of_its_own(make: Make, make_page: Callable[..., Page], black: Black) -> None:
    maker = make([make_page(0, stray=True)], tia=TIASettings(ratio=0.5))
    pairs = set()
    for epoch in range(60):
        (window,) = maker.training(0, epoch).windows
        stray = (window.line_index < 0) & (window.word_index >= 0)
        (own,) = set(window.targets["tia"][stray].tolist())
        (line,) = set(window.targets["tia"][window.line_index == LINES - 1].tolist())
        assert black(window)[51:55, 40:54].all() == own  # the third word of the last line
        pairs.add((own, line))
    assert pairs == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_page_without_lines_and_a_model_without_an_image_are_refused(
    make: Make, make_page: Callable[..., Page]
) -> None:
    assert TIASettings().annotations == {"lines"} and TIASettings().needs == {"text", "patches"}
    with pytest.raises(DocexpError, match="page 0 has no lines for TIA to cover"):
        make([make_page(0, lines=False)], tia=TIASettings()).training(0, 0)
    with pytest.raises(DocexpError, match="page 2: TIA covers lines in the image, but the model sees none"):
        make(changes={"image": "none"}, tia=TIASettings()).training(2, 0)
