"""Every key of every file of claims, scenarios and comparisons is checked when the file is read."""

import contextlib
import copy
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import make_draws
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.claims.comparisons import read_comparisons
from forecast.claims.events import FIELDS, KINDS, happens, keys_of
from forecast.claims.judge import judge
from forecast.claims.read import definition_keys, read_claims
from forecast.claims.records import Definition
from forecast.claims.scenarios import condition, read_scenarios
from forecast.core.errors import ClaimError, DataError
from forecast.core.fields import shown
from forecast.models import registry
from forecast.tables.shipped import read_reference_table

# --- files as values, and back ---------------------------------------------------------------------
WINDOW = ["2026-05-06", "2028-05-06"]
YEARLY = {"series": "A/x", "over": "B/x", "on": "y", "total": 1}
EVENTS = {
    "threshold": {**YEARLY, "op": ">", "value": 1.5, "at": "2026"},
    "first_passage": {**YEARLY, "series": ["A/x", "C/x"], "op": "<=", "value": 2},
    "growth": {**YEARLY, "op": ">", "value": 0, "lag": 1, "how": "any", "row": 2},
    "peak_to_trough": {**YEARLY, "fall": 10, "peak_from": "record"},
    "ordering": {
        **YEARLY,
        "op": ">",
        "than": "C/x",
        "at": "2027",
        "than_at": "2025",
        "margin": 0.5,
    },
    "rope": {**YEARLY, "low": -3, "high": 3.5},
}
CHECKS = {
    "sum": {
        "entity": "A",
        "metric": "x",
        "first": "2022",
        "last": "2025",
        "said": 3,
        "unit": "USD bn",
    },
    "ratio": {"entity": "A", "metric": "x", "top": "y", "bottom": "z"},
    "reference": {"entity": "A", "metric": "x"},
    "doubling": {"metric": "x", "said_months": 6},
    "score_gain": {"metric": "x", "from": "A", "to": "B", "said": -2.5},
    "unit": {},
    "homes": {"entity": "A"},
    "stale": {"entity": "A", "metric": "x"},
    "range": {"entity": "A", "low": "x", "high": "y"},
}
TEXTS = {"words": "paraphrase", "text": "t", "quote": "q"}


def claims_file():
    """Return a claims file in which every key stands somewhere."""
    readings = [
        {
            "id": kind,
            "model": "market",
            "why": "w",
            "window": WINDOW,
            "event": {"kind": kind, **event},
        }
        for kind, event in EVENTS.items()
    ]
    readings[0] |= {"group": "g", "label": "l", "phrase": "p", "thresholds": [1, 2.5]}
    readings[3] |= {"thresholds": [5, 100]}
    readings[3] |= {"polarity": "opposite", "excludes": ["threshold"]}
    readings[4] |= {"model": "earnings", "same_event": ["threshold"]}
    readings[0] |= {"unscorable": "u", "already": True}
    readings[1] |= {
        "resolution": {"series": "s", "publisher": "p", "rule": "r", "on": "2030-01-01"}
    }
    readings[2] |= {"given": dict(EVENTS["threshold"], kind="threshold"), "given_model": "market"}
    readings[2] |= {"given_window": list(readings[2]["window"])}
    facts = [
        {"id": rule, "model": "audit", "why": "w", "check": {"rule": rule, **more}}
        for rule, more in CHECKS.items()
    ]
    rate = {"events": 0, "exposure": 6.8, "horizon": 2, "unit": "years", "how": "h", "source": "s"}
    guess = {"id": "g", "model": "none", "why": "w", "window": WINDOW, "base_rate": rate}
    return {
        "source": "s",
        "source_date": "2026-05-06",
        "sums": {"ours": ["B", "C"]},
        "claim": [
            {
                "id": "a", "kind": "forecast", **TEXTS, "definition": readings,
                "pool": {"why": "w", "weights": {"rope": 1, "growth": 2.5}},
                "implied": {"low": 0, "high": 0.5, "how": "h"},
            },
            {"id": "f", "kind": "fact", **TEXTS, "source": "s", "definition": facts},
            {"id": "j", "kind": "judgement", **TEXTS, "source_date": "2026-05-07",
             "definition": [guess]},
        ],
    }  # fmt: skip


