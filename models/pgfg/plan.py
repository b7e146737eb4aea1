# SPDX-License-Identifier: Apache-2.0
"""How a generator is trained."""

from dataclasses import dataclass, field, fields, replace

from ...core.errors import BadInput
from .config import Config, config_named
from .losses import FACEANIME, MIEN, Weights
from .pasting import Trust

SEED = 5


@dataclass(frozen=True)
class Plan:
    config: Config
    steps: int = 60_000
    batch: int = 32
    rate: float = 4e-4
    critic_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.99)
    adversarial_from: float = 0.3
    """Share of the steps after which the critic comes in"""
    average: float = 0.999
    check_every: int = 500
    weights: Weights = field(default_factory=Weights)
    vary: bool = True
    trust: str | None = None
    """Written into the weights, see `pasting.Trust`"""

    def rate_at(self, step: int, highest: float) -> float:
        """Warms up, stays, and falls over the second half to a twentieth."""
        share = step / self.steps
        return highest * min(1.0, (step + 1) / 100) * (1 if share < 0.5 else max(0.05, 1 - (share - 0.5) * 1.9))


def plan_for(name: str, *, steps: int | None = None, batch: int | None = None, base: str | None = None,
             plain_prior: bool = False, weights: dict[str, float] | None = None, check: int | None = None,
             trust: str | None = None) -> Plan:
    """The plan of a named configuration, changed where it is asked for.

    Args:
        base: "source" or "warped" in place of the configuration's.
        plain_prior: drive with E(p_t) alone.
        weights: losses by name, see `losses.Weights`; 0 leaves one out.
        check: steps between measures on persons kept apart.
        trust: how far its detail is shown, `mouth,face,broad,beside`.

    Raises:
        BadInput: there is no such configuration, loss, base or trust.
    """
    Trust.read(trust)
    config = config_named(name)
    if base is not None and base != config.base:
        config = replace(config, name=f"{config.name}-{base}", base=base)  # type: ignore[arg-type]
    if plain_prior:
        config = replace(config, name=f"{config.name}-plain", residual=False)
    if not config.sensible():
        raise BadInput(f"The base is source or warped, not {base!r}.")
    plan = Plan(config, weights=MIEN)
    if config.family == "faceanime":
        plan = replace(plan, weights=FACEANIME, rate=1e-4, critic_rate=1e-4, betas=(0.0, 0.9), adversarial_from=0.0)
    unknown = set(weights or {}) - {f.name for f in fields(Weights)}
    if unknown:
        raise BadInput(f"There is no loss {sorted(unknown)[0]!r}; there are "
                       f"{', '.join(f.name for f in fields(Weights))}.")
    plan = replace(plan, weights=replace(plan.weights, **(weights or {})))
    return replace(plan, steps=steps or plan.steps, batch=batch or plan.batch, check_every=check or plan.check_every,
                   trust=trust)
