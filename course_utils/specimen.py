"""Specimens whose truth is known: filaments in a cell, nuclei, beads and hollow shells, simulated in photons.

A specimen is a cloud of points or a body in µm, put on the grid of the asked-for voxel and softened by a Gaussian of
0.8 voxels, so that it holds (nearly) nothing beyond the grid's own Nyquist frequency. All chance comes from `rng`.
"""

import numpy as np
from scipy import ndimage

from course_utils.stack import Stack, check_voxel_size

STEP = 0.02  # µm between the points of a filament
SOFTENING = 0.8  # voxels; leaves 2 % of the amplitude at the Nyquist frequency


def scatter(shape, voxel_size, *, n, min_distance, rng):
    """n random places in the volume, no two nearer than min_distance (µm), none nearer to a face than half of it,
    but in the middle of an axis that is too short for that.

    Returns (n, 3) voxels (z, y, x), with fractions. Raises ValueError where so many do not fit.
    """
    extent, margin = _extent(shape, voxel_size), 0.5 * min_distance
    places = np.empty((0, 3))
    for place in rng.uniform(0, 1, (200 * n, 3)) * np.maximum(extent - 2 * margin, 0) + np.minimum(margin, extent / 2):
        if len(places) < n and np.all(np.linalg.norm(places - place, axis=1) >= min_distance):
            places = np.vstack([places, place])
    if len(places) < n:
        raise ValueError(
            f"only {len(places)} of {n} places fit with {min_distance} µm between them into {extent.round(2)} µm; "
            "ask for fewer, a smaller min_distance or a larger volume."
        )
    return places / voxel_size - 0.5


def beads(shape, voxel_size, *, centres=None, n=20, diameter=0.2, min_distance=1.5, photons=1000.0, rng=None):
    """Filled fluorescent beads, at these centres (voxels, see `scatter`), or n of them scattered by `rng`.

    diameter, min_distance  µm.
    photons                 of each bead, all its voxels together.
    """
    if centres is None:
        if rng is None:
            raise ValueError("beads are scattered by chance: pass rng=numpy.random.default_rng(seed), or centres=….")
        centres = scatter(shape, voxel_size, n=n, min_distance=min_distance, rng=rng)
    middles, ball = (np.asarray(centres) + 0.5) * check_voxel_size(voxel_size), _ball(2000)
    points = (middles[:, None] + 0.5 * diameter * ball).reshape(-1, 3)
    return Stack(_deposit(points, photons / len(ball), shape, voxel_size), voxel_size)


def shells(shape, voxel_size, *, n=12, diameter=2.0, photons=20000.0, rng):
    """n hollow shells, such as stained membranes: what a wide-field microscope fills with haze.

    diameter  mean, µm; each shell has its own, within 30 %.
    photons   of each shell, all its voxels together.
    """
    extent = _extent(shape, voxel_size)
    radii = 0.5 * diameter * rng.uniform(0.7, 1.3, n)
    centres = rng.uniform(0, 1, (n, 3)) * extent
    surface = _sphere(4000)
    points = (centres[:, None] + radii[:, None, None] * surface).reshape(-1, 3)
    return Stack(_deposit(points, photons / len(surface), shape, voxel_size), voxel_size)


def filaments(shape, voxel_size, *, n=60, length=15.0, persistence=20.0, photons=2000.0, rng):
    """Microtubules in a flat cell that has an empty nucleus: worm-like chains that bend gently.

    n, length    how many, and their length in µm.
    persistence  µm over which a filament forgets its direction (20 µm: microtubules that a cell has bent).
    photons      per µm of filament.
    The cell is an ellipsoid that fills the field of view; filaments that leave it or enter the nucleus end there.
    """
    extent = _extent(shape, voxel_size)
    paths = [_worm(extent, length, persistence, rng) for _ in range(n)]
    return Stack(_deposit(np.concatenate(paths), photons * STEP, shape, voxel_size), voxel_size)


