import numpy as np
import pytest
from exercises import cases
from scipy import fft

from course_utils import checks


def _light(pupil, *, transform=fft.ifft2, after=fft.fftshift, intensity=lambda field: np.abs(field) ** 2):
    light = intensity(after(transform(fft.ifftshift(pupil))))
    return light / light.sum()


FOCAL_PLANE = [
    (lambda p: _light(p, after=lambda field: field), "in its corner"),
    (lambda p: _light(p, transform=fft.fft2), "mirrored: fft.fft2 has a minus sign"),
    (lambda p: _light(p, intensity=np.abs), "light is its square"),
    (lambda p: _light(p, intensity=lambda field: field.real**2), "real and imaginary part both count"),
    (lambda p: _light(p, after=fft.ifftshift), "one pixel off where n is odd"),
    (lambda p: _light(p, transform=fft.ifft), "runs along one axis only"),
    (lambda p: np.abs(p) ** 2 / np.sum(np.abs(p) ** 2), "its Fourier transform is missing"),
    (lambda p: fft.fftshift(fft.ifft2(fft.ifftshift(p))), "still the field"),
    (lambda p: np.abs(fft.fftshift(fft.ifft2(p))) ** 2, "right up to a factor"),
    (lambda p: _light(p) / _light(p).max(), "right up to a factor"),
    (lambda p: _light(p)[:3], "must have shape"),
    (lambda p: 0 * np.abs(p), "not yet right"),
    (lambda p: _light(p) ** 2, "not yet right"),
]


def _defocus(s, z, wavelength, n):
    return 2 * np.pi / wavelength * z * (n - np.sqrt(n**2 - s**2))


DEFOCUS = [
    (lambda s, z, w, n: z / w * (n - np.sqrt(n**2 - s**2)), "counts in waves"),
    (lambda s, z, w, n: 360 / w * z * (n - np.sqrt(n**2 - s**2)), "in degrees"),
    (lambda s, z, w, n: -_defocus(s, z, w, n), "sign is turned around"),
    (lambda s, z, w, n: 2 * np.pi / w * z * (1 - np.sqrt(1 - (s / n) ** 2)), "n is missing"),
    (lambda s, z, w, n: _defocus(s, z, w / n, n), "n came in twice"),
    (lambda s, z, w, n: np.pi / w * z * s**2 / n, "paraxial formula"),
    (lambda s, z, w, n: -2 * np.pi / w * z * np.sqrt(n**2 - s**2), "a phase that all rays share"),
    (lambda s, z, w, n: 2 * np.pi / w * z * np.sqrt(n**2 - s**2), "each ray by itself"),
    (lambda s, z, w, n: 2 * np.pi / w * z * n * (1 - np.cos(s)), "s is no angle"),
    (lambda s, z, w, n: 2 * _defocus(s, z, w, n), "twice too large"),
    (lambda s, z, w, n: _defocus(s, abs(z), w, n), "turn its sign with z"),
    (lambda s, z, w, n: 2 * np.pi / w * z * n * (1 - np.sqrt(1 - s**2)), "there are NaN"),
    (lambda s, z, w, n: 2 * np.pi / w * z * n * (1 - np.cos(np.arcsin(s))), "there are NaN: s = n sin θ"),
    (lambda s, z, w, n: 2 * np.pi / w * z * (n - np.sqrt(n - s**2)), "n squared too"),
    (lambda s, z, w, n: _defocus(s, z, w, n) / 2, "2π radians, not π"),
    (lambda s, z, w, n: 2 * np.pi / w * z * n * (1 / np.sqrt(1 - (s / n) ** 2) - 1), "the slanted path"),
    (lambda s, z, w, n: z * (n - np.sqrt(n**2 - s**2)), "a path, in µm"),
    (lambda s, z, w, n: _defocus(s, z, 1, n), "wavelength is missing"),
    (lambda s, z, w, n: _defocus(s, z, 1 / w, n), "the wavelength divides"),
    (lambda s, z, w, n: _defocus(s, 1, w, n), "z is missing"),
    (lambda s, z, w, n: 2 * np.pi / w * z * (n - np.sqrt(n**2 + s**2)), "with a minus"),
    (lambda s, z, w, n: np.exp(1j * _defocus(s, z, w, n)), "the wave's factor"),
    (lambda s, z, w, n: 3 * _defocus(s, z, w, n), "not yet right"),
]


def _strehl(aberrations, *, sigma=lambda a: np.sqrt(np.sum(a**2)), ratio=lambda s: np.exp(-((2 * np.pi * s) ** 2))):
    return ratio(sigma(np.array(list(aberrations.values()))))


