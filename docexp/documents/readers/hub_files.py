"""The files of a Hugging Face dataset on disk: parquet as on the hub, or arrow as ``save_to_disk`` writes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docexp.documents.readers.files import check_keys, read_json
from docexp.documents.readers.image_tree import natural
from docexp.documents.readers.splits import named_split
from docexp.errors import DocexpError

_SHARD = re.compile(r"^(.+?)-\d{5}-of-\d{5}")
"""A parquet file's name as ``push_to_hub`` writes it: its split, its number, how many there are."""


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
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            if self.path.suffix == ".parquet":
                facts = pq.read_metadata(self.path)
                return [facts.row_group(number).num_rows for number in range(facts.num_row_groups)]
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
                return [sum(batch.num_rows for batch in stream)]
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from None

    def schema(self) -> Any:
        """The arrow schema, with the features of the dataset in its metadata.

        Raises:
            DocexpError: the file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            if self.path.suffix == ".parquet":
                return pq.read_schema(self.path)
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
                return stream.schema
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from None

    def rows(self, block: int, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """The rows of a block as plain values, images as their encoded bytes; all columns, or some.

        Raises:
            DocexpError: the file is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            if self.path.suffix == ".parquet":
                with pq.ParquetFile(self.path) as file:
                    for batch in file.iter_batches(batch_size=16, row_groups=[block], columns=columns):
                        batch.validate(full=True)
                        yield from batch.to_pylist()
                return
            with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
                for batch in stream:
                    batch.validate(full=True)  # without it, damaged offsets are followed out of the file
                    chosen = batch.select(columns) if columns else batch
                    for first in range(0, batch.num_rows, 16):
                        yield from chosen.slice(first, 16).to_pylist()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DocexpError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return DocexpError(f"{self.path}: damaged, or no file of a dataset ({reason}). Fetch it again.")


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
        names = _names(folder / "dataset_dict.json", "splits")
        return [file for name in names for file in _saved(folder / _inside(name), _split(name, name, ""))]
    if (folder / "state.json").is_file():
        return _saved(folder, split or "train")
    parquet = [file for file in folder.rglob("*.parquet") if not file.name.startswith(".")]
    if not parquet:
        raise DocexpError(_no_dataset(folder))
    found: dict[str, list[TableFile]] = {}
    for file in sorted(parquet, key=lambda file: [natural(part) for part in file.relative_to(folder).parts]):
        shard = _SHARD.match(file.stem)
        told = named_split(file.stem) or named_split(file.parent.name if file.parent != folder else "")
        name = told or (shard.group(1) if shard else "")
        found.setdefault(_config(file.relative_to(folder)), []).append(TableFile(_split(name, str(file), split), file))
    return _chosen(found, config, folder)


def _chosen(found: dict[str, list[TableFile]], config: str, folder: Path) -> list[TableFile]:
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
        files.append(TableFile(split, folder / _inside(entry["filename"])))
    return files


def _names(file: Path, key: str) -> list[str]:
    record = read_json(file)
    check_keys(record, {key: list}, str(file))
    return [str(name) for name in record[key]]


def _inside(name: str) -> str:
    """A file name without the folders that would lead out of the dataset's."""
    return Path(name).name


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
