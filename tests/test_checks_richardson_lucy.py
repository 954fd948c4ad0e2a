import numpy as np
import pytest
from exercises import cases
from scipy import fft

from course_utils import checks


def _blurred(x, H):
    return fft.irfftn(fft.rfftn(x) * H, x.shape)


def _back(u, H):
    return fft.irfftn(fft.rfftn(u) * np.conj(H), u.shape)


def _update(x, y, H, b):
    return x * _back(y / (_blurred(x, H) + b), H)


def _in_place(x, y, H, b):
    x *= _update(x, y, H, b) / x
    return x


def _even_only(x, y, H, b):
    ratio = y / (fft.irfftn(fft.rfftn(x) * H) + b)
    return x * _back(ratio, H)


UPDATES = [
    (_in_place, "changes an array"),
    (_even_only, r"broadcast together .* s=x\.shape"),
    (lambda x, y, H, b: x * _back(y / _blurred(x + b, H), H), "background was blurred"),
    (lambda x, y, H, b: x * _blurred(y / (_blurred(x, H) + b), H), "blurred once more"),
    (lambda x, y, H, b: _update(x, y, H, 0), "background is missing"),
    (lambda x, y, H, b: _update(x, y - b, H, 0), "background was subtracted from the data. Leave"),
    (lambda x, y, H, b: _update(x, y - b, H, b), "subtracted from y, and added"),
    (lambda x, y, H, b: x * _back(y / (2 * _blurred(x, H)), H), "not yet right"),
    (lambda x, y, H, b: x * _back((_blurred(x, H) + b) / y.clip(1e-9), H), "upside down"),
    (lambda x, y, H, b: _update(x, y, H, b) / x, "multiplicative"),
    (lambda x, y, H, b: x + _update(x, y, H, b) / x, "adds the correction"),
    (lambda x, y, H, b: x + _back(y - _blurred(x, H) - b, H), "gradient step"),
    (lambda x, y, H, b: x * _back(y - _blurred(x, H) - b, H), "it takes the ratio"),
    (lambda x, y, H, b: x * y / (_blurred(x, H) + b), "Aᵀ is missing"),
    (lambda x, y, H, b: x * _back(y / (_blurred(x, H) + b), 1 / np.conj(H)), "divides by the transfer"),
    (lambda x, y, H, b: x * _blurred(y / (_back(x, H) + b), H), "not to the blur"),
    (lambda x, y, H, b: x * _back(y / _blurred(x, H) + b, H), "added to the ratio"),
    (lambda x, y, H, b: x * fft.ifftn(fft.fftn(x) * H).real, r"broadcast together .* has its shape"),
    (lambda x, y, H, b: x * H, r"broadcast together .* has its shape"),
]


def _start(u, shape):
    return [(n - m) // 2 for n, m in zip(shape, u.shape, strict=True)]


def _pad(u, shape, **how):
    return np.pad(u, [(a, n - m - a) for a, m, n in zip(_start(u, shape), u.shape, shape, strict=True)], **how)


def _in_corner(u, shape):
    return np.pad(u, [(0, n - m) for m, n in zip(u.shape, shape, strict=True)])


def _crop(x, u):
    return x[tuple(slice(a, a + m) for a, m in zip(_start(u, x.shape), u.shape, strict=True))]


def _swapped(u, shape):
    return np.pad(u, [(n - m - a, a) for a, m, n in zip(_start(u, shape), u.shape, shape, strict=True)])


def _both_sides(u, H, s):
    return _back(np.pad(u, [(a, a) for a in _start(u, s)]), H)


BACK = [
    (lambda u, H, s: _back(_swapped(u, s), H), "changed places"),
    (lambda u, H, s: _back(_pad(u, s, mode="wrap"), H), "repeated beyond"),
    (
        lambda u, H, s: fft.irfftn(fft.rfftn(_pad(u, s)) * np.conj(H)),
        r"came back as 6 instead of 7: irfftn\(…, s=shape",
    ),
    (lambda u, H, s: _blurred(_pad(u, s), H), "conjugate the transfer function"),
    (lambda u, H, s: _back(_in_corner(u, s), H), "in the corner"),
    (lambda u, H, s: _back(_pad(u, s, mode="edge"), H), "continued beyond its edge"),
    (lambda u, H, s: _back(_pad(u, s, mode="reflect"), H), "reflected beyond"),
    (lambda u, H, s: _pad(u, s), "only the padding"),
    (lambda u, H, s: _pad(_crop(_back(_pad(u, s), H), u), s), "outside of the field of view was set"),
    (lambda u, H, s: _crop(_back(_pad(u, s), H), u), "lies on the grid"),
    (lambda u, H, s: _back(_pad(u, s, constant_values=u.mean()), H), "filled up with its mean"),
    (_both_sides, "may be one more, comes after"),
    (lambda u, H, s: 2 * _back(_pad(u, s), H), "not yet right"),
]


def _photons(counts, dark, gain, offset):
    return np.maximum((counts - offset) / gain, 0), (dark - offset) / gain


def _offset_in_place(counts, dark, gain, offset):
    counts -= offset
    return np.maximum(counts / gain, 0), (dark - offset) / gain


BACKGROUNDS = [
    (_offset_in_place, "changes an array"),
    (lambda c, d, g, o: (np.maximum((c - o) * g, 0), (d - o) * g), "counts a photon: divide"),
    (lambda c, d, g, o: (np.maximum(c / g - o, 0), d / g - o), "offset is in counts: subtract it first"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], (d - o) * g), "in the background. It is counts a photon"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], d / g - o), "subtract it from dark"),
    (lambda c, d, g, o: _photons(c, d, g, o)[0], "two things"),
    (lambda c, d, g, o: (np.maximum((c - d) / g, 0), 0.0), "no longer Poisson"),
    (lambda c, d, g, o: ((c - d) / g, 0.0), "was subtracted from y. Leave it in"),
    (lambda c, d, g, o: ((c - o) / g, (d - o) / g), "negative photons are left"),
    (lambda c, d, g, o: (np.abs(c - o) / g, (d - o) / g), "turned positive"),
    (lambda c, d, g, o: (np.maximum(c - o, 0), d - o), "still in counts"),
    (lambda c, d, g, o: (c, d), "offset and gain are still"),
    (lambda c, d, g, o: (c / g, d / g), "offset is still in the data"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], d), "with the offset in it"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], d - o), "unit of y, photons"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], d / g), "still in the background"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], 0), "there is a background"),
    (lambda c, d, g, o: _photons(c, d, g, o)[::-1], "the other way round: first y"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], 7), "not yet right"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], np.full(c.shape, 7)), "not yet right"),
    (lambda c, d, g, o: (_photons(c, d, g, o)[0], c - c.min()), "must have shape"),
]


def _slopes(x):
    return [np.roll(x, -1, axis) - x for axis in range(3)]


def _length(slopes, eps):
    return np.sqrt(sum(s**2 for s in slopes) + eps**2)


def _div(fields):
    return sum(u - np.roll(u, 1, axis) for axis, u in enumerate(fields))


def _tv(x, weight, eps, sign=-1):
    return 1 + sign * weight * _div([s / _length(_slopes(x), eps) for s in _slopes(x)])


def _over(axes, x, w, e):
    slopes = [_slopes(x)[axis] for axis in axes]
    length = _length(slopes, e)
    return 1 - w * sum(s / length - np.roll(s / length, 1, axis) for axis, s in zip(axes, slopes, strict=True))


def _central(x, e):
    slopes = np.gradient(x)
    return [s / _length(slopes, e) for s in slopes]


def _minus_one(x, w, e):
    length = _length(_slopes(x), e)
    return 1 - w * sum(s / length - np.roll(s / length, -1, axis) for axis, s in enumerate(_slopes(x)))


def _without_axis(x, w, e):
    slope = np.roll(x, -1) - x
    unit = slope / np.sqrt(3 * slope**2 + e**2)
    return 1 - 3 * w * (unit - np.roll(unit, 1))


def _behind(x):
    return [x - np.roll(x, 1, axis) for axis in range(3)]


