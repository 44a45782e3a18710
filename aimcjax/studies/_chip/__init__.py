"""Studies of the chip as a product: how it is designed, what it costs, how it serves.

- `codesign(config, out)`: resolutions of converters, equal or learned, against energy, area and latency.
- `economics`: yield, prices of dies and of an inference, break-even with a GPU.
- `service`: months of one chip under policies that refresh, recalibrate or replace.
"""

from ._codesign import codesign as codesign
from ._economics import economics as economics
from ._service import service as service
