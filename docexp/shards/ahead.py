"""Remote tars fetched a block of the order ahead, by a thread beside whoever reads."""

import os
import threading
from contextlib import suppress

from docexp.errors import DocexpError
from docexp.shards.corpora import Corpora
from docexp.shards.index import Index, Shard
from docexp.shards.order import TrainingOrder
from docexp.shards.remote_index import RemoteShards


class FetchAhead:
    """Fetches the tars of the block that is being read and of the next one, in every process that asks.

    Of several processes that ask for the same tar one fetches it, and the others go on with the next. What goes wrong
    here is not said: the reader meets it too, and says so.
    """

    def __init__(self, corpora: Corpora, order: TrainingOrder) -> None:
        self._corpora, self._order = corpora, order
        self._process = 0
        self._asked: list[tuple[int, int]] = []

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_process": 0, "_asked": []}

    def step(self, step: int) -> None:
        """Called with every step that is about to be read; only one that enters another block causes anything."""
        if not any(index.remote for index in self._corpora.indices):
            return
        turns = self._order.turns(step)
        streams = self._order.corpora()
        blocks = [stream.block_at(*turn) for stream, turn in zip(streams, turns, strict=True)]
        if blocks == self._asked and self._process == os.getpid():
            return
        self._asked, self._process = blocks, os.getpid()
        wanted = []
        for index, stream, place in zip(self._corpora.indices, streams, blocks, strict=True):
            if index.remote is not None:
                wanted += [
                    (index.remote, shard) for rows in stream.two_blocks(*place) for shard in _shards(index, rows)
                ]
        threading.Thread(target=_fetch, args=(wanted,), name="shards ahead", daemon=True).start()


def check_room(corpora: Corpora, block_shards: int) -> None:
    """Refuses a cache that cannot hold what training reads and what it fetches ahead: two blocks of each corpus.

    Raises:
        DocexpError: what it must hold, and what to change.
    """
    needed = most = 0
    for index in corpora.indices:
        if index.remote is not None:
            sizes = [shard.size for shard in index.shards if shard.split == "train"]
            blocks = [sum(sizes[first : first + block_shards]) for first in range(0, len(sizes), block_shards)]
            needed += sum(sorted(blocks)[-2:])
            most = index.remote.cache.most
    if needed > most:
        raise DocexpError(
            f"data.cache_gb={most / 1e9:g} holds less than two blocks of data.block_shards={block_shards} shards, "
            f"{needed / 1e9:.3g} GB: the one that is read and the next. Set data.cache_gb={_up(needed / 1e9)}, "
            "or data.block_shards lower."
        )


def _fetch(wanted: list[tuple[RemoteShards, Shard]]) -> None:
    for remote, shard in wanted:
        with suppress(DocexpError):
            remote.ahead(shard)


def _shards(index: Index, rows: range) -> list[Shard]:
    return [
        shard for shard in index.shards if any(first < rows.stop and stop > rows.start for first, stop in shard.rows)
    ]


def _up(number: float) -> float:
    """A little more, with two digits."""
    return float(f"{number * 1.05:.2g}")
