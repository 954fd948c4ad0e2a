"""The course's data: embedded samples, remote sets with a shared cache, and TIFF files in and out.

data_fetch.datasets()                     what there is, as a table
data_fetch.load("lattice-cell")           a Stack, or a Bundle of a stack with its PSF and what is known of it
data_fetch.read_stack("mine.ome.tif")     one's own data
"""

from data_fetch.catalogue import datasets
from data_fetch.download import FetchError, Timeouts, fetch
from data_fetch.samples import Bundle, load
from data_fetch.tiff import read_stack, write_stack

__all__ = ["Bundle", "FetchError", "Timeouts", "datasets", "fetch", "load", "read_stack", "write_stack"]
