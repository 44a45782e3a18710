"""The cost model: against sums by hand, one constant at a time, and through its gradient."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, periphery, tiles
from aimcjax.chips import COMPONENTS, CostModel
from aimcjax.models import VisionTransformer


MODEL = VisionTransformer(8, 4, 10, dim=8, depth=1, n_heads=2, mlp_ratio=2, key=jr.key(0))
IMAGE = jr.uniform(jr.key(1), (8, 8))
TILE = tiles.TileDesign(
    rows=10, cols=6, dac=periphery.UniformDac(bits=7), adc=periphery.UniformAdc(bits=6), device=devices.IdealDevice()
)


class Machine:
    """A programmed chip with what its cost depends on."""

    def __init__(self, design: Any) -> None:
        self.analog = nn.convert(MODEL, [nn.Rule(".*", design)])
        self.chip: Any = eqx.filter_jit(nn.program)(self.analog, key=jr.key(2))
        self.activity = chips.count_activity(self.analog, IMAGE)
        self.power = {name: 0.1 + 0.05 * index for index, name in enumerate(nn.analog_layers(self.analog))}

    def cost(self, constants: Any = None, chip: Any = None) -> chips.Cost:
        return chips.cost(chip or self.chip, self.activity, self.power, constants or CostModel())


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine(TILE)


def _numbers(cost: chips.Cost) -> dict[str, float]:
    energy = {name: float(value) for name, value in cost.energy_J.items()}
    return {**energy, "latency": float(cost.latency_s), "area": float(cost.area_m2)}


def test_sums_by_hand_over_the_mapping_table(machine: Machine) -> None:
    """Every row of the table is a tile that works once a vector: its inputs, outputs and cells in use."""
    constants = CostModel()
    expected: dict[str, float] = {name: 0.0 for name in COMPONENTS}
    value = {name: float(getattr(constants, name)) for name in vars(constants)}
    weights = {name: np.asarray(layer.weight).T for name, layer in nn.analog_layers(machine.analog).items()}
    table = chips.mapping_table(machine.chip)
    for row in table:
        (r0, r1), (c0, c1), vectors = row["row_range"], row["col_range"], machine.activity.vectors[row["layer"]]
        block = weights[row["layer"]][r0:r1, c0:c1]
        # An ideal device from 0 to g_max, scaled per column of the block: sum of conductances without looking at cells.
        normalised = weights[row["layer"]][r0:r1, c0:c1] / np.abs(block).max(axis=0)
        g = float(TILE.device.g_max) * np.abs(normalised).sum()
        v2 = machine.power[row["layer"]] * float(TILE.dac.v_max) ** 2
        expected["core"] += vectors * v2 * g * value["t_integrate"]
        expected["dac"] += vectors * (r1 - r0) * 2**7 * value["dac_energy_per_step"]
        expected["adc"] += vectors * (c1 - c0) * 2**6 * value["adc_energy_per_step"]
        expected["interconnect"] += vectors * ((r1 - r0) * 7 + (c1 - c0) * 6) * value["link_energy_per_bit"]
        expected["digital"] += vectors * 2 * (c1 - c0) * value["digital_energy_per_op"]
    activity = machine.activity
    expected["digital"] += activity.digital_ops * value["digital_energy_per_op"]
    expected["digital"] += activity.digital_macs * value["digital_energy_per_mac"]
    t_mvm = value["t_integrate"] + value["cols_per_adc"] / value["adc_rate"]
    expected["latency"] = sum(activity.vectors.values()) * t_mvm
    expected["latency"] += (activity.digital_ops + 2 * activity.digital_macs) / value["digital_ops_per_s"]
    cells, converters = 2 * 10 * 6 * value["cell_area"], 6 / 8 * value["adc_area"] + 10 * value["dac_area"]
    expected["area"] = len(table) * (cells + converters)

    cost = machine.cost()
    assert _numbers(cost) == pytest.approx(expected, rel=tolerances.COMPOSITE)
    assert cost.n_tiles == len(table)
    assert cost.n_cells == 2 * sum(w.size for w in weights.values())
    assert cost.n_macs == activity.analog_macs + activity.digital_macs
    assert activity.vectors["embed"] == 4  # so that a vector too few would show


def test_components_add_up(machine: Machine) -> None:
    cost = machine.cost()
    assert set(cost.energy_J) == set(COMPONENTS)
    assert all(energy > 0 for energy in cost.energy_J.values())
    assert float(cost.total_J) == pytest.approx(sum(map(float, cost.energy_J.values())), rel=tolerances.PRIMITIVE)
    per_mac = {name: float(value) for name, value in cost.energy_per_mac_J().items()}
    assert list(per_mac) == [*COMPONENTS, "total"]
    assert per_mac["total"] == pytest.approx(sum(per_mac[name] for name in COMPONENTS), rel=tolerances.PRIMITIVE)
    assert per_mac["total"] * cost.n_macs == pytest.approx(float(cost.total_J), rel=tolerances.PRIMITIVE)


# What a doubled constant multiplies; "+" adds something, "-" takes something away, what is left out stays.
DOUBLED = {
    "t_integrate": {"core": 2.0, "latency": "+"},
    "adc_energy_per_step": {"adc": 2.0},
    "dac_energy_per_step": {"dac": 2.0},
    "link_energy_per_bit": {"interconnect": 2.0},
    "digital_energy_per_op": {"digital": "+"},
    "digital_energy_per_mac": {"digital": "+"},
    "cols_per_adc": {"latency": "+", "area": "-"},
    "adc_rate": {"latency": "-"},
    "digital_ops_per_s": {"latency": "-"},
    "cell_area": {"area": "+"},
    "adc_area": {"area": "+"},
    "dac_area": {"area": "+"},
}


def test_every_constant_is_tried() -> None:
    assert set(DOUBLED) == {field.name for field in dataclasses.fields(CostModel)}


@pytest.mark.parametrize("name", DOUBLED)
def test_doubling_a_constant_changes_its_component_only(machine: Machine, name: str) -> None:
    before = _numbers(machine.cost())
    after = _numbers(machine.cost(dataclasses.replace(CostModel(), **{name: 2 * getattr(CostModel(), name)})))
    for part in before:
        ratio, effect = after[part] / before[part], DOUBLED[name].get(part, 1.0)
        if effect == "+":
            assert 1.0 < ratio < 2.0
        elif effect == "-":
            assert 0.5 < ratio < 1.0
        else:
            assert ratio == effect, part


def test_what_two_constants_share_is_linear(machine: Machine) -> None:
    """Digital energy and area are sums over several constants: doubling all of them doubles the sum."""
    for names, part in (
        (("digital_energy_per_op", "digital_energy_per_mac"), "digital"),
        (("cell_area", "adc_area", "dac_area"), "area"),
    ):
        doubled = dataclasses.replace(CostModel(), **{name: 2 * getattr(CostModel(), name) for name in names})
        ratio = _numbers(machine.cost(doubled))[part] / _numbers(machine.cost())[part]
        assert ratio == pytest.approx(2.0, rel=tolerances.PRIMITIVE)


def _with(chip: Any, part: str, **changes: Any) -> Any:
    """The chip with other values in one part of its design (`"adc"`, `"dac"`)."""

    def swap(_: str, layer: Any) -> Any:
        component = dataclasses.replace(getattr(layer.matrix.design, part), **changes)
        design = dataclasses.replace(layer.matrix.design, **{part: component})
        return dataclasses.replace(layer, matrix=dataclasses.replace(layer.matrix, design=design))

    return nn.map_layers(chip, swap, nn.is_analog)


@pytest.mark.parametrize(("part", "component"), [("adc", "adc"), ("dac", "dac")])
def test_energy_grows_with_bits(machine: Machine, part: str, component: str) -> None:
    costs = [_numbers(machine.cost(chip=_with(machine.chip, part, bits=jnp.asarray(b)))) for b in (4.0, 5.0, 6.5, 9.0)]
    for few, more in zip(costs, costs[1:], strict=False):
        changed = {name for name in few if more[name] != few[name]}
        assert changed == {component, "interconnect"}
        assert all(more[name] > few[name] for name in changed)
    assert costs[1][component] / costs[0][component] == pytest.approx(2.0, rel=tolerances.PRIMITIVE)


def test_smaller_tiles_convert_more(machine: Machine) -> None:
    smaller = Machine(dataclasses.replace(TILE, rows=5, cols=3)).cost()
    cost = machine.cost()
    assert smaller.n_tiles > cost.n_tiles
    assert (smaller.n_cells, smaller.n_macs) == (cost.n_cells, cost.n_macs)
    for name in ("dac", "adc", "interconnect", "digital"):
        assert smaller.energy_J[name] > cost.energy_J[name]


def test_empty_silicon_costs_area_but_no_energy() -> None:
    exact, roomy = (
        Machine(dataclasses.replace(TILE, rows=16, cols=24)),
        Machine(dataclasses.replace(TILE, rows=32, cols=48)),
    )
    assert exact.cost().n_tiles == roomy.cost().n_tiles
    np.testing.assert_allclose(exact.cost().total_J, roomy.cost().total_J, rtol=tolerances.COMPOSITE)
    assert roomy.cost().area_m2 > 2 * exact.cost().area_m2


# Central differences in float32: the step balances truncation, (h ln 2)^2 / 6 for 2^bits, against rounding, 1e-7 / h.
@pytest.mark.parametrize(
    ("part", "name", "at", "step"),
    [("adc", "bits", 6.0, 2.0**-6), ("dac", "bits", 7.0, 2.0**-6), ("dac", "v_max", 0.2, 0.02)],
)
def test_gradient_of_energy_is_that_of_finite_differences(
    machine: Machine, part: str, name: str, at: float, step: float
) -> None:
    @jax.jit
    def energy(value: jax.Array) -> jax.Array:
        return 1e9 * machine.cost(chip=_with(machine.chip, part, **{name: value})).total_J  # nJ: float32 has no 1e-18

    slope = float(jax.grad(energy)(jnp.asarray(at)))
    difference = float(energy(jnp.asarray(at + step)) - energy(jnp.asarray(at - step))) / (2 * step)
    assert slope > 0
    assert slope == pytest.approx(difference, rel=1e-3)


def test_gradient_reaches_every_constant(machine: Machine) -> None:
    def price(constants: CostModel) -> jax.Array:
        cost = machine.cost(constants)
        return 1e9 * cost.total_J + 1e6 * cost.latency_s + 1e6 * cost.area_m2

    gradient = jax.jit(jax.grad(price))(CostModel())
    for field in dataclasses.fields(CostModel):
        assert np.isfinite(getattr(gradient, field.name))
        assert getattr(gradient, field.name) != 0.0


def test_refuses_what_has_no_price() -> None:
    unpriced = {
        "an ideal ADC has no energy": dataclasses.replace(TILE, adc=periphery.IdealAdc()),
        "an ideal DAC has no energy": dataclasses.replace(TILE, dac=periphery.IdealDac()),
        "WeightLevelTile has no cost": tiles.WeightLevelTile(rows=64, cols=64),
    }
    chips.check_cost(nn.convert(MODEL, [nn.Rule(".*", TILE)]))
    for message, design in unpriced.items():
        with pytest.raises(ValueError, match=f"layer embed: {message}"):
            chips.check_cost(nn.convert(MODEL, [nn.Rule(".*", design)]))
    ideal = Machine(unpriced["an ideal ADC has no energy"])
    with pytest.raises(ValueError, match="an ideal ADC has no energy"):
        ideal.cost()
