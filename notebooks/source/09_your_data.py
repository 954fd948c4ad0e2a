# ---
# jupyter:
#   course:
#     profiles:
#       test: {MOST: 6, CORE: [16, 40, 40], TRIED: 8}
#       report: {MOST: 60}
#     bands:
#       embedded stacks that are refused (of 5): [1, 1]
#       spoiled stacks that are refused (of 10): [10, 10]
#       largest saturated share that passes (%): [0, 0.011]
#       PSNR as taken above saturated (dB): [0.02, 8]
#       exponent of brightness, as taken: [0.3, 1.15]
#       exponent of brightness, saturated: [0.25, 1.0]
#       exponent of brightness, deconvolved twice: [0.7, 2.6]
#       run repeated from its JSON, difference / maximum: [0, 1.0e-4]
#       layers made by one wrong plane (spread / without it): [1.5, 30]
#       light in the result (ratio): [0.8, 1.3]
#       report page (MB): [0.05, 10]
#       time of the run / estimated (ratio): [0.1, 10]
# ---

# %% [markdown]
r"""
# 9 · Your data

A folder on a shared drive: `cell3_final_export2.tif`. It is somebody's months of work, and it may be an 8-bit export for a talk. Deconvolution would not complain. It sharpens whatever it is
given, and what it makes of a cut-off peak or of a missing pixel looks like biology. So this chapter asks first and computes later. It takes one TIFF from the question *what is this?* to a result that
somebody else can repeat.

**After this notebook you can**

- say whether a stack is fit for deconvolution, and what was done to one that is not;
- write down what is known of the microscope, and see what follows from it;
- try methods on a small part, choose one without a truth, and tell what the whole will cost;
- judge a result without a truth;
- write a methods paragraph that nobody has to ask about.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 1, 2 and 4; a TIFF of your own, or the course's cell | 50–70 minutes | ½–2 minutes in all | 0.7 GB |

*Previous: [the comparison](08_comparison.ipynb). Short of time? Sections 1 to 3, 6, 7 and 9; run the cells of 8 unread.*
"""

# %% tags=["setup"]
# %matplotlib inline
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

import data_fetch
from course_utils import checks, compare, optics, plots, widgets, your_data
from course_utils.deconvolve import deconvolve
from course_utils.stack import Stack

rng = np.random.default_rng(9)

# %% [markdown]
r"""
*Only want the run?* Open `solutions/09_your_data.ipynb`: there the exercises are solved, and *Run All* does not stop at them.

To take your own stack, write its name into `PATH`, and into `GIVEN` what you know and the file does not, by the names of the form below:
`GIVEN = {"voxel_size": (0.2, 0.08, 0.08), "NA": 1.4, "wavelength": 0.52, "n_specimen": 1.515, "gain": 2.2, "offset": 100}`. Lengths are in µm; `n_specimen` is the index of what the specimen is mounted in (water, 1.33, if nothing is said: then no more than NA 1.33 is used); the gain is in counts per photon (datasheets often give the inverse, electrons per count), and no use without the offset. What you give stands, even where the file says otherwise. With an empty `PATH` the notebook takes one of the course's own stacks; it needs no network.
"""

# %% tags=["parameters"]
PATH = ""  # a TIFF of your own; empty: SAMPLE
SAMPLE = "lattice-cell"  # "lattice-cell", "capstone", "microtubules", "widefield-bead"; "nuclei" is refused
PSF_PATH = ""  # a TIFF with one bead, under the same microscope; empty: the sample's PSF, or one from the optics
GIVEN = {}  # what you know
METHOD = "auto"  # or "rl", "rl-tv", "rl-fast"
N_ITER = "auto"  # or a number
MOST = 25  # iterations that the preview tries
CORE = (24, 48, 48)  # voxels of the preview
TRIED = 36  # iterations on the spoiled stacks of the last section
OUT = "results/your_data"  # where the result and its report are written

# %% [markdown]
r"""
## 1 · What is in the file?

`find` reads the stack, and with it what the file tells of the microscope. (An OME-TIFF may hold NA, wavelengths and the kind of microscope; most files hold only the voxel, and some not even that: then the cell stops and says
which argument is missing.)
"""

# %%
names = {"path": PATH, "sample": "" if PATH else SAMPLE, "psf_path": PSF_PATH}
told = {"method": "rl" if METHOD == "auto" else METHOD, "n_iter": N_ITER}
source = your_data.find(your_data.given_settings(GIVEN, **names, **told), given=GIVEN)
print(source.stack)
for name, fact in source.facts.items():
    print(f"{name}: {fact}")

# %% alt="The stack as it was measured, as maximum projections along the three axes."
plots.sections({"as measured": source.stack}, projection=True, unit="counts")

