"""Cost of tokens against sums by hand and published baselines, break-even against root finding, tornado by hand."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from scipy import optimize

from aimcjax.chips import economics
from aimcjax.chips.economics import AimcMachine, Economics, GpuMachine
from aimcjax.components import Registry


REGISTRY = Registry(economics.ROLES)


def _aimc(**changes: Any) -> AimcMachine:
    return AimcMachine(**{"tokens_per_s": 2000.0, "energy_per_token": 0.01, "dies": 300.0, **changes})


def test_sums_by_hand() -> None:
    with jax.enable_x64(True):
        money = Economics(0.2, 1.3, 0.25, 4 * 31557600.0, 0.1)
        chip = AimcMachine(1000.0, 0.02, 8.0, 100.0, 30.0, 5.0, 0.9, 700.0, 6.0, 864.0, 86400.0)
        capital = 8 * (100 + 30 + 5) / 0.9 + 700
        np.testing.assert_allclose(chip.capital, capital, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(chip.standby_power, 6.01, rtol=tolerances.FLOAT64)
        joule = 0.2 / 3.6e6 * 1.3
        life = 4 * 31557600.0
        tokens = 1000.0 * 0.25 * life
        total = capital * (1 + 0.1 * 4) + (6.01 * life + 0.02 * tokens) * joule
        np.testing.assert_allclose(
            economics.cost_per_million(chip, money), total / tokens * 1e6, rtol=tolerances.FLOAT64
        )
        # Half of what one machine serves: the same machine for half of the tokens; twice: two machines.
        cost = lambda share: economics.cost_per_day(chip, money, share * economics.capacity(chip, money))
        fixed, tokens_cost = economics.fixed_cost(chip, money), economics.token_cost(chip, money) * 1000 * 0.25 * 86400
        np.testing.assert_allclose(cost(0.5), fixed + 0.5 * tokens_cost, rtol=tolerances.FLOAT64)
        np.testing.assert_allclose(cost(2.0), 2 * cost(1.0), rtol=tolerances.FLOAT64)
        demand = 0.5 * float(economics.capacity(chip, money))
        at_half = economics.cost_per_million(chip, money, tokens_per_day=demand)
        np.testing.assert_allclose(at_half, cost(0.5) / demand * 1e6, rtol=tolerances.FLOAT64)


def test_baseline_of_the_a100() -> None:
    """About 250 GB from its memory in 0.16 s, and 400 W for them; arithmetic binds large batches."""
    gpu = GpuMachine(weights=400e9)  # at 5 bits: 250 GB
    seconds = 1.0 / float(gpu.tokens_per_s)
    assert abs(seconds - 0.16) < 0.005
    np.testing.assert_allclose((gpu.energy_per_token + gpu.standby_power * seconds) / seconds, 400.0, rtol=1e-6)
    many = GpuMachine(weights=7e9, batch=1000.0)
    np.testing.assert_allclose(many.tokens_per_s, 312e12 / 14e9, rtol=1e-6)
    np.testing.assert_allclose(GpuMachine(weights=7e9, batch=2.0).tokens_per_s, 2 * 355.4286, rtol=1e-5)


CASES = {
    "one of each": (_aimc(), GpuMachine(weights=7e9)),
    "against many GPUs": (_aimc(dies=800.0, energy_per_token=0.05), GpuMachine(weights=7e9)),
    "costly tokens": (_aimc(energy_per_token=0.6), GpuMachine(weights=7e9)),
    "slow": (_aimc(tokens_per_s=300.0), GpuMachine(weights=7e9)),
    "from the first": (_aimc(dies=10.0), GpuMachine(weights=7e9)),
    "never": (_aimc(dies=1e5), GpuMachine(weights=7e9)),
    "cheap, but slow": (_aimc(dies=1.0, tokens_per_s=1.0), GpuMachine(weights=7e9)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_break_even_is_the_first_root(case: Any) -> None:
    with jax.enable_x64(True):
        chip, gpu = (jax.tree.map(lambda leaf: leaf.astype(float), machine) for machine in case)
        money = Economics()
        difference = lambda x: economics.cost_per_day(chip, money, x) - economics.cost_per_day(gpu, money, x)
        found = economics.break_even(chip, gpu, money)
        # The difference is a line between kinks and proportional beyond them: it is looked at everywhere.
        x = np.linspace(0.0, 3.0 * float(found.capacity.max()), 30_001)
        values = np.asarray(jax.jit(jax.vmap(difference))(jnp.asarray(x)))
        cheaper = np.flatnonzero(values <= 0.0)
        if not len(cheaper):
            assert found.tokens_per_day == np.inf
            assert "never" in found.reason
            assert "USD a day before it serves a token" in found.reason
        elif cheaper[0] == 0:
            assert found.tokens_per_day == 0.0
            assert found.reason.startswith("from the first token on")
            assert ("but not for any demand" in found.reason) == bool(values[-1] > 0.0)
        else:
            k = cheaper[0]
            root = optimize.brentq(lambda x: float(difference(jnp.asarray(x))), x[k - 1], x[k], xtol=1e-6, rtol=1e-14)
            np.testing.assert_allclose(found.tokens_per_day, root, rtol=1e-10)
        assert "\n" not in found.reason


def test_the_cases_differ() -> None:
    found = {name: economics.break_even(*case, Economics()) for name, case in CASES.items()}
    x = {name: float(even.tokens_per_day) for name, even in found.items()}
    gpu = float(found["one of each"].capacity[1])
    assert x["one of each"] > 0.0
    assert x["against many GPUs"] > gpu  # beyond what one GPU serves
    assert x["never"] == np.inf
    assert x["from the first"] == x["cheap, but slow"] == 0.0


def test_gradients_are_finite_differences() -> None:
    """Of the break-even and of the cost, for every leaf of the machines and of the prices."""
    with jax.enable_x64(True):
        inputs = (_aimc(refresh_energy=1e5), GpuMachine(weights=7e9), Economics())
        inputs = jax.tree.map(lambda leaf: leaf.astype(float), inputs)
        leaves, structure = jax.tree.flatten(inputs)
        x = jnp.stack(leaves)

        def of(scale: jax.Array) -> jax.Array:
            chip, gpu, money = jax.tree.unflatten(structure, list(scale * x))
            even = economics.break_even(chip, gpu, money).tokens_per_day
            return jnp.log(
                jnp.stack([even, economics.cost_per_million(chip, money), economics.cost_per_million(gpu, money)])
            )

        ones = jnp.ones_like(x)
        steps = 1e-5 * jnp.eye(len(x))
        numeric = jax.jit(jax.vmap(lambda step: (of(ones + step) - of(ones - step)) / 2e-5))(steps)
        gradient = jax.jit(jax.jacrev(of))(ones)
        np.testing.assert_allclose(gradient, numeric.T, rtol=1e-6, atol=1e-9)
        never = jax.grad(lambda dies: economics.break_even(_aimc(dies=dies), inputs[1], inputs[2]).tokens_per_day)
        assert never(jnp.asarray(1e5)) == 0.0


def test_tornado_by_hand() -> None:
    with jax.enable_x64(True):
        inputs = {"chip": _aimc(), "money": Economics(pue=1.2, utilisation=0.9)}
        cost = lambda p: economics.cost_per_million(p["chip"], p["money"])
        found = economics.tornado(cost, inputs, ranges={"chip.die_price": (20.0, 400.0)})
        bars = {bar.name: bar for bar in found.bars}
        assert len(bars) == len(jax.tree.leaves(inputs))
        assert [bar.swing for bar in found.bars] == sorted((bar.swing for bar in found.bars), reverse=True)
        assert found.bars[0].name == "chip.die_price"
        np.testing.assert_allclose(found.result, cost(inputs), rtol=tolerances.FLOAT64)
        for name, low, high in (
            ("chip.die_price", 20.0, 400.0),
            ("chip.tokens_per_s", 1400.0, 2600.0),
            ("money.utilisation", 0.63, 1.0),  # within its limits
            ("money.pue", 1.0, 1.56),
        ):
            part, field = name.split(".")
            ends = [cost({**inputs, part: dataclasses.replace(inputs[part], **{field: end})}) for end in (low, high)]
            bar = bars[name]
            np.testing.assert_allclose((bar.low, bar.high), (low, high), rtol=1e-12)
            np.testing.assert_allclose((bar.at_low, bar.at_high), ends, rtol=tolerances.FLOAT64)
            np.testing.assert_allclose(bar.swing, abs(ends[1] - ends[0]), rtol=1e-9)
        chip, money = inputs["chip"], inputs["money"]
        energy = economics.token_cost(chip, money) * 1e6
        np.testing.assert_allclose(bars["chip.energy_per_token"].elasticity, energy / found.result, rtol=1e-9)
        np.testing.assert_allclose(bars["money.utilisation"].elasticity, energy / found.result - 1.0, rtol=1e-9)


def test_tornado_of_what_stays_infinite() -> None:
    """No swing, and no warning: of a break-even that never comes, whatever one input is."""
    found = economics.tornado(lambda wafer: wafer.price * jnp.inf, economics.Wafer())
    assert np.isinf(found.result)
    assert all(bar.swing == 0.0 and np.isnan(bar.elasticity) for bar in found.bars)


def test_from_defects_to_the_price_of_a_token() -> None:
    """One gradient through yield, wafer and machine; more spares pay where defects are many."""

    def cost(p: dict[str, Any]) -> jax.Array:
        price = economics.die_price(p["wafer"], p["die"], p["defects"], nodes=64)
        return economics.cost_per_million(eqx.tree_at(lambda m: m.die_price, p["machine"], price), Economics())

    density, area = 2e4, 64 * 0.6e-6 + 10e-6
    inputs = {"defects": economics.NegativeBinomial(density), "wafer": economics.Wafer(), "machine": _aimc()}
    bare, spared = (economics.Die(needed=64, tiles=tiles) for tiles in (64, 68))
    found = economics.tornado(cost, {**inputs, "die": bare})
    elasticity = {bar.name: bar.elasticity for bar in found.bars}
    assert elasticity["machine.die_price"] == 0.0  # it is computed
    assert cost({**inputs, "die": spared}) < found.result
    # Without spares Y = (1 + x / 2)^-2, the price of a die goes with Y^-0.99, and is a part of the cost.
    dies = _aimc(die_price=economics.die_price(economics.Wafer(), bare, inputs["defects"]))
    of_dies = economics.fixed_cost(dies, Economics()) - economics.fixed_cost(_aimc(die_price=0.0), Economics())
    whole = economics.cost_per_day(dies, Economics(), economics.capacity(dies, Economics()))
    expected = 0.99 * density * area / (1.0 + density * area / 2.0) * float(of_dies / whole)
    np.testing.assert_allclose(elasticity["defects.density"], expected, rtol=tolerances.COMPOSITE)


def test_text_and_back() -> None:
    tree = {
        "type": "economics",
        "electricity": "0.08 USD/kWh",
        "pue": 1.2,
        "utilisation": "40 %",
        "lifetime": "4 years",
    }
    money = REGISTRY.build(tree, Economics)
    np.testing.assert_allclose(money.electricity, 0.08, rtol=1e-6)
    np.testing.assert_allclose(money.lifetime, 4 * 31557600.0)
    for tree, role in (
        ({"type": "aimc_machine", "tokens_per_s": "2000 tokens/s", "energy_per_token": "5 mJ", "die_price": "80 USD"},
         economics.AbstractMachine),
        ({"type": "gpu_machine", "weights": 7e9, "batch": 4}, economics.AbstractMachine),
        ({"type": "negative_binomial", "density": "2000 1/m2", "alpha": 1.5}, economics.AbstractDefectModel),
        ("murphy", economics.AbstractDefectModel),
        ({"type": "die", "needed": 60, "tiles": 64, "tile_area": "0.5 mm2"}, economics.Die),
        ({"type": "spare_lines", "cols": 264}, economics.SpareLines),
        ({"type": "wafer", "price": "9000 USD"}, economics.Wafer),
        (money, Economics),
    ):  # fmt: skip
        component = REGISTRY.build(tree, role)
        assert eqx.tree_equal(REGISTRY.build(REGISTRY.describe(component), role), component)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _aimc(die_price=-1.0), "die_price must be at least 0 USD and finite, got -1.0"),
        (lambda: _aimc(tokens_per_s=0.0), "tokens_per_s must be above 0 tokens/s"),
        (lambda: _aimc(energy_per_token=float("nan")), "energy_per_token must be at least 0 J and finite, got nan"),
        (lambda: Economics(utilisation=1.2), "utilisation must be above 0, at most 1 and finite, got 1.2"),
        (lambda: Economics(lifetime=0.0), "lifetime must be above 0 s"),
        (lambda: Economics(pue=0.9), "pue must be at least 1 and finite, got 0.9"),
        (lambda: GpuMachine(weights=1e9, power=20.0), "power must be at least standby_power, 50.0 W, got 20.0"),
        (lambda: economics.tornado(lambda p: p.pue, Economics(), ranges={"pua": (1.0, 2.0)}), "did you mean 'pue'"),
        (lambda: economics.tornado(lambda p: p.pue, Economics(), ranges={"pue": (0.5, 2.0)}), "lies within 1 to inf"),
        (lambda: economics.tornado(lambda p: p.pue, Economics(), span=1.5), "span is a share between 0 and 1"),
        (lambda: REGISTRY.build({"type": "economics", "electricity": 0.12}, Economics), "electricity: a number needs"),
        (
            lambda: REGISTRY.build({"type": "economics", "lifetime": "0 s"}, Economics),
            "lifetime: expected a value above 0",
        ),
    ],
)
def test_what_is_refused(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        make()
    assert "\n" not in str(error.value)
