"""An objective in numbers, and the limits that follow from them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Optics:
    """An objective and what it looks through.

    NA           numerical aperture.
    wavelength   of the emitted light, in µm.
    n_immersion  refractive index of the immersion medium, 1.515 for oil.
    n_specimen   refractive index around the specimen, 1.33 for water.
    depth        of the point of light below the coverslip, in µm.
    Raises ValueError where a number is not possible, or is in nm.
    """

    NA: float
    wavelength: float
    n_immersion: float = 1.515
    n_specimen: float = 1.33
    depth: float = 0.0

    def __post_init__(self):
        if not 0 < self.NA < self.n_immersion:
            raise ValueError(
                f"NA must lie between 0 and the index of the immersion medium, {self.n_immersion}; got {self.NA}. "
                "Give n_immersion=1.0 for air, 1.33 for water, 1.515 for oil."
            )
        if not 0.1 <= self.wavelength <= 3:
            raise ValueError(
                f"wavelength is in µm and lies between 0.1 and 3; got {self.wavelength}. "
                "For 520 nm write wavelength=0.52."
            )
        if not (1 <= self.n_immersion <= 4 and 1 <= self.n_specimen <= 4):
            raise ValueError(
                "a refractive index lies between 1 (air) and 4; "
                f"got n_immersion={self.n_immersion}, n_specimen={self.n_specimen}."
            )
        if not 0 <= self.depth <= 1000:
            raise ValueError(f"depth is in µm, and not negative: 0 is at the coverslip; got {self.depth}.")

    @property
    def passed_NA(self):
        """The NA that light fills: beyond n_specimen the waves are evanescent and never leave the specimen."""
        return min(self.NA, self.n_specimen)


def cutoff(optics):
    """The finest detail that an objective passes, (axial, lateral) in 1/µm: its OTF is zero beyond.

    Lateral 2 NA/λ; axial (n − √(n² − NA²))/λ, with n the index of the immersion: z is the travel of the stage.
    """
    NA, n = optics.passed_NA, optics.n_immersion
    return (n - np.sqrt(n**2 - NA**2)) / optics.wavelength, 2 * NA / optics.wavelength


def otf_height(optics, from_middle):
    """Up to which |kz| (1/µm) a wide-field OTF reaches, where kr lies `from_middle` (1/µm, at most NA/λ) from NA/λ.

    √((n/λ)² − (kr − NA/λ)²) − √((n/λ)² − (NA/λ)²): zero on the axis, the missing cone, and at the lateral cut-off.
    """
    k, s = optics.n_immersion / optics.wavelength, optics.passed_NA / optics.wavelength
    return np.sqrt(np.maximum(k**2 - from_middle**2, 0)) - np.sqrt(k**2 - s**2)


def nyquist(optics):
    """The largest voxel (axial, lateral), in µm, that loses nothing: two to the finest period, 1/(2 cut-off)."""
    axial, lateral = cutoff(optics)
    return 1 / (2 * axial), 1 / (2 * lateral)
