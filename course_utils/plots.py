"""Pictures of volumes: arrays or Stacks in, a matplotlib Figure out, with scale bars in µm and labelled colour bars."""

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import fft

from course_utils.optics.measured_psf import fwhm

PANEL, WIDEST = 3.0, 10.0  # inches that the longer lateral edge takes, and that a page has for the whole figure
GAP, HEAD, FOOT = 0.12, 0.32, 0.75  # inches between panels, for the title above and the colour bar below
_ON_IMAGE = {"color": "white", "bbox": {"facecolor": "black", "alpha": 0.4, "linewidth": 0, "pad": 1.5}}


def sections(stacks, *, at=None, projection=False, limits=None, unit="photons", cmap="inferno"):
    """xy, yz and xz sections of one Stack, or of several side by side: {"name": stack, …}.

    at          voxel (z, y, x) through which the sections go; the middle if None. Thin lines show where.
    projection  show the brightest voxel along the third axis instead.
    limits      (low, high) of the colour map for all; each stack's own 0.1th and 99.9th percentile if None.
    unit        of the intensity; or {"name": unit, …}.
    Lengths are to scale along every axis: a voxel longer in z is drawn longer.
    """
    stacks = stacks if isinstance(stacks, dict) else {"": stacks}
    panel = PANEL * min(1, WIDEST / sum(_block_size(stack, PANEL)[0] for stack in stacks.values()))
    sizes = [_block_size(stack, panel) for stack in stacks.values()]
    width = sum(w for w, _ in sizes) + 3 * GAP * (len(sizes) + 1)
    height = max(h for _, h in sizes) + HEAD + FOOT
    figure, left = Figure(figsize=(width, height)), 3 * GAP
    for (name, stack), (w, _) in zip(stacks.items(), sizes, strict=True):
        named_unit = unit if isinstance(unit, str) else unit[name]
        _block(figure, stack, name, left, panel, at, projection, limits, named_unit, cmap)
        left += w + 3 * GAP
    return figure


def profile(stacks, axis, at, *, unit="photons", normalize=False):
    """Intensity along one axis (0 z, 1 y, 2 x) through the voxel `at`, for {"name": stack, …}, against µm."""
    curves = {}
    for name, stack in stacks.items():
        values = stack.data[(*at[:axis], slice(None), *at[axis + 1 :])]
        curves[name] = (
            np.arange(values.size) * stack.voxel_size[axis],
            values / values.max() if normalize else values,
        )
    label = "fraction of the maximum" if normalize else f"intensity ({unit})"
    return lines(curves, xlabel=f"{'zyx'[axis]} (µm)", ylabel=label)


