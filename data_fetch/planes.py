"""Which planes of a file are wide-field and which are structured illumination (SIM), decided from the planes."""

import numpy as np

ORDERS = {
    "blocks": lambda n: (slice(0, n // 2), slice(n // 2, n)),
    "interleaved": lambda n: (slice(0, n, 2), slice(1, n, 2)),
}
AGREEMENT = 0.8  # of the pairs of planes must say the same
CONTRAST = np.log(1.2)  # the least ratio of the two channels' fine detail


def split_widefield_sim(planes):
    """Separate the two channels of a series that was stored as one: (widefield, sim, order).

    planes   (2n, y, x), either one channel after the other, order "blocks", or in turns, order "interleaved".
    In the true order the planes pair up at equal depth, and one of each pair always has the finer detail: SIM.
    Raises ValueError for an odd number of planes, and where neither order, or either, would do.
    """
    planes = np.asarray(planes)
    n = len(planes)
    if planes.ndim != 3 or n < 2 or n % 2:
        raise ValueError(f"two channels are an even number of planes, (2n, y, x); got shape {planes.shape}.")
    detail = np.log([fine_detail(plane) for plane in planes])
    found = {name: _contrast(detail, *halves(n)) for name, halves in ORDERS.items()}
    order = max(found, key=lambda name: abs(found[name]))
    other = min(abs(contrast) for contrast in found.values())
    if abs(found[order]) < max(CONTRAST, 2 * other):
        shown = ", ".join(f"{name} {np.exp(abs(contrast)):.2f}" for name, contrast in found.items())
        raise ValueError(
            f"cannot tell which planes are wide-field and which are SIM: ratio of fine detail by order: {shown}. "
            "Look at the planes, and split them by hand, e.g. planes[:n // 2] and planes[n // 2:]."
        )
    first, second = (planes[half] for half in ORDERS[order](n))
    return (first, second, order) if found[order] < 0 else (second, first, order)


def fine_detail(plane):
    """The share of a plane's power at 0.15 to 0.6 of the highest frequency, where SIM reaches and wide-field fades.

    White noise is taken off first: its level is that of the corners of the spectrum, past every optical cut-off.
    """
    plane = _centre(np.asarray(plane, dtype=np.float64), 512)
    window = np.hanning(plane.shape[0] + 2)[1:-1, None] * np.hanning(plane.shape[1] + 2)[1:-1]
    power = np.abs(np.fft.rfft2((plane - plane.mean()) * window)) ** 2
    radius = np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])) / 0.5
    noise = np.median(power[radius > 1]) / np.log(2)  # power of noise is exponential: its mean from its median
    band = (radius > 0.15) & (radius < 0.6)
    return max((power[band] - noise).sum(), 1e-9 * power.sum(), 1e-300) / max(power.sum(), 1e-300)


def _contrast(detail, first, second):
    """Mean log ratio of the fine detail of the paired planes, or 0 where the pairs disagree on which is finer."""
    ratio = detail[first] - detail[second]
    agreeing = max(np.mean(ratio > 0), np.mean(ratio < 0))
    return float(ratio.mean()) if agreeing >= AGREEMENT else 0.0


def _centre(plane, largest):
    cut = [slice(max(0, (n - largest) // 2), max(0, (n - largest) // 2) + largest) for n in plane.shape]
    return plane[tuple(cut)]
