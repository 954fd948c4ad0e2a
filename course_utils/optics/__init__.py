"""The point spread function of an objective: models, what they transmit, and how a PSF is put on the grid of a stack.

z is the position of the stage, as in an acquired stack: with the index along z the focus moves deeper into the
specimen, away from the coverslip. The centre n // 2 is where the focus would meet the point if all indices were
equal; where they are not, the light is brightest off the centre, by `focus_shift`: towards higher z if
n_immersion > n_specimen.
"""

import numpy as np
from scipy import fft, signal, special

from course_utils.optics import pupil, voxels
from course_utils.optics.measured_psf import check_psf, clean_psf, cut_psf, fwhm, resample, shift_psf
from course_utils.optics.objective import Optics, cutoff, nyquist
from course_utils.optics.psf_doctor import examine

__all__ = [
    "Optics", "gaussian_psf", "gibson_lanni_psf", "pupil_psf", "confocal_psf", "lightsheet_psf", "focus_shift",
    "otf", "frequencies", "cutoff", "nyquist", "strehl", "fwhm", "clean_psf", "cut_psf", "resample", "shift_psf",
    "check_psf", "examine",
]  # fmt: skip


def gaussian_psf(optics, shape, voxel_size):
    """The Gaussian nearest to the paraxial PSF, integrated over the voxel; it has no depth and no halo.

    σ_xy = √2/(k NA), σ_z = 2√6 n/(k NA²), k = 2π/λ, n = n_immersion.
    Zhang, Zerubia & Olivo-Marin, Appl. Opt. 46 (2007) 1819, doi:10.1364/AO.46.001819.
    """
    shape, voxel_size = voxels.check_grid(shape, voxel_size)
    NA, k = pupil.warned_NA(optics), 2 * np.pi / optics.wavelength
    sigma_xy, sigma_z = np.sqrt(2) / (k * NA), 2 * np.sqrt(6) * optics.n_immersion / (k * NA**2)
    z, y, x = (
        np.diff(special.erf(d * (np.arange(n + 1) - n // 2 - 0.5) / (np.sqrt(2) * sigma)))
        for n, d, sigma in zip(shape, voxel_size, (sigma_z, sigma_xy, sigma_xy), strict=True)
    )
    return voxels.unit_sum(z[:, None, None] * y[:, None] * x, voxel_size)


def gibson_lanni_psf(optics, shape, voxel_size):
    """PSF of a point at a depth in a medium of another index: scalar light through a uniform, round pupil.

    |∫₀¹ exp(iΦ(ρ, z)) J₀(k NA r ρ) ρ dρ|², Φ as in `pupil.phase`: exact, not paraxial. The fast method: exp(iΦ) is
    written as a sum of a few Bessel functions J₀(aρ), by one small least-squares fit for all z; each one's integral is
    known. Integrated over the voxel where the voxel is not small. The sides and ends that the grid leaves out are lost,
    and the rest has unit sum. Warns where NA > n_specimen: that light does not leave the specimen.
    Li, Xue & Blu, J. Opt. Soc. Am. A 34 (2017) 1029, doi:10.1364/JOSAA.34.001029.
    """
    shape, voxel_size = voxels.check_grid(shape, voxel_size)
    NA = pupil.warned_NA(optics)
    r, z = voxels.radii_and_z(optics, shape, voxel_size)
    s, weight = pupil.rays(optics, r[-1], z)
    a, coefficients = pupil.bessel_fit(s / NA, weight, np.exp(1j * pupil.phase(s, z, optics)))
    integrals = pupil.bessel_integrals(a, 2 * np.pi / optics.wavelength * NA * r)
    field = integrals @ coefficients.real + 1j * (integrals @ coefficients.imag)
    return voxels.from_radii(_light(field), optics, shape, voxel_size)


def pupil_psf(optics, shape, voxel_size, *, zernike=None, vectorial=False):
    """PSF of a pupil with aberrations, of scalar or of polarised light; index mismatch and depth as in `phase`.

    zernike    {(n, m): rms waves}; modes orthonormal over the filled pupil, added to the phase as 2π Σ a Z.
    vectorial  polarised light of dipoles that point everywhere, unpolarised detection (Richards–Wolf integrals):
               apodised by √cos θ, with Fresnel's transmission from the specimen. Wider across than the scalar PSF.

    Scalar light has the uniform pupil of `gibson_lanni_psf`. A round pupil takes one Hankel transform, any other a
    matrix Fourier transform on just the voxels asked for. Raises ValueError for a mode that does not exist.
    Richards & Wolf, Proc. R. Soc. A 253 (1959) 358, doi:10.1098/rspa.1959.0200; Hanser et al., J. Microsc. 216 (2004)
    32, doi:10.1111/j.0022-2720.2004.01393.x.
    """
    shape, voxel_size = voxels.check_grid(shape, voxel_size)
    pupil.warned_NA(optics)
    zernike = dict(zernike or {})
    compute = _any_pupil if any(m for _, m in zernike) else _round_pupil
    return compute(optics, shape, voxel_size, zernike, vectorial)


def confocal_psf(excitation, detection, *, pinhole):
    """PSF of a confocal microscope: excitation × (detection blurred by the pinhole).

    excitation, detection  PSFs on the same grid, at their own wavelengths.
    pinhole                diameter in µm, as it appears in the specimen; 1.22 λ/NA is one Airy unit, 0 a point.
    """
    if excitation.shape != detection.shape or not np.allclose(excitation.voxel_size, detection.voxel_size, rtol=1e-6):
        raise ValueError(f"excitation and detection must be on the same grid; got {excitation} and {detection}.")
    if not 0 <= pinhole < np.inf:
        raise ValueError(f"pinhole is a diameter in µm in the specimen, and not negative; got {pinhole}.")
    seen = detection.data
    if pinhole > 0:
        disc = _disc(pinhole, detection.voxel_size[1:], detection.shape[1:])
        seen = np.maximum(signal.fftconvolve(seen, disc[None], mode="same", axes=(1, 2)), 0)
    return voxels.unit_sum(excitation.data * seen, detection.voxel_size)


def lightsheet_psf(detection, *, thickness):
    """PSF of a light-sheet microscope: detection × a Gaussian sheet, centred on the plane n // 2.

    thickness  the sheet's full width at half maximum along z, in µm.
    """
    if not 0 < thickness < np.inf:
        raise ValueError(f"thickness is the sheet's full width at half maximum in µm, and positive; got {thickness}.")
    n, d = detection.shape[0], detection.voxel_size[0]
    sheet = np.exp2(-((2 * d * (np.arange(n) - n // 2) / thickness) ** 2))
    return voxels.unit_sum(sheet[:, None, None] * detection.data, detection.voxel_size)


def focus_shift(optics):
    """How far (µm) the stage must go beyond a point's depth until the point is brightest; 0 where the indices match.

    Paraxially d (n_i/n_s − 1), at a large NA more. Where grazing rays (NA ≥ n_specimen) take part, the axial profile
    has several maxima, and this is the highest.
    """
    d, axial = optics.depth, nyquist(optics)[0]
    paraxial = d * (optics.n_immersion / optics.n_specimen - 1)
    reach = 2 * axial + abs(paraxial)
    z = paraxial + np.linspace(-reach, reach, 3 + 2 * int(16 * reach / axial))
    s, weight = pupil.rays(optics, 0.0, z)
    light = _light(weight @ np.exp(1j * pupil.phase(s, z, optics)))
    i = np.clip(light.argmax(), 1, len(z) - 2)
    before, peak, after = light[i - 1 : i + 2]
    return float(z[i] + (z[1] - z[0]) * (before - after) / (2 * (before - 2 * peak + after)))  # a parabola's vertex


def otf(psf):
    """The optical transfer function: the PSF's Fourier transform, complex, zero frequency in the centre.

    Its axes are `frequencies(psf)`. 1 at zero frequency for a PSF of unit sum; real where the PSF is symmetric.
    """
    return fft.fftshift(fft.fftn(fft.ifftshift(psf.data), workers=-1))


def frequencies(psf):
    """The axes (z, y, x) of `otf(psf)`, in 1/µm."""
    return tuple(fft.fftshift(fft.fftfreq(n, d)) for n, d in zip(psf.shape, psf.voxel_size, strict=True))


def strehl(psf, reference):
    """The PSF's peak over that of the PSF without aberrations, on the same grid; near exp(−(2πσ)²), σ in waves rms.

    Maréchal's approximation, good for σ < 0.1. The grid must hold nearly all the light of both.
    """
    return float(psf.data.max() / reference.data.max())


def _round_pupil(optics, shape, voxel_size, zernike, vectorial):
    """|I₀|², or of polarised light |I₀|² + 2|I₁|² + |I₂|² (Richards & Wolf), each a Hankel transform over the rays."""
    r, z = voxels.radii_and_z(optics, shape, voxel_size)
    s, weight = pupil.rays(optics, r[-1], z)
    values = weight[:, None] * np.exp(1j * _aberrated(optics, s, 0.0, z, zernike))
    parts = [(1.0, 0, 1.0)]
    if vectorial:
        along, across, axial = pupil.dipoles(s, optics)
        parts = [(1.0, 0, (across + along) / 2), (0.5, 1, axial), (1.0, 2, (across - along) / 2)]
    light = sum(
        share * _light(pupil.hankel(order, r, s, np.reshape(amplitude, (-1, 1)) * values, optics))
        for share, order, amplitude in parts
    )
    return voxels.from_radii(light, optics, shape, voxel_size)


def _any_pupil(optics, shape, voxel_size, zernike, vectorial):
    """The same from a square grid of rays."""
    (z, w_z), (y, w_y), (x, w_x) = voxels.all_points(optics, shape, voxel_size)
    s_y, s_x, inside = pupil.square(optics, max(np.abs(y).max(), np.abs(x).max()), z.ravel())
    s, phi = np.minimum(np.hypot(s_y, s_x), optics.passed_NA), np.arctan2(s_y, s_x)
    pupils = inside * (pupil.polarised(s, phi, optics) if vectorial else np.ones((1, 1, 1)))
    turns = _aberrated(optics, s, phi, z.ravel(), zernike)
    weight = np.multiply.outer(w_y, w_x)[:, None, :, None].astype(np.float32)
    light = [
        (weight * _light(field).sum(0).reshape(*y.T.shape, *x.T.shape)).sum(axis=(0, 2))
        for field in pupil.fields(pupils, s_y, s_x, turns, y.T.ravel(), x.T.ravel(), optics)
    ]
    return voxels.unit_sum(np.einsum("zkyx,k->zyx", np.reshape(light, (*z.shape, *shape[1:])), w_z), voxel_size)


def _light(field):
    return field.real**2 + field.imag**2


def _aberrated(optics, s, phi, z, zernike):
    """The phase of the rays, with these aberrations added."""
    waves = sum(rms * pupil.zernike(n, m, s / optics.passed_NA, phi) for (n, m), rms in zernike.items())
    return pupil.phase(s, z, optics) + 2 * np.pi * np.reshape(waves, (*np.shape(waves), 1))


def _disc(diameter, voxel_size, shape):
    """A disc of unit sum, each pixel by the share of it that is covered: (y, x), odd, no wider than twice the shape."""
    half = [min(int(np.ceil(diameter / 2 / d + 0.5)), n) for d, n in zip(voxel_size, shape, strict=True)]
    y, x = ((np.arange(-8 * h - 3.5, 8 * h + 4) / 8 * d) for h, d in zip(half, voxel_size, strict=True))
    covered = (np.hypot(y[:, None], x) <= diameter / 2).reshape(len(y) // 8, 8, len(x) // 8, 8).mean(axis=(1, 3))
    return covered / covered.sum()
