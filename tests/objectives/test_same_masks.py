"""What is hidden from the model depends on the page, the epoch and the seed: not on how the work is dealt."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest
from torch import Tensor

from docexp.config.check import check
from docexp.config.compose import compose
from docexp.documents.readers.reader import Report
from docexp.documents.synthetic import SyntheticForms
from docexp.inputs.batch import Batch
from docexp.inputs.dataset import EvaluationBatches, Padding, Placement, TrainSteps
from docexp.inputs.loader import TrainLoader
from docexp.runs.resolve import ResolvedRun, resolve
from docexp.shards.index import SetFacts
from docexp.shards.write import write_shards
from docexp.training.build import build_maker, evaluation_rows, training_order

# torch remarks on more workers than the machine has cores
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

ALL = {"layoutlmv3": ("mlm", "mim", "wpa"), "layoutlmv2": ("mvlm", "tia", "tim"), "dit": ("mim",)}
"""By family its own objectives: together they hide words, patches, lines and whole images."""
FAMILY_WORDS = {
    "layoutlmv3": ["model.max_tokens=64", "model.tokenizer=data:300", "data.window_stride=16"],
    "layoutlmv2": ["model.max_tokens=64", "model.tokenizer=data:300", "data.window_stride=16"],
    "dit": ["model.random_crop=[0.2,0.9]"],  # what is shown is drawn too
}
STEPS, GLOBAL_BATCH = 12, 4
WORDS = [
    "task=pretraining",
    "data=synthetic_forms",
    "hardware=cpu",
    "data.workers=0",
    "data.train_windows=all",
    "model.layers=1",
    "model.image_size=64",
    f"trainer.max_steps={STEPS}",
    f"trainer.global_batch={GLOBAL_BATCH}",
]

OWN_WORDS = {
    "mim": ["objective.mim.target=pixels", "objective.mim.smallest=1"],
    "mvlm": ["objective.mvlm.mask_image=true"],
    "tim": ["objective.tim.replaced=0.4", "objective.tim.dropped=0.2"],  # enough of both among so few pages
}

DRAWN = {
    "layoutlmv3": ("input_ids", "patch_mask", "mlm"),
    "layoutlmv2": ("input_ids", "pixels"),
    "dit": ("pixels", "patch_mask"),
}
"""What is another in another epoch, of every page."""

Hidden = tuple[str, tuple[dict[str, bytes], ...]]
"""A sample's key, and of each of its windows what the model is shown and what it is asked for."""


