# ---
# jupyter:
#   course:
#     profiles:
#       test:
#         size: small
#         live_patches: 128
#         live_epochs: 2
#         protocol_patches: 320
#         rl_iterations: 30
#         leak_patches: 96
#         leak_epochs: 2
#         cell_shape: [24, 96, 96]
#       report: {size: report}
#     bands:
#       picture, blurred (dB): [23.5, 24.5]
#       picture, Wiener (dB): [26.7, 27.7]
#       picture, Richardson–Lucy (dB): [26.5, 27.5]
#       picture, Richardson–Lucy with total variation (dB): [27.1, 28.2]
#       picture, SRCNN (dB): [27.3, 28.2]
#       picture, SRCNN 9-1-5 of section 4 (dB): [5, 27]
#       picture, SRCNN 9-5-5 of section 4 (dB): [10, 28]
#       paper's protocol in Keras (dB): [3, 10]
#       the same, He's start and Adam (dB): [21, 27]
#       wide-field against SIM, unmatched (dB): [17, 23]
#       wide-field against SIM (dB): [27, 28.5]
#       SRCNN of pictures against SIM (dB): [27.5, 29.7]
#       SRCNN of microscopy against SIM (dB): [34.5, 39]
#       Richardson–Lucy against SIM (dB): [34, 39.5]
#       SRCNN of microscopy against the truth (dB): [32.5, 37]
#       Richardson–Lucy against the truth (dB): [33, 41]
#       planes beside the test, gain (dB): [-4, 5]
#       two planes from a filament, wide-field: [0.55, 0.85]
#       two planes from a filament, SRCNN of microscopy: [0.28, 0.5]
#       nuclei, SRCNN of microscopy, gain (dB): [-7, -0.3]
#       filaments, SRCNN of microscopy, gain (dB): [6, 9]
#       rim with zeros (ratio): [-0.6, 0.8]
# ---

# %% [markdown]
r"""
# 6 · SRCNN, a network that learns to sharpen

Up to here you told the computer how light spreads, and it worked backwards. In 2014 four researchers did without. They showed a program pairs of pictures, one blurred, one sharp, and let it find out by itself how to get from the one to the other. The program was three convolutions, one behind the other:
8 129 numbers, fewer than a blurred image of 100 × 100 pixels has. It beat what people had polished for years. This chapter trains it, lets it win where it can, and then does to it what a referee should: other pictures, other planes, another specimen.

**After this notebook you can**

- count a network's parameters, and say how far it sees;
- train one in front of your eyes, with an estimate of the minutes before it starts;
- tell why a famous recipe, copied line by line, learns nothing;
- split a stack so that the test means something, and measure what a bad split would have brought;
- say what such a network has learnt, and on what it will fail.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 1 and 4 | 75–90 minutes | 1–4 minutes in all, with the weights that come along; one to three more with `TRAIN = True` | 1.8 GB |

*Previous: [ADMM](05_admm.ipynb). Next: [IsoNet](07_isonet.ipynb). Short of time? Sections 1, 3, 4, 7 to 9.*
"""

# %% tags=["setup"]
# %matplotlib inline
from dataclasses import replace

import numpy as np
from scipy import fft
from scipy.stats import kurtosis

import data_fetch
from course_utils import backend, checks, compare, formation, operators, optics, plots, srcnn, training
from course_utils.counts import find_background
from course_utils.richardson_lucy import biggs_andrews, plain, tv
from course_utils.specimen import filaments, nuclei, shells
from course_utils.srcnn import recipes as srcnn_recipes
from course_utils.training.keras_parts import keras
from course_utils.widgets import explore

xp = backend.default()  # for Richardson–Lucy on volumes: NumPy, or TensorFlow on a GPU
host = backend.get("numpy")  # for pictures

# %% tags=["parameters"]
TRAIN = False  # True: train the two networks of this chapter here, instead of loading their weights
size = "course"  # of the course volume: "small", "course" or "report"
live_patches = 960  # the training of section 4
live_epochs = 6
protocol_patches = 1600  # section 6
rl_iterations = 56  # Richardson–Lucy with momentum, at most, section 8
leak_patches = 1000  # section 9
leak_epochs = 5
cell_shape = (32, 192, 192)  # of the cells of sections 10 and 11

# %% [markdown]
r"""
## 1 · Three layers

Dong and his colleagues called it **SRCNN**, the super-resolution convolutional neural network. A layer of it convolves each of its input images with a kernel for each of its output images, adds the results, and adds a constant, the *bias*. Behind the first and the second layer, what is negative is set to zero (a **rectifier**):

$$F_1 = \max(0,\; W_1 \otimes y + b_1), \qquad F_2 = \max(0,\; W_2 \otimes F_1 + b_2), \qquad F_3 = W_3 \otimes F_2 + b_3 \tag{1}$$

Kernels are 9 × 9, 1 × 1 and 5 × 5 pixels, hence "9-1-5"; $F_1$ has 64 images, $F_2$ has 32. Without the two $\max(0, \cdot)$ all this would collapse into *one* convolution, a linear filter such as Wiener's (section 5). It is the zeros that let it treat an edge otherwise than a plain. How many numbers are there to learn?
"""

# %%
model = srcnn.srcnn()
for layer in model.layers[-3:]:
    height, width, images_in, images_out = layer.kernel.shape
    n = height * width * images_in * images_out
    print(f"{height} × {width} pixels × {images_in:2} images in × {images_out:2} out = {n:4}, + {images_out:2} biases")
print(f"{model.count_params()} parameters; 9-5-5 has {srcnn.srcnn((9, 5, 5)).count_params()}")

# %% [markdown]
r"""
How much of the picture does one output pixel depend on? That patch is the **receptive field**. What lies outside of it cannot have any influence, however well the network is trained. If blur reaches further than the field, the network must guess.

### Exercise 1: how far it sees

`layers` is a list of `(kernel, stride)`, from the input on. SRCNN is `[(9, 1), (1, 1), (5, 1)]`. A stride of 2 keeps every second pixel, so that behind it a step of one pixel is two pixels of the input. (SRCNN has no strides. Chapter 7's networks halve their pictures by pooling, which counts as a stride of 2.) Give the edge of the field, in pixels.
"""


# %%
def receptive_field(layers):
    """Pixels of the input, along an edge, that one pixel of the output depends on."""
    # <solution> begin with the one pixel, and let each layer add its part; keep count of the step
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step
        step *= stride
    return field
    # </solution>


# %% tags=["check"]
checks.receptive_field(receptive_field)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Two layers of 3 × 3: the output pixel sees 3 × 3 of the middle layer, of which the outer ones see one pixel further: 5 × 5. Each layer adds its kernel less one.

