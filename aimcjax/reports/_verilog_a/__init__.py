"""Compact models for circuit simulators: `verilog_a` writes one cell as a Verilog-A module."""

from ._models import verilog_a as verilog_a