@pytest.fixture(scope="module", autouse=True)
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterable[None]:
    """Few pages in several shards, so that every page comes in several epochs of the runs below."""
    folder = tmp_path_factory.mktemp("masks")
    reader = SyntheticForms(train=14, validation=2, test=9)
    facts = SetFacts(name="synthetic forms", licence="none", command="docexp data prepare data=synthetic_forms")
    write_shards(reader.pages(None, Report()), folder / "synthetic_forms", facts, shard_bytes=200_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCEXP_SHARDS", str(folder))
        patch.setenv("DOCEXP_RUNS", str(folder / "runs"))
        yield


def resolved(family: str, objectives: Iterable[str], seed: int = 0) -> ResolvedRun:
    names = list(objectives)
    words = [*WORDS, f"model={family}_tiny", *FAMILY_WORDS[family], f"objective=[{','.join(names)}]", f"seed={seed}"]
    return resolve(check(compose(words + [word for name in names for word in OWN_WORDS.get(name, [])])))


def again(run: ResolvedRun, seed: int) -> ResolvedRun:
    return resolved(family_of(run), run.settings.objective, seed)


def family_of(run: ResolvedRun) -> str:
    return next(family for family, all_of_it in ALL.items() if set(run.settings.objective) == set(all_of_it))


def loader(run: ResolvedRun, place: Placement | None = None, workers: int = 0) -> TrainLoader:
    order, place = training_order(run), place or Placement(0, 1, GLOBAL_BATCH)
    steps = TrainSteps(build_maker(run, run.corpora), order, place, Padding(run.tokenizer.pad_id, 8))
    return TrainLoader(steps, order, STEPS, place.micro_batches, workers)


def hidden(batch: Batch) -> list[Hidden]:
    """Of every sample that is no filler; padding, which depends on a sample's neighbours, is left out."""
    owner, found = batch.owner[:, 0], []
    for number, key in enumerate(batch.keys):
        if batch.filler[number]:
            continue
        rows = (owner == number).nonzero()[:, 0].tolist()
        found.append((key, tuple(window(batch, row) for row in rows)))
    return found


def window(batch: Batch, row: int) -> dict[str, bytes]:
    length = int(batch.mask[row].sum())

    def plain(values: Tensor, of_tokens: bool) -> bytes:
        return (values[row, :length] if of_tokens else values[row]).numpy().tobytes()

    shown = {"input_ids": plain(batch.input_ids, of_tokens=True)}
    if batch.patch_mask is not None:
        shown["patch_mask"] = plain(batch.patch_mask, of_tokens=False)
    if batch.pixels is not None:
        shown["pixels"] = hashlib.sha256(plain(batch.pixels, of_tokens=False)).digest()
    return shown | {name: plain(target, of_tokens=name not in ("mim", "tim")) for name, target in batch.targets.items()}


def by_step(batches: Iterable[Batch], per_step: int, first: int = 0) -> dict[int, list[Hidden]]:
    found: dict[int, list[Hidden]] = defaultdict(list)
    for number, batch in enumerate(batches):
        found[first + number // per_step] += hidden(batch)
    return found


def in_order(*parts: dict[int, list[Hidden]]) -> dict[int, list[Hidden]]:
    """The parts' samples step by step, in an order that does not depend on who made them."""
    steps = sorted({step for part in parts for step in part})
    return {step: sorted((s for part in parts for s in part.get(step, ())), key=repr) for step in steps}


def trained(run: ResolvedRun, ranks: int = 1, micro_batch: int = GLOBAL_BATCH, workers: int = 0) -> dict:
    per_step = GLOBAL_BATCH // ranks // micro_batch
    places = [Placement(rank, ranks, micro_batch, per_step) for rank in range(ranks)]
    return in_order(*(by_step(loader(run, place, workers), per_step) for place in places))


def evaluated(run: ResolvedRun, ranks: int = 1, batch: int = GLOBAL_BATCH) -> list[Hidden]:
    rows, maker = evaluation_rows(run, run.corpora, lambda index: "test"), build_maker(run, run.corpora)
    found: list[Hidden] = []
    for rank in range(ranks):
        batches = EvaluationBatches(maker, rows, Placement(rank, ranks, batch), Padding(run.tokenizer.pad_id, 8))
        for number in range(len(batches)):
            made = batches[number]
            assert isinstance(made, Batch)
            found += hidden(made)
    return sorted(found, key=repr)


def resumed(run: ResolvedRun, cut: int, workers: int) -> dict[int, list[Hidden]]:
    """``cut`` steps, then the rest by another loader from the state of the first, in other micro-batches."""
    before, batches = loader(run, workers=workers), []
    for batch in before:
        batches.append(batch)
        if len(batches) == cut:
            break
    after = loader(again(run, run.settings.seed), Placement(0, 1, 2, 2))
    after.load_state_dict(before.state_dict())
    return in_order(by_step(batches, 1), by_step(after, 2, first=cut))


@pytest.fixture(scope="module", params=["layoutlmv3", "dit", pytest.param("layoutlmv2", marks=pytest.mark.slow)])
def run(request: pytest.FixtureRequest) -> ResolvedRun:
    return resolved(request.param, ALL[request.param])


@pytest.fixture(scope="module")
def masks(run: ResolvedRun) -> dict[int, list[Hidden]]:
    found = trained(run)
    assert [len(found[step]) for step in range(STEPS)] == [4, 4, 4, 2] * 3  # an epoch's last batch is filled up
    windows = [window for samples in found.values() for _, windows in samples for window in windows]
    shown = {"input_ids", "pixels", "patch_mask"} if "mim" in run.settings.objective else {"input_ids", "pixels"}
    assert all(set(window) == shown | set(run.settings.objective) for window in windows)
    assert all(any(window.get("patch_mask", b"1")) for window in windows)
    return found


@pytest.mark.parametrize(
    ("ranks", "micro_batch", "workers"),
    [
        (1, 1, 0),
        (2, 2, 0),
        (4, 1, 0),
        (1, 4, 3),
        pytest.param(1, 2, 0, marks=pytest.mark.slow),
        pytest.param(2, 1, 0, marks=pytest.mark.slow),
        pytest.param(2, 1, 3, marks=pytest.mark.slow),
    ],
)
def test_however_the_step_is_dealt(run: ResolvedRun, masks: dict, ranks: int, micro_batch: int, workers: int) -> None:
    assert trained(run, ranks, micro_batch, workers) == masks


@pytest.mark.parametrize(
    ("cut", "workers"), [(5, 0), (7, 3), *(pytest.param(cut, 3, marks=pytest.mark.slow) for cut in (1, 11))]
)
def test_before_and_after_a_resume(run: ResolvedRun, masks: dict, cut: int, workers: int) -> None:
    assert resumed(run, cut, workers) == masks


def test_another_epoch_hides_other_things(run: ResolvedRun, masks: dict[int, list[Hidden]]) -> None:
    seen: dict[str, list[tuple[dict[str, bytes], ...]]] = defaultdict(list)
    for samples in masks.values():
        for key, windows in samples:
            seen[key].append(windows)
    assert [len(visits) for visits in seen.values()] == [3] * 14
    for visits in seen.values():
        for name in DRAWN[family_of(run)]:
            assert len({tuple(window[name] for window in windows) for windows in visits}) == len(visits)


def test_another_seed_hides_other_things(run: ResolvedRun, masks: dict[int, list[Hidden]]) -> None:
    first, other = (
        {key: windows for samples in found.values() for key, windows in samples}
        for found in (masks, trained(again(run, seed=7)))
    )
    shared = first.keys() & other.keys()
    assert shared and all(first[key] != other[key] for key in shared)


@pytest.mark.parametrize("run", ["dit"], indirect=True)
def test_training_shows_parts_of_pages_and_evaluations_whole_ones(run: ResolvedRun) -> None:
    maker = build_maker(run, run.corpora)
    for row in range(5):
        (whole,) = maker.encoder.encode(maker.reader.read(row))
        (scored,), (trained_on,) = maker.evaluation(row).windows, maker.training(row, epoch=0).windows
        assert whole.pixels is not None and scored.pixels is not None and trained_on.pixels is not None
        assert (scored.pixels == whole.pixels).all() and (trained_on.pixels != whole.pixels).any()


def test_evaluations_are_the_same_whatever_the_seed_the_ranks_and_the_batch(run: ResolvedRun) -> None:
    expected = evaluated(run)
    assert Counter(key for key, _ in expected) == Counter({key: 1 for key, _ in expected}) and len(expected) == 9
    assert evaluated(again(run, seed=5)) == expected
    assert evaluated(run, ranks=2, batch=1) == evaluated(run, ranks=4, batch=2) == expected


@pytest.mark.parametrize(
    ("run", "objectives", "own"),
    [
        ("layoutlmv3", ["mlm"], ["input_ids", "mlm"]),
        ("layoutlmv3", ["mim"], ["patch_mask", "mim"]),
        pytest.param("layoutlmv3", ["mlm", "mim"], ["input_ids", "patch_mask", "mlm", "mim"], marks=pytest.mark.slow),
        pytest.param("layoutlmv2", ["mvlm"], ["input_ids", "mvlm"], marks=pytest.mark.slow),
        pytest.param("layoutlmv2", ["tim"], ["tim"], marks=pytest.mark.slow),
    ],
    indirect=["run"],
)
def test_an_objective_hides_the_same_whatever_its_company(
    run: ResolvedRun, masks: dict, objectives: list[str], own: list[str]
) -> None:
    def ordered(found: dict[int, list[Hidden]]) -> list[list[Hidden]]:
        taken = [[(k, tuple({n: w[n] for n in own} for w in ws)) for k, ws in s] for s in found.values()]
        return [sorted(samples, key=repr) for samples in taken]

    assert ordered(trained(resolved(family_of(run), objectives))) == ordered(masks)
