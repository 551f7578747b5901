"""What data moved far from its prior is told, each by the scale of its own prior."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from forecast.evaluation.misfit import misfits


@dataclasses.dataclass(frozen=True)
class Priors:
    error: float = 0.3
    error_log_sd: float = 0.5
    floor: float = -2.3
    floor_sd: float = 0.7
    fixed: float = 1.0
    wide: float = 0.0
    wide_sd: float = 5.0


def posterior():
    values = {"error": np.array([[0.9, 1.0, 1.1]]), "floor": np.array([[-4.2, -4.0, -3.8]]),
              "fixed": np.array([[9.0, 9.0, 9.0]]), "wide": np.array([[9.0, 9.5, 9.9]])}  # fmt: skip
    draws = xr.Dataset({n: (("chain", "draw"), v) for n, v in values.items()})
    return draws.assign(many=(("chain", "draw", "house"), np.ones((1, 3, 2))))


def test_far_parameters_are_told_the_furthest_first():
    names = ("wide", "floor", "error", "fixed", "many", "nowhere")
    found = misfits(posterior(), Priors(), names)
    assert [one.name for one in found] == ["floor", "error"]
    floor, error = found
    assert (floor.prior, floor.posterior) == (-2.3, -4.0)
    assert floor.away == pytest.approx(-1.7 / 0.7)
    assert error.away == pytest.approx((np.log([0.9, 1.0, 1.1]).mean() - np.log(0.3)) / 0.5)
    assert misfits(posterior(), Priors(), names, far=2.42)[0].name == "floor"
    assert misfits(posterior(), Priors(), names, far=2.43) == ()
