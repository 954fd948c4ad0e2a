# ---
# jupyter:
#   course:
#     profiles:
#       test: {size: 129}
#       report: {size: 321}
#     bands:
#       FWHM xy, Gibson–Lanni (µm): [0.190, 0.193]
#       FWHM z, Gibson–Lanni (µm): [0.509, 0.516]
#       FWHM z, Gaussian / Gibson–Lanni (ratio): [1.40, 1.48]
#       FWHM xy, vectorial / scalar (ratio): [1.05, 1.15]
#       PSF by hand against the course's (correlation): [0.999, 1]
#       Strehl at 0.1 waves / Maréchal (ratio): [0.95, 1.05]
#       least plane sum, wide-field (ratio): [0.8, 1]
#       least plane sum, confocal (ratio): [0, 0.05]
#       focus shift at 10 µm (µm): [2.1, 2.35]
#       peak at 10 µm (ratio): [0.3, 0.4]
#       sum after resampling (ratio): [0.9999, 1.0001]
#       a redraw of the explorer (seconds): [0.01, 10]
# ---

# %% [markdown]
r"""
# 2 · The point spread function

Somebody puts the same tiny bead under three objectives, and sees three different smears. Then she looks at a bead that lies ten micrometres
deeper, with the best of the three, and the smear is the worst of all. Nothing is broken. All four pictures follow from one disc, the pupil of the
objective, and this chapter computes them from it.

**After this notebook you can**

- compute a PSF from a pupil, plane by plane, with a Fourier transform;
- say how wide it is, across and along z, and which approximations you may use;
- say what an objective cannot transmit, why wide-field stacks have a missing cone, and what confocal and light-sheet microscopes do about it;
- say what aberrations and a mismatch of refractive indices do to a PSF, and where the focus goes;
- choose a voxel, change the voxel of a PSF, and examine a PSF before you trust it.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapter 1; Fourier transforms by name | 75–90 minutes | 10–20 seconds in all | 0.5 GB |

*Previous: [image formation](01_image_formation.ipynb). Next: [the PSF of a real microscope](03_psf_estimation.ipynb). Short of time? Sections 1 to 3, 6, 8 and 11, without the last cell, which collects the figures of all.*
"""

# %% tags=["setup"]
# %matplotlib inline
import io
import time
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import fft, special

from course_utils import checks, compare, optics, plots, widgets
from course_utils.optics import Optics, pupil
from course_utils.stack import Stack

# %% tags=["parameters"]
size = 193  # voxels along y and x of the large PSFs; odd

# %% [markdown]
r"""
## 1 · One point, three objectives

What an objective makes of a point is settled by five numbers. Its **numerical aperture**, NA $= n \sin\alpha$, says how wide a cone of light it takes in: up to the angle $\alpha$
from the axis. The **wavelength** $\lambda$ is that of the emitted light, in vacuum. Two **refractive
indices**: that of the immersion medium between lens and coverslip, and that of what the point lies in. And the point's **depth** below the
coverslip. Lengths are in µm.
"""

# %%
air = Optics(NA=0.8, wavelength=0.52, n_immersion=1.0, n_specimen=1.33)
water = Optics(NA=1.2, wavelength=0.52, n_immersion=1.33, n_specimen=1.33)
oil = Optics(NA=1.3, wavelength=0.52, n_immersion=1.515, n_specimen=1.33)
objectives = {"air, NA 0.8": air, "water, NA 1.2": water, "oil, NA 1.3": oil, "oil, 10 µm deep": replace(oil, depth=10)}

# %%
shape, voxel = (81, 65, 65), (0.1, 0.06, 0.06)  # (z, y, x)
psfs = {name: optics.gibson_lanni_psf(objective, shape, voxel) for name, objective in objectives.items()}
for name, psf in psfs.items():
    z, y, x = optics.fwhm(psf)
    print(f"{name:16} full width at half maximum {x:.2f} µm across, {z:.2f} µm along z")

