"""All that a run on one's own data depends on, in one value that can be written down and read back."""

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from course_utils.deconvolve import METHODS
from course_utils.formation import Camera
from course_utils.optics import Optics
from course_utils.stack import check_voxel_size, expect_micrometres

ASSUMED = ("microscope", "n_immersion", "n_specimen", "depth", "pinhole", "offset", "read_noise")  # have a default
MICROSCOPES = ("wide-field", "confocal", "light-sheet")
FOUND = ("gain_from", "background_from")  # what the course says of itself
FORMAT = "deconvolution-course run, 1"


@dataclass(frozen=True)
class Settings:
    """What was measured, through which optics, and what is done with it. None: not known.

    path, sample  a TIFF of one's own; where it is empty, one of the course's data sets.
                  "microtubules:small" is that of the small size.
    voxel_size    (dz, dy, dx) in µm; None takes what the file records.
    planes        (first, stop) of those that are used; all if None.
    microscope    "wide-field", "confocal" or "light-sheet".
    NA, wavelength, n_immersion, n_specimen, depth   as for `optics.Optics`: emission, in µm.
    excitation    wavelength in µm, and pinhole, in Airy units of the emission: of a confocal microscope.
    sheet         full width at half maximum of the light sheet, in µm.
    psf_path      TIFF of one measured bead; where it is empty, the sample's own PSF, or one computed from the optics.
    psf_voxel_size    its voxel, as voxel_size.
    gain, offset, read_noise    of the camera, as for `formation.Camera`; `settle` finds a gain where none is known.
    gain_from, background_from    how they were found, where they were not measured: for the reader.
    method, n_iter, weight, background    as for `deconvolve.deconvolve`.
    assumed       names of what nobody said, so that the default was taken: `filled` notes them.
    Raises ValueError for a value that cannot be right.
    """

    path: str = ""
    sample: str = ""
    voxel_size: tuple | None = None
    planes: tuple | None = None
    microscope: str = "wide-field"
    NA: float | None = None
    wavelength: float | None = None
    n_immersion: float = 1.515
    n_specimen: float = 1.33
    depth: float = 0.0
    excitation: float | None = None
    pinhole: float = 1.0
    sheet: float | None = None
    psf_path: str = ""
    psf_voxel_size: tuple | None = None
    gain: float | None = None
    offset: float = 0.0
    read_noise: float = 0.0
    method: str = "rl"
    n_iter: int | str = "auto"
    weight: float | str = "auto"
    background: float | str = "auto"
    gain_from: str = ""
    background_from: str = ""
    assumed: tuple = ()

    def __post_init__(self):
        object.__setattr__(self, "assumed", tuple(self.assumed))
        for name, what in (("voxel_size", "the stack"), ("psf_voxel_size", "the PSF")):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_voxel_size(getattr(self, name)))
                expect_micrometres(getattr(self, name), what)
        if self.planes is not None:
            object.__setattr__(self, "planes", _whole_range(self.planes))
        if self.microscope not in MICROSCOPES:
            raise ValueError(f"microscope must be one of {', '.join(MICROSCOPES)}; got {self.microscope!r}.")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}; got {self.method!r}.")
        for name in ("excitation", "pinhole", "sheet"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive, or left out where it is not known; got {value}.")
        for name in ("wavelength", "excitation"):
            if (getattr(self, name) or 0) > 3:
                raise ValueError(f"{name} is in µm; got {getattr(self, name)}. For 520 nm write {name}=0.52.")
        for name in ("weight", "background"):
            value = getattr(self, name)
            if value != "auto" and (isinstance(value, str) or not 0 <= value < math.inf):
                raise ValueError(f"{name} must be a number, not negative, or 'auto'; got {value!r}.")
        if self.n_iter != "auto" and (not isinstance(self.n_iter, int) or self.n_iter < 1):
            raise ValueError(f"n_iter must be a whole number of at least 1, or 'auto'; got {self.n_iter!r}.")
        # these know what is possible, whatever else is known
        Camera(1.0 if self.gain is None else self.gain, self.offset, self.read_noise)
        _ = self.optics

    @property
    def optics(self):
        """The Optics; None where NA or wavelength is not known."""
        if self.NA is None or self.wavelength is None:
            return None
        return Optics(self.NA, self.wavelength, self.n_immersion, self.n_specimen, self.depth)

    @property
    def camera(self):
        """The Camera; None where the gain is not known."""
        return None if self.gain is None else Camera(self.gain, self.offset, self.read_noise)

    def filled(self, given=(), **found):
        """The same, with what was found elsewhere put where nothing was given: where the value is still the default.

        given  names that were given, be it the default. What neither was given nor found is noted as assumed.
        """
        default = {field.name: field.default for field in fields(self)}
        free = {k for k in default if k not in given and getattr(self, k) == default[k]}
        new = {k: v for k, v in found.items() if v is not None and k in free}
        return replace(self, **new, assumed=tuple(k for k in ASSUMED if k in free and k not in new))

    def write(self, path, **more):
        """Write a JSON from which the run can be repeated; `more` says what else is worth keeping (versions, times)."""
        content = {"format": FORMAT, "settings": asdict(self), **more}
        Path(path).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def given_settings(given, **more):
    """Settings from a dictionary that somebody typed, and `more`. ValueError for a name that there is not."""
    allowed = [field.name for field in fields(Settings) if field.name not in ("assumed", *FOUND, *more)]
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is nothing that can be given; these are: {', '.join(allowed)}.")
    return Settings(**{**given, **more})


def read_settings(path):
    """The Settings in a JSON that `Settings.write` wrote. ValueError where it holds something else."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise KeyError(content["format"])
        return Settings(**content["settings"])
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no settings of a run ({error}); expected what Settings.write wrote.") from error


def _whole_range(planes):
    two = np.ndim(planes) == 1 and len(planes) == 2 and all(float(p).is_integer() for p in planes)
    if not (two and 0 <= planes[0] < planes[1]):
        raise ValueError(f"planes must be (first, stop), whole numbers with 0 <= first < stop; got {planes!r}.")
    return tuple(int(p) for p in planes)
