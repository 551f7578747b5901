"""A writer that is killed at any moment leaves the old or the new state."""

import subprocess
import sys

WORK = '''
import os, random, signal, sys, time
from pathlib import Path
import numpy as np, pandas as pd, xarray as xr
from forecast.store import fits as stored_fits, runs
from forecast.core.errors import StoreError
from forecast.tables.vintages import append_rows, check_table, read_table

place = Path(sys.argv[1])
table, out, fits = place / "t" / "user.csv", place / "out", place / "out" / "fits"
KEYS = [f"{k:016x}" for k in range(3)]

def row(n):
    year, quarter = 2000 + n // 4 % 20, n % 4 + 1
    cells = [f"company {n // 80}", "capex", f"{year}Q{quarter}", str(n + 1), "USD m"]
    columns = "entity metric period value unit reported_on source confidence qualifier".split()
    return check_table(pd.DataFrame([[*cells, "2025-01-01", "s", "A", ""]], columns=columns))

def fill(n):
    def write(folder):
        for k in range(3):
            (folder / f"{k}.txt").write_text(f"{n} " * 20000)
    return write

def tree(key):
    values = np.random.default_rng(int(key, 16)).random((4, 200))
    return xr.DataTree.from_dict({"posterior": xr.Dataset({"a": (("chain", "draw"), values)})})

def work(n):
    while True:
        append_rows(table, row(n))
        runs.write_run(out, f"run-{n:05d}", fill(n))
        runs.write_change(out, "run-0", f"run-{n:05d}", fill(n))
        stored_fits.keep_fit(fits, KEYS[n % 3], tree(KEYS[n % 3]))
        n += 1

def state():
    """Check that all is whole; return how many rows and which run."""
    rows = 0
    if table.exists():
        values = read_table(table)["value"].tolist()
        assert values == [k + 1.0 for k in range(len(values))], values
        rows = len(values)
    run = -1
    if (out / "latest").is_symlink():
        run = int(runs.verify(out / "latest").resolve().name[4:])
    for folder in [*(out / "runs").glob("run-*"), *(out / "changes").glob("run-*")]:
        runs.verify(folder)
    for key in KEYS:
        try:
            back = stored_fits.kept_fit(fits, key)
        except StoreError:
            continue  # refused is not wrong
        assert back is None or back["posterior"].to_dataset().equals(tree(key)["posterior"].to_dataset())
    return rows, run

def unfinished():
    return {*out.glob("*/.tmp-*"), *table.parent.glob("*.tmp")}

random.seed(int(sys.argv[2]))
stored_fits.keep_fit(fits, KEYS[0], tree(KEYS[0]))  # the libraries are loaded before any fork
rows, run, inside = 0, -1, 0
for k in range(50):
    before = unfinished()
    child = os.fork()
    if child == 0:
        work(rows)
        os._exit(1)
    if k % 2:  # at any moment; else as soon as a new write is seen under way
        time.sleep(random.uniform(0.005, 0.15))
    else:
        end = time.monotonic() + 5
        while not unfinished() - before and time.monotonic() < end:
            pass
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    inside += bool(unfinished() - before)
    after = state()
    assert after[0] >= rows and after[1] >= run and after[0] > after[1], (rows, run, after)
    rows, run = after
append_rows(table, row(rows))
runs.write_run(out, f"run-{rows:05d}", fill(rows))
runs.write_change(out, "run-0", f"run-{rows:05d}", fill(rows))
left = [*(out / "runs").glob(".*"), *(out / "changes").glob(".*"), *table.parent.glob("*.tmp")]
print(rows, inside, len(left))
'''


def test_fifty_kills_leave_whole_states(tmp_path):
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", WORK, tmp_path, "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, inside, left = map(int, done.stdout.split())
    assert rows > 5  # the writers came to write, also on a busy machine
    assert inside >= 10  # and were killed in the middle of it
    assert left == 0  # what they left is swept up
