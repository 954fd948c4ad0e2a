"""From how a microscope blurs a cell to networks that undo the blur: one small module a chapter.

Conventions, the same everywhere: arrays are float32 with axes (z, y, x); lengths are in µm; intensities are in
photons once the camera's offset and gain are taken out; a PSF is non-negative, has unit sum and its centre at
``n // 2`` on each axis; random numbers come from a ``numpy.random.Generator`` that the caller passes in.
"""
