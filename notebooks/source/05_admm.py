# ---
# jupyter:
#   course:
#     profiles:
#       test: {size: small, n_iter: 30, n_prior: 30, n_end: 60, n_cell: 3}
#       report: {size: report}
#     bands:
#       by hand against the package (relative): [0, 1.0e-9]
#       ADMM / Richardson–Lucy, seconds an iteration (ratio): [0.2, 20]
#       residual, Richardson–Lucy (ratio): [0.19, 0.26]
#       residual, ADMM (ratio): [0.16, 0.21]
#       PSNR, Richardson–Lucy, course volume (dB): [26, 28]
#       PSNR, ADMM without prior, course volume (dB): [27, 29]
#       excess objective, rho 100 times too large, fixed (%): [20, 1000]
#       excess objective, rho 100 times too large, adapted (%): [0, 4]
#       round cells, Richardson–Lucy at its best (dB): [25.2, 27.2]
#       round cells, total variation (dB): [28, 31]
#       round cells, gain of the best prior (dB): [2.5, 5.5]
#       filaments, gain of total variation (dB): [-4, -1.5]
#       filaments, gain of the best prior (dB): [-0.5, 2]
#       round cells, gain of the best prior at its end (dB): [2.5, 5.5]
#       filaments, gain of the best prior at its end (dB): [-1, 2]
#       error at the border, periodic / open (ratio): [1.5, 5]
# ---

# %% [markdown]
r"""
# 5 · ADMM, the proximal view

Richardson–Lucy has one knob, the number of iterations, and it must be stopped before it arrives: its end is noise. What if the end itself were good? Then one would write down what a good
estimate *is*: it explains the photons, it is nowhere negative, and it looks like a cell and not like grain. Three wishes that nobody can grant at once. This chapter's method, the *alternating direction method of
multipliers*, ADMM, lets three agents grant one each, and settles between them by a price. Chapter 4 put total variation into Richardson–Lucy's denominator, one step late, with a sign and an $\varepsilon$ to mind; here any prior fits that has a "prox" (section 2), there is no $\varepsilon$, and the third wish, $x \ge 0$, is an agent's own.

**After this notebook you can**

- split a hard minimisation into easy ones, and read a proximal operator off a picture;
- write ADMM for photons line by line: Poisson likelihood, $x \ge 0$, and a prior;
- read its two residuals, and tell what $\rho$ does and does not change;
- choose the weight of a prior without knowing the truth;
- add a prior of your own in ten lines, and say for which specimen it is wrong.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 1 and 4; derivatives | 75–90 minutes | 1–2 minutes in all | 0.7 GB |

*Previous: [Richardson–Lucy](04_richardson_lucy.ipynb). Next: [SRCNN](06_srcnn.ipynb), networks that sharpen. Short of time? Sections 1 to 4, 7 and 8.*
"""

# %% tags=["setup"]
# %matplotlib inline
import time
from collections import deque
from dataclasses import replace

import numpy as np
from scipy import fft

import data_fetch
from course_utils import admm, backend, checks, compare, formation, operators, optics, plots, richardson_lucy, stopping
from course_utils.admm.priors import Prior, gram_spectrum
from course_utils.counts import find_background, find_gain
from course_utils.optics import Optics
from course_utils.specimen import filaments, nuclei
from course_utils.widgets import explore

rng = np.random.default_rng(5)
xp = backend.default()  # for volumes: NumPy, or TensorFlow on a GPU
exact = backend.get("numpy", dtype="float64")  # for the first steps, on a line

# %% tags=["parameters"]
size = "course"  # of the course volume in section 6: "small", "course" or "report"
n_iter = 100  # iterations in section 6
n_prior = 60  # iterations of each run with a prior
n_end = 300  # iterations in section 8, to see where such a run leads
n_cell = 30  # iterations on the real cell

# %% [markdown]
r"""
## 1 · Two agents and a price

Two agents must agree on a number. The first would like 6, and is unhappy by $f(x) = \tfrac12 (x - 6)^2$ ($f$ and $g$ are costs in this chapter). The second would like as little as possible, and is unhappy by $g(z) = 2\,|z|$. Together they should
minimise $f(x) + g(x)$; but each knows only his own function. So each has a copy, $x$ and $z$, and a mediator names a **price** $u$ for the difference. In turns,

$$z \leftarrow \operatorname*{arg\,min}_z\; g(z) + \tfrac\rho2 (x + u - z)^2, \qquad u \leftarrow u + x - z, \qquad x \leftarrow \operatorname*{arg\,min}_x\; f(x) + \tfrac\rho2 (x - z + u)^2 \tag{1}$$

As long as $x$ is larger than $z$, the price rises, and a large $x$ becomes dearer. $\rho$ says how dear a difference is at once; it is also the unit in which $u$ is counted, so that what an agent pays is $\rho u$. Both minimisations can be done on paper: the first pulls $x + u$ towards 0 by $2/\rho$ (exercise 1), the last is a weighted mean.
"""

# %%
x, u, rho, rounds = 6.0, 0.0, 0.05, []  # the first agent begins with what he would like
for _ in range(30):
    z = np.sign(x + u) * max(abs(x + u) - 2 / rho, 0)
    u = u + x - z
    rounds.append((x, z, rho * u))
    x = (6 + rho * (z - u)) / (1 + rho)
print(f"after {len(rounds)} rounds: x = {x:.4f}, z = {z:.4f}, price ρu = {rho * u:.4f}")

# %% alt="The first agent's number falls from 6, the second's lies at 0, while the price rises to 2; then the second's jumps up, and both stay at 4."
names = ["x, the first agent's", "z, the second agent's", "the price ρu"]
curves = {name: (np.arange(len(rounds)) + 1, np.array(rounds)[:, i]) for i, name in enumerate(names)}
plots.lines(curves, xlabel="round", ylabel="number")

# %% [markdown]
r"""
**What to see.** At first the agents are far apart, and round by round the price rises. It makes the first give way; the second does not move until it is high enough, and then follows at once. Both arrive at 4, where the slope of $f$, $4 - 6 = -2$, and that of $g$, $+2$, cancel. The price has become the slope of $g$: $\rho u = 2$. Nobody had to minimise the sum. (Try $\rho = 0.5$ and $\rho = 3$: the end is the same, the way is not.)

## 2 · Proximal operators

The second agent's answer in (1) has a name. The **proximal operator** of a cost $g$ is

$$\operatorname{prox}_{g/\rho}(v) \;=\; \operatorname*{arg\,min}_z\; g(z) + \tfrac\rho2\,(z - v)^2 \tag{2}$$

"something cheap, not far from $v$". It is defined even where $g$ has a kink or a wall, where no gradient exists. Three costs of this chapter, on one voxel: the photons' cost, here of $y = 5$ photons with background $b = 1$; the wall "not negative"; and $|z|$.
"""

# %%
numbers, half = np.linspace(-3, 9, 601), 0.5  # all z that we look at, and ρ
with np.errstate(invalid="ignore", divide="ignore"):
    photons = np.where(numbers > -1, numbers + 1 - 5 * np.log(numbers + 1), np.nan)
costs = {"5 photons": photons - np.nanmin(photons)}  # its lowest value put to 0
costs |= {"not negative": np.where(numbers >= 0, 0, np.nan), "|z|": np.abs(numbers)}
proxes = {
    "5 photons": lambda v: admm.poisson_prox(v, 5.0, 1.0, half, exact),
    "not negative": lambda v: np.maximum(v, 0.0),
    "|z|": lambda v: admm.sparsity(1.0).prox(v, 1 / half, exact),
}

