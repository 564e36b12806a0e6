"""What a check has to say, and where."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from docexp.errors import DocexpError
from docexp.shards.index import Index
from docexp.shards.members import parse_sample
from docexp.shards.read import damaged_row

SHOWN = 5
"""Of many places of one finding, so many are named."""


@dataclass(frozen=True)
class Finding:
    """One line about a set. A fault must be mended; what is none is worth knowing."""

    text: str
    fault: bool = True


def sample_at(index: Index, row: int) -> tuple[str, dict[str, bytes]]:
    """A sample's place in words (its tar and its key), and its members; read anew, whatever the tar holds otherwise.

    Raises:
        DocexpError: there is no sample where the index says.
    """
    shard, offset, size = (int(index.table[row][name]) for name in ("shard", "offset", "size"))
    if shard >= len(index.shards) or offset + size > index.shards[shard].size:
        raise damaged_row(index, row)
    path = index.path(shard)
    try:
        with path.open("rb") as file:
            file.seek(offset)
            key, members = parse_sample(file.read(size))
    except (OSError, tarfile.TarError) as error:
        raise DocexpError(f"{path}: row {row} of the index is no sample of this tar ({error})") from None
    return f"{path}, sample {key}", members


def place(index: Index, row: int) -> str:
    """Tar and key of a sample, as far as it can be read."""
    try:
        return sample_at(index, row)[0]
    except DocexpError:
        return f"row {row} of the index"


def places(index: Index, rows: Sequence[int]) -> str:
    """The first ``SHOWN`` places, each with its split."""
    named = ", ".join(f"{place(index, row)} ({index.split_of(row)})" for row in rows[:SHOWN])
    return named + (", …" if len(rows) > SHOWN else "")
