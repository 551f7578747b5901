"""Exit codes, streams and messages of the command line."""

import argparse
import errno
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import without_pictures

from forecast.cli import evaluate, main
from forecast.core.errors import DataError
from forecast.inference import sampling
from forecast.store import runs
from forecast.tables.shipped import data_dir


def commands(grammar=None, words=()):
    """Return the words of every command that the grammar knows, groups included."""
    grammar = grammar or main.parser()
    found = [list(words)]
    for action in grammar._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                found += commands(one, (*words, name))
    return found


SLOW = ["numpy", "pandas", "pyarrow", "xarray", "scipy.stats", "arviz_stats", "matplotlib",
        "numba", "pymc", "nutpie"]  # fmt: skip
STEPS = f"""
import contextlib, io, sys
import forecast
from forecast.cli.main import main

def loaded(*words):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main([*words]) if words else None
    print(" ".join(name for name in {SLOW} if name in sys.modules))
"""


def loaded_after(*commands, cwd):
    """Run commands one after another in a new process; return which slow packages each left loaded."""
    code = STEPS + "".join(f"loaded(*{words})\n" for words in commands)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cwd
    )
    return [line.split() for line in done.stdout.splitlines()]


def test_help_loads_nothing_heavy(tmp_path):
    asked = [[], ["--version"], *([*words, "--help"] for words in commands())]
    assert loaded_after(*asked, cwd=tmp_path) == [[] for _ in asked]


def test_what_a_run_has_said_is_told_without_numbers_libraries(tmp_path, monkeypatch):
    def fill(folder):
        (folder / "manifest.json").write_text('{"run": "r", "as_of": "2026-05-06", "draws": 8}')
        (folder / "verdicts.json").write_text("[]")

    runs.write_run(tmp_path / "out", "r", fill)
    assert loaded_after(["claims"], cwd=tmp_path) == [[]]
    monkeypatch.chdir(tmp_path)
    assert main.main(["claims", "--json"]) == 0  # and it was read


def test_commands_that_fit_nothing_load_no_sampler(tmp_path):
    frames = ["numpy", "pandas", "pyarrow", "xarray"]
    claims, track, audit = loaded_after(["claims"], ["track"], ["audit"], cwd=tmp_path)
    assert claims == frames
    assert set(track) <= {*frames, "scipy.stats"}  # which dask loads, where there is one
    assert not {"nutpie", "matplotlib"} & set(audit)


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main([*command, "--help"])
    assert stop.value.code == 0
    assert "usage: forecast" in capsys.readouterr().out


@pytest.mark.parametrize(
    "argv", [["dance"], ["run", "--seed", "x"], ["run", "--models", "tea"], ["fit"], ["data"],
             ["data", "add"], ["data", "fetch"], ["data", "fetch", "A", "--timeout", "0"]],
)  # fmt: skip
def test_wrong_usage_is_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main(argv)
    assert stop.value.code == 2
    assert "forecast" in capsys.readouterr().err


def test_no_command_is_wrong_usage(capsys):
    assert main.main([]) == 2
    assert "usage: forecast" in capsys.readouterr().err


