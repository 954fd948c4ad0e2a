"""What was done to the numbers since the camera counted them: cut off, filled, stretched, compressed, smoothed."""

import numpy as np
from scipy import fft, ndimage

from course_utils.counts import find_gain
from course_utils.your_data.findings import CAREFUL, OK, REFUSED, Finding
from course_utils.your_data.photons import dark_level, even_out, fill

SATURATED, CLIPPED = 1e-4, 1e-3  # shares of the voxels above which a stack is refused
STEP = 1.1  # how much more neighbouring pixels may differ at one place of eight than at the others
RAW = "go back to the raw file"
GAIN_ASKED = (
    "is the offset missing, or the gain upside down? (gain is counts per photon; datasheets give electrons per count)"
)
COMPUTED = Finding("levels", "fractions", CAREFUL, "no camera's numbers: averaged, interpolated or computed")


def saturation(data):
    """A saturated maximum is a spike: it has far more voxels than the values just below it. Hot pixels are no light."""
    hot = hot_pixels(data)
    if not hot.any():
        return _spike(data)
    found = _spike(data[:, ~hot])
    if found.verdict != OK:
        return found
    meaning = "a hot pixel: replace it (Fiji: Remove Outliers), or it becomes a bright column"
    return Finding("saturation", f"{hot.sum()} of the pixels at the maximum in all planes", CAREFUL, meaning)


def hot_pixels(data):
    """A mask (y, x) of the pixels at the maximum in every plane, of which no neighbour is: a camera's, not light's."""
    stuck = (data == data.max()).all(axis=0)
    if len(data) < 3 or not stuck.any():
        return np.zeros(data.shape[1:], bool)
    return stuck & (ndimage.convolve(stuck.astype(int), np.ones((3, 3), int), mode="constant") == 1)


def _spike(data):
    top, bottom = data.max(), data.min()
    share = float(np.mean(data == top))
    _, counts = np.unique(data[data > top - 0.05 * (top - bottom)], return_counts=True)
    spike = counts.size and counts[-1] >= 5 and counts[-1] > 5 * (np.mean(counts[:-1]) if counts.size > 1 else 0)
    found = f"{100 * share:.2g} % at the maximum, {top:.6g}"
    if not spike:
        return Finding("saturation", found)
    if share <= SATURATED:
        return Finding("saturation", found, CAREFUL, "a few voxels are cut off: do not measure brightness there")
    meaning = (
        f"at most {100 * SATURATED:g} %: tops that were cut off are the blur of nothing, and ring; expose less, or, "
        f"where an export cut them, {RAW}"
    )
    return Finding("saturation", found, REFUSED, meaning)


def filling(stack):
    """A block of one constant value."""
    filled = fill(stack)
    if not filled.any():
        return Finding("fill", "none")
    found = f"{100 * filled.mean():.2g} % in blocks of {stack.data[filled][0]:.6g}"
    return Finding("fill", found, CAREFUL, "no specimen: its edge is sharp and not light; crop it away where you can")


def floor(stack):
    """Noise that was cut off below: scattered voxels at the minimum, more than at the value above it."""
    bottom = stack.data.min()
    at = (stack.data == bottom) & ~fill(stack)
    above = np.count_nonzero(stack.data == np.min(stack.data, where=stack.data > bottom, initial=np.inf))
    share, found = at.mean(), f"{100 * at.mean():.2g} % at the minimum, {bottom:.6g}"
    if share <= CLIPPED or at.sum() < 1.5 * above:
        return Finding("floor", found)
    if _single_photons(stack):
        meaning = "many voxels caught no photon: fine if these are raw counts, from which nothing was subtracted"
        return Finding("floor", found, CAREFUL, meaning)
    meaning = (
        f"at most {100 * CLIPPED:g} %: noise was cut off below, by a subtraction or a display range, and the dark is "
        f"now too bright; {RAW}"
    )
    return Finding("floor", found, REFUSED, meaning)


def levels(data):
    """Which values occur, between the 1st and 90th percentile: every whole number, if a camera counted them."""
    low, high = np.percentile(data, (1, 90))
    inside = data[(data >= low) & (data <= high)]
    values = np.unique(inside)
    whole = bool(np.all(values == np.rint(values)))
    if values.size < 3 or inside.size < 20 * values.size:  # too few voxels for each value to occur
        return Finding("levels", "whole numbers") if whole else COMPUTED
    steps = np.diff(values)
    step = float(np.median(steps))
    uneven = float(np.mean(np.abs(steps - step) > 0.02 * step))
    if uneven <= 0.05:
        return _even_levels(step, 1 + round(float(np.ptp(data)) / step), float(data.max()))
    meaning = (
        "these are no counts: the contrast was stretched, after the digitisation, and perhaps bent (gamma); the values "
        f"are not proportional to photons any more; {RAW}"
    )
    return (
        Finding("levels", f"{100 * uneven:.0f} % of steps are not {step:.4g}", REFUSED, meaning) if whole else COMPUTED
    )


