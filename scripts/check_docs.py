"""Runs every command that README.md and docs/ show, and compares what it prints.

In a block fenced as `console`, a line that begins with "$ " is a command, run in bash; the lines up
to the next command are what it prints, standard output and standard error together. A line "…"
stands for any lines. A command that is meant to fail is followed by "[exit code N]".

In a block fenced as `console ~` numbers need only be near: what a forward pass gives in its last
digits depends on the machine.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def commands(text):
    """The commands of a document with their expected output lines, and how lines are compared."""
    for near, block in re.findall(r"^```console( ~)?\n(.*?)^```", text, re.M | re.S):
        same = is_near if near else str.__eq__
        current = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if current:
                    yield *current, same
                current = (line[2:], [])
            elif current and current[0].endswith("\\"):
                current = (current[0][:-1] + line.strip(), [])
            elif current:
                current[1].append(line)
        if current:
            yield *current, same


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def is_near(expected, found):
    """Whether two lines have the same words, and numbers within 2 % or 1e-4 of each other."""
    def words(line):
        return " ".join(NUMBER.sub("#", line).split())

    def numbers(line):
        return [float(number) for number in NUMBER.findall(line)]
    return words(expected) == words(found) and all(
        abs(a - b) <= 1e-4 + 0.02 * abs(a) for a, b in zip(numbers(expected), numbers(found)))


def matches(expected, found, same):
    """Whether the lines agree, "…" standing for any number of lines."""
    if not expected:
        return not found
    if expected[0] == "…":
        return any(matches(expected[1:], found[skip:], same) for skip in range(len(found) + 1))
    return bool(found) and same(expected[0], found[0]) and matches(expected[1:], found[1:], same)


def main():
    environment = dict(os.environ, PATH=f"{ROOT / '.build/release'}:{os.environ['PATH']}",
                       NO_COLOR="1")
    failures = count = 0
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        with tempfile.TemporaryDirectory() as folder:
            for name in ["samples", "schemas", "Tests"]:
                os.symlink(ROOT / name, f"{folder}/{name}")
            for command, expected, same in commands(path.read_text()):
                count += 1
                result = subprocess.run(["bash", "-c", command], cwd=folder, env=environment,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True)
                found = [line.rstrip() for line in result.stdout.splitlines()]
                if result.returncode:
                    found.append(f"[exit code {result.returncode}]")
                while expected and not expected[-1]:
                    expected.pop()
                if not matches([line.rstrip() for line in expected], found, same):
                    failures += 1
                    print(f"{path.relative_to(ROOT)}: $ {command}\nprinted:\n" + "\n".join(found))
    print(f"{count - failures} documented commands passed, {failures} failed")
    sys.exit(1 if failures or not count else 0)


if __name__ == "__main__":
    main()
