"""An update takes rows whole or not at all, fits what changed, and says what moved."""

import contextlib
import functools
import io
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import groups_once, independent_tree, outline_once

from forecast.app import jobs, pipeline
from forecast.app import update as update_job
from forecast.app.pipeline import run_all
from forecast.app.update import update_run
from forecast.cli import main
from forecast.core import lock
from forecast.core.errors import DataError, StoreError
from forecast.inference import fitting, sampling
from forecast.inference.predict import forecast
from forecast.models import common
from forecast.models.earnings import model as earnings
from forecast.models.earnings.panel import METRIC_GROUPS
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.news import explain as explained
from forecast.news import reweight
from forecast.news.stored import find_run, read_run, run_before
from forecast.store.runs import point_latest, verify, write_change, write_run
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.shipped import data_dir, read_vintages
from forecast.tables.vintages import as_of, read_table

CLAIMS = """
source = "a test"
source_date = 2026-01-15

[[claim]]
id = "capex"
kind = "forecast"
words = "paraphrase"
text = "Capex grows."

[[claim.definition]]
id = "microsoft_doubles"
model = "earnings"
event = { kind = "threshold", series = "MSFT/capex", at = "2026Q4", op = ">=", value = 45 }
window = ["2026-01-15", "2027-12-31"]
why = "Microsoft's capex of 2026Q4 is at least USD 45 bn."

[[claim.definition]]
id = "meta_falls"
model = "earnings"
event = { kind = "peak_to_trough", series = "META/capex", fall = 10 }
window = ["2026-01-15", "2027-12-31"]
why = "Meta's capex stands 10 % below its peak."

[[claim]]
id = "market"
kind = "forecast"
words = "paraphrase"
text = "The market grows."

[[claim.definition]]
id = "revenue_doubles"
model = "market"
event = { kind = "growth", series = "AI market/ai_revenue", op = ">=", value = 100, lag = 2 }
window = ["2026-12-31", "2027-12-31"]
why = "AI revenue of 2027 is at least twice that of 2025."
"""


_trees = {}


def of_prior(entry, panel, priors, spec):
    """Return prior draws, made once in this process."""
    key = (spec.model, spec.seed, spec.draws, panel.content_hash)
    if key not in _trees:
        _trees[key] = independent_tree(entry, panel, priors, spec)
    return _trees[key].copy(deep=True)


def quick_tree(entry, panel, priors, spec, *, progress=False):
    """Return made-up draws near the priors' centres for earnings; prior draws for other models."""
    if spec.model != "earnings":
        return of_prior(entry, panel, priors, spec)
    rng, flat = np.random.default_rng(spec.seed), earnings.layout(panel)
    shape = (spec.chains, spec.draws)
    groups = [getattr(priors, name) for name in METRIC_GROUPS]

    def near(field):
        centre = np.array([getattr(group, field) for group in groups])
        return (("chain", "draw", "group"), centre * np.exp(0.1 * rng.standard_normal((*shape, 3))))

    fields = {**earnings.SHOCKS, **{name: name for name in (*earnings.SPREADS, *earnings.DAMPINGS)}}
    posterior = xr.Dataset(
        {name: near(field) for name, field in fields.items()},
        coords={"chain": range(shape[0]), "draw": range(shape[1]), "group": list(METRIC_GROUPS),
                "series": list(flat.names)},
    )  # fmt: skip
    scale = np.exp(0.1 * rng.standard_normal((*shape, len(flat.names))))
    posterior["scale"] = (("chain", "draw", "series"), scale)
    posterior["damping"] = posterior["damping"].clip(0.05, 0.95)
    posterior["factor_damping"] = posterior["factor_damping"].clip(0.05, 0.95)
    posterior[common.HYPER] = (("chain", "draw"), np.zeros(shape))
    stats = {
        name: (("chain", "draw"), np.zeros(shape, bool))
        for name in ("diverging", "maxdepth_reached")
    }
    stats["energy"] = (("chain", "draw"), rng.standard_normal(shape))
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})


