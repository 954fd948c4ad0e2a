import numpy as np
import pytest
from scipy import fft, ndimage, signal

from course_utils import checks


def _along(z, x):
    return np.sqrt(z**2 - x**2)


WIDTHS = [
    (lambda z, x: (z - x, 0), "variances do"),
    (lambda z, x: (z, x), "whole axial PSF"),
    (lambda z, x: (z, 0), "along z the lateral blur"),
    (lambda z, x: (_along(z, x), x), "nothing is missing there"),
    (lambda z, x: (_along(z, x), _along(z, x)), "nothing is missing: both"),
    (lambda z, x: (z**2 - x**2, 0), "this is the variance"),
    (lambda z, x: (np.hypot(z, x), 0), "were added"),
    (lambda z, x: (0, _along(z, x)), "the order"),
    (lambda z, x: (_along(z, x), None), "write 0.0"),
    (lambda z, x: _along(z, x), "two widths"),
    (lambda z, x: (1.01 * _along(z, x), 0), "not yet right"),
]


def _between(kept, s):
    positions = np.arange((len(kept) - 1) * s + 1) / s
    columns = kept.reshape(len(kept), -1).T
    return np.stack([np.interp(positions, np.arange(len(kept)), c) for c in columns], -1).reshape(-1, *kept.shape[1:])


def _sampled(v, s):
    return _between(v[::s], s)


def _held(v, s):
    exact = _sampled(v, s)
    return np.concatenate([exact, np.repeat(exact[-1:], s - 1, axis=0)])


def _means(v, s):
    return np.stack([v[a : a + s].mean(axis=0) for a in range(0, len(v), s)])


