"""Checks of notebook 07."""

import numpy as np
from scipy import fft, ndimage

from course_utils.checks.answer import HALF_GRID, NotYet, call, close, compare, hints, holds


def split_width(answer):
    """Exercise of notebook 07: answer(sigma_z, sigma_x) → (along z, across), the widths of the kernel still missing."""
    for z, x in ((4.0, 1.2), (5.0, 3.0)):
        along = np.sqrt(z**2 - x**2)
        mistakes = {
            "widths do not subtract; variances do: the lateral blur and the split one add up to the axial one as "
            "σ_x² + σ² = σ_z²": (z - x, 0),
            "this is the whole axial PSF. The lateral slice has been blurred by σ_x along both of its axes already": (
                z,
                x,
            ),
            "along z the lateral blur has been there already, too: take σ_x² off": (z, 0),
            "across, the slice is blurred by σ_x already, and an axial slice by no more: nothing is missing there": (
                along,
                x,
            ),
            "across, nothing is missing: both slices have σ_x there": (along, along),
            "this is the variance; the width is its square root": (along**2, 0),
            "the variances were added: this would be the width after both blurs": (np.hypot(z, x), 0),
            "the order is (along z, across)": (0, along),
            "widths do not subtract; variances do. And across, nothing is missing": (z - x, x),
            "these are variances; the width along z is the square root, and across nothing is missing": (
                along**2,
                x**2,
            ),
            "across, a kernel without width: 0.0, not one voxel": (along, 1.0),
        }
        result = call(answer, z, x)
        if np.ndim(result) == 0 or len(result) != 2:
            raise NotYet("give back two widths: return along, across.")
        result = np.array([np.nan if value is None else value for value in result], float)
        if np.isnan(result[1]) and np.isclose(result[0], along):
            raise NotYet("along z right. Across, write 0.0: a kernel without width.")
        mistakes = {text: np.array(wrong) for text, wrong in mistakes.items()}
        compare(result, np.array([along, 0.0]), mistakes)
    holds("variances subtract", "nothing is missing across: both slices are blurred by σ_x there")


def sampling(answer):
    """Exercise of notebook 07: answer(volume, factor) → its every factor-th plane, interpolated onto its grid."""
    ramp = np.arange(13.0)[:, None, None] + np.zeros((1, 2, 3))
    noise = np.random.default_rng(20).random((11, 4, 5))
    for volume, s in ((ramp, 4), (noise, 3)):
        kept = volume[::s]
        exact = _interpolated(kept, s)
        result = np.asarray(call(answer, volume.copy(), s))
        _diagnose_planes(result, volume, kept, s)
        compare(
            result,
            exact,
            {
                "each plane was repeated; go from one to the next in equal steps": np.repeat(kept, s, axis=0)[
                    : len(exact)
                ],
                "planes were averaged. Each plane is an exposure of its own: leave the others out, volume[::factor]": (
                    _interpolated(_binned(volume, s), s)[: len(exact)]
                ),
                "this is the volume itself: the planes between must be left out first": volume[: len(exact)],
                "this is ndimage.zoom by the factor, cut: all of z is stretched. Interpolate at i / factor": (
                    ndimage.zoom(kept, (s, 1, 1), order=1)[: len(exact)]
                ),
                "the two weights are interchanged: the nearer a plane, the more it counts": _interpolated(
                    kept, s, swap=True
                ),
                "this takes the nearest plane; between two of them go in equal steps": kept[
                    np.rint(np.arange(len(exact)) / s).astype(int)
                ],
            },
        )
    holds("plane k of the stack comes to lie at k · factor", "a ramp along z stays the ramp it was")