# %% [markdown]
r"""
**What to see.** Maximum projections: each pixel is the brightest voxel behind it. They show the whole volume at once, and are no data: what lies above what is lost in them, and the noise of many planes has become one bright haze.

## 2 · What is known of the microscope?

The form shows what was found. Correct it, or leave it: an answer that cannot be right changes nothing, and the line below says why. Empty means *not known*, and that is an answer too.
"""

# %%
form = your_data.Form(source.settings)
widgets.form(form)

# %% [markdown]
r"""
The same without a form, as the answers stand now. From here on, the notebook uses these.
"""

# %%
form.report()

# %%
print("\n".join(form.summary()))

# %%
source = your_data.find(form.settings, fill=False)
stack, settings = source.stack, source.settings
psf = your_data.make_psf(source)
print(source.psf_from, psf, sep=": ")

# %% [markdown]
r"""
## 3 · Is it fit?

Deconvolution believes four things of a stack: that its values are *light times a constant, plus a constant*; that none of them was cut off; that its noise is that of photons, new in each voxel; and that its voxels are fine enough. One can look
for traces of each, and `examine` does:
"""

# %%
found = your_data.examine(stack, settings, psf)
found

# %% [markdown]
r"""
Some rows need a word. *Fill*: blocks of one constant value, such as a straightening leaves in the corners. *Floor*: scattered voxels that all have the least value, where noise was cut off below. *8 × 8 blocks*: by how much more neighbours differ every eighth pixel; lossy compression does that, and enlarging by interpolation may. *Noise*: its *whiteness* is its power at the very finest detail over that at somewhat coarser (1 if it is new in each voxel), *planes alike* its correlation from a plane to the next (0 if so).

**OK** says no more than that nothing was found. **Careful** names something to keep in mind. **Refused** is what no method can put right: the next cell stops, with the reasons, and that is the end of this notebook for such a file. Go back to the raw one.
"""

# %%
found.refuse()

# %% [markdown]
r"""
One remark asks for something at once. A plane at an end may be without its light: a shutter was late, or the straightening of the stack mixed the plane with the fill. `even_planes` leaves out those whose light falls faster than the PSF lets it, for deconvolution would have to explain a change that is no light (section 10 shows what comes of it). With the course's cell it is the first one. The settings keep what was done, and a PSF that is computed is made anew, for it depends on the number of planes.
"""

# %%
start = settings.planes[0] if settings.planes else 0
planes, n = tuple(start + plane for plane in your_data.even_planes(stack, psf)), stack.shape[0]
if planes[1] - planes[0] < n and "planes" not in GIVEN:
    source = your_data.find(replace(settings, planes=planes), fill=False)
    stack, settings, psf = source.stack, source.settings, your_data.make_psf(source)
    print(f'{n - stack.shape[0]} left out; to keep all {n}: GIVEN = {{"planes": ({start}, {start + n}), …}}')
first, stop = settings.planes or (0, n)
print(f"used: planes {first + 1} to {stop} of the file, the first being 1: {stack}")

# %% [markdown]
r"""
What stands behind two of the rows? Write them.

### Exercise 1: the saturated share

A camera of 12 bits ends at 4095: brighter voxels show 4095. Give back the share of voxels that are cut off. (`full` is the largest value that *the camera* can give. The brightest voxel of a dim stack is not saturated, and a file of 16 bits says nothing of the camera.)
"""


# %%
def saturated_share(counts, full):
    """The share of voxels, from 0 to 1, that are at the camera's largest value."""
    # <solution> count the voxels at the largest value, and divide by all
    return np.mean(counts >= full)
    # </solution>


# %% tags=["check"]
checks.saturated_share(saturated_share)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`counts >= full` is True where a voxel is cut off.

</details>

<details><summary>Hint 2</summary>

The mean of True and False is the share of True.

</details>

{{solution}}

Often nobody remembers what `full` was, or an export has changed it. `examine` therefore looks for a *spike*: in a stack that was not cut off, the brightest values get rarer and rarer up to the last; where it was, the last one is far too common.

### Exercise 2: how coarse?

Chapter 2 gave the cut-offs of an objective: $2\,\mathrm{NA}/\lambda$ across, and $(n - \sqrt{n^2 - \mathrm{NA}^2})/\lambda$ along z. Two voxels must go to the finest period: Nyquist's step is 1 / (2 · cut-off). Give back how many of these steps a voxel is, first along z, then across (there the coarser of `dy` and `dx` decides): above 1, detail is lost.
"""


# %%
def coarseness(voxel_size, NA, wavelength, n):
    """Voxel / Nyquist's step, (along z, across); lengths in µm, n the index of the immersion."""
    # <solution> divide the voxel by the steps that the two cut-offs ask for
    dz, dy, dx = voxel_size
    axial = (n - np.sqrt(n**2 - NA**2)) / wavelength
    lateral = 2 * NA / wavelength
    return 2 * axial * dz, 2 * lateral * max(dy, dx)
    # </solution>


