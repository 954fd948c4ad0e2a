"""A PSF that was measured: cleaned, put on another grid, checked before it is used."""

import numpy as np
from scipy import fft, interpolate, ndimage

from course_utils.stack import Stack, check_voxel_size, expect_micrometres, expect_stack


def clean_psf(measured):
    """A measured PSF made fit for use: background off, noise around it off, centred at n // 2, non-negative, unit sum.

    measured  Stack with one bright bead on an empty background.
    Returns a Stack of odd size, as small as holds the bead. The bead ends where, lightly smoothed, it falls below four
    standard deviations of the background's noise: left in, the noise of the many empty voxels would outweigh the
    bead once its negative half is cut off. Raises ValueError where nothing stands out, or the bead touches an edge.
    """
    expect_stack(measured, "psf")
    image = measured.data.astype(np.float64)
    image -= np.median(_faces(image))
    smooth = ndimage.gaussian_filter(image, 1.0)
    noise = 1.4826 * np.median(np.abs(_faces(smooth)))  # from the median: a ray of the PSF may cross a face
    peak = np.unravel_index(smooth.argmax(), smooth.shape)
    core = _region_around(peak, smooth > smooth[peak] / 4)
    if smooth[peak] < 10 * noise or core.sum() > core.size / 8:
        raise ValueError("no bead stands out from the background; crop the stack around one bright bead.")
    if _faces(core).any():
        raise ValueError(
            f"the bead at voxel {tuple(int(i) for i in peak)} touches the edge of the stack; "
            "crop around it less tightly."
        )
    bead = ndimage.binary_dilation(_region_around(peak, smooth > 4 * noise) | core)
    psf = _centred(np.where(bead, image, 0), ndimage.center_of_mass(np.where(core, image, 0)))
    return measured.with_data(psf / psf.sum())


def fwhm(psf):
    """Full width at half maximum (z, y, x) in µm, along the lines through the brightest voxel.

    psf  Stack without background. The half maximum is found between voxels by linear interpolation; infinite along
    an axis where the intensity does not fall to a half within the stack.
    """
    peak = np.unravel_index(psf.data.argmax(), psf.shape)
    lines = (psf.data[(*peak[:axis], slice(None), *peak[axis + 1 :])] for axis in range(3))
    return tuple(
        float(d * (_half_width(line[i:]) + _half_width(line[i::-1])))
        for line, i, d in zip(lines, peak, psf.voxel_size, strict=True)
    )


def resample(psf, voxel_size):
    """The PSF on a grid with another voxel (dz, dy, dx in µm); its sum and its centre are kept.

    psf  Stack, not negative, its centre at n // 2.
    Returns a Stack of odd size that covers the whole PSF. Each new voxel holds what falls into it: the running sum
    along an axis, interpolated without overshoot at the new voxels' edges, is differenced. So nothing becomes
    negative, nothing is lost, and a PSF that is narrow against the new voxel is integrated, not sampled.
    """
    expect_stack(psf, "psf")
    expect_micrometres(check_voxel_size(voxel_size), "the grid asked for")
    data = psf.data.astype(np.float64)
    for axis, (old, new) in enumerate(zip(psf.voxel_size, check_voxel_size(voxel_size), strict=True)):
        if old != new:
            data = _rebin(data, new / old, axis)
    return Stack(np.maximum(data, 0), voxel_size)  # rounding may leave −1e-20


