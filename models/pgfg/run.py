# SPDX-License-Identifier: Apache-2.0
"""A training of a generator and all that goes on with it."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import BadInput
from ...core.files import atomic_write
from .augment import varied
from .criterion import Teachers, judged, measured, steadiness_loss, with_moved
from .feeding import Batch, Direct, Feeder, Pairs
from .files import save_generator
from .generators import Whole, critic_of, units
from .identity import Recogniser
from .losses import critic_loss, gradient_penalty
from .plan import SEED, Plan
from .sheets import means

HELD_OUT = 24
STEEPEST = 1.0
"""Norm to which gradients are cut: without normalisation in the network, single batches would throw it far"""


class Run:
    """Generator, critic, their optimisers, the averaged weights, and the log."""

    def __init__(self, fabric: Any, plan: Plan, feeder: Feeder, held_out: Pairs,
                 recogniser: Recogniser | None = None) -> None:
        self.fabric, self.plan, self.feeder, self.step = fabric, plan, feeder, 0
        torch.manual_seed(SEED)
        whole, critic = Whole(plan.config), critic_of(plan.config)
        # Convolutions are faster in this order on every processor, most of all in half precision.
        whole, critic = whole.to(memory_format=torch.channels_last), critic.to(memory_format=torch.channels_last)
        self.plain, self.plain_critic = whole, critic
        optimizers = (torch.optim.Adam(whole.parameters(), plan.rate, plan.betas),
                      torch.optim.Adam(critic.parameters(), plan.critic_rate, plan.betas))
        self.net, self.optimizer = fabric.setup(whole, optimizers[0])
        self.critic, self.critic_optimizer = fabric.setup(critic, optimizers[1])
        self.average = {k: v.detach().clone() for k, v in self.plain.state_dict().items()}
        self.averaged = Whole(plan.config).to(fabric.device).eval().requires_grad_(False)
        self.teachers = Teachers.of(plan.weights, recogniser, fabric.device)
        torch.manual_seed(SEED + fabric.global_rank)
        self.random = np.random.default_rng([SEED, fabric.global_rank])
        self.held_out = Direct(held_out, fabric.device).batch(np.random.default_rng(SEED), HELD_OUT)
        self.log: list[dict[str, float]] = []
        self.recent: list[dict[str, Tensor]] = []
        self.waited, self.since = 0.0, time.perf_counter()

    @property
    def adversarial(self) -> bool:
        begins = self.plan.adversarial_from * self.plan.steps
        return self.plan.weights.adversarial > 0 and self.step >= begins

    def advance(self) -> None:
        """One step of the generator, and one of the critic once it is asked."""
        plan, started = self.plan, time.perf_counter()
        raw = self.feeder.batch(self.random, plan.batch)
        self.waited += time.perf_counter() - started
        batch = units(varied(raw) if plan.vary else raw)
        steady = plan.weights.steadiness > 0 and plan.config.base == "warped"
        asked, by = with_moved(batch, torch.rand(2)) if steady else (batch, (0, 0))
        self.net.train()
        painted = self.net(asked)
        made, again = painted[0].split([plan.batch, len(painted[0]) - plan.batch])
        found = self._teach_critic(batch, made) if self.adversarial else {}
        said = self._said(batch, made) if self.adversarial else None
        parts = judged((made, *(p[:plan.batch] for p in painted[1:])), batch, plan.weights, said, self.teachers)
        if steady:
            parts["steadiness"] = steadiness_loss(made, again, by)
            parts["loss"] = parts["loss"] + plan.weights.steadiness * parts["steadiness"]
        self._update(self.net, self.optimizer, parts["loss"], plan.rate)
        self.step += 1
        self._follow()
        self.recent.append({name: value.detach() for name, value in {**parts, **found}.items()})

    def _teach_critic(self, batch: Batch, made: Tensor) -> dict[str, Tensor]:
        self.plain_critic.requires_grad_(True)
        prior = batch["prior_target"][:, :self.plan.config.planes]
        loss = critic_loss(self.critic, prior, batch["target"], made.detach(), self.plan.weights)
        if self.plan.weights.penalty:
            # The wrapped critic allows no gradients but those of a loss; in full precision, as they are squared.
            slope = gradient_penalty(self.plain_critic, prior, batch["target"], made.detach().float())
            loss = loss + self.plan.weights.penalty * slope
        self._update(self.critic, self.critic_optimizer, loss, self.plan.critic_rate)
        self.plain_critic.requires_grad_(False)
        return {"critic": loss}

    def _said(self, batch: Batch, made: Tensor) -> tuple[Any, Any]:
        prior = batch["prior_target"][:, :self.plan.config.planes]
        with torch.no_grad():
            real = self.critic(prior, batch["target"])
        return self.critic(prior, made), real

    def _update(self, net: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = self.plan.rate_at(self.step, rate)
        optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        if not self.plan.weights.penalty:
            for parameter in net.parameters():
                if parameter.grad is not None:
                    torch.nan_to_num_(parameter.grad, 0.0, 0.0, 0.0)
            self.fabric.clip_gradients(net, optimizer, max_norm=STEEPEST, error_if_nonfinite=False)
        optimizer.step()

    @torch.no_grad()
    def _follow(self) -> None:
        """The averaged weights come after; whole numbers (counts of batches) are taken over."""
        keep = min(self.plan.average, self.step / (self.step + 9))
        here = self.plain.state_dict()
        real = [k for k, v in here.items() if v.is_floating_point()]
        torch._foreach_lerp_([self.average[k] for k in real], [here[k] for k in real], 1 - keep)

    def check(self) -> None:
        """Means of the losses since the last check, speed, and measures on what is held out; ends a row of the log."""
        now, steps = time.perf_counter(), max(len(self.recent), 1)
        row = {"step": float(self.step), "pairs a second": steps * self.plan.batch / (now - self.since),
               "waiting": self.waited / (now - self.since)}
        row |= {f"train {k}": v for k, v in means(self.recent).items()}
        self.averaged.load_state_dict(self.average)
        found = [measured(self.averaged, units({k: v[i:i + 8] for k, v in self.held_out.items()}), self.teachers)
                 for i in range(0, HELD_OUT, 8)]
        row |= {f"held out {k}": v for k, v in means(found).items()}
        self.log.append(row)
        self.recent.clear()
        self.waited, self.since = 0.0, time.perf_counter()

    def save(self, path: Path) -> None:
        bits: Any = self.random.bit_generator.state
        state = {"config": self.plan.config.text(), "net": self.plain.state_dict(), "average": self.average,
                 "critic": self.plain_critic.state_dict(), "optimizer": self.optimizer.state_dict(),
                 "critic_optimizer": self.critic_optimizer.state_dict(), "step": self.step, "log": self.log,
                 "torch": torch.get_rng_state(), "random": {k: str(v) for k, v in bits["state"].items()}}
        with atomic_write(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            BadInput: it is damaged, or of another configuration.
        """
        try:
            state = torch.load(path, weights_only=True, map_location=self.fabric.device)
        except Exception as error:
            raise BadInput(f"The checkpoint {path} is damaged; remove it to begin anew.") from error
        if state.get("config") != self.plan.config.text():
            raise BadInput(f"The checkpoint {path} belongs to another configuration; remove it or name another output.")
        self.plain.load_state_dict(state["net"])
        self.plain_critic.load_state_dict(state["critic"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.critic_optimizer.load_state_dict(state["critic_optimizer"])
        self.average, self.step, self.log = state["average"], state["step"], state["log"]
        torch.set_rng_state(state["torch"].cpu())
        self.random.bit_generator.state = {
            "bit_generator": "PCG64", "state": {k: int(v) for k, v in state["random"].items()},
            "has_uint32": 0, "uinteger": 0}

    def begin_from(self, arrays: dict[str, np.ndarray]) -> None:
        """Take over the weights of a generator of this configuration."""
        for state in (self.plain.state_dict(), self.average):
            for name, value in arrays.items():
                state[f"net.{name}"].copy_(torch.from_numpy(value))

    def write(self, path: Path) -> None:
        """The averaged weights."""
        arrays = {k.removeprefix("net."): v.detach().float().cpu().numpy() for k, v in self.average.items()}
        notes = {"steps": str(self.step), **({"trust": self.plan.trust} if self.plan.trust else {})}
        save_generator(path, self.plan.config, arrays, notes)
