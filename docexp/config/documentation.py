"""What the settings classes say about their fields, read from their source: each default is documented in one place."""

import ast
import inspect
from functools import cache
from pathlib import Path


def summary(schema: type) -> str:
    """The first paragraph of a class' docstring, on one line."""
    return _plain((inspect.getdoc(schema) or "").split("\n\n")[0])


@cache
def field_docs(schema: type) -> dict[str, str]:
    """The docstring below each field of a dataclass, its bases' fields included, on one line; ``""`` where none is.

    A class that gives a field of its base another default, and no docstring, leaves the field the base's.
    """
    docs: dict[str, str] = {}
    for cls in reversed(schema.__mro__):
        if cls is not object and cls.__module__ != "abc":
            docs |= {name: text or docs.get(name, "") for name, text in _own_docs(cls).items()}
    return docs


def _own_docs(cls: type) -> dict[str, str]:
    try:
        tree = ast.parse(Path(inspect.getsourcefile(cls) or "").read_text(encoding="utf-8"))
    except (OSError, TypeError):
        return {}
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__)
    body = next(found, ast.ClassDef("", [], [], [], [])).body
    docs = {}
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            docs[node.target.id] = _text(after)
    return docs


def _plain(text: str) -> str:
    """On one line, without the marks of code."""
    return " ".join(text.replace("``", "").split())


def _text(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return _plain(node.value.value)
    return ""
