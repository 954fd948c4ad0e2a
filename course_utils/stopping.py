"""When to stop Richardson–Lucy: its limit fits the noise, and the best estimate lies on the way.

A rule is a score of an estimate, the lower the better, that needs no truth: `held_out` and `discrepancy` give one as a
function of x, and `first_minimum` goes through the estimates of any algorithm until the score rises.
`gradient_consensus` is an algorithm of its own, which stops voxel by voxel.
"""

import numpy as np
from scipy import special

from course_utils.likelihood import (
    check_photons,
    expect_photons,
    first_estimate,
    i_divergence,
    inverse_sensitivity,
    tiny,
)


def thin(y, share, rng):
    """(kept, held): each photon falls into kept with the probability share, else into held. Two exposures from one.

    y  whole numbers of photons; others are rounded. Both parts are Poisson-distributed if y is, and independent.
    Raises ValueError where the share does not lie between 0 and 1, or y is negative.
    """
    if not 0 < share < 1:
        raise ValueError(f"share is the part of the photons that is kept, between 0 and 1; got {share}.")
    expect_photons(np.asarray(y))
    photons = np.rint(np.asarray(y)).astype(np.int64)
    kept = rng.binomial(photons, share)
    return kept.astype(np.float32), (photons - kept).astype(np.float32)


def held_out(held, H, *, share, background=0.0):
    """The score of an estimate from the kept share of the photons: how badly it predicts those held out.

    held        what `thin` held, of the whole y's background `background`.
    The I-divergence of held from its prediction, a voxel. It falls while structure is fitted, and rises with noise.
    The estimate of the whole is x / share. Raises ValueError where held does not fit H.
    """
    check_photons(held, H, background)

    def score(x):
        model = np.maximum(np.asarray(H(x)), 0) + share * np.asarray(background)
        return i_divergence(held, (1 - share) / share * np.maximum(model, tiny(held))) / held.size

    return score


def discrepancy(y, H, *, background=0.0):
    """The score of an estimate: how far its I-divergence from y, a voxel, is from what Poisson noise alone would make.

    About ½ where many photons are expected, less where few are (see `noise_divergence`). An estimate that comes nearer
    to the data than the truth itself would has fitted noise. It wants photons and the right PSF: in counts of a camera,
    or with a PSF that is too wide, the mark is not met. Raises ValueError where y does not fit H.
    """
    check_photons(y, H, background)

    def score(x):
        model = np.maximum(np.maximum(np.asarray(H(x)), 0) + np.asarray(background), tiny(y))
        return abs(i_divergence(y, model) / y.size - float(np.mean(noise_divergence(model))))

    return score


def noise_divergence(mean):
    """What y log(y / mean) − y + mean is on average for Poisson y: 0 for no photons, ½ + 1 / (12 mean) for many."""
    means, photons = np.geomspace(1e-6, 60, 200), np.arange(200)
    probability = np.exp(special.xlogy(photons, means[:, None]) - means[:, None] - special.gammaln(photons + 1))
    divergence = special.xlogy(photons, photons / means[:, None]) - photons + means[:, None]
    few = np.interp(np.log(np.maximum(mean, 1e-6)), np.log(means), np.sum(probability * divergence, axis=1))
    return np.where(np.asarray(mean) < 60, few, 0.5 + 1 / (12 * np.maximum(mean, 60)))


def first_minimum(estimates, score, *, patience=5):
    """(x, k): the estimate with the lowest score, and its number, from 1 on.

    estimates  of any algorithm; it is asked for more until the score has not been lower for `patience` of them.
    Raises ValueError where there is no estimate.
    """
    best, lowest, number = None, np.inf, 0
    for k, x in enumerate(estimates, start=1):
        value = score(x)
        if best is None or value < lowest:
            best, lowest, number = x, value, k
        elif k - number >= patience:
            break
    if best is None:
        raise ValueError("there is no estimate to choose from; n_iter must be at least 1.")
    return best, number


def best_predicted(algorithm, y, H, *, n_iter, background=0.0, rng, watch=iter):
    """How many iterations, at most n_iter, on half of the photons predict the other half best: `thin`, `held_out`.

    algorithm  function (y, H, n_iter=…, background=…) -> estimates, such as `richardson_lucy.plain`.
    watch      what the estimates pass through on their way, such as tqdm.
    """
    kept, held = thin(y, 0.5, rng)
    score = held_out(held, H, share=0.5, background=background)
    return first_minimum(watch(algorithm(kept, H, n_iter=n_iter, background=0.5 * background)), score)[1]


def gradient_consensus(y, H, *, n_iter, background=0.0, start=None, rng):
    """Richardson–Lucy in which a voxel changes only while two halves of the photons ask for the same change.

    The photons are thinned once into two halves, each with a gradient of its own, g = H'(y / (H x + b)) / (H'1) − 1.
    Signal is in both; noise is not. Where H'H (x g₁ g₂), their agreement within reach of the PSF, is positive, the
    voxel takes the plain step, the mean of the halves' steps; elsewhere it stays. Yields at most n_iter estimates, and
    ends when less than 1 % of the light still changes. Two and a half times the work of `richardson_lucy.plain`.
    Raises ValueError where y cannot be photons measured through H. After the idea called Richardson–Lucy
    gradient consensus (RLGC), here with one fixed split and the agreement weighted with x.
    """
    check_photons(y, H, background)
    xp, floor, weight = H.xp, tiny(y), inverse_sensitivity(H)
    first, second = (xp.asarray(2 * half) for half in thin(y, 0.5, rng))
    background = xp.asarray(background)

    @xp.compile
    def step(x):
        model = xp.maximum(H(x) + background, floor)
        g1, g2 = (H.adjoint(half / model) * weight - 1 for half in (first, second))
        agree = H.adjoint(H.forward(x * g1 * g2)) > 0
        changed = xp.where(agree, x, 0 * x)
        return xp.maximum(x + changed * (g1 + g2) / 2, 0), xp.sum(changed) / xp.sum(x)

    x = first_estimate(y, H, background, start)
    for _ in range(n_iter):
        x, changing = step(x)
        yield x
        if float(changing) < 0.01:
            break
