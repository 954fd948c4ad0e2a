# ---
# jupyter:
#   course:
#     profiles:
#       test: {n_iter: 8}
#       report: {n_iter: 100}
#     bands:
#       light kept (ratio): [0.95, 1.2]
#       misfit per voxel, flat start: [8, 12]
#       misfit per voxel, right PSF: [0.3, 0.8]
#       misfit per voxel, wrong PSF: [0.4, 1.2]
#       vesicle FWHM z, measured (µm): [0.9, 1.1]
#       vesicle FWHM z, deblurred (µm): [0.5, 0.9]
#       deconvolution (seconds): [0.05, 120]
# ---

# %% [markdown]
r"""
# 0 · Start here

A microscope does not show a cell. It shows the cell **blurred**: each point of light becomes a smear, longest along the
optical axis, and a hundred smears add up to fog. The blur is known, so much of it can be undone. That is *deconvolution*,
and this course takes you from the first smear to the networks that undo it.

**After this notebook you can**

- check that your computer is ready, and tell how long things will take on it;
- turn a camera's counts into photons;
- deblur a real cell, in three short code cells, with a measurement of the very microscope's blur (its PSF);
- recognise the commonest reason why a deconvolution fails, and mend it.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| some Python; no optics | 30–40 minutes | 15–40 seconds in all | 1.2 GB |

*Next: [chapter 1](01_image_formation.ipynb), how a picture of a cell comes about. Short of time? Sections 1, 4 and 5, and the last cell of section 3, which finds the background.*
"""

# %% tags=["setup"]
# %matplotlib inline
import tempfile
import time
from pathlib import Path

import numpy as np

import data_fetch
from course_utils import checks, compare, doctor, formation, operators, optics, plots, richardson_lucy, widgets
from course_utils.backend import default
from course_utils.deconvolve import deconvolve, find_background
from course_utils.stack import Stack

# %% tags=["parameters"]
n_iter = 20  # iterations of the deconvolution

# %% [markdown]
r"""
## 1 · A cell one cannot see into

Here is a real cell, stained for vesicles: small bubbles that carry cargo, a few tenths of a micrometre across. It was taken
by a lattice light-sheet microscope, one of the gentlest and sharpest that there are. `load` needs no network: the stack comes
with the course.
"""

# %%
cell = data_fetch.load("lattice-cell")
cell.stack

# %% [markdown]
r"""
A `Stack` is a volume that knows the size of its voxel (a pixel in 3D), axes (z, y, x), lengths in µm; z is the axis along which the
microscope looks. Three sections through one of the vesicles, where the thin dashed lines cross:
"""

# %% alt="Sections of the measured cell: vesicles are blurred, most of all along z."
vesicle = (21, 160, 42)  # voxel (z, y, x)
plots.sections({"as measured": cell.stack}, at=vesicle, unit="counts")

# %% [markdown]
r"""
**What to see.** In xy the vesicles are blurred dots. In xz and yz, the views along the optical axis z, the same vesicles are
twice as long as they are wide. Nothing in the cell is stretched along our microscope's axis: that is the blur. (The large dark
corner, lower left in xz and right in yz, is no sample at all: the light sheet scans obliquely, the stack was straightened, and the
corner was filled with the constant 98, the camera's value in the dark. The arrow ends of a colour bar: brighter and darker voxels exist.)

How much smear does one point make? Somebody put a single fluorescent bead, smaller than the resolution, under the same
microscope. Its picture is the **point spread function**, the PSF.
"""

# %% alt="The measured PSF: a dot in xy, an elongated spot in xz and yz."
brightest = float(cell.psf.data.max())
plots.sections({"PSF: the picture of one point": cell.psf}, limits=(0, brightest), unit="fraction of the light")

# %% [markdown]
r"""
How wide is it? One measures between the two places where the intensity has fallen to half of the peak: the *full width at half
maximum*, FWHM.
"""

