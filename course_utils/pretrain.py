"""Train a network that ships with the course anew: ``python -m course_utils.pretrain NAME``.

The recipes stand in the modules below, each with a table RECIPES = {name: recipe}: a function without arguments that
trains, and returns (model, normaliser, card). Its minutes are added to the card here: by the clock, and those of all
cores together, which do not depend on what else the computer was doing.
"""

import argparse
import importlib
import importlib.util
import time
from pathlib import Path

from course_utils.training import model_files

TABLES = (
    "course_utils.srcnn.recipes",
    "course_utils.isonet.recipes",
    "course_utils.isonet.cells",
    "course_utils.robustness.recipes",
)


def recipes():
    """All recipes by name."""
    found = {}
    for table in TABLES:
        if importlib.util.find_spec(table):
            found |= importlib.import_module(table).RECIPES
    return found


def pretrain(name, folder=model_files.SHIPPED):
    """Train the network of that name and write it into the folder; returns its path. ValueError lists the names."""
    known = recipes()
    if name not in known:
        raise ValueError(f"there is no recipe {name!r}; there are: {', '.join(sorted(known))}.")
    begin, worked = time.perf_counter(), time.process_time()
    model, normaliser, card = known[name]()
    minutes, processor = (time.perf_counter() - begin) / 60, (time.process_time() - worked) / 60
    card = {**card, "minutes": round(minutes, 1), "processor minutes": round(processor, 1)}
    return model_files.save(model, Path(folder) / f"{name}.keras", normaliser=normaliser, card=card)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m course_utils.pretrain", description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(recipes()))
    parser.add_argument("--folder", type=Path, default=model_files.SHIPPED, help="where the weights go")
    chosen = parser.parse_args(arguments)
    print(pretrain(chosen.name, chosen.folder))


if __name__ == "__main__":
    main()
