# SPDX-License-Identifier: Apache-2.0
"""Rows, and the table that they make."""

import dataclasses


@dataclasses.dataclass
class Row:
    label: str
    cells: list  # a number or a text for each contender that is there
    unit: str = ""
    ratio: bool = True  # whether a ratio against the first contender says something
    note: str = ""


def cell_text(row, value, base):
    if isinstance(value, (int, float)):
        text = f"{value} {row.unit}".strip()
        if row.ratio and isinstance(base, (int, float)) and base > 0:
            text += f"  {value / base:.2f}x"
        return text
    return "-" if value is None else str(value)


def lay_out(rows, names, absent):
    """The table as text: absent maps the names of missing contenders to what their column says."""
    present = [name for name in names if name not in absent]
    lines = [["", *names]]
    for row in rows:
        values = dict(zip(present, row.cells))
        base = values.get(names[0])
        line = [row.label]
        for name in names:
            against = None if name == names[0] else base
            line.append(absent.get(name) or cell_text(row, values[name], against))
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(names) + 1)]
    text = []
    for number, line in enumerate(lines):
        cells = [line[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(line[1:], widths[1:])]
        text.append("  ".join(cells).rstrip())
        if number == 0:
            text.append("-" * (sum(widths) + 2 * len(names)))
    notes = [f"{row.label.strip()}: {row.note}." for row in rows if row.note]
    return "\n".join(text + [""] + notes)
