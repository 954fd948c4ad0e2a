"""The results table: every method on the same volume with the same metrics, beside what one gets for nothing."""

import csv
import io
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

import numpy as np
from scipy.interpolate import make_interp_spline

from course_utils.compare.fourier_shells import fsc
from course_utils.compare.metrics import flux_error, match_affine, nrmse, psnr, ssim
from course_utils.stack import expect_stack

MISSING = "–"


class Column(NamedTuple):
    """One metric: how it is called, how it is written, and its badness, of which the least is the best."""

    name: str
    digits: str
    badness: object


COLUMNS = (
    Column("PSNR (dB)", ".2f", lambda v: -v),
    Column("PSNR, matched (dB)", ".2f", lambda v: -v),
    Column("NRMSE", ".3f", lambda v: v),
    Column("SSIM, matched", ".3f", lambda v: -v),
    Column("lateral resolution (µm)", ".3f", lambda v: v),
    Column("axial resolution (µm)", ".3f", lambda v: v),
    Column("flux error (%)", "+.1f", abs),
    Column("time (s)", ".3g", lambda v: v),
    Column("peak memory (GB)", ".2f", lambda v: v),
)


@dataclass(frozen=True)
class Table:
    """Rows {"RL": (value of each column, None where missing), …} and a note on how the values came about.

    Displays itself in a notebook; `markdown()` and `csv()` are texts, and table["RL"]["SSIM, matched"] is one value.
    """

    rows: dict
    columns: tuple
    note: str

    def __getitem__(self, name):
        return {column.name: value for column, value in zip(self.columns, self.rows[name], strict=True)}

    def best(self):
        """For each column the names of the rows whose value, as written, is the best."""
        return {column.name: self._best(i, column) for i, column in enumerate(self.columns)}

    def _best(self, i, column):
        shown = {name: float(_text(row[i], column)) for name, row in self.rows.items() if row[i] is not None}
        badness = {name: column.badness(value) for name, value in shown.items()}
        least = min(badness.values(), default=np.inf)
        return {name for name, value in badness.items() if value == least < np.inf}

    def _cells(self, mark):
        best = self.best()
        for name, row in self.rows.items():
            texts = (_text(value, column) for value, column in zip(row, self.columns, strict=True))
            marked = (mark(t) if name in best[c.name] else t for t, c in zip(texts, self.columns, strict=True))
            yield name, [text.replace("inf", "∞") for text in marked]

    def markdown(self):
        """A Markdown table, the best in each column bold, the note under it."""
        lines = ["| | " + " | ".join(c.name for c in self.columns) + " |", "|---" + "|---:" * len(self.columns) + "|"]
        for name, cells in self._cells(lambda text: f"**{text}**"):
            lines.append(f"| {name.replace('|', chr(92) + '|')} | " + " | ".join(cells) + " |")
        return "\n".join(lines) + f"\n\n{self.note}\n"

    __str__ = __repr__ = markdown

    def csv(self):
        """Comma-separated values in full precision, with a head; an empty cell where a value is missing."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["method", *(column.name for column in self.columns)])
        writer.writerows([name, *("" if v is None else v for v in row)] for name, row in self.rows.items())
        return out.getvalue()

    def _repr_html_(self):
        head = "".join(f"<th style='text-align:right'>{escape(c.name)}</th>" for c in self.columns)
        body = "".join(
            f"<tr><td style='text-align:left'>{escape(name)}</td>"
            + "".join(f"<td style='text-align:right'>{cell}</td>" for cell in cells)
            + "</tr>"
            for name, cells in self._cells(lambda text: f"<b>{text}</b>")
        )
        note = f"<caption style='caption-side:bottom;text-align:left'>{escape(self.note)}</caption>"
        return f"<table>{note}<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>"


def table(
    stacks,
    reference,
    *,
    raw=None,
    interpolated=None,
    data_range=None,
    threshold=0.5,
    half_angle=30.0,
    seconds=None,
    memory=None,
):
    """Every estimate against one reference, below what costs no effort: black, mean, raw and interpolated. A `Table`.

    stacks        {"RL": estimate, …}: Stacks or arrays of the reference's shape, None for one that is still missing.
    reference     Stack: the truth, or what one agrees to measure the agreement with.
    raw           Stack as it was measured, the offset and the background taken off. With fewer planes than the
                  reference its planes are repeated, and interpolated is `interpolate_z` of it if None.
    data_range    of PSNR and SSIM; the reference's maximum minus its minimum if None. The note states it.
    threshold     of the Fourier shell correlation, or "half-bit": ½ against a truth is what 1/7 is between two halves.
    seconds, memory  {"RL": number, …} in s and GB, for those that were measured; no column if None.
    Matched: after the best gain and offset (`match_affine`). A constant has no resolution, and the mean's light is
    right without merit: these cells stay empty. Raises ValueError for a shape that does not fit.
    """
    expect_stack(reference, "reference")
    rows = _baselines(reference, raw, interpolated) | dict(stacks)
    data_range = float(np.ptp(reference.data)) if data_range is None else data_range
    costs = [cost for cost in (seconds, memory) if cost is not None]
    extra = [column for column, cost in zip(COLUMNS[-2:], (seconds, memory), strict=True) if cost is not None]
    empty = (None,) * len(COLUMNS[:-2])
    values = {
        name: (empty if x is None else _measure(name, x, reference, data_range, threshold, half_angle))
        + tuple(cost.get(name) for cost in costs)
        for name, x in rows.items()
    }
    return Table(values, (*COLUMNS[:-2], *extra), _note(data_range, threshold, half_angle))


def interpolate_z(raw, reference):
    """The planes that a larger step left out, by cubic splines along z: a Stack on the reference's grid.

    Plane 0 of both is the same; beyond the last plane its values go on. ValueError where the two do not fit.
    """
    at = np.minimum(np.arange(reference.shape[0]) / _step(raw, reference), raw.shape[0] - 1)
    spline = make_interp_spline(np.arange(raw.shape[0]), raw.data, k=min(3, raw.shape[0] - 1))
    return reference.with_data(spline(at))


def _baselines(reference, raw, interpolated):
    rows = {
        "black": np.zeros(reference.shape, np.float32),
        "mean": np.full(reference.shape, reference.data.mean(dtype=np.float64)),
        "raw": raw,
        "interpolated": interpolated,
    }
    if raw is not None and raw.shape != reference.shape:
        nearest = np.rint(np.arange(reference.shape[0]) / _step(raw, reference)).astype(int)
        rows["raw"] = raw.data[np.minimum(nearest, raw.shape[0] - 1)]
        rows["interpolated"] = interpolate_z(raw, reference) if interpolated is None else interpolated
    return rows


def _step(raw, reference):
    """How many planes of the reference there are to one of the raw stack."""
    step = max(round(raw.voxel_size[0] / reference.voxel_size[0]), 1)
    expected = (-(-reference.shape[0] // step), *reference.shape[1:])
    if raw.shape != expected:
        raise ValueError(
            f"raw has shape {raw.shape}; with planes {step} times as far apart as those of the reference, "
            f"{reference.shape}, it would be {expected}. See formation.forward(…, bin_z=…)."
        )
    return step


def _measure(name, x, reference, data_range, threshold, half_angle):
    """The values of all columns that need no watch."""
    x = np.asarray(x, dtype=np.float32)
    if x.shape != reference.shape:
        raise ValueError(f"{name!r} has shape {x.shape}, and the reference {reference.shape}; they must be the same.")
    matched, resolutions = match_affine(x, reference), (None, None)
    if np.ptp(x) > 0:
        curves = fsc(x, reference, reference.voxel_size, half_angle=half_angle)
        resolutions = curves.lateral.resolution(threshold), curves.axial.resolution(threshold)
    return (
        psnr(x, reference, data_range),
        psnr(matched, reference, data_range),
        nrmse(x, reference),
        ssim(matched, reference, data_range),
        *resolutions,
        None if name == "mean" else 100 * flux_error(x, reference),
    )


def _note(data_range, threshold, half_angle):
    limit = "the half-bit curve" if threshold == "half-bit" else f"{threshold:.3g}"
    return (
        f"Data range of PSNR and SSIM: {data_range:.4g}. Matched: after the best gain and offset. Resolution: the "
        f"period at which the Fourier shell correlation with the reference falls below {limit}, within {half_angle:g}° "
        f"of the axis and of the focal plane; ∞ where it is never above. Best values in bold; {MISSING}: not measured."
    )


def _text(value, column):
    return MISSING if value is None else format(value, column.digits)
