"""The codes that an image tokenizer gave a page's image, as a member of its sample: ``<key>.codes.npy``."""

import io
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docexp.errors import DocexpError

if TYPE_CHECKING:
    from docexp.shards.index import Index

SUFFIX = "codes.npy"
LARGEST_GRID = 256
"""Codes on a side; an image of 2,048 pixels has as many."""


@dataclass(frozen=True)
class CodesFacts:
    """What an index says about its pages' codes.

    ``tokenizer`` is the checksum of the image tokenizer, ``grid`` the codes on a side of the square image, and codes
    are below ``vocabulary``. ``pages`` is the checksum of the set that the pages were taken from.
    """

    tokenizer: str
    grid: int
    vocabulary: int
    pages: str = ""

    def __str__(self) -> str:
        return f"{self.grid} × {self.grid} of {self.vocabulary:,}, tokenizer {self.tokenizer[:12]}"


def encode_codes(codes: NDArray[np.integer]) -> bytes:
    """The member's bytes of codes ``[g, g]``: npy of version 1.0, int32, little end first."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.ascontiguousarray(codes, "<i4"), (1, 0), allow_pickle=False)
    return stream.getvalue()


def stored_codes(members: Mapping[str, bytes], where: str) -> NDArray[np.int64]:
    """The codes ``[g * g]`` of a sample, row by row from the top left.

    Raises:
        DocexpError: it has none, or what it has is no square of whole numbers from 0; ``where`` names the sample.
    """
    if SUFFIX not in members:
        raise DocexpError(f"{where} has no .{SUFFIX}. Make shards with codes: {command()}")
    try:
        return _read(members[SUFFIX])
    except (ValueError, SyntaxError, tokenize.TokenError) as error:  # what numpy's reading of a header may raise
        raise DocexpError(f"{where}: its .{SUFFIX} holds no codes ({error}). Make them again: {command()}") from None


def check_codes(index: "Index", grid: int, tokenizer_checksum: str | None, vocabulary: int | None) -> None:
    """Refuses a set without codes, or with others than are wanted; ``None`` leaves tokenizer or vocabulary open.

    Raises:
        DocexpError: names what the set has, what is wanted, and the command that makes it.
    """
    has, make = index.facts.codes, command(index.where, grid)
    if has is None:
        if any(SUFFIX in index.contents(split).members for split in index.splits):
            raise DocexpError(
                f"{index.where} has image codes, but its tars do not say of which image tokenizer. "
                f"Make them anew: {make}"
            )
        raise DocexpError(f"{index.where} has no image codes. Make shards with codes: {make}")
    found = {"grid": has.grid, "vocabulary": has.vocabulary, "tokenizer": has.tokenizer}
    wanted = {"grid": grid, "vocabulary": vocabulary, "tokenizer": tokenizer_checksum}
    other = [name for name, value in wanted.items() if value is not None and value != found[name]]
    if other:
        told = ", ".join(f"{name} {_short(found[name])} where {_short(wanted[name])} is wanted" for name in other)
        raise DocexpError(f"{index.where} has other image codes: {told}. Make shards with these: {make}")


def command(shards: str = "DIR", grid: int | None = None) -> str:
    """The command that makes shards with codes."""
    side = "" if grid is None else f" grid={grid}"
    return f"docexp data tokenize-images data.shards={shards} tokenizer=PLACE{side} out=DIR"


def _read(data: bytes) -> NDArray[np.int64]:
    """Looks at the header before anything is allocated.

    Raises:
        ValueError: says what is wrong.
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"npy of version {version[0]}.{version[1]} instead of 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if len(shape) != 2 or shape[0] != shape[1] or not 1 <= shape[0] <= LARGEST_GRID:
        raise ValueError(f"shape {shape} instead of a square of 1 to {LARGEST_GRID}")
    if dtype.kind not in "iu":
        raise ValueError(f"numbers of type {dtype} instead of whole ones")
    held = len(data) - stream.tell()
    if held != shape[0] * shape[1] * dtype.itemsize:
        raise ValueError(f"{held} bytes of numbers instead of {shape[0] * shape[1] * dtype.itemsize}")
    values = np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape, order="F" if by_columns else "C")
    codes = values.astype(np.int64).ravel()
    if codes.min() < 0:
        raise ValueError(f"{codes.min()} is no code")
    return codes


def _short(value: int | str | None) -> str:
    return value[:12] if isinstance(value, str) else str(value)
