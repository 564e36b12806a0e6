"""LayoutLMv2's MVLM hides words in the image too, whichever image is shown."""

from collections.abc import Callable

import numpy as np
import pytest

from docexp.errors import DocexpError
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import IGNORED
from docexp.objectives.mlm import MLMSettings
from docexp.objectives.tim import TIMSettings

MVLM = MLMSettings(ratio=0.15, masking="tokens", mask_image=True)

Make = Callable[..., SampleMaker]


def test_hidden_words_are_black_and_others_untouched_in_own_other_and_white_images(make: Make) -> None:
    maker, seen = make(mvlm=MVLM, tim=TIMSettings(replaced=0.4, dropped=0.3)), set()
    for epoch in range(20):
        for row in range(20):
            (window,) = maker.training(row, epoch).windows
            hidden = set(window.word_index[window.targets["mvlm"] != IGNORED].tolist())
            black = (window.pixels == 0).all(axis=0)
            for word in set(window.word_index.tolist()) - {-1}:
                left, top, right, bottom = window.word_bbox[window.word_index == word][0] * 64 // 1000
                assert black[top : bottom + 1, left : right + 1].all() == (word in hidden)
                assert black[top : bottom + 1, left : right + 1].any() == (word in hidden)
            (rest,) = np.unique(window.pixels[:, ~black]).tolist()
            seen.add("white" if rest == 255 else "own" if rest == 20 + 10 * row else "other")
    assert seen == {"own", "other", "white"}


def test_without_it_the_image_stays(make: Make) -> None:
    (window,) = make(mvlm=MLMSettings(ratio=0.5)).training(3, 0).windows
    assert (window.pixels == 50).all()


def test_a_model_that_sees_no_image_is_refused(make: Make) -> None:
    with pytest.raises(DocexpError, match="page 4: mask_image=true, but the model sees no image"):
        make(changes={"image": "none"}, mvlm=MVLM).training(4, 0)
