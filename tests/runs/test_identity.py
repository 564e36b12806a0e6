import copy
import dataclasses
import hashlib
import json
import math
import random
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from docexp.errors import DocexpError
from docexp.runs.differences import flat
from docexp.runs.identity import (
    EXCLUDED,
    STAND_INS,
    canonical,
    identity,
    imported_schema,
    significant,
    without_uncounted,
)

CONFIG = {
    "experiment": "finetune/funsd",
    "model": {
        "_target_": "a.Model",
        "layers": 2,
        "dropout": 0.1,
        "image": None,
        "weights": None,
        "tokenizer": "data:4096",
    },
    "data": {
        "_target_": "a.Data",
        "name": "FUNSD",
        "shards": "shards/funsd",
        "reader": {"_target_": "a.Reader", "repair": "swap"},
        "labels": ["header", "question"],
        "workers": 2,
    },
    "optim": {"_target_": "a.AdamW", "lr": 1e-05, "betas": [0.9, 0.999]},
    "trainer": {"_target_": "a.Trainer", "max_steps": 1000, "selection": "last"},
    "hardware": {
        "_target_": "a.Hardware",
        "accelerator": "cpu",
        "devices": 1,
        "precision": "fp32",
        "micro_batch": None,
    },
    "logger": {"_target_": "a.Logger", "kind": "files"},
    "paths": {"_target_": "a.Paths", "runs": "runs"},
    "debug": {"_target_": "a.Debug", "profile": False},
    "objective": None,
    "seed": 1,
    "label": "größer",
}
EXTRAS = {"data": "d1", "tokenizer": "t1", "weights": None}


def no_schema(target):
    return None


def ident(config, extras=EXTRAS):
    return identity(config, extras, no_schema)


def with_value(key, value):
    config = copy.deepcopy(CONFIG)
    node = config
    *parents, last = key.split(".")
    for name in parents:
        node = node[name]
    node[last] = value
    return config


def test_golden():
    # written out by hand: what is hashed, to the letter
    text = (
        '{"data":{"_target_":"a.Data","labels":["header","question"],"name":"FUNSD"},'
        '"extras":{"data":"d1","tokenizer":"t1"},'
        '"hardware":{"precision":"fp32"},'
        '"model":{"_target_":"a.Model","dropout":0.1,"image":null,"layers":2},'
        '"optim":{"_target_":"a.AdamW","betas":[0.9,0.999],"lr":1e-05},'
        '"seed":1,'
        '"trainer":{"_target_":"a.Trainer","max_steps":1000,"selection":"last"}}'
    )
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == "f6766f67e7d2"
    assert ident(CONFIG) == "f6766f67e7d2"


def test_every_key_counts_unless_it_is_excluded():
    extras = {**EXTRAS, "weights": "w1"}
    for key in flat(CONFIG):
        changed = ident(with_value(key, "something else"), extras)
        excluded = any(key == name or key.startswith(f"{name}.") for name in EXCLUDED)
        assert (changed == ident(CONFIG, extras)) == excluded, key


def test_an_unheard_of_key_counts():
    assert ident(with_value("hardware.new_trick", True)) != ident(CONFIG)
    assert ident(with_value("objective", {"_target_": "a.MLM"})) != ident(CONFIG)


def test_extras_count_and_absent_ones_are_as_if_never_heard_of():
    assert ident(CONFIG, {**EXTRAS, "tokenizer": "t2"}) != ident(CONFIG)
    assert ident(CONFIG, {**EXTRAS, "weights": {"run": "3fa91c0b77de", "checkpoint": "last"}}) != ident(CONFIG)
    assert ident(CONFIG, {"data": "d1", "tokenizer": "t1"}) == ident(CONFIG)


@pytest.mark.parametrize("key", STAND_INS)
def test_a_place_without_its_checksum_is_refused(key):
    config = with_value(key, "somewhere")
    if key == "data.corpora":
        config["data"]["shards"] = None
    with pytest.raises(ValueError, match=key):
        ident(config, {**EXTRAS, "weights": "w", STAND_INS[key]: None})


def test_how_the_weights_were_spelled_does_not_count():
    extras = {**EXTRAS, "weights": {"run": "3fa91c0b77de", "checkpoint": "last"}}
    short, long = "run:3fa91c0b77de", "run:experiment=pretrain/tiny,seed=0@last"
    assert ident(with_value("model.weights", short), extras) == ident(with_value("model.weights", long), extras)


def test_spelling_of_numbers():
    assert canonical(yaml.safe_load("0.00001")) == canonical(1e-5) == canonical(float("1e-5")) == "1e-05"
    assert canonical(0.1 + 0.2) != canonical(0.3)
    assert len({canonical(1), canonical(1.0), canonical(True), canonical("1")}) == 4


