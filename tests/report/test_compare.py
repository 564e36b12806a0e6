import copy
import hashlib
import io
import json
import math
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from docexp.errors import DocexpError
from docexp.report.compare import compare
from docexp.report.render import metric_name
from docexp.runs import atomic
from docexp.runs.environment import Segment, begin_segment
from docexp.runs.folder import RunFolder
from docexp.runs.identity import canonical, identity
from docexp.runs.metrics_log import MetricsLog
from docexp.runs.result import Result

BASE = {
    "experiment": "quickstart",
    "model": {"_target_": "lab.Model", "layout": False, "image": None, "weights": None, "tokenizer": None},
    "data": {"name": "forms", "shards": "shards/a", "workers": 0, "box_level": "word"},
    "optim": {"_target_": "lab.AdamW", "lr": 1e-3},
    "paths": {"runs": "runs"},
    "label": "",
    "seed": 0,
}
PROTOCOL = {"data": "synthetic forms test", "pages": "60", "boxes": "word boxes", "tags": "BIO, first sub-word"}
FACTS = {"docexp": "0", "python": "3", "platform": "p", "cpu": "c", "packages": {}, "git": None, "code": {}}


@pytest.fixture
def make(tmp_path):
    """Writes one run's folder, as training leaves it: ``value`` None is unfinished, nan diverged."""

    def run(value, protocol=None, metric="entity_f1", fraction=True, step=150, extras=None, **changes):
        config = copy.deepcopy(BASE)
        for key, changed in changes.items():
            node, _, name = key.rpartition("__")
            (config[node] if node else config)[name] = changed
        extras = {"data": "d" * 64, "tokenizer": "t1"} if extras is None else extras
        name = identity(config, {**extras, "weights": extras.get("weights")}, lambda target: None)
        folder = RunFolder(tmp_path / "runs" / config["experiment"] / name)
        folder.create()
        atomic.write_yaml(folder.config, config)
        segment = Segment(accelerator="cpu", devices=1, strategy="single device", threads=1, resumed_from_step=0)
        begin_segment(folder, {**FACTS, "extras": extras}, b"", segment)
        MetricsLog(folder.metrics).write(step, {"loss": 0.5})
        if value is not None:
            Result(
                identity=name,
                experiment=config["experiment"],
                status="diverged" if math.isnan(value) else "finished",
                primary_metric=metric,
                value=value,
                fraction=fraction,
                protocol={} if math.isnan(value) else PROTOCOL if protocol is None else protocol,
                step=step,
                seconds=1.0,
            ).write(folder.result)
        return folder

    return run


def text_of(comparison, width=200, terminal=False):
    out = io.StringIO()
    comparison.render(Console(file=out, width=width, force_terminal=terminal, color_system=None, highlight=False))
    return out.getvalue()


def quickstart(make):
    arms = {
        "text": ({}, [0.40, 0.41, 0.426]),
        "+ layout": ({"model__layout": True}, [0.78, 0.789, 0.798]),
        "+ layout + image": ({"model__layout": True, "model__image": 64}, [0.93, 0.934, 0.938]),
    }
    return [
        make(value, seed=seed, label=label, **changes)
        for label, (changes, values) in arms.items()
        for seed, value in enumerate(values)
    ]


def test_the_table_of_the_quickstart(make):
    comparison = compare(quickstart(make))
    assert text_of(comparison).splitlines() == [
        " entity F1 · synthetic forms test · 60 pages · word boxes · n = 3",
        "   row                entity F1    against text",
        "   text               41.2 ± 3.3",
        "   + layout           78.9 ± 2.2   +37.7  higher",
        "   + layout + image   93.4 ± 1.0   +52.2  higher",
        " protocol: BIO, first sub-word",
        " rows differ in: layout, image",
        " ±: 95 % interval of the mean over seeds (Student's t); higher, lower: Welch's t, 95 %",
    ]


def test_settings_that_differ_are_columns_and_places_are_not(make):
    runs = [
        make(0.5, seed=0),
        make(0.52, seed=1),
        make(0.6, seed=0, optim__lr=3e-4, data__workers=2, paths__runs="elsewhere"),
        make(0.62, seed=1, optim__lr=3e-4),
    ]
    lines = text_of(compare(runs)).splitlines()
    assert lines[1].split() == ["lr", "entity", "F1", "difference"]
    assert lines[2].split() == ["0.001", "51.0", "±", "12.7", "baseline"]
    assert lines[3].split()[:4] == ["0.0003", "61.0", "±", "12.7"]


