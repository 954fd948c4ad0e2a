"""ADMM for photons: the Poisson likelihood, x ≥ 0 and a prior, each dealt with on its own, held together by a price.

Minimise Σ(Hx + b − y log(Hx + b)) + weight · g(Dx) over x ≥ 0. Every term gets its own copy of what it looks at,
z = K x with K = [A; I; D], and is then solved exactly in one line, its proximal operator. The scaled duals u are the
prices for copies that differ from K x.
"""

from functools import reduce
from operator import matmul
from typing import Any, NamedTuple

import numpy as np

from course_utils import operators
from course_utils.admm.priors import gram_spectrum, hessian, sparsity, total_variation
from course_utils.richardson_lucy import check_photons, i_divergence, mean_signal

__all__ = ["Iterate", "hessian", "objective", "poisson", "poisson_prox", "sparsity", "total_variation"]

FIRST, LATER = 5, 10  # iterations from one look at the dual residual, which costs two Fourier transforms, to the next
TINY = 1e-30  # against 0 / 0


class Iterate(NamedTuple):
    """An estimate, not negative, and how far the iterations still are from the end.

    primal_residual  |K x − z| / |y|: how far the copies are from what they are copies of.
    dual_residual    ρ |K'u| / √(number of voxels of y): the slope that is left, for an objective of unit slope. From
                     the second iteration on it equals ρ |K'(z − z_old)|. Computed every 5 iterations as long as ρ
                     follows, every 10 later.
    """

    x: Any
    primal_residual: float
    dual_residual: float
    rho: float


def poisson(y, H, *, prior=None, n_iter, background=0.0, rho=None, adapt=50):
    """Deconvolve photons by ADMM: z ← prox(Kx + u), u ← u + Kx − z, x ← (K'K)⁻¹ K'(z − u), n_iter times.

    y           the measured photons, shape ``H.shape_out``, not negative, the background still in them.
    H           from `formation.forward`, or a blur: an `operators.Linear`; its backend does the work.
    prior       `total_variation`, `hessian`, `sparsity` or another `priors.Prior`; none if None.
    background  b, photons a voxel that do not come from the specimen (a number, or an array like y). Read noise of
                variance s²: add s² to both y and background.
    rho         ρ, the price of a difference, 1/photons; 0.05 / mean(y) if None. It changes the way, not the end.
    adapt       for so many iterations ρ follows the residuals, then it stays; with 0 it stays as given.
    Yields n_iter values `Iterate`. H = S A, with A a periodic blur, inverted in Fourier space, and S the choice of
    voxels that were seen; elsewhere the data ask for nothing. Raises ValueError where y does not fit H, is negative
    or not finite, or H has no such form.
    Figueiredo & Bioucas-Dias, IEEE Trans. Image Process. 19 (2010) 3133, doi:10.1109/TIP.2010.2053941.
    """
    check_photons(y, H, background)
    rho = _first_rho(y, rho)
    update, solve, slope, u = _iteration(y, H, prior, background)
    x = H.xp.full(H.shape_in, mean_signal(y, background))
    Ax, size = (H.factors or (H,))[-1](x), max(float(np.linalg.norm(y)), TINY)
    for k in range(n_iter):
        c, rest, u, estimate, distance = update(x, Ax, u, H.xp.asarray(rho))
        x, Ax = solve(c, rest)
        primal = float(distance) ** 0.5 / size
        looks = k % (FIRST if k < adapt else LATER) == 0
        if looks:
            dual = rho * (float(slope(u)) / np.size(y)) ** 0.5
        yield Iterate(estimate, primal, dual, rho)
        if looks and k < adapt:
            factor = _rho_factor(primal, dual)
            rho, u = rho * factor, [v / factor for v in u]


def objective(x, y, H, prior=None, background=0.0):
    """What is minimised, in float64: the I-divergence of y from H x + b, plus weight · Σ g(Dx); x below 0 counts as 0.

    The model is kept above a millionth of the mean of y: what lies below is rounding, and its logarithm would decide.
    """
    xp = H.xp
    x = xp.maximum(xp.asarray(x), 0.0)
    model = np.maximum(np.asarray(H(x), np.float64) + background, 1e-6 * np.mean(y, dtype=np.float64))
    value = i_divergence(y, model)
    if prior is not None:
        penalty = prior.penalty(prior.operator(H.shape_in, xp)(x), xp)
        value += prior.weight * float(np.sum(np.asarray(penalty), dtype=np.float64))
    return value


def poisson_prox(v, y, background, rho, xp):
    """argmin_z z + b − y log(z + b) + ρ/2 (z − v)², voxel by voxel: the Poisson likelihood's proximal operator.

    z + b is the positive root w of w² − q w = y/ρ, with q = v + b − 1/ρ. Where q < 0, q/2 + √(q²/4 + y/ρ) would be the
    difference of two nearly equal numbers; max(q, 0) + 2y/ρ / (|q| + √(q² + 4y/ρ)) is the same, without one.
    """
    q = v + (background - 1 / rho)
    four = y * (4 / rho)
    twice = xp.maximum(xp.abs(q) + xp.sqrt(q * q + four), TINY)
    return xp.maximum(q, 0.0) + 0.5 * four / twice - background


