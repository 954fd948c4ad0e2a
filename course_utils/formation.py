"""From a specimen to a stack of counts: the blur as an operator, and the camera."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len

from course_utils import backend, operators, optics
from course_utils.stack import Stack


@dataclass(frozen=True)
class Camera:
    """A camera that turns photons into counts: counts = gain · photons + offset + noise.

    gain        counts per photon.
    offset      counts of a dark pixel.
    read_noise  standard deviation of a dark pixel, in counts.
    full_well   the most counts that a pixel can show; brighter ones are saturated, and show this.
    """

    gain: float = 1.0
    offset: float = 0.0
    read_noise: float = 0.0
    full_well: int = 65535

    def __post_init__(self):
        if not (np.isfinite(self.gain) and self.gain > 0):
            raise ValueError(f"gain is the counts that one photon makes and must be positive; got {self.gain}.")
        if not np.isfinite(self.offset):
            raise ValueError(f"offset is the counts of a dark pixel; got {self.offset}.")
        if not (np.isfinite(self.read_noise) and self.read_noise >= 0):
            raise ValueError(
                f"read_noise is a standard deviation in counts and must not be negative; got {self.read_noise}."
            )
        if not self.full_well > self.offset:
            raise ValueError(f"full_well must lie above the offset, {self.offset}; got {self.full_well}.")

    def photons(self, counts):
        """The Stack of counts as photons, (counts − offset) / gain. Dark voxels may turn out negative: noise."""
        return counts.with_data((counts.data - np.float32(self.offset)) / np.float32(self.gain))

    def poisson(self, counts, background=0.0):
        """(y, background): counts as photons that Poisson's law describes, none negative, and the background in them.

        background  photons a voxel, without the read noise. Of this, a variance of s² photons acts like s² photons of
                    background more, and is added to both (Snyder et al., J. Opt. Soc. Am. A 10 (1993) 1014,
                    doi:10.1364/JOSAA.10.001014).
        """
        variance = np.float32((self.read_noise / self.gain) ** 2)
        y = self.photons(counts)
        return y.with_data(np.maximum(y.data + variance, 0)), background + variance

    def expose(self, expected, rng):
        """The Stack of counts for a Stack of expected photons: each voxel's photons are Poisson-distributed.

        Raises ValueError where fewer than no photons are expected.
        """
        if expected.data.min() < 0:
            raise ValueError(f"expected photons cannot be negative; got {expected.data.min():.4g}.")
        counts = self.gain * rng.poisson(expected.data.astype(np.float64)) + self.offset
        counts = counts + self.read_noise * rng.standard_normal(counts.shape)
        return expected.with_data(np.clip(np.rint(counts), 0, self.full_well))


def forward(psf, shape, *, edges="open", bin_z=1, xp):
    """The microscope as an operator: from the specimen's photons to the expected photons of each voxel of the stack.

    psf    unit sum, centre at n // 2, sampled like the specimen (array or Stack).
    shape  of the field of view, sampled like the specimen.
    edges  "open": the specimen goes on beyond the field of view, by the PSF's support, so that light may enter from
           there and nothing wraps around; its grid is ``A.shape_in``, and `operators.crop(shape, A.shape_in)` cuts
           out the field of view. "periodic": the specimen's grid is the field of view, and light that leaves on one
           side comes back on the other: faster, and right only where the border is empty.
    bin_z  keep every bin_z-th plane.
    """
    if edges not in ("open", "periodic"):
        raise ValueError(f"edges must be 'open' or 'periodic'; got {edges!r}.")
    psf, shape = np.asarray(psf), tuple(shape)
    grid = padded_shape(shape, psf.shape) if edges == "open" else shape
    A = operators.blur(psf, grid, xp=xp)
    if grid != shape:
        A = operators.crop(shape, grid, xp=xp) @ A
    return operators.bin_z(bin_z, shape, xp=xp) @ A if bin_z != 1 else A


def padded_shape(shape, psf_shape):
    """The smallest grid with fast Fourier transforms that holds the field of view and the PSF's support around it."""
    return tuple(next_fast_len(n + m - 1, real=True) for n, m in zip(shape, psf_shape, strict=True))


def expect(specimen, psf, *, background=0.0, bin_z=1):
    """The photons that are expected in each voxel, A x + b: what an endless exposure would show. A Stack.

    specimen    Stack, photons of the object itself. Beyond its border there is nothing, and nothing wraps around.
    psf         Stack with the specimen's voxel, unit sum.
    background  photons a voxel that do not come from the specimen.
    bin_z       keep every bin_z-th plane.
    """
    optics.check_psf(psf, specimen.voxel_size)
    if background < 0:
        raise ValueError(f"the background is photons and cannot be negative; got {background}.")
    xp = backend.get("numpy", "float64")
    H = forward(psf, specimen.shape, bin_z=bin_z, xp=xp)
    photons = np.maximum(H(operators.crop(specimen.shape, H.shape_in, xp=xp).T(specimen.data)), 0) + background
    # Rounded to a thousandth of a photon: the last digit of a Fourier transform differs from one computer to another,
    # and a Poisson generator that meets another expectation draws another picture from there on.
    dz, dy, dx = specimen.voxel_size
    return Stack(np.rint(1024 * photons) / 1024, (bin_z * dz, dy, dx))


def acquire(specimen, psf, camera, *, background=0.0, bin_z=1, rng):
    """One exposure of a specimen: a Stack of counts, with photon noise, gain, offset, read noise and saturation."""
    return camera.expose(expect(specimen, psf, background=background, bin_z=bin_z), rng)


def calibrate(first, second, *, read_noise=0.0, n_groups=30):
    """The Camera's gain and offset from two exposures of the same uneven light, by the mean-variance line.

    first, second  Stacks of counts, alike but for noise, with dark and bright places; no saturated ones.
    read_noise     of the camera, counts: the standard deviation of a dark pixel.
    Of two equal exposures, half the variance of the difference is the noise, whatever the light's pattern:
    variance = gain · (mean − offset) + read_noise². Raises ValueError where the light does not vary enough.
    Janesick, Photon Transfer (2007), doi:10.1117/3.725073.
    """
    mean = 0.5 * (first.data.astype(np.float64) + second.data).ravel()
    half_difference = 0.5 * (first.data.astype(np.float64) - second.data).ravel() ** 2
    groups = np.array_split(np.argsort(mean), n_groups)
    means = np.array([mean[group].mean() for group in groups])
    variances = np.array([half_difference[group].mean() for group in groups])
    if np.ptp(means) < 5 * np.sqrt(variances.min()):
        raise ValueError("the light is too even to draw a line: use exposures that have both dark and bright places.")
    # a variance estimated from n values is uncertain in proportion to itself: weigh the dark groups most
    gain, at_zero = np.polyfit(means, variances, 1, w=1 / np.maximum(variances, variances.max() * 1e-6))
    return Camera(gain=float(gain), offset=float((read_noise**2 - at_zero) / gain), read_noise=read_noise)
