"""What a comparison of methods needs, under one name; and the figures that a chapter hands on.

Each part has a module of its own: metrics of one number, the Fourier shell correlation, the results table, the spectrum
outside of the OTF's support, and what real data tell without a truth.
"""

import json
from pathlib import Path

import numpy as np

from course_utils.compare.fourier_shells import fsc, sector_spectra
from course_utils.compare.metrics import flux_error, match_affine, nrmse, psnr, ssim
from course_utils.compare.otf_support import meridian_spectrum, otf_support, spectrum_outside_support
from course_utils.compare.results_table import interpolate_z, table
from course_utils.compare.without_truth import fsc_of_halves, residual_whiteness

__all__ = [
    "flux_error", "fsc", "fsc_of_halves", "interpolate_z", "match_affine", "meridian_spectrum", "nrmse", "otf_support",
    "psnr", "residual_whiteness", "sector_spectra", "spectrum_outside_support", "ssim", "table", "write_results",
]  # fmt: skip


def write_results(chapter, figures, folder="results"):
    """Write a chapter's figures, {"name (unit)": number}, to results/<chapter>.json, for the table of `make course`.

    Raises ValueError for a value that is not a finite number: a table shall not hide that a cell computed nothing.
    """
    figures = {name: float(value) for name, value in figures.items()}
    bad = [name for name, value in figures.items() if not np.isfinite(value)]
    if bad:
        raise ValueError(
            f"these figures are not finite numbers: {', '.join(bad)}; look at the cells that computed them."
        )
    path = Path(folder) / f"{chapter}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"chapter": str(chapter), "figures": figures}, indent=1) + "\n", encoding="utf-8")
    return path
