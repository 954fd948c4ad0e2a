"""Fourier shell correlation: to which fineness do two volumes agree, along the axis and across it?"""

from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.signal.windows import tukey

from course_utils.stack import check_voxel_size


class Curve(NamedTuple):
    """One value for each shell of frequencies: its mean frequency (1/µm), the value, and how many numbers are in it.

    count  independent Fourier coefficients in the shell, both of each conjugate pair: of two volumes of pure noise,
           the correlation is 0 ± 1/√count, or a little less.
    """

    frequency: np.ndarray
    value: np.ndarray
    count: np.ndarray

    def half_bit(self):
        """The correlation at which both volumes together carry half a bit of information in each coefficient.

        (SNR + (2√SNR + 1)/√n) / (SNR + 1 + 2√SNR/√n), n the count and SNR = (√2 − 1)/2 in each of the two.
        van Heel & Schatz, J. Struct. Biol. 151 (2005) 250, doi:10.1016/j.jsb.2005.05.009.
        """
        snr, root = (np.sqrt(2) - 1) / 2, np.sqrt(np.maximum(self.count, 1))
        return (snr + (2 * np.sqrt(snr) + 1) / root) / (snr + 1 + 2 * np.sqrt(snr) / root)

    def resolution(self, threshold=1 / 7):
        """The period (µm) at which the curve first falls below a threshold: a number, or "half-bit".

        Between two equally noisy halves, 1/7 says that the whole would correlate with the truth by ½: against a truth,
        take ½. The finest period there is if the curve never falls, infinity if it lies below from the first shell on.
        """
        if threshold != "half-bit" and not 0 < float(threshold) < 1:
            raise ValueError(f"threshold is a correlation between 0 and 1, or 'half-bit'; got {threshold!r}.")
        limit = self.half_bit() if threshold == "half-bit" else threshold
        above = self.value - limit
        below = np.flatnonzero(~(above >= 0))  # NaN, which a volume without structure has, counts as below
        if not below.size:
            return float(1 / self.frequency[-1]) if above.size else np.inf
        k = below[0]
        if k == 0 or np.isnan(above[k]):
            return float(1 / self.frequency[k - 1]) if k else np.inf
        part = above[k - 1] / (above[k - 1] - above[k])
        return float(1 / (self.frequency[k - 1] + part * (self.frequency[k] - self.frequency[k - 1])))


class Sectors(NamedTuple):
    """A Curve each for the directions near the optical axis, those near the focal plane, and all together."""

    axial: Curve
    lateral: Curve
    everywhere: Curve


def fsc(a, b, voxel_size=None, *, half_angle=30.0, taper=0.25):
    """Fourier shell correlation Re Σ A B* / √(Σ|A|² Σ|B|²), summed over shells |k|: a `Sectors` of three curves.

    a, b        volumes of one shape, arrays or Stacks.
    voxel_size  (dz, dy, dx) in µm; that of a or b if they are Stacks.
    half_angle  degrees from the axis, and from the focal plane, that the sectors reach.
    taper       share of each axis that fades towards the two edges, so that they do not make a cross of frequencies.
    The mean is taken off. A shell is as thick as the coarsest step of the frequencies; the sectors end at their own
    Nyquist frequency. With A and B the same signal, and noise of their own, it is SNR/(1 + SNR) in each shell, and of
    one of them against the signal itself √(SNR/(1 + SNR)). It does not see gain and offset, nor a filter that weighs a
    whole shell alike. Raises ValueError where the shapes or voxels differ.
    Harauz & van Heel, Optik 73 (1986) 146.
    """
    voxel_size = common_voxel(a, b, voxel_size)
    A, B = (spectrum(x, taper) for x in _same_shape(a, b))
    cross = A.real * B.real + A.imag * B.imag
    shape, independent = np.shape(a), _independent_share(np.shape(a), taper)

    def curve(sums, frequency, count):
        with np.errstate(invalid="ignore", divide="ignore"):
            return Curve(frequency, sums[0] / np.sqrt(sums[1] * sums[2]), independent * count)

    powers = (cross, np.abs(A) ** 2, np.abs(B) ** 2)
    return Sectors(*(curve(*sums) for sums in shell_sums(powers, shape, voxel_size, half_angle)))


