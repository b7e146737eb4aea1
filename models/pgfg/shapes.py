# SPDX-License-Identifier: Apache-2.0
"""Every learned array of a generator by name, as torch names it, without torch."""

import itertools

from .config import Config

Shapes = dict[str, tuple[int, ...]]
CODE = 128


def shapes(config: Config) -> Shapes:
    return _faceanime(config) if config.family == "faceanime" else _mien(config)


def _mien(config: Config) -> Shapes:
    widths, planes = config.widths, config.planes + 4
    out: Shapes = {}
    for name, inner in (("image", 3 + planes), ("prior", planes)):
        _conv(out, f"{name}.stem", 4 * inner, widths[0], 3)
        for i, (a, b) in enumerate(itertools.pairwise(widths)):
            _conv(out, f"{name}.down.{i}", a, b, 3)
            _dense(out, f"{name}.blocks.{i}", b, config)
    out["gains.weight"], out["gains.bias"] = (widths[-1], widths[-1]), (widths[-1],)
    _dense(out, "decoder.deepest", widths[-1], config)
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        _conv(out, f"decoder.up.{i}", b, 4 * a, 1)
        _conv(out, f"decoder.join.{i}", 2 * a, a, 1)
        _dense(out, f"decoder.blocks.{i}", a, config)
    _conv(out, "decoder.last", widths[0], 18, 3)
    return out


def _dense(out: Shapes, name: str, width: int, config: Config) -> None:
    step = max(8, width // config.growth)
    for i in range(config.layers):
        _conv(out, f"{name}.layers.{i}", width + i * step, step, 3)
    _conv(out, f"{name}.fuse", width + config.layers * step, width, 1)


def _faceanime(config: Config) -> Shapes:
    widths = config.widths
    flat = widths[-1] * int(config.size // 2 ** (len(widths) - 1)) ** 2
    out: Shapes = {}
    for name, inner in (("image", 3), ("prior", config.planes)):
        _conv(out, f"{name}.first", inner, widths[0], 3)
        for i, (a, b) in enumerate(itertools.pairwise(widths)):
            _residual(out, f"{name}.blocks.{i}", a, b)
        out[f"{name}.code.weight"], out[f"{name}.code.bias"] = (CODE, flat), (CODE,)
    out["decoder.start.weight"], out["decoder.start.bias"] = (flat, CODE), (flat,)
    made = widths[-1]
    for i, (wide, narrow) in enumerate(zip(widths[:0:-1], widths[-2::-1], strict=True)):
        inner = 3 * wide + made
        _residual(out, f"decoder.blocks.{i}", inner, narrow)
        _norm(out, f"decoder.blocks.{i}.before", inner)
        _norm(out, f"decoder.blocks.{i}.between", narrow)
        made += narrow
    _norm(out, "decoder.norm", widths[0])
    _conv(out, "decoder.colour", 4 * widths[0], 3, 3)
    _conv(out, "decoder.mask", 4 * widths[0], 1, 3)
    return out


def _residual(out: Shapes, name: str, inner: int, outer: int) -> None:
    for part, width in (("first", inner), ("second", outer), ("skip", inner)):
        _conv(out, f"{name}.{part}", width, outer, 3)


def _conv(out: Shapes, name: str, inner: int, outer: int, kernel: int) -> None:
    out[f"{name}.weight"], out[f"{name}.bias"] = (outer, inner, kernel, kernel), (outer,)


def _norm(out: Shapes, name: str, width: int) -> None:
    for part in ("weight", "bias", "running_mean", "running_var"):
        out[f"{name}.{part}"] = (width,)
