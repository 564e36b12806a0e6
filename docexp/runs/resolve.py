"""A checked configuration together with the things on disk it speaks of: data, tokenizer, upstream, identity."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.config.fitting import data_with, settings_that_fit
from docexp.config.project import Project
from docexp.config.schema import RunSettings
from docexp.errors import DocexpError
from docexp.inputs.data_tokenizer import data_tokenizer
from docexp.inputs.no_words import NoWords
from docexp.inputs.settings import DataSettings, PageSettings
from docexp.inputs.splits import check_splits
from docexp.inputs.tokenizer import Tokenizer, load_tokenizer
from docexp.runs.find import locate
from docexp.runs.folder import RunFolder
from docexp.runs.identity import identity
from docexp.runs.upstream import Upstream, coming_upstream, upstream_of
from docexp.shards.ahead import check_room
from docexp.shards.cache import ShardCache
from docexp.shards.corpora import Corpora
from docexp.shards.index import Index
from docexp.shards.needs import LINES, Need, check_needs, check_stored_size
from docexp.shards.remote import is_url
from docexp.shards.remote_index import open_remote


@dataclass(frozen=True)
class ResolvedRun:
    """Everything a run's identity depends on, and the folder it belongs to. Building it starts nothing."""

    settings: RunSettings
    corpora: Corpora
    tokenizer: Tokenizer
    upstream: Upstream | None
    extras: dict[str, Any]
    """What counts for the identity besides the settings: checksums, and the upstream run."""
    identity: str
    folder: RunFolder


def resolve(settings: RunSettings, coming: ResolvedRun | None = None) -> ResolvedRun:
    """Opens what the settings name.

    Args:
        settings: of the run.
        coming: the run that ``model.weights`` names, where it is known but need not have been trained yet. The
            identity is the one that is found once it has.

    Raises:
        DocexpError: no shards, pages that lack what is needed, no split to train or score on, no tokenizer, no
            upstream run.
    """
    corpora = open_corpora(settings.data)
    check_pages(settings, corpora)
    check_splits(corpora, settings.data, settings.trainer, settings.task.scored_splits)
    check_room(corpora, settings.data.block_shards)
    runs = Path(settings.paths.runs)
    if coming is None:
        upstream = upstream_of(settings.model.weights, runs)
    else:
        upstream = coming_upstream(settings.model.weights, coming.folder, coming.settings.trainer.selection)
    tokenizer = _tokenizer(settings, corpora, upstream, coming)
    extras: dict[str, Any] = {
        "data": corpora.checksum,
        "tokenizer": tokenizer.checksum,
        "weights": upstream.fingerprint if upstream else None,
    }
    places = {name: dict(objective.places) for name, objective in settings.objective.items() if objective.places}
    if places:
        extras["objective"] = places
    name = identity(settings.plain, extras)
    if settings.debug.active:  # not part of the identity, so it must never meet the real run's folder
        folder = RunFolder(runs / ".debug" / settings.experiment / name)
    else:
        folder = locate(name, runs) or RunFolder(runs / settings.experiment / name)
    return ResolvedRun(settings, corpora, tokenizer, upstream, extras, name, folder)


def open_index(data: DataSettings) -> Index:
    """The data's index.

    Raises:
        DocexpError: names the command that prepares the data.
    """
    reads = data.reader is not None and data.reader.needs_source
    return open_shards(data.shards, Path(data.shards).name, data, reads=reads)


def open_shards(place: str, name: str, data: PageSettings, *, reads: bool) -> Index:
    """The index in a folder, or below a URL.

    Args:
        place: the folder or URL.
        name: of the choice of data that may have it; the shipped configurations call folder and choice alike.
        data: says where shards from a URL are kept.
        reads: whether preparing it needs a download.

    Raises:
        DocexpError: names the command that prepares the data; or the URL, and why nothing came from there.
    """
    if is_url(place):
        cache = ShardCache(Path(data.cache).expanduser().resolve(), int(data.cache_gb * 1e9))
        return open_remote(place, cache)
    folder = Path(place).expanduser()
    if not folder.exists():
        choice = name if name in Project().choices("data") else "…"
        source = " source=DIR" if reads else ""
        raise DocexpError(f"no shards in {place}. Make them: docexp data prepare data={choice}{source} out={place}")
    return Index.open(folder)


