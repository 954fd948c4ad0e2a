"""Checks of notebook 02."""

import numpy as np
from scipy import fft

from course_utils.checks.answer import NotYet, call, close, compare, holds


def focal_plane(answer):
    """Exercise of notebook 02: answer(pupil) → the light in the focal plane, its centre at n // 2, of unit sum."""
    for n in (16, 15):
        pupil = _lopsided_pupil(n)
        field = fft.ifft2(fft.ifftshift(pupil))
        light = {
            "the picture's centre is in its corner, where Fourier transforms begin to count: fft.fftshift takes it to "
            "the middle": np.abs(field) ** 2,
            "the picture is mirrored: fft.fft2 has a minus sign in its exponent, the sum over the rays has a plus, and "
            "so has fft.ifft2": np.abs(fft.fftshift(fft.fft2(fft.ifftshift(pupil)))) ** 2,
            "this is |field|: light is its square": np.abs(fft.fftshift(field)),
            "the field is complex, and its light |field|²: real and imaginary part both count": np.real(
                fft.fftshift(field)
            )
            ** 2,
            "one pixel off where n is odd: fft.fftshift after the transform, fft.ifftshift before it": np.abs(
                fft.ifftshift(field)
            )
            ** 2,
            "this is the pupil's own light: its Fourier transform is missing": np.abs(pupil) ** 2,
            "the transform runs along one axis only: fft.ifft2 takes both": np.abs(
                fft.fftshift(fft.ifft(fft.ifftshift(pupil)))
            )
            ** 2,
        }
        result = np.asarray(call(answer, pupil))
        if np.iscomplexobj(result) and np.abs(result.imag).max() > 1e-6 * np.abs(result).max():
            raise NotYet("this is still the field, a complex wave: light is np.abs(field) ** 2.")
        total = np.sum(result.real)
        mistakes = {text: wrong / wrong.sum() for text, wrong in light.items()}
        exact = np.abs(fft.fftshift(field)) ** 2
        compare(result / (total or 1), exact / exact.sum(), mistakes)
        if abs(total - 1) > 1e-4:
            raise NotYet(f"right up to a factor: a PSF has unit sum, this has {total:.4g}. Divide it by its sum.")
    holds("the light is |Fourier transform of the pupil|²", "centre at n // 2, for odd and even n", "unit sum")


def defocus(answer):
    """Exercise of notebook 02: answer(s, z, wavelength, n) → phase in radians of the rays s against the axial one."""
    s = np.linspace(0, 1.3, 14)
    for z, wavelength, n in ((0.7, 0.52, 1.515), (-0.4, 0.6, 1.33)):
        root, k = np.sqrt(n**2 - s**2), 2 * np.pi / wavelength
        exact = k * z * (n - root)
        mistakes = {
            "this counts in waves: a phase in radians is 2π times as large": exact / (2 * np.pi),
            "this is in degrees: np.exp(1j · phase) wants radians, 2π for a wave": np.rad2deg(exact),
            "the phase must turn its sign with z: in front of the focus and behind it": np.abs(exact),
            "the sign is turned around: n − √(n² − s²), which is not negative where z > 0": -exact,
            "n is missing: the path in the medium is n cos θ = √(n² − s²), not cos θ alone": exact / n,
            "n came in twice: λ is the wavelength in vacuum, and √(n² − s²) holds the n": exact * n,
            "this is the paraxial formula, s²/(2n), good for small angles; here they reach 60°. Use the square root": k
            * z
            * s**2
            / (2 * n),
            "right, but for a phase that all rays share: take it against the axial ray, n − √(n² − s²)": -k * z * root,
            "this is the phase of each ray by itself; take √(n² − s²) off the axial ray's n": k * z * root,
            "s is no angle, but n sin θ: cos θ = √(1 − (s/n)²)": k * z * n * (1 - np.cos(s)),
            "twice too large: light passes the distance z once": 2 * exact,
            "half of it: a wave is 2π radians, not π": exact / 2,
            "this is the slanted path, z / cos θ. Of the wave vector only the part along z counts, n cos θ": k
            * z
            * n
            * (n / root - 1),
            "this is a path, in µm; 2π / λ makes a phase of it": z * (n - root),
            "the wavelength is missing: 2π / λ for each µm of path": wavelength * exact,
            "the wavelength divides: a path of one λ is a phase of 2π": wavelength**2 * exact,
            "z is missing: the further out of focus, the larger the phase": exact / z,
            "under the root stands n² − s², with a minus": k * z * (n - np.sqrt(n**2 + s**2)),
            "this is the wave's factor, e^(iφ); give back φ itself": np.exp(1j * exact),
        }
        with np.errstate(invalid="ignore"):
            result = np.asarray(call(answer, s, z, wavelength, n))
        _refuse_nan(result, s)
        compare(result, exact, mistakes)
    holds("0 for the axial ray", "in radians, exact up to grazing rays", "its sign is that of z")


