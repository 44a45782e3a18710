"""Months of service on digits: what policies do, what they cost, and what stays with the cells."""

import dataclasses
import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import datasets, devices, nn, periphery, tiles
from aimcjax.chips import heat, service
from aimcjax.models import Mlp
from aimcjax.units import day


STEPS, STEP = 26, 7 * day  # half a year
SCORED: list[int] = []
WORN = devices.Endurance(devices.Pcm(), cycles=0.0, scale=2e3, shape=1.0, onset=1e9)
TILE = tiles.TileDesign(
    rows=64,
    cols=32,
    device=devices.AtTemperature(WORN),  # a wrapper that does nothing: wear is found inside
    dac=periphery.UniformDac(bits=8),
    adc=periphery.UniformAdc(bits=8),
)


def _accuracy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    SCORED.append(1)
    return jnp.mean((jnp.argmax(logits, -1) == labels).astype(float))


def _policy(**parts: Any) -> service.Policy:
    return service.load_policy({"name": "+".join(parts) or "nothing", **parts})


class Machine:
    """A small trained network and what is asked of it."""

    def __init__(self) -> None:
        data = datasets.digits()
        xs, ys = jnp.asarray(data.x_train.reshape(-1, 64)), jnp.asarray(data.y_train)
        model = Mlp(64, 10, (16,), key=jr.key(0))

        @jax.jit
        def train(arrays: Any) -> Any:
            def loss(arrays: Any) -> jax.Array:
                logits = jax.vmap(eqx.combine(arrays, fixed))(xs)
                return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), ys[:, None], axis=1))

            down = lambda _, a: jax.tree.map(lambda p, g: p - 0.5 * g, a, jax.grad(loss)(a))
            return jax.lax.fori_loop(0, 400, down, arrays)

        arrays, fixed = eqx.partition(model, eqx.is_array)
        analog = nn.convert(eqx.combine(train(arrays), fixed), [nn.Rule(".*", TILE)])
        self.model = nn.calibrate(analog, xs[:100])
        self.canaries, self.xs, self.labels = xs[:24], data.x_test.reshape(-1, 64), data.y_test
        self.traffic = service.Traffic.constant(2e4, steps=STEPS, step=STEP)  # 20 mW
        self.network = heat.ThermalNetwork(2, 2, sink=500.0)

    def serve(self, *policies: service.Policy, **changes: Any) -> Any:
        arguments = {"traffic": self.traffic, "network": self.network, "key": jr.key(7)} | changes
        return service.serve(
            self.model,
            policies,
            canaries=self.canaries,
            xs=self.xs,
            labels=self.labels,
            score=_accuracy,
            **arguments,
        )


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


@pytest.fixture(scope="module")
def half_a_year(machine: Machine) -> Any:
    return machine.serve(
        _policy(),
        _policy(recalibrate={"every": "30 days", "energy": "3 uJ", "time": "20 s"}),
        _policy(refresh={"every": "28 days", "energy": "2 uJ", "energy_per_write": "5 pJ", "time": "60 s"}),
        spare_tiles=4,
    )


def test_looking_after_a_chip_keeps_its_accuracy(half_a_year: Any) -> None:
    last = half_a_year.accuracy.isel(step=slice(-5, None)).mean("step")
    neglected, recalibrated, refreshed = (float(x) for x in last)
    error = 2 / np.sqrt(360 * 5)  # four standard errors of a share, at most
    assert recalibrated > neglected + error
    assert refreshed > neglected + error
    assert float(half_a_year.canary_error[1, -1]) < float(half_a_year.canary_error[0, -1])


def test_policies_with_one_key_see_one_chip(half_a_year: Any) -> None:
    """Until one of them acts, to the last bit; the months are told apart from the same start."""
    before = half_a_year.isel(step=slice(0, 3))
    for name in ("accuracy", "canary_error", "temperature_K", "failed_share"):
        np.testing.assert_array_equal(before[name][0], before[name][1])
        np.testing.assert_array_equal(before[name][0], before[name][2])
    assert float(half_a_year.canary_error[0, 10]) != float(half_a_year.canary_error[1, 10])


