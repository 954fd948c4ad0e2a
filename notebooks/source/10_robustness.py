# ---
# jupyter:
#   course:
#     profiles:
#       test: {robustness_size: 48, robustness_field: 33, robustness_photons: [30, 1000], robustness_iterations: 8, robustness_admm: 8}
#       report: {}
#     bands:
#       U-Net shown its own PSF, above interpolation (dB): [2, 9]
#       U-Net shown another PSF, greatest loss (dB): [2, 12]
#       random U-Net, greatest loss (dB): [1, 7]
#       Richardson–Lucy, PSF off by 3 voxels, loss (dB): [1, 9]
#       the same, moved back, loss (dB): [-0.2, 2.5]
#       beyond the support, noise alone, U-Net (share): [0.03, 0.6]
#       beyond the support, noise alone, ADMM, TV (share): [0, 0.1]
# ---

# %% [markdown]
r"""
# 10 · Robustness: what if you are wrong?

A colleague gives you her network. It was trained on her microscope, on her cells. Yours has another objective, and you have yeast. The pictures that come out are beautiful. Are they true?

Chapter 8 compared all methods under the best of conditions: each was told the truth about the microscope, and each network met, at least once, what it was trained with. Here each is told something else, a little or a lot.

**After this notebook you can**

- read a matrix of training against test conditions, and choose a network by what you fear;
- say which errors of a PSF cost most, and tell a blurred result from a shifted one;
- draw a ladder of exposures, and see where a method stops to gain from light;
- tell what a method *made up* from what it *invented*, by what lies beyond the OTF's support.

| you need | time | computing, on 2 cores without a GPU | memory |
|---|---|---|---|
| chapters 2, 4, 5, 7 and 8 | 60 minutes | 1–3 minutes in all with the weights that ship; with `TRAIN = True` a quarter of an hour more | 1.3 GB |

*Previous: [your own data](09_your_data.ipynb); it can as well be read right after [chapter 8](08_comparison.ipynb). Short of time? Sections 2, 4 and 6; run the cells of 1 and 3 unread.*
"""

# %% tags=["setup"]
# %matplotlib inline
import numpy as np

from course_utils import checks, compare, formation, isonet, optics, plots, robustness, training
from course_utils.isonet import recipes as isonet_recipes
from course_utils.robustness import figures as robustness_figures
from course_utils.robustness import recipes as robustness_recipes
from course_utils.widgets import explore

# %% tags=["parameters"]
TRAIN = False  # True: train the six networks anew instead of loading the weights that ship with the course
robustness_size = 80  # voxels of the matrices' specimens along each axis
robustness_field = 49  # of those of all other sections
robustness_photons = [10, 60, 400, 3000]  # in the brightest voxel, for the ladder of exposures
robustness_iterations = 25  # of accelerated Richardson–Lucy, at most
robustness_admm = 30  # of ADMM

# %% [markdown]
r"""
## 1 · Six networks that differ in one thing

The report of chapter 8, section 9, left robustness to future work, and named a cure for networks: **training on simulated specimens, with ranges of noise and PSF**. Here is one, beside five that have seen one thing only.

All of them learn as in chapter 7, from lateral slices that are made as bad as axial ones, never from a truth; their goal is the lateral resolution. They are six small U-Nets (8 filters, where chapter 7 has 16), alike in all but their stacks: the same number of stacks, of patches, of epochs. Three had one PSF each, two one class of specimen each, and for one *everything* was drawn at random for every stack.
"""

# %%
small = ("psf-2.5", "psf-4", "psf-6", "random", "filaments", "shells")
if TRAIN:
    robust = {name: training.Trained(*robustness_recipes.RECIPES[f"small-{name}"]()) for name in small}
else:
    robust = {name: training.pretrained(f"small-{name}") for name in small}
unets = {"U-Net": robust["psf-4"], "U-Net, random": robust["random"]}

# %%
for name, network in unets.items():
    print(f"{name}: {network.card['network']}; {network.card['training']}\n    {network.card['data']}")

