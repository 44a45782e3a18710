"""`aimcjax fit`: from the example files to presets that load, and one line for every bad file."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import one_line
import pytest
import yaml
from typer.testing import CliRunner, Result

from aimcjax import cli, devices
from aimcjax.fitting import FORMATS, read_csv
from aimcjax.units import uS


EXAMPLES = Path(__file__).parents[2] / "experiments" / "data"
DRIFT = "t [s], g [uS]\n1, 10\n10, 9.5\n100, 8.7\n1000, 8\n"

pytestmark = pytest.mark.usefixtures("elsewhere")


def _fit(*arguments: Any) -> Result:
    return CliRunner().invoke(cli.app, ["fit", *map(str, arguments)])


def _recipe() -> Any:
    spec = importlib.util.spec_from_file_location("make", EXAMPLES / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _check(tree: dict[str, Any], truth: dict[str, float]) -> None:
    found = tree["fit"]["parameters"]
    for name, value in truth.items():
        low, high = found[name]["ci95"]
        assert low < value < high, (name, low, value, high)
        assert low < found[name]["value"] < high
        assert found[name]["standard_error"] > 0
    assert tree["fit"]["goodness"]["r2"] > 0.99


def test_iv_example_becomes_a_preset_that_loads(elsewhere: Path) -> None:
    result = _fit(EXAMPLES / "iv.csv", "--model", "vteam", "--out", "vteam.yaml")
    assert result.exit_code == 0, result.output
    assert "alpha_off" in result.stdout
    assert sorted(path.name for path in elsewhere.iterdir()) == ["vteam.md", "vteam.png", "vteam.yaml"]
    tree = yaml.safe_load((elsewhere / "vteam.yaml").read_text())
    truth = {name: value for name, value in _recipe().VTEAM.items() if name != "d"}
    _check(tree, truth)
    assert tree["fit"]["model"] == tree["device"]["type"] == "vteam"
    assert tree["fit"]["parameters"]["k_off"]["unit"] == "m/s"
    assert tree["valid"]["t"] == ["0 s", "3 ms"]
    assert tree["valid"]["v"] == ["-1 V", "1 V"]
    assert read_csv(EXAMPLES / "iv.csv").sha256 in tree["source"]
    assert "iv.csv" in tree["source"]
    model = devices.preset(str(elsewhere / "vteam.yaml"))
    assert type(model) is devices.memristors.Vteam
    for name in truth:
        assert float(getattr(model, name)) == pytest.approx(tree["fit"]["parameters"][name]["value"], rel=1e-6)
    assert 0.5 < tree["fit"]["goodness"]["reduced_chi2"] < 1.5
    assert tree["fit"]["goodness"]["n"] == 361
    assert "k_on and alpha_on" in (elsewhere / "vteam.md").read_text()  # what cannot be known apart is said


def test_pulse_example_becomes_a_preset_that_loads(elsewhere: Path) -> None:
    assert _fit(EXAMPLES / "pulses.csv", "--model", "soft_bounds", "--out", "soft.yaml", "-q").stdout == ""
    tree = yaml.safe_load((elsewhere / "soft.yaml").read_text())
    truth = _recipe().SOFT_BOUNDS
    _check(tree, {**truth, "w_start": 0.0})
    device = devices.preset(str(elsewhere / "soft.yaml"))
    assert isinstance(device.step, devices.pulsed.SoftBounds)
    traits = device.nominal()
    found = tree["fit"]["parameters"]
    for name in truth:
        assert float(getattr(traits, name)) == pytest.approx(found[name]["value"], rel=1e-5)


def test_drift_example_becomes_a_preset_that_loads(elsewhere: Path) -> None:
    result = _fit(EXAMPLES / "drift.csv", "--model", "pcm_drift", "--out", "pcm.yaml", "--fix", "t_0=20 s")
    assert result.exit_code == 0, result.output
    tree = yaml.safe_load((elsewhere / "pcm.yaml").read_text())
    truth = _recipe().DRIFT
    _check(tree, {f"g_0[{k}]": g for k, g in enumerate(truth["g_0"], 1)})
    _check(tree, {f"nu[{k}]": nu for k, nu in enumerate(truth["nu"], 1)})
    device = devices.preset(str(elsewhere / "pcm.yaml"))
    nu = [tree["fit"]["parameters"][f"nu[{k}]"]["value"] for k in (1, 2, 3)]
    assert float(device.nu_mean.value) == pytest.approx(np.mean(nu), rel=1e-6)
    assert float(device.nu_std.value) == pytest.approx(np.std(nu, ddof=1), rel=1e-6)
    assert float(device.g_max) == pytest.approx(20 * uS, rel=0.01)


@pytest.mark.slow
def test_posterior_goes_into_the_preset(elsewhere: Path) -> None:
    pytest.importorskip("numpyro")
    result = _fit(EXAMPLES / "pulses.csv", "--model", "soft_bounds", "--out", "soft.yaml", "--posterior", "-q")
    assert result.exit_code == 0, result.output
    fitted = yaml.safe_load((elsewhere / "soft.yaml").read_text())["fit"]
    for name, of in fitted["posterior"]["parameters"].items():  # many samples, few parameters: nearly Gaussian
        found = fitted["parameters"][name]
        assert of["mean"] == pytest.approx(found["value"], abs=0.3 * found["standard_error"])
        assert of["std"] == pytest.approx(found["standard_error"], rel=0.2)
    assert "posterior 95 %" in (elsewhere / "soft.md").read_text()
    devices.preset(str(elsewhere / "soft.yaml"))


def test_nothing_is_overwritten_unless_asked_for(elsewhere: Path) -> None:
    (elsewhere / "drift.csv").write_text(DRIFT)
    command = ("drift.csv", "--model", "pcm_drift", "--out", "pcm.yaml", "--quiet")
    for name in ("pcm.yaml", "pcm.png", "pcm.md"):
        (elsewhere / name).write_text("mine")
        assert f"{name} exists already" in one_line.refusal(_fit(*command))
        assert (elsewhere / name).read_text() == "mine"
        (elsewhere / name).unlink()
    (elsewhere / "pcm.yaml").write_text("mine")
    assert _fit(*command, "--overwrite").exit_code == 0
    assert yaml.safe_load((elsewhere / "pcm.yaml").read_text())["fit"]["model"] == "pcm_drift"


def test_a_failure_while_writing_leaves_nothing(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (elsewhere / "drift.csv").write_text(DRIFT)
    monkeypatch.setattr("aimcjax.reports.plot_fit", fail)
    assert "No space left" in one_line.refusal(_fit("drift.csv", "--model", "pcm_drift", "--out", "pcm.yaml"))
    assert [path.name for path in elsewhere.iterdir()] == ["drift.csv"]


IV = "t [s], v [V], i [A]\n"
BAD_FILES = {
    "empty": ("", ["is empty"]),
    "only comments": ("# nothing\n\n", ["is empty"]),
    "binary": (b"\xff\xfe\x00t", ["not a text file"]),
    "missing column": ("t [s], v [V]\n0, 0\n1, 1\n2, 2\n", ["t, v are no known format", FORMATS["iv_sweep"]]),
    "unknown column": ("t [s], q [C]\n0, 0\n", ["unknown column 'q [C]'"]),
    "no header": ("0, 1, 2\n1, 2, 3\n", ["unknown column '0'"]),
    "column twice": ("t [s], t [s], g [S]\n0, 0, 1\n", ["no known format"]),
    "no unit": ("t, g [S]\n0, 1\n", ["column t has no unit", "'t [s]'"]),
    "empty unit": ("t [], g [S]\n0, 1\n", ["column t has the unit []"]),
    "unknown unit": ("t [fortnight], g [S]\n0, 1\n", ["[fortnight]", "expected one of ps, ns"]),
    "wrong unit": ("t [s], g [V]\n0, 1\n", ["column g has the unit [V]", "uS"]),
    "NaN": (IV + "0, 0, 0\n1, nan, 1\n2, 1, 1\n", ["line 3, column v", "finite", "'nan'"]),
    "infinite": (IV + "0, 0, 0\n1, 1, 1e999\n2, 1, 1\n", ["line 3, column i", "'1e999'"]),
    "text": (IV + "0, 0, 0\n1, 1, OVLD\n2, 1, 1\n", ["line 3, column i", "expected a number", "'OVLD'"]),
    "a hole": (IV + "0, 0, 0\n1, , 1\n2, 1, 1\n", ["line 3, column v", "expected a number"]),
    "short line": (IV + "0, 0, 0\n1, 1\n", ["line 3 has 2 values", "3 columns"]),
    "semicolons": ("t [s]; v [V]; i [A]\n0; 0; 0\n", ["column t has the unit"]),
    "unsorted": (IV + "0, 0, 0\n2, 1, 1\n1, -1, -1\n", ["column t must increase", "1 s after 2 s", "sort"]),
    "unsorted cell": ("t [s], g [S], cell [1]\n1, 1, 7\n2, 1, 7\n1, 1, 7\n", ["of cell 7 must increase"]),
    "before programming": ("t [s], g [S]\n-1, 1\n2, 1\n3, 1\n", ["since programming, must not be negative", "-1 s"]),
    "no rows": (IV, ["0 row(s)"]),
    "one row": (IV + "0, 0, 0\n", ["1 row(s)", "at least 3"]),
    "zero conductance": ("t [s], g [S]\n1, 1\n2, 0\n3, 1\n", ["column g must be above zero", "sample 2"]),
    "count of pulses": ("pulse [1], w [1]\n1, 0\n2, 0.1\n3, 0.2\n", ["pulse is a direction", "got 2 at sample 2"]),
    "wrong format": (DRIFT, ["vteam is fitted to an IV sweep", "is a drift trace"]),
    "one polarity": (IV + "".join(f"{k}, {k}, {k}\n" for k in range(12)), ["needs both polarities"]),
    "too few samples": (
        IV + "0, 0, 0\n1, 1, 1\n2, -1, -1\n3, 1, 1\n4, -1, -1\n",
        ["free parameters", "only 5 samples"],
    ),
    "wrong sign": (IV + "".join(f"{k}, {(-1) ** k}, {-((-1) ** k)}\n" for k in range(12)), ["check the signs"]),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_get_one_clear_line(case: str, elsewhere: Path) -> None:
    content, fragments = BAD_FILES[case]
    path = elsewhere / "bad.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = one_line.refusal(_fit("bad.csv", "--model", "vteam", "--out", "out.yaml"))
    for fragment in ("bad.csv" if case not in ("one polarity", "wrong sign") else "", *fragments):
        assert fragment in line
    assert [each.name for each in elsewhere.iterdir()] == ["bad.csv"]


MISTAKES = {
    "no file": (("none.csv", "--model", "vteam", "--out", "a.yaml"), ["cannot read none.csv", "No such file"]),
    "a folder": ((".", "--model", "vteam", "--out", "a.yaml"), ["cannot read ."]),
    "unknown model": (("drift.csv", "--model", "vtem", "--out", "a.yaml"), ["'vtem'", "did you mean 'vteam'?"]),
    "unknown parameter": (
        ("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--fix", "t0=1 s"),
        ["no parameter 't0'", "did you mean 't_0'?"],
    ),
    "no unit": (("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--fix", "t_0=1"), ["t_0:", "quantity in s"]),
    "no value": (("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--fix", "t_0"), ["NAME=VALUE", "'t_0'"]),
    "zero": (("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--fix", "t_0=0 s"), ["t_0 must be above zero"]),
    "nothing free": (
        ("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--fix", "g_0=1 uS", "--fix", "nu=0.1"),
        ["every parameter of pcm_drift is fixed"],
    ),
    "no noise": (
        ("drift.csv", "--model", "pcm_drift", "--out", "a.yaml", "--noise", "0"),
        ["noise", "above zero, got 0"],
    ),
    "not YAML": (("drift.csv", "--model", "pcm_drift", "--out", "a.txt"), ["ends in .yaml"]),
    "no folder": (("drift.csv", "--model", "pcm_drift", "--out", "none/a.yaml"), ["cannot write to none"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_get_one_clear_line(case: str, elsewhere: Path) -> None:
    (elsewhere / "drift.csv").write_text(DRIFT)
    arguments, fragments = MISTAKES[case]
    line = one_line.refusal(_fit(*arguments))
    for fragment in fragments:
        assert fragment in line
    assert [each.name for each in elsewhere.iterdir()] == ["drift.csv"]


def test_units_and_orders_of_columns_do_not_matter(elsewhere: Path) -> None:
    (elsewhere / "a.csv").write_text("t [ms], v [mV], i [uA]\n0, 0, 0\n1, 500, 2\n2, -500, -2\n")
    (elsewhere / "b.csv").write_text("# as exported\n\ni [A],v [V] , t [s]\n0,0,0\n2e-6,0.5,1e-3\n\n-2e-6,-0.5,2e-3\n")
    a, b = read_csv("a.csv"), read_csv("b.csv")
    assert a.format == b.format == "iv_sweep"
    for name in "tvi":
        np.testing.assert_allclose(a.columns[name], b.columns[name], rtol=1e-15)
    assert a.sha256 != b.sha256
