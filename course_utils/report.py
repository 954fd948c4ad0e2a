"""A table of findings: what was looked at, what was found, and what that means."""

import html
from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """Rows of (what, found, what that means); a table in a notebook, lines in a terminal."""

    rows: tuple

    def __str__(self):
        return "\n".join(f"{what:<14} {found:<34} {meaning}" for what, found, meaning in self.rows)

    __repr__ = __str__

    def _repr_html_(self):
        cells = ("".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) for row in self.rows)
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
