"""The Verilog-A export, evaluated by an evaluator of its own against the models of aimcjax."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tolerances
from typer.testing import CliRunner
from verilog_evaluator import Module

from aimcjax import cli, reports
from aimcjax.devices import IdealDevice, memristors
from aimcjax.devices.memristors import (
    AbstractWindow,
    Biolek,
    GapNoise,
    Joglekar,
    Prodromakis,
    Rectangular,
    StanfordPku,
    Team,
    TeamWindow,
    Vteam,
    Yakopcic,
    Zha,
)  # fmt: skip
from aimcjax.reports._verilog_a._functions import RESERVED


EXPORTED = [n for n in memristors.preset_names() if n.startswith(("vteam", "team", "yakopcic", "stanford_pku"))]
FRACTIONS = (-0.01, 0.0, 1e-6, 0.13, 0.205, 0.305, 0.495, 0.52, 0.86, 1.0, 1.02)  # also beside x_p and 1 - x_n
WIDE: dict[type, dict[str, float]] = {  # widths that are neither zero nor the defaults
    Vteam: {"width": 0.013}, Team: {"width": 7e-6}, Yakopcic: {"width": 0.08},
    StanfordPku: {"f_width": 2e8, "gap_width": 1e-10},
}  # fmt: skip
SHARP: dict[type, dict[str, float]] = {
    Vteam: {"width": 0.0}, Team: {"width": 0.0}, Yakopcic: {"width": 0.0},
    StanfordPku: {"f_width": 0.0, "gap_width": 0.0},
}  # fmt: skip


def _with(model: Any, **values: Any) -> Any:
    return dataclasses.replace(model, **values)


def _volts(model: Any) -> np.ndarray:
    """Voltages on both sides of the thresholds, also within a width of them, and zero."""
    span = {Team: 3.1, StanfordPku: 1.9}.get(type(model), 1.7)
    near = [getattr(model, n) for n in ("v_off", "v_on", "v_p") if hasattr(model, n)]
    near += [-model.v_n] if hasattr(model, "v_n") else []
    if isinstance(model, Team):  # the thresholds of a cell at 13 per cent of its range
        near += [float(i) * (100 + 199900 * 0.13) for i in (model.i_off, model.i_on)]
    beside = [float(v) * (1 + e) for v in near for e in (-0.03, -0.004, 0.003, 0.04)]
    return np.array([0.0, *np.linspace(-span, span, 14), *beside])


def _ours(model: Any, volts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Current and rate of the fraction by the equations of the model, stopped at the bounds as `simulate` does."""
    low, high = model.bounds()

    def both(y: Any, v: Any) -> Any:
        x = low * (1 - jnp.clip(y, 0.0, 1.0)) + high * jnp.clip(y, 0.0, 1.0)
        t = model.temperature(x, v)
        return model.current(x, v, t), model.rate(x, v, t) / (high - low)

    y, v = jnp.asarray(FRACTIONS), jnp.asarray(volts)
    i, rate = jax.jit(jax.vmap(lambda y: jax.vmap(lambda v: both(y, v))(v)))(y)
    i, rate = np.array(i), np.array(rate)
    outward = ((np.asarray(y)[:, None] <= 0) & (rate < 0)) | ((np.asarray(y)[:, None] >= 1) & (rate > 0))
    return i, np.where(outward, 0.0, rate)


def _theirs(text: str, volts: np.ndarray, **changed: float) -> tuple[np.ndarray, np.ndarray]:
    module = Module(text)
    kept = {"deviate": 0.0}
    runs = [
        [module.evaluate({("p", "n"): v, ("state",): y}, kept=kept, **changed).contributed for v in volts.tolist()]
        for y in FRACTIONS
    ]
    i = np.array([[run[("p", "n")] for run in row] for row in runs])
    return i, -np.array([[run[("state",)] for run in row] for row in runs])


def _agree(model: Any, of_largest: float = 0.0) -> None:
    """To 1e-9; and to `of_largest` of the largest rate at the same voltage, where a window is zero up to rounding."""
    volts = _volts(model)
    (i, rate), (their_i, their_rate) = _ours(model, volts), _theirs(reports.verilog_a(model, name="device"), volts)
    assert np.count_nonzero(rate) > rate.size / 5  # and not two modules at rest
    assert np.count_nonzero(rate[2:-1] == 0) >= 7  # some voltages rest
    np.testing.assert_allclose(their_i, i, rtol=1e-9)
    allowed = 1e-9 * np.abs(rate) + of_largest * np.max(np.abs(rate), axis=0) + 1e-300
    np.testing.assert_array_less(np.abs(their_rate - rate), allowed)


@pytest.mark.parametrize("widths", [SHARP, WIDE], ids=["sharp", "smooth"])
@pytest.mark.parametrize("name", EXPORTED)
def test_equations_are_ours(name: str, widths: dict[type, dict[str, float]]) -> None:
    with jax.enable_x64(True):
        model = memristors.preset(name)
        _agree(_with(model, **widths[type(model)]))