# %% [markdown]
r"""
## 2 · Trained with one PSF, shown another

Rows are networks, columns are data; σ_z is in voxels, across it is 1.2 for all. In each field stands the PSNR after an affine match, **above linear interpolation of the same stack**, in dB, against the truth at the lateral resolution, whose own range is the data range. Zero is a network that does nothing; below zero it does harm. The specimens have seed 5: none was trained with or chosen by. Every stack is brought to its own percentiles first, as in the training.

The second matrix does the same with classes of specimens. Nuclei only the random network has seen, and only among three other classes.
"""

# %%
by_psf = {"σ_z 2.5": "psf-2.5", "σ_z 4": "psf-4", "σ_z 6": "psf-6", "random": "random"}
data = {f"σ_z {s:g}": robustness.twin(seed=5, size=robustness_size, psf=(s, 1.2, 1.2)) for s in (2.5, 4, 6)}
psf_matrix = robustness.matrix({name: robust[key] for name, key in by_psf.items()}, data, views=("xz",))

# %%
by_kind = {"filaments": "filaments", "shells": "shells", "both": "psf-4", "random": "random"}
data = {kind: robustness.twin(kind, seed=5, size=robustness_size) for kind in ("filaments", "shells", "both", "nuclei")}
kind_matrix = robustness.matrix({name: robust[key] for name, key in by_kind.items()}, data, views=("xz",))

# %% alt="Two matrices of gains in dB. Left the diagonal stands out and the lower left corner negative; right each network is ahead on its own class, the one of filaments is negative on nuclei, and there the random one is ahead."
matrices = {"another PSF": psf_matrix, "another specimen": kind_matrix}
robustness_figures.numbers(
    {title: m.gain for title, m in matrices.items()},
    rows={title: m.networks for title, m in matrices.items()},
    columns={title: m.data for title, m in matrices.items()},
    unit="dB above interpolation", xlabel="shown", ylabel="trained on", diverging=True,
)  # fmt: skip

# %% [markdown]
r"""
**What to see.** Left, the diagonal stands out: each network is best by some dB at the PSF that it was made for. One line away most of the gain is gone, and in the lower left corner it is negative: a network that was made for a long blur, shown a short one, does *harm*. The opposite corner, a network for a short blur that is shown a long one, does little good, but no harm. So if you must err, err towards the shorter blur. The random network is best nowhere, harms nowhere, and is much the same everywhere.

Right, the same with specimens: the network of filaments is ahead on filaments, that of shells on shells, and each loses some dB on the other's; the one that saw both is the best on both, near the best on shells, and second on filaments. Then the last column, nuclei, which none of these three has seen. The network that knows lines and nothing else does *harm* there: it looks for lines in bodies. The random network, best in none of the other columns, is the best in this one; but for it nuclei are no foreign country, it saw some. That is what variety buys: not more at home, but a larger home. What it does abroad, this matrix cannot say.

### Exercise 1: read the matrix

Which network to take, if you are not sure of your PSF? Compute what each network **loses** on each data against the one that was made for them. `gain` has networks in rows and data in columns; network $j$ was made for data $j$, and there may be more networks than data (the last row is the random one). Give back an array of the shape of `gain`.
"""


# %%
def regret(gain):
    """dB that each network loses on each data against the network made for these data."""
    # <solution> what was lost, column by column
    n = gain.shape[1]
    return gain[:n].diagonal() - gain
    # </solution>


# %% tags=["check"]
checks.regret(regret)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

Two networks can be compared on the same data only, so stay within a column. The network made for column j is in row j.

</details>

<details><summary>Hint 2</summary>

`gain[:n].diagonal()`, with n the number of columns, has one value for each column; NumPy subtracts along the last axis.

</details>

