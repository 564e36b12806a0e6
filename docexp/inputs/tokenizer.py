"""The tokenizer as an artefact, known by its checksum: what every kind gives, and how one is loaded."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tokenizers
from numpy.typing import NDArray

from docexp.errors import DocexpError
from docexp.hub import local_folder

CACHED_WORDS = 65_536
"""Words whose ids a process remembers: some 20 MB; the words of forms repeat, so most look-ups hit."""

SENTENCEPIECE = "sentencepiece.bpe.model"
"""What the older checkpoints of XLM-R's family hold instead of a tokenizer.json."""

_FILES = ["tokenizer.json", "vocab.json", "merges.txt", "vocab.txt", "tokenizer_config.json", SENTENCEPIECE]
_TEXT_LIMIT = 60


class TokenizerError(DocexpError):
    """A tokenizer's files are incomplete or of another kind; the text names the file and what is wrong."""


class Tokenizer(ABC):
    """Words to ids; two with equal ``checksum`` give equal ids for every text. Picklable.

    A word that spells a special token, such as ``<mask>``, is text (transformers takes it for the token itself).
    """

    vocab: Mapping[str, int]
    special_tokens: ClassVar[tuple[str, ...]]
    """All that every vocabulary must hold; ``bos``, ``pad``, ``eos``, ``unk`` and ``mask`` are among them."""
    bos: ClassVar[str]
    """Opens every window."""
    pad: ClassVar[str]
    """Fills rows up."""
    eos: ClassVar[str]
    """Closes every window."""
    unk: ClassVar[str]
    """Stands for what the vocabulary cannot spell."""
    mask: ClassVar[str]
    """Stands for what a model has to guess."""

    @property
    @abstractmethod
    def content(self) -> dict[str, Any]:
        """All that decides over ids, as plain values: the checksum is made of it."""

    @abstractmethod
    def build(self) -> tokenizers.Tokenizer:
        """The same as the ``tokenizers`` library's, as ``save`` writes it."""

    def build_encoder(self) -> tokenizers.Tokenizer:
        """What words are encoded by: the same, unless that would take a text for a special token."""
        return self.build()

    @property
    @abstractmethod
    def hub_config(self) -> dict[str, Any]:
        """The ``tokenizer_config.json`` with which transformers opens what ``save`` writes."""

    @cached_property
    def checksum(self) -> str:
        """sha256 of the content as canonical json, so that no library's file format is in it."""
        text = json.dumps(self.content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding needs: the largest id plus one."""
        return max(self.vocab.values()) + 1

    @property
    def bos_id(self) -> int:
        """The id of the token that opens every window."""
        return self.vocab[self.bos]

    @property
    def pad_id(self) -> int:
        """The id that fills rows up."""
        return self.vocab[self.pad]

    @property
    def eos_id(self) -> int:
        """The id of the token that closes every window."""
        return self.vocab[self.eos]

    @property
    def mask_id(self) -> int:
        """The id that stands for what a model has to guess."""
        return self.vocab[self.mask]

    @cached_property
    def ordinary_ids(self) -> NDArray[np.int64]:
        """The ids of all tokens that are not special, ascending."""
        special = {self.vocab[token] for token in self.special_tokens}
        return np.array(sorted(set(self.vocab.values()) - special), dtype=np.int64)

    @cached_property
    def encode_word(self) -> Callable[[str], tuple[int, ...]]:
        """``encode_word(word)``: the word's ids; the latest ``CACHED_WORDS`` words are remembered.

        A word may hold spaces; any word but the empty one gives at least one id. (Where nothing is left of a word after
        normalising, as of a lone soft hyphen, transformers gives none, and the word's label would be lost; here it is
        an unknown token.)

        Raises:
            TokenizerError: the word holds half a surrogate pair, which is no text.
        """
        return lru_cache(CACHED_WORDS)(self._encode)

    def save(self, folder: str | Path) -> None:
        """Writes the hub's layout into ``folder``; ``AutoTokenizer.from_pretrained(folder)`` opens it."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "tokenizer_config.json", json.dumps(self.hub_config, indent=2))
        _write(folder / "tokenizer.json", self.build().to_str(pretty=True))

    @cached_property
    def _encoder(self) -> tokenizers.Tokenizer:
        return self.build_encoder()

    def _check_special(self) -> None:
        missing = [token for token in self.special_tokens if token not in self.vocab]
        if missing:
            raise TokenizerError(f"a tokenizer of {len(self.vocab):,} tokens without {', '.join(missing)}")

    def _encode(self, word: str) -> tuple[int, ...]:
        try:
            ids = self._encoder.encode(word, add_special_tokens=False).ids
        except TypeError:  # what the Rust side says of a string it cannot turn into UTF-8
            raise TokenizerError(f"the word {word[:_TEXT_LIMIT]!a} holds half a surrogate pair") from None
        return tuple(ids) or ((self.vocab[self.unk],) if word else ())


def load_tokenizer(source: str) -> Tokenizer:
    """The tokenizer in a folder, or of a hub id in the local cache.

    Its files are tokenizer.json, or vocab.json and merges.txt (byte-level BPE), or vocab.txt (WordPiece).

    Raises:
        DocexpError: not found, not readable, or of a kind that docexp does not read.
    """
    from docexp.inputs.byte_level_bpe import read_vocab_and_merges  # late: the kinds build on this module
    from docexp.inputs.word_piece import read_vocab_txt

    folder = local_folder(source, _FILES)
    readers: dict[str, Callable[[Path], Tokenizer]] = {
        "tokenizer.json": lambda file: read_tokenizer_json(json.loads(file.read_text(encoding="utf-8"))),
        "vocab.txt": read_vocab_txt,
        "vocab.json": read_vocab_and_merges,
    }
    file = next((folder / name for name in readers if (folder / name).is_file()), None)
    if file is None:
        raise TokenizerError(_none_there(folder))
    try:
        return readers[file.name](file)
    except FileNotFoundError as error:
        raise TokenizerError(f"{folder} has {file.name}, but no {Path(error.filename).name} beside it") from None
    except TokenizerError as error:
        raise TokenizerError(f"{file}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TokenizerError(f"{file} is no tokenizer file ({type(error).__name__}: {error})") from None


def read_tokenizer_json(record: dict[str, Any]) -> Tokenizer:
    """The tokenizer in a parsed ``tokenizer.json``.

    Raises:
        TokenizerError: it is of another kind, or holds parts whose absence here would change ids.
    """
    from docexp.inputs.byte_level_bpe import ByteLevelBPE  # late: the kinds build on this module
    from docexp.inputs.no_words import NoWords
    from docexp.inputs.unigram import Unigram
    from docexp.inputs.word_piece import WordPiece

    model, before = record["model"], record["pre_tokenizer"] or {}
    kind = model.get("type", "BPE"), before.get("type")
    if kind == ("BPE", "ByteLevel") and before.get("use_regex", True):
        return ByteLevelBPE.from_json(record)
    if kind == ("WordPiece", "BertPreTokenizer"):
        return WordPiece.from_json(record)
    if kind[0] == "Unigram" and kind[1] in ("Metaspace", "Sequence"):
        return Unigram.from_json(record)
    if kind == ("WordLevel", None) and model["vocab"] == NoWords().vocab:
        return NoWords()
    raise TokenizerError(
        f"its model is {kind[0]} behind {kind[1]}; docexp reads byte-level BPE, WordPiece behind BertPreTokenizer "
        "and Unigram behind Metaspace"
    )


def added_tokens(record: dict[str, Any], known: tuple[str, ...]) -> dict[str, int]:
    """The tokens that a parsed ``tokenizer.json`` adds to its model's.

    Raises:
        TokenizerError: one of them is none of the ``known`` ones.
    """
    added = {token["content"]: token["id"] for token in record.get("added_tokens", ())}
    unknown = sorted(added.keys() - set(known))
    if unknown:
        raise TokenizerError(f"it has added tokens that docexp does not know: {', '.join(unknown[:5])}")
    return added


def _none_there(folder: Path) -> str:
    if (folder / SENTENCEPIECE).is_file():
        return (
            f"{folder} has its tokenizer as {SENTENCEPIECE}, which docexp does not read. Where transformers and "
            "sentencepiece are installed, AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) writes the "
            "tokenizer.json that it does."
        )
    return f"{folder} has no tokenizer.json, no vocab.txt, and no vocab.json either"


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(file)
