"""How close is an estimate to the truth? Metrics that say what they assume, and the figures a chapter hands on."""

import json
from pathlib import Path

import numpy as np
from skimage import metrics


def psnr(x, reference, data_range=None):
    """Peak signal-to-noise ratio 20 log₁₀(data_range / rms error), in dB.

    x, reference  Stacks or arrays of the same shape and unit.
    data_range    what counts as the peak; the reference's maximum minus its minimum if None. State it with the
                  figure: PSNRs with different ranges cannot be compared.
    Raises ValueError where the shapes differ or the reference is constant and no range is given.
    """
    x, reference = _same_shape(x, reference)
    if data_range is None:
        data_range = float(np.ptp(reference))
    if not data_range > 0:
        raise ValueError("the reference is constant, so it gives no data range; pass data_range=….")
    with np.errstate(divide="ignore"):  # identical volumes: infinitely good
        return float(metrics.peak_signal_noise_ratio(reference, x, data_range=data_range))


def nrmse(x, reference):
    """Root-mean-square error divided by the root mean square of the reference: 0 is perfect, 1 is as bad as black."""
    x, reference = _same_shape(x, reference)
    return float(metrics.normalized_root_mse(reference, x, normalization="euclidean"))


def match_affine(x, reference):
    """a·x + b, with a and b such that the squared error against the reference is least; returns what x was.

    Takes out what a metric should not punish where units differ (SIM against wide-field): state it when you use it.
    """
    a, b = _affine(*_same_shape(x, reference))
    matched = np.asarray(x) * np.float32(a) + np.float32(b)
    return x.with_data(matched) if hasattr(x, "with_data") else matched


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


def _affine(x, reference):
    """Slope and offset of the least-squares line from x to the reference."""
    spread = x - x.mean()
    variance = np.mean(spread**2)
    slope = np.mean(spread * (reference - reference.mean())) / variance if variance > 0 else 0.0
    return slope, reference.mean() - slope * x.mean()


def _same_shape(x, reference):
    """Both as float64 arrays, so that sums over millions of voxels keep their digits."""
    x, reference = np.asarray(x, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if x.shape != reference.shape:
        raise ValueError(f"the two volumes must have the same shape; got {x.shape} and {reference.shape}.")
    return x, reference