def sector_spectra(x, voxel_size=None, *, half_angle=30.0, taper=0.25):
    """The mean power |X|² of a volume in shells |k|, the mean taken off, over its number of voxels: a `Sectors`.

    White noise of variance s² has s² in every shell. Arguments as for `fsc`.
    """
    voxel_size = common_voxel(x, x, voxel_size)
    shape, power = np.shape(x), np.abs(spectrum(x, taper)) ** 2
    independent = _independent_share(shape, taper)
    sums = shell_sums((power,), shape, voxel_size, half_angle)
    return Sectors(*(Curve(f, s[0] / np.maximum(n, 1), independent * n) for s, f, n in sums))


def spectrum(x, taper):
    """The Fourier transform on the half grid of rfftn, the mean taken off, the edges faded, white noise of variance 1
    having the power 1."""
    x = np.asarray(x, dtype=np.float64)
    windowed = x - x.mean()
    for axis, n in enumerate(x.shape):
        window = _window(n, taper)
        windowed *= np.expand_dims(window / np.sqrt(np.mean(window**2)), [i for i in range(x.ndim) if i != axis])
    return fft.rfftn(windowed, norm="ortho", workers=-1)


def half_grid(shape, voxel_size):
    """Frequencies kz, ky, kx (1/µm), ready to broadcast; and how often each kx counts (twice without its twin)."""
    kz, ky = (fft.fftfreq(n, d) for n, d in zip(shape[:2], voxel_size[:2], strict=True))
    kx = fft.rfftfreq(shape[2], voxel_size[2])
    twice = np.full(kx.size, 2)
    twice[0] = 1
    if shape[2] % 2 == 0:
        twice[-1] = 1
    return kz[:, None, None], ky[:, None], kx, twice


def shell_sums(values, shape, voxel_size, half_angle):
    """For the axial sector, the lateral one and everywhere: (sums of each of the values, frequencies, counts)."""
    if not 0 < half_angle <= 90:
        raise ValueError(f"half_angle is in degrees, above 0 and at most 90; got {half_angle}.")
    kz, ky, kx, twice = half_grid(shape, voxel_size)
    k = np.sqrt(kz**2 + ky**2 + kx**2)
    width = max(1 / (n * d) for n, d in zip(shape, voxel_size, strict=True) if n > 1)
    shell = np.rint(k / width).astype(int)
    weight, angle = np.broadcast_to(twice, k.shape), np.deg2rad(half_angle)
    nyquist = [0.5 / d for d in voxel_size]
    regions = (
        (np.abs(kz) >= k * np.cos(angle) * (1 - 1e-9), nyquist[0]),
        (np.abs(kz) <= k * np.sin(angle) * (1 + 1e-9), min(nyquist[1:])),
        (np.ones(k.shape, bool), max(nyquist)),
    )
    return [_sums(values, k, shell, weight, inside & (shell > 0) & (k <= limit)) for inside, limit in regions]


def _sums(values, k, shell, weight, inside):
    """Sums over the shells that hold any coefficient of the region."""
    index, weight = shell[inside], weight[inside]
    count = np.bincount(index, weight)
    held = np.flatnonzero(count)
    sums = [np.bincount(index, weight * v[inside])[held] for v in values]
    return sums, np.bincount(index, weight * k[inside])[held] / count[held], count[held]


def _window(n, taper):
    if not 0 <= taper <= 1:
        raise ValueError(f"taper is the share of an axis that fades, between 0 and 1; got {taper}.")
    return tukey(n + 2, taper)[1:-1] if n > 2 else np.ones(n)  # a window's outermost values are zero: leave them out


def _independent_share(shape, taper):
    """A taper makes neighbours in Fourier space alike: (Σw²)² / (n Σw⁴) of the coefficients are independent."""
    windows = [_window(n, taper) for n in shape]
    return float(np.prod([np.mean(w**2) ** 2 / np.mean(w**4) for w in windows]))


def common_voxel(a, b, voxel_size):
    """The voxel in µm that is given, or that the Stacks have. ValueError where there is none, or more than one."""
    voxels = [check_voxel_size(x.voxel_size) for x in (a, b) if hasattr(x, "voxel_size")]
    voxels += [] if voxel_size is None else [check_voxel_size(voxel_size)]
    if not voxels:
        raise ValueError("the voxel is not known; pass Stacks, or voxel_size=(dz, dy, dx) in µm.")
    if not all(np.allclose(voxel, voxels[0], rtol=1e-6) for voxel in voxels):
        raise ValueError(f"the volumes must have the same voxel; got {' and '.join(map(str, voxels))} µm.")
    return voxels[0]


def _same_shape(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim != 3:
        raise ValueError(f"the two volumes must have the same shape (z, y, x); got {a.shape} and {b.shape}.")
    return a, b
