"""A run is made from the files of its data folder, all of them and nothing else, and its id says so."""

import contextlib
import csv
import importlib.metadata
import io
import json
import shutil
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest

from forecast.app import intake, jobs, pipeline, update
from forecast.app.pipeline import run_all
from forecast.claims import inputs as inputs_of_a_run
from forecast.claims.inputs import read_inputs
from forecast.cli import main
from forecast.core.progress import heard_by
from forecast.models.hazard.panel import base_rates, positions
from forecast.models.panels import build_panel
from forecast.news.stored import read_run
from forecast.tables import shipped, vintages
from forecast.tables.shipped import REFERENCE_TABLES, data_dir, read_vintages
from forecast.tables.vintages import as_of

ROW = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the shipped data folder."""
    return Path(shutil.copytree(data_dir(), tmp_path / "data"))


class _Enough(Exception):
    pass


@pytest.fixture
def identity(monkeypatch, tmp_path):
    """Return a function that gives the id a run would have, without making it."""

    def stop(out, run_id):
        raise _Enough(run_id)

    monkeypatch.setattr(pipeline, "_kept", stop)

    def of(data=None, **more):
        settings = {"quick": True, "models": ["market"], **more}
        with pytest.raises(_Enough) as found:
            run_all(tmp_path / "out", data=data, **settings)
        return str(found.value)

    return of


def cells(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def put(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def change_a_figure(path, name):
    """Halve the first number of a table of its own columns, or change its first text."""
    kinds = [entry.split(":")[1].rstrip("?") for entry in REFERENCE_TABLES[name].split()]
    header, *body = cells(path)
    assert len(header) == len(kinds)
    for row in body:
        for k, kind in enumerate(kinds):
            if kind in ("number", "share", "percent") and row[k] and float(row[k]):
                row[k] = str(float(row[k]) / 2)
                return put(path, [header, *body])
    assert "text" in kinds, f"{name} holds neither a number nor a text"
    body[0][kinds.index("text")] += " x"
    put(path, [header, *body])


# --- kind 2: another input, another run -------------------------------------------------------
@pytest.mark.parametrize("name", REFERENCE_TABLES)
def test_a_changed_figure_in_any_table_is_another_run(name, folder, identity):
    before = identity(folder)
    change_a_figure(folder / f"{name}.csv", name)
    assert identity(folder) != before


def test_a_changed_outside_reference_is_another_run(folder, identity):
    before = identity(folder)
    header, *body = cells(folder / "references.csv")
    body[-1][header.index("value")] = "17"
    put(folder / "references.csv", [header, *body])
    assert identity(folder) != before


def test_a_changed_note_beside_a_number_is_another_run(folder, identity):
    before = identity(folder)  # the audit prints notes, and the run folder holds them
    for name in ("references.csv", "articles/cuban_2026_05/market.csv"):
        header, *body = cells(folder / name)
        column = "note" if "note" in header else "printed"
        body[0][header.index(column)] += " and more"
        put(folder / name, [header, *body])
        after = identity(folder)
        assert after != before, name
        before = after


@pytest.mark.parametrize("name", ["claims", "scenarios", "comparisons"])
def test_another_question_is_another_run(name, folder, identity):
    before = identity(folder)
    path = folder / "articles" / "cuban_2026_05" / f"{name}.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert identity(folder) != before


def test_a_changed_template_or_code_is_another_run(identity, monkeypatch):
    before = identity()
    monkeypatch.setattr(
        pipeline, "package_hash", lambda: "another"
    )  # tests/test_sourcecode.py: of what
    assert identity() != before


def test_another_version_of_anything_it_is_built_on_is_another_run(identity, monkeypatch):
    before, version = identity(), importlib.metadata.version
    for changed in (
        "arviz",
        "jinja2",
        "scipy",
        "markdown-it-py",
        "pytensor",
        "matplotlib",
        "forecast",
    ):
        monkeypatch.setattr(
            importlib.metadata, "version", lambda n, c=changed: "0" if n == c else version(n)
        )
        assert identity() != before, changed


@pytest.mark.parametrize(
    "more",
    [{"seed": 2}, {"quick": False}, {"models": ["adoption"]}, {"as_of_date": "2026-05-07"}],
)
def test_other_settings_are_another_run(more, identity):
    assert identity(**more) != identity()


def test_what_does_not_matter_is_the_same_run(folder, identity, tmp_path):
    before = identity()
    assert identity(folder) == before  # where the folder lies
    (folder / "notes.csv").write_text("mine\n")
    (folder / "README").write_text("mine\n")
    (folder / "articles" / "cuban_2026_05" / "draft.toml").write_text("[")
    assert identity(folder) == before
    assert identity(folder, workers=2) == before
    for path in (folder / "warnings.csv", folder / "articles" / "cuban_2026_05" / "claims.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    header, *body = cells(folder / "earnings.csv")
    put(folder / "earnings.csv", [header, *reversed(body)])
    assert identity(folder) == before
    then = identity(as_of_date="2026-05-06")
    (folder / "vintages").mkdir()
    (folder / "vintages" / "user.csv").write_text(
        ROW + "OpenAI,annual_revenue,2026,99,USD bn,2027-01-31,s,A,\n"
    )
    assert identity(folder, as_of_date="2026-05-06") == then  # not known by then


# --- kind 4: the user's own tables ------------------------------------------------------------
def of_folder(folder):
    inputs = read_inputs(folder)
    known = as_of(inputs.vintages, "2026-05-06")
    return inputs, known


def test_own_positions_and_base_rates_reach_the_panel(folder):
    (folder / "positions.csv").write_text(
        "entity,dated,industry,sample,net,raw,months,source\n"
        'Mine,2026-05-01,Chips,"SOX 1994-2026, all",70,100,2,me\n'
    )
    path = folder / "drawdown_base_rates.csv"
    path.write_text(path.read_text().replace("0.557,0.331,0.221", "0.55,0.33,0.22"))
    inputs, known = of_folder(folder)
    panel = build_panel(known, "hazard", tables=inputs.tables)
    held = {one.entity: one for one in positions(panel)}
    assert "PHLX semiconductor index" not in held
    assert (held["Mine"].net, held["Mine"].months) == (70, 2)
    assert base_rates(panel, held["Mine"])["p20_18m"] == 0.55
    shipped = build_panel(known, "hazard")
    assert "Mine" not in [one.entity for one in positions(shipped)]


@pytest.mark.parametrize(
    ("cells", "said"),
    [("70,100,2.5", "got 2.5 months"), ("70,100,60", "60 months ago"), ("999,999,1", "of 999 points"),
     ("70,100,-1", "-1 months ago")],
)  # fmt: skip
def test_positions_that_mean_nothing_are_refused(cells, said, folder, capsys):
    (folder / "positions.csv").write_text(
        f"entity,dated,industry,sample,net,raw,months,source\nMine,2026-05-01,,,{cells},me\n"
    )
    argv = ["run", "--quick", "--models", "hazard", "--data", str(folder)]
    assert main.main([*argv, "--out", str(folder / "out")]) == 1
    err = capsys.readouterr().err
    assert "positions.csv: Mine: got" in err
    assert said in err


def test_earlier_projections_are_the_folders_own(folder):
    path = folder / "ai_labs.csv"
    header, *body = cells(path)
    told = [r for r in body if r[header.index("metric")] == "cash_flow_projection"]
    first = min(told, key=lambda r: r[header.index("reported_on")])
    first[header.index("value")] = "-33.5"
    put(path, [header, *body])
    inputs, known = of_folder(folder)
    data = build_panel(known, "payback", history=inputs.vintages).data
    assert -33.5 in data["value"].values
    assert -33.5 not in build_panel(as_of(read_vintages(), "2026-05-06"), "payback").data["value"]


def test_the_audit_is_of_the_folders_claims_and_references(folder, capsys):
    assert main.main(["audit", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    used = next(f for f in before if f["sure"] == "probable")
    header, *body = cells(folder / "references.csv")
    put(folder / "references.csv", [header, body[0]])
    assert main.main(["audit", "--json", "--data", str(folder)]) == 0
    fewer = json.loads(capsys.readouterr().out)
    assert used not in fewer
    path = folder / "articles" / "cuban_2026_05" / "claims.toml"
    path.write_text(path.read_text().replace(f'id = "{used["claim"]}"', 'id = "mine"'))
    assert main.main(["audit", "--json", "--data", str(folder)]) == 0
    assert "mine" in {f["claim"] for f in json.loads(capsys.readouterr().out)}


OF_THE_ARTICLE = [
    f"articles/cuban_2026_05/{name}.toml" for name in ("claims", "page", "scenarios", "comparisons")
]
BAD = [*(f"{name}.csv" for name in REFERENCE_TABLES), "references.csv", *OF_THE_ARTICLE,
       "scaling_runs.csv", "earnings.csv", "vintages/more.csv"]  # fmt: skip
EMPTY_IS_BAD = ("claims.toml", "page.toml")


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("content", [b"garbage\n1\n", b"\x80\xff\x00", b"", "a folder", "nowhere"])
def test_garbage_in_any_file_is_refused_by_its_name(name, content, folder, capsys):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    if content == "a folder":
        path.mkdir()
    elif content == "nowhere":
        path.symlink_to(folder / "gone")
    else:
        path.write_bytes(content)
    for argv in (["run", "--models", "market", "--out", str(folder / "out")], ["audit"]):
        if content or not name.endswith(".toml") or name.endswith(EMPTY_IS_BAD):
            assert main.main([*argv, "--data", str(folder)]) == 1
            err = capsys.readouterr().err
            assert str(path) in err
            assert "Traceback" not in err
            assert "did not foresee" not in err
    assert not (folder / "out").exists()


@pytest.mark.parametrize(
    "argv",
    [["run"], ["audit"], ["update"], ["update", "FILE"], ["track"],
     ["backtest", "market", "--start", "2025-01-01", "--end", "2026-01-01"],
     ["resolve", "value_correction", "yes", "--on", "2026-06-01", "--source", "s"],
     ["data", "add", "FILE"], ["data", "add", "FILE", "--write"], ["data", "fetch", "MSFT"],
     ["data", "add", "FILE", "--to", "OTHER", "--write"]],
)  # fmt: skip
def test_a_data_folder_that_is_not_there_is_refused_and_never_made(argv, tmp_path, capsys):
    (tmp_path / "new.csv").write_text(ROW + "M,capex,2025Q1,5,USD m,2025-04-30,s,A,\n")
    known = {"FILE": tmp_path / "new.csv", "OTHER": tmp_path / "other.csv"}
    argv = [str(known.get(word, word)) for word in argv]
    out = [] if "audit" in argv else ["--out", str(tmp_path / "out")]
    assert main.main([*argv, "--data", str(tmp_path / "typo"), *out]) == 1
    assert f"{tmp_path / 'typo'}: there is no such data folder" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["new.csv"]


def test_two_adds_of_one_row_to_two_tables_of_a_folder(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "data"
    (folder / "vintages").mkdir(parents=True)
    row = "M,capex,2025Q1,5,USD m,2025-04-30,s,A,\n"
    (folder / "earnings.csv").write_text(ROW + row.replace("2025Q1", "2024Q4"))
    (tmp_path / "new.csv").write_text(ROW + row)
    append, waiting, ends = vintages.append_rows, threading.Event(), []

    def late(path, rows):
        waiting.wait(0.5)  # the other has long compared, if it could
        return append(path, rows)

    monkeypatch.setattr(vintages, "append_rows", late)
    # A command hears the lines of a whole process; these two share one.
    monkeypatch.setattr(main, "heard_by", lambda hear: contextlib.nullcontext())

    def add(name):
        argv = ["data", "add", str(tmp_path / "new.csv"), "--data", str(folder), "--write"]
        ends.append(main.main([*argv, "--to", str(folder / "vintages" / name)]))

    both = [threading.Thread(target=add, args=(name,)) for name in ("a.csv", "b.csv")]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert ends == [0, 0]
    assert len(read_vintages(folder)) == 2
    assert len(list((folder / "vintages").glob("*.csv"))) == 1


# --- one reader: what is opened, and what the memo says ---------------------------------------
WATCHED: dict[str, list] = {"opened": [], "on": []}


def _watch(event, args):
    if event == "open" and WATCHED["on"] and isinstance(args[0], str | bytes | Path):
        WATCHED["opened"].append(str(args[0]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a run, no quick one, from a folder with changed tables; what it opened, and said."""
    from conftest import one_other_prior_set, without_pictures, without_sampling

    place = tmp_path_factory.mktemp("made")
    folder = Path(shutil.copytree(data_dir(), place / "data"))
    for name, was, now in (
        ("public_forecasts", ",0.20,", ",0.4321,"),
        ("positions", 'all",14,57', 'all",60,57'),
    ):
        path = folder / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        assert was in text, name
        path.write_text(text.replace(was, now), encoding="utf-8")
    header, *body = cells(folder / "telecom_1995_2004.csv")
    body[5][header.index("us_telecom_capex_usd_bn")] = "20"  # of 2000, after 85 in 1999
    put(folder / "telecom_1995_2004.csv", [header, *body])
    sys.addaudithook(_watch)
    said = []

    def hear(record):
        said.append(record.getMessage())
        if said[-1].startswith("read tables and claims: "):
            WATCHED["opened"].append("---")

    with pytest.MonkeyPatch.context() as patch:
        without_sampling(patch)
        without_pictures(patch)
        one_other_prior_set(patch)
        patch.setattr(jobs, "FULL", 400)
        WATCHED["on"].append(True)
        try:
            with heard_by(hear):
                outcome = run_all(place / "out", data=folder, models=["market", "hazard"])
        finally:
            WATCHED["on"].clear()
    return folder, outcome, list(WATCHED["opened"]), said