# %% alt="Four PSFs in xz: long with air, short with water and with oil, and with oil 10 µm deep shifted down, stretched and one-sided."
slices = {name: psf.data[:, shape[1] // 2] / psf.data.max() for name, psf in psfs.items()}
labels = {"xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "part of the peak", "cmap": "inferno"}
plots.pictures(slices, step=voxel[::2], low=1e-2, **labels)

# %% [markdown]
r"""
**What to see.** Each picture is a section along the optical axis z (downwards: deeper into the specimen); colours are logarithmic. From NA 0.8 to 1.2 the PSF gets smaller, along z more than across.
From water to oil it gets narrower, but no shorter: along z the index of the immersion counts as well as the NA (section 6 says how). The fourth picture has the same objective as the third, but ten micrometres of water between the point and the coverslip: the light has
moved by 2 µm, and is smeared along z. Where does all this come from?

## 2 · From the pupil to the focal plane

A point sends out a spherical wave. The objective takes in a cone of rays. Name a ray by $s = n\sin\theta$, with $\theta$ its angle to the axis; its direction across,
$(s_x, s_y)$, is its place in the **pupil**, a disc of radius $s = \mathrm{NA}$. (By Snell's law $n\sin\theta$ is the same on both sides of each flat interface: one $s$ serves for oil, glass and water, and a ray with $s > n$ does not
exist.) Each ray becomes a plane wave in the focus, and the field $U$ there is the sum of all:

$$U(x, y) \;=\; \iint P(s_x, s_y)\; e^{\,2\pi i\,(s_x x + s_y y)/\lambda}\; ds_x\, ds_y, \qquad h = |U|^2 \tag{1}$$

That is a Fourier transform: of the pupil function $P$, here 1 inside the disc and 0 outside. What a camera, or an eye, takes in is not the field but its
light, the square $h$. ($x$ and $y$ are lengths in the specimen: the magnification only makes the picture larger.)

### Exercise 1: the light in the focal plane

`pupil_function` is an array of $N \times N$ points, its centre at `N // 2`. Give back the light: $N \times N$, its centre at `N // 2`, with unit sum. Two remarks:

- The plus sign in (1) is that of the *inverse* transform, `fft.ifft2`. (`scipy.fft` is here called `fft`.)
- As in chapter 1, Fourier transforms count from pixel 0. Before the transform, `fft.ifftshift` takes the centre there: it is chapter 1's `np.roll` by `-(n // 2)` along each axis. Afterwards `fft.fftshift` takes it back to the middle. (Where $N$ is even the two do the same, where it is odd they do not.)
"""


# %%
def focal_plane(pupil_function):
    """Light in the focal plane, of unit sum, its centre at N // 2."""
    # <solution> transform the pupil, take the square, and divide by the sum
    field = fft.fftshift(fft.ifft2(fft.ifftshift(pupil_function)))
    light = np.abs(field) ** 2
    return light / light.sum()
    # </solution>


# %% tags=["check"]
checks.focal_plane(focal_plane)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Three steps: `field`, a complex array; `light = np.abs(field) ** 2`; and the division by `light.sum()`.

</details>

<details><summary>Hint 2</summary>

From the inside outwards: `fft.ifftshift`, then `fft.ifft2`, then `fft.fftshift`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Now a real one. The objective from here on is that of the course volume: NA 1.4 in oil, the specimen in a medium of the same index. Points of the pupil $\delta_s$ apart give
pixels $\delta_x = \lambda/(N \delta_s)$ apart. (But for a factor, `plane` below is your `focal_plane(disc)`.)
"""

# %%
matched = Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.515)
N, dx = 1024, 0.01
s_x = matched.wavelength / (N * dx) * (np.arange(N) - N // 2)
disc = np.hypot(s_x[:, None], s_x) <= matched.NA

# %%
plane = np.abs(fft.fftshift(fft.ifft2(fft.ifftshift(disc)))) ** 2
plane /= plane.max()
middle = slice(N // 2 - 80, N // 2 + 81)

# %% alt="The Airy pattern: a bright disc with faint rings around it, each fainter than the one before."
labels = {"xlabel": "x (µm)", "ylabel": "y (µm)", "unit": "part of the peak", "cmap": "inferno"}
plots.pictures({"focal plane": plane[middle, middle]}, step=(dx, dx), low=1e-4, **labels)

# %% [markdown]
r"""
**What to see.** A disc of light with faint rings: the **Airy pattern**. It has a formula, with the Bessel function $J_1$,

$$h(r) = \left[\frac{2 J_1(v)}{v}\right]^2, \qquad v = \frac{2\pi}{\lambda}\,\mathrm{NA}\; r,$$

and two numbers to keep: the first dark ring is at $0.610\,\lambda/\mathrm{NA}$, and the full width at half maximum is $0.5145\,\lambda/\mathrm{NA}$.
"""

# %%
ratio = matched.wavelength / matched.NA
width = optics.fwhm(Stack(plane[None], (1, dx, dx)))[2]
dark = dx * np.argmax(np.diff(plane[N // 2, N // 2 :]) > 0)
print(f"full width at half maximum: {width:.4f} µm by hand, {0.5145 * ratio:.4f} by the formula")
print(f"first dark ring, to a pixel of {dx} µm: {dark:.2f} µm by hand, {0.610 * ratio:.4f} by the formula")

# %% alt="Light along x, on a logarithmic scale: the curve by hand follows Airy's formula through its dark rings."
r = np.linspace(1e-3, 1, 1000)
v = 2 * np.pi * r / ratio
curves = {"Airy's formula": (r, (2 * special.j1(v) / v) ** 2)}
curves["by hand"] = dx * np.arange(100), plane[N // 2, N // 2 : N // 2 + 100]
labels = {"xlabel": "distance r from the centre (µm)", "ylabel": "part of the peak"}
plots.lines(curves, points=["by hand"], log=True, ylim=(1e-5, 2), **labels)

# %% [markdown]
r"""
## 3 · Out of focus: a phase in the pupil

Let the stage move the focus by $z$ past the point: it takes a layer $z$ out of the immersion. In such a layer a wave under the angle $\theta$ turns its phase by $2\pi\, n\cos\theta\; z/\lambda$. (It does not count the slanted path, $z/\cos\theta$: we compare waves at the same $x$ and $y$, so only the part of the wave vector along z matters.) Without the layer all rays lose that phase, the axial one
($\theta = 0$) the most. Against it the others are now ahead by

$$\varphi(s, z) \;=\; \frac{2\pi}{\lambda}\; z\,\Bigl(n - \sqrt{n^2 - s^2}\Bigr) \tag{2}$$

since $n\cos\theta = \sqrt{n^2 - s^2}$. Put $P\,e^{i\varphi}$ for $P$ into (1), for one $z$ after the other, and you have the PSF in 3D.

### Exercise 2: defocus

Write (2). The rays `s` come as an array, `n` is the index of the immersion medium, and the phase is in radians.
"""


# %%
def defocus(s, z, wavelength, n):
    """Phase (radians) of the rays s against the axial ray, when the focus is z µm past the point."""
    # <solution> write equation (2)
    return 2 * np.pi / wavelength * z * (n - np.sqrt(n**2 - s**2))
    # </solution>


# %% tags=["check"]
checks.defocus(defocus)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`s` holds $n\sin\theta$, not an angle and not $\sin\theta$: no cosine is called, a root is enough.

</details>

<details><summary>Hint 2</summary>

A path of one wavelength is a phase of $2\pi$: `2 * np.pi / wavelength * z * (…)`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Plane by plane, then, on a coarser grid. (Outside the disc the root would be imaginary; the `minimum` keeps it real, and the disc puts these rays out. `phase` below is your `defocus(inside, z, 0.52, 1.515)`.)
"""

# %%
N, dx, dz = 256, 0.04, 0.1
s_x = matched.wavelength / (N * dx) * (np.arange(N) - N // 2)
s = np.hypot(s_x[:, None], s_x)
disc, inside = s <= matched.NA, np.minimum(s, matched.NA)
cosine = np.sqrt(matched.n_immersion**2 - inside**2)  # n cos θ

# %%
planes = []
for z in dz * (np.arange(41) - 20):
    phase = 2 * np.pi / matched.wavelength * z * (matched.n_immersion - cosine)
    field = fft.fftshift(fft.ifft2(fft.ifftshift(disc * np.exp(1j * phase))))
    planes.append(np.abs(field) ** 2)

# %%
middle = slice(N // 2 - 40, N // 2 + 41)
by_hand = np.array(planes)[:, middle, middle]
gibson_lanni = optics.gibson_lanni_psf(matched, by_hand.shape, (dz, dx, dx))
by_pupil = optics.pupil_psf(matched, by_hand.shape, (dz, dx, dx))
print(
    "light of whole planes at 0, 1 and 2 µm, over that in focus:",
    *(f"{p.sum() / planes[20].sum():.4f}" for p in planes[20::10]),
)
correlations = [np.corrcoef(by_hand.ravel(), psf.data.ravel())[0, 1] for psf in (gibson_lanni, by_pupil)]
print("correlation with gibson_lanni_psf {:.5f}, with pupil_psf {:.5f}".format(*correlations))

# %% alt="The PSF by hand and the course's in xz, on a logarithmic scale: the same cross of light, fainter and wider away from the focus."
slices = {"by hand": by_hand, "optics.gibson_lanni_psf": gibson_lanni.data}
slices = {name: data[:, data.shape[1] // 2] / data.max() for name, data in slices.items()}
xz = {"xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "part of the peak", "cmap": "inferno"}
plots.pictures(slices, step=(dz, dx), low=1e-4, **xz)

# %% [markdown]
r"""
**What to see.** The same picture twice: by hand, and the course's. (What the correlation lacks of 1 is the staircase of the disc's rim on a square grid, and the voxel: the course integrates the light over it.)
Away from the focus the light spreads into a cone, as wide as the objective's own. Nothing goes missing, though the picture, cut at the sides, does not show it: each *whole* plane has the same light as the focal plane, only thinner, for a phase leaves $|P|^2$ as it is (Parseval). Section 6 makes much of that.

## 4 · Four models

Four functions of the course give a PSF of an objective, on the voxels you ask for:

- `gaussian_psf`: a Gaussian, as wide as theory for *small* angles says. Fast, and in every textbook;
- `gibson_lanni_psf`: what you have just done, and in addition two refractive indices and a depth (section 8). It uses that the pupil is round, and is therefore fast;
- `pupil_psf`: the same numbers, and aberrations besides (section 5);
- `pupil_psf(…, vectorial=True)`: light is a transverse wave. Where rays meet under large angles, their fields do not point the same way, and add up to less.

How long are they, and how wide? Beside them the widths that the integrals have if one evaluates them with great care.
"""

# %%
vectorial_psf = partial(optics.pupil_psf, vectorial=True)
models = {"Gaussian": optics.gaussian_psf, "Gibson–Lanni": optics.gibson_lanni_psf}
models |= {"pupil": optics.pupil_psf, "vectorial": vectorial_psf}
exact = {(1.4, 1.515): (0.1911, 0.5121), (1.2, 1.33): (0.2230, 0.6282), (0.8, 1.0): (0.3345, 1.1658)}

# %%
fine = (161, 65, 65), (0.02, 0.01, 0.01)
widths = {}
print("FWHM xy, z (µm)   " + "".join(f"{name:>18}" for name in [*models, "exact, scalar"]))
for (NA, n), scalar in exact.items():
    ideal = Optics(NA, 0.52, n, n)
    row = {name: optics.fwhm(model(ideal, *fine))[::-2] for name, model in models.items()} | {"exact, scalar": scalar}
    print(f"NA {NA}, n = {n:<8}" + "".join(f"    {across:6.4f}, {along:6.4f}" for across, along in row.values()))
    widths[NA] = row

# %%
too_long = widths[1.4]["Gaussian"][1] / widths[1.4]["Gibson–Lanni"][1]
wider = widths[1.4]["vectorial"][0] / widths[1.4]["pupil"][0]
print(f"NA 1.4: Gaussian {100 * (too_long - 1):.0f} % too long, vectorial {100 * (wider - 1):.0f} % wider than scalar")

# %% alt="The Gaussian, the scalar and the vectorial PSF in xz, logarithmic: the Gaussian is an ellipse without a halo, the others are crosses."
grid = (41, 81, 81), (0.1, 0.04, 0.04)
slices = {name: models[name](matched, *grid).data for name in ("Gaussian", "Gibson–Lanni", "vectorial")}
slices = {name: data[:, 40] / data.max() for name, data in slices.items()}
plots.pictures(slices, step=grid[1][::2], low=1e-4, **xz)

# %% [markdown]
r"""
**What to see.** Along z the Gaussian is 44 % too long at NA 1.4 (28 % even at NA 0.8): the theory for small angles is not made for objectives like these. And it has no halo, the very thing that
deconvolution is to take away. The vectorial PSF is as long as the scalar one, but a tenth wider across, and its dark rings are washed out. Gibson–Lanni and the scalar pupil agree with the last column to three digits. Which one to take? Gibson–Lanni
for most; the vectorial one where NA is above 1.2 and the width matters; a Gaussian for nothing but a start.

## 5 · Aberrations

No objective is perfect, and no specimen. An **aberration** is an additional phase in the pupil, that is, a wavefront with a dent. One writes it as a sum of *Zernike modes* $Z_n^m$, functions on the disc, each with mean square 1
and all orthogonal to one another:

$$P \;\to\; P\,\exp\Bigl(2\pi i \sum a_{n,m} Z_n^m\Bigr), \qquad a_{n,m}\ \text{in waves, root mean square (rms)} \tag{3}$$

Three of them matter most. The course names each by the pair $(n, m)$, as in (3). (This $n$ counts modes: it is no refractive index.) In the code, `rho` is the distance from the pupil's centre, 1 at its rim, and `phi` the angle.
"""

# %%
modes = {"astigmatism (2, 2)": (2, 2), "coma (3, 1)": (3, 1), "spherical (4, 0)": (4, 0)}
rho_x = np.linspace(-1, 1, 101)
rho, phi = np.hypot(rho_x[:, None], rho_x), np.arctan2(rho_x[:, None], rho_x)
fronts = {name: np.where(rho <= 1, 0.1 * pupil.zernike(*mode, rho, phi), np.nan) for name, mode in modes.items()}

# %% alt="Three wavefronts over the pupil: a saddle, a tilted S, and a ring around a hump."
plots.pictures(fronts, step=(0.02, 0.02), xlabel="s_x / NA", ylabel="s_y / NA", unit="waves", cmap="coolwarm")

# %%
grid = (41, 65, 65), (0.06, 0.03, 0.03)
aberrated = {"none": {}} | {name: {mode: 0.1} for name, mode in modes.items()}
psfs = {name: optics.pupil_psf(matched, *grid, zernike=zernike) for name, zernike in aberrated.items()}
brightest = psfs["none"].data.max()

# %% alt="In the focal plane astigmatism makes a four-cornered spot, coma a comet, spherical aberration a ring around a weaker spot."
across = {name: psf.data[20] / brightest for name, psf in psfs.items()}
xz |= {"unit": "part of the ideal peak"}
plots.pictures(across, step=grid[1][1:], low=1e-3, **xz | {"ylabel": "y (µm)"})

# %% alt="In xz astigmatism and spherical aberration make the PSF one-sided along z; coma bends it."
along = {name: psf.data[:, 32] / brightest for name, psf in psfs.items()}
plots.pictures(along, step=grid[1][::2], low=1e-3, **xz)

# %% [markdown]
r"""
**What to see.** A tenth of a wave, fifty nanometres, and the PSF has another shape. Above, in the focal plane: *astigmatism* makes it four-cornered, *coma* gives it a tail, *spherical aberration* a bright ring. Below, in xz:
coma bends the PSF, and the other two are not the same above and below the focus. For astigmatism yz is the same upside down: x and y have their foci at two heights. For spherical aberration all sections are alike. Remember it: a mismatch of indices makes this, and higher orders of the same kind; from oil into water with the opposite sign, so upside down.

How much light do aberrations take from the peak? The ratio to the ideal peak is the **Strehl ratio**. Maréchal's rule says

$$\text{Strehl} \;\approx\; e^{-(2\pi\sigma)^2}, \qquad \sigma^2 = \sum a_{n,m}^2 \tag{4}$$

with $\sigma$ the wavefront's rms in waves: modes are orthogonal, so their squares add up.

### Exercise 3: Maréchal's rule

`aberrations` is a dictionary, `{(n, m): waves}`, such as `{(2, 2): 0.05, (3, 1): -0.04}`. Give back the Strehl ratio by (4).
"""


# %%
def strehl_ratio(aberrations):
    """Strehl ratio by Maréchal's rule, for aberrations {(n, m): waves rms}."""
    # <solution> add up the squares, and write the exponential
    variance = sum(waves**2 for waves in aberrations.values())
    return np.exp(-((2 * np.pi) ** 2) * variance)
    # </solution>


# %% tags=["check"]
checks.strehl(strehl_ratio)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`aberrations.values()` are the waves. Square each, then add: the sum is $\sigma^2$.

</details>

<details><summary>Hint 2</summary>

`np.exp(-(2 * np.pi) ** 2 * variance)`: there is no root to take.

</details>

{{solution}}
"""

# %% [markdown]
r"""
How good is the rule? The ratio of peaks, mode by mode, in the focal plane, and the rule as a curve: at 0.1 it has the height of your `strehl_ratio({(2, 2): 0.1})`.
"""

# %%
thin = (1, size, size), (0.01, 0.04, 0.04)
ideal, waves = optics.pupil_psf(matched, *thin), np.linspace(0, 0.2, 9)
sigma = np.linspace(0, 0.2, 101)
curves = {"Maréchal": (sigma, np.exp(-((2 * np.pi * sigma) ** 2)))}
for name, mode in modes.items():
    peaks = [optics.strehl(optics.pupil_psf(matched, *thin, zernike={mode: a}), ideal) for a in waves]
    curves[name] = waves, np.array(peaks)

# %% alt="Strehl ratio against rms: the dots of all three aberrations lie on Maréchal's curve up to 0.15 waves, then drift off a little."
plots.lines(curves, points=modes, xlabel="aberration (waves rms)", ylabel="Strehl ratio")

# %%
marechal_ratio = curves["astigmatism (2, 2)"][1][4] / np.exp(-((2 * np.pi * waves[4]) ** 2))
print(f"at {waves[4]:.1f} waves of astigmatism: the PSF's ratio of peaks / Maréchal's rule = {marechal_ratio:.3f}")

# %% [markdown]
r"""
**What to see.** What the shape of the dent is hardly matters; its rms does. At $\sigma = 1/14 \approx 0.07$ waves the Strehl ratio is 0.8: by convention, such an objective still counts as "diffraction-limited".

## 6 · What an objective cannot transmit

Chapter 1 called $H = \mathcal F h$ the optical transfer function, OTF: which frequencies of the specimen reach the picture. Its limits can be read off the rays. A ray is a plane wave with the frequency $(s_x,\, s_y,\, \sqrt{n^2 - s^2})/\lambda$,
a point on a **cap** of a sphere of radius $n/\lambda$. Light is the field times its conjugate, and a wave times another's conjugate is a wave of the *difference* of their frequencies. So what light contains are differences of two points of the cap:

- across, at most $2\,\mathrm{NA}/\lambda$, from rim to rim;
- along z, at most $\bigl(n - \sqrt{n^2 - \mathrm{NA}^2}\bigr)/\lambda$, from top to rim;
- straight along z, **nothing**: two points of the cap with the same $(s_x, s_y)$ are the same point.
"""

# %%
wide = optics.gibson_lanni_psf(matched, (81, size, size), (0.1, 0.08, 0.08))
axial, lateral = optics.cutoff(matched)
print(f"cut-off: {lateral:.3f} per µm across, {axial:.3f} per µm along z")

# %% alt="The OTF in the plane of kx and kz: two lobes left and right that meet in the centre, and between them, above and below, a dark cone."
plots.otfs({"wide-field": wide})

# %% [markdown]
r"""
**What to see.** Two lobes, as far as 5.4 across and 1.8 along z, and between them, above and below the centre, a dark wedge; in 3D, turned about the kz axis, a double cone: the **missing cone**. Nothing in it reaches the camera, and no
algorithm finds it in the data. (The faint pattern in it comes from the edges of the array, where this PSF is cut off.)

### Exercise 4: the largest voxel

To keep a period one needs more than two voxels of it: a voxel of at most $1/(2\cdot\text{cut-off})$. That is **Nyquist's** limit. Write it for both directions, from the cut-offs above. λ and the voxel are in µm.
"""


# %%
def largest_voxel(NA, wavelength, n):
    """The largest voxel (axial, lateral) in µm that loses nothing."""
    # <solution> compute both cut-offs, and from each the voxel
    lateral = 2 * NA / wavelength
    axial = (n - np.sqrt(n**2 - NA**2)) / wavelength
    return 1 / (2 * axial), 1 / (2 * lateral)
    # </solution>


# %% tags=["check"]
checks.nyquist(largest_voxel)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Write the two cut-offs first, as they stand in the text, with `np.sqrt(n**2 - NA**2)`. They are frequencies, in 1/µm.

</details>

<details><summary>Hint 2</summary>

`return 1 / (2 * axial), 1 / (2 * lateral)`; axial comes first, as in (z, y, x).

</details>

{{solution}}
"""

# %% [markdown]
r"""
### Exercise 5: why every plane has the same light

Look at the missing cone's axis, $H(k_z, 0, 0)$. One need not transform the whole volume for it: at $k_y = k_x = 0$ the waves across are constant, and the transform only sums over them,

$$H(k_z, 0, 0) \;=\; \sum_z \Bigl[\,\sum_{y,x} h(z, y, x)\Bigr]\; e^{-2\pi i\, k_z z} \tag{5}$$

the Fourier transform of the **plane sums**. Write it for an array `psf` with axes (z, y, x) and its centre at `n // 2`. Frequencies in the order of `fft.fft`: zero first.
"""


# %%
def axial_transfer(psf):
    """OTF along (kz, 0, 0): complex, one number for each plane, zero frequency first."""
    # <solution> sum each plane, move the centre to 0, and transform
    sums = psf.sum(axis=(1, 2))
    return fft.fft(fft.ifftshift(sums))
    # </solution>


# %% tags=["check"]
checks.axial_transfer(axial_transfer)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`psf.sum(axis=(1, 2))` leaves one number for each plane, the centre at `n // 2`.

</details>

<details><summary>Hint 2</summary>

`fft.ifftshift` takes the centre to 0, as in exercise 1; then `fft.fft`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
If $H(k_z, 0, 0)$ is zero but at $k_z = 0$, then by (5) the plane sums are a *constant*: every plane of a wide-field PSF has the same light, however far out of focus. That is the missing cone in real space. It means that an
even sheet of fluorescence looks the same at every focus. In an array, though, the outer planes lose what spreads beyond the sides. (So your `np.abs(axial_transfer(wide.data))` begins with 1, and is not quite zero behind it.)
"""

# %% alt="Plane sums against z for arrays of three widths: flat at 1 for the widest, falling off away from the focus for the narrow ones."
z, half = 0.1 * (np.arange(81) - 40), size // 2
sums = {}
for part in (half, half // 2, half // 4):
    inner = wide.data[:, half - part : half + part + 1, half - part : half + part + 1].sum(axis=(1, 2), dtype=float)
    sums[f"array {0.08 * (2 * part + 1):.1f} µm wide"] = z, inner / inner.max()
plots.lines(sums, xlabel="z (µm)", ylabel="plane sum / greatest", ylim=(0, 1.05))

# %% [markdown]
r"""
**What to see.** The wider the array, the flatter the curve. A deconvolution with a narrow array believes that light vanishes out of focus, and puts back too little haze. Hence: take PSF arrays about as wide as the cone at their last planes, $2|z|\tan\theta$ with the steepest $\theta$.

## 7 · How confocal and light-sheet microscopes fill the cone

A **confocal** microscope lights one point at a time, and looks at it through a pinhole. A photon must be excited *and* pass: two probabilities, so the PSF is the product

$$h_\text{confocal} \;\propto\; h_\text{excitation}\;\cdot\;(h_\text{emission} \otimes \text{pinhole}) \tag{6}$$

A **light-sheet** microscope lights one plane, from the side: $h_\text{sheet} \propto h_\text{emission}\cdot$ (the sheet's profile along z). A product with something that falls off along z: the plane sums can no longer be equal. Pinholes are given in *Airy units*, the
diameter of the first dark ring, $1.22\,\lambda/\mathrm{NA}$. (The voxels are smaller here: the product of two PSFs holds finer detail than either.)
"""

# %%
airy_unit = 1.22 * matched.wavelength / matched.NA
grid = (51, size, size), (0.1, 0.05, 0.05)
emission = optics.gibson_lanni_psf(matched, *grid)
excitation = optics.gibson_lanni_psf(replace(matched, wavelength=0.488), *grid)
microscopes = {
    "wide-field": emission,
    "light sheet, 1 µm": optics.lightsheet_psf(emission, thickness=1.0),
    "confocal, 1 Airy unit": optics.confocal_psf(excitation, emission, pinhole=airy_unit),
}

# %% alt="Three OTFs: wide-field with its missing cone, light sheet with a blurred and narrower cone, confocal with none and larger support along kz."
plots.otfs(microscopes)

# %% alt="Plane sums against z: constant for wide-field, a bump of a micrometre's width for the light sheet, a peak for confocal."
sums = {name: psf.data.sum(axis=(1, 2), dtype=float) for name, psf in microscopes.items()}
curves = {name: (0.1 * (np.arange(51) - 25), values / values.max()) for name, values in sums.items()}
plots.lines(curves, xlabel="z (µm)", ylabel="plane sum / greatest", ylim=(0, 1.05))

# %%
least = {name: values.min() / values.max() for name, values in sums.items()}
for name, psf in microscopes.items():
    print(f"{name:22} FWHM z {optics.fwhm(psf)[0]:.2f} µm, least plane sum / greatest {least[name]:.4f}")

# %% [markdown]
r"""
**What to see.** A product in space is a convolution of spectra: the light sheet smears the OTF along kz, as far as one over its thickness, and so spills into the cone; confocal convolves the OTF with that of the excitation, and the
cone is gone; the support is wider, too, though weak at its end. (The dark arc in it is a zero: behind it the OTF of a pinhole this large has turned its sign, and what is bright comes out dark. A point of a pinhole would leave no arc, and hardly any light.) Out of focus, confocal light falls to nothing. The price is photons: what the pinhole stops is lost. A pinhole opened wide gives back the excitation PSF alone, which has a missing cone of its own.

## 8 · Depth, and a mismatch of indices

Now the fourth picture of section 1. Let the point lie at depth $d$ in a medium of index $n_s$, seen through immersion of index $n_i$. Each ray passes $d$ of specimen; for that, the stage has taken $d + z$ of immersion out of its way. Its phase is

$$\Phi(s, z) \;=\; \frac{2\pi}{\lambda}\Bigl[\, d\,\sqrt{n_s^2 - s^2} \;-\; (d + z)\,\sqrt{n_i^2 - s^2}\,\Bigr] \tag{7}$$

With $n_s = n_i$ the depth drops out, and (2) is left (but for a phase that all rays share). Else no $z$ makes all rays agree: that is spherical aberration. **Sign**: $z$ is the travel of the stage beyond the depth $d$; with growing $z$ the focus moves deeper.

On the axis, $x = y = 0$, equation (1) is a plain sum over the rays, so the light there costs next to nothing: `pupil.rays` gives rays $s$ and their weights, `pupil.phase` is (7). The objective is again `oil` of section 1, NA 1.3, and the specimen is in water.
"""

# %%
travel, depths = np.linspace(-3, 7, 501), (0, 2, 5, 10, 20)
curves = {}
for depth in depths:
    s, weight = pupil.rays(replace(oil, depth=depth), 0.0, travel)
    field = weight @ np.exp(1j * pupil.phase(s, travel, replace(oil, depth=depth)))
    curves[f"{depth} µm deep"] = travel, np.abs(field) ** 2 / weight.sum() ** 2

# %% alt="Light along the axis for points at five depths in water under an oil objective: the deeper, the further right, the lower and the longer."
plots.lines(curves, xlabel="travel z of the stage beyond the depth (µm)", ylabel="part of the matched peak")

# %%
peak = {depth: curves[f"{depth} µm deep"][1].max() for depth in depths}
shift = {depth: optics.focus_shift(replace(oil, depth=depth)) for depth in depths}
for depth in depths:
    paraxial = depth * (oil.n_immersion / oil.n_specimen - 1)
    print(f"{depth:2} µm deep: shift {shift[depth]:.2f} µm (small angles: {paraxial:.2f} µm), peak {peak[depth]:.2f}")

# %% [markdown]
r"""
**What to see.** From oil into water, the focus shift is positive: to see the point brightest, the stage must go *further* than the depth, by a third at 2 µm, falling to a fifth at 20 µm. (Rim and centre of the pupil have their foci at different heights: that is *spherical aberration*.) So structures lie less deep than the stage says, and the stack looks stretched along z. At 10 µm a third of the peak is left. For small angles the shift is
$d\,(n_i/n_s - 1)$; at a large NA it is half as much again, or more than twice near the coverslip. With $n_i < n_s$ all signs turn.

What to do? Take an objective whose immersion matches the specimen: water for living cells. Or mount in a medium that matches the oil. Else use a PSF for the right depth, and cut a thick stack into slabs, each with its own. In a PSF array of the course, the light is brightest off the centre by the focus shift; deconvolution with it
puts each structure at its true depth, at least for one depth.

## 9 · Voxels

The camera does not measure at points: a voxel collects all light that falls into it, and so do the voxels of the course's PSFs. Voxels up to Nyquist's limit (`optics.nyquist`: your `largest_voxel`) change the PSF little; larger ones are what one then sees.
"""

# %%
limit = optics.nyquist(matched)
print(f"Nyquist: {limit[0]:.3f} µm along z, {limit[1]:.3f} µm across")
for factor in (0.25, 0.5, 1, 2, 4):
    voxel = (factor * limit[0], factor * limit[1], factor * limit[1])
    along, _, across = optics.fwhm(optics.gibson_lanni_psf(matched, (41, 41, 41), voxel))
    print(f"voxels of {factor:4} × Nyquist: FWHM {across:.3f} µm across, {along:.3f} µm along z")

# %% [markdown]
r"""
A PSF often comes on another grid than the stack. `optics.resample` puts it on the stack's: each new voxel gets the light that falls into it, so that the sum and the centre stay. (Picking every second value instead would lose seven eighths of the light.)
"""

# %%
measured = optics.gibson_lanni_psf(matched, (61, 97, 97), (0.1, 0.04, 0.04))
resampled = optics.resample(measured, (0.2, 0.08, 0.08))
for name, psf in {"before": measured, "after": resampled}.items():
    light, at = psf.data.astype(float), np.indices(psf.shape)
    z, y, x = (d * (light * (i - n // 2)).sum() for d, i, n in zip(psf.voxel_size, at, psf.shape, strict=True))
    print(f"{name}: sum {light.sum():.6f}, centre of mass at {z:.4f}, {y:.4f}, {x:.4f} µm from n // 2")
    print(f"   {psf.shape} voxels, FWHM z, y, x " + "{:.3f}, {:.3f}, {:.3f} µm".format(*optics.fwhm(psf)))

# %%
sum_ratio = resampled.data.sum(dtype=float) / measured.data.sum(dtype=float)
print(f"sum after / before: {sum_ratio:.6f}")

# %% [markdown]
r"""
The FWHM grows by a few per cent, because the larger voxel itself is part of the blur. For a stack with these voxels, that is right.

## 10 · Turn the knobs

All of it at once: NA, wavelength, the two indices, and depth. Left, the PSF in xy and xz through its peak; right, its OTF, and its profile along z with the half maximum (dashed) and the plane where the focus would be without mismatch (dotted).
Each picture is computed when you ask for it, in a second or so, and kept. The NA ends at 1.3: in water, rays beyond 1.33 do not exist.
"""

# %%
knobs = (65, 113, 113), (0.2, 0.08, 0.08)
widgets.explore(
    lambda NA, wavelength, n_immersion, n_specimen, depth: plots.psf_panels(
        optics.gibson_lanni_psf(Optics(NA, wavelength, n_immersion, n_specimen, depth), *knobs),
        title=f"NA {NA}, λ {wavelength} µm, index {n_immersion} to {n_specimen}, {depth} µm deep",
    ),
    NA=[1.3, 1.2, 1.0, 0.8, 0.5],
    wavelength=[0.45, 0.52, 0.6, 0.67],
    n_immersion=[1.515, 1.406, 1.33],
    n_specimen=[1.33, 1.38, 1.45, 1.515],
    depth=[0, 1, 2, 5, 10],
    description="PSF, OTF and axial profile of the chosen objective: a smaller NA makes it longer, a mismatch one-sided.",
)

# %% [markdown]
r"""
**To try.** (1) Lower the NA from 1.3 to 0.5: the PSF gets about two and a half times as wide across, and longer by far more along z; watch the lobes of the OTF shrink. (2) Go 10 µm deep with indices 1.515 and 1.33, then choose an immersion of 1.33. (3) Choose immersion 1.33 and specimen 1.515: to which side does the light move?

Without sliders, the second of these:
"""

# %% alt="Oil objective, point 10 µm deep in water: PSF one-sided along z and shifted by 2 µm, OTF weaker within the same lobes."
begin = time.perf_counter()
deep = optics.gibson_lanni_psf(replace(oil, depth=10), *knobs)
figure = plots.psf_panels(deep, title="oil, 10 µm deep in water")
figure.savefig(io.BytesIO(), format="png", dpi=100)  # what the slider does to show it
seconds = time.perf_counter() - begin
figure

# %% alt="Water objective, point 10 µm deep in water: a symmetric PSF, centred, with a short axial profile."
plots.psf_panels(optics.gibson_lanni_psf(replace(water, depth=10), *knobs), title="water, 10 µm deep in water")

# %%
print(f"computed and drawn in {seconds:.2f} s")

# %% [markdown]
r"""
**What to see.** With oil (above), the light is smeared towards higher z and shifted; the OTF still fills the same lobes, but weakly. (The upright stripes come from the edges of the array again: light that left by the sides.) With water (below), whose NA is even lower, the PSF is
compact and symmetric. Deep in a cell, the "better" objective is the worse one.

## 11 · What can go wrong: the PSF doctor

Nearly all failed deconvolutions fail by their PSF. `optics.examine` asks it the questions that an experienced colleague would ask. First a healthy one:
"""

# %%
stack_voxel = (0.2, 0.08, 0.08)
healthy = optics.gibson_lanni_psf(matched, (41, 193, 193), stack_voxel)
optics.examine(healthy, stack_voxel, matched)

# %% [markdown]
r"""
("On the ends" always has something to say about a wide-field PSF, since its halo never ends: that is no illness.) And now four sick ones. In the second, a background of only 1 % of the peak was left in before the sum was set to 1. Of each report, what
it does not say about the healthy PSF:
"""

# %%
veiled, cut = healthy.data + 0.01 * healthy.data.max(), healthy.data[:, 80:113, 80:113]
sick = {
    "another voxel": optics.gibson_lanni_psf(matched, (81, 155, 155), (0.1, 0.1, 0.1)),
    "background left in": healthy.with_data(veiled / veiled.sum()),
    "centre in the corner": healthy.with_data(fft.ifftshift(healthy.data)),
    "cut off": healthy.with_data(cut / cut.sum()),
}

# %%
well = {row[0]: row[2] for row in optics.examine(healthy, stack_voxel, matched).rows}
for name, psf in sick.items():
    rows = optics.examine(psf, stack_voxel, matched).rows
    news = [f"   {what}: {found}; {meaning}" for what, found, meaning in rows if meaning not in ("fine", well[what])]
    print("\n".join([name, *news]))

# %%
share = 1 - healthy.data.sum() / veiled.sum()
print(f"a background of 1 % of the peak holds {100 * share:.0f} % of what passes for light")

# %% [markdown]
r"""
**What to see.** Each illness has its row. Mind the background: it is faint, but fills every voxel of the array, and the sum alone would prove nothing. What gives it away is that not even the darkest voxels are dark: see "even light".
"""

# %% [markdown]
r"""
The fifth illness never gets as far as a PSF:
"""

# %%
try:
    Optics(NA=1.4, wavelength=520)
except ValueError as error:
    print(error)

# %% [markdown]
r"""
| symptom | cause | fix |
|---|---|---|
| the deblurred stack is smeared or ringing along one axis only | the PSF has another voxel than the stack | `optics.resample(psf, stack.voxel_size)` |
| dull result, a grey veil; the doctor finds even light | background left in a measured PSF | `optics.clean_psf(psf)` |
| the result is shifted, or wrapped around the edges | the PSF's centre was written into the corner | `numpy.fft.fftshift(psf)` |
| haze stays; the doctor finds light on the sides, plane sums fall off | the PSF was cut off by its array | ask for a larger shape |
| an error, or a PSF a thousand times too wide | wavelength or voxel in nm | divide by 1000 |
| tails along z, to one side, growing with depth | index mismatch | the right `n_specimen` and `depth`; or other immersion |

## Remember

- PSF = |Fourier transform of the pupil|². Defocus, depth and aberrations are phases in the pupil.
- Across, $0.51\,\lambda/\mathrm{NA}$. Along z it is longer, and the formulas for small angles are 28 to 44 % too long at NA 0.8 to 1.4.
- Wide-field: every plane has the same light. That is the missing cone, and no algorithm finds in the data what lies in it.
- From oil into water the focus lies less deep than the stage says, and the peak falls by two thirds within 10 µm.
- Before you deconvolve: `optics.examine(psf, stack.voxel_size)`.

<details><summary>1. An objective of NA 0.7 replaces one of NA 1.4, same wavelength and immersion. How do the cut-offs change (n = 1.515)?</summary>

Across, by half: 2 NA/λ. Along z, $n - \sqrt{n^2 - \mathrm{NA}^2}$ goes from 0.94 to 0.17: more than five times less. Depth resolution goes with the square of the NA, and faster.

</details>

<details><summary>2. In an array of 41 planes, a PSF's outermost planes have 60 % of the light of its focal plane. What do you ask first?</summary>

Which microscope. If wide-field: the array is too narrow, 40 % of these planes' light left by the sides. If confocal or light-sheet: nothing is wrong, the plane sums fall as they should.

</details>

<details><summary>3. A colleague measures her PSF with beads on the coverslip, and deconvolves cells 15 µm deep in water with it (oil objective). What will she see?</summary>

Tails along z that stay, to one side: the PSF at 15 µm is spherically aberrated, the one on the coverslip is not. Also all depths are some 20 % too large.

</details>

## References

- S. F. Gibson and F. Lanni, *J. Opt. Soc. Am. A* 8 (1991) 1601, [doi:10.1364/JOSAA.8.001601](https://doi.org/10.1364/JOSAA.8.001601): the phase of equation (7), with the coverslip besides.
- J. Li, F. Xue and T. Blu, *J. Opt. Soc. Am. A* 34 (2017) 1029, [doi:10.1364/JOSAA.34.001029](https://doi.org/10.1364/JOSAA.34.001029): how `gibson_lanni_psf` computes it fast.
- B. M. Hanser *et al.*, *J. Microsc.* 216 (2004) 32, [doi:10.1111/j.0022-2720.2004.01393.x](https://doi.org/10.1111/j.0022-2720.2004.01393.x): pupil functions of real microscopes.
- B. Richards and E. Wolf, *Proc. R. Soc. A* 253 (1959) 358, [doi:10.1098/rspa.1959.0200](https://doi.org/10.1098/rspa.1959.0200): polarised light in a focus.
- R. J. Noll, *J. Opt. Soc. Am.* 66 (1976) 207, [doi:10.1364/JOSA.66.000207](https://doi.org/10.1364/JOSA.66.000207): Zernike modes.
- B. Zhang, J. Zerubia and J.-C. Olivo-Marin, *Appl. Opt.* 46 (2007) 1819, [doi:10.1364/AO.46.001819](https://doi.org/10.1364/AO.46.001819): Gaussian approximations.
"""

# %%
compare.write_results(
    "02",
    {
        "FWHM xy, Gibson–Lanni (µm)": widths[1.4]["Gibson–Lanni"][0],
        "FWHM z, Gibson–Lanni (µm)": widths[1.4]["Gibson–Lanni"][1],
        "FWHM z, Gaussian / Gibson–Lanni (ratio)": too_long,
        "FWHM xy, vectorial / scalar (ratio)": wider,
        "PSF by hand against the course's (correlation)": correlations[0],
        "Strehl at 0.1 waves / Maréchal (ratio)": marechal_ratio,
        "least plane sum, wide-field (ratio)": least["wide-field"],
        "least plane sum, confocal (ratio)": least["confocal, 1 Airy unit"],
        "focus shift at 10 µm (µm)": shift[10],
        "peak at 10 µm (ratio)": peak[10],
        "sum after resampling (ratio)": sum_ratio,
        "a redraw of the explorer (seconds)": seconds,
    },
)
