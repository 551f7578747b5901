"""Compiled code is found again, is of no numbers and lengths, and gives the same draws by every way."""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pymc as pm
import pytensor.graph
import pytensor.tensor as pt
import pytest

from forecast.inference import compile as compiling
from forecast.inference import nuts
from forecast.inference.compile import key_of, make_ready, private_doors
from forecast.inference.fitting import spec_of
from forecast.models.base import select
from forecast.models.registry import NAMES, get_model


def tiny(values, spread=1.0):
    """Return a model with a bounded variable, one of a length, data, and something computed."""
    with pm.Model(coords={"obs": np.arange(len(values))}) as model:
        data = pm.Data("data", np.asarray(values, float), dims="obs")
        sd = pm.HalfNormal("sd", pm.Data("spread", spread))
        each = pm.Normal("each", 0, 1, dims="obs")
        mean = pm.Normal("mean", 0, 2)
        pm.Deterministic("twice", 2 * each, dims="obs")
        pm.Normal("seen", mean + each, sd, observed=data, dims="obs")
    return model


VALUES = [0.3, -1.0, 2.0, 0.5]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a cache folder of this module's own, used throughout it."""
    root = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "folder", lambda: root / "forecast")
        patch.setattr(compiling, "_codes", {})
        yield root / "forecast"


@pytest.fixture
def spec(adoption_panel):
    return dataclasses.replace(spec_of("adoption", adoption_panel, seed=3), draws=40, tune=60)


def ready(values=VALUES, spread=1.0):
    return make_ready(tiny(values, spread), tiny(values), "tiny")


def fresh(monkeypatch):
    """Forget what this process has loaded, as a new one would."""
    monkeypatch.setattr(compiling, "_codes", {})


def digest(drawn):
    arrays = [*drawn.stored.values(), drawn.statistics["n_steps"], drawn.statistics["logp"]]
    return [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays]


def warned(caplog):
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def never(*_):
    raise AssertionError("it was compiled")


def test_kept_code_and_every_door_give_the_draws_of_fresh_code(place, spec, monkeypatch):
    cold = nuts.draw(ready(), spec)
    assert list(cold.stored) == ["each", "mean", "sd", "twice"]
    assert cold.stored["twice"].shape == (4, 40, 4)
    np.testing.assert_array_equal(cold.stored["twice"], 2 * cold.stored["each"])
    assert (cold.stored["sd"] > 0).all()
    wanted = digest(cold)
    with monkeypatch.context() as patch:
        patch.setattr(compiling, "_graphs", never)
        assert digest(nuts.draw(ready(), spec)) == wanted  # of this process
        fresh(patch)
        warm = ready()
        assert digest(nuts.draw(warm, spec)) == wanted  # of the folder
        assert digest(nuts.draw(warm, spec, progress=True)) == wanted
    monkeypatch.setattr(compiling, "TRIED", {"numba": ("0.1", "0.2")})
    public = ready()
    assert public.code is None
    assert digest(nuts.draw(public, spec)) == wanted


