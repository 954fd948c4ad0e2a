# ---
# jupyter:
#   course:
#     profiles:
#       test: {size: 33, cell: [16, 40, 40], n_iter: 40, n_prior: 15, exposures: [0.25, 1], n_seeds: 2, report_iterations: 30}
#       report: {report_size: report}
#     bands:
#       an honest iteration, below the test's own best (dB): [0, 0.5]
#       filaments, held-out photons below the oracle (dB): [0, 1]
#       filaments, accelerated RL above interpolation (dB): [1.5, 5]
#       filaments, IsoNet-1 above SRCNN (dB): [1, 5]
#       filaments, IsoNet-2 above SRCNN (dB): [1, 5]
#       filaments, IsoNet-2 above IsoNet-1 (dB): [-1, 1]
#       filaments, U-Net then RL above accelerated RL (dB): [-1, 4]
#       cells, ADMM TV above accelerated RL (dB): [1, 8]
#       microtubules, accelerated RL above raw (dB): [8, 22]
#       SIM against the truth itself (dB): [30, 40]
#       SIM against SRCNN trained on it (dB): [30, 40]
#       the report's RL, agreement with SIM (dB): [29, 36]
#       the report's ADMM, agreement with SIM (dB): [30, 38]
#       mean over planes, above the volume's (dB): [-8, -0.5]
#       the neighbouring SIM planes, above Richardson–Lucy (dB): [-3, 6]
#       stacked 2D kernels, light (ratio): [0.03, 0.06]
#       residual variance, simulated (ratio): [0.9, 1.1]
# ---

# %% [markdown]
r"""
# 8 · The comparison: one volume, one table

Seven chapters, some fifteen methods, each of them the best in its own paper. Which one would you take? This chapter lets all of them restore the same stacks, scores all of them in the same way, and shows how little it takes to make any of them win.

**After this notebook you can**

- set up a comparison in which no method sees the test before its score;
- read a table of PSNR, SSIM, resolution and flux, and say what each of them hides;
- read a resolution off a Fourier shell correlation;
- tell a lead from luck;
- find the leak, the range or the reference that makes a published number look good;
- judge a result on real data, where there is no truth.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 4 to 7 | 75–90 minutes | 2–5 minutes in all | 1.2 GB |

*Previous: [IsoNet](07_isonet.ipynb). Next: [your own data](09_your_data.ipynb). Short of time? Sections 1 to 4, 7, 9, 10 and 12; of 9 the code and the tables at its end.*
"""

# %% tags=["setup"]
# %matplotlib inline
import time

import numpy as np

import data_fetch
from course_utils import admm, backend, checks, compare, formation, operators, optics, plots, richardson_lucy, stopping
from course_utils.compare import cases, contest, restorations
from course_utils.counts import find_background, find_gain
from course_utils.robustness import figures as robustness_figures
from course_utils.training import psf_depth
from course_utils.widgets import explore
from data_fetch import cil

xp = backend.default()  # NumPy, or TensorFlow on a GPU

# %% tags=["parameters"]
size = 49  # voxels of the isotropic specimens along each axis; 4 k + 1
cell = (20, 56, 56)  # voxels of the cell with microtubules
n_iter = 80  # of Richardson–Lucy, at most
n_prior = 60  # iterations with a prior
CHOOSE = False  # True: choose weights on the twins anew, instead of taking those that were found there
exposures = [0.25, 1, 4]  # light, relative to the networks' training
n_seeds = 4  # specimens, to tell a lead from luck
DATASET = "microtubules"  # of section 9; "cil-36797" with a network connection
report_size = "small"  # of the course volume in section 9: "small" or "report"; networks have learned from "course"
cil_step = 0.1  # µm from plane to plane of "cil-36797": not recorded, an assumption
report_iterations = 100  # of Richardson–Lucy and ADMM in section 9

# %% [markdown]
r"""
## 1 · Before the race

Three stacks. Of each, the truth is known, for it is simulated; what differs is what it is made of, and who has seen its like before.

- **filaments and shells**: thin things, alike along all axes, every fourth plane taken, a Gaussian PSF. The networks of chapter 7 were trained on such stacks: their home ground.
- **round cells**: bodies of constant brightness, the same microscope. No network has ever seen one. Total variation was made for them.
- **microtubules**: a small cell like that of the course volume, its microscope and its camera. Wide-field, so with haze; a SIM-like exposure of the same cell comes with it, as in the report of section 9.

And a **twin** of each: another specimen, of another seed, taken in the same way. Whatever has to be chosen, an iteration, a weight, is chosen on the twin, or by held-out photons of the stack itself (chapter 4); the truth of the test is for the score alone. One row breaks that rule, and says so: the *oracle*.
"""

# %%
stacks = {kind: cases.isotropic(kind, size=size) for kind in ("filaments and shells", "round cells")}
stacks["microtubules"] = cases.microtubules(shape=cell)
for name, case in stacks.items():
    print(f"{name:21} truth {case.truth}\n{'':21} stack {case.stack}\n{'':21} background {case.background:.1f}")

# %% alt="Maximum projections of the three specimens: rings and rods; round blobs; short lines in a plane."
plots.sections({name: case.truth for name, case in stacks.items()}, projection=True)

# %% alt="The same as the microscope shows them: smeared along z, grainy, the lines in haze."
plots.sections({f"{name}, taken": case.interpolated for name, case in stacks.items()}, projection=True)

# %% [markdown]
r"""
**What to see.** Maximum projections, each in its own colours; first the truth, then what the microscope leaves of it, with splines between the planes that were taken. All are smeared along z, and grainy.

## 2 · One score, and what it forgives

All rows of a table must be on one scale. SIM counts other photons than a wide-field camera; a network was trained on numbers from 0 to 1; the Wiener filter knows no background. None of that is the picture's fault. So before the score each estimate gets, as in chapter 6, the **gain and offset that suit it best**, $a x + c$ with the least squared error, and then

$$\mathrm{PSNR} = 20 \log_{10} \frac{\max r - \min r}{\sqrt{\operatorname{mean}\,(a x + c - r)^2}} \tag{1}$$

against the reference $r$. It forgives a wrong gain, so it is shown beside the flux error, which does not.

### Exercise 1: match, then score

Write (1). `x` and `reference` are arrays of one shape.
"""


# %%
def matched_psnr(x, reference):
    """PSNR in dB of x after the best gain and offset; the range is the reference's."""
    # <solution> fit a line from x to the reference, and measure what is left
    gain, offset = np.polyfit(x.ravel(), reference.ravel(), 1)
    rms = np.sqrt(np.mean((gain * x + offset - reference) ** 2))
    return 20 * np.log10((reference.max() - reference.min()) / rms)
    # </solution>


