"""Least squares where a brightness and a background are solved for, and only the rest is searched for."""

from itertools import combinations

import numpy as np
from scipy import ndimage, optimize

ALIKE = 0.95  # correlation of two parameters from which on the data do not tell them apart


def fit_separable(y, image, start, limits, steps):
    """The parameters p for which A · image(p) + b is nearest to y, A and b free: SciPy's OptimizeResult.

    image          function of p that gives a model of y's shape.
    start, limits  of p; steps: of the numerical derivatives, one a parameter.

    A and b are solved for at each p, and the derivatives projected off them. How A and b change along is left out
    (Kaufman's form): near the minimum that is next to nothing.
    Kaufman, BIT 15 (1975) 49, doi:10.1007/BF01932995.
    """

    def residual(p):
        return solve(y, image(p))[1]

    def jacobian(p):
        base = image(p)
        (brightness, _), _, project = solve(y, base)
        changes = [(image(p + step) - base) / step.sum() for step in np.diag(steps)]
        return -brightness * np.stack([project(change) for change in changes], axis=1)

    return optimize.least_squares(
        residual, start, jacobian, limits, x_scale="jac", tr_solver="lsmr", ftol=1e-4, xtol=1e-4, max_nfev=30
    )


def solve(y, model):
    """(A, b) nearest to y = A model + b, the weighted residual, and the projection off these two."""
    weight = 1 / np.sqrt(np.maximum(ndimage.gaussian_filter(y, 1.0), 0.01 * y.max())).ravel()
    basis, values = np.stack([model.ravel() * weight, weight], axis=1), y.ravel() * weight
    orthonormal, triangle = np.linalg.qr(basis)

    def project(image):
        column = image.ravel() * weight
        return column - orthonormal @ (orthonormal.T @ column)

    return np.linalg.solve(triangle, orthonormal.T @ values), project(y), project


def certainty(found, names, units):
    """{parameter: standard deviation}, and ((parameter, parameter, correlation), …) of those not told apart.

    units  of the parameters, one a name. A parameter without effect on the data is infinitely uncertain.
    """
    size = np.linalg.norm(found.jac, axis=0)
    seen = np.flatnonzero(size > 1e-4 * size.max())
    scaled = found.jac[:, seen] / size[seen]
    covariance = np.linalg.pinv(scaled.T @ scaled, hermitian=True)
    spread = np.sqrt(np.diag(covariance))
    noise = np.sqrt(2 * found.cost / (found.fun.size - size.size))
    errors = dict.fromkeys(names, np.inf)
    errors |= {names[i]: float(noise * s * units[i] / size[i]) for i, s in zip(seen, spread, strict=True)}
    alike = covariance / np.outer(spread, spread)
    pairs = combinations(range(len(seen)), 2)
    return errors, tuple(
        (names[seen[i]], names[seen[j]], float(alike[i, j])) for i, j in pairs if abs(alike[i, j]) > ALIKE
    )
