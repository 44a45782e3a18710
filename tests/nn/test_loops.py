"""Recurrent networks in loops of their own: cells are those of the chip in every step, reads are not."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances
from flax import nnx
from layer_cases import ExactTile

from aimcjax import devices, nn, periphery, tiles


READS = tiles.TileDesign(device=devices.IdealDevice(), adc=periphery.UniformAdc(bits=24, noise=1e-7), rows=16, cols=16)
CELLS = tiles.WeightLevelTile(rows=16, cols=16, noise=0.3, output_noise=0.0, dac=periphery.IdealDac(), adc=None)
XS = jnp.zeros((1, 100, 3))
CELL = eqx.nn.GRUCell(3, 4, key=jr.key(0))


class Recurrent(eqx.Module):
    """All states of a cell, in one of the loops that a user may write."""

    cell: Any
    kind: str = eqx.field(static=True)

    def __call__(self, xs):
        step = lambda h, x: (self.cell(x, h),) * 2
        if self.kind == "scan":
            return jax.lax.scan(step, jnp.zeros(4), xs)[1]
        if self.kind == "nested":
            either = lambda h, x: jax.lax.cond(x[0] < 1, step, lambda h, x: (h, h), h, x)
            inner = lambda h, xs: jax.lax.scan(jax.checkpoint(either), h, xs)
            return jax.lax.scan(inner, jnp.zeros(4), xs.reshape(20, 5, 3))[1].reshape(100, 4)
        h, states, step = jnp.zeros(4), [], jax.jit(step)  # Python, with one program for all steps
        for x in xs[:20]:
            states.append(step(h, x)[0])
            h = states[-1]
        return jnp.stack(states)


def _network(kind: str) -> Any:
    return nnx.RNN(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0))) if kind == "nnx" else Recurrent(CELL, kind)


def _states(kind: str, tile: Any, program: bool = True) -> np.ndarray:
    analog = nn.convert(_network(kind), [nn.Rule(".*", tile)])
    chip = nn.program(analog, key=jr.key(1)) if program else analog
    return np.asarray(eqx.filter_jit(lambda chip: nn.apply(chip, XS, key=jr.key(2)))(chip))[0]


@pytest.mark.parametrize("kind", ["nnx", "python", "nested"])
def test_every_read_of_a_cell_has_noise_of_its_own(kind: str) -> None:
    states = _states(kind, READS)
    assert np.all(np.std(states[-12:], axis=0) > 1e-3)  # with the same noise in every step they would come to rest
    assert len(np.unique(states[-12:], axis=0)) == 12


@pytest.mark.parametrize("program", [True, False], ids=["programmed", "a chip for each sample"])
def test_weights_of_a_chip_are_the_same_in_every_step(program: bool) -> None:
    states = _states("scan", CELLS, program)
    np.testing.assert_allclose(states[-12:], np.broadcast_to(states[-1:], (12, 4)), atol=tolerances.PRIMITIVE)
    silent = np.asarray(Recurrent(CELL, "scan")(XS[0]))
    assert np.max(np.abs(states[-1] - silent[-1])) > 1e-2


def test_without_noise_a_loop_and_its_gradient_are_the_digital_ones() -> None:
    analog = nn.convert(_network("scan"), [nn.Rule(".*", ExactTile())])
    xs = jr.normal(jr.key(3), (2, 9, 3)) / 4
    loss = lambda model: jnp.sum(jnp.sin(nn.apply(model, xs, key=jr.key(2))))
    both = eqx.filter_jit(lambda a, b: (eqx.filter_value_and_grad(loss)(a), eqx.filter_value_and_grad(loss)(b)))
    (found, gradient), (wanted, exact) = both(analog, _network("scan"))
    np.testing.assert_allclose(found, wanted, atol=tolerances.COMPOSITE)
    ours, theirs = gradient.cell.weight_hh.weight, exact.cell.weight_hh
    np.testing.assert_allclose(ours, theirs, atol=tolerances.COMPOSITE)