def scenarios_file():
    held = [{"event": {"kind": k, **e}, "window": WINDOW} for k, e in EVENTS.items()]
    one = {"text": "t", "why": "w", "model": "market", "source": "s"}
    fixed = {"shock_sd": 0.2, "growth_mean": 0}
    return {
        "sums": {"ours": ["B", "C"]},
        "scenario": [{"id": "a", **one, "condition": held}, {"id": "b", **one, "fixed": fixed}],
    }


TABLE = read_reference_table("public_forecasts")


def comparisons_file():
    row = TABLE.iloc[0]
    named = {key: str(row[key]) for key in ("forecaster", "date", "question")}
    event = {"kind": "rope", **EVENTS["rope"]}
    ours = {"model": "market", "event": event, "window": WINDOW, "ours": "o"}
    return {"comparison": [{**named, "differs": "d", **ours}]}


def toml(value):
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return hex(value) if isinstance(value, int) and value > 10**100 else repr(value)


def write(path, content):
    text = "".join(f"{json.dumps(k)} = {toml(v)}\n" for k, v in content.items())
    path.write_text(text, encoding="utf-8")
    return path


def comparisons(path):
    return read_comparisons(TABLE, path)


FILES = {
    "claims": (claims_file, read_claims),
    "scenarios": (scenarios_file, read_scenarios),
    "comparisons": (comparisons_file, comparisons),
}