def nuclei(shape, voxel_size, *, n=5, diameter=6.0, texture=0.4, photons=100.0, rng):
    """Nuclei: ellipsoids with a soft rim, and inside them a texture like that of stained chromatin.

    diameter  mean, µm.
    texture   standard deviation of the brightness within a nucleus, relative to its mean.
    photons   mean of a voxel inside.
    """
    voxel_size = check_voxel_size(voxel_size)
    position = np.stack(np.meshgrid(*map(_middles, shape, voxel_size), indexing="ij"), axis=-1)
    body = np.zeros(shape)
    for centre in rng.uniform(0.1, 0.9, (n, 3)) * _extent(shape, voxel_size):
        axes = 0.5 * diameter * rng.uniform(0.7, 1.3, 3)
        body = np.maximum(body, np.linalg.norm((position - centre) / axes, axis=-1) < 1)
    grain = ndimage.gaussian_filter(rng.standard_normal(shape), [0.3 / d for d in voxel_size], mode="wrap")
    brightness = np.maximum(1 + texture * grain / grain.std(), 0)
    return Stack(photons * _soften(body * brightness), voxel_size)


def _extent(shape, voxel_size):
    """The edges of the volume in µm; refuses one without voxels, in which no cell would ever be found."""
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"a specimen needs a shape (z, y, x) of at least one voxel each; got {tuple(shape)}.")
    return np.asarray(shape) * check_voxel_size(voxel_size)


def _worm(extent, length, persistence, rng):
    """Points along one filament, from a random place in the cell to where it leaves the cell: (n, 3) in µm."""
    while True:
        start = rng.uniform(0, 1, 3) * extent
        if _in_cytoplasm(start[None], extent)[0]:
            break
    steps = max(round(length / STEP), 1)
    # a worm-like chain: its direction does a random walk, losing its memory over the persistence length
    turns = rng.standard_normal((steps, 2)) * np.sqrt(STEP / persistence)
    azimuth = rng.uniform(0, 2 * np.pi) + np.cumsum(turns[:, 0])
    rise = 0.15 * np.tanh(np.cumsum(turns[:, 1]))  # flat cell: filaments run nearly parallel to the coverslip
    flat = np.sqrt(1 - rise**2)
    direction = np.stack([rise, flat * np.sin(azimuth), flat * np.cos(azimuth)], axis=1)
    path = start + STEP * np.cumsum(direction, axis=0)
    left = np.flatnonzero(~_in_cytoplasm(path, extent))
    return path[: left[0]] if left.size else path


def _in_cytoplasm(points, extent):
    """Inside the ellipsoid of the cell, and outside of that of its nucleus."""
    from_centre = (points - 0.5 * extent) / (0.48 * extent)
    nucleus = (points - extent * (0.5, 0.55, 0.45)) / (extent * (0.38, 0.21, 0.21))
    return (np.sum(from_centre**2, axis=1) < 1) & (np.sum(nucleus**2, axis=1) > 1)


def _deposit(points, photons, shape, voxel_size):
    """Points in µm, each of so many photons, shared among the eight voxels around it, then softened."""
    position = points / voxel_size - 0.5  # voxel i reaches from i·d to (i + 1)·d, its middle is (i + ½)·d
    lower = np.floor(position).astype(int)
    part = position - lower
    volume = np.zeros(np.add(shape, 2))  # one voxel of margin takes what falls just outside
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=1)
        index = np.clip(lower + corner + 1, 0, np.add(shape, 1))
        np.add.at(volume, tuple(index.T), photons * weight)
    return _soften(volume[1:-1, 1:-1, 1:-1])


def _soften(volume):
    return np.maximum(ndimage.gaussian_filter(volume, SOFTENING, mode="constant", truncate=5), 0)


def _middles(n, d):
    """Where the voxels of one axis have their middles, in µm."""
    return (np.arange(n) + 0.5) * d


def _sphere(n):
    """n points spread evenly over the unit sphere, on a spiral with the golden angle."""
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(n)
    flat = np.sqrt(1 - z**2)
    return np.stack([z, flat * np.sin(angle), flat * np.cos(angle)], axis=1)


def _ball(n):
    """n points spread evenly over the unit ball, each with its opposite, so that their middle is that of the ball."""
    order = (0.5 + np.arange(n // 2) * 0.6180339887498949) % 1  # mixes the radii among the directions
    half = _sphere(n // 2) * np.cbrt(order)[:, None]
    return np.concatenate([half, -half])
