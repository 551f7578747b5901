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
import pytensor
import pytensor.graph
import pytensor.sparse
import pytensor.tensor as pt
import pytest
from pytensor.compile.builders import OpFromGraph
from pytensor.gradient import grad_clip
from scipy.sparse import csr_matrix

from forecast.core.errors import DataError
from forecast.inference import compile as compiling
from forecast.inference import nuts
from forecast.inference.compile import key_of, make_ready, private_doors
from forecast.inference.fitting import spec_of
from forecast.inference.sampling import sample_model
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
    build = entry.compact or entry.build
    key = key_of(build(panel, entry.priors), "")
    for priors in entry.variants.values():
        assert key_of(build(panel, priors), "") == key
    data = panel.data.assign(value=panel.data["value"] * 1.01) if "value" in panel.data else None
    if data is not None:
        changed = dataclasses.replace(panel, data=data)
        assert key_of(build(changed, entry.priors), "") == key
    rows = np.arange(panel.data.sizes["obs"])
    # A row that others refer to cannot go, nor the only one that a variable is there for.
    keep = rows < rows[-1] if name == "payback" else rows % 14 > 0
    shorter = select(panel, keep)
    assert key_of(build(shorter, entry.priors), "") == key


KEYS = """
import json
import forecast as fc
from forecast.inference.compile import key_of
known = fc.as_of(fc.read_vintages(), "2026-05-06")
keys = {}
for name in ("adoption", "benchmark", "earnings", "hazard"):
    entry = fc.get_model(name)
    build = entry.compact or entry.build
    keys[name] = key_of(build(fc.build_panel(known, name), entry.priors), "")
print(json.dumps(keys))
"""


def test_a_key_is_the_same_in_every_process(request):
    done = subprocess.run(
        [sys.executable, "-c", KEYS], env={**os.environ, "PYTHONHASHSEED": "17"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, key in json.loads(done.stdout).items():
        entry, panel = get_model(name), request.getfixturevalue(f"{name}_panel")
        build = entry.compact or entry.build
        assert key_of(build(panel, entry.priors), "") == key


def small(
    mean=0.0, sd=1.0, name="a", law=pm.Normal, turned=pt.exp, data=(1.0, 2.0), start=None,
    most=9.0, hidden=1.0, op=None, checked=True,
):  # fmt: skip
    with pm.Model(check_bounds=checked) as model:
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
        {"checked": False},
        {"op": Times(-1.0)},
    ],
)
def test_what_is_written_in_the_code_is_in_its_key(change):
    def key(**changes):
        return key_of(small(**changes), "")

    assert key() == key() == key(start=0.3)
    assert key(**change) == key(**change) != key()


def holding(of):
    """Return a model with something in it that a variable alone does not tell."""
    with pm.Model() as model:
        a, b = pm.Normal("a"), pm.Normal("b")
        pm.Potential("c", of(a, b))
    return model


def graph_of(swapped, slope=None):
    x, y = pt.dscalar(), pt.dscalar()
    back = (
        None if slope is None else (lambda inputs, outputs, given: [slope * g for g in given * 2])
    )
    return OpFromGraph([x, y], [y / pt.exp(x) if swapped else x / pt.exp(y)], pullback=back)


def steps_of(swapped):
    def step(before, a, b):
        return a * before - b if swapped else b * before - a

    return lambda a, b: pytensor.scan(
        step, outputs_info=[pt.as_tensor(np.float64(0))], non_sequences=[a, b], n_steps=3,
        return_updates=False,
    ).sum()  # fmt: skip


def taps_of(taps):
    first = pt.as_tensor(np.array([1.0, 2.0, 3.0]))
    return lambda a, b: pytensor.scan(
        lambda x, y, a: a * x - y, outputs_info=[{"initial": first, "taps": taps}],
        non_sequences=[a], n_steps=3, return_updates=False,
    ).sum()  # fmt: skip


def basis_of(value):
    table = pytensor.sparse.as_sparse_variable(csr_matrix([[value, 0.0], [0.0, 1.0]]))
    return lambda a, b: pytensor.sparse.structured_dot(table, pt.stack([a, b])[:, None]).sum()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda a, b: Times(1.0)(a), lambda a, b: Times(2.0)(a)),
        (graph_of(False), graph_of(True)),
        (graph_of(False, 1.0), graph_of(False, 2.0)),
        (steps_of(False), steps_of(True)),
        (taps_of([-3, -1]), taps_of([-3, -2])),
        (basis_of(1.0), basis_of(5.0)),
        (lambda a, b: grad_clip(a, -1, 1), lambda a, b: grad_clip(a, -0.1, 0.1)),
    ],
)
def test_operations_that_differ_in_what_they_hold_have_keys_of_their_own(one, other):
    keys = [key_of(holding(of), "") for of in (one, other, other)]
    assert keys[0] != keys[1] == keys[2] and None not in keys