# %% tags=["check"]
checks.coarseness(coarseness)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The step is `1 / (2 * cutoff)`, so the voxel over the step is `2 * cutoff * voxel`.

</details>

<details><summary>Hint 2</summary>

`max(dy, dx)` for across.

</details>

{{solution}}

Why is too coarse worse than blurred? What is finer than two voxels does not vanish: it comes back as something coarser that is not there (*aliasing*), and since the PSF, sampled as coarsely, is wrong in the same way, deconvolution sharpens that too. Up to 1.5 the notebook only warns: an OTF is weak near its end, and little is there to come back.

## 4 · The course's stacks, and ten that were spoiled

All the stacks that come with the course:
"""

# %%
samples = ("lattice-cell", "widefield-bead", "capstone", "microtubules:small", "nuclei")
sources = {name: your_data.find(your_data.Settings(sample=name)) for name in samples}
with_psf = {name: your_data.make_psf(s) for name, s in sources.items() if s.psf or s.settings.optics}
verdicts = {name: your_data.examine(s.stack, s.settings, with_psf.get(name)) for name, s in sources.items()}
your_data.verdicts(verdicts)

# %% [markdown]
r"""
**What to see.** The nuclei are refused: a sharp and clean picture, and no photon counts. Somebody stretched their contrast to fill 16 bits, and many values never occur. (As a *specimen* to blur, it is as good as any: that is what the course uses it for.) All others pass, some with a remark.

The row *photons* holds a trap. Where the gain is not known, it is estimated from the noise: counts whose variance is as large as photons' would be. In a stack that was straightened, averaged or smoothed noise is too weak, and there seem to be too many photons: the bead, each voxel of which is the mean of many, is said to have two hundred thousand.

Now take the microtubules, which are fit, and spoil them, each in a way in which real files are spoiled:
"""

# %%
volume, known = data_fetch.load("microtubules", size="small"), sources["microtubules:small"].settings
counts, (dz, dy, dx) = volume.stack.data, volume.stack.voxel_size
low, high = np.percentile(counts, (0.5, 99.5))
eight_bits = np.clip(np.rint(255 * (counts - low) / (high - low)), 0, 255)
level = np.rint(np.percentile(counts, 20))
sharp = deconvolve(volume.stack, volume.psf, method="rl-fast", n_iter=TRIED, progress=False)

# %%
spoiled = {
    "saturated": np.minimum(counts, np.rint(np.percentile(counts, 99))),
    "stretched to 8 bits": eight_bits,
    "8 bits, stored as 16": 257 * eight_bits,
    "contrast bent (gamma 0.6)": np.rint(4095 * (counts / counts.max()) ** 0.6),
    "clipped at zero": np.maximum(counts - level, 0),
    "background subtracted": counts - level,
    "already deconvolved": sharp.data,
}

# %%
spoiled = {name: volume.stack.with_data(data) for name, data in spoiled.items()}
spoiled["every second pixel missing"] = Stack(counts[:, ::2, ::2], (dz, 2 * dy, 2 * dx))
spoiled["maximum projection"] = volume.stack.with_data(volume.stack.max_projection(0)[None])
spoiled["averaged over 3 × 3 × 3"] = volume.stack.with_data(ndimage.uniform_filter(counts, 3))

# %%
refusals = {name: your_data.examine(bad, known) for name, bad in spoiled.items()}
your_data.verdicts(refusals)

# %% [markdown]
r"""
Two more never become a stack. The reader refuses them, for there is nothing to look at:
"""

# %%
with tempfile.TemporaryDirectory() as folder:
    for name, data in {"plane.tif": counts[8], "talk.tif": np.repeat(counts[8][..., None] / 3, 3, -1)}.items():
        path = Path(folder) / name
        tifffile.imwrite(path, np.uint8(data), photometric="rgb" if data.ndim == 3 else "minisblack")
        try:
            data_fetch.read_stack(path, (0.2, 0.08, 0.08))
        except ValueError as error:
            print(str(error).replace(str(path), name), end="\n\n")

# %% [markdown]
r"""
How much saturation passes? The rule allows one voxel in ten thousand. Cut the stack lower and lower:
"""

# %%
saturations = {}
for share in (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2):
    cut = volume.stack.with_data(np.minimum(counts, np.floor(np.quantile(counts, 1 - share))))
    cut_off = 100 * float(np.mean(cut.data == cut.data.max()))
    saturations[cut_off] = your_data.examine(cut, known)
    refused = "saturation" in saturations[cut_off].of("refused")
    print(f"{cut_off:7.4f} % at the maximum: {'refused' if refused else 'passes'}")

# %% [markdown]
r"""
## 5 · The PSF doctor

