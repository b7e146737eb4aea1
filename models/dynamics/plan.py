# SPDX-License-Identifier: Apache-2.0
"""How the dynamics network is trained."""

from dataclasses import dataclass, field, replace

from .losses import Weights


@dataclass(frozen=True)
class Plan:
    """How a network is trained."""

    steps: int = 1000
    batch: int = 40
    hidden: int = 96
    mixtures: int = 4
    rate: float = 2e-3
    decay: float = 3e-2
    dropout: float = 0.25
    average: float = 0.995
    check_every: int = 100
    weights: Weights = field(default_factory=Weights)
    everyone: bool = False
    """Learn from all persons, those kept for choosing and for testing too"""


def plan_of(steps: int | None = None, *, everyone: bool = False, deterministic: bool = False) -> Plan:
    """The plan of the shipped weights, or of the plain LSTM that they are compared with."""
    plan = Plan(everyone=everyone) if steps is None else Plan(everyone=everyone, steps=steps)
    if deterministic:
        plan = replace(plan, mixtures=1, weights=Weights(density=0.0, energy=0.0, coefficients=1.0, vertices=0.0))
    return plan
