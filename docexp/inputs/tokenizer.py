"""The tokenizer as an artefact: byte-level BPE as RoBERTa's, known by its checksum."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors

from docexp.errors import DocexpError
from docexp.hub import local_folder

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""RoBERTa's, in the order of their ids in a tokenizer trained here (``<pad>`` is 1, as its position table expects)."""

CACHED_WORDS = 65_536
"""Words whose ids a process remembers: some 20 MB; the words of forms repeat, so most look-ups hit."""

_FILES = ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"]
_TEXT_LIMIT = 60


class TokenizerError(DocexpError):
    """A tokenizer's files are incomplete or of another kind; the text names the file and what is wrong."""


@dataclass(frozen=True, eq=False)
class Tokenizer:
    """Byte-level BPE with a space before every word; two with equal ``checksum`` give equal ids for every text.

    Only vocabulary and merges make it, whichever files they came from; the rest is fixed as in transformers'
    ``LayoutLMv3Tokenizer``, with one difference: a word that spells a special token, such as ``<mask>``, is text.

    Raises:
        TokenizerError: a special token or one of the 256 bytes is missing (its texts would be dropped silently).
    """

    vocab: Mapping[str, int]
    merges: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        missing = [token for token in SPECIAL_TOKENS if token not in self.vocab]
        if missing:
            raise TokenizerError(f"a tokenizer of {len(self.vocab):,} tokens without {', '.join(missing)}")
        lost = sum(byte not in self.vocab for byte in pre_tokenizers.ByteLevel.alphabet())
        if lost:
            raise TokenizerError(f"not a byte-level tokenizer: {lost} of the 256 byte tokens are missing")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.vocab, self.merges)  # without the backend and the words remembered

    @cached_property
    def checksum(self) -> str:
        """sha256 of vocabulary and merges as canonical json, so that no library's file format is in it."""
        content = {"kind": "byte-level BPE", "vocab": self.vocab, "merges": self.merges, "special": SPECIAL_TOKENS}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def vocab_size(self) -> int:
        """Rows that an embedding needs: the largest id plus one."""
        return max(self.vocab.values()) + 1

    @property
    def bos_id(self) -> int:
        """The id of ``<s>``, which opens every window."""
        return self.vocab["<s>"]

    @property
    def pad_id(self) -> int:
        """The id of ``<pad>``."""
        return self.vocab["<pad>"]

    @property
    def eos_id(self) -> int:
        """The id of ``</s>``, which closes every window."""
        return self.vocab["</s>"]

    @cached_property
    def encode_word(self) -> Callable[[str], tuple[int, ...]]:
        """``encode_word(word)``: the word's ids; the latest ``CACHED_WORDS`` words are remembered.

        A word may hold spaces; any word but the empty one gives at least one id.

        Raises:
            TokenizerError: the word holds half a surrogate pair, which is no text.
        """
        return lru_cache(CACHED_WORDS)(self._encode)

    def save(self, folder: str | Path) -> None:
        """Writes the hub's layout into ``folder``; ``LayoutLMv3Tokenizer.from_pretrained(folder)`` opens it."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config = {
            "tokenizer_class": "LayoutLMv3Tokenizer",
            "add_prefix_space": True,
            "model_max_length": 512,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        }
        _write(folder / "tokenizer_config.json", json.dumps(config, indent=2))
        _write(folder / "tokenizer.json", self._backend.to_str(pretty=True))

    @cached_property
    def _backend(self) -> tokenizers.Tokenizer:
        try:
            backend = byte_level(models.BPE(vocab=dict(self.vocab), merges=list(self.merges)))
        except Exception as error:  # the Rust side raises a plain Exception: a merge of tokens that are not there
            raise TokenizerError(f"vocabulary and merges do not belong together: {error}") from None
        backend.add_special_tokens([AddedToken(t, lstrip=t == "<mask>", special=True) for t in SPECIAL_TOKENS])
        backend.post_processor = processors.RobertaProcessing(("</s>", self.eos_id), ("<s>", self.bos_id))
        backend.encode_special_tokens = True  # as text
        return backend

    def _encode(self, word: str) -> tuple[int, ...]:
        try:
            return tuple(self._backend.encode(word, add_special_tokens=False).ids)
        except TypeError:  # what the Rust side says of a string it cannot turn into UTF-8
            raise TokenizerError(f"the word {word[:_TEXT_LIMIT]!a} holds half a surrogate pair") from None


def byte_level(model: models.BPE) -> tokenizers.Tokenizer:
    """``model`` behind the byte-level splitting of transformers' ``LayoutLMv3Tokenizer``; no special tokens yet."""
    backend = tokenizers.Tokenizer(model)
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    backend.decoder = decoders.ByteLevel()
    return backend


def load_tokenizer(source: str) -> Tokenizer:
    """The tokenizer in a folder (tokenizer.json, or vocab.json and merges.txt) or of a hub id in the local cache.

    Raises:
        DocexpError: not found, not readable, or not a byte-level BPE tokenizer with RoBERTa's special tokens.
    """
    folder = local_folder(source, _FILES)
    file = folder / "tokenizer.json"
    try:
        if file.is_file():
            return read_tokenizer_json(json.loads(file.read_text(encoding="utf-8")))
        file = folder / "vocab.json"
        vocab = json.loads(file.read_text(encoding="utf-8"))
        file = folder / "merges.txt"
        lines = file.read_text(encoding="utf-8").split("\n")
        return Tokenizer(vocab, _merges(lines[lines[0].startswith("#version") :]))
    except FileNotFoundError:
        raise TokenizerError(f"{folder} has no tokenizer.json, and no {file.name} either") from None
    except TokenizerError as error:
        raise TokenizerError(f"{file}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TokenizerError(f"{file} is no tokenizer file ({type(error).__name__}: {error})") from None


def read_tokenizer_json(record: dict[str, Any]) -> Tokenizer:
    """The tokenizer in a parsed ``tokenizer.json``.

    Raises:
        TokenizerError: it is of another kind, or holds parts whose absence here would change ids.
    """
    model, before = record["model"], record["pre_tokenizer"] or {}
    kind = f"{model.get('type', 'BPE')} behind {before.get('type')}"
    if kind != "BPE behind ByteLevel" or not before.get("use_regex", True):
        raise TokenizerError(f"its model is {kind}; docexp reads byte-level BPE")
    if record.get("normalizer"):
        raise TokenizerError(f"it changes texts first ({record['normalizer'].get('type')}); docexp would not")
    vocab = dict(model["vocab"])
    added = {token["content"]: token["id"] for token in record.get("added_tokens", ())}
    unknown = sorted(added.keys() - set(SPECIAL_TOKENS))
    if unknown:
        raise TokenizerError(f"it has added tokens that docexp does not know: {', '.join(unknown[:5])}")
    return Tokenizer(vocab | added, _merges(model["merges"]))


def _merges(rows: Sequence[str | list[str]]) -> tuple[tuple[str, str], ...]:
    pairs = [row.split(" ") if isinstance(row, str) else row for row in rows if row]
    return tuple((left, right) for left, right in pairs)


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(file)