def test_calendar_and_energy_of_actions(half_a_year: Any) -> None:
    recalibrations = np.flatnonzero(half_a_year.action.sel(action_name="recalibrate")[1])
    np.testing.assert_array_equal(recalibrations, [4, 9, 14, 19, 24])  # the first weeks that are over 30 days apart
    refreshes = np.flatnonzero(half_a_year.action.sel(action_name="refresh")[2])
    np.testing.assert_array_equal(refreshes, np.arange(3, STEPS, 4))
    np.testing.assert_array_equal(half_a_year.writes[2, -1], 1 + len(refreshes))
    cells = 2 * (64 * 16 + 16 * 10)
    assert int(half_a_year.cells.sum()) == cells
    energy = half_a_year.action_energy_J.sum(("step", "action_name"))
    expected = [0.0, 5 * 3e-6, len(refreshes) * (2e-6 + cells * 5e-12)]
    np.testing.assert_allclose(energy, expected, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(
        half_a_year.energy_J.sum("step"),
        2e4 * (STEPS * STEP - half_a_year.downtime_s.sum("step")) * 1e-6 + energy,
        1e-5,
    )


def test_availability_is_one_minus_downtime(half_a_year: Any) -> None:
    watching = STEPS * 1e-3
    down = [watching, watching + 5 * (20.0 + 1e-3), watching + 6 * (60.0 + 1e-3)]  # canaries once more after repairs
    np.testing.assert_allclose(1 - half_a_year.availability[:, -1], np.asarray(down) / (STEPS * STEP), rtol=1e-5)


def test_layers_age_by_arrhenius_at_their_temperature(half_a_year: Any, machine: Machine) -> None:
    power = 2e4 * 1e-6 / 2 * np.array([[[1.0, 1.0], [0.0, 0.0]]])  # two tiles, half of the power on each
    expected = np.asarray(machine.network.steady(jnp.asarray(power, jnp.float32)))[0, 0]
    np.testing.assert_allclose(half_a_year.temperature_K[0, 0], expected, rtol=tolerances.PRIMITIVE)
    factor = np.exp(1.1 / 8.617333e-5 * (1 / 298.15 - 1 / expected.astype(float)))
    np.testing.assert_allclose(half_a_year.age_s[0, -1], STEPS * STEP * factor, rtol=tolerances.COMPOSITE)
    np.testing.assert_array_equal(half_a_year.age_s[2, 3], 0.0)


def test_another_policy_or_profile_is_the_same_program(half_a_year: Any, machine: Machine) -> None:
    n = len(SCORED)
    profile = dataclasses.replace(machine.traffic, requests=machine.traffic.requests.at[3].set(0.0))
    found = machine.serve(_policy(retry={"canary_error": 0.0, "at_most": 3}), traffic=profile, spare_tiles=0)
    assert len(SCORED) == n + 1  # of the digital model
    assert float(found.served[0, 3]) == 0.0
    assert float(found.temperature_K[0, 3].max()) == pytest.approx(298.15)
    np.testing.assert_array_equal(found.retries, 3.0)
    assert (found.canary_error[0, :3] <= half_a_year.canary_error[0, :3]).all()  # the least of four reads


def test_heat_traffic_and_the_digital_unit(half_a_year: Any, machine: Machine) -> None:
    limit = 0.5 * (298.15 + float(half_a_year.peak_temperature_K[0, 0]))
    always = {"canary_error": 0.0}
    cool, half, digital = (
        _policy(throttle={"temperature": f"{limit} K"}),
        _policy(degrade={**always, "share": 0.25}),
        _policy(fail_over={**always, "energy": "1 mJ", "time": "5 s"}),
    )
    found = machine.serve(cool, half, digital, spare_tiles=0)
    np.testing.assert_allclose(found.peak_temperature_K[0], limit, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(found.activity[0], 0.5, rtol=tolerances.COMPOSITE)
    np.testing.assert_allclose(found.served[0] / found.requests[0], 0.5, rtol=tolerances.COMPOSITE)
    exact = float(_accuracy(jax.vmap(nn.to_digital(machine.model))(machine.xs), jnp.asarray(machine.labels)))
    diverted = np.arange(STEPS) > 0  # answers of the first step are of the chip, whose energy it took
    mixed = lambda share: (1 - share) * found.accuracy_analog + share * exact
    np.testing.assert_allclose(found.accuracy[1], mixed(0.25 * diverted)[1], rtol=1e-5)
    np.testing.assert_allclose(found.accuracy[2], mixed(1.0 * diverted)[2], rtol=1e-6)
    np.testing.assert_array_equal(found.digital_share[2], diverted)
    np.testing.assert_array_equal(found.digital_energy_J[2] > 0, diverted)
    np.testing.assert_allclose(found.peak_temperature_K[2, 1:], 298.15)  # from the next step on
    assert float(found.action_energy_J[2].sum()) == pytest.approx(1e-3)  # paid once
    assert float(found.downtime_s[2].sum()) == pytest.approx(5.0 + STEPS * 1e-3)
    np.testing.assert_allclose(found.digital_energy_J[1, 1:], 0.25 * found.served[1, 1:] * 100e-6, rtol=1e-5)


def _switches(code: Any) -> np.ndarray:
    return np.abs(np.diff(np.asarray(code) > 0, axis=-1)).sum(-1)


def test_hysteresis_switches_less_often(machine: Machine) -> None:
    """Requests of 20 and of 18 mW in turn, around a limit of 19 mW: without hysteresis throttling begins anew every
    other week; with that of 2 mW it begins once, and at 17 mW it stays. What is diverted cools the chip by itself."""
    peak = float(machine.network.rise(1e-2 * jnp.asarray([[[1.0, 1.0], [0.0, 0.0]]])).max()) / 20e-3  # K/W, two tiles
    turns = jnp.asarray(np.resize([1.0, 0.9], STEPS), jnp.float32) * machine.traffic.requests
    limit, width = f"{298.15 + peak * 19e-3} K", f"{peak * 2e-3} K"
    policies = [
        service.load_policy({"name": f"{action} {wide}", action: {"temperature": limit} | more})
        for action, share in (("throttle", {}), ("degrade", {"share": 0.05}))
        for wide, more in ((0, share), (1, {"temperature_hysteresis": width, **share}))
    ]
    found = machine.serve(*policies, traffic=dataclasses.replace(machine.traffic, requests=turns), spare_tiles=0)
    throttled, degraded = found.action.sel(action_name="throttle"), found.action.sel(action_name="degrade")
    np.testing.assert_array_equal(_switches(throttled[:2]), [STEPS - 1, 0])
    np.testing.assert_array_equal(_switches(degraded[2:]), [STEPS - 1, 0])
    served = found.served / found.requests
    np.testing.assert_allclose(served[0], np.resize([0.95, 1.0], STEPS), rtol=tolerances.COMPOSITE)
    np.testing.assert_allclose(served[1, 1:], np.resize([17 / 18, 17 / 20], STEPS - 1), rtol=tolerances.COMPOSITE)
    lost = 1 - np.cumsum(found.served, axis=1) / np.cumsum(found.requests, axis=1)
    np.testing.assert_allclose(1 - found.availability, lost, rtol=1e-4, atol=1e-6)
    assert float(found.availability[0, -1]) == pytest.approx((19 + 18) / (20 + 18), abs=1e-4)


def test_canaries_read_after_a_repair_cost_as_others(machine: Machine) -> None:
    weekly = {"monitor": {"every": "21 days", "energy": "3 uJ", "time": "2 s"}, "recalibrate": {"every": "14 days"}}
    found = machine.serve(service.load_policy({"name": "weekly", **weekly}), spare_tiles=0)
    step = np.arange(1, STEPS + 1)
    readings = (step % 3 == 0).astype(float) + (step % 2 == 0)
    np.testing.assert_allclose(found.monitor_energy_J[0], 3e-6 * readings, rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(found.downtime_s[0], 2.0 * readings + 0.01 * (step % 2 == 0), rtol=tolerances.PRIMITIVE)


def test_worn_cells_fail_and_layers_move_to_spares(machine: Machine) -> None:
    """Refreshed every week cells of eta = 2000, beta = 1 fail by F(n) = 1 - exp(-n / 2000)."""
    weekly = {"every": "7 days"}
    worn = machine.serve(_policy(refresh=weekly), _policy(refresh=weekly, remap={"failed_share": 0.005}), spare_tiles=1)
    share = (worn.failed_share[0] * worn.cells).sum("layer") / worn.cells.sum()
    n = np.arange(1, STEPS + 1)
    F, cells = -np.expm1(-n / 2e3), int(worn.cells.sum())
    assert (np.abs(share - F) < 4 * np.sqrt(F / cells) + 1e-9).all()
    assert (np.diff(worn.failed_share[0], axis=0) >= 0).all()  # what failed stays failed
    assert float(worn.spares[1, -1]) == 0.0
    assert int(worn.moved[1].sum()) == 1  # one spare tile, one layer of one tile
    step, layer = np.argwhere(worn.moved[1].values)[0]
    assert float(worn.writes[1, step, layer]) == 1.0
    assert float(worn.failed_share[1, step, layer]) < float(worn.failed_share[1, step - 1, layer])


def test_telemetry_adds_up_and_is_read_back(half_a_year: Any, tmp_path: pathlib.Path) -> None:
    given = {"adc_calls": 16.0, "adc_latency": 2e-9, "peak_current": 1e-3}
    took = {"program_pulses": 640.0, "verify_count": 96.0, "program_latency": 3e-6}
    records = service.telemetry(half_a_year, per_request={"layers/0": given}, per_write={"layers/1": took})
    for i, policy in enumerate(half_a_year.policy.values):
        total = sum(record["energy_J"] for record in records if record["policy"] == policy)
        assert total == pytest.approx(float(half_a_year.energy_J[i].sum()), rel=1e-9)
    writes = [record for record in records if record["op_type"] == "write"]
    assert sum(record["program_pulses"] for record in writes) == 6 * (int(half_a_year.cells[0]) + 640)
    assert sum(record["verify_count"] for record in writes if record["layer"] == "layers/1") == 6 * 96
    assert {record["program_latency"] for record in writes} == {60.0, 3e-6}
    assert {(record["policy"], record["action"], record["reason"]) for record in writes} == {
        ("refresh", "refresh", "every")
    }
    first = next(record for record in records if record["op_type"] == "inference")
    assert first["adc_calls"] == pytest.approx(16.0 * float(half_a_year.served[0, 0]))
    assert (first["adc_latency"], first["peak_current"]) == (2e-9, 1e-3)
    with pytest.raises(ValueError, match="per_write of layer layers/0 knows program_pulses, .*, got 'adc_calls'"):
        service.telemetry(half_a_year, per_write={"layers/0": given})
    service.write_telemetry(records, tmp_path / "log.jsonl")
    assert service.read_telemetry(tmp_path / "log.jsonl") == records
    table = service.telemetry_table(records)
    assert float(table.energy_J.sum()) == pytest.approx(float(half_a_year.energy_J.sum()), rel=1e-9)
    assert set(table) == set(service.FIELDS)
    (tmp_path / "log.jsonl").write_text('{"timestamp": 1}\n')
    with pytest.raises(ValueError, match=r"line 1 is no record of telemetry"):
        service.read_telemetry(tmp_path / "log.jsonl")


def test_services_that_make_no_sense_are_refused(machine: Machine) -> None:
    with pytest.raises(ValueError, match=r"layer layers/1 needs tile number 2 and the thermal network has 1"):
        machine.serve(_policy(), network=heat.ThermalNetwork(1, 1))
    with pytest.raises(ValueError, match="told apart by their names"):
        machine.serve(_policy(), _policy())
    with pytest.raises(ValueError, match="requests of traffic is zero or more, got -1"):
        service.Traffic(requests=jnp.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="a number for each of 2 layers"):
        machine.serve(_policy(), traffic=dataclasses.replace(machine.traffic, shares=jnp.ones(3)))


def test_leakage_heats_and_a_chip_that_runs_away_is_said_in_one_line(machine: Machine) -> None:
    short = dataclasses.replace(machine.traffic, requests=machine.traffic.requests[:2])
    with pytest.raises(ValueError, match="runs away in step 1 under nothing") as caught:
        machine.serve(_policy(), traffic=short, leakage=heat.Leakage(power=20e-3))
    assert "\n" not in str(caught.value)
    leakage = heat.Leakage(power=1e-3)
    found = machine.serve(_policy(), _policy(throttle={"temperature": "301 K"}), traffic=short, leakage=leakage)
    power = jnp.asarray([[[1e-2, 1e-2], [0.0, 0.0]]])
    settled = heat.steady_with_leakage(machine.network, power, leakage)
    np.testing.assert_allclose(found.temperature_K[0, 0], settled[0, 0], rtol=tolerances.PRIMITIVE)
    np.testing.assert_allclose(found.leakage_energy_J[0, 0], STEP * jnp.sum(leakage(settled)), tolerances.COMPOSITE)
    assert 0 < float(found.activity[1, 0]) < 1
    np.testing.assert_allclose(found.peak_temperature_K[1], 301.0, rtol=tolerances.PRIMITIVE)
