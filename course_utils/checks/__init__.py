"""What an exercise's answer is checked with: properties that must hold, and a diagnosis where one does not.

A check calls the student's function on small inputs, prints what holds, and raises `NotYet` with a sentence that names
the likely mistake. It knows the typical mistakes by their results, so it never has to read the student's code. One
module a chapter; notebooks call them all as ``checks.name(answer)``.
"""

from course_utils.checks.admm import dual_update, held_out_score, photon_prox, soft_threshold, x_update
from course_utils.checks.answer import NotYet
from course_utils.checks.capstone import score
from course_utils.checks.comparison import honest_iteration, lead, leaking, matched_psnr, resolution
from course_utils.checks.image_formation import adjoint, camera, convolution, transfer
from course_utils.checks.isonet import combine_views, data_consistency, sampling, split_width, training_pair
from course_utils.checks.point_spread_function import axial_transfer, defocus, focal_plane, nyquist, strehl
from course_utils.checks.prior import own_prior
from course_utils.checks.psf_estimation import centre, least_squares, one_psf, psf_update, shift
from course_utils.checks.richardson_lucy import back_projection, model_background, thinning, tv_denominator, update
from course_utils.checks.robustness import made_up, put_back, regret
from course_utils.checks.srcnn import block_split, crop_label, psnr_loss, receptive_field
from course_utils.checks.start import photons
from course_utils.checks.your_data import coarseness, missing_facts, preview_window, saturated_share

__all__ = [
    "NotYet", "adjoint", "axial_transfer", "back_projection", "block_split", "camera", "centre", "coarseness",
    "combine_views", "convolution", "crop_label", "data_consistency", "defocus", "dual_update", "focal_plane",
    "held_out_score", "honest_iteration", "lead", "leaking", "least_squares", "made_up", "matched_psnr",
    "missing_facts", "model_background", "nyquist", "one_psf", "own_prior", "photon_prox", "photons",
    "preview_window", "psf_update", "psnr_loss", "put_back", "receptive_field", "regret", "resolution",
    "sampling", "saturated_share", "score", "shift", "soft_threshold", "split_width", "strehl", "thinning",
    "training_pair", "transfer", "tv_denominator", "update", "x_update",
]  # fmt: skip
