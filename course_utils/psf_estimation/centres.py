"""Where beads lie, to a tenth of a voxel, and how wide their images are."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from course_utils.optics.measured_psf import fwhm
from course_utils.report import Report
from course_utils.stack import Stack, expect_stack

FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))


@dataclass(frozen=True, repr=False)
class GaussianFit:
    """A Gaussian on a flat background: amplitude · exp(−Σ (position − centre)²/(2 sigma²)) + background.

    centre     (z, y, x) in voxels, with fractions; 0 is the middle of the first voxel.
    sigma      standard deviations (z, y, x) in µm; fwhm: full widths at half maximum, 2.355 times as large.
    amplitude  of the peak above the background; both in the stack's unit.
    """

    centre: tuple
    sigma: tuple
    amplitude: float
    background: float

    @property
    def fwhm(self):
        """Full widths at half maximum (z, y, x) in µm."""
        return tuple(float(FWHM_PER_SIGMA * s) for s in self.sigma)

    def __repr__(self):
        return str(self._report())

    def _repr_html_(self):
        return self._report()._repr_html_()

    def _report(self):
        return Report(
            (
                ("centre", _listed(self.centre, ".2f"), "voxels (z, y, x)"),
                ("FWHM", _listed(self.fwhm, ".3g"), "µm (z, y, x)"),
                ("amplitude", f"{self.amplitude:.4g}", "above the background"),
                ("background", f"{self.background:.4g}", ""),
            )
        )


def fit_gaussian(psf):
    """The Gaussian, with a flat background, nearest to a PSF or to the image of one bead in the mean square.

    psf  Stack; it may hold a background and need not be centred.
    Its centre and its width are those of the bright core: an aberrated PSF has its brightest voxel, its centre of mass
    and this centre at three places. Raises ValueError where nothing stands out.
    """
    expect_stack(psf, "psf")
    data, (low, high) = psf.data.astype(np.float64), _floor_and_peak(psf)
    scale = high - low
    axes = np.ogrid[tuple(slice(n) for n in psf.shape)]

    def misfit(parameters):
        centre, sigma, (amplitude, background) = parameters[:3], np.exp(parameters[3:6]), parameters[6:]
        return (amplitude * _gaussian(axes, centre, sigma) + background - (data - low) / scale).ravel()

    peak = np.unravel_index(psf.data.argmax(), psf.shape)
    widths = np.divide(fwhm(psf.with_data(psf.data - low)), psf.voxel_size) / FWHM_PER_SIGMA
    start = [*peak, *np.log(np.clip(widths, 0.5, np.divide(psf.shape, 4).clip(0.5))), 1, 0]
    found = optimize.least_squares(misfit, start, x_scale=[1, 1, 1, 0.3, 0.3, 0.3, 1, 0.1], method="lm").x
    sigma = np.exp(found[3:6]) * psf.voxel_size
    amplitude, background = scale * found[6], low + scale * found[7]
    return GaussianFit(tuple(map(float, found[:3])), tuple(map(float, sigma)), float(amplitude), float(background))


def find_beads(stack, *, min_distance, threshold=None):
    """Centres (n, 3) of the beads in a stack, in voxels (z, y, x) with fractions, the brightest first.

    min_distance  µm; of peaks nearer to each other than this, the brightest is the bead, the others are its rings.
    threshold     how far a bead, lightly smoothed, must stand out from what surrounds it, in the stack's unit. If
                  None: by seven standard deviations of the noise, and a tenth of what the brightest bead does. Give
                  one where the background is under half a photon a voxel: chance alone then heaps up photons.

    0 is the middle of the first voxel. A centre is that of the Gaussian that is most likely for the bead's photons: as
    wide as the beads are on average, on a flat background. It reaches the limit that photon noise sets, about
    σ/√photons, where the background is low. An aberrated PSF has no other centre than one that is agreed on; this one
    differs from that of its pupil by the same fraction of a voxel (to a tenth) for all beads. Returns (0, 3) where
    nothing stands out. The stack may be in counts: gain and offset only make the weights a little less than best.
    Mortensen, Churchman, Spudich & Flyvbjerg, Nat. Methods 7 (2010) 377, doi:10.1038/nmeth.1447.
    """
    expect_stack(stack, "stack")
    if not 0 < min_distance < np.inf:
        raise ValueError(
            f"min_distance is the least distance between two beads, in µm, and positive; got {min_distance}."
        )
    image = stack.data.astype(np.float64)
    peaks = _peaks(image, stack.voxel_size, min_distance, threshold)
    if not len(peaks):
        return np.empty((0, 3))
    sigma = _common_width(image, peaks[:20], min_distance / np.array(stack.voxel_size))
    noise = 1.4826 * np.median(np.abs(image - ndimage.gaussian_filter(image, 1.0)))
    found = [_most_likely(image, peak, sigma, noise) for peak in peaks]
    found.sort(key=lambda bead: -bead[1])
    return _apart(np.array([centre for centre, _ in found]), stack.voxel_size, min_distance)


def _peaks(image, voxel_size, min_distance, threshold):
    """Voxels (n, 3) that stand out from their surroundings, the brightest first."""
    reach = min_distance / np.array(voxel_size)
    above = image - np.median(image)  # zeros beyond the faces: a mirror there would double the noise
    smooth = ndimage.gaussian_filter(above, np.maximum(reach / 10, 1), mode="constant")
    outstanding = smooth - ndimage.gaussian_filter(above, np.maximum(reach, 2), mode="constant")
    if threshold is None:
        noise = 1.4826 * np.median(np.abs(outstanding - np.median(outstanding)))
        threshold = max(7 * noise, 0.1 * outstanding.max())
    is_peak = (outstanding > threshold) & (smooth == ndimage.maximum_filter(smooth, 3))
    peaks = np.argwhere(is_peak)
    return _apart(peaks[np.argsort(-outstanding[is_peak])], voxel_size, min_distance)


def _apart(centres, voxel_size, min_distance):
    """The centres that are no nearer than min_distance (µm) to one that comes before them."""
    kept = centres[:0]
    for centre in centres:
        if np.all(np.linalg.norm((kept - centre) * voxel_size, axis=1) >= min_distance):
            kept = np.vstack([kept, centre])
    return kept


def _common_width(image, peaks, reach):
    """Standard deviations (z, y, x), in voxels, of the mean image around these voxels, out to half of the reach."""
    half = np.maximum(np.ceil(reach / 2).astype(int), 2)
    padded = np.pad(image, [(h, h) for h in half], mode="edge")
    boxes = [padded[tuple(slice(p, p + 2 * h + 1) for p, h in zip(peak, half, strict=True))] for peak in peaks]
    fit = fit_gaussian(Stack(np.mean(boxes, axis=0), (1, 1, 1)))
    return np.clip(fit.sigma, 0.5, half)


def _most_likely(image, peak, sigma, noise):
    """Centre and amplitude of the Gaussian that is most likely near a peak: Fisher's scoring, axis by axis.

    The expected photons are μ = A g + b. Each step solves Σ ∂μ/∂c (y − μ)/μ = 0, linearised; a line gives A and b.
    """
    half = np.ceil(3 * sigma).astype(int)
    box = tuple(slice(max(p - h, 0), min(p + h + 1, n)) for p, h, n in zip(peak, half, image.shape, strict=True))
    y, axes, centre = image[box], np.ogrid[box], peak.astype(float)
    for _ in range(30):
        bell = _gaussian(axes, centre, sigma)
        amplitude, background = np.polyfit(bell.ravel(), y.ravel(), 1)
        amplitude = max(amplitude, 1e-12)
        variance = amplitude * bell + max(background, noise**2, 0.01 * amplitude)  # a bright halo is no Gaussian's
        residual = y - amplitude * bell - background
        slopes = [amplitude * bell * (x - c) / s**2 for x, c, s in zip(axes, centre, sigma, strict=True)]
        step = [np.sum(slope * residual / variance) / np.sum(slope**2 / variance) for slope in slopes]
        centre = np.clip(centre + np.clip(step, -0.5, 0.5), peak - sigma - 1, peak + sigma + 1)
        if np.abs(step).max() < 1e-3:
            break
    return centre, amplitude


def _gaussian(axes, centre, sigma):
    """exp(−Σ (x − centre)²/(2 sigma²)) on open axes (z, y, x)."""
    z, y, x = (np.exp(-0.5 * ((a - c) / s) ** 2) for a, c, s in zip(axes, centre, sigma, strict=True))
    return z * y * x


def _floor_and_peak(psf):
    """Median and maximum. Raises ValueError where they are alike."""
    low, high = float(np.median(psf.data)), float(psf.data.max())
    if not high > low:
        raise ValueError("nothing stands out from the background; fit_gaussian needs a stack with one bright bead.")
    return low, high


def _listed(values, form):
    return "(" + ", ".join(f"{value:{form}}" for value in values) + ")"
