"""The light of the planes, one after the other: which of them are without it."""

import numpy as np

from course_utils.your_data.findings import CAREFUL, Finding
from course_utils.your_data.photons import dark_level


def planes_light(stack, psf=None):
    """The light of each plane, against its neighbours: a lamp or a computer can change it faster than the PSF lets."""
    first, stop = even_planes(stack, psf)
    light, (least, most) = _light(stack), _bends(psf)
    jumps = [k for k in range(first + 1, stop - 1) if not least < _bend(light, k) < most]
    if (first, stop) != (0, stack.shape[0]):
        end, odd, inner = ("first", 0, first) if first else ("last", -1, stop - 1)
        found = f"the {end} plane has {light[odd] / light[inner]:.2f} of the light of plane {inner + 1}"
        meaning = (
            f"a plane without its light (straightening, shutter): it makes layers; leave it out: "
            f"planes=({first}, {stop}) keeps planes {first + 1} to {stop}, the first being 1"
        )
        return Finding("planes' light", found, CAREFUL, meaning)
    if jumps:
        meaning = "a lamp that flickers, or a plane that failed: it makes layers"
        found = f"plane {jumps[0] + 1} of {len(light)} differs from its neighbours"
        return Finding("planes' light", found, CAREFUL, meaning)
    return Finding("planes' light", "goes on smoothly")


def even_planes(stack, psf=None):
    """(first, stop) of the planes, without those at the ends that have far less light than the next one.

    Far less: below 0.6 of it; or, if a PSF on the grid of the stack falls faster itself from one plane to the next,
    below 0.8 of its own fall, since a flat specimen at the end does what the PSF does. Where that next plane is dim
    itself, below a fifth of the brightest, the specimen may well end there.
    """
    light, first, stop = _light(stack), 0, stack.shape[0]
    bright, (rise, fall) = 0.2 * light.max(), _steps(psf)
    while stop - first > 3 and light[first] < rise * light[first + 1] and light[first + 1] > bright:
        first += 1
    while stop - first > 3 and light[stop - 1] < fall * light[stop - 2] and light[stop - 2] > bright:
        stop -= 1
    return first, stop


def _steps(psf):
    """The least share of the next plane's light that is not strange, at the first and at the last plane."""
    if psf is None:
        return 0.6, 0.6
    light = _floored(psf.data.sum(axis=(1, 2), dtype=np.float64))
    return tuple(
        0.8 * float(np.min((s[:-1] / s[1:])[s[1:] > 0.2 * light.max()], initial=0.75)) for s in (light, light[::-1])
    )


def _bend(light, k):
    """The light of a plane over the mean of its neighbours'."""
    return 2 * light[k] / (light[k - 1] + light[k + 1])


def _bends(psf):
    """Between which bends nothing is strange: those of the PSF's own planes, or what any specimen may do."""
    light = np.ones(1) if psf is None else _floored(psf.data.sum(axis=(1, 2), dtype=np.float64))
    own = [1.0, *(_bend(light, k) for k in range(1, len(light) - 1))]
    return 0.8 * min(own), 1.25 * max(own)


def _light(stack):
    """The mean light of each plane above the dark level."""
    return _floored(np.maximum(stack.data - dark_level(stack), 0).mean(axis=(1, 2), dtype=np.float64))


def _floored(light):
    """At least a hundredth of the brightest plane's: what is darker is noise, and may be 0."""
    return np.maximum(light, 0.01 * light.max())