# %%
z, y, x = optics.fwhm(cell.psf)
print(f"full width at half maximum of the PSF: {z:.2f} µm along z, {y:.2f} × {x:.2f} µm across")

# %% [markdown]
r"""
## 2 · Is this computer ready?

The doctor looks at Python, the packages, the memory and the processors, and measures how long one step of the main algorithm
takes here. TensorFlow takes some seconds to start.
"""

# %%
doctor.examine()

# %% [markdown]
r"""
No GPU? That is fine: every chapter's defaults are sized for a laptop without one, and ship trained networks where training
would take long.

Two pages in the folder of the notebooks help along: `glossary.md` explains each symbol and each word of the trade, and says where it is
taught; `bibliography.md` lists the papers. (In JupyterLab: right-click, *Open With ▸ Markdown Preview*.)

## 3 · How exercises work

An exercise is a function with a hole in it. Fill the hole, run the cell, then run the **check** below it: it says what holds, or
*what probably went wrong*. Stuck? Open the hints, one after the other. Cells further down never use your answer, so you may
always go on: if "Run All Cells" stopped at a check, click the cell below it and choose *Run ▸ Run Selected Cell and All Below*.
(Each chapter names a short path in its header. If you take it, leave out the chapter's last cell, which collects the figures of all
sections.)

### Exercise 1: from counts to photons

A camera writes **counts**. Each photon makes `gain` counts, and `offset` counts are there even in the dark:

$$\text{counts} = \text{gain} \cdot \text{photons} + \text{offset}$$

All the statistics of this course are those of photons. Write the function that gets them back. The counts come as cameras
write them, as an array of unsigned 16-bit integers (`uint16`).
"""


# %%
def to_photons(counts, gain, offset):
    """Photons from a camera's counts: an array of the same shape."""
    # <solution> turn the counts into photons
    return (counts.astype(float) - offset) / gain
    # </solution>


# %% tags=["check"]
checks.photons(to_photons)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Solve the equation above for the photons. Which of the two, offset or gain, did the camera apply last? Take that one back first.

</details>

<details><summary>Hint 2</summary>

`np.uint16(90) - np.uint16(100)` is 65526: unsigned integers have no negative numbers and wrap around. Make floating-point
numbers of the counts before you subtract.

</details>

{{solution}}
"""

# %% [markdown]
r"""
The course does this by `Camera(gain, offset).photons(stack)`. For our cell nobody recorded the gain, so we stay in counts:
Richardson–Lucy, the algorithm below, scales with its input, and only the noise statistics would need the gain. The offset
matters, and it stays *in* the data: the algorithm takes it as part of the **background**, which is found from the darkest part of
the stack. Here that is the filled corner, so it finds the fill itself; between the vesicles the stack is some 4 counts brighter. (Was your
own stack filled with zeros when it was straightened? Then give `background=` by hand.)
"""

# %%
background = find_background(cell.stack)
print(f"background: {background:.1f} counts; what is known of the camera: {cell.facts['camera']}")

# %% [markdown]
r"""
## 4 · The main job: deblur the cell