</details>

<details><summary>Hint 2</summary>

Two variables: `field`, from 1 on, grows by `(kernel - 1) * step`; `step`, from 1 on, is multiplied by the layer's stride, *after* that.

</details>

{{solution}}
"""

# %% [markdown]
r"""
It can also be measured: change one pixel of a picture, and see where the network's answer changes. We need pictures: scikit-image brings some along that are free to use (CC0). *camera*, the test picture of this chapter, is never trained with.
"""

# %%
camera = srcnn_recipes.natural_image("camera")
part = (slice(90, 250), slice(150, 310))  # of it, for the figures
changed = camera[part].copy()
changed[80, 80] += 0.5
influence = {}
for kernels in ((9, 1, 5), (9, 5, 5)):
    network = srcnn.srcnn(kernels)
    moved = np.abs(training.predict(network, changed) - training.predict(network, camera[part])) > 1e-6
    influence["-".join(map(str, kernels))] = moved[64:97, 64:97].astype(float)
    edge = np.ptp(np.flatnonzero(moved.any(axis=1))) + 1
    print(f"{kernels}: {edge} pixels wide; counted from the layers, {training.receptive_field(network)}")

# %% alt="Two squares in the middle of black: 13 pixels wide for 9-1-5, 17 pixels for 9-5-5."
pixels = {"step": (1, 1), "xlabel": "x (pixel)", "ylabel": "y (pixel)"}
plots.pictures(influence, **pixels, unit="answer changed (1) or not (0)")

# %% [markdown]
r"""
**What to see.** A square, sharply cut, for untrained networks as for trained ones.

## 2 · The rim: pad once, and align

A kernel that hangs over the picture's edge has nothing to work on. A *valid* convolution gives only what it can: 9-1-5 turns a patch of 33 × 33 into 21 × 21. In training that is what one wants, no pixel rests on invention. Which pixels of the sharp patch, the *label*, are those 21 × 21 to be compared with?

### Exercise 2: align input and target

`labels` are `(n, height, width, 1)`, `field` is the receptive field, an odd number. Give the part of the labels that a valid network's output shows.
"""


# %%
def crop_label(labels, field):
    """The part of the labels that the output of a network with this receptive field shows."""
    # <solution> find how many pixels the output loses on each side
    margin = field // 2
    height, width = labels.shape[1:3]
    return labels[:, margin : height - margin, margin : width - margin]
    # </solution>


# %% tags=["check"]
checks.crop_label(crop_label)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The first output pixel stands where its receptive field just fits into the corner: in the *middle* of that field. What is 13 // 2?

</details>

<details><summary>Hint 2</summary>

`labels[:, m : height - m, m : width - m]` with `m = field // 2`. Why not `m : -m`? Try `field = 1`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
For whole pictures one wants the output as large as the input, so the picture must be continued. In the course that is done **once**, in front of the first layer, and by reflection. The usual shortcut, `padding="same"`, adds zeros in front of *every* layer; section 12 shows what they do.

## 3 · Pairs to learn from, and what "good" means

Training needs pairs. We make them: five of the pictures, blurred by the plane in focus of the course's PSF, with the noise of 200 photons at white. From these, patches of 33 × 33 pixels are cut at random places, mirrored and transposed at random. A sixth picture, *chelsea*, is for validation: it says when to stop, and teaches nothing.
"""

# %%
bundle = data_fetch.load("microtubules", size=size)
psf = srcnn_recipes.in_focus(bundle.psf)
pairs, held, _ = srcnn_recipes.natural_data(psf, count=live_patches)
print(f"trained with {', '.join(srcnn_recipes.TRAINING)}; validated on {srcnn_recipes.VALIDATION}")
print(f"{len(pairs)} pairs of {pairs.inputs.shape[1]} × {pairs.inputs.shape[2]} pixels; white is 1")

# %% alt="Four patches side by side, blurred and noisy on the left, the same four sharp on the right."
rows = {name: np.hstack(a[:4, ..., 0]) for name, a in {"in": pairs.inputs, "wanted": pairs.targets}.items()}
figure = plots.pictures(rows, **pixels, unit="part of white", cmap="gray")
for axes in figure.axes[:2]:
    axes.set_axis_off()
figure

# %% [markdown]
r"""
Training needs one number that says how wrong the network is, the **loss**. Its slopes, one for each weight, are together its **gradient**; each step of the training changes the weights against it, and the **rate** says how far. So what is to be made small? The paper's answer, over all pixels of all patches:

$$\mathrm{MSE} = \frac1N \sum_i (F_{3,i} - x_i)^2, \qquad \mathrm{PSNR} = 10 \log_{10} \frac{(\max x)^2}{\mathrm{MSE}} \tag{2}$$

where $F_{3,i}$ is a pixel of the network's output, $x_i$ that of the sharp patch, and $N$ the number of them all. Papers then report the PSNR. (Its peak is the maximum here; chapter 3 took the maximum less the minimum.) Why not train for the PSNR itself, patch by patch? Chapter 7's network does. A bright patch and a dim one then count alike, and so does one that is nearly right and one that is not: in the gradient each patch's error is divided by its own MSE. That has a trap: what of a patch that is perfect, or empty?

### Exercise 3: the loss

For each patch, $-10\log_{10}\bigl(((\max x)^2 + \varepsilon) / (\mathrm{MSE} + \varepsilon)\bigr)$. Arrays are `(n, height, width, 1)`; the result is one number a patch.
"""


# %%
def psnr_loss(target, estimate, eps):
    """Minus the PSNR of each patch, in dB, its peak that of the target."""
    # <solution> begin with the mean squared error and the target's peak of each patch
    error = ((target - estimate) ** 2).mean(axis=(1, 2, 3))
    peak = target.max(axis=(1, 2, 3))
    return -10 * np.log10((peak**2 + eps) / (error + eps))
    # </solution>


# %% tags=["check"]
checks.psnr_loss(psnr_loss)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

A small loss is a good one, so the PSNR gets a minus. One number a patch: means and maxima over `axis=(1, 2, 3)`.

</details>

<details><summary>Hint 2</summary>

`error = ((target - estimate) ** 2).mean(axis=(1, 2, 3))`, `peak` likewise with `max`; then $\log_{10}$ of `(peak**2 + eps) / (error + eps)`, times −10.

</details>

{{solution}}
"""

# %% [markdown]
r"""
In this chapter we stay with the paper's MSE; in the course, `loss="psnr"` would take the other.

## 4 · Train it

