"""The log of a chip in service: every field that is asked of it, tile by tile."""

from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
import tolerances

from aimcjax import chips, nn, periphery, tiles
from aimcjax.chips import heat, service
from aimcjax.models import Mlp
from aimcjax.units import day


TILE = tiles.TileDesign(
    rows=8, cols=8, dac=periphery.UniformDac(bits=7), adc=periphery.UniformAdc(bits=6),
    policy=tiles.WriteVerify(tolerance=0.05, max_iterations=3),
)  # fmt: skip
MODEL = nn.convert(Mlp(12, 10, (9,), key=jr.key(0)), [nn.Rule(".*", TILE)])  # two layers of 2 x 2 tiles
SERVED = 1e6


@pytest.fixture(scope="module")
def log() -> Any:
    xs = jr.normal(jr.key(1), (8, 12))
    data = service.serve(
        MODEL,
        service.load_policy({"name": "daily", "refresh": {"every": "2 days", "energy_per_write": "5 pJ"}}),
        service.Traffic.constant(SERVED / day, steps=2, step=day),
        heat.ThermalNetwork(3, 3),
        canaries=xs,
        xs=xs,
        labels=jnp.zeros(8, int),
        score=lambda logits, labels: jnp.mean((jnp.argmax(logits, -1) == labels).astype(float)),
        key=jr.key(2),
    )
    chip = nn.program(MODEL, key=jr.key(3))
    requests = service.request_facts(chips.place(chip, chips.Chip(), sample=xs[0]))
    writes = service.write_facts(nn.programming_reports(MODEL, key=jr.key(3)))
    return data, requests, writes, chip, service.telemetry(data, per_request=requests, per_write=writes)


def test_every_tile_has_its_records_and_all_fields(log: Any) -> None:
    data, *_, records = log
    assert {
        "timestamp", "tile_id", "op_type", "adc_calls", "adc_latency", "peak_current", "tile_temperature",
        "program_pulses", "verify_count", "program_latency", "tile_state_version", "short_validation_loss",
    } <= set(service.FIELDS)  # fmt: skip
    ids = [f"tile_{index:04d}" for index in range(8)]
    inference = [record for record in records if record["op_type"] == "inference"]
    assert [record["tile_id"] for record in inference] == 2 * ids
    assert [record["layer"] for record in inference[:8]] == 4 * ["layers/0"] + 4 * ["layers/1"]
    of_writes = ("program_pulses", "verify_count", "program_latency")
    for record in inference:
        assert {name for name, value in record.items() if value is None} == {"action", "reason", *of_writes}
    np.testing.assert_array_equal(
        [record["tile_temperature"] for record in inference[:8]], data.node_temperature_K[0, 0, :8].values
    )
    assert len({record["tile_temperature"] for record in inference[:8]}) > 1
    writes = [record for record in records if record["op_type"] == "write"]
    assert [record["tile_id"] for record in writes] == ids
    assert all(record[name] > 0 for record in writes for name in of_writes)
    assert [record["tile_state_version"] for record in writes] == 8 * [1]
    total = sum(record["energy_J"] for record in records)
    assert total == pytest.approx(float(data.energy_J.sum()), rel=1e-9, abs=0.0)


def test_requests_by_hand(log: Any) -> None:
    _, requests, _, chip, records = log
    n_out, n_rows, n_tiles = {"layers/0": 9, "layers/1": 10}, 2, 4
    for name, layer in nn.analog_layers(chip).items():
        facts = requests[name]
        assert facts["adc_calls"] == n_rows * n_out[name]  # the sums of every block of rows
        close = {"rel": tolerances.COMPOSITE, "abs": 0.0}
        assert facts["adc_latency"] == pytest.approx(8 / 1.2e9, **close)  # eight columns share one
        g = sum(float(jnp.sum(g)) for g in _driven(layer))
        assert facts["peak_current"] == pytest.approx(float(TILE.dac.v_max) * g / n_tiles, **close)
        calls = [
            record["adc_calls"] for record in records if record["layer"] == name and record["op_type"] == "inference"
        ]
        np.testing.assert_allclose(sum(calls), 2 * SERVED * facts["adc_calls"], rtol=tolerances.COMPOSITE)


def _driven(layer: Any) -> list[Any]:
    """Conductances of rows that hold weights, by row of tiles: 12 inputs lie in blocks of 6 and 6, 9 of 5 and 4."""
    g = layer.matrix.at(0.0).tiles.g
    return [g[0], g[1] if layer.name == "layers/0" else g[1, ..., :4, :]]


def test_writes_are_those_of_the_policy(log: Any) -> None:
    _, _, writes, _, records = log
    for name, report in nn.programming_reports(MODEL, key=jr.key(3)).items():
        found = [record for record in records if record["op_type"] == "write" and record["layer"] == name]
        assert sum(record["verify_count"] for record in found) == pytest.approx(float(report.reads.sum()))
        assert sum(record["program_pulses"] for record in found) == pytest.approx(float(report.pulses.sum()))
        assert writes[name]["program_latency"] == pytest.approx(float(report.time.mean()))
