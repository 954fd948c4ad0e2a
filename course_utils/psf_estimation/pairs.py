"""The PSF from two stacks of one specimen, a sharp and a blurred one: by least squares, without and with constraints.

The roles of deconvolution are exchanged: the specimen x is known, the PSF h is wanted. The two stacks may be in
different units, for brightness s and background b are fitted along: y ≈ s · (x ∗ h) + b.
"""

import numpy as np
from scipy import fft, signal

from course_utils import backend, formation, operators
from course_utils.deconvolve import find_background
from course_utils.psf_estimation.blind_deconvolution import by_psf
from course_utils.stack import expect_stack

WEIGHTS = {"least-squares": 2e-2, "primal-dual": 6e-3}  # chosen on simulated filaments, some 100 photons
DUAL_STEP = 0.1  # of the dual's step times the operator's norm; ten times more or less takes more iterations
CORE = 0.1  # what a slope in the middle of a PSF costs, beside one in its outskirts


def psf_from_pair(sharp, blurred, *, shape, method="primal-dual", weight=None, margin=0, n_iter=100, xp=None):
    """The PSF that takes the sharp stack to the blurred one: a Stack, not negative, unit sum, centre at n // 2.

    sharp, blurred  Stacks on the same grid, in any units. The specimen is taken to end where the sharp stack ends.
    shape           of the PSF, at most the stacks'. Even light from beyond it counts as background.
    method          "least-squares": one division, see `least_squares`; "primal-dual": iterated, see `primal_dual`.
    weight          γ, of smoothness against the data, a number > 0; WEIGHTS[method] if None. Noisy data want more.
    margin          voxels, one number or (z, y, x), along each border of the blurred stack that "primal-dual" leaves
                    out of the fit: give half the PSF's shape where the specimen goes on, for light comes from there.
    n_iter, xp      of "primal-dual": its iterations, and its backend, NumPy if None.
    Where the sharp stack is blurred itself, as SIM is, the result takes SIM to wide-field, and is not the PSF.
    Raises ValueError where the stacks do not fit each other, one is constant, or nothing positive is found.
    """
    _check(sharp, blurred, shape, method, weight)
    x = sharp.data - find_background(sharp)  # or the border would look like the edge of a bright block
    x, y = (a / np.std(a, dtype=np.float64) for a in (x, blurred.data))
    weight = WEIGHTS[method] if weight is None else weight
    if method == "least-squares":
        h = np.maximum(least_squares(x, y, tuple(shape), weight), 0)
    else:
        xp, scale = xp or backend.get("numpy"), sharp.anisotropy
        grid = formation.padded_shape(y.shape, shape)
        A = by_psf(operators.crop(y.shape, grid, xp=xp).T(xp.asarray(x)), shape, y.shape, xp=xp)
        D, mask = slopes(shape, scale, xp=xp), inner(y.shape, margin)
        h = primal_dual(A, y, D, weight=weight, mask=mask, n_iter=n_iter)
    if not h.sum() > 0:
        raise ValueError("no PSF takes the one stack to the other: do both show the same place, or is one inverted?")
    return blurred.with_data(h / h.sum(dtype=np.float64))


def least_squares(x, y, shape, weight):
    """h = F⁻¹[X̄ Y / (|X|² + γ |L|²)], cropped to the shape; L is the Laplacian. It may be negative; its sum is s.

    x, y    arrays of one shape. Their means are taken off, and they fade to zero towards their borders, so that
            nothing jumps there.
    weight  γ, relative to the mean of |X|².
    Without their means zero frequency is not known: h is shifted to be zero on average outside of the shape.
    """
    taper, grid = _taper(x.shape), formation.padded_shape(x.shape, shape)
    X, Y = (fft.rfftn(taper * (a - np.average(a, weights=taper)), grid, workers=-1) for a in (x, y))
    charge = weight * _laplacian(grid) ** 2 * np.mean(np.abs(X) ** 2)
    charge[0, 0, 0] = 1  # |X|² and L are both zero there
    h = np.roll(fft.irfftn(np.conj(X) * Y / (np.abs(X) ** 2 + charge), grid), [n // 2 for n in shape], (0, 1, 2))
    window = tuple(slice(0, n) for n in shape)
    inside = h[window]
    return inside - (h.sum() - inside.sum()) / (h.size - inside.size)


def primal_dual(A, y, D, *, weight, mask, n_iter):
    """The h ≥ 0 that minimises ½‖A h + b − y‖² + γ ‖D h‖² with the best b, by an accelerated primal–dual method.

    A, D    `by_psf`, and `slopes`.
    weight  γ, relative to ‖A‖².
    mask    of the voxels of y that count; b is their mean residual.
    The data term takes gradient steps in h, the primal variable; each slope of h has its price u, the dual variable:
    min over h ≥ 0, max over u of ½‖A h + b − y‖² + ⟨√(2γ) D h, u⟩ − ½‖u‖². Another prior needs another line for u.
    The sum of h is the brightness s. "h of unit sum, and any brightness s > 0" is the same set as "h ≥ 0", but convex.
    Chen, Lan & Ouyang, SIAM J. Optim. 24 (2014) 1779, doi:10.1137/130919362, Algorithm 2.
    """
    xp, scale = A.xp, (2 * weight) ** 0.5
    mask, size = xp.asarray(mask), float(np.sum(mask))

    def free(r):
        """What is left of r when the best b is taken off."""
        return mask * (r - xp.asarray(xp.sum(mask * r)) / size)

    norm = largest_eigenvalue(lambda h: A.T(free(A(h))), A.shape_in, xp)
    K = scale * largest_eigenvalue(lambda h: D.T(D(h)), A.shape_in, xp) ** 0.5  # ‖√(2γ) D‖
    towards = A.T(free(xp.asarray(y))) / norm
    h = mean = ahead = xp.zeros(A.shape_in)
    u, sigma = xp.zeros(D.shape_out), DUAL_STEP / K
    for t in range(1, n_iter + 1):
        u = (u + sigma * scale * D(ahead)) / (1 + sigma)
        here = mean + 2 / (t + 1) * (h - mean)  # between the mean of all estimates and the last
        slope = A.T(free(A(here))) / norm - towards + scale * D.T(u)
        new = xp.maximum(h - t / (2 + t * DUAL_STEP * K) * slope, 0)
        mean = mean + 2 / (t + 1) * (new - mean)
        h, ahead = new, new + t / (t + 1) * (new - h)
    return np.asarray(mean)


def slopes(shape, anisotropy, *, xp):
    """Differences between neighbours, zeros beyond the shape, times c + (1 − c) min(r/a, 1)², as an operator.

    c is CORE, a half the lateral shape. A PSF is sharp in its middle, smooth and dark far from it: so a slope costs
    little there, and more outwards.
    """
    padded = tuple(n + 2 for n in shape)  # with a rim of zeros nothing wraps around
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in padded), indexing="ij")
    r2 = (anisotropy * z) ** 2 + y**2 + x**2
    growing = xp.asarray(CORE + (1 - CORE) * np.minimum(r2 / (shape[-1] / 2) ** 2, 1))
    D = operators.gradient(padded, (1, 1, 1), xp=xp)
    weighed = operators.Linear(
        lambda h: growing * D.forward(h), lambda u: D.adjoint(growing * u), padded, D.shape_out, xp
    )
    return weighed @ operators.crop(shape, padded, xp=xp).T


