"""The class of a document as a target of every window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from docexp.documents.page import Page
from docexp.errors import DocexpError
from docexp.inputs.collate import collate
from docexp.inputs.dataset import SampleMaker
from docexp.inputs.sample import IGNORED
from docexp.inputs.settings import DataSettings
from docexp.inputs.tokenizer import Tokenizer
from docexp.inputs.visit import RowDraw
from docexp.models.layoutlm import LayoutLMSettings
from docexp.objectives import PretrainingSettings
from docexp.objectives.mdc import MDCSettings
from docexp.objectives.mlm import MLMSettings
from docexp.runs.identity import without_uncounted
from docexp.shards.index import Index, SetFacts
from docexp.shards.needs import Need, check_needs
from docexp.shards.read import ShardReader
from docexp.shards.write import write_shards
from docexp.tasks.settings import Given

torch.set_num_threads(1)

CLASSES = ("letter", "form", "letter", None, "invoice")
DATA = DataSettings(name="x", shards="x")

Shards = Callable[..., Index]


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """``shards(class, …)``: an index of one page of each class; of tags where they are given as a tuple."""

    def write(*labels: str | tuple[str, ...] | None) -> Index:
        pages = (
            ("test", Page(str(n), 9, 9, ("some", "words"), [(0, 0, 3, 3), (4, 0, 8, 3)], **labelled(label)))
            for n, label in enumerate(labels)
        )
        return write_shards(pages, tmp_path / "set", SetFacts(name="x", licence="", command="x"))

    return write


def labelled(label: str | tuple[str, ...] | None) -> dict[str, Any]:
    return {"document_tags": label} if isinstance(label, tuple) else {"document_class": label}


def pretraining(**objectives: Any) -> PretrainingSettings:
    settings = PretrainingSettings()
    settings.objectives = objectives
    return settings


def test_from_classes_to_losses_and_the_chance_level(shards: Shards, byte_tokenizer: Tokenizer) -> None:
    settings = pretraining(mdc=MDCSettings(classes=["form", "invoice", "letter"]), mvlm=MLMSettings())
    model = LayoutLMSettings(layers=1, heads=2, hidden_size=16, ffn_size=16, max_tokens=6, dropout=0.0)
    given = Given(data=DATA, tokenizer=byte_tokenizer)
    encoder = model.encoder(byte_tokenizer, "word", 0)
    maker = SampleMaker(ShardReader(shards(*CLASSES)), encoder, settings.targets(given), "all", 0, RowDraw((range(5),)))
    samples = [maker.training(row, 0) for row in range(5)]
    rows = [len(sample.windows) for sample in samples]
    assert min(rows) > 1  # each window has the target, a page's windows alike
    batch = collate(samples, byte_tokenizer.pad_id, pad_to_multiple=2)
    expected = np.repeat([2, 0, 2, IGNORED, 1], rows)
    assert batch.targets["mdc"].tolist() == expected.tolist()

    torch.manual_seed(0)
    backbone = model.build(byte_tokenizer.vocab_size, byte_tokenizer.pad_id)
    task = settings.build(given, backbone.hidden_size)
    encoded = task.encode(backbone, batch)
    losses = task.losses(encoded, batch)
    logits = task.objectives["mdc"].classifier(encoded.pooled)
    target = torch.from_numpy(expected)
    plain = torch.nn.functional.cross_entropy(logits, target, ignore_index=IGNORED, reduction="sum")
    torch.testing.assert_close(losses.sums["mdc"], plain)
    with torch.no_grad():
        baseline = task.baseline(task.decode(encoded, batch))
    shares = np.unique(expected[expected >= 0], return_counts=True)[1] / (expected >= 0).sum()
    assert baseline["mdc/loss"] == pytest.approx(-(shares * np.log(shares)).sum())
    assert baseline["mdc/accuracy"] == pytest.approx(shares.max())
    plain.backward()
    named = [*backbone.named_parameters(), *task.objectives["mdc"].named_parameters()]
    assert not [name for name, weight in named if weight.requires_grad and weight.grad is None]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], r"^objective mdc: classes=\[\] must name 2 or more; .*set has \[form,invoice,letter\]$"),
        (["form"], r"classes=\[form\] must name 2 or more"),
        (
            ["form", "letters", "invoice"],
            r"set has pages of letter, which classes does not name; .* \[form,invoice,letter\]. Nearest: letters\.$",
        ),
    ],
)
def test_classes_that_are_not_those_of_the_data_are_refused(shards: Shards, classes: list[str], message: str) -> None:
    with pytest.raises(DocexpError, match=message):
        pretraining(mdc=MDCSettings(classes=classes)).check_data(DATA, [shards(*CLASSES)], None)


def test_more_classes_than_one_corpus_has_are_fine(shards: Shards) -> None:
    pretraining(mdc=MDCSettings(classes=["form", "letter", "memo", "invoice"])).check_data(
        DATA, [shards(*CLASSES)], None
    )


def test_data_without_classes_is_refused_naming_data_that_has_them(shards: Shards) -> None:
    need = Need("objective=[mdc]", pretraining(mdc=MDCSettings()).annotations)
    with pytest.raises(DocexpError, match=r"objective=\[mdc\] needs document_class; .* data=rvl_cdip"):
        check_needs(shards(None), [need], lambda kinds: ["rvl_cdip"] if kinds == {"document_class"} else [])


def test_a_class_named_twice_and_a_page_of_an_unknown_class_are_refused(
    shards: Shards, byte_tokenizer: Tokenizer
) -> None:
    with pytest.raises(DocexpError, match="classes holds form twice"):
        MDCSettings(classes=["form", "letter", "form"])
    targets = pretraining(mdc=MDCSettings(classes=["form", "letter"])).targets(
        Given(data=DATA, tokenizer=byte_tokenizer)
    )
    encoder = LayoutLMSettings(max_tokens=64).encoder(byte_tokenizer, "word", 0)
    maker = SampleMaker(ShardReader(shards("invoice")), encoder, targets, "all", 0, RowDraw((range(1),)))
    with pytest.raises(DocexpError, match="page 0: its class 'invoice' is none of form, letter"):
        maker.training(0, 0)


TAGS = (("memo", "ads"), (), ("ads",), None, ("memo", "ads", "legal"))
NAMED = ["ads", "legal", "memo"]


def test_every_tag_is_a_question_of_its_own(shards: Shards, byte_tokenizer: Tokenizer) -> None:
    """Two tags at once, none, and a page whose tags nobody made: from shards to losses and the chance level."""
    settings = pretraining(mdc=MDCSettings(of="tags", classes=NAMED))
    index = shards(*TAGS)
    settings.check_data(DATA, [index], None)
    assert index.names("document_tags") == ("ads", "legal", "memo")
    model = LayoutLMSettings(layers=1, heads=2, hidden_size=16, ffn_size=16, max_tokens=64, dropout=0.0)
    given = Given(data=DATA, tokenizer=byte_tokenizer)
    encoder, targets = model.encoder(byte_tokenizer, "word", 0), settings.targets(given)
    maker = SampleMaker(ShardReader(index), encoder, targets, "all", 0, RowDraw((range(5),)))
    batch = collate([maker.training(row, 0) for row in range(5)], byte_tokenizer.pad_id)
    has = np.array([[tag in (tags or ()) for tag in NAMED] for tags in TAGS])
    known = np.array([tags is not None for tags in TAGS])
    expected = np.where(known[:, None], 2 * np.arange(3) + has, IGNORED)
    assert batch.targets["mdc"].tolist() == expected.tolist()
    told = [settings.objectives["mdc"].told(row) for row in expected]
    assert told == ["ads, memo", "none of them", "ads", "no target", "ads, legal, memo"]

    torch.manual_seed(0)
    backbone = model.build(byte_tokenizer.vocab_size, byte_tokenizer.pad_id)
    task = settings.build(given, backbone.hidden_size)
    encoded = task.encode(backbone, batch)
    losses = task.losses(encoded, batch)
    logits = task.objectives["mdc"].classifier(encoded.pooled)[torch.from_numpy(known)]
    wanted = torch.from_numpy(has[known]).float()
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
    torch.testing.assert_close(losses.sums["mdc"], plain)
    assert int(losses.hits["mdc"]) == int(((logits > 0) == (wanted > 0)).sum())
    with torch.no_grad():
        predictions = task.decode(encoded, batch)
        baseline, scores = task.baseline(predictions), task.scores(predictions)
    share = has[known].mean(axis=0)  # of 3 in 4, 1 in 4 and 2 in 4 documents
    entropies = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert baseline["mdc/loss"] == pytest.approx(entropies.mean()) and baseline["mdc/targets"] == 12
    assert baseline["mdc/accuracy"] == pytest.approx(np.maximum(share, 1 - share).mean())
    assert baseline["mdc/skill"] == pytest.approx(0, abs=1e-9)
    assert scores["mdc/skill"] == pytest.approx(1 - float(plain.detach()) / 12 / entropies.mean())


def test_tags_that_are_not_those_of_the_data_are_refused(shards: Shards) -> None:
    index = shards(*TAGS)
    for classes, message in (
        ([], r"classes=\[\] must name 1 or more; .*set has \[ads,legal,memo\]$"),
        (["ads", "memos", "legal"], r"documents with the tags memo, which .* tags are .*\. Nearest: memos\.$"),
    ):
        with pytest.raises(DocexpError, match=message):
            pretraining(mdc=MDCSettings(of="tags", classes=classes)).check_data(DATA, [index], None)
    assert pretraining(mdc=MDCSettings(of="tags")).annotations == {"document_tags"}


def test_many_names_are_not_all_listed(shards: Shards) -> None:
    index = shards(tuple(f"t{number:02}" for number in range(30)))
    with pytest.raises(DocexpError, match=r"t19,… 10 more\]$"):
        pretraining(mdc=MDCSettings(of="tags")).check_data(DATA, [index], None)


def test_what_has_classes_by_tag_keeps_the_identity_of_older_runs() -> None:
    config = {"_target_": "docexp.objectives.mdc.MDCSettings", "classes": ["a", "b"]}
    assert without_uncounted({**config, "of": "class"}) == config != without_uncounted({**config, "of": "tags"})


def test_data_without_tags_is_refused_saying_how_they_come_by_them(shards: Shards) -> None:
    settings = MDCSettings(of="tags", classes=["memo"])
    need = Need("objective mdc", settings.annotations, settings.made_by)
    with pytest.raises(DocexpError, match=r"mdc needs document_tags; .*data\.reader\.document_tags=FILE\.\nSee"):
        check_needs(shards("form"), [need], lambda kinds: [])


def test_a_page_with_a_tag_that_is_not_named_is_refused(shards: Shards, byte_tokenizer: Tokenizer) -> None:
    given = Given(data=DATA, tokenizer=byte_tokenizer)
    targets = pretraining(mdc=MDCSettings(of="tags", classes=["ads"])).targets(given)
    encoder = LayoutLMSettings(max_tokens=64).encoder(byte_tokenizer, "word", 0)
    maker = SampleMaker(ShardReader(shards(("memo", "ads"))), encoder, targets, "all", 0, RowDraw((range(1),)))
    with pytest.raises(DocexpError, match="page 0: its tags memo are none of ads"):
        maker.training(0, 0)