# %% [markdown]
r"""
Drag $v$. The parabola moves with it; its sum with the cost has one lowest point, and that is the prox. Here $\rho = 0.5$.
"""

# %%
explore(
    lambda cost, v: plots.lines(
        {
            f"cost: {cost}": (numbers, costs[cost]),
            "ρ/2 (z − v)²": (numbers, half / 2 * (numbers - v) ** 2),
            "sum": (numbers, costs[cost] + half / 2 * (numbers - v) ** 2),
            "v": ([v], [0]),
            "prox of v": (np.full(2, proxes[cost](np.float64(v))), [0, 8]),
        },
        points=["v"],
        xlabel="z",
        ylabel="cost",
        ylim=(-0.5, 8),
    ),
    cost=list(costs),
    v=[float(v) for v in np.arange(-2, 8.5, 0.5)],
    description="A cost, the parabola around v, and their sum; a dot at v, and an upright line at its prox, through the lowest point of the sum.",
)

# %% alt="Three curves of the prox against v: one bends smoothly, and far to the left approaches −1; one is 0 and then the diagonal; one is flat around 0 and runs parallel to the diagonal on both sides."
v = np.linspace(-30, 8, 761)
curves = {name: (v, prox(v)) for name, prox in proxes.items()}
curves |= {"−b": (v, np.full(v.size, -1.0)), "v itself": (v[::15], v[::15])}
plots.lines(curves, points=["v itself"], xlabel="v", ylabel="prox of v", ylim=(-5, 8))

# %% [markdown]
r"""
**What to see.** All positions of the slider, and more, in one picture. The wall moves negative $v$ to 0, and leaves all others. $|z|$ sets what is shorter than $1/\rho = 2$ to 0, and shortens the rest by 2: the **soft threshold**. The photons pull towards $y - b = 4$, where $v$ and its prox agree;
they never let $z$ fall to $-b = -1$, however far to the left $v$ lies, for then no photon at all would be expected.

### Exercise 1: the soft threshold

Find the prox of $g(z) = \lambda |z|$: set the derivative of (2) to zero for $z > 0$ and for $z < 0$, and see what is left for small $v$. `v` is an array, `weight` is $\lambda$.
"""


# %%
def soft_threshold(v, weight, rho):
    """argmin_z weight · |z| + rho / 2 · (z − v)², for each element of v."""
    # <solution> shorten v by weight / rho
    return np.sign(v) * np.maximum(np.abs(v) - weight / rho, 0)
    # </solution>


# %% tags=["check"]
checks.soft_threshold(soft_threshold)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

For $z > 0$ the derivative is $\lambda + \rho(z - v) = 0$, so $z = v - \lambda/\rho$. That is positive only if $v > \lambda/\rho$.

</details>

<details><summary>Hint 2</summary>

`np.abs(v)` is the length, `np.sign(v)` the direction, and `np.maximum(…, 0)` keeps what would turn around at 0.

</details>

{{solution}}
"""

# %% [markdown]
r"""
### Exercise 2: the prox of photons

The cost of a voxel that expects $z + b$ photons and counts $y$ is $z + b - y\log(z + b)$, the Poisson likelihood with its sign turned. Set the derivative of (2) to zero, and multiply by $w = z + b$:

$$1 - \frac{y}{w} + \rho\,(w - b - v) = 0 \qquad\Longrightarrow\qquad w^2 - q\,w = \frac{y}{\rho}, \qquad q = v + b - \frac1\rho \tag{3}$$

A quadratic equation with one positive root, $w = \tfrac12\bigl(q + \sqrt{q^2 + 4y/\rho}\bigr)$. There is a trap in it. Volumes are float32, seven digits. Where $q$ is far below zero, $q$ and the root are nearly equal but for the sign, and their sum has hardly a
digit left. There, use the other form of the same root:

$$w \;=\; \frac{2y/\rho}{-q + \sqrt{q^2 + 4y/\rho}} \qquad (q < 0)$$
"""

# %%
q, product = np.float32(-1e4), np.float32(50)
root = np.sqrt(q * q + 4 * product)
print(f"q + √…: {(q + root) / 2:.6f},   the other form: {2 * product / (root - q):.6f}")


# %%
def photon_prox(v, y, background, rho):
    """argmin_z z + background − y log(z + background) + rho / 2 · (z − v)²; arrays in float32 too."""
    # <solution> solve the quadratic equation, without cancellation
    q = v + background - 1 / rho
    twice = np.abs(q) + np.sqrt(q * q + 4 * y / rho)
    w = np.where(q > 0, twice / 2, 2 * y / rho / np.maximum(twice, 1e-30))
    return w - background
    # </solution>


# %% tags=["check"]
checks.photon_prox(photon_prox)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`np.abs(q) + np.sqrt(q * q + 4 * y / rho)` is harmless for either sign of `q`. For $q > 0$ half of it is the root; for $q < 0$ it is the other form's denominator.

</details>

<details><summary>Hint 2</summary>

`np.where(q > 0, a, b)` computes both and takes one. Where $y = 0$ and $q = 0$ the denominator is 0: keep it above `1e-30`. At the end, $z = w - b$.

</details>

{{solution}}
"""

# %% [markdown]
r"""
## 3 · Three agents: photons, x ≥ 0, and a prior

Now the whole. $A$ is the blur (chapter 1), $b$ the background, $y$ the photons. The estimate $x$ is to minimise

$$\underbrace{\sum (Ax + b) - y\log(Ax + b)}_{\text{explain the photons}} \;+\; \underbrace{[\,x \ge 0\,]}_{\text{no negative light}} \;+\; \underbrace{\lambda \sum |Dx|}_{\text{look like a cell}} \tag{4}$$

($[\,\cdot\,]$ is 0 where it holds, infinite elsewhere; the first sum is chapter 4's I-divergence, but for a constant.) $D$ looks at what a cell should have little of. With $D = \nabla$, the differences between neighbours, the last term is **total variation**: it likes constant brightness, and a few sharp edges.
No term is hard by itself; the sum is, since $A$ mixes all voxels. So each term gets its own copy of what it looks at,

$$z = K x, \qquad K = \begin{pmatrix} A \\ I \\ D \end{pmatrix}, \qquad z = (z_0, z_1, z_2) \tag{5}$$

and a price for each difference. This is the **augmented Lagrangian** ($F$ stands for the sum of the three terms):

$$L(x, z, u) \;=\; F(z) + \tfrac\rho2\,|Kx - z + u|^2 - \tfrac\rho2\,|u|^2 \tag{6}$$

The square holds what the price makes of the difference, $\rho\,u\cdot(Kx - z)$, and what the difference costs at once, $\tfrac\rho2|Kx - z|^2$; the $|u|^2$ that completes it is taken off again. Minimise over $z$; raise the price, $u \leftarrow u + Kx - z$; minimise over $x$; again. In $z$ the three terms do not meet, and each is a prox, voxel by voxel:

| | $v$ | $z \leftarrow$ |
|---|---|---|
| photons | $v = Ax + u_0$ | (3) |
| no negative light | $v = x + u_1$ | $\max(v, 0)$ |
| prior | $v = Dx + u_2$ | $\max\bigl(1 - \frac{\lambda/\rho}{\lvert v\rvert},\, 0\bigr)\, v$: the soft threshold, of the *length* of the three differences |

In $x$, (6) is a plain least-squares problem, $\min_x |Kx - (z - u)|^2$, whose solution is

$$x \;=\; (A^\top A + I + D^\top D)^{-1}\,\bigl[A^\top(z_0 - u_0) + (z_1 - u_1) + D^\top(z_2 - u_2)\bigr] \tag{7}$$

### Exercise 3: a million equations, in one line

With periodic edges $A$, $I$ and $D$ treat all voxels alike, so that in Fourier space the matrix in (7) is a plain number for each frequency, $|H|^2 + 1 + \sum|\hat d|^2$, where $\hat d$ is a difference's own transfer function, $e^{2\pi i k} - 1$ for neighbours ($k$ in periods a voxel). Write (7). `z` and `u` are lists of three arrays; `transfer` is $H$ as `fft.rfftn` gives it; `D.T(…)` applies $D^\top$;
`gram` is $\sum|\hat d|^2$.
"""


