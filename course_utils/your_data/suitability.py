"""Is a stack fit for deconvolution? One question a row: what was found, the verdict, why, and what to do.

Deconvolution believes what it is given: that a voxel's value is light times a constant, plus a constant, plus noise of
its own, at a spacing that loses nothing. Where that is not so, it makes structure of the damage.
"""

import numpy as np

from course_utils.optics import fwhm, nyquist
from course_utils.optics.measured_psf import um
from course_utils.report import Report
from course_utils.stack import expect_stack
from course_utils.your_data import damage
from course_utils.your_data.findings import CAREFUL, OK, REFUSED, Finding, Suitability
from course_utils.your_data.photons import dark_level, settle
from course_utils.your_data.planes import planes_light

# of the Nyquist voxel of a wide-field microscope: up to where nothing is lost, and above what a stack is refused.
# A confocal one resolves up to twice as much, of which little is above the noise.
COARSE = {"wide-field": (1.02, 1.5), "light-sheet": (1.02, 1.5), "confocal": (0.6, 1.02)}
ENOUGH = 4e6  # voxels that the statistics look at


def examine(stack, settings, psf=None):
    """The Suitability of a stack that was taken as the Settings say; `psf` on its grid, if there is one already."""
    expect_stack(stack, "stack")
    some = stack.with_data(stack.data[:: max(1, int(stack.data.size / ENOUGH))])
    rows = [
        _planes(stack, settings, psf),
        planes_light(stack, psf),
        damage.saturation(some.data),
        damage.floor(some),
        damage.filling(some),
        damage.levels(some.data),
        damage.blocks(some.data),
        damage.noise(stack, settings),
        _sampling(stack, settings, psf),
        _room(stack, settings, psf),
        _photons(stack, settings),
        _dark(stack, settings),
    ]
    return Suitability(tuple(rows))


def verdicts(found):
    """{name: Suitability} as a Report: the verdict on each, the rows that it is due to, and what was found there."""
    return Report(
        tuple(
            (name, str(f), "; ".join(f"{row.found}: {row.meaning}" for row in f.decisive()))
            for name, f in found.items()
        )
    )


def _planes(stack, settings, psf):
    n, found = stack.shape[0], f"{stack.shape[0]} over {stack.extent[0]:.3g} µm"
    if n < 3:
        meaning = "a plane or a projection does not say what lies above what; take the z series that it was made of"
        return Finding("planes", found, REFUSED, meaning)
    limits = limits_of(settings, psf)
    if limits is not None and stack.extent[0] < 7 * limits[0]:
        meaning = f"less than four times the PSF's length ({1.8 * limits[0]:.2g} µm): little is known along z"
        return Finding("planes", found, CAREFUL, meaning)
    return Finding("planes", found)


def _sampling(stack, settings, psf):
    limits = limits_of(settings, psf)
    if limits is None:
        return Finding("sampling", um(stack.voxel_size), CAREFUL, "neither optics nor PSF known: not to be judged")
    ratios = [d / limit for d, limit in zip(stack.voxel_size, limits, strict=True)]
    fine, most = COARSE[settings.microscope]
    found = f"{ratios[0]:.2f} of Nyquist's step along z, {max(ratios[1:]):.2f} across"
    if max(ratios) <= fine:
        return Finding("sampling", found)
    if max(ratios) <= most:
        return Finding("sampling", found, CAREFUL, f"the finest detail is lost; up to {fine:g} keeps all")
    meaning = (
        f"at most {most:g}, better {fine:g}: what is finer than two voxels shows up as something coarser that is not "
        f"there, and no PSF says so; take voxels of at most "
        f"{um([fine * limit for limit in limits])} (and is the order of yours z, y, x?)"
    )
    return Finding("sampling", found, REFUSED, meaning)


def limits_of(settings, psf):
    """Nyquist's step (z, y, x) of a wide-field microscope: from the optics, else from the PSF's widths, else None.

    At any NA from 0.8 on the PSF is some 1.8 steps long and 2.06 wide (FWHM).
    """
    if settings.optics is not None:
        axial, lateral = nyquist(settings.optics)
        return axial, lateral, lateral
    return None if psf is None else tuple(w / k for w, k in zip(fwhm(psf), (1.8, 2.06, 2.06), strict=True))


def _room(stack, settings, psf):
    """A computed PSF is as long as it must be, and says nothing of whether the stack is."""
    if psf is None:
        return Finding("PSF", "none yet", CAREFUL, "give NA and emission wavelength, or a measured bead")
    found = " × ".join(map(str, psf.shape))
    computed = settings.optics is not None and not settings.psf_path
    if stack.extent[0] < 4 * fwhm(psf)[0] if computed else psf.shape[0] > stack.shape[0]:
        meaning = "longer than the stack: light of planes that were not taken is in those that were; take more"
        return Finding("PSF", found, CAREFUL, meaning)
    return Finding("PSF", found)


def _photons(stack, settings):
    settled = settle(stack, settings)
    light = settled.camera.photons(stack).data
    peak = float(np.percentile(light, 99.9)) - settled.background
    if settings.gain is None:
        found = f"{peak:.3g} in bright voxels, at {settled.gain:.2g} counts each"
        return Finding("photons", found, CAREFUL, "gain not known, this one is the noise's; measure it (chapter 1)")
    found = f"{peak:.3g} in bright voxels"
    return Finding("photons", found, *((OK, "") if peak >= 10 else (CAREFUL, "few: expect little")))


def _dark(stack, settings):
    least, level = float(stack.data.min()), dark_level(stack)
    found = f"{level:.4g}, the least value {least:.4g}"
    if least < 0:
        meaning = f"negative: a background was subtracted, and photons are never negative; {damage.RAW}"
        return Finding("dark level", found, REFUSED, meaning)
    if level < 0.95 * settings.offset - 3 * settings.read_noise:
        meaning = f"below the camera's offset, {settings.offset:g}: these are not its counts any more; {damage.RAW}"
        return Finding("dark level", found, REFUSED, meaning)
    if level <= 0:
        return Finding("dark level", found, CAREFUL, "no camera is that dark: an offset or a background was taken off")
    return Finding("dark level", found)