def test_what_cannot_be_described_is_compiled_each_time(place, monkeypatch):
    class Held:
        """Something of which nobody knows what it does."""

    def opaque():
        return key_of(holding(lambda a, b: Times(Held())(a)), "")

    assert opaque() is None
    monkeypatch.setattr(compiling, "_keep", never)
    monkeypatch.setattr(compiling, "_key", lambda *_: None)
    assert ready().code is not None


def test_all_data_count_also_those_that_no_density_reads():
    def key(unread):
        with pm.Model() as model:
            pm.Data("x", unread)
            pm.Normal("o", pm.Normal("a"), 1, observed=pm.Data("y", [1.0, 2.0]))
        return key_of(model, "")

    assert key(np.zeros(2)) == key(np.zeros(3)) != key(np.zeros((2, 2)))


# --- models as others write them --------------------------------------------------------------------
def odd(build):
    with pm.Model(coords={"g": list("abc")}) as model:
        build()
    return model


def unnamed():
    a = pm.Normal("a")
    first, second = pytensor.shared(np.float64(2.0)), pytensor.shared(np.float64(3.0))
    pm.Deterministic("d", a * first - second)
    pm.Normal("o", a * first - second, 1, observed=0.5)


def by_index():
    at = pm.Data("at", np.array([0, 2, 1, 1], np.uint32))
    a = pm.Normal("a", dims="g")
    small = pm.Data("small", np.array([0.5, 1.0], np.float32))
    pm.Deterministic("d", a[at])
    pm.Normal("o", a[at], small[0], observed=np.arange(4.0))


def by_place():
    a = pm.ZeroSumNormal("a", dims="g")
    w = pm.Dirichlet("w", np.ones(3), dims="g")
    pm.Deterministic("d", a[:, None] * w[None, :], dims=("g", None))
    pm.Deterministic("large", a > 0, dims="g")
    pm.Normal("o", (a * w).sum(), 1, observed=0.5)


def large_constant():
    pm.Normal("o", pm.Normal("a"), 1, observed=np.linspace(-1, 1, 130_000))


@pytest.mark.slow
@pytest.mark.parametrize("build", [unnamed, by_index, by_place, large_constant])
def test_functions_are_those_of_the_model_as_pymc_has_it(build, tmp_path, monkeypatch, spec):
    monkeypatch.setattr(compiling, "folder", lambda: tmp_path / "forecast")
    answers = []
    for _ in range(2):  # compiled, and of the folder
        fresh(monkeypatch)
        made = make_ready(odd(build), odd(build), "")
        drawn = nuts.draw(made, spec)
        answers.append(digest(drawn))
    assert answers[0] == answers[1]
    model = odd(build)
    names = [v.name for v in model.free_RVs]
    wanted = pytensor.function(
        model.free_RVs, [model[name] for name in drawn.stored], mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    for chain, draw in ((0, 0), (3, 39)):
        values = [drawn.stored[name][chain, draw] for name in names]
        for name, got in zip(drawn.stored, wanted(*values), strict=True):
            np.testing.assert_allclose(drawn.stored[name][chain, draw], got, rtol=1e-12)


@pytest.mark.parametrize("size", [2, 5])
def test_what_is_not_of_its_dims_lengths_is_refused_by_name(size, place, adoption_panel):
    def build(panel, priors):
        return odd(lambda: pm.Deterministic("d", pm.Normal("a") + pt.arange(float(size)), dims="g"))

    entry = dataclasses.replace(get_model("adoption"), build=build)
    spec = dataclasses.replace(spec_of("adoption", adoption_panel, seed=3), draws=5, tune=5)
    with pytest.raises(DataError, match=rf"d has the shape \({size},\), wanted \(3,\) of its dims"):
        sample_model(entry, adoption_panel, None, spec)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: pm.Data("x", [1.0]), "the model has no variable to sample"),
        (lambda: pm.Bernoulli("b", 0.5), "b cannot be sampled: it is discrete"),
    ],
)
def test_what_cannot_be_sampled_is_said(build, said):
    with pytest.raises(DataError, match=said):
        make_ready(odd(build), odd(build), "")


def test_code_that_vanishes_or_cannot_be_kept_stops_no_fit(place, spec, monkeypatch, caplog):
    wanted = digest(nuts.draw(ready(), spec))

    def refused(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(compiling.os, "utime", refused)
        fresh(patch)
        assert digest(nuts.draw(ready(), spec)) == wanted
    made = []
    original = compiling._c_functions
    monkeypatch.setattr(compiling, "_c_functions", lambda g: made.append(g) or original(g))
    monkeypatch.setattr(compiling, "whole", refused)
    monkeypatch.setattr(compiling, "_loaded", lambda key: None)
    fresh(monkeypatch)
    assert digest(nuts.draw(ready(), spec)) == wanted
    assert len(made) == 1
    assert [line for line in warned(caplog) if "compiled code is not kept" in line]


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