First: how long will it take, and does it fit? A few batches tell, and change nothing.
"""

# %%
training.estimate(srcnn.srcnn(padding=False), pairs, epochs=live_epochs, loss="mse")

# %% [markdown]
r"""
Now watch. An *epoch* is once through all pairs, in batches of 16. After each batch all weights take a step downhill. How far is for **Adam** to say: it divides each weight's gradient by that gradient's own usual size, so that all weights move about equally fast; and the rate falls to nothing along half a cosine. 9-5-5, the larger network of the same authors' second paper, gets the same patches. (The stop button ends a training cleanly: what was learnt stays.)
"""

# %%
histories = {}
live = {"9-1-5": srcnn.srcnn(padding=False), "9-5-5": srcnn.srcnn((9, 5, 5), padding=False)}
for name, network in live.items():
    histories[name] = training.fit(network, pairs, validation=held[:128], epochs=live_epochs, loss="mse")

# %% alt="PSNR on the validation picture against epochs for 9-1-5 and 9-5-5: both climb; a flat line shows the input itself."
epochs = np.arange(1, live_epochs + 1)
curves = {name: (epochs, -10 * np.log10(history.validation)) for name, history in histories.items()}
inner = (slice(128), slice(6, -6), slice(6, -6))  # what a valid network's output shows
untouched = -10 * np.log10(np.mean((held.inputs[inner] - held.targets[inner]) ** 2))
curves["input as it is"] = epochs, np.full(live_epochs, untouched)
plots.lines(curves, xlabel="epoch", ylabel="PSNR on validation patches (dB)")

# %%
for name, history in histories.items():
    best = -10 * np.log10(min(history.validation))
    print(f"{name}: {history.seconds:5.1f} s, {live_epochs} epochs, best {best:.2f} dB; the input {untouched:.2f} dB")

# %% [markdown]
r"""
**What to see.** A network of random weights makes things worse, and after one epoch 9-1-5 still does; after a few, both are above the input. From the same patches 9-5-5, with seven times the weights, learns more, and takes longer for it. (Networks without padding here, as in the paper. Validation picks the epoch whose weights are kept.)

The rest is patience: more patches, more epochs. The result of that comes with the course; with `TRAIN = True` it is trained here, by the same recipe and seed. This is its *card*:
"""

# %%
natural = training.Trained(*srcnn_recipes.natural()) if TRAIN else training.pretrained("srcnn-natural")
for what, value in natural.card.items():
    if what != "minutes":  # by the clock of a computer that had other work as well
        print(f"{what:32} {value}")

# %% [markdown]
r"""
What has it learnt? Look at the 64 kernels of the first layer; and at what the training changed in them, for the seed of their start is known.
"""

# %%
trained, start = (m.layers[-3].get_weights()[0][:, :, 0] for m in (natural.model, srcnn.srcnn(seed=0)))
order = np.argsort(-np.linalg.norm(trained - start, axis=(0, 1)))  # the most changed first
mosaics = {}
change = trained - start
for name, kernels in {"trained": trained, "trained less start": change}.items():
    tiles = np.pad(kernels / np.linalg.norm(kernels, axis=(0, 1)), ((0, 1), (0, 1), (0, 0)), constant_values=np.nan)
    tiles = tiles[..., order].transpose(2, 0, 1).reshape(8, 8, 10, 10)
    mosaics[name] = tiles.transpose(0, 2, 1, 3).reshape(80, 80)

# %%
print(f"the training changed the weights by {np.std(change) / np.std(start):.2f} of their spread")
moved = np.linalg.norm(change, axis=(0, 1))[order] / np.linalg.norm(start, axis=(0, 1)).mean()
even = (change.mean(axis=(0, 1)) ** 2 / np.mean(change**2, axis=(0, 1)))[order]  # 1: the same in all of a kernel
for what, rows in {"first row": slice(8), "second row": slice(8, 16), "last four rows": slice(32, 64)}.items():
    print(
        f"{what:15} changed by {moved[rows].mean():.2f} of a kernel's norm, {even[rows].mean():.0%} of its square evenly"
    )

# %% alt="Two mosaics of 64 kernels: the trained ones look like noise; what training changed shows blobs and slanted edges in the first rows, even grey in the others."
figure = plots.pictures(mosaics, **pixels, unit="weight / kernel's norm", cmap="gray")
for axes in figure.axes[:2]:
    axes.set_axis_off()
figure

# %% [markdown]
r"""
**What to see.** Left, noise: most of every kernel is still the random start. Right, where each kernel is drawn to its own strength, the change: in the first rows small blobs and slanted edges, the shapes that blur and that edges have; further down even greys, kernels raised or lowered as a whole, and by little. A short training leaves most of the network as it was born. (The paper shows such shapes in the kernels themselves, after a far longer training.)

## 5 · Where it works: a picture, blurred and noisy

Now the test picture. Against it: **Wiener's filter**, one division in Fourier space like (5) of chapter 3, $\overline H\, Y / (|H|^2 + w\,|k|^2)$, with a prior that likes small gradients, hence the $|k|^2$; and Richardson–Lucy, without and with total variation. All three are *given* the exact PSF, and are tuned on the truth, which nobody could in practice. The network has neither, only what it learnt from other pictures.

