"""The methods paragraph of a paper, from the Settings of a run: all that somebody else needs to do the same."""

import importlib.metadata
import platform

from course_utils.optics.measured_psf import um

PACKAGES = ("deconvolution-course", "numpy", "scipy", "tifffile")
MODELS = {
    "wide-field": "the model of Gibson and Lanni (computed after Li et al., doi:10.1364/JOSAA.34.001029)",
    "light-sheet": "the model of Gibson and Lanni (computed after Li et al., doi:10.1364/JOSAA.34.001029), times a "
    "Gaussian light sheet of {sheet:g} µm full width at half maximum",
    "confocal": "the model of Gibson and Lanni (computed after Li et al., doi:10.1364/JOSAA.34.001029) for excitation "
    "at {excitation:g} µm and for detection through a {pinhole}",
}
ALGORITHMS = {
    "rl": "Richardson–Lucy deconvolution (doi:10.1364/JOSA.62.000055, doi:10.1086/111605)",
    "rl-fast": "Richardson–Lucy deconvolution (doi:10.1364/JOSA.62.000055, doi:10.1086/111605), accelerated by "
    "momentum and a line search (after doi:10.1364/JOSAA.8.000893)",
    "rl-tv": "Richardson–Lucy deconvolution with total variation (doi:10.1002/jemt.20294)",
}


def versions():
    """{"Python": …, package: version, …} of what computed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def paragraph(stack, psf, settings, *, psf_from, stopping):
    """The text, from Settings that are settled. What is not known stands in it as [… not known], to be filled in.

    psf_from  that of the Source. stopping: how n_iter was chosen, as the end of a sentence.
    """
    parts = (_acquisition(stack, settings), _psf(psf, settings, psf_from), _algorithm(settings, stopping))
    return " ".join((*parts, _treatment(settings), _software()))


def missing(text):
    """What a paragraph still has to be told: its [… not known], without the brackets."""
    return [part.partition("]")[0] for part in text.split("[")[1:]]


def _acquisition(stack, settings):
    size = " × ".join(map(str, stack.shape))
    optics = [f"NA {_of(settings.NA, 'NA')}", f"emission {_of(settings.wavelength, 'emission wavelength', ' µm')}"]
    if settings.NA is not None:
        optics.append(_taken(settings, "n_immersion", "immersion index"))
        optics.append(_taken(settings, "n_specimen", "specimen index"))
        optics.append(_taken(settings, "depth", "depth", " µm"))
    microscope = settings.microscope
    if "microscope" in settings.assumed:
        microscope = f"[microscope not known, taken as {microscope}]"
    planes = (
        ""
        if settings.planes is None
        else " (planes {} to {} of the file, the first being 1)".format(*_ends(settings.planes))
    )
    return (
        f"A {microscope} stack of {size} voxels of {um(stack.voxel_size)} (z, y, x){planes} was deconvolved "
        f"({', '.join(optics)})."
    )


def _psf(psf, settings, psf_from):
    size = " × ".join(map(str, psf.shape))
    if psf_from == "measured":
        return (
            "The point spread function was measured on a bead, freed of background, centred, resampled to the stack's "
            f"voxel and normalised to unit sum ({size} voxels)."
        )
    if psf_from == "given":
        return f"The point spread function was the one that belongs to the data set {settings.sample} ({size} voxels)."
    model = MODELS[settings.microscope].format(
        sheet=settings.sheet or 0, excitation=settings.excitation or 0, pinhole=_pinhole(settings)
    )
    return (
        f"The point spread function was computed by {model}, integrated over the voxel, with unit sum ({size} voxels)."
    )


def _pinhole(settings):
    if "pinhole" in settings.assumed:
        return _taken(settings, "pinhole", "pinhole", " Airy units")
    return f"pinhole of {settings.pinhole:g} Airy units"


def _algorithm(settings, stopping):
    tv = f" (weight {settings.weight:.3g})" if settings.method == "rl-tv" else ""
    return f"We used {ALGORITHMS[settings.method]}{tv}, stopped after {settings.n_iter} iterations {stopping}."


def _treatment(settings):
    gain = _of(settings.gain, "gain of the camera", " counts per photon")
    if settings.gain_from:
        gain = f"{settings.gain:.3g} counts per photon, {settings.gain_from} [gain of the camera not known]"
    found = f" ({settings.background_from})" if settings.background_from else ""
    if settings.read_noise:
        found += (
            f", and {(settings.read_noise / (settings.gain or 1)) ** 2:.3g} more for the variance of the read noise,"
        )
    offset = _taken(settings, "offset", "offset", " counts")
    read_noise = _taken(settings, "read_noise", "read noise", " counts")
    return (
        f"Counts were turned into photons (gain {gain}; {offset}; {read_noise}). A background of "
        f"{settings.background:.3g} photons a voxel{found} was part of the model and was not subtracted. The estimate "
        "reached beyond the field of view by the reach of the point spread function (open edges, "
        "doi:10.1051/0004-6361:20052717), and was cropped to it. No other filter was applied, and the result was not "
        "rescaled."
    )


def _software():
    found = versions()
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"Computed with {listed}."


def _of(value, name, unit=""):
    return f"[{name} not known]" if value is None else f"{value:g}{unit}"


def _taken(settings, name, label, unit=""):
    """The label and the value; in brackets, as not known, where nobody said it and the default was taken."""
    value = f"{getattr(settings, name):g}{unit}"
    return f"[{label} not known, taken as {value}]" if name in settings.assumed else f"{label} {value}"


def _ends(planes):
    """First and last plane, counted from 1 as Fiji does."""
    return planes[0] + 1, planes[1]