SAMPLINGS = [
    (lambda v, s: ndimage.zoom(v[::s], (s, 1, 1), order=1), "maps the corners onto each other"),
    (lambda v, s: v[::s], "not interpolated"),
    (_held, "Beyond it nothing is known"),
    (lambda v, s: np.repeat(v[::s], s, axis=0), "was repeated"),
    (lambda v, s: np.repeat(v[::s], s, axis=0)[: len(_sampled(v, s))], "was repeated"),
    (lambda v, s: _between(_means(v, s), s), "averaged"),
    (lambda v, s: v[: len(_sampled(v, s))], "the volume itself"),
    (lambda v, s: v, "the volume itself"),
    (lambda v, s: v[: len(v) // 2], "planes, from the first one"),
    (lambda v, s: _sampled(v, s)[:, :1], "must have shape"),
    (lambda v, s: 1.01 * _sampled(v, s), "not yet right"),
]


def _blur(x, kernel, mode="mirror"):
    return ndimage.convolve(x, kernel, mode=mode)


def _along_1(x, s):
    return _between(x[:, ::s].T, s).T


def _noisy(x, gain, rng):
    return rng.poisson(x / gain) * gain


def _training_pair(x, kernel, s, gain, rng, noisy=_noisy, blurred=_blur):
    rows = noisy(blurred(x, kernel)[::s], gain, rng)
    return _between(rows, s), x[: (len(rows) - 1) * s + 1]


def _input(function):
    """A wrong input beside the right target."""
    return lambda x, k, s, g, rng: (function(x, k, s, g, rng), _training_pair(x, k, s, g, rng)[1])


def _with_noise(noisy):
    return lambda x, k, s, g, rng: _training_pair(x, k, s, g, rng, noisy)


OWN = np.random.default_rng(0)
PAIRS = [
    (lambda *a: _training_pair(*a)[::-1], "the other way round"),
    (lambda x, *a: (x, _training_pair(x, *a)[0]), "the other way round"),
    (lambda *a: _training_pair(*a)[0], "two images"),
    (_input(lambda x, k, s, g, rng: _noisy(_blur(x, k)[::s], g, rng)), "still has"),
    *(
        (_input(lambda x, k, s, g, rng, m=mode: _between(_noisy(_blur(x[::s], k, m), g, rng), s)), "blurred then")
        for mode in ("mirror", "reflect", "constant")
    ),
    (lambda x, k, s, g, rng: (_along_1(_blur(x, k), s), x), "keep the 15 columns"),
    (lambda x, k, s, g, rng: (_along_1(_blur(x, k)[::s], 1)[:, ::s], x), "keep the 15 columns"),
    (_input(lambda x, k, s, g, rng: _noisy(x, g, rng)[0]), "keep the 15 columns"),
    (_input(lambda x, k, s, g, rng: _between(_noisy(x[::s], g, rng), s)), "lacks the axial kernel"),
    (
        _input(lambda x, k, s, g, rng: _noisy(_blur(x, k), g, rng)[: (len(x[::s]) - 1) * s + 1]),
        "no row was left out",
    ),
    (lambda x, k, s, g, rng: _training_pair(x, k.T, s, g, rng), "blurred across"),
    (lambda x, k, s, g, rng: _training_pair(x, k[::-1], s, g, rng), "mirrored"),
    (
        _input(lambda x, k, s, g, rng: np.repeat(_noisy(_blur(x, k)[::s], g, rng), s, 0)[: (len(x[::s]) - 1) * s + 1]),
        "was repeated",
    ),
    (_input(lambda *a: np.pad(_training_pair(*a)[0], [(0, 2), (0, 0)], mode="edge")), "beyond the last row"),
    (lambda *a: (_training_pair(*a)[0], _blur(a[0], a[1])[: len(_training_pair(*a)[0])]), "this one was blurred"),
    (lambda *a: (_training_pair(*a)[0],) * 2, "nothing to learn"),
    (lambda *a: (_training_pair(*a)[0], a[0]), "the target goes on beyond"),
    (lambda *a: (_training_pair(*a)[0], a[0][-len(_training_pair(*a)[0]) :]), "cut at its start"),
    (lambda *a: (_training_pair(*a)[0], a[0][:5]), "must have shape"),
    (lambda *a: (_training_pair(*a)[0][:-3], a[0]), "rows, from the first one taken"),
    (_with_noise(lambda x, g, rng: x), "no noise in the input"),
    (_with_noise(lambda x, g, rng: x + rng.normal(0, 1, x.shape) * np.sqrt(x * g)), "photons come one by one"),
    (_input(lambda x, k, s, g, rng: _between(_blur(_noisy(x, g, rng), k)[::s], s)), "before the blur"),
    (_with_noise(lambda x, g, rng: rng.poisson(x)), "gain is missing"),
    (_with_noise(lambda x, g, rng: rng.poisson(x * g) / g), "upside down"),
    (_with_noise(lambda x, g, rng: rng.poisson(x / g)), "multiply by the gain afterwards"),
    (_with_noise(lambda x, g, rng: rng.poisson(x) * g), "gain times too bright"),
    (_with_noise(lambda x, g, rng: rng.poisson(x * g)), "gain times too bright"),
    (_with_noise(lambda x, g, rng: x + 2 * (_noisy(x, g, rng) - x)), "the input's variance is"),
    (_input(lambda x, k, s, g, rng: _noisy(_between(_blur(x, k)[::s], s), g, rng)), "after the interpolation"),
    (lambda x, k, s, g, rng: _training_pair(x, k, s, g, OWN), "all chance from the rng"),
    (
        lambda x, k, s, g, rng: (
            _training_pair(x, k, s, g, rng)[0],
            _noisy(_training_pair(x, k, s, g, rng)[1], g, rng),
        ),
        "noise of its own already",
    ),
    (lambda *a: (1.01 * _training_pair(*a)[0], _training_pair(*a)[1]), "not yet right"),
    (lambda *a: _training_pair(*a, blurred=lambda x, k: signal.fftconvolve(x, k, mode="same")), "less than nothing"),
]


def _views(xz, yz):
    return xz.transpose(1, 0, 2), yz.transpose(1, 2, 0)


def _mean(xz, yz):
    a, b = _views(xz, yz)
    return (a + b) / 2


def _geometric(xz, yz, mend=lambda x: x):
    a, b = _views(xz, yz)
    with np.errstate(invalid="ignore"):
        return np.sqrt(mend(a) * mend(b))


COMBINED = [
    (lambda xz, yz: (xz + yz.transpose(2, 1, 0)) / 2, r"axes \(y, z, x\)"),
    (_geometric, "does not exist"),
    (lambda xz, yz: _geometric(xz, yz, lambda x: np.maximum(x, 0)), "negative values cut off"),
    (lambda xz, yz: _geometric(xz, yz, np.abs), "signs taken off"),
    (lambda xz, yz: 2 * _mean(xz, yz), "were added"),
    (lambda xz, yz: _views(xz, yz)[0], "view xz alone"),
    (lambda xz, yz: _views(xz, yz)[1], "view yz alone"),
    (lambda xz, yz: np.maximum(*_views(xz, yz)), "brighter one"),
    (lambda xz, yz: (xz.transpose(1, 0, 2) + yz.transpose(1, 0, 2)) / 2, "interchanged"),
    (lambda xz, yz: (xz.transpose(1, 0, 2) + yz.transpose(2, 0, 1)) / 2, r"axes \(x, z, y\)"),
    (lambda xz, yz: _mean(xz, yz)[:2], "must have shape"),
    (lambda xz, yz: 0.4 * xz.transpose(1, 0, 2) + 0.6 * yz.transpose(1, 2, 0), "not yet right"),
]


def _consistent(x, y, H, mu, up=lambda X, Y, H, mu: np.conj(H) * Y + mu * X, down=lambda H, mu: abs(H) ** 2 + mu):
    return fft.irfftn(up(fft.rfftn(x), fft.rfftn(y), H, mu) / down(H, mu), x.shape)


CONSISTENT = [
    (lambda *a: _consistent(*a, up=lambda X, Y, H, mu: H * Y + mu * X), "must be conjugated"),
    (lambda *a: _consistent(*a, up=lambda X, Y, H, mu: np.conj(H) * Y), "Wiener filter"),
    (lambda *a: _consistent(*a, up=lambda X, Y, H, mu: np.conj(H) * Y + X), "counts mu times"),
    (lambda *a: _consistent(*a, down=lambda H, mu: abs(H) + mu), "the square is missing"),
    (lambda *a: _consistent(*a, down=lambda H, mu: abs(H) ** 2), "mu is missing"),
    (lambda *a: _consistent(*a, down=lambda H, mu: H**2 + mu), "another phase"),
    (lambda x, y, H, mu: fft.ifftn(np.conj(H) * fft.fftn(y)).real, "take rfftn"),
    (lambda x, y, H, mu: _consistent(x, y, H, mu**2), "mu is squared"),
    (lambda x, y, H, mu: _consistent(y, x, H, mu), "interchanged"),
    (lambda *a: _consistent(*a, up=lambda X, Y, H, mu: Y + mu * X), "sent back"),
    (lambda x, y, H, mu: H * fft.rfftn(x), "still a spectrum"),
    (lambda *a: 2 * _consistent(*a), "not yet right"),
]

EXERCISES = [
    (checks.split_width, lambda z, x: (_along(z, x), 0), WIDTHS),
    (checks.sampling, _sampled, SAMPLINGS),
    (checks.training_pair, _training_pair, PAIRS),
    (checks.combine_views, _mean, COMBINED),
    (checks.data_consistency, _consistent, CONSISTENT),
]


@pytest.mark.parametrize("check, right", [(check, right) for check, right, _ in EXERCISES])
def test_check_passes_for_the_right_answer(check, right, capsys):
    check(right)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.parametrize(
    "check, wrong, message", [(check, wrong, text) for check, _, mistakes in EXERCISES for wrong, text in mistakes]
)
def test_check_names_the_mistake(check, wrong, message):
    with pytest.raises(checks.NotYet, match=message):
        check(wrong)
