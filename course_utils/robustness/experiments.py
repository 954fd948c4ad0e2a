"""What a method is worth where its assumptions are wrong: another PSF, another specimen, other light.

Each function takes twins (`twins.twin`) and gives arrays; nothing is drawn here. What a method needs to be told, the
number of iterations or the strength of the prior, is chosen on a twin of another seed, with the right PSF.
"""

from dataclasses import dataclass

import numpy as np

from course_utils import admm, backend, compare, formation, isonet, operators, richardson_lucy, stopping
from course_utils.compare.restorations import last
from course_utils.isonet.recipes import FACTOR, VOXEL
from course_utils.robustness.recipes import restore

STRENGTHS = (0.01, 0.03, 0.1)  # of the total variation, to choose from: weight times the root of the photons
AIM = "lateral resolution"  # of the networks, and so of the matrix


@dataclass(frozen=True, eq=False)
class Matrix:
    """Networks against data: PSNR (dB, `Twin.psnr`) of each network on each twin, and of linear interpolation there.

    networks, data  the names of the rows and the columns.
    psnr            (networks, data); before: (data,).
    slices          {(network, data): xz slice}, matched, through the brightest y; the network's name "interpolated" and
                    "lateral resolution" stand for the input and the goal.
    """

    networks: tuple
    data: tuple
    psnr: np.ndarray
    before: np.ndarray
    slices: dict

    @property
    def gain(self):
        """dB above linear interpolation, which stands for doing nothing."""
        return self.psnr - self.before


def matrix(networks, twins, *, views=("xz", "yz")):
    """Every network on every twin: a `Matrix`, against the lateral resolution.

    networks, twins  {"name": network}, {"name": Twin}. views: see `isonet.restore`.
    """
    slices, before, psnr = {}, [], np.empty((len(networks), len(twins)))
    for j, (column, test) in enumerate(twins.items()):
        goal = test.aim(AIM)
        y = int(goal.sum(axis=(0, 2)).argmax())
        interpolated = isonet.isotropic(test.stack).data
        results = {"interpolated": interpolated}
        results |= {name: restore(network, test.stack, views=views).data for name, network in networks.items()}
        matched = {name: compare.match_affine(x, goal) for name, x in results.items()}
        values = [compare.psnr(x, goal) for x in matched.values()]
        before.append(values[0])
        psnr[:, j] = values[1:]
        slices |= {(name, column): x[:, y] for name, x in {AIM: goal, **matched}.items()}
    return Matrix(tuple(networks), tuple(twins), psnr, np.array(before), slices)


def richardson_lucy_estimates(test, psf, *, n_iter):
    """Estimates of Richardson–Lucy with momentum, every plane of the truth's grid, background not in them."""
    return _inside(test, psf, richardson_lucy.biggs_andrews, n_iter=n_iter)


def admm_estimates(test, psf, *, weight, n_iter):
    """Estimates of ADMM with total variation, likewise."""
    prior = admm.total_variation(weight, VOXEL)
    return _inside(test, psf, admm.poisson, prior=prior, n_iter=n_iter)


@dataclass(frozen=True)
class Chosen:
    """What was chosen on a validation twin: iterations of Richardson–Lucy, strength of ADMM's prior; its iterations."""

    iterations: int
    strength: float
    admm_iterations: int


def choose(validation, *, n_iter, admm_iter, strengths=STRENGTHS):
    """What does best on a twin with its right PSF, PSNR against its truth: a `Chosen`.

    n_iter     the most iterations of Richardson–Lucy to try. admm_iter: of ADMM, all of which are done.
    strengths  λ √photons, photons being those of the brightest voxels: so that less light is smoothed more. Where only
               one is given, it is taken untried.
    """
    estimates = richardson_lucy_estimates(validation, validation.psf, n_iter=n_iter)
    _, k = stopping.first_minimum(estimates, lambda x: -validation.psnr(x), patience=3)
    tried = [Chosen(k, strength, admm_iter) for strength in strengths]
    if len(tried) == 1:
        return tried[0]
    return max(tried, key=lambda chosen: validation.psnr(_admm(validation, validation.psf, chosen)))


def classical(test, psf, chosen):
    """{"Richardson–Lucy": x, "ADMM, TV": x} of a twin with this PSF and what was chosen."""
    first = richardson_lucy_estimates(test, psf, n_iter=chosen.iterations)
    return {"Richardson–Lucy": last(first), "ADMM, TV": _admm(test, psf, chosen)}


def wrong_psf(test, psfs, chosen, *, moved=None):
    """PSNR (dB) against the truth for each assumed PSF: {"method": array}.

    psfs   the PSFs that the methods are given, one after the other; the twin keeps its own.
    moved  for each PSF, by how many voxels along z to move the result back: "method, moved back" is scored beside it.
           What leaves the volume on one side comes in on the other.
    """
    found = {}
    for psf, back in zip(psfs, [None] * len(psfs) if moved is None else moved, strict=True):
        for name, x in classical(test, psf, chosen).items():
            found.setdefault(name, []).append(test.psnr(x))
            if back is not None:
                found.setdefault(f"{name}, moved back", []).append(test.psnr(np.roll(x, back, axis=0)))
    return {name: np.array(values) for name, values in found.items()}


@dataclass(frozen=True, eq=False)
class Ladder:
    """PSNR (dB) of each method at each level of light, {"aim": {"method": array}}; and what was chosen there."""

    peaks: tuple
    psnr: dict
    chosen: tuple


def ladder(pairs, networks, *, n_iter, admm_iter, strengths=STRENGTHS):
    """The methods at several levels of light: a `Ladder`.

    pairs     {peak: (Twin to test, Twin to choose on)}, the same specimen under other light.
    networks  {"name": network}, as they are: nothing is chosen for them. Others: see `choose`.
    """
    psnr, settled = {}, []
    for test, validation in pairs.values():
        chosen = choose(validation, n_iter=n_iter, admm_iter=admm_iter, strengths=strengths)
        results = {"interpolation": isonet.isotropic(test.stack).data, **classical(test, test.psf, chosen)}
        results |= {name: restore(network, test.stack).data for name, network in networks.items()}
        for aim in ("truth", AIM):
            for name, x in results.items():
                psnr.setdefault(aim, {}).setdefault(name, []).append(test.psnr(x, aim))
        settled.append(chosen)
    arrays = {aim: {name: np.array(v) for name, v in rows.items()} for aim, rows in psnr.items()}
    return Ladder(tuple(pairs), arrays, tuple(settled))


def _inside(test, psf, algorithm, **options):
    """An algorithm's estimates of a twin, cropped to the field of view, as arrays."""
    xp = backend.default()
    H = formation.forward(psf, test.truth.shape, bin_z=FACTOR, xp=xp)
    seen = operators.crop(test.truth.shape, H.shape_in, xp=xp)
    for estimate in algorithm(test.stack.data, H, background=test.background, **options):
        yield np.asarray(seen(getattr(estimate, "x", estimate)))


def _admm(test, psf, chosen):
    photons = max(np.percentile(test.stack.data, 99.9) - test.background, 1.0)
    weight = chosen.strength / np.sqrt(photons)
    return last(admm_estimates(test, psf, weight=weight, n_iter=chosen.admm_iterations))
