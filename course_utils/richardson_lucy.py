"""Richardson–Lucy deconvolution: the photons' own likelihood, climbed one multiplication at a time.

Variants of one step. Each is a generator of estimates; when to stop is the caller's choice (see `stopping`).
"""

import functools

import numpy as np

from course_utils import operators
from course_utils.likelihood import check_photons as check_photons
from course_utils.likelihood import first_estimate, mean_signal, richardson_lucy_step, tiny
from course_utils.likelihood import i_divergence as i_divergence
from course_utils.line_search import line_search as line_search


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
    step = H.xp.compile(richardson_lucy_step(y, H, background))
    x = first_estimate(y, H, background, start)
    for _ in range(n_iter):
        (x,) = step(x)
        yield x


def tv(y, H, *, weight, voxel_size=None, n_iter, background=0.0, start=None):
    """Richardson–Lucy with total variation: x ← [the plain step] / (1 − λ div(∇x / |∇x|)), one step late.

    weight      λ, for bodies of even brightness .003 to .03: the fewer photons, the more. It does not follow the unit
                of the data. Above some .04 the delay of one step makes the estimate swing.
    voxel_size  (dz, dy, dx) in any unit: a slope counts the same in every direction. All alike if None.
    Other arguments, and what is raised, as for `plain`; also ValueError for a negative weight, or not one length an
    axis. Where div is negative, the voxel stands above its neighbours, and is lowered. The denominator is kept above
    .1, so that the estimate stays positive for any λ. With open edges the prior counts in proportion to the light that
    reaches the field of view.
    Dey et al., Microsc. Res. Tech. 69 (2006) 260, doi:10.1002/jemt.20294.
    """
    if not (np.isfinite(weight) and weight >= 0):
        raise ValueError(f"the weight of total variation must be finite and not negative; got {weight}.")
    xp, D = H.xp, operators.gradient(H.shape_in, voxel_size or (1,) * len(H.shape_in), xp=H.xp)
    flat = max(1e-3 * mean_signal(y, background), 1e-12)  # slopes far below it do not count as edges
    update = richardson_lucy_step(y, H, background)

    def directions(x):
        slopes = D.forward(x)
        return (slopes / xp.sqrt(sum(slopes[i] * slopes[i] for i in range(slopes.shape[0])) + flat**2),)

    def denominator(direction):
        return (xp.maximum(1 + weight * D.adjoint(direction), 0.1),)  # div is minus the adjoint

    def prior(x):
        (direction,) = xp.stencil(directions, H.shape_in, (x,))
        return xp.stencil(denominator, H.shape_in, (direction,))[0]

    step = xp.compile(lambda x: update(x, prior(x)))
    x = first_estimate(y, H, background, start)
    for _ in range(n_iter):
        (x,) = step(x)
        yield x


def heavy_ball(y, H, *, n_iter, background=0.0, start=None):
    """Richardson–Lucy with momentum: the step from p = x + a (x − previous x), a = (k − 1) / (k + 2).

    The k-th iteration since the start, or since momentum last raised the objective: then it begins anew from x.
    Arguments as for `plain`. About the square root of its iterations, for one volume more.
    Nesterov, Sov. Math. Dokl. 27 (1983) 372; restart: O'Donoghue & Candès, Found. Comput. Math. 15 (2015) 715,
    doi:10.1007/s10208-013-9150-3.
    """
    return _accelerated(y, H, _GrowingMomentum(), n_iter, background, start)


def biggs_andrews(y, H, *, n_iter, background=0.0, start=None):
    """Richardson–Lucy with the momentum of Biggs and Andrews: a from how alike the last two changes are.

    g = x − p is what a step changed; a = ⟨g, previous g⟩ / ⟨previous g, previous g⟩ within [0, 1], p = x + a (x −
    previous x). Begins anew where momentum raised the objective. Arguments as for `plain`; two volumes more.
    Biggs & Andrews, Appl. Opt. 36 (1997) 1766, doi:10.1364/AO.36.001766.
    """
    return _accelerated(y, H, _AlikeMomentum(H), n_iter, background, start)


def _accelerated(y, H, momentum, n_iter, background, start):
    """Steps from points ahead of the estimates, as far as `momentum(x, p)` says after each step from p to x."""
    xp, floor, grid = H.xp, tiny(y), H.shape_in
    step = xp.compile(richardson_lucy_step(y, H, background, divergence=True))

    def lengthen(x, previous, a):  # not zero: a voxel at zero would stay there for ever
        return (xp.maximum(x + a * (x - previous), floor),)

    @functools.partial(xp.compile, fourier=False)
    def ahead(*arrays):
        return xp.pointwise(lengthen, grid, arrays)

    x = previous = first_estimate(y, H, background, start)
    a, lowest = 0.0, np.inf
    for _ in range(n_iter):
        p = ahead(x, previous, xp.asarray(a))[0] if a > 0 else x
        previous = x
        new, divergence = step(p)
        if a > 0 and float(divergence) > lowest:  # too far; from x itself the objective cannot rise
            del new
            momentum.forget()
            p = x
            new, divergence = step(p)
        lowest = float(divergence)
        a = momentum(new, p)
        x = new
        del new, p
        yield x


class _GrowingMomentum:
    """(k − 1) / (k + 2), for the k-th step to come."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.k = 1

    def __call__(self, x, p):
        self.k += 1
        return (self.k - 1) / (self.k + 2)


class _AlikeMomentum:
    """How much of the last change the next one is: the more alike the two, the further one may go along them."""

    def __init__(self, H):
        xp = H.xp

        def both(x, p, old):
            change = x - p
            return change, xp.inner(change, old), xp.inner(change, change)

        self._compare = xp.compile(lambda x, p, old: xp.pointwise(both, H.shape_in, (x, p, old)), fourier=False)
        self._change = xp.zeros(H.shape_in)
        self.forget()

    def forget(self):
        self._square = 0.0

    def __call__(self, x, p):
        self._change, along, square = self._compare(x, p, self._change)
        a = float(along) / self._square if self._square > 0 else 0.0
        self._square = float(square)
        return min(max(a, 0.0), 1.0)