# %%
def x_update(z, u, transfer, D, gram):
    """The x that brings Kx nearest to z − u, K = [A; I; D]."""
    # <solution> send z − u back by K', and divide in Fourier space
    c, rest = z[0] - u[0], z[1] - u[1] + D.T(z[2] - u[2])
    spectrum = np.conj(transfer) * fft.rfftn(c) + fft.rfftn(rest)
    return fft.irfftn(spectrum / (np.abs(transfer) ** 2 + 1 + gram), s=rest.shape)
    # </solution>


# %% tags=["check"]
checks.x_update(x_update)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

First the right-hand side, in Fourier space: $A^\top$ multiplies by `np.conj(transfer)`; the other two can be added up before the transform.

</details>

<details><summary>Hint 2</summary>

Then divide by `np.abs(transfer) ** 2 + 1 + gram`, and go back with `fft.irfftn(…, s=z[0].shape)`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
### Exercise 4: the price, and two residuals

When is it done? When copies and originals agree, and when nothing moves any more:

$$r = |Kx - z| \quad\text{(primal)}, \qquad s = \rho\,|K^\top(z - z_\text{old})| \quad\text{(dual)} \tag{8}$$

$Kx$ is what $z$ was made from, before this round's $x$-step. Why is $s$ a slope? By (7) $K^\top u_\text{old} = -K^\top(Kx - z_\text{old})$, so the new price has $K^\top u = K^\top(z_\text{old} - z)$; and $\rho u$ is the slope of $F$ at $z$. So $s$ is the slope of (4) that is left. If $r$ lags behind, differences are too cheap, and $\rho$ should rise; if $s$ does, it should fall. But mind what a price is: an agent pays $\rho\,u$, not $u$. If $\rho$ changes, $u$ must be scaled so that $\rho\,u$ **does not jump**.

Write all of it: the new $u$ after this iteration, scaled for `new_rho`, and both residuals of this iteration, which was made with `rho`. Here `u`, `Kx`, `z` and `z_old` are single arrays, and `K.T(…)` applies $K^\top$.
"""


# %%
def dual_update(u, Kx, z, z_old, K, rho, new_rho):
    """(u for new_rho, primal residual, dual residual)."""
    # <solution> raise the price, scale it, and take the two norms
    u = (u + Kx - z) * rho / new_rho
    return u, np.linalg.norm(Kx - z), rho * np.linalg.norm(K.T(z - z_old))
    # </solution>


# %% tags=["check"]
checks.dual_update(dual_update)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

As in (1): `u + Kx - z`. Then `rho * u` before must equal `new_rho * u` after.

</details>

<details><summary>Hint 2</summary>

`np.linalg.norm(Kx - z)`; and `rho * np.linalg.norm(K.T(z - z_old))`, with the old `rho`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
## 4 · By hand, on a line

A line of 96 voxels: a body of 60 photons with a slit in it, a second of 30, blurred and counted over a background of 4.
"""

# %%
truth = np.zeros(96)
truth[20:44], truth[31:34], truth[60:72] = 60, 0, 30
line_psf = np.exp(-0.5 * ((np.arange(13) - 6) / 2.2) ** 2)
A_line = operators.blur(line_psf / line_psf.sum(), (96,), xp=exact)
b = 4.0
y = rng.poisson(np.maximum(A_line(truth), 0) + b).astype(float)

# %%
prior = admm.total_variation(0.15, (1.0,))
D = prior.operator((96,), exact)
gram = gram_spectrum(D)  # Σ|d̂|²
rho = 0.05 / y.mean()  # the course's start: section 5
x, u = np.full(96, y.mean() - b), [np.zeros(96), np.zeros(96), np.zeros((1, 96))]

# %% [markdown]
r"""
And here is ADMM, one line for each step of section 3:
"""

# %%
for _ in range(300):
    Kx = [A_line(x), x, D(x)]
    v = [a + c for a, c in zip(Kx, u, strict=True)]
    z = [admm.poisson_prox(v[0], y, b, rho, exact), np.maximum(v[1], 0), prior.prox(v[2], prior.weight / rho, exact)]
    u = [a - c for a, c in zip(v, z, strict=True)]
    right = A_line.T(z[0] - u[0]) + z[1] - u[1] + D.T(z[2] - u[2])
    x = fft.irfftn(fft.rfftn(right) / (np.abs(A_line.transfer) ** 2 + 1 + gram), s=x.shape)
by_hand = z[1]  # the copy that is nowhere negative

# %%
run = admm.poisson(y, A_line, prior=prior, n_iter=300, background=b, rho=rho, adapt=0)
packaged = deque(run, maxlen=1).pop().x  # goes through the run, and keeps but the last iterate
difference = np.abs(by_hand - packaged).max() / packaged.max()
print(f"by hand against admm.poisson: they differ by {difference:.0e} of the maximum")

# %% alt="On a line: two boxes, a noisy blurred measurement, and the estimate, which is flat on top with steep sides."
lucy = deque(richardson_lucy.plain(y, A_line, n_iter=300, background=b), maxlen=1).pop()
voxels = np.arange(96)
curves = {"truth": truth, "photons − background": y - b, "Richardson–Lucy, 300": lucy, "ADMM, 300": by_hand}
curves = {name: (voxels, values) for name, values in curves.items()}
plots.lines(curves, points=["photons − background"], xlabel="voxel", ylabel="photons")

# %% [markdown]
r"""
**What to see.** After 300 iterations Richardson–Lucy has made spikes out of the noise. ADMM, after as many, has flat bodies with steep sides: it has arrived, and the end is good, because the prior asked for it. It is not perfect, and that is no matter of more iterations: the slit is narrower than the blur, and is found, but not to its ground; what the noise did to a larger piece has become a step, in the second body and beside the first; and heights are off. (Section 10 shows where such stairs come from.) A prior pulls on truth and noise alike, and narrow things feel it first.

`admm.poisson` has a few more things than this loop: it needs four Fourier transforms an iteration, as Richardson–Lucy does, where the loop has six (it takes $Ax$ along with $x$ while both are in Fourier space); $\rho$ follows from the photon count and from the residuals; and a field of view that is smaller
than the grid (open edges) is only a mask in the photons' prox: outside it, $z_0 = v$. What it yields, iteration by iteration, is a small tuple: `x`, which is the copy $z_1$, nowhere negative; `primal_residual`, `dual_residual`, `rho`.

### Two specimens, in three dimensions

For the sections to come: two specimens, simulated on a small grid, and a confocal microscope of NA 1.2 to look at them. The edges are periodic, in the data and in the model: for once they play no part.
"""

# %%
shape, voxel = (24, 48, 48), (0.2, 0.1, 0.1)
emitted = Optics(NA=1.2, wavelength=0.52, n_immersion=1.33, n_specimen=1.33)
light = {
    wave: optics.gibson_lanni_psf(replace(emitted, wavelength=wave), (15, 31, 31), voxel) for wave in (0.488, 0.52)
}
psf = optics.confocal_psf(light[0.488], light[0.52], pinhole=1.22 * 0.52 / 1.2)
A = formation.forward(psf, shape, edges="periodic", xp=xp)

