"""The Poisson likelihood of photons: how well an estimate explains them, and the step that explains them better."""

import numpy as np

from course_utils import operators


def i_divergence(y, model):
    """Csiszár's I-divergence Σ y log(y / model) − y + model, in float64: what Richardson–Lucy lowers at every step.

    y      photons.
    model  H x + b, the expected photons; same shape.
    It is the Poisson log-likelihood with the sign turned, plus a constant that makes it zero for model = y.
    """
    return sum(map(_plane_divergence, np.atleast_2d(y), np.atleast_2d(model)))  # in float64 a volume counts double


def mean_signal(y, background):
    """The mean of y above the background, and not zero: where a flat start lies."""
    return max(float(np.mean(y) - np.mean(background)), tiny(y))


def tiny(y):
    """Next to nothing beside y."""
    return 1e-6 * max(float(np.mean(y)), np.finfo(np.float32).tiny)


def first_estimate(y, H, background, start):
    """The start as an array of H's backend; flat at the mean signal if None."""
    return H.xp.full(H.shape_in, mean_signal(y, background)) if start is None else H.xp.asarray(start)


def richardson_lucy_step(y, H, background, *, divergence=False):
    """The function x, prior → [x / (H'1) · H'(y / (H x + b)) / prior], the one step that all variants share.

    prior       a number or array by which each voxel is divided; 1 for none.
    divergence  also return the I-divergence of y from the model at x, which costs no Fourier transform.
    Raises ValueError where y cannot be photons measured through H.
    """
    check_photons(y, H, background)
    xp, floor, weight = H.xp, tiny(y), inverse_sensitivity(H)  # the floor is against 0 / 0 where the model is dark
    y, background = xp.asarray(y), xp.asarray(background)

    def compare(blurred, y, background):
        model = xp.maximum(blurred + background, floor)
        ratio = y / model  # how far the model is from the data
        return (ratio, _divergence(y, model, ratio, xp)) if divergence else (ratio,)

    def multiply(back, x, weight, prior):
        return (xp.maximum(x * back * (weight / prior), 0),)  # the FFT leaves values of −1e-7: not photons

    there_and_back = operators.there_and_back(H, compare, multiply)

    def step(x, prior=1.0):
        *rest, new = there_and_back(x, (y, background), (x, weight, prior))
        return new, *rest

    return step


def check_photons(y, H, background=0.0):
    """Raise ValueError where y cannot be photons measured through H."""
    y = np.asarray(y)
    if y.shape != tuple(H.shape_out):
        raise ValueError(
            f"y has shape {y.shape}, but H gives {tuple(H.shape_out)}; build H for the shape of the stack."
        )
    expect_photons(y)
    if np.min(background) < 0 or not np.isfinite(background).all():
        raise ValueError(f"background must be finite and not negative; got {background}.")


def expect_photons(y):
    """Raise ValueError where y holds negative or no numbers."""
    if not np.isfinite(y).all():
        raise ValueError("y holds NaN or infinite values; replace them first.")
    if y.min() < 0:
        raise ValueError(
            f"y holds negative values (down to {y.min():.4g}), and photons cannot be negative. Do not subtract the "
            "background: pass it as background=…, where it belongs in the model."
        )


def _plane_divergence(y, model):
    y, model = np.asarray(y, dtype=np.float64), np.asarray(model, dtype=np.float64)
    seen = y > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(model - y) + np.sum(y[seen] * np.log(y[seen] / model[seen])))


def _divergence(y, model, ratio, xp):
    """Σ y log(y / model) − y + model, where y = 0 adds the model only."""
    return xp.inner(y, xp.log(xp.maximum(ratio, 1e-30))) + xp.sum(model - y)


def inverse_sensitivity(H):
    """1 / H'1, and zero where a voxel sends less than 1 % of the most into the field of view."""
    xp = H.xp  # not compiled: for a single call that takes longer, and TensorFlow warns of it
    sensitivity = H.adjoint(xp.full(H.shape_out, 1.0))
    enough = 0.01 * xp.max(sensitivity)
    weight = xp.where(sensitivity > enough, 1.0 / xp.maximum(sensitivity, enough), 0.0)
    low, high = float(xp.min(weight)), float(xp.max(weight))
    return high if high - low < 1e-5 * high else weight  # the same everywhere: a number will do, and saves a volume
