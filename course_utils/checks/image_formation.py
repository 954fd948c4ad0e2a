"""Checks of notebook 01."""

import numpy as np
from scipy import fft

from course_utils.checks.answer import NotYet, call, compare, holds


def convolution(answer):
    """Exercise of notebook 01: answer(x, psf) → the periodic sum of PSFs, one for each voxel of a line."""
    for n, m in ((9, 5), (8, 4)):
        rng = np.random.default_rng(n)
        x, psf = rng.random(n), rng.random(m) + np.arange(m)
        exact = _sum_of_psfs(x, psf)
        mistakes = {
            "the PSF is mirrored: light of voxel j goes to voxel j + k − n // 2 in proportion to psf[k], not psf[−k]. "
            "(You have computed the correlation: remember it, it is the adjoint)": _sum_of_psfs(x, psf, mirrored=True),
            "everything is shifted by half the PSF. Its centre is psf[n // 2], not psf[0]": np.roll(exact, m // 2),
            "light that leaves at one end is lost. The line is periodic: take the index modulo len(x)": _sum_of_psfs(
                x, psf, wrap=False
            ),
            "one voxel off for PSFs of even length: the centre is n // 2": np.roll(exact, 1),
            "everything is shifted by half the line: the centre is that of the PSF, psf[len(psf) // 2]": np.roll(
                exact, m // 2 - n // 2
            ),
            "only the last PSF that reached each voxel is there: add up with +=": _sum_of_psfs(x, psf, add=False),
        }
        compare(call(answer, x, psf), exact, mistakes)
    holds(
        "every voxel sends its light out as one PSF",
        "the PSF's centre is at n // 2, for odd and even lengths",
        "the line is periodic",
    )


def transfer(answer):
    """Exercise of notebook 01: answer(psf, shape) → the optical transfer function, on the half grid of rfftn."""
    for shape in ((6, 8, 10), (5, 7, 9)):
        psf = np.random.default_rng(1).random((3, 4, 5))
        psf /= psf.sum()
        corner = np.zeros(shape)
        corner[:3, :4, :5] = psf
        at_origin = np.roll(corner, (-1, -2, -2), axis=(0, 1, 2))
        centred = np.roll(at_origin, [n // 2 for n in shape], axis=(0, 1, 2))
        mistakes = {
            "the PSF's centre is not at voxel [0, 0, 0], where Fourier transforms begin to count; blurred with it, an "
            "image is shifted. Roll the padded PSF by −(n // 2) of the PSF's own shape": corner,
            "the PSF's centre is still in the middle of the grid: np.fft.ifftshift takes it to voxel 0": centred,
            "one voxel off, on axes of odd length: fftshift where ifftshift belongs": fft.fftshift(centred),
            "the PSF was rolled the wrong way: its centre moves to voxel 0 by −(n // 2)": np.roll(
                corner, (1, 2, 2), axis=(0, 1, 2)
            ),
            "the padded PSF was rolled by half of the grid; roll it by half of the PSF's own shape": np.roll(
                corner, [-(n // 2) for n in shape], axis=(0, 1, 2)
            ),
            "one voxel off on axes of odd length: Python reads −n // 2 as (−n) // 2. Write −(n // 2)": np.roll(
                corner, (-2, -2, -3), axis=(0, 1, 2)
            ),
            "the PSF lost its unit sum on the way: the transfer function must be 1 at frequency 0": at_origin
            / psf.max(),
        }
        mistakes = {text: fft.rfftn(wrong) for text, wrong in mistakes.items()}
        result = call(answer, psf, shape)
        if np.shape(result) == shape:
            full = "this is the full grid's transform; use rfftn, which keeps one half"
            raise NotYet(
                f"{full}." if np.iscomplexobj(result) else "this is still in real space: fft.rfftn is missing."
            )
        compare(result, fft.rfftn(at_origin), mistakes)
    holds("the PSF's centre is at voxel 0", "right on odd and even grids", "1 at frequency 0: no light is lost or made")


def adjoint(answer):
    """Exercise of notebook 01: answer(u, transfer) → A.T(u) for the blur with this transfer function."""
    for shape in ((4, 6, 8), (5, 6, 7)):
        rng = np.random.default_rng(2)
        u, at_origin = rng.standard_normal(shape), rng.random(shape) ** 4
        spectrum, H = fft.rfftn(u), fft.rfftn(at_origin)
        flipped = fft.rfftn(at_origin[::-1, ::-1, ::-1])
        back = {
            "this is the blur itself, A(u). The adjoint takes the complex conjugate of the transfer function": spectrum
            * H,
            "one voxel off on each axis: the PSF was flipped, and flipping an array also "
            "moves its voxel 0 to the end. The conjugate of the transfer function flips around voxel 0": spectrum
            * flipped,
            "this is the inverse, not the adjoint: A.T is not A⁻¹": spectrum / H,
            "the image's spectrum was conjugated instead of the transfer function": np.conj(spectrum) * H,
            "the product was conjugated, which mirrors the image; conjugate the transfer function alone": np.conj(
                spectrum * H
            ),
            "|H| has lost the phase, which tells where light goes; take the complex conjugate": spectrum * np.abs(H),
            "this is A.T(A(u)): the transfer function came in twice": spectrum * np.abs(H) ** 2,
        }
        mistakes = {text: fft.irfftn(wrong, shape) for text, wrong in back.items()}
        result = call(answer, u, H)
        if np.iscomplexobj(result):
            raise NotYet("this is still a spectrum: transform it back with fft.irfftn(…, s=u.shape).")
        if np.shape(result) != shape and np.ndim(result) == 3:
            raise NotYet(
                f"the last axis came back as {np.shape(result)[-1]} instead of {shape[-1]}: irfftn(…, s=u.shape)."
            )
        compare(result, fft.irfftn(spectrum * np.conj(H), shape), mistakes)
    holds("<A x, u> = <x, A.T u>, for odd and even grids")


def camera(answer):
    """Exercise of notebook 01: answer(photons, gain, offset, read_noise, rng) → counts, of the right statistics."""
    photons, gain, offset, read_noise = np.full((300, 300), 40.0), 2.5, 100.0, 3.0
    counts = call(answer, photons, gain, offset, read_noise, np.random.default_rng(3))
    again = call(answer, photons, gain, offset, read_noise, np.random.default_rng(3))
    if np.shape(counts) != photons.shape:
        raise NotYet(f"the result must have shape {photons.shape}, like photons; it has {np.shape(counts)}.")
    if not np.array_equal(counts, again):
        raise NotYet("the same rng gave two different pictures: draw all chance from the rng that you are given.")
    if np.array_equal(counts, counts[:1, :1] * np.ones_like(photons)):
        raise NotYet("all voxels are alike: no noise. Photons come at random, rng.poisson(photons).")
    _diagnose_read_noise(call(answer, 0 * photons, 1.0, 0.0, read_noise, np.random.default_rng(5)))
    _diagnose_statistics(np.mean(counts), np.var(counts))
    ramp = np.outer(np.ones(400), np.linspace(10, 90, 30))
    columns = np.mean(call(answer, ramp, 1.0, 0.0, 0.0, np.random.default_rng(6)), axis=0)
    if np.abs(columns - ramp[0]).max() > 6 * np.sqrt(90 / 400):
        raise NotYet("where more photons are expected, more must be counted: rng.poisson(photons), voxel by voxel.")
    quiet = call(answer, photons, gain, offset, 0.0, np.random.default_rng(4))
    events = (np.asarray(quiet) - offset) / gain
    if not np.allclose(events, np.rint(events), atol=0.21):
        raise NotYet("without read noise, (counts − offset) / gain must be whole photons: draw them with rng.poisson.")
    holds(
        "mean gain · photons + offset", "variance gain² · photons + read_noise²", "whole photons, and chance from rng"
    )


def _diagnose_read_noise(dark):
    """Of a picture without light, gain 1 and offset 0: nothing but read noise, standard deviation 3."""
    if np.ptp(dark) > 0 or not np.any(dark):
        return
    if np.mean(dark) == 3:
        raise NotYet(
            "read_noise was added as a number. It is a spread: read_noise * rng.standard_normal(photons.shape)."
        )
    raise NotYet("the read noise is one number for the whole picture: draw one for each voxel, give it photons.shape.")


def _diagnose_statistics(mean, variance):
    """Compare with gain 2.5, 40 photons, offset 100, read noise 3: mean 200, variance 259."""
    for wrong, explanation in (
        (100.0, "the offset is missing: the mean is gain · photons"),
        (140.0, "the gain is missing: each photon makes `gain` counts"),
        (0.0, "the offset was subtracted: the camera adds it"),
        (116.0, "the photons were divided by the gain: each makes `gain` counts, so multiply"),
        (350.0, "the offset was multiplied by the gain: add it after the gain"),
    ):
        if abs(mean - wrong) < 1:
            raise NotYet(f"{explanation}.")
    if abs(mean - 200) > 1:
        raise NotYet(f"the mean is {mean:.1f} counts; expected 2.5 · 40 + 100 = 200.")
    for wrong, explanation in (
        (9, "only the read noise is there; the photons themselves are random: rng.poisson(photons)"),
        (250, "the read noise is missing: add read_noise · rng.standard_normal(…)"),
        (109, "the Poisson law holds for photons, not for counts: draw the photons first, then multiply by the gain"),
        (209, "the Poisson law holds for photons, not for counts with their offset: draw the photons first"),
        (250 + 9 * 6.25, "the read noise was multiplied by the gain: it arises after it, in counts"),
        (253, "read_noise is a standard deviation, not a variance: do not take its root"),
        (250 + 81, "read_noise is a standard deviation, not a variance: do not square it"),
        (40 + 9, "the noise of the photons was not multiplied by the gain: the camera multiplies what came in"),
    ):
        if abs(variance - wrong) < 2.9:
            raise NotYet(f"{explanation}.")
    if abs(variance - 259) > 6:
        raise NotYet(f"the variance is {variance:.1f} counts²; expected gain² · photons + read_noise² = 259.")


def _sum_of_psfs(x, psf, *, mirrored=False, wrap=True, add=True):
    """The blur of a line, voxel by voxel; the switches make the usual mistakes."""
    result, reach = np.zeros(len(x)), len(psf) // 2
    for j, light in enumerate(x):
        for k, part in enumerate(psf):
            i = j - (k - reach) if mirrored else j + k - reach
            if wrap or 0 <= i < len(x):
                result[i % len(x)] = light * part + add * result[i % len(x)]
    return result