@pytest.mark.parametrize("model", [StanfordPku, Team], ids=lambda model: model.__name__)
def test_equations_of_the_defaults(model: Any) -> None:
    with jax.enable_x64(True):
        _agree(model())


@pytest.mark.parametrize("ambient", [250.0, 400.0])
def test_stanford_pku_at_other_temperatures(ambient: float) -> None:
    with jax.enable_x64(True):
        model, volts = StanfordPku(), np.linspace(-1.9, 1.9, 9)
        text = reports.verilog_a(model, name="device")
        for theirs, ours in zip(_theirs(text, volts, ambient=ambient), _ours(StanfordPku(ambient=ambient), volts),
                                strict=True):  # fmt: skip
            np.testing.assert_allclose(theirs, ours, rtol=1e-9)


WINDOWS: list[AbstractWindow] = [
    Rectangular(), Joglekar(p=1.0), Joglekar(p=2.5), Biolek(p=3.0), Biolek(p=1.5, width=1e-3),
    Prodromakis(p=2.0, j=1.3), Zha(p=5.0, j=0.7), Zha(p=1.0, width=2e-3), TeamWindow(w_c=0.2, width=1e-3),
]  # fmt: skip


@pytest.mark.parametrize("cell", [Vteam, Team], ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: type(window).__name__)
def test_windows_are_ours(window: AbstractWindow, cell: Any) -> None:
    with jax.enable_x64(True):
        exact = type(window)(**{k: float(str(v)) for k, v in vars(window).items()})
        _agree(cell(window=exact), of_largest=tolerances.FLOAT64)


def test_windows_of_others_are_refused() -> None:
    class Own(AbstractWindow):
        def __call__(self, x: Any, i: Any) -> Any:
            return x

    with pytest.raises(ValueError, match="no Verilog-A for the window Own; known: Biolek, Joglekar, Prodromakis"):
        reports.verilog_a(Vteam(window=Own()), name="device")


@pytest.mark.parametrize("name", EXPORTED)
def test_parameters_hold_the_values_of_the_model_within_their_ranges(name: str) -> None:
    model = memristors.preset(name)
    module = Module(reports.verilog_a(model, name=name))
    assert module.name == name
    used = {f.name for f in dataclasses.fields(model) if f.metadata.get("unit")}
    used -= {"ambient"} if name.startswith(("vteam", "team", "yakopcic")) else set()
    assert used <= set(module.parameters)
    for key, parameter in module.parameters.items():
        assert parameter.inside(parameter.value), key
        assert not parameter.inside(parameter.low - 1) or parameter.low == -np.inf
        assert not parameter.inside(parameter.high + 1) or parameter.high == np.inf
        assert parameter.attributes["desc"]
        if key in used:
            assert jnp.asarray(parameter.value) == getattr(model, key)
            unit = next(f.metadata["unit"] for f in dataclasses.fields(model) if f.name == key)
            assert parameter.attributes.get("units", "1") == unit


def test_widths_stay_below_both_thresholds() -> None:
    parameter = Module(reports.verilog_a(Vteam(v_off=0.3, v_on=-0.2), name="device")).parameters["width"]
    assert (parameter.low, parameter.high, parameter.brackets) == (0.0, pytest.approx(0.2), "[)")
    with pytest.raises(ValueError, match=r"width must lie within \[0:min\(v_off, -v_on\)\) to be exported, got 0.25"):
        reports.verilog_a(Vteam(v_off=0.3, v_on=-0.2, width=0.25), name="device")


@pytest.mark.parametrize("name", EXPORTED)
def test_names_are_none_of_the_language(name: str) -> None:
    module = Module(reports.verilog_a(memristors.preset(name), name=name))
    assert not (module.variables.keys() | module.functions.keys() | module.nodes) & RESERVED


@pytest.mark.parametrize("name", EXPORTED)
def test_operating_points_hold_the_state_at_its_start(name: str) -> None:
    with jax.enable_x64(True):
        model = memristors.preset(name)
        low, high = (float(bound) for bound in model.bounds())
        module = Module(reports.verilog_a(model, name=name))
        start = (float(model.initial()) - low) / (high - low)
        probes = {("p", "n"): 0.0, ("state",): start}
        pull = [
            module.evaluate({**probes, ("state",): start + d}, static=True, kept={"deviate": 0.0}).contributed[
                ("state",)
            ]
            for d in (0.0, 0.25)
        ]
    assert pull == pytest.approx([0.0, 0.25], abs=1e-12)


