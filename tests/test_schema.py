"""The words are an interface: units, periods, records."""

import datetime as dt

import pytest

from forecast.core import errors
from forecast.core.errors import DataError
from forecast.core.periods import next_end, parse_date, period_end
from forecast.core.units import convert, unit_of
from forecast.inference.spec import Spec


@pytest.mark.parametrize(
    ("value", "unit", "to", "expected"),
    [
        (2565, "USD m", "USD bn", 2.565),
        (1, "USD tn", "USD bn", 1000),
        (0.03, "USD per 1K tokens", "USD per 1M tokens", 30),
        (93.5, "percent", "ratio", 0.935),
        (1.8, "tn parameters", "bn parameters", 1800),
        (50, "GWh", "MWh", 50_000),
    ],
)
def test_convert_scales_within_a_dimension(value, unit, to, expected):
    assert convert(value, unit, to) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("unit", "to"), [("USD m", "percent"), ("USD per 1K tokens", "USD")])
def test_convert_refuses_to_cross_dimensions(unit, to):
    with pytest.raises(DataError, match="measure different things"):
        convert(1.0, unit, to)


def test_unknown_unit_names_those_there_are():
    with pytest.raises(DataError, match=r"unknown unit 'USD millions'.*USD m"):
        unit_of("USD millions")


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2025", "2025-12-31"),
        ("2025Q1", "2025-03-31"),
        ("2024-02", "2024-02-29"),
        ("2026-05-06", "2026-05-06"),
    ],
)
def test_period_end(period, end):
    assert period_end(period).isoformat() == end


@pytest.mark.parametrize(
    "period", ["", "twenty", "2025Q5", "2025-13", "2025-02-30", "25", "FY2025"]
)
def test_bad_periods_say_what_was_wanted(period):
    with pytest.raises(DataError):
        period_end(period)


@pytest.mark.parametrize(
    ("period", "end"),
    [
        ("2027Q4", "2028-03-31"),
        ("2027-11", "2027-12-31"),
        ("2028-01", "2028-02-29"),
        ("2028", "2029-12-31"),
        ("2028-02-28", "2028-02-29"),
        ("2025-11-01/2026-01-31", "2026-04-30"),  # three months
        ("2025-09-28/2025-12-27", "2026-03-28"),  # thirteen weeks
        ("2025-01-31/2025-01-31", "2025-02-01"),
    ],
)
def test_the_end_of_the_next_period(period, end):
    assert next_end(period).isoformat() == end


@pytest.mark.parametrize(
    "day",
    ["2026-5-6", "06.05.2026", "2026-02-30", "", 20260506, None,
     dt.datetime.fromisoformat("2026-05-06T00:00"), dt.datetime(2026, 5, 6, tzinfo=dt.UTC)],
)  # fmt: skip
def test_bad_dates(day):
    with pytest.raises(DataError, match="wanted a day such as"):
        parse_date(day)


def test_spec_survives_json():
    spec = Spec(
        model="market", variant="default", priors={"a": 0.1}, seed=1, draws=2, tune=3, chains=4,
        target_accept=0.9, sampler="s", as_of="2026-05-06", data_hash="h", code_hash="c",
        versions={"pymc": "6"},
    )  # fmt: skip
    assert Spec.from_json(spec.to_json()) == spec


def test_every_error_is_also_a_builtin_one():
    kinds = errors.ForecastError.__subclasses__()
    assert {k.__name__ for k in kinds} == {
        "DataError", "ClaimError", "GateError", "StoreError", "UnknownNameError",
    }  # fmt: skip
    assert all(
        any(issubclass(k, b) for b in (ValueError, RuntimeError, OSError, LookupError))
        for k in kinds
    )
