"""The folder of a set while its shards are made: temporary names, what killed processes left, putting in place."""

import json
from pathlib import Path

from docexp.errors import DocexpError
from docexp.shards.build import commit_index
from docexp.shards.index import INDEX, PARTIAL, TABLE
from docexp.shards.tars import disk

REPLACED = "index.json.replaced" + PARTIAL
"""The index of the set that is just being replaced."""
JOURNAL = "journal.jsonl" + PARTIAL
"""What has been read so far, by a start that can be gone on from."""


def enter(out: Path, again: bool) -> list[str]:
    """Makes the folder, takes back what a killed process had begun to put in place, names the shards to be replaced.

    Raises:
        DocexpError: it holds an index (without ``again``) or tars of others, or cannot be written.
    """
    make_folder(out, again)
    with disk(out):
        _take_back(out)
    ours = _shards_of(out / INDEX)
    foreign = sorted(tar.name for tar in out.glob("*.tar") if tar.name not in ours)
    if foreign:
        raise DocexpError(
            f"{out} holds tars that docexp did not write, such as {foreign[0]}. Choose another out=DIR; "
            f"to use those: docexp data index tars={out}"
        )
    with disk(out):
        (out / (TABLE + PARTIAL)).touch()  # a read-only folder is found before the first page is read
    return ours


def make_folder(out: Path, again: bool) -> None:
    """Makes the folder if need be.

    Raises:
        DocexpError: it holds an index (without ``again``), or cannot be made.
    """
    if (out / INDEX).exists() and not again:
        raise DocexpError(f"{out} holds an index already. --again writes it anew; or choose another out=DIR.")
    with disk(out):
        out.mkdir(parents=True, exist_ok=True)


def sweep(out: Path, keep: str = "") -> None:
    """Removes everything that has a temporary name but ``keep``."""
    with disk(out):
        for leftover in out.glob(f"*{PARTIAL}"):
            if leftover.name != keep:
                leftover.unlink()


def put_in_place(out: Path, old: list[str], new: list[str]) -> None:
    """Makes the new set count. Until it is done two records with temporary names say which tars are ours."""
    with disk(out):
        if (out / INDEX).exists():
            (out / INDEX).replace(out / REPLACED)
        for name in set(old) - set(new):
            (out / name).unlink(missing_ok=True)
        for name in new:
            (out / (name + PARTIAL)).replace(out / name)
        commit_index(out)
        (out / REPLACED).unlink(missing_ok=True)
        (out / JOURNAL).unlink(missing_ok=True)


def _take_back(out: Path) -> None:
    """Gives tars that were put in place without their index their temporary names again, and drops the replaced."""
    staged = out / (INDEX + PARTIAL)
    if not (out / INDEX).exists():
        for name in _shards_of(staged):
            if (out / name).exists() and not (out / (name + PARTIAL)).exists():
                (out / name).replace(out / (name + PARTIAL))
        for name in [*_shards_of(staged), *_shards_of(out / REPLACED)]:
            (out / name).unlink(missing_ok=True)
    for record in (staged, out / REPLACED):
        record.unlink(missing_ok=True)


def _shards_of(record: Path) -> list[str]:
    """The tars that an index, or one that was being put in place, says docexp wrote."""
    try:
        values = json.loads(record.read_bytes())
        return [] if values["adopted"] else [shard["name"] for shard in values["shards"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []
