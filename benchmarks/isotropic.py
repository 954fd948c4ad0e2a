"""Isotropic restoration beside CSBDeep's IsotropicCARE, taught by the same stack for the same processor time.

python -m benchmarks.isotropic [MINUTES]      needs: pip install csbdeep

One simulated stack is the only teacher of both. They are scored on the stack of another specimen, which neither has
seen; nothing is chosen on it. Both keep a tenth of the patches for validation. The minutes are those of all cores
together, from the first batch on, validation included: what else the computer does takes nothing from either.

CSBDeep has its defaults: U-Net, loss, rate, percentiles, choice of patches; it keeps its best weights. It is taught
twice: as its guide does it, with the actual PSF turned on its side, slices along one axis and patches of 128 × 128
pixels; and "helped", with what the course's network has, the split kernel, slices along both axes and patches of its
size. Both times with photon noise, and with as many pixels. Its output lies on the grid of ndimage.zoom, from corner to
corner: "z corrected" is the same output, resampled by cubic splines to where its planes should be.
"""

import contextlib
import functools
import io
import sys
import tempfile
import time

import numpy as np
from scipy import ndimage

from course_utils import compare, isonet, training
from course_utils.isonet import recipes

MINUTES = 4.0  # of the processor, for each of the eighteen trainings: two by the clock, on two idle cores
PEAKS, SEEDS = (120, 1000), (0, 1, 2)  # photons; seeds of noise, patches, their order and the first weights
SIZE, COUNT = 64, 1600  # pixels and number of the patches
STEPS = 50  # batches between two of CSBDeep's validations: 400, its default, may be more than there is time for
INTERPOLATION, COURSE = "linear interpolation", "residual U-Net"
PEER, HELPED, CORRECTED = "CSBDeep by its guide", "CSBDeep, helped", "{}, z corrected"
METHODS = (INTERPOLATION, PEER, CORRECTED.format(PEER), HELPED, CORRECTED.format(HELPED), COURSE)
UNITS = {"lateral": "dB against lateral resolution", "truth": "dB against the truth", "axial": "axial period, µm"}
AIMS = {  # decibels that the U-Net is to be ahead
    (120, INTERPOLATION, "lateral"): 5,
    (120, INTERPOLATION, "truth"): 1.5,
    (120, CORRECTED.format(PEER), "lateral"): 1.5,
    (120, CORRECTED.format(HELPED), "lateral"): 1.5,
    (1000, CORRECTED.format(PEER), "lateral"): 3,
    (1000, CORRECTED.format(HELPED), "lateral"): 3,
}


def main(minutes=MINUTES):
    """Print the table; return {row: {figure: (mean, standard deviation)}}. ImportError without CSBDeep."""
    import csbdeep  # noqa: F401  before anything is trained

    return report([trial(peak, seed, minutes) for peak in PEAKS for seed in SEEDS], minutes)


def trial(peak, seed, minutes):
    """{"peak", "seed", "scores": {method: scores}, "minutes": {network: those of the processor}} of one stack."""
    rng = np.random.default_rng(seed)
    _, stack = recipes.take(recipes.isotropic_specimen(recipes.TRAINING[0]), peak=peak, rng=rng)
    truth, unseen = recipes.take(recipes.isotropic_specimen(recipes.TEST), peak=peak, rng=rng)
    restored, took = {INTERPOLATION: isonet.isotropic(unseen)}, {}
    for name, train in TRAININGS.items():
        restore, took[name] = train(stack, seed, minutes)
        restored[name] = restore(unseen)
        if name != COURSE:
            restored[CORRECTED.format(name)] = corrected(restored[name], restored[INTERPOLATION])
    scores = {name: score(x, truth) for name, x in restored.items()}
    return {"peak": peak, "seed": seed, "scores": scores, "minutes": took}


