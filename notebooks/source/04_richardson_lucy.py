# ---
# jupyter:
#   course:
#     profiles:
#       test:
#         report_size: small
#         report_iterations: 40
#         fast_iterations: 48
#         consensus_iterations: 60
#         tv_iterations: 120
#         late_iterations: 20
#       report: {report_size: report}
#     bands:
#       by hand against the module (relative): [0, 1.0e-4]
#       lost by subtracting the background (dB): [0.5, 1.6]
#       iterations of heavy ball to plain's misfit: [8, 20]
#       iterations of Biggs–Andrews to plain's misfit: [8, 20]
#       iterations of the line search to plain's misfit: [4, 13]
#       held-out photons, worst below the best (dB): [0, 0.6]
#       discrepancy, worst below the best (dB): [1, 6]
#       total variation on cells, above plain's best (dB): [1.5, 6]
#       total variation on filaments, above plain's best (dB): [-8, -1]
#       wrong sign of total variation (dB lost): [2, 20]
#       rim error, periodic / open (ratio): [2, 4]
#       real bead, width z at a tenth, after / before (ratio): [0.5, 0.8]
#       bead's solid twin, middle / maximum (ratio): [0.5, 1]
#       bead's hollow twin, middle / maximum (ratio): [0, 0.35]
#       the section 4 run (seconds): [0.05, 300]
# ---

# %% [markdown]
r"""
# 4 · Richardson–Lucy

In 1972 an optician, and in 1974 an astronomer who did not know of him, wrote down the same one-line rule for undoing a blur. Fifty years later it is still what most
microscopes' software runs when you press "deconvolve". It follows from one sentence, *light comes in photons*, and it never gives a negative brightness. It also never knows when to stop.

**After this notebook you can**

- derive the rule from Bayes and Poisson, and write it in three lines;
- give it what it wants: photons, with the background left in;
- reach the same result in a quarter of the iterations, or fewer;
- say when to stop, by three rules, and when each of them fails;
- choose total variation where it helps, and leave it where it harms;
- recognise a wrong PSF, or an edge, from what it does to the result.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| notebook 0, chapters 1 and 2 | 75–90 minutes | 1–3 minutes in all | 0.7 GB |

*Previous: [the PSF of a real microscope](03_psf_estimation.ipynb). Next: [ADMM](05_admm.ipynb). Short of time? Sections 1 to 3, 6, 9 and 11, without the last cell.*
"""

# %% tags=["setup"]
# %matplotlib inline
import time
from functools import partial

import numpy as np
from scipy import fft

import data_fetch
from course_utils import backend, checks, compare, formation, operators, optics, plots, specimen, stopping, widgets
from course_utils.counts import find_background, find_gain
from course_utils.deconvolve import deconvolve
from course_utils.optics import Optics
from course_utils.richardson_lucy import biggs_andrews, heavy_ball, i_divergence, line_search, plain, tv
from course_utils.stack import Stack

rng = np.random.default_rng(4)
xp = backend.default()  # NumPy, or TensorFlow on a GPU

# %% tags=["parameters"]
report_size = "course"  # the volume of section 4: "small", "course" or "report", 44 × 475 × 476 voxels
report_iterations = 100  # on it
fast_iterations = 60  # with momentum, section 6
consensus_iterations = 160  # of gradient consensus, at most
tv_iterations = 150  # section 7
late_iterations = 30  # "too late", on the real cell

# %% [markdown]
r"""
## 1 · What do the photons say?

A voxel that *expects* $m$ photons counts $y$ of them with the probability $m^y e^{-m} / y!$: Poisson's law, chapter 1. The expectation of all voxels is $m = A x + b$, with the specimen $x$, the blur $A$ and a
background $b$. The voxels count independently, so for the whole stack

$$p(y \mid x) \;=\; \prod_i \frac{m_i^{\,y_i}\, e^{-m_i}}{y_i!}, \qquad m = A x + b \tag{1}$$

We want the converse, how likely a specimen is, given the photons. **Bayes** turns it round: $p(x \mid y) \propto p(y \mid x)\, p(x)$. As long as we know nothing of the specimen but that it is not negative, $p(x)$ is flat, and the best
$x$ is the one that makes (1) largest. Take the logarithm, turn the sign, and add what does not depend on $x$, so that a perfect model gets zero ($0 \log 0$ counts as 0):

$$J(x) \;=\; \sum_i \Bigl( y_i \log\frac{y_i}{m_i} - y_i + m_i \Bigr) \tag{2}$$

This is the *I-divergence*, the **misfit** of notebook 0. How does it differ from the usual sum of squares? Look at one voxel that counted 3 photons:
"""

# %% alt="Misfit of a voxel with 3 photons against the expectation: a parabola is symmetric, the I-divergence is steep towards zero and flat above."
m = np.linspace(0.05, 10, 300)
curves = {"I-divergence": (m, 3 * np.log(3 / m) - 3 + m), "squares, (m − 3)² / 6": (m, (m - 3) ** 2 / 6)}
plots.lines(curves, xlabel="photons expected, m", ylabel="misfit of a voxel that counted 3", ylim=(0, 6))

# %% [markdown]
r"""
**What to see.** Near 3 the two agree. But squares hold that nothing was expected ($m = 0$) to be about as good a guess as 6, while photons that did arrive *cannot* have come from nothing: the I-divergence grows without end. With hundreds of photons
the two are nearly the same, with few they are not.

Now make (2) small. Its gradient is $A^\top 1 - A^\top (y/m)$. At the best $x \ge 0$, each voxel is either zero or has no gradient. Both at once: $x\,(A^\top 1) = x\, A^\top(y/m)$. Read this as a rule, from right to left, and it is Richardson's and Lucy's:

$$\boxed{\;x \;\leftarrow\; \frac{x}{A^\top 1}\; A^\top\, \frac{y}{A x + b}\;} \tag{3}$$

In words: blur the estimate, add the background, and ask by which factor the data are brighter. Send these factors back to where the light may have come from. Multiply. What is positive stays positive, and no step raises $J$ (Shepp and Vardi 1982).

## 2 · By hand

First a problem whose truth is known: the small course volume with a tenth of its light. To be quick, and to keep the formulas short, edges are periodic until section 8, so the PSF must fit into the grid: in the model, and, but for the stack of sections 4 and 5, in the simulation too.
"""

# %%
volume = data_fetch.load("microtubules", size="small")
shape, voxel = volume.stack.shape, volume.stack.voxel_size
A = formation.forward(optics.cut_psf(volume.psf, shape), shape, edges="periodic", xp=xp)

# %%
light = 0.1
truth, b = volume.truth.with_data(light * volume.truth.data), 10 * light
y = rng.poisson(np.maximum(A(truth), 0) + b).astype(np.float32)
print(
    f"the brightest voxels count {np.percentile(y, 99.9):.0f} photons, the average one {y.mean():.1f}, {b} of background"
)

