"""Training of networks, from pairs of images to weights on the disk.

Data       Pairs, patches; Normaliser; split (by specimen), split_blocks (of planes, with a guard band), psf_depth
Training   estimate, before it starts; fit; psnr_loss
Use        predict, tile by tile; receptive_field
Files      save, load, pretrained

Keras 3 only. Keras is imported where a network is met, not when this module is.
"""

from course_utils.training.checkpoints import History
from course_utils.training.fitting import Estimate, estimate, fit
from course_utils.training.model_files import Trained, load, pretrained, pretrained_names, save
from course_utils.training.patches import Normaliser, Pairs, patches
from course_utils.training.prediction import predict, receptive_field
from course_utils.training.splits import Split, psf_depth, split, split_blocks

__all__ = [
    "Estimate", "History", "Normaliser", "Pairs", "Split", "Trained", "estimate", "fit", "load", "patches", "predict",
    "pretrained", "pretrained_names", "psf_depth", "receptive_field", "save", "split", "split_blocks",
]  # fmt: skip


def __getattr__(name):
    if name == "psnr_loss":  # registered with Keras, which is imported only now
        from course_utils.training.keras_parts import psnr_loss

        return psnr_loss
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