def open_corpora(data: PageSettings) -> Corpora:
    """The indices of all corpora of a run's data.

    Raises:
        DocexpError: as ``open_index``, or a corpus' share is too small to be drawn.
    """
    if isinstance(data, DataSettings):
        return Corpora.single(open_index(data))
    places = data.places()
    indices = [open_shards(place, name, data, reads=False) for name, place in places.items()]
    pages = [len(index.split("train")) if "train" in index.splits else 0 for index in indices]
    return Corpora(data.name, tuple(places), tuple(indices), tuple(data.shares(pages)))


def check_pages(settings: RunSettings, corpora: Corpora) -> None:
    """Refuses pages that lack what the task, the model or the box level needs of them.

    Raises:
        DocexpError: who needs what, what there is, and what to change.
    """
    model, boxes = settings.model, {"word": (), "line": (LINES,), "segment": ("entities",)}[settings.data.box_level]
    blind = settings_that_fit(model, lambda other: not other.page_needs and settings.task.needs <= other.provides)
    task = str(settings.plain["task"]["_target_"]).rpartition(".")[2].removesuffix("Settings").lower()
    needs = [
        *(Need(f"objective {name}", own.annotations, own.made_by) for name, own in settings.objective.items()),
        Need(f"task {task}", settings.task.annotations),
        Need(
            "the model",
            model.page_needs,
            f"Set {' or '.join(f'model.{way}' for way in blind)} to do without." if blind else "",
        ),
        Need(f"data.box_level={settings.data.box_level}", frozenset(boxes), "Set data.box_level=word."),
    ]
    for index in corpora.indices:
        check_needs(index, needs, data_with)
        check_stored_size(index, model.image_side)
    _check_crops(settings)
    settings.task.check_data(settings.data, corpora.indices, model.patch_grid)


def _check_crops(settings: RunSettings) -> None:
    for name, objective in settings.objective.items():
        if settings.model.crops and objective.whole_pages:
            raise DocexpError(
                f"model.random_crop shows parts of pages, but what objective {name} reads from the shards is of whole "
                f"ones. Set objective.{name}.{objective.whole_pages}=PLACE, or model.random_crop=[]."
            )


def _tokenizer(
    settings: RunSettings, corpora: Corpora, upstream: Upstream | None, coming: ResolvedRun | None
) -> Tokenizer:
    if not settings.model.reads_text:
        return NoWords()
    named = settings.model.tokenizer
    if upstream is not None and upstream.run is not None:
        return _inherited(upstream.run, coming.tokenizer if coming else load_tokenizer(str(upstream.run.tokenizer)))
    if named is not None and named.startswith("data:"):
        return data_tokenizer(corpora, _vocabulary(named))
    source = named or settings.model.weights
    if source is None:
        raise DocexpError(
            "model.tokenizer is not set and there are no model.weights to take one from. Name a folder or hub id, "
            "or model.tokenizer=data:4096 to train one of 4,096 tokens on the training split."
        )
    return load_tokenizer(source)


def _inherited(run: RunFolder, tokenizer: Tokenizer) -> Tokenizer:
    if isinstance(tokenizer, NoWords):
        raise DocexpError(
            f"run {run.identity} read no words, so it has no tokenizer for a model that does. Start from another run, "
            "or choose a model that reads none."
        )
    return tokenizer


def _vocabulary(named: str) -> int:
    size = named.removeprefix("data:")
    if not (size.isascii() and size.isdigit()):
        raise DocexpError(f"model.tokenizer={named} must be data:N with a number of tokens, as in data:4096")
    return int(size)