# %% tags=["check"]
checks.matched_psnr(matched_psnr)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`np.polyfit(x.ravel(), reference.ravel(), 1)` gives gain and offset of the least-squares line *from x to the reference*. Which way round matters.

</details>

<details><summary>Hint 2</summary>

The root of the mean square goes under 20 log₁₀. The range is the reference's: with that of x, a single bright speck would raise the score.

</details>

{{solution}}
"""

# %% [markdown]
r"""
In the course this is `compare.psnr(compare.match_affine(x, r), r)`, and `contest.score`. What does one get for nothing?
"""

# %%
for name, case in stacks.items():
    truth = case.truth.data
    nothing = {"black": np.zeros_like(truth), "taken, interpolated": case.interpolated.data}
    print(
        f"{name:21} range {np.ptp(truth):6.0f} photons, "
        + ", ".join(
            f"{what} {compare.psnr(x, truth):.1f} dB, matched {contest.score(x, case):.1f} dB"
            for what, x in nothing.items()
        )
    )

# %% [markdown]
r"""
A black picture has so many decibels: on a mostly dark volume with a few bright voxels *nothing at all* is a good estimate, as far as PSNR can tell. (Matched, black becomes the mean.) So a PSNR by itself says little; only differences on one volume do.

## 3 · The number that has to be chosen

Richardson–Lucy wants a number of iterations, total variation a weight. Here is the score of accelerated Richardson–Lucy after each iteration, on the twin and on the test.
"""

# %%
name, curves = "filaments and shells", {}
for what, case in {"twin": stacks[name].twin, "test": stacks[name]}.items():
    estimates = restorations.iterations(richardson_lucy.biggs_andrews, case, n_iter // 3)
    curves[what] = np.array([contest.score(x, case) for x in estimates])

# %% alt="PSNR against iterations for the twin and for the test: two curves of the same shape at different heights, with their tops at nearly the same place."
each = np.arange(1, n_iter // 3 + 1)
plots.lines({what: (each, values) for what, values in curves.items()}, xlabel="iteration", ylabel="PSNR, matched (dB)")

# %% [markdown]
r"""
**What to see.** The heights differ, for the specimens do. The tops lie at nearly the same iteration. That is all that is wanted of a twin.

### Exercise 2: choose, then report

`on_twin` and `on_test` are two such curves; element 0 is iteration 1. Give back the number of iterations that an honest person would take, and the PSNR that she would report.
"""


# %%
def honest_iteration(on_twin, on_test):
    """(number of iterations, dB to report)."""
    # <solution> choose, then report
    best = int(np.argmax(on_twin))
    return best + 1, on_test[best]
    # </solution>


# %% tags=["check"]
checks.honest_iteration(honest_iteration)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The test may be asked once, and only for its score.

</details>

<details><summary>Hint 2</summary>

`np.argmax(on_twin)` is an index, from 0 on; iterations count from 1.

</details>

{{solution}}
"""

# %%
best = {what: int(np.argmax(values)) for what, values in curves.items()}
honesty = curves["test"].max() - curves["test"][best["twin"]]
print(f"twin's best: iteration {best['twin'] + 1}; test's own: {best['test'] + 1}; honesty costs {honesty:.3f} dB")
print(f"the last of {n_iter // 3} iterations is {curves['test'].max() - curves['test'][-1]:.2f} dB below the best")

# %% [markdown]
r"""
Honesty is cheap here. With a weight, an iteration, a network's epochs and a seed to choose from, all on the test, it would not be: every choice adds a little luck to the score, and only to the score.

## 4 · Every method, one table each

Now all of them: Wiener's filter with its weight by held-out photons; Richardson–Lucy stopped by the oracle and by held-out photons; accelerated, by the momentum of Biggs and Andrews (chapter 4), stopped where its twin was best, and by held-out photons; with total variation (*TV-RL*); ADMM with three priors, weights chosen on a twin (once, on smaller ones than here; `CHOOSE = True` repeats it); SRCNN plane by plane, trained on pictures (*natural*) and on microscopy; IsoNet-1, IsoNet-2 and the U-Net, and the U-Net followed by a data step or by Richardson–Lucy, both chosen on the twin. The weights of all networks ship with the course.
"""

# %%
every = contest.methods(n_iter=n_iter, n_prior=n_prior)
results = {}
for name, case in stacks.items():
    settings = None if CHOOSE else contest.CHOSEN[name]
    results[name] = contest.contest(case, every, settings=settings, rng=np.random.default_rng(8))
tables = {}
for name, case in stacks.items():
    rows, seconds = (contest.marked(part, case) for part in (results[name].estimates, results[name].seconds))
    tables[name] = compare.table(rows, case.truth, raw=case.raw, seconds=seconds)

# %% [markdown]
r"""
How to read the columns, and what each of them hides:

- *PSNR*, as it comes, and *matched*, by (1). It is ruled by the few brightest voxels, and a match forgives a wrong gain.
- *NRMSE*: the norm of the error over that of the truth (chapter 3), unmatched. A wrong gain alone can spoil it.
- *SSIM*, structural similarity: brightness, contrast and structure, compared in small windows and averaged, after the match; 1 is the same. On a mostly black volume it is mostly the score of the black.
- *Resolution*: the finest period at which estimate and truth agree (section 5); many rows share the finest that the grid has. It says nothing of brightness.
- *Flux error*: how much light was gained or, if negative, lost. It says nothing of where the light is.
- *Time*: of one run on this machine, with its numbers chosen. The first run of a network compiles it.

The rows *black*, *mean*, *raw* and *interpolated* are what one gets without any method.

**Filaments and shells.** A * marks a network that was not trained for such a stack.
"""

# %%
tables["filaments and shells"]

# %%
print(f"{'chosen: iterations, or a weight':34}" + "".join(f"{name:>22}" for name in stacks))
for row, value in results["round cells"].settings.items():
    if value is not None:
        print(f"{row:34}" + "".join(f"{result.settings[row]:22.3g}" for result in results.values()))
memory = contest.peak_memory(stacks["filaments and shells"], results["filaments and shells"].settings)
print("\nNumPy's peak, MB (of the networks, see chapters 6 and 7):")
print("\n".join(f"{name:34}{value:22.0f}" for name, value in memory.items()))

# %% [markdown]
r"""
Choose a method and a plane:
"""