def course(stack, seed, minutes):
    """(a function from a stack to the restored one, processor minutes): the residual U-Net of chapter 7."""
    normaliser, kept = training.Normaliser.fit([stack.data]), COUNT - COUNT // 10
    pairs = isonet.training_pairs(
        stack, kernel(), camera=recipes.CAMERA, size=SIZE, count=COUNT, normaliser=normaliser,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    model = isonet.unet(seed=seed)
    history = training.fit(
        model, pairs[:kept], validation=pairs[kept:], epochs=10**6, seconds=60 * minutes, clock=time.process_time,
        seed=seed, progress=False,
    )  # fmt: skip
    return lambda other: isonet.restore(model, other, normaliser=normaliser), history.seconds / 60


def csbdeep(stack, seed, minutes, *, helped):
    """The same of CSBDeep's IsotropicCARE."""
    from csbdeep.models import Config, IsotropicCARE
    from keras import callbacks, utils

    utils.set_random_seed(seed)
    x, y = _csbdeep_patches(stack, helped)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        settings = Config("YX", train_tensorboard=False, train_steps_per_epoch=STEPS)
        care = IsotropicCARE(settings, "isotropic", folder)
        care.prepare_for_training()
        begin = time.process_time()

        def look(batch, logs=None):
            care.keras_model.stop_training = time.process_time() - begin >= 60 * minutes

        care.callbacks.append(callbacks.LambdaCallback(on_train_batch_end=look))
        held = len(x) // 10
        care.train(x[held:], y[held:], validation_data=(x[:held], y[:held]), epochs=10**4)
        took = (time.process_time() - begin) / 60

    def restore(other):
        return isonet.isotropic(other).with_data(care.predict(other.data, "ZYX", recipes.FACTOR))

    return restore, took


def _csbdeep_patches(stack, helped):
    """Inputs and targets as CSBDeep makes them of the stack's slices."""
    from csbdeep.data import RawData, anisotropic_distortions, create_patches

    size = SIZE if helped else 2 * SIZE
    slices = [stack.data, stack.data.swapaxes(1, 2)] if helped else [stack.data]
    blur = kernel("split" if helped else "full")
    worse = anisotropic_distortions(
        recipes.FACTOR, np.float32(blur.T), psf_axes="YX", poisson_noise=True, subsample_axis="X"
    )  # fmt: skip
    raw, count = RawData.from_arrays(slices, slices, axes="ZYX"), COUNT * SIZE**2 // size**2 // len(slices)
    x, y, _ = create_patches(raw, (1, size, size), count, transforms=[worse], verbose=False)
    return (np.moveaxis(a[:, :, 0], 1, -1) for a in (x, y))  # from (n, channel, z, y, x)


TRAININGS = {
    PEER: functools.partial(csbdeep, helped=False),
    HELPED: functools.partial(csbdeep, helped=True),
    COURSE: course,
}


def kernel(method="split"):
    return isonet.axial_blur(recipes.gaussian(recipes.SIGMA), method=method)


def corrected(stretched, right):
    """CSBDeep's planes where they should be: of P, the last of n lies on the last of P fine ones, which is too far."""
    n = len(right.data)  # up to the last plane that was taken
    z = np.arange(n) * (len(stretched.data) - 1) / (n - 1)
    positions = np.meshgrid(z, *map(np.arange, right.shape[1:]), indexing="ij")
    return right.with_data(ndimage.map_coordinates(stretched.data, positions, order=3, mode="nearest"))


def score(restored, truth):
    """PSNR against both references, and the axial period at which the correlation with the truth falls below ½."""
    planes = (truth.shape[0] - 1) // recipes.FACTOR * recipes.FACTOR + 1  # up to the last one that was taken
    x, f = (stack.with_data(stack.data[:planes]) for stack in (restored, truth))
    return recipes.score(x, truth) | {"axial": compare.fsc(x, f).axial.resolution(0.5)}


def report(trials, minutes):
    """Print mean ± standard deviation over the seeds, and how far the U-Net is ahead; return the figures."""
    print(f"Isotropic restoration; {minutes:g} processor minutes of training on one stack; scored on another specimen")
    figures = {}
    for peak in sorted({one["peak"] for one in trials}):
        chosen = [one for one in trials if one["peak"] == peak]
        print(f"\n| {peak} photons, {len(chosen)} seeds | " + " | ".join(UNITS.values()) + " | processor minutes |")
        print("|---" * 5 + "|")
        for name in METHODS:
            row = {unit: _mean([one["scores"][name][key] for one in chosen]) for key, unit in UNITS.items()}
            took = _mean([one["minutes"][name] for one in chosen]) if name in TRAININGS else None
            figures[f"{peak} photons, {name}"] = row | ({"processor minutes": took} if took else {})
            shown = [f"{mean:.2f} ± {sd:.2f}" for mean, sd in row.values()]
            print(f"| {name} | " + " | ".join(shown) + f" | {f'{took[0]:.1f}' if took else ''} |")
    return figures | _ahead(trials)


def _ahead(trials):
    """The U-Net's lead over what it is to beat, of the same stacks, beside the aim."""
    figures = {}
    print()
    for (peak, name, key), aim in AIMS.items():
        scores = [one["scores"] for one in trials if one["peak"] == peak]
        lead = _mean([one[COURSE][key] - one[name][key] for one in scores])
        print(f"{peak} photons, U-Net above {name}: {lead[0]:.2f} ± {lead[1]:.2f} {UNITS[key]} (aim {aim})")
        figures.setdefault(f"{peak} photons, U-Net above {name}", {})[UNITS[key]] = lead
    return figures


def _mean(values):
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
