# ---
# jupyter:
#   course:
#     profiles:
#       test: {size: small, exposures: 12}
#       report: {size: report}
#     bands:
#       adjoint gap: [0, 1.0e-12]
#       adjoint gap, flipped PSF: [1.0e-3, 1]
#       light in the picture (ratio): [0.3, 0.9]
#       variance / mean of photons: [0.9, 1.1]
#       gain found (counts/photon): [2.1, 2.3]
#       offset found (counts): [95, 105]
#       light that wrapped around (%): [5, 80]
# ---

# %% [markdown]
r"""
# 1 · Image formation

How does a picture of a cell come about? This chapter writes the microscope down as an operator: what the optics do to the light
(a convolution), what the stage does (it skips planes), what chance does (photons), and what the camera makes of them (counts). All the
later chapters try to undo what this one does.

**After this notebook you can**

- write a blur as a sum of PSFs, as a matrix, and as a product of spectra, and say why these are the same;
- write its adjoint, and test it;
- simulate a stack as a camera would record it, and say where each part of its noise comes from;
- find a camera's gain and offset from two pictures;
- recognise light that wrapped around the edge.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| notebook 0; Fourier transforms by name | 60–80 minutes | 10–15 seconds in all | 0.7 GB |

*Previous: [start here](00_start_here.ipynb). Next: [chapter 2](02_point_spread_function.ipynb), the point spread function. Short of time? Sections 1 to 4.*
"""

# %% tags=["setup"]
# %matplotlib inline
import numpy as np
from scipy import fft

import data_fetch
from course_utils import backend, checks, compare, formation, operators, optics, plots, specimen, widgets
from course_utils.formation import Camera
from course_utils.stack import Stack

rng = np.random.default_rng(1)
xp = backend.get("numpy", dtype="float64")  # the array package that the operators use, in double precision

# %% tags=["parameters"]
size = "course"  # of the course volume: "small", "course" or "report"
exposures = 40  # repeated pictures, to see their noise

# %% [markdown]
r"""
## 1 · One point, one PSF; many points, many PSFs

Here is the volume that this course works on from now on: microtubules, thin filaments, in a flat cell with an empty nucleus. It is
simulated, so that, for once, the **truth** is known.
"""

# %%
volume = data_fetch.load("microtubules", size=size)
print(volume.truth)
print(volume.stack)

# %% alt="The specimen's thin filaments, and the wide-field stack of it: blurred, most of all along z."
units = {"truth": "photons", "wide-field stack": "counts"}
plots.sections({"truth": volume.truth, "wide-field stack": volume.stack}, unit=units)

# %% [markdown]
r"""
**What to see.** On the left, filaments about as thin as this grid can hold. On the right, what a wide-field microscope, which lights the whole cell at once, makes of them: in xy
lines have become bands in a haze; in xz each spot is drawn out along z, and haze lies between the spots.

A microscope is **linear**: twice the light gives twice the picture, and two points give the sum of their two pictures. And it is (nearly)
**shift-invariant**: a point moved aside gives the same picture, moved aside. So the picture $g$ of any specimen $x$ is a sum of PSFs
$h$, one for each voxel, each as bright as the voxel ($h_0$ is the PSF's centre; in an array of length $n$ it stands at `n // 2`):

$$g_i \;=\; \sum_j x_j \, h_{i-j} \qquad\text{in short}\qquad g = h \otimes x \tag{1}$$

That is a **convolution**.

### Exercise 1: a sum of PSFs

Write it for a line of voxels. The PSF's centre is `psf[n // 2]`, with `n = len(psf)`: that part of voxel $j$'s light stays at $j$. Let the line
be periodic: what leaves at one end comes back at the other.
"""


