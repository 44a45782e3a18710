"""Nodal analysis of an array, stamped resistor by resistor in float64: shares nothing with the package.

Wires of zero ohms join their nodes, so that no large number stands for zero.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg


class Circuit:
    """Resistors between named nodes; `solve` returns the voltages for fixed ones."""

    def __init__(self) -> None:
        self.resistors: list[tuple[object, object, float]] = []
        self.joined: dict[object, object] = {}

    def find(self, node: object) -> object:
        while node in self.joined:
            node = self.joined[node]
        return node

    def resistor(self, a: object, b: object, ohms: float) -> None:
        if ohms == 0:
            a, b = self.find(a), self.find(b)
            if a != b:
                # Sources keep their names.
                first, second = (a, b) if isinstance(b, str) else (b, a)
                self.joined[first] = second
        else:
            self.resistors.append((a, b, 1.0 / ohms))

    def conductor(self, a: object, b: object, siemens: float) -> None:
        self.resistors.append((a, b, siemens))

    def currents_into(self, sources: dict[str, float]) -> dict[str, float]:
        resistors = [(self.find(a), self.find(b), y) for a, b, y in self.resistors]
        free = sorted({n for a, b, _ in resistors for n in (a, b) if n not in sources}, key=repr)
        index = {node: k for k, node in enumerate(free)}
        rows, cols, values, rhs = [], [], [], np.zeros(len(free))
        for a, b, y in resistors:
            for p, q in ((a, b), (b, a)):
                if p in index:
                    rows.append(index[p]), cols.append(index[p]), values.append(y)
                    if q in index:
                        rows.append(index[p]), cols.append(index[q]), values.append(-y)
                    else:
                        rhs[index[p]] += y * sources[q]
        matrix = sparse.csc_matrix((values, (rows, cols)), shape=(len(free), len(free)))
        potential = dict(sources)
        if free:
            factor = linalg.splu(matrix)
            x = factor.solve(rhs)
            for _ in range(2):  # refinement: wires are many orders of magnitude better conductors than cells
                x = x + factor.solve(rhs - matrix @ x)
            potential |= {node: x[k] for node, k in index.items()}
        into = dict.fromkeys(sources, 0.0)
        for a, b, y in resistors:
            flow = y * (potential[a] - potential[b])
            if b in into:
                into[b] += flow
            if a in into:
                into[a] -= flow
        return into


def input_currents(g, v, r_row, r_col, r_driver=0.0, r_sense=0.0) -> np.ndarray:
    """Row lines driven, column lines grounded."""
    rows, cols = g.shape
    circuit = Circuit()
    for i in range(rows):
        circuit.resistor(f"driver {i}", ("row", i, 0), r_driver + r_row)
        for j in range(1, cols):
            circuit.resistor(("row", i, j - 1), ("row", i, j), r_row)
    _columns(circuit, rows, cols, r_col, r_sense)
    for i in range(rows):
        for j in range(cols):
            circuit.conductor(("row", i, j), ("col", i, j), g[i, j])
    sources = {f"driver {i}": float(v[i]) for i in range(rows)} | {f"ground {j}": 0.0 for j in range(cols)}
    into = circuit.currents_into(sources)
    return np.asarray([into[f"ground {j}"] for j in range(cols)])


def gate_currents(g, gates, r_row, r_col, r_driver=0.0, r_sense=0.0) -> np.ndarray:
    """A supply line of 1 V along every column; closed gates carry nothing."""
    rows, cols = g.shape
    circuit = Circuit()
    for j in range(cols):
        circuit.resistor(f"supply {j}", ("line", 0, j), r_driver + r_row)
        for i in range(1, rows):
            circuit.resistor(("line", i - 1, j), ("line", i, j), r_row)
    _columns(circuit, rows, cols, r_col, r_sense)
    for i in range(rows):
        for j in range(cols):
            circuit.conductor(("line", i, j), ("col", i, j), g[i, j] if gates[i] else 0.0)
    sources = {f"supply {j}": 1.0 for j in range(cols)} | {f"ground {j}": 0.0 for j in range(cols)}
    into = circuit.currents_into(sources)
    return np.asarray([into[f"ground {j}"] for j in range(cols)])


def _columns(circuit: Circuit, rows: int, cols: int, r_col: float, r_sense: float) -> None:
    for j in range(cols):
        for i in range(1, rows):
            circuit.resistor(("col", i - 1, j), ("col", i, j), r_col)
        circuit.resistor(("col", rows - 1, j), f"ground {j}", r_col + r_sense)