Is the PSF fit, too? The doctor of chapter 2 looks at it, on the grid of the stack:
"""

# %%
optics.examine(psf, stack.voxel_size, settings.optics)

# %% alt="The PSF: sections in xy and xz, its OTF, and its profile along z."
plots.psf_panels(psf)

# %% [markdown]
r"""
**What to see.** One spot, brightest in the middle, that is dark at all sides (of a wide-field PSF: at no end along z, since its halo never ends). Is it as wide as you would expect of this objective, $0.51\,\lambda/\mathrm{NA}$? If it is much wider, the bead was large or the objective is ill; if narrower, a voxel is wrong. With the course's cell, a
measured PSF must serve: nobody wrote down NA and wavelength, so that no other can be computed, and sampling is judged by its widths.

## 6 · A preview

One does not try methods on a whole stack. Where is most to be seen? `busiest` finds the places of most contrast. Move the slider to choose one; left alone, it stays at the first.
"""

# %%
places = your_data.busiest(stack, CORE)
views = [stack.with_data(stack.data[place]) for place in places]
limits = tuple(np.percentile([view.data for view in views], (1, 99.9)))  # of these places, not of the stack

# %%
choice = widgets.explore(
    lambda place: plots.sections({f"place {place}": views[place - 1]}, projection=True, limits=limits, unit="counts"),
    place=list(range(1, len(places) + 1)),
    description="Maximum projections of a place of high contrast.",
)
choice

# %% alt="Up to three places of high contrast, as maximum projections."
plots.sections(
    {f"place {i + 1}": view for i, view in enumerate(views[:3])}, projection=True, limits=limits, unit="counts"
)

# %%
place = places[widgets.chosen(choice)["place"] - 1]
print("z {}, y {}, x {}".format(*(f"{p.start}–{p.stop - 1}" for p in place)))

# %% [markdown]
r"""
### Exercise 3: the margin

Light enters a place from beside it: from as far as the PSF reaches. Cut out without that margin, the preview would put that light *into* the place. A PSF of `m` voxels (odd), its centre in the middle, reaches `m // 2` far. Write, for one axis of a stack of `n` voxels, where the part with its margin begins and ends (`start` belongs to the place, `stop` is the voxel after it, as in a slice). Do not leave the stack.
"""


# %%
def preview_window(start, stop, m, n):
    """(first, end) of the place and its margin along one axis."""
    # <solution> go out by the reach of the PSF on both sides, but not beyond the stack
    return max(start - m // 2, 0), min(stop + m // 2, n)
    # </solution>


# %% tags=["check"]
checks.preview_window(preview_window)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

On the left `start - m // 2`, on the right `stop + m // 2`. Where can they end up?

</details>

<details><summary>Hint 2</summary>

`max(…, 0)` and `min(…, n)`.

</details>

{{solution}}

In the course this is `your_data.with_margin`. Now the methods. They want photons: `settle` takes the camera's gain, or, where nobody measured it, the one that the noise suggests, and finds the background. Each method runs on half of the photons, and each of its estimates has to predict the other half (chapter 4): while it learns structure, the prediction gets better; when it begins to learn noise, worse.
"""

# %%
settled = your_data.settle(stack, settings)
photons, background = your_data.measured(stack, settled)
print(
    f"gain {settled.gain:.3g} counts a photon {settled.gain_from or '(measured)'}; background {settled.background:.3g} "
    f"photons, and with the variance of the read noise {background:.3g}"
)
trials = your_data.try_methods(photons, background, psf, place, most=MOST, rng=rng)

# %% alt="Error of the prediction of held-out photons against the number of iterations, one curve a method: falling, and where it stops to fall the iterations should stop."
curves = {name: (np.arange(1, MOST + 1), trial.scores) for name, trial in trials.items()}
plots.lines(curves, xlabel="iterations", ylabel="misfit of held-out photons, a voxel", log=True)

# %%
ends = {name: "still falling" if trial.n_iter == MOST else "found" for name, trial in trials.items()}
for name, t in trials.items():
    print(
        f"{name:8} best {min(t.scores):.4f} at iteration {t.n_iter} ({ends[name]}), {1000 * t.seconds:.0f} ms an iteration"
    )

# %% [markdown]
r"""
**What to see.** The lowest point of a curve is the number of iterations to take. *Still falling* says that there was none up to `MOST`. Then either more iterations would pay, or the rule fails: noise that was smoothed or interpolated predicts itself, and a PSF that is not quite right leaves something to fit for ever. The course's cell was straightened, its gain is a guess, and it is such a case: there the limit `MOST` decides, your eyes should, and the methods paragraph must say so. And where all curves still fall, the lowest is only the *fastest*: of runs that have not arrived, `rl-fast` (the line search of chapter 4) is the furthest, and `rl` and `rl-tv` (with total variation) lie on each other, above it.
"""

