# ---
# jupyter:
#   course:
#     profiles:
#       test: {rounds: 3, alone_rounds: 30, pair_iter: 30, fit_across: 15, n_iter: 8}
#       report: {size: course, n_iter: 60}
#     bands:
#       bead centres, rms error (voxels): [0, 0.05]
#       PSF from beads, FWHM z / true (ratio): [0.97, 1.03]
#       PSF from beads, FWHM x / true (ratio): [0.97, 1.03]
#       PSF from beads, correlation: [0.98, 1]
#       peak of the free blind PSF / true (ratio): [3, 40]
#       NA fitted: [1.38, 1.41]
#       spherical aberration fitted (waves): [0.095, 0.105]
#       error of the Gaussian PSF: [1.5, 2.5]
#       error of the PSF from beads: [0, 0.2]
#       error of the blind PSF: [0.3, 0.8]
#       error of the PSF from the pair, least squares: [0.3, 0.58]
#       error of the PSF from the pair, primal–dual: [0.1, 0.45]
#       error of the fitted PSF: [0, 0.1]
#       PSNR with the true PSF (dB): [25, 34]
#       PSNR with theory (dB): [24, 30]
#       PSNR with the PSF from beads (dB): [24, 30]
#       PSNR with the fitted PSF (dB): [25, 34]
# ---

# %% [markdown]
r"""
# 3 · The PSF of a real microscope

"1.4", says the barrel of the objective, and chapter 2 makes a PSF of that number. Somebody deconvolves her cells with it, and haze stays, on one side of each filament. She puts a bead under
the microscope: it looks like nothing that chapter 2 has drawn. The number is right. But between lens and cell there are oil, a coverslip and a mounting medium, none of them quite as the manufacturer
meant it, and **the PSF of an objective is not the PSF of your microscope**. There are four ways to find the latter, and this chapter tries them all, on one microscope whose true PSF we know and hide.

**After this notebook you can**

- distil a PSF from a slide of beads: find them, refuse the bad ones, average, and take the bead's own size off;
- estimate specimen and PSF together from a single stack, and say why that needs constraints;
- compute the PSF from a sharp and a blurred picture of the same thing, and say what such a pair cannot tell;
- fit the objective's numbers and aberrations to a measured PSF;
- say which of the four to take, and what each costs in the deconvolved picture.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 1 and 2 | 75–90 minutes | 1–2 minutes in all | 0.7 GB |

*Previous: [the point spread function](02_point_spread_function.ipynb). Next: [Richardson–Lucy](04_richardson_lucy.ipynb). Short of time? Sections 1, 2, 5 and 6; run the cells of 3 and 4 unread, without their exercises: 6 compares what they make.*
"""

# %% tags=["setup"]
# %matplotlib inline
from dataclasses import replace

import numpy as np
from scipy import fft, ndimage

import data_fetch
from course_utils import (
    backend,
    checks,
    compare,
    formation,
    operators,
    optics,
    plots,
    psf_estimation,
    richardson_lucy,
    widgets,
)
from course_utils.formation import Camera
from course_utils.stack import Stack

rng = np.random.default_rng(3)
xp = backend.get("numpy")

# %% tags=["parameters"]
size = "small"  # of the course volume: "small" or "course"
rounds = 8  # of blind deconvolution on the cell
alone_rounds = 40  # of blind deconvolution on a part of it, with and without constraints
pair_iter = 100  # iterations of the primal–dual method
fit_across = 21  # voxels in y and in x that a model is fitted to
n_iter = 30  # of Richardson–Lucy, where PSFs are put to the test

# %% [markdown]
r"""
## 1 · The number on the objective

The microscope of this chapter has the objective of the course volume, NA 1.4 in oil, and two aberrations: spherical, as from a coverslip or a medium that does not match, and a little coma, as from a slide that lies askew.
"""

# %%
volume = data_fetch.load("microtubules", size=size)
oil, voxel = volume.optics, volume.truth.voxel_size
aberration = {(4, 0): 0.10, (3, 1): 0.06}  # spherical and coma, rms waves
whole, box = (47, 127, 127), (23, 61, 61)  # voxels of the true PSF, and of what we shall measure of it
lopsided = optics.pupil_psf(oil, whole, voxel, zernike=aberration)
theory = optics.gibson_lanni_psf(oil, whole, voxel)

# %% [markdown]
r"""
Where is the centre of a lopsided spot? Nobody can say: it is a matter of agreement, and a PSF with another centre merely shows the specimen at another place. The course agrees on the middle of the bright core, where `find_beads` will find a bead.
So we move our PSF there. (How one moves a picture by a fraction of a voxel is exercise 2.)
"""

# %%
to_box = operators.crop(box, whole, xp=xp)  # cuts out the middle
(core,) = psf_estimation.find_beads(Stack(to_box(lopsided.data), voxel), min_distance=2.0)
true_whole = optics.shift_psf(lopsided, np.floor_divide(box, 2) - core)
in_box = {"theory": optics.cut_psf(theory, box), "true": optics.cut_psf(true_whole, box)}

