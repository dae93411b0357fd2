"""Writes the man page from what the binary says of itself: `man_page.py BINARY VERSION`."""
import json
import subprocess
import sys


def roff(text):
    return text.replace("\\", "\\\\").replace("-", "\\-").replace("\n.", "\n\\&.")


def usage(argument):
    names = ["-" * (1 if name["kind"] == "short" else 2) + name["name"]
             for name in argument.get("names", [])]
    value = f" <{argument['valueName']}>" if argument["kind"] == "option" else ""
    return ", ".join(names) + value if names else f"<{argument['valueName']}>"


def command(node, path):
    path = [*path, node["commandName"]]
    lines = [".SH " + " ".join(path).upper(), roff(node.get("abstract", ""))]
    if node.get("discussion"):
        lines += [".PP", roff(node["discussion"])]
    for argument in node.get("arguments", []):
        if argument.get("shouldDisplay", True):
            lines += [".TP", ".B " + roff(usage(argument)), roff(argument.get("abstract", ""))]
    for child in node.get("subcommands", []):
        if child["commandName"] != "help":
            lines += command(child, path)
    return lines


def main():
    binary, version = sys.argv[1:]
    dump = json.loads(subprocess.check_output([binary, "--experimental-dump-help"]))
    root = dump["command"]
    lines = [f'.TH SAVI-CKPT 1 "" "savi-ckpt {version}"', ".SH NAME",
             "savi\\-ckpt \\- " + roff(root["abstract"])]
    print("\n".join(lines + command(root, [])))


if __name__ == "__main__":
    main()
