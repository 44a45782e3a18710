"""Studies of training inside the memory: arrays that hold the weights learn by pulses.

- `in_memory_toy(config, out)`: a random matrix, over states of a cell and errors of its reference.
- `in_memory_training`: networks from scratch, algorithms x cells. `_dense`: those networks, many runs in one program.
- `in_memory_lora`: a transformer tuned by its LoRA factors or by all matrices. `_vit`: that transformer.
- `delta_rule`: the classifier of Prezioso et al. (2015).
- `rule_of`: the rule that a section describes, exact SGD among them. `devices_of`: the cells of the toy.
- `_loop`: epochs over samples, for all runs at once. `_wear`: what was written into cells, as reports tell it.
"""

from ._delta_rule import delta_rule as delta_rule
from ._digital import rule_of as rule_of
from ._lora import in_memory_lora as in_memory_lora
from ._toy import devices_of as devices_of, in_memory_toy as in_memory_toy
from ._training import in_memory_training as in_memory_training