{{solution}}
"""

# %%
fixed = len(psf_matrix.data)  # networks, as many as data; the random one comes last
lost = psf_matrix.gain[:fixed].diagonal() - psf_matrix.gain
for name, row in zip(psf_matrix.networks, lost, strict=True):
    least = psf_matrix.gain[psf_matrix.networks.index(name)].min()
    print(f"{name:8} loses at most {row.max():.1f} dB, on average {row.mean():.1f}; gains at least {least:+.1f}")

# %% [markdown]
r"""
**Which one to take?** If you have measured your PSF, the one made for it. If not, it depends on what you fear. The least *worst loss* against what could have been had is one answer, the greatest *worst gain* another, and they need not name the same network: compare the first and the last number of each line above. "Random is more robust" is true of the last one. Now look at what such losses look like:
"""

# %%
middle_slices = {}
for network in psf_matrix.networks:
    for shown, value in zip(psf_matrix.data, psf_matrix.gain[psf_matrix.networks.index(network)], strict=True):
        goal = psf_matrix.slices["lateral resolution", shown]
        pair = {"interpolated": psf_matrix.slices["interpolated", shown]}
        pair[f"trained on {network}: {value:+.1f} dB"] = psf_matrix.slices[network, shown]
        top = np.percentile(goal, 99.5)
        named = {"lateral resolution": goal, **pair}
        middle_slices[network, shown] = {name: np.clip(x, 0, top) for name, x in named.items()}

# %%
slice_style = {"step": (0.1, 0.1), "xlabel": "x (µm)", "ylabel": "z (µm)", "unit": "photons", "cmap": "inferno"}
explore(
    lambda trained_on, shown: plots.pictures(middle_slices[trained_on, shown], **slice_style),
    trained_on=list(psf_matrix.networks),
    shown=list(psf_matrix.data),
    description="An xz slice: what the network should give, what it was shown, and what it gave.",
)

# %% alt="Four networks' xz slices of one stack with σ_z 4: the one made for longer blurs has squeezed the rings along z, the one for shorter blurs has left smears."
shown = "σ_z 4"
goal = psf_matrix.slices["lateral resolution", shown]
named = {"lateral resolution": goal} | {f"trained on {k}": psf_matrix.slices[k, shown] for k in psf_matrix.networks}
plots.pictures({k: np.clip(x, 0, np.percentile(goal, 99.5)) for k, x in named.items()}, **slice_style)

# %% [markdown]
r"""
**What to see.** The stack was taken with σ_z 4. The network for a shorter blur leaves the ring drawn out along z and joins it to its neighbours; the one for a longer blur makes thin, flat, sharp things of it, which look *better* than the right ones if you do not know the truth. The random one, which has to guess the blur from the picture, takes the middle way. Nothing in any of them says that it is wrong.

## 3 · The wrong PSF in Richardson–Lucy and ADMM

