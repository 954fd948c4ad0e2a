"""What an exercise's answer is checked with: properties that must hold, and a diagnosis where one does not.

A check calls the student's function on small inputs, prints what holds, and raises `NotYet` with a sentence that names
the likely mistake. It knows the typical mistakes by their results, so it never has to read the student's code. One
module a chapter; notebooks call them all as ``checks.name(answer)``.
"""

from course_utils.checks.answer import NotYet
from course_utils.checks.image_formation import adjoint, camera, convolution, transfer
from course_utils.checks.point_spread_function import axial_transfer, defocus, focal_plane, nyquist, strehl
from course_utils.checks.psf_estimation import centre, least_squares, one_psf, psf_update, shift
from course_utils.checks.richardson_lucy import back_projection, model_background, thinning, tv_denominator, update
from course_utils.checks.start import photons

__all__ = [
    "NotYet", "adjoint", "axial_transfer", "back_projection", "camera", "centre", "convolution", "defocus",
    "focal_plane", "least_squares", "model_background", "nyquist", "one_psf", "photons", "psf_update", "shift",
    "strehl", "thinning", "transfer", "tv_denominator", "update",
]  # fmt: skip