def lines(curves, *, xlabel, ylabel, points=(), log=False, ylim=None):
    """Curves {"name": (x, y), …} over one pair of axes, with their units in the labels.

    points  the names of those that are drawn as dots.
    log     a logarithmic y axis.
    """
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.add_subplot(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    for name, (x, y) in curves.items():
        dots = {"marker": ".", "linestyle": "", "markersize": 2 if len(x) > 200 else 6, "alpha": 0.6}
        axes.plot(x, y, label=name, **dots if name in points else {})
    axes.set_ylim(ylim)
    axes.legend(edgecolor="none", framealpha=0.6)  # a curve behind it does not cross its letters out, and is still seen
    return figure


def matrices(named, *, unit):
    """Small matrices {"name": 2D array, …} side by side, in one colour scale."""
    figure = Figure(figsize=(4 * len(named), 3.6), layout="constrained")
    panels = figure.subplots(1, len(named), squeeze=False)[0]
    low, high = min(m.min() for m in named.values()), max(m.max() for m in named.values())
    for axes, (name, matrix) in zip(panels, named.items(), strict=True):
        image = axes.imshow(matrix, vmin=low, vmax=high, cmap="viridis")
        axes.set(title=name, xlabel="column (voxel)", ylabel="row (voxel)")
    figure.colorbar(image, ax=list(panels), label=unit)
    return figure


def pictures(named, *, step, xlabel, ylabel, unit, low=None, cmap="viridis"):
    """2D arrays {"name": image, …} side by side in one colour scale, the axes' zero at their centre n // 2.

    named  of one shape; a NaN stays blank.
    step   size of a pixel, (down, across), in the unit of the labels.
    low    where a logarithmic colour scale begins; linear if None.
    """
    across, down = (n * d for n, d in zip(next(iter(named.values())).shape[::-1], step[::-1], strict=True))
    width = (WIDEST - 1.5) / max(len(named), 2)
    figure = Figure(figsize=(width * len(named) + 1.5, width * down / across + 0.8), layout="constrained")
    panels = figure.subplots(1, len(named), squeeze=False, sharey=True)[0]
    limits = low or min(np.nanmin(m) for m in named.values()), max(np.nanmax(m) for m in named.values())
    for axes, (name, values) in zip(panels, named.items(), strict=True):
        image = _picture(axes, values, step, limits, log=low is not None, cmap=cmap)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel(xlabel)
    panels[0].set_ylabel(ylabel)
    _colour_bar(figure, image, list(panels), unit, low=low)
    return figure


def otfs(psfs, *, low=1e-4):
    """|OTF| over (kz, kx) at ky = 0 of PSFs {"name": psf, …} on one grid, side by side, on a logarithmic scale."""
    sections = {name: _otf_section(psf) for name, psf in psfs.items()}
    step = _frequency_step(next(iter(psfs.values())))
    return pictures(sections, step=step, xlabel="kx (1/µm)", ylabel="kz (1/µm)", unit="|OTF|", low=low)


def psf_panels(psf, *, title=""):
    """A PSF at a glance: xy and xz through its peak, |OTF| over (kz, kx), the profile along z; its FWHM in the title.

    Light is drawn over that of the peak, light and OTF on logarithmic colour scales; z = 0 is the plane n // 2.
    """
    z, y, x = np.unravel_index(psf.data.argmax(), psf.shape)
    light, depth = psf.data / psf.data.max(), psf.voxel_size[0] * (np.arange(psf.shape[0]) - psf.shape[0] // 2)
    figure = Figure(figsize=(WIDEST, 6))
    edges, heights = {"bottom": 0.1, "top": 0.87}, psf.extent[1::-1]  # xy and xz are as wide, so drawn to one scale
    xy, xz = figure.subplots(2, 1, gridspec_kw={"left": 0.02, "right": 0.3, "height_ratios": heights, **edges})
    transfer, axial = figure.subplots(2, 1, gridspec_kw={"left": 0.49, "right": 0.95, "hspace": 0.35, **edges})
    for axes, label, image in ((xy, "xy", light[z]), (xz, "xz", light[:, y])):
        drawn = axes.imshow(image, extent=_extent(psf, label), cmap="inferno", norm=LogNorm(1e-3, 1, clip=True))
        axes.set_axis_off()
        axes.text(0.03, 0.96, label, va="top", fontsize=9, transform=axes.transAxes, **_ON_IMAGE)
        _scale_bar(axes, psf.extent[2], psf.extent[1 if label == "xy" else 0])
    _colour_bar(figure, drawn, [xy, xz], "part of the peak", low=1e-3)
    drawn = _picture(transfer, _otf_section(psf), _frequency_step(psf), (1e-4, 1), log=True, cmap="viridis")
    transfer.set(xlabel="kx (1/µm)", ylabel="kz (1/µm)")
    _colour_bar(figure, drawn, [transfer], "|OTF| at ky = 0", low=1e-4)
    axial.plot(depth, light[:, y, x])
    axial.axhline(0.5, color="gray", linewidth=0.8, linestyle="--")
    axial.axvline(0, color="gray", linewidth=0.8, linestyle=":")
    axial.set(xlabel="z (µm)", ylabel="part of the peak", ylim=(0, 1.05))
    figure.suptitle("\n".join(filter(None, [title, _widths(psf)])), fontsize=11)
    return figure


def _block_size(stack, panel):
    """Inches that the three panels of one stack take: yz stands right of xy, xz below it."""
    scale = panel / max(stack.extent[1:])
    z, y, x = (length * scale for length in stack.extent)
    return x + GAP + z, y + GAP + z


def _block(figure, stack, name, left, panel, at, projection, limits, unit, cmap):
    scale = panel / max(stack.extent[1:])
    z, y, x = (length * scale for length in stack.extent)
    at = _voxel_of(stack, at)
    low, high = limits or np.percentile(stack.data, (0.1, 99.9))
    options = {"cmap": cmap, "vmin": low, "vmax": high, "aspect": "auto", "interpolation": "nearest"}
    top = figure.get_figheight() - HEAD
    panels = {
        "xy": (0, left, top - y, x, y),
        "yz": (2, left + x + GAP, top - y, z, y),
        "xz": (1, left, top - y - GAP - z, x, z),
    }
    for label, (axis, *inches) in panels.items():
        axes = figure.add_axes(_fraction(figure, *inches))
        plane = stack.max_projection(axis) if projection else np.take(stack.data, at[axis], axis)
        image = axes.imshow(plane.T if label == "yz" else plane, extent=_extent(stack, label), **options)
        axes.set_axis_off()
        axes.text(0.03, 0.96, label, va="top", fontsize=9, transform=axes.transAxes, **_ON_IMAGE)
        if not projection:
            _mark(axes, stack, label, at)
        if label == "xy":
            axes.set_title(name, fontsize=10, loc="left")
            _scale_bar(axes, *stack.extent[:0:-1])
    bar = figure.add_axes(_fraction(figure, left, top - y - GAP - z - 0.2, x, 0.1))
    most = max(int(2.5 * x), 1)  # numbers that have room side by side
    ticks = MaxNLocator(most, steps=(1, 1.5, 2, 2.5, 5, 10))
    figure.colorbar(image, cax=bar, orientation="horizontal", extend="both", ticks=ticks)
    bar.set_xlabel(unit, fontsize=9, labelpad=1)
    bar.tick_params(labelsize=8)


def _picture(axes, image, step, limits, *, log, cmap):
    """An image with its zero at the pixel n // 2, the first axis running down, to scale."""
    left, top = (-(n // 2 + 0.5) * d for n, d in zip(image.shape[::-1], step[::-1], strict=True))
    right, bottom = (start + n * d for start, n, d in zip((left, top), image.shape[::-1], step[::-1], strict=True))
    norm = {"norm": LogNorm(*limits, clip=True)} if log else {"vmin": limits[0], "vmax": limits[1]}
    return axes.imshow(image, extent=(left, right, bottom, top), cmap=cmap, interpolation="nearest", **norm)


def _colour_bar(figure, image, panels, unit, *, low):
    """A labelled colour bar beside the panels; from `low` on in decades, if it is logarithmic."""
    if low is None:
        figure.colorbar(image, ax=panels, label=unit, aspect=25)
    else:  # minor ticks, and exponents as mathematics, would take longer to draw than all the rest
        figure.colorbar(image, ax=panels, label=unit, aspect=25, extend="min", format="%g").minorticks_off()


def _otf_section(psf):
    """|OTF| over (kz, kx) at ky = 0, 1 at its greatest: the transform of the PSF summed along y."""
    spectrum = np.abs(fft.fftshift(fft.fft2(psf.data.sum(axis=1, dtype=np.float64))))
    return spectrum / spectrum.max()


def _frequency_step(psf):
    """Distance of the frequencies along kz and kx, in 1/µm."""
    return 1 / psf.extent[0], 1 / psf.extent[2]


def _widths(psf):
    z, y, x = (f"{width:.2f}" if np.isfinite(width) else "beyond the grid" for width in fwhm(psf))
    return f"FWHM (µm): {x} along x, {y} along y, {z} along z"


def _voxel_of(stack, at):
    """The voxel asked for, the middle one if None; a ValueError if the stack has no such voxel."""
    at = tuple(n // 2 for n in stack.shape) if at is None else tuple(at)
    if len(at) != 3 or not all(0 <= i < n for i, n in zip(at, stack.shape, strict=True)):
        raise ValueError(f"at must be a voxel (z, y, x) of the stack, whose shape is {stack.shape}; got {at}.")
    return at


def _fraction(figure, left, bottom, width, height):
    w, h = figure.get_size_inches()
    return left / w, bottom / h, width / w, height / h


def _extent(stack, label):
    """(left, right, bottom, top) in µm of a panel; z runs to the right in yz and downwards in xz."""
    z, y, x = stack.extent
    across, down = {"xy": (x, y), "yz": (z, y), "xz": (x, z)}[label]
    return 0, across, down, 0


def _mark(axes, stack, label, at):
    z, y, x = ((i + 0.5) * d for i, d in zip(at, stack.voxel_size, strict=True))
    across, down = {"xy": (x, y), "yz": (z, y), "xz": (x, z)}[label]
    line = {"color": "white", "linewidth": 0.6, "alpha": 0.5, "linestyle": (0, (4, 4))}
    axes.axvline(across, **line)
    axes.axhline(down, **line)


def _scale_bar(axes, across, down):
    """A bar of 1, 2 or 5 times a power of ten µm, about a quarter of a panel of this width and height."""
    power = 10.0 ** np.floor(np.log10(across / 4))
    length = max(k * power for k in (1, 2, 5) if k * power <= across / 4)
    right, y = 0.95 * across, 0.95 * down
    axes.plot([right - length, right], [y, y], color="white", linewidth=3, solid_capstyle="butt")
    # the label ends where the bar does: in a narrow panel it is the longer of the two
    axes.text(right, 0.93 * down, f"{length:g} µm", ha="right", va="bottom", fontsize=9, **_ON_IMAGE)
