"""Checks of notebook 03."""

import numpy as np
from scipy import fft, ndimage

from course_utils.checks.answer import NotYet, call, compare, holds

ODD = "on axes of odd length the inverse gives one voxel less, unless told otherwise: fft.irfftn(…, s=y.shape)"


def centre(answer):
    """Exercise of notebook 03: answer(image, background) → the centre of mass (z, y, x) of a bead, in voxels."""
    for shape, at in (((6, 7, 9), (2.3, 3.8, 5.1)), ((8, 9, 7), (4.6, 3.2, 2.7))):
        image, background = _blob(shape, at) * 200 + 10.0, 10.0
        image[-1, -1, -1] -= 6  # a voxel where chance left the background darker than its mean
        light = image - background
        exact = _moments(light)
        mistakes = {
            "this is the middle of mass with the background in it: it pulls every bead to the middle of its box. "
            "Subtract the background first": _moments(image),
            "the axes are in the order x, y, z; the course has z, y, x": exact[::-1],
            "everything is half a voxel too far: voxel i has its middle at i, not at i + ½": exact + 0.5,
            "everything is one voxel too far: count from 0": exact + 1,
            "this counts from the middle of the box; count from voxel 0": exact - np.floor_divide(shape, 2),
            "this counts from the middle of the box, (n − 1)/2; count from voxel 0": exact - (np.array(shape) - 1) / 2,
            "this is the brightest voxel. Its neighbours know where between them the bead lies": _peak(image),
            "negative values were cut off. They are noise around zero; cut off, only the positive half stays, and "
            "pulls the bead to the middle of its box": _moments(np.maximum(light, 0)),
            "the sum of position × light is divided by the sum of the light without the background": exact
            * light.sum()
            / image.sum(),
            "the sum of position × light still has to be divided by the sum of the light": exact * light.sum(),
            "this weighs with the square of the light: a centre too, but not that of mass": _moments(light**2),
        }
        compare(np.asarray(call(answer, image, background)), exact, mistakes)
    holds("the background is out", "axes (z, y, x), voxel i has its middle at i", "fractions of a voxel are kept")


