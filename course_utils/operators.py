"""Linear operators with exact adjoints: what a microscope does to a volume, written as A(x), and A.T(y).

Deconvolution methods use both, and converge to the wrong image where A.T is only nearly the adjoint of A. So each
operator here is tested as a dense matrix: ``dense(A.T) == dense(A).T``.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear map between arrays: A(x), its adjoint A.T(y), and A @ B for "first B, then A".

    forward, adjoint     functions of one backend array.
    shape_in, shape_out  what they take and give.
    xp                   the backend (see `course_utils.backend`).
    transfer             for a blur: its optical transfer function, on the half grid of `xp.rfftn`.
    factors              of A @ B @ C: (A, B, C); of an operator that is no product: none.
    window               for a crop: the slices that it keeps.
    """

    forward: Any
    adjoint: Any
    shape_in: tuple
    shape_out: tuple
    xp: Any
    transfer: Any = None
    factors: tuple = ()
    window: Any = None

    def __call__(self, x):
        x = self.xp.asarray(x)
        if tuple(x.shape) != tuple(self.shape_in):
            raise ValueError(f"this operator takes shape {tuple(self.shape_in)}; got {tuple(x.shape)}.")
        return self.forward(x)

    @property
    def T(self):
        """The adjoint: <A x, u> = <x, A.T u> for all x and u."""
        transfer = None if self.transfer is None else self.xp.conj(self.transfer)
        factors = tuple(factor.T for factor in reversed(self.factors))
        return Linear(self.adjoint, self.forward, self.shape_out, self.shape_in, self.xp, transfer, factors)

    def __matmul__(self, other):
        if tuple(self.shape_in) != tuple(other.shape_out):
            raise ValueError(f"A @ B needs A to take what B gives: A takes {self.shape_in}, B gives {other.shape_out}.")
        return Linear(
            lambda x: self.forward(other.forward(x)),
            lambda u: other.adjoint(self.adjoint(u)),
            other.shape_in,
            self.shape_out,
            self.xp,
            factors=(self.factors or (self,)) + (other.factors or (other,)),
        )


def blur(psf, shape, *, xp):
    """Periodic convolution with a PSF whose centre is at n // 2, on a grid of this shape.

    In Fourier space A multiplies by the transfer function, and A.T by its complex conjugate. (Flipping the PSF
    instead shifts the result by one voxel along every axis of even length.) `.transfer` holds the function.
    Raises ValueError where the PSF is larger than the grid.
    """
    psf = np.asarray(psf)
    if psf.ndim != len(shape) or any(m > n for m, n in zip(psf.shape, shape, strict=True)):
        raise ValueError(
            f"the PSF, shape {psf.shape}, must fit into the grid, shape {tuple(shape)}; crop the PSF around its "
            "centre, or pad the grid (formation.forward with edges='open' does)."
        )
    transfer = xp.rfftn(xp.asarray(_centre_to_origin(psf.astype(xp.dtype), shape)))
    return Linear(
        lambda x: xp.irfftn(xp.rfftn(x) * transfer, shape),
        lambda u: xp.irfftn(xp.times_conj(xp.rfftn(u), transfer), shape),
        tuple(shape),
        tuple(shape),
        xp,
        transfer,
    )


def there_and_back(H, change, finish=None, *, reverse=False, keep=False):
    """The function (x, a, b) → results: v = change(H x, *a), then finish(H.T v[0], *b). The step of most methods.

    change, finish  treat each voxel alone, as for `xp.pointwise`; a, b: tuples of what else they are given. H.T v[0]
                    itself without `finish`.
    reverse         H.T first, then H.
    keep            give back v[0], too. The results are those of change, without v[0] if not kept; then of finish.
    """
    xp, forward, adjoint, grid, goal = H.xp, H.forward, H.adjoint, H.shape_out, H.shape_in
    if reverse:
        forward, adjoint, grid, goal = adjoint, forward, goal, grid

    @functools.partial(xp.compile, fourier=False)
    def ahead(Hx, room, a):
        return xp.pointwise(change, grid, (Hx, *a), into=(room,))

    @functools.partial(xp.compile, fourier=False)
    def behind(back, room, b):
        return xp.pointwise(finish, goal, (back, *b), into=(room,))

    def go(x, a, b=()):
        Hx = forward(x)
        v, *rest = ahead(Hx, xp.scratch(Hx, x, *a, *b), a)
        kept, back = [v] if keep else [], adjoint(v)
        return *kept, *rest, *(behind(back, xp.scratch(back, x, *a, *b, *kept), b) if finish else [back])

    blurred, window = _blur_and_window(H)
    in_one_go = blurred and xp.in_one_go(blurred.transfer, H.shape_in, window, change, finish, reverse, keep)
    return in_one_go or go


def _blur_and_window(H):
    """A blur, and the slices of the grid that are seen through it, where H is one, or a crop of one; else nothing."""
    *crops, last = H.factors or (H,)
    if last.transfer is None or len(crops) > 1 or any(factor.window is None for factor in crops):
        return None, None
    return last, crops[0].window if crops else tuple(slice(0, n) for n in H.shape_in)