DENOMINATORS = [
    (_minus_one, "rolled by −1"),
    (lambda x, w, e: _tv(x, 1, e), "the weight of the divergence is missing"),
    (lambda x, w, e: _over((1, 2), x, w, e), "only y and x"),
    (lambda x, w, e: _over((0, 1), x, w, e), "only the first two axes"),
    (
        lambda x, w, e: 1 - w * sum(np.gradient(u, axis=i) for i, u in enumerate(_central(x, e))),
        "np.gradient takes central differences, .* not periodic",
    ),
    (lambda x, w, e: 1 - w * _div(_central(x, e)), "∇ by np.gradient"),
    (lambda x, w, e: _tv(x, w, e, sign=1), "sign is reversed"),
    (lambda x, w, e: (1 - _tv(x, w, e)) / w, "divergence alone"),
    (lambda x, w, e: 1 - w * _div([s / np.sqrt(s**2 + e**2) for s in _slopes(x)]), "over all three axes"),
    (lambda x, w, e: 1 - w * _div(_slopes(x)), "the Laplacian"),
    (lambda x, w, e: 1 - w * _div([s / (_length(_slopes(x), 0) + e) for s in _slopes(x)]), "under the root, squared"),
    (lambda x, w, e: _tv(x, w, e**0.5), "eps is not squared"),
    (lambda x, w, e: _tv(x, w, 0), "eps is missing"),
    (
        lambda x, w, e: 1 - w * sum(np.roll(s, -1, a) - s for a, s in enumerate(_slopes(x) / _length(_slopes(x), e))),
        "differences backward",
    ),
    (lambda x, w, e: 1 / _tv(x, w, e), "divide later"),
    (lambda x, w, e: 1 - w * _div([s / _length(_slopes(x), e) ** 2 for s in _slopes(x)]), "square root of the sum"),
    (lambda x, w, e: _tv(x, w, e * 3**0.5), "not once for each axis"),
    (_without_axis, "rolls the flattened array"),
    (lambda x, w, e: 1 - w * _div([s / _length(_behind(x), e) for s in _behind(x)]), "these are backward"),
    (lambda x, w, e: 1 + w * _div([s / _length(_behind(x), e) for s in _behind(x)]), r"rolled by \+1"),
    (lambda x, w, e: 2 * _tv(x, w, e), "not yet right"),
]


def _thin(y, share, rng):
    kept = rng.binomial(y, share)
    return kept, y - kept


def _voxels(y, share, rng):
    chosen = rng.random(y.shape) < share
    return y * chosen, y * ~chosen


def _noisy_share(y, share, rng):
    kept = np.clip(np.rint(share * y + rng.uniform(-2, 2, y.shape)), 0, y)
    return kept, y - kept


def _normal(y, share, rng):
    kept = rng.normal(share * y, np.sqrt(share * (1 - share) * y))
    return kept, y - kept


def _rounded_normal(y, share, rng):
    kept = np.clip(np.rint(_normal(y, share, rng)[0]), 0, y)
    return kept, y - kept


OWN = np.random.default_rng(0)
THINNINGS = [
    (lambda y, s, rng: rng.binomial(y, s), "two pictures"),
    (lambda y, s, rng: (y, rng.binomial(y, s)), "is y itself"),
    (lambda y, s, rng: (s * y, (1 - s) * y), "a fixed share"),
    (lambda y, s, rng: (np.rint(s * y), y - np.rint(s * y)), "a fixed share"),
    (lambda y, s, rng: (rng.poisson(s * y), rng.poisson((1 - s) * y)), "is not y"),
    (lambda y, s, rng: (rng.binomial(y, s), rng.binomial(y, 1 - s)), "is not y"),
    (_voxels, "whole voxels"),
    (lambda y, s, rng: _thin(y, s, rng)[::-1], "other way round"),
    (lambda y, s, rng: _thin(y, 0.5, rng), "expected 0.8"),
    (_noisy_share, "Poisson's law says once"),
    (_normal, "fractions of photons"),
    (_rounded_normal, "a normal distribution, cut off"),
    (lambda y, s, rng: _thin(y, s, OWN), "same rng gave two"),
    (lambda y, s, rng: _thin(y, s, np.random.default_rng(0)), "another rng gave the same split"),
]
ALL = cases(
    {
        checks.update: UPDATES,
        checks.back_projection: BACK,
        checks.model_background: BACKGROUNDS,
        checks.tv_denominator: DENOMINATORS,
        checks.thinning: THINNINGS,
    }
)


@pytest.mark.parametrize(("check", "answer", "diagnosis"), ALL)
def test_the_mistake_is_diagnosed(check, answer, diagnosis):
    with np.errstate(all="ignore"), pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.update, _update),
        (checks.back_projection, lambda u, H, s: _back(_pad(u, s), H)),
        (checks.model_background, _photons),
        (checks.model_background, lambda c, d, g, o: (_photons(c, d, g, o)[0], np.full(c.shape, (d - o) / g))),
        (checks.tv_denominator, _tv),
        (checks.thinning, _thin),
    ],
)
def test_a_right_answer_passes(check, answer, capsys):
    check(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _, _ in ALL))
def test_an_untouched_exercise_is_not_written_yet(check):
    def untouched(*_):
        raise NotImplementedError("your turn")

    with pytest.raises(checks.NotYet, match="not written yet"):
        check(untouched)
