"""The PSF from beads: which of them can serve, and what they show once their own size is taken off."""

from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from course_utils.optics import voxels
from course_utils.psf_estimation.centres import GaussianFit, find_beads, fit_gaussian
from course_utils.report import Report
from course_utils.stack import expect_stack

__all__ = ["BeadChoice", "GaussianFit", "choose_beads", "distill_psf", "find_beads", "fit_gaussian"]

MARGIN = 8  # voxels that a box is continued by on each side, mirrored, so that nothing wraps around
LEAST = 0.003  # of |B|²: more than a factor of 9 is never taken back


@dataclass(frozen=True, eq=False, repr=False)
class BeadChoice:
    """The beads that can serve, and why the others cannot; shown as a table.

    centres  (n, 3) voxels of the beads that can serve, in the order they were given.
    refused  {number: reason}; numbers count the centres that were given, from 0.
    report   the table, a row a bead.
    """

    centres: np.ndarray
    refused: dict
    report: Report

    def __repr__(self):
        return str(self.report)

    def _repr_html_(self):
        return self.report._repr_html_()


def choose_beads(stack, centres, *, shape, saturation=None):
    """Sort out the beads whose box, of this shape (z, y, x) in voxels, holds the bead alone, whole and unsaturated.

    saturation  value that a voxel shows when it is full, in the stack's unit. If None: the stack's maximum, where three
                voxels or more share it exactly, and more than lie just below it; numpy.inf for none.
    Returns a BeadChoice. The shape should hold all of the PSF that matters: light of a neighbour whose centre lies just
    outside the box is not seen here.
    """
    centres, shape = _check(stack, centres, shape)
    level = _saturation(stack.data) if saturation is None else saturation
    reasons = [_reason(stack, centres, i, shape, level) for i in range(len(centres))]
    rows = [
        (f"bead {i}", "(" + ", ".join(f"{c:.1f}" for c in centre) + ")", f"refused: {reason}" if reason else "used")
        for i, (centre, reason) in enumerate(zip(centres, reasons, strict=True))
    ]
    refused = {i: reason for i, reason in enumerate(reasons) if reason}
    return BeadChoice(centres[[not reason for reason in reasons]], refused, Report(tuple(rows)))


def distill_psf(stack, centres, *, shape, bead_diameter=0.0):
    """The PSF of a stack of beads: their mean, its noise filtered, and the bead's own size taken off. A Stack.

    centres        (n, 3) voxels, from find_beads; those that choose_beads has let through.
    shape          of the PSF, (z, y, x) in voxels.
    bead_diameter  µm; 0 leaves the bead's size in.

    Each box loses its background (what its rim shows in the bead's own plane, the darkest place of a wide-field PSF),
    is shifted in Fourier space to bring the centre to n // 2, and is added up: so each bead counts as its
    photons do. Of the sum's transform Y a part S = |Y|² − noise is signal, the noise being what lies beyond all that an
    objective passes, in the corners of Fourier space. Then
        PSF = Y/B · S/|Y|²,    B = 3 (sin t − t cos t)/t³,  t = π d f,
    B the transform of a ball of diameter d. This is Wiener's division with the spectrum taken from the data: unlike
    Richardson–Lucy it needs no number of iterations. Few photons leave it wider than the truth, never sharper.
    Non-negative, unit sum. Raises ValueError for a bead at the edge, with another one in its box, or a diameter that
    does not fit.
    """
    centres, shape = _check(stack, centres, shape)
    if not len(centres):
        raise ValueError("no beads at all: centres is empty. Lower find_beads' threshold, or look at choose_beads.")
    if not 0 <= bead_diameter < min(n * d for n, d in zip(shape, stack.voxel_size, strict=True)):
        raise ValueError(
            f"bead_diameter is in µm, not negative, and less than the box {shape} is wide; got {bead_diameter}."
        )
    for i in range(len(centres)):
        if reason := _outside(stack, centres[i], shape) or _overlap(stack, centres, i, shape):
            raise ValueError(f"bead {i}: {reason}. Pass the centres of choose_beads(stack, centres, shape={shape}).")
    total = sum(_centred(stack.data, centre, shape) for centre in centres)
    psf = _without_size(total, stack.voxel_size, bead_diameter)
    inside = tuple(slice(MARGIN, MARGIN + n) for n in shape)
    return voxels.unit_sum(np.maximum(psf[inside], 0), stack.voxel_size)