(Data range 1, whole picture; periodic blur, so that the classical methods are right at the rim; noise of 200 photons at white, seed 1.)
"""

# %%
light = srcnn_recipes.PHOTONS
seen = srcnn_recipes.blurred(camera, psf, rng=np.random.default_rng(1))
A = operators.blur(psf, camera.shape, xp=host)
slopes = np.square(fft.fftfreq(512))[:, None] + np.square(fft.rfftfreq(512))  # |k|², what a gradient costs

# %%
candidates = {"blurred": {"": seen}, "Wiener": {}}
for w in np.geomspace(0.1, 30, 12):
    spectrum = np.conj(A.transfer) * host.rfftn(seen) / (np.abs(A.transfer) ** 2 + w * slopes)
    candidates["Wiener"][f"weight {w:.2g}"] = host.irfftn(spectrum, seen.shape)
lucy = plain(seen, A, n_iter=8)
candidates["Richardson–Lucy"] = {f"{n} iterations": np.asarray(x) for n, x in enumerate(lucy, 1)}
for w in (0.005, 0.01, 0.02):
    run = tv(seen, A, weight=w, voxel_size=(1, 1), n_iter=12)
    found = {f"{n} iterations, λ = {w}": np.asarray(x) for n, x in enumerate(run, 1)}
    candidates["RL with total variation"] = candidates.get("RL with total variation", {}) | found
for name, network in live.items():
    candidates[f"SRCNN {name}, section 4"] = {"": training.predict(network, seen / light) * light}
candidates["SRCNN"] = {"": natural(seen)}

# %%
picture_dB, restored = {}, {}
for name, tried in candidates.items():
    scores = {setting: compare.psnr(x / light, camera, data_range=1) for setting, x in tried.items()}
    setting = max(scores, key=scores.get)
    picture_dB[name], restored[name] = scores[setting], tried[setting] / light
    print(f"{name:26} {scores[setting]:.2f} dB   {setting}")

# %% alt="The cameraman's face, 64 pixels wide: sharp in truth, blurred and grainy as taken, and after Wiener's filter sharper, with a mottled ground."
face = (slice(135, 199), slice(220, 284))
shown = {"truth": camera} | restored
shown = {name: np.clip(x[face], 0, 1) for name, x in shown.items()}
above, below = ("truth", "blurred", "Wiener"), ("Richardson–Lucy", "RL with total variation", "SRCNN")
plots.pictures({name: shown[name] for name in above}, **pixels, unit="part of white", cmap="gray")

# %% alt="The same face after Richardson–Lucy, a little mottled; with total variation, smoother; after SRCNN, with the sharpest edges."
plots.pictures({name: shown[name] for name in below}, **pixels, unit="part of white", cmap="gray")

# %% [markdown]
r"""
**What to see.** Without the PSF, and without a look at the truth, the network is ahead of Wiener's filter and of plain Richardson–Lucy. It knows what pictures look like, edges on even ground: where the ground is even it smooths, at edges it does not. A linear filter must decide once for all. Total variation says the same in one line, and, tuned on the truth, is about as good: the network has *learnt* a prior that somebody else had
to think of. The margins are small; and blur, noise and kind of picture were those of its training. The two of section 4 had a small part of that training, and it shows.

So change the noise. The network was trained at 200 photons. Move the slider: another light for the same picture, Wiener's weight tuned anew each time.
"""

# %%
levels, by_light, light_dB = (20, 60, 200, 600, 2000), {}, {}
for n in levels:
    y = srcnn_recipes.blurred(camera, psf, photons=n, rng=np.random.default_rng(1)) / n
    filters = np.conj(A.transfer) / (np.abs(A.transfer) ** 2 + np.geomspace(0.01, 300, 16)[:, None, None] * slopes)
    filtered = [host.irfftn(f * host.rfftn(y), y.shape) for f in filters]
    wiener = max(filtered, key=lambda x: compare.psnr(x, camera, data_range=1))
    views = {"blurred": y, "Wiener": wiener, "SRCNN": training.predict(natural.model, y)}
    light_dB[n] = {name: compare.psnr(x, camera, data_range=1) for name, x in views.items()}
    by_light[n] = {f"{name}, {light_dB[n][name]:.1f} dB": np.clip(x[part], 0, 1) for name, x in views.items()}

# %%
explore(
    lambda photons: plots.pictures(by_light[photons], **pixels, unit="part of white", cmap="gray"),
    photons=levels,
    description="The picture at the chosen number of photons: as blurred, by Wiener's filter, and by SRCNN.",
)

# %% alt="PSNR against the logarithm of photons at white: SRCNN is ahead of Wiener around 200 photons, where it was trained, and behind on both sides."
curves = {name: (np.log10(levels), np.array([light_dB[n][name] for n in levels])) for name in light_dB[200]}
plots.lines(curves, xlabel="log₁₀ of the photons at white", ylabel="PSNR (dB)")

# %% alt="The picture at 20 photons: blurred, Wiener's filter smooth, SRCNN's answer full of grain."
plots.pictures(by_light[20], **pixels, unit="part of white", cmap="gray")

# %% [markdown]
r"""
**What to see.** At 20 photons the network takes noise for detail and sharpens it. At 2000 it is still careful, where there is no need any more. Wiener's filter has one knob and adapts; the network has none. *It has learnt one microscope at one exposure.* (The cure is to train on a range of both, which costs some of the margin.)

## 6 · The recipe that stalls