def test_groups_differ_by_seed_alone(make):
    runs = [make(0.5, seed=seed) for seed in range(3)] + [make(0.5, seed=3, data__box_level="segment")]
    rows = compare(runs).rows
    assert [[entry.seed for entry in row.entries] for row in rows] == [[0, 1, 2], [3]]
    assert compare([*runs, runs[0]]).to_json() == compare(runs).to_json()


def test_upstream_and_checksums_that_differ_are_columns(make):
    first = {"data": "d" * 64, "weights": {"run": "3fa91c0b77de", "checkpoint": "last"}}
    second = {"data": "e" * 64, "weights": {"run": "91ab00c1d2e3", "checkpoint": "last"}}
    comparison = compare([make(0.5, extras=first), make(0.6, extras=second)])
    header, one, two = text_of(comparison).splitlines()[1:4]
    assert header.split()[:4] == ["data", "weights.run", "run", "entity"]
    assert one.split()[0] == "d" * 12
    assert "3fa91c0b77de" in one and "91ab00c1d2e3" in two


def test_other_protocols_are_flagged_as_a_column(make):
    other = {**PROTOCOL, "boxes": "segment boxes (annotated entities)"}
    runs = [make(0.5), make(0.6, data__box_level="segment", protocol=other)]
    lines = text_of(compare(runs)).splitlines()
    assert lines[0] == " entity F1 · synthetic forms test · 60 pages · n = 1"
    assert "boxes" in lines[1].split() and "segment boxes (annotated entities)" in lines[3]
    assert any(line.startswith(" one seed has no interval") for line in lines)


def test_one_setting_scored_by_two_protocols_is_two_rows(make):
    runs = [make(0.5, seed=0), make(0.6, seed=1, protocol={**PROTOCOL, "tags": "IOBES"}), make(None, seed=2)]
    rows = compare(runs).rows
    assert [row.values for row in rows] == [[0.5], [0.6]]
    assert [entry.seed for entry in rows[0].entries] == [0, 2]


def test_other_metrics_are_not_subtracted(make):
    runs = [make(0.5), make(3.25, metric="perplexity", fraction=False, optim__lr=1.0)]
    comparison = compare(runs)
    text = text_of(comparison)
    assert comparison.rows[1].difference is None
    assert "other metric" in text and "perplexity" in text and "3.25" in text


def test_what_is_not_finished_or_diverged_is_said_not_averaged(make):
    runs = [make(0.5, seed=0, label="a"), make(0.52, seed=1, label="a"), make(None, seed=2, label="a", step=40)]
    runs += [make(0.7, seed=0, label="b", optim__lr=1.0), make(0.72, seed=1, label="b", optim__lr=1.0)]
    runs += [make(math.nan, seed=2, label="b", optim__lr=1.0), make(math.nan, label="c", optim__lr=9.0)]
    runs += [make(None, label="d", optim__lr=0.1)]
    comparison = compare(runs)
    lines = text_of(comparison).splitlines()
    assert lines[1].split()[-4:] == ["F1", "n", "against", "a"]
    assert lines[2].split() == ["a", "51.0", "±", "12.7", "2"]
    assert lines[3].split() == ["b", "71.0", "±", "12.7", "(1", "diverged)", "2", "+20.0", "higher"]
    assert lines[4].split() == ["c", "diverged", "0"]
    assert lines[5].split() == ["d", "–", "0"]
    assert f" not finished: {runs[2].identity} (a) seed 2 interrupted at step 40" in lines
    assert f" not finished: {runs[-1].identity} (d) seed 0 interrupted at step 150" in lines


def test_inside_the_noise_says_what_it_would_need(make):
    runs = [make(value, seed=n) for n, value in enumerate([0.70, 0.71, 0.72])]
    runs += [make(value, seed=n, optim__lr=1.0) for n, value in enumerate([0.69, 0.70, 0.715])]
    text = text_of(compare(runs))
    assert "-0.8  not distinguishable (would need ±2.6)" in text


def test_the_baseline_can_be_chosen(make):
    runs = quickstart(make)
    by_label = compare(runs, baseline="+ layout")
    assert by_label.baseline == compare(runs, baseline=runs[4].identity).baseline == 1
    assert "against + layout" in text_of(by_label) and "-37.7  lower" in text_of(by_label)
    with pytest.raises(DocexpError, match=r"baseline \+ layot is no row of this table. Nearest: \+ layout\."):
        compare(runs, baseline="+ layot")
    with pytest.raises(DocexpError, match="nothing to compare"):
        compare([])


