"""Blind deconvolution: the PSF and the specimen from the blurred stack alone, and what keeps the PSF from becoming δ.

Every stack is explained perfectly by a specimen that looks just like it, seen through a PSF that is a single voxel. So
what is known of a PSF has to be said: it is light, it has a centre and an end, and it holds only what the optics pass.
"""

import numpy as np
from scipy import fft, ndimage

from course_utils import backend, formation, operators, richardson_lucy
from course_utils.optics.objective import otf_height

PROJECTIONS = 10  # a round, between what the optics pass and what is not negative: more change little


def blind(
    y,
    psf0,
    *,
    n_iter,
    background=0.0,
    band=None,
    unit_sum=True,
    centred=True,
    psf_steps=5,
    specimen_steps=5,
    start=None,
    edges="open",
    xp=None,
):
    """Blind Richardson–Lucy: in each round a few steps on the PSF h with the specimen x fixed, then a few on x.

    h ← h / (X'1) · X'(y / (X h + b)), X h = x ∗ h; and likewise for x. Both are steps of `richardson_lucy.plain`.
    After its steps h is projected on what is known of it, each of which can be left out to see what it is for.

    y           photons, the background still in them, not negative.
    psf0        the first guess of h, centre n // 2. Its shape is the support of h: beyond it, h is zero.
    n_iter      rounds; about ten. More fit the noise: stopping early is part of the method, as it is for plain.
    background  b, photons a voxel that do not come from the specimen.
    band        the frequencies that the optics pass, see `pass_band`; all if None.
    unit_sum    divide h by its sum, and multiply x by it.
    centred     move the middle of h's core to n // 2, by whole voxels, and x the other way.
    start       the first x, on the grid of `formation.forward`; ten steps with psf0 from a flat one if None.
    edges       "open" or "periodic", as in `formation.forward`.
    xp          the backend, NumPy if None.
    Yields n_iter pairs (x, h): an array of the backend, and a NumPy array of psf0's shape.
    Raises ValueError where y is no photons, or psf0 or band no PSF or band.
    Fish, Brinicombe, Pike & Walker, J. Opt. Soc. Am. A 12 (1995) 58, doi:10.1364/JOSAA.12.000058.
    """
    xp = xp or backend.get("numpy")
    y, h = np.asarray(y), _check_guess(psf0, band)

    def steps(H, n, first):
        *_, last = richardson_lucy.plain(y, H, n_iter=n, background=background, start=first)
        return last

    def specimen_operator():
        return formation.forward(h, y.shape, edges=edges, xp=xp)

    x = steps(specimen_operator(), 10, None) if start is None else xp.asarray(start)
    for _ in range(n_iter):
        h = np.asarray(steps(by_psf(x, h.shape, y.shape, xp=xp), psf_steps, h), dtype=np.float64)
        if band is not None:
            h = project(h, band)
        if unit_sum:
            h, x = h / h.sum(), x * float(h.sum())
        if centred:
            move = _to_centre(h)
            h, x = np.roll(h, move, (0, 1, 2)), xp.roll(x, [-m for m in move], (0, 1, 2))
        x = steps(specimen_operator(), specimen_steps, x)
        yield x, h


def by_psf(x, psf_shape, shape, *, xp):
    """The microscope as an operator on its PSF: h ↦ the expected photons of the specimen x, seen through h.

    x      the specimen on the grid of H = `formation.forward(psf, shape)`: ``by_psf(x, …)(h)`` is H(x).
    shape  of the field of view.
    """
    x = np.asarray(x)
    grid, psf_shape = x.shape, tuple(psf_shape)
    # h starts at index 0 of the grid, so that x is what has to be moved by h's centre, once
    moved = np.roll(x, [n // 2 - m // 2 for n, m in zip(grid, psf_shape, strict=True)], (0, 1, 2))
    window = tuple(slice(0, m) for m in psf_shape)
    widths = [(0, n - m) for n, m in zip(grid, psf_shape, strict=True)]
    place = operators.Linear(lambda h: xp.pad(h, widths), lambda u: u[window], psf_shape, grid, xp)
    A = operators.blur(moved, grid, xp=xp) @ place
    return operators.crop(shape, grid, xp=xp) @ A if grid != tuple(shape) else A


def pass_band(optics, shape, voxel_size):
    """Which frequencies a wide-field microscope passes: True or False, in the order of `numpy.fft.fftn`, (z, y, x).

    A torus around k_z (`objective.otf_height`) that reaches as far as `optics.cutoff` says. On k_z itself only zero
    passes, the missing cone: every plane holds the same light.
    The voxel must be fine enough for the optics, or the band does not fit on the grid and is cut off.
    """
    z, y, x = np.meshgrid(*(fft.fftfreq(n, d) for n, d in zip(shape, voxel_size, strict=True)), indexing="ij")
    q, s = np.hypot(y, x), optics.passed_NA / optics.wavelength
    return (np.abs(z) <= otf_height(optics, q - s)) & (q <= 2 * s)


def project(h, band):
    """The PSF within the band and without negative values, nearly: projections on the one and the other in turn."""
    for _ in range(PROJECTIONS):
        h = np.maximum(fft.ifftn(fft.fftn(h) * band).real, 0)
    return h


def _to_centre(h):
    """By how many voxels h must move for the middle of its core, all above half its maximum, to come to n // 2."""
    middle = ndimage.center_of_mass(np.where(h > h.max() / 2, h, 0))
    return [round(n // 2 - c) for n, c in zip(h.shape, middle, strict=True)]


def _check_guess(psf0, band):
    h = np.asarray(psf0, dtype=np.float64)
    if h.ndim != 3 or not np.isfinite(h).all() or h.min() < 0 or not h.sum() > 0:
        raise ValueError(
            f"psf0 must be a PSF: three axes, finite, not negative, not all zero; got shape {h.shape}. A Gaussian that "
            "is too wide, optics.gaussian_psf, will do."
        )
    if band is not None and np.shape(band) != h.shape:
        raise ValueError(
            f"band has shape {np.shape(band)}, but psf0 has {h.shape}; use pass_band(optics, psf0.shape, voxel_size)."
        )
    return h / h.sum()
