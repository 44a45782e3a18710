"""The main job, behind `aimcjax run`: a network is trained, programmed, aged and reported.

- `score_over_time(config, out)`: both roads to a chip, many chips over time, and what one inference costs.
- `train(config, out)`: its first half, behind `aimcjax train`: the networks and how their losses fell.
"""

from ._score_over_time import score_over_time as score_over_time
from ._train import train as train
