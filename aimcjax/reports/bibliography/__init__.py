"""Which published works a run rests on.

- `library`: all works that aimcjax cites, `Entry` by key, from `references.bib`; `parse_bibtex` reads such text.
- `sources`: keys of works by the names that configs have for components, chips, models, data, algorithms, recipes.
- `cited`: the parts of a config that rest on published work, `Cited`; `bibliography`: their works, each once,
  as `bibtex`.
- `device_name`, `build_device`: a device of a config as people call it, and as an object.
"""

from ._bibtex import Entry as Entry, library as library, parse_bibtex as parse_bibtex
from ._sources import (
    Cited as Cited,
    bibliography as bibliography,
    bibtex as bibtex,
    build_device as build_device,
    cited as cited,
    device_name as device_name,
    sources as sources,
)
