"""One template per model."""

import functools

from ...devices import memristors as library
from ._module import Cell, assemble, parameters
from ._windows import window


def verilog_a(model: object, *, name: str, seed: int = 0) -> str:
    r"""The compact `model` as a Verilog-A module with the terminals p and n and an internal node for its state,

    $$I(p, n) = i(x, v), \qquad \dot y = \dot x / (x_{max} - x_{min}),$$
    with the thresholds, windows, widths and bounds of the model. Every parameter has a unit, a description and a range.
    The temperature is that of the model, not that of the circuit. Noise is drawn from a seed: a normal deviate every
    `noise_step`, held in between, which has the variance of the model's Brownian motion.

    **Arguments:** `model`, a `Vteam`, `Team`, `Yakopcic` or `StanfordPku` with known parameters, with any of the
    windows of `devices.memristors`; `name` of the module; `seed`, the default of the parameter of that name, which
    only a module with noise has.

    **Returns:** the text of the file, the same for the same arguments.

    **Raises:** `ValueError` for another model or window, a parameter outside its range, a batch of cells, a `name`
    that Verilog-A does not allow, or a `seed` that is not a whole number from 0 to 2147483647.

    **Reference:** Verilog-AMS Language Reference Manual 2.4, Accellera (2014).
    """
    return assemble(_cell(model), title=type(model).__name__, name=name, seed=seed)


@functools.singledispatch
def _cell(model: object) -> Cell:
    known = ", ".join(sorted(cls.__name__ for cls in _cell.registry if cls is not object))
    raise ValueError(f"no Verilog-A for {type(model).__name__}; what can be exported: {known}")


@_cell.register
def _(model: library.Vteam) -> Cell:
    source = "VTEAM, Kvatinsky et al., IEEE Trans. Circuits Syst. II 62:786 (2015)."
    return _between_thresholds(model, source, "v", "w", "from 0, switched on, to d, switched off")


@_cell.register
def _(model: library.Team) -> Cell:
    source = "TEAM, Kvatinsky et al., IEEE Trans. Circuits Syst. I 60:211 (2013)."
    return _between_thresholds(model, source, "i", "x", "width of the barrier, from 0 to d")


def _between_thresholds(model: library.Vteam | library.Team, source: str, drive: str, state: str, words: str) -> Cell:
    """Of a `state` that rests between two thresholds of its `drive`."""
    shape, shaped = window(model.window)
    return Cell(
        reference=source,
        notes=[_threshold(drive), f"Window: {type(model.window).__name__}."],
        parameters=[*parameters(model, _THRESHOLD_ROWS.format(drive=drive, state=state)), *shape],
        state=(state, "m", words),
        value="d * y", start=f"{state}_start / d",
        statements=_THRESHOLDS.format(drive=drive) + shaped + "\nrate = rate * window;",
    )  # fmt: skip


@_cell.register
def _(model: library.Yakopcic) -> Cell:
    rows = """
        a_1; (0:inf); current at x = 1 and positive voltages, over sinh(b v)
        a_2; (0:inf); current at x = 1 and negative voltages, over sinh(b v)
        b; (0:inf); curvature of the current
        a_p; (0:inf); rate constant at positive voltages
        a_n; (0:inf); rate constant at negative voltages
        v_p; (0:inf); threshold at positive voltages
        v_n; (0:inf); threshold at negative voltages, its magnitude
        alpha_p; [0:inf); how fast the rate falls above x_p
        alpha_n; [0:inf); how fast the rate falls below 1 - x_n
        x_p; [0:1); where a rising x starts to slow down
        x_n; [0:1); 1 - x where a falling x starts to slow down
        x_start; [0:1]; x at the start
        width; [0:min(v_p, v_n)); width over which the thresholds are smooth, 0 for sharp ones
    """
    return Cell(
        reference="Yakopcic et al., IEEE Electron Device Lett. 32:1436 (2011) and IJCNN (2013).",
        notes=[_threshold("v"), "Voltages in exponents are in volts."],
        parameters=parameters(model, rows),
        state=("x", "1", "from 0 to 1, the most conductive"),
        value="y", start="x_start", statements=_YAKOPCIC,
    )  # fmt: skip


