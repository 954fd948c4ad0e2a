"""Checks of notebook 04."""

import numpy as np
from scipy import fft

from course_utils.checks.answer import NotYet, call, compare, hints, holds


def update(answer):
    """Exercise of notebook 04: answer(x, y, transfer, background) → the estimate after one Richardson–Lucy step."""
    for shape in ((4, 6, 8), (5, 6, 7)):
        rng = np.random.default_rng(7)
        psf, x, background = rng.random(shape) ** 4, 20 * rng.random(shape), 2 + 2 * rng.random(shape)
        H = fft.rfftn(psf / psf.sum())
        y = rng.poisson(_blurred(20 * rng.random(shape) ** 2, H) + background).astype(float)
        blurred = _blurred(x, H)
        model = blurred + background
        exact = x * _back(y / model, H)
        mistakes = {
            "the ratio was blurred once more; its way back is the adjoint, with np.conj(transfer)": x
            * _blurred(y / model, H),
            "the background is missing from the model": x * _back(y / blurred, H),
            "the background was subtracted from the data. Leave it in y, and add it to the model": x
            * _back((y - background) / blurred, H),
            "the background was subtracted from y, and added to the model": x * _back((y - background) / model, H),
            "the background was blurred with the estimate; it is added after the blur": x
            * _back(y / _blurred(x + background, H), H),
            "the ratio is upside down: data over model": x * _back(model / y.clip(1e-9), H),
            "the step is multiplicative: x times what came back": _back(y / model, H),
            "this adds the correction. Multiply by it: then x stays positive by itself": x + _back(y / model, H),
            "this is a gradient step on y − model; Richardson and Lucy send the ratio back": x + _back(y - model, H),
            "this is the difference y − model, sent back; it takes the ratio": x * _back(y - model, H),
            "the ratio was not sent back through the microscope: Aᵀ is missing": x * y / model,
            "the way back divides by the transfer function: that is the inverse, which blows noise up. The adjoint "
            "multiplies, by np.conj(transfer)": x * fft.irfftn(fft.rfftn(y / model) / H, x.shape),
            "np.conj belongs to the way back, not to the blur": x * _blurred(y / (_back(x, H) + background), H),
            "the background was added to the ratio. It is a part of the model: y / (blurred + background)": x
            * _back(y / blurred + background, H),
        }
        shapes = {
            # without s, an odd last axis comes back one voxel short
            rf"broadcast.*{shape[-1] - 1}\)": "Is s=x.shape in each irfftn?",
            "broadcast": "transfer multiplies fft.rfftn(x), and has its shape.",
        }
        with hints(shapes):
            result = _call(answer, x, y, H, background)
        compare(result, exact, mistakes)
    holds("data over model, the background in the model", "sent back by the adjoint", "x stays positive")


