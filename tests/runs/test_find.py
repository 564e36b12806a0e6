import copy

import pytest

from docexp.config import compose as compose_module
from docexp.config.compose import Composed
from docexp.config.project import Project
from docexp.errors import DocexpError
from docexp.runs import atomic
from docexp.runs.differences import describe_each, flat, partition, short_names, shown
from docexp.runs.find import all_runs, find, find_all, locate, split_settings
from docexp.runs.folder import RunFolder

BASE = {
    "experiment": "finetune/funsd",
    "model": {"_target_": "a.Model", "layers": 2, "size": "tiny", "weights": None},
    "optim": {"_target_": "a.AdamW", "lr": 1e-05, "betas": [0.9, 0.999], "nesterov": False},
    "trainer": {"_target_": "a.Trainer", "max_steps": 1000},
    "paths": {"runs": "runs"},
    "seed": 0,
}
RUNS = {
    "3fa91c0b77de": {},
    "3fa9ffffffff": {"seed": 1},
    "91ab00c1d2e3": {"seed": 1, "model.layers": 4, "model.size": "small"},
    "aaaa00000000": {"experiment": "pretrain/tiny", "optim.lr": 3e-4, "optim.nesterov": True},
}


@pytest.fixture
def runs(tmp_path):
    for identity, changes in RUNS.items():
        config = copy.deepcopy(BASE)
        for key, value in changes.items():
            node, _, name = key.rpartition(".")
            (config[node] if node else config)[name] = value
        folder = RunFolder(tmp_path / "runs" / config["experiment"] / identity)
        folder.create()
        atomic.write_yaml(folder.config, config)
    aside = tmp_path / "runs" / "finetune" / "funsd" / "3fa91c0b77de.old-1" / "3fa91c0b77de"
    hidden = tmp_path / "runs" / ".debug" / "finetune" / "3fa91c0b77de"
    checkpoint = tmp_path / "runs" / "pretrain" / "tiny" / "aaaa00000000" / "evaluations" / "aaaa0000aaaa"
    for folder in (aside, hidden, checkpoint):
        folder.mkdir(parents=True)
    return tmp_path / "runs"


def identities(found):
    return [run.identity for run in found]


def test_all_runs_are_found_and_nothing_else(runs):
    assert identities(all_runs(runs)) == list(RUNS)
    assert list(all_runs(runs / "absent")) == []


def test_by_identity_beginning_or_place(runs):
    assert find("91ab00c1d2e3", runs).path == runs / "finetune" / "funsd" / "91ab00c1d2e3"
    assert find("91ab", runs).identity == "91ab00c1d2e3"
    assert find(str(runs / "pretrain/tiny/aaaa00000000"), runs).identity == "aaaa00000000"
    assert identities(find_all("3fa9", runs)) == ["3fa91c0b77de", "3fa9ffffffff"]
    assert locate("aaaa00000000", runs).path.parent.name == "tiny"
    assert locate("bbbb00000000", runs) is None


def test_many_come_in_the_order_of_their_first_start(runs):
    for identity, day in (("3fa9ffffffff", 1), ("91ab00c1d2e3", 2), ("3fa91c0b77de", 3)):
        started = [f"2026-11-0{day}T10:00:00+00:00", "2026-11-09T10:00:00+00:00"]
        atomic.write_json(locate(identity, runs).environment, {"segments": [{"started": time} for time in started]})
    found = find_all("optim.betas=[0.9,0.999]", runs)
    assert identities(found) == ["3fa9ffffffff", "91ab00c1d2e3", "3fa91c0b77de", "aaaa00000000"]


def test_by_settings(runs):
    assert len(find_all("experiment=finetune/funsd", runs)) == 3
    assert identities(find_all("experiment=finetune/funsd,seed=1", runs)) == ["3fa9ffffffff", "91ab00c1d2e3"]
    assert find("seed=1,model.layers=2", runs).identity == "3fa9ffffffff"
    assert find("optim.lr=0.0003", runs).identity == find("optim.lr=3e-4", runs).identity == "aaaa00000000"
    assert find("optim.nesterov=True", runs).identity == "aaaa00000000"
    assert len(find_all("optim.betas=[0.9,0.999],model.weights=null", runs)) == 4