STREHL = [
    (lambda a: _strehl(a, sigma=np.sum), "added up as they are"),
    (lambda a: _strehl(a, sigma=lambda a: np.abs(a).sum()), "absolute values were added up"),
    (lambda a: _strehl(a, sigma=lambda a: np.sqrt(np.mean(a**2))), "not their mean"),
    (lambda a: _strehl(a, sigma=lambda a: np.abs(a).max()), "only the largest mode"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp(-(s**2))), "2π is missing"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp(-2 * np.pi * s**2)), "belongs inside the square"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp(-2 * np.pi * s)), "the square is missing"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp((2 * np.pi * s) ** 2)), "takes light from the peak"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp(-((2 * np.pi * s) ** 2) / 2)), "no ½"),
    (lambda a: _strehl(a, ratio=lambda s: 1 - (2 * np.pi * s) ** 2), "beginning of the series"),
    (lambda a: _strehl(a, ratio=lambda s: (2 * np.pi * s) ** 2), "this is the exponent"),
    (lambda a: 0.5, "not yet right"),
    (lambda a: _strehl(a, ratio=lambda s: s**2), "this is σ², the sum"),
    (lambda a: _strehl(a, ratio=lambda s: s), "this is σ; the exponential"),
    (lambda a: _strehl(a, sigma=lambda a: np.sum(a**2)), "was squared again"),
    (lambda a: _strehl(a, ratio=lambda s: np.exp(-((2 * np.pi) ** 2) * s)), "no root to take"),
    (lambda a: _strehl(a) ** 2, "squared once too often"),
    (lambda a: _strehl(a, sigma=np.std), "as np.std and np.var do"),
    (lambda a: np.exp(-((2 * np.pi) ** 2) * np.sum(np.array(list(a)) ** 2)), "the keys .* taken for the waves"),
    (lambda a: sum(a), "gives its keys"),
    (lambda a: np.exp(-sum(w**2 for w in a)), "gives its keys"),
    (lambda a: np.sum(a.values() ** 2), "is no array"),
    (lambda a: a["coma"], "stopped with KeyError"),
]


def _nyquist(NA, wavelength, n):
    return wavelength / (2 * (n - np.sqrt(n**2 - NA**2))), wavelength / (4 * NA)


def _root(NA, n):
    return np.sqrt(n**2 - NA**2)


NYQUIST = [
    (lambda NA, w, n: _nyquist(NA, w, n)[::-1], "first axial"),
    (lambda NA, w, n: _nyquist(NA, w, n)[0], "give back two lengths"),
    (lambda NA, w, n: 2 * np.array(_nyquist(NA, w, n)), "lateral: a factor of 2 is missing"),
    (lambda NA, w, n: 4 * np.array(_nyquist(NA, w, n)), "lateral: two factors of 2"),
    (lambda NA, w, n: 1000 * np.array(_nyquist(NA, w, n)), "factor of 1000"),
    (lambda NA, w, n: np.array(_nyquist(NA, w, n)) / 1000, "factor of 1/1000"),
    (lambda NA, w, n: np.array(_nyquist(NA, w / n, n)), "lateral: the wavelength was divided by n"),
    (lambda NA, w, n: 1 / np.array(_nyquist(NA, w, n)), "lateral: this is a frequency"),
    (lambda NA, w, n: 0.5 / np.array(_nyquist(NA, w, n)), "lateral: this is the cut-off"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], w * n / (4 * NA)), "NA was divided by n"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], 0.305 * w / NA), "half of Airy's radius"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], 0.61 * w / NA), "Airy's radius is no voxel"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], 3.0), "lateral: not yet right"),
    (lambda NA, w, n: (w / (n - _root(NA, n)), w / (4 * NA)), "axial: a factor of 2 is missing"),
    (lambda NA, w, n: (w / (4 * (n - _root(NA, n))), w / (4 * NA)), "axial: a factor of 2 too many"),
    (lambda NA, w, n: (2 * (n - _root(NA, n)) / w, w / (4 * NA)), "axial: this is a frequency"),
    (lambda NA, w, n: ((n - _root(NA, n)) / w, w / (4 * NA)), "axial: this is the cut-off"),
    (lambda NA, w, n: (n * w / NA**2, w / (4 * NA)), "axial: this is the paraxial formula"),
    (lambda NA, w, n: (2 * n * w / NA**2, w / (4 * NA)), "axial: the paraxial formula, .* are missing"),
    (lambda NA, w, n: (w / (2 * (1 - _root(NA, n) / n)), w / (4 * NA)), "axial: n is missing"),
    (lambda NA, w, n: (w / (2 * n * (n - _root(NA, n))), w / (4 * NA)), "axial: the wavelength was divided by n"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], NA / w), "lateral: 1 / 2"),
    (lambda NA, w, n: (_nyquist(NA, w, n)[0], w / 4 * NA), "lateral: brackets"),
    (lambda NA, w, n: ((n - _root(NA, n)) / w / 2, w / (4 * NA)), "axial: 1 / 2"),
    (lambda NA, w, n: (1 / (2 * (n - _root(NA, n) / w)), w / (4 * NA)), "axial: brackets"),
    (lambda NA, w, n: (w / (2 * (_root(NA, n) - n)), w / (4 * NA)), "axial: negative"),
    (lambda NA, w, n: (w / (4 * NA), w / (4 * NA)), "axial: this is the lateral voxel"),
    (lambda NA, w, n: (w / (2 * (n - np.sqrt(1 - NA**2))), w / (4 * NA)), "axial: there is NaN"),
    (lambda NA, w, n: (3.0, w / (4 * NA)), "axial: not yet right"),
]


