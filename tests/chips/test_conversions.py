"""Reads and conversions of sliced encodings, unit columns, bit-serial inputs and shared converters, by hand."""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, periphery as p, tiles
from aimcjax.models import Mlp


N_IN, N_OUT, POWER = 7, 5, 0.25
MODEL = Mlp(N_IN, N_OUT, (), key=jr.key(0))
TILE = tiles.TileDesign(
    rows=4, cols=3, dac=p.UniformDac(bits=6.0), adc=p.UniformAdc(bits=5.0), device=devices.IdealDevice()
)  # two by two tiles
GRID_ROWS, GRID_COLS, N_TILES = 2, 2, 4
CORE = chips.Core()
C = {
    "t_read": float(CORE.t_read),
    "cols_per_adc": float(CORE.cols_per_adc),
    "adc": float(CORE.adc.merit),
    "dac": float(CORE.dac.energy_per_step),
    "rate": float(CORE.adc.rate),
    "op": float(chips.DigitalUnits().energy_per_op),
    "bit": float(chips.Bus().energy_per_bit),
}


class Found(NamedTuple):
    """What one vector costs."""

    components_J: dict[str, Any]
    bill: chips.Bill
    n_cells: int


def _found(parts: dict[str, Any], **core: Any) -> tuple[Found, float]:
    """The cost of one vector, and the sum of conductances that are driven."""
    analog = nn.convert(MODEL, [nn.Rule(".*", dataclasses.replace(TILE, **parts))])
    chips.check_cost(analog)
    chip: Any = eqx.filter_jit(nn.program)(analog, key=jr.key(2))
    ((name, layer),) = nn.analog_layers(chip).items()
    g = np.asarray(layer.matrix.at(0.0).tiles.g, np.float64)
    g[1, :, :, 3:] = 0.0  # the last row of the second row of tiles has no input
    machine = chips.Chip(core=dataclasses.replace(CORE, **core), links=chips.Bus())
    placement = chips.place(chip, machine, sample=jnp.zeros(N_IN), input_power={name: POWER})
    bill = chips.price(placement.counts, placement.chip)  # not compiled: the steps are the same in every case
    parts = dict(zip(chips.COMPONENTS, bill.parts.sum(axis=1), strict=True))
    return Found(parts, bill, placement.counts.n_cells), g.sum()


