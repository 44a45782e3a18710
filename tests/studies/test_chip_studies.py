"""A chip in service and what it pays, each small from end to end, and what their configs refuse."""

import json
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from aimcjax import cli
from aimcjax.chips import service
from aimcjax.config import load_study
from aimcjax.units import day, year


CONFIGS = Path(__file__).parents[2] / "configs"
SMALL_NETWORK = ("model.widths=[8]", "training.epochs=1", "canaries=8", "tile.rows=64", "tile.cols=16")
SMALL_DIE = ("die.tiles=6", "die.needed=5", "die.tiers=1", "die.core_area=5 mm2", "die.tile_area=20 mm2")


def _invoke(*arguments: str) -> Any:
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # optax is not strict
        return CliRunner().invoke(cli.app, ["run", *arguments])


def _run(config: Path | str, out: Path, *overrides: str) -> dict[str, Any]:
    result = _invoke(str(CONFIGS / config), *overrides, "--out", str(out))
    assert result.exit_code == 0, result.stderr
    text = (out / "report.md").read_text(encoding="utf-8")
    assert all(f"figures/{path.name})" in text for path in (out / "figures").iterdir())
    resolved = load_study(out / "config.yaml")
    assert resolved.to_yaml() == (out / "config.yaml").read_text(encoding="utf-8")
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_two_policies_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Energies follow from the requests of the week, downtimes from the times of the actions."""
    monkeypatch.chdir(tmp_path)  # the policy file is found beside the config
    out = tmp_path / "run"
    summary = _run(
        "service_digits.yaml", out, *SMALL_NETWORK, "model.widths=[]", "traffic.duration=14 days",
        "traffic.week=[1, 1, 1, 1, 1, 0.4, 0]",
        "policies={none: {}, monthly: policies/monthly.yaml, two days: {refresh: {every: 2 days, time: 7 s}}}",
    )  # fmt: skip
    requests = 40_000 * day * 2 * 5.4
    down = {"none": 14e-3, "two days": 14e-3 + 7 * (7.0 + 1e-3)}  # canaries once more after a repair
    on_working_days = {"none": 1e-3 * 10.8, "two days": 1e-3 * 10.8 + 5.4 * (7.0 + 1e-3)}  # s, weighted by requests
    for name, lost in down.items():
        found = summary["policies"][name]
        assert found["requests"] == pytest.approx(requests, rel=1e-6)
        assert found["request_energy_J"] == pytest.approx(requests * 1e-6, rel=1e-3)
        assert found["downtime_s"] == pytest.approx(lost, rel=1e-4)
        assert 1 - found["availability"] == pytest.approx(on_working_days[name] / (10.8 * day), rel=1e-4)
    assert summary["actions"]["two days"]["refresh"] == 7
    assert summary["policies"]["two days"]["writes_of_a_cell"] == 8
    assert summary["policies"]["two days"]["cells_written"] == 7 * 2 * 64 * 10
    assert summary["actions"]["monthly"]["recalibrate"] >= 1
    with xr.open_dataset(out / "results.nc") as data:
        assert data.sizes["step"] == 14
        assert float(data.temperature_K[0, 6].max()) == pytest.approx(308.15, abs=1e-3)  # Sundays are quiet
        for name in (*down, "monthly"):
            records = service.read_telemetry(out / f"telemetry_{name}.jsonl")
            assert {record["policy"] for record in records} == {name}
            total = sum(record["energy_J"] for record in records)
            assert total == pytest.approx(float(data.energy_J.sel(policy=name).sum()), rel=1e-6)
            again = service.load_policy(out / f"runtime_policy_{name}.yaml")
            assert eqx.tree_equal(again, load_study(out / "config.yaml").policies[name])


def test_an_edited_map_and_its_policy_are_served_with(tmp_path: Path) -> None:
    """The file as written refreshes every 30 days, the edited one every 2: 7 times in two weeks."""
    maps, out = tmp_path / "maps", tmp_path / "run"
    small = (*SMALL_NETWORK, "model.widths=[]", "traffic.duration=14 days", "chip.design={grid: [2, 2]}")
    config = str(CONFIGS / "service_digits.yaml")
    result = CliRunner().invoke(cli.app, ["map", config, *small, "--out", str(maps)])
    assert result.exit_code == 0, result.output
    policy, table = maps / "runtime_policy.yaml", maps / "mapping_table.json"
    edited = policy.read_text(encoding="utf-8").replace(
        "{every: 30 days, canary_error: 0.5}", "{every: 2 days, time: 7 s}"
    )
    policy.write_text(edited.replace("name: default", "name: by hand"), encoding="utf-8")
    rows = json.loads(table.read_text())
    rows[0] |= {"grid_row": 1, "grid_col": 1}
    table.write_text(json.dumps(rows))
    summary = _run("service_digits.yaml", out, *small, f"chip.mapping={maps}", "policies={none: {}}")
    assert set(summary["policies"]) == {"none", "by hand"}
    assert summary["actions"]["by hand"]["refresh"] == 7
    assert eqx.tree_equal(service.load_policy(policy), service.load_policy(out / "runtime_policy_by hand.yaml"))
    rows[0]["grid_col"] = 5
    table.write_text(json.dumps(rows))
    mapped, same = f"chip.mapping={maps}", f"policies={{by hand: {policy}}}"
    for overrides, message in (
        ([mapped, same], "layer layers/0, tile tile_0000: bank 0, row 1, column 5"),
        ([mapped, "policies={by hand: {refresh: {every: 3 days}}}"], "policies has another 'by hand' than"),
        (["chip.replicas={layers/7: 2}"], "no layer is called 'layers/7'"),
    ):
        result = _invoke(config, *small, *overrides, "--out", str(tmp_path / "not"), "--quiet")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert message in result.stderr


def test_yield_price_and_break_even(tmp_path: Path) -> None:
    """Dies drawn agree with the closed form; at the break-even both cost the same, by plain arithmetic."""
    out = tmp_path / "run"
    summary = _run("economics.yaml", out, *SMALL_DIE, "n_dies=4_000", "wafer.price=3000 USD", "tokens_per_day=1.0e+7")
    for found in summary["yield"].values():
        assert abs(found["closed_form"] - found["drawn"]) < 4 * found["standard_error"]
        area = 5 + 6 * (20 + 0.1)
        radius, pitch = 147.0, np.sqrt(area) + 0.1
        dies = np.pi * (radius / pitch) ** 2 * np.exp(-pitch / radius)
        price = (3000 / dies + 1.0) / found["closed_form"] ** 0.99
        assert found["die_price_USD"] == pytest.approx(price, rel=1e-4)
    spared = next(iter(summary["yield"].values()))
    capital = 28 * (spared["die_price_USD"] + 20 + 750) / 0.98 + 500
    assert summary["machines"]["chip"]["capital_USD"] == pytest.approx(capital, rel=1e-4)
    joule = 0.12 / 3.6e6 * 1.5
    rate = 8 * 1555e9 / (7e9 * 0.625)

    def cost(x: float, capital: float, standby: float, energy: float, rate: float) -> float:
        fixed = capital * (1 / 5 + 0.05) * day / year + standby * day * joule
        return x * energy * joule + max(x / (rate * 0.5 * day), 1.0) * fixed

    x = summary["break_even_tokens_per_day"]
    chip = cost(x, capital, 5.0 + 10.0 / (30 * day), 10e-3, 1e4)
    assert chip == pytest.approx(cost(x, 15000.0, 50.0, 350.0 / rate, rate), rel=1e-4)
    small = 1e-1 * cost(1e7, 15000.0, 50.0, 350.0 / rate, rate)
    assert summary["machines"]["GPU"]["USD_per_million"] == pytest.approx(small, rel=1e-4)
    assert summary["machines"]["GPU"]["tokens_per_s"] == pytest.approx(rate, rel=1e-5)
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "| machine.energy_per_token | 10 mJ | - | assumed" in text
    assert "| wafer.price | 3000 USD | 4000 USD | given by the config |" in text
    assert {path.name for path in (out / "figures").iterdir()} == {
        "cost.png", "tornado_cost.png", "tornado_break_even.png"
    }  # fmt: skip


def test_a_process_without_good_dies_has_no_price(tmp_path: Path) -> None:
    out, hopeless = tmp_path / "run", "defects={type: poisson, density: 1e9 1/m2}"
    summary = _run("economics.yaml", out, *SMALL_DIE, hopeless, "n_dies=100")
    assert summary["machines"]["chip"]["USD_per_million"] is None  # infinite
    text = (out / "report.md").read_text(encoding="utf-8")
    assert "No die is good, so tokens have no price" in text
    assert "depends most" not in text


@pytest.mark.parametrize(
    ("name", "override", "message"),
    [
        ("service_digits", "policies.monthly={refresh: {evry: 1 day}}", "policies.monthly: policy: refresh: no trig"),
        ("service_digits", "policies.monthly={refesh: {}}", "did you mean 'refresh'"),
        ("service_digits", "policies.monthly=policies/weekly.yaml", "no such policy file: policies/weekly.yaml"),
        ("service_digits", "policies={}", "policies: expected at least one entry"),
        ("service_digits", "policies={a/b: {}}", "the name of a policy: expected up to 100 letters"),
        ("service_digits", "traffic.duration=0 days", "traffic.duration: expected a value above 0, got '0 days'"),
        ("service_digits", "traffic.energy=-1 uJ", "traffic.energy: expected zero or more"),
        ("service_digits", "traffic.duration=1000 years", "at most 100000 steps"),
        ("service_digits", "heat.network.sinc=3 K/W", "did you mean 'sink'"),
        ("service_digits", "canaries=5_000", "canaries=5000 is more than the 1437 training samples"),
        ("economics", "wafer.price=-1 USD", "price must be at least 0 USD"),
        ("economics", "machine.die_price=3 USD", "die_price follows from die, defects and wafer"),
        ("economics", "machine.board_price=3 EUR", "machine: board_price: expected a quantity in USD"),
        ("economics", "gpu={type: aimc_machine, tokens_per_s: 1 tokens/s, energy_per_token: 1 J}", "type gpu_machine"),
        ("economics", "defects.type=negative_binomal", "did you mean 'negative_binomial'"),
        ("economics", "sources={machine.dys: none}", "'machine.dys' is no input; did you mean 'machine.dies'"),
        ("economics", "n_dies=1_000_000", "are 1.1e+09 numbers"),
    ],
)
def test_bad_input_is_refused_in_one_line(name: str, override: str, message: str, tmp_path: Path) -> None:
    result = _invoke(str(CONFIGS / f"{name}.yaml"), override, "--out", str(tmp_path / "run"))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_chip_that_is_too_small_leaves_nothing(tmp_path: Path) -> None:
    config = str(CONFIGS / "service_digits.yaml")
    result = _invoke(config, *SMALL_NETWORK, "chip.max_tiles=1", "--out", str(tmp_path / "run"), "--quiet")
    assert result.exit_code == 2
    assert "the chip has 1 tiles and layer layers/1 (8x10) needs tile number 2" in result.stderr
    assert not list(tmp_path.iterdir())
