"""The PSF from a model: the objective's numbers and aberrations that explain a measured PSF best."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import fft, ndimage

from course_utils.optics import focus_shift, pupil, pupil_psf, voxels
from course_utils.optics.objective import Optics
from course_utils.psf_estimation.variable_projection import certainty, fit_separable, solve
from course_utils.report import Report
from course_utils.stack import Stack, expect_stack

# voxels around the region of the fit: a shift in Fourier space brings what leaves them back in
MARGIN = np.array([3, 2, 2])
# of the derivatives; NA downwards, away from n
STEPS = {"NA": -0.005, "n_immersion": 0.002, "n_specimen": 0.002, "depth": 0.05}
MODE_STEP = 0.005  # waves
SHIFT = 3  # voxels from the start that the position may go


@dataclass(frozen=True, eq=False, repr=False)
class ModelFit:
    """Optics and aberrations fitted to a measured PSF; shown as a table.

    optics, zernike  as fitted; {(n, m): rms waves}.
    psf              Stack: the model alone on the measured PSF's grid, centred, without noise or background.
    position         (z, y, x) in voxels of the measured PSF where the model's centre lies.
    brightness, background  of the measured PSF: brightness · psf + background, in its unit.
    correlation, before     with the measured PSF where it was fitted: of the fit, and of the start, moved into place.
    uncertainties    {parameter: standard deviation} from the Jacobian and the residual; infinite without effect.
    confused         ((parameter, parameter, correlation), …) that these data do not tell apart.
    at_bound         parameters that stopped at a bound.
    """

    optics: Optics
    zernike: dict
    psf: Stack
    position: tuple
    brightness: float
    background: float
    correlation: float
    before: float
    uncertainties: dict
    confused: tuple
    at_bound: tuple

    def __repr__(self):
        return str(self._report())

    def _repr_html_(self):
        return self._report()._repr_html_()

    def _report(self):
        rows = []
        for name, error in self.uncertainties.items():
            value = self.zernike[name] if isinstance(name, tuple) else getattr(self.optics, name)
            found = f"{value:.4f} ± {error:.2g}{' waves' if isinstance(name, tuple) else ''}"
            rows.append((str(name), found, self._caveat(name)))
        rows += [("position", "(" + ", ".join(f"{p:.2f}" for p in self.position) + ")", "voxels (z, y, x)")]
        rows += [("correlation", f"{self.correlation:.4f}", f"{self.before:.4f} before the fit")]
        return Report(tuple(rows))

    def _caveat(self, name):
        if not np.isfinite(self.uncertainties[name]):
            return "has no effect here: not determined"
        twins = [f"{b if a == name else a} ({r:+.2f})" for a, b, r in self.confused if name in (a, b)]
        notes = [f"not told apart from {', '.join(twins)}"] * bool(twins) + ["at its bound"] * (name in self.at_bound)
        return "; ".join(notes) or "determined"


def fit_optics(measured, optics, *, free=("NA",), zernike=(), vectorial=False, shape=(32, 48, 48)):
    """The optics and the low Zernike modes whose PSF is nearest to a measured one, from these optics on: a ModelFit.

    measured  Stack: one bead, or a distilled PSF (whose bead's size is off); any unit; it may hold a background.
    free      of "NA", "n_immersion", "n_specimen" and "depth"; the others keep their value.
    zernike   modes (n, m) to fit, from zero on, in rms waves; n ≥ 2, and not (2, 0), which is the position along z.
    shape     the fit looks at no more voxels than this, around the brightest.

    Least squares Σ w (y − A h(θ, position) − b)², each voxel weighted as photon noise asks for, 1/w = the lightly
    smoothed y. A and b, being linear, are solved for at each step: variable projection, Golub & Pereyra 1973.

    What cannot be told apart shows as a large correlation, and is named in the result: NA, index and wavelength, as
    the same PSF comes from all of them in one proportion (so the wavelength is never free); depth, n_specimen, z and
    (4, 0), as a depth in another index moves the focus and aberrates it spherically. Where depth is 0 or the indices
    are equal, one of them has no effect. One plane would leave the sign of even modes open; a stack does not, if z has
    the right direction. The fit finds the nearest minimum: start within some 0.1 waves, and NA within a tenth. The
    uncertainties are those of noise; where the model itself is at fault, they are too small.
    Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413, doi:10.1137/0710036; Hanser et al., J. Microsc. 216 (2004) 32,
    doi:10.1111/j.0022-2720.2004.01393.x.
    """
    expect_stack(measured, "measured")
    names = _names(optics, free, zernike)
    y, corner = _region(measured.data.astype(np.float64), shape)
    start, steps, low, high = _ranges(optics, names)
    reach = np.array([int(np.ceil(abs(focus_shift(optics)) / measured.voxel_size[0])), 0, 0])
    margin = MARGIN + reach
    grid = tuple(int(n) for n in y.shape + 2 * margin)

    @lru_cache(maxsize=2)
    def transfer(theta):
        now, modes = _setting(optics, names, theta)
        psf = pupil_psf(now, grid, measured.voxel_size, zernike=modes, vectorial=vectorial)
        return fft.rfftn(psf.data.astype(np.float64), workers=-1)

    def image(parameters):
        moved = _moved(transfer(tuple(parameters[3:] * steps)), parameters[:3] + offset, grid)
        return moved[tuple(slice(m, m + n) for m, n in zip(margin, y.shape, strict=True))]

    offset = _offset(y, fft.irfftn(transfer(tuple(start)), grid), margin)
    parameters = np.concatenate([np.zeros(3), start / steps])
    before = _correlation(y, image(parameters))
    below, above = np.sort([low / steps, high / steps], axis=0)  # a step may be negative
    limits = np.concatenate([[-SHIFT] * 3, below]), np.concatenate([[SHIFT] * 3, above])
    found = fit_separable(y, image, parameters, limits, np.concatenate([[0.05] * 3, np.ones(len(names))]))
    now, modes = _setting(optics, names, found.x[3:] * steps)
    psf = pupil_psf(now, measured.shape, measured.voxel_size, zernike=modes, vectorial=vectorial)
    errors, confused = certainty(found, ["z", "y", "x", *names], np.concatenate([np.ones(3), np.abs(steps)]))
    best = image(found.x)
    brightness, background = solve(y, best)[0]
    return ModelFit(
        optics=now,
        zernike=modes,
        psf=psf,
        position=tuple(float(p) for p in corner - margin + np.floor_divide(grid, 2) + offset + found.x[:3]),
        brightness=float(brightness * best.max() / psf.data.max()),  # `best` has its unit sum on another grid
        background=float(background),
        correlation=_correlation(y, best),
        before=before,
        uncertainties={name: errors[name] for name in names},
        confused=confused,
        at_bound=tuple(name for name, hit in zip(names, found.active_mask[3:], strict=True) if hit),
    )


def _names(optics, free, zernike):
    """The parameters in the order of the fit, or a ValueError for one that cannot be fitted."""
    names = [*((free,) if isinstance(free, str) else free), *(tuple(mode) for mode in zernike)]
    for name in names:
        if isinstance(name, tuple):
            pupil.zernike(*name, np.zeros(1), np.zeros(1))
            if name[0] < 2 or name == (2, 0):
                raise ValueError(f"the mode {name} is the position or the brightness, which are always fitted.")
        elif name not in STEPS:
            raise ValueError(
                f"free may name {', '.join(STEPS)}; got {name!r}. The wavelength goes with the NA: give it."
            )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"name each parameter to be fitted once, in free or in zernike; got {names}.")
    if "NA" in names and optics.passed_NA == optics.n_specimen:
        raise ValueError(
            f"NA {optics.NA} is not less than n_specimen, {optics.n_specimen}: light beyond that never leaves the "
            "specimen, so the NA cannot be fitted. Start from a smaller NA, or give the index that the bead lies in."
        )
    return names


def _region(data, shape):
    """The data around their brightest place, of at most this shape, and the region's first voxel."""
    low, high = np.median(data), data.max()
    if not high > low:
        raise ValueError("nothing stands out from the background; give a stack with one bright bead.")
    shape, _ = voxels.check_grid(shape, (1, 1, 1))
    peak = np.unravel_index(ndimage.gaussian_filter(data, 1.0).argmax(), data.shape)
    size = np.minimum(shape, data.shape)
    corner = np.clip(np.array(peak) - size // 2, 0, data.shape - size)
    return data[tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))], corner