# %%
background = 5.0
truths = {
    "round cells": nuclei(shape, voxel, n=14, diameter=1.5, texture=0, photons=200, rng=rng),
    "filaments": filaments(shape, voxel, n=20, length=5, photons=6000, rng=rng),
}
expected = {name: np.maximum(np.asarray(A(truth.data)), 0) + background for name, truth in truths.items()}
counted = {name: rng.poisson(mean).astype(np.float32) for name, mean in expected.items()}

# %% alt="Maximum projections of round cells of constant brightness and of thin filaments, each beside its noisy, blurred picture."
pairs = {}
for name, truth in truths.items():
    pairs |= {name: truth, f"{name}, counted": truth.with_data(counted[name])}
plots.sections(pairs, projection=True)

# %% [markdown]
r"""
## 5 · What ρ does

$\rho$ has the unit of one over photons. "Usual" is where the course starts, $0.05/\text{mean}(y)$; no optimum, but near enough for adaptation to do the rest. What if one starts a hundred times too low or too high? Each run once with $\rho$ fixed, and once with $\rho$ following the residuals for 50 iterations, then frozen.

From here on both residuals of (8) are relative: $r$ to $|y|$, $s$ to a slope of 1 a voxel. Every fifth iteration, if $r / (10 s)$ is not between ⅓ and 3, $\rho$ is multiplied by its root, or by 0.2 or 5, if the root lies beyond. (Why 10? In trials, those runs were nearest to the end after some dozens of iterations whose residuals stood at about 10 to 1.)
The objective is I-divergence plus prior, in excess of where a run ends that is ten times as long.
"""

# %%
y, tv = counted["round cells"], admm.total_variation(0.03, voxel)
usual, factors, runs = 0.05 / y.mean(), (0.01, 0.1, 1.0, 10.0, 100.0), {}
for factor in factors:
    for how, adapt in (("fixed", 0), ("adapted", 50)):
        run = admm.poisson(y, A, prior=tv, n_iter=n_prior, background=background, rho=factor * usual, adapt=adapt)
        runs[factor, how] = list(run)

# %%
looks = [*range(0, n_prior, 3), n_prior - 1]
reached = {key: np.array([admm.objective(run[k].x, y, A, tv, background) for k in looks]) for key, run in runs.items()}
long = admm.poisson(y, A, prior=tv, n_iter=10 * n_prior, background=background)
lowest = admm.objective(deque(long, maxlen=1).pop().x, y, A, tv, background)
excess = {key: 100 * (values / lowest - 1) for key, values in reached.items()}
curves = {f"{factor:g} × the usual ρ, fixed": excess[factor, "fixed"] for factor in (0.01, 1.0, 100.0)}
curves |= {f"{factor:g} ×, adapted": excess[factor, "adapted"] for factor in (0.01, 100.0)}

# %% alt="Excess of the objective against iterations: with a fixed rho far too small it soon lies flat, far too large it creeps down; with the usual one, or an adapted one, it falls to a fraction of a percent."
iterations = np.array(looks) + 1
curves = {name: (iterations, values) for name, values in curves.items()}
plots.lines(curves, xlabel="iteration", ylabel="objective above the end (%)", log=True, ylim=(1e-2, 1e4))

# %%
for (factor, how), values in excess.items():
    last = runs[factor, how][-1].rho / usual
    print(f"ρ {factor:6g} × the usual, {how:8} {values[-1]:9.3f} % above the end; at last ρ is {last:.3g} ×")

# %% [markdown]
r"""
**What to see.** All runs would reach the same end, if one waited long enough: $\rho$ changes the way, not where it leads. Far too large, the agents cling to each other, and creep down together. Far too small, they part: the estimate soon stands still, far from the end, since the price rises too slowly to move it. With adaptation, a start that is a hundred times off is made good within some iterations, and from wherever they started, the runs settle on much the same $\rho$, a few times the usual one. Move the slider
to see how the residuals tell:
"""

# %%
each, residuals = np.arange(1, n_prior + 1), {}
for key, run in runs.items():
    primal, dual = np.array([(iterate.primal_residual, iterate.dual_residual) for iterate in run]).T
    residuals[key] = {"primal": (each, primal), "dual": (each, dual)}
log_axes = {"xlabel": "iteration", "ylabel": "residual", "log": True, "ylim": (1e-6, 1e3)}

# %%
explore(
    lambda rho, how: plots.lines(residuals[rho, how], **log_axes),
    rho=factors,
    how=["fixed", "adapted"],
    description="Primal and dual residual for a ρ that is so many times the usual one.",
)

# %% alt="Residuals for two fixed rho: too small, the primal stays high and the dual is tiny; too large, the dual stays high and the primal falls."
both = {}
for factor in (0.01, 100.0):
    both |= {f"{kind}, {factor:g} × ρ": curve for kind, curve in residuals[factor, "fixed"].items()}
plots.lines(both, points=[name for name in both if "dual" in name], **log_axes)

# %% [markdown]
r"""
**What to see.** Too small a $\rho$: the dual residual is tiny, the primal one stays high, the copies do not meet. Too large: the copies meet at once, the primal residual is tiny, and the dual one stays: nothing is settled. (The dual one takes two more Fourier transforms: it is computed every fifth iteration as long as $\rho$ follows it, else every tenth, hence its steps.)

## 6 · Against Richardson–Lucy, as in the report

The report from which this course grew (chapter 8, section 9) compared the two on 44 × 475 × 476 voxels: 100 iterations each, periodic edges, ADMM by the iteration of section 4, with $\rho = 0.25$ on data in $[0, 1]$, and with no prior switched on. It took 418 s against 326 s for Richardson–Lucy (MATLAB, Intel i7-7700HQ), a ratio of 1.28. The same here, on the course volume; with `size = "report"` in the parameters, on exactly as many voxels. The background is 10 photons a voxel. The variance of the read noise, in photons, counts as so many photons more, in $y$ and in $b$ (`camera.poisson`).
"""

# %%
volume = data_fetch.load("microtubules", size=size)
measured, b = volume.camera.poisson(volume.stack, 10.0)
y = measured.data
psf_cut = optics.cut_psf(volume.psf, y.shape)  # a periodic grid is small
wide, peak = formation.forward(psf_cut, y.shape, edges="periodic", xp=xp), float(y.max())

# %%
scaled = admm.poisson(y / peak, wide, n_iter=n_iter, background=b / peak, rho=0.25, adapt=0)
contest = {
    "Richardson–Lucy": richardson_lucy.plain(y, wide, n_iter=n_iter, background=b),
    "ADMM, no prior": (peak * iterate.x for iterate in scaled),
}
looks = sorted({1, 2, 3, *range(5, n_iter + 1, 5), n_iter})

# %%
history, final = {}, {}
for name, estimates in contest.items():
    seconds, rows, begin = 0.0, [], time.perf_counter()
    for k, x in enumerate(estimates, start=1):
        if k in looks:  # the clock stands still while we look
            final[name] = volume.truth.with_data(np.asarray(x))
            seconds += time.perf_counter() - begin
            misfit = np.linalg.norm(np.asarray(wide(x)) + b - y) / np.linalg.norm(y)
            rows.append((k, seconds, misfit, compare.psnr(final[name], volume.truth)))
            begin = time.perf_counter()
    history[name] = np.array(rows).T