def test_rows_stand_in_the_order_given(make):
    runs = quickstart(make)
    assert [row.label for row in compare(runs[::-1]).rows] == ["+ layout + image", "+ layout", "text"]


def test_settings_that_change_in_step_share_a_column(make):
    size = {f"model__size{number}": number for number in range(6)}
    double = {f"model__size{number}": 2 * number + 1 for number in range(6)}
    runs = [make(0.5, **size), make(0.6, **double), make(0.7, **double, optim__lr=1.0)]
    lines = text_of(compare(runs)).splitlines()
    assert lines[1].split() == ["size0", "lr", "run", "entity", "F1", "difference"]
    assert " changes with size0: size1, size2, size3, size4, size5" in lines


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("width", [20, 80, 200])
def test_nothing_is_cut_at_any_width(make, width, terminal):
    long = "a label with [brackets], ümläuts 表 and [bold]no markup[/bold] that goes on and on and on"
    values = {"data__box_level": "segment", "optim__lr": 0.000123456789, "model__layout": ["x" * 30, "y" * 30]}
    runs = [make(0.5, seed=seed, label="text") for seed in range(2)]
    runs += [make(0.511, seed=seed, label=long, **values) for seed in range(2)]
    runs += [make(0.6, protocol={**PROTOCOL, "tags": "z" * 90}, optim__lr=0.5)]
    text = text_of(compare(runs), width, terminal)
    for value in (long, "0.000123456789", "x" * 30, "y" * 30, "z" * 90, "51.1 ± 0.0", "+1.1  higher"):
        assert value in text, value
    assert not any(line.endswith("…") for line in text.splitlines())
    if terminal and width == 80:
        assert "against" not in text.splitlines()[1]  # a list, since the table would not fit


def test_a_table_that_fits_is_a_table_on_a_narrow_terminal(make):
    comparison = compare(quickstart(make))
    assert text_of(comparison, 80, True).splitlines()[1:5] == text_of(comparison, 200, False).splitlines()[1:5]


def test_a_list_where_the_terminal_is_too_narrow(make):
    assert text_of(compare(quickstart(make)), 40, True).splitlines()[1:6] == [
        "   text",
        "     entity F1  41.2 ± 3.3",
        "   + layout",
        "     entity F1     78.9 ± 2.2",
        "     against text  +37.7  higher",
    ]


def test_json_is_whole_and_unrounded(make):
    runs = [*quickstart(make), make(math.nan, label="wild", optim__lr=9.0)]
    data = json.loads(json.dumps(compare(runs).to_json(), allow_nan=False))
    layout, wild = data["rows"][1], data["rows"][3]
    assert layout["mean"] == pytest.approx((0.78 + 0.789 + 0.798) / 3, abs=0, rel=1e-15)
    assert (layout["n"], layout["verdict"], layout["protocol"]) == (3, "higher", PROTOCOL)
    assert [run["value"] for run in layout["runs"]] == [0.78, 0.789, 0.798]
    assert layout["settings"]["model.layout"] is True and "seed" not in layout["settings"]
    assert wild["mean"] is None and wild["runs"][0] == {
        "identity": runs[-1].identity,
        "seed": 0,
        "state": "diverged",
        "step": 150,
        "value": None,
    }


@dataclass(kw_only=True)
class Later:
    size: int = 1
    trick: bool = field(default=False, metadata={"added_default": False})


def test_a_run_from_before_a_setting_existed_stays_in_its_row(make, monkeypatch):
    monkeypatch.setattr("docexp.report.compare.imported_schema", lambda target: Later)
    model = {"_target_": "lab.Model", "size": 1}
    runs = [make(0.5, seed=0, model=model), make(0.6, seed=1, model={**model, "trick": False})]
    assert len(compare(runs).rows) == 1


def test_damage_is_named(make):
    run = make(0.5)
    run.result.write_text("{")
    with pytest.raises(DocexpError, match=r"result\.json cannot be read"):
        compare([run])


def test_metric_names():
    assert metric_name("entity_f1") == "entity F1"
    assert metric_name("map") == "mAP"


def test_the_runs_made_here_have_the_identity_of_their_configuration(make):
    run = make(0.5)
    counted = {
        "data": {"box_level": "word", "name": "forms"},
        "extras": {"data": "d" * 64, "tokenizer": "t1"},
        "model": {"_target_": "lab.Model", "layout": False, "image": None},
        "optim": {"_target_": "lab.AdamW", "lr": 1e-3},
        "seed": 0,
    }
    assert run.identity == hashlib.sha256(canonical(counted).encode()).hexdigest()[:12]
