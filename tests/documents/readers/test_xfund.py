"""XFUND: the genuine counts, and its anomalies in miniature files of the release's form and of PaddleOCR's."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docexp.documents.page import Relation
from docexp.documents.readers.reader import Report
from docexp.documents.readers.xfund import XfundReader
from docexp.errors import DocexpError

WIDTH, HEIGHT = 200, 100


def entity(number: int, label: str, text: str, *links: list[int], glue: str = " ", **changes: Any) -> dict[str, Any]:
    words = text.split() if glue else [letter for letter in text if letter.strip()]
    boxes = [[10 + 20 * place, 10 * number, 28 + 20 * place, 10 * number + 8] for place in range(len(words))]
    values = {
        "box": [10, 10 * number, 190, 10 * number + 8],
        "text": text,
        "label": label,
        "words": [{"box": box, "text": word} for box, word in zip(boxes, words, strict=True)],
        "linking": list(links),
        "id": number,
    }
    return {**values, **changes}


def form() -> list[dict[str, Any]]:
    return [
        entity(0, "question", "Name des Kindes:", [0, 3], [0, 8]),
        entity(3, "question", "Vorname", [0, 3], [3, 6]),
        entity(6, "answer", "Ada", [3, 6]),
        entity(8, "answer", "Ada L.", [0, 8]),
    ]


def document(items: Any, name: str = "de_train_0") -> dict[str, Any]:
    return {
        "id": name,
        "uid": "00",
        "document": items,
        "img": {"fname": f"{name}.jpg", "width": WIDTH, "height": HEIGHT},
    }


def release(tmp_path: Path, *documents: Any, language: str = "de", split: str = "train") -> Path:
    value = {"lang": language, "version": "0.1", "split": split, "documents": list(documents)}
    (tmp_path / f"{language}.{split}.json").write_text(json.dumps(value), encoding="utf-8")
    return tmp_path


def read(source: Path, **changes: Any):
    report = Report()
    return list(XfundReader(**{"missing_images": "none", **changes}).pages(source, report)), report


def test_a_form_becomes_a_page_with_its_hierarchy(tmp_path):
    pages, report = read(release(tmp_path, document(form())))
    ((split, page),) = pages
    assert (split, page.id, page.width, page.height, page.image) == ("train", "de_train_0", WIDTH, HEIGHT, None)
    assert page.words == ("Name", "des", "Kindes:", "Vorname", "Ada", "Ada", "L.")
    assert [(e.id, e.label, e.words) for e in page.entities] == [
        ("0", "question", (0, 1, 2)),
        ("3", "question", (3,)),
        ("6", "answer", (4,)),
        ("8", "answer", (5, 6)),
    ]
    assert set(page.relations) == {Relation(0, 1), Relation(0, 3), Relation(1, 2)}, "a question may lead to a question"
    assert page.lines[0] == (0, 1, 2)
    assert report.kept == {"links stored twice merged": 3, "pages without their image": 1}
    assert set(XfundReader().annotations) == page.annotations


@pytest.mark.parametrize("place", ["", "de.train", "images"])
def test_images_lie_beside_the_file_or_in_a_folder(tmp_path, encoded, place):
    source = release(tmp_path, document(form()))
    (source / place).mkdir(exist_ok=True)
    (source / place / "de_train_0.jpg").write_bytes(encoded(WIDTH, HEIGHT, "jpeg"))
    ((_, page),) = read(source, missing_images="error")[0]
    assert page.image_format == "jpg"


def test_val_is_the_test_split_and_languages_can_be_chosen(tmp_path, refusal):
    release(tmp_path, document(form(), "de_val_0"), split="val")
    release(tmp_path, document(form()))
    release(tmp_path, document(form(), "fr_train_0"), language="fr")
    assert [(split, page.id) for split, page in read(tmp_path)[0]] == [
        ("train", "de_train_0"),
        ("test", "de_val_0"),
        ("train", "fr_train_0"),
    ]
    assert [page.id for _, page in read(tmp_path, languages=["fr"])[0]] == ["fr_train_0"]
    assert refusal(XfundReader(languages=["fr", "it"]), tmp_path) == (
        "DIR: no XFUND for it. Expected files like it.train.json, as in its release."
    )
    with pytest.raises(DocexpError, match=r"languages\[0\]=en is none of de, es, fr, it, ja, pt, zh"):
        XfundReader(languages=["en"])  # type: ignore[list-item]


def test_odd_links_and_words_are_counted(tmp_path):
    items = form()
    items[2]["linking"] += [[6, 6], [6, 6]]
    items[1]["text"] = "Vor-name"
    items[1]["words"][0]["box"] = [10, 24, 28, 38]
    ((_, page),), report = read(release(tmp_path, document(items)))
    assert len(page.relations) == 3
    assert report.kept["self links dropped"] == 1
    assert report.kept["entity texts that are not their words"] == 1
    assert report.kept["words that stand out of their entity's box"] == 1


def test_nothing_stands_between_chinese_words(tmp_path):
    items = [entity(1, "header", "汇丰晋信", glue="")]
    ((_, page),), report = read(release(tmp_path, document(items, "zh_train_0"), language="zh"))
    assert page.words == ("汇", "丰", "晋", "信")
    assert "entity texts that are not their words" not in report.kept
    assert read(release(tmp_path, document(items)), languages=["de"])[1].kept[
        "entity texts that are not their words"
    ], "German has spaces"


def paddle(tmp_path: Path, lines: list[tuple[str, Any]], split: str = "val", later: bool = False) -> Path:
    folder = tmp_path / f"fr_{split}"
    (folder / "image").mkdir(parents=True, exist_ok=True)
    name = f"{split}.json" if later else f"xfun_normalize_{split}.json"
    text = "".join(f"{image}\t{json.dumps(value, ensure_ascii=False)}\n" for image, value in lines)
    (folder / name).write_text(text, encoding="utf-8")
    return tmp_path


def earlier(items: list[dict[str, Any]]) -> dict[str, Any]:
    renamed = [{"bbox" if key == "box" else key: value for key, value in item.items()} for item in items]
    return {"height": HEIGHT, "width": WIDTH, "ocr_info": renamed}


def test_paddles_earlier_files_give_the_same_page(tmp_path):
    items = form()
    items[0]["label"] = "QUESTION"
    pages, report = read(paddle(tmp_path, [("fr_val_0.jpg", earlier(items))]))
    ((split, page),) = pages
    ((_, other),), _ = read(release(tmp_path / "fr_val", document(form(), "fr_val_0"), language="fr"))
    assert split == "test" and page.to_json() == other.to_json()
    assert report.repaired == {"labels put in lower case": 1}


def test_paddles_later_files_have_their_words_cut_from_the_text(tmp_path, encoded):
    items = [
        {
            "transcription": "Nom Prenom",
            "label": "question",
            "points": [[10, 10], [110, 10], [110, 20], [10, 20]],
            "id": 1,
            "linking": [],
        }
    ]
    source = paddle(tmp_path, [("fr_val_0.jpg", items)], later=True)
    (source / "fr_val" / "image" / "fr_val_0.jpg").write_bytes(encoded(WIDTH, HEIGHT, "jpeg"))
    ((_, page),), _ = read(source)
    assert page.words == ("Nom", "Prenom") and page.entities[0].box == (10, 10, 110, 20)
    assert page.word_boxes.tolist() == [[10, 10, 40, 20], [50, 10, 110, 20]]


@pytest.mark.parametrize("points", [[], [[1]], [[1, 2, 3]], [["a", 1]], [[float("inf"), 1], [1, 1]], [[10**400, 1]]])
def test_points_that_are_none_are_refused(tmp_path, refusal, points):
    item = {"transcription": "a b", "label": "other", "points": points, "id": 1, "linking": []}
    said = refusal(XfundReader(), paddle(tmp_path, [("fr_val_0.jpg", [item])], later=True))
    assert said == f"DIR/fr_val/val.json, line 1, entity 0: points {str(points)[:80]} are no list of x and y."


def test_faults_name_file_document_and_place(tmp_path, refusal):
    assert refusal(XfundReader(), tmp_path).startswith("DIR: no XFUND for any language. Expected files like de.train")
    source = release(tmp_path, document(form()))
    assert refusal(XfundReader(), source) == (
        "DIR/de.train/de_train_0.jpg is missing. Is the archive fully unpacked? "
        "data.reader.missing_images=none or blank does without (counted)."
    )
    release(tmp_path, document(form()), document([entity(0, "answr", "x")], "de_train_1"))
    assert refusal(XfundReader(missing_images="none"), source) == (
        'DIR/de.train.json, document 1, entity 0: label "answr" is none of header, question, answer, other. '
        "Nearest: answer."
    )
    release(tmp_path, document(form(), "../de"))
    assert refusal(XfundReader(), source) == "DIR/de.train.json, document 0: '../de.jpg' is no file name."
    release(tmp_path, {**document(form()), "img": {"fname": "a.jpg", "width": 10**6, "height": 10**6}})
    assert refusal(XfundReader(missing_images="blank"), source) == (
        "DIR/de.train/a.jpg: its annotations speak of 1000000 × 1000000 pixels. Correct them."
    )
    (source / "de.train.json").unlink()
    (paddle(source, []) / "fr_val" / "xfun_normalize_val.json").write_text("fr_val_0.jpg {}")
    assert refusal(XfundReader(), source) == (
        "DIR/fr_val/xfun_normalize_val.json, line 1: no tab between the image's name and its annotation."
    )


@given(seed=st.integers(0, 10**6))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_damage_gives_a_page_or_a_refusal(tmp_path, seed, damaged, dumped, survives):
    (tmp_path / "fr_val").mkdir(exist_ok=True)
    (tmp_path / "de.train.json").unlink(missing_ok=True)
    if seed % 2:
        (tmp_path / "de.train.json").write_bytes(dumped(damaged({"documents": [document(form())]}, seed), seed))
    else:
        points = {"transcription": "a b", "label": "other", "points": [[1, 1], [9, 1], [9, 5], [1, 5]], "id": 1}
        record = earlier(form()) if seed % 4 else [{**points, "linking": []}]
        line = b"fr_val_0.jpg\t" + dumped(damaged(record, seed), seed)
        (tmp_path / "fr_val" / "xfun_normalize_val.json").write_bytes(line)
    survives(XfundReader(missing_images="none", languages=["de" if seed % 2 else "fr"], repair="swap+clip"), tmp_path)


@pytest.fixture(scope="module")
def german(real_data):
    return read(real_data / "xfund", languages=["de"])


@pytest.mark.real_data
def test_genuine_counts(german):
    pages, report = german
    assert Counter(split for split, _ in pages) == {"train": 149, "test": 50}
    entities = Counter(split for split, page in pages for _ in page.entities)
    assert entities == {"train": 8_632, "test": 2_889}
    assert report.kept["words that stand out of their entity's box"] == 291 + 129
    texts = ("entity texts that are not their words", "entity texts spaced otherwise than their words")
    assert sum(report.kept[name] for name in texts) == 491 + 113
    assert (report.repaired, report.refused) == ({}, {})


@pytest.mark.real_data
def test_genuine_links(german):
    """Documented are stored links, each stored twice; among questions, self links are stored twice too."""
    pages, report = german
    kinds: Counter[tuple[str, str, str]] = Counter()
    for split, page in pages:
        kinds.update((split, page.entities[r.head].label, page.entities[r.tail].label) for r in page.relations)
    assert kinds["test", "question", "question"] * 2 == 1_018
    assert report.kept["self links dropped"] * 2 == 12
    assert abs(kinds["train", "question", "question"] * 2 - 2_728) <= 12
    assert kinds["train", "other", "question"] * 2 == 62 and kinds["train", "header", "question"] * 2 == 34
    page = next(page for _, page in pages if page.id == "de_train_11")
    assert all(relation.head != relation.tail for relation in page.relations)
