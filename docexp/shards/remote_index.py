"""The index of shards behind a URL: both its files fetched and checked at the start, the tars when they are read."""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from docexp.errors import DocexpError
from docexp.shards.cache import ShardCache
from docexp.shards.index import INDEX, TABLE, Index, Shard
from docexp.shards.remote import RemoteFolder
from docexp.shards.table import table_checksum


@dataclass(frozen=True)
class RemoteShards:
    """Where an index's tars come from, and where they are kept here."""

    folder: RemoteFolder
    cache: ShardCache

    def __str__(self) -> str:
        return self.folder.url

    def tar(self, shard: Shard) -> Path:
        """As ``ShardCache.tar``."""
        return self.cache.tar(self.folder, shard)

    def ahead(self, shard: Shard) -> None:
        """As ``ShardCache.ahead``."""
        self.cache.ahead(self.folder, shard)

    def renew(self, shard: Shard) -> bool:
        """As ``ShardCache.renew``."""
        return self.cache.renew(self.folder, shard)


def open_remote(url: str, cache: ShardCache) -> Index:
    """The index below a URL. ``index.json`` is fetched every time, its table unless the same is in the cache.

    Raises:
        DocexpError: there is none, it cannot be fetched, its table is not the one it speaks of, or its tars lie
            elsewhere.
    """
    remote = RemoteFolder(url)
    indices = cache.folder / "indices"
    try:
        indices.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=indices, prefix=".") as drafts:
            draft = Path(drafts) / "index"
            draft.mkdir()
            remote.fetch(INDEX, draft / INDEX)
            digest = hashlib.sha256((draft / INDEX).read_bytes()).hexdigest()
            folder = indices / digest[:32]
            if not folder.is_dir():
                remote.fetch(TABLE, draft / TABLE)
                _check(draft, url)
                _put_in_place(draft, folder)
    except OSError as error:
        raise DocexpError(f"the cache {indices} cannot be written ({error.strerror}). Set data.cache=DIR.") from None
    index = Index.open(folder, RemoteShards(remote, cache))
    elsewhere = next((shard.name for shard in index.shards if Path(shard.name).is_absolute()), None)
    if elsewhere:
        raise DocexpError(f"{url}: its index names tars that lie elsewhere, such as {elsewhere}. Put them beside it.")
    return index


def _check(draft: Path, url: str) -> None:
    try:
        index = Index.open(draft)
        right = table_checksum(index.table) == index.table_sha256
    except DocexpError as error:
        raise DocexpError(f"{url}: {str(error).replace(str(draft) + '/', '')}") from None
    if not right:
        raise DocexpError(f"{url}: index.bin is not the table that its index.json speaks of. Upload both again.")


def _put_in_place(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise  # else another process was faster
