"""The tokenizer of a dataset: trained on its training split once, kept beside its shards."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from docexp.errors import DocexpError
from docexp.inputs.tokenizer import Tokenizer, load_tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.index import Index
from docexp.shards.read import ShardReader


def data_tokenizer(index: Index, vocab_size: int, out: Path | None = None) -> Tokenizer:
    """The byte-level BPE of at most ``vocab_size`` tokens of the index's training split, trained if it is not there.

    It lies in ``<shards>/tokenizer-<size>-<data checksum>`` unless ``out`` says otherwise, so that shards made anew
    get a tokenizer of their own. Held-out documents (minival) are not looked at.

    Raises:
        DocexpError: no words to train on, or a folder that cannot be written.
    """
    folder = out or index.folder / f"tokenizer-{vocab_size}-{index.checksum[:8]}"
    if out is None and (folder / "tokenizer.json").is_file():
        return load_tokenizer(str(folder))
    tokenizer = train_tokenizer(_words(index), vocab_size)
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        tokenizer.save(draft)
        draft.rename(folder)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not (folder / "tokenizer.json").is_file():  # else another process has just put the same tokenizer there
            raise DocexpError(
                f"the tokenizer cannot be written to {folder}: {error.strerror}. Give out=DIR."
            ) from error
    return tokenizer


def _words(index: Index) -> Iterator[list[str]]:
    reader = ShardReader(index)
    for row in index.split("train"):
        yield list(reader.read(row).words)
