import numpy as np
import pytest
from exercises import cases
from scipy import fft, ndimage

from course_utils import checks


def _centre(image, background, order=slice(None)):
    return np.array(ndimage.center_of_mass(image - background))[order]


def _moments_over(image, background, total):
    light = image - background
    return np.array([(g * light).sum() for g in np.indices(image.shape)]) / total(image, light)


CENTRES = [
    (lambda i, b: ndimage.center_of_mass(i), "pulls every bead to the middle"),
    (lambda i, b: _centre(i, b, slice(None, None, -1)), "order x, y, z"),
    (lambda i, b: _centre(i, b) + 0.5, "half a voxel"),
    (lambda i, b: _centre(i, b) + 1, "count from 0"),
    (lambda i, b: np.unravel_index(i.argmax(), i.shape), "brightest voxel"),
    (lambda i, b: _centre(np.maximum(i, b), b), "cut off"),
    (lambda i, b: _moments_over(i, b, lambda i, light: i.sum()), "without the background"),
    (lambda i, b: _moments_over(i, b, lambda i, light: 1), "still has to be divided"),
    (lambda i, b: _centre((i - b) ** 2, 0), "square of the light"),
    (lambda i, b: _centre(i, b) - np.floor_divide(i.shape, 2), "middle of the box; count"),
    (lambda i, b: _centre(i, b) - np.divide(i.shape, 2) + 0.5, r"middle of the box, \(n"),
    (lambda i, b: _centre(i, b)[:2], "must have shape"),
    (lambda i, b: _centre(i, b) * 1.01, "not yet right"),
    (lambda i, b: None, "gives nothing back"),
]


def _shift(image, by, sign=-2 * np.pi, frequencies=fft.fftfreq, axes=(0, 1, 2)):
    spectrum = fft.fftn(image)
    for axis in axes:
        k = frequencies(image.shape[axis]) * by[axis]
        spectrum = spectrum * np.exp(1j * sign * k).reshape([-1 if i == axis else 1 for i in range(3)])
    return fft.ifftn(spectrum)


SHIFTS = [
    (lambda i, by: _shift(i, by, 2 * np.pi).real, "the wrong way"),
    (lambda i, by: _shift(i, by, -1).real, "2π is missing"),
    (lambda i, by: np.roll(i, np.rint(by).astype(int), (0, 1, 2)), "whole voxels only"),
    (lambda i, by: _shift(i, by, axes=(0,)).real, "only z has moved"),
    (lambda i, by: _shift(i, by, axes=(2,)).real, "only x has moved"),
    (lambda i, by: _shift(i, by[::-1]).real, "mixed up"),
    (lambda i, by: _shift(i, by, frequencies=lambda n: np.arange(n) / n).real, "negative ones"),
    (lambda i, by: i, "nothing has moved"),
    (lambda i, by: np.abs(_shift(i, by)), "the modulus"),
    (_shift, "right but complex"),
    (lambda i, by: _shift(i, by, frequencies=lambda n: np.arange(n) / n), "negative ones"),
    (lambda i, by: fft.rfftn(i).real, "must have shape"),
    (lambda i, by: 1.1 * _shift(i, by).real, "not yet right"),
]


def _correlate(x, ratio):
    return fft.irfftn(np.conj(fft.rfftn(x)) * fft.rfftn(ratio), x.shape)


def _convolve(a, b):
    return fft.irfftn(fft.rfftn(a) * fft.rfftn(b), a.shape)


def _product(a, b):
    return fft.irfftn(fft.rfftn(a) * b)  # on an odd last axis one voxel short


def _update(psf, x, y, b):
    return psf * _correlate(x, y / (_convolve(x, psf) + b)) / x.sum()