def _along(psf, *, reduce=lambda p: p.sum(axis=(1, 2)), before=fft.ifftshift, after=lambda spectrum: spectrum):
    return after(fft.fft(before(reduce(psf))))


AXIAL_TRANSFER = [
    (lambda p: _along(p, before=lambda sums: sums), "still at n // 2"),
    (lambda p: _along(p, before=fft.fftshift), "one voxel off where n is odd"),
    (lambda p: _along(p, reduce=lambda p: p[:, p.shape[1] // 2, p.shape[2] // 2]), "line through the PSF's centre"),
    (lambda p: _along(p, reduce=lambda p: p.mean(axis=(1, 2))), "the planes' means"),
    (lambda p: _along(p, reduce=lambda p: p.max(axis=(1, 2))), "brightest voxel of each plane"),
    (lambda p: _along(p, reduce=lambda p: p.sum(axis=(0, 1))), "the wrong axis is left"),
    (lambda p: _along(p, reduce=lambda p: p.sum(axis=(0, 2))), "the wrong axis is left"),
    (lambda p: _along(p, after=np.abs), "lost the phase"),
    (lambda p: _along(p, after=np.real), "imaginary part is lost"),
    (lambda p: _along(p, after=lambda spectrum: np.abs(spectrum) ** 2), "this is .OTF.²"),
    (lambda p: _along(p, after=np.conj), "not its conjugate"),
    (lambda p: _along(p, after=lambda spectrum: spectrum / np.sqrt(len(spectrum))), "leave norm= away"),
    (lambda p: fft.rfft(p.sum(axis=(1, 2))), "one half, as fft.rfft"),
    (lambda p: fft.fft(p.sum(axis=0)), "two axes are left"),
    (lambda p: _along(p, after=fft.fftshift), "zero frequency comes first"),
    (lambda p: _along(p, after=lambda spectrum: np.conj(spectrum) / len(spectrum)), "wrong sign"),
    (lambda p: fft.rfft(fft.ifftshift(p.sum(axis=(1, 2)))), "one half, as fft.rfft"),
    (lambda p: p.sum(axis=(1, 2)), "these are the sums themselves"),
    (lambda p: fft.fftn(p), "must have shape"),
    (lambda p: np.ones(len(p)), "not yet right"),
]

MISTAKES = cases(
    {
        checks.focal_plane: FOCAL_PLANE,
        checks.defocus: DEFOCUS,
        checks.strehl: STREHL,
        checks.nyquist: NYQUIST,
        checks.axial_transfer: AXIAL_TRANSFER,
    }
)


@pytest.mark.parametrize(("check", "answer", "diagnosis"), MISTAKES)
def test_chapter_2_diagnoses_the_mistake(check, answer, diagnosis):
    with pytest.raises(checks.NotYet, match=diagnosis):
        check(answer)


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (checks.focal_plane, _light),
        (checks.focal_plane, lambda p: _light(p).astype(complex)),
        (checks.focal_plane, lambda p: np.abs(_light(fft.fftshift(fft.ifftshift(p)))).astype(np.float32)),
        (checks.defocus, _defocus),
        (checks.defocus, lambda s, z, w, n: 2 * np.pi * z * n / w * (1 - np.cos(np.arcsin(s / n)))),
        (checks.strehl, _strehl),
        (checks.nyquist, _nyquist),
        (checks.nyquist, lambda NA, w, n: list(_nyquist(NA, w, n))),
        (checks.axial_transfer, _along),
        (checks.axial_transfer, lambda p: fft.fftn(fft.ifftshift(p))[:, 0, 0]),
    ],
)
def test_chapter_2_accepts_what_is_right(check, answer, capsys):
    check(answer)
    assert capsys.readouterr().out.count("✓") == 3