Richardson–Lucy (in this notebook always the accelerated one, with the momentum of Biggs and Andrews, chapter 4) and ADMM with total variation are told their PSF each time anew, and it may be wrong each time. The number of iterations and the weight are chosen with the *right* PSF, on a twin of seed 4; then, on seed 5, the PSF's σ_z is wrong by a share of it. PSNR against the truth itself. The diamonds are the small networks of the matrix, which were trained with that error.
"""

# %%
options = {"n_iter": robustness_iterations, "admm_iter": robustness_admm}
test, validation = (robustness.twin(seed=seed, size=robustness_field) for seed in (5, 4))
chosen = robustness.choose(validation, **options)
settled = options | {"strengths": [chosen.strength]}  # of the prior: chosen once
print(f"chosen on seed 4: {chosen.iterations} iterations, λ = {chosen.strength} / √photons")

# %%
errors = np.array([-0.4, -0.2, 0, 0.3, 0.6])
wrong = [isonet_recipes.gaussian((4 * (1 + e), 1.2, 1.2)) for e in errors]
length = robustness.wrong_psf(test, wrong, chosen)
made_for = {2.5 / 4 - 1: "psf-2.5", 0.0: "psf-4", 6 / 4 - 1: "psf-6"}
networks_there = [test.psnr(robustness.restore(robust[name], test.stack)) for name in made_for.values()]

# %%
offsets = np.arange(4)
off_centre = [optics.shift_psf(test.psf, (s, 0, 0)) for s in offsets]
displaced = robustness.wrong_psf(test, off_centre, chosen, moved=offsets)

# %%
oil = [optics.Optics(NA=1.2, wavelength=0.52, n_immersion=1.515, n_specimen=1.33, depth=d) for d in (0, 5, 10, 20)]
deep = {objective.depth: robustness.wide_field_psf(objective) for objective in oil}
deep_test, deep_validation = (robustness.twin(seed=seed, size=robustness_field, psf=deep[10]) for seed in (5, 4))
deep_chosen = robustness.choose(deep_validation, **settled)
by_depth = robustness.wrong_psf(deep_test, deep.values(), deep_chosen)

# %% alt="PSNR against three errors of the PSF: for its length Richardson–Lucy has a sharp peak at the right one and ADMM a flat one; off the centre both fall fast, and the dashed curves, moved back, hardly; for the depth both change little."
panels = {
    "σ_z wrong": {name: (100 * errors, values) for name, values in length.items()},
    "off the centre": {name: (offsets, values) for name, values in displaced.items()},
    "depth wrong (truly 10 µm)": {name: (list(deep), values) for name, values in by_depth.items()},
}
panels["σ_z wrong"]["U-Net, trained with that σ_z"] = 100 * np.array(list(made_for)), networks_there
axis = dict(zip(panels, ("error of σ_z (%)", "off by (voxels along z)", "depth assumed (µm)"), strict=True))
robustness_figures.curves(
    panels,
    xlabel=axis,
    ylabel="PSNR against the truth (dB)",
    points=("U-Net, trained with that σ_z",),
    dashed=[name for name in displaced if name.endswith("moved back")],
)

# %%
for title, curves in {"σ_z": length, "off the centre": displaced, "depth": by_depth}.items():
    for name, values in curves.items():
        print(f"{title:15} {name:16}", " ".join(f"{v:6.2f}" for v in values))

# %% [markdown]
r"""
**What to see.**

- *Left.* Richardson–Lucy believes its PSF, and pays for it on both sides. Too long a PSF makes it undo what was never done; with one that is too short, smears stay. ADMM, with a prior and stopped after few iterations, is smoother: it has less to win with the right PSF, and less to lose with a wrong one. The diamonds, networks trained with the wrong PSF, lose too; less on the right, for against the truth itself too sharp is not as wrong as against the lateral resolution.
- *Middle.* A PSF off its centre costs the most, and *nothing* is blurred by it: the picture is only moved the other way. Moved back (dashed) most of it returns, but for what has left at the top of this small volume. So look for a shift before you believe a bad score, and centre your PSF (chapter 2).
- *Right.* To forget the depth, 10 µm deep in water under an oil objective, costs less than a PSF of a wrong length, and to believe in twice the depth still less. (The shift of the focus, several micrometres, is taken out here; left in, it would outweigh all the rest.)

(The level of the right panel cannot be compared with the others: it is another PSF. For ADMM there the wrong depth is no worse than the right one, within some hundredths of a decibel.)

ADMM's iterations are few here; with every fourth plane only, it is far from its end after them. Its curves are those of an ADMM stopped early, not of its minimum.

And this is how the left panel looks. Richardson–Lucy again, the same stack, the same number of iterations:
"""

# %%
y_seen = int(test.truth.data.sum(axis=(0, 2)).argmax())
told = {"truth": test.truth.data[:, y_seen]}
for error, psf in list(zip(errors, wrong, strict=True))[::2]:
    *_, x = robustness.richardson_lucy_estimates(test, psf, n_iter=chosen.iterations)
    told[f"σ_z {100 * error:+.0f} %" if error else "the right σ_z"] = np.asarray(x)[:, y_seen]

# %% alt="xz slices of the truth, two rings, and of three estimates: with too short a PSF the rings are hazy and drawn out along z, with the right one nearly round, with too long a one crisp, bright and flattened."
plots.pictures({k: np.clip(x, 0, np.percentile(told["truth"], 99.8)) for k, x in told.items()}, **slice_style)

# %% [markdown]
r"""
**What to see.** Too short a PSF leaves the structures hazy and drawn out along z: that looks unfinished. Too long a one squeezes them: crisp, bright, and flatter than they are. That looks finished, and is as wrong.

