"""Runs every command that README.md and docs/ show, and compares what it prints.

In a block fenced as `console`, a line that begins with "$ " is a command, run in bash; the lines up
to the next command are what it prints, standard output and standard error together. A line "…"
stands for any lines. A command that is meant to fail is followed by "[exit code N]".
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def commands(text):
    """The commands of a document with their expected output lines."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
        current = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if current:
                    yield current
                current = (line[2:], [])
            elif current and current[0].endswith("\\"):
                current = (current[0][:-1] + line.strip(), [])
            elif current:
                current[1].append(line)
        if current:
            yield current


def matches(expected, found):
    """Whether the lines agree, "…" standing for any number of lines."""
    if not expected:
        return not found
    if expected[0] == "…":
        return any(matches(expected[1:], found[skip:]) for skip in range(len(found) + 1))
    return bool(found) and expected[0] == found[0] and matches(expected[1:], found[1:])


def main():
    environment = dict(os.environ, PATH=f"{ROOT / '.build/release'}:{os.environ['PATH']}",
                       NO_COLOR="1")
    failures = count = 0
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        with tempfile.TemporaryDirectory() as folder:
            for name in ["samples", "schemas"]:
                os.symlink(ROOT / name, f"{folder}/{name}")
            for command, expected in commands(path.read_text()):
                count += 1
                result = subprocess.run(["bash", "-c", command], cwd=folder, env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
                found = [line.rstrip() for line in result.stdout.splitlines()]
                if result.returncode:
                    found.append(f"[exit code {result.returncode}]")
                while expected and not expected[-1]:
                    expected.pop()
                if not matches([line.rstrip() for line in expected], found):
                    failures += 1
                    print(f"{path.relative_to(ROOT)}: $ {command}\nprinted:\n" + "\n".join(found))
    print(f"{count - failures} documented commands passed, {failures} failed")
    sys.exit(1 if failures or not count else 0)


if __name__ == "__main__":
    main()
