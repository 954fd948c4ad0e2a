"""How far a method holds where what it was told, or trained with, is not what it meets.

Twins        Twin, twin, even_light; wide_field_psf, WIDE_FIELD: simulated stacks with their truth
Networks     restore; trained as `recipes` says, alike in all but their stacks
Experiments  matrix, ladder; choose, classical, wrong_psf
Inventions   outside: what lies beyond the OTF's support, and whether the truth has it
Figures      `robustness.figures`
"""

from course_utils.robustness.experiments import (
    Chosen,
    Ladder,
    Matrix,
    admm_estimates,
    choose,
    classical,
    ladder,
    matrix,
    richardson_lucy_estimates,
    wrong_psf,
)
from course_utils.robustness.outside import Outside, outside
from course_utils.robustness.recipes import own_normaliser, restore
from course_utils.robustness.twins import SPECIMENS, WIDE_FIELD, Twin, even_light, twin, wide_field_psf

__all__ = [
    "Chosen", "Ladder", "Matrix", "Outside", "SPECIMENS", "Twin", "WIDE_FIELD", "admm_estimates", "choose",
    "classical", "even_light", "ladder", "matrix", "outside", "own_normaliser", "restore",
    "richardson_lucy_estimates", "twin", "wide_field_psf", "wrong_psf",
]  # fmt: skip