@pytest.mark.parametrize("command", ["run", "update"])
def test_a_command_reads_the_vintages_once(command, folder, tmp_path, monkeypatch, capsys):
    read = []

    def watched(*args):
        read.append(args)
        return read_vintages(*args)

    def stop(out, run_id):
        raise _Enough(run_id)

    monkeypatch.setattr(pipeline, "_kept", stop)
    for module in (inputs_of_a_run, shipped, update):
        monkeypatch.setattr(module, "read_vintages", watched)
    assert main.main([command, "--data", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.count("_Enough") == 1  # it came so far
    assert len(read) == 1


def test_data_are_only_opened_before_the_run_has_its_id(made):
    folder, _, opened, _ = made
    at = opened.index("---")
    first, then = opened[:at], opened[at:]
    shipped = [p for p in opened if p.startswith(str(data_dir()))]
    assert shipped == []  # the folder has every file itself
    read = {Path(p).relative_to(folder).as_posix() for p in first if p.startswith(str(folder))}
    assert read >= {f"{name}.csv" for name in REFERENCE_TABLES} | {"references.csv", "ai_labs.csv"}
    assert read >= set(OF_THE_ARTICLE)
    assert [p for p in then if p.startswith(str(folder))] == []


def test_the_memo_is_made_from_the_folders_tables(made):
    _, outcome, _, said = made
    text = (outcome.folder / "memo.md").read_text(encoding="utf-8")
    assert "any industry up 50 points net falls 40 % in 24 months: theirs 43 %" in text
    assert "76 % below in 2000" in text
    assert not any("no hindcast" in line for line in said)


def test_a_run_of_own_tables_can_be_read_back(made):
    _, outcome, _, _ = made
    run, draws = read_run(outcome.folder).fitted("hazard")
    assert "Nasdaq-100" in [one.entity for one in positions(run.panel)]
    assert "Nasdaq-100/fall_20" in draws["series"].values


def test_an_update_checks_new_rows_against_the_folders_tables(folder, monkeypatch, tmp_path):
    seen = {}

    def panel(known, model, *, tables=None, history=None):
        seen[model] = (tables, history)
        return build_panel(known, model, tables=tables, history=history)

    def enough(path, rows):
        raise _Enough

    monkeypatch.setattr(intake, "build_panel", panel)
    monkeypatch.setattr(update, "append_rows", enough)
    (folder / "positions.csv").write_text(
        "entity,dated,industry,sample,net,raw,months,source\nMine,2026-05-01,,,70,100,2,me\n"
    )
    rows = shipped.read_vintages(folder).iloc[:1].assign(period="2026Q2", reported_on="2026-07-29")
    rows = rows.assign(entity="M", metric="capex", unit="USD bn", qualifier="")
    with pytest.raises(_Enough):
        update.update_run(tmp_path / "out", rows, data=folder, models=["market", "hazard"])
    tables, history = seen["hazard"][0], seen["market"][1]
    assert tables["positions"]["entity"].tolist() == ["Mine"]
    assert isinstance(history, pd.DataFrame)
    assert len(history) == len(read_vintages(folder)) + 1


def test_an_update_stores_nothing_beside_a_bad_table(folder, tmp_path, capsys):
    (folder / "warnings.csv").write_text("garbage\n1\n")
    (tmp_path / "new.csv").write_text(ROW + "M,capex,2026Q1,5,USD m,2026-05-20,s,A,\n")
    argv = ["update", str(tmp_path / "new.csv"), "--data", str(folder), "--out"]
    assert main.main([*argv, str(tmp_path / "out")]) == 1
    assert f"{folder / 'warnings.csv'}: missing column(s)" in capsys.readouterr().err
    assert not (folder / "vintages").exists()
