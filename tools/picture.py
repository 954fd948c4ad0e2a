"""Makes the picture of the README and of the book's first page, by the course itself: python tools/picture.py"""

from pathlib import Path

import data_fetch
from course_utils import optics, plots
from course_utils.deconvolve import deconvolve

PICTURE = Path(__file__).parent / "book" / "cell.png"


def main():
    cell = data_fetch.load("lattice-cell")
    psf = optics.resample(cell.psf, cell.stack.voxel_size)
    deblurred = deconvolve(cell.stack, psf, n_iter=30)
    figure = plots.sections({"as measured": cell.stack, "deblurred": deblurred}, at=(21, 160, 42), unit="counts")
    figure.savefig(PICTURE, dpi=90)


if __name__ == "__main__":
    main()