## 4 · A picture that was only moved

### Exercise 2: put it back

A PSF whose centre lies `offset` = (δz, δy, δx) voxels too far along each axis: then the estimate comes out moved the *other* way, since the PSF already carries the light forward, the specimen need not lie as far. Move it back, so that it lies on the truth. (Periodic: what leaves on one side comes in on the other.)
"""


# %%
def put_back(x, offset):
    """The estimate x, made with a PSF that is `offset` voxels off its centre, where it belongs."""
    # <solution> move it back
    return np.roll(x, offset, axis=(0, 1, 2))
    # </solution>


# %% tags=["check"]
checks.put_back(put_back)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

With $h'(r) = h(r - \delta)$ the data are $y = h \otimes x = h' \otimes x'$, if $x'(r) = x(r + \delta)$. So which way is $x$ from $x'$?

</details>

<details><summary>Hint 2</summary>

`np.roll(x, shift, axis)` takes one shift for each axis; a positive one moves towards larger indices.

</details>

{{solution}}

## 5 · Less light, more light

The same specimen at several exposures; the brightest voxel expects so many photons. The iterations of Richardson–Lucy are chosen anew at each level, on the twin of seed 4; the weight of the total variation falls with the root of the photons (chapter 5). For the networks nothing is chosen: "U-Net" is the small one that was trained at 120 photons, with this PSF and this kind of specimen; "U-Net, random" saw 20 to 2000 photons.
"""

# %%
levels = {p: [robustness.twin(seed=seed, size=robustness_field, peak=p) for seed in (5, 4)] for p in robustness_photons}
rungs = robustness.ladder(levels, unets, **settled)

# %% alt="PSNR against photons: against the truth Richardson–Lucy rises furthest; against the lateral resolution the U-Net lies on top, but at the least light; the random U-Net is below it in both."
robustness_figures.curves(
    {f"against the {aim}": {name: (rungs.peaks, v) for name, v in rows.items()} for aim, rows in rungs.psnr.items()},
    xlabel="photons in the brightest voxel", ylabel="PSNR (dB)", logx=True,
)  # fmt: skip

# %%
for peak_, chosen_ in zip(rungs.peaks, rungs.chosen, strict=True):
    print(f"{peak_:5g} photons: {chosen_.iterations} iterations")
for name, values in rungs.psnr["truth"].items():
    print(f"{name:16}", " ".join(f"{v:6.2f}" for v in values), " dB against the truth")

# %% [markdown]
r"""
**What to see.** Left, against the truth, light helps Richardson–Lucy most: more photons, more iterations, finer detail. (At the highest exposures it takes all the iterations that it may, `robustness_iterations`; with more of them it would gain still.) Where there are fewest, the prior of ADMM is ahead. The networks flatten out: beyond some tens of photons it is not the noise that limits them, but their goal, the lateral resolution. Right, against that goal, the order is another, as in chapter 7, and Richardson–Lucy, which goes beyond it, comes near the end: a winner can be chosen by choosing the reference.

A surprise. The network that saw 120 photons only is not worse at 10 or at 3000 than the one that saw 20 to 2000, once the brightness is brought to the training's; the random one lies *below* it at every level: with this PSF and this kind of specimen, variety costs, and buys nothing. What it buys stands in the matrix. (ADMM is flat because it was stopped early: see above.)

## 6 · Where each method begins to invent

A wide-field microscope of NA 1.0 passes no pattern of light that lies beyond its OTF's support (chapter 2): a ring with a hole along the axis, the missing cone. Its planes, 0.4 µm apart, sample all that it passes. So whatever an estimate holds beyond the support does not come from the specimen. Either it is the camera's noise, which knows no OTF and fills all frequencies alike, passed on; or it was **made up**: by x ≥ 0, by the prior, or by what a network has seen. Made up is not yet *invented*. The truth has something there, too, and a good guess is worth having. What tells the two apart is the correlation of the coefficients beyond the support with those of the truth: 1 for the truth, 0 for an invention.

Three inputs: filaments and shells; nuclei, which "U-Net" never saw ("U-Net, random" did); and even light of 20 photons, nothing but noise. The U-Nets were trained with Gaussians of this width, which have neither halo nor cone: that is part of the test.
"""

