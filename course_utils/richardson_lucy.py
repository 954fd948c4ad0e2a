"""Richardson–Lucy deconvolution: the photons' own likelihood, climbed one multiplication at a time."""

import numpy as np


def plain(y, H, *, n_iter, background=0.0, start=None):
    """Richardson–Lucy: x ← x / (H'1) · H'(y / (H x + b)), one estimate after another.

    y           the measured photons, shape ``H.shape_out``, not negative, the background still in them.
    H           the blur, an `operators.Linear`; its backend does the work.
    background  b, photons a voxel that do not come from the specimen (a number, or an array like y).
    start       the first estimate, shape ``H.shape_in``; flat at the mean signal if None.
    Yields n_iter estimates, arrays of H's backend. With a field of view smaller than the grid (open edges), voxels
    that send less than 1 % of their light into it stay zero: the data say nothing of them.
    Raises ValueError where y does not fit H, is negative or not finite.
    Lucy, Astron. J. 79 (1974) 745, doi:10.1086/111605. Edges: Bertero & Boccacci, Astron. Astrophys. 437 (2005) 369,
    doi:10.1051/0004-6361:20052717.
    """
    xp = H.xp
    check_photons(y, H, background)
    tiny = _tiny(y)  # against 0 / 0 where the model is dark
    weight = _inverse_sensitivity(H)
    x = xp.full(H.shape_in, mean_signal(y, background)) if start is None else xp.asarray(start)
    y, background = xp.asarray(y), xp.asarray(background)

    @xp.compile
    def step(x):
        ratio = xp.divide(y, H(x) + background, tiny)  # how far the model is from the data
        return xp.positive(x * H.T(ratio) * weight)  # the FFT leaves values of −1e-7: not photons

    for _ in range(n_iter):
        x = step(x)
        yield x


def mean_signal(y, background):
    """The mean of y above the background, and not zero: where a flat start lies."""
    return max(float(np.mean(y) - np.mean(background)), _tiny(y))


def i_divergence(y, model):
    """Csiszár's I-divergence Σ y log(y / model) − y + model, in float64: what Richardson–Lucy lowers at every step.

    y      photons.
    model  H x + b, the expected photons; same shape.
    It is the Poisson log-likelihood with the sign turned, plus a constant that makes it zero for model = y.
    """
    y, model = np.asarray(y, dtype=np.float64), np.asarray(model, dtype=np.float64)
    seen = y > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(model - y) + np.sum(y[seen] * np.log(y[seen] / model[seen])))


def check_photons(y, H, background=0.0):
    """Raise ValueError where y cannot be photons measured through H."""
    y = np.asarray(y)
    if y.shape != tuple(H.shape_out):
        raise ValueError(
            f"y has shape {y.shape}, but H gives {tuple(H.shape_out)}; build H for the shape of the stack."
        )
    if not np.isfinite(y).all():
        raise ValueError("y holds NaN or infinite values; replace them first.")
    if y.min() < 0:
        raise ValueError(
            f"y holds negative values (down to {y.min():.4g}), and photons cannot be negative. Do not subtract the "
            "background: pass it as background=…, where it belongs in the model."
        )
    if np.min(background) < 0 or not np.isfinite(background).all():
        raise ValueError(f"background must be finite and not negative; got {background}.")


def _inverse_sensitivity(H):
    """1 / H'1, and zero where a voxel sends less than 1 % of the most into the field of view."""
    xp = H.xp

    @xp.compile
    def invert(seen):
        sensitivity = H.T(seen)
        enough = 0.01 * xp.max(sensitivity)
        return xp.where(sensitivity > enough, 1.0 / xp.maximum(sensitivity, enough), 0.0)

    weight = invert(xp.full(H.shape_out, 1.0))
    low, high = float(xp.min(weight)), float(xp.max(weight))
    return high if high - low < 1e-5 * high else weight  # the same everywhere: a number will do, and saves a volume


def _tiny(y):
    """Next to nothing beside y."""
    return 1e-6 * max(float(np.mean(y)), np.finfo(np.float32).tiny)
