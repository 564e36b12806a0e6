"""The json of an index, checked value by value: a damaged one is refused when it is opened, not when a page is read."""

from collections.abc import Mapping
from types import NoneType
from typing import Any

from docexp.shards.contents import LABELLED

LARGEST = 2**53
"""No count and no size reaches it."""

_SET = {
    "name": (str,),
    "licence": (str,),
    "command": (str,),
    "adopted": (bool,),
    "report": (dict,),
    "docexp": (str,),
    "checksum": (str,),
    "table_sha256": (str,),
    "splits": (dict,),
    "shards": (list,),
}
_MAYBE = {
    "ocr_engine": (str, NoneType),
    "ocr_version": (str, NoneType),
    "images": (str,),
    "image_size": (int, NoneType),
    "codes": (dict, NoneType),
}
_CODES = {"tokenizer": (str,), "grid": (int,), "vocabulary": (int,), "pages": (str,)}
_SHARD = {"name": (str,), "split": (str,), "size": (int,), "sha256": (str,), "rows": (list,)}
_SPLIT = {"rows": (list,), "documents": (int,), "words": (int,), "questions": (int,)}


def check_record(record: Mapping[str, Any]) -> None:
    """Refuses a record that lacks a key or holds a value that no index has.

    Raises:
        KeyError: a key is missing.
        TypeError, ValueError: a value is of another type, or no count; the key is named.
    """
    _check(record, _SET, "")
    _check(record, {key: kinds for key, kinds in _MAYBE.items() if key in record}, "")
    if record.get("codes") is not None:
        _check(record["codes"], _CODES, "codes.")
    for kind, counts in record["report"].items():
        _counts(counts, f"report.{kind}")
    for number, shard in enumerate(record["shards"]):
        _check(shard, _SHARD, f"shards[{number}].")
        for rows in shard["rows"]:
            _rows(rows, f"shards[{number}].rows")
    for name, split in record["splits"].items():
        _check(split, _SPLIT, f"splits.{name}.")
        _rows(split["rows"], f"splits.{name}.rows")
        for kind in LABELLED:
            _counts(split.get(kind, {}), f"splits.{name}.{kind}")


def _check(record: Any, kinds: Mapping[str, tuple[type, ...]], where: str) -> None:
    if type(record) is not dict:
        raise TypeError(f"{where or 'the index'} is {str(record)[:40]!r}")
    for key, allowed in kinds.items():
        value = record[key]
        if type(value) not in allowed:
            raise TypeError(f"{where}{key} is {str(value)[:40]!r}")
        if type(value) is int:
            _number(value, f"{where}{key}")


def _counts(values: Any, where: str) -> None:
    if type(values) is not dict:
        raise TypeError(f"{where} is {str(values)[:40]!r}")
    for name, value in values.items():
        _number(value, f"{where}.{name}")


def _rows(values: Any, where: str) -> None:
    if type(values) is not list or len(values) != 2:
        raise TypeError(f"{where} is {str(values)[:40]!r}")
    for value in values:
        _number(value, where)


def _number(value: Any, where: str) -> None:
    if type(value) is not int or not 0 <= value < LARGEST:
        raise ValueError(f"{where} is {str(value)[:40]!r}")