@_cell.register
def _(model: library.StanfordPku) -> Cell:
    rows = """
        g_0; (0:inf); decay length of the current with the gap
        v_0; (0:inf); voltage scale of the current
        velocity_0; (0:inf); prefactor of the velocity of the gap
        i_0; (0:inf); prefactor of the current
        beta; [0:inf); fall of the field factor with the cubed gap in nm
        gamma_0; (0:inf); field factor of a closed gap
        e_a; (0:inf); barrier
        a_0; (0:inf); distance between sites
        t_ox; (0:inf); thickness of the oxide
        f_min; [0:inf); field below which the gap rests
        f_width; [0:inf); width over which that threshold is smooth, 0 for a sharp one
        gap_min; [0:inf); smallest gap
        gap_max; (gap_min:inf); largest gap
        gap_width; [0:inf); distance from a bound within which the gap slows down, 0 for a hard stop
        gap_start; [gap_min:gap_max]; gap at the start
        ambient; (0:inf); temperature of the cell at rest
        r_th; [0:inf); thermal resistance
        boltzmann; (0:inf); Boltzmann constant over the elementary charge
    """
    return Cell(
        reference="Jiang et al., IEEE TED 63:1884 (2016); rram_v_1_0_0.va, nanoHUB 10.4231/D37H1DN48.",
        notes=["Temperature: quasi-static, ambient + r_th v i.", *([] if model.noise is None else _NOISE_NOTES)],
        parameters=[
            *parameters(model, rows),
            *([] if model.noise is None else parameters(model.noise, _NOISE_ROWS, prefix="noise_")),
        ],
        state=("gap", "m", "gap of the filament, from gap_min to gap_max"),
        value="gap_min * (1.0 - y) + gap_max * y", start="(gap_start - gap_min) / (gap_max - gap_min)",
        statements=_STANFORD.format(noise="" if model.noise is None else _NOISE),
        drawn="" if model.noise is None else _DRAWN,
    )  # fmt: skip


def _threshold(drive: str) -> str:
    return f"Thresholds in {drive}: smooth within `width` of them, the sharp ones of the reference elsewhere."


_THRESHOLD_ROWS = """
    k_off; (0:inf); speed constant towards off
    k_on; (-inf:0); speed constant towards on
    alpha_off; (0:inf); exponent towards off
    alpha_on; (0:inf); exponent towards on
    {drive}_off; (0:inf); threshold towards off
    {drive}_on; (-inf:0); threshold towards on
    d; (0:inf); largest {state}
    r_on; (0:inf); resistance at {state} = 0
    r_off; (0:inf); resistance at {state} = d
    width; [0:min({drive}_off, -{drive}_on)); width over which the thresholds are smooth, 0 for sharp ones
    {state}_start; [0:d]; {state} at the start
"""

_THRESHOLDS = """
i = v / (r_on + (r_off - r_on) * y);
if ({drive} > 0.0)
    rate = k_off / d * positive_power(positive_part({drive} - {drive}_off, width) / {drive}_off, alpha_off);
else
    rate = k_on / d * positive_power(positive_part({drive}_on - {drive}, width) / (-{drive}_on), alpha_on);
"""

_YAKOPCIC = """
if (v >= 0.0)
    i = a_1 * x * sinh(b * v);
else
    i = a_2 * x * sinh(b * v);
if (v > 0.0) begin
    rate = a_p * exp(v_p) * exp_minus_one(positive_part(v - v_p, width));
    if (x >= x_p)
        rate = rate * exp(-alpha_p * (x - x_p)) * (1.0 - x) / (1.0 - x_p);
end else begin
    rate = -a_n * exp(v_n) * exp_minus_one(positive_part(-v - v_n, width));
    if (x <= 1.0 - x_n)
        rate = rate * exp(alpha_n * (x + x_n - 1.0)) * x / (1.0 - x_n);
end
"""

_STANFORD = """
i = i_0 * exp(-gap / g_0) * sinh(v / v_0);
temperature = ambient + r_th * v * i;
kt = boltzmann * temperature;
field = (gamma_0 - beta * pow(gap / 1.0e-9, 3.0)) * v / t_ox;
moving = smooth_step(abs(field) - f_min, f_width);
velocity = -velocity_0 * exp(-e_a / kt) * sinh(a_0 * field / kt) * moving;
if (velocity > 0.0)
    velocity = velocity * slowed(gap_max - gap, gap_width);
else
    velocity = velocity * slowed(gap - gap_min, gap_width);
{noise}
rate = velocity / (gap_max - gap_min);
"""

_NOISE = "velocity = velocity + noise_amplitude / (1.0 + exp((noise_t_crit - temperature) / noise_t_smooth)) * deviate;"

_NOISE_ROWS = """
    amplitude; [0:inf); standard deviation of the random velocity of a hot gap
    step; (0:inf); time after which it is drawn again
    t_crit; (-inf:inf); temperature of half the amplitude
    t_smooth; (0:inf); width of the rise with temperature
"""

_NOISE_NOTES = [
    "Noise: a random velocity of the gap, drawn every noise_step and held, whatever the time step of the simulator"
    " (rram_v_1_0_0.va draws at every time step). After a time t its variance is noise_amplitude^2 noise_step t: for"
    " a noise_step that is n times as long, divide noise_amplitude by sqrt(n)."
]

_DRAWN = """
@(initial_step) begin
    random_state = seed;
    deviate = 0.0;
end
@(timer(0.0, noise_step))
    deviate = $rdist_normal(random_state, 0.0, 1.0);
"""
