"""The PSF of a real microscope, in the four ways that exist.

From beads             find_beads, choose_beads, distill_psf; fit_gaussian measures what came out
Blind                  blind: specimen and PSF together, from one stack and what is known of the optics
From a known pair      psf_from_pair: a sharp and a blurred stack of the same specimen
From a model           fit_optics: NA, indices, depth and low Zernike modes that explain a measured PSF
"""

from course_utils.psf_estimation.beads import (
    BeadChoice,
    GaussianFit,
    choose_beads,
    distill_psf,
    find_beads,
    fit_gaussian,
)
from course_utils.psf_estimation.blind_deconvolution import blind, pass_band
from course_utils.psf_estimation.model_fit import ModelFit, fit_optics
from course_utils.psf_estimation.pairs import determined, psf_from_pair

__all__ = [
    "BeadChoice", "GaussianFit", "ModelFit", "blind", "choose_beads", "determined", "distill_psf", "find_beads",
    "fit_gaussian", "fit_optics", "pass_band", "psf_from_pair",
]  # fmt: skip
