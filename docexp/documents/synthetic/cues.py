"""Where the evidence for a label lies, and how well a reader of some modalities can do at most.

A page has a few *sections*, grids whose columns play *roles*: in a form header, question and answer, in a receipt the
amount that was asked for and another one like it. A section's cue is the one thing that tells which column plays
which role: column ``c`` plays role ``(c + turn) % roles``, where

- ``text``: the turn is random and every role has words of its own,
- ``layout``: the turn is 0, so that the place tells; the words are drawn alike for all roles,
- ``image``: the turn is random and only pixels show it, in one of three grades: ``page`` (the tone of the whole
  page), ``field`` (the shade behind each column of the section), ``tick`` (a small box beside each cell's words).

The words of layout-cued and of image-cued sections come from two lists, so that words tell a section's cue, never a
role. Pixels are of use only to who knows the place of a word, so image evidence needs layout too.
"""

import math
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from docexp.errors import DocexpError, choice

Cue = Literal["text", "layout", "image"]
ImageCue = Literal["page", "field", "tick"]
CUES: tuple[Cue, ...] = get_args(Cue)
IMAGE_CUES: tuple[ImageCue, ...] = get_args(ImageCue)
MODALITIES_OF = {"text": {"text"}, "layout": {"layout"}, "image": {"layout", "image"}}


@dataclass(frozen=True)
class Section:
    """What a section shows: its cue, and by how many columns its roles are turned."""

    cue: str
    turn: int


@dataclass(frozen=True)
class Ceiling:
    """The expected scores of the best guesser: accuracy over the words of cells, and entity F1, both 0..1."""

    word_accuracy: float
    entity_f1: float


def check_shares(shares: Mapping[str, float]) -> None:
    """Raises ``DocexpError`` unless ``shares`` gives each cue a share and these add up to 1."""
    for cue in shares:
        choice("shares", cue, CUES)
    missing = [cue for cue in CUES if cue not in shares]
    if missing or min(shares.values()) < 0 or not math.isclose(sum(shares.values()), 1.0, abs_tol=1e-6):
        raise DocexpError(f"shares={dict(shares)} must give text, layout and image a share from 0, 1 in all.")


def plan_sections(
    rng: random.Random, shares: Mapping[str, float], image_cue: str, *, roles: int, count: int, extra_turn: int = 0
) -> tuple[list[Section], int]:
    """The cues and turns of a page's ``count`` sections, and the page's tone (a turn; 0 but for ``image_cue=page``).

    Sections are dealt to cues by systematic sampling: every page has its shares as nearly as ``count`` allows, and the
    expected shares are exact. ``extra_turn`` turns what pixels show, and nothing else. The same draws are made for
    every ``image_cue``, so that pages of different grades differ in nothing but their looks and labels.
    """
    offset = rng.random()
    limits = [shares["text"] * count, (shares["text"] + shares["layout"]) * count]
    cues = [CUES[sum(offset + i >= limit for limit in limits)] for i in range(count)]
    rng.shuffle(cues)
    page_turn = (rng.randrange(roles) + extra_turn) % roles
    turns = [rng.randrange(roles) for _ in range(count)]
    sections = []
    for cue, turn in zip(cues, turns, strict=True):
        if cue == "image":
            sections.append(Section(cue, page_turn if image_cue == "page" else (turn + extra_turn) % roles))
        else:
            sections.append(Section(cue, turn if cue == "text" else 0))
    return sections, page_turn if image_cue == "page" and shares["image"] > 0 else 0


def ceiling(shares: Mapping[str, float], modalities: Collection[str], roles: int, labelled: int) -> Ceiling:
    """How well anyone can do who sees only ``modalities`` (of text, layout, image), on sections of these ``shares``.

    Of ``roles`` roles, ``labelled`` are entities (3 of 3 in a form, 1 of 2 in a receipt). With ``s`` the share of
    sections whose evidence is seen and ``u = 1 - s``, a cell is told right with probability ``s + u / roles``. For F1
    the best guesser either names every unseen cell an entity, ``2 (s n + u) / (n + s n + u roles)`` with ``n`` for
    ``labelled``, or stays silent there, ``2 s / (1 + s)``; that is the ratio of expected counts, which many pages come
    near to. Without text it is a bound from above: who cannot read does not know a section's cue either.
    """
    seen = sum(share for cue, share in shares.items() if MODALITIES_OF[cue] <= set(modalities))
    unseen = 1.0 - seen
    guess = 2 * (seen * labelled + unseen) / (labelled + seen * labelled + unseen * roles)
    silent = 2 * seen / (1 + seen)
    return Ceiling(word_accuracy=seen + unseen / roles, entity_f1=max(guess, silent))