def cheapen(patch):
    """Put the cheap trees in the sampler's place; return the list of models that are fitted."""
    done = []

    def sample(entry, panel, priors, spec, *, progress=False):
        done.append(spec.model)
        return quick_tree(entry, panel, priors, spec)

    patch.setattr(sampling, "sample_model", sample)
    patch.setattr(sampling, "groups", groups_once)  # of draws that one test after another makes
    patch.setattr("forecast.app.pipeline.outline", outline_once)
    patch.setattr(fitting, "prior_misses", lambda *args, **kwargs: [])
    patch.setattr(reweight, "MAX_K", np.inf)  # nothing in between is fitted: test_news.py does
    patch.setattr(reweight, "MIN_EFFECTIVE", 0.0)
    patch.setattr(jobs, "QUICK", 250)
    for draw in ("draw_room", "draw_overall"):
        patch.setattr(pipeline, draw, lambda *args: {})
    patch.setattr(pipeline.memo, "markdown", lambda report: "# A memo")
    patch.setattr(update_job.lock, "hold", functools.partial(lock.hold, patience=0.5))
    return done


@pytest.fixture
def fits(monkeypatch):
    return cheapen(monkeypatch)


def lay_out(folder, day="2026-01-15", names=("MSFT", "META"), since="2023"):
    """Write a data folder with what two companies had reported by a day, and the article's market."""
    rows = pd.read_csv(data_dir() / "earnings.csv", dtype=str, keep_default_na=False)
    rows = rows[rows["entity"].isin(names) & (rows["period"] >= since)]
    (folder / "article").mkdir(parents=True)
    rows[rows["reported_on"] <= day].to_csv(folder / "earnings.csv", index=False)
    market = (data_dir() / "articles" / "cuban_2026_05" / "market.csv").read_text()
    (folder / "article" / "market.csv").write_text(market.replace("2026-05-06", "2026-01-10"))
    (folder / "article" / "claims.toml").write_text(CLAIMS)
    return rows[rows["reported_on"] > day]


def first_run(folder):
    """Lay out data and a run on it, and put the next report day in new.csv."""
    later = lay_out(folder / "data")
    day = later["reported_on"].min()
    later[later["reported_on"] == day].to_csv(folder / "new.csv", index=False)
    run_all(folder / "out", data=folder / "data", quick=True, models=["earnings", "market"])
    return folder


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Return a folder with a run, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        cheapen(patch)
        return first_run(tmp_path_factory.mktemp("begun"))


@pytest.fixture
def place(begun, tmp_path, fits):
    """Return a folder with data, a run on it, and the next report day in new.csv."""
    shutil.copytree(begun, tmp_path / "place", symlinks=True)
    return tmp_path / "place"


@pytest.fixture(scope="module")
def updated(begun, tmp_path_factory):
    """Return a folder after an update, what that said, and which models it fitted."""
    place = tmp_path_factory.mktemp("updated") / "place"
    shutil.copytree(begun, place, symlinks=True)
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        fits = cheapen(patch)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = update(place, str(place / "new.csv"), "--json")
    assert code == 0, err.getvalue()
    return place, json.loads(out.getvalue()), err.getvalue(), fits


def update(place, *more, yes=True):
    """Update with what came; made-up draws forecast no better than that: it is taken by default."""
    return main.main(["update", *more, "--data", str(place / "data"), "--out", str(place / "out"),
                     "--quick", *(["--yes"] if yes else [])])  # fmt: skip


