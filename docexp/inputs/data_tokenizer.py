"""The tokenizer of a dataset: trained on its training split once, kept beside its shards."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from docexp.errors import DocexpError
from docexp.inputs.tokenizer import Tokenizer, load_tokenizer
from docexp.inputs.train_tokenizer import train_tokenizer
from docexp.shards.corpora import Corpora


def data_tokenizer(corpora: Corpora, vocab_size: int, out: Path | None = None) -> Tokenizer:
    """The byte-level BPE of at most ``vocab_size`` tokens of the training splits, trained if it is not there.

    It lies in ``<shards>/tokenizer-<size>-<data checksum>`` unless ``out`` says otherwise, so that shards made anew
    get a tokenizer of their own; for a mixture, beside the shards of its first corpus. Every page counts once,
    whatever its corpus' share. Held-out documents (minival) are not looked at.

    Raises:
        DocexpError: no words to train on, or a folder that cannot be written.
    """
    folder = out or corpora.indices[0].folder / f"tokenizer-{vocab_size}-{corpora.checksum[:8]}"
    if out is None and (folder / "tokenizer.json").is_file():
        return load_tokenizer(str(folder))
    tokenizer = train_tokenizer(_words(corpora), vocab_size)
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


def _words(corpora: Corpora) -> Iterator[list[str]]:
    reader = corpora.reader()
    for row in corpora.rows(lambda index: "train"):
        yield list(reader.read(row).words)
