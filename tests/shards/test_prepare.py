"""Preparing a set: any number of processes give the same bytes, and so does any number of deaths on the way."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from PIL import Image

from docexp.documents.readers.funsd import FunsdReader
from docexp.documents.readers.reader import Report
from docexp.errors import DocexpError
from docexp.shards.index import Index, SetFacts
from docexp.shards.journal import Journal
from docexp.shards.prepare import Preparation
from docexp.shards.read import ShardReader
from docexp.shards.store_image import StoredImages
from docexp.shards.workers import read_units
from docexp.shards.write import write_shards

FORMS = {"training_data": 17, "testing_data": 6}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A miniature FUNSD whose forms differ in everything."""
    folder = tmp_path / "funsd"
    for split, forms in FORMS.items():
        for kind in ("annotations", "images"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(forms):
            write_form(folder / split, f"{split[:2]}{number:02d}", number)
    return folder


def write_form(folder: Path, name: str, number: int, **changes) -> None:
    words = [{"text": f"w{number}", "box": [1, 1, 9 + number, 9]}, {"text": "", "box": [1, 1, 2, 2]}]
    entity = {"id": 0, "text": f"w{number}", "box": [1, 1, 40, 9], "label": "question", "words": words, "linking": []}
    (folder / "annotations" / f"{name}.json").write_text(json.dumps({"form": [entity | changes]}))
    Image.frombytes("RGB", (60, 50), bytes((n * (number + 3)) % 251 for n in range(9000))).save(
        folder / "images" / f"{name}.png"
    )


@pytest.fixture
def prepare(source: Path, tmp_path: Path):
    """``prepare(name, **settings)`` writes the forms as several shards; what was said is in ``prepare.said``."""

    def make(name: str, **settings) -> tuple[Index, Report]:
        made = {"reader": FunsdReader(), "shard_bytes": 12_000, "say": make.said.append} | settings
        return Preparation(
            source=source, out=tmp_path / name, facts=SetFacts(name="", licence="", command=""), **made
        ).run()

    make.said = []
    return make


def bytes_of(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())}


def test_any_number_of_processes_gives_the_same_bytes(prepare, source, tmp_path):
    one, report = prepare("one")
    three, other = prepare("three", jobs=3)
    assert len(one.shards) > 3 and len(one) == 23
    assert bytes_of(one.folder) == bytes_of(three.folder)
    assert report.to_json() == other.to_json() == {"kept": report.kept, "repaired": {}, "refused": {}}
    assert report.kept["empty words"] == 23
    plain = write_shards(FunsdReader().pages(source, Report()), tmp_path / "plain", one.facts, shard_bytes=12_000)
    assert plain.checksum == one.checksum


DYING = """
    import multiprocessing, os, signal, sys
    from pathlib import Path
    from docexp.documents.readers.funsd import FunsdReader
    from docexp.shards.index import SetFacts
    from docexp.shards.prepare import Preparation

    source, out, jobs, last, death = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what runs in its background without it
    pages = 0

    def progress(more):
        global pages
        pages += more
        if pages == int(last):
            print(*(child.pid for child in multiprocessing.active_children()), flush=True)
            os.kill(os.getpid(), getattr(signal, death))

    if __name__ == "__main__":
        Preparation(FunsdReader(), Path(source), Path(out), SetFacts(name="", licence="", command=""),
                    jobs=int(jobs), shard_bytes=12_000, progress=progress, say=lambda text: None).run()
"""


def die(source: Path, out: Path, jobs: int, page: int, death: str) -> list[int]:
    """Prepares in a process that dies at a page; gives the ids of the processes that it had started."""
    words = [str(source), str(out), str(jobs), str(page), death]
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(DYING), *words], capture_output=True, text=True)
    assert done.returncode in (-signal.SIGKILL, -signal.SIGINT), done.stderr
    return list(map(int, done.stdout.split()))


