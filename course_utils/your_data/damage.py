"""What was done to the numbers since the camera counted them: cut off, filled, stretched, compressed, smoothed."""

import numpy as np
from scipy import fft

from course_utils.counts import find_gain
from course_utils.your_data.findings import CAREFUL, REFUSED, Finding
from course_utils.your_data.photons import dark_level, fill

SATURATED, CLIPPED = 1e-4, 1e-3  # shares of the voxels above which a stack is refused
STEP = 1.1  # how much more neighbouring pixels may differ at one place of eight than at the others
RAW = "go back to the raw file"
COMPUTED = Finding("levels", "fractions", CAREFUL, "no camera's numbers: averaged, interpolated or computed")


def saturation(data):
    """A saturated maximum is a spike: it has far more voxels than the values just below it."""
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


def planes_light(stack):
    """The light of each plane, against its neighbours: no PSF falls from plane to plane as a lamp or a computer can."""
    first, stop = even_planes(stack)
    light = _light(stack)
    jumps = [k for k in range(1, len(light) - 1) if not 0.8 < 2 * light[k] / (light[k - 1] + light[k + 1]) < 1.25]
    jumps = [k for k in jumps if first < k < stop - 1]
    if (first, stop) != (0, stack.shape[0]):
        odd, inner = (0, first) if first else (stack.shape[0] - 1, stop - 1)
        found = f"plane {odd} has {light[odd] / light[inner]:.2f} of the light of plane {inner}"
        meaning = f"left over from straightening: it makes layers; leave it out, planes=({first}, {stop})"
        return Finding("planes' light", found, CAREFUL, meaning)
    if jumps:
        meaning = "a lamp that flickers, or a plane that failed: it makes layers"
        return Finding("planes' light", f"plane {jumps[0]} differs from its neighbours", CAREFUL, meaning)
    return Finding("planes' light", "goes on smoothly")


def even_planes(stack):
    """(first, stop) of the planes, without those at the ends that have less than 0.6 of the next one's light.

    Where that next one is dim itself, below a fifth of the brightest, the specimen may well end there.
    """
    light, first, stop = _light(stack), 0, stack.shape[0]
    bright = 0.2 * light.max()
    while stop - first > 3 and light[first] < 0.6 * light[first + 1] and light[first + 1] > bright:
        first += 1
    while stop - first > 3 and light[stop - 1] < 0.6 * light[stop - 2] and light[stop - 2] > bright:
        stop -= 1
    return first, stop


def _light(stack):
    """The mean light of each plane above the dark level, at least a hundredth of the brightest plane's."""
    light = np.maximum(stack.data - dark_level(stack), 0).mean(axis=(1, 2), dtype=np.float64)
    return np.maximum(light, 0.01 * light.max())


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
        meaning = "8 bits: fine as the detector's own counts, not as an export for the eye"
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
    meaning = f"at most {STEP:g}: compressed with loss (JPEG), and all that is fine was changed; {RAW}"
    return Finding("8 × 8 blocks", found, REFUSED, meaning)


def _excess_at_one_of_eight(data):
    change = np.abs(np.diff(data, axis=-1)).mean(axis=(0, 1), dtype=np.float64)
    around = (change[:-4] + change[1:-3] + change[3:-1] + change[4:]) / 4
    ratio = change[2:-2] / np.maximum(around, 1e-30)
    return max(float(np.median(ratio[k::8])) for k in range(8))


def noise(stack, settings):
    """Raw noise is white, new in each plane, and as strong as photons make it."""
    white, alike = whiteness_of_noise(stack)
    found = f"whiteness {white:.2f}, planes alike {alike:.2f}"
    strength = 1.0
    if settings.gain is not None and not settings.gain_from:
        strength = find_gain(settings.camera.photons(stack))
        found += f", {strength:.2g} of photons'"
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
