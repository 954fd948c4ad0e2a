"""CIL 36797 as the report used it: wide-field and SIM of one cell, on one grid, registered, on one scale."""

import numpy as np
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from course_utils.compare.metrics import match_affine
from course_utils.counts import find_background, find_gain
from course_utils.stack import Stack
from data_fetch.samples import load

NAME, BIN = "cil-36797", 4  # 1904 × 1900 pixels become 476 × 475
SOFT, ROUNDS = 2.0, 3  # voxels of smoothing before the correlation, and how often it is asked


def pair(voxel_size, *, bin_xy=BIN):
    """(wide-field, SIM): Stacks in photons, SIM moved onto the wide-field stack and brought to its scale.

    voxel_size  (dz, dy, dx) in µm of the file; the step along z is not recorded, and has to be assumed.
    bin_xy      pixels whose light is added up along y and along x.
    Downloads 637 MB at first use. The scale of photons is what the noise says (`counts.find_gain`), and no more than
    that: the camera was not recorded. The background stays in the wide-field stack, and is taken off SIM.
    """
    bundle = load(NAME, voxel_size=voxel_size)
    widefield, sim = (binned(stack, bin_xy) for stack in (bundle.stack, bundle.reference))
    photons = widefield.with_data(np.maximum(widefield.data, 0) / find_gain(widefield))
    aim = photons.with_data(photons.data - find_background(photons))
    return photons, match_affine(moved(sim, offset(aim, sim)), aim)


def binned(stack, factor):
    """The light of factor × factor pixels added up; what is left over at the ends is cut off."""
    z, y, x = stack.shape
    y, x = y // factor, x // factor
    blocks = stack.data[:, : y * factor, : x * factor].reshape(z, y, factor, x, factor)
    dz, dy, dx = stack.voxel_size
    return Stack(blocks.sum(axis=(2, 4), dtype=np.float64), (dz, factor * dy, factor * dx))


def offset(still, moving):
    """By how many voxels (z, y, x) moving has to be moved to lie on still, to a tenth.

    By phase correlation, of both as blurred as a wide-field stack is: else noise, in which the two differ, decides.
    Guizar-Sicairos, Thurman & Fienup, Opt. Lett. 33 (2008) 156, doi:10.1364/OL.33.000156.
    """
    aim, total = _softened(still), np.zeros(3)
    for _ in range(ROUNDS):  # the fading, which stays where it is, makes each answer a little too small
        rest = _softened(moved(moving, total))
        total += phase_cross_correlation(aim, rest, upsample_factor=10, normalization=None)[0]
    return total


def moved(stack, by):
    """The Stack moved by (z, y, x) voxels, fractions allowed; it goes on beyond its faces as at them."""
    return stack.with_data(ndimage.shift(stack.data, by, order=3, mode="nearest"))


def _softened(stack):
    """Smoothed, and faded to zero at all faces, so that these do not count as something that stays where it is."""
    soft = ndimage.gaussian_filter(stack.data, SOFT)
    z, y, x = (np.hanning(n + 2)[1:-1] for n in soft.shape)
    return (soft - soft.mean()) * z[:, None, None] * y[:, None] * x
