"""The probability of an event given a number, by several estimators, on laws where it is known.

    python benchmarks/prospect_curves.py [--repeats 20]

Each law gives 4,000 draws of a number and of an event with a share of 1.25, 5, 20 or 50 %. Printed: how
much worse than the true probability an estimate is, the mean Kullback-Leibler divergence times the draws
(where the law is among an estimator's own, about half its free numbers), by law as the geometric mean
over the shares; and in brackets the largest error at any shown level, in points.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from forecast.news import prospects

LEVELS = prospects.PRINT_LEVELS
AT = norm.ppf(LEVELS)
DRAWS = 4000
Law = tuple[Callable, Callable]


# --- estimators: score and event of each draw to the curve at the levels ---------------------
def shipped(score: np.ndarray, hit: np.ndarray) -> np.ndarray:
    return prospects._told(prospects._ranks(score), hit).curve


def polynomial(penalties: tuple[float, ...], halved: bool = True) -> Callable:
    """Return a logit with Hermite terms; unhalved, each part of a step is cut at 2 instead."""

    def terms(z: np.ndarray) -> np.ndarray:
        all_terms = np.column_stack([np.ones_like(z), z, z**2 - 1, z**3 - 3 * z])
        return all_terms[:, : len(penalties) + 1]

    def fit(score: np.ndarray, hit: np.ndarray) -> np.ndarray:
        x, penalty = terms(score), np.diag([0.0, *penalties])
        beta = np.zeros(x.shape[1])
        beta[0] = logit(hit.mean())

        def height(b: np.ndarray) -> float:
            return hit @ (x @ b) - np.logaddexp(0, x @ b).sum() - b @ penalty @ b / 2

        for _ in range(30):
            p = expit(x @ beta)
            bend = (x.T * np.maximum(p * (1 - p), 1e-9)) @ x + penalty
            step = np.linalg.solve(bend, x.T @ (hit - p) - penalty @ beta)
            if not halved:
                step = np.clip(step, -2, 2)
            while halved and height(beta + step) < height(beta) and np.abs(step).max() > 1e-9:
                step = step / 2
            beta = beta + step
        return expit(np.clip(terms(AT) @ beta, -30, 30))

    return fit


def isotonic(score: np.ndarray, hit: np.ndarray) -> np.ndarray:
    order = np.argsort(score)
    both = [isotonic_regression(hit[order], increasing=up).x for up in (True, False)]
    best = min(both, key=lambda p: ((p - hit[order]) ** 2).sum())
    return np.interp(AT, score[order], best)


def kernel(
    score: np.ndarray, hit: np.ndarray, width: float = 0.4, held: float = 20.0
) -> np.ndarray:
    weight = np.exp(-0.5 * ((AT[:, None] - score) / width) ** 2)
    return (weight @ hit + held * hit.mean()) / (weight.sum(axis=1) + held)


ESTIMATORS: dict[str, Callable] = {
    "shipped": shipped,
    "three terms, cut steps (0.1)": polynomial((0.5, 2.0, 4.0), halved=False),
    "three terms": polynomial((0.5, 2.0, 4.0)),
    "two parameters": polynomial((0.5,)),
    "isotonic": isotonic,
    "kernel": kernel,
}


# --- laws: the probability given a score, and draws ------------------------------------------
def normal(share: float, rho: float) -> Law:
    cut, rest = norm.ppf(share), np.sqrt(1 - rho**2)

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        z = rng.standard_normal(DRAWS)
        return z, rho * z + rest * rng.standard_normal(DRAWS) < cut

    return (lambda z: norm.cdf((cut - rho * z) / rest)), draw


def arms(share: float) -> Law:
    """Return a law in which high numbers and low ones bring the event."""
    z = norm.ppf((np.arange(20000) + 0.5) / 20000)
    low, high = -10.0, 10.0
    for _ in range(60):
        cut = (low + high) / 2
        low, high = (cut, high) if norm.cdf(np.abs(z) - cut).mean() > share else (low, cut)
    return known(lambda z: norm.cdf(np.abs(z) - cut))


def fall(share: float) -> Law:
    """Return a law of a walk: the number is its first step, the event a fall from its top."""

    def walk(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        path = np.cumsum(rng.normal(0.05, 0.1, (n, 8)), axis=1)
        path = np.column_stack([np.zeros(n), path])
        return path[:, 1], (np.maximum.accumulate(path, axis=1) - path).max(axis=1)

    first, worst = walk(np.random.default_rng(99), 2_000_000)
    hit, score = worst > np.quantile(worst, 1 - share), (first - 0.05) / 0.1
    place = np.clip(((score + 3.2) * 20).astype(int), 0, 127)
    count = np.bincount(place, minlength=128)
    chance = np.bincount(place, hit, 128) / count
    middle = np.bincount(place, score, 128) / count
    return known(lambda z: np.interp(z, middle, chance))


def known(truth: Callable) -> Law:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        z = rng.standard_normal(DRAWS)
        return z, rng.random(DRAWS) < truth(z)

    return truth, draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    laws: dict[str, Callable[[float], Law]] = {
        **{f"normal, correlation {r:g}": partial(normal, rho=r) for r in (0, 0.3, 0.8, 0.99)},
        "two arms": arms,
        "fall": fall,
    }
    print("| law | " + " | ".join(ESTIMATORS) + " |")
    print("|---|" + "---:|" * len(ESTIMATORS))
    every = []
    for name, law in laws.items():
        found = np.array([losses(*law(share), repeats) for share in (0.0125, 0.05, 0.2, 0.5)])
        every.append(np.log(found[..., 0]).mean(axis=0))
        cells = zip(np.exp(every[-1]), 100 * found[..., 1].max(axis=0), strict=True)
        print(
            f"| {name} | " + " | ".join(f"{a:.1f} ({b:.0f})" for a, b in cells) + " |", flush=True
        )
    print("| all | " + " | ".join(f"{a:.1f}" for a in np.exp(np.mean(every, axis=0))) + " |")


def losses(truth: Callable, draw: Callable, repeats: int) -> list[tuple[float, float]]:
    """Return the mean loss and the largest error of each estimator."""
    grid = (np.arange(20000) + 0.5) / 20000
    true = truth(norm.ppf(grid))
    drawn = [draw(np.random.default_rng([seed, 7])) for seed in range(repeats)]
    found = []
    for estimate in ESTIMATORS.values():
        lost, off = [], 0.0
        for value, hit in drawn:
            score = norm.ppf((rankdata(value) - 0.5) / DRAWS)
            curve = np.clip(estimate(score, hit.astype(float)), 1e-9, 1 - 1e-9)
            given = np.interp(grid, LEVELS, curve)
            told = true * np.log(np.maximum(true, 1e-12) / given)
            other = (1 - true) * np.log(np.maximum(1 - true, 1e-12) / (1 - given))
            lost.append(DRAWS * (told + other).mean())
            off = max(off, float(np.abs(curve - truth(AT)).max()))
        found.append((float(np.mean(lost)), off))
    return found


if __name__ == "__main__":
    main()