Three cells. **First**, the data: the stack and the PSF that was measured on the same microscope. (This PSF has been cleaned: its background taken off,
centred, its sum set to 1. For a bead of your own, `optics.clean_psf` does that.)
"""

# %%
stack, measured_psf = cell.stack, cell.psf
print(stack)
print(measured_psf)

# %% [markdown]
r"""
**Second**, make the PSF fit. Its planes are 0.100 µm apart, the stack's 0.157 µm. An algorithm sees voxels, not µm, so the PSF must be
put on the stack's grid.
"""

# %%
psf = optics.resample(measured_psf, stack.voxel_size)
print(psf)

# %% [markdown]
r"""
**Third**, deconvolve.
"""

# %%
begin = time.perf_counter()
deblurred = deconvolve(stack, psf, method="rl", n_iter=n_iter)
seconds = time.perf_counter() - begin
print(f"{n_iter} iterations in {seconds:.1f} s")

# %% alt="The cell as measured and deblurred, side by side: after deconvolution the vesicles are small, bright and separate."
plots.sections({"as measured": stack, f"deblurred, {n_iter} iterations": deblurred}, at=vesicle, unit="counts")

# %% [markdown]
r"""
**What to see.** Fog has become vesicles that can be counted; in xz the smears along z are shorter. Look at the colour bars too: the
light that was spread over many voxels has been gathered into few, so that peaks are higher. Is this more than a prettier picture?
First, the books: how much light is in the result, and how much was in the data?
"""

# %%
signal = stack.data.sum(dtype=float) - background * stack.data.size
light_kept = deblurred.data.sum(dtype=float) / signal
print(f"light in the result / light above the background in the data: {light_kept:.3f}")

# %% [markdown]
r"""
Deconvolution is to move light, not to make any: the ratio should be 1. It is a few per cent too high because the algorithm starts from a flat
volume, and after so few iterations some of that is still left in the dark places; section 5 watches it go. Next, the vesicle where the dashed
lines cross: how wide is it, before and after?
"""

# %% alt="Intensity along z through one vesicle: the deblurred peak is narrower than the measured one."
around = tuple(slice(i - 6, i + 7) for i in vesicle)
before = stack.with_data(np.maximum(stack.data - background, 0)[around])
after = deblurred.with_data(deblurred.data[around])
plots.profile({"as measured": before, "deblurred": after}, axis=0, at=(6, 6, 6), normalize=True)

# %%
width_before, width_after = optics.fwhm(before), optics.fwhm(after)
print("FWHM of the vesicle (z, y, x):", *(f"{w:.2f}" for w in width_before), "µm as measured")
print("                              ", *(f"{w:.2f}" for w in width_after), "µm deblurred")

# %% [markdown]
r"""
Every width has shrunk by some 30 %: that is real gain, in µm. But the vesicle is still twice as long as wide. Most of what a microscope does
not collect along its axis is lost for good, and no deconvolution brings it back: it sharpens each direction as far as the PSF allows. (The
double top of the measured curve is photon noise, by the way.) That last bit of length is what the networks of chapter
7 are about, and whether one may believe them.

## 5 · Iteration by iteration

What happened in those iterations? Richardson–Lucy starts from a flat volume and asks, again and again: *if this were the cell,
what would the microscope have shown?* Where the real stack is brighter than that, the estimate is raised; where darker, lowered.
In the language of the course, with the microscope as an operator $A$:

$$x \;\leftarrow\; \frac{x}{A^\top 1} \cdot A^\top \frac{y}{A x + b}$$

Here $x$ is the estimate, $y$ the measured stack and $b$ its background. $A$ blurs; $A^\top$, its *adjoint*, sends what arrives at a voxel back
to the places from where it may have come; $1$ is a volume of ones. Chapters 1 and 4 derive all this.