def determined(sharp, *, weight):
    """How far the data, not the weight, decide on each frequency of h: |X|²/(|X|² + γ |L|²), from 0 to 1.

    The array has the axes of `optics.frequencies(sharp)`. Where it is near 0 the specimen has nothing of that
    frequency, so that no method can know what the microscope would have done with it. γ and L as in `least_squares`.
    """
    taper = _taper(sharp.shape)
    power = np.abs(fft.fftn(taper * (sharp.data - np.average(sharp.data, weights=taper)), workers=-1)) ** 2
    charge = weight * _laplacian(sharp.shape, half=False) ** 2 * power.mean()
    charge[0, 0, 0] = 1
    return fft.fftshift(power / (power + charge))


def inner(shape, margin):
    """1 in the field of view, 0 within the margin along its borders."""
    margin = np.broadcast_to(margin, 3)
    if any(m < 0 or 2 * m >= n for m, n in zip(margin, shape, strict=True)):
        raise ValueError(f"a margin of {tuple(map(int, margin))} voxels leaves nothing of a stack of {shape}.")
    mask = np.zeros(shape, np.float32)
    mask[tuple(slice(m, n - m) for n, m in zip(shape, margin, strict=True))] = 1
    return mask


def _taper(shape):
    """1 in the middle, falling to 0 over the outer quarter at each border."""
    z, y, x = (signal.windows.tukey(n + 2, 0.5)[1:-1] for n in shape)
    return (z[:, None, None] * y[:, None] * x).astype(np.float32)


def _laplacian(shape, half=True):
    """Its factor on each frequency of a periodic grid, in voxels, with the sign turned."""
    axes = [fft.fftfreq(n) for n in shape]
    if half:
        axes[-1] = fft.rfftfreq(shape[-1])
    z, y, x = (2 - 2 * np.cos(2 * np.pi * f) for f in axes)
    return z[:, None, None] + y[:, None] + x


def largest_eigenvalue(M, shape, xp, n_iter=15):
    """The largest eigenvalue of a symmetric map, by the power method; 5 % up, for it comes from below."""
    v = xp.asarray(np.random.default_rng(0).random(shape))
    for _ in range(n_iter):
        v = M(v)
        size = float(xp.sum(v * v)) ** 0.5
        v = v / size
    return 1.05 * size


def _check(sharp, blurred, shape, method, weight):
    expect_stack(sharp, "sharp")
    expect_stack(blurred, "blurred")
    if sharp.shape != blurred.shape or not np.allclose(sharp.voxel_size, blurred.voxel_size, rtol=0.01):
        raise ValueError(f"sharp and blurred must be on the same grid; got {sharp} and {blurred}.")
    if len(shape) != 3 or any(not 1 <= m <= n for m, n in zip(shape, sharp.shape, strict=True)):
        raise ValueError(f"shape must be three numbers of voxels, at most the stacks' {sharp.shape}; got {shape}.")
    if method not in WEIGHTS:
        raise ValueError(f"method must be one of {', '.join(map(repr, WEIGHTS))}; got {method!r}.")
    if weight is not None and not 0 < weight < np.inf:
        raise ValueError(f"weight must be a positive number; got {weight}. It keeps the noise from filling the PSF.")
    for name, stack in (("sharp", sharp), ("blurred", blurred)):
        if np.ptp(stack.data) == 0:
            raise ValueError(f"the {name} stack is the same everywhere, and tells nothing of the PSF.")