def _even_levels(step, count, top):
    found = f"{count} levels" + (", whole numbers" if step == 1 else f", {step:.4g} apart")
    if step == 1 and top > 255:
        return Finding("levels", found)
    if step == 1:
        meaning = "no value above 255: a dim stack, or 8 bits; fine if the detector counted so, not as an export"
        return Finding("levels", found, CAREFUL, meaning)
    if step < 1:
        return Finding("levels", found, CAREFUL, "averages of several voxels, or scaled: the noise is not photons'")
    if count > 256 or step in (2, 4, 8, 16, 32, 64):
        meaning = "evenly stretched, as 12 bits in a 16-bit file are: no harm but to the gain"
        return Finding("levels", found, CAREFUL, meaning)
    meaning = f"8 bits, stretched: the steps may hide the noise; {RAW}, or divide by the step if a photon makes so many"
    return Finding("levels", found, REFUSED, meaning)


def blocks(data):
    """Compression with loss (JPEG) works on 8 × 8 pixels: where two of them meet, neighbours differ by more.

    Of light compression (a quality of 90 or more) nothing is seen.
    """
    if min(data.shape[1:]) < 40:
        return Finding("8 × 8 blocks", "too small to see")
    excess = min(_excess_at_one_of_eight(np.moveaxis(data, axis, -1)) for axis in (1, 2))
    found = f"{excess:.2f} of the change between others"
    if excess <= STEP:
        return Finding("8 × 8 blocks", found)
    meaning = (
        f"at most {STEP:g}: compressed with loss (JPEG), or enlarged by interpolation; all that is fine was changed; "
        f"{RAW}"
    )
    return Finding("8 × 8 blocks", found, REFUSED, meaning)


def _excess_at_one_of_eight(data):
    change = np.abs(np.diff(data, axis=-1)).mean(axis=(0, 1), dtype=np.float64)
    around = (change[:-4] + change[1:-3] + change[3:-1] + change[4:]) / 4
    ratio = change[2:-2] / np.maximum(around, 1e-30)
    return max(float(np.median(ratio[k::8])) for k in range(8))


def noise(stack, settings):
    """Raw noise is white, new in each plane, and as strong as photons make it."""
    even = even_out(stack, settings)
    white, alike = whiteness_of_noise(even)
    found = f"whiteness {white:.2f}, planes alike {alike:.2f}"
    strength = possible = 1.0
    if settings.gain is not None and not settings.gain_from:
        y = settings.camera.photons(even)
        strength = find_gain(y)
        # as strong as it could be, if all of the dark were offset, or if the gain were the inverse of what was given
        mean = float(np.mean(y.data))
        possible = strength * max(mean / max(mean - dark_level(y), 1e-3 * mean), settings.gain**2)
        found += f", {strength:.2g} of photons'"
    if strength < 0.3 and possible > 0.6 and white >= 0.7 and abs(alike) <= 0.2:
        meaning = f"white, yet too weak: {GAIN_ASKED}"
        return Finding("noise", found, CAREFUL, meaning)
    if strength < 0.3 or (white < 0.7 and alike > 0.5):
        meaning = f"denoised, smoothed or deconvolved already: there is no photon noise to weigh by; {RAW}"
        return Finding("noise", found, REFUSED, meaning)
    if white < 0.7 or abs(alike) > 0.2 or not 0.6 < strength < 2:
        meaning = "smoothed or interpolated a little, or a wrong gain: the choice of iterations will be off"
        return Finding("noise", found, CAREFUL, meaning)
    return Finding("noise", found)


def whiteness_of_noise(stack):
    """(whiteness, likeness of neighbouring planes) of what lies beyond ⅜ cycles a voxel along y and x: (1, 0) if raw.

    Whiteness: the power beyond 7/16 over the rest. Likeness: the correlation of a plane with the next one.
    """
    ny, nx = stack.shape[1:]
    window = np.hanning(ny + 2)[1:-1, None] * np.hanning(nx + 2)[1:-1]
    ky, kx = np.abs(fft.fftfreq(ny)), fft.rfftfreq(nx)
    y, x = ky > 3 / 8, kx > 3 / 8
    corner = fft.rfft2(stack.data * window.astype(np.float32))[:, y][:, :, x]
    outer = np.minimum(ky[y][:, None], kx[x]) > 7 / 16
    power = np.abs(corner) ** 2
    if not outer.any() or outer.all() or not np.median(power[:, ~outer]) > 0:
        return 1.0, 0.0
    white = np.median(power[:, outer]) / np.median(power[:, ~outer])
    products = np.sum((corner[1:] * corner[:-1].conj()).real, axis=(1, 2))
    sizes = np.sqrt(power[1:].sum(axis=(1, 2)) * power[:-1].sum(axis=(1, 2)))
    return float(white), float(np.median(products / np.maximum(sizes, 1e-30))) if products.size else 0.0


def _single_photons(stack):
    """Whether a photon is one count: then a voxel without any is nothing strange."""
    return bool(np.all(stack.data == np.rint(stack.data))) and find_gain(stack) < 1.5
