"""The physical tile: every arrow of the story, from weights to a digital vector."""

import dataclasses
import typing
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .. import _random
from .._types import PRNGKey, Time
from ..components import shorten
from ..devices import AbstractCells, AbstractDevice, Pcm
from ..periphery import AbstractAdc, AbstractDac, UniformAdc, UniformDac, fabricate, install
from ._base import AbstractTileDesign, check_weights
from ._crossbar import AbstractCrossbar, IdealCrossbar
from ._crossbar_limits import check_crossbar, expected_inputs
from ._encoding import AbstractEncoding, DifferentialPair, full_weight
from ._programming import AbstractProgrammingPolicy, OneShot, ProgrammingReport, Readout
from ._sense import Lines, mean_sense_currents, prepare_lines, read_lines


class TileState(eqx.Module):
    """One programmed tile: its `cells` (arrays of shape `pair rows lines`), the digital `gain` [weight / S], and the
    mismatch of its converters, `dac` and `adc` (`None` as designed; see `periphery.fabricate`)."""

    cells: AbstractCells
    gain: Float[Array, " cols"]
    dac: Any = None
    adc: Any = None


class TileSnapshot(eqx.Module):
    """One tile at one time: conductances `g` [S]; `lines`, what the crossbar prepared for reads of them and their
    noise; `gain` [weight / S]; mismatch of `dac` and `adc`."""

    g: Lines
    lines: Any
    gain: Float[Array, " cols"]
    dac: Any = None
    adc: Any = None


class TileTrace(eqx.Module):
    """What happens in one MVM: `v` [V] on the rows, `g` [S] in the cells, `i` [A] from the sense lines (with the noise
    at the input of the ADC, see `periphery.read_array`), `code` [A] as converted, `y` in units of the weights. `i` and
    `code` have one row for each sense line of a column, where an encoding has more than one, and one entry more if
    there is a reference column."""

    v: Float[Array, " rows"]
    g: Lines
    i: Float[Array, "*groups lines"]
    code: Float[Array, "*groups lines"]
    y: Float[Array, " cols"]


class TileDesign(AbstractTileDesign):
    """One crossbar of resistive cells with its converters.

    **Arguments:** `device`, the physics of a cell; `encoding`, weights to conductances; `crossbar`, voltages to
    currents; `dac`, `adc`; `policy`, how targets get into cells; `rows`, `cols`, the largest matrix it holds (inputs,
    outputs), in weights.

    **Reference:** the order of the steps follows Rasch et al., Nat. Commun. 14:5282 (2023), Methods.
    """

    device: AbstractDevice = eqx.field(default_factory=Pcm)
    encoding: AbstractEncoding = eqx.field(default_factory=DifferentialPair)
    crossbar: AbstractCrossbar = eqx.field(default_factory=IdealCrossbar)
    dac: AbstractDac = eqx.field(default_factory=UniformDac)
    adc: AbstractAdc = eqx.field(default_factory=UniformAdc)
    rows: int = eqx.field(static=True, default=256)
    cols: int = eqx.field(static=True, default=256)
    policy: AbstractProgrammingPolicy = eqx.field(default_factory=OneShot)

    def __check_init__(self) -> None:
        if not (isinstance(self.rows, int) and isinstance(self.cols, int) and self.rows > 0 and self.cols > 0):
            raise ValueError(f"rows and cols are whole numbers from 1, got rows={self.rows}, cols={self.cols}")
        for field in dataclasses.fields(self):
            part = getattr(self, field.name)
            if not field.metadata.get("static") and not isinstance(part, typing.cast(type, field.type)):
                raise ValueError(
                    f"{field.name} must be an {typing.cast(type, field.type).__name__}, got {shorten(part)}"
                )
        check_crossbar(self.crossbar, self.device, self.dac)

    def program(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> TileState:
        """weights → targets → cells; see `AbstractTileDesign.program`."""
        return self.program_and_report(w, key=key)[0]

    def program_and_report(self, w: Float[Array, "rows cols"], *, key: PRNGKey) -> tuple[TileState, ProgrammingReport]:
        """`program`, and what it took: pulses, energy [J], time [s], error of every cell [S]."""
        check_weights(w, self.rows, self.cols)
        g_target, gain = self.encoding.encode(w, self.device)
        dac = fabricate(self.dac, w.shape[0], key=_random.key_for(key, "dac"))
        adc = fabricate(self.adc, g_target.shape[-1], key=_random.key_for(key, "adc"))
        readout = Readout(self.crossbar, self.encoding, install(self.dac, dac), install(self.adc, adc))
        cells, report = self.policy.program(self.device, g_target, key=key, readout=readout)
        return TileState(cells=cells, gain=gain, dac=dac, adc=adc), report

    def at(self, state: TileState, t: Time) -> TileSnapshot:
        """cells → conductances at `t` [s] after programming."""
        g = self.device.drift(state.cells, t)
        lines = prepare_lines(self.crossbar, self.encoding, g, self.device.read_std(state.cells, t))
        return TileSnapshot(g=g, lines=lines, gain=state.gain, dac=state.dac, adc=state.adc)

    def read(self, snapshot: TileSnapshot, x: Float[Array, " rows"], *, key: PRNGKey) -> Float[Array, " cols"]:
        """conductances → currents → codes → y, for one vector `x` in [-1, 1]."""
        return self._trace(snapshot, x, key=key).y

    def trace(self, state: TileState, x: Float[Array, " rows"], *, t: Time, key: PRNGKey) -> TileTrace:
        """One MVM at `t` [s] with everything in between, to look at."""
        return self._trace(self.at(state, t), x, key=key)

    def expected(self, snapshot: TileSnapshot, x: Float[Array, " rows"]) -> Float[Array, " cols"]:
        """See `AbstractTileDesign.expected`."""
        v_max = self.dac.v_max
        currents = lambda v: mean_sense_currents(self.crossbar, snapshot.lines, v, v_max=v_max)
        v, weights = expected_inputs(self.crossbar, self.dac, x)
        i = (
            currents(v[0])
            if len(v) == 1
            else jnp.tensordot(weights, jax.vmap(currents)(v), axes=1, precision="highest")
        )
        return self.encoding.decode(i, jnp.sum(weights[:, None] * v), snapshot.gain, self.device) / v_max

    def gain(self, snapshot: TileSnapshot) -> Float[Array, " cols"]:
        """The weight that full cells stand for in every column."""
        return full_weight(self.encoding, snapshot.gain, self.device)

    def _trace(self, snapshot: TileSnapshot, x: Float[Array, " rows"], *, key: PRNGKey) -> TileTrace:
        rows = snapshot.g.shape[-2]
        if x.shape != (rows,):
            raise ValueError(f"a tile reads one vector of shape ({rows},), got {x.shape}; for a batch use `jax.vmap`")
        dac, adc = install(self.dac, snapshot.dac), install(self.adc, snapshot.adc)
        v, i, code = read_lines(dac, adc, self.crossbar, self.encoding, snapshot.lines, x, key=key)
        y = self.encoding.decode(code, jnp.sum(v), snapshot.gain, self.device) / self.dac.v_max
        single = len(i) == 1
        return TileTrace(v=v, g=snapshot.g, i=i[0] if single else i, code=code[0] if single else code, y=y)
