"""python -m data_fetch [--list] [--verify] [NAME …]: list, check or download the course's data."""

import argparse
import sys

from data_fetch import cache
from data_fetch.catalogue import datasets
from data_fetch.download import FetchError, fetch
from data_fetch.registry import find


def main(arguments=None):
    """Run the command line; returns 0, or 1 where a set could not be had or differs."""
    options = _parser().parse_args(arguments)
    try:
        names = [find(name).name for name in options.names]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    if options.verify:
        return max([_verify(find(name)) for name in names or datasets()], default=0)
    if options.list or not names:
        print(datasets())
        print(f"\nDownloads are kept in {cache.root()}; another folder: set {cache.VARIABLE}.")
        return 0
    return max(_fetch(name) for name in names)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m data_fetch", description="List, check or download the data.")
    parser.add_argument("--list", action="store_true", help="show every data set, and whether it is here")
    parser.add_argument("--verify", action="store_true", help="check the files that are here against their checksums")
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to download, or to check")
    return parser


def _fetch(name):
    try:
        print(fetch(name))
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _verify(dataset):
    """Say of each file whether it is what it should be; returns 1 where one is not."""
    status = 0
    for file in dataset.files:
        path = cache.target(dataset, file)
        if not path.is_file():
            print(f"absent   {dataset.name}/{file.name}")
            continue
        wrong = cache.problem(dataset, file, path)
        print(f"{'DIFFERS ' if wrong else 'ok      '} {dataset.name}/{file.name}{f': {wrong}' if wrong else ''}")
        status |= bool(wrong)
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