def training_pair(answer):
    """Exercise of notebook 07: answer(lateral, kernel, factor, gain, rng) → (input, target), of one lateral slice."""
    s, kernel = 3, np.outer([1.0, 2.0, 5.0, 4.0, 1.0], [0.0, 1.0, 0.0])
    kernel /= kernel.sum()
    slice_ = np.zeros((36, 15))  # dark so far around that no mode of continuing it makes a difference
    slice_[8:26, 4:11] = 100 * np.random.default_rng(21).random((18, 7))
    almost_noiseless = 1e-13
    try:
        result = call(answer, slice_.copy(), kernel, s, almost_noiseless, np.random.default_rng(22))
    except NotYet as error:
        if "lam < 0" not in str(error):
            raise
        raise NotYet(
            "where the slice is dark your blur gives a little less than nothing, as Fourier transforms do, and photons "
            "cannot be negative: np.maximum(…, 0) before rng.poisson."
        ) from error
    x, y = _pair(result)
    blurred = ndimage.convolve(slice_, kernel, mode="constant")
    exact, target = _interpolated(blurred[::s], s), slice_
    rows = len(exact)
    _diagnose_shape(x, target, rows, len(blurred[::s]))
    _diagnose_gain(answer, kernel, s)
    if len(x) > rows and close(x[:rows], exact):
        raise NotYet(f"the input goes on beyond the last row taken: cut it after row {rows - 1}.")
    mistakes = {
        "sampled first and blurred then: the planes are taken of what is already blurred": _interpolated(
            ndimage.convolve(slice_[::s], kernel, mode="mirror"), s
        ),
        "the input is not blurred: it lacks the axial kernel": _interpolated(slice_[::s], s),
        "the input is blurred, but no row was left out: take every factor-th, and interpolate": blurred[:rows],
        "blurred across instead of along z, which is axis 0 of the kernel": _interpolated(
            ndimage.convolve(slice_, kernel.T, mode="constant")[::s], s
        ),
        "the kernel is mirrored: this is the correlation, not the convolution": _interpolated(
            ndimage.correlate(slice_, kernel, mode="constant")[::s], s
        ),
        "each row was repeated; interpolate at i / factor": np.repeat(blurred[::s], s, axis=0)[:rows],
    }
    compare(x, exact, mistakes)
    if y.shape == target.shape and close(y, target):
        raise NotYet("the target goes on beyond the last row taken: cut it as well, lateral[: len(input)].")
    compare(
        y,
        target[:rows],
        {
            "the target was cut at its start; it is at the end that the last rows are missing, lateral[: len(input)]": (
                target[-rows:]
            ),
            "the target must be the lateral slice as it was taken; this one was blurred": blurred[:rows],
            "input and target are the same: there is nothing to learn": exact,
        },
    )
    _diagnose_noise(answer, kernel, s)
    holds("blurred, sampled, made noisy, interpolated", "the target is the slice itself", "the noise has the gain")


def combine_views(answer):
    """Exercise of notebook 07: answer(xz, yz) → the volume (z, y, x), of slices xz (y, z, x) and yz (x, z, y)."""
    for shape in ((3, 4, 4), (3, 5, 4)):
        rng = np.random.default_rng(23)
        first, second = rng.random(shape), rng.random(shape)
        first[0, 0, 0] = -0.3  # networks do not know that light is not negative
        xz, yz = first.transpose(1, 0, 2), second.transpose(2, 0, 1)
        crossed = second.transpose(0, 2, 1)
        turned = "yz has the axes (x, z, y): transpose(a, b, c) names, for z, y and x in turn, which old axis it was"
        with hints({"broadcast": turned}):
            result = np.asarray(call(answer, xz.copy(), yz.copy()))
        if result.shape == (shape[1], shape[0], shape[2]):
            raise NotYet(f"the result has the axes (y, z, x), shape {result.shape}; turn it into (z, y, x), {shape}.")
        with np.errstate(invalid="ignore"):
            geometric = np.sqrt(first * second)
            if result.shape == shape and np.allclose(result, geometric, equal_nan=True):
                raise NotYet(
                    "this is the geometric mean: where one view is negative it does not exist, and elsewhere it is too "
                    "low, the more so the less the views agree. Take the arithmetic one."
                )
        mistakes = {
            "the two were added; the mean is half of that": first + second,
            "this is the view xz alone": first,
            "this is the view yz alone": second,
            "this takes the brighter one of the two, and so the noise of both": np.maximum(first, second),
            "the geometric mean, with its negative values cut off: too low. Take the arithmetic one": np.sqrt(
                np.maximum(first, 0) * np.maximum(second, 0)
            ),
            "the geometric mean, with its signs taken off: too low. Take the arithmetic one": np.sqrt(
                np.abs(first * second)
            ),
        }
        if shape[1] == shape[2]:
            mistakes["y and x of the view yz are interchanged: yz is (x, z, y), so z, y, x are its axes 1, 2, 0"] = (
                first + crossed
            ) / 2
        compare(result, (first + second) / 2, mistakes)
    holds("both views are back on the axes (z, y, x)", "the arithmetic mean, which keeps the light")