# %%
mean = formation.expect(volume.truth, volume.psf, background=b).data
floor = np.linalg.norm(mean - y) / np.linalg.norm(y)
for name, (k, seconds, misfit, psnr) in history.items():
    print(f"{name:16} {k[-1]:.0f} iterations in {seconds[-1]:6.1f} s, residual {misfit[-1]:.4f}")
    print(f"{'':16} PSNR {psnr[-3]:.2f} dB after {k[-3]:.0f} iterations, {psnr[-1]:.2f} dB in the end")
slower = history["ADMM, no prior"][1][-1] / history["Richardson–Lucy"][1][-1]
print(f"ADMM / Richardson–Lucy: {slower:.2f} (report 1.28); residual of the truth itself, noise alone: {floor:.4f}")

# %% alt="Log residual against iterations: ADMM falls faster than Richardson–Lucy towards the line of the noise."
labels = {"ylabel": "residual |y − (Ax + b)| / |y|", "log": True}
curves = {name: (rows[0], rows[2]) for name, rows in history.items()}
plots.lines(curves | {"noise alone": (np.array([1, n_iter]), np.full(2, floor))}, xlabel="iteration", **labels)

# %% alt="The same residuals against seconds: the two curves are closer to each other."
curves = {name: (rows[1], rows[2]) for name, rows in history.items()}
longest = max(rows[1][-1] for rows in history.values())
plots.lines(curves | {"noise alone": (np.array([0, longest]), np.full(2, floor))}, xlabel="time (s)", **labels)

# %% alt="Maximum projections of the data, of both results and of the truth: both results are far sharper than the data, alike, and several times dimmer than the truth, as their colour bars tell."
shown = {"data": volume.stack.with_data(np.maximum(y - b, 0)), **final, "truth": volume.truth}
plots.sections(shown, projection=True)

# %% [markdown]
r"""
**What to see.** For the same number of transforms, an iteration of ADMM costs more arithmetic, and gets further: it is ahead on the axis of iterations; on that of seconds by as much less as the printed ratio says. The two projections show the same lines, ADMM's a little finer and brighter, with more grain between them; mind their colour bars: on the lines both are still several times too dim. That they are so alike is no wonder: without prior both minimise *the same* thing, the photons' misfit with $x \ge 0$. ADMM only arrives sooner.
(The PSNR counts against the brightest voxel of the truth. On these bright, thin lines, in this much light, both are still gaining when we stop.)

Arriving sooner is no virtue by itself. What lies beyond the line of the noise is *fitted* noise: neither has crossed it yet, and left alone both would, as Richardson–Lucy did on the line of section 4. The virtue of ADMM is the third agent.

Two remarks on the report's comparison. With periodic edges, the haze that leaves at the top comes in at the bottom, in both methods; section 10 shows what that does. And its $\rho = 0.25$ on data in $[0, 1]$ was close to a good one:
"""

# %%
print(f"in the same unit, the usual ρ, 0.05 / mean(y), would be {0.05 * peak / y.mean():.2f}")

# %% [markdown]
r"""
## 7 · How strong a prior? λ without the truth

Here are the round cells of section 4 with total variation of several weights.
"""

# %%
weights, name = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3], "round cells"
y, truth, strengths = counted[name], truths[name], {}
for weight in weights:
    run = admm.poisson(y, A, prior=admm.total_variation(weight, voxel), n_iter=n_prior, background=background)
    strengths[weight] = truth.with_data(np.asarray(deque(run, maxlen=1).pop().x))

# %%
explore(
    lambda weight: plots.sections(
        {"truth": truths["round cells"], f"λ = {weight:g}": strengths[weight]}, limits=(0, 250)
    ),
    weight=weights,
    description="The truth beside the estimate of the chosen λ: grainy if too small, melted if too large.",
)

# %% alt="The truth, and estimates for a small, a middle and a large weight: grainy, even, melted into one another."
pictures = {"truth": truth} | {f"λ = {weight:g}": strengths[weight] for weight in (0.003, 0.03, 0.3)}
plots.sections(pictures, limits=(0, 250))

# %% [markdown]
r"""
**What to see.** Too small a $\lambda$ leaves the grain; too large a one melts neighbours together and eats small cells. In between the cells are even, with sharp sides. Who does not have the truth beside it must choose blindly, or so it seems. But there is a judge: **photons that the estimate has never seen** (chapter 4, section 6). Each photon is *kept* with the probability `share`;
the others are *held out*. Deconvolve the kept ones, and ask how well the result predicts the others. Grain that was fitted predicts nothing; structure that was melted away is missed.

### Exercise 5: the judge

`x` is the estimate from the kept photons: about `share` times the specimen, since only that share of the photons made it. `background` is that of the whole picture; the kept one has `share * background`. How many held-out photons does `x` predict, and what is their I-divergence from `held`, as a mean over voxels? (`richardson_lucy.i_divergence(data, model)` is the sum; it is what the photons' agent minimises.)
"""


# %%
def held_out_score(x, held, A, background, share):
    """I-divergence of the held-out photons from their prediction, a voxel."""
    # <solution> predict the held-out photons from x, and compare
    kept_model = A(x) + share * background
    prediction = (1 - share) / share * kept_model
    return richardson_lucy.i_divergence(held, prediction) / held.size
    # </solution>


# %% tags=["check"]
checks.held_out_score(held_out_score)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

The kept picture is expected to be `A(x) + share * background`. Of all photons, `share` were kept and `1 - share` were not: how do the two pictures scale?

</details>

<details><summary>Hint 2</summary>

`(1 - share) / share * (A(x) + share * background)`, then `i_divergence(held, …)`, data first, and divide by `held.size`.

</details>

{{solution}}
"""

# %% [markdown]
r"""
In the course this is `stopping.held_out`. We keep 80 %: then the kept picture is nearly as good as the whole, and the $\lambda$ that suits the one suits the other.
"""

# %%
share, scores = 0.8, {}
kept, held = stopping.thin(y, share, rng)
score = stopping.held_out(held, A, share=share, background=background)
for weight in weights[:-1]:  # the last has melted, as anyone can see
    prior = admm.total_variation(weight, voxel)
    run = admm.poisson(kept, A, prior=prior, n_iter=n_prior, background=share * background)
    scores[weight] = score(deque(run, maxlen=1).pop().x)

# %%
for weight, value in scores.items():
    psnr = compare.psnr(strengths[weight], truth)
    print(f"λ = {weight:<6g} held-out score {value:.5f}   true PSNR {psnr:.2f} dB")
chosen = min(scores, key=scores.get)
print(f"chosen without the truth: λ = {chosen:g}")

# %% alt="Held-out score and true error against the logarithm of the weight: both have their lowest point at about the same weight."
errors = np.array([compare.nrmse(strengths[weight], truth) for weight in scores])
judged = np.array(list(scores.values()))
curves = {"held-out score": judged, "true error": errors}
scaled = {name: (np.log10(list(scores)), (c - c.min()) / np.ptp(c)) for name, c in curves.items()}
plots.lines(scaled, xlabel="log₁₀ λ", ylabel="0 lowest, 1 highest of these")

# %% [markdown]
r"""
**What to see.** The score knows nothing of the truth, and has its valley next to that of the true error. Its differences are small, for most of it is the noise of the held-out photons themselves, which nobody can predict; so on a small volume the choice may be off by one step. One more thing makes life easy: photons and total variation both grow in proportion to brightness, so
$\lambda$ does not depend on the unit. It falls with the photon count, about as one over its square root.

## 8 · Which prior for which specimen?

