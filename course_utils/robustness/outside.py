"""Beyond the support of the OTF: how much does an estimate say there, and is it right?

A microscope passes nothing there. What an estimate holds was made up, by positivity, by a prior, or by what a network
has seen. Made up is not yet invented: the truth has something there, too, and the estimate may have guessed it. How
alike the two are, the correlation of their Fourier coefficients, tells a guess from an invention.
"""

from dataclasses import dataclass

import numpy as np

from course_utils.compare.fourier_shells import half_grid, spectrum
from course_utils.compare.otf_support import otf_support

BAND = (0.35, 0.65)  # of the lateral cut-off: where the support reaches highest along kz


@dataclass(frozen=True, eq=False)
class Outside:
    """What a volume holds outside the support, and along kz at middling lateral frequencies.

    share        of its energy, the mean taken off, outside.
    ratio        its energy outside over the truth's.
    correlation  with the truth, over all coefficients outside: 1 is the truth's own, 0 invented. NaN without a truth.
    kz           1/µm, from 0 on; power: mean |X|² there; agreement: correlation with the truth there.
    """

    share: float
    ratio: float
    correlation: float
    kz: np.ndarray
    power: np.ndarray
    agreement: np.ndarray


def outside(x, truth, optics, *, taper=0.25, margin=1.0):
    """What lies outside the OTF's support in an estimate: an `Outside`.

    x       a Stack, its intensity on the truth's scale (`compare.match_affine`).
    truth   Stack of the same shape; one that is even everywhere, as of pure noise, has nothing to agree with.
    optics  `optics.Optics` of a wide-field microscope. taper, margin: see `compare.fsc`, `compare.otf_support`.
    Raises ValueError where the shapes differ.
    """
    if x.shape != truth.shape:
        raise ValueError(f"the estimate and the truth must have the same shape; got {x.shape} and {truth.shape}.")
    shape, voxel_size = x.shape, x.voxel_size
    kz, ky, kx, twice = half_grid(shape, voxel_size)
    X, T = (spectrum(stack.data, taper) for stack in (x, truth))
    cross, power, wanted = ((a * np.conj(b)).real * twice for a, b in ((X, T), (X, X), (T, T)))
    beyond = ~otf_support(optics, shape, voxel_size, margin=margin)
    radius, cutoff = np.hypot(ky, kx), 2 * optics.passed_NA / optics.wavelength
    band = (radius >= BAND[0] * cutoff) & (radius <= BAND[1] * cutoff)
    rows = [_by_height(np.sum(v, axis=(1, 2), where=band)) for v in (cross, power, wanted)]
    count = _by_height(np.full(shape[0], np.sum(band * twice)))
    return Outside(
        share=_share(power[beyond].sum(), power.sum()),
        ratio=_share(power[beyond].sum(), wanted[beyond].sum()),
        correlation=float(_correlation(cross[beyond].sum(), power[beyond].sum(), wanted[beyond].sum())),
        kz=np.abs(kz.ravel()[: shape[0] // 2 + 1]),
        power=rows[1] / count,
        agreement=_correlation(*rows),
    )


def _by_height(values):
    """Sums over kz and −kz, from 0 to the Nyquist frequency."""
    n = len(values)
    return np.array([values[k] + (values[n - k] if 0 < 2 * k < n else 0) for k in range(n // 2 + 1)])


def _share(part, whole):
    return float(part / whole) if whole > 0 else float("nan")


def _correlation(cross, first, second):
    with np.errstate(invalid="ignore", divide="ignore"):
        return cross / np.sqrt(first * second)