@pytest.mark.parametrize(
    ("page", "jobs", "death"), [(2, 1, "SIGKILL"), (14, 2, "SIGKILL"), (23, 1, "SIGKILL"), (12, 2, "SIGINT")]
)
def test_killed_and_typed_again_gives_the_bytes_of_an_undisturbed_start(prepare, source, tmp_path, page, jobs, death):
    wanted = bytes_of(prepare("wanted")[0].folder)
    children = die(source, tmp_path / "set", jobs, page, death)
    assert len(children) == (jobs if jobs > 1 else 0)
    with pytest.raises(DocexpError, match="did not finish"):
        Index.open(tmp_path / "set")
    counted = []
    index, report = prepare("set", jobs=3 - jobs, progress=counted.append)
    assert prepare.said == [f"goes on from an earlier start, with {page - 1} pages written"]
    assert counted == [page - 1] + [1] * (24 - page)
    assert bytes_of(index.folder) == wanted and report.kept["empty words"] == 23
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "processes are left over"
        time.sleep(0.05)


def test_killed_twice_and_gone_on_from_twice(prepare, source, tmp_path):
    wanted = bytes_of(prepare("wanted")[0].folder)
    die(source, tmp_path / "set", 1, 6, "SIGKILL")
    die(source, tmp_path / "set", 1, 15, "SIGKILL")
    assert bytes_of(prepare("set")[0].folder) == wanted
    assert prepare.said == ["goes on from an earlier start, with 14 pages written"]


@pytest.mark.parametrize("page", [5, 20])
def test_another_setting_begins_anew_and_says_so(prepare, source, tmp_path, page):
    wanted = bytes_of(prepare("wanted", images=StoredImages(images="jpg"))[0].folder)
    die(source, tmp_path / "set", 1, page, "SIGKILL")
    index, _ = prepare("set", images=StoredImages(images="jpg"), reader=FunsdReader(repair="clip"))
    what = "reader or setting of it and way of storing images"
    assert prepare.said == [f"begins anew: an earlier start here had another {what}"]
    assert bytes_of(index.folder) == wanted


def test_a_source_that_has_changed_begins_anew_and_says_so(prepare, source, tmp_path):
    die(source, tmp_path / "set", 1, 9, "SIGKILL")
    write_form(source / "training_data", "tr03", 40)
    index, _ = prepare("set")
    assert prepare.said == ["begins anew: the source has changed since an earlier start"]
    assert "w40" in {word for row in range(len(index)) for word in ShardReader(index).read(row).words}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_reaches_the_user_as_it_is_and_once_mended_the_start_goes_on(prepare, source, jobs):
    wanted = bytes_of(prepare("wanted")[0].folder)
    for name in ("tr05", "tr09"):
        write_form(source / "training_data", name, int(name[2:]), label="qestion")
    with pytest.raises(DocexpError, match=r"tr05\.json.*qestion"):
        prepare("set", jobs=jobs)
    for name in ("tr05", "tr09"):
        write_form(source / "training_data", name, int(name[2:]))
    assert bytes_of(prepare("set")[0].folder) == wanted
    assert prepare.said == ["goes on from an earlier start, with 5 pages written"]


def test_a_start_that_wrote_nothing_leaves_nothing(prepare, source, tmp_path):
    write_form(source / "training_data", "tr00", 0, label="qestion")
    with pytest.raises(DocexpError, match="qestion"):
        prepare("set")
    assert list((tmp_path / "set").iterdir()) == []


@pytest.mark.parametrize("harm", ["last page cut", "page overwritten", "line cut", "a tar is missing"])
def test_only_what_is_there_whole_is_taken_over(prepare, source, tmp_path, harm):
    wanted = bytes_of(prepare("wanted")[0].folder)
    die(source, tmp_path / "set", 1, 22, "SIGKILL")
    tars = [tmp_path / "set" / f"train-{number:05d}.tar.partial" for number in (1, 2)]
    if harm == "last page cut":
        os.truncate(tars[1], tars[1].stat().st_size - 12_000)  # as after a power failure
    elif harm == "page overwritten":
        with tars[1].open("r+b") as file:
            file.seek(2000)
            file.write(b"?")
    elif harm == "line cut":
        journal = next((tmp_path / "set").glob("journal*"))
        os.truncate(journal, journal.stat().st_size - 3)
    else:
        tars[1].unlink()
    die(source, tmp_path / "set", 1, 22, "SIGKILL")
    assert bytes_of(prepare("set")[0].folder) == wanted
    assert prepare.said == ["goes on from an earlier start, with 21 pages written"]


class Killed(BaseException):
    """Stands for SIGKILL."""


