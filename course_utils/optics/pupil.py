"""Integrals over the pupil of an objective: from the phase of its rays to the light that arrives.

A ray is named by s = n sin θ, the same in every medium. It fills the pupil from s = 0 to the NA.
"""

import warnings
from math import factorial

import numpy as np
from scipy import special


def phase(s, z, optics):
    """Phase (radians) of the rays s when the stage has moved the focus by z (1D, µm) past the point: s.shape + z.shape.

    2π/λ (d √(n_s² − s²) − (d + z) √(n_i² − s²)), d the depth and n_s, n_i the indices of specimen and immersion:
    the path that the specimen adds, less the path that the stage has taken out of the immersion.
    Gibson & Lanni, J. Opt. Soc. Am. A 8 (1991) 1601, doi:10.1364/JOSAA.8.001601.
    """
    in_specimen, in_immersion = cosines(s, optics)
    added = optics.depth * optics.n_specimen * in_specimen
    taken = np.multiply.outer(optics.n_immersion * in_immersion, optics.depth + z)
    return 2 * np.pi / optics.wavelength * (added[..., None] - taken)


def cosines(s, optics):
    """cos θ of the rays s in the specimen and in the immersion medium."""
    return tuple(np.sqrt(np.maximum(1 - (s / n) ** 2, 0)) for n in (optics.n_specimen, optics.n_immersion))


def fresnel(s, optics):
    """Transmission (t_s, t_p) of the interface between immersion and specimen: 1, 1 where the indices match."""
    n_s, n_i = optics.n_specimen, optics.n_immersion
    c_s, c_i = cosines(s, optics)
    return 2 * n_i * c_i / (n_s * c_s + n_i * c_i), 2 * n_i * c_i / (n_s * c_i + n_i * c_s)


def warned_NA(optics):
    """The NA that light fills, with a warning where that is less than the objective's."""
    if optics.passed_NA < optics.NA:
        warnings.warn(
            f"NA {optics.NA} is more than the specimen's index, {optics.n_specimen}: light beyond it is evanescent and "
            f"does not leave the specimen. The PSF is that of NA {optics.n_specimen}. Give the index of what the "
            "specimen lies in, e.g. n_specimen=1.515 in oil.",
            stacklevel=3,
        )
    return optics.passed_NA


def rays(optics, radius, z):
    """Gauss–Legendre nodes s over the pupil and their weights (s ds), for fields out to this radius and these z (µm).

    Even in the angle of the thinner medium, where the phase is smooth up to grazing rays; half as many as the phase
    has radians, and some more: a Gauss rule is exact from there on.
    """
    n, NA = min(optics.n_specimen, optics.n_immersion), optics.passed_NA
    radians = 2 * np.pi / optics.wavelength * NA * radius + np.ptp(phase(np.linspace(0, NA, 50), z, optics), 0).max()
    x, w = special.roots_legendre(32 + int(radians / 2))
    largest = np.arcsin(NA / n)
    theta = (x + 1) / 2 * largest
    return n * np.sin(theta), w / 2 * largest * n**2 * np.sin(theta) * np.cos(theta)


def hankel(order, r, s, values, optics):
    """∫ values(s, z) J_order(2π/λ s r) s ds at the radii r: (r, z). The weights s ds are in `values` already."""
    kernel = _bessel(order, 2 * np.pi / optics.wavelength * np.multiply.outer(r, s))
    return kernel @ values.real + 1j * (kernel @ values.imag)


def _bessel(order, x):
    """J₀, J₁ or J₂ (from the other two: SciPy has fast forms of these)."""
    if order == 2:
        x = np.maximum(x, 1e-9)
        return 2 * special.j1(x) / x - special.j0(x)
    return (special.j0, special.j1)[order](x)


