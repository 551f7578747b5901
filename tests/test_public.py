"""The public surface: its names, and signatures that say what they take."""

import inspect
import subprocess
import sys

import pytest

import forecast as fc

NAMES = [
    "Known", "Panel", "Probability", "Run", "Sources", "Spec", "Verdict", "anticipate", "as_of",
    "audit_claims", "backtest", "build_panel", "calibrate", "check_prospect", "convert", "data_dir",
    "drift_walk", "events", "explain", "fit", "forecast", "foreseen", "get_model", "judge",
    "origins", "parse_date", "percentiles", "plots", "prob", "quantile_table", "quantiles",
    "read_claims", "read_reference_table", "read_references", "read_table", "read_vintages",
    "refit", "report_calendar", "reported_ratio", "run_all", "sensitivity", "statistics_of",
    "summary", "update_run",
]  # fmt: skip


def test_the_names_are_the_interface():
    assert sorted(fc.__all__) == NAMES
    for name in NAMES:
        assert getattr(fc, name) is not None
        assert name in dir(fc)


def test_names_are_functions_whatever_was_imported_before():
    code = (
        "import forecast.app.pipeline, forecast.inference.predict, forecast.models, forecast.claims\n"
        "import forecast as fc\n"
        "assert callable(fc.fit) and callable(fc.forecast) and callable(fc.judge)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["events", "plots"])
def test_a_public_module_is_there_whatever_was_imported_before(module):
    code = f"import forecast as fc; assert fc.{module}.__name__.endswith({module!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_loads_nothing():
    code = "import forecast, sys; assert not {'pymc', 'pandas', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def functions():
    found = [getattr(fc, n) for n in NAMES if inspect.isfunction(getattr(fc, n))]
    modules = (fc.plots, fc.events)
    for module in modules:
        found += [
            f for n, f in vars(module).items()
            if inspect.isfunction(f) and not n.startswith("_") and f.__module__ == module.__name__
        ]  # fmt: skip
    return found


def test_no_public_function_takes_anything():
    for function in functions():
        kinds = {p.kind for p in inspect.signature(function).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, function.__qualname__
        assert function.__doc__, function.__qualname__


def test_plots_take_an_axes_and_return_it():
    for name in ("fan", "path_fan", "threshold_probability", "prior_posterior",
                 "definition_strip", "sensitivity"):  # fmt: skip
        signature = inspect.signature(getattr(fc.plots, name))
        assert signature.parameters["ax"].default is None
        assert signature.return_annotation == "Axes"
