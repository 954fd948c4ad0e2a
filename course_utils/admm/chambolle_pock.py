"""The primal–dual method of Chambolle and Pock on ADMM's own objective: slower, but by another way to the same end."""

import numpy as np

from course_utils.admm.priors import gram_spectrum
from course_utils.richardson_lucy import check_photons, mean_signal


def primal_dual(y, H, *, prior=None, n_iter, background=0.0, sigma=None):
    """Minimise Σ(Hx + b − y log(Hx + b)) + weight · g(Dx) over x ≥ 0, by steps in x and in one dual for each term.

    p ← prox(p + σ H x̄), q ← prox(q + σ D x̄), x ← max(x − τ(H'p + D'q), 0), x̄ ← 2x − x_old.
    y, H, prior, background  as in `admm.poisson`, but any H will do whose norm is at most 1.
    sigma                    σ, 1/photons; 0.02 / mean(y) if None. τ follows: τ σ |[H; D]|² < 1.
    Yields n_iter estimates, not negative. Nothing is inverted: no Fourier transform but those of H.
    Chambolle & Pock, J. Math. Imaging Vis. 40 (2011) 120, doi:10.1007/s10851-010-0251-1.
    """
    xp = H.xp
    check_photons(y, H, background)
    D = None if prior is None else prior.operator(H.shape_in, xp)
    sigma = 0.02 / (float(np.mean(y)) or 1.0) if sigma is None else sigma
    norm = 1 + (0 if D is None else float(xp.max(xp.abs(gram_spectrum(D)))))
    tau = 0.95 / (sigma * norm)
    x = ahead = xp.full(H.shape_in, mean_signal(y, background))
    p, q = xp.zeros(H.shape_out), xp.zeros(H.shape_in if D is None else D.shape_out)
    y, background = xp.asarray(y), xp.asarray(background)

    @xp.compile
    def step(x, ahead, p, q):
        v = p + sigma * (H.forward(ahead) + background)
        p = (1 + v - xp.sqrt((v - 1) * (v - 1) + 4 * sigma * y)) / 2
        slope = H.adjoint(p)
        if D is not None:
            v = q + sigma * D.forward(ahead)
            q = v - sigma * prior.prox(v / sigma, prior.weight / sigma, xp)  # Moreau: the dual's prox
            slope = slope + D.adjoint(q)
        new = xp.maximum(x - tau * slope, 0.0)
        return new, 2 * new - x, p, q

    for _ in range(n_iter):
        x, ahead, p, q = step(x, ahead, p, q)
        yield x