def test_by_a_choice_all_settings_it_stands_for_must_fit(runs, monkeypatch):
    asked = []

    def compose(words, project):
        asked.append(list(words))
        small = {"_target_": "a.Model", "layers": 4, "size": "small", "weights": "run:anything"}
        return Composed({**copy.deepcopy(BASE), "model": small}, {}, tuple(words), project or Project())

    monkeypatch.setattr(compose_module, "compose", compose)
    assert find("experiment=finetune/funsd,model=small", runs).identity == "91ab00c1d2e3"
    assert asked == [["experiment=finetune/funsd", "model=small"]]
    with pytest.raises(DocexpError, match="none of the 4 runs"):
        find("experiment=pretrain/tiny,model=small", runs)


def test_a_shipped_choice_is_composed_as_for_training(runs):
    config = BASE | {"optim": {"_target_": "docexp.training.settings.SGDSettings", "lr": 0.5, "schedule": "constant"}}
    config["optim"] |= {"weight_decay": 0.0, "momentum": 0.0}
    folder = RunFolder(runs / "custom" / "cccc00000000")
    folder.create()
    atomic.write_yaml(folder.config, config | {"experiment": "custom"})
    assert find("experiment=custom,optim=sgd,optim.lr=0.5", runs).identity == "cccc00000000"
    with pytest.raises(DocexpError, match="none of the"):
        find("experiment=custom,optim=sgd", runs)  # the choice as shipped has another rate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3fa9", r"3fa9 names 2 runs: 3fa91c0b77de seed=0; 3fa9ffffffff seed=1\.\nGive the identity of one\."),
        ("3fa91c0b77dd", "no run 3fa91c0b77dd in .*runs. Nearest: 3fa91c0b77de"),
        ("nonsense", "no run nonsense in .*There are: 3fa9"),
        ("experiment=finetune/funds", r"no run of experiment=finetune/funds in .*Nearest: finetune/funsd"),
        ("trainer.max_step=1000", r"trainer.max_step is no setting of the runs. Nearest: trainer.max_steps"),
        ("experiment=finetune/funsd,seed=7", "none of the 4 runs in .* has experiment=finetune/funsd and seed=7"),
        ("seed=1,tiny", "'tiny' in 'seed=1,tiny' is no setting"),
    ],
)
def test_errors_name_candidates(runs, text, message):
    with pytest.raises(DocexpError, match=message):
        find(text, runs)


def test_no_runs_at_all(tmp_path):
    with pytest.raises(DocexpError, match="There are none yet"):
        find("3fa91c0b77de", tmp_path)


def test_one_identity_in_two_places_is_an_error(runs):
    (runs / "copied" / "91ab00c1d2e3").mkdir(parents=True)
    with pytest.raises(DocexpError, match=r"run 91ab00c1d2e3 lies in .* and in .*Remove one"):
        locate("91ab00c1d2e3", runs)


def test_damaged_configuration_is_named(runs):
    file = runs / "pretrain" / "tiny" / "aaaa00000000" / "config.yaml"
    for text in ("{a: ", "- 1", ""):
        file.write_text(text)
        with pytest.raises(DocexpError, match=r"aaaa00000000/config\.yaml"):
            RunFolder(file.parent).read_config()


def test_split_settings():
    assert split_settings("a=1,b=[x,y],+c={d: 1,e: 2},f='p,q'") == [
        ("a", "1"),
        ("b", "[x,y]"),
        ("c", "{d: 1,e: 2}"),
        ("f", "'p,q'"),
    ]


def test_short_names_tell_apart():
    names = short_names(["optim.lr", "model._target_", "model.head.size", "model.size", "data.size", "seed"])
    assert names == {
        "optim.lr": "lr",
        "model._target_": "model",
        "model.head.size": "head.size",
        "model.size": "model.size",
        "data.size": "data.size",
        "seed": "seed",
    }


def test_values_are_shown_whole():
    flats = flat({"a": {"b": 0.1 + 0.2, "c": [1, None, 2.0], "_target_": "x.y.Model", "d": {}}, "e": 1e-5, "f": True})
    assert {key: shown(flats, key) for key in flats} == {
        "a.b": "0.30000000000000004",
        "a.c": "[1, none, 2]",
        "a._target_": "Model",
        "a.d": "{}",
        "e": "1e-05",
        "f": "true",
    }
    assert shown(flats, "absent") == "–"


def test_partition_groups_equal_values():
    assert partition([{"a": 1}, {"a": 2}, {"a": 1}, {}], "a") == (0, 1, 0, 3)


def test_describe_each_leaves_out_what_does_not_count():
    one, two = copy.deepcopy(BASE), copy.deepcopy(BASE)
    two["paths"]["runs"], two["seed"] = "elsewhere", 3
    assert describe_each([one, two]) == ["seed=0", "seed=3"]
