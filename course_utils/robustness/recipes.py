"""The networks of the robustness tests: alike in all but the stacks that they were trained with.

Each learns as in chapter 7, from lateral slices that are made as bad as axial ones, and never sees a truth; its goal is
the lateral resolution. All have the same number of stacks, patches and epochs; what differs is named in `CASES`: the
PSF, the class of the specimen, or, for "random", everything at once. Every stack is brought to its own percentiles, so
that the photons are no unit, only a noise (see `restore`).
"""

from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from course_utils import isonet, training
from course_utils.isonet.recipes import CAMERA, FACTOR, PEAK, SIGMA, gaussian
from course_utils.robustness.twins import twin

STACKS, CHOOSING = 32, 4  # of the training, and for choosing the best weights
FIRST_SEED = 100  # of the specimens; those that are tested on have seeds below
RANDOM_Z, RANDOM_X, RANDOM_PEAK = (2.0, 7.0), (0.9, 1.6), (20.0, 2000.0)  # voxels, voxels, photons
RANDOM_KINDS = ("filaments", "shells", "nuclei", "beads")


class Case(NamedTuple):
    """One stack to be simulated: the specimen's class, the PSF's σ (z, y, x) in voxels, photons at the peak."""

    kind: str
    sigma: tuple
    peak: float


def fixed(kind="both", sigma_z=SIGMA[0]):
    """Cases of one specimen class, one PSF, one exposure, for any rng."""
    return lambda rng: Case(kind, (sigma_z, *SIGMA[1:]), PEAK)


def random_case(rng):
    """A case drawn at random: class and σ evenly, the peak evenly in its logarithm."""
    sigma_z, sigma_x = rng.uniform(*RANDOM_Z), rng.uniform(*RANDOM_X)
    peak = np.exp(rng.uniform(*np.log(RANDOM_PEAK)))
    return Case(str(rng.choice(RANDOM_KINDS)), (sigma_z, sigma_x, sigma_x), float(peak))


def own_normaliser(stack):
    """The normaliser of this stack alone: its 1st and 99.9th percentile become 0 and 1."""
    return training.Normaliser.fit([stack.data])


def restore(network, stack, **prediction):
    """`isonet.restore`, the stack brought to its own percentiles first: so it is as bright as those of the training.

    network  a Keras model, or a `training.Trained`, whose own normaliser is not used. Further arguments as there.
    """
    model = network.model if isinstance(network, training.Trained) else network
    return isonet.restore(model, stack, normaliser=own_normaliser(stack), **prediction)


def training_data(draw, *, stacks=STACKS, size=80, patch=64, count=1600, seed=0):
    """(pairs, validation) from `stacks` simulated stacks and CHOOSING more, each patch on its own stack's scale.

    draw   function rng -> Case. size: of the specimens, voxels; patch, count: of the patches, in all.
    """
    rng = np.random.default_rng(seed)

    def pairs(first, n, count):
        drawn = [(draw(rng), FIRST_SEED + i) for i in range(first, first + n)]
        return reduce(add, [_pairs(case, specimen, size, patch, -(-count // n), rng) for case, specimen in drawn])

    return pairs(0, stacks, count), pairs(stacks, CHOOSING, max(count // 10, CHOOSING))


def _pairs(case, specimen_seed, size, patch, count, rng):
    stack = twin(case.kind, seed=specimen_seed, size=size, psf=case.sigma, peak=case.peak).stack
    kernel = isonet.axial_blur(gaussian(case.sigma))
    return isonet.training_pairs(
        stack, kernel, camera=CAMERA, factor=FACTOR, size=patch, count=count, normaliser=own_normaliser(stack), rng=rng
    )


def train(draw, *, data, filters, epochs, count=1600, stacks=STACKS, size=80, patch=64, seed=0, **fit):
    """Train a U-Net on drawn cases; returns (model, normaliser, card), scored on a specimen of seed 5.

    draw  function rng -> Case. data: what it draws, in words, for the card. Others: `training_data`, `isonet.unet`.
    """
    model = isonet.unet(filters=filters, seed=seed)
    pairs, validation = training_data(draw, stacks=stacks, size=size, patch=patch, count=count, seed=seed)
    history = training.fit(model, pairs, validation=validation, epochs=epochs, seed=seed, **fit)
    test = twin(seed=5, size=size)
    restored, before = restore(model, test.stack), isonet.isotropic(test.stack)
    card = {
        "network": f"{model.name}, {model.count_params()} parameters",
        "data": f"lateral slices of {stacks} simulated stacks of {size}³ voxels, every {FACTOR}th plane: {data}; each "
        "by its own percentiles 1 and 99.9",
        "training": f"{len(history.loss)} epochs of {len(pairs)} patches of {patch} × {patch}, loss mae, Adam",
        "seed": {"cases, noise, patches, order, first weights": seed, "specimens": f"from {FIRST_SEED} on"},
        "PSNR (dB) as chapter 7 tests": {
            aim: round(test.psnr(restored, aim), 2) for aim in ("truth", "lateral resolution")
        },
        "PSNR (dB) of linear interpolation": {
            aim: round(test.psnr(before, aim), 2) for aim in ("truth", "lateral resolution")
        },
        "licence": "BSD-3-Clause, as the course",
    }
    return model, own_normaliser(twin(seed=FIRST_SEED, size=size).stack), card  # of a stack as chapter 7 takes them


RANDOM_WORDS = (
    f"{', '.join(RANDOM_KINDS)}, σ_z {RANDOM_Z[0]:g} to {RANDOM_Z[1]:g} and σ_x {RANDOM_X[0]} to {RANDOM_X[1]} voxels, "
    f"{RANDOM_PEAK[0]:g} to {RANDOM_PEAK[1]:g} photons in the brightest voxel"
)
SMALL = {"filters": 8, "epochs": 15}


def _small(kind="both", sigma_z=SIGMA[0]):
    data = f"{'filaments and shells' if kind == 'both' else kind}, σ_z {sigma_z:g} voxels, {PEAK:g} photons"
    return lambda: train(fixed(kind, sigma_z), data=data, **SMALL)


RECIPES = {
    "small-psf-2.5": _small(sigma_z=2.5),
    "small-psf-4": _small(),
    "small-psf-6": _small(sigma_z=6.0),
    "small-random": lambda: train(random_case, data=RANDOM_WORDS, **SMALL),
    "small-filaments": _small("filaments"),
    "small-shells": _small("shells"),
    "unet-random": lambda: train(random_case, data=RANDOM_WORDS, filters=16, epochs=15),
}