In code, algorithms are **generators**: they hand over one estimate after another, and the loop is yours.
"""

# %%
xp = default()  # the array package that does the work: NumPy, or TensorFlow on a GPU
A = formation.forward(psf, stack.shape, xp=xp)  # takes a volume larger than the stack: light comes in over the edge
to_view = operators.crop(stack.shape, A.shape_in, xp=xp)  # cuts out what the stack shows
keep = sorted({1, 2, 3, 5, 8, 12, 20, 30, 50, 100, n_iter})

# %%
estimates, misfit = {}, []
# the misfit compares the stack with the estimate, blurred again, plus the background: 0 if they were equal
flat_start = np.full(A.shape_in, float(np.mean(stack.data - background)), np.float32)
misfit.append(richardson_lucy.i_divergence(stack.data, np.asarray(A(flat_start)) + background) / stack.data.size)
for k, x in enumerate(richardson_lucy.plain(stack.data, A, n_iter=n_iter, background=background), start=1):
    if k in keep:
        estimates[k] = stack.with_data(np.asarray(to_view(x)))
        misfit.append(richardson_lucy.i_divergence(stack.data, np.asarray(A(x)) + background) / stack.data.size)

# %% [markdown]
r"""
Move the slider. Each position shows an estimate that was computed above, all in the same colours.
"""

# %%
limits = (0, float(np.percentile(deblurred.data, 99.9)))
widgets.explore(
    lambda iteration: plots.sections(
        {f"iteration {iteration}": estimates[iteration]}, at=vesicle, limits=limits, unit="counts"
    ),
    iteration=list(estimates),
    description="Sections of the estimate after the chosen iteration; vesicles sharpen as the iterations go on.",
)

# %% alt="The estimate after the first, a middle and the last iteration: sharper from left to right."
shown = [1, list(estimates)[len(estimates) // 2], n_iter]
plots.sections({f"iteration {k}": estimates[k] for k in shown}, at=vesicle, limits=limits, unit="counts")

# %% [markdown]
r"""
The same without a slider: the first iterations gather the light, the later ones sharpen it. How far is each estimate, blurred again,
from what was measured? The **misfit** measures that in the way that suits photons (chapter 4); it falls at every step. The light rises at first,
for bright places are filled sooner than dark ones are emptied; then what the flat start left in the dark places goes:
"""

# %%
for k, value in zip(estimates, misfit[1:], strict=True):
    light = estimates[k].data.sum(dtype=float) / signal
    print(f"iteration {k:3d}   misfit {value:6.3f} per voxel   light {light:.3f}")

# %% [markdown]
r"""
Does a smaller misfit always mean a better picture? No: at some point the iterations begin to fit the noise. Chapter 4 shows how to
find that point.

## 6 · What can go wrong

The commonest mistake in practice: **the PSF's voxel is not the stack's**. Give the PSF as it was measured, and `deconvolve` refuses:
"""

# %%
try:
    deconvolve(stack, measured_psf)
except ValueError as error:
    print(error)

# %% [markdown]
r"""
Most programs see only arrays and do not refuse. Let us do on purpose what they do: pass off the PSF's 0.100 µm planes as planes of
0.157 µm.
"""

# %%
wrong_psf = Stack(measured_psf.data, stack.voxel_size)
print(f"PSF's FWHM along z: {optics.fwhm(psf)[0]:.2f} µm (right), {optics.fwhm(wrong_psf)[0]:.2f} µm (wrong)")

# %%
wrong_A = formation.forward(wrong_psf, stack.shape, xp=xp)
for k, x in enumerate(richardson_lucy.plain(stack.data, wrong_A, n_iter=n_iter, background=background), start=1):
    if k == n_iter:
        wrong = stack.with_data(np.asarray(operators.crop(stack.shape, wrong_A.shape_in, xp=xp)(x)))
        model = np.asarray(wrong_A(x)) + background

# %% alt="Results with the right PSF and with one 1.6 times too long: both look plausible, and nearly the same."
near = (slice(0, 50), slice(95, 180), slice(10, 95))  # the lower left of the cell, enlarged
enlarged = {"right voxel": deblurred.with_data(deblurred.data[near]), "wrong voxel": wrong.with_data(wrong.data[near])}
plots.sections(enlarged, at=(21, 65, 32), limits=limits, unit="counts")

# %% [markdown]
r"""
**What to see:** little, even enlarged, and that is the point. The wrong result is sharp, clean and plausible; shown alone, it would convince
everybody. (Look closely at yz and xz: along z the vesicles of the wrong one are swollen, and some that were two have become one.) The
numbers know better. Blur each estimate again, with the PSF that it was made with, and hold it against the data:
"""

# %%
misfit_wrong = richardson_lucy.i_divergence(stack.data, model) / stack.data.size
print(f"misfit with the right PSF {misfit[-1]:.3f}, with the wrong one {misfit_wrong:.3f} per voxel")

# %% [markdown]
r"""
After the same number of iterations, what the wrong PSF makes of the specimen explains the camera's picture less well.

