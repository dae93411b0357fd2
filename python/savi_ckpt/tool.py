"""The commands of savi-ckpt as functions: each runs the binary and returns its JSON document.

Keyword arguments are the command's options: `max_shard_size="1GB"` is `--max-shard-size 1GB`, `True`
a flag, a list an option that is repeated. A check that failed (exit code 1) is a document like
another, whose verdict is in it; anything worse is a `CommandError`.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sysconfig

NAME = "savi-ckpt"


class CommandError(Exception):
    """A command that could not do its work.

    `exit_code` is 2 for bad input or a failure to read or write, 64 for wrong usage; the message is
    the line that the command printed.
    """

    def __init__(self, message, exit_code):
        super().__init__(message)
        self.exit_code = exit_code


def binary():
    """The path of the binary: that of this installation, or else one on the PATH."""
    schemes = [sysconfig.get_path("scripts"),
               sysconfig.get_path("scripts", f"{os.name}_user"),
               # `pip install --target` puts it beside the packages.
               pathlib.Path(__file__).parents[1] / "bin"]
    for folder in filter(None, schemes):
        path = os.path.join(folder, NAME)
        if os.access(path, os.X_OK):
            return path
    path = shutil.which(NAME)
    if path is None:
        raise FileNotFoundError(f"there is no {NAME} beside this Python, and none on the PATH")
    return path


def call(verb, *places, **options):
    """Runs a command with `--json` and returns its document."""
    arguments = [binary(), verb, *map(os.fspath, places), "--json"]
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        if value is True:
            arguments.append(option)
        elif value is not None and value is not False:
            values = value if isinstance(value, (list, tuple)) else [value]
            for item in values:
                arguments += [option, os.fspath(item) if hasattr(item, "__fspath__") else str(item)]
    run = subprocess.run(arguments, capture_output=True, encoding="utf-8")
    if run.returncode in (0, 1) and run.stdout:
        return json.loads(run.stdout)
    message = run.stderr.strip().splitlines()
    raise CommandError(message[-1] if message else f"{NAME} {verb} said nothing", run.returncode)


def ls(file, **options):
    """Names, dtypes, shapes and sizes of what a checkpoint holds."""
    return call("ls", file, **options)


def stats(file, **options):
    """Size, mean, deviation and range of every tensor."""
    return call("stats", file, **options)


def hash(file, **options):
    """The SHA-256 of every tensor and of the whole, equal across formats."""
    return call("hash", file, **options)


def diff(a, b, **options):
    """What differs between two checkpoints; with `map`, across a conversion."""
    return call("diff", a, b, **options)


def validate(*files, schema, **options):
    """The findings of a schema in checkpoints."""
    return call("validate", *files, schema=schema, **options)


def verify(source, converted, **options):
    """Whether a converted model behaves as its source does."""
    return call("verify", source, converted, **options)