def test_threads_that_ask_at_once_start_where_each_alone_would(place):
    start = ready().start
    wanted = [start(seed) for seed in range(40)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for got, alone in zip(pool.map(start, range(40)), wanted, strict=True):
                np.testing.assert_array_equal(got, alone)


def test_other_numbers_and_lengths_use_the_same_code(place, spec, monkeypatch):
    nuts.draw(ready(), spec)
    other = [4.0, 5.0, 6.0, 5.5, 5.0, 4.5, 5.2]
    with monkeypatch.context() as patch:
        patch.setattr(compiling, "_graphs", never)
        used = nuts.draw(ready(other, 0.3), spec)
    assert used.stored["each"].shape == (4, 40, 7)
    monkeypatch.setattr(compiling, "folder", lambda: place.parent / "another")
    fresh(monkeypatch)
    assert digest(nuts.draw(ready(other, 0.3), spec)) == digest(used)


def test_code_that_is_not_what_was_written_is_made_again(place, spec, monkeypatch, caplog):
    wanted = digest(nuts.draw(ready(), spec))
    (kept,) = place.glob("*.code")
    content = kept.read_bytes()
    middle = len(content) // 2
    harms = {
        "cut": content[:-1],
        "changed": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "of another kind": b"something else",
        "empty": b"",
    }
    for harm, written in harms.items():
        kept.write_bytes(written)
        assert compiling._loaded(kept.stem) is None, harm
    assert warned(caplog) == [f"the compiled code {kept} is damaged; it is made again"] * len(harms)
    fresh(monkeypatch)
    assert digest(nuts.draw(ready(), spec)) == wanted
    assert compiling._loaded(kept.stem) is not None
    kept.unlink()
    assert compiling._loaded(kept.stem) is None
    fresh(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(compiling, "_graphs", never)
        with pytest.raises(AssertionError, match="it was compiled"):
            ready()
    kept.write_bytes(content)


def test_code_that_others_could_have_written_is_not_loaded(place, spec, monkeypatch, caplog):
    wanted = digest(nuts.draw(ready(), spec))
    (kept,) = place.glob("*.code")
    loaded = []
    monkeypatch.setattr(compiling, "_rebuilt", loaded.append)
    kept.chmod(0o666)
    fresh(monkeypatch)
    assert digest(nuts.draw(ready(), spec)) == wanted
    place.chmod(0o777)
    try:
        fresh(monkeypatch)
        assert digest(nuts.draw(ready(), spec)) == wanted
    finally:
        place.chmod(0o700)
    assert loaded == []
    assert any("compiled code is not kept" in line and "not this user's" in line
               for line in warned(caplog))  # fmt: skip
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    fresh(monkeypatch)
    assert digest(nuts.draw(ready(), spec)) == wanted
    assert loaded == []


def test_what_was_used_longest_ago_goes(place, spec, monkeypatch):
    nuts.draw(ready(), spec)
    (kept,) = place.glob("*.code")
    monkeypatch.setattr(compiling, "KEPT", 2)
    for k, age in enumerate((30, 20, 10)):
        old = place / f"{k}.code"
        old.write_bytes(b"old")
        old.with_suffix(".lock").write_bytes(b"")
        os.utime(old, (age, age))
    compiling._keep(kept.stem, list(ready().code.keep))
    assert {path.name for path in place.glob("*.code")} == {kept.name, "0.code"}
    assert not (place / "2.lock").exists()


def test_versions_that_were_not_tried_go_by_the_public_door(monkeypatch):
    assert private_doors()
    for name in ("numba", "nutpie"):
        first, below = compiling.TRIED[name]
        for version, known in ((first, True), (below, False), ("0.1", False), ("99.0.1", False)):
            monkeypatch.setattr(
                compiling.importlib.metadata,
                "version",
                lambda n, name=name, v=version: v if n == name else compiling.TRIED[n][0],
            )
            assert private_doors() is known, (name, version)


# --- what the key is of -----------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_code_of_a_model_is_of_no_numbers_and_lengths(name, request):
    entry, panel = get_model(name), request.getfixturevalue(f"{name}_panel")
    key = key_of(entry.build(panel, entry.priors), "")
    for priors in entry.variants.values():
        assert key_of(entry.build(panel, priors), "") == key
    data = panel.data.assign(value=panel.data["value"] * 1.01) if "value" in panel.data else None
    if data is not None:
        changed = dataclasses.replace(panel, data=data)
        assert key_of(entry.build(changed, entry.priors), "") == key
    rows = np.arange(panel.data.sizes["obs"])
    # A row that others refer to cannot go, nor the only one that a variable is there for.
    keep = rows < rows[-1] if name == "payback" else rows % 14 > 0
    shorter = select(panel, keep)
    assert key_of(entry.build(shorter, entry.priors), "") == key


KEYS = """
import json
import forecast as fc
from forecast.inference.compile import key_of
known = fc.as_of(fc.read_vintages(), "2026-05-06")
keys = {}
for name in ("adoption", "benchmark", "earnings", "hazard"):
    entry = fc.get_model(name)
    keys[name] = key_of(entry.build(fc.build_panel(known, name), entry.priors), "")
print(json.dumps(keys))
"""


def test_a_key_is_the_same_in_every_process(request):
    done = subprocess.run(
        [sys.executable, "-c", KEYS], env={**os.environ, "PYTHONHASHSEED": "17"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, key in json.loads(done.stdout).items():
        entry, panel = get_model(name), request.getfixturevalue(f"{name}_panel")
        assert key_of(entry.build(panel, entry.priors), "") == key


def small(
    mean=0.0, sd=1.0, name="a", law=pm.Normal, turned=pt.exp, data=(1.0, 2.0), start=None,
    most=9.0, hidden=1.0, op=None,
):  # fmt: skip
    with pm.Model() as model:
        a = law(name, mean, sd, initval=start)
        pm.Deterministic("b", turned(a))
        pm.Normal("c", a, 1, observed=np.asarray(data))
        pm.Normal("d", default_transform=pm.distributions.transforms.Interval(0.0, most))
        pm.CustomDist("e", a, logp=lambda value, mean: -hidden * (value - mean) ** 2, observed=0.5)
        pm.Potential("f", -a if op is None else op(a))
    return model


class Times(pytensor.graph.op.Op):
    """An operation that does not say what it is told apart by."""

    def __init__(self, factor):
        self.factor = factor

    def make_node(self, x):
        return pytensor.graph.basic.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.asarray(self.factor * inputs[0])


@pytest.mark.parametrize(
    "change",
    [
        {"mean": 0.5},
        {"sd": 2.0},
        {"name": "other"},
        {"law": pm.Laplace},
        {"law": pm.Gumbel},
        {"law": pm.TruncatedNormal},
        {"turned": pt.log1p},
        {"turned": lambda x: pt.exp(x) + 0 * x},
        {"turned": lambda x: pt.stack([x, x])},
        {"turned": lambda x: pt.stack([x, x]).sum(axis=0, keepdims=True)},
        {"data": (1.0, 3.0)},
        {"data": (1.0, 2.0, 2.0)},
        {"most": 8.0},
        {"hidden": 2.0},
        {"op": Times(-1.0)},
    ],
)
def test_what_is_written_in_the_code_is_in_its_key(change):
    def key(**changes):
        return key_of(small(**changes), "")

    assert key() == key() == key(start=0.3)
    assert key(**change) == key(**change) != key()


def test_operations_that_differ_in_what_they_hold_have_keys_of_their_own():
    keys = [key_of(small(op=Times(factor)), "") for factor in (1.0, 2.0, 2.0)]
    assert keys[0] != keys[1] == keys[2]


def test_the_key_is_of_libraries_and_the_models_code(monkeypatch):
    model = small()
    key, version = key_of(model, ""), compiling.importlib.metadata.version
    found = {key}
    for library in compiling.LIBRARIES:
        with monkeypatch.context() as patch:
            patch.setattr(
                compiling.importlib.metadata,
                "version",
                lambda name, library=library: "0" if name == library else version(name),
            )
            found.add(key_of(model, ""))
    found.add(key_of(model, "other code"))
    assert len(found) == 1 + len(compiling.LIBRARIES) + 1


# --- the sampler ------------------------------------------------------------------------------------
class _Enough(Exception):
    pass


@pytest.fixture
def asked(monkeypatch):
    """Stop before sampling; return what the sampler was asked, a list."""
    found = []

    def stop(ready, settings, cores, *rest):
        found.append((settings.as_dict(), cores))
        raise _Enough

    monkeypatch.setattr(nuts, "_sampler", stop)
    return found


def test_the_sampler_gets_what_the_spec_says(earnings_panel, asked):
    spec = spec_of("earnings", earnings_panel, seed=3, draws=70, tune=60, chains=2)
    spec = dataclasses.replace(spec, max_depth=6)
    one = dataclasses.replace(spec, adaptation="diag")
    for which in (spec, one):
        for progress in (False, True):
            with pytest.raises(_Enough):
                nuts.draw(NotReady(), which, progress=progress)
    (first, cores), by_public_door, (other, _), _ = asked
    assert by_public_door == (first, cores)
    settings = first["settings"]
    got = [settings[name] for name in ("num_draws", "num_tune", "num_chains", "seed", "maxdepth")]
    assert got == [70, 60, 2, 3, 6]
    steps = settings["adapt_options"]["step_size_settings"]
    assert steps["target_accept"] == spec.target_accept
    assert (first["adaptation"], other["adaptation"]) == ("low_rank", "diag")
    assert spec.adaptation == "low_rank"


@dataclasses.dataclass
class NotReady:
    """A model of which only its existence and its size are asked."""

    code: object = True
    size: int = 2
    stored: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Trace:
    """Results of a sampler that was interrupted after some rows."""

    num_rows: int

    def get_arrow_trace(self):
        return [self], [self]

    def wait(self, seconds):
        pass

    def take_results(self):
        return self


def test_an_interrupt_is_not_taken_for_a_result(spec, monkeypatch):
    monkeypatch.setattr(nuts, "_sampler", lambda *rest: Trace(spec.tune + spec.draws - 1))
    with pytest.raises(KeyboardInterrupt, match="before all draws were taken"):
        nuts.draw(NotReady(), spec)


def test_sampling_imports_no_plots():
    code = (
        "import sys\nfrom forecast.inference import nuts, compile\nnuts._compiled_half()\n"
        "print(sorted({'nutpie', 'arviz', 'matplotlib', 'arviz_plots'} & set(sys.modules)))\n"
        "import nutpie\nprint(nutpie._lib is nuts._compiled_half())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