def _iteration(y, H, prior, background):
    """The two halves of an iteration, |K'u|² as a function of u, and the first u.

    update(x, Ax, u, ρ) -> c, rest, u, estimate, |Kx − z|²    solve(c, rest) -> x, Ax
    """
    xp, (S, A) = H.xp, _choice_and_blur(H, y)
    D = None if prior is None else prior.operator(H.shape_in, xp)
    shapes = [H.shape_out, H.shape_in] + ([] if D is None else [D.shape_out])
    update, slope = _update(xp.asarray(y), S, prior, D, xp.asarray(background)), _slope(H, D)
    halves = xp.compile(update, fourier=False), xp.compile(_least_squares(A, D))
    return *halves, xp.compile(slope), [xp.zeros(shape) for shape in shapes]


def _update(y, S, prior, D, background):
    """z, then u, for given x; c and rest are what (z − u) asks of Ax, and of x: what `_least_squares` starts from."""
    xp = S.xp
    photons = _split(lambda v, rho, y, background: poisson_prox(v, y, background, rho, xp), xp)
    positive = _split(lambda v, rho: xp.maximum(v, 0.0), xp, keep=True)
    if D is not None:
        penalised = _split(lambda v, rho: prior.prox(v, prior.weight / rho, xp), xp, D.forward)
        room = xp.room(D.shape_out)

    def collect(c, rest):
        return (rest + D.adjoint(c),)

    def update(x, Ax, u, rho):
        seen = S(Ax)
        arrays, within = (seen, u[0], rho, y, background), xp.is_view(seen, Ax)
        u_A, c, distance = xp.pointwise(photons, S.shape_out, arrays, into=(u[0], seen if within else None))
        if S.shape_out != S.shape_in:  # Ax where nothing was seen; what was seen may have been written into it
            c = Ax if within else Ax + S.T(c - seen)
        u_D = []
        if D is not None:
            *u_D, c_D, more = xp.stencil(penalised, S.shape_in, (x, u[2], rho), into=(u[2], room))
            distance += more
        u_I, rest, more, estimate = xp.pointwise(positive, S.shape_in, (x, u[1], rho), into=(u[1], x))
        if D is not None:
            (rest,) = xp.stencil(collect, S.shape_in, (c_D, rest), into=(rest,))
        return c, rest, [u_A, u_I, *u_D], estimate, distance + more

    return update


def _slope(H, D):
    """|K'u|² as a function of u."""
    xp = H.xp

    def square(back, u_I, *u_D):
        slope = back + u_I
        return (xp.square_sum(slope if D is None else slope + D.adjoint(*u_D)),)

    return lambda u: xp.stencil(square, H.shape_in, (H.adjoint(u[0]), *u[1:]))[0]


def _split(prox, xp, K=lambda x: x, keep=False):
    """For a copy z of Kx: z = prox(Kx + u), then the new u, z − u, |Kx − z|², and, where it is to be kept, z.

    With v = Kx + u the new u is v − z: so z − u is v − 2u, and Kx − z by how much u has changed.
    """

    def split(x, u, *others):
        v = K(x) + u
        z = prox(v, *others)
        new = v - z
        return new, v - 2 * new, xp.square_sum(new - u), *((z,) if keep else ())

    return split


def _least_squares(A, D):
    """(c, rest) -> x and Ax, with x = (A'A + I + D'D)⁻¹ (A'c + rest): in Fourier space, a division."""
    xp, transfer = A.xp, A.transfer
    inverse = 1 / (xp.conj(transfer) * transfer + 1 + (0 if D is None else gram_spectrum(D)))

    def divide(c, rest, transfer, inverse):
        x = (xp.conj(transfer) * c + rest) * inverse
        return x, x * transfer

    return xp.through_fourier_space(divide, A.shape_in, 2, (transfer, inverse))


def _choice_and_blur(H, y):
    """H as S A: A a periodic blur, S a choice among its voxels. ValueError where H has no such form."""
    *choices, A = H.factors or (H,)
    S = reduce(matmul, choices) if choices else operators.identity(H.shape_in, xp=H.xp)
    if A.transfer is None or not np.allclose(S(S.T(y)), y):
        raise ValueError(
            "ADMM inverts the blur in Fourier space: H must be a periodic blur of which some voxels are seen. Make it "
            "with formation.forward, or with operators.blur and, after it, operators.crop or operators.bin_z."
        )
    return S, A


def _first_rho(y, rho):
    if rho is None:
        return 0.05 / (float(np.mean(y, dtype=np.float64)) or 1.0)
    if not (np.isfinite(rho) and rho > 0):
        raise ValueError(f"rho must be positive, or None to have it follow from the mean of y; got {rho}.")
    return float(rho)


def _rho_factor(primal, dual):
    """By what to change ρ: a large one hurries the copies together, a small one lets the slope settle.

    Nearest to the end after 30 to 100 iterations were, in trials, those whose residuals stood at about 10 to 1.
    """
    ratio = primal / max(10 * dual, TINY)
    return 1.0 if 1 / 3 < ratio < 3 else float(np.clip(ratio**0.5, 0.2, 5))
