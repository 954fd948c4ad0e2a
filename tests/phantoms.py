"""Small inputs that the tests share: shapes odd, even and non-cubic, PSFs without a symmetry that hides mistakes."""

import contextlib

import numpy as np

from course_utils import backend

SHAPES = [(4, 5, 6), (5, 4, 7), (6, 6, 4), (3, 7, 5)]
PSF_SHAPES = [(3, 3, 3), (2, 3, 4), (3, 4, 2)]


def installed_backends():
    """The names of the backends whose package is here: some are extras, and a GPU machine may be without TensorFlow."""
    names = []
    for name in backend.NAMES:
        with contextlib.suppress(ImportError):
            names.append(backend.get(name).name)
    return names


def asymmetric_psf(shape, rng):
    """Unit sum, not negative, with a clear peak at n // 2 and no symmetry."""
    psf = rng.random(shape) ** 2
    psf[tuple(n // 2 for n in shape)] += 2
    return psf / psf.sum()


def gaussian_psf(shape, sigma):
    """Unit sum, its centre at n // 2; sigma in voxels, one an axis."""
    z, y, x = (np.exp(-0.5 * ((np.arange(n) - n // 2) / s) ** 2) for n, s in zip(shape, sigma, strict=True))
    psf = z[:, None, None] * y[:, None] * x
    return psf / psf.sum()


def cells(shape, rng, n=6, photons=200.0):
    """Round cells of constant brightness."""
    grid = np.indices(shape)
    volume = np.zeros(shape)
    for _ in range(n):
        centre = [rng.uniform(0, size) for size in shape]
        distance = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
        volume[distance < rng.uniform(2, 6) ** 2] = photons
    return volume