def test_the_order_of_lists_counts_and_tuples_are_lists():
    assert canonical({"a": [1, 2]}) != canonical({"a": [2, 1]})
    assert canonical({"a": (1, 2)}) == canonical({"a": [1, 2]})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused_by_name(value):
    with pytest.raises(DocexpError, match=r"optim\.betas\[1\]=-?(nan|inf)"):
        ident(with_value("optim.betas", [0.9, value]))


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match="optim"):
        canonical({"optim": {1: "a"}})
    with pytest.raises(TypeError, match=r"data\.labels"):
        canonical({"data": {"labels": {"a", "b"}}})


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value, generator):
    if isinstance(value, dict):
        items = [(key, shuffled(item, generator)) for key, item in value.items()]
        generator.shuffle(items)
        return dict(items)
    return [shuffled(item, generator) for item in value] if isinstance(value, list) else value


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1), plain, max_size=5), st.integers())
def test_the_order_of_keys_does_not_count_and_the_text_is_json(value, seed):
    assert canonical(shuffled(value, random.Random(seed))) == canonical(value)
    assert json.loads(canonical(value)) == value
    assert canonical(json.loads(canonical(value))) == canonical(value)


printable = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=8)
yamlable = st.dictionaries(
    printable, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable
)


@settings(max_examples=100, deadline=None)
@given(yamlable)
def test_a_configuration_read_back_from_yaml_has_the_same_identity(values):
    config = with_value("optim.more", values)
    assert ident(yaml.safe_load(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))) == ident(config)


@dataclass(kw_only=True)
class Inner:
    size: int = 1
    later: float = field(default=2.0, metadata={"added_default": 2.0})
    fresh: "Inner | None" = field(default=None, metadata={"added_default": None})


@dataclass(kw_only=True)
class Outer(Inner):
    flag: bool = field(default=True, metadata={"added_default": False})


SCHEMAS = {"a.Inner": Inner, "a.Outer": Outer}


def test_a_field_added_later_orphans_nothing_while_it_means_the_old_behaviour():
    old = {"model": {"_target_": "a.Outer", "size": 1, "parts": [{"_target_": "a.Inner", "size": 3}]}}
    new = {
        "model": {
            "_target_": "a.Outer",
            "size": 1,
            "later": 2.0,
            "fresh": None,
            "flag": False,
            "parts": [{"_target_": "a.Inner", "size": 3, "later": 2.0, "fresh": None}],
        }
    }
    assert without_uncounted(new, SCHEMAS.get) == old
    assert identity(new, {}, SCHEMAS.get) == identity(old, {}, SCHEMAS.get)
    for key, value in {"later": 2.5, "flag": True, "fresh": {"_target_": "a.Inner"}, "size": 2}.items():
        changed = {"model": {**new["model"], key: value}}
        assert identity(changed, {}, SCHEMAS.get) != identity(old, {}, SCHEMAS.get), key


def test_the_value_that_is_left_out_is_the_old_one_not_todays_default():
    # flag's default is True, its old behaviour False
    assert without_uncounted({"_target_": "a.Outer", "flag": True}, SCHEMAS.get) == {
        "_target_": "a.Outer",
        "flag": True,
    }
    assert without_uncounted({"_target_": "a.Outer", "flag": 0}, SCHEMAS.get) == {"_target_": "a.Outer", "flag": 0}


@dataclass
class Somewhere:
    size: int = 1
    folder: str = field(default="", metadata={"place": True})


def test_where_something_lies_does_not_count_whatever_its_setting_is_called():
    node = {"objective": {"mine": {"_target_": "a.Somewhere", "size": 1, "folder": "here"}}}
    other = {"objective": {"mine": {"_target_": "a.Somewhere", "size": 1, "folder": "there"}}}
    larger = {"objective": {"mine": {"_target_": "a.Somewhere", "size": 2, "folder": "here"}}}
    one, same, another = (identity(config, {}, {"a.Somewhere": Somewhere}.get) for config in (node, other, larger))
    assert one == same != another


def test_a_target_that_is_not_there_is_named():
    assert imported_schema("docexp.runs.settings.PathsSettings").__name__ == "PathsSettings"
    with pytest.raises(DocexpError, match=r"docexp\.runs\.settings\.PathSettings"):
        identity({"paths": {"_target_": "docexp.runs.settings.PathSettings"}}, {})


def test_the_list_fits_the_settings_that_there_are():
    from docexp.inputs.settings import DataSettings, MixtureSettings
    from docexp.models.settings import ModelSettings
    from docexp.training.settings import HardwareSettings

    names = {item.name for item in dataclasses.fields(HardwareSettings)}
    assert {name for name in names if f"hardware.{name}" not in EXCLUDED} == {"precision"}
    for group, schemas in (("data", (DataSettings, MixtureSettings)), ("model", (ModelSettings,))):
        listed = {key.partition(".")[2] for key in EXCLUDED if key.startswith(f"{group}.")}
        assert listed <= {item.name for schema in schemas for item in dataclasses.fields(schema)}


def test_significant_does_not_change_what_it_is_given():
    before = copy.deepcopy(CONFIG)
    significant(CONFIG, EXTRAS)
    ident(CONFIG)
    assert before == CONFIG


def test_runs_and_report_load_without_torch():
    names = ("identity", "folder", "find", "lock", "environment", "metrics_log", "result", "state")
    imports = ", ".join(f"docexp.runs.{name}" for name in names)
    code = f"import sys, {imports}, docexp.report.compare, docexp.report.render; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"