| symptom | cause | fix |
|---|---|---|
| a plausible picture, but a misfit that stays high, and widths along z that are off | the PSF's voxel was taken for the stack's | `optics.resample(psf, stack.voxel_size)` |
| everything shifted by a few voxels | the PSF's centre is not at `n // 2` | `optics.clean_psf(psf)` |
| "the PSF must have unit sum" | a picture of a bead is no PSF yet: its background is still in it | `optics.clean_psf(bead)` |
| dim structures gone | the background was set too high | give a lower `background=` |

A pretty picture proves nothing. This is why the course tries every method on volumes whose truth is known, before it is let loose on
cells.

## 7 · Take it home

The result as a TIFF that Fiji opens with the right voxel size:
"""

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "deblurred.ome.tif"
    data_fetch.write_stack(path, deblurred)
    print(f"{path.stat().st_size / 1e6:.1f} MB, reads back as {data_fetch.read_stack(path)}")

# %% [markdown]
r"""
For a stack of your own you need `data_fetch.read_stack("my_cell.tif")`, a bead under the same microscope, cleaned by
`optics.clean_psf(data_fetch.read_stack("my_bead.tif"))`, and the code of section 4. Other data that come with the course, or can be
downloaded (`?`: not recorded):
"""

# %%
data_fetch.datasets()

# %% [markdown]
r"""
## Remember

- A microscope image is the specimen convolved with the PSF, plus background, plus photon noise.
- The PSF must have the stack's voxel, unit sum, its centre in the middle; the background stays in the data.
- Deconvolution moves light back to where it came from; in the end it makes none. A sharper picture alone proves nothing.

<details><summary>1. Why is a vesicle longer along z than across, though the bubble is round?</summary>

An objective collects light from one side only, within a cone. What it misses is mostly the information along its axis, so the PSF is
longest there: about 0.7 µm along z against 0.3 µm across in this microscope.

</details>

<details><summary>2. Your result has twice as much light as the data above their background. What went wrong?</summary>

The PSF has no unit sum (here: a sum of one half), or the background is too low, so that offset was deblurred as if it came from the cell.

</details>

<details><summary>3. The PSF was sampled every 0.1 µm, the stack every 0.2 µm, and nobody resampled. What do you see along z?</summary>

The PSF counts as twice as long as it is, so the result is wrong along z: widths are off, neighbours merge. It may look fine all the
same; the misfit, which stays higher than with the right PSF, gives it away.

</details>

## References

- W. H. Richardson, *J. Opt. Soc. Am.* 62 (1972) 55, [doi:10.1364/JOSA.62.000055](https://doi.org/10.1364/JOSA.62.000055); L. B. Lucy, *Astron. J.* 79 (1974) 745, [doi:10.1086/111605](https://doi.org/10.1086/111605): the algorithm.
- B.-C. Chen *et al.*, *Science* 346 (2014) 1257998, [doi:10.1126/science.1257998](https://doi.org/10.1126/science.1257998): the lattice light-sheet microscope.
- P. Sarder and A. Nehorai, *IEEE Signal Process. Mag.* 23 (2006) 32, [doi:10.1109/MSP.2006.1628876](https://doi.org/10.1109/MSP.2006.1628876): a review of deconvolution in 3D.
- The cell and its PSF: Talley Lambert, [pycudadecon](https://github.com/tlambert03/pycudadecon), MIT licence.

The last cell keeps this chapter's figures for the course's table of results.
"""

# %%
compare.write_results(
    "00",
    {
        "light kept (ratio)": light_kept,
        "misfit per voxel, flat start": misfit[0],
        "misfit per voxel, right PSF": misfit[-1],
        "misfit per voxel, wrong PSF": misfit_wrong,
        "vesicle FWHM z, measured (µm)": width_before[0],
        "vesicle FWHM z, deblurred (µm)": width_after[0],
        "deconvolution (seconds)": seconds,
    },
)
