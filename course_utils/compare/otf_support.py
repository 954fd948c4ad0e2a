"""What lies outside the support of the OTF did not come through the microscope: how much of a spectrum is there?"""

from typing import NamedTuple

import numpy as np

from course_utils.compare.fourier_shells import common_voxel, half_grid, spectrum
from course_utils.optics.objective import otf_height


class Meridian(NamedTuple):
    """A spectrum averaged around the optical axis: mean power over (kz, kr), and the two axes in 1/µm.

    kz runs from negative to positive, its zero at n // 2; a pixel that holds no coefficient is NaN.
    """

    power: np.ndarray
    kz: np.ndarray
    kr: np.ndarray


def otf_support(optics, shape, voxel_size, *, margin=1.0):
    """Where a wide-field OTF may differ from zero: True or False on the half grid of rfftn.

    A ring without its axis, the missing cone (`objective.otf_height`). margin: by so many steps of the grid it is
    widened, since a finite volume blurs its own spectrum.
    """
    kz, ky, kx, _ = half_grid(shape, voxel_size)
    steps, middle = [1 / (n * d) for n, d in zip(shape, voxel_size, strict=True)], optics.passed_NA / optics.wavelength
    from_middle = np.maximum(np.abs(np.hypot(ky, kx) - middle) - margin * max(steps[1:]), 0)
    height = otf_height(optics, from_middle) + 1e-9  # frequency zero belongs to it, whatever rounding says
    return (from_middle <= middle) & (np.abs(kz) - margin * steps[0] <= height)


def spectrum_outside_support(x, optics, voxel_size=None, *, taper=0.25, margin=1.0):
    """The share of a volume's energy |X|², the mean taken off, that lies where the microscope passes nothing.

    A wide-field image has noise there, an estimate what its method made up: rightly or wrongly, only the truth can
    tell (see `fsc`), and the truth has some there, too. taper: as for `fsc`; margin: as for `otf_support`.
    """
    voxel_size = common_voxel(x, x, voxel_size)
    power = np.abs(spectrum(x, taper)) ** 2 * half_grid(np.shape(x), voxel_size)[3]
    total = power.sum()
    outside = ~otf_support(optics, np.shape(x), voxel_size, margin=margin)
    return float(power[outside].sum() / total) if total > 0 else 0.0


def meridian_spectrum(x, voxel_size=None, *, taper=0.25):
    """The mean power |X|² over (kz, kr), averaged around the optical axis: a `Meridian`, for a drawing."""
    voxel_size = common_voxel(x, x, voxel_size)
    shape, power = np.shape(x), np.abs(spectrum(x, taper)) ** 2
    kz, ky, kx, twice = half_grid(shape, voxel_size)
    step = max(1 / (n * d) for n, d in zip(shape[1:], voxel_size[1:], strict=True))
    ring = np.rint(np.hypot(ky, kx) / step).astype(int)
    rings, planes = int(0.5 / max(voxel_size[1:]) / step) + 1, np.arange(shape[0])[:, None, None]
    inside = np.broadcast_to(ring < rings, power.shape)
    index = (planes * rings + ring)[inside]
    weight = np.broadcast_to(twice, power.shape)[inside]
    sums, counts = (np.bincount(index, v, shape[0] * rings) for v in (weight * power[inside], weight))
    mean = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0).reshape(shape[0], rings)
    return Meridian(np.fft.fftshift(mean, axes=0), np.fft.fftshift(kz.ravel()), step * np.arange(rings))
