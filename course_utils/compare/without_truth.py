"""What real data can tell of an estimate, where no truth is known: its residual, and whether two halves agree."""

from typing import NamedTuple

import numpy as np
from scipy import fft

from course_utils import stopping
from course_utils.compare.fourier_shells import fsc


class Whiteness(NamedTuple):
    """Of a normalised residual: 1 and 1 where nothing but photon noise is left.

    variance         below 1, noise was fitted; above 1, the model is wrong.
    excess           mean of (number of pairs × correlation²) over all lags but 0: above 1, structure is left.
    autocorrelation  at the lags −reach … reach along each axis, 1 in the middle.
    """

    variance: float
    excess: float
    autocorrelation: np.ndarray


def residual_whiteness(y, model, *, reach=3):
    """Is (y − model) / √model white noise of unit variance, as photons around their expectation are?

    y      photons, the background still in them. model: H x + b, the expected photons; same shape.
    reach  largest lag in voxels, along each axis.
    What lies outside of the OTF leaves no trace here: a white residual says that x explains the data, not that x is
    right. Read noise of variance s²: add s² to both. Raises ValueError where the shapes differ, or the model is not
    positive.
    """
    y, model = np.asarray(y, dtype=np.float64), np.asarray(model, dtype=np.float64)
    if y.shape != model.shape:
        raise ValueError(f"y and its model must have the same shape; got {y.shape} and {model.shape}.")
    if not model.min() > 0:
        raise ValueError(f"the model must be positive, H x + b with a background; its least is {model.min():.4g}.")
    if not 0 < reach < min(y.shape):
        raise ValueError(f"reach must be at least 1 and less than the shortest axis, {min(y.shape)}; got {reach}.")
    residual = (y - model) / np.sqrt(model)
    sums, pairs = (_autocorrelation(r, reach) for r in (residual - residual.mean(), np.ones(y.shape)))
    rho = sums / pairs / residual.var()
    off_centre = np.arange(rho.size) != rho.size // 2
    return Whiteness(float(residual.var()), float(np.mean((pairs * rho**2).ravel()[off_centre])), rho)


def fsc_of_halves(y, restore, *, rng, **options):
    """The Fourier shell correlation of two estimates, each from its own half of the photons (`stopping.thin`).

    y        Stack of photons, not negative.
    restore  function of such a Stack, with half of the light and half of the background, that gives the estimate.
    options  as for `fsc`.
    It tells what noise did to the estimate, not whether it is right: a wrong PSF, a prior or a trained network makes
    the same mistakes in both halves, and these agree.
    """
    halves = (y.with_data(half) for half in stopping.thin(y.data, 0.5, rng))
    return fsc(*map(restore, halves), y.voxel_size, **options)


def _autocorrelation(x, reach):
    """Σ x(r) x(r + lag) over the pairs that lie inside, for lags up to the reach."""
    grid = [fft.next_fast_len(n + reach, real=True) for n in x.shape]
    sums = fft.irfftn(np.abs(fft.rfftn(x, grid, workers=-1)) ** 2, grid, workers=-1)
    lags = np.arange(-reach, reach + 1)
    return sums[np.ix_(*[lags % n for n in grid])]