def test_an_update_takes_fits_judges_and_explains(begun, updated):
    before = (begun / "out" / "latest").resolve()
    place, said, err, fits = updated
    assert fits == ["earnings"]  # the market's fit is used again
    assert "at " in err
    assert "of its forecast" in err
    assert said["appended"] == len(read_table(place / "data" / "vintages" / "user.csv")) > 5
    folder = verify(place / "out" / "latest").resolve()
    assert folder.name == said["run"] != before.name == said["from"]["run"]
    assert "previous" not in json.loads((folder / "manifest.json").read_text())
    changed = verify(place / "out" / "changes" / f"{before.name}-{folder.name}")
    assert sorted(p.name for p in changed.iterdir()) == [
        "change.html", "change.json", "change.md", "checksums.json", "figures",
    ]  # fmt: skip
    assert not list(folder.glob("change.*"))  # the run is the same, whichever came before
    for change in said["changes"]:
        total = change["after"] - change["before"]
        assert sum(p["change"] for p in change["pieces"]) == pytest.approx(total, abs=1e-9)
        assert change["pieces"][-1]["kind"] == "noise"
    assert {c["statistic"] for c in said["changes"]} == {
        "capex/microsoft_doubles",
        "capex/meta_falls",
    }
    pieces = said["changes"][0]["pieces"]
    assert any(p["report"] == "MSFT 2026-01-28" for p in pieces)
    (other,) = said["others"]
    assert (other["model"], other["why"]) == ("market", "the same fit, from a later date")
    assert other["before"] == other["after"]
    text = (changed / "change.md").read_text()
    for heading in (
        "What arrived",
        "What surprised",
        "What moved",
        "What did not",
        "What to watch",
    ):
        assert f"## {heading}" in text
    assert "MSFT 2026-01-28" in text
    page = (changed / "change.html").read_text()
    assert "<svg" in page
    stored = json.loads((changed / "change.json").read_text())
    assert stored.items() <= said.items()
    assert set(said) - set(stored) == {"run", "table", "appended", "verdicts"}


