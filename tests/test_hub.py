"""Folders and cached hub repositories."""

from pathlib import Path

import pytest

from docexp.errors import DocexpError
from docexp.hub import local_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub cache that holds owner/name, in the client's own layout."""
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--owner--name"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.delenv("DOCEXP_ONLINE", raising=False)
    return tmp_path


def test_a_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "owner" / "name" / "model.safetensors").touch()
    monkeypatch.chdir(tmp_path)
    assert local_folder("owner/name", ["config.json", "*.safetensors"]) == Path("owner/name")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local_folder("~/owner/name", ["*.safetensors"]) == tmp_path / "owner" / "name"


def test_a_hub_id_is_found_in_the_cache(cache: Path):
    folder = local_folder("owner/name", ["config.json"])
    assert (folder / "config.json").read_text() == "{}"
    assert folder.is_relative_to(cache)


def test_what_is_not_there_says_how_to_get_it(cache: Path):
    with pytest.raises(DocexpError, match=r"owner/other is no folder here and not in the hub cache .*DOCEXP_ONLINE=1"):
        local_folder("owner/other", ["config.json"])
    with pytest.raises(DocexpError, match=r"/no/such/folder is no folder, and no hub id"):
        local_folder("/no/such/folder", ["config.json"])
    with pytest.raises(DocexpError, match=r"holds none of \*\.safetensors"):
        local_folder("owner/name", ["*.safetensors"])


def test_without_leave_nothing_is_fetched(cache: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def snapshot_download(source: str, *, allow_patterns: list[str], local_files_only: bool) -> str:
        asked.append(local_files_only)
        raise OSError("no route to host\nmore")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    for value in ("", "0", "1"):
        monkeypatch.setenv("DOCEXP_ONLINE", value)
        with pytest.raises(DocexpError, match=r"could not be fetched from the hub: no route to host$"):
            local_folder("owner/name", ["config.json"])
    assert asked == [True, True, False]