A prior is a guess about the specimen. Four guesses, each $\lambda\sum g(Dx)$:

- **total variation**, $|\nabla x|$: constant brightness, few edges;
- **Hessian**, $|\nabla^2 x|$: few bends. Slopes cost nothing, so brightness may rise and fall evenly;
- **sparsity**, $|x|$: mostly dark;
- and one of your own.

### Exercise 6: a prior of your own

A `Prior` has four parts: `Prior(weight, operator, penalty, prox)`.

- `operator(shape, xp)` gives $D$, an `operators.Linear(forward, adjoint, shape_in, shape_out, xp)`, the same at every voxel of a periodic grid (exercise 3 needs that);
- `penalty(v, xp)` gives $g$, one value for each voxel;
- `prox(v, threshold, xp)` gives $\operatorname{arg\,min}_z\, g(z) + |z - v|^2/(2\cdot\text{threshold})$. (The threshold is $\lambda/\rho$; ADMM works it out.)

Any prior whose parts fit together passes. If you have no better idea, take the **Laplacian**: $D$ is the sum over the axes of $w_i\,(x_{k-1} - 2x_k + x_{k+1})$, the neighbours along axis $i$, with $w = (\tfrac14, 1, 1)$ since these voxels are twice as long along z; and $g = |\cdot|$. Backends have `xp.roll(x, 1, axis)`, `xp.abs`, `xp.maximum`, but no `sign`:
write the soft threshold as a factor, $v \cdot \max(1 - t/|v|,\, 0)$, and mind $v = 0$.
"""


# %%
def own_prior(weight):
    """A Prior of your own, with this weight."""

    # <solution> write its operator, its penalty and its prox
    def laplacian(x, xp):
        return sum(
            w * (xp.roll(x, 1, axis) - 2 * x + xp.roll(x, -1, axis)) for axis, w in enumerate((0.25, 1, 1))
        )  # rolls both ways alike: it is its own adjoint

    def operator(shape, xp):
        return operators.Linear(lambda x: laplacian(x, xp), lambda v: laplacian(v, xp), shape, shape, xp)

    return Prior(
        weight,
        operator,
        penalty=lambda v, xp: xp.abs(v),
        prox=lambda v, threshold, xp: v * (1 - threshold / xp.maximum(xp.abs(v), threshold + 1e-30)),
    )
    # </solution>


# %% tags=["check"]
checks.own_prior(own_prior)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

What $D$ rolls by +1, $D^\top$ rolls by −1. The Laplacian rolls both ways with the same factor: forward and adjoint are the same function.

</details>

<details><summary>Hint 2</summary>

$\max(1 - t/|v|,\,0)$ is `1 - t / xp.maximum(xp.abs(v), t)`: where $|v| < t$ it gives 0. Add `1e-30` to the second `t`, in case it is 0.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Now the contest. The Laplacian is here written shorter, as $\nabla^\top\nabla$, which is the Laplacian but for the sign. Each prior, on each specimen, gets its $\lambda$ from held-out photons, without looking at the truth; so does chapter 4's Richardson–Lucy with total variation. (To see how your own prior does, write `own_prior(1)` in the Laplacian's line.) Plain Richardson–Lucy is treated better than anyone could in practice: it is stopped where the truth says that it is best (its **oracle**), and beside it, where held-out photons say so.
"""

# %%
sparse = admm.sparsity(1)
guesses = {
    "total variation": admm.total_variation(1, voxel),
    "Hessian": admm.hessian(1, voxel),
    "sparsity": sparse,
    "Laplacian": Prior(1, lambda n, xp: (G := operators.gradient(n, voxel, xp=xp)).T @ G, sparse.penalty, sparse.prox),
}

# %%
judges, dB, oracle = {}, {}, {}
for name in truths:
    kept, held = stopping.thin(counted[name], share, rng)
    judges[name] = kept, stopping.held_out(held, A, share=share, background=background)

# %%
for name, (kept, score) in judges.items():
    _, stop = stopping.first_minimum(richardson_lucy.plain(kept, A, n_iter=80, background=share * background), score)
    estimates = richardson_lucy.plain(counted[name], A, n_iter=80, background=background)
    volumes = [truths[name].with_data(np.asarray(x)) for x in estimates]
    psnr = [compare.psnr(x, truths[name]) for x in volumes]
    k = int(np.argmax(psnr))
    oracle[name] = volumes[k]
    dB[name] = {"photons as counted": (compare.psnr(counted[name] - background, truths[name]), "")}
    dB[name]["Richardson–Lucy, oracle"] = psnr[k], f"{k + 1} iterations"
    dB[name]["Richardson–Lucy, held-out"] = psnr[stop - 1], f"{stop} iterations"

# %%
for name, (kept, score) in judges.items():
    scores, chapter_4 = {}, {"voxel_size": voxel, "n_iter": n_prior}
    for weight in (0.003, 0.01, 0.03):  # a larger one makes it swing
        run = richardson_lucy.tv(kept, A, weight=weight, background=share * background, **chapter_4)
        scores[weight] = score(deque(run, maxlen=1).pop())
    weight = min(scores, key=scores.get)
    run = richardson_lucy.tv(counted[name], A, weight=weight, background=background, **chapter_4)
    x = truths[name].with_data(np.asarray(deque(run, maxlen=1).pop()))
    dB[name]["Richardson–Lucy with TV"] = compare.psnr(x, truths[name]), f"λ = {weight:g}"

# %%
choice, by_truth, found = {}, {}, {}
for name, guess in [(name, guess) for name in judges for guess in guesses]:
    (kept, score), scores = judges[name], {}
    for weight in (0.003, 0.01, 0.03, 0.1):
        tried = {"prior": replace(guesses[guess], weight=weight), "n_iter": n_prior}
        run = admm.poisson(kept, A, background=share * background, **tried)
        scores[weight] = score(deque(run, maxlen=1).pop().x)
        run = admm.poisson(counted[name], A, background=background, **tried)
        found[name, guess, weight] = truths[name].with_data(np.asarray(deque(run, maxlen=1).pop().x))
    choice[name, guess] = min(scores, key=scores.get)
    by_truth[name, guess] = max(scores, key=lambda w: compare.psnr(found[name, guess, w], truths[name]))

# %%
best, arrived = {key: found[*key, weight] for key, weight in choice.items()}, {}
for (name, guess), weight in choice.items():
    prior = replace(guesses[guess], weight=weight)
    run = admm.poisson(counted[name], A, prior=prior, n_iter=n_end, background=background)
    arrived[name, guess] = compare.psnr(np.asarray(deque(run, maxlen=1).pop().x), truths[name])
    dB[name][f"ADMM, {guess}"] = compare.psnr(best[name, guess], truths[name]), f"λ = {weight:g}"

# %%
print(f"{'PSNR (dB)':28}" + "".join(f"{name:>28}" for name in dB))
for method in dB["filaments"]:
    print(f"{method:28}" + "".join(f"{dB[name][method][0]:10.2f}  {dB[name][method][1]:>16}" for name in dB))

# %%
print(f"{'':24}{f'judge, {n_prior} iterations':>22}{f'judge, {n_end}':>12}{f'the best λ by the truth, {n_prior}':>36}")
for (name, guess), weight in by_truth.items():
    values = dB[name][f"ADMM, {guess}"][0], arrived[name, guess], compare.psnr(found[name, guess, weight], truths[name])
    print(f"{name:12} {guess:16} {values[0]:16.2f} dB {values[1]:8.2f} dB {values[2]:20.2f} dB, λ = {weight:g}")