def crop(inner, outer, *, xp):
    """The central part of this inner shape; the adjoint puts zeros around it. ValueError where it does not fit."""
    if len(inner) != len(outer) or any(m > n for m, n in zip(inner, outer, strict=True)):
        raise ValueError(f"a crop of shape {tuple(inner)} does not fit into {tuple(outer)}.")
    start = [(n - m) // 2 for m, n in zip(inner, outer, strict=True)]
    window = tuple(slice(a, a + m) for a, m in zip(start, inner, strict=True))
    widths = [(a, n - m - a) for a, m, n in zip(start, inner, outer, strict=True)]
    return Linear(lambda x: x[window], lambda u: xp.pad(u, widths), tuple(outer), tuple(inner), xp, window=window)


def bin_z(factor, shape, *, xp):
    """Every factor-th plane, from plane 0 on: the stage's larger step. The adjoint leaves zeros between the planes.

    Nothing is added up: each plane is an exposure of its own, and a larger step leaves exposures out.
    """
    if int(factor) != factor or not 1 <= factor <= shape[0]:
        raise ValueError(f"the factor must be a whole number from 1 to the number of planes, {shape[0]}; got {factor}.")
    factor = int(factor)
    planes = -(-shape[0] // factor)
    return Linear(
        lambda x: x[::factor],
        lambda u: xp.upsample_z(u, factor, shape[0]),
        tuple(shape),
        (planes, *shape[1:]),
        xp,
    )


def identity(shape, *, xp):
    """Leaves every array of this shape as it is."""
    return Linear(lambda x: x, lambda u: u, tuple(shape), tuple(shape), xp)


def gradient(shape, voxel_size, *, xp):
    """Periodic forward differences along z, y, x, each per lateral voxel: (3, z, y, x).

    The difference along z is divided by dz/dx, so that a slope counts the same in every direction.
    """
    steps = list(enumerate(lateral_steps(shape, voxel_size)))

    def forward(x):
        return (xp.stack([_difference(x, axis, xp) * step for axis, step in steps]),)

    def adjoint(u):
        return (sum(_back(u[axis], axis, xp) * step for axis, step in steps),)

    return _stencil(forward, adjoint, shape, len(steps), xp)


def hessian(shape, voxel_size, *, xp):
    """Periodic second differences zz, zy, zx, yy, yx, xx, each per lateral voxel squared: (6, z, y, x).

    The mixed ones are times √2, so that the six squares add up to the squared Frobenius norm of the whole matrix.
    """
    axes, steps = range(len(shape)), lateral_steps(shape, voxel_size)
    pairs = [(i, j, steps[i] * steps[j] * (1 if i == j else 2**0.5)) for i in axes for j in axes if i <= j]

    def forward(x):
        return (xp.stack([_difference(_difference(x, i, xp), j, xp) * step for i, j, step in pairs]),)

    def adjoint(u):
        parts = (_back(_back(u[k], j, xp), i, xp) * step for k, (i, j, step) in enumerate(pairs))
        return (sum(parts),)

    return _stencil(forward, adjoint, shape, len(pairs), xp)


def lateral_steps(shape, voxel_size):
    """dx / d along each axis: by what a difference becomes one per lateral voxel. ValueError for too few or many d."""
    if len(voxel_size) != len(shape):
        raise ValueError(f"voxel_size must hold one length an axis, {len(shape)} in all; got {tuple(voxel_size)}.")
    return [voxel_size[-1] / d for d in voxel_size]


def adjoint_gap(A, rng):
    """|<A x, u> − <x, A.T u>| / (|A x| |u|), random zero-mean x and u: zero, but for rounding, if A.T is the adjoint.

    Zero-mean matters: on positive arrays the mean dominates, and an adjoint off by one voxel passes unnoticed.
    Expect below 1e-12 in float64 and 1e-5 in float32.
    """
    x, u = _zero_mean(A.shape_in, rng), _zero_mean(A.shape_out, rng)
    Ax, Atu = np.asarray(A(x), dtype=np.float64), np.asarray(A.T(u), dtype=np.float64)
    size = np.linalg.norm(Ax) * np.linalg.norm(u)
    return float(abs(np.vdot(Ax, u) - np.vdot(x, Atu)) / size) if size else float(np.linalg.norm(Atu) > 0)


def dense(A):
    """The matrix of A, one column for each voxel of its input: only for tiny grids."""
    columns = np.eye(int(np.prod(A.shape_in))).reshape(-1, *A.shape_in)
    return np.stack([np.asarray(A(column)).ravel() for column in columns], axis=1)


def _stencil(forward, adjoint, shape, components, xp):
    """The operator from a grid to so many components on it."""
    return Linear(
        lambda x: xp.stencil(forward, shape, (x,))[0],
        lambda u: xp.stencil(adjoint, shape, (u,))[0],
        tuple(shape),
        (components, *shape),
        xp,
    )


def _difference(x, axis, xp):
    return xp.roll(x, -1, axis) - x


def _back(u, axis, xp):
    return xp.roll(u, 1, axis) - u


def _zero_mean(shape, rng):
    x = rng.standard_normal(shape)
    return x - x.mean()


def _centre_to_origin(psf, shape):
    """The PSF on the grid, its centre (n // 2) moved to index 0 of every axis, as the Fourier transform counts."""
    on_grid = np.zeros(shape, dtype=psf.dtype)
    on_grid[np.ix_(*((np.arange(m) - m // 2) % n for m, n in zip(psf.shape, shape, strict=True)))] = psf
    return on_grid
