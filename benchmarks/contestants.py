"""Richardson–Lucy by this course and by its peers, each as a function of the number of iterations.

Peers are installed by hand; one that is absent, or does not run on this Python, is left out with its reason.
"""

import functools
import logging
import os

import numpy as np

from course_utils import backend, operators, optics, richardson_lucy, specimen

VOXEL, MARGIN = (0.2, 0.08, 0.08), 16
ALGORITHMS = (
    richardson_lucy.plain,
    richardson_lucy.heavy_ball,
    richardson_lucy.biggs_andrews,
    richardson_lucy.line_search,
)


@functools.cache
def PSF():
    """An oil objective's, 31 × 31 × 31."""
    oil = optics.Optics(NA=1.4, wavelength=0.52, n_specimen=1.515)
    return np.asarray(optics.gibson_lanni_psf(oil, (31, 31, 31), VOXEL))


def photons(shape):
    """Filaments away from the border, where each package has its own edges; no background: peers know none."""
    inner, rng = [n - 2 * MARGIN for n in shape], np.random.default_rng(0)
    truth = specimen.filaments(inner, VOXEL, n=inner[1] * inner[2] // 600, photons=2.4e5, rng=rng)
    blurred = operators.blur(PSF(), shape, xp=backend.get("numpy"))(np.pad(truth.data, MARGIN))
    return rng.poisson(np.maximum(blurred, 0)).astype(np.float32)


def course(y):
    """{name: estimates}: endless generators, of every backend that is installed."""
    found = {}
    for name in backend.NAMES:
        try:
            H = operators.blur(PSF(), y.shape, xp=backend.get(name))
        except ImportError:
            continue
        for algorithm in ALGORITHMS:
            found[f"{algorithm.__name__}, {name}"] = functools.partial(algorithm, y, H, n_iter=10**9)
    return found


def peers(y):
    """{name: function of a number of iterations that gives the estimate}, and a list of reasons why one is absent."""
    found, absent = {}, []
    for name, make in PEERS.items():
        try:
            run = make(y)
            run(1)
        except Exception as error:  # whatever an old package stumbles over on a new Python
            absent.append(f"{name} is left out: {type(error).__name__}: {str(error).splitlines()[0]}")
        else:
            found[name] = run
    return found, absent


def _scikit_image(y):
    from skimage.restoration import richardson_lucy as peer

    return lambda n: peer(y, PSF(), num_iter=n, clip=False)


def _redlionfish(y):
    from RedLionfishDeconv import doRLDeconvolutionFromNpArrays as peer

    logging.getLogger().setLevel(logging.WARNING)
    return lambda n: peer(y, PSF(), niter=n, method="cpu")


def _flowdec(y, real=False):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from flowdec import data, restoration

    peer = restoration.RichardsonLucyDeconvolver(3, pad_mode="none", real_domain_fft=real).initialize()
    return lambda n: peer.run(data.Acquisition(data=y, kernel=PSF()), niter=n).data


PEERS = {
    "scikit-image": _scikit_image,
    "RedLionfish": _redlionfish,
    "flowdec, complex": _flowdec,
    "flowdec, real": functools.partial(_flowdec, real=True),
}