# %%
raw = photons.with_data(np.maximum(photons.data[place] - background, 0))
widgets.explore(
    lambda method: plots.sections(
        {f"{method}, {trials[method].n_iter} iterations": trials[method].estimate}, projection=True
    ),
    method=list(trials),
    description="The preview with the chosen method, as maximum projections.",
)

# %% alt="The preview as measured and after each method: sharper than the measured one, and a little different from one method to the next."
plots.sections({"as measured": raw, **{name: trial.estimate for name, trial in trials.items()}}, projection=True)

# %% [markdown]
r"""
**What to see.** What do all methods agree on? That is in the data. What only one of them shows is in the method. On the course's cell the last panel has the finest specks and the highest peaks: after as many iterations the fast method has gone furthest, also into what may be grain. Who prefers the picture of fewer iterations sets `METHOD` and `N_ITER`, and says "by eye". Each picture has its own colours: peaks get higher the more light is gathered.

With `METHOD = "auto"` the method that predicts best is taken. (A weight belongs to `rl-tv` alone; for the others it stays `auto`, and is not used.)
"""

# %%
method = min(trials, key=lambda name: min(trials[name].scores)) if METHOD == "auto" else METHOD
n_iter = trials[method].n_iter if N_ITER == "auto" else N_ITER
weight = your_data.weight_of(method, photons, background) if settings.weight == "auto" else settings.weight
settled = replace(settled, method=method, n_iter=n_iter, weight=weight)
print(f"{method}, {n_iter} iterations, weight {settled.weight}")

# %% [markdown]
r"""
## 7 · The whole stack

First the bill, from the time that the preview took:
"""

# %%
memory, estimated = your_data.cost(stack, psf, settled, trials[method], place)
print(f"about {memory / 1e9:.2g} GB of memory, and {estimated:.0f} s")

# %%
begin = time.perf_counter()
result = your_data.run(stack, psf, settled)
seconds = time.perf_counter() - begin
print(f"{seconds:.0f} s: {result}")

# %% alt="The whole stack before and after, as maximum projections: what was blurred has become small and bright."
before = photons.with_data(np.maximum(photons.data - background, 0))
plots.sections({"as measured": before, f"{method}, {n_iter} iterations": result}, projection=True)

# %% [markdown]
r"""
Where the memory does not suffice, `deconvolve` works in overlapping tiles, and says so.

## 8 · Is it right? What can be said without a truth

Three questions that real data can answer (chapter 8, section 11). **Does the estimate explain the data?** Blurred again, with the background, it should differ from them by photon noise alone, white and of variance 1. **Does it hold?** Two halves of the photons, each deconvolved on its own, should agree: to which fineness, the Fourier shell correlation says. **Is light kept?**
"""

# %%
white = trials[method].whiteness  # of the residual: its variance, and how much of it is structure (chapter 8: excess)
light = result.data.sum(dtype=float) / (photons.data - background).sum(dtype=float)
print(f"residual in the preview: variance {white.variance:.2f}, structure {white.excess:.1f} (1 and 1: noise alone)")
print(f"light in the result / light above the background: {light:.3f}")

# %%
window = your_data.with_margin(place, psf.shape, stack.shape)
part = photons.with_data(np.rint(photons.data[window]))
options = {
    "method": method,
    "n_iter": n_iter,
    "weight": settled.weight,
    "background": background / 2,
    "progress": False,
}
halves = compare.fsc_of_halves(part, lambda half: deconvolve(half, psf, **options), rng=rng)
raw_halves = compare.fsc_of_halves(part, lambda half: half, rng=rng)

# %% alt="Fourier shell correlation of two halves against frequency, lateral and axial, deconvolved and raw: near 1 at coarse detail, falling towards fine detail."
curves = {
    "deconvolved, lateral": halves.lateral, "deconvolved, axial": halves.axial,
    "raw, lateral": raw_halves.lateral, "raw, axial": raw_halves.axial,
}  # fmt: skip
fsc = plots.lines(
    {name: (c.frequency, c.value) for name, c in curves.items()},
    xlabel="frequency (1/µm)",
    ylabel="correlation of two halves",
    ylim=(-0.3, 1.05),
)
fsc

# %%
for name, c in curves.items():
    finest = (
        "beyond the finest that the voxels hold" if min(c.value) >= 1 / 7 else f"down to {c.resolution(1 / 7):.2f} µm"
    )
    print(f"{name:22} the halves agree {finest}")

