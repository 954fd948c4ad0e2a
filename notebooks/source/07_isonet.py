# ---
# jupyter:
#   course:
#     profiles:
#       test: {size: 64, live_patches: 320, live_epochs: 2, volume_size: small}
#       report: {}
#     bands:
#       width of the split kernel / by formula (ratio): [0.98, 1.02]
#       zoom, a plane's greatest error (voxels): [1, 10]
#       IsoNet-1 with seed 0, spread / target's (ratio): [0, 0.05]
#       IsoNet-1 with seed 2, spread / target's (ratio): [0.5, 1.2]
#       U-Net above interpolation, lateral resolution (dB): [4, 12]
#       U-Net above interpolation, truth (dB): [1, 6]
#       IsoNet-1 above the better SRCNN, truth (dB): [0.5, 6]
#       IsoNet-2 above the better SRCNN, truth (dB): [0.5, 6]
#       U-Net, three seeds, standard deviation, truth (dB): [0, 0.3]
#       true error / standard deviation over three seeds (ratio): [1.5, 20]
#       Richardson–Lucy above the U-Net, truth (dB): [0, 5]
#       both above Richardson–Lucy alone, truth (dB): [0.5, 6]
#       noise through the U-Net, spread after / before (ratio): [0.2, 1]
#       microtubules, U-Net above interpolation (dB): [0.5, 4]
#       microtubules, simulated cells above interpolation, truth (dB): [1.5, 10]
#       microtubules, simulated cells above interpolation, lateral resolution (dB): [5, 14]
#       nuclei, simulated cells above interpolation (dB): [-6, 0]
#       true error / the views' difference, where they agree (ratio): [3, 100]
# ---

# %% [markdown]
r"""
# 7 · IsoNet: a stack teaches itself

In the middle of a stack lies a picture that is sharp. Stand the same stack on its side, and the picture is smeared, with three of four lines missing. The cell does not know which side is up: what a sharp side view of it would look like, the stack itself could show to a network. That is this chapter's idea. No second microscope, no truth, no pictures of cats.

(This is the IsoNet of Weigert, Royer, Jug and Myers, 2017, for fluorescence microscopes. There is another program of that name, for cryo-electron tomography: it fills a missing wedge, and has nothing to do with this one. The successor of ours, by the same group, is **CARE**, in the package CSBDeep.)

**After this notebook you can**

- say what an axial slice suffers and a lateral one does not, and compute the kernel between the two;
- sample, interpolate and make training pairs without moving anything by a fraction of a voxel;
- read a network's size, its receptive field and its costs, and see when one has died;
- restore a stack along z with a trained network, in two views, and score it against the right reference;
- say what no such network can give, and get more with a deconvolution behind it;
- make a network invent things, and tell a colleague when not to believe it.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 1, 2, 4; convolutional networks, from chapter 6 | 75–90 minutes | 2–5 minutes in all with the weights that ship; with `TRAIN = True` five to ten minutes more for the three networks | 2.2 GB |

*Previous: [SRCNN](06_srcnn.ipynb). Next: [the comparison](08_comparison.ipynb). Short of time? Sections 1, 2, 4, 7 and 11 to 13.*
"""

# %% tags=["setup"]
# %matplotlib inline
import math
import time

import numpy as np
from scipy import fft, ndimage, signal

import data_fetch
from course_utils import backend, checks, compare, formation, isonet, operators, plots, training
from course_utils.isonet import cells as flat_cells
from course_utils.isonet import recipes as isonet_recipes
from course_utils.richardson_lucy import biggs_andrews
from course_utils.specimen import nuclei
from course_utils.stack import Stack
from course_utils.widgets import explore

xp = backend.default()  # NumPy, or TensorFlow on a GPU

# %% tags=["parameters"]
size = 128  # voxels of the simulated specimens along each axis
TRAIN = False  # True: train the three networks anew instead of loading the weights that ship with the course
live_patches = 480  # of 32 × 32 pixels, for the short training in section 6
live_epochs = 3  # of it
rl_iterations = 24  # of Richardson–Lucy, at most; the number is chosen on another specimen
volume_size = "course"  # of the course volume in section 13: "small" or "course"

# %% [markdown]
r"""
## 1 · The idea, in pictures

A specimen that has no preferred direction: filaments and hollow cells, turned every way. A microscope with a Gaussian PSF, whose standard deviations are 4 voxels along z and 1.2 across; it takes every fourth plane. The brightest voxel expects 120 photons from the specimen, every voxel 2.4 more of background, and the only noise is that of photons.

Three more specimens, made with seeds 1, 2 and 3, trained the networks of this chapter; a fourth, seed 4, chose their best weights, and every number that we shall have to choose. The specimen here has **seed 5**, and no network has seen it. The split is by specimen, so nothing leaks.
"""

# %%
peak, factor, voxel = isonet_recipes.PEAK, isonet_recipes.FACTOR, isonet_recipes.VOXEL
background, psf = 0.02 * peak, isonet_recipes.gaussian(isonet_recipes.SIGMA)
taken = {}
for seed in (isonet_recipes.VALIDATION, isonet_recipes.TEST):
    object_ = isonet_recipes.isotropic_specimen(seed, size=size)
    taken[seed] = isonet_recipes.take(object_, peak=peak, rng=np.random.default_rng(seed))
truth, stack = taken[isonet_recipes.TEST]
print(f"truth: {truth}\nstack: {stack}")

# %% alt="The truth, rings and lines alike in every section; the stack, sharp in xy, and smeared along z in the other two."
interpolated = isonet.isotropic(stack)  # linear, between the planes that were taken
n, middle = interpolated.shape[0], size // 2
bright = int(truth.data[:, 16 : size - 16].sum(axis=(0, 2)).argmax()) + 16  # the xz slice with most to see
at = middle, bright, middle
plots.sections({"truth": truth, "stack, interpolated along z": interpolated}, at=at)

# %% [markdown]
r"""
**What to see.** Left, the three sections look alike: rings are round in all. Right, xy is grainy but sharp, and xz and yz are smeared along z (which runs down in xz, and to the right in yz). Nothing is measured between two planes: what you see there was drawn by linear interpolation. (Each panel in its own colours.)

Now the trick. Take a *lateral* slice. Do to it what the microscope does along z: blur it along one axis, leave three of four rows out, let photons be counted, interpolate.
"""