HEADER = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"
ROW = "M,capex,2024,{value},{unit},2025-01-31,s,A,\n"
BAD = {
    "a wrong unit": (HEADER + ROW.format(value=5, unit="EUR"), "unit: got 'EUR'"),
    "a negative capex": (HEADER + ROW.format(value=-5, unit="USD m"), "capex cannot be negative"),
    "a duplicate row": (HEADER + 2 * ROW.format(value=5, unit="USD m"), "one row for each"),
    "an empty file": ("", r"not a CSV table|an empty table"),
    "a year that is text": (
        (HEADER + ROW.format(value=5, unit="USD m")).replace("2024", "last year"),
        "period: got 'last year'",
    ),
    "a missing column": (HEADER.replace(",unit", "") + "M,capex,2024,5,2025-01-31,s,A,\n",
                         r"missing column\(s\) unit|no column is known to be unit"),
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(BAD))
@pytest.mark.parametrize("command", ["data check", "fit market --data", "fit market --table"])
def test_bad_tables_are_refused_in_words(what, command, tmp_path, capsys):
    content, message = BAD[what]
    path = tmp_path / "bad.csv"
    path.write_text(content)
    assert main.main([*command.split(), str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(message, err)
    assert str(path) in err
    assert [p.name for p in tmp_path.iterdir()] == ["bad.csv"]


def test_a_binary_file_is_refused_in_words(tmp_path, capsys):
    path = tmp_path / "bad.csv"
    path.write_bytes(bytes(range(256)))
    assert main.main(["data", "check", str(path)]) == 1
    assert "not a CSV table" in capsys.readouterr().err


def test_a_bad_table_in_a_data_folder_writes_no_run(tmp_path, capsys):
    article = tmp_path / "data" / "article"
    article.mkdir(parents=True)
    good = (data_dir() / "articles" / "cuban_2026_05" / "market.csv").read_text()
    (article / "market.csv").write_text(good.replace(",USD bn,", ",USD billions,", 1))
    code = main.main(["run", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")])
    assert code == 1
    assert "line 2, unit: got 'USD billions'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_good_table_is_called_good(capsys):
    assert (
        main.main(["data", "check", str(data_dir() / "articles" / "cuban_2026_05" / "market.csv")])
        == 0
    )
    assert "16 rows are good" in capsys.readouterr().out


def test_audit_prints_json_and_only_json(capsys):
    assert main.main(["audit", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert {"claim", "rule", "verdict", "said", "follows", "sure", "source"} <= set(findings[0])
    assert main.main(["audit"]) == 0
    assert "contradictions" in capsys.readouterr().out


def test_claims_before_and_after_a_run(tmp_path, capsys, instant_sampler, monkeypatch):
    without_pictures(monkeypatch)
    out = str(tmp_path / "out")
    assert main.main(["claims", "--json", "--out", out]) == 0
    before = json.loads(capsys.readouterr().out)
    assert all(row["probability"] is None for row in before)
    assert main.main(["run", "--quick", "--models", "market", "--out", out]) == 0
    shown, progress = capsys.readouterr()
    assert "memo.html" in shown
    assert "fit market" in progress
    assert main.main(["claims", "--json", "--out", out]) == 0
    after = json.loads(capsys.readouterr().out)
    assert sum(row["probability"] is not None for row in after) == 5  # those of the market
    assert main.main(["claims", "--out", out]) == 0
    assert "value_correction" in capsys.readouterr().out
    assert main.main(["memo", f"{out}/latest"]) == 0
    assert capsys.readouterr().out.strip().endswith("memo.html")
    (tmp_path / "out" / "latest" / "memo.md").write_text("another")
    assert main.main(["memo", f"{out}/latest"]) == 1
    assert "altered memo.md" in capsys.readouterr().err


OWN = """
source = "s"
source_date = "2026-05-06"
[[claim]]
id = "a"
kind = "forecast"
words = "paraphrase"
text = "t"
[[claim.definition]]
id = "d"
model = "market"
why = "w"
event = { kind = "growth", series = "AI market/ai_investment", op = "<=", value = -10 }
window = ["2026-05-06", "2028-05-06"]
"""
FACT = """
[[claim]]
id = "f"
kind = "fact"
words = "paraphrase"
text = "t"
[[claim.definition]]
id = "e"
model = "audit"
why = "w"
[claim.definition.check]
rule = "sum"
entity = "AI market"
metric = "ai_investment"
first = "2022"
last = "2025"
said = 1
unit = "GWh"
"""


def test_a_claims_file_is_checked_as_a_run_would(tmp_path, capsys):
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    assert main.main(["claims", "--json", "--file", str(path)]) == 0
    out, err = capsys.readouterr()
    (row,) = json.loads(out)  # only JSON on stdout
    assert (row["claim"], row["definition"], row["status"]) == ("a", "d", "model not run")
    assert "series, periods and windows of market" in err
    assert f"{path}: nothing that a run would refuse" in err


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        (
            "AI market/ai_investment",
            "AI market/wages",
            "'a', definition 'd': the market draws have no",
        ),
        ("2028-05-06", "2099-12-31", "'a', definition 'd' asks the market model to look to 2099"),
        (
            'op = "<="',
            'op = "=<"',
            "claim 'a', definition 'd', event: got op '=<', wanted one of <",
        ),
        (
            "-10 }",
            "-10, lag = 9 }",
            "'a', definition 'd': growth over 9 period(s) needs 9 period(s)",
        ),
        ("[[claim]]", FACT + "[[claim]]", "claim 'f', definition 'e': cannot turn 'USD bn'"),
    ],
)
def test_a_claims_file_that_a_run_would_refuse(tmp_path, capsys, was, now, message):
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace(was, now, 1))
    assert main.main(["claims", "--json", "--file", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_claims_of_a_folder_are_checked_against_its_own_tables(tmp_path, capsys):
    """The user's market is called otherwise: the shipped tables do not have the series, theirs do."""
    article = tmp_path / "data" / "article"
    article.mkdir(parents=True)
    table = (data_dir() / "articles" / "cuban_2026_05" / "market.csv").read_text()
    (article / "market.csv").write_text(table.replace("AI market", "My market"))
    (article / "claims.toml").write_text(OWN.replace("AI market", "My market"))
    assert main.main(["claims", "--data", str(tmp_path / "data")]) == 0
    assert "claims.toml: nothing that a run would refuse" in capsys.readouterr().err
    assert main.main(["claims", "--file", str(article / "claims.toml")]) == 1
    assert "no series My market/ai_investment; there are AI market" in capsys.readouterr().err


def test_a_run_that_fails_its_gate_is_exit_1(tmp_path, capsys, monkeypatch):
    import numpy as np
    from conftest import independent_tree

    def stuck(entry, panel, priors, spec, *, progress=False):
        tree = independent_tree(entry, panel, priors, spec)
        posterior = tree["posterior"].to_dataset()
        shift = np.arange(spec.chains)[:, None]
        posterior["growth_mean"] = posterior["growth_mean"] + shift
        tree["posterior"] = posterior
        return tree

    monkeypatch.setattr(sampling, "sample_model", stuck)
    out = tmp_path / "out"
    assert main.main(["run", "--quick", "--models", "market", "--out", str(out)]) == 1
    _, err = capsys.readouterr()
    assert "stamped DRAFT: market: R-hat" in err
    assert "DRAFT" in (out / "latest" / "memo.md").read_text()


def test_fit_prints_a_summary(capsys, instant_sampler):
    assert main.main(["fit", "market", "--json"]) == 0
    out, _ = capsys.readouterr()
    content = json.loads(out)
    assert content["gate"]["passed"] is True
    assert {"parameter", "mean", "q05", "q95"} <= set(content["summary"][0])
    assert main.main(["fit", "benchmark"]) == 0
    assert "gain_trend" in capsys.readouterr().out


def test_a_table_and_a_data_folder_are_told_apart(tmp_path, capsys, instant_sampler):
    """``--table`` is a file; what ``--data`` names is one too if it is no folder."""
    shipped = data_dir() / "articles" / "cuban_2026_05" / "market.csv"
    folder = tmp_path / "data"
    (folder / "article").mkdir(parents=True)
    (folder / "article" / "market.csv").write_text(shipped.read_text())
    found = []
    for place in (("--table", shipped), ("--data", shipped), ("--data", folder)):
        assert main.main(["fit", "market", "--json", *map(str, place)]) == 0
        found.append(json.loads(capsys.readouterr().out)["spec"]["data_hash"])
    assert len(set(found)) == 1
    assert main.main(["fit", "market", "--data", str(shipped), "--table", str(shipped)]) == 1
    assert "leave one of them out" in capsys.readouterr().err
    assert main.main(["fit", "market", "--data", str(tmp_path / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err


def test_unknown_models_and_runs(tmp_path, capsys):
    assert main.main(["fit", "tea"]) == 1
    assert "no model is called 'tea'; there are market, " in capsys.readouterr().err
    assert main.main(["memo", "nothing", "--out", str(tmp_path)]) == 1
    assert "nothing: not a run folder" in capsys.readouterr().err


def test_a_memo_is_found_by_the_pointer_and_a_wrong_name_lists_the_newest_runs(tmp_path, capsys):
    out = tmp_path / "out"

    def memo(name):
        code = main.main(["memo", name, "--out", str(out)])
        said = capsys.readouterr()
        return code, said.out.strip() or said.err.strip()

    none = f"nor the id of a run in {out / 'runs'}; there is none; give a run's id or folder, or latest"
    for name in ("latest", "r6", ""):
        code, said = memo(name)
        assert code == 1 and (not name or said == f"forecast: {name}: not a run folder, {none}")
    for k in range(7):
        runs.write_run(out, f"r{k}", lambda folder: (folder / "memo.html").write_text("a"))
        os.utime(out / "runs" / f"r{k}", (k, k))
    newest = str(out / "runs" / "r6" / "memo.html")
    (tmp_path / "pointer").symlink_to(out / "runs" / "r6")
    for name in ("latest", "r6", str(out / "latest"), str(tmp_path / "pointer")):
        assert memo(name) == (0, newest)
    assert memo("r5") == (0, newest.replace("r6", "r5"))
    for name in ("r7", "../runs/r7"):
        code, said = memo(name)
        assert code == 1 and "; the newest there are r6, r5, r4, r3, r2; give a run's id" in said
    (tmp_path / "pointer").unlink()
    (tmp_path / "pointer").symlink_to(out / "runs" / "gone")
    assert memo(str(tmp_path / "pointer")) == (
        1,
        f"forecast: {tmp_path / 'pointer'} points to {out / 'runs' / 'gone'}, which is not there",
    )


def test_ctrl_c_is_said_and_leaves_nothing(tmp_path, capsys, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "sample_model", interrupted)
    out = tmp_path / "out"
    assert main.main(["run", "--quick", "--models", "market", "--out", str(out)]) == 130
    assert "nothing is left half-written" in capsys.readouterr().err
    assert not [path for path in out.rglob("*") if path.is_file()]


ENDS = {
    "no space": (
        OSError(errno.ENOSPC, "No space left on device", "/out/runs"),
        "/out/runs: No space left on device; make room there and run again",
    ),
    "two paths": (
        FileExistsError(errno.EEXIST, "File exists", "/a", None, "/b"),
        "/a to /b: File exists; move away what stands there or give another path",
    ),
    "no path": (OSError("it broke"), "the system refused: OSError: it broke; put that right"),
    "no memory": (MemoryError(), "the memory does not suffice; nothing is left half-written"),
    "recursion": (
        RecursionError("too deep"),
        "did not foresee: RecursionError: too deep; run again with --debug for the trace, and",
    ),
    "a fault of ours": (
        TypeError("no\nsuch thing"),
        "something went wrong that this program did not foresee: TypeError: no such thing; run",
    ),
    "text": (
        UnicodeEncodeError("ascii", "\u20ac", 0, 1, "out of range"),
        "did not foresee: UnicodeEncodeError: 'ascii' codec can't encode",
    ),
    "on purpose": (DataError("got a, wanted b"), "forecast: got a, wanted b\n"),
}


@pytest.mark.parametrize("what", ENDS)
@pytest.mark.parametrize("argv", [["audit"], ["--debug", "audit"], ["audit", "--debug"]])
def test_whatever_is_raised_ends_as_one_sentence(what, argv, capsys, monkeypatch):
    error, said = ENDS[what]

    def broken(args):
        raise error

    monkeypatch.setattr(evaluate, "audit", broken)
    assert main.main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines(keepends=True)
    assert lines[-1].startswith("forecast: ")
    assert said in lines[-1]
    assert (len(lines) == 1) == ("--debug" not in argv)
    assert ("Traceback" in err and "in broken" in err) == ("--debug" in argv)


@pytest.mark.parametrize("argv", [["--debug", "data", "check"], ["data", "--debug", "check"],
                                  ["data", "check", "--debug"]])  # fmt: skip
def test_debug_stands_anywhere(argv, capsys):
    assert main.main([*argv, "none.csv"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_pipe_that_nobody_reads_ends_it_without_a_word(capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "audit", lambda args: (_ for _ in ()).throw(BrokenPipeError()))
    assert main.main(["audit"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "argv", [["run", "--seed", "9" * 5000], ["run", "--seed", "\u00b2"], ["run", "--seed", "-1"],
             ["calibrate", "market", "--simulations", "0"],
             ["backtest", "market", "--start", "a", "--end", "b", "--horizon", "0"]],
)  # fmt: skip
def test_numbers_that_no_option_takes_are_wrong_usage(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main(argv)
    assert stop.value.code == 2
    assert "wanted a whole number from" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--step", "--window"])
def test_a_length_of_time_that_is_none_is_wrong_usage(option, capsys):
    with pytest.raises(SystemExit) as stop:
        main.main(["backtest", "market", "--start", "a", "--end", "b", option, "5 years"])
    assert stop.value.code == 2
    assert "cannot read the length of time '5 years'; wanted a number" in capsys.readouterr().err
