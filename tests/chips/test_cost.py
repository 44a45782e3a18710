"""The cost of a placed model: against sums by hand, one constant at a time, and through its gradient."""

import dataclasses
import functools as ft
import time
from typing import Any

import cost_by_hand
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, devices, nn, periphery, tiles
from aimcjax.chips import COMPONENTS, Chip
from aimcjax.models import Mlp, VisionTransformer
from aimcjax.units import nm


MODEL = VisionTransformer(8, 4, 10, dim=8, depth=1, n_heads=2, mlp_ratio=2, key=jr.key(0))
IMAGE = jr.uniform(jr.key(1), (8, 8))
TILE = tiles.TileDesign(
    rows=10, cols=6, dac=periphery.UniformDac(bits=7), adc=periphery.UniformAdc(bits=6), device=devices.IdealDevice()
)
CHIP = Chip(buffer=chips.Buffer(capacity=64.0))  # so small that keys and values spill into the DRAM


class Machine:
    """A programmed chip, placed."""

    def __init__(self, design: Any, chip: Chip = CHIP, **how: Any) -> None:
        self.design = design
        self.analog = nn.convert(MODEL, [nn.Rule(".*", design)])
        self.programmed: Any = eqx.filter_jit(nn.program)(self.analog, key=jr.key(2))
        self.power = {name: 0.1 + 0.05 * index for index, name in enumerate(nn.analog_layers(self.analog))}
        self.placement = chips.place(self.programmed, chip, sample=IMAGE, input_power=self.power, **how)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine(TILE)


def _numbers(cost: chips.Cost) -> dict[str, float]:
    energy = {name: float(value) for name, value in cost.components_J.items()}
    return {**energy, "latency": float(cost.latency_s), "area": float(cost.area_m2)}


def _on(machine: Machine, chip: Chip) -> chips.Cost:
    """The cost on a chip with other numbers."""
    fitted = dataclasses.replace(chip, grid=machine.placement.chip.grid, tile=machine.placement.chip.tile)
    return chips.cost(dataclasses.replace(machine.placement, chip=fitted))


def test_sums_by_hand_over_the_mapping_table(machine: Machine) -> None:
    cost, chip, activity = chips.cost(machine.placement), machine.placement.chip, machine.placement.activity
    assert activity is not None
    assert activity.vectors["embed"] == 4  # so that a vector too few would show
    assert activity.digital_macs == activity.activation_macs
    table = chips.mapping_table(machine.programmed, machine.placement)
    numbers, closed = _numbers(cost), cost_by_hand.closed_latency(machine, table)
    assert float(cost.closed_latency_s) == pytest.approx(closed, rel=tolerances.COMPOSITE)
    assert numbers.pop("latency") == pytest.approx(closed, rel=1e-3)  # events; who goes first at the digital units
    expected = cost_by_hand.energies(machine, table)
    expected["static"] = cost_by_hand.static_power(chip) * float(cost.latency_s)
    expected["area"] = cost_by_hand.area(chip)
    # pytest's own absolute tolerance, 1e-12, is a thirtieth of the smallest of these energies [J]
    assert numbers == pytest.approx(expected, rel=tolerances.COMPOSITE, abs=0.0)
    assert cost.n_tiles == len(table)
    assert cost.n_cells == 2 * sum(layer.weight.size for layer in nn.analog_layers(machine.analog).values())
    assert cost.n_macs == activity.analog_macs + activity.digital_macs


def test_the_breakdown_adds_up(machine: Machine) -> None:
    cost = chips.cost(machine.placement)
    table = cost.breakdown
    assert table.dims == ("component", "layer")
    assert list(table.component.values) == list(COMPONENTS)
    assert float(table.sum()) == pytest.approx(float(cost.energy_J), rel=tolerances.PRIMITIVE, abs=0.0)
    np.testing.assert_allclose(table.sum("layer"), list(cost.components_J.values()), rtol=tolerances.PRIMITIVE)
    per_mac = {name: float(value) for name, value in cost.energy_per_mac_J().items()}
    assert per_mac["total"] == pytest.approx(
        sum(per_mac[name] for name in COMPONENTS), rel=tolerances.PRIMITIVE, abs=0.0
    )
    assert float(cost.fj_per_mac) == pytest.approx(per_mac["total"] * 1e15, rel=tolerances.PRIMITIVE)
    assert float(cost.tops_per_watt) == pytest.approx(2e-12 / per_mac["total"], rel=tolerances.PRIMITIVE)
    assert float(cost.tokens_per_s * cost.latency_s) == pytest.approx(1.0, rel=tolerances.PRIMITIVE)


