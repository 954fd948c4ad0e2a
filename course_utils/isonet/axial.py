"""What an axial slice suffers and a lateral one does not: a longer blur, and planes that were never taken.

The one sampling operator of chapter 7. Simulation, training and prediction all use it, so that what the network learned
to undo is what it meets: plane k of a stack lies at k·factor fine pixels, and fine pixel i at i/factor planes.
"""

import numpy as np
from scipy import fft, signal

from course_utils.optics.measured_psf import resample, um
from course_utils.stack import Stack, expect_stack


def subsample(images, factor, *, axis):
    """Values at 0, factor, 2·factor, … along an axis: ``images[::factor]`` of that axis, for a whole factor.

    Between two pixels (the factor need not be whole) by linear interpolation. Raises ValueError for a factor below 1.
    """
    n = np.shape(images)[axis]
    return _at(images, check_factor(factor) * np.arange(int((n - 1) / factor + 1e-6) + 1), axis)


def interpolate(images, factor, *, axis):
    """Values at 0, 1/factor, 2/factor, … up to the last one along an axis, linear between two; nothing beyond it.

    n values become ⌊(n − 1)·factor⌋ + 1. Raises ValueError for a factor below 1.
    """
    n = np.shape(images)[axis]
    return _at(images, np.arange(int((n - 1) * check_factor(factor) + 1e-6) + 1) / factor, axis)


def isotropic(stack, *, factor=None):
    """A Stack with as fine a step along z as across, by linear interpolation: what the networks take, and must beat.

    factor  how many times finer along z; the stack's anisotropy if None.
    """
    expect_stack(stack, "stack")
    factor = anisotropy(stack) if factor is None else factor
    dz, dy, dx = stack.voxel_size
    return Stack(interpolate(stack.data, factor, axis=0), (dz / factor, dy, dx))


def anisotropy(stack):
    """dz/dx, without the rounding that makes 0.3/0.1 a little less than 3. ValueError where z is not the coarser."""
    return check_factor(round(stack.anisotropy, 6))


def check_factor(factor):
    """The factor, or a ValueError where it is no number from 1 on."""
    if not 1 <= factor < np.inf:
        raise ValueError(
            f"factor is the step along z over that across, and not below 1; got {factor:.4g}. Where z is already the "
            "finer one there is nothing to restore."
        )
    return factor


def axial_blur(psf, *, method="split", epsilon=1e-2):
    """The 2D kernel that makes a lateral slice look like an axial one: axis 0 is z, on the lateral grid, unit sum.

    psf      Stack, any step along z; the same across (dy = dx).
    method   "full": the axial section of the PSF, h_rot. A lateral slice has been blurred once already, by the lateral
             section h_ref, so this blurs too much. "split": only what is missing, by a Wiener division,
             (H_rot·conj(H_ref) + epsilon·K)/(|H_ref|² + epsilon), negatives cut off. Where the lateral section lets no
             light pass, K decides: the same quotient at frequency 0 across, with K = 0. Without K the kernel would get
             a width across. Of Gaussians it has √(σ_z² − σ_x²) along z, and none across.
    epsilon  what counts as no light in |H_ref|²; more for a noisy PSF.
    Both sections go through the PSF's focus: they describe what is in focus, not the haze from other planes.
    Weigert, Royer, Jug & Myers, MICCAI (2017), doi:10.1007/978-3-319-66185-8_15.
    """
    expect_stack(psf, "psf")
    if method not in ("full", "split"):
        raise ValueError(f"method must be 'full' or 'split'; got {method!r}.")
    _, dy, dx = psf.voxel_size
    if not np.isclose(dy, dx, rtol=1e-3):
        raise ValueError(
            f"a lateral slice needs square pixels; the PSF's voxel is {um(psf.voxel_size)}. Resample the stack, and "
            "the PSF with optics.resample."
        )
    fine = resample(psf, (dx, dy, dx)).data.astype(np.float64)
    rotated = fine[:, fine.shape[1] // 2]
    lateral = fine[fine.max(axis=(1, 2)).argmax()]
    return _unit_sum(rotated if method == "full" else _divided(rotated, lateral, epsilon))


def degrade(slices, kernel, *, factor, camera=None, rng=None):
    """Lateral slices (n, z-like, x) as if they were axial ones: blurred, sampled at every factor-th row, interpolated.

    kernel  of `axial_blur`.
    camera  the `formation.Camera` whose counts the slices are: what is sampled gets its noise, photon by photon, from
            `rng`. No noise if None.
    Returns the rows up to the last one sampled. Raises ValueError for a camera without an `rng`.
    """
    if camera is not None and rng is None:
        raise ValueError("the camera's noise needs a generator: pass rng=numpy.random.default_rng(seed).")
    blurred = blur(slices, kernel)
    rows = subsample(blurred, factor, axis=1)
    if camera is not None:
        photons = np.maximum((rows - camera.offset) / camera.gain, 0)
        rows = camera.expose(Stack(photons, (1, 1, 1)), rng).data
    return interpolate(rows, factor, axis=1)


def blur(slices, kernel):
    """Each slice (n, rows, columns) convolved with a 2D kernel whose centre is at n // 2, reflected at its edges."""
    kernel = np.asarray(kernel, np.float32)
    before = [m - 1 - m // 2 for m in kernel.shape]
    widths = [(0, 0)] + [(a, m // 2) for a, m in zip(before, kernel.shape, strict=True)]
    padded = np.pad(np.asarray(slices, np.float32), widths, mode="reflect")
    return signal.fftconvolve(padded, kernel[None], mode="valid", axes=(1, 2))


def _at(images, positions, axis):
    """Linear interpolation at these positions along an axis; exact where a position is whole, and for a ramp."""
    images = np.asarray(images, np.float32)
    lower = np.minimum(positions.astype(int), max(images.shape[axis] - 2, 0))
    upper = np.minimum(lower + 1, images.shape[axis] - 1)
    part = (positions - lower).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(images.ndim)])
    return (1 - part) * np.take(images, lower, axis) + part * np.take(images, upper, axis)


def _divided(rotated, lateral, epsilon):
    """The kernel that, convolved with the lateral section, gives the rotated one."""
    size = [m + n + 1 - (m + n) % 2 for m, n in zip(rotated.shape, lateral.shape, strict=True)]  # odd, nothing wraps
    H_rot, H_ref = (fft.rfftn(fft.ifftshift(_padded(_unit_sum(h), size))) for h in (rotated, lateral))
    along = _wiener(H_rot[:, :1], H_ref[:, :1], 0.0, epsilon)  # at frequency 0 across: what is missing along z
    kernel = fft.fftshift(fft.irfftn(_wiener(H_rot, H_ref, along, epsilon), size))
    inner = tuple(slice(n // 2 - m // 2, n // 2 + m // 2 + 1) for m, n in zip(rotated.shape, size, strict=True))
    return np.maximum(kernel[inner], 0)


def _wiener(H_rot, H_ref, expected, epsilon):
    """H_rot/H_ref where H_ref has light, and what is expected where it has none."""
    return (H_rot * np.conj(H_ref) + epsilon * expected) / (np.abs(H_ref) ** 2 + epsilon)


def _padded(section, size):
    """Zeros around a section, its centre m // 2 coming to n // 2 of an odd size n."""
    start = [n // 2 - m // 2 for m, n in zip(section.shape, size, strict=True)]
    return np.pad(section, [(a, n - m - a) for a, m, n in zip(start, section.shape, size, strict=True)])


def _unit_sum(kernel):
    return kernel / kernel.sum()
