"""From a specimen to a stack of counts: the blur as an operator, and the camera."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len

from course_utils import operators


@dataclass(frozen=True)
class Camera:
    """A camera that turns photons into counts: counts = gain · photons + offset + noise.

    gain        counts per photon.
    offset      counts of a dark pixel.
    read_noise  standard deviation of a dark pixel, in counts.
    """

    gain: float = 1.0
    offset: float = 0.0
    read_noise: float = 0.0

    def __post_init__(self):
        if not (np.isfinite(self.gain) and self.gain > 0):
            raise ValueError(f"gain is the counts that one photon makes and must be positive; got {self.gain}.")
        if not np.isfinite(self.offset):
            raise ValueError(f"offset is the counts of a dark pixel; got {self.offset}.")
        if not (np.isfinite(self.read_noise) and self.read_noise >= 0):
            raise ValueError(
                f"read_noise is a standard deviation in counts and must not be negative; got {self.read_noise}."
            )

    def photons(self, counts):
        """The Stack of counts as photons, (counts − offset) / gain. Dark voxels may turn out negative: noise."""
        return counts.with_data((counts.data - np.float32(self.offset)) / np.float32(self.gain))


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
