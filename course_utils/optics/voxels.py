"""From a PSF known along radius and z to one on a grid of voxels, integrated over each voxel."""

import operator

import numpy as np
from scipy import sparse, special

from course_utils.optics.objective import nyquist
from course_utils.stack import Stack, check_voxel_size

FINE = 16  # radii within the lateral Nyquist distance: linear interpolation then errs by 0.1 % of the peak at most


def check_grid(shape, voxel_size):
    """Shape and voxel size as tuples of numbers, or a ValueError that says what is wrong with them."""
    try:
        sizes = tuple(operator.index(n) for n in shape)
    except TypeError:
        sizes = ()
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"shape must be three positive whole numbers of voxels, (z, y, x); got {shape!r}.")
    return sizes, check_voxel_size(voxel_size)


def unit_sum(data, voxel_size):
    """A Stack of these data over their sum."""
    return Stack(data / float(data.sum(dtype=np.float64)), voxel_size)


def points(n, size, limit):
    """Where to sample n voxels along an axis, their centre at n // 2: positions (n, k) in µm, and k weights.

    One point a voxel where the voxel is far below the limit that still resolves the PSF, else Gauss–Legendre points,
    so that the voxel is integrated over: sampled at its centre only, the PSF would come out too narrow.
    """
    x, w = special.roots_legendre(1 + int(np.ceil(max(size / limit - 0.25, 0))))
    return size * ((np.arange(n) - n // 2)[:, None] + x / 2), w / 2


def all_points(optics, shape, voxel_size):
    """`points` along z, y and x, for this objective."""
    axial, lateral = nyquist(optics)
    limits = (axial, lateral, lateral)
    return [points(n, d, limit) for n, d, limit in zip(shape, voxel_size, limits, strict=True)]


def radii_and_z(optics, shape, voxel_size):
    """The radii, and the positions z of all points of all voxels, that `from_radii` wants the light at."""
    axial, lateral = nyquist(optics)
    corner = np.hypot(*(d * (n // 2 + 0.5) for n, d in zip(shape[1:], voxel_size[1:], strict=True)))
    r = lateral / FINE * np.arange(int(FINE * corner / lateral) + 2)
    return r, points(shape[0], voxel_size[0], axial)[0].ravel()


def from_radii(light, optics, shape, voxel_size):
    """The PSF whose light (radii, z) was computed at `radii_and_z`.

    One sparse matrix, of linear interpolation times the points' weights, takes all planes to a quarter of the voxels.
    """
    axial, lateral = nyquist(optics)
    _, weight = points(shape[0], voxel_size[0], axial)
    planes = light.reshape(len(light), shape[0], -1) @ weight
    matrix, half = _revolution(len(light), lateral, shape[1:], voxel_size[1:])
    quarter = np.ascontiguousarray((matrix @ planes).T, np.float32).reshape(-1, *half)
    y, x = (np.abs(np.arange(n) - n // 2) for n in shape[1:])
    return unit_sum(quarter[:, y[:, None], x], voxel_size)


def _revolution(n_radii, lateral, shape, voxel_size):
    """The matrix from radii to the voxels of a quarter, y and x ≥ 0, and that quarter's shape."""
    half = tuple(n // 2 + 1 for n in shape)
    (y, w_y), (x, w_x) = (points(2 * n - 1, d, lateral) for n, d in zip(half, voxel_size, strict=True))
    y, x = y[half[0] - 1 :, None, :, None], x[half[1] - 1 :, None, :]
    place = (FINE / lateral * np.hypot(y, x)).reshape(half[0] * half[1], -1)  # (voxel, its points), in radii
    inner = np.minimum(place.astype(int), n_radii - 2)
    weight = np.multiply.outer(w_y, w_x).ravel()
    values = np.hstack([weight * (1 + inner - place), weight * (place - inner)])
    columns = np.hstack([inner, inner + 1])
    starts = columns.shape[1] * np.arange(len(columns) + 1)
    return sparse.csr_array((values.ravel(), columns.ravel(), starts), shape=(len(columns), n_radii)), half