SERIAL = p.BitSerialDac(bits=6, slice_bits=2)  # three slices
SLICED = tiles.BitSliced(bits=7, slices=3)
ANALOG = dataclasses.replace(SERIAL, adc_per_slice=False)
# Reads of the array; conversions a column; those one converter does in turn for a column; unit columns; cells; drivers
CASES = {
    "plain": ({}, 1, 1, 0, 2, 6),
    "unit column": ({"encoding": tiles.OffsetUnitColumn()}, 1, 1, 1, 1, 6),
    "slices of weights": ({"encoding": SLICED}, 1, 3, 0, 6, 6),
    "slices on the line": ({"encoding": dataclasses.replace(SLICED, on_line=True)}, 1, 1, 0, 6, 6),
    "slices of inputs": ({"dac": SERIAL}, 3, 3, 0, 2, 2),
    "both": ({"dac": SERIAL, "encoding": tiles.Replicated(SLICED)}, 3, 9, 0, 12, 2),
    "analog shift": ({"dac": ANALOG}, 3, 1, 0, 2, 2),
}


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_every_conversion_counts_once(name: str, shared: bool) -> None:
    parts, reads, per_line, unit_columns, cells, driver_bits = CASES[name]
    if shared:
        if name not in ("unit column", "both"):
            return
        parts = {**parts, "adc": p.SharedAdc(p.AsymmetricAdc(TILE.adc), cols_per_adc=2)}
    cost, g = _found(parts)
    codes = GRID_ROWS * (N_OUT + GRID_COLS * unit_columns) * per_line
    inputs = GRID_COLS * N_IN
    energy = {name: float(value) for name, value in cost.components_J.items()}
    assert energy["adc"] == pytest.approx(codes * C["adc"] * 2**5, rel=1e-5, abs=0.0)
    assert energy["dac"] == pytest.approx(inputs * reads * C["dac"] * 2**driver_bits, rel=1e-5, abs=0.0)
    assert energy["interconnect"] == pytest.approx((inputs * 6 + codes * 5) * C["bit"], rel=1e-5, abs=0.0)
    assert energy["digital"] == pytest.approx((2 * codes + N_OUT) * C["op"], rel=1e-5, abs=0.0)  # biases
    # Digits 0 ... 3 of bit-serial inputs, all as likely: their mean square is 14/36 of full range, in every read
    v2 = 0.2**2 * (POWER if reads == 1 else reads * 14 / 36)
    assert energy["core"] == pytest.approx(v2 * g * C["t_read"], rel=tolerances.COMPOSITE, abs=0.0)
    lines = TILE.cols + unit_columns
    n_adcs = -(-lines // 2) if shared else 1  # one converter for up to eight columns
    turns = per_line * lines / n_adcs
    t_mvm = reads * C["t_read"] + np.ceil(turns) / C["rate"]
    assert float(cost.bill.stages.mvm[0]) == pytest.approx(t_mvm, rel=1e-5, abs=0.0)
    silicon = cells * TILE.rows * lines * float(CORE.cell_area) + n_adcs * float(CORE.adc.area)
    silicon += TILE.rows * 2**driver_bits * float(CORE.dac.area_per_step) + float(chips.Bus().router_area)
    off, buffer = chips.DigitalUnits(), chips.Buffer()
    around = 2 * float(off.area) + float(buffer.capacity * buffer.area_per_bit)
    assert float(cost.bill.area_m2) == pytest.approx(N_TILES * silicon + around, rel=1e-5, abs=0.0)
    assert cost.n_cells == cells * N_IN * (N_OUT + GRID_COLS * unit_columns)


def test_pulses_set_the_time_of_a_read() -> None:
    """63 periods of 2 ns, and a supply that is on for the mean magnitude of the inputs, at most the root of 0.25."""
    cost, g = _found({"dac": p.PulseWidthDac(bits=7.0, clock=5e8)})
    core, t_mvm = 0.5 * 0.2**2 * g * 126e-9, 126e-9 + TILE.cols / C["rate"]
    assert float(cost.components_J["core"]) == pytest.approx(core, rel=tolerances.COMPOSITE, abs=0.0)
    assert float(cost.bill.stages.mvm[0]) == pytest.approx(t_mvm, rel=tolerances.PRIMITIVE, abs=0.0)
    assert float(cost.components_J["dac"]) == pytest.approx(2 * N_IN * C["dac"] * 2, rel=1e-5, abs=0.0)


def test_conversions_by_another_model() -> None:
    """The regression on published ADCs is taken at the node of the chip; the table of ISAAC is as it is."""
    adc, dac = p.AndrulisCost(smooth=False), p.IsaacCost()
    cost, _ = _found({"dac": SERIAL}, adc=adc, dac=dac)
    one = p.conversion_cost(dataclasses.replace(adc, node=chips.Technology().node), TILE.adc)
    drive = p.conversion_cost(dac, SERIAL)
    np.testing.assert_allclose(cost.components_J["adc"], GRID_ROWS * N_OUT * 3 * one.energy, rtol=1e-5)
    np.testing.assert_allclose(cost.components_J["dac"], GRID_COLS * N_IN * drive.energy, rtol=1e-5)
    t_mvm = 3 * C["t_read"] + 3 * TILE.cols * float(one.latency)
    assert float(cost.bill.stages.mvm[0]) == pytest.approx(t_mvm, rel=1e-5, abs=0.0)


def test_managed_tiles_cost_what_they_hold_unless_the_data_decide() -> None:
    managed = lambda bound: nn.convert(MODEL, [nn.Rule(".*", tiles.ManagedTile(TILE, bound=bound))])
    chips.check_cost(managed(None))
    with pytest.raises(ValueError, match="bound management reads as often as the data ask for"):
        chips.check_cost(managed(p.BoundManagement()))
    row = chips.mapping_table(nn.program(managed(None), key=jr.key(0)))[0]
    assert (row["adc_bits"], row["verify_policy"]) == (5.0, "one_shot")


@pytest.mark.parametrize(
    ("policy", "name"), [(tiles.WriteVerify(), "write_verify"), (tiles.GradientProgramming(), "gradient_programming")]
)
def test_the_table_names_the_policy(policy: Any, name: str) -> None:
    design = dataclasses.replace(TILE, policy=policy)
    chip = nn.program(nn.convert(MODEL, [nn.Rule(".*", design)]), key=jr.key(0))
    assert {row["verify_policy"] for row in chips.mapping_table(chip)} == {name}