# What a doubled number multiplies; "+" adds something, "-" takes something away, what is left out stays.
DOUBLED = {
    "core/t_read": {"core": 2.0, "latency": "+", "static": "+"},
    "core/adc/merit": {"adc": 2.0},
    "core/dac/energy_per_step": {"dac": 2.0},
    "core/phases": {"core": 2.0, "dac": 2.0, "adc": 2.0, "interconnect": "+", "digital": "+", "latency": "+",
                    "static": "+"},
    "links/hop_energy_per_bit": {"interconnect": 2.0},
    "digital/energy_per_op": {"digital": "+"},
    "digital/energy_per_mac": {"attention": 2.0},
    "digital/static_power": {"static": "+"},
    "buffer/energy_per_bit": {"buffer": 2.0},
    "buffer/capacity": {"buffer": "+", "dram": "-", "area": "+"},
    "dram/energy_per_bit": {"dram": 2.0},
    "core/adc/rate": {"latency": "-", "static": "-"},
    "core/cell_area": {"area": "+"},
    "core/static_power": {"static": "+"},
}  # fmt: skip


@pytest.mark.parametrize("path", DOUBLED)
def test_doubling_a_number_changes_its_component_only(machine: Machine, path: str) -> None:
    field = lambda chip: ft.reduce(getattr, path.split("/"), chip)
    doubled = eqx.tree_at(field, machine.placement.chip, replace_fn=lambda x: 2 * x)
    before, after = _numbers(chips.cost(machine.placement)), _numbers(_on(machine, doubled))
    for part in before:
        effect = DOUBLED[path].get(part, 1.0)
        if effect == "+":
            assert before[part] < after[part] < 2.001 * before[part], part
        elif effect == "-":
            assert 0.499 * before[part] < after[part] < before[part], part
        else:
            assert after[part] == pytest.approx(effect * before[part], rel=tolerances.PRIMITIVE, abs=0.0), part


def _with(placement: chips.Placement, part: str, **changes: Any) -> chips.Placement:
    """The placement with other numbers in its converters (`"adc"`, `"dac"`), for all layers alike."""
    groups = placement.counts.groups
    shaped = {name: jnp.full_like(getattr(getattr(groups[0], part), name), value) for name, value in changes.items()}
    new = dataclasses.replace(groups[0], **{part: dataclasses.replace(getattr(groups[0], part), **shaped)})
    return dataclasses.replace(placement, counts=dataclasses.replace(placement.counts, groups=(new,)))


def test_energy_grows_with_bits_tiles_and_tokens(machine: Machine) -> None:
    for part in ("adc", "dac"):
        costs = [_numbers(chips.cost(_with(machine.placement, part, bits=b))) for b in (4.5, 5.0, 6.5, 9.0)]
        for few, more in zip(costs, costs[1:], strict=False):
            changed = {name for name in COMPONENTS if more[name] > few[name] * (1 + 1e-6)}
            assert {part, "interconnect", "buffer"} <= changed <= {part, "interconnect", "buffer", "static"}
    longer = [float(chips.cost(machine.placement, seq_len=n).energy_J) for n in (1, 2, 3)]
    assert longer[0] < longer[1] < longer[2]
    smaller = Machine(dataclasses.replace(TILE, rows=5, cols=3)).placement
    cost, more = chips.cost(machine.placement), chips.cost(smaller)
    assert more.n_tiles > cost.n_tiles
    assert more.energy_J > cost.energy_J
    assert (more.n_cells, more.n_macs) == (cost.n_cells, cost.n_macs)