def cut_psf(psf, shape):
    """The middle of a PSF, of at most this shape and of odd size, divided by its sum: what a periodic grid can hold.

    psf  Stack, its centre at n // 2. Where the PSF is smaller than the shape, nothing is cut off along that axis.
    What is cut off is light that the model will not know of: see what part it is before you rely on it.
    """
    expect_stack(psf, "psf")
    odd = [min(m, n - 1 + n % 2) for m, n in zip(psf.shape, shape, strict=True)]
    start = [m // 2 - k // 2 for m, k in zip(psf.shape, odd, strict=True)]
    middle = psf.data[tuple(slice(a, a + k) for a, k in zip(start, odd, strict=True))]
    return psf.with_data(middle / middle.sum(dtype=np.float64))


def shift_psf(psf, by):
    """A PSF moved by (z, y, x) voxels, fractions allowed: each frequency k of it times exp(−2πi k·by).

    psf  Stack, dark at its faces: what leaves it on one side comes back on the other. Unit sum, not negative.
    """
    expect_stack(psf, "psf")
    moved = fft.ifftn(ndimage.fourier_shift(fft.fftn(psf.data.astype(np.float64)), by)).real
    moved = np.maximum(moved, 0)
    return psf.with_data(moved / moved.sum())


def check_psf(psf, voxel_size):
    """Raise ValueError, saying what to do, where the PSF cannot serve a stack of this voxel size.

    Checked: the same voxel (to 1 %), nothing negative, unit sum (to 1 %), its peak in the middle half of each axis (an
    aberrated PSF may have its peak a little off the centre, and is right so).
    """
    if not np.allclose(psf.voxel_size, voxel_size, rtol=0.01, atol=0):
        raise ValueError(
            f"the PSF's voxel {um(psf.voxel_size)} differs from the stack's {um(voxel_size)}; "
            "make it fit with optics.resample(psf, stack.voxel_size)."
        )
    if psf.data.min() < 0:
        raise ValueError(
            f"the PSF has negative values (down to {psf.data.min():.3g}); a PSF is light, and cannot be negative. "
            "If it was measured, take its background off with optics.clean_psf(psf)."
        )
    total = float(psf.data.sum(dtype=np.float64))
    if abs(total - 1) > 0.01:
        raise ValueError(
            f"the PSF must have unit sum; it has {total:.4g}. If it was measured, use optics.clean_psf(psf), "
            "which also takes its background off; else psf.with_data(psf.data / psf.data.sum())."
        )
    peak = np.unravel_index(psf.data.argmax(), psf.shape)
    middle = tuple(n // 2 for n in psf.shape)
    if any(abs(a - b) > 0.25 * n for a, b, n in zip(peak, middle, psf.shape, strict=True)):
        where = tuple(int(a) for a in peak)
        raise ValueError(
            f"the PSF's peak is at voxel {where}, far from the centre {middle}: the result would be shifted. "
            "Was it written with the centre in the corner? Then numpy.fft.fftshift puts it right."
        )


def _faces(image):
    """All voxels on the six faces of a volume."""
    return np.concatenate([np.take(image, [0, -1], axis).ravel() for axis in range(3)])


def _region_around(voxel, mask):
    """The part of a mask that hangs together with this voxel."""
    labels, _ = ndimage.label(mask)
    return labels == labels[voxel]


def _centred(image, centre):
    """The non-zero part of an image, moved (by a fraction of a voxel too) to the centre of a box that just holds it."""
    nearest = np.round(centre).astype(int)
    filled = ndimage.find_objects((image != 0).astype(np.int8))[0]
    half = [max(c - f.start, f.stop - 1 - c) + 1 for c, f in zip(nearest, filled, strict=True)]
    padded = np.pad(image, [(h, h) for h in half])
    box = padded[tuple(slice(c, c + 2 * h + 1) for c, h in zip(nearest, half, strict=True))]
    return np.maximum(ndimage.shift(box, nearest - np.asarray(centre)), 0)


def _half_width(falling):
    """Voxels from the first of a line, its maximum, to where it has fallen to a half."""
    below = np.flatnonzero(falling < falling[0] / 2)
    if not below.size:
        return np.inf
    k = below[0]
    return k - (falling[0] / 2 - falling[k]) / (falling[k - 1] - falling[k])


def um(voxel_size):
    """(dz, dy, dx) for a reader."""
    return "(" + ", ".join(f"{d:.4g}" for d in voxel_size) + ") µm"


def _rebin(data, ratio, axis):
    """Voxels `ratio` times as long along one axis, the centre voxel staying the centre."""
    n, centre = data.shape[axis], data.shape[axis] // 2
    half = int(np.ceil((centre + 0.5) / ratio - 0.5))
    edges = centre + ratio * (np.arange(-half, half + 2) - 0.5)
    running = np.cumsum(np.insert(data, 0, 0, axis), axis)  # running[k]: the light before the edge k − ½
    curve = interpolate.PchipInterpolator(np.arange(n + 1) - 0.5, running, axis)
    return np.diff(curve(np.clip(edges, -0.5, n - 0.5)), axis=axis)