# %% [markdown]
r"""
**What to see.** The deconvolved halves agree better than the raw ones, at fine detail most, and yet no light was added: agreement is not truth. Both halves were made with the same PSF, the same method and the same number of iterations, and whatever these put in is in both. The raw curves say where noise begins, if the noise is new in each voxel; what the others have beyond them was bought with assumptions. (In the course's cell the raw halves, too, agree to the end: it was straightened, neighbours share their noise, and such halves are not independent; chapter 8, section 11.) And a residual far above 1 says that the model does not describe the data (a PSF that is not quite right, a gain that is not, a stack that was straightened), or that too few iterations were taken. With the course's cell all of these are likely. (Its bright voxels have so many photons that the smallest error of the PSF shows.)

How to read the light: a few per cent from 1 are nothing. *More* than 1 is right where light left the stack: the haze of a wide-field microscope goes out through the top and the bottom, and the estimate counts it where it came from, so that half as much again, or twice as much, is no mistake with a bright specimen that is as thick as the stack. Of the background this number is no judge: set too high, it is taken from the stack whole, from the result only in part, and the ratio *rises*; set too low, it has become light in both, and the ratio comes nearer to 1. Look instead at places where no specimen is: there the result should be next to nothing.

## 9 · Tell others

What does a reader need who wants the same numbers? The paragraph is made from the settings of the run, so that it cannot differ from what was done:
"""

# %%
how = (
    "(the number with which an estimate from half of the photons of a part of the stack best predicted the other half)"
)
limit = "(the most that were tried: held-out photons were predicted better to the last)"
stopping = {"found": how, "still falling": limit}[ends[method]] if N_ITER == "auto" else "(chosen by eye)"
text = your_data.paragraph(stack, psf, settled, psf_from=source.psf_from, stopping=stopping)
print(text)

# %%
print("still to be told:", "; ".join(your_data.missing(text)) or "nothing")

# %% [markdown]
r"""
What nobody knows stands in brackets. Ask who took the stack, or leave the admission in; do not let it vanish.

### Exercise 4: what is missing?

Facts of a run come as a dictionary, such as `{"NA": 1.2, "iterations": "auto", "method": "rl", "weight": None}`. Give back a list of the names of those that a reader would still need: what is `None`, what is empty (`""`), and what is `"auto"`, for that is what the program was told, and not what it did. Two things to mind: 0 is a value, and a `"weight"` is only needed where the method is `"rl-tv"`.
"""


# %%
def missing_facts(facts):
    """The names of the facts that a reader of the methods still needs."""
    # <solution> collect the names whose value is None, empty or "auto"
    names = [name for name, value in facts.items() if value is None or isinstance(value, str) and value in ("", "auto")]
    return [name for name in names if name != "weight" or facts["method"] == "rl-tv"]
    # </solution>


# %% tags=["check"]
checks.missing_facts(missing_facts)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`value is None or value in ("", "auto")` finds all three, and leaves 0 alone.

</details>

<details><summary>Hint 2</summary>

A second pass takes "weight" out unless `facts["method"] == "rl-tv"`.

</details>

{{solution}}

Now all that belongs to the run, into one folder: the result as an OME-TIFF that Fiji opens, the settings as JSON, and a page that needs no other file, to be kept beside the data or sent to a colleague.
"""

# %%
out = Path(OUT)
out.mkdir(parents=True, exist_ok=True)
data_fetch.write_stack(out / "deconvolved.ome.tif", result)
settled.write(out / "settings.json", input=your_data.fingerprint(stack), versions=your_data.versions())

# %%
figures = {
    "Before and after, as maximum projections.": plots.sections(
        {"as measured": before, "deconvolved": result}, projection=True
    ),
    "The methods on the preview, as maximum projections.": plots.sections(
        {"as measured": raw, **{name: t.estimate for name, t in trials.items()}}, projection=True
    ),
    "The PSF.": plots.psf_panels(psf),
    "Agreement of two halves of the photons, on the preview.": fsc,
}
tables = {
    "Was the stack fit, as it came?": found.report(),
    "Is the PSF fit?": optics.examine(psf, stack.voxel_size, settings.optics),
}
your_data.write_page(
    out / "report.html",
    title=f"Deconvolution of {PATH or SAMPLE}",
    settings=settled,
    paragraph=text,
    figures=figures,
    tables=tables,
    versions=your_data.versions(),
    about={
        "date": time.strftime("%Y-%m-%d"),
        "input": your_data.fingerprint(stack),
        "method chosen": "by the prediction of held-out photons" if METHOD == "auto" else "by hand",
    },
)

# %%
for path in sorted(out.iterdir()):
    print(f"{path}  {path.stat().st_size / 1e6:.2f} MB")
page_size = (out / "report.html").stat().st_size / 1e6

# %% [markdown]
r"""
Is it true that the run can be repeated from the JSON? Do it: `repeat` reads nothing else, but the file, and that only if it is still the same.
"""

# %%
again = your_data.repeat(out / "settings.json")
difference = float(np.abs(again.data - result.data).max())
print(f"greatest difference of a voxel: {difference:.2g}, of {result.data.max():.4g}")

# %% [markdown]
r"""
## 10 · What can go wrong: does it matter?

