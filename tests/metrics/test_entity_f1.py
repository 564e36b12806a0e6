"""Entity F1 against seqeval 1.2.2, against numbers it gave once, and over two processes."""

import json
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities, precision_recall_fscore_support
from seqeval.metrics.v1 import precision_recall_fscore_support as strict_support
from seqeval.scheme import IOB2, Entities

from docexp.errors import DocexpError
from docexp.metrics.entity_f1 import EntityF1

torch.set_num_threads(1)

CLASSES = ("header", "question", "menu.nm-x")
TAGS = ["O", *(f"{p}-{c}" for c in CLASSES for p in "BI")]


def ours(predicted, gold, classes=CLASSES, annotated=None) -> dict[str, float]:
    metric = EntityF1(classes)
    metric.update(predicted, gold, annotated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return metric.compute()


def seqeval(predicted, gold) -> dict[str, float]:
    """The same keys, by seqeval; classes that neither side has are absent."""
    scores: dict[str, float] = {}
    names = {"": set(), "_strict": set()}
    for side in (predicted, gold):
        names[""] |= {name for name, _, _ in get_entities(side)}
        names["_strict"] |= Entities(side, IOB2).unique_tags
    for suffix in ("", "_strict"):

        def score(average, strict=bool(suffix)):
            if strict:
                return strict_support(gold, predicted, average=average, scheme=IOB2, zero_division=0)
            return precision_recall_fscore_support(gold, predicted, average=average, zero_division=0)

        keys = (f"precision{suffix}", f"recall{suffix}", f"f1{suffix}", f"support{suffix}")
        micro = dict(zip(keys, score("micro"), strict=True))
        scores[f"entity_f1{suffix}"] = micro.pop(f"f1{suffix}")
        scores |= micro
        each = zip(*score(None), strict=True)
        for name, numbers in zip(sorted(names[suffix]), each, strict=True):
            scores |= {f"{name}/{key}": value for key, value in zip(keys, numbers, strict=True)}
    return {key: float(value) for key, value in scores.items()}


def check(predicted, gold) -> dict[str, float]:
    """Every number seqeval gives is ours, and what it does not mention is 0."""
    expected, found = seqeval(predicted, gold), ours(predicted, gold)
    assert expected.keys() <= found.keys()
    for key, value in found.items():
        if "annotated" not in key:
            assert value == pytest.approx(expected.get(key, 0.0), abs=1e-12), (key, predicted, gold)
    return found


def pair(tags):
    return st.integers(1, 12).flatmap(
        lambda n: st.tuples(*[st.lists(st.sampled_from(tags), min_size=n, max_size=n)] * 2)
    )


@given(st.lists(pair(TAGS), min_size=1, max_size=5))
def test_any_tags_score_as_seqeval_scores_them(pairs):
    check([p for p, _ in pairs], [g for _, g in pairs])


def test_thousands_of_random_and_nearly_right_sequences_score_as_seqeval_scores_them():
    rng = random.Random(0)
    seen = set()
    for trial in range(600):
        gold = [[rng.choice(TAGS) for _ in range(rng.randint(1, 25))] for _ in range(rng.randint(1, 8))]
        noise = rng.choice((0.0, 0.1, 0.3, 1.0))
        predicted = [[rng.choice(TAGS) if rng.random() < noise else tag for tag in tags] for tags in gold]
        if trial % 3 == 0:
            gold = [well_formed(tags) for tags in gold]
        found = check(predicted, gold)
        seen.add((found["entity_f1"] == found["entity_f1_strict"], found["support"] == found["support_strict"]))
    assert len(seen) >= 3, "the readings must differ, in scores and in supports"


def well_formed(tags):
    """Every I- made to follow a B- or I- of its label."""
    fixed, before = [], "O"
    for tag in tags:
        fixed.append("B-" + tag[2:] if tag.startswith("I-") and before[2:] != tag[2:] else tag)
        before = tag
    return fixed


def test_well_formed_tags_have_one_reading():
    rng = random.Random(1)
    gold = [well_formed([rng.choice(TAGS) for _ in range(20)]) for _ in range(50)]
    predicted = [well_formed([rng.choice(TAGS) if rng.random() < 0.2 else t for t in tags]) for tags in gold]
    found = ours(predicted, gold)
    assert 0 < found["entity_f1"] < 1
    for key in ("entity_f1", "precision", "recall", "support", "question/f1", "question/support"):
        assert found[key] == found[f"{key}_strict"]


@pytest.mark.golden
def test_numbers_that_seqeval_gave(golden):
    record = json.loads((golden / "metrics" / "seqeval.json").read_text())
    scored = 0
    for case in record["cases"]:
        tags = set(case["true"]) | set(case["pred"])
        classes = sorted({tag[2:] for tag in tags if tag != "O" and tag[2:]}) or ["Q"]
        if any(tag[0] in "ES" or tag == "B" for tag in tags):
            with pytest.raises(DocexpError, match="is none of O, B-, I- with"):
                ours([case["pred"]], [case["true"]], classes)
            continue
        found = ours([case["pred"]], [case["true"]], classes)
        scored += 1
        for kind, suffix in (("default_micro", ""), ("strict_iob2_micro", "_strict")):
            for theirs, key in (("precision", "precision"), ("recall", "recall"), ("f1", "entity_f1")):
                assert found[key + suffix] == pytest.approx(case[kind][theirs], abs=1e-12), case["what"]
        assert found["support"] == len(case["entities_default_true"])
        assert found["support_strict"] == sum(map(len, case["entities_strict_iob2_true"]))
    assert scored == 28


@pytest.mark.golden
def test_the_corpus_that_seqeval_reported(golden):
    record = json.loads((golden / "metrics" / "seqeval.json").read_text())
    cases = [
        c for c in record["cases"] if c["true"] and not any(t[0] in "ES" or t == "B" for t in c["true"] + c["pred"])
    ]
    corpus = record["corpus_iob_only"]
    assert len(cases) == corpus["n"]
    classes = sorted({tag[2:] for c in cases for tag in c["true"] + c["pred"] if tag != "O"})
    found = ours([c["pred"] for c in cases], [c["true"] for c in cases], classes)
    keys = {"precision": "precision", "recall": "recall", "f1-score": "f1", "support": "support"}
    for name in set(classes) & corpus["report_strict"].keys():
        for theirs, key in keys.items():
            assert found[f"{name}/{key}_strict"] == pytest.approx(corpus["report_strict"][name][theirs], abs=1e-12)
    assert found["support_strict"] == corpus["report_strict"]["micro avg"]["support"]
    assert found["entity_f1"] == pytest.approx(corpus["default_micro"]["f1"], abs=1e-12)
    assert found["entity_f1_strict"] == pytest.approx(corpus["strict_iob2_micro"]["f1"], abs=1e-12)


def test_recall_over_all_annotated_entities_stands_beside_the_protocols():
    gold = [["B-header", "O", "B-question", "I-question"]]
    found = ours(gold, gold, ("header", "question"), {"header": 4, "question": 1})
    assert (found["recall"], found["recall_annotated"], found["annotated"]) == (1.0, 2 / 5, 5.0)
    assert (found["header/recall"], found["header/recall_annotated"], found["header/annotated"]) == (1.0, 0.25, 4.0)
    assert found["question/recall_annotated"] == 1.0
    without = ours(gold, gold, ("header", "question"))
    assert (without["recall_annotated"], without["annotated"]) == (without["recall"], without["support"])


def test_nothing_predicted_nothing_to_find_and_nothing_at_all_score_zero_without_warnings():
    for predicted, gold in ([["O"]], [["B-header"]]), ([["B-header"]], [["O"]]), ([["O"]], [["O"]]), ([], []):
        found = ours(predicted, gold)
        assert found["entity_f1"] == found["precision"] == found["recall_annotated"] == found["header/f1_strict"] == 0.0
        assert all(type(value) is float for value in found.values())


def test_the_keys_are_those_the_class_documents():
    each = {"f1", "precision", "recall", "support"}
    expected = {
        f"{key}{suffix}" for key in ("entity_f1", "precision", "recall", "support") for suffix in ("", "_strict")
    }
    expected |= {f"a/{key}{suffix}" for key in each for suffix in ("", "_strict")}
    expected |= {"recall_annotated", "annotated", "a/recall_annotated", "a/annotated"}
    assert set(ours([], [], ["a"])) == expected


@pytest.mark.parametrize(
    ("predicted", "gold", "text"),
    [
        (["O", "O"], ["O", "B-questoin"], "gold sequence 1, tag 1: 'B-questoin' is none of O, B-, I- with "),
        (["O", "B-total"], ["O", "O"], "predicted sequence 1, tag 1: 'B-total' is none of O, B-, I- with "),
        (["O", "O"], ["O", "S-header"], "gold sequence 1, tag 1: 'S-header' is none of "),
        (["O", "O"], ["O", "B"], "gold sequence 1, tag 1: 'B' is none of "),
    ],
)
def test_a_tag_outside_the_classes_is_refused(predicted, gold, text):
    metric = EntityF1(CLASSES)
    with pytest.raises(DocexpError) as caught:
        metric.update([["O"], predicted], [["B-header"], gold])
    assert str(caught.value).startswith(text)
    assert not metric.counts.any(), "a refused update must leave no trace"


def test_counts_that_cannot_be_are_refused():
    metric = EntityF1(CLASSES)
    with pytest.raises(DocexpError, match="1 entities of header annotated, but 2 tagged; annotated counts all"):
        metric.update([["O", "O"]], [["B-header", "B-header"]], {"header": 1})
    with pytest.raises(DocexpError, match="annotated entities of other, which is none of header"):
        metric.update([["O"]], [["O"]], {"other": 3})
    with pytest.raises(ValueError, match="sequence 0: 1 predicted tags, 2 gold tags"):
        metric.update([["O"]], [["O", "O"]])
    with pytest.raises(ValueError):
        metric.update([["O"]], [])


def test_sequences_do_not_run_into_each_other():
    found = ours([["B-header"], ["I-header"]], [["B-header"], ["I-header"]])
    assert found["support"] == 2.0


def test_updates_add_up_and_reset_starts_anew():
    rng = random.Random(2)
    gold = [[rng.choice(TAGS) for _ in range(9)] for _ in range(12)]
    predicted = [[rng.choice(TAGS) for _ in range(9)] for _ in range(12)]
    metric = EntityF1(CLASSES)
    for start in (0, 5, 6):
        stop = {0: 5, 5: 6, 6: 12}[start]
        metric.update(predicted[start:stop], gold[start:stop])
    assert metric.compute() == ours(predicted, gold)
    metric.reset()
    metric.update(gold, gold)
    assert metric.compute()["entity_f1"] == 1.0


SCRIPT = """
import json, os, sys
from pathlib import Path
import torch, torch.distributed as dist
from docexp.metrics.entity_f1 import EntityF1
torch.set_num_threads(1)
folder = Path(sys.argv[1])
case = json.loads((folder / "case.json").read_text())
child = os.fork()  # one import serves both ranks
rank = 1 if child else 0
dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
scores = []
for shares in case["shares"]:
    metric = EntityF1(case["classes"])
    for start, stop in shares[rank]:
        part = slice(start, stop)
        annotated = {name: 9 * (stop - start) for name in case["classes"]}
        metric.update(case["predicted"][part], case["gold"][part], annotated)
    scores.append(metric.compute())
(folder / f"scores-{rank}.json").write_text(json.dumps(scores))
dist.destroy_process_group()
sys.exit(os.waitpid(child, 0)[1] if child else 0)
"""


def test_two_processes_score_as_one(tmp_path: Path):
    """Uneven numbers of updates, of several sizes, and a rank that has no data."""
    rng = random.Random(3)
    gold = [[rng.choice(TAGS) for _ in range(9)] for _ in range(12)]
    predicted = [[tag if rng.random() < 0.7 else rng.choice(TAGS) for tag in tags] for tags in gold]
    shares = [[[[0, 3], [5, 12], [3, 4]], [[4, 5]]], [[[0, 12]], []], [[], [[0, 1], [1, 12]]]]
    case = {"classes": CLASSES, "predicted": predicted, "gold": gold, "shares": shares}
    (tmp_path / "case.json").write_text(json.dumps(case))
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT, str(tmp_path)], check=True, timeout=180)
    expected = ours(predicted, gold, annotated=dict.fromkeys(CLASSES, 12 * 9))
    assert 0 < expected["entity_f1"] < 1
    for rank in range(2):
        assert json.loads((tmp_path / f"scores-{rank}.json").read_text()) == [expected] * 3
