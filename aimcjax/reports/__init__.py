"""What a run leaves behind: numbers for machines, tables and pictures for people.

- `Results`: everything that a study found, on the `ROADS` that it took. `summary`, `write_netcdf`: its
  machine-readable forms.
- `write`: `report.md` with its figures. `score_table`, `cost_lines`, `findings`: its parts.
- `StudyReport`, `write_study`: what studies of training found; `Panel`, `plot_panels`: their curves.
- `device_table`, `datasheet_lines`, `parameter_lines`, `plot_device`: memory cells side by side, and one in a picture.
- `cost_rows`, `headline_lines`, `heat_line`, `limit_line`, `converter_lines`, `stream_lines`, `plot_cost`: what a
  placed model costs.
- `references`: the published models that a design is made of.
- `plot_fit`, `fit_table`, `goodness_line`, `fit_markdown`: data against a fitted model.
- `tile_weights`: target and held weights of every tile. `tile_health`, `write_tile_health`: a row of numbers for each,
  heat maps (`plot_tile`) of the worst.
- `plot_hysteresis`, `plot_lobe_area`, `plot_ideality`: fingerprints of a memristor.
- `plot_tornado`, `tornado_table`: which input of a cost matters. `input_table`: all of them, with their sources.
- `plot_service`: a chip in service, policies side by side. `service_totals`, `service_table`, `action_counts`,
  `action_table`: their totals.
- `SavedRun`, `read_runs`: finished runs, read back.
- `bibliography`: the published works that a run rests on, as BibTeX.
- `COLOURS`, `MARKERS`, `colours_of`, `markers_of`: how curves are told apart in every picture.
- `curves`: values of several runs over anything that they were measured over.
- `page`: one page about one or several runs, HTML and Markdown.
- `open_tracker(name, ...)`: losses for `TRACKERS` (`AbstractTracker`: `TensorBoardTracker`,
  `WandbTracker`, `NoTracker`);
  `track_summary`.
- `verilog_a`: a compact model as a module for circuit simulators.
- `Road`, `AdapterFacts`, `TileErrors`, `COMPENSATIONS`: parts of results. `markdown`, `write_figures`: parts of
  `write`. `DEVICE_COLUMNS`, `HEALTH_COLUMNS`: heads of tables; `largest_tile`.
"""

from . import bibliography as bibliography, curves as curves, page as page
from ._cost import (
    converter_lines as converter_lines,
    cost_rows as cost_rows,
    headline_lines as headline_lines,
    heat_line as heat_line,
    limit_line as limit_line,
    plot_cost as plot_cost,
    stream_lines as stream_lines,
)
from ._devices import (
    DEVICE_COLUMNS as DEVICE_COLUMNS,
    datasheet_lines as datasheet_lines,
    device_table as device_table,
    parameter_lines as parameter_lines,
    plot_device as plot_device,
)
from ._figures import write_figures as write_figures
from ._fit import (
    fit_markdown as fit_markdown,
    fit_table as fit_table,
    goodness_line as goodness_line,
    plot_fit as plot_fit,
)
from ._inputs import input_table as input_table
from ._markdown import (
    cost_lines as cost_lines,
    findings as findings,
    markdown as markdown,
    score_table as score_table,
    write as write,
)
from ._memristors import (
    plot_hysteresis as plot_hysteresis,
    plot_ideality as plot_ideality,
    plot_lobe_area as plot_lobe_area,
)
from ._palette import (
    COLOURS as COLOURS,
    MARKERS as MARKERS,
    colours_of as colours_of,
    markers_of as markers_of,
)
from ._references import references as references
from ._results import (
    COMPENSATIONS as COMPENSATIONS,
    ROADS as ROADS,
    AdapterFacts as AdapterFacts,
    Results as Results,
    Road as Road,
    TileErrors as TileErrors,
    summary as summary,
    write_netcdf as write_netcdf,
)
from ._saved_run import SavedRun as SavedRun, read_runs as read_runs
from ._service import (
    action_counts as action_counts,
    action_table as action_table,
    plot_service as plot_service,
    service_table as service_table,
    service_totals as service_totals,
)
from ._study import (
    Panel as Panel,
    StudyReport as StudyReport,
    plot_panels as plot_panels,
    write_study as write_study,
)
from ._tile_health import (
    HEALTH_COLUMNS as HEALTH_COLUMNS,
    largest_tile as largest_tile,
    plot_tile as plot_tile,
    tile_health as tile_health,
    tile_weights as tile_weights,
    write_tile_health as write_tile_health,
)
from ._tornado import plot_tornado as plot_tornado, tornado_table as tornado_table
from ._trackers import (
    TRACKERS as TRACKERS,
    AbstractTracker as AbstractTracker,
    NoTracker as NoTracker,
    TensorBoardTracker as TensorBoardTracker,
    WandbTracker as WandbTracker,
    open_tracker as open_tracker,
    track_summary as track_summary,
)
from ._verilog_a import verilog_a as verilog_a
