"""The three networks of chapter 7, as Keras models: from slices (n, rows, columns, 1) to slices of the same shape.

Each convolution continues the image by zeros ("same"). `training.predict` reflects a margin wider than the network sees
around the image, once, and cuts it off again: so these zeros never reach a result, and neither does the size of a tile.
"""

import itertools


def isonet1(*, third="relu", start="glorot_uniform", seed=0):
    """IsoNet-1: C64,9,9 – C32,5,5 – C1,5,5 – C1,1,1, a rectifier after the first three: 57 283 parameters, field 17.

    third  activation of the third layer. It has a single channel: once a "relu" (as published) is negative there for
           every pixel of the data, the output is one constant and the gradient zero: the network has died. "linear"
           cannot die.
    start  what the first weights are drawn from, by its name in Keras, such as "he_normal".
    seed   of the first weights.
    Weigert, Royer, Jug & Myers, MICCAI (2017), doi:10.1007/978-3-319-66185-8_15.
    """
    keras, image, conv = _layers(seed, start)
    x = conv(conv(image, 64, 9), 32, 5)
    x = conv(x, 1, 5, third)
    return keras.Model(image, conv(x, 1, 1, None), name="isonet1")


def isonet2(*, skips=False, seed=0):
    """IsoNet-2: C16 – M – C32 – M – C64 – U – C32 – U – C16 – C1,1,1, all but the last 7 × 7 with rectifiers.

    M halves by the maximum of 2 × 2 pixels, U doubles by repeating them: rows and columns must be multiples of 4.
    251 841 parameters as published; 314 561 with skips, from each level down to the same one up.
    Weigert et al., as for `isonet1`; skips: Ronneberger et al., MICCAI (2015), doi:10.1007/978-3-319-24574-4_28.
    """
    keras, image, conv = _layers(seed)
    fine = conv(image, 16, 7)
    middle = conv(_down(fine), 32, 7)
    coarse = conv(_down(middle), 64, 7)
    x = conv(_up(coarse, middle if skips else None), 32, 7)
    x = conv(_up(x, fine if skips else None), 16, 7)
    return keras.Model(image, conv(x, 1, 1, None), name="isonet2")


def unet(*, filters=16, seed=0):
    """A residual U-Net, 3 × 3, two levels down: 83 377 parameters. Rows and columns must be multiples of 4.

    It adds a correction to its input. The last layer begins at zero, so an untrained network changes nothing, and
    training begins with linear interpolation instead of with noise.
    Ronneberger et al., MICCAI (2015), doi:10.1007/978-3-319-24574-4_28; residual, for this task: Weigert et al.,
    Nat. Methods 15 (2018) 1090, doi:10.1038/s41592-018-0216-7.
    """
    keras, image, conv = _layers(seed)
    fine = conv(conv(image, filters), filters)
    middle = conv(conv(_down(fine), 2 * filters), 2 * filters)
    coarse = conv(conv(_down(middle), 4 * filters), 2 * filters)
    x = conv(conv(_up(coarse, middle), 2 * filters), filters)
    x = conv(conv(_up(x, fine), filters), filters)
    correction = keras.layers.Conv2D(1, 1, kernel_initializer="zeros")(x)
    return keras.Model(image, keras.layers.Add()([image, correction]), name="unet")


def _layers(seed, start="glorot_uniform"):
    """Keras, the input of a network (images of one channel, of any size), and what makes its convolutions."""
    from course_utils.training.keras_parts import keras  # only now: it brings TensorFlow

    seeds = itertools.count(1000 * seed)

    def conv(x, filters, size=3, activation="relu"):
        first = keras.initializers.get({"class_name": start, "config": {"seed": next(seeds)}})
        return keras.layers.Conv2D(filters, size, padding="same", activation=activation, kernel_initializer=first)(x)

    return keras, keras.Input((None, None, 1), name="slice"), conv


def _down(x):
    from course_utils.training.keras_parts import keras

    return keras.layers.MaxPooling2D()(x)


def _up(x, skip=None):
    """Each pixel four times, with the channels of the skip beside."""
    from course_utils.training.keras_parts import keras

    x = keras.layers.UpSampling2D()(x)
    return x if skip is None else keras.layers.Concatenate()([x, skip])
