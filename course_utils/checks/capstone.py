"""Check of the capstone: how near is an estimate to a truth that is not here?

The course ships neither the truth nor the seed it was drawn from, only a ruler: a few per cent of the truth's Fourier
coefficients, drawn by lot from every fineness and direction. Errors add up over frequencies as they do over voxels
(Parseval), so that these few tell the error of all, to some 0.2 dB, while no picture can be made of them. Who is
determined can set just these coefficients right, and will be scored perfect: the ruler then measures itself.
"""

import itertools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import fft

from course_utils.checks.answer import NotYet, holds
from course_utils.compare.fourier_shells import Curve, half_grid
from course_utils.compare.results_table import COLUMNS, Table

SURE = 0.2  # dB; a smaller lead is no lead
SHOWN = [column for column in COLUMNS if column.name.startswith(("PSNR, matched", "lateral", "axial"))]


class Ruler(NamedTuple):
    """What scoring needs of the truth.

    shape, voxel_size  of the hidden volume, whose maximum minus minimum is data_range.
    index      of each coefficient, on the flattened half grid of rfftn; value: what it is in the truth (norm="ortho").
    weight     how many coefficients of the full grid each stands for.
    baselines  {"raw": (PSNR, lateral resolution, axial resolution), …}, measured with this ruler.
    """

    shape: tuple
    voxel_size: tuple
    data_range: float
    index: np.ndarray
    value: np.ndarray
    weight: np.ndarray
    baselines: dict


def score(estimate, folder=None):
    """Your estimate of data_fetch.load("capstone") against three baselines: a table, and a word on which it beats.

    estimate  Stack or array, of the shape of the stack. Gain and offset are matched, so that its unit is free.
    folder    of another hidden volume, written by `data_fetch.capstone.write`; the course's own if None.
    """
    ruler = load(folder)
    x = _volume(estimate, ruler)
    figures = measure(x, ruler)
    _diagnose_shift(x, ruler, figures[0])
    if not figures[0] > ruler.baselines["raw"][0] + SURE:
        raise NotYet(
            f"{figures[0]:.2f} dB, and the raw stack itself has {ruler.baselines['raw'][0]:.2f}. Is the PSF that of "
            "the optics, on the stack's voxel? Was the camera's offset taken out? Too many iterations make noise."
        )
    holds(*(f"better than {name}" for name, base in ruler.baselines.items() if figures[0] > base[0] + SURE))
    share = 100 * 2 * len(ruler.index) / np.prod(ruler.shape)
    note = (
        "PSNR after the best gain and offset, resolution where the Fourier shell correlation with the truth falls "
        f"below ½, within 45° of the axis and of the focal plane; from {share:.0f} % of the truth's Fourier "
        f"coefficients. Leads below {SURE} dB mean nothing."
    )
    return Table(ruler.baselines | {"yours": figures}, tuple(SHOWN), note)


def draw(truth, rng, each=120):
    """A Ruler without baselines: up to `each` coefficients from the axial and the lateral half of every shell."""
    kz, ky, kx, twice = half_grid(truth.shape, truth.voxel_size)
    twice = np.broadcast_to(twice, np.broadcast_shapes(kz.shape, ky.shape, kx.shape)).ravel()
    shell, axial, _ = _places(truth.shape, truth.voxel_size)
    stratum = 2 * shell + axial
    stratum[0] = -1  # the mean is matched away
    index, weight = [], []
    for s in np.unique(stratum[stratum >= 0]):
        members = np.flatnonzero(stratum == s)
        chosen = rng.choice(members, min(each, members.size), replace=False)
        index.append(chosen)
        weight.append(twice[chosen] * twice[members].sum() / twice[chosen].sum())
    index = np.concatenate(index).astype(np.int32)
    value = _spectrum(truth.data).ravel()[index].astype(np.complex64)
    weight = np.concatenate(weight).astype(np.float32)
    return Ruler(truth.shape, truth.voxel_size, float(np.ptp(truth.data)), index, value, weight, {})