def test_a_batch_pays_once_for_what_it_shares(machine: Machine) -> None:
    """A thousand weights of 16 bits from the DRAM once, static power for less than the sum of the latencies; all else
    twice."""
    roomy = dataclasses.replace(machine.placement.chip, buffer=chips.Buffer())
    placement = dataclasses.replace(machine.placement, chip=roomy)
    placement = eqx.tree_at(lambda p: p.counts.weights, placement, np.asarray(1000.0))
    one, two = (chips.cost(placement, batch=n) for n in (1, 2))
    for name in ("core", "dac", "adc", "interconnect", "digital", "attention", "buffer"):
        np.testing.assert_allclose(two.components_J[name], 2 * one.components_J[name], rtol=tolerances.PRIMITIVE)
    weights = 1000 * 16 * roomy.dram.energy_per_bit
    np.testing.assert_allclose(one.components_J["dram"], weights, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(two.components_J["dram"], one.components_J["dram"], rtol=tolerances.PRIMITIVE)
    assert one.components_J["static"] < two.components_J["static"] < 2 * one.components_J["static"]
    assert one.latency_s < two.latency_s < 2 * one.latency_s
    assert two.j_per_token < one.j_per_token


def test_longer_sequences_are_those_that_were_counted() -> None:
    """Four tokens, 9/4 times as long, against an image of nine: attention by the square, every product of a layer but
    the head's, which is once an image, in proportion."""
    bills, placements = [], []
    for size, length in ((8, 9 / 4), (12, 1.0)):
        vit = VisionTransformer(size, 4, 10, dim=8, depth=1, n_heads=2, mlp_ratio=2, key=jr.key(0))
        analog = nn.convert(vit, [nn.Rule(".*", TILE)])
        placements.append(chips.place(analog, CHIP, sample=jnp.ones((size, size))))
        bills.append(chips.price(placements[-1].counts, placements[-1].chip, length=length))
    assert [placed.activity.vectors["embed"] for placed in placements] == [4, 9]
    longer, counted = (np.asarray(bill.parts, np.float64) for bill in bills)
    tokens = [index for index, name in enumerate(placements[0].counts.names) if name != "head"]
    for name in ("dac", "adc"):
        row = COMPONENTS.index(name)
        np.testing.assert_allclose(longer[row, tokens], counted[row, tokens], rtol=tolerances.PRIMITIVE)
    row = COMPONENTS.index("attention")
    np.testing.assert_allclose(longer[row], counted[row], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(bills[0].stages.attention, bills[1].stages.attention, rtol=tolerances.PRIMITIVE)


@pytest.mark.parametrize("quantity", ["energy_J", "latency_s"])
def test_gradients_are_finite_differences(quantity: str) -> None:
    """Read voltage, bits of both converters, node and rate, in double precision, with the regression on ADCs."""
    with jax.enable_x64(True):
        core = chips.Core(adc=periphery.AndrulisCost(rate=2e8))
        dac, adc = periphery.UniformDac(bits=7), periphery.UniformAdc(bits=6)
        design = tiles.TileDesign(rows=8, cols=8, dac=dac, adc=adc, device=devices.IdealDevice())
        model = nn.convert(Mlp(12, 10, (9,), key=jr.key(0)), [nn.Rule(".*", design)])
        placement = chips.place(model, Chip(core=core), sample=jnp.zeros(12))

        @jax.jit
        def total(z: jax.Array) -> jax.Array:
            v_max, adc_bits, dac_bits, node, rate = z
            core = dataclasses.replace(placement.chip.core, adc=periphery.AndrulisCost(rate=rate * 2e8))
            technology = chips.Technology(node=node * 28 * nm)
            changed = _with(_with(placement, "adc", bits=adc_bits), "dac", bits=dac_bits, v_max=v_max)
            chip = dataclasses.replace(placement.chip, core=core, technology=technology)
            bill = chips.price(changed.counts, chip, batch=2.0, smooth=True)
            return getattr(bill, quantity) / (1e-9 if quantity == "energy_J" else 1e-6)

        z, h = jnp.asarray([0.2, 6.3, 7.2, 1.0, 1.0]), 1e-4
        slopes = jax.jit(jax.grad(total))(z)
        for index, name in enumerate(("read voltage", "ADC bits", "DAC bits", "node", "rate")):
            step = h * jnp.eye(5)[index]
            # Fourth order, so that what is left is rounding
            wide, near = (total(z + k * step) - total(z - k * step) for k in (2, 1))
            difference = (8 * near - wide) / (12 * h)
            np.testing.assert_allclose(slopes[index], difference, rtol=1e-6, atol=1e-9, err_msg=name)
        assert slopes[3] > 0
        if quantity == "energy_J":
            assert np.all(np.asarray(slopes[:3]) > 0)
        else:
            assert slopes[4] < 0


@pytest.mark.parametrize("mode", ["exact", "smooth"])
def test_has_a_gradient_that_is_of_its_price(machine: Machine, mode: str) -> None:
    at = lambda node: eqx.tree_at(lambda placement: placement.chip.technology.node, machine.placement, node)

    def of_cost(node: jax.Array) -> jax.Array:
        return chips.cost(at(node), mode=mode).energy_J

    def of_price(node: jax.Array) -> jax.Array:
        return chips.price(at(node).counts, at(node).chip, smooth=mode == "smooth").energy_J

    node = jnp.asarray(40 * nm)
    np.testing.assert_allclose(jax.grad(of_cost)(node), jax.grad(of_price)(node), rtol=tolerances.COMPOSITE)


def test_both_modes_say_how_far_they_are_apart(machine: Machine) -> None:
    exact, smooth = (chips.cost(machine.placement, batch=3, mode=mode) for mode in ("exact", "smooth"))
    for name, gap in exact.gap.items():
        np.testing.assert_allclose(gap, getattr(smooth, name) / getattr(exact, name) - 1.0, atol=1e-6)
        assert abs(float(gap)) < (0.05 if name == "latency_s" else 0.2)
    assert float(exact.gap["area_m2"]) < -1e-3  # six columns share one converter of eight: a part of one, smoothly
    with pytest.raises(ValueError, match="mode is 'exact' or 'smooth'"):
        chips.cost(machine.placement, mode="both")
    with pytest.raises(ValueError, match="batch is a whole number from 1, got 0"):
        chips.cost(machine.placement, batch=0)


@pytest.mark.slow
def test_ten_thousand_designs_a_second(machine: Machine) -> None:
    """Read voltages and times, ADC bits of every layer, energy, latency and area of each design."""
    n, placement = 4096, machine.placement

    @jax.jit
    @jax.vmap
    def designs(z: jax.Array) -> jax.Array:
        changed = _with(_with(placement, "dac", v_max=z[0]), "adc", bits=z[1])
        chip = eqx.tree_at(lambda chip: chip.core.t_read, placement.chip, z[0] * 1e-6)
        bill = chips.price(changed.counts, chip, smooth=True)
        return jnp.stack([bill.energy_J, bill.latency_s, bill.area_m2])

    z = jr.uniform(jr.key(0), (n, 2), minval=jnp.asarray([0.1, 4.5]), maxval=jnp.asarray([0.3, 9.0]))
    designs(z).block_until_ready()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        designs(z).block_until_ready()
        times.append(time.perf_counter() - start)
    assert n / min(times) > 10_000


def test_refuses_what_has_no_price() -> None:
    unpriced = {
        "an ideal ADC has no energy": dataclasses.replace(TILE, adc=periphery.IdealAdc()),
        "an ideal DAC has no energy": dataclasses.replace(TILE, dac=periphery.IdealDac()),
        "WeightLevelTile has no cost": tiles.WeightLevelTile(rows=64, cols=64),
    }
    chips.check_cost(nn.convert(MODEL, [nn.Rule(".*", TILE)]))
    for message, design in unpriced.items():
        analog = nn.convert(MODEL, [nn.Rule(".*", design)])
        with pytest.raises(ValueError, match=f"layer embed: {message}"):
            chips.check_cost(analog)
        with pytest.raises(ValueError, match=f"layer .*: {message}"):
            chips.place(analog, Chip())
    weight_level = nn.convert(MODEL, [nn.Rule(".*", unpriced["WeightLevelTile has no cost"])])
    chips.check_cost(weight_level, chips.load("hermes_2023"))  # its converters take their place