# %% alt="Round cells: truth, Richardson–Lucy at its best, total variation and Hessian. The priors' cells are even where Richardson–Lucy's are mottled."
name = "round cells"
pictures = {"truth": truths[name], "Richardson–Lucy, oracle": oracle[name]}
pictures |= {guess: best[name, guess] for guess in ("total variation", "Hessian")}
plots.sections(pictures, limits=(0, 250))

# %% alt="Filaments: truth, Richardson–Lucy at its best, total variation, which dims and widens them, and the Laplacian, which keeps them."
name = "filaments"
pictures = {"truth": truths[name], "Richardson–Lucy, oracle": oracle[name]}
pictures |= {guess: best[name, guess] for guess in ("total variation", "Laplacian")}
plots.sections(pictures, projection=True, limits=(0, 200))

# %% alt="A profile across the brightest thread: the truth and Richardson–Lucy are peaked, the Laplacian a little lower, total variation is far lower, flatter and wider."
brightest = np.unravel_index(truths[name].data.argmax(), shape)
plots.profile(pictures, 2, brightest)

# %%
gain = {
    name: {guess: dB[name][f"ADMM, {guess}"][0] - dB[name]["Richardson–Lucy, oracle"][0] for guess in guesses}
    for name in truths
}
for name, gains in gain.items():
    print(f"{name:12} against the oracle: " + ", ".join(f"{guess} {value:+.2f} dB" for guess, value in gains.items()))

# %% [markdown]
r"""
**What to see.** On round cells total variation and the Hessian beat even the oracle, clearly, and go on doing so however long one iterates: that end *is* good. (The Hessian has help: the cells' rims are softened over about one voxel, as any grid demands, and it does not mind slopes.)

On filaments it is another story. **Total variation is the wrong prior** there, in chapter 4's way or in ADMM's: far below the oracle. It asks for flat tops, and a thread has none; the profile shows one dimmed, flattened and widened. The Hessian is about level with the oracle, and stays there. The Laplacian, ten lines of your own, stands above both after these iterations. But look at the second table: it has *not arrived*. Left to run on, it falls back, below the oracle; what looked like the prior's merit was in part that of *stopping early*, chapter 4's trick. And by the truth one would have taken less of the Hessian and of total variation than the judge did. It counts all voxels alike, and most of them hold no thread: there a strong prior predicts best. What it does to the few bright voxels, which decide the PSNR, hardly shows in the score.

Sparsity alone helps nobody: it makes everything darker, and the noise that sits on bright things stays. For round cells the judge takes the lowest of its four weights, and the result is worse than the photons as counted. So know your specimen; and if you do not, the Hessian is a safe guess. Richardson–Lucy, stopped in time, guesses nothing, and on threads it is hard to beat.

(The PSNR's range is the truth's own. One volume each, one seed; every $\lambda$ chosen by held-out photons of that volume, from four values, for chapter 4's from three.)

## 9 · A real cell

The cell of notebook 0, its measured PSF, and a piece of it, with open edges. The camera's gain is not recorded; as in chapter 4, take what the noise says (`find_gain`), and divide by it.
"""

# %%
cell = data_fetch.load("lattice-cell")
piece = cell.stack.with_data(cell.stack.data[4:44, 110:182, 8:80])
cell_psf = optics.resample(cell.psf, piece.voxel_size)
above = cell.camera.photons(piece)
gain_found = find_gain(above)
y, b = np.maximum(above.data, 0) / gain_found, find_background(above) / gain_found
A_cell = formation.forward(cell_psf, y.shape, xp=xp)
view = operators.crop(y.shape, A_cell.shape_in, xp=xp)
print(f"{piece.shape} voxels on a grid of {A_cell.shape_in}, background {b:.1f}, brightest {y.max():.0f}")
print(f"gain by the noise: {gain_found:.2f} counts a photon")

# %%
kept, held = stopping.thin(y, share, rng)
score = stopping.held_out(held, A_cell, share=share, background=b)
for weight in (0.001, 0.003, 0.01, 0.03):
    prior = admm.total_variation(weight, piece.voxel_size)
    run = admm.poisson(kept, A_cell, prior=prior, n_iter=30, background=share * b)
    print(f"λ = {weight:<6g} held-out score {score(deque(run, maxlen=1).pop().x):.4f}")

# %% [markdown]
r"""
The judge wants ever less prior. Should one believe it? Look at the noise, where no lens brings light: in the finest corner of each plane's spectrum (there `find_gain` looks), and where the pattern along x, or along y, is somewhat coarser. Photons' noise is equally strong at all frequencies.
"""

# %%
for name, data in {"real cell": y, "round cells": counted["round cells"]}.items():
    power = np.median(np.abs(fft.fft2(data, norm="ortho")) ** 2, axis=0) / np.log(2) / data.mean()
    f = np.abs(fft.fftfreq(data.shape[1]))
    fine, coarser = f > 3 / 8, (f > 1 / 4) & (f < 3 / 8)
    parts = {"finest": (fine, fine), "coarser along x": (fine, coarser), "coarser along y": (coarser, fine)}
    print(f"{name:12}" + ", ".join(f"{part} {power[np.ix_(*where)].mean():.2f}" for part, where in parts.items()))

# %% [markdown]
r"""
**No**, then. In the simulated cells it is about 1 everywhere, photons' noise; in the real one it grows as the pattern along x gets coarser. This stack was *deskewed* (chapter 4, section 10): its planes were taken obliquely, and each voxel was interpolated from its neighbours. That evens the finest noise out, and neighbours share the rest; no single number is the gain. Thinning such numbers does not make two independent
pictures: the held-out part knows the noise of the kept one. Held-out photons want photons as the camera counted them. Without them, one takes a $\lambda$ from simulated volumes, scaled by the root of the brightness, and says so:
"""

# %%
brighter = np.sqrt(y.max() / counted["round cells"].max())
lambdas = {guess: choice["round cells", guess] / brighter for guess in ("total variation", "Hessian")}
makers = {"total variation": admm.total_variation, "Hessian": admm.hessian}
lucy = deque(richardson_lucy.plain(y, A_cell, n_iter=n_cell, background=b), maxlen=1).pop()
real = {"as measured": piece.with_data(y), f"Richardson–Lucy, {n_cell}": piece.with_data(np.asarray(view(lucy)))}
for guess, weight in lambdas.items():
    run = admm.poisson(y, A_cell, prior=makers[guess](weight, piece.voxel_size), n_iter=n_cell, background=b)
    real[f"{guess}, λ = {weight:.2g}"] = piece.with_data(np.asarray(view(deque(run, maxlen=1).pop().x)))

# %% alt="A piece of the real cell: as measured, with Richardson–Lucy, total variation and Hessian; all three sharpen the vesicles, and look nearly alike."
plots.sections(real, at=(17, 50, 34))

# %% [markdown]
r"""
**What to see.** All three show the same vesicles. How far do they disagree? That depends on the light:
"""

# %%
results = np.stack([result.data for name, result in real.items() if name != "as measured"])
mean, spread = results.mean(axis=0), results.std(axis=0)
for low, high in ((0, 25), (25, 50), (50, 75), (75, 90), (90, 100)):
    a, c = np.percentile(mean, (low, high))
    part = (mean >= a) & (mean <= c)
    disagree = 100 * spread[part].mean() / mean[part].mean()
    print(f"voxels of {a:5.0f} to {c:5.0f} photons: the three results differ by {disagree:3.0f} % (standard deviation)")

