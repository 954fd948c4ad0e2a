"""Which data to train with and which to test with: what a network has seen must tell nothing of the test."""

from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Three parts of the data, as indices: arrays of numbers, or slices of planes."""

    training: object
    validation: object
    test: object


def split(n_specimens, *, validation=0.15, test=0.25, rng):
    """A Split by specimen, at random: each specimen is in one part only, and every part has at least one.

    validation, test  their shares of the specimens.
    Raises ValueError where there are too few specimens.
    """
    n_validation, n_test = _counts(n_specimens, validation, test)
    if n_specimens - n_validation - n_test < 1:
        raise ValueError(
            f"{n_specimens} specimens are too few for three parts, {validation:.0%} for validation and {test:.0%} for "
            "the test; within one specimen, split its planes with split_blocks."
        )
    order = rng.permutation(n_specimens)
    parts = np.split(order, [n_specimens - n_validation - n_test, n_specimens - n_test])
    return Split(*map(np.sort, parts))


def split_blocks(n_planes, *, guard, validation=0.15, test=0.25):
    """A Split of one stack into three blocks of planes, as slices, with `guard` planes between them that no part uses.

    guard             at least the depth of the PSF (see `psf_depth`): nearer planes hold the same light, and a network
                      tested on them is tested on what it has seen.
    validation, test  their shares of all planes.
    Raises ValueError where the guard bands leave too few planes.
    """
    if int(guard) != guard or guard < 0:
        raise ValueError(f"guard must be a whole number of planes, at least 0; got {guard}.")
    guard = int(guard)
    n_validation, n_test = _counts(n_planes, validation, test)
    n_training = n_planes - n_validation - n_test - 2 * guard
    if n_training < 1:
        raise ValueError(
            f"{n_planes} planes are too few: two guard bands of {guard}, {n_validation} planes for validation and "
            f"{n_test} for the test leave {n_training} for training. Take a deeper stack, or split by specimen."
        )
    a = n_training + guard
    b = a + n_validation + guard
    return Split(slice(0, n_training), slice(a, a + n_validation), slice(b, n_planes))


def psf_depth(psf, share=0.1):
    """The planes over which a PSF (z, y, x) is brighter than this share of its peak: the least guard band.

    Light from further away does arrive in a wide-field stack, but as an even haze that tells no structure.
    """
    psf = np.asarray(psf)
    bright = np.flatnonzero(psf.max(axis=(1, 2)) > share * psf.max())
    return int(bright[-1] - bright[0] + 1)


def _counts(n, validation, test):
    """How many of n each share is, at least one."""
    if not (0 < validation < 1 and 0 < test < 1 and validation + test < 1):
        raise ValueError(
            f"validation and test are shares of the data, above 0 and together below 1; got {validation} and {test}."
        )
    return max(1, round(validation * n)), max(1, round(test * n))