def places(value, way=()):
    """Return the way to every value of a file, by keys and numbers."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in parts:
        yield (*way, key)
        if isinstance(one, dict | list):
            yield from places(one, (*way, key))


def put(content, way, value):
    changed = copy.deepcopy(content)
    *above, key = way
    at = changed
    for one in above:
        at = at[one]
    at[key] = value
    return changed


@pytest.mark.parametrize("kind", FILES)
def test_the_files_of_these_tests_are_good_and_hold_every_key(kind, tmp_path):
    content, read = FILES[kind]
    assert read(write(tmp_path / "f.toml", content()))
    keys = {way[-1] for way in places(content())}
    if kind == "claims":
        assert keys >= set(FIELDS) | set(definition_keys().all)
        assert set(EVENTS) == set(KINDS)
        for name in KINDS:
            assert {"kind", *EVENTS[name]} == set(keys_of(name).all)


# --- nothing of any type ends in a traceback --------------------------------------------------------
def values():
    plain = st.one_of(
        st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8"), max_size=6),
        st.dates(), st.times(), st.datetimes(timezones=st.none() | st.just(dt.UTC)),
        st.sampled_from(["A/x", "2027", "2027Q4", "market", "growth", "<", 0, -5, 1e308, 10**400]),
    )  # fmt: skip
    keys = st.sampled_from(["kind", "id", "rule", "series", "events"]) | st.text("ab/", max_size=2)
    return st.recursive(
        plain,
        lambda one: st.lists(one, max_size=3) | st.dictionaries(keys, one, max_size=3),
        max_leaves=4,
    )


DRAWS = make_draws(
    np.exp(np.random.default_rng(0).standard_normal((2, 20, 4, 5))),
    names=("A/x", "B/x", "C/x", "D/x"), periods=[str(y) for y in range(2024, 2029)],
)  # fmt: skip


def answers(found):
    """Ask what a file says of draws: a number or a sentence."""
    for one in found:
        with contextlib.suppress(ClaimError):
            if hasattr(one, "definitions"):
                judge([one], DRAWS)
            elif getattr(one, "conditions", ()):
                condition(one, DRAWS)
            elif getattr(one, "event", None) is not None:
                happens(DRAWS, one.event, one.window)


def read_or_refused(kind, way, value, path):
    """Return what was read, nothing if it was refused in a sentence that names the file."""
    content, read = FILES[kind]
    try:
        return read(write(path, put(content(), way, value)))
    except (ClaimError, DataError) as error:
        assert str(path) in str(error)
        assert len(str(error)) < 2000
        return ()


ODD = (5, float("nan"), "", [], {}, 16**5000)


@pytest.mark.parametrize("kind", FILES)
def test_an_odd_value_in_the_place_of_any_is_read_or_refused_in_words(kind, tmp_path):
    for way in places(FILES[kind][0]()):
        for value in ODD:
            read_or_refused(kind, way, value, tmp_path / "own.toml")


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=100)
@given(data=st.data())
def test_a_value_of_any_type_in_the_place_of_any_is_read_or_refused_in_words(
    kind, data, tmp_path_factory
):
    way = data.draw(st.sampled_from(list(places(FILES[kind][0]()))))
    path = tmp_path_factory.getbasetemp() / f"{kind}.toml"
    answers(read_or_refused(kind, way, data.draw(values()), path))


# --- what is refused, where, and in which words -----------------------------------------------------
BAD = {
    "value": ["1,3", "ten", True, float("nan"), float("inf"), [1], dt.date(2026, 5, 6), 10**400],
    "margin": ["1", float("-inf"), False],
    "low": ["-3", float("nan"), None],
    "high": [{}, float("inf"), -3, -3.0, -4],
    "fall": ["10%", -5, 0, 150, float("nan"), True],
    "op": ["=<", "==", "", 5, ["<"]],
    "at": [2027, 2027.0, "soon", "2027Q5", "27", dt.date(2027, 12, 31), "2025", "2029", ""],
    "than_at": [2027, "next year", "2029", "2028-05-07"],
    "lag": [2.5, 0, -1, "4", True, float("nan")],
    "row": [0, 1.5, "2", False],
    "total": [0, 1.0, "4", True, -4],
    "how": ["some", 1, ["any"], True],
    "on": ["observed", 5, True],
    "peak_from": ["start", 0, dt.date(2026, 5, 6)],
    "series": [
        [],
        "",
        "x",
        "A/",
        "/x",
        5,
        ["A/x", "A/x"],
        ["A/x", 1],
        {},
        [["A/x"]],
        "A/x\n",
        "A/ ",
    ],
    "over": [[], "B", 1.5, ["B/x", "B/x"], "A/x"],
    "than": [[], "C", {}, dt.date(2026, 5, 6)],
    "kind": ["omen", "", 5, True, ["rope"], {}],
}


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (kind, key, value)
        for kind, event in EVENTS.items()
        for key in ("kind", *event)
        for value in BAD[key]
        if value is not None and not (key == "over" and value == "A/x" and kind == "first_passage")
    ],
)
def test_what_an_event_may_not_hold(kind, key, value, tmp_path):
    content = claims_file()
    (reading,) = (r for r in content["claim"][0]["definition"] if r["id"] == kind)
    reading["event"][key] = value
    with pytest.raises(ClaimError) as refused:
        read_claims(write(tmp_path / "own.toml", content))
    where = f"own.toml, claim 'a', definition '{kind}', event: "
    assert where in str(refused.value)
    told = str(refused.value).split(where)[1]
    assert key in told
    assert "anted" in told or "always 1" in told


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(
    "day",
    [
        dt.datetime.fromisoformat("2026-05-06T12:00"),
        dt.datetime(2026, 5, 6, 12, 0, tzinfo=dt.UTC),
        dt.time(12, 0),
        "2026-05-06T12:00:00Z",
        "2026", "6 May 2026", 2026, True, "1026-05-06", "9999-12-31", "",
    ],
)  # fmt: skip
def test_a_window_is_two_days_without_a_time(day, number, tmp_path):
    content = claims_file()
    content["claim"][0]["definition"][1]["window"] = [day, day] if number else ["2026-05-06", day]
    with pytest.raises(
        ClaimError, match=r"'first_passage': got window .*, wanted two days such as"
    ):
        read_claims(write(tmp_path / "own.toml", content))


def test_a_day_may_be_written_as_toml_writes_one(tmp_path):
    content = claims_file()
    content["source_date"] = dt.date(2026, 5, 6)
    content["claim"][0]["definition"][1]["window"] = [dt.date(2026, 5, 6), dt.date(2027, 12, 31)]
    (one, *_) = read_claims(write(tmp_path / "own.toml", content))
    assert one.definitions[1].window == (dt.date(2026, 5, 6), dt.date(2027, 12, 31))
    assert one.source_date == dt.date(2026, 5, 6)


FORECAST, FACT, GUESS = ("claim", 0), ("claim", 1), ("claim", 2)
FIRST, FALL = (*FORECAST, "definition", 0), (*FORECAST, "definition", 3)
RATE, SUM = (*GUESS, "definition", 0, "base_rate"), (*FACT, "definition", 0, "check")
NOT_TEXT = [5, True, [], {}, dt.date(2026, 5, 6)]
NO_NAME = [*NOT_TEXT, "", " ", "a/b", " a", "a\nb"]
PLACES = [
    *((("claim",), v, "at the top of the file: got claim .*, wanted one table or more")
      for v in (5, "x", {}, [], [1], ["x"])),
    *((("source_date",), v, "at the top of the file: got source_date .*, wanted a day")
      for v in (5, "May", dt.datetime.fromisoformat("2026-05-06T00:00"), dt.time(1), "")),
    *((("source",), v, "got source .*, wanted text in quotes") for v in NOT_TEXT),
    *((("sums",), v, "got sums .*, wanted a table") for v in (5, [], "x")),
    *((("sums", "ours"), v, "sums, 'ours': got .*; wanted two or more names")
      for v in (5, ["B"], ["B", "B"], ["B", 5], {})),
    *((("sums", "ours"), v, "sums, 'ours': got .*; wanted names without a metric")
      for v in (["B", ""], ["B", "C/x"], ["B", " "])),
    *(((*FORECAST, "id"), v, "got id .*, wanted a name in quotes, without") for v in NO_NAME),
    *(((*FORECAST, k), v, f"claim 'a': got {k} .*, wanted one of")
      for k in ("kind", "words") for v in (*NOT_TEXT, "hope")),
    *(((*FORECAST, "text"), v, "claim 'a': got text .*, wanted text in quotes")
      for v in (*NOT_TEXT, "", " ")),
    *(((*FORECAST, "quote"), v, "claim 'a': got quote .*, wanted text in quotes") for v in NOT_TEXT),
    *(((*GUESS, "source_date"), v, "claim 'j': got source_date") for v in (5, "2026-02-30")),
    *(((*FORECAST, "definition"), v, "claim 'a': got definition .*, wanted one table or more")
      for v in (5, "x", {}, [], [1])),
    *(((*FORECAST, k), v, f"claim 'a': got {k} .*, wanted a table")
      for k in ("pool", "implied") for v in (5, "x", [], True)),
    *(((*FORECAST, "pool", "weights"), v, "'a', pool: got weights .*, wanted a table of id = weight")
      for v in (5, [1], {}, {"rope": 0}, {"rope": -1}, {"rope": "1"}, {"rope": float("nan")},
                {"rope": float("inf")}, {"rope": True}, {"rope": 10**400})),
    ((*FORECAST, "pool", "weights"), {"rope": 1e308, "growth": 1e308}, "sum of the weights is infin"),
    *(((*FORECAST, "pool", "why"), v, "'a', pool: got why") for v in (*NOT_TEXT, "")),
    *(((*FORECAST, "implied", k), v, f"'a', implied: got {k} .*, wanted a share")
      for k in ("low", "high") for v in (-0.1, 1.5, "5 %", True, float("nan"))),
    ((*FORECAST, "implied", "low"), 0.7, "implied: got 0.7 to 0.5; wanted shares, 0 <= low <= high"),
    *(((*FORECAST, "implied", "how"), v, "'a', implied: got how") for v in NOT_TEXT),
    *(((*FIRST, "id"), v, "claim 'a', definition .*: got id .*, wanted a name") for v in NO_NAME),
    *(((*FIRST, "model"), v, "'threshold': got model .*, wanted one of market, benchmark")
      for v in (*NOT_TEXT, "oracle")),
    *(((*FIRST, "why"), v, "'threshold': got why .*, wanted text") for v in (*NOT_TEXT, "")),
    *(((*FIRST, k), v, f"'threshold': got {k} .*, wanted text")
      for k in ("group", "label") for v in NOT_TEXT),
    *(((*FIRST, "phrase"), v, "'threshold': got phrase .*, wanted text") for v in (*NOT_TEXT, "")),
    *(((*FIRST, "event"), v, "'threshold': got event .*, wanted a table") for v in (5, "x", [], True)),
    ((*FIRST, "event"), {}, "'threshold', event: missing kind"),
    *(((*FIRST, "window"), v, "'threshold': got window .*, wanted two days")
      for v in (5, "x", [], [1, 2], ["2026-05-06"], WINDOW * 2, {})),
    *(((*FALL, "waits"), v, "'peak_to_trough': waits is no key any more, .*; drop it")
      for v in (True, False, "yes")),
    *(((*FALL, "thresholds"), v, "'peak_to_trough': got thresholds .*, wanted a list of numbers")
      for v in (5, "x", {}, ["5"], [True], [float("nan")], [[5]])),
    *(((*FALL, "thresholds"), v, "got thresholds .*, wanted what fall takes: percent, a number above 0")
      for v in ([0], [-5], [20, 150])),
    ((*FORECAST, "definition", 5, "thresholds"), [1], "'rope': thresholds need an event with a fall"),
    *(((*RATE, k), v, f"'g', base_rate: got {k} .*, wanted a number above 0")
      for k in ("exposure", "horizon") for v in (0, -1, "1", float("nan"), float("inf"), True, [])),
    *(((*RATE, "events"), v, "'g', base_rate: got events .*, wanted a number, 0 or more")
      for v in (-1, "none", float("nan"), True)),
    *(((*RATE, k), v, f"'g', base_rate: got {k} .*, wanted text")
      for k in ("unit", "how", "source") for v in (*NOT_TEXT, "")),
    (RATE, {}, "base_rate: missing events, exposure, horizon, how, source, unit"),
    (RATE, {"events": 1}, "base_rate: missing exposure, horizon, how, source, unit; it takes"),
    (RATE, 5, "'g': got base_rate 5, wanted a table"),
    ((*RATE, "colour"), 1, "'g', base_rate: unknown colour; it takes events"),
    *((SUM, v, "'sum': got check .*, wanted a table") for v in (5, "x", [])),
    (SUM, {}, "'sum', check: no audit rule is called None; there are sum, ratio"),
    *(((*SUM, "rule"), v, "'sum', check: no audit rule is called") for v in (*NOT_TEXT, "astrology")),
    *(((*SUM, k), v, f"'sum', check: got {k} ")
      for k, bad in {"entity": NOT_TEXT, "metric": NOT_TEXT, "first": [2022, "early"],
                     "last": [2025.5, True], "said": ["3", 0, float("nan")], "unit": ["EUR", 1]}.items()
      for v in bad),
    ((*FACT, "definition", 3, "check", "said_months"), 0, "check: got said_months 0, wanted a number"),
    ((*FACT, "definition", 4, "check", "said"), "2", "check: got said '2', wanted a finite number"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "value", "message"), PLACES)
def test_what_a_claims_file_may_not_hold(way, value, message, tmp_path):
    with pytest.raises(ClaimError, match=rf"own\.toml.*{message}"):
        read_claims(write(tmp_path / "own.toml", put(claims_file(), way, value)))


SCENARIO, CONDITION = ("scenario", 0), ("scenario", 0, "condition", 5)


@pytest.mark.parametrize(
    ("way", "value", "message"),
    [
        (("scenario",), 5, "at the top of the file: got scenario 5, wanted one table or more"),
        *(((*SCENARIO, "id"), v, "got id .*, wanted a name in quotes") for v in NO_NAME),
        ((*SCENARIO, "model"), 5, "scenario 'a': got model 5, wanted one of market"),
        *(((*SCENARIO, k), 5, f"scenario 'a': got {k} 5, wanted text")
          for k in ("text", "why", "source")),
        *(((*SCENARIO, "condition"), v, "'a': got condition .*, wanted one table or more")
          for v in (5, [], {}, ["x"])),
        (CONDITION, {}, "scenario 'a', condition 6: missing event, window"),
        ((*CONDITION, "event"), "x", "condition 6: got event 'x', wanted a table"),
        ((*CONDITION, "event", "low"), "-3", "condition 6, event: got low '-3', wanted a finite number"),
        ((*CONDITION, "window"), [1, 2], r"condition 6: got window \[1, 2\], wanted two days"),
        ((*SCENARIO, "fixed"), {"shock_sd": 1}, "'a': wanted either"),
        *((("scenario", 1, "fixed"), v, "'b': got fixed .*, wanted a table of name = number")
          for v in (5, {}, [1], {"shock_sd": "1"}, {"shock_sd": float("nan")}, {"shock_sd": True},
                    {"shock_sd": 10**400})),
        (("scenario", 1, "fixed"), {"weather": 1}, "'b': the market model has no parameter weather"),
    ],
)  # fmt: skip
def test_what_a_file_of_scenarios_may_not_hold(way, value, message, tmp_path):
    with pytest.raises(ClaimError, match=rf"own\.toml.*{message}"):
        read_scenarios(write(tmp_path / "own.toml", put(scenarios_file(), way, value)))


COMPARISON = ("comparison", 0)


@pytest.mark.parametrize(
    ("way", "value", "message"),
    [
        (("comparison",), [5], "at the top of the file: got comparison .*, wanted one table or more"),
        *(((*COMPARISON, k), v, f"comparison 1, .*: got {k} .*, wanted text")
          for k in ("forecaster", "date", "question", "differs") for v in NOT_TEXT),
        ((*COMPARISON, "ours"), 5, "got ours 5, wanted text"),
        ((*COMPARISON, "model"), "none", "got model 'none', wanted one of market"),
        ((*COMPARISON, "event"), 5, "got event 5, wanted a table"),
        ((*COMPARISON, "event", "high"), -9, "event: got low -3 and high -9, wanted low below high"),
        ((*COMPARISON, "window"), ["2028-05-06", "2026-05-06"], "ends on 2026-05-06, before it starts"),
    ],
)  # fmt: skip
def test_what_a_file_of_comparisons_may_not_hold(way, value, message, tmp_path):
    with pytest.raises(ClaimError, match=rf"own\.toml.*{message}"):
        comparisons(write(tmp_path / "own.toml", put(comparisons_file(), way, value)))


def without(content, way):
    *above, key = way
    at = content
    for one in above:
        at = at[one]
    del at[key]
    return content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: without(c, (*FIRST, "event")), "a definition for the market model needs an event"),
        (lambda c: without(c, (*FIRST, "window")), "'threshold': an event needs a window of two days"),
        (lambda c: put(c, (*FIRST, "model"), "none"), "got an event and model none; wanted a model"),
        (lambda c: put(c, (*FACT, "definition", 0, "model"), "none"),
         "got model none in a claim of the kind fact; wanted facts, and they alone, audited"),
        (lambda c: put(c, (*GUESS, "definition", 0, "model"), "audit"), "kind judgement; wanted facts"),
        (lambda c: without(c, SUM), "a definition for the audit, and no other, needs a check"),
        (lambda c: put(c, (*FIRST, "check"), {"rule": "unit"}), "for the audit, and no other, needs"),
        (lambda c: put(c, (*FIRST, "event", "series"), ["ours/x", "C/x"]),
         r"got series \['B/x', 'C/x', 'C/x'\], wanted .* each once"),
        (lambda c: put(c, (*FORECAST, "definition", 4, "event", "than"), "A/x"), "event"),
        (lambda c: without(without(c, ("source_date",)), (*GUESS, "source_date")),
         "claim 'a': missing source_date, here or at the top of the file"),
        (lambda c: put(c, (*FIRST, "event", "colour"), 1), "event: unknown colour; it takes at, kind"),
        (lambda c: put(c, (*FORECAST, "definition", 2, "event", "how"), "all"),
         "a growth event takes row with how = any"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(change, message, tmp_path):
    path = write(tmp_path / "own.toml", change(claims_file()))
    if message == "event":  # one path at two periods is a difference
        assert read_claims(path)
        return
    with pytest.raises(ClaimError, match=rf"own\.toml.*{message}"):
        read_claims(path)


def test_a_model_that_was_added_at_run_time_is_one_that_files_may_name(
    monkeypatch, tmp_path, added_rooms
):
    files = {
        "claims": put(claims_file(), (*FIRST, "model"), "toy"),
        "scenarios": put(scenarios_file(), (*SCENARIO, "model"), "toy"),
        "comparisons": put(comparisons_file(), (*COMPARISON, "model"), "toy"),
    }
    paths = {kind: write(tmp_path / f"{kind}.toml", content) for kind, content in files.items()}
    for kind, path in paths.items():
        with pytest.raises(ClaimError, match="got model 'toy', wanted one of market, benchmark"):
            FILES[kind][1](path)
    monkeypatch.syspath_prepend(Path(__file__).with_name("rooms"))
    registry.add("toy", "toy_room")
    assert FILES["claims"][1](paths["claims"])[0].definitions[0].model == "toy"
    assert FILES["scenarios"][1](paths["scenarios"])[0].model == "toy"
    assert FILES["comparisons"][1](paths["comparisons"])[0].model == "toy"


def test_one_path_against_itself_at_the_same_period_says_nothing(tmp_path):
    content = claims_file()
    event = content["claim"][0]["definition"][4]["event"]
    event |= {"than": "A/x", "than_at": "2027"}
    with pytest.raises(ClaimError, match="got one path as series and than: wanted another"):
        read_claims(write(tmp_path / "own.toml", content))


def test_a_claim_without_a_name_is_told_by_its_number(tmp_path):
    content = claims_file()
    content["claim"][2] = without(content["claim"][2], ("id",))
    with pytest.raises(ClaimError, match=r"own\.toml, claim number 3: missing id"):
        read_claims(write(tmp_path / "own.toml", content))


def test_all_that_is_wrong_with_a_table_is_one_sentence(tmp_path):
    content = claims_file()
    event = content["claim"][0]["definition"][0]["event"]
    del event["op"]
    event |= {"value": "1,3", "at": 2027, "colour": "red"}
    with pytest.raises(ClaimError, match=(
        r"event: missing op; unknown colour; it takes at, .*; got value '1,3', wanted a finite "
        "number; got at 2027, wanted a period in quotes"
    )):  # fmt: skip
        read_claims(write(tmp_path / "own.toml", content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claim = " + "[" * 5000, "not a TOML file"),
        ("a = " + "9" * 5000, "not a TOML file"),
        ("a = 2026-13-45", "not a TOML file"),
        ("\x00", "not a TOML file"),
    ],
)
def test_a_file_that_is_no_toml(text, message, tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(text)
    for _, read in FILES.values():
        with pytest.raises(ClaimError, match=rf"own\.toml: got something that is {message}"):
            read(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ClaimError, match="not a TOML file"):
        read_claims(path)
    with pytest.raises(DataError, match="is a folder; give the path of a file"):
        read_claims(tmp_path)


def test_names_that_could_move_a_cursor_are_shown_in_quotes(tmp_path):
    content = put(claims_file(), (*FORECAST, "pool", "weights"), {"\x1b[2J": 1})
    for changed in (content, {**claims_file(), "\x1b[2J": 1}):
        with pytest.raises(ClaimError, match=r'"\\u001b\[2J"'):
            read_claims(write(tmp_path / "own.toml", changed))


def test_values_are_shown_as_they_stand_in_a_file():
    assert [shown(v) for v in (True, dt.date(2026, 5, 6), {"a": 1}, {}, [1, "x"], 2.5)] == [
        "true", "2026-05-06", "a table of a", "an empty table", "[1, 'x']", "2.5",
    ]  # fmt: skip
    assert len(shown("x" * 1000)) < 130
    assert "more than 40 digits" in shown(16**5000)


def test_a_definition_has_the_keys_of_its_record():
    assert set(definition_keys().all) == set(Definition.__dataclass_fields__)