def strehl(answer):
    """Exercise of notebook 02: answer({(n, m): rms waves}) → Strehl ratio by Maréchal's formula."""
    for aberrations in ({(2, 2): 0.05, (3, 1): -0.04, (4, 0): 0.02}, {(2, -2): 0.06, (3, -1): 0.02}, {(4, 0): 0.0}):
        a = np.array(list(aberrations.values()))
        sigma, turn = np.sqrt(np.sum(a**2)), 2 * np.pi
        mistakes = {
            "the waves were added up as they are. Different modes add as squares: σ² = Σ a²": np.exp(
                -((turn * a.sum()) ** 2)
            ),
            "the waves' absolute values were added up. Different modes add as squares: σ² = Σ a²": np.exp(
                -((turn * np.abs(a).sum()) ** 2)
            ),
            "σ² is the sum of the squares, not their mean": np.exp(-(turn**2) * np.mean(a**2)),
            "only the largest mode is there: σ² = Σ a²": np.exp(-((turn * np.abs(a).max()) ** 2)),
            "2π is missing: σ is in waves, and a wave is 2π radians": np.exp(-(sigma**2)),
            "2π belongs inside the square: (2πσ)²": np.exp(-turn * sigma**2),
            "the exponent is (2πσ)², not 2πσ: the square is missing": np.exp(-turn * sigma),
            "the sign of the exponent is turned around: an aberration takes light from the peak": np.exp(
                (turn * sigma) ** 2
            ),
            "there is no ½ in the exponent: the light is the field's square": np.exp(-((turn * sigma) ** 2) / 2),
            "this is 1 − (2πσ)², the beginning of the series; take the exponential": 1 - (turn * sigma) ** 2,
            "this is the exponent, (2πσ)²; the Strehl ratio is exp(−(2πσ)²)": (turn * sigma) ** 2,
            "this is σ², the sum of the squares; the exponential is missing": sigma**2,
            "this is σ; the exponential is missing": sigma,
            "the sum of the squares is σ² already, and was squared again": np.exp(-((turn * sigma**2) ** 2)),
            "the exponent holds σ where σ² belongs: there is no root to take": np.exp(-(turn**2) * sigma),
            "squared once too often: Maréchal's rule gives the ratio of the light, not of the field": np.exp(
                -2 * (turn * sigma) ** 2
            ),
            "the waves' mean was taken off, as np.std and np.var do: σ² is the plain sum of squares": np.exp(
                -(turn**2) * np.var(a)
            ),
            "next to nothing: were the keys (n, m) taken for the waves? These are aberrations.values()": 0.0,
        }
        compare(_strehl_of(answer, aberrations), np.asarray(np.exp(-((turn * sigma) ** 2))), mistakes)
    holds("modes add as squares", "waves are turned into radians", "no aberration, Strehl ratio 1")