# %% [markdown]
r"""
### Exercise 1: the update

Write one step of (3). `transfer` is the blur's transfer function on the grid of `x`, as `fft.rfftn` gives it; the PSF has unit sum, so that $A^\top 1 = 1$. `background` is a number, or an array like `y`. (Chapter 1: the adjoint has the complex conjugate.)
"""


# %%
def update(x, y, transfer, background):
    """The estimate after one step of Richardson–Lucy, periodic edges."""
    # <solution> blur x, add the background, divide y by that, send it back by the adjoint, multiply
    model = fft.irfftn(fft.rfftn(x) * transfer, s=x.shape) + background
    ratio = y / model
    return x * fft.irfftn(fft.rfftn(ratio) * np.conj(transfer), s=x.shape)
    # </solution>


# %% tags=["check"]
checks.update(update)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Three lines: `model`, `ratio`, and the new `x`. The background is not blurred: it is added after the blur.

</details>

<details><summary>Hint 2</summary>

`fft.irfftn(fft.rfftn(x) * transfer, s=x.shape)` blurs; with `np.conj(transfer)` it sends back.

</details>

{{solution}}
"""

# %% [markdown]
r"""
With the operators of chapter 1 the rule is one line. Ten steps of it, from a flat start; and the same by the course's module:
"""

# %%
x = xp.full(shape, float(y.mean() - b))
for _ in range(10):
    x = x * A.T(y / (A(x) + b))

# %%
*_, by_module = plain(y, A, n_iter=10, background=b)
by_hand_gap = float(np.abs(np.asarray(x) - np.asarray(by_module)).max() / np.max(by_module))
print(f"largest difference between the two, relative to the peak: {by_hand_gap:.0e}")

# %% [markdown]
r"""
`plain` is a **generator**: it hands over one estimate after another. So the loop is yours, and you may keep, count or draw what you like. Let us go on to a hundred, and keep the books:
"""

# %%
kept_at, estimates = (1, 10, 100), {}
for k, x in enumerate(plain(y, A, n_iter=100, background=b), start=1):
    if k in kept_at:
        estimates[k] = x = truth.with_data(np.asarray(x))
        misfit = i_divergence(y, np.asarray(A(x)) + b) / y.size
        lit = x.data.sum(dtype=float) / truth.data.sum(dtype=float)
        print(
            f"{k:4} iterations: misfit {misfit:.3f} a voxel, least value {x.data.min():.1e}, light {lit:.3f} of the truth's"
        )

# %% alt="Truth, the photons counted, grainy and hazy, and the estimate after 100 iterations: thin filaments again."
views = {"truth": truth, "photons counted": truth.with_data(y), "100 iterations": estimates[100]}
plots.sections(views)

# %% [markdown]
r"""
**What to see** (each panel in its own colours). Out of a grainy haze come filaments that one can follow. Across they are nearly as thin as they should be, and along z as well (compare xz with the truth's). The faintest hardly show. No value is negative. And light is conserved: exactly, were there no background; with one, as printed above,
within a few per cent.

## 3 · What it wants: photons, and the background left in

Rule (3) stands on Poisson's law, and the law holds for photons that were counted. It does not hold for counts with an offset, and not for photons from which something was *subtracted*. So the background goes into the model, never out of the data.

### Exercise 2: from a camera to Richardson–Lucy

You have a camera's `counts`, its `gain` and `offset`, and `dark`: the level, in counts, of a corner of the stack without any specimen. Give back `y, background`, as (3) wants them. The read noise may make a dark voxel negative, and photons cannot be.
"""


# %%
def model_background(counts, dark, gain, offset):
    """(y, background) for Richardson–Lucy: photons, not negative, and what of them does not come from the specimen."""
    # <solution> turn counts into photons that are not negative, and dark into photons
    y = np.maximum((counts - offset) / gain, 0)
    return y, (dark - offset) / gain
    # </solution>


# %% tags=["check"]
checks.model_background(model_background)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The empty corner is part of the stack: it was taken by the same camera, with the same offset and gain.

</details>

<details><summary>Hint 2</summary>

`np.maximum(photons, 0)`, and no subtraction but that of the offset.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Does it matter? Let the medium glow: 20 photons of background a voxel, where the brightest filaments add some 30. Subtract it first, as many programs do, cut off what is negative, and deconvolve without a background; or leave it in. (`biggs_andrews` is `plain` with *momentum*, section 5: it goes on along its last change, and so needs a quarter of the steps.
PSNR, in decibels, as in chapter 3, section 6: against the truth, its data range that of the truth; the higher, the better.)
"""

# %%
glow = 20.0
y_glow = rng.poisson(np.maximum(A(truth), 0) + glow).astype(np.float32)
curves, light_ratio = {}, {}
for name, (data, background) in {
    "in the model": (y_glow, glow),
    "subtracted first": (np.maximum(y_glow - glow, 0), 0.0),
}.items():
    run = [np.asarray(x) for x in biggs_andrews(data, A, n_iter=50, background=background)]
    curves[name] = np.arange(1, 51), np.array([compare.psnr(x, truth) for x in run])
    light_ratio[name] = run[-1].sum(dtype=float) / truth.data.sum(dtype=float)

# %% alt="PSNR against iterations: with the background in the model the curve climbs higher; subtracted first, it turns early and falls far."
plots.lines(curves, xlabel="iterations", ylabel="PSNR (dB)")

# %%
for name, (_, psnr) in curves.items():
    print(f"{name:17} best {psnr.max():.1f} dB, {light_ratio[name]:.2f} × the light of the truth in the end")
subtracted_loss = curves["in the model"][1].max() - curves["subtracted first"][1].max()

# %% [markdown]
r"""
**What to see.** Half of the dark voxels lie below the background by chance. Cutting them off leaves the other half, a haze which the algorithm must now explain by light that never was. At first the wrong way is even ahead, having less to explain: but it turns early, at a lower best, with a fifth too much light.

## 4 · A hundred iterations of a camera's stack

Now the run of the report from which this course grew (chapter 8, section 9): 100 iterations of plain Richardson–Lucy, with periodic edges, on 44 × 475 × 476 voxels. It took 326 s, in MATLAB on a laptop (i7-7700HQ). Here it runs on the course volume, as the
camera gave it. With `report_size = "report"` (or `make course PROFILE=report`) it has the report's size.
"""

# %%
large = data_fetch.load("microtubules", size=report_size)
photons = large.camera.photons(large.stack)
y_large, b_large = np.maximum(photons.data, 0), find_background(photons)
A_large = formation.forward(optics.cut_psf(large.psf, photons.shape), photons.shape, edges="periodic", xp=xp)
print(f"{photons.shape} voxels; background found {b_large:.1f} photons (simulated with 10, and haze lies on it)")

# %%
estimates, previous = plain(y_large, A_large, n_iter=report_iterations, background=b_large), 0.0
seconds, misfit, change = [], [], []
for _ in range(report_iterations):
    begin = time.perf_counter()
    x = np.asarray(next(estimates))
    seconds.append(time.perf_counter() - begin)
    misfit.append(i_divergence(y_large, np.asarray(A_large(x)) + b_large) / x.size)
    change.append(np.linalg.norm(x - previous) / np.linalg.norm(x))
    previous = x

# %%
report_voxels = 44 * 475 * 476
print(f"{report_iterations} iterations on {' × '.join(map(str, x.shape))} voxels: {sum(seconds):.1f} s here")
light = x.sum(dtype=float) / large.truth.data.sum(dtype=float)
print(f"light of the estimate: {light:.2f} of the truth's")
print("the report's 100 iterations on 44 × 475 × 476 voxels: 326 s in MATLAB, i7-7700HQ")
per_voxel = 1e9 * sum(seconds) / (report_iterations * x.size), 1e9 * 326 / (100 * report_voxels)
print("a voxel and iteration: {:.0f} ns here, {:.0f} ns there".format(*per_voxel))

# %% alt="Misfit per voxel against iterations: it falls steeply at first, then ever more slowly, and never rises."
iterations = np.arange(1, report_iterations + 1)
plots.lines({"plain": (iterations, np.array(misfit))}, xlabel="iterations", ylabel="misfit per voxel")

# %% alt="Relative change per iteration on a logarithmic scale: it falls, but ever more slowly."
curves = {"‖x − previous x‖ / ‖x‖": (iterations[1:], np.array(change[1:]))}
plots.lines(curves, xlabel="iterations", ylabel="relative change per iteration", log=True)

# %% alt="Maximum projections of truth, stack and the estimate: crossing filaments, a hazy version of them, and thin filaments again."
views = {"truth": large.truth, "stack": photons, f"{report_iterations} iterations": photons.with_data(x)}
plots.sections(views, projection=True)

# %% [markdown]
r"""
**What to see.** The misfit falls at every step, fast at first, then ever more slowly: after 100 iterations each step still changes the picture, so the algorithm has *not* arrived. The projections show the brightest voxel along each axis; each has its own colours.

In the logarithmic plot a method that gains a fixed factor each time would draw a straight line. This one bends: the coarse comes first, the fine takes for ever, since the OTF hardly lets it through.

One thing is odd: the estimate has far less light than the truth. The stack was simulated as nature makes it, with edges open and the whole PSF; a periodic model, the report's as well as this one, holds no more of the PSF than fits into the stack. Section 8 comes back to it.

## 5 · Faster: momentum, and longer steps

A step of Richardson–Lucy mostly repeats the last one. So walk on: go from the last two estimates ahead to $p = x + a\,(x - x_\text{previous})$, and take the step from there. How far? **Heavy ball** lets $a = (k-1)/(k+2)$ grow towards 1 with the number $k$ of steps (the rule is Nesterov's). **Biggs and Andrews** look at
how alike the last two changes $g = x - p$ were, each counted from where its step began: $a = \langle g, g_\text{previous}\rangle / \langle g_\text{previous}, g_\text{previous}\rangle$. Each costs one more volume or two, and next to no time. If a step raised the misfit, momentum is forgotten, and $k$ begins anew. And $p$ is kept a little above zero, where a voxel would stay for ever.

And the step itself is short: it is safe for every specimen, and so too careful for this one. A **line search** (Holmes and Liu) makes it three times as long, adds heavy ball's momentum $a\,(x - x_\text{previous})$, leaves every voxel at least a hundredth of what it had, and calls the result $z$, its aim. How much of the way from $x$ to $z$ is best? The blur is linear, so with $Ax$ and $Az$
the model of every point between the two is known, $Ax + c\,(Az - Ax)$. The best $c$ in $[0, 1]$ costs a few passes over the data, and no further Fourier transform. The misfit cannot rise; and where $c$ gets small, the aim was bad, and $k$ begins anew.
"""

# %%
races = {"plain": (np.array(misfit), np.cumsum(seconds))}
algorithms = {"heavy ball": heavy_ball, "Biggs–Andrews": biggs_andrews, "line search": line_search}
for name, algorithm in algorithms.items():
    estimates, times, misfits = algorithm(y_large, A_large, n_iter=40, background=b_large), [], []
    for _ in range(40):
        begin = time.perf_counter()
        x = np.asarray(next(estimates))
        times.append(time.perf_counter() - begin)
        misfits.append(i_divergence(y_large, np.asarray(A_large(x)) + b_large) / x.size)
    races[name] = np.array(misfits), np.cumsum(times)

# %% alt="Misfit against iterations: both momentum methods fall far faster than plain, and the line search faster still."
goal = races["plain"][0][-1]
low = 0.95 * min(m.min() for m, _ in races.values()), 3 * goal
curves = {name: (np.arange(1, m.size + 1), m) for name, (m, _) in races.items()}
plots.lines(curves, xlabel="iterations", ylabel="misfit per voxel", ylim=low)

# %% alt="Misfit against seconds: much the same picture, since a step of any of them costs little more than plain's."
plots.lines({name: (t, m) for name, (m, t) in races.items()}, xlabel="seconds", ylabel="misfit per voxel", ylim=low)

# %%
needed = {name: int(np.argmax(m <= goal)) + 1 for name, (m, _) in races.items()}
for name, k in needed.items():
    print(
        f"{name:14} reaches the misfit of {report_iterations} plain iterations after {k:3}, {races[name][1][k - 1]:.1f} s"
    )

# %% [markdown]
r"""
**What to see.** With momentum, the same misfit in about a quarter of the iterations; with the line search in fewer still; and most of the time saved. They do not lead elsewhere: all four go to the same limit. Whether one *wants* to go there is the question now. (The line search is what `deconvolve(…, method="rl-fast")` runs. The experiments to come take Biggs and Andrews' way, whose smaller steps show better where to stop.)

What is left of the time goes, for the most part, into the four Fourier transforms of an iteration. A faster library for them helps all four alike: with the package `pyfftw` installed, `backend.get("fftw")` computes as NumPy does, but transforms by FFTW, and goes through a step a few planes at a time, so that they stay in the processor's cache. And the same iterations run on a GPU, with `backend.get("tensorflow")`.

## 6 · When to stop

The limit of Richardson–Lucy is the specimen that explains the photons best, **noise included**. A grain of noise that a blur could hardly have made is explained by specks of light, brighter and smaller with each step. The error against the truth
falls at first, then rises: *semi-convergence*. Three exposures of the small volume show it, from 1 % of its light to all of it; momentum takes us there quickly.
"""

# %%
levels = (0.01, 0.1, 1.0)
exposures = {s: rng.poisson(np.maximum(A(s * volume.truth.data), 0) + 10 * s).astype(np.float32) for s in levels}
for s, data in exposures.items():
    print(f"{s:4} of the light: the brightest voxels count {np.percentile(data, 99.9):.0f} photons")

# %%
error, distance, dim = {}, {}, []
for s, data in exposures.items():
    score = stopping.discrepancy(data, A, background=10 * s)
    error[s], distance[s] = [], []
    for x in biggs_andrews(data, A, n_iter=fast_iterations, background=10 * s):
        error[s].append(compare.psnr(x, s * volume.truth.data))
        distance[s].append(score(x))
        dim += [np.asarray(x)] if s == levels[0] else []

# %% alt="PSNR against iterations for three exposures: each rises to a best value and falls again; the dimmer, the sooner."
k = np.arange(1, fast_iterations + 1)
plots.lines({f"{s} of the light": (k, np.array(e)) for s, e in error.items()}, xlabel="iterations", ylabel="PSNR (dB)")

# %% alt="The truth, and the dimmest exposure's estimates: too early and smooth, at its best, and too late, when filaments have broken up into specks."
best = {s: int(np.argmax(e)) + 1 for s, e in error.items()}
chosen = (max(best[0.01] // 3, 1), best[0.01], fast_iterations)
views = {"truth": volume.truth} | {f"{n} iterations": truth.with_data(dim[n - 1] / levels[0]) for n in chosen}
plots.sections(views)

# %% [markdown]
r"""
**What to see** (each panel in its own colours; mind the bars). Beside the truth: too early, blurred and dim; the best there is; too late. The filaments have broken up into specks, sharper than the truth, and none of that sharpness is real; along the way the misfit has only ever fallen. Dimmer exposures turn sooner.

On real data nobody draws this curve, since nobody has the truth. Three rules do without it.

**Held-out photons.** Two exposures of the same cell would do: deconvolve one, and see how well the estimate *predicts the other*. Structure is in both, noise is not. And one exposure can be made into two, for photons are grains: let each fall by chance into one of two heaps. Both are then Poisson,
and independent; that is peculiar to Poisson's law.

### Exercise 3: photons held out

Split `y` (whole numbers of photons) into `kept` and `held`, so that each photon is kept with the probability `share`.
"""


# %%
def thin(y, share, rng):
    """(kept, held): each photon of y is in one of the two, by chance."""
    # <solution> draw how many photons of each voxel are kept; the rest is held out
    kept = rng.binomial(y, share)
    return kept, y - kept
    # </solution>


# %% tags=["check"]
checks.thinning(thin)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

A voxel with 30 photons keeps as many as a coin, thrown 30 times, shows heads, if heads have the probability `share`. Which distribution is that?

</details>

<details><summary>Hint 2</summary>

`rng.binomial(n, p)` takes arrays. Draw once; what is not kept is held.

</details>

{{solution}}
"""

# %% [markdown]
r"""
`stopping.held_out` scores each estimate by the I-divergence of the held photons from its prediction. Its minimum says how many iterations to take with *all* the photons. With half of them noise takes over sooner, so it may come a little early; that costs little, since near its best the error is flat. (Try your own: `thin(data.astype(int), 0.5, rng)`.)
"""

# %%
predicted = {}
for s, data in exposures.items():
    kept, held = stopping.thin(data, 0.5, rng)
    score = stopping.held_out(held, A, share=0.5, background=10 * s)
    estimates = biggs_andrews(kept, A, n_iter=fast_iterations, background=0.5 * 10 * s)
    predicted[s] = np.array([score(x) for x in estimates])

# %% alt="Scores of held-out photons, above their minimum, against iterations: each has its minimum near that of the true error."
curves = {f"{s} of the light": (k, 1e-7 + p - p.min()) for s, p in predicted.items()}  # log 0 cannot be drawn
plots.lines(curves, xlabel="iterations", ylabel="misfit above its least", log=True, ylim=(1e-5, 5))

# %% [markdown]
r"""
(The dips are the minima.)

**Discrepancy.** The truth itself does not fit the data perfectly: a voxel's misfit is about $(y - m)^2 / 2m$, and the variance of $y$ is $m$, so on average it is ½ (with few photons less; `stopping.noise_divergence` knows). An estimate that comes nearer than that has fitted noise. So stop where the misfit meets the mark. It wants true photons and the right PSF.

**Gradient consensus** does not count iterations. It splits the photons into two halves, which ask for the changes $x g_1$ and $x g_2$, each half $y_i$ with $g_i = A^\top(2 y_i/m) / A^\top 1 - 1$; a voxel takes its step only where $A^\top A\,(x g_1 g_2)$ is positive, that is, where both agree within reach of the PSF. When less than 1 % of the light still changes, it ends. It is an algorithm of its own, on plain steps, each more than twice as dear.
"""

# %%
consensus = {}
for s, data in exposures.items():
    run = stopping.gradient_consensus(data, A, n_iter=consensus_iterations, background=10 * s, rng=rng)
    errors = [compare.psnr(x, s * volume.truth.data) for x in run]
    consensus[s] = len(errors), errors[-1]

# %%
rules = {"best possible": best}
rules["held-out photons"] = {s: int(np.argmin(p)) + 1 for s, p in predicted.items()}
rules["discrepancy"] = {s: int(np.argmin(d)) + 1 for s, d in distance.items()}
marks = {name: {s: (n, error[s][n - 1]) for s, n in stops.items()} for name, stops in rules.items()}
marks["gradient consensus"] = consensus
print(" " * 20 + "".join(f"{s} of the light".rjust(21) for s in levels))
for name, stops in marks.items():
    print(f"{name:20}" + "".join(f"{value:.1f} dB after {n:3}".rjust(21) for n, value in stops.values()))

# %% alt="The three error curves with each rule's stop, in the curve's colour: held-out photons lie at the tops, discrepancy stops far too early where light is least."
curves = {f"{s} of the light": (k, np.array(e)) for s, e in error.items()}
figure = plots.lines(curves, xlabel="iterations", ylabel="PSNR (dB)")
axes, colours = figure.axes[0], [line.get_color() for line in figure.axes[0].lines]
for (name, stops), marker, size in zip(marks.items(), "o^sD", (160, 60, 60, 60), strict=True):
    for (n, value), colour in zip(stops.values(), colours, strict=True):
        axes.scatter(n, value, s=size, marker=marker, facecolors="none", edgecolors=colour, linewidths=1.5, zorder=3)
    axes.scatter([], [], s=size, marker=marker, facecolors="none", edgecolors="black", label=name)
axes.legend(frameon=False)
axes.set(xscale="log")
figure

# %%
loss = {name: [max(error[s]) - stops[s][1] for s in levels] for name, stops in marks.items()}
for name, values in loss.items():
    print(f"{name:20} below the best by " + ", ".join(f"{v:.2f}" for v in values) + " dB")

# %% [markdown]
r"""
**What to see.** Held-out photons come within half a dB of the best at every exposure: this is the rule behind `deconvolve(…, n_iter="auto")`. The discrepancy stops too early, which costs one to three dB. Where light is scarce, nearly all voxels are background, any estimate fits them, and what the filaments add to the misfit is small beside its scatter; where it is ample, the error still falls steeply at the mark, and a few iterations too few cost much. Consensus, which
takes plain steps, is no match for the best accelerated estimate, and in good light it has not ended after all the steps that we gave it; but in poor light it ends by itself, within a dB.

## 7 · Knowing something of the specimen: total variation

So far every specimen was equally likely beforehand. Suppose we know better: the cells are bodies of *even* brightness, with sharp rims. Then $p(x) \propto e^{-\lambda\,\mathrm{TV}(x)}$ in Bayes' rule, where TV, the **total variation**, is the sum of all slopes, $\sum |\nabla x|$, and $\lambda$ its weight (no wavelength, here and in chapter 5). Noise has slopes everywhere, an even body only at its rim.
The rule changes in one place (Dey 2006), for TV's derivative is $-\operatorname{div}(\nabla x / |\nabla x|)$; its slopes are taken from the *previous* estimate:

$$x \;\leftarrow\; \frac{x}{A^\top 1 \;-\; \lambda\,\operatorname{div}\!\frac{\nabla x}{|\nabla x|}}\; A^\top\, \frac{y}{A x + b} \tag{4}$$

### Exercise 4: the denominator, and its sign

Write the denominator of (4) with $A^\top 1 = 1$. Take periodic differences: $\nabla$ forward, `np.roll(x, -1, axis) - x`; div backward, `u - np.roll(u, 1, axis)`, added over the three axes. So that nothing is divided by zero where $x$ is flat, $|\nabla x| = \sqrt{\sum_\text{axes} (\nabla x)^2 + \varepsilon^2}$.
"""


# %%
def tv_denominator(x, weight, eps):
    """1 − weight · div(∇x / |∇x|), periodic."""
    # <solution> slopes along three axes, divided by their length; their divergence; one minus weight times that
    slope = [np.roll(x, -1, axis) - x for axis in range(3)]
    length = np.sqrt(sum(s**2 for s in slope) + eps**2)
    div = sum(s / length - np.roll(s / length, 1, axis) for axis, s in enumerate(slope))
    return 1 - weight * div
    # </solution>


# %% tags=["check"]
checks.tv_denominator(tv_denominator)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Four lines: `slope`, a list of three arrays; `length`, one array for all three; `div`; and the result.

</details>

<details><summary>Hint 2</summary>

Think of one voxel brighter than all its neighbours. All arrows ∇x/|∇x| point towards it, so div is negative there, the denominator above 1, and the voxel is lowered.

</details>

{{solution}}
"""

# %% [markdown]
r"""
The sign is easily lost. Here is what that does. The specimen now: round cells of even brightness, under the same microscope, in poor light. `operators.gradient` is ∇, a slope along z counted per lateral voxel; its adjoint is −div.
"""

# %%
rng = np.random.default_rng(7)  # anew, so that the volumes do not hang on what was drawn before
cells = specimen.nuclei(shape, voxel, n=14, diameter=2.0, texture=0.0, photons=30, rng=rng)
y_cells = rng.poisson(np.maximum(A(cells), 0) + 5).astype(np.float32)
gradient, weight, eps = operators.gradient(shape, voxel, xp=xp), 0.01, 0.01

# %%
signs = {}
for name, sign in {"right sign": 1, "wrong sign": -1}.items():
    x = xp.full(shape, float(y_cells.mean() - 5))
    for _ in range(40):
        slope = np.asarray(gradient(x))
        minus_div = gradient.T(slope / np.sqrt((slope**2).sum(0) + eps**2))
        x = x * A.T(y_cells / (A(x) + 5)) / (1 + sign * weight * minus_div)
    signs[name] = cells.with_data(np.asarray(x))

# %% alt="Round cells: the truth, even; with the right sign smooth; with the wrong sign a checkerboard."
plots.sections({"truth": cells, **signs}, limits=(0, 45))

# %%
sign_loss = compare.psnr(signs["right sign"], cells) - compare.psnr(signs["wrong sign"], cells)
print(f"PSNR {compare.psnr(signs['right sign'], cells):.1f} dB; with the wrong sign {sign_loss:.1f} dB less")

# %% [markdown]
r"""
Nothing crashes; but a wrong sign *rewards* slopes, and the cells dissolve into a checkerboard. Now the module's `tv`, against plain Richardson–Lucy, on both specimens: even cells, and thin filaments (section 2's).
"""

# %%
specimens = {"cells": (cells, y_cells, 5.0, 0.01), "filaments": (truth, y, b, 0.01)}
curves, last = {}, {}
for name, (object_, data, background, weight) in specimens.items():
    total_variation = partial(tv, weight=weight, voxel_size=voxel)
    for label, algorithm in {f"{name}, plain": plain, f"{name}, TV": total_variation}.items():
        psnr = []
        for x in algorithm(data, A, n_iter=tv_iterations, background=background):
            psnr.append(compare.psnr(x, object_))
        curves[label], last[label] = (np.arange(1, tv_iterations + 1), np.array(psnr)), np.asarray(x)

# %% alt="PSNR against iterations: for cells total variation climbs above plain and stays; for filaments it stays below plain's best."
plots.lines(curves, xlabel="iterations", ylabel="PSNR (dB)")

# %%
tv_gain = {name: curves[f"{name}, TV"][1][-1] - curves[f"{name}, plain"][1].max() for name in specimens}
for name, gain in tv_gain.items():
    print(f"{name}: TV at the end against plain at its best: {gain:+.1f} dB")

# %% alt="Round cells: the truth; plain at its best, grainy; total variation at the end, smooth."
n = int(np.argmax(curves["cells, plain"][1])) + 1
*_, x = plain(y_cells, A, n_iter=n, background=5.0)
views = {f"plain, its best ({n})": np.asarray(x), f"TV, the end ({tv_iterations})": last["cells, TV"]}
plots.sections({"truth": cells} | {name: cells.with_data(data) for name, data in views.items()}, limits=(0, 45))

# %% [markdown]
r"""
**What to see.** For the cells, TV wins clearly over the best that plain Richardson–Lucy can do: no grain is left, and further iterations do no harm. For filaments it loses: a line is *all* slope, and TV wears it away. A prior is knowledge. Where the knowledge is wrong, so is the picture. (The weights were
chosen on these very volumes, which flatters TV. λ need not follow the unit of the data, but falls as photons become more.)

## 8 · Edges

Real stacks have edges, and light crosses them: cells go on beyond the field of view, and their haze comes in. A periodic model explains it by what lies on the *opposite* side. The honest model (Bertero and Boccacci) estimates the specimen on a grid larger than the stack, and compares only what was seen: blur, then **crop**.

### Exercise 5: the adjoint with a field of view

Now $A$ = crop ∘ blur. Write $A^\top$: from the picture `u` back onto the grid of this `shape`. The crop took the middle: along each axis it began at `(n - m) // 2`, where `n` is the grid's length and `m` the picture's.
"""


# %%
def back_projection(u, transfer, shape):
    """A.T u on the grid, for A = "blur on the grid, then cut out the middle, of u's shape"."""
    # <solution> put zeros around the picture, then multiply its spectrum by the conjugate
    before = [(n - m) // 2 for n, m in zip(shape, u.shape, strict=True)]
    widths = [(a, n - m - a) for a, n, m in zip(before, shape, u.shape, strict=True)]
    return fft.irfftn(fft.rfftn(np.pad(u, widths)) * np.conj(transfer), s=shape)
    # </solution>


# %% tags=["check"]
checks.back_projection(back_projection)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The adjoint of "first B, then C" is "first Cᵀ, then Bᵀ". What is the transpose of a matrix that picks some rows?

</details>

<details><summary>Hint 2</summary>

`np.pad(u, [(before, after), …])` puts zeros around. Zeros, whatever the picture's edge looks like: of what lies outside, nothing was measured.

</details>

{{solution}}
"""

# %% [markdown]
r"""
`formation.forward(…, edges="open")`, the default, is this operator, and $A^\top 1$ in (3) now does its work: it is small where little light reaches the field of view, and where it is next to nothing the estimate stays zero.

Beads scattered through a large volume, of which the middle is seen, by two PSFs. The first is the *middle* of the microscope's, half as long as the stack along each axis: a periodic grid can hold it, and edges are all that the two models differ in. The second is the *whole*, of which the periodic model takes what fits. (The error is relative to the truth there, as in chapter 3: `compare.nrmse`.)
"""

# %%
half, whole = optics.cut_psf(volume.psf, [n // 2 for n in shape]), volume.psf
rim = np.ones(shape, bool)
rim[3:-3, 8:-8, 8:-8] = False  # 3 planes, and 8 voxels at the sides: 0.6 µm
worlds, rng = {}, np.random.default_rng(8)
for name, psf in {"the PSF's middle": half, "the whole PSF": whole}.items():
    room = formation.forward(psf, shape, xp=xp)
    world = specimen.beads(
        room.shape_in, voxel, n=35 if psf is half else 100, diameter=0.6, min_distance=1.2, photons=1e5, rng=rng
    )
    photons = rng.poisson(np.maximum(room(world), 0) + 10).astype(np.float32)
    seen = Stack(operators.crop(shape, room.shape_in, xp=xp)(world.data), voxel)
    periodic = formation.forward(optics.cut_psf(psf, shape), shape, edges="periodic", xp=xp)
    worlds[name] = seen, photons, {"open": room, "periodic": periodic}
    print(f"{name}: seen {shape} voxels, estimated with open edges {room.shape_in}")

# %%
edges = {}
print(f"{'':28}error in the rim, elsewhere    light of the beads")
for name, (seen, photons, models) in worlds.items():
    bright = seen.data > 0.5 * np.percentile(seen, 99.8)
    for kind, model in models.items():
        *_, x = biggs_andrews(photons, model, n_iter=20, background=10)
        x = np.asarray(operators.crop(shape, model.shape_in, xp=xp)(x))
        errors = [compare.nrmse(x[part], seen.data[part]) for part in (rim, ~rim)]
        edges[name, kind] = x, *errors, x[bright].sum() / seen.data[bright].sum()
        print(f"{name}, {kind:10}".ljust(28) + "{:16.2f} {:10.2f} {:18.2f} ×".format(*edges[name, kind][1:]))

# %% alt="Maximum projections of the error by the PSF's middle: with open edges faint everywhere; with periodic ones bright spots at the border, in xz at its top and bottom."
seen = worlds["the PSF's middle"][0]
off = {f"{kind}: error": np.abs(edges["the PSF's middle", kind][0] - seen.data) for kind in ("open", "periodic")}
views = {"truth": seen} | {name: seen.with_data(error) for name, error in off.items()}
plots.sections(views, projection=True, limits=(0, np.percentile(seen, 99.8)))

# %% [markdown]
r"""
**What to see.** With the PSF's middle, periodic edges go wrong *in the rim*. Of a bead that is cut by the border, part of the light went out, and the model has it come back on the opposite side, where it was not seen; so the bead is made dimmer. Light of beads beyond the border came in, and the model finds a place for it inside. (The rim has a top and a bottom, too: see xz. In xy, spots in the middle are beads of the first and last planes.) Elsewhere the two are nearer to each other.

With the whole PSF, the periodic model is wrong *everywhere*: of the beads' light about half is left. It takes the part of the PSF that fits for all of it, so less light explains a bead. That is what was odd in section 4. Open edges cost a larger grid, as printed: here three to eight times the voxels. (Where the border of the stack is empty and the PSF is short, periodic edges do no harm.)

## 9 · The wrong PSF

Five beads, 0.7 µm across, lie 5 µm deep in water under an oil objective (chapter 2). Edges are periodic once more, in the data and in the model. The beads are deconvolved with the right PSF, and with eight wrong ones: too narrow or too wide (as if for another wavelength), off their centre, and for another depth.
"""

# %%
oil = partial(Optics, NA=1.3, n_immersion=1.515, n_specimen=1.33)
deep = partial(optics.gibson_lanni_psf, shape=(48, 64, 64), voxel_size=voxel)
right = deep(oil(wavelength=0.52, depth=5))
kernels = {"right": right}
kernels |= {f"{w} × as wide": deep(oil(wavelength=w * 0.52, depth=5)) for w in (0.7, 1.4, 2)}
kernels |= {f"{n} voxels off along {'zyx'[i]}": right.with_data(np.roll(right, n, i)) for n, i in ((2, 2), (3, 0))}
kernels |= {f"for {depth} µm deep": deep(oil(wavelength=0.52, depth=depth)) for depth in (0, 2.5, 10)}

# %%
blurs = {name: formation.forward(kernel, (48, 64, 64), edges="periodic", xp=xp) for name, kernel in kernels.items()}
rng = np.random.default_rng(9)
centres = [(24, 32, 16), (24, 32, 46), (24, 14, 32), (13, 32, 32), (35, 32, 32)]
beads = specimen.beads((48, 64, 64), voxel, centres=centres, diameter=0.7, photons=3e5)
true_blur = blurs["right"]
y_beads = rng.poisson(np.maximum(true_blur(beads), 0) + 10).astype(np.float32)

# %%
results = {}
for name, blur in blurs.items():
    *_, x = biggs_andrews(y_beads, blur, n_iter=40, background=10)
    results[name] = beads.with_data(np.asarray(x))
    off = i_divergence(y_beads, np.asarray(blur(x)) + 10) / y_beads.size
    print(f"{name:22} PSNR {compare.psnr(x, beads):4.1f} dB, misfit {off:.3f} a voxel")

# %% [markdown]
r"""
Move the slider: sections along z through four of the beads. Left the truth, in the middle what the right PSF gives, right what the chosen one gives; one colour scale for all three.
"""

# %%
xz = {name: stack.data[:, 32] for name, stack in {"truth": beads, "right PSF": results["right"], **results}.items()}
labels = {"step": voxel[::2], "xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "photons", "cmap": "inferno"}
widgets.explore(
    lambda psf: plots.pictures({name: xz[name] for name in ("truth", "right PSF", psf)}, **labels),
    psf=list(results)[1:],
    description="Beads deconvolved with the chosen PSF, beside the truth and the right one: wider, shifted, or drawn out.",
)

# %% alt="Beads in xz: the truth, with the right PSF, one twice as wide, one off the centre along z, and one for the wrong depth."
names = ("truth", "right PSF", "2 × as wide", "3 voxels off along z", "for 0 µm deep")
plots.pictures({name: xz[name] for name in names}, **labels)

# %% [markdown]
r"""
**What to see.** *Too wide*: more blur is undone than there was, so beads come out too small across, and too bright; twice too wide, they also sit higher. *Too narrow*: hardly anything happens; beads are a little wider, with a dent: of the two the smaller evil. *Off the centre*: the same picture, elsewhere; the misfit does not notice, for nothing in the data says where the PSF's centre was.
*For another depth*: beads are moved along z and drawn out, for tails are taken away that were not there. The misfits betray a depth that is 5 µm off; half as far off, or twice as wide, stands out only a little, and the others hardly.

## 10 · Real data

Two stacks from real microscopes, so there is **no truth** here: we can measure how the pictures change, and must argue whether for the better. First the cell of notebook 0, a part of it, with its measured PSF. How many iterations? Held-out photons want photons, so the camera's offset comes off first (98 counts, what an empty corner shows). The gain was never recorded: take what the noise says (`find_gain`). The quotients are no whole numbers; `thin` rounds them.
"""

# %%
lattice = data_fetch.load("lattice-cell")
cell = lattice.stack.with_data(lattice.stack.data[0:50, 95:180, 10:95])
psf_cell = optics.resample(lattice.psf, cell.voxel_size)
above = lattice.camera.photons(cell)
gain = find_gain(above)
y_cell, b_cell = np.maximum(above.data, 0) / gain, find_background(above) / gain
view = formation.forward(psf_cell, cell.shape, xp=xp)
print(f"{cell}\ngain by the noise {gain:.2f} counts a photon, background {b_cell:.0f} photons")

# %%
kept, held = stopping.thin(y_cell, 0.5, rng)
score = stopping.held_out(held, view, share=0.5, background=b_cell)
scores = [score(x) for x in line_search(kept, view, n_iter=late_iterations, background=0.5 * b_cell)]
print(f"held-out photons are predicted best after {int(np.argmin(scores)) + 1} of {late_iterations} steps")

# %%
sharp = {
    n: deconvolve(cell, psf_cell, method="rl-fast", n_iter=n, camera=lattice.camera, progress=False)
    for n in (6, late_iterations)
}

# %% alt="Part of the cell: measured, after 6 iterations with vesicles sharp and round, and after 30, when everything has become specks."
views = {"measured": above, **{f"{n} iterations": stack for n, stack in sharp.items()}}
plots.sections(views, at=(21, 65, 32), unit="counts above the offset")

# %% [markdown]
r"""
**What to see.** The rule lets the iterations run on to the last of these, into specks. It is misled: this stack was *straightened* (deskewed) by interpolation, which smoothed its noise. So the gain is found too small, and the two halves are not as independent as the rule takes them to be. No rule replaces knowing what was done to the data. Here one stops by hand, early, where vesicles are sharp and the background is still even.

Second (skip it if you are short of time), a wide-field bead, 2.5 µm across, with its hourglass of haze; its PSF is theoretical. The step along z is *assumed*, see `facts`.
"""

# %%
bead = data_fetch.load("widefield-bead")
print(bead.facts["voxel"])
dark = find_background(bead.stack)
clean = {"real bead": bead.stack.with_data(np.maximum(bead.stack.data - dark, 0))}
for n in (8, 25):
    clean[f"real bead, {n} iterations"] = deconvolve(bead.stack, bead.psf, method="rl-fast", n_iter=n, progress=False)

# %% alt="The bead in xz, logarithmic: an hourglass of haze before; a compact body after 8 iterations; a hollow shell after 25."
along_z = {name: stack.data[8:33, 31] / stack.data.max() for name, stack in clean.items()}
plots.pictures(along_z, low=1e-2, **labels | {"step": bead.stack.voxel_size[::2], "unit": "part of the peak"})

# %% [markdown]
r"""
**What to see.** The hourglass collapses. But the bead stays longer than wide, which no bead is, and after many iterations it is *hollow*. What of that is the method's doing? Ask twins whose truth is known: two round beads of 2.5 µm, one solid, one with dye in its outer 0.2 µm only, blurred with this PSF, as bright as the real one (a count taken for a photon), and treated in the same way.
"""

# %%
A_bead = formation.forward(bead.psf, bead.stack.shape, xp=xp)
place = partial(specimen.beads, bead.stack.shape, bead.stack.voxel_size, centres=[(25, 31, 31)])
ball, inner = (place(diameter=d, photons=d**3).data for d in (2.5, 2.1))
for name, body in {"solid twin": ball, "hollow twin": np.maximum(ball - inner, 0)}.items():
    blurred = np.maximum(A_bead(operators.crop(body.shape, A_bead.shape_in, xp=xp).T(body)), 0)
    brightness = clean["real bead"].data.max() / blurred.max()
    twin = bead.stack.with_data(rng.poisson(brightness * blurred + dark))
    clean[name] = twin.with_data(np.maximum(twin.data - dark, 0))
    clean[f"{name}, 25 iterations"] = deconvolve(twin, bead.psf, method="rl-fast", n_iter=25, progress=False)

# %%
widths = {}
print(" " * 28 + "µm at half the maximum, and at a tenth")
for name, stack in clean.items():
    for axis, line in {"z": stack.data[:, 31, 31], "x": stack.data[25, 31]}.items():
        fine = np.interp(np.arange(0, line.size - 1, 0.01), np.arange(line.size), line)
        step = 0.01 * stack.voxel_size[0 if axis == "z" else 2]
        widths[name, axis] = [step * np.ptp(np.flatnonzero(fine > part * fine.max())) for part in (0.5, 0.1)]
    print(f"{name:28}" + "".join("along {}: {:.2f}, {:5.2f}    ".format(axis, *widths[name, axis]) for axis in "zx"))

# %% alt="Profiles along x after 25 iterations: the real bead is empty in its middle, its hollow twin nearly so, its solid twin is not."
curves = {name: f"{name}, 25 iterations" for name in ("real bead", "solid twin", "hollow twin")}
curves = {name: clean[run].data[25, 31] / clean[run].data[25, 31].max() for name, run in curves.items()}
along_x = bead.stack.voxel_size[2] * (np.arange(64) - 31)
middle = np.abs(along_x) < 3  # µm: beyond it is dark
plots.lines(
    {name: (along_x[middle], line[middle]) for name, line in curves.items()},
    xlabel="x (µm)",
    ylabel="part of the maximum",
)

# %%
hole = {name: line[29:34].min() for name, line in curves.items()}
print("in the middle, part of the maximum: " + ", ".join(f"{name} {value:.2f}" for name, value in hole.items()))

# %% [markdown]
r"""
**What to see.** *Hollow*: the solid twin has a dent, which is the algorithm's doing, for late iterations raise rims. But it stays filled; and as it was measured it is narrower along x than the real bead. The hollow twin is as wide as the real one, and comes out hollow. So the real bead's dye most likely sits near its surface.

*Long*: both twins are round, and come out longer than wide; that is the missing cone. But the real bead is shorter than its hollow twin before, and longer after. A step along z that was assumed wrongly scales both alike, so no other step sets both right: the PSF, a theory, is not quite this microscope's. A measured one could tell. This is how far one gets without the truth.

## 11 · What can go wrong

The module refuses the worst of it. Data from which the background was subtracted:
"""

# %%
try:
    next(plain(y - 5, A, n_iter=1, background=0))
except ValueError as error:
    print(error)

# %% [markdown]
r"""
What it cannot see is a PSF off its centre: by one voxel where a kernel was flipped instead of conjugated (chapter 1), by two along x in section 9. Such a PSF moves light by +2 voxels; to explain light where it is, the estimate lies 2 voxels the other way:
"""

# %%
centre = {}
for name in ("right", "2 voxels off along x"):
    light_along_x = results[name].data.sum(axis=(0, 1), dtype=float)
    centre[name] = light_along_x @ np.arange(light_along_x.size) / light_along_x.sum()
moved = centre["2 voxels off along x"] - centre["right"]
print(f"centre of all light along x: moved by {moved:+.2f} voxels")

# %% [markdown]
r"""
Most of these you have seen; for the first three change `b` in the cells of section 3, for the last one `weight` in section 7.

| symptom | cause | fix |
|---|---|---|
| haze in specks, too much light | background subtracted first, and cut off | leave it in y, give `background=` |
| dim structures gone, dark holes around bright ones | background set too high | `find_background`, and look |
| haze stays everywhere | background set too low, or the camera's offset still in y | `find_background`, and look |
| specks, filaments like strings of pearls | too many iterations | stop earlier: `n_iter="auto"` |
| bodies too small and too bright | PSF too wide | another PSF (chapter 3) |
| bright rims, hollow bodies | too many iterations, or not the right PSF | a twin whose truth is known |
| everything moved | PSF off its centre | `optics.clean_psf` |
| tails along z, to one side | PSF for another depth | the right `depth` (chapter 2) |
| errors in the rim; all too dim | periodic edges; a PSF cut to fit | `edges="open"`, the whole PSF |
| staircases, lost filaments | total variation where nothing is even | plain, stopped early |

## Remember

- Poisson's law and Bayes' rule give the update; positivity comes with it, and, but for the background, the conservation of light.
- Photons in, background in the model.
- Momentum gives the same in a quarter of the iterations, a line search in a seventh.
- Its limit is noise. Stop by held-out photons, if the data are a camera's own; distrust every rule on data that were processed.
- Total variation is knowledge: right for even bodies, wrong for filaments.

<details><summary>1. The data are noise-free. Does one still have to stop?</summary>

No. The truth is then a fixed point, and the estimate comes nearer with every step; though what the OTF does not transmit comes back only so far as positivity fixes it.

</details>

<details><summary>2. You double the exposure. Will the best iteration come sooner or later?</summary>

Later: noise is smaller beside the signal, so finer detail can be had before noise takes over.

</details>

<details><summary>3. A colleague's misfit falls to 0.2 a voxel, at some hundred photons a voxel. What do you tell her?</summary>

That at so many photons the truth itself would have about ½: she has fitted noise. Or her numbers are not photons: in other units the misfit has another mark.

</details>

## References

- W. H. Richardson, *J. Opt. Soc. Am.* 62 (1972) 55, [doi:10.1364/JOSA.62.000055](https://doi.org/10.1364/JOSA.62.000055); L. B. Lucy, *Astron. J.* 79 (1974) 745, [doi:10.1086/111605](https://doi.org/10.1086/111605).
- L. A. Shepp and Y. Vardi, *IEEE Trans. Med. Imaging* 1 (1982) 113, [doi:10.1109/TMI.1982.4307558](https://doi.org/10.1109/TMI.1982.4307558): no step raises the misfit.
- D. S. C. Biggs and M. Andrews, *Appl. Opt.* 36 (1997) 1766, [doi:10.1364/AO.36.001766](https://doi.org/10.1364/AO.36.001766): momentum. T. J. Holmes and Y. H. Liu, *J. Opt. Soc. Am. A* 8 (1991) 893, [doi:10.1364/JOSAA.8.000893](https://doi.org/10.1364/JOSAA.8.000893): the line search.
- N. Dey *et al.*, *Microsc. Res. Tech.* 69 (2006) 260, [doi:10.1002/jemt.20294](https://doi.org/10.1002/jemt.20294): total variation.
- M. Bertero and P. Boccacci, *Astron. Astrophys.* 437 (2005) 369, [doi:10.1051/0004-6361:20052717](https://doi.org/10.1051/0004-6361:20052717): edges.
- D. Sage *et al.*, *Methods* 115 (2017) 28, [doi:10.1016/j.ymeth.2016.12.015](https://doi.org/10.1016/j.ymeth.2016.12.015): the bead, and a survey of software.
"""

# %%
compare.write_results(
    "04",
    {
        "by hand against the module (relative)": by_hand_gap,
        "lost by subtracting the background (dB)": subtracted_loss,
        "plain Richardson–Lucy (ns a voxel and iteration)": per_voxel[0],
        "the section 4 run (seconds)": sum(seconds),
        "iterations of heavy ball to plain's misfit": needed["heavy ball"],
        "iterations of Biggs–Andrews to plain's misfit": needed["Biggs–Andrews"],
        "iterations of the line search to plain's misfit": needed["line search"],
        "held-out photons, worst below the best (dB)": max(loss["held-out photons"]),
        "discrepancy, worst below the best (dB)": max(loss["discrepancy"]),
        "total variation on cells, above plain's best (dB)": tv_gain["cells"],
        "total variation on filaments, above plain's best (dB)": tv_gain["filaments"],
        "wrong sign of total variation (dB lost)": sign_loss,
        "rim error, periodic / open (ratio)": edges["the PSF's middle", "periodic"][1]
        / edges["the PSF's middle", "open"][1],
        "bead's solid twin, middle / maximum (ratio)": hole["solid twin"],
        "bead's hollow twin, middle / maximum (ratio)": hole["hollow twin"],
        "real bead, width z at a tenth, after / before (ratio)": widths["real bead, 8 iterations", "z"][1]
        / widths["real bead", "z"][1],
    },
)
