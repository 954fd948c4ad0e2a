"""What SRCNN is trained with in chapter 6, and how the networks that ship with the course were trained.

Natural images   scikit-image's CC0 pictures, blurred by the PSF's plane in focus, with the noise of few photons
Microscopy       planes of the course volume: wide-field in, SIM out, a guard band to the planes of the test
"""

import numpy as np
from skimage import color, data, transform

import data_fetch
from course_utils import backend, compare, operators, srcnn, training

TRAINING, VALIDATION, TEST = ("brick", "coffee", "grass", "gravel", "retina"), "chelsea", "camera"  # pictures
PHOTONS = 200.0  # of a white pixel
REACH = 10  # pixels of the PSF on each side of its centre
PATCH = 33  # pixels, as in the paper
EPOCHS = 12


def natural_image(name):
    """One of scikit-image's CC0 pictures, in its package itself: grey, from 0 to 1, as a 2D array.

    The retina is halved in size: it is smooth at its own.
    """
    image = getattr(data, name)()
    image = color.rgb2gray(image) if image.ndim == 3 else image / 255
    return np.float32(transform.downscale_local_mean(image, (2, 2)) if name == "retina" else image)


def in_focus(psf):
    """The plane in focus of a PSF (z, y, x), within REACH of its centre, as a 2D PSF of unit sum."""
    plane, y, x = (n // 2 for n in psf.shape)
    lateral = np.asarray(psf)[plane, y - REACH : y + REACH + 1, x - REACH : x + REACH + 1]
    return lateral / lateral.sum()


def blurred(image, psf, *, photons=PHOTONS, rng):
    """A picture from 0 to 1 as the microscope would show it: photons, blurred by the 2D PSF (periodic), with noise."""
    H = operators.blur(psf, image.shape, xp=backend.get("numpy"))
    return rng.poisson(np.maximum(H(photons * image), 0)).astype(np.float32)


def natural_data(psf, *, count=3200, photons=PHOTONS, seed=0):
    """(pairs, validation, normaliser) of the pictures TRAINING and VALIDATION, blurred by a 2D PSF."""
    rng = np.random.default_rng(seed)
    sharp = {name: natural_image(name) for name in (*TRAINING, VALIDATION)}
    seen = {name: blurred(image, psf, photons=photons, rng=rng) for name, image in sharp.items()}
    normaliser = training.Normaliser(0.0, photons)

    def pairs(names, count, augment):
        inputs, targets = [normaliser(seen[name]) for name in names], [sharp[name] for name in names]
        return training.patches(inputs, targets, size=PATCH, count=count, augment=augment, flat=0.1, rng=rng)

    return pairs(TRAINING, count, "transpose"), pairs([VALIDATION], 512, False), normaliser


def matched_sim(bundle, planes):
    """(wide-field, SIM, normaliser): Stacks in photons, SIM brought to the scale of the wide-field on these planes.

    The two have different light and background: without this a network learns to multiply, and any score is of that.
    """
    widefield, sim = bundle.camera.photons(bundle.stack), bundle.camera.photons(bundle.reference)
    normaliser = training.Normaliser.fit(widefield.data[planes])
    return widefield, sim.with_data(normaliser.undo(training.Normaliser.fit(sim.data[planes])(sim.data))), normaliser


def microscopy_data(bundle, planes, validation, *, count=3200, seed=0):
    """(pairs, validation, normaliser): patches of wide-field planes, and of SIM planes on the same scale."""
    rng = np.random.default_rng(seed)
    widefield, sim, normaliser = matched_sim(bundle, planes)

    def pairs(chosen, count, augment):
        inputs, targets = (normaliser(stack.data[chosen]) for stack in (widefield, sim))
        return training.patches(inputs, targets, size=PATCH, count=count, augment=augment, flat=0.1, rng=rng)

    return pairs(planes, count, "transpose"), pairs(validation, 512, False), normaliser


def natural():
    """The recipe of "srcnn-natural"."""
    psf = in_focus(data_fetch.load("microtubules").psf)
    pairs, validation, normaliser = natural_data(psf)
    model, history = _train(pairs, validation)
    image = natural_image(TEST)
    seen = blurred(image, psf, rng=np.random.default_rng(1))
    restored = training.predict(model, seen, normaliser=normaliser)
    card = {
        "data": f"scikit-image's pictures {', '.join(TRAINING)} (CC0), blurred by the course volume's PSF in focus",
        "photons of a white pixel": PHOTONS,
        "validation": f"{VALIDATION} (CC0)",
        "test": f"{TEST} (CC0)",
        "test PSNR (dB), range 1": _psnr(restored, PHOTONS * image, PHOTONS),
        "test PSNR of its input (dB), range 1": _psnr(seen, PHOTONS * image, PHOTONS),
    }
    return model, normaliser, card | _facts(pairs, history)


def microscopy():
    """The recipe of "srcnn-microscopy"."""
    bundle = data_fetch.load("microtubules")
    guard = training.psf_depth(bundle.psf)
    planes, held, test = training.split_blocks(len(bundle.stack.data), guard=guard)
    pairs, validation, normaliser = microscopy_data(bundle, planes, held)
    model, history = _train(pairs, validation)
    widefield, sim, _ = matched_sim(bundle, planes)
    restored = training.predict(model, widefield.data[test], normaliser=normaliser)
    card = {
        "data": "the course volume 'microtubules' (simulated), wide-field planes and SIM planes on the same scale",
        "planes": {"training": _ends(planes), "validation": _ends(held), "test": _ends(test), "guard": guard},
        "test PSNR against SIM, affine match (dB), SIM's range": _matched_psnr(restored, sim.data[test]),
        "the same of its input": _matched_psnr(widefield.data[test], sim.data[test]),
        "test PSNR against the truth, affine match (dB), its range": _matched_psnr(restored, bundle.truth.data[test]),
        "the same of its input, against the truth": _matched_psnr(widefield.data[test], bundle.truth.data[test]),
    }
    return model, normaliser, card | _facts(pairs, history)


RECIPES = {"srcnn-natural": natural, "srcnn-microscopy": microscopy}


def _train(pairs, validation):
    model = srcnn.srcnn(seed=0)
    return model, training.fit(model, pairs, validation=validation, epochs=EPOCHS, loss="mse", seed=0)


def _facts(pairs, history):
    return {
        "network": "SRCNN 9-1-5, 8129 parameters",
        "patches": f"{len(pairs)} of {PATCH} × {PATCH} pixels",
        "loss": "mse",
        "epochs": len(history.loss),
        "best epoch": history.best,
        "validation loss": history.validation[history.best],
        "seed": 0,
    }


def _psnr(x, reference, data_range=None):
    return round(compare.psnr(x, reference, data_range=data_range), 2)


def _matched_psnr(x, reference):
    return _psnr(compare.match_affine(x, reference), reference)


def _ends(planes):
    return [planes.start, planes.stop - 1]
