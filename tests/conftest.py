"""What all tests share: no windows for figures, and no traces in the home folder of who runs them."""

import os

import matplotlib
import pytest

matplotlib.use("Agg")  # not through MPLBACKEND: notebooks' kernels would inherit it, and show no figures


@pytest.fixture(scope="session", autouse=True)
def own_jupyter_folders(tmp_path_factory):
    """Kernels keep their history, settings and connection files in a temporary folder."""
    kept = dict(os.environ)
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        os.environ[name] = str(tmp_path_factory.mktemp(name.lower()))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    yield
    os.environ.clear()
    os.environ.update(kept)
