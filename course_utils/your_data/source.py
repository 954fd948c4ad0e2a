"""Where a run begins: the stack, what its file tells of the microscope, and the PSF."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

import data_fetch
from course_utils import optics
from course_utils.stack import Stack
from data_fetch.voxel import micrometres

# what the course knows of its own samples beside what a Bundle says
SAMPLES = {
    "lattice-cell": {"microscope": "light-sheet", "offset": 98.0},
    "nuclei": {"microscope": "confocal"},
    **dict.fromkeys(("capstone", "microtubules", "widefield-bead"), {"microscope": "wide-field"}),
}
MODES = {  # of OME's AcquisitionMode
    "WideField": "wide-field",
    "LaserScanningConfocalMicroscopy": "confocal",
    "SpinningDiskConfocal": "confocal",
    "SPIM": "light-sheet",
}
IMMERSIONS = {"Oil": 1.515, "Water": 1.33, "WaterDipping": 1.33, "Air": 1.0, "Glycerol": 1.47}


class Source(NamedTuple):
    """A stack; the PSF that came with it, or None; the Settings, completed; and what else is known, as short texts.

    psf_from  "measured", "given" (it came with the sample, and was not measured) or "computed" (from the optics).
    """

    stack: Stack
    psf: Stack | None
    settings: object
    facts: dict
    psf_from: str = "computed"


def find(settings, *, given=(), fill=True):
    """The Source that the Settings name. What they leave open is filled from the file, or from the sample.

    given  names of the Settings that stand as they are, even at the default. fill=False: so do all (but for a voxel
    that is not known). Where the file says otherwise (but of the voxel), the facts tell. Paths become absolute.
    Raises ValueError where the voxel is not known, or the planes are not there.
    """
    settings = replace(settings, **{k: _absolute(getattr(settings, k)) for k in ("path", "psf_path")})
    if settings.path:
        stack = _read(settings.path, settings.voxel_size, "voxel_size")
        known, psf, facts = recorded(settings.path), None, {"file": Path(settings.path).name}
    else:
        name, _, size = settings.sample.partition(":")
        simulated = name == "microtubules"  # its voxel is known
        bundle = data_fetch.load(name, None if simulated else settings.voxel_size, size=size or None)
        stack = getattr(bundle, "stack", bundle)
        psf, facts = getattr(bundle, "psf", None), getattr(bundle, "facts", {})
        known = _of_bundle(bundle, facts) | SAMPLES.get(name, {})
    psf_from = "computed" if psf is None else "measured" if "measured on a bead" in facts.get("psf", "") else "given"
    if settings.psf_path:
        psf_from, psf = (
            "measured",
            optics.clean_psf(_read(settings.psf_path, settings.psf_voxel_size, "psf_voxel_size")),
        )
    if settings.planes is not None:
        if settings.planes[1] > stack.shape[0]:
            raise ValueError(f"planes={settings.planes} end beyond the stack, which has {stack.shape[0]}: 0 to stop.")
        stack = stack.with_data(stack.data[slice(*settings.planes)])
    if fill:
        settings = settings.filled(given, voxel_size=stack.voxel_size, **known)
    settings = replace(settings, voxel_size=stack.voxel_size)
    return Source(stack, psf, settings, facts | _overruled(settings, known), psf_from)


def make_psf(source):
    """The PSF on the stack's grid: the measured one resampled, or one computed from the optics. ValueError for neither.

    Computed: Gibson–Lanni, times the light sheet; or of a confocal microscope, excitation times detection.
    """
    stack, settings = source.stack, source.settings
    if source.psf is not None:
        psf = optics.resample(source.psf, stack.voxel_size)
        return psf.with_data(psf.data / psf.data.sum(dtype=np.float64))
    if settings.optics is None:
        raise ValueError(
            "no PSF: neither a measured one (psf_path), nor NA and emission wavelength to compute one from. Both stand "
            "on the objective and on the filter."
        )
    grid = psf_shape(stack, settings), stack.voxel_size
    psf = optics.gibson_lanni_psf(settings.optics, *grid)
    if settings.microscope == "light-sheet":
        return optics.lightsheet_psf(psf, thickness=_needed(settings.sheet, "sheet", "the light sheet's thickness"))
    if settings.microscope == "confocal":
        excitation = _needed(settings.excitation, "excitation", "the laser's wavelength")
        lit = replace(settings.optics, wavelength=excitation)
        airy = 1.22 * settings.wavelength / settings.optics.passed_NA
        return optics.confocal_psf(optics.gibson_lanni_psf(lit, *grid), psf, pinhole=settings.pinhole * airy)
    return psf


def psf_shape(stack, settings):
    """Planes and pixels that a computed PSF needs, odd: the haze of a wide-field plane reaches all the others.

    Along z twice the stack; with a confocal or a light-sheet microscope, no more than eight of its axial resolutions.
    Laterally as wide as the cone of light is there, but at most two thirds of the field of view.
    """
    o, (dz, *_) = settings.optics, stack.voxel_size
    half = stack.shape[0] - 1
    if settings.microscope != "wide-field":
        half = min(half, int(np.ceil(8 * optics.nyquist(o)[0] / dz)))
    tangent = o.passed_NA / np.sqrt(o.n_immersion**2 - o.passed_NA**2)
    sides = []
    for n, d in zip(stack.shape[1:], stack.voxel_size[1:], strict=True):
        cone = int(np.ceil((half * dz * tangent + 2 * o.wavelength / o.NA) / d))
        sides.append(2 * max(min(cone, n // 3), 1) + 1)
    return (2 * half + 1, *sides)


def recorded(path):
    """What an OME-TIFF tells of the microscope, in the names of Settings; {} for any other file."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        if not tif.is_ome:
            return {}
        elements = list(ElementTree.fromstring(tif.ome_metadata).iter())
    found = {e.tag.rpartition("}")[2]: e for e in reversed(elements)}  # the first of each kind

    def number(kind, key, factor=1.0):
        text = found[kind].get(key) if kind in found else None
        try:
            return round(factor * float(text), 9)  # 410 nm are 0.41 µm, as one would type it
        except (TypeError, ValueError):
            return None

    objective, channel = found.get("Objective", {}), found.get("Channel", {})
    index = number("ObjectiveSettings", "RefractiveIndex")
    return {
        "NA": number("Objective", "LensNA"),
        "n_immersion": index or IMMERSIONS.get(objective.get("Immersion")),
        "wavelength": number("Channel", "EmissionWavelength", _unit(channel, "EmissionWavelengthUnit")),
        "excitation": number("Channel", "ExcitationWavelength", _unit(channel, "ExcitationWavelengthUnit")),
        "microscope": MODES.get(channel.get("AcquisitionMode")),
    }