def _check(stack, centres, shape):
    """Centres as an (n, 3) array and the shape as a tuple, or a ValueError."""
    expect_stack(stack, "stack")
    shape, _ = voxels.check_grid(shape, stack.voxel_size)
    centres = np.asarray(centres, dtype=np.float64)
    if centres.size and (centres.ndim != 2 or centres.shape[1] != 3):
        raise ValueError(f"centres must be (n, 3) voxels, as find_beads gives them; got shape {centres.shape}.")
    return centres.reshape(-1, 3), shape


def _reason(stack, centres, i, shape, level):
    """Why bead i cannot serve; empty where it can."""
    return _outside(stack, centres[i], shape) or _overlap(stack, centres, i, shape) or _full(stack, centres[i], level)


def _outside(stack, centre, shape):
    for box, n, axis in zip(_box(centre, shape), stack.shape, "zyx", strict=True):
        missing = max(-box.start, box.stop - n)
        if missing > 0:
            return f"at the edge (its box leaves the stack by {missing} voxels along {axis})"
    return ""


def _overlap(stack, centres, i, shape):
    """Names the nearest of the beads in this one's box."""
    offsets = centres - centres[i]
    inside = np.all(np.abs(offsets) <= np.divide(shape, 2), axis=1)
    inside[i] = False
    if not inside.any():
        return ""
    distances = np.where(inside, np.linalg.norm(offsets * stack.voxel_size, axis=1), np.inf)
    return f"overlaps bead {distances.argmin()} ({distances.min():.2g} µm away)"


def _full(stack, centre, level):
    """Looks within two voxels of the centre and the region of full voxels that hangs together with it."""
    labels, _ = ndimage.label(stack.data >= level)
    near = labels[tuple(slice(max(round(c) - 2, 0), round(c) + 3) for c in centre)]
    full = np.isin(labels, near[near > 0]).sum() if near.any() else 0
    return f"saturated ({full} voxels at {level:g})" if full else ""


def _saturation(data):
    """The maximum, where voxels heap up at it, else infinity: noise alone thins out towards the maximum."""
    top = float(data.max())
    below = top - 2 * np.sqrt(abs(top))
    shared = np.count_nonzero(data == top)
    return top if shared >= 3 and shared > np.count_nonzero((data > below) & (data < top)) else np.inf


def _box(centre, shape):
    """Slices of this shape whose voxel n // 2 is the nearest to the centre; they may leave the stack."""
    starts = [round(c) - n // 2 for c, n in zip(centre, shape, strict=True)]
    return tuple(slice(start, start + n) for start, n in zip(starts, shape, strict=True))


def _centred(data, centre, shape):
    """A bead without background, shifted to n // 2, with its mirrored margin."""
    box = data[_box(centre, shape)].astype(np.float64)
    padded = np.pad(box - _rim(box), MARGIN, mode="symmetric")
    shift = np.round(centre) - centre
    return fft.ifftn(ndimage.fourier_shift(fft.fftn(padded), shift)).real


def _rim(box):
    """Mean on the four sides, in the planes around the middle; of the four the median, as a neighbour may light one."""
    middle = box[max(box.shape[0] // 2 - 1, 0) : box.shape[0] // 2 + 2]
    sides = middle[:, 0], middle[:, -1], middle[:, :, 0], middle[:, :, -1]
    return np.median([side.mean() for side in sides])


def _without_size(image, voxel_size, diameter):
    """Wiener's division by the ball, the signal's share of each frequency taken from the image's own spectrum."""
    f = np.meshgrid(*(fft.fftfreq(n) for n in image.shape), indexing="ij")
    ball = _ball(diameter * np.sqrt(sum((a / d) ** 2 for a, d in zip(f, voxel_size, strict=True))))
    spectrum = fft.fftn(image)
    power = np.abs(spectrum) ** 2
    noise = power[np.min(np.abs(f), axis=0) > 0.35].mean()
    signal = np.maximum(1 - noise / ndimage.gaussian_filter(power, 2, mode="wrap"), 0)
    return fft.ifftn(spectrum * signal * ball / (ball**2 + LEAST)).real


def _ball(cycles):
    """Transform of a ball of unit sum at d·f: 3 (sin t − t cos t)/t³, t = π d f."""
    t = np.pi * np.maximum(cycles, 1e-3)
    return 3 * (np.sin(t) - t * np.cos(t)) / t**3
