"""The files of a Hugging Face dataset on disk: parquet as on the hub, or arrow as ``save_to_disk`` writes them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.reader import SPLITS
from docexp.documents.reading.files import check_keys, inside, natural, read_json
from docexp.documents.reading.splits import named_split
from docexp.errors import DocexpError

_SHARD = re.compile(r"^(.+?)-\d{5}-of-\d{5}")
"""A parquet file's name as ``push_to_hub`` writes it: its split, its number, how many there are."""

ROWS = 16
"""So many rows at a time become plain values: each may hold an image."""


@dataclass(frozen=True)
class TableFile:
    """A file of rows and its split."""

    split: str
    path: Path

    def blocks(self) -> list[int]:
        """The number of rows in each block that can be read alone.

        Raises:
            DocexpError: the file is damaged.
        """
        import pyarrow.parquet as pq

        with self._refusing():
            if self.path.suffix == ".parquet":
                facts = pq.read_metadata(self.path)
                return [facts.row_group(number).num_rows for number in range(facts.num_row_groups)]
            with self._stream() as stream:
                return [sum(batch.num_rows for batch in stream)]

    def schema(self) -> Any:
        """The arrow schema, with the features of the dataset in its metadata.

        Raises:
            DocexpError: the file is damaged.
        """
        import pyarrow.parquet as pq

        with self._refusing():
            if self.path.suffix == ".parquet":
                return pq.read_schema(self.path)
            with self._stream() as stream:
                return stream.schema

    def rows(self, block: int, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a block as plain values, images as their encoded bytes; all columns, or some.

        Raises:
            DocexpError: the file is damaged.
        """
        with self._refusing():
            for batch in self._batches(block, columns):
                batch.validate(full=True)  # without it, damaged offsets are followed out of the file
                chosen = batch.select(columns) if columns else batch
                for first in range(0, batch.num_rows, ROWS):
                    yield from chosen.slice(first, ROWS).to_pylist()

    def _batches(self, block: int, columns: list[str] | None) -> Iterator[Any]:
        import pyarrow.parquet as pq

        if self.path.suffix == ".parquet":
            with pq.ParquetFile(self.path) as file:
                yield from file.iter_batches(batch_size=ROWS, row_groups=[block], columns=columns)
        else:
            with self._stream() as stream:
                yield from stream

    @contextmanager
    def _stream(self) -> Iterator[Any]:
        import pyarrow as pa

        with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
            yield stream

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Around whatever reads the file: says that it is damaged."""
        import pyarrow as pa

        try:
            yield
        except (OSError, ValueError, pa.ArrowException) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise DocexpError(f"{self.path}: damaged, or no file of a dataset ({reason}). Fetch it again.") from None


def table_files(folder: Path, config: str, split: str) -> list[TableFile]:
    """The files of a dataset's folder with their splits, in order.

    Args:
        folder: as ``save_to_disk`` makes it, or with parquet files at any depth.
        config: of a dataset with several configurations, the one to read; empty where there is one.
        split: of files whose names tell none; empty to refuse them.

    Raises:
        DocexpError: no files of a dataset, a loading script, several configurations, a file of no split.
    """
    if (folder / "dataset_dict.json").is_file():
        record = folder / "dataset_dict.json"
        names = _names(record, "splits")
        return [file for name in names for file in _saved(inside(folder, name, str(record)), _split(name, name, ""))]
    if (folder / "state.json").is_file():
        return _saved(folder, split or "train")
    found = _parquet(folder)
    if not found:
        raise DocexpError(_no_dataset(folder))
    chosen = _chosen(found, config, folder)
    return [TableFile(_split(name, str(file), split), file) for name, file in chosen]


def dataset_tables(folder: Path, columns: set[str], dataset: str) -> list[TableFile]:
    """The parquet files of a dataset whose ``columns`` are known: train, then validation, then test; none if none.

    Raises:
        DocexpError: several sets of files, a file of none of these splits, damaged, or without one of the columns.
    """
    found = _parquet(folder)
    if len(found) > 1:
        names = ", ".join(name or "(none)" for name in found)
        raise DocexpError(f"{folder} holds several sets of parquet files: {names}. Give the folder of one as source.")
    files = []
    for name, file in next(iter(found.values()), []):
        split = named_split(name)
        if split not in SPLITS:
            raise DocexpError(f"{file}: its name tells no split ({', '.join(SPLITS)}). Name it as the hub does.")
        table = TableFile(split, file)
        lacking = columns - set(table.schema().names)
        if lacking:
            raise DocexpError(f"{file}: no column {', '.join(sorted(lacking))}, as {dataset} has.")
        files.append(table)
    return sorted(files, key=lambda table: SPLITS.index(table.split))


def _parquet(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """Parquet files by configuration, each with the name of its split (empty where nothing tells it)."""
    found: dict[str, list[tuple[str, Path]]] = {}
    visible = [file for file in folder.rglob("*.parquet") if not file.name.startswith(".")]
    for file in sorted(visible, key=lambda file: [natural(part) for part in file.relative_to(folder).parts]):
        shard = _SHARD.match(file.stem)
        told = named_split(file.stem) or named_split(file.parent.name if file.parent != folder else "")
        name = told or (shard.group(1) if shard else "")
        found.setdefault(_config(file.relative_to(folder)), []).append((name, file))
    return found


def _chosen(found: dict[str, list[tuple[str, Path]]], config: str, folder: Path) -> list[tuple[str, Path]]:
    if config in found:
        return found[config]
    names = ", ".join(name or "(none)" for name in found)
    if config:
        raise DocexpError(f"{folder} has no configuration {config}. It has {names}.")
    if len(found) > 1:
        raise DocexpError(f"{folder} has several configurations: {names}. Give data.reader.config=NAME.")
    return next(iter(found.values()))


def _config(path: Path) -> str:
    """The folders that lead to a parquet file, less those that only say ``data`` or name its split."""
    return "/".join(part for part in path.parent.parts if part != "data" and named_split(part) is None)


def _split(name: str, where: str, otherwise: str) -> str:
    told = named_split(name) or re.sub(r"[^A-Za-z0-9_]", "_", name) or otherwise
    if not told:
        raise DocexpError(f"{where}: its name tells no split. Give data.reader.split=train.")
    return told


def _saved(folder: Path, split: str) -> list[TableFile]:
    state = folder / "state.json"
    record = read_json(state)
    check_keys(record, {"_data_files": list}, str(state))
    files = []
    for entry in record["_data_files"]:
        check_keys(entry, {"filename": str}, str(state))
        files.append(TableFile(split, inside(folder, entry["filename"], str(state))))
    return files


def _names(file: Path, key: str) -> list[str]:
    record = read_json(file)
    check_keys(record, {key: list}, str(file))
    return [str(name) for name in record[key]]


def _no_dataset(folder: Path) -> str:
    scripts = sorted(folder.glob("*.py"))
    if scripts:
        return (
            f"{folder} is a dataset with a loading script ({scripts[0].name}); docexp runs no code of a dataset.\n"
            "Use its parquet form, on the hub under the revision refs/convert/parquet, or save_to_disk it."
        )
    if any(folder.rglob("*.tar")):
        return (
            f"{folder} holds tars: read them with data=ocr_idl, or adopt pages of docexp's form by docexp data index."
        )
    return (
        f"{folder}: no dataset here: neither parquet files nor what save_to_disk writes (dataset_dict.json).\n"
        "Of a dataset of the hub without parquet files: source=hub:owner/name@refs/convert/parquet."
    )
