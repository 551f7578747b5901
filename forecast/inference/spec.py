"""All that decides a fit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Spec:
    """All that decides a fit, in plain values: the same spec gives the same draws.

    Attributes
    ----------
    model
        Name of the model.
    variant
        Name of the prior set, ``default`` unless a sensitivity check asked for another.
    priors
        The prior numbers, by field name; of a group of series, a table of its own.
    seed, draws, tune, chains, target_accept
        Sampler settings; `draws` and `tune` count per chain.
    sampler
        The sampler by name, with its backend.
    as_of
        The day up to which reports were known.
    data_hash
        Hash of the panel's values, labels and units.
    code_hash
        Hash of the source files that decide the model's draws.
    versions
        Versions of the libraries that decide the numbers.
    adaptation
        How the sampler adapts its mass matrix.
    max_depth
        Doublings after which a trajectory is cut.
    """

    model: str
    variant: str
    priors: Mapping[str, object]
    seed: int
    draws: int
    tune: int
    chains: int
    target_accept: float
    sampler: str
    as_of: str
    data_hash: str
    code_hash: str
    versions: Mapping[str, str]
    adaptation: str = "diag"
    max_depth: int = 10

    def to_json(self) -> str:
        """Return the spec as one line of JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Return the spec that :meth:`to_json` wrote."""
        return cls(**json.loads(text))
