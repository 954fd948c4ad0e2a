"""How far is an estimate from the truth, in one number? Each metric says what it assumes."""

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
    data_range = _range(reference, data_range)
    with np.errstate(divide="ignore"):  # identical volumes: infinitely good
        return float(metrics.peak_signal_noise_ratio(reference, x, data_range=data_range))


def nrmse(x, reference):
    """Root-mean-square error divided by the root mean square of the reference: 0 is perfect, 1 is as bad as black."""
    x, reference = _same_shape(x, reference)
    return float(metrics.normalized_root_mse(reference, x, normalization="euclidean"))


def match_affine(x, reference):
    """a·x + c, with a and c such that the squared error against the reference is least; returns what x was.

    Takes out what a metric should not punish where units differ (SIM against wide-field): state it when you use it.
    """
    a, c = _affine(*_same_shape(x, reference))
    matched = np.asarray(x) * np.float32(a) + np.float32(c)
    return x.with_data(matched) if hasattr(x, "with_data") else matched


def ssim(x, reference, data_range=None):
    """Mean structural similarity: of brightness, contrast and structure in windows of 7 × 7 × 7 voxels; 1 is the same.

    data_range  sets the two constants that keep dark windows from counting; the reference's maximum minus its minimum
                if None. On a mostly black volume the score is mostly that of the black.
    Raises ValueError where the shapes differ, an axis is shorter than 7, or the reference is constant.
    Wang et al., IEEE Trans. Image Process. 13 (2004) 600, doi:10.1109/TIP.2003.819861.
    """
    x, reference = _same_shape(x, reference)
    if min(x.shape) < 7:
        raise ValueError(f"the windows are 7 voxels wide, and an axis of {x.shape} is shorter; take a larger volume.")
    return float(metrics.structural_similarity(reference, x, data_range=_range(reference, data_range)))


def flux_error(x, reference):
    """(Σx − Σreference) / Σreference: how much light an estimate gained, or, if negative, lost."""
    x, reference = _same_shape(x, reference)
    total = float(reference.sum())
    if not total > 0:
        raise ValueError(f"the reference must hold light to compare with; its sum is {total:.4g}.")
    return float(x.sum()) / total - 1


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


def _range(reference, data_range):
    """The range that is given, or the reference's own."""
    if data_range is None:
        data_range = float(np.ptp(reference))
    if not data_range > 0:
        raise ValueError("the reference is constant, so it gives no data range; pass data_range=….")
    return data_range
