"""U-Nets for the course volume: one that its own lateral slices taught, and some that simulated cells did.

A flat cell breaks the condition of chapter 7: its lateral slices hold lines, its axial ones the same lines cut across.
Whoever can simulate such cells need not ask the lateral slices: the axial slices of a simulated stack are the inputs,
those of its truth at the lateral resolution the targets. The course volume itself is not among these cells.
"""

import numpy as np
from scipy import ndimage

import data_fetch
from course_utils import compare, formation, isonet, optics, training
from course_utils.specimen import SOFTENING
from data_fetch import simulated

# planes of the simulation from one plane of the stack to the next, and from one restored plane to the next: 5 / 2 = 2.5
STEPS, RESTORED = 5, 2
CELLS, VALIDATION = (1, 2, 3, 4, 5), 6  # seeds of the simulated cells


def aims(bundle):
    """{"truth", "lateral resolution": array}: what a restored course volume is compared with; see `psnr`."""
    goals = {"truth": bundle.truth.data, "lateral resolution": _blurred_alike(bundle.truth, bundle.psf)}
    return {name: goal[::RESTORED] for name, goal in goals.items()}


def psnr(restored, aim):
    """PSNR (dB) of a volume on the grid of `isonet.isotropic`, after an affine match; data range that of the aim.

    Compared are the planes that both grids have: every fifth of 0.08 µm, every second of 0.2 µm.
    """
    return compare.psnr(compare.match_affine(restored.data[::STEPS], aim), aim)


def simulated_cell(seed, bundle):
    """(stack, target): a cell like the bundle's, under its microscope and camera; its truth at the lateral resolution.

    stack   of counts. target: photons, on the grid of ``isonet.isotropic(stack)``.
    Simulated with planes so close that both grids are among them: every fifth, and every second.
    """
    rng, (dz, dy, dx), (planes, *across) = np.random.default_rng(seed), simulated.VOXEL, bundle.stack.shape
    voxel = (dz / STEPS, dy, dx)
    truth = simulated.cell((STEPS * planes, *across), voxel, rng=rng)
    # as soft along z as a cell on the grid of the stack, and as bright: there a voxel holds the light of STEPS planes
    softer = ndimage.gaussian_filter1d(truth.data, SOFTENING * (STEPS**2 - 1) ** 0.5, axis=0, mode="constant")
    truth = truth.with_data(STEPS * softer)
    depth, *width = bundle.psf.shape
    psf = optics.gibson_lanni_psf(bundle.optics, (STEPS * (depth - 1) + 1, *width), voxel)
    stack = formation.acquire(truth, psf, bundle.camera, background=simulated.BACKGROUND, bin_z=STEPS, rng=rng)
    last = STEPS * (planes - 1) + 1
    return stack, _blurred_alike(truth, bundle.psf)[:last:RESTORED]


def training_data(*, size=64, count=1600, seed=0, cells=CELLS, validation=VALIDATION, volume="course"):
    """(pairs, validation, normaliser): patches of axial slices of the simulated cells, xz and yz alike.

    size, count        of the patches. seed: of their places.
    cells, validation  seeds of the specimens, each as large as this course volume.
    Inputs and targets are each brought to their own percentiles: what the network gives has no unit before a match.
    """
    bundle, rng = data_fetch.load("microtubules", size=volume), np.random.default_rng(seed)
    *taken, held = (simulated_cell(s, bundle) for s in (*cells, validation))
    normaliser = training.Normaliser.fit([stack.data for stack, _ in taken])
    bright = training.Normaliser.fit([target for _, target in taken])

    def pairs(cells, count):
        inputs, targets = [], []
        for stack, target in cells:
            for axes in isonet.VIEWS.values():
                inputs += list(normaliser(isonet.isotropic(stack).data.transpose(axes)))
                targets += list(bright(target.transpose(axes)))
        return training.patches(inputs, targets, size=size, count=count, flat=0.1, rng=rng)

    return pairs(taken, count), pairs([held], max(count // 10, 1)), normaliser


def train_on_simulated_cells(build, *, epochs, size=64, count=1600, seed=0):
    """Train a network on simulated cells; returns (model, normaliser, card), scored on the course volume.

    seed  of the patches, their order and the first weights; the cells stay the same.
    """
    model, (pairs, validation, normaliser) = build(seed=seed), training_data(size=size, count=count, seed=seed)
    history = training.fit(model, pairs, validation=validation, epochs=epochs, seed=seed)
    card = {
        "data": f"axial slices of simulated cells, seeds {CELLS}, like the course volume's (seed {simulated.SEED}), "
        "with its microscope, light and camera; targets: their truth at the lateral resolution",
        "training": f"{len(history.loss)} epochs of {count} patches of {size} × {size}, loss mae, Adam",
        "seed": {"cells, noise": CELLS, "patches, order, first weights": seed},
    }
    return model, normaliser, card | _facts(data_fetch.load("microtubules"), model, normaliser, "another specimen")


def train_on_course_volume(build, *, epochs, size=64, count=1600, seed=0, first_weights=0):
    """Train a network on the course volume's own lateral slices, its only teacher; returns (model, normaliser, card).

    A tenth of the pairs is kept for validation.
    """
    bundle, model = data_fetch.load("microtubules"), build(seed=first_weights)
    normaliser = training.Normaliser.fit([bundle.stack.data])
    pairs = isonet.training_pairs(
        bundle.stack, isonet.axial_blur(bundle.psf), camera=bundle.camera, size=size, count=count,
        normaliser=normaliser, rng=np.random.default_rng(seed),
    )  # fmt: skip
    kept = count - count // 10
    history = training.fit(model, pairs[:kept], validation=pairs[kept:], epochs=epochs, seed=seed)
    card = {
        "data": "lateral slices of the course volume 'microtubules', its PSF and camera; the step along z 2.5 pixels",
        "training": f"{len(history.loss)} epochs of {kept} patches of {size} × {size}, loss mae, Adam",
        "seed": {"noise, patches, order": seed, "first weights": first_weights},
    }
    return model, normaliser, card | _facts(bundle, model, normaliser, "the same specimen")


def _facts(bundle, model, normaliser, which):
    """What a card says of a network: its size, and its score on the course volume beside that of interpolation."""
    found = {
        f"PSNR (dB) on {which}": isonet.restore(model, bundle.stack, normaliser=normaliser),
        "PSNR (dB) of linear interpolation": isonet.isotropic(bundle.stack),
    }
    goals = aims(bundle)
    scores = {name: {goal: round(psnr(x, aim), 2) for goal, aim in goals.items()} for name, x in found.items()}
    return {
        "network": f"{model.name}, {model.count_params()} parameters",
        **scores,
        "licence": "BSD-3-Clause, as the course",
    }


def _blurred_alike(truth, psf):
    """The truth under a Gaussian as wide along every axis as the PSF is across."""
    sigma = optics.fwhm(psf)[2] / np.sqrt(8 * np.log(2))
    return ndimage.gaussian_filter(truth.data, sigma / np.array(truth.voxel_size))


def _small(seed):
    return isonet.unet(filters=8, seed=seed)


RECIPES = {
    "unet-microtubules": lambda: train_on_course_volume(isonet.unet, epochs=7),
    "unet-cells": lambda: train_on_simulated_cells(_small, epochs=15),
    "unet-cells-1": lambda: train_on_simulated_cells(_small, epochs=15, seed=1),
    "unet-cells-2": lambda: train_on_simulated_cells(_small, epochs=15, seed=2),
}
