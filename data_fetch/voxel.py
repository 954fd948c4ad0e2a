"""The voxel size that a TIFF file records, in µm."""

import re
from xml.etree import ElementTree

from course_utils.stack import check_voxel_size

MICROMETRES = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "um": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "dm": 1e5,
    "m": 1e6,
    "in": 25400.0,
}
ALIASES = {
    **dict.fromkeys(["µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"], "um"),
    **dict.fromkeys(["nanometer", "nanometers", "nanometre", "nanometres"], "nm"),
    **dict.fromkeys(["millimeter", "millimeters", "millimetre", "millimetres"], "mm"),
    **dict.fromkeys(["centimeter", "centimeters", "centimetre", "centimetres"], "cm"),
    **dict.fromkeys(["meter", "meters", "metre", "metres"], "m"),
    **dict.fromkeys(["inch", "inches", '"'], "in"),
    **dict.fromkeys(["Å", "angstrom", "ångström"], "Å"),  # the sign U+212B and the letter U+00C5 look alike
}


def micrometres(unit):
    """How many µm one `unit` is, or None for a pixel and for any unit that is not a length."""
    # ImageJ writes its µ escaped, as the six characters \u00B5
    unit = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code[1], 16)), str(unit or "")).strip()
    unit = ALIASES.get(unit, ALIASES.get(unit.lower(), unit))
    return MICROMETRES.get(unit)


def recorded_voxel_size(tif, index=0):
    """(dz, dy, dx) in µm of series `index` of an open TiffFile; None stands for each edge that is not recorded."""
    if tif.is_ome:
        return _of_ome(tif.ome_metadata, index)
    if tif.is_imagej:
        return _of_imagej(tif)
    # The resolution tags of a plain TIFF are mostly a printer's 72 dpi, and never give the z step.
    return None, None, None


def choose_voxel_size(given, recorded, name):
    """The voxel size that the caller gave, else the recorded one; a ValueError names the argument where neither is."""
    if given is not None:
        return check_voxel_size(given)
    absent = [axis for axis, size in zip("zyx", recorded, strict=True) if size is None]
    if absent:
        known = ", ".join(f"d{axis} = {size:.4g} µm" for axis, size in zip("zyx", recorded, strict=True) if size)
        raise ValueError(
            f"{name} does not record the voxel's size along {', '.join(absent)}"
            f"{f' (it does record {known})' if known else ''}. Give it in µm, in the order z, y, x: "
            "read_stack(path, voxel_size=(dz, dy, dx))."
        )
    return check_voxel_size(recorded)


def _of_ome(xml, index):
    pixels = [e for e in ElementTree.fromstring(xml).iter() if e.tag.rpartition("}")[2] == "Pixels"]
    if index >= len(pixels):
        return None, None, None
    return tuple(_ome_length(pixels[index], f"PhysicalSize{axis}") for axis in "ZYX")


def _ome_length(pixels, key):
    unit = micrometres(pixels.get(key + "Unit", "µm"))  # µm is what the OME schema takes where no unit stands
    return _positive(pixels.get(key), unit)


def _of_imagej(tif):
    metadata = tif.imagej_metadata or {}
    unit = micrometres(metadata.get("unit"))
    tags = tif.pages[0].tags
    lateral = [_per_pixel(tags[key].value if key in tags else None) for key in ("YResolution", "XResolution")]
    # ImageJ flips the sign of the spacing for a stack taken from the other side
    spacing = metadata.get("spacing")
    depth = abs(spacing) if isinstance(spacing, int | float) else None
    return tuple(_positive(length, unit) for length in (depth, *lateral))


def _per_pixel(resolution):
    """A TIFF resolution is a fraction, in pixels per unit."""
    numerator, denominator = resolution or (0, 0)
    return denominator / numerator if numerator else None


def _positive(length, unit):
    try:
        length = float(length) * unit
    except (TypeError, ValueError):
        return None
    return length if 0 < length < float("inf") else None