First the plane that was left out. Here is a corner of the course's cell, deconvolved with it and without:
"""

# %%
cell, cell_psf = sources["lattice-cell"].stack, with_psf["lattice-cell"]
options = {"method": "rl-fast", "n_iter": MOST, "background": 102.0, "progress": False}
with_it, without_it = (
    deconvolve(cell.with_data(cell.data[first:44, 62:130, :64]), cell_psf, **options) for first in (0, 1)
)
shown = {"as measured": cell.with_data(cell.data[:36, 62:130, :64]), "with it": with_it, "without it": without_it}

# %% alt="A corner of the cell, measured, and deconvolved with and without its first plane: with it, dark and bright layers lie across the stack along z; without it they are gone."
same = {"as measured": shown["as measured"].data[1:], "with it": with_it.data[1:], "without it": without_it.data}
same = {name: shown[name].with_data(data[:33]) for name, data in same.items()}  # all from the second plane on
plots.sections(same, at=(7, 40, 30), unit="counts")

# %%
layers = {}
for name in ("with it", "without it"):
    light_of_planes = same[name].data[:12, 20:50, 10:50].mean(axis=(1, 2))
    layers[name] = light_of_planes.std() / light_of_planes.mean()
    print(f"{name:10} light of the planes after it:", *(f"{plane:.0f}" for plane in light_of_planes))

# %% [markdown]
r"""
**What to see.** Layers, bright and dark in turns, that are no membranes: *one* wrong plane out of 44 made them (it is left out of all three pictures). The estimate has to fall from bright to nothing between two planes, which the PSF forbids, and overshoots where it can.

And a refusal? It is annoying. Is it needed? The truth of the microtubules is known: deconvolve what was spoiled, with the right PSF and the same iterations, and compare.
"""

# %%
options = {"method": "rl-fast", "n_iter": TRIED, "progress": False}
tried = {"as taken": sharp}
for name in ("saturated", "contrast bent (gamma 0.6)", "stretched to 8 bits", "clipped at zero", "already deconvolved"):
    tried[name] = deconvolve(spoiled[name], volume.psf, **options)

# %% [markdown]
r"""
Two numbers for each: the PSNR after the best gain and offset (data range: that of the truth), and whether brightness can still be measured. For the latter, smooth both a little, take the voxels in which the truth is bright, and ask for the *exponent* $p$ in brightness ∝ truth$^p$: 1 is faithful, less squeezes differences, more exaggerates them.
"""

# %%
smooth = {
    name: ndimage.gaussian_filter(x.data, (0.6, 1.5, 1.5)) for name, x in {**tried, "truth": volume.truth}.items()
}
bright = smooth["truth"] > np.percentile(smooth["truth"], 90)
log_truth = np.log(smooth["truth"][bright])
exponents = {name: np.polyfit(log_truth, np.log(np.maximum(smooth[name][bright], 1e-6)), 1)[0] for name in tried}
psnr = {name: compare.psnr(compare.match_affine(x, volume.truth), volume.truth) for name, x in tried.items()}
for name in tried:
    print(f"{name:26} PSNR {psnr[name]:.2f} dB, exponent {exponents[name]:.2f}")

# %% alt="The stack as taken and four spoiled ones after the same deconvolution, as maximum projections: all look plausible; the saturated one is flat on top, the one deconvolved twice is a net of thin bright lines."
shown = {
    name: x.with_data(x.data / np.percentile(x.data, 99.9))
    for name, x in tried.items()
    if name != "stretched to 8 bits"
}
plots.sections(shown, projection=True, limits=(0, 1), unit="of the brightest")

# %% [markdown]
r"""
**What to see.** But for the last, broken into threads and dots, nobody would throw one of these pictures away, and all of them have lost. The *saturated* one has lost its tops, and they do not come back: too little is left of the differences in brightness. The *bent* one keeps its shape best of all, and has the lowest exponent: what is left of the bend, after the offset, which was bent along, and the deconvolution, which steepens, took some of it back. What was *stretched to 8 bits* (not shown: it looks like the first) keeps most of the exponent, and loses what its two ends cut off. What was *clipped* exaggerates: the haze went, and with it what is dim. And what was *deconvolved twice* has an exponent far above that of the same data deconvolved once: ask again, and the brightness is another one.

The number of iterations matters here. Run this section with `TRIED = 12`: what was clipped or stretched is then *ahead* of the stack as taken. Cutting off below takes haze away, a rough deconvolution of its own, and as long as the true one is not done, that shows. It is a lead that is lost on the way, and a picture that got better for such a reason is no measurement.