# %% alt="Theory and true PSF in xz: theory is a symmetric cross; the true PSF has most light on one side of the focus, and leans."
xz = {"step": voxel[::2], "xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "part of the peak", "cmap": "inferno"}
slices = {name: psf.data[:, box[1] // 2] / psf.data.max() for name, psf in in_box.items()}
plots.pictures(slices, low=1e-3, **xz)

# %%
for name, psf in in_box.items():
    widths = psf_estimation.fit_gaussian(psf).fwhm
    print(f"{name:8} FWHM of the core " + "{:.3f}, {:.3f}, {:.3f} µm (z, y, x)".format(*widths))
true_width = psf_estimation.fit_gaussian(in_box["true"]).fwhm
print(f"Strehl ratio {optics.strehl(lopsided, optics.pupil_psf(oil, whole, voxel)):.2f}")
planes = true_whole.data[whole[0] // 2 - box[0] // 2 :][: box[0]].sum()
print(f"the box has {box[0]} of {whole[0]} planes, with {planes:.2f} of the light;", end=" ")
print(f"of that, {to_box(true_whole.data).sum() / planes:.2f} lie within its sides")

# %% [markdown]
r"""
**What to see.** Theory is alike above and below the focus; the true PSF is a pair of bright rays on one side, a long core and a soft veil on the other, and it leans. (Where a PSF is lopsided, one line through its brightest voxel says little of its width. From here on, widths are those of the nearest
Gaussian, by `fit_gaussian`.) Mind the last line, too. Each plane of a wide-field PSF holds the same light (chapter 2): a box of half the planes holds about half of it. To the sides little is lost. (Our array reaches 23 planes up and down: all that can matter in a stack of 24.) What the box leaves out will matter in the end.

With this microscope, and its camera, we look at the cell of the course volume. This stack is what the four ways have to work on:
"""

# %%
counts = formation.acquire(volume.truth, true_whole, volume.camera, background=10.0, rng=rng)
cell = volume.camera.photons(counts)
photons = np.maximum(cell.data, 0)  # algorithms for photons take no negative ones

# %% alt="The specimen's filaments, and the stack of our microscope: a haze, in xz with tails to one side of each spot."
plots.sections({"truth": volume.truth, "our microscope": cell})

# %% [markdown]
r"""
## 2 · From beads

A bead that is much smaller than the PSF is as good as a point: its picture *is* the PSF. But it is dim, it stands somewhere between the voxels, it is not quite a point, and the slide is full of others. We simulate a slide of beads of 0.2 µm,
in Fourier space: there a shift by any fraction is a phase, and a ball of diameter $d$ and unit sum has a formula:

$$B(k) \;=\; \frac{3\,(\sin t - t\cos t)}{t^3}, \qquad t = \pi\, d\, |k| \tag{1}$$

with the frequency $k$ in 1/µm.
(The next three cells make the slide, with good beads and bad ones.)
"""

# %%
grid, margin = (64, 256, 320), (12, 30, 30)  # voxels, and how many of them on each side lie outside of the picture
slots = np.stack(np.meshgrid([32.0], [64, 128, 192], [64, 128, 192, 256], indexing="ij"), -1).reshape(-1, 3)
centres = slots + rng.uniform(-2, 2, slots.shape)
light = rng.uniform(10000, 20000, len(slots))  # photons in each plane
light[8] = 60000  # too much for the camera
centres[3, 2] += 25  # at the edge
centres, light = np.vstack([centres, centres[0] + (1, 6, 6)]), np.append(light, 15000)  # a close neighbour of the first

# %%
diameter = 0.2  # µm
k = np.meshgrid(*map(fft.fftfreq, grid[:2], voxel), fft.rfftfreq(grid[2], voxel[2]), indexing="ij")
t = np.pi * diameter * np.maximum(np.sqrt(sum(a**2 for a in k)), 1e-6)
ball = 3 * (np.sin(t) - t * np.cos(t)) / t**3
bead = ball * operators.blur(true_whole.data, grid, xp=backend.get("numpy", "float64")).transfer
spectra = (n * whole[0] * ndimage.fourier_shift(bead, c, grid[2]) for n, c in zip(light, centres, strict=True))
expected = fft.irfftn(sum(spectra), grid)

# %%
inside = tuple(slice(m, n - m) for m, n in zip(margin, grid, strict=True))
camera = Camera(gain=2.2, offset=100.0, read_noise=3.0, full_well=4095)  # 12 bit
bead_counts = camera.expose(Stack(np.maximum(expected[inside], 0) + 5.0, voxel), rng)
slide = camera.photons(bead_counts)

# %% alt="The slide of beads, brightest voxel along each axis: a dozen spots in a grid; two of them touch, one lies at the right edge."
plots.sections(slide, projection=True, limits=(0, 300))

# %% [markdown]
r"""
Which of them can serve? A bead whose box leaves the stack, holds another bead, or has voxels that the camera could not count any more is no picture of a PSF. `choose_beads` looks at each, and names its reason. (Its numbers are those of `find_beads`, the brightest first.)
"""

# %%
found = psf_estimation.find_beads(slide, min_distance=0.4)
choice = psf_estimation.choose_beads(slide, found, shape=box)
choice

# %% [markdown]
r"""
### Exercise 1: where is a bead?

Before pictures of beads can be averaged, each must be moved to the same place: one has to know where it is, to better than a voxel. The simplest answer is the centre of mass, of the light *above the background*:

$$c \;=\; \frac{\sum_i i\,(y_i - b)}{\sum_i (y_i - b)} \tag{2}$$

along each axis. Give back (z, y, x) in voxels; voxel $i$ has its middle at $i$. Keep negative values of $y_i - b$: they are the noise that balances the positive one.
"""


# %%
def centre(image, background):
    """Centre of mass (z, y, x) of a bead, in voxels."""
    # <solution> weigh the positions with the light above the background
    light = image - background
    positions = np.indices(image.shape)
    return np.array([(axis * light).sum() for axis in positions]) / light.sum()
    # </solution>


# %% tags=["check"]
checks.centre(centre)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`np.indices(image.shape)` gives three arrays: for each voxel its z, its y, its x.

</details>

<details><summary>Hint 2</summary>

`(z * light).sum() / light.sum()`, and the same for y and x, with `light = image - background`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
How good is it? `find_beads` does something better: it looks for the centre that makes the photons most likely, which hardly listens to the noisy voxels far out. On the good beads, whose true places we know:
"""

# %%
places = centres - margin
nearest = np.linalg.norm(choice.centres[:, None] - places, axis=2).argmin(1)
by_mass = []
for start in np.rint(choice.centres).astype(int) - (4, 8, 8):
    part = slide.data[tuple(slice(a, a + n) for a, n in zip(start, (9, 17, 17), strict=True))]
    by_mass.append(start + ndimage.center_of_mass(part - np.median(slide.data)))

# %%
errors = {"centre of mass": by_mass - places[nearest], "find_beads": choice.centres - places[nearest]}
for name, error in errors.items():
    scatter, offset = error.std(axis=0), error.mean(axis=0)
    print(f"{name:15} scatter z, y, x " + "{:.3f}, {:.3f}, {:.3f} voxels;".format(*scatter), end=" ")
    print("the same for all: {:+.2f}, {:+.2f}, {:+.2f}".format(*offset))
centre_error = np.sqrt(np.mean(errors["find_beads"].std(axis=0) ** 2))

# %% [markdown]
r"""
**What to see.** What all beads share is no error: it is where in the lopsided spot the centre is said to be. What scatters is one, and would smear the average. (It is not zero, although section 1 put the core in the middle: a bead's size, and how far around it one looks, move the centre of a lopsided spot by a tenth of a voxel.)

### Exercise 2: a fraction of a voxel

Now move the bead. A shift by $\delta$ voxels (fractions allowed) is in Fourier space a phase on each axis,

$$\hat y(k) \;\to\; \hat y(k)\; e^{-2\pi i\,(k_z \delta_z + k_y \delta_y + k_x \delta_x)} \tag{3}$$

with $k$ in periods a voxel here, as `fft.fftfreq(n)` gives it. `by` is (z, y, x). Give back the real part.
"""


# %%
def shift(image, by):
    """The image, moved by fractions of a voxel (z, y, x); periodic."""
    # <solution> transform, multiply by one phase for each axis, and transform back
    spectrum = fft.fftn(image)
    z, y, x = (np.exp(-2j * np.pi * fft.fftfreq(n) * s) for n, s in zip(image.shape, by, strict=True))
    return fft.ifftn(spectrum * z[:, None, None] * y[:, None] * x).real
    # </solution>


# %% tags=["check"]
checks.shift(shift)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

For the last axis alone: `fft.fftn(image) * np.exp(-2j * np.pi * fft.fftfreq(image.shape[2]) * by[2])`.

</details>

<details><summary>Hint 2</summary>

The factor of y needs the shape `(n, 1)`, that of z `(n, 1, 1)`: write `y[:, None]` and `z[:, None, None]`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
In the course, all that is `psf_estimation.distill_psf`: the background off each box, the shift, the sum, the noise filtered in Fourier space, and last a division by $B(k)$ of (1), regularised where $B$ is small: that takes the bead's own size off.
Two questions: how many beads, and how much does their size matter? `bead_diameter=0` leaves it in, 0.2 µm is right, 0.3 µm a wrong label.
"""

# %%
numbers, diameters = [1, 2, 3, 5, len(choice.centres)], [0.0, 0.1, 0.2, 0.3]
distilled = {
    (n, d): psf_estimation.distill_psf(slide, choice.centres[:n], shape=box, bead_diameter=d)
    for n in numbers
    for d in diameters
}
psf_errors = {key: compare.nrmse(psf, in_box["true"]) for key, psf in distilled.items()}

# %%
widgets.explore(
    lambda beads, diameter: plots.pictures(
        {
            f"{beads} beads, {diameter} µm taken off, error {psf_errors[beads, diameter]:.2f}": (
                distilled[beads, diameter].data[:, box[1] // 2] / in_box["true"].data.max()
            ),
            "true PSF": in_box["true"].data[:, box[1] // 2] / in_box["true"].data.max(),
        },
        low=1e-3,
        **xz,
    ),
    beads=numbers,
    diameter=diameters,
    description="The distilled PSF in xz beside the true one: more beads, less noise; more of the bead's size off, narrower.",
)

# %% [markdown]
r"""
**To try.** (1) One bead, nothing taken off. (2) All beads: what goes, what stays? (3) Take off 0.2 µm, then 0.3. The same without sliders, as pictures and as the error $\|h - h_\text{true}\| / \|h_\text{true}\|$ (`compare.nrmse`):
"""

# %% alt="Four distilled PSFs in xz: from one bead grainy; from all beads with its size left in wide, with 0.2 µm off right, with 0.3 µm too thin."
shown = {"one bead, 0.2 µm off": (1, 0.2)} | {f"all, {d} µm off": (numbers[-1], d) for d in (0.0, 0.2, 0.3)}
slices = {name: distilled[key].data[:, box[1] // 2] / in_box["true"].data.max() for name, key in shown.items()}
plots.pictures(slices, low=1e-3, **xz)

# %% alt="Error against the number of beads, a curve for each diameter taken off: 0.2 µm is lowest, 0 and 0.3 µm level off higher up."
curves = {f"{d} µm taken off": (np.array(numbers), np.array([psf_errors[n, d] for n in numbers])) for d in diameters}
plots.lines(curves, xlabel="beads averaged", ylabel="error of the PSF", ylim=(0, None))

# %%
beads_psf = distilled[numbers[-1], 0.2]
taken = {f"{d} µm off": distilled[numbers[-1], d] for d in diameters}
rows = in_box | taken
ratio = {}
for name, psf in rows.items():
    widths = psf_estimation.fit_gaussian(psf).fwhm
    ratio[name] = np.divide(widths, true_width)
    print(f"{name:11} FWHM (z, y, x) " + "{:.3f}, {:.3f}, {:.3f} µm;".format(*widths), end=" ")
    print("over the true one " + "{:.3f}, {:.3f}, {:.3f}".format(*ratio[name]))
correlation = np.corrcoef(beads_psf.data.ravel(), in_box["true"].data.ravel())[0, 1]
print(f"correlation with the true one, 0.2 µm off: {correlation:.4f}")

# %% [markdown]
r"""
**What to see.**

- More beads take the noise away, but not the bead: with its size left in (0.0 µm off) the PSF stays too wide, however many are averaged.
- Too large a diameter sharpens it beyond the truth (0.3 µm off: 0.80, 0.72, 0.71 of the width). Its error even rises in the end: the less noise, the more of the wrong division gets through. Read the label of your beads.

### A real bead

The course comes with one bead of a real wide-field microscope. Of its slide little was written down:
"""

# %%
real = data_fetch.load("widefield-bead")
for what in ("voxel", "camera", "psf", "optics"):
    print(f"{what}: {real.facts[what]}")

# %%
at = psf_estimation.find_beads(real.stack, min_distance=5.0)
left_in, taken_off = (
    psf_estimation.distill_psf(real.stack, at, shape=(25, 41, 41), bead_diameter=d) for d in (0.0, 2.5)
)
for name, psf in {"as it is": left_in, "2.5 µm taken off": taken_off, "the theory that came with it": real.psf}.items():
    print(f"{name:29} FWHM " + "{:.2f}, {:.2f}, {:.2f} µm (z, y, x)".format(*optics.fwhm(psf)))

# %% alt="The real bead in xz, as it is and with its size taken off: a barrel between two bright cones; then a small spot within rings as wide as the bead."
slices = {"as it is": left_in, "2.5 µm taken off": taken_off}
slices = {name: psf.data[:, 20] / psf.data.max() for name, psf in slices.items()}
plots.pictures(slices, low=1e-2, **xz | {"step": real.stack.voxel_size[::2]})

# %% [markdown]
r"""
**What to see.**

- *Left*, a portrait of a ball of 2.5 µm: across, its width is the ball's. (A ball is no Gaussian: these widths are read at half of the peak. The cones are the PSF's, and not quite alike.)
- *Right*, taking off so large a ball fails. By (1), $B$ is zero at $|k| = 1.43/d$ and next to nothing beyond; what the bead did not contain cannot be divided out of its picture. Across, the spot stays more than twice as wide as theory has it, and the division makes rings as large as the bead.

**A bead must be smaller than the PSF**: a third of its width is a good rule. Up to the whole of it, as with our 0.2 µm, there is more light, and (1) still takes the size off: $B$ is zero only beyond what the objective passes ($1.43/0.2 \approx 7.2$ per µm; $2\,NA/\lambda \approx 5.4$). (All lengths of the real bead hang on a voxel that is only assumed.)

## 3 · Blind: PSF and specimen together

No beads? Then perhaps from the cell alone. The **likelihood** of a specimen is the probability that it, seen through the PSF, gives just the photons counted. Richardson–Lucy, which chapter 0 has used, raises it step by step. Since $x \otimes h = h \otimes x$, a step on $x$ with $h$ known has a twin, a step on $h$ with $x$ known:

$$x \;\leftarrow\; \frac{x}{C_h^\top 1}\cdot C_h^\top\,\frac{y}{x\otimes h + b}, \qquad
h \;\leftarrow\; \frac{h}{\sum x}\cdot C_x^\top\,\frac{y}{x\otimes h + b} \tag{4}$$

$C_h$ convolves with $h$ (the $A$ of chapters 0 and 1), $C_x$ with $x$. Their adjoints correlate: $C_x^\top$ is a product with the conjugate of $\mathcal F x$, and $C_x^\top 1 = \sum x$. **Blind deconvolution** takes some steps on $h$, then some on $x$, and again.

### Exercise 3: a step on the PSF

Write the right half of (4) for periodic arrays of one shape, with the PSF's centre at voxel 0: then `fft.rfftn(psf)` is the transfer function.
"""


# %%
def psf_update(psf, x, y, background):
    """The PSF after one Richardson–Lucy step, the specimen x being known."""
    # <solution> model, ratio, correlation with x, product
    X = fft.rfftn(x)
    model = fft.irfftn(fft.rfftn(psf) * X, s=y.shape) + background
    correction = fft.irfftn(np.conj(X) * fft.rfftn(y / model), s=y.shape)
    return psf * correction / x.sum()
    # </solution>


# %% tags=["check"]
checks.psf_update(psf_update)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

In this order: the model $x \otimes h + b$ (a product of spectra); the ratio `y / model`; its correlation with `x`; then multiply by `psf`, divide by `x.sum()`.

</details>

<details><summary>Hint 2</summary>

A correlation with x: `fft.irfftn(np.conj(fft.rfftn(x)) * fft.rfftn(ratio), s=y.shape)`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Is that enough? There is a specimen that explains *any* stack perfectly: one that looks just like it, seen through a PSF that is a single voxel. It is the **trivial answer**, and nothing in the likelihood speaks against it. So one has to say what one knows of a PSF, after each round:
it has no negative values and a sum of 1; it ends at the edge of its box; its core is in the middle; and it holds no frequency that the objective does not pass (chapter 2, section 6). `psf_estimation.blind` does so; `band=None` leaves the last one out.

We start from a Gaussian which is 40 % too wide, on a part of the cell, with the band and without.
"""

# %%
wide = {}
for shape in (box, (15, 21, 21)):
    axes = np.meshgrid(*(d * (np.arange(n) - n // 2) for n, d in zip(shape, voxel, strict=True)), indexing="ij")
    sigma = 1.4 / 2.355 * np.array(true_width)
    bell = np.exp(-0.5 * sum((a / s) ** 2 for a, s in zip(axes, sigma, strict=True)))
    wide[shape] = Stack(bell / bell.sum(), voxel)

# %%
support = (15, 21, 21)
part = photons[4:20, 24:72, 24:72]
bands = {"band": psf_estimation.pass_band(oil, support, voxel), "no band": None}
kept, history = sorted({1, 10, alone_rounds}), {}
for name, band in bands.items():
    estimates = psf_estimation.blind(part, wide[support], n_iter=alone_rounds, background=10.0, band=band)
    history[name] = {k: Stack(h, voxel) for k, (_, h) in enumerate(estimates, start=1) if k in kept}

# %% alt="The true PSF in xz, and blind ones after 1, 10 and 40 rounds: with the band light above and below a dark waist, without it a spot that shrinks to a voxel."
rows = {"true": optics.cut_psf(true_whole, support), "theory": optics.cut_psf(theory, support)}
rows |= {f"{name}, {k}": h for name, row in history.items() for k, h in row.items()}
slices = {name: h.data[:, 10] / h.data.max() for name, h in rows.items() if name != "theory"}
plots.pictures(slices, low=1e-3, **xz)

# %%
for name, h in rows.items():
    z, y, x = psf_estimation.fit_gaussian(h).fwhm
    collapse = h.data.max() / rows["true"].data.max()  # at the end, that of the last round without the band
    print(f"{name:11} FWHM {z:.2f} µm along z, {x:.3f} along x; peak over the true one {collapse:.1f}")

# %% [markdown]
r"""
**What to see** (the number is the round).

- *Without the band* the PSF, which began with no light above and below its focus, never gets any. It only shrinks, in the end to less than light can be focused to (0.091 µm along x; theory 0.204): it is on its way to a single voxel. Somewhere on that way it has the right width, and nothing tells where.
- *With the band* there is light above and below the focus, and a dark waist, from the first round on. The width falls, too, but only to about what this objective can focus (0.183 µm along x), and noise takes the place of the light out there.

So blind deconvolution, too, is stopped early. Now on the whole stack, with all constraints:
"""

# %%
band = psf_estimation.pass_band(oil, box, voxel)
for _, h in psf_estimation.blind(photons, wide[box], n_iter=rounds, background=10.0, band=band):
    blind_psf = Stack(h, voxel)  # at the end, that of the last round
for name, psf in {"Gaussian, 40 % too wide": wide[box], f"blind, {rounds} rounds": blind_psf}.items():
    print(f"{name:25} error {compare.nrmse(psf, in_box['true']):.2f}, FWHM over the true one", end=" ")
    print("{:.2f}, {:.2f}, {:.2f}".format(*np.divide(psf_estimation.fit_gaussian(psf).fwhm, true_width)))

# %% [markdown]
r"""
The guess is so far off, for all its modest width, because it has no halo: with a sum of 1, what is missing outside makes the core too bright. Blind deconvolution finds the core's width, and some halo, from the cell alone. It does not find the aberration: the cell's own shapes hide it.

## 4 · From a pair, sharp and blurred

Sometimes the same cell exists twice: blurred, and by a sharper microscope (here SIM, structured illumination, with twice the resolution), or simulated. If both specimen $x$ and picture $y$ are known, the PSF is the only unknown, and the problem is *linear*. In Fourier space the least squares solution is one division:

$$H \;=\; \frac{\overline{X}\; Y}{|X|^2 + \gamma}, \qquad H = \mathcal F h,\; X = \mathcal F x,\; Y = \mathcal F y \tag{5}$$

The weight $\gamma$ keeps noise from being divided by nothing. Here it is a bare number; later in the chapter it counts in units of the mean of $|X|^2$, so that brighter stacks need no other.

### Exercise 4: least squares

Write (5) on a periodic grid, with $\gamma$ = `weight`. Give back the PSF on the whole grid, its centre at `n // 2`, without setting its sum.
"""


# %%
def least_squares(sharp, blurred, weight):
    """The PSF that takes sharp to blurred, its centre at n // 2."""
    # <solution> divide the spectra, transform back, and move the centre to n // 2
    X, Y = fft.fftn(sharp), fft.fftn(blurred)
    h = fft.ifftn(np.conj(X) * Y / (np.abs(X) ** 2 + weight)).real
    return fft.fftshift(h)
    # </solution>


# %% tags=["check"]
checks.least_squares(least_squares)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`np.conj(X) * Y` over `np.abs(X) ** 2 + weight`, voxel by voxel, then `fft.ifftn(…).real`.

</details>

<details><summary>Hint 2</summary>

The result has its centre at voxel 0, as Fourier transforms count. `fft.fftshift` takes it to `n // 2`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Where $X$ is next to nothing, so is what the pair says of $h$: no method can know what the microscope does to a frequency that the specimen does not contain. `determined` draws the share $|X|^2/(|X|^2 + \gamma\,\langle|X|^2\rangle\,|L|^2)$ of the data in the answer. ($\langle\,\rangle$ is the mean,
$L$ the transfer function of the Laplacian, which grows with the frequency: in the course $\gamma$ falls on roughness.)
"""

# %% alt="Which frequencies the pair determines, for the truth and for SIM as the sharp picture: the middle, and less far out for SIM."
pairs = {"truth": volume.truth, "SIM": volume.reference}
shares = {name: psf_estimation.determined(sharp, weight=2e-2) for name, sharp in pairs.items()}
shares = {name: share[:, share.shape[1] // 2] for name, share in shares.items()}
step = 1 / cell.extent[0], 1 / cell.extent[2]
plots.pictures(shares, step=step, xlabel="kx (1/µm)", ylabel="kz (1/µm)", unit="share of the data", cmap="cividis")

# %% [markdown]
r"""
**What to see.** Yellow: the data decide. Blue: they say nothing, and the weight does. Filaments are thin, so they contain nearly all that the objective passes (as far as 5.4 per µm across). SIM is a picture, too, with noise and a PSF of its own, and says less of the finest detail. (Dark in the very middle: a constant could be background as well.)

One division is fast, but knows nothing of PSFs: its result is wavy, and what is negative has to be cut off. The better way minimises

$$\tfrac12 \|x \otimes h + b - y\|^2 + \gamma\,\|D h\|^2 \quad\text{over } h \ge 0 \text{ and } b \tag{6}$$

The stacks may differ in brightness: the sum of $h$ takes that up, and is divided out in the end. ($\gamma$ counts in units of $\|C_x\|^2$ here.) $D$ takes differences between neighbours, dearer far from the core than in it. A **primal–dual** method does it: in turns, a step in $h$, cut off at zero, and a step in the *price* of each slope of $h$. (Prices are the subject of chapter 5.)
"""

# %%
pair_psfs = {
    f"{name}, {method}": psf_estimation.psf_from_pair(sharp, cell, shape=box, method=method, n_iter=pair_iter)
    for name, sharp in pairs.items()
    for method in ("least-squares", "primal-dual")
}

# %% alt="PSFs from pairs in xz: least squares is wavy, primal–dual smooth; both show the true PSF's one-sided light."
slices = {"true": in_box["true"]} | pair_psfs
plots.pictures({name: h.data[:, box[1] // 2] / h.data.max() for name, h in slices.items()}, low=1e-3, **xz)

# %%
for name, psf in pair_psfs.items():
    print(f"{name:22} error {compare.nrmse(psf, in_box['true']):.2f}, FWHM over the true one", end=" ")
    print("{:.2f}, {:.2f}, {:.2f}".format(*np.divide(psf_estimation.fit_gaussian(psf).fwhm, true_width)))

# %% [markdown]
r"""
**What to see.** The pairs see what blind deconvolution did not: the rays on one side, the core on the other, the lean. Least squares leaves grains all over the box; the constraints take away most of them. With SIM as the sharp picture the result takes *SIM* to wide-field: it lacks SIM's own PSF, and is therefore a little narrower.

### Find the bug

The code of the report from which this course grew (chapter 8, section 9, goes through all of it) estimates a 2D kernel for each plane, and puts the kernels on top of each other. The same, small, from our sharp and our blurred stack:
"""

# %%
sharp, blurred = (a.data - np.median(a.data) for a in (volume.truth, cell))
kernels = []
for sharp_plane, blurred_plane in zip(sharp, blurred, strict=True):
    X, Y = fft.fft2(sharp_plane), fft.fft2(blurred_plane)
    kernel = fft.fftshift(fft.ifft2(np.conj(X) * Y / (np.abs(X) ** 2 + 1e-2 * np.mean(np.abs(X) ** 2))).real)
    kernels.append(kernel / kernel.sum())
stacked = np.stack(kernels)
print(f"shape {stacked.shape}, sum {stacked.sum():.3f}, planes {len(stacked)}")

# %% alt="The stacked kernels in xz: a bright column of the same height everywhere, nothing like a PSF."
n = len(stacked) // 2, stacked.shape[1] // 2
middle = slice(n[1] - box[1] // 2, n[1] + box[1] // 2 + 1)
plots.pictures({"stacked kernels": np.maximum(stacked[:, n[1], middle], 0) / stacked.max()}, low=1e-3, **xz)

# %% [markdown]
r"""
It has three axes, and it looks a bit like light. What is wrong?

### Exercise 5: one PSF

Say it to yourself first: what does plane $k$ of a PSF stand for, and what plane $k$ of this stack? Then write the function that gives *one* 3D PSF of unit sum for the two stacks, of their shape, its centre at `n // 2`. The arrays are periodic and without background, but differ in brightness; $10^{-3}$ times the mean of $|X|^2$ is a good weight.
"""


# %%
def one_psf(sharp, blurred):
    """One 3D PSF, of the shape of the stacks and of unit sum, its centre at n // 2."""
    # <solution> a single PSF for both stacks
    X, Y = fft.fftn(sharp), fft.fftn(blurred)
    weight = 1e-3 * np.mean(np.abs(X) ** 2)
    h = fft.fftshift(fft.ifftn(np.conj(X) * Y / (np.abs(X) ** 2 + weight)).real)
    return h / h.sum()
    # </solution>


# %% tags=["check"]
checks.one_psf(one_psf)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Plane $k$ of a PSF says what light does that is $k$ planes *away* from its origin. Plane $k$ of the stack above says what light does that stays within plane $k$ of the specimen. The former cannot be had without looking at several planes at once.

</details>

<details><summary>Hint 2</summary>

Exercise 4 has it all but the unit of the weight and the sum: `fft.fftn` transforms over all three axes.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Two things give it away. *The sum*: each kernel has sum 1, so the stack of them has as many as there are planes. (Not that all planes have the same: so have those of a wide-field PSF. But together it must be 1.) *The shapes*: away from the focus, a PSF spreads into a cone; here every plane shows the same column.
Dividing by the sum would mend the one and not the other, for the kernels know nothing of light between planes.

## 5 · From a model

The three ways so far find a PSF voxel by voxel: as many unknowns as the box has voxels. Physics needs a handful: NA, indices, depth, a few aberrations. `fit_optics` looks for those whose PSF (chapter 2) is nearest to a measured one: here to the one distilled from beads.
"""

# %%
modes = [(4, 0), (3, 1)]
fit = psf_estimation.fit_optics(beads_psf, oil, zernike=modes, shape=(23, fit_across, fit_across))
fit

# %% [markdown]
r"""
**What to see.** The true numbers were NA 1.4, 0.10 and 0.06 waves: found nearly, from a start without aberrations. The `±` are those of noise alone: of what the averaging and the division by $B$ did to the PSF they know nothing, and they are too small.

A fit finds what explains the data, not what is the case. **What is confused with what?** First: say that somebody noted the wrong wavelength, 0.50 µm for 0.52, and that NA and the index of the immersion are free.
"""

# %%
right, other = (
    psf_estimation.fit_optics(
        beads_psf,
        replace(oil, wavelength=wavelength, NA=1.35),
        free=("NA", "n_immersion"),
        zernike=modes,
        shape=(23, fit_across, fit_across),
    )
    for wavelength in (oil.wavelength, 0.50)
)
other

# %%
print("with the wrong wavelength, over what the right one gives:", end=" ")
for name in ("wavelength", "NA", "n_immersion"):
    print(f"{name} {getattr(other.optics, name) / getattr(right.optics, name):.3f}", end=", ")
print(f"correlation {other.correlation:.4f} and {right.correlation:.4f}")

# %% [markdown]
r"""
As good a fit, with other numbers. Equation (2) of chapter 2 holds $s/\lambda$ and $n/\lambda$ only: wavelength, NA and index in one proportion are the same PSF. (The table's "determined" knows only of parameters that were free.) So the wavelength is never fitted: look at the emission filter.

Second: let there be no spherical aberration at all, but a bead at some depth in a medium of index 1.56.
"""

# %%
mismatch = replace(oil, n_specimen=1.56, depth=3.0)
deep = psf_estimation.fit_optics(beads_psf, mismatch, free=("depth",), shape=(23, fit_across, fit_across))
deep

# %%
spherical = psf_estimation.fit_optics(beads_psf, oil, free=(), zernike=[(4, 0)], shape=(23, fit_across, fit_across))
print(f"correlation with a depth {deep.correlation:.3f}, with spherical aberration {spherical.correlation:.3f}")
print(f"(with neither {fit.before:.3f}, with spherical aberration and coma {fit.correlation:.3f})")

# %% [markdown]
r"""
**What to see.** Nearly as good as the true cause: a depth in another index *makes* spherical aberration, and it moves the bead, as the table says ("not told apart from z"). For deconvolution, this does not matter, as long as the PSF is right. For a statement on the sample, it does.

And what a model gives beyond a description is **the rest of the halo**. A box holds what beads can show. The model knows what lies outside.
"""

# %%
model = optics.pupil_psf(fit.optics, whole, voxel, zernike=fit.zernike)
model_psf = optics.shift_psf(model, np.subtract(fit.position, np.floor_divide(box, 2)))  # to the agreed centre

# %% alt="The PSF from beads ends at the edges of its box; the fitted model goes on, as the true PSF does, in two wide cones."
canvas = np.full((3, *whole), np.nan)
edge = tuple(slice(w // 2 - b // 2, w // 2 + b // 2 + 1) for w, b in zip(whole, box, strict=True))
canvas[0][edge] = beads_psf.data / beads_psf.data.max()
canvas[1], canvas[2] = (psf.data / psf.data.max() for psf in (model_psf, true_whole))
names = "from beads", "model fitted to it", "true"
plots.pictures(dict(zip(names, canvas[:, :, whole[1] // 2], strict=True)), low=1e-4, **xz)

# %% [markdown]
r"""
## 6 · Put to the test

One cell, all PSFs. Each deblurs the stack of section 1, by Richardson–Lucy with momentum (chapter 4), always with the same number of iterations. Two scores: the error of the PSF within the box, and how near the deblurred cell comes to the truth, as peak signal-to-noise ratio: PSNR is $20\log_{10}$ of the data range (the truth's maximum less its minimum) over the rms error. Higher is better; 3 dB
are half the squared error.
"""

# %%
psfs = {
    "true, whole": true_whole,
    "true, in the box": in_box["true"],
    "theory, whole": theory,
    "theory, in the box": in_box["theory"],
    "Gaussian, 40 % too wide": wide[box],
    "1: beads": beads_psf,
    "2: blind": blind_psf,
    "3: truth, least squares": pair_psfs["truth, least-squares"],
    "3: truth, primal–dual": pair_psfs["truth, primal-dual"],
    "3: SIM, primal–dual": pair_psfs["SIM, primal-dual"],
    "4: model, whole": model_psf,
}

# %%
deblurred = {}
for name, psf in psfs.items():
    A = formation.forward(psf, cell.shape, xp=xp)
    to_view = operators.crop(cell.shape, A.shape_in, xp=xp)
    for x in richardson_lucy.heavy_ball(photons, A, n_iter=n_iter, background=10.0):
        deblurred[name] = cell.with_data(to_view(x))  # at the end, the last estimate

# %%
data_range = float(np.ptp(volume.truth.data))
psnr = {name: compare.psnr(x, volume.truth, data_range) for name, x in deblurred.items()}
psf_error = {}
for name, psf in psfs.items():
    middle = psf.data if psf.shape == box else to_box(psf.data)
    psf_error[name] = compare.nrmse(middle / middle.sum(), in_box["true"])
    print(f"{name:25} error of the PSF {psf_error[name]:.2f}   PSNR of the deblurred cell {psnr[name]:.1f} dB")
blurred_psnr = compare.psnr(cell.data - 10, volume.truth, data_range)
print(f"(the stack itself {blurred_psnr:.1f} dB; data range {data_range:.0f} photons, {n_iter} iterations)")

# %% alt="Truth and three deblurred cells: with the fitted model filaments are bright and compact, with theory and with the PSF in a box dim."
shown = ["theory, whole", "1: beads", "4: model, whole"]
limits = (0, float(np.percentile(volume.truth.data, 99.7)))
plots.sections({"truth": volume.truth} | {name: deblurred[name] for name in shown}, limits=limits)

# %% [markdown]
r"""
**What to see.** In the picture: light that was not gathered is missing from the filaments; with the fitted model they are brightest, and in xz and yz shortest. In the table, two things count:

- *The shape.* Compare only what ends at the box. Beads and pairs (28.3 to 28.5 dB) make a cell as good as the true PSF in the same box does (28.1); theory and blind deconvolution do not (26.6, 26.5), and the Gaussian (25.3) hardly changes the stack (24.8). (The pairs are even better: a pair may put the light that the box cannot hold where it harms this very cell least.)
- *The halo.* Every PSF that ends at the box falls far behind the true one as a whole (32.2). Half of the light lies in planes that the box does not have, and what does not know of it leaves the haze where it is. Whole theory, though of the wrong shape, is as good as the best of them (28.5).

The model fitted to the beads has both (32.2): **measure the shape, let physics add the halo.** (Here the model is of the very kind that made the data. A real PSF holds more than two aberrations, and the gain will be smaller.)

## 7 · What can go wrong

What if nobody had refused a bead? `distill_psf` looks for neighbours and edges itself:
"""

# %%
try:
    psf_estimation.distill_psf(slide, found, shape=box)
except ValueError as error:
    print(error)

# %% [markdown]
r"""
But it can be persuaded: by a list that does not name the neighbour, and by a stack in which nobody looked for saturation.
"""

# %%
bad = {}
for what in ("saturated", "overlaps"):
    number = next(i for i, reason in choice.refused.items() if reason.startswith(what))
    bad[what] = psf_estimation.distill_psf(slide, found[[number]], shape=box, bead_diameter=diameter)
one_good = psf_estimation.distill_psf(slide, choice.centres[:1], shape=box, bead_diameter=diameter)

# %% alt="PSFs in xy, each from a single bead: a good one round and small, a saturated one flat and fat, an overlapping one with a second core."
named = {"one good bead": one_good, "saturated": bad["saturated"], "overlapping": bad["overlaps"]}
slices = {name: psf.data[box[0] // 2] / psf.data.max() for name, psf in named.items()}
plots.pictures(slices, low=1e-3, **xz | {"step": voxel[1:], "ylabel": "y (µm)"})

# %%
bad_psnr = {}
for name, psf in named.items():
    A = formation.forward(psf, cell.shape, xp=xp)
    to_view = operators.crop(cell.shape, A.shape_in, xp=xp)
    for x in richardson_lucy.heavy_ball(photons, A, n_iter=n_iter, background=10.0):
        bad_psnr[name] = compare.psnr(to_view(x), volume.truth, data_range)  # at the end, of the last estimate
    widths = np.divide(psf_estimation.fit_gaussian(psf).fwhm, true_width)
    print(f"{name:13} FWHM over the true one " + "{:.2f}, {:.2f}, {:.2f};".format(*widths), end=" ")
    print(f"error {compare.nrmse(psf, in_box['true']):.2f}, PSNR of the cell {bad_psnr[name]:.1f} dB")

# %% [markdown]
r"""
**What to see.**

- *Saturation* cuts off the peak: the core is too wide along all axes (1.23 to 1.29). The deblurred cell suffers less than one might fear (28.1 dB, and 28.4 with a good bead), since most of this PSF's light is not in its core.
- *The neighbour* becomes a part of the PSF, a ghost that deblurring then expects beside every filament (26.3 dB).

| symptom | cause | fix |
|---|---|---|
| a flat top; a PSF wider than theory allows | saturated beads | less light or a shorter exposure; `choose_beads` |
| a second core, off to one side | a neighbour in the box | `choose_beads`; dilute the beads |
| a PSF as wide as the bead | its size was left in, or it is too large | `bead_diameter=`; smaller beads |
| everything shifted, by the same amount | another convention of the centre | agree on one; compare shapes after moving them there |
| blind: the PSF becomes a dot | no band limit, or too many rounds | `band=pass_band(…)`; stop early |
| haze stays | the PSF ends at its box | fit a model, and take it whole |
| good near the coverslip, bad in the depth | the beads were on the coverslip, the cell is not | beads at the cell's depth, in its medium |

## Remember

- The number on the objective is where you start. Put beads under *your* microscope, in the medium and at the depth of your specimen.
- Refuse beads that saturate, overlap or touch the edge; know their diameter, and take it off.
- Blind deconvolution stands and falls with what it is told of the PSF. Without, its best answer is no deconvolution at all.
- A pair determines the PSF where its specimen has structure, and nowhere else.
- Few parameters go far: a model fitted to a measured PSF has no noise, and the whole halo. It is not proof of what its numbers say.

<details><summary>1. Ten beads of 0.5 µm lie on the slide, and ten of 0.1 µm, much dimmer. Lateral FWHM of the PSF: about 0.2 µm. Which do you take?</summary>

The small ones, and average them all. With 0.5 µm, $B$ is zero at 1.43/0.5 ≈ 2.9 per µm, half way to the cut-off, and what was there is lost; noise, in contrast, goes down with more beads.

</details>

<details><summary>2. Somebody's blind deconvolution returns the stack as it was, and a PSF of one bright voxel. Is the program broken?</summary>

No: it found the trivial answer, which explains the data perfectly. It lacks a constraint, such as the band limit of the objective.

</details>

<details><summary>3. A fit reports a bead 14 µm deep, "not told apart from z". But the bead lies on the coverslip. What do you conclude?</summary>

That there is spherical aberration, whatever makes it. The depth is a way to write it down. Fit the mode (4, 0) instead, and compare the correlations; then look for the cause: the medium, the coverslip, the correction collar.

</details>

## References

- R. W. Cole, T. Jinadasa and C. M. Brown, *Nat. Protoc.* 6 (2011) 1929, [doi:10.1038/nprot.2011.407](https://doi.org/10.1038/nprot.2011.407): how to measure a PSF at the microscope.
- K. I. Mortensen *et al.*, *Nat. Methods* 7 (2010) 377, [doi:10.1038/nmeth.1447](https://doi.org/10.1038/nmeth.1447): the most likely centre of a spot, and how precise it can be.
- D. A. Fish *et al.*, *J. Opt. Soc. Am. A* 12 (1995) 58, [doi:10.1364/JOSAA.12.000058](https://doi.org/10.1364/JOSAA.12.000058): blind Richardson–Lucy.
- Y. Chen, G. Lan and Y. Ouyang, *SIAM J. Optim.* 24 (2014) 1779, [doi:10.1137/130919362](https://doi.org/10.1137/130919362): the accelerated primal–dual method.
- B. M. Hanser *et al.*, *J. Microsc.* 216 (2004) 32, [doi:10.1111/j.0022-2720.2004.01393.x](https://doi.org/10.1111/j.0022-2720.2004.01393.x): pupil functions of real microscopes.
- D. Sage *et al.*, *Methods* 115 (2017) 28, [doi:10.1016/j.ymeth.2016.12.015](https://doi.org/10.1016/j.ymeth.2016.12.015): the real bead.
"""

# %%
compare.write_results(
    "03",
    {
        "bead centres, rms error (voxels)": centre_error,
        "PSF from beads, FWHM z / true (ratio)": ratio["0.2 µm off"][0],
        "PSF from beads, FWHM x / true (ratio)": ratio["0.2 µm off"][2],
        "PSF from beads, correlation": correlation,
        "peak of the free blind PSF / true (ratio)": collapse,
        "NA fitted": fit.optics.NA,
        "spherical aberration fitted (waves)": fit.zernike[4, 0],
        "error of the Gaussian PSF": psf_error["Gaussian, 40 % too wide"],
        "error of the PSF from beads": psf_error["1: beads"],
        "error of the blind PSF": psf_error["2: blind"],
        "error of the PSF from the pair, least squares": psf_error["3: truth, least squares"],
        "error of the PSF from the pair, primal–dual": psf_error["3: truth, primal–dual"],
        "error of the fitted PSF": psf_error["4: model, whole"],
        "PSNR with the true PSF (dB)": psnr["true, whole"],
        "PSNR with theory (dB)": psnr["theory, whole"],
        "PSNR with the PSF from beads (dB)": psnr["1: beads"],
        "PSNR with the fitted PSF (dB)": psnr["4: model, whole"],
    },
)