def back_projection(answer):
    """Exercise of notebook 04: answer(u, transfer, shape) → the adjoint of "blur on the grid, crop to u's shape"."""
    for shape, field in (((6, 8, 10), (3, 5, 6)), ((5, 9, 7), (4, 4, 3))):
        rng = np.random.default_rng(8)
        H, u = fft.rfftn(rng.random(shape) ** 4), rng.standard_normal(field)
        start = [(n - m) // 2 for n, m in zip(shape, field, strict=True)]
        padded, corner = _placed(u, shape, start), _placed(u, shape, (0, 0, 0))
        exact = _back(padded, H)
        widths = [(a, n - m - a) for a, m, n in zip(start, field, shape, strict=True)]
        window = tuple(slice(a, a + m) for a, m in zip(start, field, strict=True))
        mistakes = {
            "this blurs instead of sending back: conjugate the transfer function": _blurred(padded, H),
            "the picture lies in the corner of the grid, and belongs in its middle, from (n − m) // 2 on": _back(
                corner, H
            ),
            "the zeros before and after the picture changed places: (n − m) // 2 of them come before it": _back(
                np.pad(u, [pair[::-1] for pair in widths]), H
            ),
            "the picture was repeated beyond its edge. The adjoint of a crop puts zeros there": _back(
                np.pad(u, widths, mode="wrap"), H
            ),
            "the picture was continued beyond its edge. The adjoint of a crop puts zeros there": _back(
                np.pad(u, widths, mode="edge"), H
            ),
            "beyond its edge the picture was filled up with its mean. The adjoint of a crop puts zeros there": _back(
                np.pad(u, widths, constant_values=u.mean()), H
            ),
            "the picture was reflected beyond its edge. The adjoint of a crop puts zeros there": _back(
                np.pad(u, widths, mode="reflect"), H
            ),
            "this is only the padding; the blur has an adjoint, too": padded,
            "in the end all outside of the field of view was set to zero. Light from there did arrive": _placed(
                exact[window], shape, start
            ),
        }
        sizes = "Is the padded picture as large as the grid? (n − m) // 2 zeros come before it; what is left of n − m, "
        with hints({"broadcast": sizes + "which may be one more, comes after"}):
            result = np.asarray(_call(answer, u, H, shape))
        if result.shape == (*shape[:2], shape[2] - 1):
            raise NotYet(f"the last axis came back as {result.shape[2]} instead of {shape[2]}: irfftn(…, s=shape).")
        if result.shape == field:
            raise NotYet(f"the result lies on the grid, shape {shape}, that x lives on; it has the picture's {field}.")
        compare(result, exact, mistakes)
    holds("first zeros around the picture, then the conjugate transfer function", "<A x, u> = <x, A.T u>")


def model_background(answer):
    """Exercise of notebook 04: answer(counts, dark, gain, offset) → (y, background), what Richardson–Lucy wants."""
    gain, offset, dark = 2.0, 100.0, 120.0
    counts = np.array([[97.0, 118.0], [131.0, 900.0]])
    result = _call(answer, counts, dark, gain, offset)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise NotYet("give back two things: return y, background.")
    y, background = np.asarray(result[0], float), np.asarray(result[1], float)
    if y.shape == () and background.shape == counts.shape:
        raise NotYet("the other way round: first y, then the background.")
    if background.shape == counts.shape and np.ptp(background) == 0:
        background = background[0, 0]  # the same in all voxels: as good as a number
    exact = np.maximum((counts - offset) / gain, 0)
    compare(
        y,
        exact,
        {
            "the background was subtracted from y: what is left is no longer Poisson, and its negative half is cut "
            "off. Leave it in": np.maximum((counts - dark) / gain, 0),
            "the background was subtracted from y. Leave it in": (counts - dark) / gain,
            "negative photons are left, and Richardson–Lucy refuses them: np.maximum(…, 0)": (counts - offset) / gain,
            "negative values were turned positive; cut them off at zero": np.abs(counts - offset) / gain,
            "y is still in counts: gain counts were one photon": np.maximum(counts - offset, 0),
            "the gain was multiplied by. It is counts a photon: divide": np.maximum((counts - offset) * gain, 0),
            "the offset is in counts: subtract it first, then divide by the gain": np.maximum(
                counts / gain - offset, 0
            ),
            "offset and gain are still in the data": counts,
            "the offset is still in the data": counts / gain,
        },
    )
    compare(
        background,
        np.array((dark - offset) / gain),
        {
            "the background is still in counts, with the offset in it. It must have the unit of y": np.array(dark),
            "the background is still in counts. It must have the unit of y, photons": np.array(dark - offset),
            "the camera's offset is still in the background": np.array(dark / gain),
            "the gain was multiplied by, in the background. It is counts a photon: divide": np.array(
                (dark - offset) * gain
            ),
            "the offset is in counts: subtract it from dark first, then divide by the gain": np.array(
                dark / gain - offset
            ),
            "there is a background: the empty corner is brighter than the offset": np.array(0.0),
        },
    )
    holds("y and background are in photons", "the background stays in y, and stands in the model")


def tv_denominator(answer):
    """Exercise of notebook 04: answer(x, weight, eps) → 1 − weight · div(∇x / |∇x|), periodic, |·| = √(∑² + eps²)."""
    for shape in ((4, 6, 7), (5, 5, 6)):
        x, weight, eps = 10 * np.random.default_rng(9).random(shape), 0.05, 0.5
        slope = np.stack([np.roll(x, -1, axis) - x for axis in range(3)])
        back = np.stack([x - np.roll(x, 1, axis) for axis in range(3)])
        div = _divergence(_direction(slope, eps))
        exact = 1 - weight * div
        mistakes = {
            "the sign is reversed: this sharpens noise instead of smoothing it. A voxel above its neighbours has div "
            "< 0; its denominator must be above 1": 1 + weight * div,
            "this is the divergence alone; the denominator is 1 − weight · div": div,
            "|∇x| is the length over all three axes: √(the sum of squares + eps²), not each axis by itself": 1
            - weight * _divergence(slope / np.sqrt(slope**2 + eps**2)),
            "∇x was not divided by its length: this is the Laplacian, which rounds edges off": 1
            - weight * _divergence(slope),
            "eps belongs under the root, squared": 1 - weight * _divergence(slope / (np.sqrt((slope**2).sum(0)) + eps)),
            "eps is not squared under the root": 1 - weight * _divergence(slope / np.sqrt((slope**2).sum(0) + eps)),
            "eps is missing: where x is flat, this divides zero by zero": 1
            - weight * _divergence(slope / np.sqrt((slope**2).sum(0))),
            "the divergence took forward differences, as ∇ does. It is −∇ᵀ: differences backward, u − roll(u, 1)": 1
            - weight * _divergence(_direction(slope, eps), forward=True),
            "the divergence rolled by −1, as ∇ does. It is −∇ᵀ: differences backward, u − roll(u, 1)": 1
            + weight * _divergence(_direction(slope, eps), forward=True),
            "the weight of the divergence is missing": 1 - div,
            "|∇x| is a length: the square root of the sum of squares is missing": 1
            - weight * _divergence(slope / ((slope**2).sum(0) + eps**2)),
            "eps² is added once, for the length, not once for each axis": 1
            - weight * _divergence(_direction(slope, 3**0.5 * eps)),
            "np.roll without an axis rolls the flattened array, row into row: np.roll(x, -1, axis)": 1
            - weight * _flat_divergence(_direction([np.roll(x, -1) - x] * 3, eps)),
            "∇ takes forward differences, np.roll(x, -1, axis) − x; these are backward, as those of div": 1
            - weight * _divergence(_direction(back, eps)),
            "∇ rolled by +1: forward differences are np.roll(x, -1, axis) − x": 1
            - weight * _divergence(_direction(-back, eps)),
            "only y and x were taken; all three axes count": 1
            - weight * _divergence(_direction(slope[1:], eps), first=1),
            "only the first two axes were taken; all three count": 1 - weight * _divergence(_direction(slope[:2], eps)),
            "np.gradient takes central differences, which are blind to a checkerboard, and not periodic. Use np.roll": 1
            - weight * sum(np.gradient(u, axis=i) for i, u in enumerate(_direction(np.gradient(x), eps))),
            "∇ by np.gradient takes central differences, which are blind to a checkerboard. Use np.roll": 1
            - weight * _divergence(_direction(np.gradient(x), eps)),
            "this is what the step divides by; divide later, 1 / (…) is not asked for": 1 / exact,
        }
        compare(_call(answer, x, weight, eps), exact, mistakes)
    holds(
        "forward differences, and their adjoint for the divergence", "smooths: the sign is right", "finite where flat"
    )


def thinning(answer):
    """Exercise of notebook 04: answer(y, share, rng) → (kept, held), each photon in one of two independent pictures."""
    y, share = np.random.default_rng(10).poisson(30.0, (200, 200)), 0.8
    parts = _call(answer, y, share, np.random.default_rng(11))
    if not isinstance(parts, (tuple, list)) or len(parts) != 2 or any(np.shape(p) != y.shape for p in parts):
        raise NotYet("give back two pictures of the shape of y: return kept, held.")
    kept, held = (np.asarray(p, float) for p in parts)
    if np.array_equal(kept, y) or np.array_equal(held, y):
        raise NotYet("one of the two is y itself: nothing has been held out.")
    if np.allclose(kept, share * y) or np.allclose(kept, np.rint(share * y)):
        raise NotYet(
            "each voxel was divided by a fixed share. Then both parts have the same noise, and the held-out one cannot "
            "tell noise from signal. Each photon must fall by chance: rng.binomial(y, share)."
        )
    _diagnose_split(y, kept, held, share)
    few = np.ones((200, 200), int)  # by one photon a voxel, grains are told from anything smoother
    alone = np.mean(call(answer, few, share, np.random.default_rng(13))[0])
    if abs(alone - share) > 0.01:
        raise NotYet(
            f"of voxels with one photon each, {alone:.3f} were kept; expected {share}. Is it a normal distribution, "
            "cut off? Photons fall one by one: rng.binomial(y, share)."
        )
    again, other = (call(answer, y, share, np.random.default_rng(seed))[0] for seed in (11, 12))
    if not np.array_equal(kept, again) or np.array_equal(kept, other):
        said = "another rng gave the same split" if np.array_equal(kept, again) else "the same rng gave two splits"
        raise NotYet(f"{said}: draw all chance from the rng that you are given, and make none of your own.")
    holds("every photon is in one of the two", "the share is right", "the two are independent, and Poisson each")


def _diagnose_split(y, kept, held, share):
    if not np.allclose(kept + held, y):
        raise NotYet(
            "kept + held is not y: photons were lost or made. Draw one part, and let the other be what is left of y."
        )
    if not np.array_equal(kept, np.rint(kept)):
        raise NotYet("kept holds fractions of photons, and a photon falls as a whole: rng.binomial(y, share).")
    voxelwise = np.mean((kept == 0) | (held == 0))
    if voxelwise > 0.9:
        raise NotYet(
            "whole voxels were held out. Then the kept picture has holes, which no deconvolution expects. Split each "
            "voxel's photons: rng.binomial(y, share)."
        )
    found = kept.sum() / y.sum()
    if abs(found - (1 - share)) < 0.02:
        raise NotYet(f"kept has {found:.2f} of the photons and held the rest: the other way round, please.")
    if abs(found - share) > 0.01:
        raise NotYet(f"kept has {found:.3f} of the photons; expected {share}.")
    fano = kept.var() / kept.mean()
    if abs(fano - 1) > 0.05:
        raise NotYet(
            f"the variance of kept is {fano:.2f} times its mean, and Poisson's law says once. Let each photon fall by "
            "chance, rng.binomial(y, share)."
        )


def _call(answer, *arguments):
    """As `call`; and the arrays that the answer was given must stay as they were."""
    given = [np.copy(a) for a in arguments if isinstance(a, np.ndarray)]
    result = call(answer, *arguments)
    handed = [a for a in arguments if isinstance(a, np.ndarray)]
    if not all(map(np.array_equal, given, handed)):
        raise NotYet(
            "your function changes an array that it was given, and that its caller still needs. Make a new one: "
            "x = x * …, not x *= …"
        )
    return result


def _blurred(x, transfer):
    return fft.irfftn(fft.rfftn(x) * transfer, x.shape)


def _back(u, transfer):
    return fft.irfftn(fft.rfftn(u) * np.conj(transfer), u.shape)


def _placed(u, shape, start):
    grid = np.zeros(shape)
    grid[tuple(slice(a, a + m) for a, m in zip(start, u.shape, strict=True))] = u
    return grid


def _direction(slope, eps):
    slope = np.stack(slope)
    return slope / np.sqrt((slope**2).sum(0) + eps**2)


def _divergence(field, forward=False, first=0):
    """−∇ᵀ of the periodic forward differences, from the axis `first` on; or, by mistake, forward ones once more."""
    return sum(np.roll(u, -1, axis) - u if forward else u - np.roll(u, 1, axis) for axis, u in enumerate(field, first))


def _flat_divergence(field):
    """The mistake of np.roll without an axis."""
    return sum(u - np.roll(u, 1) for u in field)