def measure(x, ruler):
    """(PSNR after the best gain and offset, lateral resolution, axial resolution) of a volume, in dB and µm."""
    X = _spectrum(x).ravel()[ruler.index]
    shell, axial, k = (part[ruler.index] for part in _places(ruler.shape, ruler.voxel_size))
    products = (X * ruler.value.conj()).real, np.abs(X) ** 2, np.abs(ruler.value) ** 2
    cut_offs = [0.5 / d for d in (max(ruler.voxel_size[1:]), ruler.voxel_size[0])]
    resolutions = []
    for sector, limit in enumerate(cut_offs):
        inside = (axial == sector) & (k <= limit) & (shell > 0)
        held = np.unique(shell[inside])
        cross, own, true = (np.bincount(shell[inside], (ruler.weight * p)[inside])[held] for p in products)
        frequency = np.array([k[inside & (shell == s)].mean() for s in held])
        curve = Curve(frequency, cross / np.sqrt(np.maximum(own * true, 1e-30)), np.bincount(shell[inside])[held])
        resolutions.append(curve.resolution(0.5))
    return (_psnr(X, ruler), *resolutions)


def save(ruler, path):
    """Write a Ruler to one file, ruler.npz."""
    rest = {"shape": ruler.shape, "voxel_size": ruler.voxel_size, "data_range": ruler.data_range}
    text = json.dumps(rest | {"baselines": ruler.baselines})
    np.savez_compressed(path, index=ruler.index, value=ruler.value, weight=ruler.weight, text=text)


def load(folder=None):
    """The Ruler in a folder; the course's own if None."""
    if folder is None:
        from data_fetch import cache

        folder = cache.EMBEDDED / "capstone"
    with np.load(Path(folder) / "ruler.npz") as file:
        text = json.loads(str(file["text"]))
        baselines = {name: tuple(figures) for name, figures in text["baselines"].items()}
        shape, voxel = tuple(text["shape"]), tuple(text["voxel_size"])
        return Ruler(shape, voxel, text["data_range"], file["index"], file["value"], file["weight"], baselines)


def _psnr(X, ruler):
    """From the error after the best gain: the offset went with the mean, which no ruler holds."""
    gain = np.sum(ruler.weight * (X.conj() * ruler.value).real) / np.sum(ruler.weight * np.abs(X) ** 2)
    error = np.sum(ruler.weight * np.abs(gain * X - ruler.value) ** 2, dtype=np.float64) / np.prod(ruler.shape)
    return float(10 * np.log10(ruler.data_range**2 / max(error, 1e-12 * ruler.data_range**2)))


def _volume(estimate, ruler):
    """The estimate as an array, or NotYet for what cannot be one."""
    x = np.asarray(estimate, dtype=np.float64)
    if x.shape != ruler.shape:
        raise NotYet(f"the estimate must have the stack's shape, {ruler.shape}; it has {x.shape}.")
    if not np.isfinite(x).all():
        raise NotYet("the estimate holds NaN or infinite values.")
    if np.ptp(x) == 0:
        raise NotYet("the estimate is the same everywhere.")
    return x


def _diagnose_shift(x, ruler, psnr):
    """NotYet where the estimate would be nearer to the truth after a shift by a voxel."""
    X, k = _spectrum(x).ravel()[ruler.index], half_grid(ruler.shape, (1, 1, 1))[:3]
    k = [f.ravel()[ruler.index] for f in np.broadcast_arrays(*k)]

    def shifted_back(shift):
        return _psnr(X * np.exp(2j * np.pi * sum(f * s for f, s in zip(k, shift, strict=True))), ruler)

    shift = max(itertools.product((-1, 0, 1), repeat=3), key=shifted_back)
    if shifted_back(shift) > psnr + 0.5:
        raise NotYet(
            f"the estimate is shifted, by about {shift} voxels (z, y, x). Is the PSF's centre at n // 2, and the "
            "adjoint the conjugate transfer function?"
        )


def _spectrum(x):
    return fft.rfftn(np.asarray(x, dtype=np.float64), norm="ortho", workers=-1)


def _places(shape, voxel_size):
    """Of each coefficient of the half grid, flattened: its shell; whether it is within 45° of the axis; |k|."""
    kz, ky, kx, _ = half_grid(shape, voxel_size)
    k = np.sqrt(kz**2 + ky**2 + kx**2)
    width = max(1 / (n * d) for n, d in zip(shape, voxel_size, strict=True))
    axial = np.abs(kz) > np.hypot(ky, kx)
    return np.rint(k / width).astype(int).ravel(), axial.ravel(), k.ravel()
