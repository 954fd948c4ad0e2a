"""The PSF doctor: what may be wrong with a PSF, one question a row."""

import numpy as np

from course_utils.optics.measured_psf import fwhm, um
from course_utils.optics.objective import nyquist
from course_utils.report import Report
from course_utils.stack import check_voxel_size


def examine(psf, voxel_size, optics=None):
    """What may be wrong with a PSF, before it is used on a stack with this voxel: a report, one row a question.

    psf     Stack. optics: the Optics it should belong to; with them its sampling and its width are examined too.
    Cut-off light is seen on three signs: what lies on the sides, on the first and last plane, and the planes' sums. In
    a wide-field microscope every plane passes the same light (the OTF's missing cone): the halo never ends along z, and
    what the end planes lack against the focal plane has left by the sides.
    """
    voxel_size = check_voxel_size(voxel_size)
    rows = [_voxel_row(psf, voxel_size), *(row(psf) for row in (_sum_row, _negative_row, _background_row, _centre_row))]
    rows += [row(psf) for row in (_sides_row, _ends_row, _planes_row)]
    if optics is not None:
        rows += [_sampling_row(voxel_size, optics), _width_row(psf, optics)]
    return Report(tuple(rows))


def _voxel_row(psf, voxel_size):
    same = np.allclose(psf.voxel_size, voxel_size, rtol=0.01, atol=0)
    meaning = f"the stack's is {um(voxel_size)}: optics.resample(psf, stack.voxel_size)"
    return "voxel", um(psf.voxel_size), "fine" if same else meaning


def _sum_row(psf):
    total = float(psf.data.sum(dtype=np.float64))
    fine = abs(total - 1) <= 0.01
    return "sum", f"{total:.4g}", "fine" if fine else "must be 1: psf.with_data(psf.data / psf.data.sum())"


def _negative_row(psf):
    share = np.maximum(-psf.data, 0).sum(dtype=np.float64) / np.abs(psf.data).sum(dtype=np.float64)
    meaning = "a PSF is light: take the background off with optics.clean_psf(psf)"
    return "negative", f"{100 * share:.2g} % of the light", meaning if share else "fine"


def _background_row(psf):
    """Light that is everywhere alike: what the darkest hundredth does not reach, of a PSF at most some 6 %."""
    share = np.quantile(psf.data, 0.01) * psf.data.size / psf.data.sum(dtype=np.float64)
    meaning = "fine" if share < 0.1 else "a background was left in, a halo without end: optics.clean_psf(psf)"
    return "even light", f"{100 * max(share, 0):.2g} % of the light", meaning


def _centre_row(psf):
    """The brightest voxel against n // 2: up to a voxel off is rounding, a quarter of the grid a mistake."""
    peak = np.unravel_index(psf.data.argmax(), psf.shape)
    off = tuple(int(p) - n // 2 for p, n in zip(peak, psf.shape, strict=True))
    meaning = "fine"
    if any(abs(o) > 1 for o in off):
        meaning = "results will be shifted by this, unless index mismatch or an aberration means it"
    if any(abs(o) > 0.25 * n for o, n in zip(off, psf.shape, strict=True)):
        meaning = "far off: was the centre written into the corner? Then numpy.fft.fftshift puts it right"
    return "centre", f"peak {off} voxels from n // 2", meaning


def _sides_row(psf):
    inside = psf.data[:, 1:-1, 1:-1].sum(dtype=np.float64)
    share = 1 - inside / psf.data.sum(dtype=np.float64)
    meaning = "fine" if share < 0.02 else "cut off: a shape larger along y and x holds more"
    return "on the sides", f"{100 * share:.2g} % of the light", meaning


def _ends_row(psf):
    sums = psf.data.sum(axis=(1, 2), dtype=np.float64)
    share = (sums[0] + sums[-1]) / sums.sum()
    meaning = "fine" if share < 0.02 else "cut off: a shape larger along z holds more; a wide-field halo never ends"
    return "on the ends", f"{100 * share:.2g} % of the light", meaning


def _planes_row(psf):
    sums = psf.data.sum(axis=(1, 2), dtype=np.float64)
    least = sums.min() / sums.max()
    if least > 0.9:
        return "plane sums", f"at least {100 * least:.0f} % of the greatest", "alike: wide-field, with its missing cone"
    meaning = "unlike: confocal or light-sheet; of a wide-field PSF, the halo is cut off by the sides"
    return "plane sums", f"down to {100 * least:.2g} % of the greatest", meaning


def _sampling_row(voxel_size, optics):
    """Of the stack: no PSF brings back what its voxels have left out."""
    limits = (nyquist(optics)[0], *2 * [nyquist(optics)[1]])
    coarse = max(d / limit for d, limit in zip(voxel_size, limits, strict=True))
    meaning = f"up to {coarse:.2f} times too coarse for all that the objective passes"
    return "Nyquist", um(limits), "fine" if coarse <= 1.02 else meaning


def _width_row(psf, optics):
    """The lateral width against 0.51 λ/NA, that of Airy's disc, and the voxel's own width."""
    widths, expected = fwhm(psf), 0.5145 * optics.wavelength / optics.passed_NA
    expected = [np.hypot(expected, 0.68 * d) for d in psf.voxel_size[1:]]  # 0.68 d: a Gaussian as wide as the voxel
    ratio = np.mean(np.divide(widths[1:], expected))
    meaning = "fine"
    if ratio < 0.85:
        meaning = f"{ratio:.2f} of what NA and wavelength allow: are these right, and in µm?"
    elif ratio > 1.5:
        meaning = f"{ratio:.2f} times the ideal: aberrations, a large bead, or a wrong voxel"
    return "FWHM", um(widths), meaning