SRCNN's paper gives its recipe: weights from a normal distribution of standard deviation 0.001, biases zero; stochastic gradient descent (after each batch a step against its gradient) with a momentum of 0.9, at a rate of $10^{-4}$ (in the last layer $10^{-5}$; we give it $10^{-4}$ as well). Copy it into Keras, and let it run for four epochs; then sum the loss, as the paper's software does; and then start and step as in section 4, where the weights were drawn as Kaiming He proposed (**He's start**: so that each layer hands on what it receives with about its strength), and Adam took the steps:
"""

# %%
sgd, adam, ops = keras.optimizers.SGD, keras.optimizers.Adam, keras.ops
recipes = {
    "as written": ("paper", sgd(1e-4, momentum=0.9), "mse"),
    "loss summed": ("paper", sgd(1e-4, momentum=0.9), lambda x, y: ops.sum((x - y) ** 2, axis=(1, 2, 3)) / 2),
    "He's start, Adam": ("random", adam(1e-3), "mse"),
}
pairs, *_ = srcnn_recipes.natural_data(psf, count=protocol_patches)

# %%
protocol = {"best constant": np.full(camera.shape, camera.mean()), "blurred": seen / light}
steps = {}
for name, (start, optimizer, loss) in recipes.items():
    network = srcnn.srcnn(start=start, padding=False)
    before = network.get_weights()
    training.fit(network, pairs, epochs=4, loss=loss, optimizer=optimizer)
    protocol[name] = training.predict(network, seen / light)
    steps[name] = [np.sqrt(np.mean((a - b) ** 2)) for a, b in zip(network.get_weights(), before, strict=True)]

# %%
print(f"{'':18} on camera   output's spread   change (rms) of kernels 1, 2, 3 and of biases 1, 2, 3")
protocol_dB = {name: compare.psnr(x, camera, data_range=1) for name, x in protocol.items()}
for name, x in protocol.items():
    change = " ".join(f"{c:8.1e}" for c in steps[name][::2] + steps[name][1::2]) if name in steps else ""
    print(f"{name:18} {protocol_dB[name]:6.2f} dB {x.std():14.4f}      {change}")

# %% [markdown]
r"""
**What to see.** *As written*, the network returns one grey for the whole picture, and not even the best one; only the last bias has moved. Two reasons, on top of each other.

- **Sum or mean.** The authors' software, Caffe, *sums* the squared errors over a patch's pixels and halves them; Keras takes their *mean*. With 21 × 21 pixels that is a factor of 441 / 2 in each gradient: a rate of $10^{-4}$ there is one of about 0.02 here.
- **A start that is next to nothing.** The gradient of the first layer is a product that contains the weights of the other two. At 0.001 each, it is nearly zero. The last bias alone has no other weight in its way. *Loss summed* it does reach the best constant, nearly, and stays there.

The authors trained for very much longer than four epochs. With He's start no layer is next to nothing, and Adam divides each gradient by its own usual size: so neither factor matters. A *rate* means nothing without the loss, the start and the optimiser it belongs to.

## 7 · First experiment: trained on pictures, used on a microscope

The report from which this course grew (chapter 8, section 9) did just that, and called the result very poor. Let us see. The stack is the course volume: wide-field, 32 planes in the default size, of a simulated cell with microtubules, and a stack of the same cell as structured illumination microscopy (**SIM**) would give, with about twice the resolution and noise of its own. The network takes it plane by plane.

The two stacks differ in unit: SIM got a tenth of the light. A **normaliser**, an offset to take off and a scale to divide by, brings a stack into the range that a network expects; both stacks get one, fitted on the planes for training only (section 8 says which), and are thereby on one scale. Without this a score is partly one of units:
"""

# %%
n_planes = bundle.stack.shape[0]
parts = training.split_blocks(n_planes, guard=training.psf_depth(bundle.psf))
widefield, sim, normaliser = srcnn_recipes.matched_sim(bundle, parts.training)
photons = bundle.camera.photons
unmatched_dB = compare.psnr(widefield.data[parts.test], photons(bundle.reference).data[parts.test])
by_pictures = widefield.with_data(training.predict(natural.model, widefield, normaliser=normaliser))
print(f"wide-field against SIM, as they come: {unmatched_dB:.2f} dB")

# %% alt="A test plane of the stack: wide-field, hazy; after the network trained on pictures, crisper grain, as much haze; and SIM, thin filaments on black."
plane = (parts.test.start + n_planes) // 2
three = {"wide-field": widefield, "SRCNN, trained on pictures": by_pictures, "SIM": sim}
micrometres = {"step": widefield.voxel_size[1:], "xlabel": "x (µm)", "ylabel": "y (µm)"}
scaled = {name: np.clip(normaliser(stack.data[plane]), 0, 1) for name, stack in three.items()}
plots.pictures(scaled, **micrometres, unit="part of the range", cmap="inferno")

# %% [markdown]
r"""
**What to see.** Filaments are crisper, grain is gone. But the haze is all there. Why? Compare what the network was trained with, and what it met here: how bright the pixels are, and how fine their structure is.
"""

# %%
kinds = {"pictures, sharp": [srcnn_recipes.natural_image(name) for name in srcnn_recipes.TRAINING]}
kinds |= {name: normaliser(stack.data[parts.test]) for name, stack in three.items()}
bins, histograms, spectra = np.linspace(-0.2, 1.2, 57), {}, {}
for name, images in kinds.items():
    values = np.concatenate([image.ravel() for image in images])
    histograms[name] = bins[:-1] + 0.0125, np.histogram(values, bins, density=True)[0] + 1e-4
    print(f"{name:28} mean {values.mean():.2f} of the range, kurtosis {kurtosis(values, fisher=False):5.1f}")

# %% alt="Histograms: pictures spread over the whole range; wide-field sits at low values with a tail; SIM is a sharp peak near zero."
plots.lines(histograms, xlabel="brightness, part of the range", ylabel="density", log=True, ylim=(3e-3, 30))

# %%
side = 96
radius = np.rint(np.hypot(*np.meshgrid(*[fft.fftfreq(side) * side] * 2))).astype(int).ravel()
fade = np.hanning(side)[:, None] * np.hanning(side)  # so that the crop's border makes no cross
for name, images in kinds.items():
    crops = np.stack([image[-side:, -side:] for image in images])
    power = np.abs(fft.fft2((crops - crops.mean(axis=(1, 2), keepdims=True)) * fade)) ** 2
    radial = np.bincount(radius, power.mean(axis=0).ravel()) / np.bincount(radius)
    spectra[name] = np.arange(1, side // 2) / side, radial[1 : side // 2]

# %% alt="Power spectra: the network's output follows SIM from a tenth of a cycle a pixel on, but at the lowest frequencies it stays with the wide-field stack, far above SIM."
plots.lines(spectra, xlabel="spatial frequency (1/pixel)", ylabel="power, brightness in parts of the range", log=True)

# %% [markdown]
r"""
**What to see.** Pictures use the whole range; a cell's plane is dark, with a few bright lines. The *kurtosis* puts it in a number: 3 for a bell curve, more for values that are mostly nothing and seldom much. From wide-field to SIM it must rise many times over: haze must become black. The network hardly raises it.

The spectra say where it fails. In the middle and at the fine end the network's output lies *on* SIM's: blur and noise are undone as they should be. At the left end, the coarse one, it stays with the wide-field stack, far above SIM: that is the haze. It never met any: its pictures were blurred within their plane, *where light stays in its plane*. A network learns the task that it is shown, not the one that one has in mind.

## 8 · Second experiment: trained on the microscope

So show it the task: wide-field planes in, SIM planes out. On which planes is it trained, on which tested? Light of one plane is spread over its neighbours. A network tested next to where it was trained is tested on what it has seen, blurred. Between the two there must be a **guard band** that neither uses, as deep as the PSF.

### Exercise 4: the split

`n_planes` in all. The last `n_test` are for the test, the `guard` planes before these for nothing, all others for training. Give `(training, test)` as arrays of plane numbers.
"""


# %%
def block_split(n_planes, n_test, guard):
    """(training, test): the numbers of the planes of both parts, with a guard band between them."""
    # <solution> two ranges, the guard band between them
    test = np.arange(n_planes - n_test, n_planes)
    training = np.arange(n_planes - n_test - guard)
    return training, test
    # </solution>


# %% tags=["check"]
checks.block_split(block_split)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Begin at the end: which plane is the first of the test? Which is the last for training, if `guard` planes lie between them?

</details>

<details><summary>Hint 2</summary>

Of `a` and `b`, `b - a - 1` planes lie between. `np.arange(n)` ends at `n - 1`.

</details>

{{solution}}
"""

# %%
print(f"the PSF is brighter than a tenth of its peak over {training.psf_depth(bundle.psf)} planes")
for what, planes in parts._asdict().items():
    print(f"{what:10} planes {planes.start} to {planes.stop - 1}")

# %% [markdown]
r"""
The course's own split keeps a third block, for validation, with a guard band on each side.

The training itself is like that of section 4, with 3200 patches and 12 epochs. Its weights come along; they were trained on the volume of the default size. (Seed 0; best epoch by the validation planes. With another `size` the volume is another cell.)
"""

# %%
microscopy = training.Trained(*srcnn_recipes.microscopy()) if TRAIN else training.pretrained("srcnn-microscopy")
by_microscopy = widefield.with_data(microscopy(widefield))
print("the report trained its SRCNN for about 6 minutes, on a GTX 1060")
print("here: {epochs} epochs of {patches}".format(**microscopy.card))

# %% [markdown]
r"""
Its opponent is Richardson–Lucy, chapter 4. That gets the whole stack and the PSF in 3D, and is stopped where the test planes say it is best, for each column anew: better than anyone could do in practice.

All are scored after an **affine match**: of all $a x + c$, the one nearest to the reference is compared with it, so that neither unit nor background counts. The row *constant* is for an estimate without any structure. Matched, it becomes the reference's mean: what one scores for knowing nothing.
"""

# %%
y, background = np.maximum(widefield.data, 0), find_background(widefield)
A_stack = formation.forward(bundle.psf, y.shape, xp=xp)
view = operators.crop(y.shape, A_stack.shape_in, xp=xp)
run = biggs_andrews(y, A_stack, n_iter=rl_iterations, background=background)
lucy = [np.asarray(view(x))[parts.test].copy() for x in run]

# %%
references = {"SIM": sim.data[parts.test], "truth": bundle.truth.data[parts.test]}
stack_dB, methods = {}, {"constant": [0 * lucy[0]], "wide-field": [widefield.data[parts.test]]}
methods |= {"SRCNN, natural": [by_pictures.data[parts.test]], "SRCNN, microscopy": [by_microscopy.data[parts.test]]}
print(f"{'dB, after an affine match':26}" + "".join(f"against {name:8}" for name in references))
for name, tried in (methods | {"Richardson–Lucy, best": lucy}).items():
    for against, reference in references.items():
        scores = [compare.psnr(compare.match_affine(x, reference), reference) for x in tried]
        stack_dB[name, against] = max(scores)
    print(f"{name:26}" + "".join(f"{stack_dB[name, against]:11.2f}     " for against in references))

# %% alt="PSNR of Richardson–Lucy against iterations: against SIM it rises to the network's level and turns; against the truth it goes on well above the network's."
iterations, curves = np.arange(1, rl_iterations + 1), {}
for against, reference in references.items():
    scores = [compare.psnr(compare.match_affine(x, reference), reference) for x in lucy]
    curves[f"Richardson–Lucy, against {against}"] = iterations, np.array(scores)
    level = stack_dB["SRCNN, microscopy", against]
    curves[f"SRCNN, against {against}"] = iterations, np.full(rl_iterations, level)
plots.lines(curves, xlabel="iterations (with momentum)", ylabel="PSNR, matched (dB)")

# %% alt="A test plane: wide-field, hazy; SRCNN trained on the microscope, thin filaments on black, nearly as SIM; SIM; and the truth, thinner still."
four = {"wide-field": widefield, "SRCNN, microscopy": by_microscopy, "SIM": sim}
scaled = {name: np.clip(normaliser(stack.data[plane]), 0, 1) for name, stack in four.items()}
scaled["truth"] = np.clip(bundle.truth.data[plane] / np.percentile(bundle.truth.data, 99.8), 0, 1)
plots.pictures(scaled, **micrometres, unit="part of the range", cmap="inferno")

# %% [markdown]
r"""
**What to see.** The same 8 129 numbers, another training, and ten decibels. Haze is gone, filaments are thin. *Against SIM* the network is about level with Richardson–Lucy at its best, in one pass, from one plane at a time, without the PSF. *Against the truth* Richardson–Lucy is well ahead, if it is stopped in time and the PSF is exact: it has all planes and the physics, while the network has
learnt to imitate SIM, with SIM's own blur. That the first column alone would call it a draw is a warning: agreement with SIM is not accuracy.

The report trained an SRCNN on microscopy, too, and gave it a PSNR. That number **cannot be compared** with ours, nor with those beside it: chapter 8, sections 9 and 10, goes through its reasons, one by one. Two of them can be tried on our own planes. Wide-field and SIM were not brought to one scale: our wide-field stack alone loses several decibels that way (section 7). And
the PSNR of one plane was set beside that of a volume: a plane has its own range, smaller than the volume's, and mostly comes out lower.
"""

# %%
restored_planes = compare.match_affine(by_microscopy.data[parts.test], references["SIM"])
plane_dB = [compare.psnr(x, reference) for x, reference in zip(restored_planes, references["SIM"], strict=True)]
print(f"PSNR of the test planes, each with its own range: {min(plane_dB):.1f} to {max(plane_dB):.1f} dB")
print(f"PSNR of all of them as one volume: {stack_dB['SRCNN, microscopy', 'SIM']:.1f} dB")

# %% [markdown]
r"""
## 9 · What does a leak bring?

Everybody says that training next to the test flatters. How much? One can *measure* it: train twice, on as many planes each, once far away behind the guard band, once on every second plane, and test both on the planes in between. And again with another seed, for a difference means something only beside the differences that chance makes.
"""

# %%
between = np.arange(parts.test.start + 1, n_planes, 2)
choices = {"behind the guard band": np.arange(n_planes)[parts.training]}
choices["beside the test"] = np.sort(np.arange(between[-1] - 1, -1, -2)[: len(choices["behind the guard band"])])
for name, planes in choices.items():
    print(f"{name:22} trained on planes {planes.tolist()}, tested on {between.tolist()}")

# %%
leak_dB = {}
for seed in (0, 1):
    for name, planes in choices.items():
        pairs, _, scale = srcnn_recipes.microscopy_data(bundle, planes, parts.validation, count=leak_patches, seed=seed)
        network = srcnn.srcnn(seed=seed)
        training.fit(network, pairs, epochs=leak_epochs, loss="mse", seed=seed)
        x = training.predict(network, widefield.data[between], normaliser=scale)
        leak_dB[name, seed] = compare.psnr(compare.match_affine(x, sim.data[between]), sim.data[between])

# %%
for name in choices:
    print(f"{name:22}" + "".join(f"   seed {seed}: {leak_dB[name, seed]:.2f} dB" for seed in (0, 1)))
far, near = (np.array([leak_dB[name, seed] for seed in (0, 1)]) for name in choices)
chance = max(np.ptp(far), np.ptp(near))
print(f"beside the test: {np.mean(near - far):+.2f} dB on average; another seed alone: up to {chance:.2f} dB")

# %% [markdown]
r"""
**What to see.** The leak brings little: after so short a training, another seed may do as much. Is the guard band a superstition, then? No: 8 129 weights cannot learn nine planes by heart, and this network looks at 13 × 13 pixels at a time. A network of millions of weights can. *That the leak is small here one may say only because it was measured*; who did not measure it keeps the band.

## 10 · Along z

SRCNN is two-dimensional: it sees one plane, and nothing above or below. So it cannot undo the blur along z. True? A cell that neither network has seen, in another place and with another seed, and sections across its planes.
"""

# %%
voxel, draw = widefield.voxel_size, np.random.default_rng(66)
n = round(70 * cell_shape[1] * cell_shape[2] / 192**2)
cell = filaments(tuple(cell_shape), voxel, n=n, photons=2.4e5, rng=draw)
seen = photons(formation.acquire(cell, bundle.psf, bundle.camera, background=10, rng=draw))
half = optics.gaussian_psf(replace(bundle.optics, wavelength=bundle.optics.wavelength / 2), (15, 15, 15), voxel)
dim = cell.with_data(0.1 * cell.data)  # SIM: a PSF half as wide, a tenth of the light
views = {"wide-field": seen}
views["SRCNN, natural"] = seen.with_data(training.predict(natural.model, seen, normaliser=normaliser))
views["SRCNN, microscopy"] = seen.with_data(microscopy(seen))
views["SIM"] = photons(formation.acquire(dim, half, bundle.camera, background=1, rng=draw))
views["truth"] = cell

# %% alt="xz sections: wide-field shows hourglasses over dark; the network trained on pictures the same; the one trained on the microscope spots nearly as short as SIM's; the truth dots."
row, across = cell_shape[1] // 4, min(cell_shape[2], 80)
xz = {name: stack.data[:, row, :across] / np.percentile(stack.data, 99.8) for name, stack in views.items()}
labels = {"step": voxel[::2], "xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "part of the range", "cmap": "inferno"}
plots.pictures({name: np.clip(image, 0, 1) for name, image in xz.items()}, **labels)

# %%
reach = 5
middle = cell.data[reach:-reach]
z, *yx = np.nonzero(middle >= np.percentile(middle, 99.5))  # where a filament is brightest
offsets, along_z = np.arange(-reach, reach + 1), {}
for name, stack in views.items():
    light_at = np.array([stack.data[z + reach + d, *yx].mean() for d in offsets]) - np.median(stack.data)
    along_z[name] = voxel[0] * offsets, light_at / light_at[reach]

# %% alt="Mean light above and below filaments: wide-field and the pictures' network fall slowly; the microscopy network as fast as SIM; the truth fastest."
figure = plots.lines(along_z, xlabel="distance from a filament along z (µm)", ylabel="light, at the filament = 1")
figure.axes[0].legend(loc="upper right", frameon=False, fontsize=8)
figure

# %%
two_planes = {name: line[reach + 2] for name, (_, line) in along_z.items()}
for name, part_left in two_planes.items():
    print(f"{name:20} two planes from a filament: {part_left:.2f} of its light")

# %% [markdown]
r"""
**What to see.** For the network of the *pictures* it is true: the blur along z stays nearly as it was. But the one trained on the *microscope* has cut the hourglass of the PSF (chapter 2) down, to the length of its teacher's, SIM. From one plane! How? **A filament out of focus is wider.** Within its 13 × 13 pixels the network sees a thick, dim line, and has learnt that in SIM there was nothing there. It has not undone the blur
along z: it has learnt to recognise what does not belong to the plane, and to erase it. SIM's length remains: no student gets shorter than its teacher.

That is clever, and a loan: *thick and dim means out of focus* is a law of filaments. If this is how it works, it must fail on a specimen that is thick by itself.

## 11 · Another specimen in

Three specimens, imaged alike, as bright as the cell of the training: the new filaments, hollow shells, and nuclei. (Decibels after an affine match, range of each truth; one volume and one seed each.)
"""

# %%
shape = tuple(cell_shape)
bodies = {
    "filaments": cell,
    "shells": shells(shape, voxel, n=10, diameter=3, rng=draw),
    "nuclei": nuclei(shape, voxel, n=5, diameter=4, rng=draw),
}
imaged, other_dB = {}, {}
for name, body in bodies.items():
    expected = formation.expect(body, bundle.psf)
    expected = expected.with_data(expected.data * (normaliser.scale / np.percentile(expected.data, 99.9)) + 10)
    imaged[name] = photons(bundle.camera.expose(expected, draw))

# %%
print(f"{'dB against the truth':22}{'wide-field':>14}{'pictures':>14}{'microscopy':>14}{'contrast left':>18}")
for name, y in imaged.items():
    results = {"wide-field": y.data, "pictures": training.predict(natural.model, y, normaliser=normaliser)}
    results["microscopy"] = microscopy(y)
    for network, x in results.items():
        other_dB[name, network] = compare.psnr(compare.match_affine(x, bodies[name]), bodies[name])
    left = results["microscopy"].std() / y.data.std()
    print(f"{name:22}" + "".join(f"{other_dB[name, n]:14.2f}" for n in results) + f"{left:18.2f}")

# %% alt="Shells: wide-field, after the network trained on filaments, and the truth. After the network one thin ring remains."
level, after = shape[0] // 2, {}
for name in ("shells", "nuclei"):
    stacks = {"wide-field": imaged[name], "SRCNN": imaged[name].with_data(microscopy(imaged[name]))}
    after |= {f"{name}, {what}": np.clip(normaliser(stack.data[level]), 0, 1) for what, stack in stacks.items()}
    true = bodies[name].data
    after[f"{name}, truth"] = np.clip(true[level] / np.percentile(true, 99.8), 0, 1)
above, below = ({n: x for n, x in after.items() if n.startswith(name)} for name in ("shells", "nuclei"))
plots.pictures(above, **micrometres, unit="part of the range", cmap="inferno")

# %% alt="Nuclei: wide-field, after the same network, and the truth. After the network only dim grain remains."
plots.pictures(below, **micrometres, unit="part of the range", cmap="inferno")

# %% [markdown]
r"""
**What to see.** On new filaments the network is as good as in its test. On shells it still gains, for a shell cut across is a thin line; but of this plane only the brightest, sharpest ring is left. **Nuclei it erases**: they are wide and even, just what it has learnt to call haze. The last column says how much: the contrast that is left. (Haze that was rightly taken away counts as lost contrast, too: filaments, a success, keep about a half.) The decibels say less, for matching turns the brightness up again before it compares. Nothing in the picture warns you: it is dark, as
good sections are. Richardson–Lucy could not have done that: it keeps the light.

So a network's result is worth as much as the likeness of the specimen to that of its training. Ask for the card, and test with a specimen of your own kind whose truth is known, as here.

## 12 · What can go wrong

**Zeros at the rim.** The same weights, the same picture; once continued by reflection in front, once with `padding="same"`, zeros in front of each layer:
"""

# %%
configs = [layer.get_config() | {"padding": "same"} for layer in natural.model.layers[-3:]]
same = keras.Sequential([keras.Input((None, None, 1)), *map(keras.layers.Conv2D.from_config, configs)])
same.set_weights(natural.model.get_weights())
flat = np.full((1, 64, 64, 1), 0.5, np.float32)
line = same.predict_on_batch(flat)[0, 32, :, 0] / natural.model.predict_on_batch(flat)[0, 32, :, 0]
reached = int(np.argmin(np.abs(line - 1) > 1e-3))
print(f"an even picture of one half: at the rim {line[0]:.2f} of what it should be; right from pixel {reached} on")

# %% alt="An even picture along x with zeros at the rim: dark at both ends and wavering for six pixels, even between."
plots.lines({"zeros in front of each layer / reflection": (np.arange(64), line)}, xlabel="x (pixel)", ylabel="ratio")

# %% [markdown]
r"""
The zeros are a black frame, and the network takes it for part of the picture, as far as it sees: half of its receptive field.

| symptom | cause | fix |
|---|---|---|
| rim too dark or too bright, over six pixels | `padding="same"`: zeros | pad once, by reflection; or tiles that overlap, as `training.predict` |
| output moved by some pixels | label cropped at a corner | exercise 2 |
| output one even grey | start next to zero, rate of another loss | He's start, Adam (section 6) |
| gradient 220 times that of the paper, or the 220th part | sum and half, or mean (section 6) | state which; the rate belongs to it |
| loss becomes NaN with a PSNR loss | an empty or perfect patch | ε, drop empty patches (exercise 3) |
| only the last plane looks good | training step outside of the loop | count the steps |
| splendid on the test, poor on the next stack | test beside the training; another specimen, light or PSF | guard band; train on a range; section 11 |
| negative decibels, or oddly few | two units | `compare.match_affine`, and say so |
| brightness differs from tile to tile | each tile normalised by itself | one normaliser, fitted in training, kept with the model |

## Remember

- SRCNN is three convolutions and two rectifiers: 8 129 numbers, 13 pixels of sight.
- A recipe is loss, start, optimiser and rate *together*.
- A network learns the task it is shown. Pictures taught it edges; only the microscope taught it haze.
- It may beat methods that know the PSF, by knowing the specimen. Then it knows *that* specimen, at *that* light.
- Guard band, one scale, a stated range, several seeds: or the figure says nothing.

<details><summary>1. A 2D network makes the xz section of your stack shorter. Has it deconvolved along z?</summary>

No. It has learnt from its teacher which lateral shapes belong to another plane, and removes them. For what looks the same in and out of focus, a wide even body, it has no way to know.

</details>

<details><summary>2. Why do two networks with the same loss on their training patches differ on your stack?</summary>

The patches do not fix the weights. Outside of what they show, light, PSF, structure, each network goes on in its own way: another seed, another answer. So train several, and look where they differ (chapter 7).

</details>

<details><summary>3. Your network's output is less noisy than the SIM stack it was trained with. Is that possible?</summary>

Yes. The noise of the SIM stack cannot be predicted from the wide-field one, and the best answer under the MSE is the mean of all that may be. But the same mean blurs whatever is uncertain.

</details>

## References

- C. Dong, C. C. Loy, K. He and X. Tang, *ECCV 2014*, [doi:10.1007/978-3-319-10593-2_13](https://doi.org/10.1007/978-3-319-10593-2_13), and *IEEE Trans. Pattern Anal. Mach. Intell.* 38 (2016) 295, [doi:10.1109/TPAMI.2015.2439281](https://doi.org/10.1109/TPAMI.2015.2439281): SRCNN, 9-1-5 and 9-5-5.
- K. He, X. Zhang, S. Ren and J. Sun, *ICCV 2015*, [doi:10.1109/ICCV.2015.123](https://doi.org/10.1109/ICCV.2015.123): a start that lets deep networks learn.
- D. P. Kingma and J. Ba, *Adam*, [doi:10.48550/arXiv.1412.6980](https://doi.org/10.48550/arXiv.1412.6980).
- C. Belthangady and L. A. Royer, *Nat. Methods* 16 (2019) 1215, [doi:10.1038/s41592-019-0458-z](https://doi.org/10.1038/s41592-019-0458-z): what networks do to micrographs, and what to ask of them.
- D. P. Hoffman, I. Slavitt and C. A. Fitzpatrick, *Nat. Methods* 18 (2021) 131, [doi:10.1038/s41592-020-01035-w](https://doi.org/10.1038/s41592-020-01035-w): promise and peril.
"""

# %%
compare.write_results(
    "06",
    {
        "picture, blurred (dB)": picture_dB["blurred"],
        "picture, Wiener (dB)": picture_dB["Wiener"],
        "picture, Richardson–Lucy (dB)": picture_dB["Richardson–Lucy"],
        "picture, SRCNN (dB)": picture_dB["SRCNN"],
        "picture, Richardson–Lucy with total variation (dB)": picture_dB["RL with total variation"],
        "picture, SRCNN 9-1-5 of section 4 (dB)": picture_dB["SRCNN 9-1-5, section 4"],
        "picture, SRCNN 9-5-5 of section 4 (dB)": picture_dB["SRCNN 9-5-5, section 4"],
        "paper's protocol in Keras (dB)": protocol_dB["as written"],
        "the same, He's start and Adam (dB)": protocol_dB["He's start, Adam"],
        "wide-field against SIM, unmatched (dB)": unmatched_dB,
        "wide-field against SIM (dB)": stack_dB["wide-field", "SIM"],
        "SRCNN of pictures against SIM (dB)": stack_dB["SRCNN, natural", "SIM"],
        "SRCNN of microscopy against SIM (dB)": stack_dB["SRCNN, microscopy", "SIM"],
        "Richardson–Lucy against SIM (dB)": stack_dB["Richardson–Lucy, best", "SIM"],
        "SRCNN of microscopy against the truth (dB)": stack_dB["SRCNN, microscopy", "truth"],
        "Richardson–Lucy against the truth (dB)": stack_dB["Richardson–Lucy, best", "truth"],
        "planes beside the test, gain (dB)": float(np.mean(near - far)),
        "two planes from a filament, wide-field": two_planes["wide-field"],
        "two planes from a filament, SRCNN of microscopy": two_planes["SRCNN, microscopy"],
        "nuclei, SRCNN of microscopy, gain (dB)": other_dB["nuclei", "microscopy"] - other_dB["nuclei", "wide-field"],
        "filaments, SRCNN of microscopy, gain (dB)": other_dB["filaments", "microscopy"]
        - other_dB["filaments", "wide-field"],
        "rim with zeros (ratio)": line[0],
    },
)