def bessel_fit(rho, weight, values):
    """Rates a and coefficients (a, z) with Σ c J₀(aρ) nearest to the values (ρ, z), in the mean over the pupil."""
    inside = rho < 0.9  # grazing rays turn ever faster towards the edge, and carry little light
    steepest = np.abs(np.diff(values[inside], axis=0) / np.diff(rho[inside])[:, None]).max()
    a = 2.5 * np.arange(min(int(steepest / 2.5) + 12, len(rho) // 2))  # under π, the distance of J₀'s zeros
    root = np.sqrt(weight)[:, None]
    basis = special.j0(np.multiply.outer(rho, a)) * root
    fit = np.linalg.lstsq(basis, np.hstack([values.real, values.imag]) * root, rcond=1e-8)[0]
    real, imaginary = np.hsplit(fit, 2)
    return a, real + 1j * imaginary


def bessel_integrals(a, b):
    """∫₀¹ J₀(aρ) J₀(bρ) ρ dρ = (a J₁(a) J₀(b) − b J₀(a) J₁(b))/(a² − b²), and (J₀² + J₁²)/2 where a = b: (b, a)."""
    a, b = a[None, :], b[:, None]
    difference = a**2 - b**2
    alike = np.abs(difference) < 1e-6
    general = (a * special.j1(a) * special.j0(b) - b * special.j0(a) * special.j1(b)) / np.where(alike, 1, difference)
    return np.where(alike, (special.j0(a) ** 2 + special.j1(a) ** 2) / 2, general)


def dipoles(s, optics):
    """Amplitudes of the rays s from dipoles that lie in their plane, across it, and along the axis.

    √cos θ of an aplanatic objective (on s ds: 1/√cos θ), Fresnel's transmission, and the dipole seen from aside.
    Aguet, Geissbühler, Märki, Lasser & Unser, Opt. Express 17 (2009) 6829, doi:10.1364/OE.17.006829.
    """
    t_s, t_p = fresnel(s, optics)
    in_specimen, in_immersion = cosines(s, optics)
    aplanatic = 1 / np.sqrt(in_immersion)
    return aplanatic * t_p * in_specimen, aplanatic * t_s, aplanatic * t_p * s / optics.n_specimen


def polarised(s, phi, optics):
    """Pupils (5, …) whose light adds up to that of dipoles of all orientations, of unit amplitude at s = 0.

    The two polarisations x, y of dipoles along x, y, z: xx, yy, xy (as yx), xz, yz.
    """
    along, across, axial = dipoles(s, optics)
    c, s_ = np.cos(phi), np.sin(phi)
    mixed = np.sqrt(2) * (along - across) * c * s_
    return np.stack([along * c**2 + across * s_**2, along * s_**2 + across * c**2, mixed, axial * c, axial * s_])


def square(optics, half_width, z):
    """A square grid of rays, s_y (n, 1), s_x (n,), and how much of each cell lies inside the pupil (n, n).

    Fine enough for a field of this half width at these z (µm): the field repeats after λ/step, and its copies must lie
    outside, as far as a ray wanders (the slope of the phase).
    """
    NA = optics.passed_NA
    s = np.linspace(0, 0.98 * NA, 50)
    wander = np.abs(np.diff(phase(s, z, optics), axis=0)).max() / s[1] * optics.wavelength / (2 * np.pi)
    n = 48 + int(2 * NA / optics.wavelength * (half_width + wander))
    step = 2 * NA / n
    s_x = step * (np.arange(n) - (n - 1) / 2)
    s_y = s_x[:, None]
    return s_y, s_x, np.clip((NA - np.hypot(s_y, s_x)) / step + 0.5, 0, 1)


def zernike(n, m, rho, phi):
    """Zernike mode of unit rms over the pupil: cos(mφ) for m ≥ 0, sin(|m|φ) for m < 0.

    Raises ValueError where there is no such mode. Noll, J. Opt. Soc. Am. 66 (1976) 207, doi:10.1364/JOSA.66.000207.
    """
    k = abs(m)
    if n < k or (n - k) % 2:
        raise ValueError(f"there is no Zernike mode (n, m) = ({n}, {m}): n − |m| must be even and not negative.")
    radial = sum(
        (-1) ** i * factorial(n - i) / (factorial(i) * factorial((n + k) // 2 - i) * factorial((n - k) // 2 - i))
        * rho ** (n - 2 * i)
        for i in range((n - k) // 2 + 1)
    )  # fmt: skip
    return np.sqrt((n + 1) * (2 if m else 1)) * radial * (np.cos(m * phi) if m >= 0 else np.sin(k * phi))


def fields(pupils, s_y, s_x, turns, y, x, optics):
    """Yield for each z the fields (pupil, y, x): the matrix Fourier transform of each pupil, on just these y and x.

    pupils  (pupil, s_y, s_x); turns: phase (s_y, s_x, z). A matrix on either side takes any spacing of s and of y, x.
    """
    to_y, to_x = (
        np.exp(2j * np.pi / optics.wavelength * np.multiply.outer(a, s)).astype(np.complex64)
        for a, s in ((y, s_y.ravel()), (x, s_x))
    )
    pupils, turns = pupils.astype(np.float32), np.moveaxis(turns, -1, 0).astype(np.float32)
    for turn in turns:
        yield to_y @ (pupils * np.exp(1j * turn)) @ to_x.T
