"""The closed form of the latency against the schedule of the same operations, and its gradient.

What it leaves out is the order in which operations wait at a busy resource: a few operations at every barrier, a part
of the latency that does not grow with depth, vectors or sequences. 10 % bounds it for small models, where few vectors
pass between two barriers; `smooth` adds n^(1/64) - 1, 5 % for some ten resources that are equally busy.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from aimcjax import chips, devices, models, nn, periphery, tiles
from aimcjax.chips import Chip
from aimcjax.models import Mlp


EXACT, SMOOTH = 0.10, 0.15
TILE = tiles.TileDesign(
    rows=16, cols=16, dac=periphery.UniformDac(bits=7), adc=periphery.UniformAdc(bits=6), device=devices.IdealDevice()
)
SIZES: dict[str, Any] = {"vocab_size": 32, "n_positions": 64, "dim": 16, "n_heads": 2}


def _analog(make: Any, tile: Any = TILE) -> Any:
    return nn.convert(eqx.filter_eval_shape(make, jr.key(0)), [nn.Rule(".*", tile)])


def _gpt(n_layers: int) -> Any:
    return _analog(lambda key: models.Gpt2(models.Gpt2Config(n_layers=n_layers, **SIZES), key=key))


def _llama(n_layers: int, **sizes: Any) -> Any:
    config = models.LlamaConfig(**{**SIZES, "n_layers": n_layers, "n_kv_heads": 2, "hidden": 32, **sizes})
    tile = TILE if not sizes else tiles.WeightLevelTile(rows=256, cols=256)
    return _analog(lambda key: models.Llama(config, key=key), tile)


def _moe() -> Any:
    config = models.MixtralConfig(**SIZES, n_layers=2, n_kv_heads=2, hidden=16, n_experts=4, top_k=2)
    return _analog(lambda key: models.Mixtral(config, key=key))


def _albert() -> Any:
    config = models.AlbertConfig(**SIZES, embedding_dim=4, n_layers=3, hidden=32, masked_lm=False)
    return _analog(lambda key: models.Albert(config, key=key))


def _resnet() -> Any:
    return _analog(lambda key: models.ResNet(1, 10, widths=(4, 8), n_blocks=1, groups=2, key=key))


def _mlp() -> Any:
    return _analog(lambda key: Mlp(64, 10, (32, 32), key=key))


def _tokens(n: int) -> Any:
    return jax.ShapeDtypeStruct((n,), jnp.int32)


def _slow(digital: float = 1.0, attention: float = 1.0) -> Chip:
    rates = {"ops_per_s": jnp.asarray(1e12 / digital), "attention_ops_per_s": jnp.asarray(1e12 / attention)}
    return Chip(digital=chips.DigitalUnits(**rates))


class Case(NamedTuple):
    """A model on a chip."""

    model: Any
    chip: Chip
    sample: Any
    replicas: dict[str, int] = {}


IMAGE = jax.ShapeDtypeStruct((1, 8, 8), jnp.float32)
CASES = {
    "tiers": lambda: Case(_moe(), Chip(grid=(3, 3), tiers=12), _tokens(9)),
    "digital": lambda: Case(_gpt(2), _slow(digital=100), _tokens(12), {".*/up": 2}),
    "convolutions": lambda: Case(_resnet(), Chip(), IMAGE),
}
MORE = {
    "one vector": lambda: Case(_gpt(2), Chip(), _tokens(1)),
    "images": lambda: Case(_mlp(), Chip(), jnp.zeros(64), {"layers/0": 2}),
    "few tiles": lambda: Case(_gpt(2), Chip(grid=(1, 2), tiers=24), _tokens(12)),
    "bus": lambda: Case(_gpt(2), Chip(links=chips.Bus()), _tokens(12)),
    "attention": lambda: Case(_gpt(2), _slow(attention=1000), _tokens(12)),
    "shared layers": lambda: Case(_albert(), Chip(), _tokens(12)),
    "hermes": lambda: Case(_llama(2, dim=64), chips.load("hermes_2023"), _tokens(16)),
    "aimc3d": lambda: Case(_llama(2, dim=64), chips.load("aimc3d_2025"), _tokens(16)),
    "memory": lambda: Case(_gpt(2), Chip(dram=chips.Dram(bits_per_s=jnp.asarray(1e9))), _tokens(5)),
}


def _close(placement: chips.Placement, *, batch: int = 1, seq_len: int | None = None) -> None:
    cost = chips.cost(placement, batch=batch, seq_len=seq_len)
    assert cost.n_events > 0
    assert abs(float(cost.closed_latency_s / cost.latency_s) - 1.0) < EXACT
    assert abs(float(cost.gap["latency_s"])) < SMOOTH


@pytest.mark.parametrize("name", [*CASES, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)])
def test_is_near_the_schedule(name: str) -> None:
    """One sample and several, on machines where something else is busiest in each."""
    case = {**CASES, **MORE}[name]()
    placement = chips.place(case.model, case.chip, sample=case.sample, replicas=case.replicas)
    for batch in (1, 6):
        _close(placement, batch=batch)


def test_the_gap_does_not_grow_with_the_sequence_or_the_batch() -> None:
    placement = chips.place(_llama(2), Chip(), sample=_tokens(8))
    for batch, seq_len in ((1, 1), (1, 3), (1, 64), (4, 24), (20, 8)):
        _close(placement, batch=batch, seq_len=seq_len)


@pytest.mark.slow
def test_the_gap_does_not_grow_with_depth() -> None:
    for n_layers in (4, 12, 24):
        placement = chips.place(_llama(n_layers), Chip(), sample=_tokens(16))
        for seq_len in (4, 48):
            _close(placement, seq_len=seq_len)


def test_gradient_through_barriers_and_branches_is_finite_differences() -> None:
    """Rates of everything that can be busiest, and bits of the inputs of single layers, which tie at first."""
    with jax.enable_x64(True):
        placement = chips.place(_moe(), Chip(links=chips.Bus(n_channels=2), tiers=4), sample=_tokens(6))
        group = placement.counts.groups[0]
        bits = jnp.asarray(group.dac.bits, float)

        @jax.jit
        def total(z: jax.Array) -> jax.Array:
            chip = placement.chip
            chip = eqx.tree_at(
                lambda c: (c.core.t_read, c.links.bits_per_s, c.digital.ops_per_s, c.digital.attention_ops_per_s,
                           c.dram.bits_per_s),
                chip, (z[0] * 1e-7, z[1] * 2e9, z[2] * 2e10, z[3] * 4e9, z[4] * 1e10),
            )  # fmt: skip
            dac = dataclasses.replace(group.dac, bits=bits.at[0].mul(z[5]).at[2].mul(z[6]))
            counts = dataclasses.replace(placement.counts, groups=(dataclasses.replace(group, dac=dac),))
            return chips.price(counts, chip, batch=2.0, smooth=True).latency_s / 1e-6

        z, h = jnp.ones(7), 1e-4
        slopes = jax.jit(jax.grad(total))(z)
        assert np.all(np.asarray(slopes[jnp.asarray([0, 5, 6])]) > 0)
        assert np.all(np.asarray(slopes[1:4]) < 0)
        for index in range(7):
            step = h * jnp.eye(7)[index]
            wide, near = (total(z + k * step) - total(z - k * step) for k in (2, 1))  # fourth order
            np.testing.assert_allclose(slopes[index], (8 * near - wide) / (12 * h), rtol=1e-6, atol=1e-8)