# %%
def convolve(x, psf):
    """The blurred line: for each voxel of x one PSF, as bright as the voxel; periodic."""
    # <solution> add up one PSF for each voxel of x
    blurred = np.zeros(len(x))
    for j in range(len(x)):
        for k in range(len(psf)):
            blurred[(j + k - len(psf) // 2) % len(x)] += x[j] * psf[k]
    return blurred
    # </solution>


# %% tags=["check"]
checks.convolution(convolve)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Two loops: over the voxels `j` that send light, and over the parts `k` of the PSF. Where does part `k` of voxel `j`'s light arrive?

</details>

<details><summary>Hint 2</summary>

At `j + k - len(psf) // 2`. The remainder `% len(x)` takes it back into the line.

</details>

{{solution}}
"""

# %% [markdown]
r"""
## 2 · The blur as a matrix

A linear map between finitely many voxels is a matrix, $g = A x$, the operator $A$ of notebook 0. (Its transfer function, section 3, is $H$; some
modules of the course, which need no letter for that, call the operator itself `H`.) Column $j$ holds what happens to light from voxel $j$: a PSF around $j$. On
a tiny line one can look at it:
"""

# %%
line_psf = np.array([0.05, 0.1, 0.15, 0.4, 0.2, 0.1])[None, None]  # lopsided on purpose; its centre is n // 2 = 3
A = operators.blur(line_psf, (1, 1, 12), xp=xp)

# %% alt="Two matrices: the blur has a band along the diagonal that wraps around at the corners; the adjoint is its mirror image."
plots.matrices({"A: the blur": operators.dense(A), "A.T: its adjoint": operators.dense(A.T)}, unit="part of the light")

# %% [markdown]
r"""
**What to see.** Every column is the same PSF, one voxel further down, and what falls off at the bottom comes in at the top: such a matrix
is called *circulant* (in 3D: *block-circulant*). Each column adds up to 1: no light is lost. On the right the **adjoint** (for
real matrices: the transpose), mirrored about the diagonal. It sends a question back: not "where does light of $j$ go?" but "from where
could the light at $i$ have come?". Every iterative method of this course needs both.

For a real stack, the matrix has a million rows. Nobody stores it: `operators.blur` only knows how to *apply* it.

## 3 · The blur as a product

Why did Fourier transforms come in? Send in a wave, and out comes the same wave, weaker and perhaps shifted: waves are the eigenvectors of
every circulant matrix. So in Fourier space the blur is a product, frequency by frequency:

$$\hat g(k) \;=\; H(k)\,\hat x(k), \qquad H = \mathcal F h \tag{2}$$

$H$ is the **optical transfer function**, OTF. Three fast transforms replace a million PSFs: the reason why deconvolution takes
seconds and not days.

### Exercise 2: the transfer function

One trap lies here, the commonest of this field. Fourier transforms count from voxel 0; a PSF has its centre at `n // 2`. Put the PSF into
the corner of the grid, move its centre to voxel $[0, 0, 0]$, and transform with `fft.rfftn` (`scipy.fft` is imported as `fft`).
"""


# %%
def transfer_function(psf, shape):
    """The blur's transfer function on a grid of this shape: an array as fft.rfftn gives it."""
    # <solution> pad the PSF to the grid, move its centre to voxel 0, and transform
    padded = np.zeros(shape)
    padded[tuple(slice(n) for n in psf.shape)] = psf
    at_origin = np.roll(padded, [-(n // 2) for n in psf.shape], axis=(0, 1, 2))
    return fft.rfftn(at_origin)
    # </solution>


# %% tags=["check"]
checks.transfer(transfer_function)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`padded = np.zeros(shape)`, then copy the PSF into `padded[:a, :b, :c]`. Its centre is now at `psf.shape[i] // 2` on axis `i`.

</details>

<details><summary>Hint 2</summary>

`np.roll(padded, shifts, axis=(0, 1, 2))` moves it; the shifts are negative.

</details>

{{solution}}
"""

# %% [markdown]
r"""
What does this transfer function let through? For the course volume, along the lateral and the axial direction:
"""

# %% alt="The OTF falls smoothly to zero along the lateral direction, and is next to nothing along the axial one: the missing cone."
spectrum = np.abs(operators.blur(volume.psf.data, volume.psf.shape, xp=xp).transfer)
dz, dy, dx = volume.psf.voxel_size
lateral = fft.rfftfreq(volume.psf.shape[2], dx), spectrum[0, 0]
half = volume.psf.shape[0] // 2 + 1
axial = fft.rfftfreq(volume.psf.shape[0], dz), spectrum[:half, 0, 0]
curves = {"lateral: (0, 0, kx)": lateral, "axial: (kz, 0, 0)": axial}
plots.lines(curves, xlabel="frequency (1/µm)", ylabel="|H|", log=True, ylim=(1e-6, 2))

# %% [markdown]
r"""
**What to see.** Laterally the OTF falls and ends, at $2\,\mathrm{NA}/\lambda = 5.4$ per µm: detail finer than 0.19 µm never reaches the camera. (NA, how wide a cone of light the objective takes in, and the wavelength $\lambda$: chapter 2. What is
left below $10^{-5}$ is rounding.) Axially it is all but gone at once: a wide-field microscope cannot tell at which depth an even sheet of light
lies. That hole is the *missing cone*, and chapter 2 explains it. (What remains of the axial curve beyond 0 is there only because the PSF was
cut off at the edge of its array.)

### Exercise 3: the adjoint

In Fourier space the adjoint of the blur, too, is a product: with the **complex conjugate** of the OTF,

$$A^\top u \;=\; \mathcal F^{-1}\,\bigl[\,\overline{H}\;\mathcal F u\,\bigr] \tag{3}$$

because $\langle A x, u\rangle = \langle x, A^\top u\rangle$ must hold for all $x$ and $u$, and Fourier transforms keep inner products.
"""


# %%
def adjoint(u, transfer):
    """A.T u for the blur with this transfer function (as fft.rfftn gives it)."""
    # <solution> multiply the spectrum by the conjugate of the transfer function, and transform back
    return fft.irfftn(fft.rfftn(u) * np.conj(transfer), s=u.shape)
    # </solution>


# %% tags=["check"]
checks.adjoint(adjoint)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`fft.rfftn(u)` is the spectrum of `u`; `np.conj` takes the complex conjugate.

</details>

<details><summary>Hint 2</summary>

`fft.irfftn(spectrum, s=u.shape)`: without `s=` an odd last axis comes back one voxel short.

</details>

{{solution}}
"""

# %% [markdown]
r"""
Many programs flip the PSF instead. On paper that is the same; in an array it is so only where the PSF's length is odd. Where it is even, the flip
takes the centre from `n // 2` to `n // 2 - 1`, and the result is one voxel off along that axis. It is a famous bug, for pictures hardly
show it. The **adjoint test** does: draw random $x$ and $u$ of zero mean, and compare the two inner products (relative to $|Ax|\,|u|$).
"""

# %%
small = (6, 8, 10)
for n in (5, 4):
    lopsided = rng.random((n, n, n)) ** 3
    right, flipped = (operators.blur(psf, small, xp=xp) for psf in (lopsided, lopsided[::-1, ::-1, ::-1]))
    wrong = operators.Linear(right.forward, flipped.forward, small, small, xp)
    gap, wrong_gap = operators.adjoint_gap(right, rng), operators.adjoint_gap(wrong, rng)
    print(f"PSF of {n} × {n} × {n}:   gap with the conjugate OTF {gap:.0e}, with the flipped PSF {wrong_gap:.0e}")

# %% [markdown]
r"""
## 4 · Photons, and what the camera makes of them

Light arrives in grains. If a voxel is *expected* to receive $m$ photons, it receives a random number with mean $m$ and, by
Poisson's law, **variance $m$** as well. So the photons $y$ that are counted, with a background $b$ (stray light, autofluorescence), are

$$y \;\sim\; \mathrm{Poisson}\,(m), \qquad m = A x + b \tag{4}$$

The camera multiplies by its gain, adds an offset and some read noise $\eta$, and a stage that takes larger steps keeps only every
$s$-th plane, $S_s$. With that, the whole of it (the IsoNet paper, chapter 7, writes $g = P[S_\sigma (h \otimes f)] + \eta$: its $f$ is our $x$, its $\sigma$ our $s$, and $P$ draws the photons):

$$\text{counts} \;=\; \text{gain}\cdot\mathrm{Poisson}\bigl(S_s (h \otimes x) + b\bigr) + \text{offset} + \eta \tag{5}$$

### Exercise 4: a camera

Write the camera's part: from the expected photons to counts. `read_noise` is the standard deviation of $\eta$, in counts. (Leave rounding
and saturation aside.)
"""


# %%
def expose(photons, gain, offset, read_noise, rng):
    """Counts of a camera that expects so many photons in each voxel."""
    # <solution> draw photons, multiply, add offset and read noise
    arrived = rng.poisson(photons)
    return gain * arrived + offset + read_noise * rng.standard_normal(photons.shape)
    # </solution>


# %% tags=["check"]
checks.camera(expose)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

In the order in which it happens: photons arrive (`rng.poisson`), each makes `gain` counts, the offset is added, and the read noise.

</details>

<details><summary>Hint 2</summary>

`rng.standard_normal(photons.shape)` has standard deviation 1.

</details>

{{solution}}
"""

# %% [markdown]
r"""
In the course this is `Camera(gain, offset, read_noise).expose`, and the whole of equation (5) is `formation.acquire`. Take the same picture many
times, and compare mean and variance, voxel by voxel:
"""

# %%
camera = volume.camera
expected = formation.expect(volume.truth, volume.psf, background=10.0)
middle = Stack(expected.data[expected.shape[0] // 2][None], expected.voxel_size)
series = np.stack([camera.photons(camera.expose(middle, rng)).data[0] for _ in range(exposures)])

# %% alt="Variance against mean of each voxel's photons: the points follow the line variance = mean plus read noise."
measured = series.mean(0).ravel(), series.var(0, ddof=1).ravel()
floor = (camera.read_noise / camera.gain) ** 2  # of the read noise, in photons²
law = np.array([0, middle.data.max()]), np.array([0, middle.data.max()]) + floor
curves = {"each voxel": measured, "mean + (read noise / gain)²": law}
plots.lines(curves, points=["each voxel"], xlabel="mean (photons)", ylabel="variance (photons²)")

# %%
variance_to_mean = (series.var(0, ddof=1).mean() - floor) / series.mean()
print(f"variance (without read noise) / mean = {variance_to_mean:.3f}; Poisson's law says 1")

# %% [markdown]
r"""
(The cloud is wide because each variance comes from a few pictures only: from 40, it is uncertain by $\sqrt{2/39}$, or 23 %.)

Dark voxels have little noise, bright ones much, but *relative* to the signal it is the other way round: $\sqrt m/m$. Move the slider
to see what a longer exposure buys; each picture has its own colours. (At 0.01 × the exposure, a typical voxel expects less than one
photon, and the read noise is larger than that: there it is the camera that grains the picture, and below the offset photons come out negative.)
"""

# %%
exposure_factors = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
pictures = {
    factor: camera.photons(camera.expose(expected.with_data(factor * expected.data), rng))
    for factor in exposure_factors
}

# %%
widgets.explore(
    lambda exposure: plots.sections({f"{exposure:g} × the exposure": pictures[exposure]}),
    exposure=exposure_factors,
    description="The wide-field stack at a chosen exposure: the longer, the less grain.",
)

# %% alt="The same stack at a hundredth, a tenth and the full exposure: from grain to a smooth picture."
plots.sections({f"{factor:g} × the exposure": pictures[factor] for factor in (0.01, 0.1, 1.0)})

# %% [markdown]
r"""
## 5 · Gain and offset from two pictures

For a real camera one must *measure* gain and offset. Take two pictures of the same uneven light (here it grows from column to column); the read
noise is the spread of a picture in the dark. Their difference holds nothing but noise,
and half its variance is the variance of one picture. In counts, equation (5) says

$$\text{variance} \;=\; \text{gain}\cdot(\text{mean} - \text{offset}) + \text{read noise}^2:$$

a straight line, whose slope is the gain.
"""

# %%
light = Stack(np.broadcast_to(np.linspace(0, 400, 256), (4, 256, 256)), (1, 1, 1))
unknown = Camera(gain=2.2, offset=100.0, read_noise=3.0)
first, second = unknown.expose(light, rng), unknown.expose(light, rng)
found = formation.calibrate(first, second, read_noise=3.0)
print(f"gain {found.gain:.3f} (true 2.2), offset {found.offset:.1f} (true 100)")

# %% alt="The mean-variance line of two pictures of uneven light: variance grows in proportion to mean minus offset."
mean = 0.5 * (first.data + second.data)[0].mean(0)
variance = (0.5 * (first.data - second.data) ** 2).mean((0, 1))
curves = {
    "columns of the pair": (mean, variance),
    "the line found": (mean, found.gain * (mean - found.offset) + found.read_noise**2),
}
plots.lines(curves, points=["columns of the pair"], xlabel="mean (counts)", ylabel="variance (counts²)")

# %% [markdown]
r"""
## 6 · Larger steps: every s-th plane

Stacks are often sampled more coarsely along z. `bin_z` keeps the planes number 0, $s$, $2s$ …: each exposure is taken at one position of the stage, and
holds the plane in focus plus the haze of all others. A larger step leaves exposures out; it does not add them up. A blur *within* the planes may be done before or after; a blur *across* them must come first, since it needs the planes that are
skipped.
"""

# %%
coarse = formation.acquire(volume.truth, volume.psf, camera, background=10.0, bin_z=4, rng=rng)
print(coarse)

# %% alt="The stack with every plane and with every fourth plane: in xz the voxels are four times as long."
plots.sections({"every plane": volume.stack, "every fourth plane": coarse}, unit="counts")

# %% [markdown]
r"""
**What to see.** In xy nothing has changed; in xz there are a quarter as many planes, each as noisy as before. What lay between them is gone.
"""

# %% [markdown]
r"""
## 7 · What can go wrong: light that wraps around

The product (2) is a *periodic* convolution: what leaves the volume on one side comes back on the other. Put one bright vesicle into the
topmost planes, blur it with and without room at the edges, and look:
"""

# %%
shape, voxel = volume.stack.shape, volume.stack.voxel_size
vesicle = [[1, shape[1] // 2, shape[2] // 2]]
top = specimen.beads(shape, voxel, centres=vesicle, diameter=0.6, photons=1e5)
# a periodic grid holds at most as many planes of the PSF as it has itself: hence the haze's sharp end half way down
psf = optics.cut_psf(volume.psf, shape)

# %%
periodic = top.with_data(formation.forward(psf, shape, edges="periodic", xp=xp)(top.data))
room = formation.forward(psf, shape, edges="open", xp=xp)
opened = top.with_data(room(operators.crop(shape, room.shape_in, xp=xp).T(top.data)))

# %% alt="Periodic: haze of a vesicle at the top shows at the bottom as well. Open edges: it does not."
plots.sections({"periodic": periodic, "open edges": opened}, at=(2, *vesicle[0][1:]), limits=(0, 5))

# %%
wrapped = 100 * float(1 - opened.data.sum(dtype=float) / periodic.data.sum(dtype=float))
print(f"{wrapped:.1f} % of the light left over an edge, and came back on the opposite side")

# %% [markdown]
r"""
| symptom | cause | fix |
|---|---|---|
| haze of something bright on the opposite side of the stack | periodic edges | `formation.forward(…, edges="open")`, the default |
| the blurred picture is shifted by half the PSF | the PSF's centre was not moved to voxel 0 | exercise 2 |
| a rim that is too dark or too bright after deconvolution | the algorithm took what lies outside of the stack for black | open edges (chapter 4) |
| variance below the mean, or far above it | counts taken for photons | offset out, divided by the gain |

One more look at the books. Our PSF has unit sum over its own array, twice as deep as the stack. Which part of what it spreads falls into the stack?
"""

# %%
kept = float(formation.expect(volume.truth, volume.psf).data.sum(dtype=float) / volume.truth.data.sum(dtype=float))
print(f"{100 * kept:.1f} % of the specimen's light is in the picture")

# %% [markdown]
r"""
That is bookkeeping, not physics: a wide-field microscope collects the same light from a point in *every* plane, in focus or not, and a PSF array with
more planes would make the number smaller still. Keep it in mind when brightness is compared before and after a deconvolution.
"""

# %% [markdown]
r"""
## Remember

- A picture is the specimen convolved with the PSF: a sum of PSFs, a circulant matrix, a product with the OTF.
- The adjoint is the conjugate OTF. Test it with zero-mean arrays and a lopsided PSF.
- Photons are Poisson: their variance is their mean. Gain and offset make counts of them; two pictures, and the read noise, are enough to find both.
- Blurs by Fourier transform are periodic: give the light room at the edges.

<details><summary>1. Every column of A adds up to 1. What does that say, and what would a column sum of 2 mean?</summary>

That light is only moved, not lost or made. A PSF with a sum of 2 would double the light of every picture, and a deconvolution with it would
give half the light that was there.

</details>

<details><summary>2. A voxel shows 150 counts, with gain 2.5 and offset 100. How large is its noise?</summary>

It received 20 photons; their standard deviation is √20 ≈ 4.5 photons, that is 11 counts, plus the read noise (added as squares).

</details>

<details><summary>3. Why must x and u have zero mean in the adjoint test?</summary>

The mean of a picture passes through blur and wrong adjoint alike: with positive arrays it dominates both inner products, and the gap of a
wrong adjoint shrinks to something that is easily waved away.

</details>

## References

- M. Bertero, P. Boccacci, G. Desiderà and G. Vicidomini, *Inverse Problems* 25 (2009) 123006, [doi:10.1088/0266-5611/25/12/123006](https://doi.org/10.1088/0266-5611/25/12/123006): the blur, its adjoint and Poisson data, from cells to galaxies.
- M. Weigert, L. Royer, F. Jug and G. Myers, *MICCAI 2017*, [doi:10.1007/978-3-319-66185-8_15](https://doi.org/10.1007/978-3-319-66185-8_15): the model of equation (5) for anisotropic stacks.
- J. R. Janesick, *Photon Transfer*, SPIE 2007, [doi:10.1117/3.725073](https://doi.org/10.1117/3.725073): gain from mean and variance.
"""

# %%
compare.write_results(
    "01",
    {
        "adjoint gap": gap,
        "adjoint gap, flipped PSF": wrong_gap,
        "light in the picture (ratio)": kept,
        "variance / mean of photons": variance_to_mean,
        "gain found (counts/photon)": found.gain,
        "offset found (counts)": found.offset,
        "light that wrapped around (%)": wrapped,
    },
)