def test_noise_has_the_variance_of_our_brownian_motion() -> None:
    with jax.enable_x64(True):
        model = StanfordPku(noise=GapNoise(step=2e-10), gap_start=1e-9)
        module = Module(reports.verilog_a(model, name="device", seed=5))
        probes = {("p", "n"): 0.7, ("state",): 0.4}
        first = module.evaluate(probes, events=("initial_step", "timer"), deviate=1.0)
        assert first.values["random_state"] == 5
        held = module.evaluate(probes, kept={"deviate": first.values["deviate"]}, deviate=-3.0)
        quiet = module.evaluate(probes, kept={"deviate": 0.0})
        x, v = jnp.asarray(0.2e-9 * 0.6 + 1.7e-9 * 0.4), jnp.asarray(0.7)
        amplitude = float(model.diffusion(x, v, model.temperature(x, v))) / 1.5e-9
    shift = quiet.contributed[("state",)] - held.contributed[("state",)]  # a unit deviate, in 1/s
    assert shift * np.sqrt(2e-10) == pytest.approx(amplitude, rel=1e-9)  # variance: shift^2 step^2 per step
    assert first.contributed == held.contributed


def test_text_is_the_same_and_a_seed_changes_only_the_seed() -> None:
    for name in EXPORTED:
        model = memristors.preset(name)
        assert reports.verilog_a(model, name="device") == reports.verilog_a(memristors.preset(name), name="device")
    model = memristors.preset("stanford_pku_noisy")
    lines = [reports.verilog_a(model, name="device", seed=seed).splitlines() for seed in (1, 2)]
    assert [pair for pair in zip(*lines, strict=True) if pair[0] != pair[1]] == [
        tuple(f"    parameter integer seed = {seed} from [0:2147483647];" for seed in (1, 2))
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": IdealDevice()}, "no Verilog-A for IdealDevice; what can be exported: StanfordPku, Team, Vteam, Yak"),
        ({"model": "vteam"}, "no Verilog-A for str; what can be exported: StanfordPku, Team, Vteam, Yakopcic"),
        ({"model": Vteam(k_off=-1.0)}, r"k_off must lie within \(0:inf\) to be exported, got -1.0"),
        ({"model": Vteam(alpha_on=float("nan"))}, "alpha_on must lie within .* got nan"),
        ({"model": Team(x_start=4e-9)}, r"x_start must lie within \[0:d\] to be exported, got 4e-09"),
        ({"name": "3d"}, "name must be an identifier .* got '3d'"),
        ({"name": "module"}, "name must be an identifier .* got 'module'"),
        ({"seed": -1}, "seed must be a whole number from 0 to 2147483647, got -1"),
        ({"seed": 2**31}, "seed must be a whole number from 0 to 2147483647, got 2147483648"),
    ],
)
def test_bad_arguments_get_one_line(arguments: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"model": Vteam(), "name": "device"}
    with pytest.raises(ValueError, match=message) as caught:
        reports.verilog_a(**(good | arguments))
    assert "\n" not in str(caught.value)


def test_a_batch_of_cells_is_refused() -> None:
    cells = jax.vmap(lambda k: Vteam(k_off=k))(jnp.asarray([1e-3, 2e-3]))
    with pytest.raises(ValueError, match=r"k_off of Vteam of shape \(2,\); pick one cell"):
        reports.verilog_a(cells, name="device")


def test_the_command_writes_the_file_once(tmp_path: Path) -> None:
    target = tmp_path / "cell.va"
    run = lambda *arguments: CliRunner().invoke(cli.app, ["devices", *arguments])
    command = ("team_pickett", "--verilog-a", str(target))
    result = run(*command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert target.read_text() == reports.verilog_a(Team.preset("pickett"), name="team_pickett")
    target.write_text("mine")
    result = run(*command)
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"aimcjax: {target} exists already; choose another --verilog-a, or replace it with --overwrite\n"
    )
    assert target.read_text() == "mine"
    assert run(*command, "--overwrite").exit_code == 0
    assert Module(target.read_text()).name == "team_pickett"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pcm_joshi2020", "--verilog-a", "a.va"], "what can be exported: StanfordPku, Team, Vteam, Yakopcic"),
        (["pickett_pickett2009", "--verilog-a", "a.va"], "no Verilog-A for Pickett; what can be exported"),
        (["vteam_tecnion", "--verilog-a", "a.va"], "unknown device preset 'vteam_tecnion'"),
        (["vteam_technion", "--verilog-a", "missing/a.va"], "missing"),
        (["vteam_technion", "--verilog-a", "."], "takes the name of a .va file in a folder that is there, got ."),
        (["vteam_technion", "--verilog-a", ".", "--overwrite"], "takes the name of a .va file"),
        (["vteam_technion", "--verilog-a", "a.va", "--plot"], "--plot and --verilog-a"),
        (["--verilog-a", "a.va"], "--verilog-a needs the NAME"),
    ],
)
def test_mistakes_of_the_command_leave_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["devices", *arguments])
    assert result.exit_code == 2, result.output
    assert re.fullmatch(rf"aimcjax: .*{re.escape(message)}.*\n", result.stderr)
    assert list(tmp_path.iterdir()) == []