# %%
wide = robustness.wide_field_psf()
inputs = {kind: robustness.twin(kind, seed=5, size=robustness_field, psf=wide) for kind in ("both", "nuclei")}
inputs["noise"] = robustness.even_light(20, seed=5, size=robustness_field, psf=wide)
wide_chosen = robustness.choose(robustness.twin(seed=4, size=robustness_field, psf=wide), **settled)
print(f"chosen on filaments and shells of seed 4: {wide_chosen.iterations} iterations; too long: three times as many")

# %%
beyond = {}
for kind, twin in inputs.items():
    *_, many = robustness.richardson_lucy_estimates(twin, wide, n_iter=3 * wide_chosen.iterations)
    found = robustness.classical(twin, wide, wide_chosen)
    results = {"interpolation": isonet.isotropic(twin.stack).data, "Richardson–Lucy": found["Richardson–Lucy"]}
    results |= {"Richardson–Lucy, too long": many, "ADMM, TV": found["ADMM, TV"]}
    results |= {name: robustness.restore(network, twin.stack).data for name, network in unets.items()}
    truth_there = twin.truth.with_data(twin.aim("truth"))
    results = {"truth": truth_there.data} | {name: x[: twin.planes] for name, x in results.items()}
    if kind != "noise":
        results["blurred, no noise"] = formation.expect(truth_there, wide).data
    beyond[kind] = {
        name: robustness.outside(truth_there.with_data(x), truth_there, robustness.WIDE_FIELD, margin=2)
        for name, x in results.items()
    }

# %% alt="Power along kz: the truth falls slowly and goes on beyond the support; what the microscope passes falls steeply there; Richardson–Lucy for too long lies as high as the truth, the others far below."
limit = optics.cutoff(robustness.WIDE_FIELD)[0]
titles = {"both": "filaments\nand shells", "nuclei": "nuclei", "noise": "noise alone"}
robustness_figures.curves(
    {
        titles[kind]: {name: (o.kz, o.power) for name, o in rows.items() if o.power.max() > 1e-9}
        for kind, rows in beyond.items()
    },
    xlabel="kz (1/µm)", ylabel="mean power near the axis (photons²)", logy=True,
    marks=dict.fromkeys(titles.values(), (limit, "support ends")),
)  # fmt: skip

# %% alt="Correlation with the truth along kz: high inside the support, falling at its end; on filaments and shells Richardson–Lucy falls last."
robustness_figures.curves(
    {
        titles[kind]: {name: (o.kz, o.agreement) for name, o in beyond[kind].items() if name != "truth"}
        for kind in ("both", "nuclei")
    },
    xlabel="kz (1/µm)", ylabel="correlation with the truth",
    marks=dict.fromkeys(titles.values(), (limit, "support ends")),
)  # fmt: skip

# %% alt="Table of the share of energy outside: the truth of filaments has a fifth, most estimates next to nothing, Richardson–Lucy for too long as much as the truth; of noise alone the networks a quarter."
methods = list(beyond["both"])
share, correlation = (
    np.array([[getattr(beyond[kind].get(name), part, np.nan) for kind in titles] for name in methods])
    for part in ("share", "correlation")
)
robustness_figures.numbers(
    {"energy outside the support": 100 * share}, rows=methods, columns=list(titles.values()),
    unit="% of all energy", xlabel="", ylabel="",
)  # fmt: skip

# %% alt="Table of the correlation with the truth outside the support: all far below one; on filaments Richardson–Lucy stands above the control, on nuclei nothing does."
robustness_figures.numbers(
    {"correlation with the truth there": correlation[:, :2]}, rows=methods, columns=list(titles.values())[:2],
    unit="correlation", xlabel="", ylabel="",
)  # fmt: skip