def count_down(patch: pytest.MonkeyPatch, left: int) -> None:
    """Kills before the ``left``-th change of a name."""
    for name in ("replace", "unlink"):
        real = getattr(Path, name)

        def change(self, *values, real=real, **options):
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return real(self, *values, **options)

        patch.setattr(Path, name, change)


def test_killed_while_it_is_put_in_place_nothing_is_read_again(prepare, source, tmp_path, monkeypatch):
    wanted, gone_on = bytes_of(prepare("wanted")[0].folder), 0
    for step in range(40):
        with monkeypatch.context() as patch:
            count_down(patch, step)
            try:
                prepare(f"set{step}")
                break
            except Killed:
                pass
        prepare.said.clear()
        index, _ = prepare(f"set{step}", again=True)
        assert bytes_of(index.folder) == wanted
        if prepare.said:  # else it had begun nothing, or was in place already
            assert prepare.said == ["goes on from an earlier start, with 23 pages written"]
            gone_on += 1
    assert gone_on > 7


def test_two_processes_cannot_write_one_set(prepare, tmp_path):
    (tmp_path / "set").mkdir()
    held = Journal(tmp_path / "set")
    with pytest.raises(DocexpError, match="another process is writing"):
        prepare("set")
    held.close()
    prepare("set")


def test_a_process_that_dies_is_said():
    with pytest.raises(DocexpError, match=r"a process that read 3 died \(exit status 3\).*jobs=1"):
        list(read_units(os._exit, iter([3]), 2))  # type: ignore[arg-type]


def test_a_reader_that_divides_a_document_is_refused_naming_both(make_set, make_page):
    given = [("train", make_page("a", document="d")), ("train", make_page("b")), ("test", make_page("c", document="d"))]
    with pytest.raises(DocexpError, match=r"'d' has pages in two splits: page 1 of train and page 1 of test, 'c'"):
        make_set(given=given)


def test_the_old_set_stays_whole_until_the_new_one_is(prepare, source):
    old, _ = prepare("set")
    write_form(source / "training_data", "tr02", 50)
    write_form(source / "training_data", "tr11", 11, label="qestion")
    with pytest.raises(DocexpError, match="qestion"):
        prepare("set", again=True)
    assert Index.open(old.folder).checksum == old.checksum
    assert len(list(map(ShardReader(old).read, range(len(old))))) == 23
    with pytest.raises(DocexpError, match="holds an index already"):
        prepare("set")
    write_form(source / "training_data", "tr11", 11)
    new, _ = prepare("set", again=True)
    assert prepare.said == ["goes on from an earlier start, with 11 pages written"]
    assert new.checksum != old.checksum and bytes_of(new.folder) == bytes_of(prepare("wanted")[0].folder)


def test_a_mistyped_source_costs_nothing_of_an_earlier_start(prepare, source, tmp_path):
    die(source, tmp_path / "set", 1, 15, "SIGKILL")
    with pytest.raises(DocexpError, match="does not exist"):
        Preparation(
            FunsdReader(), tmp_path / "fusnd", tmp_path / "set", SetFacts(name="", licence="", command="")
        ).run()
    prepare("set")
    assert prepare.said == ["goes on from an earlier start, with 14 pages written"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_excluded_pages_are_counted_from_every_process(prepare, tmp_path, jobs):
    names = tmp_path / "scored.txt"
    names.write_text("tr03\ntr11\nte02\n")
    without, report = prepare("without", reader=FunsdReader(exclude=[str(names)]), jobs=jobs)
    assert len(without) == 20
    assert list(report.refused.values()) == [3]
    assert without.report["refused"] == report.refused


def test_a_list_that_names_nothing_is_said_once(prepare, tmp_path):
    names = tmp_path / "other.txt"
    names.write_text("x\n")
    _, report = prepare("all", reader=FunsdReader(exclude=[str(names)]), jobs=2)
    (note,) = [name for name in report.kept if "names no page" in name]
    assert report.kept[note] == 1


def test_a_set_of_which_nothing_is_left_says_what_the_reader_met(prepare, source, tmp_path):
    names = tmp_path / "everything.txt"
    names.write_text("\n".join(file.stem for file in source.rglob("*.json")))
    with pytest.raises(DocexpError, match=r"^no page came: there is nothing to write \(.*left out: 23 pages"):
        prepare("none", reader=FunsdReader(exclude=[str(names)]))
