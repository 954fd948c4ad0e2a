"""What a stack says of its own counts: the background that lies under the specimen, and how many counts a photon is."""

import numpy as np
from scipy import fft, ndimage


def find_background(stack, where=None):
    """The level of the darkest part of a stack: the 5th percentile of its averages over 3 × 3 × 3 voxels.

    Low on purpose: a background set too low leaves some haze, one set too high erases what is dim.
    where: a mask of the averages that count; all if None.
    """
    smooth = ndimage.uniform_filter(stack.data, 3, mode="nearest")
    return float(np.percentile(smooth if where is None else smooth[where], 5))


def find_gain(stack):
    """Counts that behave like one photon: the variance of the noise over the mean of the stack, Poisson's being 1.

    No lens brings light into the corners of a plane's spectrum, beyond ⅜ cycles a voxel along y and x, if the voxel is
    Nyquist's or finer: what is there is noise. A camera's offset counts as photons, and lowers the figure. In a stack
    that was smoothed or interpolated the noise is found too weak, so that there seem to be more photons than there are.
    """
    spectrum = fft.rfft2(stack.data, norm="ortho")
    ny, nx = stack.shape[1:]
    corners = spectrum[:, np.abs(fft.fftfreq(ny)) > 3 / 8][:, :, fft.rfftfreq(nx) > 3 / 8]
    noise = np.median(np.abs(corners) ** 2) / np.log(2) if corners.size else 0.0  # a power's median is log 2 its mean
    mean = float(np.mean(stack.data))
    rounding = (np.finfo(np.float32).eps * float(np.abs(stack.data).max())) ** 2
    return float(max(noise, rounding) / mean) if noise > 0 and mean > 0 else 1.0