def _absolute(path):
    return str(Path(path).resolve()) if path else ""


def _read(path, voxel_size, name):
    """The Stack in a file; where its voxel is not known, the error says where to write it."""
    try:
        return data_fetch.read_stack(path, voxel_size)
    except ValueError as error:
        asked = f'GIVEN = {{"{name}": (dz, dy, dx)}}'
        raise ValueError(str(error).replace("read_stack(path, voxel_size=(dz, dy, dx))", asked)) from None


def _overruled(settings, known):
    """{name: "the file says …, you said …"} where the two differ."""
    said = {name: (value, getattr(settings, name)) for name, value in known.items() if value is not None}
    return {
        name: f"the file says {theirs}, you said {yours}: yours is taken"
        for name, (theirs, yours) in said.items()
        if theirs != yours
    }


def _unit(element, key):
    return micrometres(element.get(key, "nm"))


def _of_bundle(bundle, facts):
    """Optics and camera of a Bundle; a camera of which the gain was only assumed is none."""
    known, o, camera = {}, getattr(bundle, "optics", None), getattr(bundle, "camera", None)
    if o is not None:
        known = {name: getattr(o, name) for name in ("NA", "wavelength", "n_immersion", "n_specimen", "depth")}
    if camera is not None and "not recorded" not in facts.get("camera", ""):
        known |= {"gain": camera.gain, "offset": camera.offset, "read_noise": camera.read_noise}
    return known


def _needed(value, name, what):
    if value is None:
        raise ValueError(f"{name} is not known: {what} in µm is needed to compute the PSF.")
    return value