def nyquist(answer):
    """Exercise of notebook 02: answer(NA, wavelength, n) → the largest voxel (axial, lateral) in µm."""
    for NA, wavelength, n in ((1.4, 0.52, 1.515), (0.8, 0.6, 1.33)):
        with np.errstate(invalid="ignore"):
            result = np.asarray(call(answer, NA, wavelength, n), dtype=float)
        if result.shape != (2,):
            raise NotYet(f"give back two lengths, return axial, lateral; got shape {result.shape}.")
        if np.isnan(result[0]):
            raise NotYet("axial: there is NaN, the root of a negative number. It is √(n² − NA²), both squared.")
        root = np.sqrt(n**2 - NA**2)
        axial, lateral = wavelength / (2 * (n - root)), wavelength / (4 * NA)
        if close(result[::-1], np.array([axial, lateral])):
            raise NotYet("the order is turned around: first axial (the longer), then lateral, as in (z, y, x).")
        for name, value, exact, mistakes in (
            ("lateral", result[1], lateral, _lateral_mistakes(NA, wavelength, n)),
            ("axial", result[0], axial, _axial_mistakes(NA, wavelength, n)),
        ):
            in_nm = {"a factor of 1000: the wavelength is in µm, and so is the voxel; convert nothing": 1000 * exact}
            in_nm["a factor of 1/1000: the wavelength is in µm already; convert nothing"] = exact / 1000
            _compare_length(name, value, exact, mistakes | in_nm)
    holds("lateral voxel λ/(4 NA)", "axial voxel λ/(2 (n − √(n² − NA²)))", "two voxels to the finest period")


