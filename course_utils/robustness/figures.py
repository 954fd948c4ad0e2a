"""Figures of the robustness tests: arrays in, a matplotlib Figure out."""

import numpy as np
from matplotlib.figure import Figure

COLOURS = {  # one colour a method, the same in every figure (Okabe & Ito, for colour-blind readers)
    "truth": "black",
    "interpolation": "#999999",
    "blurred, no noise": "#E69F00",
    "Richardson–Lucy": "#0072B2",
    "Richardson–Lucy, too long": "#56B4E9",
    "ADMM, TV": "#009E73",
    "U-Net": "#D55E00",
    "U-Net, random": "#CC79A7",
}


def numbers(named, *, rows, columns, unit, xlabel, ylabel, diverging=False, limit=None):
    """Matrices {"title": 2D array, …} side by side, each value written into its field, in one colour scale.

    rows, columns  the names along each matrix: lists, or {"title": list}. unit: of the values.
    diverging      white at 0, for values of both signs. A NaN stays blank, with a dash.
    limit          of the colours, if diverging; values beyond have the last one. The largest of all if None.
    """
    wide = sum(m.shape[1] for m in named.values())
    height = 1.5 + 0.5 * max(len(m) for m in named.values())
    figure = Figure(figsize=(2.1 * len(named) + 0.75 * wide + 1.0, height), layout="constrained")
    panels = figure.subplots(1, len(named), squeeze=False, width_ratios=[m.shape[1] for m in named.values()])[0]
    norm = _limits(list(named.values()), diverging, limit)
    for axes, (title, values) in zip(panels, named.items(), strict=True):
        image = axes.imshow(values, cmap="RdBu_r" if diverging else "viridis", aspect="auto", **norm)
        _names(axes, _of(rows, title), _of(columns, title))
        axes.set(xlabel=_of(xlabel, title), ylabel=_of(ylabel, title))
        axes.set_title(title, fontsize=10)
        for (i, j), value in np.ndenumerate(values):
            axes.text(j, i, _written(value), ha="center", va="center", fontsize=10, color=_ink(value, image))
    figure.colorbar(image, ax=list(panels), label=unit, aspect=20, extend="neither" if limit is None else "both")
    return figure


def curves(panels, *, xlabel, ylabel, marks=None, logx=False, logy=False, points=(), dashed=()):
    """Curves {"title": {"name": (x, y), …}, …}, a panel for each title, one y axis for all.

    xlabel  of all, or {"title": label}. marks: {"title": (x, text)}, a dashed line there.
    points, dashed  names that are drawn so. A name keeps its colour wherever it appears, and lends it to "name, …".
    """
    figure = Figure(figsize=(min(1.2 + 3.6 * len(panels), 11), 3.9), layout="constrained")
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (title, named) in zip(drawn, panels.items(), strict=True):
        for name, (x, y) in named.items():
            style = {"marker": "D", "linestyle": ""} if name in points else {"marker": ".", "markersize": 5}
            style |= {"linestyle": "--"} if name in dashed else {}
            axes.plot(x, y, label=name, color=COLOURS.get(name, COLOURS.get(name.rpartition(", ")[0])), **style)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(_of(xlabel, title))
        axes.set(xscale="log" if logx else "linear", yscale="log" if logy else "linear")
        if marks and title in marks:
            at, text = marks[title]
            axes.axvline(at, color="gray", linestyle="--", linewidth=1)
            place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top", "zorder": 5}
            place["bbox"] = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
            axes.annotate(text, (at, 1), (3, -3), rotation=90, fontsize=8, color="gray", **place)
    drawn[0].set_ylabel(ylabel)
    labels = {label: line for axes in drawn for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _of(value, title):
    return value[title] if isinstance(value, dict) else value


def _limits(matrices, diverging, limit):
    values = np.concatenate([m.ravel() for m in matrices])
    low, high = np.nanmin(values), np.nanmax(values)
    far = limit or max(abs(low), abs(high))
    return {"vmin": -far, "vmax": far} if diverging else {"vmin": low, "vmax": high}


def _names(axes, rows, columns):
    axes.set_xticks(range(len(columns)), columns, fontsize=9)
    axes.set_yticks(range(len(rows)), rows, fontsize=9)


def _written(value):
    return "–" if np.isnan(value) else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _ink(value, image):
    """Black on light colours, white on dark ones."""
    if np.isnan(value):
        return "black"
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