def data_consistency(answer):
    """Exercise of notebook 07: answer(estimate, observed, transfer, mu) → the image near both; transfer is rfftn's."""
    for shape in ((4, 6, 8), (5, 6, 7)):
        rng = np.random.default_rng(24)
        x, y, mu = rng.standard_normal(shape), rng.standard_normal(shape), 0.2
        H = fft.rfftn(rng.random(shape) ** 4 / 10)
        X, Y, power = fft.rfftn(x), fft.rfftn(y), np.abs(H) ** 2
        found = {
            "the transfer function must be conjugated before it is multiplied with the data": (H * Y + mu * X)
            / (power + mu),
            "the estimate is missing above the line: this is the Wiener filter": np.conj(H) * Y / (power + mu),
            "the estimate counts mu times": (np.conj(H) * Y + X) / (power + mu),
            "below the line stands |H|² + mu; the square is missing": (np.conj(H) * Y + mu * X) / (np.abs(H) + mu),
            "below the line stands |H|²; H² has another phase": (np.conj(H) * Y + mu * X) / (H**2 + mu),
            "below the line mu is missing: where no light passes, this divides by nothing": (np.conj(H) * Y + mu * X)
            / power,
            "mu is squared": (np.conj(H) * Y + mu**2 * X) / (power + mu**2),
            "observed and estimate are interchanged": (np.conj(H) * X + mu * Y) / (power + mu),
            "the data were not sent back through the microscope: conj(H) is missing": (Y + mu * X) / (power + mu),
        }
        mistakes = {text: fft.irfftn(spectrum, shape) for text, spectrum in found.items()}
        with hints(HALF_GRID):
            result = call(answer, x, y, H, mu)
        if np.iscomplexobj(result):
            raise NotYet("this is still a spectrum: transform it back with fft.irfftn(…, s=estimate.shape).")
        compare(result, fft.irfftn((np.conj(H) * Y + mu * X) / (power + mu), shape), mistakes)
    holds("the data decide where light passes", "the network decides where none does")


def _diagnose_planes(result, volume, kept, s):
    """Of results with another number of planes than ⌊(n − 1)/factor⌋ · factor + 1."""
    planes, exact = len(kept) * s, _interpolated(kept, s)
    rest = volume.shape[1:]
    if result.shape == exact.shape or result.shape[1:] != rest:
        return
    if result.shape == volume.shape and close(result, volume):
        raise NotYet("this is the volume itself: the planes between must be left out first.")
    if result.shape == (planes, *rest) and close(result, ndimage.zoom(kept, (s, 1, 1), order=1)):
        first, step = _interpolated(kept, s)[s, 0, 0], (planes - 1) / (len(kept) - 1)
        raise NotYet(
            f"this is ndimage.zoom, which maps the corners onto each other: plane 1 came to lie at {step:.3g} instead "
            f"of at {s}, and all of z is stretched. At index {s} expected {first:.4g}, got {result[s, 0, 0]:.4g}. "
            "Interpolate at i / factor."
        )
    if result.shape == kept.shape:
        raise NotYet("the planes are chosen but not interpolated: between two of them there must be factor − 1 more.")
    if len(result) > len(exact) and close(result[: len(exact)], exact):
        raise NotYet(
            f"right up to index {len(exact) - 1}, where the last plane lies. Beyond it nothing is known: end there."
        )
    if len(result) == planes and close(result, np.repeat(kept, s, axis=0)):
        raise NotYet("each plane was repeated; go from one to the next in equal steps, and end with the last.")
    raise NotYet(
        f"the result must have {len(exact)} planes, from the first one taken to the last; it has {len(result)}."
    )