# %% [markdown]
r"""
**What to see.** First the control, "blurred, no noise", what the microscope itself passes: next to nothing beyond the line, as it should be. (Not nothing: a volume of finite size, and a PSF that is cut off, smear a little of the bright middle across the border.) Its correlation with the truth there is the **floor** of this measurement; only what stands clearly above it means something.

Filaments and shells: a fifth of the truth's energy lies beyond the support, and every estimate but one has far less. That one, Richardson–Lucy gone on for too long, has *as large a share as the truth*, and more in all (the last cell of this notebook). Is it the truth's? The correlation says: for the smallest part. Look at the curves: just beyond the line Richardson–Lucy is right to a good part, for thin bright lines on a dark ground leave little choice to a non-negative estimate; further out it is on its own. The energy alone cannot tell this; the spectrum looks best where most is invented.

Nuclei: their truth has hardly anything out there, and the floor is high, so that no method stands above it: this measurement cannot say that anybody guessed right. But it shows who invents, for Richardson–Lucy gone on for too long has a share of its energy there that is ten times the truth's, and of its agreement nothing is left. The networks add next to none: they are not wrong, they are silent. Now look at noise alone. Half of what interpolation gives lies beyond the support: there is no specimen behind it, noise is everywhere. The networks pass on about half of that share, and less of its power. Richardson–Lucy, stopped in time, has a small share only. But see the right panel, where both its curves lie far above all others: it *amplifies* the noise, within the support most of all, and beside so much the rest looks little. A share alone says nothing of the amount. Total variation gives nearly nothing, inside and outside; that is what a prior is for.
"""

# %% [markdown]
r"""
### Exercise 3: made up, or invented?

Two numbers say it. `X` and `T` are the Fourier transforms (of the full grid) of an estimate and of the truth, the mean taken off; `beyond` is True outside the OTF's support. Compute the **share** of the estimate's energy that lies beyond, and the **correlation** of estimate and truth there,

$$\frac{\sum_{k\ \text{beyond}} |X_k|^2}{\sum_k |X_k|^2}, \qquad \frac{\operatorname{Re} \sum_{k\ \text{beyond}} X_k \overline{T_k}}{\sqrt{\sum_{k\ \text{beyond}} |X_k|^2 \sum_{k\ \text{beyond}} |T_k|^2}} \tag{1}$$
"""


# %%
def made_up(X, T, beyond):
    """(share, correlation) of what the estimate holds beyond the support."""
    # <solution> energies are squares; the correlation takes the complex conjugate of one of the two
    energy = np.sum(np.abs(X[beyond]) ** 2)
    cross = np.sum(X[beyond] * np.conj(T[beyond])).real
    return energy / np.sum(np.abs(X) ** 2), cross / np.sqrt(energy * np.sum(np.abs(T[beyond]) ** 2))
    # </solution>


# %% tags=["check"]
checks.made_up(made_up)