def test_news_of_two_runs_and_the_evening_before(updated, fits, capsys):
    place, *_ = updated
    out = ["--out", str(place / "out")]
    assert main.main(["news", *out, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (changed,) = (place / "out" / "changes").iterdir()
    stored = json.loads((changed / "change.json").read_text())
    assert said["changes"] == stored["changes"]
    assert main.main(["news", *out, "--claim", "meta_falls"]) == 0
    text = capsys.readouterr().out
    assert "capex/meta_falls" in text
    assert "microsoft_doubles" not in text
    assert "over orders" in text
    assert main.main(["news", *out, "--claim", "tea"]) == 1
    assert "no claim or definition is called 'tea'" in capsys.readouterr().err
    assert main.main(["news", *out, "--from", "0" * 16]) == 1
    assert "not a run folder" in capsys.readouterr().err
    assert main.main(["news", *out, "--before", "--company", "MSFT", "--json"]) == 0
    prospects = json.loads(capsys.readouterr().out)["prospects"]
    assert {p["company"] for p in prospects} == {"MSFT"}
    bits = [p["bits"] for p in prospects if p["told"]]
    assert bits == sorted(bits, reverse=True)
    assert all(p["told"] == (p["reason"] == "") for p in prospects)
    assert [p["told"] for p in prospects] == sorted((p["told"] for p in prospects), reverse=True)
    assert main.main(["news", *out, "--before"]) == 0
    shown = capsys.readouterr().out
    assert "expected move" in shown
    assert "not told: " in shown
    assert main.main(["news", *out, "--before", "--company", "TEA"]) == 1
    assert "no report is expected of TEA" in capsys.readouterr().err


def test_the_same_rows_again_are_nothing_new(updated, fits, capsys):
    place, *_ = updated
    latest = (place / "out" / "latest").readlink()
    table = (place / "data" / "vintages" / "user.csv").read_bytes()
    for more in ([str(place / "new.csv")], []):
        assert update(place, *more) == 0
        err = capsys.readouterr().err
        assert "nothing has become known since the latest run" in err
        assert f"using the run {latest.name} as it is" in err
        assert f"nothing changed: the same inputs give the latest run, {latest.name}, again" in err
        assert len(list((place / "out" / "changes").iterdir())) == 1
        assert (place / "out" / "latest").readlink() == latest
        assert (place / "data" / "vintages" / "user.csv").read_bytes() == table
    assert fits == []


def test_what_cannot_be_taken_leaves_all_as_it_was(place, fits, capsys):
    rows = pd.read_csv(place / "new.csv", dtype=str, keep_default_na=False)
    held = pd.read_csv(place / "data" / "earnings.csv", dtype=str, keep_default_na=False)
    wrong = held.tail(1).assign(value="1")
    bound = rows[rows["metric"] == "capex"].assign(qualifier="at least")
    latest = (place / "out" / "latest").readlink()
    for bad, message in ((wrong, "contradict what the table says"), (bound, "not bounds")):
        bad.to_csv(place / "bad.csv", index=False)
        assert update(place, str(place / "bad.csv")) == 1
        assert message in capsys.readouterr().err
    assert main.main(["news", "--out", str(place / "out")]) == 1
    assert "was not made by an update" in capsys.readouterr().err
    with lock.hold(place / "out" / ".update.lock", "it"):
        assert update(place, str(place / "new.csv")) == 1
    assert f"in use by process {os.getpid()}" in capsys.readouterr().err
    assert not (place / "data" / "vintages").exists()
    assert (place / "out" / "latest").readlink() == latest
    assert fits == []


def test_an_update_says_which_number_is_far_from_its_neighbour(place, tmp_path, caplog):
    """With a run and without one; the run knows nothing of another metric."""
    caplog.set_level("INFO", logger="forecast")
    head = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
    held = read_vintages(place / "data")
    last = held[(held["entity"] == "META") & (held["metric"] == "operating_cash_flow")].iloc[-1]
    far = last["value"] * 1000
    (place / "far.csv").write_text(
        head + f"META,operating_cash_flow,2026Q1,{far},USD m,2026-04-29,10-Q,A,\n"
    )
    rows = read_user_table(place / "far.csv").rows
    for out in (place / "out", tmp_path / "none"):
        with pytest.raises(
            DataError, match=r"far from what was expected, nothing was written; corr"
        ):
            update_run(out, rows, data=place / "data", quick=True, models=["market"])
        assert not (place / "data" / "vintages" / "user.csv").exists()
        caplog.clear()
        with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
            patch.setattr(update_job, "make_run", stop)
            update_run(
                out, rows, data=place / "data", quick=True, models=["market"],
                accept_implausible=True,
            )  # fmt: skip
        (place / "data" / "vintages" / "user.csv").unlink()
        (line,) = [line for line in caplog.messages if "look at the unit" in line]
        assert "META operating_cash_flow 2026Q1" in line
        assert "1,000 times; look at the unit" in line


def test_a_thousands_point_is_stopped_withdrawn_and_entered_rightly(place, capsys):
    """34.9 for 34,900: stopped; taken with --yes it is fitted, then taken back and entered again."""
    rows = pd.read_csv(place / "new.csv", dtype=str, keep_default_na=False)
    right = (rows["entity"] == "MSFT") & (rows["metric"] == "capex")
    slip = rows.copy()
    slip.loc[right, "value"] = [f"{float(v) / 1000:.1f}" for v in slip.loc[right, "value"]]
    slip.to_csv(place / "slip.csv", index=False)
    period, day = rows.loc[right, ["period", "reported_on"]].iloc[0]
    latest = (place / "out" / "latest").readlink()
    assert update(place, str(place / "slip.csv"), yes=False) == 1
    err = capsys.readouterr().err
    assert "1 number(s) are far from what was expected, nothing was written; correct it, or" in err
    assert f"MSFT capex {period}: " in err
    assert "was forecast (0.1 to 99.9 %)" in err
    assert "1/" in err
    assert (place / "out" / "latest").readlink() == latest
    assert not (place / "data" / "vintages").exists()

    assert update(place, str(place / "slip.csv")) == 0
    data = ["--data", str(place / "data")]
    assert main.main(["data", "withdraw", "msft", "capex", period, *data, "--why", "a slip"]) == 0
    capsys.readouterr()
    assert update(place, "--json") == 0  # without a file: fitted without the number
    said = json.loads(capsys.readouterr().out)
    (gone,) = said["withdrawn"]
    assert (gone["metric"], gone["period"], gone["now_value"]) == ("capex", period, None)
    assert said["new"] == said["revisions"] == []
    folder = place / "out" / "changes" / f"{said['from']['run']}-{said['to']['run']}"
    text = (folder / "change.md").read_text()
    assert f"- Withdrawn: MSFT capex {period}, " in text
    assert "nothing is known of it now" in text
    assert "No number arrived" not in text
    after = read_run(place / "out" / "latest").known.rows
    assert not ((after["metric"] == "capex") & (after["period"] == period)
                & (after["entity"] == "MSFT")).any()  # fmt: skip

    assert update(place, str(place / "new.csv"), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert [(r["metric"], r["period"]) for r in said["new"]] == [("capex", period)]
    known = as_of(read_vintages(place / "data"), day).rows
    whole = known[(known["metric"] == "capex") & (known["entity"] == "MSFT")]
    assert whole.set_index("period").loc[period, "value"] == float(rows.loc[right, "value"].iloc[0])


def test_a_failure_after_the_rows_says_so_and_is_gone_on_from(place, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(update_job, "make_run", stop)
        assert update(place, str(place / "new.csv")) == 130
    err = capsys.readouterr().err
    assert "row(s) stand in" in err
    assert "forecast update without a file goes on from there" in err
    assert update(place) == 0
    resumed = read_run(place / "out" / "latest")
    (place / "other").mkdir()
    (place / "out").rename(place / "first")
    run_all(place / "out", data=place / "data", quick=True, models=["earnings", "market"])
    whole = read_run(place / "out" / "latest")
    assert whole.manifest["data_hash"] == resumed.manifest["data_hash"]
    for name in ("earnings", "market"):  # as if it had been one run on all the data
        assert whole.manifest["gate"][name]["digest"] == resumed.manifest["gate"][name]["digest"]
    assert whole.verdicts.records() == resumed.verdicts.records()
    assert whole.id == resumed.id  # whatever run came before


def stop(*args, **kwargs):
    raise KeyboardInterrupt


def test_the_first_update_makes_the_first_run(place, capsys):
    out = place / "new out"
    rows = read_user_table(place / "new.csv").rows
    done = update_run(out, rows, data=place / "data", quick=True, models=["market"])
    assert done.change is None
    assert done.appended == len(rows)
    assert not (out / "changes").exists()
    (out / "latest" / "known.csv").write_text("altered")
    with pytest.raises(StoreError, match=r"altered known\.csv"):
        update_run(out, None, data=place / "data", quick=True)


def test_a_run_whose_claims_are_not_read_any_more_is_to_be_made_again(tmp_path):
    def fill(folder):
        read_vintages().head(3).to_csv(folder / "known.csv", index=False)
        manifest = {"run": "old", "as_of": "2026-05-06", "draws": 0, "seed": 1, "models": [],
                    "draft": [], "data_hash": "", "spec": {}, "gate": {}}  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "verdicts.json").write_text("[]")
        (folder / "claims.toml").write_text(CLAIMS.replace("fall = 10", "fall = -10"))

    write_run(tmp_path, "old", fill)
    with pytest.raises(
        StoreError, match=r"made by an earlier version; run it again: .*got fall -10"
    ):
        read_run(tmp_path / "latest")


def test_a_run_in_a_session_is_updated(place, fits):
    table = read_vintages(place / "data")
    days = ("2025-12-31", "2026-01-15")
    run = fitting.fit("earnings", build_panel(as_of(table, days[0]), "earnings"), seed=4,
                      draws=200, tune=10, progress=False)  # fmt: skip
    again = fitting.refit(run, as_of(table, days[1]))
    fresh = fitting.fit("earnings", build_panel(as_of(table, days[1]), "earnings"), seed=4,
                        draws=200, tune=10, progress=False)  # fmt: skip
    assert again.spec == fresh.spec
    xr.testing.assert_identical(again.posterior, fresh.posterior)
    assert fitting.refit(again, as_of(table, days[1])) is again


def changed_in(place):
    """Return the whole change folders, newest last, and that nothing half-written is beside them."""
    folders = sorted((place / "out" / "changes").glob("*"), key=lambda p: p.stat().st_mtime_ns)
    assert all(verify(folder) == folder for folder in folders)
    return [folder.name for folder in folders]


@pytest.mark.parametrize("where", ["write_files", "runs.point_latest"])
def test_an_update_that_ends_after_its_run_is_gone_on_from(
    where, place, updated, fits, capsys, monkeypatch
):
    before = (place / "out" / "latest").resolve().name
    with monkeypatch.context() as patch:
        patch.setattr(f"forecast.app.update.{where}", stop)
        assert update(place, str(place / "new.csv")) == 130
    err = capsys.readouterr().err
    (run,) = {p.name for p in (place / "out" / "runs").iterdir()} - {before}
    verify(place / "out" / "runs" / run)
    written = where.endswith("point_latest")
    assert (f"the run {run} is whole, but what changed since {before} was not" in err) != written
    assert (place / "out" / "latest").resolve().name == before  # the old state
    assert changed_in(place) == ([f"{before}-{run}"] if written else [])
    assert fits == ["earnings"]
    assert update(place) == 0
    assert f"using the run {run} as it is" in capsys.readouterr().err
    assert fits == ["earnings"]  # nothing is fitted again
    assert (place / "out" / "latest").resolve().name == run
    assert changed_in(place) == [f"{before}-{run}"]
    (other,) = (updated[0] / "out" / "changes").iterdir()
    for name in ("change.json", "change.md"):  # as if nothing had happened
        assert (place / "out" / "changes" / f"{before}-{run}" / name).read_bytes() == (
            other / name
        ).read_bytes()


def test_an_update_to_a_run_that_is_there_writes_the_change_to_it(updated, tmp_path, fits, capsys):
    place = shutil.copytree(updated[0], tmp_path / "place", symlinks=True)
    (folder,) = (place / "out" / "changes").iterdir()
    before, after = folder.name.split("-")
    point_latest(place / "out", before)
    shutil.rmtree(folder)
    assert update(place) == 0
    err = capsys.readouterr().err
    assert f"using the run {after} as it is" in err
    assert f"explain the change from the run {before} to {after} ..." in err
    assert (place / "out" / "latest").resolve().name == after
    assert changed_in(place) == [folder.name]
    assert fits == []


def test_news_says_which_run_it_compares_with(updated, tmp_path, fits, capsys):
    place = shutil.copytree(updated[0], tmp_path / "place", symlinks=True)
    out = ["--out", str(place / "out")]
    (folder,) = (place / "out" / "changes").iterdir()
    before, after = folder.name.split("-")

    def ends(*argv):
        assert main.main(["news", *out, *argv, "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        return said["from"]["run"], said["to"]["run"]

    assert ends("--to", after) == (before, after)
    assert ends("--from", after, "--to", before) == (after, before)  # the other way round
    assert main.main(["news", *out, "--from", after]) == 1
    assert f"got the run {after} twice: nothing changed; give two runs" in capsys.readouterr().err
    assert main.main(["news", *out, "--to", before]) == 1
    err = capsys.readouterr().err
    assert f"the run {before} was not made by an update; say what to compare it with" in err
    assert f"forecast news --from RUN; there are {after}" in err
    shutil.rmtree(place / "out" / "runs" / before)  # what is gone cannot be compared with
    assert main.main(["news", *out]) == 1
    assert "was not made by an update" in capsys.readouterr().err


def test_a_run_of_version_0_1_names_the_run_before_itself(tmp_path):
    def fill(name, more):
        def write(folder):
            read_vintages().head(3).to_csv(folder / "known.csv", index=False)
            manifest = {"run": name, "as_of": "2026-05-06", "draws": 0, "seed": 1, "models": [],
                        "draft": [], "data_hash": "", "spec": {}, "gate": {}, **more}  # fmt: skip
            (folder / "manifest.json").write_text(json.dumps(manifest))
            (folder / "verdicts.json").write_text("[]")
            (folder / "claims.toml").write_text(CLAIMS)
            pd.DataFrame({"a": []}).to_parquet(folder / "forecasts.parquet")

        return write

    write_run(tmp_path, "first", fill("first", {"previous": None}))
    write_run(tmp_path, "second", fill("second", {"previous": "first"}))
    after = find_run(tmp_path)
    assert run_before(tmp_path, after).id == "first"
    with pytest.raises(DataError, match=r"first was not made by an update.*there are second"):
        run_before(tmp_path, find_run(tmp_path, "first"))
    write_run(tmp_path, "third", fill("third", {}))
    write_change(tmp_path, "third", "second", lambda folder: None)
    assert run_before(tmp_path, after).id == "third"


def test_a_run_keeps_the_earlier_vintages_that_a_model_looked_at(tmp_path, fits):
    data = shutil.copytree(data_dir(), tmp_path / "data")
    labs = data / "ai_labs.csv"
    old = "OpenAI,cash_flow_projection,2028,-11,"  # replaced twice since
    assert labs.read_text().count(old) == 1
    labs.write_text(labs.read_text().replace(old, old.replace("-11", "-12")))
    folder = run_all(tmp_path / "out", data=data, quick=True, models=["payback"]).folder
    panel = read_run(folder).fitted("payback")[0].panel
    assert -12 in panel.data["value"].values[panel.data["reported_on"].values == "2025-03-31"]


@pytest.mark.proof
def test_thirty_reporting_days_end_in_the_state_of_one_fit(tmp_path, fits, monkeypatch):
    """Every day from 2025 on, every company, with cheap trees in the sampler's place.

    With real fits ``benchmarks/replay.py`` does the same, and the test below three days.
    """
    monkeypatch.setattr(jobs, "QUICK", 500)
    monkeypatch.setattr(explained, "MOST_NUMBERS", 2)  # a step a report: fewer panels on the way
    monkeypatch.setattr("forecast.news.prospects.SHUFFLES", 2)
    names = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA", "CRWV")
    later = lay_out(tmp_path / "data", "2024-12-31", names, since="2022")
    (tmp_path / "data" / "article" / "market.csv").unlink()  # it was written in 2026
    run_all(tmp_path / "out", data=tmp_path / "data", quick=True, models=["earnings"])
    assert later["reported_on"].nunique() == 30
    for day, after, _ in day_by_day(tmp_path, later):
        assert after.as_of == day
    lay_out(tmp_path / "whole", "2026-12-31", names, since="2022")
    (tmp_path / "whole" / "article" / "market.csv").unlink()
    whole = run_all(tmp_path / "one", data=tmp_path / "whole", quick=True, models=["earnings"])
    same_state(read_run(tmp_path / "out" / "latest"), read_run(whole.folder))


def day_by_day(folder, later):
    """Update by the rows of one report day after the other; yield day, the later run, and split."""
    for day, rows in later.groupby("reported_on"):
        path = folder / f"{day}.csv"
        rows.to_csv(path, index=False)
        done = update_run(
            folder / "out", read_user_table(path).rows, data=folder / "data", quick=True,
            accept_implausible=True,
        )  # fmt: skip
        assert done.outcome.draft == ()
        (split,) = done.change.splits
        np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-9)
        yield day, done.change.after, split


def same_state(walked, whole):
    assert whole.manifest["data_hash"] == walked.manifest["data_hash"]
    assert whole.verdicts.records() == walked.verdicts.records()
    (run, draws), (again, drawn) = whole.fitted("earnings"), walked.fitted("earnings")
    xr.testing.assert_equal(run.posterior, again.posterior)
    xr.testing.assert_equal(draws, drawn)
    assert run.gate.digest == again.gate.digest


# --- real fits -------------------------------------------------------------------------------
@pytest.mark.slow
def test_replaying_reporting_days_ends_where_one_fit_on_all_the_data_ends(tmp_path, monkeypatch):
    # Two companies and their three last reporting days, so that it takes a minute: what is tested
    # is that the road does not matter, not how good the numbers are.
    monkeypatch.setattr("forecast.app.jobs.QUICK", 1000)
    later = lay_out(tmp_path / "data", day="2025-07-31")
    run_all(tmp_path / "out", data=tmp_path / "data", quick=True, models=["earnings"])
    assert later["reported_on"].nunique() == 3
    for _, _, split in day_by_day(tmp_path, later):
        assert (np.abs(split.change[-1]) < 5 * split.error[-1] + 1e-3).all()
    walked = read_run(tmp_path / "out" / "latest")
    assert walked.manifest["as_of"] == later["reported_on"].max()
    # One table, in another order, in another place.
    other = tmp_path / "other"
    lay_out(other / "data", day="2026-12-31")
    table = pd.read_csv(other / "data" / "earnings.csv", dtype=str, keep_default_na=False)
    table.iloc[::-1].to_csv(other / "data" / "earnings.csv", index=False)
    run_all(other / "out", data=other / "data", quick=True, models=["earnings"])
    whole = read_run(other / "out" / "latest")
    same_state(walked, whole)
    run, draws = whole.fitted("earnings")
    day = str(whole.manifest["as_of"])
    assert get_model("earnings").horizon(day) == str(draws["period"].values[-1])
    assert forecast(run, seed=1).sizes == draws.sizes