def axial_transfer(answer):
    """Exercise of notebook 02: answer(psf) → OTF along (kz, 0, 0), zero frequency first, from sums over planes."""
    for shape in ((8, 5, 6), (7, 5, 6)):
        psf = np.random.default_rng(4).random(shape) * np.arange(1, shape[0] + 1)[:, None, None]
        psf /= psf.sum()
        sums = psf.sum(axis=(1, 2))
        exact = fft.fft(fft.ifftshift(sums))
        mistakes = {
            "the centre is still at n // 2, and turns the phase: fft.ifftshift takes it to voxel 0 before the "
            "transform": fft.fft(sums),
            "one voxel off where n is odd: fft.ifftshift, not fft.fftshift, takes the centre to voxel 0": fft.fft(
                fft.fftshift(sums)
            ),
            "this is the line through the PSF's centre. OTF(kz, 0, 0) needs the sum of each plane": fft.fft(
                fft.ifftshift(psf[:, shape[1] // 2, shape[2] // 2])
            ),
            "these are the planes' means: sum them, so that the OTF is 1 at frequency 0": exact / psf[0].size,
            "|OTF| has lost the phase: leave it complex": np.abs(exact),
            "this is |OTF|²: leave it complex": np.abs(exact) ** 2,
            "the imaginary part is lost: leave it complex": exact.real,
            "zero frequency comes first here, as fft.fft gives it: no fft.fftshift afterwards": fft.fftshift(exact),
            "these are the sums themselves; transform them": sums,
            "the phase has the wrong sign: fft.fft, not fft.ifft (which also divides by n)": fft.ifft(
                fft.ifftshift(sums)
            ),
            "the phase has the wrong sign: fft.fft as it comes, not its conjugate": np.conj(exact),
            "divided by √n: leave norm= away, so that the OTF is 1 at frequency 0": exact / np.sqrt(len(sums)),
            "the brightest voxel of each plane will not do: sum all of them": fft.fft(
                fft.ifftshift(psf.max(axis=(1, 2)))
            ),
        }
        result = np.asarray(call(answer, psf))
        half = slice(shape[0] // 2 + 1)
        if result.shape == exact[half].shape and any(close(result, a[half]) for a in (exact, fft.fft(sums))):
            raise NotYet("this is one half, as fft.rfft gives it: use fft.fft, which gives all frequencies.")
        if result.ndim == 2:
            raise NotYet("two axes are left: psf.sum(axis=(1, 2)) sums over y and x, one number for each plane.")
        if result.ndim == 1 and len(result) in shape[1:]:
            raise NotYet("the wrong axis is left: sum over y and x, psf.sum(axis=(1, 2)), and keep z.")
        compare(result, exact, mistakes)
    holds("OTF(kz, 0, 0) is the transform of the plane sums", "1 at frequency 0", "right for odd and even numbers")


def _lopsided_pupil(n):
    """A disc with a phase that has no symmetry, so that each mirror image and each shift is another picture."""
    y, x = np.indices((n, n)) - n // 2
    return (np.hypot(y, x) <= 0.3 * n) * np.exp(1j * (8 * (x / n) ** 2 + 60 * (x / n) ** 3 + 5 * x * y / n**2))


def _refuse_nan(phase, s):
    """Raise NotYet, with its likely cause, where a phase is NaN."""
    if phase.shape != s.shape or phase.dtype.kind not in "fc" or not np.isnan(phase).any():
        return
    if s[np.isnan(phase)].min() > 1.15:
        raise NotYet("there are NaN where s is largest: under the root stands n² − s², with n squared too.")
    raise NotYet("there are NaN: s = n sin θ reaches beyond 1, so √(1 − s²) and arcsin(s) fail. It is √(n² − s²).")


def _strehl_of(answer, aberrations):
    """The answer's result; what goes wrong with the dictionary is told in the dictionary's words."""
    try:
        return call(answer, aberrations)
    except NotYet as error:
        if "'tuple'" in str(error):
            raise NotYet("a loop over the dictionary gives its keys, the modes; the waves are .values().") from None
        if "'dict_values'" in str(error):
            raise NotYet(".values() is no array: square one by one, waves**2 for waves in .values().") from None
        raise


def _compare_length(name, value, exact, mistakes):
    """Raise NotYet, with what is wrong, unless the length is right."""
    if close(value, exact):
        return
    for explanation, wrong in mistakes.items():
        if close(value, wrong):
            raise NotYet(f"{name}: {explanation}.")
    raise NotYet(f"{name}: not yet right, expected {exact:.4g} µm, got {value:.4g}.")


def _lateral_mistakes(NA, wavelength, n):
    return {
        "a factor of 2 is missing. The OTF ends at 2 NA/λ, and each period needs two voxels": wavelength / (2 * NA),
        "two factors of 2 are missing: the OTF ends at 2 NA/λ, and each period needs two voxels": wavelength / NA,
        "this is a frequency, in 1/µm; the voxel is 1 over it": 4 * NA / wavelength,
        "this is the cut-off, in 1/µm; the voxel is 1/(2 · cut-off)": 2 * NA / wavelength,
        "the wavelength was divided by n, but NA = n sin θ holds n already": wavelength / (4 * NA * n),
        "NA was divided by n; it stays as it is, and λ is that in vacuum": wavelength * n / (4 * NA),
        "1 / 2 * cut-off divides by 2 only: put the product in brackets, 1 / (2 * cut-off)": NA / wavelength,
        "brackets: λ / (4 * NA), for λ / 4 * NA multiplies by NA": wavelength / 4 * NA,
        "half of Airy's radius is a fifth too coarse: the OTF's cut-off counts, λ/(4 NA)": 0.305 * wavelength / NA,
        "Airy's radius is no voxel: the OTF's cut-off counts, λ/(4 NA)": 0.61 * wavelength / NA,
    }


def _axial_mistakes(NA, wavelength, n):
    root = np.sqrt(n**2 - NA**2)
    reach = n - root
    return {
        "a factor of 2 is missing: each period needs two voxels": wavelength / reach,
        "a factor of 2 too many: the axial cut-off, (n − √(n² − NA²))/λ, is not doubled": wavelength / (4 * reach),
        "this is a frequency, in 1/µm; the voxel is 1 over it": 2 * reach / wavelength,
        "this is the cut-off, in 1/µm; the voxel is 1/(2 · cut-off)": reach / wavelength,
        "this is the paraxial formula, NA²/(2 n λ); at a large NA it is far too coarse": n * wavelength / NA**2,
        "the paraxial formula, NA²/(2 n λ), and two voxels to a period are missing": 2 * n * wavelength / NA**2,
        "1 / 2 * cut-off divides by 2 only: put the product in brackets, 1 / (2 * cut-off)": reach / (2 * wavelength),
        "brackets: the cut-off is (n − √(n² − NA²)) / λ, all of it over λ": 1 / (2 * (n - root / wavelength)),
        "negative: n is larger than √(n² − NA²), so it comes first": -wavelength / (2 * reach),
        "this is the lateral voxel; along z the OTF ends at (n − √(n² − NA²))/λ": wavelength / (4 * NA),
        "n is missing: n − √(n² − NA²) is not 1 − √(1 − (NA/n)²)": wavelength * n / (2 * reach),
        "the wavelength was divided by n, but √(n² − NA²) holds n already": wavelength / (2 * n * reach),
    }  # fmt: skip