def _ranges(optics, names):
    """Start, step of the derivative, and bounds of each parameter."""
    rows = []
    for name in names:
        if isinstance(name, tuple):
            rows.append((0.0, MODE_STEP, -0.5, 0.5))
            continue
        value = getattr(optics, name)
        bounds = {"NA": (0.05, 0.999 * optics.n_immersion), "depth": (0.0, 2 * value + 20)}
        rows.append((value, STEPS[name], *bounds.get(name, (max(value - 0.1, 1.0), value + 0.1))))
    return np.array(rows).T


def _setting(optics, names, theta):
    """The Optics and the Zernike modes of these parameters; an NA beyond an index is cut to it, as the light is."""
    values = dict(zip(names, map(float, theta), strict=True))
    modes = {name: values.pop(name) for name in names if isinstance(name, tuple)}
    if "NA" in values:
        indices = [values.get(name, getattr(optics, name)) for name in ("n_immersion", "n_specimen")]
        values["NA"] = min(values["NA"], 0.999 * min(indices))
    return replace(optics, **values), modes


def _moved(transfer, shift, grid):
    """The image of this transform, moved by (z, y, x) voxels."""
    return fft.irfftn(ndimage.fourier_shift(transfer, shift, grid[2]), grid, workers=-1)


def _offset(y, model, margin):
    """Whole voxels that the model must move by to lie on y: the maximum of their correlation."""
    padded = np.pad(y - np.median(y), [(m, m) for m in margin])
    match = fft.irfftn(fft.rfftn(padded) * fft.rfftn(model).conj(), model.shape)
    at = np.unravel_index(match.argmax(), match.shape)
    return np.array([(a + n // 2) % n - n // 2 for a, n in zip(at, match.shape, strict=True)])


def _correlation(a, b):
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
