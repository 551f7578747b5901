"""A run folder is whole or refused."""

import json
import os

import numpy as np
import pytest
import xarray as xr

from forecast import store
from forecast.schema import StoreError
from forecast.store import keep_fit, kept_fit, load_tree, run_id, save_tree, verify, write_run


def fill(folder):
    (folder / "figures").mkdir()
    (folder / "figures" / "a.svg").write_text("<svg/>")
    (folder / "memo.md").write_text("hello")


def test_written_whole_and_latest_points_to_it(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    assert verify(folder) == folder
    assert (tmp_path / "latest").resolve() == folder.resolve()
    assert (tmp_path / "latest" / "memo.md").read_text() == "hello"


def test_a_failure_leaves_nothing_and_latest_stays(tmp_path):
    write_run(tmp_path, "first", fill)

    def fail(folder):
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path, "second", fail)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["first"]
    assert (tmp_path / "latest").resolve().name == "first"


def test_a_damaged_run_is_replaced_by_a_whole_one(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "memo.md").write_text("hallo")
    with pytest.raises(StoreError, match=r"altered memo.md"):
        verify(folder)
    verify(write_run(tmp_path, "abc", fill))
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["abc"]


def test_missing_files_and_folders_are_named(tmp_path):
    folder = write_run(tmp_path, "abc", fill)
    (folder / "figures" / "a.svg").unlink()
    with pytest.raises(StoreError, match=r"missing figures/a.svg"):
        verify(folder)
    with pytest.raises(StoreError, match="not a run folder"):
        verify(tmp_path / "none")
    (folder / "checksums.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        verify(folder)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "x" * 99])
def test_names_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(StoreError, match="wanted letters"):
        write_run(tmp_path / "out", name, fill)
    assert list(tmp_path.iterdir()) == []


def test_every_flipped_byte_of_a_fit_is_noticed(tmp_path):
    rng = np.random.default_rng(0)
    tree = xr.DataTree.from_dict(
        {"posterior": xr.Dataset({"a": (("chain", "draw"), rng.random((4, 500)))})}
    )
    tree.attrs["spec"] = json.dumps({"model": "market"})

    folder = write_run(tmp_path, "abc", lambda f: save_tree(tree, f / "a.nc"))
    back = load_tree(folder / "a.nc")
    xr.testing.assert_equal(back["posterior"].to_dataset(), tree["posterior"].to_dataset())
    assert back.attrs["spec"] == tree.attrs["spec"]
    whole = (folder / "a.nc").read_bytes()
    for at in rng.integers(0, len(whole), 40):
        broken = bytearray(whole)
        broken[at] ^= 1
        (folder / "a.nc").write_bytes(broken)
        with pytest.raises(StoreError, match=r"altered a.nc"):
            verify(folder)


def test_a_truncated_fit_is_an_error_in_words(tmp_path):
    path = tmp_path / "a.nc"
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(StoreError, match="make the run again"):
        load_tree(path)
    with pytest.raises(StoreError, match="make the run again"):
        load_tree(tmp_path / "none.nc")


def test_ids_depend_on_every_part():
    assert len({run_id("a", "b"), run_id("ab"), run_id("b", "a"), run_id("a", "b", "")}) == 4


def test_the_fits_that_were_used_longest_ago_go(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FITS_KEPT", 2)
    trees = {
        f"{k:016x}": xr.DataTree.from_dict({"posterior": xr.Dataset({"a": ("draw", [float(k)])})})
        for k in range(3)
    }
    first, second, third = trees
    for key in (first, second):
        keep_fit(tmp_path, key, trees[key])
        os.utime(tmp_path / f"{key}.nc", (1, 1))
    assert kept_fit(tmp_path, first) is not None  # used now
    keep_fit(tmp_path, third, trees[third])
    assert kept_fit(tmp_path, second) is None
    for key in (first, third):
        back = kept_fit(tmp_path, key)["posterior"].to_dataset()
        xr.testing.assert_equal(back, trees[key]["posterior"].to_dataset())
    assert len(list(tmp_path.glob("[!.]*"))) == 4  # a fit and its checksum each