# %% [markdown]
r"""
*Data decide where there are photons, priors where there are none.* So never interpret what only the prior has put there.

## 10 · What can go wrong

**Stairs.** Total variation likes flat pieces, also where the truth is a slope. A smooth hill on a line (both weights set by hand, to show it):
"""

# %%
hill = 60 * np.exp(-0.5 * ((voxels - 48) / 14) ** 2)
y = rng.poisson(np.maximum(A_line(hill), 0) + 4).astype(float)
curves = {"truth": (voxels, hill)}
for guess, prior in {"total variation": admm.total_variation(0.4, (1.0,)), "Hessian": admm.hessian(2, (1.0,))}.items():
    run = admm.poisson(y, A_line, prior=prior, n_iter=400, background=4)
    curves[guess] = voxels, deque(run, maxlen=1).pop().x

# %% alt="A smooth hill, estimated with total variation as a flight of stairs, and with the Hessian as a smooth hill."
plots.lines(curves, xlabel="voxel", ylabel="photons")

# %% [markdown]
r"""
**Periodic edges.** The middle of the round cells, cut out of the picture: now light does come in from outside. Once deconvolved as if the picture were periodic, once with open edges.
"""

# %%
name, window = "round cells", (slice(None), slice(8, 40), slice(8, 40))
y, inside, edge_errors = counted[name][window], truths[name].data[window], {}
rim = np.ones(inside.shape, bool)
rim[:, 3:-3, 3:-3] = False
for edges in ("periodic", "open"):
    small = formation.forward(psf, y.shape, edges=edges, xp=xp)
    run = admm.poisson(y, small, prior=admm.hessian(0.01, voxel), n_iter=n_prior, background=background)
    x = np.asarray(operators.crop(y.shape, small.shape_in, xp=xp)(deque(run, maxlen=1).pop().x))
    outer, inner = (np.sqrt(np.mean((x - inside)[part] ** 2)) for part in (rim, ~rim))
    edge_errors[edges] = outer
    print(f"{edges:9} error (rms) in the outer three voxels {outer:5.1f}, further in {inner:5.1f} photons")

# %% [markdown]
r"""
The rim pays for it. Further in, where light from outside hardly comes, there is little between them; the open grid, which has more to find from the same photons, is the worse by some per cent. And more, with what betrays it:

| symptom | cause | fix |
|---|---|---|
| the objective creeps; the primal residual is tiny, the dual one is not | $\rho$ far too large, and fixed (section 5) | leave `rho=None`, or let it adapt; in the course both are the default |
| estimate and copies stay apart: primal residual high for a hundred iterations | $\rho$ far too small, and fixed | the same |
| slopes become stairs, threads dim, flat and wide | total variation on a specimen that is not made of even bodies | Hessian, or a prior that fits |
| everything is a little too dim, small things most | $\lambda$ too large | held-out photons, or a look at the residual image |
| bright rim, or ghosts from the opposite side | periodic edges | `formation.forward(…, edges="open")` |
| held-out photons always ask for less prior | the stack was smoothed, interpolated or deskewed | use the raw counts, or a λ from simulated volumes |
| black spots or NaN in dark voxels, in a program of one's own | the Poisson prox by the textbook's formula, in float32 | exercise 2 |

## Remember

- Split: every term gets a copy, the prox solves it exactly, a price makes the copies agree. $x$ itself is one division in Fourier space.
- $\rho$ changes the way, $\lambda$ and the prior change the end. The residuals tell about $\rho$, held-out photons about $\lambda$, nobody but you about the prior.
- Without a prior ADMM goes where Richardson–Lucy goes, sooner. With a prior that fits it beats the best that Richardson–Lucy can do, and needs no stop; on threads the best one is level with that, and the wrong one far below.

<details><summary>1. You double all counts of a stack, and its background. What must you do with ρ, and with λ of total variation?</summary>

ρ has the unit of one over photons: halve it (the course's default does so by itself). λ stays, since both terms of the objective double. But twice the *photons*, not merely twice the numbers, would be less noise: then λ should fall, by about √2.

</details>

<details><summary>2. The primal residual has been zero from the first iteration on, and a colleague calls it converged. What do you ask for?</summary>

The dual residual. Copies that agree at once are the mark of a ρ that is far too large: nothing moves any more, wherever it stands.

</details>

<details><summary>3. Where in the algorithm does the field of view come in, if the grid is larger than the picture?</summary>

Only in the photons' prox: where nothing was measured, the photons' agent has no wish, and $z_0 = v$. The blur stays periodic on the larger grid, so the division in Fourier space stays exact.

</details>

## References

- S. Boyd *et al.*, *Found. Trends Mach. Learn.* 3 (2011) 1, [doi:10.1561/2200000016](https://doi.org/10.1561/2200000016): ADMM, prices and residuals.
- M. A. T. Figueiredo and J. M. Bioucas-Dias, *IEEE Trans. Image Process.* 19 (2010) 3133, [doi:10.1109/TIP.2010.2053941](https://doi.org/10.1109/TIP.2010.2053941): this very splitting for photons.
- N. Parikh and S. Boyd, *Found. Trends Optim.* 1 (2014) 127, [doi:10.1561/2400000003](https://doi.org/10.1561/2400000003): proximal operators.
- L. I. Rudin, S. Osher and E. Fatemi, *Physica D* 60 (1992) 259, [doi:10.1016/0167-2789(92)90242-F](https://doi.org/10.1016/0167-2789(92)90242-F): total variation.
- S. Lefkimmiatis, A. Bourquard and M. Unser, *IEEE Trans. Image Process.* 21 (2012) 983, [doi:10.1109/TIP.2011.2168232](https://doi.org/10.1109/TIP.2011.2168232): the Hessian as a prior.
- A. Chambolle and T. Pock, *J. Math. Imaging Vis.* 40 (2011) 120, [doi:10.1007/s10851-010-0251-1](https://doi.org/10.1007/s10851-010-0251-1): another way to the same end, `course_utils.admm.chambolle_pock`.
"""

# %%
compare.write_results(
    "05",
    {
        "by hand against the package (relative)": difference,
        "ADMM / Richardson–Lucy, seconds an iteration (ratio)": slower,
        "residual, Richardson–Lucy (ratio)": history["Richardson–Lucy"][2][-1],
        "residual, ADMM (ratio)": history["ADMM, no prior"][2][-1],
        "PSNR, Richardson–Lucy, course volume (dB)": history["Richardson–Lucy"][3][-1],
        "PSNR, ADMM without prior, course volume (dB)": history["ADMM, no prior"][3][-1],
        "excess objective, rho 100 times too large, fixed (%)": excess[100.0, "fixed"][-1],
        "excess objective, rho 100 times too large, adapted (%)": excess[100.0, "adapted"][-1],
        "round cells, Richardson–Lucy at its best (dB)": dB["round cells"]["Richardson–Lucy, oracle"][0],
        "round cells, total variation (dB)": dB["round cells"]["ADMM, total variation"][0],
        "round cells, gain of the best prior (dB)": max(gain["round cells"].values()),
        "filaments, gain of total variation (dB)": gain["filaments"]["total variation"],
        "filaments, gain of the best prior (dB)": max(gain["filaments"].values()),
        "round cells, gain of the best prior at its end (dB)": max(arrived["round cells", g] for g in guesses)
        - dB["round cells"]["Richardson–Lucy, oracle"][0],
        "filaments, gain of the best prior at its end (dB)": max(arrived["filaments", g] for g in guesses)
        - dB["filaments"]["Richardson–Lucy, oracle"][0],
        "error at the border, periodic / open (ratio)": edge_errors["periodic"] / edge_errors["open"],
    },
)