# %%
lateral_slice, kernel = stack.data[middle // factor, :n], isonet.axial_blur(psf)
rng = np.random.default_rng(7)
(degraded,) = isonet.degrade(lateral_slice[None], kernel, factor=factor, camera=isonet_recipes.CAMERA, rng=rng)

# %% alt="A sharp lateral slice; the same smeared along one axis; an axial slice of the stack, smeared in the same way."
slices = {"a lateral slice (xy)": lateral_slice, "the same, degraded": degraded}
slices["an axial slice (xz)"] = interpolated.data[:, bright]
labels = {"step": voxel[:2], "xlabel": "x (µm)", "unit": "photons", "cmap": "inferno"}
plots.pictures(slices, ylabel="y, or z (µm)", **labels)

# %% [markdown]
r"""
**What to see.** The middle picture has the look of the right one: the same smear, the same grain. But of the middle one we know the answer: it is on the left. A network that learns to turn *middle into left*, on thousands of such pairs, can be shown the right one, of which nobody knows the answer.

Two things are silently supposed: that the specimen looks alike from all sides, and that we know the smear. Sections 12 and 13 break both.

## 2 · What is missing: the rotated PSF

Which kernel turns a lateral slice into an axial one? One is tempted to take the PSF's axial section, the PSF "rotated by 90°", $h_\text{rot}$. But the lateral slice is not the specimen; the microscope has blurred it once already, by the lateral section $h_\text{ref}$. What is wanted is the kernel $\tilde h$ that is *still missing*,

$$\tilde h \otimes h_\text{ref} = h_\text{rot} \tag{1}$$

### Exercise 1: what is still missing

Let all be Gaussian: $h_\text{rot}$ has the standard deviations $\sigma_z$ along z and $\sigma_x$ across, $h_\text{ref}$ has $\sigma_x$ along both. Which ones has $\tilde h$? (Which property of two Gaussians adds up when they are convolved?)
"""


# %%
def split_width(sigma_z, sigma_x):
    """(along z, across): the standard deviations of the kernel that is still missing."""
    # <solution> subtract what the lateral slice has already, along each axis
    return np.sqrt(sigma_z**2 - sigma_x**2), 0.0
    # </solution>


# %% tags=["check"]
checks.split_width(split_width)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Variances add up: $\sigma_z^2 = \sigma_\text{along}^2 + \sigma_x^2$. And across?

</details>

<details><summary>Hint 2</summary>

Across, both slices have $\sigma_x$, and nothing is missing: a kernel without width, `0.0`.

</details>

{{solution}}
"""

# %%
kernels = {method: isonet.axial_blur(psf, method=method) for method in ("full", "split")}
width = {}
for name, h in kernels.items():
    for axis, direction in enumerate(("along z", "across")):
        line, steps = h.sum(axis=1 - axis), np.arange(h.shape[axis]) - h.shape[axis] // 2
        width[name, direction] = np.sqrt(line @ steps**2)
    print(f"{name:5}: standard deviation {width[name, 'along z']:.2f} along z, {width[name, 'across']:.2f} across")

# %%
sigma_z, _, sigma_x = isonet_recipes.SIGMA
lateral = isonet_recipes.gaussian((sigma_x,) * 3).data.sum(axis=0)
again = signal.fftconvolve(np.pad(kernels["split"], 8), lateral, "same")
gap = np.abs(again - np.pad(kernels["full"], 8)).max() / kernels["full"].max()
print(f"by formula {np.sqrt(sigma_z**2 - sigma_x**2):.2f} along z")
print(f"split, convolved with the lateral section, differs from full by {gap:.1%} of the peak")

# %% alt="The full kernel, an ellipse; the split kernel, a line of one pixel's width along z, nearly as long."
shown = {name: np.pad(h / h.max(), ((0, 0), (12, 12))) for name, h in kernels.items()}
plots.pictures(shown, ylabel="z (µm)", **labels | {"unit": "part of its own peak"})

# %% [markdown]
r"""
**What to see.** Left `method="full"`, the rotated PSF; right `method="split"`, what is still missing: shorter along z by a little, and with *next to no width* across. A network that was trained with the left one has learned to undo a second blur across, which no axial slice has.

Real PSFs are no Gaussians, and (1) is solved in Fourier space by a **Wiener division**, $\tilde H = H_\text{rot} \overline{H_\text{ref}} \,/\, (|H_\text{ref}|^2 + \varepsilon)$: where $h_\text{ref}$ lets no light pass, nothing can be divided, and $\varepsilon$ keeps the quotient from exploding. A kernel cannot be negative, so negative values are cut off. That step has a trap; here it is across, where the quotient should have no width:
"""

# %%
across = np.arange(-40, 41)
power = np.abs(fft.rfft(np.exp(-0.5 * (across / sigma_x) ** 2) / (sigma_x * np.sqrt(2 * np.pi)))) ** 2
quotient = fft.fftshift(fft.irfft(power / (power + 1e-2), n=across.size))
lines = {"Wiener quotient": quotient, "its negatives cut off": np.maximum(quotient, 0)}
lines = {name: line / line.sum() for name, line in lines.items()}
course = kernels["split"].sum(axis=0)
lines["the course's kernel"] = np.pad(course, (across.size - course.size) // 2)

# %% alt="Three profiles across: the quotient rings around zero; cut off, its side lobes stay on one side; the course's is a single peak."
curves = {name: (across[30:51], line[30:51]) for name, line in lines.items()}
plots.lines(curves, xlabel="x (voxels)", ylabel="part of the light")

# %%
for name, line in lines.items():
    print(f"{name:22} standard deviation {np.sqrt(max(line @ across**2, 0)):.2f} voxels")

# %% [markdown]
r"""
**What to see.** The quotient rings, and in its standard deviation the negative rings make up for the rest: as it should, it has next to none. Cut the negative rings off, and the positive ones stay: a kernel that should have none has become wide. `isonet.axial_blur` mends that in the division: with $(H_\text{rot} \overline{H_\text{ref}} + \varepsilon K) \,/\, (|H_\text{ref}|^2 + \varepsilon)$ the quotient goes to $K$ where no light passes, instead of to zero; and $K$ is the quotient at frequency zero across, of the same frequency along z. So it is hardly altered from one frequency across to the next, which means no width across, and there is hardly a ring to cut.

## 3 · Every fourth plane

The stack has a plane where the truth has four. Plane $k$ lies at $z = k s$ fine voxels, $s$ being the **factor**, here 4: the planes are `volume[::s]`. A network wants a grid that is equally fine along all axes. So fine voxel $i$ is interpolated at $i/s$ planes; beyond the last plane nothing is known, and the result ends there.

### Exercise 2: sample and interpolate

Write both: every factor-th plane of `volume`, then linear interpolation back onto its grid, along axis 0. The result has `(planes - 1) * factor + 1` planes.
"""


# %%
def sampling(volume, factor):
    """Every factor-th plane of the volume, interpolated along z onto the grid of the volume."""
    # <solution> take the planes; for each fine plane find the one below it, and how far it is from there
    planes = volume[::factor]
    position = np.arange((len(planes) - 1) * factor + 1) / factor
    lower = np.minimum(position.astype(int), len(planes) - 2)
    part = (position - lower)[:, None, None]
    return (1 - part) * planes[lower] + part * planes[lower + 1]
    # </solution>


# %% tags=["check"]
checks.sampling(sampling)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Fine plane 6 with factor 4 lies at 1.5: half plane 1, half plane 2. `planes[lower]` with an array `lower` picks planes, as often as you like.

</details>

<details><summary>Hint 2</summary>

The last fine plane lies on the last plane, and has none above it: let `lower` end at `len(planes) - 2`, then its `part` is 1. `part[:, None, None]` reaches over y and x.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Why not `scipy.ndimage.zoom`, one line? Because zooming `len(planes)` planes by `factor` makes `factor * len(planes)` of them, a few more than lie between the first plane and the last, and spreads what there is over all: the first onto the first, the last onto the very last. Give both a ramp, whose value says where it is; and `zoom` once more, asked for the right number:
"""

# %%
ramp = np.arange(float(size))[:, None, None]
planes = ramp[::factor]
grids = {
    "at i / factor": isonet.interpolate(planes, factor, axis=0),
    "zoom by factor": ndimage.zoom(planes, (factor, 1, 1), order=1),
    "zoom to (planes − 1) · factor + 1": ndimage.zoom(planes, (n / len(planes), 1, 1), order=1),
}
off = {name: grid[:n, 0, 0] - np.arange(n) for name, grid in grids.items()}

# %% alt="Error of position against z: zero all along for i / factor and for zoom to the right number of planes; for zoom by the factor it grows steadily to three voxels."
curves = {name: (np.arange(n), values) for name, values in off.items()}
plots.lines(curves, xlabel="z (voxels)", ylabel="shown there, minus z (voxels)")

# %%
worst = {name: np.abs(values).max() for name, values in off.items()}
zoom_error = worst["zoom by factor"]
for name, value in worst.items():
    print(f"{name:34} off by up to {value:.1f} voxels, {value / (n - 1):.1%} of z")

# %% [markdown]
r"""
**What to see.** Zoomed by `factor`, all of z is stretched by a few per cent. The picture looks fine. But compared with a truth voxel by voxel it is wrong everywhere but in the first plane, and a network that was trained on one grid and is shown the other has learned something else. `isonet.subsample` and `isonet.interpolate` are the only such operators in this chapter: in the training, and in the prediction.

## 4 · Training pairs

$$\underbrace{p}_{\text{input}} \;=\; I_s\bigl[\,\text{photons}\bigl(S_s\,(\tilde h \otimes g)\bigr)\bigr], \qquad \text{target: } g, \text{ a lateral slice} \tag{2}$$

$S_s$ keeps every $s$-th row, $I_s$ interpolates between them, and $g$ is here the slice as it was taken, with its noise. So: blur by $\tilde h$, take every $s$-th row, add noise, interpolate. The order matters: noise arises in the camera, *after* blur and sampling, and before the interpolation. And the noise is that of photons: from counts to photons by the **gain**, then Poisson, and back.

### Exercise 3: a training pair

`lateral` is one slice in counts, no offset; `kernel` has z along its axis 0; `gain` is counts per photon. Give back `input, target`, of one shape. You may use `isonet.subsample(image, factor, axis=0)`, `isonet.interpolate` likewise, and `ndimage.convolve(image, kernel, mode="mirror")`.
"""


# %%
def training_pair(lateral, kernel, factor, gain, rng):
    """(input, target) of one lateral slice: what it would look like axially, and the slice itself."""
    # <solution> blur, sample, count photons, interpolate; cut the slice to the same rows
    rows = isonet.subsample(ndimage.convolve(lateral, kernel, mode="mirror"), factor, axis=0)
    noisy = rng.poisson(rows / gain) * gain
    x = isonet.interpolate(noisy, factor, axis=0)
    return x, lateral[: len(x)]
    # </solution>


# %% tags=["check"]
checks.training_pair(training_pair)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Four lines: blurred, sampled, noisy, interpolated. The input ends at the last row that was taken; so must the target.

</details>

<details><summary>Hint 2</summary>

`rng.poisson(rows / gain) * gain`: divide to get photons, multiply to get counts.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Does the noise matter? Blurring a slice takes its own grain away. Without new noise the inputs would be smoother than any axial slice, and the network would meet a grain that it has never seen. An even background of 20 photons shows it:
"""

# %%
even = rng.poisson(20, (1, n, 500)).astype(np.float32)
options = {"without new noise": {}, "with the camera's": {"camera": isonet_recipes.CAMERA, "rng": rng}}
rows = {name: isonet.degrade(even, kernel, factor=factor, **with_noise) for name, with_noise in options.items()}
for name, image in {"the slice itself, and an axial one": even, **rows}.items():
    print(f"{name:35} standard deviation {image[0, ::factor].std():.2f} photons")

# %% [markdown]
r"""
A remark for later. The *target* is a lateral slice as it was taken, with its noise; and the input is made of the very same slice, so that it holds a blurred shadow of that noise. A network can learn a little of how to bring it back. Section 12 asks how much.

## 5 · Three networks

All are 2D, slice by slice, and small. `Ck,m` is a convolution to $k$ channels (chapter 6 calls them images) with $m \times m$ weights, M halves the picture (the largest of 2 × 2), U doubles it.

- **IsoNet-1**: C64,9 – C32,5 – C1,5 – C1,1, a rectifier behind each but the last. An SRCNN with one more layer.
- **IsoNet-2**: C16,7 – M – C32,7 – M – C64,7 – U – C32,7 – U – C16,7 – C1,1. Down, and up again.
- **U-Net**, the one to take: C16,3 – C16,3 – M – C32,3 – C32,3 – M – C64,3 – C32,3 – U – C32,3 – C16,3 – U – C16,3 – C16,3 – C1,1: two levels down, with *skips* that hand the fine structure across, and **residual**: it computes a correction that is added to its input. Its last layer begins at zero, so before any training it *is* linear interpolation.

The first two are built as published. What do they cost, and how far do they see? The **receptive field** is the square that one pixel of the result depends on (chapter 6); a multiply-add in a layer at half the resolution counts a quarter.
"""

# %%
built = {"IsoNet-1": isonet.isonet1(), "IsoNet-2": isonet.isonet2(), "U-Net": isonet.unet()}
cost = {}
for name, model in built.items():
    step, cost[name] = 1, 0
    for layer in model.layers:
        step *= {"MaxPooling2D": 2, "UpSampling2D": 0.5}.get(type(layer).__name__, 1)
        cost[name] += math.prod(layer.kernel.shape) / step**2 if hasattr(layer, "kernel") else 0

# %%
field = {name: training.receptive_field(model) for name, model in built.items()}
for name, model in built.items():
    print(
        f"{name:9} {model.count_params():7} parameters, {cost[name] / 1000:3.0f} thousand multiply-adds a pixel, "
        f"receptive field {field[name]} × {field[name]}"
    )

# %% alt="The split kernel along z, and as three bars below it how far each network sees: IsoNet-1 not to the kernel's ends, the others far beyond."
line = kernels["split"].sum(axis=1)
curves = {"split kernel": (np.arange(line.size) - line.size // 2, line / line.max())}
curves |= {name: ([-(f // 2), f // 2], [-0.05 * i, -0.05 * i]) for i, (name, f) in enumerate(field.items(), 1)}
plots.lines(curves, xlabel="z (voxels)", ylabel="kernel, part of its peak")

# %% [markdown]
r"""
**What to see.** (The flat lines are the fields' widths; how far down they lie means nothing.) IsoNet-1 does not even see as far as the blur reaches: for a pixel at one end of a smeared dot, the other end lies outside. The others see all of it. Mind the costs, too: the U-Net has more parameters than IsoNet-1 and does a third of its work, for most of its weights sit where the picture is small.

### The published loss, and its trap

IsoNet was trained to maximise the **PSNR of each patch**, that is, to make

$$-\Bigl[\,20 \log_{10} \max g \;-\; 10 \log_{10} \mathrm{MSE}\,\Bigr] \tag{3}$$

small. (`"psnr"` in `training.fit`; you wrote it in chapter 6.) It is a logarithm, and the slope of $\log \mathrm{MSE}$ is that of the MSE *divided by the MSE*: each patch counts by one over its error. Which patches have the smallest error? Those where there is least to learn. A thousand patches, before any training, sorted by how easy they are:
"""

# %%
rng = np.random.default_rng(0)
small = isonet_recipes.take(isonet_recipes.isotropic_specimen(1, size=64), peak=peak, rng=rng)[1]  # a training specimen
normaliser = training.Normaliser.fit([small.data])
cut = {"camera": isonet_recipes.CAMERA, "size": 32, "normaliser": normaliser, "rng": rng}
many = isonet.training_pairs(small, kernel, count=1000, **cut)
weight = np.sort(1 / ((many.inputs - many.targets) ** 2).mean(axis=(1, 2, 3)))[::-1]
share = weight / weight.sum()
easy, hard = share[:100].sum(), share[-100:].sum()
print(f"of all weight, the easiest tenth has {easy:.0%}, the hardest {hard:.0%}: {easy / hard:.0f} times as much")

# %%
black, nearly = np.zeros((1, 32, 32, 1), np.float32), np.full((1, 32, 32, 1), 1e-4, np.float32)
with np.errstate(divide="ignore"):
    print(f"a black patch: {-20 * np.log10(black.max()) + 10 * np.log10(np.mean(nearly**2))} dB as published", end=", ")
print(f"{float(training.psnr_loss(black, nearly)[0]):.2f} dB with ε")

# %% [markdown]
r"""
So an easy patch counts many times as much as a hard one. And a patch that is black, as in a simulation without background, has no finite loss. Hence two habits: a small $\varepsilon$ in both logarithms, and no empty patches (`flat=0.1`, the default). The plain mean absolute error, `"mae"`, needs neither; the U-Net uses that.

## 6 · Training, live

A short training, to see how it is done; the weights that we shall use took longer. First ask what it will cost, *before* it starts:
"""

# %%
pairs = isonet.training_pairs(small, kernel, count=live_patches, **cut)
held, learnt = pairs[: live_patches // 4], pairs[live_patches // 4 :]
training.estimate(isonet.unet(), learnt, epochs=live_epochs)

# %%
model = isonet.unet()
history = training.fit(model, learnt, validation=held, epochs=live_epochs)
print(f"{len(learnt)} patches, {len(held)} for validation, {history.seconds:.0f} s, {history.stopped}")

# %% alt="Mean absolute error per epoch, for training and validation patches, falling below the level of linear interpolation."
epochs = np.arange(1, len(history.loss) + 1)
untrained = np.abs(held.inputs - held.targets).mean()
curves = {"training": (epochs, history.loss), "validation": (epochs, history.validation)}
curves["linear interpolation"] = (epochs, np.full(len(epochs), untrained))
figure = plots.lines(curves, xlabel="epoch", ylabel="mean absolute error (normalised)")
figure.axes[0].set_xticks(epochs)
figure

# %% [markdown]
r"""
**What to see.** Both curves begin near the line of interpolation, since the network begins *as* interpolation, and go below it. (That line is of the validation patches; the training ones are a little harder, and their first point is the mean over an epoch. The validation patches were cut from the same small specimen: good enough to watch a training, no test. Zero is out of reach: nobody can predict the target's noise.)

IsoNet-1 now, as published, with the published loss and three different seeds for its first weights, then seed 0 with one change, a third layer without rectifier:
"""

# %%
first = {f"seed {seed}": isonet.isonet1(seed=seed) for seed in range(3)}
first |= {"seed 0, third layer linear": isonet.isonet1(third="linear")}
runs = {
    name: training.fit(model, learnt, validation=held, epochs=live_epochs, loss="psnr", progress=False)
    for name, model in first.items()
}

# %% alt="PSNR on validation patches per epoch: two of the published network's runs lie on each other, flat and low; the others lie far above."
curves = {name: (epochs, -np.array(run.validation)) for name, run in runs.items()}
figure = plots.lines(curves, xlabel="epoch", ylabel="PSNR of the validation patches (dB)")
figure.axes[0].set_xticks(epochs)
figure

# %%
spread = {name: np.asarray(model(held.inputs)).std() / held.targets.std() for name, model in first.items()}
for name, value in spread.items():
    print(f"{name:27} spread of its output / of the target: {value:.2f}" + ("   dead" if value < 0.01 else ""))

# %% [markdown]
r"""
**What to see.** With two of the seeds (their curves lie on each other) the network says the same number everywhere, and goes on saying it. It has **died**: its third layer has a *single* channel behind a rectifier. Once a step has made that channel negative for every pixel of the data, the rectifier gives zero, the slope of zero is zero, and no step ever changes it again. What helps: no rectifier there (`third="linear"`), or simply another seed; the shipped weights have seed 2. The curve alone does not shout: it even rises a little, to the PSNR of the best constant. So look at the *output*.

## 7 · Restoration

Now the trained ones. The weights ship with the course, each with a card. With `TRAIN = True` they are made anew, by the same recipe (`course_utils/isonet/recipes.py`).
"""

# %%
kinds = {"IsoNet-1": "isonet1", "IsoNet-2": "isonet2", "U-Net": "unet"}
if TRAIN:
    networks = {name: training.Trained(*isonet_recipes.RECIPES[kind]()) for name, kind in kinds.items()}
else:
    networks = {name: training.pretrained(kind) for name, kind in kinds.items()}

# %%
print("the report, on its own data and a GTX 1060, trained SRCNN for about 6 minutes and IsoNet-1 for 13")
for name, network in networks.items():
    card = network.card
    worked = f"{card['processor minutes']} processor minutes; " if "processor minutes" in card else ""
    print(f"{name}: {worked}{card['training']}\n    data: {card['data']}")

# %% [markdown]
r"""
(The report from which this course grew did not evaluate IsoNet-2. Its PSNRs are not to be compared with ours, which come below: another specimen, another reference, another range. Chapter 8, section 9, has more reasons.)

The network is shown the xz slices, one for each y; and, since x and y are alike, the yz slices, one for each x. So each voxel is answered twice.

### Exercise 4: combine two views

`xz` has the axes (y, z, x), slice by slice across y; `yz` has (x, z, y). Give back one volume (z, y, x), the mean of both. Which mean? CSBDeep takes the geometric one. Think of a voxel about which one view says −0.3.
"""


# %%
def combine_views(xz, yz):
    """The volume (z, y, x) from both views."""
    # <solution> bring both onto the axes (z, y, x), and take the arithmetic mean
    return (xz.transpose(1, 0, 2) + yz.transpose(1, 2, 0)) / 2
    # </solution>


# %% tags=["check"]
checks.combine_views(combine_views)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`transpose(a, b, c)` says which old axis becomes the first, the second, the third. `xz` is (y, z, x), so z is its axis 1.

</details>

<details><summary>Hint 2</summary>

`yz` is (x, z, y): z is axis 1, y is axis 2, x is axis 0. The arithmetic mean: the geometric one does not exist for negative values, and is too low elsewhere.

</details>

{{solution}}
"""

# %%
begin = time.perf_counter()
views = {view: isonet.restore(networks["U-Net"], stack, views=(view,)) for view in ("xz", "yz")}
results = {"linear interpolation": interpolated}
results["U-Net"] = interpolated.with_data((views["xz"].data + views["yz"].data) / 2)
seconds = {"U-Net": time.perf_counter() - begin}

# %%
for name in ("IsoNet-1", "IsoNet-2"):
    begin = time.perf_counter()
    results[name] = isonet.restore(networks[name], stack)
    seconds[name] = time.perf_counter() - begin

# %% alt="Truth, interpolated stack, and the U-Net's result: in xz and yz the smeared arcs have become rings again."
matched = {"truth": truth.with_data(truth.data[:n])}
matched |= {name: compare.match_affine(results[name], truth.data[:n]) for name in ("linear interpolation", "U-Net")}
plots.sections(matched, at=at, limits=(0, np.percentile(truth.data, 99.5)))

# %% [markdown]
r"""
**What to see.** In xz and yz, smears have become rings and dots. And the grain has gone, though nobody asked for that: the network cannot predict the noise of its targets, so it gives their mean. The rings are not as thin as the truth's.

How good is that? Against what? The targets were lateral slices, blurred by $\sigma_x$, so the best that such a network can reach is **the truth at the lateral resolution**. We score against both. PSNR after an affine match (the best gain and offset), the data range that of each reference, whole volume up to the last plane.

The report compared IsoNet with a *naive SRCNN*: plane by plane. So do we, with chapter 6's two networks and the weights that ship with them, trained on pictures (*natural*) and on the planes of the course volume (*microscopy*). They get the stack's own planes, on the scale they know; what they give is interpolated along z. Neither has met this specimen. But would any other network do, in these planes? The row *each plane perfect* is for one that takes all noise away, and all blur along x and y:
"""

# %%
scale = training.Normaliser.fit([stack.data])
for name, kind in {"SRCNN, natural": "srcnn-natural", "SRCNN, microscopy": "srcnn-microscopy"}.items():
    begin = time.perf_counter()
    planes = training.predict(training.pretrained(kind).model, stack, normaliser=scale)
    results[name] = isonet.isotropic(stack.with_data(planes))
    seconds[name] = time.perf_counter() - begin

# %%
near = isonet_recipes.gaussian((sigma_x,) * 3)  # a PSF as good along z as across
aims = {"truth": truth.data[:n], "lateral resolution": formation.expect(truth, near).data[:n]}
ideal = formation.expect(truth, isonet_recipes.gaussian((sigma_z, 0.2, 0.2)), bin_z=factor)  # blurred along z only
candidates = {**results, "each plane perfect": isonet.isotropic(ideal), "U-Net, xz alone": views["xz"]}
scores = {
    name: {goal: compare.psnr(compare.match_affine(x.data, aim), aim) for goal, aim in aims.items()}
    for name, x in candidates.items()
}
print("data range: {truth:.0f} and {lateral resolution:.0f} photons".format(**{g: np.ptp(a) for g, a in aims.items()}))

# %%
for name, row in scores.items():
    print(f"{name:21} " + ", ".join(f"{value:.2f} dB against the {goal}" for goal, value in row.items()))

# %% [markdown]
r"""
**What to see.** All three are far above interpolation, and the U-Net, with the least work, is the best. The second view adds a little. Both IsoNets are above both SRCNNs, as IsoNet-1 was above its SRCNN in the report; and more than that, above the row of perfect planes: whatever is done within planes, the blur between them stays. (Against the lateral resolution that row lies even below interpolation: it is sharper across than this reference, and what goes beyond a reference counts as error.) Against the truth itself the gains look small: what separates a perfect lateral resolution from the truth no network of this kind has ever seen.

## 8 · The competitor without training

Richardson–Lucy (chapter 4) needs no examples. It needs the PSF, and an honest model: the *sampling* belongs into $A$, blur, then every fourth plane. Then it estimates all planes. Its one number, that of iterations, is chosen on the validation specimen, seed 4.
"""

# %%
A = formation.forward(psf, truth.shape, bin_z=factor, xp=xp)
inner = operators.crop(truth.shape, A.shape_in, xp=xp)
truth_4, stack_4 = taken[isonet_recipes.VALIDATION]
aim, curve = truth_4.data[:n], []
for x in biggs_andrews(stack_4.data, A, n_iter=rl_iterations, background=background):
    curve.append(compare.psnr(compare.match_affine(np.asarray(inner(x))[:n], aim), aim))

# %%
best, begin = int(np.argmax(curve)) + 1, time.perf_counter()
*_, x = biggs_andrews(stack.data, A, n_iter=best, background=background)
seconds["Richardson–Lucy"] = time.perf_counter() - begin
results["Richardson–Lucy"] = interpolated.with_data(np.asarray(inner(x))[:n] + background)

# %%
name = "Richardson–Lucy"
scores[name] = {g: compare.psnr(compare.match_affine(results[name].data, a), a) for g, a in aims.items()}
print(
    f"{best} iterations with momentum: {scores[name]['truth']:.2f} dB against the truth (U-Net {scores['U-Net']['truth']:.2f}),"
)
print(
    f"{scores[name]['lateral resolution']:.2f} dB against the lateral resolution (U-Net {scores['U-Net']['lateral resolution']:.2f})"
)

# %% [markdown]
r"""
Be honest: against the truth, **fifty-year-old Richardson–Lucy beats every network above.** It knows the PSF in all three directions, and goes beyond the lateral resolution, which no network here can. Against the lateral resolution it looks bad, for it is sharper than that. A paper could choose its winner by choosing the reference. What the network has over it: no grain, and nothing to choose for each stack. (The other peer is CARE's `IsotropicCARE`, in CSBDeep: the same idea with a larger U-Net. `make bench EXTRAS=care` trains both on the same stack for the same time, with three seeds, and scores them side by side. What it says: taught as its guide does it, with the whole PSF and slices along one axis, the larger network stays well behind the U-Net; with the split kernel, slices along both axes, and its planes put where they belong, the two are about level. What a network is shown matters more than which network it is.)

## 9 · What 2D training cannot fix

**The ceiling** is the lateral resolution; we have seen that. **The other direction** is subtler. A slice shows light from its neighbours, too: a lateral slice from as far as the PSF is long *along z*, an axial slice only from as far as the PSF is wide. A bead at some distance from the slice:
"""

# %% alt="Brightness of a bead in a slice against its distance: in a lateral slice it fades over ten voxels, in an axial one over three."
distance = np.linspace(0, 12, 121)
curves = {
    f"in {name} slice": (distance, np.exp(-0.5 * (distance / s) ** 2))
    for name, s in {"a lateral": sigma_z, "an axial": sigma_x}.items()
}
plots.lines(curves, xlabel="distance of the bead from the slice (voxels)", ylabel="its brightness in the slice")

# %% [markdown]
r"""
So lateral slices are fuller than axial ones: dim, yet sharp pictures of what lies above and below. No 2D kernel adds or removes these, and a network learns from slices that are more crowded than those it is shown. Last, **coverage**: a network repeats what is common among its examples. What the lateral slices never show, it has not learned (section 13).

## 10 · After the network

What the network leaves, a known blur of $\sigma_x$ along *all* axes, is what deconvolution is made for. First the network, which makes the resolution the same everywhere; then Richardson–Lucy with that small PSF. How many iterations? Again on specimen 4:
"""

# %%
restored_4 = isonet.restore(networks["U-Net"], stack_4)
A_near = formation.forward(near, restored_4.shape, xp=xp)
inner_near = operators.crop(restored_4.shape, A_near.shape_in, xp=xp)
goals_4 = {"truth": aim, "lateral resolution": formation.expect(truth_4, near).data[:n]}
curves = {goal: [] for goal in goals_4}
for x in biggs_andrews(np.maximum(restored_4.data, 0), A_near, n_iter=12, background=background):
    for goal, a in goals_4.items():
        curves[goal].append(compare.psnr(compare.match_affine(np.asarray(inner_near(x)), a), a))

# %% alt="PSNR against iterations on specimen 4: against the truth it starts low, passes the U-Net's own score and rises up to nine iterations or so; against the lateral resolution it turns early."
lines = {f"against the {goal}": (np.arange(1, 13), values) for goal, values in curves.items()}
figure = plots.lines(lines, xlabel="iterations after the U-Net (dashed: the U-Net alone)", ylabel="PSNR (dB)")
for a, line in zip(goals_4.values(), list(figure.axes[0].lines), strict=True):
    alone = compare.psnr(compare.match_affine(restored_4.data, a), a)
    figure.axes[0].axhline(alone, color=line.get_color(), linestyle="--")
figure

# %%
further = int(np.argmax(curves["truth"])) + 1
*_, x = biggs_andrews(np.maximum(results["U-Net"].data, 0), A_near, n_iter=further, background=background)
results["U-Net, then RL"] = interpolated.with_data(np.asarray(inner_near(x)) + background)
print(f"{further} iterations after the U-Net, by the truth of specimen 4")

# %% [markdown]
r"""
A second way asks the *data* once more. The network may have said something that the measurement contradicts. Find the volume that is near both, the data $y$ and the network's estimate $e$:

$$\min_x\; \lVert h \otimes x - y \rVert^2 + \mu\, \lVert x - e \rVert^2 \tag{4}$$

### Exercise 5: data consistency

Set the derivative of (4) to zero. In Fourier space each frequency stands alone, and the solution is one line. `transfer` is $H$ on the grid of `fft.rfftn`; periodic edges.
"""


# %%
def data_consistency(estimate, observed, transfer, mu):
    """The volume near the estimate that agrees with what was observed."""
    # <solution> begin with the spectra of data and estimate
    spectrum = np.conj(transfer) * fft.rfftn(observed) + mu * fft.rfftn(estimate)
    return fft.irfftn(spectrum / (np.abs(transfer) ** 2 + mu), s=estimate.shape)
    # </solution>


# %% tags=["check"]
checks.data_consistency(data_consistency)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

$\bar H (H X - Y) + \mu (X - E) = 0$. Solve for $X$.

</details>

<details><summary>Hint 2</summary>

Where $H = 0$ the result must be $E$, whatever $\mu$; where $|H|^2 \gg \mu$ it must be near $Y / H$.

</details>

{{solution}}
"""

# %%
steps = {mu: isonet.data_consistency(results["U-Net"], interpolated, psf, mu=mu) for mu in (0.03, 0.1, 0.3)}
results["U-Net, then data"] = steps[0.1]
after = {"U-Net, then RL": results["U-Net, then RL"]} | {f"U-Net, then data, μ = {mu}": x for mu, x in steps.items()}
for name, x in after.items():
    scores[name] = {goal: compare.psnr(compare.match_affine(x.data, a), a) for goal, a in aims.items()}
    print(f"{name:26} " + ", ".join(f"{value:.2f} dB against the {goal}" for goal, value in scores[name].items()))

# %% [markdown]
r"""
**What to see.** Network, *then* Richardson–Lucy, beats both of them: it goes beyond the lateral resolution. It takes the network's volume as its data (and begins flat, hence the low first points; against the lateral resolution two or three iterations would be best, and hardly better than none): data with no grain and no missing planes. The data step helps the score against the truth a little, and costs some against the lateral resolution: with the data comes their grain. Also, (4) knows nothing of photons, and takes interpolated planes for measured ones. Its worth lies elsewhere: what the network says against the data, in frequencies that the microscope transmits, goes away again.

## 11 · Did z get better? All in one table

PSNR counts all frequencies in one. The Fourier shell correlation asks separately: up to which fineness *along the axis* does an estimate agree with the truth? (Within 30° of it.)
"""

# %%
reference = truth.with_data(truth.data[:n])
chosen = ("linear interpolation", "IsoNet-1", "U-Net", "Richardson–Lucy", "U-Net, then RL")
axial = {name: compare.fsc(results[name], reference).axial for name in chosen}

# %% alt="Axial correlation with the truth against frequency: interpolation falls first; U-Net further out; the U-Net followed by RL furthest."
curves = {name: (c.frequency, c.value) for name, c in axial.items()}
plots.lines(curves, xlabel="axial frequency (1/µm)", ylabel="correlation with the truth", ylim=(-0.05, 1.05))

# %%
rows = {name: x.with_data(x.data - background) for name, x in results.items()}
raw = stack.with_data(stack.data - background)
compare.table(rows, reference, raw=raw, seconds=seconds)

# %% [markdown]
r"""
**What to see.** (Chapter 8, section 4, explains the columns; in short, SSIM compares local patterns, 1 at best, and *flux* says by how many per cent the light is off.) The rows *black* and *mean* show how much PSNR is given away for nothing on a mostly dark volume. *Raw* repeats each plane four times; *interpolated* takes splines, *linear interpolation* lines: what was not measured, no interpolation brings back. IsoNets, U-Net and Richardson–Lucy more than halve the period that is resolved along z; U-Net and Richardson–Lucy together do best, in all but one of the columns that judge the picture. (A network resolves along z about what Richardson–Lucy does, or a hair more, although its goal was no more than the lateral resolution? The correlation falls below ½ where blur *or noise* takes over. Networks have no grain; Richardson–Lucy stops because of it.)

That one is the light. The U-Net has lost nearly a tenth of it, the two IsoNets, trained on squares, next to none. The likely reason is its loss: the mean *absolute* error is least for the median, and where a voxel is dark more often than bright, the median is too dark. Do not measure brightness in such a picture. SRCNN, plane by plane, resolves no more along z than interpolation does, or less; and the one of microscopy has taken half of the light for the haze that it was trained to remove. (Times as they were here, the first compilation of a network included; "U-Net, then RL" needs both steps.)

## 12 · How far to trust it

**Pure noise in.** An even field of 20 photons, nothing else, taken like the stack. What comes out?
"""

# %%
rng = np.random.default_rng(12)
nothing = Stack(rng.poisson(20, (stack.shape[0], 16, size)).astype(np.float32), stack.voxel_size)
before, after = isonet.isotropic(nothing), isonet.restore(networks["U-Net"], nothing, views=("xz",))

# %% alt="Left noise drawn out along z by interpolation; right the U-Net's answer, smoother, with faint blobs as large as real structures."
noise = {"even light, interpolated": before.data[:, 8], "after the U-Net": after.data[:, 8]}
plots.pictures(noise, ylabel="z (µm)", **labels)

# %%
noise_ratio = after.data.std() / before.data.std()
print(
    f"standard deviation {before.data.std():.2f} photons before, {after.data.std():.2f} after: {noise_ratio:.2f} of it is left"
)
print(
    f"brightest place after the network: {(after.data.max() - 20) / np.sqrt(20):.1f} times the noise of a voxel above the even light"
)

# %% [markdown]
r"""
**What to see.** The grain is smoothed, but not to nothing. What is left has the size of real structures: smooth blobs and strokes, which noise does not look like, and cells do. In the input one sees at once that it is noise. In the output one does not: **a network launders noise into structure.** (Section 4 said where it may have learned to: its targets were noisy themselves.)

**Another specimen in.** Nuclei, with a texture, as bright as the specimen before. The network has seen filaments and shells only.
"""

# %%
rng = np.random.default_rng(6)
cells = nuclei((size,) * 3, voxel, n=round(40 * (size / 128) ** 3), diameter=3.0, rng=rng)
cells, seen = isonet_recipes.take(cells, peak=peak, rng=rng)
others = {"interpolated": isonet.isotropic(seen), "U-Net": isonet.restore(networks["U-Net"], seen)}
for name, x in others.items():
    print(f"nuclei, {name:12}: " + ", ".join(f"{v:.2f} dB ({g})" for g, v in isonet_recipes.score(x, cells).items()))

# %% alt="Nuclei in xz: the truth, round with a fine texture; interpolated, drawn out along z; after the U-Net, rounder, with a texture of its own."
shown = {"truth": cells.data[:n], **{name: compare.match_affine(x.data, cells.data[:n]) for name, x in others.items()}}
top = np.percentile(cells.data, 99.9)
plots.pictures({name: np.clip(x[:, middle], 0, top) for name, x in shown.items()}, ylabel="z (µm)", **labels)

# %% [markdown]
r"""
**What to see.** Outlines have become better, and against the truth the score has risen as much as on filaments and shells; against the lateral resolution, half as much. Look at the insides: some of the texture is the truth's, some is not, and nothing in the picture says which. That is the danger of such results: right enough to be believed.

**Another PSF, another exposure.** The network was trained for $\sigma_z = 4$ and 120 photons. Now let the microscope be another one, and the light more or less. (The counts are scaled to the brightness of the training first; else dim data lie outside all that the network has seen.) Sixteen slices around that of the first picture, the xz view alone:
"""

# %%
slab, tries = slice(bright - 8, bright + 8), {}
for s in (2.5, 4.0, 5.0, 6.0):
    expected = formation.expect(
        truth, isonet_recipes.gaussian((s, sigma_x, sigma_x)), background=background, bin_z=factor
    )
    for photons in (15, 30, 120, 480):
        lit = expected.with_data(expected.data[:, slab] * photons / peak)
        few = lit.with_data(rng.poisson(lit.data) * peak / photons)
        tries[s, photons] = isonet.isotropic(few), isonet.restore(networks["U-Net"], few, views=("xz",))

# %%
goal = aims["lateral resolution"][:, slab]
fitted = {key: [compare.match_affine(x.data, goal) for x in pair] for key, pair in tries.items()}
psnr = {key: [compare.psnr(x, goal) for x in pair] for key, pair in fitted.items()}
print("PSNR (dB), interpolated → U-Net, at 15, 30, 120 and 480 photons:")
for s in (2.5, 4.0, 5.0, 6.0):
    print(f"   σ_z {s}:  " + ",   ".join("{:.1f} → {:.1f}".format(*psnr[s, k]) for k in (15, 30, 120, 480)))

# %%
dim = tries[4.0, 30][0]
dim = isonet.restore(networks["U-Net"], dim.with_data(dim.data * 30 / peak), factor=1, views=("xz",))
print(f"σ_z 4.0 at 30 photons, not scaled: {compare.psnr(compare.match_affine(dim.data, goal), goal):.1f} dB")

# %%
brightest = np.percentile(goal, 99.5)
shown_for = {key: {"lateral resolution": np.minimum(goal[:, 8], brightest)} for key in tries}
for key, pair in fitted.items():
    for name, x, value in zip(("interpolated", "U-Net"), pair, psnr[key], strict=True):
        shown_for[key][f"{name}, {value:.1f} dB"] = np.clip(x[:, 8], 0, brightest)

# %%
explore(
    lambda sigma_z, photons: plots.pictures(shown_for[sigma_z, photons], ylabel="z (µm)", **labels),
    sigma_z=[2.5, 4.0, 5.0, 6.0],
    photons=[480, 120, 30, 15],
    description="An xz slice: what the network should give, what it was shown, and what it gave.",
)

# %% alt="The U-Net's slice in four cases: as trained; with a shorter PSF all is squeezed along z; with a longer one smears stay; with few photons rings break up."
cases = {"as trained": (4.0, 120), "σ_z 2.5": (2.5, 120), "σ_z 6": (6.0, 120), "15 photons": (4.0, 15)}
plots.pictures(
    {name: np.clip(fitted[key][1][:, 8], 0, brightest) for name, key in cases.items()}, ylabel="z (µm)", **labels
)

# %% [markdown]
r"""
**What to see.** With few photons all is worse, what goes in and what comes out, but most of the gain stays, as long as the counts are brought to the brightness of the training. With another PSF it is the gain that goes. Where the PSF is shorter than in the training, too much is undone, and bodies come out squeezed along z; where it is longer, smears stay. And nothing in the pictures says *wrong PSF*: the squeezed bodies are as sharp and smooth as the right ones. So train for your own PSF, or, better, on your own stack: that is the point of this method.

**How uncertain is a voxel?** Ask more than one network. The same U-Net, trained twice more from nothing, with other seeds for the noise, the patches, their order and the first weights: 1 and 2 instead of 0. The three specimens stay. (Their weights ship with the course, and are loaded even if `TRAIN` is set.) First the scores:
"""

# %%
others = [training.pretrained(name) for name in ("unet-1", "unet-2")]
members = [results["U-Net"], *(isonet.restore(network, stack) for network in others)]
of_seeds = {g: [compare.psnr(compare.match_affine(x.data, aim), aim) for x in members] for g, aim in aims.items()}
for goal, values in of_seeds.items():
    each = ", ".join(f"{value:.2f}" for value in values)
    print(f"against the {goal}: {np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} dB (seeds 0, 1, 2: {each})")

# %% [markdown]
r"""
A difference between two networks that is not larger than this says nothing. Now voxel by voxel: the standard deviation of the three, beside the error that they really have (their mean against the lateral resolution).
"""

# %%
volumes = np.stack([x.data - background for x in members])
deviation, error = volumes.std(axis=0, ddof=1), np.abs(volumes.mean(axis=0) - aims["lateral resolution"])
top = np.percentile(error, 99.8)
maps = {"standard deviation of three seeds": deviation, "true error of their mean": error}

# %% alt="Two maps of an xz slice: the seeds differ along the rings' rims, by little; the true error lies along the same rims, and is several times larger."
plots.pictures({name: np.minimum(x[:, bright], top) for name, x in maps.items()}, ylabel="z (µm)", **labels)

# %% [markdown]
r"""
**What to see.** Same colours: the seeds differ where they err, along rims and lines, but by much less than they err. And in the small cells, lower left, all three say the same, and all three are wrong. Another answer comes for free: each network has answered twice, in xz and in yz. Does *it* know where it is wrong? Sort all voxels by what either says, and compare with the true error:
"""

# %%
said = {"two views": np.abs(views["xz"].data - views["yz"].data) / 2, "three seeds": deviation}
true = {"two views": np.abs(results["U-Net"].data - background - aims["lateral resolution"]), "three seeds": error}
both, ratios = {}, {}
for name, doubt in said.items():
    edges = np.quantile(doubt, [0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1])
    group = np.clip(np.searchsorted(edges, doubt) - 1, 0, len(edges) - 2)
    both[name] = np.sqrt([[np.mean(v[group == i] ** 2) for i in range(len(edges) - 1)] for v in (doubt, true[name])])

# %% alt="True error against what the seeds and the two views say, both logarithmic: well above the diagonal, most where they agree, and nearer to it at the upper end."
curves = {f"{name}, true error (rms)": tuple(values) for name, values in both.items()}
curves["if they were equal"] = (both["two views"][0], both["two views"][0])
figure = plots.lines(
    curves,
    xlabel="said: deviation of the seeds, or half the views' difference (photons, rms)",
    ylabel="photons",
    log=True,
)
figure.axes[0].set(xscale="log")
figure

# %%
for name, doubt in said.items():
    ratios[name] = both[name][1] / both[name][0]
    rms = [np.sqrt(np.mean(v**2)) for v in (doubt, true[name])]
    print(
        f"{name}, all voxels: said {rms[0]:.2f} photons, true error {rms[1]:.2f} (rms), {rms[1] / rms[0]:.1f} times as much;"
    )
    print(
        f"    {ratios[name][0]:.0f} times in the half that agrees best, {ratios[name][-1]:.1f} in the worst thousandth"
    )

# %% [markdown]
r"""
**What to see.** Disagreement does rank the voxels: more of it, more error. But the error is larger than what they say, except in the worst thousandth for the two views; and larger by far where they agree. The two views come from one network, with the same habits. Three networks that learned from the same specimens, by the same blur, share their blind spots: where nothing passes the microscope, all three make up the same. It is a warning lamp, no error bar. What is a proof: a truth, simulated as like to your specimen as you can; or an independent measurement.

## 13 · What can go wrong: the lateral slices do not show it

The course volume: microtubules in a *flat* cell, which run nearly parallel to the coverslip. A U-Net was trained on its own lateral slices, its own PSF, its own camera, all by the book. Its planes are 0.2 µm apart and its pixels 0.08 µm wide, so the factor is 2.5: rows are sampled between two pixels, by linear interpolation, and every fifth plane of the restored grid meets every second plane of the stack. There we compare.
"""

# %%
volume = data_fetch.load("microtubules", size=volume_size)
goals = flat_cells.aims(volume)  # on the planes that both grids have
flat = {"interpolated": isonet.isotropic(volume.stack)}
flat["U-Net"] = isonet.restore(training.pretrained("unet-microtubules"), volume.stack)
of_tubes = {name: {goal: flat_cells.psnr(x, aim) for goal, aim in goals.items()} for name, x in flat.items()}
for name, row in of_tubes.items():
    print(f"{name:13} " + ", ".join(f"{value:.2f} dB against the {goal}" for goal, value in row.items()))
print("data range: {:.0f} and {:.0f} photons".format(*map(np.ptp, goals.values())))

# %%
fine = isonet.isotropic(volume.truth)
fine = fine.with_data(ndimage.gaussian_filter(fine.data, 1.0))  # about as fine as the lateral PSF
y, (dim_top, top) = fine.shape[1] // 2, np.percentile(fine.data, (96.5, 99.5))  # the lower one shows what is faint
shown = {"truth, smoothed": fine, **{name: compare.match_affine(x, fine) for name, x in flat.items()}}

# %% alt="In xz the truth is dots; interpolated, dots drawn out along z; after the U-Net, dots joined by thin lines that are not there."
style = labels | {"step": fine.voxel_size[:2]}
plots.pictures({name: np.clip(x.data[:, y], 0, dim_top) for name, x in shown.items()}, ylabel="z (µm)", **style)

# %% alt="A lateral slice of the stack: long lines, hardly a dot."
plots.pictures(
    {"a lateral slice, from which it learned": volume.stack.data[len(volume.stack.data) // 2]},
    ylabel="y (µm)",
    **style | {"unit": "counts"},
)

# %% [markdown]
r"""
**What to see.** The PSNR has risen. And between the dots of xz, there are now **filaments that do not exist**. Where should the network have learned what a dot is? Lateral slices of this cell hold lines; its axial slices hold dots, the same lines cut across. The network does with dots what it has learned to do with smeared pieces of lines: it joins them. The condition of section 1, alike from all sides, was broken, and no number warned us.

**A cure, and its price.** Such a cell cannot teach a network what its axial slices should look like. But one can *simulate* such cells: five of them, with other seeds than the course volume's, under the same microscope, with its light and its camera. Of these the truth is known. So the inputs are the axial slices of their stacks, and the targets the same slices of their truth, at the lateral resolution. No slice has to pose as another. (A smaller U-Net, 8 images in its first layer instead of 16, trained in one to two minutes; the recipe is `course_utils/isonet/cells.py`. Three times, with three seeds for the patches and the first weights; the weights ship with the course.)
"""

# %%
taught = {
    f"simulated cells, seed {i}": training.pretrained(f"unet-cells{end}") for i, end in enumerate(("", "-1", "-2"))
}
cured = {name: isonet.restore(network, volume.stack) for name, network in taught.items()}
of_cured = {goal: [flat_cells.psnr(x, aim) for x in cured.values()] for goal, aim in goals.items()}
above = {goal: np.array(values) - of_tubes["interpolated"][goal] for goal, values in of_cured.items()}
for goal, values in of_cured.items():
    print(
        f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f} dB against the {goal}, "
        f"{above[goal].mean():+.2f} ± {above[goal].std(ddof=1):.2f} dB above interpolation"
    )

# %%
taken_planes = {
    name: isonet.subsample(x.data, round(volume.stack.anisotropy, 6), axis=0)
    for name, x in {**flat, "simulated cells, seed 0": cured["simulated cells, seed 0"]}.items()
}
tubes = volume.truth.with_data(volume.truth.data[: len(taken_planes["interpolated"])])
resolved = {name: compare.fsc(tubes.with_data(x), tubes).axial.resolution(0.5) for name, x in taken_planes.items()}
for name, period in resolved.items():
    print(f"{name:23} agrees with the truth down to {period:.2f} µm along z")

# %%
own, dim = training.pretrained("unet-microtubules"), 300  # photons inside a nucleus: as bright as the course volume
of_bodies, abroad = {}, {}
for photons in (dim, 3 * dim):
    rng = np.random.default_rng(11)
    bodies = nuclei(volume.stack.shape, volume.stack.voxel_size, n=6, diameter=4.0, photons=photons, rng=rng)
    taken = formation.acquire(bodies, volume.psf, volume.camera, background=10, rng=rng)  # the same microscope
    answers = {"truth": isonet.isotropic(bodies), "interpolated": isonet.isotropic(taken)}
    answers["own lateral slices"] = isonet.restore(own, taken, views=("xz",))
    answers |= {name: isonet.restore(network, taken, views=("xz",)) for name, network in taught.items()}
    of_bodies[photons] = answers
    abroad[photons] = {name: flat_cells.psnr(x, bodies.data[::2]) for name, x in answers.items() if name != "truth"}

# %%
for name in abroad[dim]:
    print(f"nuclei, {name:24}" + ", ".join(f"{of[name]:.2f} dB at {photons} photons" for photons, of in abroad.items()))

# %% alt="xz slices of the microtubules: dots in the truth; smeared by interpolation; joined by lines by the network of lateral slices; dots again by that of simulated cells."
cure = {name: shown[name] for name in ("truth, smoothed", "interpolated")}
cure["own lateral slices"] = shown["U-Net"]
cure["simulated cells"] = compare.match_affine(cured["simulated cells, seed 0"], fine)
plots.pictures({name: np.clip(x.data[:, y], 0, top) for name, x in cure.items()}, ylabel="z (µm)", **style)

# %% alt="xz slices of nuclei: mottled bodies in the truth; the same, smeared, interpolated and by the network of lateral slices; only a few bright shreds by that of simulated cells."
answers = of_bodies[dim]
chosen = ("interpolated", "own lateral slices", "simulated cells, seed 0")
price = {"truth": answers["truth"]} | {name: compare.match_affine(answers[name], answers["truth"]) for name in chosen}
plots.pictures({name: np.maximum(x.data[:, y], 0) for name, x in price.items()}, ylabel="z (µm)", **style)

# %% [markdown]
r"""
**What to see.** The dots are dots again, as small as those of the truth. The haze has gone, too, which no lateral slice could have taught, being full of it: several decibels against either reference, and along z a resolution that neither of the other two comes near. And the price stands below. Nuclei that are as bright as the course volume, under the very same microscope, these networks tear to shreds, all three, *worse than interpolation*; the one that learned from lateral slices, which never saw a nucleus either, still helps. What they have learned is: *light of this brightness that is no thin line is haze.* (Nuclei three times as bright, far beyond any haze of the training, they let stand, and sharpen.) Who trains on simulated specimens gets back what was simulated, its brightness included. Chapter 10 asks what a network should be shown that is to stand more than one kind.

| symptom | cause | fix |
|---|---|---|
| dots joined by faint lines, in xz and yz only | the specimen is not alike from all sides | another method (chapters 4 and 5); simulated training specimens of its kind |
| bodies torn to shreds | trained on simulated specimens of another kind | simulate what you have; show the interpolated stack beside |
| one constant everywhere | a dead network (section 6) | another seed; `third="linear"`; look at the output |
| bodies squeezed along z | the training's PSF was longer than the real one | measure the PSF (chapter 3) |
| lines too thin across, noise across raised | trained with the rotated PSF, `method="full"` | `axial_blur(psf)`, which is split |
| smears stay | the training's PSF was too short | the same |
| all is stretched a little along z | `zoom` by the factor in one place, `[::s]` in another | one operator for all: `isonet.isotropic` |
| soft blobs in the dark | noise, laundered | compare with the interpolated stack; show both |
| dull result on dim data | brightness outside that of the training | keep the normaliser with the model; scale the counts to it |
| test scores that are too good to be true | neighbouring planes in training and test | split by specimen (here), or with a guard band (chapter 6) |
"""

# %%
try:
    isonet.restore(networks["U-Net"], stack, views=("xz", "zx"))
except ValueError as error_:
    print(error_)

# %% [markdown]
r"""
## Remember

- Degrade lateral slices like axial ones, learn the way back, apply it to the axial ones. No truth is needed; that the specimen looks alike from all sides is.
- What is missing between the two is not the PSF but the *split* kernel: variances subtract, and across nothing is left.
- One sampling operator for simulation, training and prediction.
- The ceiling is the lateral resolution. Say against which reference you score, and show Richardson–Lucy beside it; then combine the two.
- A network never shows that it does not know. Noise, other specimens and other PSFs all come out smooth and plausible.

<details><summary>1. Your stack has σ_z = 3 and σ_x = 1 voxels. A colleague trains with the rotated PSF as it is. What does the network do wrong on axial slices?</summary>

It undoes 3 instead of √8 = 2.83 along z, hardly a difference; and a blur of 1 across, where there is nothing to undo. Lines come out too thin across, with dents beside them, and noise across is raised.

</details>

<details><summary>2. In a paper, a network beats Richardson–Lucy by 6 dB. The reference is the stack of a second, isotropic microscope with the same NA. What do you ask?</summary>

Whether Richardson–Lucy was given the sampling and a chosen number of iterations, and what the score against a sharper reference is: the second microscope's blur is the network's target, while Richardson–Lucy goes beyond it, and loses points for that.

</details>

<details><summary>3. You image tissue that is layered, all layers parallel to the coverslip. Will IsoNet help?</summary>

No: axial slices show stripes, which no lateral slice contains. Expect invented structure between the layers. Cut the tissue the other way for the training data, or deconvolve.

</details>

## References

- M. Weigert, L. Royer, F. Jug and G. Myers, *MICCAI 2017*, [doi:10.1007/978-3-319-66185-8_15](https://doi.org/10.1007/978-3-319-66185-8_15), [arXiv:1704.01510](https://arxiv.org/abs/1704.01510): IsoNet.
- M. Weigert *et al.*, *Nat. Methods* 15 (2018) 1090, [doi:10.1038/s41592-018-0216-7](https://doi.org/10.1038/s41592-018-0216-7): CARE, and the package CSBDeep.
- O. Ronneberger, P. Fischer and T. Brox, *MICCAI 2015*, [doi:10.1007/978-3-319-24574-4_28](https://doi.org/10.1007/978-3-319-24574-4_28): the U-Net.
- C. Belthangady and L. A. Royer, *Nat. Methods* 16 (2019) 1215, [doi:10.1038/s41592-019-0458-z](https://doi.org/10.1038/s41592-019-0458-z): promises and pitfalls.
- D. P. Hoffman, I. Slavitt and C. A. Fitzpatrick, *Nat. Methods* 18 (2021) 131, [doi:10.1038/s41592-020-01035-w](https://doi.org/10.1038/s41592-020-01035-w): the promise and peril of deep learning in microscopy.
"""

# %%
against = {goal: {name: row[goal] for name, row in scores.items()} for goal in aims}
compare.write_results(
    "07",
    {
        "width of the split kernel / by formula (ratio)": width["split", "along z"] / np.sqrt(sigma_z**2 - sigma_x**2),
        "zoom, a plane's greatest error (voxels)": zoom_error,
        "IsoNet-1 with seed 0, spread / target's (ratio)": spread["seed 0"],
        "IsoNet-1 with seed 2, spread / target's (ratio)": spread["seed 2"],
        **{f"{name}, against the truth (dB)": value for name, value in against["truth"].items()},
        **{f"{name}, against lateral resolution (dB)": value for name, value in against["lateral resolution"].items()},
        "U-Net above interpolation, truth (dB)": against["truth"]["U-Net"] - against["truth"]["linear interpolation"],
        "U-Net above interpolation, lateral resolution (dB)": against["lateral resolution"]["U-Net"]
        - against["lateral resolution"]["linear interpolation"],
        "Richardson–Lucy above the U-Net, truth (dB)": against["truth"]["Richardson–Lucy"] - against["truth"]["U-Net"],
        "both above Richardson–Lucy alone, truth (dB)": against["truth"]["U-Net, then RL"]
        - against["truth"]["Richardson–Lucy"],
        "noise through the U-Net, spread after / before (ratio)": noise_ratio,
        "microtubules, U-Net above interpolation (dB)": of_tubes["U-Net"]["truth"] - of_tubes["interpolated"]["truth"],
        "microtubules, U-Net above interpolation, lateral resolution (dB)": of_tubes["U-Net"]["lateral resolution"]
        - of_tubes["interpolated"]["lateral resolution"],
        **{f"microtubules, simulated cells above interpolation, {g} (dB)": v.mean() for g, v in above.items()},
        **{
            f"microtubules, simulated cells, three seeds, standard deviation, {g} (dB)": v.std(ddof=1)
            for g, v in above.items()
        },
        **{f"microtubules, {name}, axial resolution (µm)": period for name, period in resolved.items()},
        "nuclei, simulated cells above interpolation (dB)": max(abroad[dim][name] for name in taught)
        - abroad[dim]["interpolated"],
        "true error / the views' difference, where they agree (ratio)": ratios["two views"][0],
        "true error / standard deviation over three seeds (ratio)": np.sqrt(np.mean(error**2) / np.mean(deviation**2)),
        **{f"U-Net, three seeds, mean, {goal} (dB)": np.mean(values) for goal, values in of_seeds.items()},
        **{
            f"U-Net, three seeds, standard deviation, {goal} (dB)": np.std(values, ddof=1)
            for goal, values in of_seeds.items()
        },
        **{
            f"{name} above the better SRCNN, truth (dB)": against["truth"][name]
            - max(against["truth"][f"SRCNN, {data}"] for data in ("natural", "microscopy"))
            for name in ("IsoNet-1", "IsoNet-2")
        },
        "restoration with the U-Net (seconds)": seconds["U-Net"],
    },
)