| symptom | cause | fix |
|---|---|---|
| layers across z at an end of the stack | a plane without light, or half filled | `your_data.even_planes`; `planes=(first, stop)` |
| bright spots with flat tops, rings around them | saturated | less light, shorter exposure; crop the spot away |
| only every 257th value occurs | 8 bits, stored as 16 | the raw file |
| black between the structures, to the last bit | background subtracted, or display range applied | the raw file; give the background to the model |
| checks and wavy lines that change with the zoom | too few pixels | a larger magnification, a smaller step |
| held-out photons are predicted better and better, without end | noise that was smoothed or interpolated; a PSF not quite right | few iterations, chosen by eye, and said so |
| two hundred thousand photons in a voxel | gain estimated from noise that was averaged away | measure the gain (chapter 1) |
| *the file is not the one of the run* | the file was changed since | the file as it was; its `your_data.fingerprint(stack)` is the `input` in the JSON |
| the noise is white, yet too weak | the offset was forgotten, or the gain is upside down | give both, the gain in counts per photon |

What this chapter cannot see: light compression by JPEG, a background subtracted evenly, a wrong voxel in the file, a stack that was deconvolved and rounded while nobody knows the gain. Ask.
"""

# %% [markdown]
r"""
## Remember

- First ask what was done to the numbers. No method brings back what was cut off, rounded away or not sampled.
- Write down NA, wavelength, both indices, voxel, gain and offset on the day of the measurement.
- Try on a small part, with its margin; choose by held-out photons where they work, by eye where not, and say which.
- Real data have no truth. Residual, halves and light can show that something is wrong, never that all is right.
- A methods paragraph is complete when somebody else gets the same numbers.

<details><summary>1. A colleague sends a stack with values from 0 to 255. May you deconvolve it?</summary>

Perhaps. If the detector itself counted so (many confocals do), yes: values follow one another without gaps, few voxels are at 255, and 0 is not far commoner than 1. If it is an export, both ends are cut off and the gain is anybody's guess: ask for the raw file.

</details>

<details><summary>2. Your voxel is 0.25 µm along z and 0.11 µm across, with NA 1.4 in oil, 520 nm, and a specimen that is mounted in a medium of oil's index. Is that fine enough?</summary>

Along z yes (Nyquist's step is 0.28 µm). Across not quite (0.093 µm): 1.18 steps. The finest detail is lost and a little of it comes back as coarser detail; the notebook warns and goes on.

</details>

<details><summary>3. Two halves of the photons, each deconvolved, agree down to 0.15 µm. Is that the resolution of your picture?</summary>

It is where noise begins. Both halves share the PSF and the method, with all their mistakes, so they can agree on what is wrong; and no agreement is meant beyond the cut-off of the objective.

</details>

## References

- J. R. Swedlow, *Methods Cell Biol.* 114 (2013) 407, [doi:10.1016/B978-0-12-407761-4.00017-8](https://doi.org/10.1016/B978-0-12-407761-4.00017-8): deconvolution in practice, and what it wants of a stack.
- D. Sage *et al.*, *Methods* 115 (2017) 28, [doi:10.1016/j.ymeth.2016.12.015](https://doi.org/10.1016/j.ymeth.2016.12.015): DeconvolutionLab2, and the bead.
- M. Linkert *et al.*, *J. Cell Biol.* 189 (2010) 777, [doi:10.1083/jcb.201004104](https://doi.org/10.1083/jcb.201004104): metadata matters; OME-TIFF.
- R. P. J. Nieuwenhuizen *et al.*, *Nat. Methods* 10 (2013) 557, [doi:10.1038/nmeth.2448](https://doi.org/10.1038/nmeth.2448): resolution from the agreement of two halves.
- J. R. Janesick, *Photon Transfer*, SPIE 2007, [doi:10.1117/3.725073](https://doi.org/10.1117/3.725073): gain from mean and variance.
"""

# %%
compare.write_results(
    "09",
    {
        "embedded stacks that are refused (of 5)": sum(v.verdict == "refused" for v in verdicts.values()),
        "spoiled stacks that are refused (of 10)": sum(v.verdict == "refused" for v in refusals.values()),
        "largest saturated share that passes (%)": max(s for s, v in saturations.items() if v.verdict != "refused"),
        "PSNR as taken above saturated (dB)": psnr["as taken"] - psnr["saturated"],
        "exponent of brightness, as taken": exponents["as taken"],
        "exponent of brightness, saturated": exponents["saturated"],
        "exponent of brightness, deconvolved twice": exponents["already deconvolved"],
        "run repeated from its JSON, difference / maximum": difference / float(result.data.max()),
        "layers made by one wrong plane (spread / without it)": layers["with it"] / layers["without it"],
        "light in the result (ratio)": light,
        "report page (MB)": page_size,
        "time of the run / estimated (ratio)": seconds / estimated,
    },
)