def shift(answer):
    """Exercise of notebook 03: answer(image, by) → the image moved by fractions of a voxel, periodic."""
    for shape, by in (((8, 9, 10), (0.4, -1.3, 2.25)), ((9, 10, 8), (-0.7, 0.6, 1.5))):
        image = _without_finest(_blob(shape, [n // 2 for n in shape]))
        exact = _shifted(image, by)
        mistakes = {
            "the image moved the wrong way. To move it by +s, multiply by exp(−2πi k s)": _shifted(image, -1.0, by),
            "2π is missing: fftfreq counts periods per voxel, and a period has 2π radians": _shifted(
                image, 1 / (2 * np.pi), by
            ),
            "the image moved by whole voxels only. A product in Fourier space keeps the fraction": np.roll(
                image, np.rint(by).astype(int), (0, 1, 2)
            ),
            "only z has moved: three factors, one for each axis": _shifted(image, (by[0], 0, 0)),
            "only x has moved: three factors, one for each axis": _shifted(image, (0, 0, by[2])),
            "the axes are mixed up: `by` is (z, y, x)": _shifted(image, by[::-1]),
            "the frequencies run from 0 to n − 1, but the upper half are negative ones: fft.fftfreq(n)": _shifted(
                image, by, frequencies=lambda n: np.arange(n) / n
            ),
            "nothing has moved": image,
            "this is the modulus, which turns negative values positive. The real part: .real": np.abs(exact),
        }
        result = np.asarray(call(answer, image, np.asarray(by)))
        if np.iscomplexobj(result):
            if np.shape(result) == shape and np.allclose(result.imag, 0, atol=1e-4):
                raise NotYet("the result is right but complex; its imaginary part is rounding. Return the real part.")
            result = result.real
        compare(result, exact, mistakes)
    holds("moved by `by` along z, y and x, fractions included", "no light lost", "real, as the image was")


def psf_update(answer):
    """Exercise of notebook 03: answer(psf, x, y, background) → the PSF after one Richardson–Lucy step on it."""
    for shape in ((4, 6, 8), (5, 6, 7)):
        rng = np.random.default_rng(4)
        x, background = 20 * rng.random(shape) ** 6, 2.0
        psf, truth = (p / p.sum() for p in rng.random((2, *shape)) ** 4)
        y = _convolve(truth, x) + background
        model = _convolve(psf, x)
        exact = _rl_step(psf, x, y / (model + background))
        ratio = y / (model + background)
        mistakes = {
            "this is a convolution with x where the correlation belongs: conjugate the spectrum of x": psf
            * _convolve(x, ratio)
            / x.sum(),
            "the ratio's spectrum was conjugated instead of that of x": psf
            * fft.irfftn(np.conj(fft.rfftn(ratio)) * fft.rfftn(x), shape)
            / x.sum(),
            "the background is missing from the model": _rl_step(psf, x, y / model),
            "the background was subtracted from the data. Leave it in y and add it to the model": _rl_step(
                psf, x, (y - background) / model
            ),
            "the ratio is upside down: data over model": _rl_step(psf, x, (model + background) / y),
            "the correlation must be divided by the sum of x, which is what an unchanging model (ratio 1) gives": exact
            * x.sum(),
            "this is divided by the sum of y; the sum of x is what the correlation gives where the ratio is 1": exact
            * x.sum()
            / y.sum(),
            "the centre was moved to n // 2; here it stays at voxel 0, as in the PSF that came in": fft.fftshift(exact),
            "the ratio was correlated with the PSF; what is known here is x: correlate with that": psf
            * _correlate(psf, ratio)
            / x.sum(),
            "the step is multiplicative: the old PSF times the correction": exact / psf,
            "this is the step for the specimen: it correlates with the PSF, and multiplies x": _rl_step(x, psf, ratio),
            "the correction was added; multiply by it": psf + exact / psf,
            "this is normalised to unit sum, which the step alone does not promise where there is a background. Do "
            "that as a step of its own, after it": exact / exact.sum(),
        }
        compare(_call_odd(answer, psf, x, y, background), exact, mistakes)
    holds(
        "the model has its background",
        "correlated with x: the adjoint, as for the specimen",
        "the truth stays as it is",
    )


def least_squares(answer):
    """Exercise of notebook 03: answer(sharp, blurred, weight) → the PSF on the whole grid, its centre at n // 2."""
    for shape in ((4, 6, 8), (5, 6, 7), (5, 7, 9)):
        rng = np.random.default_rng(5)
        sharp, weight = rng.random(shape) ** 4, 3.0
        blurred = _convolve(_blob(shape, (0.0, 0.0, 0.0), periodic=True), sharp)
        X, Y = fft.fftn(sharp), fft.fftn(blurred)
        power = np.abs(X) ** 2
        spectra = {
            "the wrong spectrum was conjugated: conj(X) Y, not X conj(Y)": X * np.conj(Y) / (power + weight),
            "the weight is missing: where |X|² is next to nothing, this divides noise by nothing": Y / X,
            "|X| must be squared in the denominator": np.conj(X) * Y / (np.abs(X) + weight),
            "the conjugate of X is missing in the numerator": X * Y / (power + weight),
            "the numerator is conj(X) Y; this is only Y": Y / (power + weight),
            "the weight was squared, too": np.conj(X) * Y / (power + weight**2),
            "the weight was multiplied by the mean of |X|²; the formula here has it as it is": np.conj(X)
            * Y
            / (power + weight * power.mean()),
            "sharp and blurred have changed places: this takes blurred to sharp": np.conj(Y)
            * X
            / (np.abs(Y) ** 2 + weight),
        }
        origin = fft.ifftn(np.conj(X) * Y / (power + weight)).real
        mistakes = {text: fft.fftshift(fft.ifftn(wrong).real) for text, wrong in spectra.items()}
        mistakes["the PSF's centre is still at voxel 0: fft.fftshift takes it to n // 2"] = origin
        mistakes["one voxel off on axes of odd length: ifftshift where fftshift belongs"] = fft.ifftshift(origin)
        mistakes["the result was normalised to unit sum; here the formula alone is asked for"] = fft.fftshift(
            origin / origin.sum()
        )
        centred = fft.fftshift(origin)
        mistakes["this is the modulus, which turns negative values positive. The real part: .real"] = np.abs(centred)
        mistakes["negative values were cut off; here the formula alone is asked for"] = np.maximum(centred, 0)
        result = _call_odd(answer, sharp, blurred, weight)
        if np.iscomplexobj(result):
            raise NotYet("the result is complex: use fft.rfftn and fft.irfftn(…, s=sharp.shape), or the real part.")
        compare(result, centred, mistakes)
    holds("conj(X) Y / (|X|² + weight)", "the centre is at n // 2, on odd and even grids")


def one_psf(answer):
    """Exercise of notebook 03: answer(sharp, blurred) → one 3D PSF, where the student's report had one a plane."""
    rng, shape = np.random.default_rng(6), (9, 16, 18)
    sharp = 100 * ndimage.gaussian_filter(rng.random(shape) ** 6, 0.9, mode="wrap")
    truth = fft.fftshift(_blob(shape, (0.0, 0.0, 0.0), periodic=True))
    blurred = 0.4 * _convolve(fft.ifftshift(truth), sharp)  # another brightness, and noise
    blurred += 3e-4 * blurred.mean() * rng.standard_normal(shape)
    result = np.asarray(call(answer, sharp, blurred))
    if result.shape != shape:
        raise NotYet(f"the PSF must have the shape of the volume here, {shape}; it has {result.shape}.")
    if np.iscomplexobj(result):
        raise NotYet("the result is complex: use fft.rfftn and fft.irfftn(…, s=sharp.shape), or the real part.")
    X, Y = fft.fftn(sharp), fft.fftn(blurred)
    bare = fft.fftshift(fft.ifftn(Y / X).real)
    if any(_error(result, wrong / wrong.sum()) < 0.1 for wrong in (bare, np.maximum(bare, 0))):
        raise NotYet(
            "this has no weight, or next to none: where |X|² is small, noise is divided by it. The weight counts in "
            "units of the mean of |X|²."
        )
    _diagnose_planes(result, truth)
    if abs(result.sum() - 1) > 0.02:
        raise NotYet(f"the PSF's sum is {result.sum():.3f}; a PSF moves light and makes none: it must be 1.")
    if _error(result, np.roll(truth, 1, 0)) < 0.1 or _error(result, fft.ifftshift(truth)) < 0.1:
        raise NotYet("the shape is right, but the centre is not at n // 2 on each axis: fft.fftshift.")
    if _error(result, truth) > 0.2:
        raise NotYet(
            f"the PSF is still {100 * _error(result, truth):.0f} % off the one that blurred this volume. Take the "
            "Fourier transform over all three axes, as in exercise 4, and the weight that the text gives."
        )
    holds("one PSF for the whole volume, of unit sum", "it blurs along z too: planes know of their neighbours")


def _diagnose_planes(result, truth):
    planes, sums = len(result), result.sum(axis=(1, 2))
    middle = slice(planes // 2 - 1, planes // 2 + 2)  # where the truth is bright, and noise small
    each = truth[middle] / truth[middle].sum(axis=(1, 2), keepdims=True)
    if _error(result[middle], each * sums.mean()) < 0.1:
        raise NotYet(
            "the shape of each plane is right, but each was divided by a sum of its own: how bright they are beside "
            "each other is lost. Only the whole has the sum 1: divide by that alone."
        )
    if abs(result.sum() - planes) < 0.2 * planes:
        raise NotYet(
            f"the sum is {result.sum():.2f}, the number of planes is {planes}: there is still one 2D kernel a plane, "
            "each of sum 1. Estimate a single PSF from the whole volume."
        )
    if sums.min() > 0.6 * sums.mean():  # this volume's own PSF is dark at its ends
        raise NotYet(
            "dividing by the number of planes mends the sum and nothing else: this still is one 2D kernel a plane, and "
            "plane k of it does not say what light does k planes away. Estimate one PSF from the whole volume."
        )
    if np.count_nonzero(sums > 0.01 * sums.max()) == 1:
        raise NotYet("all the light is in one plane of this PSF: a 2D kernel. It must blur along z as well.")


def _call_odd(answer, *arguments):
    """The answer's result; where its inverse transform has lost the last voxel of an odd axis, that is said."""
    shape = arguments[0].shape
    try:
        result = np.asarray(call(answer, *arguments))
    except NotYet as error:
        if shape[-1] % 2 and "broadcast" in str(error):
            raise NotYet(f"{ODD}.") from error
        raise
    if shape[-1] % 2 and result.shape == (*shape[:-1], shape[-1] - 1):
        raise NotYet(f"{ODD}.")
    return result


def _error(psf, truth):
    return np.linalg.norm(psf - truth) / np.linalg.norm(truth)


def _blob(shape, at, periodic=False):
    """A lopsided smooth spot of unit sum around this place; around voxel 0 and over the edges if periodic."""
    spot = 1.0
    for axis, (n, a, width) in enumerate(zip(shape, at, (0.9, 1.0, 1.2), strict=True)):
        d = np.arange(n) - a
        d = (d + n / 2) % n - n / 2 if periodic else d
        line = np.exp(-0.5 * (d / width) ** 2) * (1 + 0.3 * np.tanh(d))
        spot = spot * line.reshape([-1 if i == axis else 1 for i in range(3)])
    return spot / spot.sum()


def _moments(light):
    grids = np.indices(light.shape)
    return np.array([(grid * light).sum() for grid in grids]) / light.sum()


def _peak(image):
    return np.array(np.unravel_index(image.argmax(), image.shape), float)


def _shifted(image, *by, frequencies=fft.fftfreq):
    """Moved by the product of the factors `by`; the real part."""
    by = np.prod(np.broadcast_arrays(*[np.broadcast_to(b, 3) for b in by]), axis=0)
    phase = sum(
        (frequencies(n) * s).reshape([-1 if i == axis else 1 for i in range(3)])
        for axis, (n, s) in enumerate(zip(image.shape, by, strict=True))
    )
    return fft.ifftn(fft.fftn(image) * np.exp(-2j * np.pi * phase)).real


def _without_finest(image):
    """Without the period of two voxels, which has no phase: a fraction of a voxel means nothing to it."""
    spectrum = fft.fftn(image)
    for axis, n in enumerate(image.shape):
        if n % 2 == 0:
            np.moveaxis(spectrum, axis, 0)[n // 2] = 0
    return fft.ifftn(spectrum).real


def _convolve(a, b):
    return fft.irfftn(fft.rfftn(a) * fft.rfftn(b), a.shape)


def _correlate(a, b):
    return fft.irfftn(np.conj(fft.rfftn(a)) * fft.rfftn(b), b.shape)


def _rl_step(unknown, known, ratio):
    return unknown * _correlate(known, ratio) / known.sum()