def _diagnose_shape(x, target, rows, taken):
    """Of an input with other rows or columns than those of the exact one."""
    if x.ndim != 2 or x.shape[1] != target.shape[1]:
        raise NotYet(
            f"the input must keep the {target.shape[1]} columns of the slice; its shape is {x.shape}. z is axis 0: "
            "sample along it, and interpolate along it."
        )
    if rows <= len(x) <= len(target) and close(x, target[: len(x)]):
        raise NotYet(
            "the other way round: the network is given the degraded slice, and asked for the lateral one. return "
            "input, target."
        )
    if len(x) == taken:
        raise NotYet(f"the input still has {len(x)} rows: interpolate it, as the stack is before its prediction.")
    if len(x) < rows:
        raise NotYet(f"the input must have {rows} rows, from the first one taken to the last; it has {len(x)}.")


def _even_pair(answer, kernel, s):
    """(input, target) of an even slice of 50 counts, 3 counts a photon."""
    even = np.full((5 * s + 1, 20_000), 50.0)
    return _pair(call(answer, even, kernel, s, 3.0, np.random.default_rng(25)))


def _diagnose_gain(answer, kernel, s):
    """Of an even slice of 50 counts, 3 counts a photon: mean 50 in a row that was taken, and not the variance 50."""
    row = _even_pair(answer, kernel, s)[0][2 * s, 2:-2]
    mean, variance = row.mean(), row.var()
    if np.isclose(mean, 50 / 3, rtol=0.02):
        raise NotYet("the input is in photons, the slice in counts: multiply by the gain afterwards.")
    if np.isclose(mean, 150, rtol=0.02):
        raise NotYet("the input is gain times too bright: divide by the gain to get photons, and multiply afterwards.")
    if np.isclose(mean, 50, rtol=0.02) and np.isclose(variance, 50, rtol=0.06):
        raise NotYet("the gain is missing: counts are no photons. rng.poisson(x / gain) * gain.")
    if np.isclose(mean, 50, rtol=0.02) and np.isclose(variance, 50 / 3, rtol=0.06):
        raise NotYet("the gain came in upside down: x / gain are the photons, so rng.poisson(x / gain) * gain.")


def _diagnose_noise(answer, kernel, s):
    """Of the same even slice: variance gain · 50 = 150 in the rows that were taken."""
    x, y = _even_pair(answer, kernel, s)
    if not (y == 50).all():
        raise NotYet("the target has noise of its own already, the camera's: add none to it.")
    taken, between = np.var(x[2 * s, 2:-2]), np.var(x[2 * s + 1, 2:-2])
    photons = x[2 * s] / 3.0
    if abs(taken - 150) <= 9 and not np.allclose(photons, np.rint(photons)):
        raise NotYet(
            "the variance is right, but photons come one by one: rng.poisson, which draws whole numbers of them."
        )
    blurred = np.sum(kernel**2)
    for wrong, explanation in (
        (0.0, "there is no noise in the input: blurring took the slice's own away, and an axial slice has it"),
        (150 * blurred, "the noise was added before the blur, which takes most of it away. It arises in the camera"),
    ):
        if abs(taken - wrong) <= max(0.06 * wrong, 1e-3):
            raise NotYet(f"{explanation}.")
    if abs(taken - 150) > 9:
        raise NotYet(f"the input's variance is {taken:.1f} counts² where it was sampled; expected gain · 50 = 150.")
    if abs(between - taken) < 9:
        raise NotYet(
            "the noise was added after the interpolation: each plane that is taken has its noise, and the "
            "interpolation mixes two of them."
        )
    if not np.array_equal(x, _even_pair(answer, kernel, s)[0]):
        raise NotYet("the same rng gave two different pictures: draw all chance from the rng that you are given.")


def _pair(result):
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise NotYet("give back two images: return input, target.")
    return tuple(np.asarray(part, float) for part in result)


def _interpolated(kept, s, swap=False):
    """Rows at 0, s, 2s, … onto all rows between the first and the last; or, by mistake, with their weights swapped."""
    i = np.arange((len(kept) - 1) * s + 1)
    lower = np.minimum(i // s, len(kept) - 2)
    part = (i / s - lower).reshape(-1, *[1] * (kept.ndim - 1))
    part = 1 - part if swap else part
    return (1 - part) * kept[lower] + part * kept[lower + 1]


def _binned(volume, s):
    return np.stack([volume[a : a + s].mean(axis=0) for a in range(0, len(volume), s)])