UPDATES = [
    (lambda h, x, y, b: h * _convolve(x, y / (_convolve(x, h) + b)) / x.sum(), "a convolution"),
    (lambda h, x, y, b: h * _correlate(y / (_convolve(x, h) + b), x) / x.sum(), "ratio's spectrum"),
    (lambda h, x, y, b: _update(h, x, y, 0), "missing from the model"),
    (lambda h, x, y, b: _update(h, x, y - b, 0), "was subtracted"),
    (lambda h, x, y, b: h * _correlate(x, (_convolve(x, h) + b) / y) / x.sum(), "upside down"),
    (lambda h, x, y, b: _update(h, x, y, b) * x.sum(), "divided by the sum of x"),
    (lambda h, x, y, b: _update(h, x, y, b) / h, "multiplicative"),
    (lambda h, x, y, b: x * _correlate(h, y / (_convolve(x, h) + b)), "step for the specimen"),
    (lambda h, x, y, b: h + _update(h, x, y, b) / h, "was added"),
    (lambda h, x, y, b: _update(h, x, y, b) / _update(h, x, y, b).sum(), "normalised to unit sum"),
    (lambda h, x, y, b: _update(h, x, y, b) * x.sum() / y.sum(), "divided by the sum of y"),
    (lambda h, x, y, b: fft.fftshift(_update(h, x, y, b)), "stays at voxel 0"),
    (lambda h, x, y, b: h * _correlate(h, y / (_convolve(x, h) + b)) / x.sum(), "correlated with the PSF"),
    (lambda h, x, y, b: _update(h, x, y, _product(x, fft.rfftn(h)) - _convolve(x, h) + b), "axes of odd length"),
    (lambda h, x, y, b: _update(h, x, y, b)[..., : x.shape[2] // 2 * 2], "axes of odd length"),
    (lambda h, x, y, b: _update(h, x, y, b)[1:], "must have shape"),
    (lambda h, x, y, b: h, "not yet right"),
]


def _divide(sharp, blurred, weight, *, top=lambda X, Y: np.conj(X) * Y, power=2, centre=fft.fftshift):
    X, Y = fft.fftn(sharp), fft.fftn(blurred)
    return centre(fft.ifftn(top(X, Y) / (np.abs(X) ** power + weight)).real)


FITS = [
    (lambda s, b, w: _divide(s, b, w, top=lambda X, Y: X * np.conj(Y)), "wrong spectrum was conjugated"),
    (lambda s, b, w: _divide(s, b, 0), "the weight is missing"),
    (lambda s, b, w: _divide(s, b, w, power=1), "must be squared"),
    (lambda s, b, w: _divide(s, b, w, top=lambda X, Y: X * Y), "conjugate of X is missing"),
    (lambda s, b, w: _divide(s, b, w, top=lambda X, Y: Y), "only Y"),
    (lambda s, b, w: _divide(s, b, w**2), "weight was squared"),
    (lambda s, b, w: _divide(s, b, w, centre=lambda h: h), "still at voxel 0"),
    (lambda s, b, w: _divide(s, b, w, centre=fft.ifftshift), "one voxel off"),
    (lambda s, b, w: _divide(s, b, w) / _divide(s, b, w).sum(), "normalised"),
    (lambda s, b, w: _divide(s, b, w * np.mean(np.abs(fft.fftn(s)) ** 2)), "multiplied by the mean"),
    (lambda s, b, w: _divide(b, s, w), "changed places"),
    (lambda s, b, w: np.abs(_divide(s, b, w)), "the modulus"),
    (lambda s, b, w: np.maximum(_divide(s, b, w), 0), "negative values were cut off"),
    (lambda s, b, w: _divide(s, b, w)[..., : s.shape[2] // 2 * 2], "axes of odd length"),
    (lambda s, b, w: _divide(s, b, w) + 0j, "complex"),
    (lambda s, b, w: 2 * _divide(s, b, w), "not yet right"),
]


def _one(sharp, blurred, relative=1e-3):
    psf = _divide(sharp, blurred, relative * np.mean(np.abs(fft.fftn(sharp)) ** 2))
    return psf / psf.sum()


def _clipped(psf):
    return np.maximum(psf, 0) / np.maximum(psf, 0).sum()


def _by_planes(psf):
    return psf / psf.sum(axis=(1, 2), keepdims=True)


def _a_plane(sharp, blurred):
    return np.stack([_one(s, b) for s, b in zip(sharp, blurred, strict=True)])


def _one_kernel(sharp, blurred):
    psf = np.zeros(sharp.shape)
    psf[len(psf) // 2] = _one(sharp.sum(0), blurred.sum(0))
    return psf


ONE = [
    (_a_plane, "still one 2D kernel a plane"),
    (lambda s, b: _a_plane(s, b) / len(s), "mends the sum and nothing else"),
    (_one_kernel, "all the light is in one plane"),
    (lambda s, b: _by_planes(_one(s, b)), "a sum of its own"),
    (lambda s, b: _by_planes(_one(s, b)) / len(s), "a sum of its own"),
    (lambda s, b: _one(s, b) + 0j, "complex"),
    (lambda s, b: 3 * _one(s, b), "the PSF's sum is 3"),
    (lambda s, b: _divide(s, b, 1e-3 * np.mean(np.abs(fft.fftn(s)) ** 2)), r"the PSF's sum is 0\.4"),
    (lambda s, b: _one(s, b, 0), "no weight, or next to none"),
    (lambda s, b: _clipped(_one(s, b, 0)), "no weight, or next to none"),
    (lambda s, b: _one(s, b, 1), "% off the one"),
    (lambda s, b: fft.ifftshift(_one(s, b)), "the centre is not at n // 2"),
    (lambda s, b: _one(s, b)[:, ::-1], "% off the one"),
    (lambda s, b: _one(s, b)[:3], "must have the shape"),
]
ALL = cases(
    {
        checks.centre: CENTRES,
        checks.shift: SHIFTS,
        checks.psf_update: UPDATES,
        checks.least_squares: FITS,
        checks.one_psf: ONE,
    }
)


@pytest.mark.parametrize(("check", "answer", "diagnosis"), ALL)
def test_the_mistake_is_diagnosed(check, answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.centre, _centre),
        (checks.centre, lambda i, b: _moments_over(i, b, lambda i, light: light.sum())),
        (checks.shift, lambda i, by: _shift(i, by).real),
        (checks.shift, lambda i, by: fft.ifftn(ndimage.fourier_shift(fft.fftn(i), by)).real),
        (checks.shift, lambda i, by: fft.irfftn(ndimage.fourier_shift(fft.rfftn(i), by, i.shape[-1]), i.shape)),
        (checks.psf_update, _update),
        (checks.least_squares, _divide),
        (checks.one_psf, _one),
        (checks.one_psf, lambda s, b: _one(s, b, 1e-4)),
        (checks.one_psf, lambda s, b: _one(s, b, 1e-2)),
        (checks.one_psf, lambda s, b: _clipped(_one(s, b))),
    ],
)
def test_a_right_answer_passes(check, answer, capsys):
    check(answer)
    assert "✓" in capsys.readouterr().out


@pytest.mark.parametrize(
    "check", [checks.centre, checks.shift, checks.psf_update, checks.least_squares, checks.one_psf]
)
def test_an_untouched_exercise_is_not_written_yet(check):
    def untouched(*_):
        raise NotImplementedError("your turn")

    with pytest.raises(checks.NotYet, match="not written yet"):
        check(untouched)