# %% [markdown]
r"""
<details><summary>Hint 1</summary>

`X[beyond]` are the coefficients outside, in one row. Energy is the sum of squared magnitudes, `np.abs(…) ** 2`.

</details>

<details><summary>Hint 2</summary>

Without the conjugate the phases add up instead of cancelling: `np.conj(T[beyond])`.

</details>

{{solution}}

## 7 · What can go wrong

| symptom | cause | fix |
|---|---|---|
| bodies squeezed along z, crisp and flat | a network or a PSF for a longer blur | measure the PSF; in doubt, take the shorter |
| smears stay | one for a shorter blur | the same |
| a bad score, a good picture | a shift, by a PSF off its centre | `optics.clean_psf`; register before scoring |
| a spectrum as full as the truth's | too many iterations | stop by held-out photons (chapter 4) |
| structure in an empty field | noise, sharpened or smoothed into shapes | run the method on even light once, and show it |

## Remember

- A network answers for what it has seen: one PSF, one class of specimen. Nothing in its output says that it has left home.
- Variety in training costs at home, and makes home larger. Ask for the worst case, not for the mean.
- Of two PSFs that may be wrong by the same factor, the shorter does less harm; of two networks, too, if one asks for the lateral resolution.
- A bad score may be a shift. Look before you believe it.
- Energy beyond the support is noise, or made up. Only its correlation with a truth says whether it was invented.

<details><summary>1. A network was trained on 20 to 2000 photons and every PSF of your facility. A paper calls it "robust". What do you ask for?</summary>

Its loss against a network that was made for one condition, in each of them; the worst case; and a specimen class that it has not seen. Robust means that the loss is small everywhere, not that the gain is large somewhere.

</details>

<details><summary>2. After 300 iterations the spectrum of your estimate is as full as that of a sharper microscope. Is that good?</summary>

It says nothing. Noise fills a spectrum as well. In simulation, ask how it correlates with the truth there; on real data, whether two independent exposures agree there, and even then a method may invent the same twice.

</details>

<details><summary>3. Your PSF was measured at the cover glass, the cell lies 10 µm deep in water. What do you expect?</summary>

A focus that is shifted by micrometres, which moves the picture and blurs nothing; and a blur that is a little different, which costs less than a PSF of a wrong length. With a higher aperture, or deeper, it costs more (chapter 2).

</details>

## References

- C. Belthangady and L. A. Royer, *Nat. Methods* 16 (2019) 1215, [doi:10.1038/s41592-019-0458-z](https://doi.org/10.1038/s41592-019-0458-z): promises and pitfalls.
- D. P. Hoffman, I. Slavitt and C. A. Fitzpatrick, *Nat. Methods* 18 (2021) 131, [doi:10.1038/s41592-020-01035-w](https://doi.org/10.1038/s41592-020-01035-w): the promise and peril of deep learning in microscopy.
- M. Weigert, L. Royer, F. Jug and G. Myers, *MICCAI 2017*, [doi:10.1007/978-3-319-66185-8_15](https://doi.org/10.1007/978-3-319-66185-8_15): IsoNet.
"""


# %%
rl, tv = "Richardson–Lucy", "ADMM, TV"
figures = {
    "U-Net shown its own PSF, above interpolation (dB)": psf_matrix.gain[:fixed].diagonal().mean(),
    "U-Net shown another PSF, greatest loss (dB)": lost[:fixed].max(),
    "random U-Net, greatest loss (dB)": lost[fixed].max(),
    "U-Net shown another specimen, greatest loss (dB)": (
        kind_matrix.gain[:2, :2].diagonal() - kind_matrix.gain[:2, :2]
    ).max(),
    "Richardson–Lucy, PSF 60 % too long, loss (dB)": length[rl][2] - length[rl][-1],
    "Richardson–Lucy, PSF off by 3 voxels, loss (dB)": displaced[rl][0] - displaced[rl][-1],
    "the same, moved back, loss (dB)": displaced[rl][0] - displaced[f"{rl}, moved back"][-1],
    "Richardson–Lucy, depth ignored, loss (dB)": by_depth[rl][2] - by_depth[rl][0],
    "most light, Richardson–Lucy above the U-Net, truth (dB)": rungs.psnr["truth"][rl][-1]
    - rungs.psnr["truth"]["U-Net"][-1],
    "most light, U-Net above the random one, truth (dB)": rungs.psnr["truth"]["U-Net"][-1]
    - rungs.psnr["truth"]["U-Net, random"][-1],
    "beyond the support, filaments, energy, Richardson–Lucy too long / truth (ratio)": beyond["both"][
        f"{rl}, too long"
    ].ratio,
    "beyond the support, filaments, correlation, Richardson–Lucy": beyond["both"][rl].correlation,
    "beyond the support, noise alone, Richardson–Lucy too long (share)": beyond["noise"][f"{rl}, too long"].share,
    "beyond the support, noise alone, U-Net (share)": beyond["noise"]["U-Net"].share,
    "beyond the support, noise alone, ADMM, TV (share)": beyond["noise"][tv].share,
}
for name, value in figures.items():
    print(f"{name:85} {value:.3f}")
compare.write_results("10", figures)