# %%
case = home = stacks["filaments and shells"]
choice = {"taken, interpolated": home.interpolated}
choice |= {row: compare.match_affine(x, home.truth) for row, x in results["filaments and shells"].estimates.items()}
ceiling = (0, float(np.percentile(home.truth.data, 99.7)))
explore(
    lambda method, y: plots.sections(
        {"truth": home.truth, method: choice[method]}, at=(size // 2, y, size // 2), limits=ceiling
    ),
    method=list(choice),
    y=list(range(4, size, max(size // 8, 1))),
    description="The truth, and beside it the chosen method's estimate, in xy, yz and xz; the slider y moves the xz section.",
)

# %% alt="An xz section with rings: truth; accelerated Richardson–Lucy, rings with gaps and grain; SRCNN, smeared along z; the U-Net, closed but thick rings; the U-Net followed by RL, thin closed rings."
bright = int(case.truth.data[:, 8:-8].sum(axis=(0, 2)).argmax()) + 8
four = {"truth": case.truth} | {
    row: choice[row] for row in ("accelerated RL", "SRCNN, microscopy", "U-Net", "U-Net, then RL")
}
labels = {"xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "photons", "cmap": "inferno"}
plots.pictures(
    {row: np.clip(x.data[:, bright], *ceiling) for row, x in four.items()}, step=case.truth.voxel_size[::2], **labels
)

# %% [markdown]
r"""
**What to see.** SRCNN works in the planes that were taken: along z all is as smeared as it came. The networks of chapter 7 close the rings; Richardson–Lucy behind the U-Net makes them thin. In the table, mind four things.

- *Stopping* counts. Held-out photons find nearly what the oracle finds for the plain Richardson–Lucy; the accelerated one, whose steps are large, they stop too early, and its row lies below that of the twin by as much as separates many methods.
- *No prior* beats the oracle clearly here. Thin things are not what priors of evenness were made for, and the twin knows: it chose the weakest or nearly the weakest weights on offer. (Where the weakest is the best of those tried, the true best may be weaker still.)
- The *resolution* ranks otherwise than the PSNR: along z the networks are ahead of several rows with more decibels.
- The *flux*: the U-Nets lose a tenth of the light. Most of it the stack had lost before them (row *interpolated*), over its border; the rest they lose as in chapter 7.

**Round cells.**
"""

# %%
tables["round cells"]

# %% alt="An xz section through round cells: truth, even; accelerated Richardson–Lucy, mottled; ADMM with TV, even with sharp rims; with the Hessian, softer; the U-Net, mottled with soft rims."
case, rows = stacks["round cells"], results["round cells"].estimates
bright = int(case.truth.data[:, 8:-8].sum(axis=(0, 2)).argmax()) + 8
four = {"truth": case.truth} | {
    row: compare.match_affine(rows[row], case.truth) for row in ("accelerated RL", "ADMM, TV", "ADMM, Hessian", "U-Net")
}
plots.pictures(
    {row: np.clip(x.data[:, bright], 0, 180) for row, x in four.items()}, step=case.truth.voxel_size[::2], **labels
)

# %% [markdown]
r"""
**What to see.** Now a prior wins, by a length: total variation knows what these cells are, even bodies, and neither Richardson–Lucy nor any network does. The networks stand about where Richardson–Lucy stands, though they have never seen such a thing; *U-Net, then RL*, the best of the networks above, is the worst of the three U-Net rows here. And SRCNN, trained on microtubules, falls below the stack as it was taken. (Along z no Richardson–Lucy comes out finer than interpolation, by the table: these bodies are larger than the blur, and what ends the correlation with their sharp rims is noise.)

**Microtubules**, against the truth, and then against SIM. SIM is sharper than wide-field, but it has a PSF and noise of its own: it is another measurement, no truth. So its table says *agreement*, not accuracy.
"""

# %%
tables["microtubules"]

# %%
case = stacks["microtubules"]
rows = contest.marked(results["microtubules"].estimates, case)
agreement = compare.table({**rows, "the truth itself": case.truth}, case.reference, raw=case.raw)
agreement

# %% alt="Maximum projections along z of microtubules: truth, SIM a little wider, accelerated Richardson–Lucy like the truth, SRCNN wider, ADMM and the U-Net dim and wide."
four = {"truth": case.truth, "SIM": case.reference}
four |= {
    row: results["microtubules"].estimates[row]
    for row in ("accelerated RL", "SRCNN, microscopy", "ADMM, Hessian", "U-Net")
}
top = float(np.percentile(case.truth.data, 99.8))
flat = {row: compare.match_affine(x, case.truth).max_projection(0) for row, x in four.items()}
plots.pictures(
    {row: np.clip(x, 0, top) for row, x in flat.items()},
    step=case.truth.voxel_size[1:],
    **labels | {"ylabel": "y (µm)"},
)

# %%
rank = {"truth": tables["microtubules"], "SIM": agreement}
for row in ("RL, oracle", "accelerated RL", "TV-RL", "SRCNN, microscopy", "the truth itself"):
    values = [t[name]["PSNR, matched (dB)"] for t in rank.values() for name in t.rows if name.removesuffix(" *") == row]
    print(
        f"{row:20} "
        + (
            f"{values[0]:.2f} dB against the truth, {values[1]:.2f} dB against SIM"
            if len(values) > 1
            else f"{values[0]:.2f} dB against SIM"
        )
    )

# %%
weight = results["microtubules"].settings["ADMM, TV"]
for n in (n_prior, 4 * n_prior):
    x = restorations.with_prior(admm.total_variation, case, weight, n_iter=n)
    print(f"ADMM with total variation after {n:3} iterations: {contest.score(x, case):.2f} dB against the truth")

# %% [markdown]
r"""
**What to see.** In much light, with every plane taken, on thin bright lines, Richardson–Lucy has no rival, and it wants many iterations: the oracle takes all that it may (`n_iter`), and the accelerated one, which gets further in fewer, passes it. ADMM is far behind for a plain reason: after so few iterations it has not arrived, as the last lines show; nor after four times as many. The number of iterations is part of a method, also in a table. (*Interpolated* is empty: here no plane was left out.) IsoNet-1 and IsoNet-2 meet another PSF and other steps than those of their training, and do next to nothing; the U-Net of this table, another than that above, was trained for this microscope, and does something.

But look at the lines before. **Against SIM the order is another one.** Rows of Richardson–Lucy that the truth tells apart, SIM hardly does. And SRCNN, far behind them in truth, agrees with SIM better than they do, and better than *the truth itself*, for SIM was its teacher. TV-RL had no teacher, and still agrees better than the truth. No wonder: SIM is blurred a little, and noisy, and who is blurred as it is agrees best. Agreement with SIM is a score for looking like SIM.

## 5 · Did z get better?

A PSNR mixes all directions and all finenesses. The **Fourier shell correlation** keeps them apart: it asks, frequency by frequency, how well estimate and truth agree, 1 for the same, 0 for not at all; and it can ask near the optical axis only. The *resolution* in the tables is read off it.

### Exercise 3: read a resolution off a curve

`frequency` (1/µm) and `correlation` are two arrays; `threshold` is a number. The resolution is the *period* at which the curve **first** falls below the threshold, by a straight line between the two points around it. A curve that never falls: the finest period that was looked at. (All curves here begin above the threshold. Of one that does not, the tables say ∞.)
"""


# %%
def resolution(frequency, correlation, threshold):
    """The period (µm) at which the correlation first falls below the threshold."""
    # <solution> find the first point below, and interpolate between it and the one before
    below = np.flatnonzero(correlation < threshold)
    if not below.size:
        return 1 / frequency[-1]
    k = below[0]
    part = (correlation[k - 1] - threshold) / (correlation[k - 1] - correlation[k])
    return 1 / (frequency[k - 1] + part * (frequency[k] - frequency[k - 1]))
    # </solution>


# %% tags=["check"]
checks.resolution(resolution)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`np.flatnonzero(correlation < threshold)` lists the points below; its first element, `k`, is what you want, and it may be empty.

</details>

<details><summary>Hint 2</summary>

How far from point `k - 1` to point `k` has the line come down to the threshold? That part of the step in frequency; then one over it.

</details>

{{solution}}
"""

# %%
name, chosen = "filaments and shells", ("accelerated RL", "SRCNN, microscopy", "U-Net", "U-Net, then RL")
case, shells = stacks[name], {"interpolated": compare.fsc(stacks[name].interpolated, stacks[name].truth)}
shells |= {row: compare.fsc(results[name].estimates[row], case.truth) for row in chosen}

# %% alt="Correlation with the truth against axial frequency: interpolation and SRCNN fall first, together; the others reach about twice as far."
curves = {row: (s.axial.frequency, s.axial.value) for row, s in shells.items()}
line = shells["U-Net"].axial.frequency[[0, -1]]
curves["½"] = (line, np.full(2, 0.5))
curves["half-bit"] = shells["U-Net"].axial.frequency, shells["U-Net"].axial.half_bit()
plots.lines(curves, xlabel="axial frequency (1/µm)", ylabel="correlation with the truth")

# %%
print(f"{'':20} threshold ½: lateral, axial   half-bit: lateral, axial (µm)")
for row, s in shells.items():
    values = [c.resolution(t) for t in (0.5, "half-bit") for c in (s.lateral, s.axial)]
    print(f"{row:20} {values[0]:20.3f} {values[1]:6.3f} {values[2]:18.3f} {values[3]:6.3f}")

# %% [markdown]
r"""
**What to see.** SRCNN's curve falls as soon as that of interpolation, or sooner: no gain along z. The others reach about twice as far: the U-Net to about its goal, the lateral resolution; Richardson–Lucy, alone or behind it, further. A curve that is jagged makes its first crossing a matter of luck: one shell that dips below ½ decides, though the next stand above it again. Where a curve falls below ½ and where it meets the half-bit curve need not rank the methods alike; look at the curve, not at the number alone. (½ against a truth is what 1/7 is between two equally noisy halves, which section 11 compares: if the halves correlate by $c$, each with its own noise, their mean correlates with the truth by $\sqrt{2c/(1+c)}$, and for $c = 1/7$ that is $\sqrt{1/4}$. The half-bit curve is drawn where both volumes together carry half a bit of information in each coefficient; it asks more where a shell holds few of them.)

## 6 · Three exposures

The same with a quarter of the light, and with four times as much. Iterations are chosen anew at each exposure, on a twin of that exposure; the weight of the total variation falls with the root of the light (chapter 5); "U-Net, then RL" keeps its iterations. In the picture: PSNR above that of the interpolated stack.
"""

# %%
short = (
    "Wiener",
    "accelerated RL",
    "TV-RL",
    "SRCNN, microscopy",
    "IsoNet-1",
    "IsoNet-2",
    "U-Net",
    "U-Net, then RL",
)
few, levels, undone = {row: every[row] for row in short}, {}, {}
for light in exposures:
    lit = {kind: cases.isotropic(kind, size=size, light=light) for kind in ("filaments and shells", "round cells")}
    lit["microtubules"] = cases.microtubules(shape=cell, light=light)
    for name, case in lit.items():
        at_one = results[name].estimates if light == 1 else None
        settings = contest.at_exposure(results[name].settings, light)
        rows = at_one or contest.contest(case, few, settings=settings, rng=np.random.default_rng(8)).estimates
        undone[name, light] = contest.score(case.interpolated, case)
        levels[name, light] = {row: contest.score(rows[row], case) - undone[name, light] for row in short}

# %% alt="Three matrices of gains in dB, methods down, light across: Richardson–Lucy gains with light, networks hardly."
gains = {name: np.array([[levels[name, light][row] for light in exposures] for row in short]) for name in stacks}
robustness_figures.numbers(
    gains, rows=list(short), columns=[f"{light:g}" for light in exposures], unit="dB above interpolation",
    xlabel="light (×)", ylabel="", diverging=True, limit=6,
)  # fmt: skip

# %%
for name in stacks:
    print(f"{name}: PSNR (dB), then above it, light " + ", ".join(f"× {light:g}" for light in exposures))
    print(f"    {'interpolated':20}" + "".join(f"{undone[name, light]:8.2f}" for light in exposures))
    for row in short:
        print(f"    {row:20}" + "".join(f"{levels[name, light][row]:8.2f}" for light in exposures))

# %% [markdown]
r"""
**What to see.** More light helps Richardson–Lucy, for every photon tells it something; on filaments and microtubules it helps the networks hardly at all: what limits them is their goal, not the noise. So it is at *little* light that they come closest, and at a quarter of it, on filaments, a network with Richardson–Lucy behind it may be ahead. (On round cells everything rises with the light, the interpolated stack first of all; what the figure shows there is what is left beside it.) Wiener's filter, one division for all frequencies, does harm on round cells where there is light: it cannot know that nothing is negative. There TV-RL is ahead as soon as there is light; with a quarter of it the two IsoNets, away from home, are level with it, and from there on their gain falls, for interpolation itself gets better. SRCNN trained on microtubules does its work on microtubules, whatever the light, and harm on cells, whatever the light.

## 7 · Is a lead a lead?

One volume, one seed of the noise: would the second have won on another? Take other specimens of the same kind. All scores move together, since some specimens are easier than others; so look at the **difference**, specimen by specimen.

### Exercise 4: mean and error of a lead

`a` and `b` are the scores of two methods on the same specimens, in dB. Give back the mean lead of `a` over `b`, and the standard error of that mean (spread from $n - 1$, for so few).
"""


# %%
def lead(a, b):
    """(mean, standard error) of a's lead over b, specimen by specimen."""
    # <solution> the mean lead and its standard error
    difference = a - b
    return difference.mean(), difference.std(ddof=1) / np.sqrt(difference.size)
    # </solution>


# %% tags=["check"]
checks.lead(lead)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

First `a - b`; then forget `a` and `b`.

</details>

<details><summary>Hint 2</summary>

`std(ddof=1)` is the spread of one difference; the mean of n of them is surer by the root of n.

</details>

{{solution}}
"""

# %%
raced = ("accelerated RL", "SRCNN, microscopy", "IsoNet-1", "IsoNet-2", "U-Net", "U-Net, then RL")
scores = {row: [] for row in raced}
for seed in range(5, 5 + n_seeds):  # 1 to 3 trained the networks, 4 is the twin
    case = cases.isotropic("filaments and shells", size=size, seed=seed)
    rows = contest.contest(case, {row: every[row] for row in raced}, rng=np.random.default_rng(seed)).estimates
    for row in raced:
        scores[row].append(contest.score(rows[row], case))

# %%
scores = {row: np.array(values) for row, values in scores.items()}
for row, values in scores.items():
    print(f"{row:20} {values.mean():.2f} ± {values.std(ddof=1):.2f} dB    " + " ".join(f"{v:.2f}" for v in values))
leads = {}
for a, b in (
    ("IsoNet-2", "SRCNN, microscopy"),
    ("U-Net", "IsoNet-2"),
    ("IsoNet-2", "IsoNet-1"),
    ("IsoNet-1", "SRCNN, microscopy"),
    ("accelerated RL", "U-Net"),
    ("U-Net, then RL", "accelerated RL"),
):
    d = scores[a] - scores[b]
    leads[a, b] = d.mean(), d.std(ddof=1) / np.sqrt(d.size)
    print(f"{a} over {b}: {leads[a, b][0]:+.2f} ± {leads[a, b][1]:.2f} dB")

# %% [markdown]
r"""
**What to see.** From specimen to specimen the scores move by more than most methods differ; specimen by specimen, the differences are far steadier. IsoNet-1 and IsoNet-2, of which the report had no comparison, are alike here: a lead that is not several times its error is no lead. (With four specimens it takes three errors before chance is as rare as one in twenty: Student's *t*.) Both are clearly ahead of SRCNN, which does not know of z, and has learned from other specimens; so is Richardson–Lucy of the U-Net, against the truth. Both in a row look better still, in the mean; by that rule they are not, yet.
"""

# %% [markdown]
r"""
## 8 · And if the PSF is wrong?

So far each method was told the truth about its microscope. What a wrong PSF, another specimen or another exposure does to each, and where each begins to invent, has a notebook of its own: [robustness](10_robustness.ipynb).
"""

# %% [markdown]
r"""
## 9 · The report, once more

The report from which this course grew compared Richardson–Lucy and ADMM, 100 iterations each, on 44 × 475 × 476 voxels of a real wide-field stack (CIL 36797, microtubules) with a PSF that it had estimated, then SRCNN and IsoNet, all scored against the SIM stack of the same cell. Its numbers, its way, on the course volume; with `report_size = "report"` (or `make course PROFILE=report`) on exactly as many voxels, with `DATASET = "cil-36797"` on its own data. Edges are periodic here, as they were there. (Parts of it came before: its PSF in chapter 3, its runs in chapters 4 and 5, its networks in chapters 6 and 7.)
"""

# %%
if DATASET == "microtubules":
    case = cases.course_volume(report_size)
else:
    widefield, sim = cil.pair((cil_step, 0.0397, 0.0397))
    objective = optics.Optics(NA=1.4, wavelength=0.52, n_immersion=1.515, n_specimen=1.33)  # NA and indices: assumed
    kernel = optics.gibson_lanni_psf(objective, (87, 127, 127), widefield.voxel_size)
    case = cases.Case(
        None, widefield, kernel, find_background(widefield), networks=stacks["microtubules"].networks, reference=sim
    )
print(f"{DATASET}: wide-field {case.stack}\nreference {case.reference}")
y, b, sim = case.stack.data, np.float32(case.background), case.reference
wide = formation.forward(optics.cut_psf(case.psf, y.shape), y.shape, edges="periodic", xp=xp)

# %% alt="Maximum projections: wide-field, lines in haze; SIM, thin lines on black."
plots.sections({"wide-field": case.raw, "SIM": compare.match_affine(sim, case.raw)}, projection=True)

# %%
peak = float(y.max())
runs = {
    "Richardson–Lucy": richardson_lucy.plain(y, wide, n_iter=report_iterations, background=b),
    "ADMM": (
        peak * iterate.x
        for iterate in admm.poisson(y / peak, wide, n_iter=report_iterations, background=b / peak, rho=0.25, adapt=0)
    ),
}
looks = sorted({1, 2, 3, *range(5, report_iterations, 5), report_iterations})

# %%
history, final, spent = {}, {}, {}
for name, estimates in runs.items():
    seconds, rows, begin = 0.0, [], time.perf_counter()
    for k, x in enumerate(estimates, start=1):
        if k in looks:  # the clock stands still while we look
            final[name] = case.stack.with_data(np.asarray(x))  # a GPU has not finished until a value is read
            seconds += time.perf_counter() - begin
            misfit = np.asarray(wide(x)) + b - y
            agree = compare.psnr(compare.match_affine(final[name], sim), sim)
            rows.append((k, np.linalg.norm(misfit) / np.linalg.norm(y), agree))
            begin = time.perf_counter()
    history[name], spent[name] = np.array(rows).T, seconds

# %%
networks = [row for row in every if contest.has_network(row) and "then" not in row]
nets = contest.contest(case, {row: every[row] for row in networks}, rng=np.random.default_rng(8))
final, spent = final | nets.estimates, spent | nets.seconds

# %% alt="Residual against iterations, logarithmic: ADMM falls faster than Richardson–Lucy."
curves = {name: (rows[0], rows[1]) for name, rows in history.items()}
plots.lines(curves, xlabel="iteration", ylabel="residual |y − (Ax + b)| / |y|", log=True)

# %% alt="Agreement with SIM against iterations: both rise fast, pass their highest point, ADMM first, and fall a little."
curves = {name: (rows[0], rows[2]) for name, rows in history.items()}
plots.lines(curves, xlabel="iteration", ylabel="agreement with SIM, matched (dB)")

# %% alt="Maximum projections of SIM, Richardson–Lucy and ADMM: the same lines, on a dark ground."
both = ("Richardson–Lucy", "ADMM")
plots.sections({"SIM": sim, **{name: compare.match_affine(final[name], sim) for name in both}}, projection=True)

# %% alt="The largest residual along z, logarithmic, of both: grain, and traces of the brightest lines."
residuals = {name: np.abs(np.asarray(wide(xp.asarray(final[name].data))) + b - y).max(axis=0) for name in both}
lateral = {"step": case.stack.voxel_size[1:], "xlabel": "x (µm)", "ylabel": "y (µm)"}
plots.pictures(
    {name: np.log10(r + 1e-3) for name, r in residuals.items()},
    **lateral,
    unit="log₁₀ of the largest residual (photons)",
)

# %% alt="Maximum projections of SIM and of the networks' results: SRCNN trained on microscopy is dark between the lines, the three others keep the haze."
shown = {row: compare.match_affine(final[row], sim).max_projection(0) for row in networks if row != "U-Net"}
top = float(np.percentile(sim.data.max(axis=0), 99))
plots.pictures(
    {row: np.clip(x, 0, top) for row, x in {"SIM": sim.max_projection(0), **shown}.items()},
    **lateral,
    unit="photons",
    cmap="inferno",
)

# %% [markdown]
r"""
**What to see.** The residuals are drawn as the report drew them, as maximum projections on a logarithmic scale: what is left is grain, and the lines, where there are most photons and so most of their noise. Both go on to fit the noise, ADMM sooner; and both agree best with SIM *before* the last iteration, ADMM first: it is ahead on the way into the noise as well. SRCNN trained on microscopy takes the haze away; SRCNN trained on pictures and the two IsoNets, which were trained for another PSF, leave it.

The two tables of the report, iterative methods and networks, beside ours:
"""

# %%
report = {
    "Richardson–Lucy": "20.842 dB, 326 s",
    "ADMM": "22.151 dB, 418 s",
    "SRCNN, natural": "very poor",
    "SRCNN, microscopy": "18.192 dB (half of the planes)",
    "IsoNet-1": "23.151 dB",
    "IsoNet-2": "not evaluated",
}
print(f"{'':18}{'the report':>32}{'with SIM, matched':>20}{'the truth, matched':>20}{'seconds':>9}")
agreeing, accurate = {}, {}
for name in report:
    agreeing[name] = compare.psnr(compare.match_affine(final[name], sim), sim)
    known = "–" if case.truth is None else f"{contest.score(final[name], case):.2f} dB"
    print(f"{name:18}{report[name]:>32}{agreeing[name]:17.2f} dB{known:>20}{spent[name]:9.1f}")
if case.truth is not None:
    print(f"{'the truth itself':18}{'':32}{compare.psnr(compare.match_affine(case.truth, sim), sim):17.2f} dB")

# %% [markdown]
r"""
Our networks come trained; their times are those of one restoration, the first compilation included. IsoNet-1 and IsoNet-2 were trained for another PSF than this one's.

**Why the report's numbers cannot be held against each other, nor against ours.** For all its decibels: other data, no stated range (section 10, *range*), and SIM and wide-field that were not brought to one scale (*no matching*). Beyond that, number by number, what was found in the report and in its code:

| the report's number | what makes it incomparable | where the course shows it |
|---|---|---|
| 20.842 dB, Richardson–Lucy | a PSF stacked of 2D kernels, one for each plane | section 10, *the PSF*; chapter 3, section 4 |
| 22.151 dB, ADMM | the same PSF; and no prior, so that it leads only on the way to where Richardson–Lucy goes as well | the figures above; chapter 5, section 6 |
| "very poor", SRCNN, natural | not a number; and pictures hold no haze to learn from | chapter 6, section 7 |
| 18.192 dB, SRCNN, microscopy: its test | test planes lie between training planes | section 10, *no estimate at all*, and exercise 5 |
| the same: its score | that of one plane, beside those of volumes | section 10, *mean over planes*, *the best plane* |
| the same: its training | the training step stands outside the loop over planes, so only the last plane taught | chapter 6, section 12 |
| 23.151 dB, IsoNet-1 | the "rotated" PSF was never rotated, and in the code of the networks training inputs are made from the truth that judges them | chapter 7, sections 2 and 4 |
| 326 s and 418 s | MATLAB, an Intel i7-7700HQ, 44 × 475 × 476 voxels: compare the ratio, or the time a voxel | chapter 4, section 4; chapter 5, section 6 |
| its networks' minutes (SRCNN about 6, IsoNet-1 13) | those of the training, on a GTX 1060; the iterative methods have none | chapter 7, section 7 |

Two things to notice. The report's ADMM has no prior, and its ρ belongs to data that end at 1: it maximises what Richardson–Lucy maximises, and is another way there, further along after as many iterations. (In section 4 the ADMMs have priors, and have not arrived.) And which of the two is *ahead* depends on the judge: compare the columns. The last row is what the truth itself would score.

## 10 · Which of its numbers cannot be compared, and why

None can, as the last table of section 9 says. But how much does each mistake do? Four of the report's can be tried here: the PSF stacked of 2D kernels, wide-field scored against SIM without matching, test planes beside training planes, and the PSNR of a plane beside that of a volume. The other lines below are in many papers. But for the last two, each is done to *one and the same estimate*, Richardson–Lucy's of section 9.
"""

# %%
x, r = final["Richardson–Lucy"].data, sim.data
fitted = compare.match_affine(x, r)
tricks = {"SIM, matched, whole volume, SIM's range": compare.psnr(fitted, r)}
tricks["no matching: both scaled to 0 … 1 by their extremes"] = compare.psnr(
    (x - x.min()) / np.ptp(x), (r - r.min()) / np.ptp(r), 1
)
if case.truth is not None:  # SIM as it was counted, with a tenth of the light
    tricks["no matching: wide-field photons against SIM's"] = compare.psnr(x, r / 10)
tricks["range: 99.9th percentile for the maximum"] = compare.psnr(fitted, r, np.percentile(r, 99.9))
tricks["range: 65535, as the file is 16 bit"] = compare.psnr(fitted, r, 65535)
each = np.array([compare.psnr(compare.match_affine(a, p), p) for a, p in zip(x, r, strict=True)])
tricks["mean over planes, each matched, each with its own range"] = each.mean()
tricks["the best plane"] = each.max()

# %%
if case.truth is not None:
    tricks["against the truth instead of SIM"] = contest.score(x, case)
neighbours = (np.roll(r, 1, axis=0) + np.roll(r, -1, axis=0))[1:-1] / 2
leak = compare.psnr(compare.match_affine(neighbours, r[1:-1]), r[1:-1], np.ptp(r))
tricks["no estimate at all: the mean of the two neighbouring SIM planes"] = leak
kernels = optics.cut_psf(case.psf, y.shape).data
focus = kernels[len(kernels) // 2] / kernels[len(kernels) // 2].sum()
stacked = np.repeat(focus[None], len(kernels), axis=0)  # a 2D kernel of unit sum for each plane
model = operators.blur(stacked, y.shape, xp=xp)
bad = np.asarray(restorations.last(richardson_lucy.plain(y, model, n_iter=report_iterations, background=b)))
tricks[f"the PSF: {len(stacked)} 2D kernels stacked, sum {stacked.sum():.0f}"] = compare.psnr(
    compare.match_affine(bad, r), r
)

# %%
honest = next(iter(tricks.values()))
for what, value in tricks.items():
    print(f"{value:7.2f} dB  ({value - honest:+6.2f})  {what}")
bad_light = bad.sum() / x.sum()
print(f"light in the estimate with the stacked PSF: {bad_light:.3f} of that with the right one")

# %% [markdown]
r"""
**What to see.** One estimate, and fifty decibels to choose from: far more than what lies between the best and the worst method of most papers.

- **Planes and volumes.** A plane has its own range and its own match; the mean of such numbers is not the number of the volume.
- **Intensities.** SIM and wide-field count different light. Unmatched, PSNR measures the exposure.
- **The range** is a constant added to all rows, as long as it is stated, and the same.
- **SIM is no truth.** It is blurred, and noisy; what is blurred like it may agree with it better than the truth does (section 4).
- **The stacked PSF.** One kernel *per plane*, stacked and used as a PSF in 3D: a PSF that is equally bright at every depth, and whose sum is the number of its planes. It says that every plane sees all the others. And the sum goes into the estimate's brightness.
- **The leak.** Test planes beside training planes: what a method can learn by heart of the neighbours is already a good answer. The mean of the two neighbouring SIM planes, which has seen no wide-field stack at all, comes near Richardson–Lucy's score.

### Exercise 5: find the leak

`training` and `test` are lists of `(specimen, plane)`. Light of a plane reaches `reach` planes far, to both sides. Give those of the test into which light of the training leaks.
"""


# %%
def leaking(training, test, reach):
    """The (specimen, plane) of the test that light from a training plane reaches."""
    # <solution> same specimen, and not further than reach
    return [(s, p) for s, p in test if any(s == t and abs(p - q) <= reach for t, q in training)]
    # </solution>


# %% tags=["check"]
checks.leaking(leaking)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Two conditions: the same specimen, and a distance of at most `reach`. Another specimen is always far enough.

</details>

<details><summary>Hint 2</summary>

For each `(s, p)` of the test, `any(…)` over all `(t, q)` of the training.

</details>

{{solution}}
"""

# %%
planes = [("cell", p) for p in range(44)]
depth = psf_depth(case.psf.data)
splits = {"every second plane": (planes[::2], planes[1::2]), "first and second half": (planes[:22], planes[22:])}
splits["with a guard band"] = (planes[: 22 - depth], planes[22:])
for what, (training, test) in splits.items():
    spoilt = [p for p in test if any(abs(p[1] - q[1]) <= depth for q in training)]
    print(f"{what:22} {len(spoilt)} of {len(test)} test planes are spoilt")
print(f"reach: {depth} planes, over which the PSF is brighter than a tenth of its peak")

# %% [markdown]
r"""
The report trained SRCNN on half of the planes of the one stack that it also tested on.

## 11 · Real data, without a truth

All of the above needs a truth. What is left where there is none? Three things can be asked of an estimate; none of them is whether it is right.

- **The residual.** Is $(y - Ax - b) / \sqrt{Ax + b}$ white, with a variance of one, as photons' noise is? Structure in it was missed; a variance below one is fitted noise.
- **Replicates.** Thin the photons at random into halves, several times, and restore each: what changes from half to half is noise.
- **Two halves.** The Fourier shell correlation of two estimates, each from its own half of the photons. Above 1/7 the whole is trusted.

On a piece of the cell of notebook 0, on the bead of chapter 4, and, to see what the answers are worth, on the simulated microtubules.
"""

# %%
lattice, bead = data_fetch.load("lattice-cell"), data_fetch.load("widefield-bead")
pieces = {
    "lattice cell": (
        lattice.camera.photons(lattice.stack),
        (slice(4, 36), slice(110, 158), slice(20, 68)),
        lattice.psf,
    ),
    "bead": (bead.stack, (slice(9, 41), slice(15, 47), slice(15, 47)), bead.psf),
}
real = {"microtubules, simulated": stacks["microtubules"]}
for name, (above, window, psf) in pieces.items():
    piece, gain = above.with_data(above.data[window]), find_gain(above)
    photons = piece.with_data(np.maximum(piece.data, 0) / gain)
    kernel = optics.cut_psf(optics.resample(psf, piece.voxel_size), [2 * n for n in piece.shape])
    real[name] = cases.Case(None, photons, kernel, find_background(above) / gain)
    print(f"{name}: {photons}\n    gain by the noise {gain:.2f} counts a photon")

# %%
fast, rng, told = richardson_lucy.biggs_andrews, np.random.default_rng(11), {}
for name, case in real.items():
    n = every["accelerated RL, held-out photons"].choose(case, rng)
    *_, x = fast(case.stack.data, case.H, n_iter=n, background=case.background)
    model = np.maximum(np.asarray(case.H(x)), 0) + case.background
    told[name] = n, compare.residual_whiteness(case.stack.data, model)

# %%
for name, (n, white) in told.items():
    a = white.autocorrelation
    near = {axis: a[tuple(3 + (i == k) for i in range(3))] for k, axis in enumerate("zyx")}
    print(
        f"{name:24} {n:2d} iterations, variance {white.variance:5.2f}, excess {white.excess:9.1f}, neighbours "
        + ", ".join(f"{axis} {value:+.2f}" for axis, value in near.items())
    )

# %% alt="The autocorrelation of the residual in the yx plane: a single bright pixel for the simulation; a cross or a blob for the two real stacks."
named = {name: white.autocorrelation[3] for name, (_, white) in told.items()}
plots.pictures(named, step=(1, 1), xlabel="lag x (voxels)", ylabel="lag y (voxels)", unit="correlation")

# %% [markdown]
r"""
**What to see.** The simulated stack shows what it should be: variance one, one bright pixel. (*Excess* is the mean, over all lags, of the squared correlation times the number of pairs of voxels at that lag: 1 if the residual is white.) The lattice cell's residual is not white: it was deskewed by interpolation (chapters 4 and 5), so that neighbours share noise, and the gain by the noise is off. The bead's says that the model is wrong from one end to the other: its stack was downsampled, so that its noise tells nothing of photons, and its PSF is a theory. The first answer is not about the estimate at all; it is about what one believed of the data.

Now the two halves, and the replicates:
"""

# %%
halves, spread = {}, {}
for name, case in real.items():
    n = told[name][0]
    half = [case.half(part) for _ in range(2) for part in stopping.thin(case.stack.data, 0.5, rng)]
    four = [restorations.last(restorations.iterations(fast, part, n)) for part in half]
    halves[name] = compare.fsc(four[0], four[1])
    spread[name] = np.stack([2 * x.data for x in four])

# %% alt="Correlation of two halves against lateral frequency for the three stacks, with a line at 1/7."
curves = {name: (s.lateral.frequency, s.lateral.value) for name, s in halves.items()}
longest = max(f[-1] for f, _ in curves.values())
curves["1/7"] = np.array([0, longest]), np.full(2, 1 / 7)
plots.lines(curves, xlabel="lateral frequency (1/µm)", ylabel="correlation of the two halves", ylim=(-0.2, 1.05))

# %%
for name, s in halves.items():
    mean, sd = spread[name].mean(axis=0), spread[name].std(axis=0, ddof=1)
    bright = mean > np.percentile(mean, 99)
    print(
        f"{name:24} 1/7 at {s.lateral.resolution():.2f} µm across, {s.axial.resolution():.2f} along z\n{'':24} "
        f"from half to half the brightest hundredth changes by {100 * sd[bright].mean() / mean[bright].mean():.0f} %"
    )
case = real["microtubules, simulated"]
*_, x = restorations.iterations(fast, case, told["microtubules, simulated"][0])
against = compare.fsc(x, case.truth)
print(
    f"the simulated one against its truth, ½: {against.lateral.resolution(0.5):.2f} µm across, {against.axial.resolution(0.5):.2f} along z"
)

# %% [markdown]
r"""
**What to see.** For the simulated stack the answer can be checked: the two halves, at 1/7, and the truth, at ½, say much the same, here that the grid itself is the limit. For the two real stacks the halves stay far above 1/7 as well, up to the finest period that the voxels allow; and so little changes from half to half in what is bright (a half has half of the photons, so the whole is steadier still). Believe it? The residual said that what was thinned were no photons. But only photons, Poisson's counts, fall apart into independent halves; these share their noise, and their agreement means nothing. Order matters: first the residual, then the halves.

And remember what none of the three can see: what both halves get wrong in the same way. A wrong PSF, a prior, a trained network make the same mistake in each half, and agree with themselves.

## 12 · What can go wrong

| symptom | cause | fix |
|---|---|---|
| a method wins by several dB, on one volume | its number was chosen on that volume | a twin, or held-out photons |
| a network is far ahead on its own test planes | the planes lie beside those of its training | split by specimen, or a guard band |
| a row has a high PSNR and looks empty | PSNR on a dark volume | the rows *black* and *mean*; SSIM; the Fourier shell correlation |
| a row is far below all others, and looks fine | gain or offset | match before the score, and say so |
| the same estimate, another number in another paper | another range, or another reference | state both |
| the resolution of two halves is finer than any microscope's | the halves are not independent: smoothed data, a network | thin raw counts; compare with a truth, simulated |
| half-open question: which is the best method? | there is none without a specimen and an exposure | a simulation as like yours as can be, and sections 4 and 6 on it |

## Remember

- The test is asked once. All that is chosen is chosen on a twin, or by photons that were held out.
- Same reference, same range, same match: else two numbers are not comparable.
- A lead is a mean over specimens with an error.
- Which method is best depends on the specimen, the light, and on who knows the PSF.
- Without a truth one can find mistakes, never their absence.

<details><summary>1. A paper reports 32 dB for its network and 29 dB for Richardson–Lucy "with 10 iterations". What do you ask?</summary>

Who chose the ten, and on what? Was Richardson–Lucy stopped as well as it can be, with the right PSF, the background in the model and open edges? How many volumes, and how far do the differences scatter? And against which reference, with which range?

</details>

<details><summary>2. Two halves of the photons, restored by the same network, correlate far beyond the OTF's cut-off. Has it reached super-resolution?</summary>

No. It adds the same invented detail to both halves. Only a truth, or an independent measurement, can tell.

</details>

<details><summary>3. Your method is 0.3 dB better on average, with a standard error of 0.2 dB over five specimens. What do you write?</summary>

That the lead is no larger than chance would make it: 1.5 standard errors. Take more specimens; or say that the two are alike.

</details>

## References

- M. van Heel and M. Schatz, *J. Struct. Biol.* 151 (2005) 250, [doi:10.1016/j.jsb.2005.05.009](https://doi.org/10.1016/j.jsb.2005.05.009): the half-bit curve.
- Z. Wang *et al.*, *IEEE Trans. Image Process.* 13 (2004) 600, [doi:10.1109/TIP.2003.819861](https://doi.org/10.1109/TIP.2003.819861): SSIM.
- C. Belthangady and L. A. Royer, *Nat. Methods* 16 (2019) 1215, [doi:10.1038/s41592-019-0458-z](https://doi.org/10.1038/s41592-019-0458-z): promises and pitfalls.
- D. P. Hoffman, I. Slavitt and C. A. Fitzpatrick, *Nat. Methods* 18 (2021) 131, [doi:10.1038/s41592-020-01035-w](https://doi.org/10.1038/s41592-020-01035-w): the promise and peril of deep learning in microscopy.
- M. Weigert, L. Royer, F. Jug and G. Myers, *MICCAI 2017*, [doi:10.1007/978-3-319-66185-8_15](https://doi.org/10.1007/978-3-319-66185-8_15): IsoNet.
"""

# %%
at_home, on_cells, tubes = tables["filaments and shells"], tables["round cells"], tables["microtubules"]
matched = "PSNR, matched (dB)"
compare.write_results(
    "08",
    {
        "an honest iteration, below the test's own best (dB)": honesty,
        "filaments, held-out photons below the oracle (dB)": at_home["RL, oracle"][matched]
        - at_home["RL, held-out photons"][matched],
        "filaments, accelerated RL above interpolation (dB)": at_home["accelerated RL"][matched]
        - at_home["interpolated"][matched],
        "filaments, IsoNet-1 above SRCNN (dB)": leads["IsoNet-1", "SRCNN, microscopy"][0],
        "filaments, IsoNet-2 above SRCNN (dB)": leads["IsoNet-2", "SRCNN, microscopy"][0],
        "filaments, IsoNet-2 above IsoNet-1 (dB)": leads["IsoNet-2", "IsoNet-1"][0],
        "filaments, U-Net then RL above accelerated RL (dB)": leads["U-Net, then RL", "accelerated RL"][0],
        "cells, ADMM TV above accelerated RL (dB)": on_cells["ADMM, TV"][matched] - on_cells["accelerated RL"][matched],
        "microtubules, accelerated RL above raw (dB)": tubes["accelerated RL"][matched] - tubes["raw"][matched],
        "SIM against the truth itself (dB)": agreement["the truth itself"][matched],
        "SIM against SRCNN trained on it (dB)": agreement["SRCNN, microscopy"][matched],
        "the report's RL, agreement with SIM (dB)": agreeing["Richardson–Lucy"],
        "the report's ADMM, agreement with SIM (dB)": agreeing["ADMM"],
        "mean over planes, above the volume's (dB)": each.mean() - honest,
        "the neighbouring SIM planes, above Richardson–Lucy (dB)": leak - honest,
        "stacked 2D kernels, light (ratio)": bad_light,
        "residual variance, simulated (ratio)": told["microtubules, simulated"][1].variance,
    },
)
