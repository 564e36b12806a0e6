"""What others made: weights, tokenizers, datasets; a folder, or a repository of the hub in the local cache."""

import os
import re
from pathlib import Path
from typing import Any

from docexp.errors import DocexpError

ONLINE = "DOCEXP_ONLINE"
"""Set to 1, this variable lets docexp download from the hub; otherwise only the local cache is read."""

HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
"""What a repository of the hub is called."""


def local_folder(source: str, patterns: list[str]) -> Path:
    """The folder that holds ``source``: a folder in the hub's layout, or a hub id (``owner/name``) in the cache.

    Args:
        source: a path (``~`` is expanded), or a hub id. A folder of that name comes first.
        patterns: the files that would do, as glob patterns; they are all that a download fetches.

    Raises:
        DocexpError: neither a folder nor cached, or no file in it matches; says how to get it.
    """
    folder = Path(source).expanduser()
    if not folder.is_dir():
        folder = _cached(source, patterns)
    if not any(path for pattern in patterns for path in folder.glob(pattern)):
        raise DocexpError(f"{folder} holds none of {', '.join(patterns)}")
    return folder


def dataset_folder(name: str, revision: str | None) -> Path:
    """The folder of a dataset's parquet files: a repository of the hub in the cache, or fetched where that is allowed.

    Args:
        name: a hub id.
        revision: a branch, tag or commit; the repository's main branch without.

    Raises:
        DocexpError: not cached and not allowed to be fetched, or the hub does not give it.
    """
    return _cached(name, ["*.parquet"], repo_type="dataset", revision=revision)


def _cached(source: str, patterns: list[str], **which: Any) -> Path:
    if not HUB_ID.fullmatch(source):
        raise DocexpError(f"{source} is no folder, and no hub id such as microsoft/layoutlmv3-base")
    # late, so that naming a folder costs no import of the hub's client
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    online = os.environ.get(ONLINE) == "1"
    try:
        return Path(snapshot_download(source, allow_patterns=patterns, local_files_only=not online, **which))
    except Exception as error:  # the client's own kinds: not cached, a wrong id, no right to read, a broken connection
        if isinstance(error, LocalEntryNotFoundError) and not online:
            raise DocexpError(
                f"{source} is no folder here and not in the hub cache {constants.HF_HUB_CACHE}. "
                f"Give a folder, or download it where there is a network: {ONLINE}=1 lets docexp do so."
            ) from None
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DocexpError(f"{source} could not be fetched from the hub: {reason}") from error
