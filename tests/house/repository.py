# SPDX-License-Identifier: Apache-2.0
"""What the tests of the house read: the repository's files and the public headers."""

import glob
import re
import subprocess

from harness import BUILD, ROOT, finished

PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/load.md",
    "docs/load-profile.md",
    "docs/mcp.md",
    "docs/serve.md",
]
PUBLIC_HEADERS = sorted((ROOT / "include").rglob("*.h"))


def files(*patterns):
    """The files of the repository, build folders left out, that fit one of the patterns."""
    found = set()
    for pattern in patterns or ["*"]:
        names = glob.glob(f"**/{pattern}", root_dir=ROOT, recursive=True, include_hidden=True)  # a folder may go meanwhile
        found |= {ROOT / each for each in names if (ROOT / each).is_file()}
    return sorted(path for path in found if not generated(path.relative_to(ROOT).parts))


def generated(parts):
    return parts[0] == ".git" or parts[0].startswith("build") or "__pycache__" in parts or parts[0] == "node_modules"


def name(path):
    return str(path.relative_to(ROOT))


def text(path):
    return path.read_text(encoding="utf-8", errors="replace")


def without_comments(source):
    return re.sub(r"/\*.*?\*/", " ", source, flags=re.S)


def without_attributes(source):
    return re.sub(r"\s*__attribute__\(\((?:[^()]|\([^()]*\))*\)\)", "", source)


def exported(header):
    """The functions that a public header says are exported."""
    declarations = re.findall(r"(?m)^CURFEW_API ([^;]*);", without_attributes(without_comments(text(header))))
    return {re.search(r"(\w+)\s*\(", declaration)[1] for declaration in declarations}


def all_exported():
    return set().union(*(exported(header) for header in PUBLIC_HEADERS))


def lines_of(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.splitlines()


def assert_same(ours, theirs, what, where):
    """That two lists of names agree, both ways."""
    missing, extra = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
    assert not missing, f"{what} without an entry in {where}: {missing}"
    assert not extra, f"in {where}, but not among the {what}: {extra}"


def assert_none(findings, what):
    assert not findings, f"{what}:\n" + "\n".join(f"  {finding}" for finding in findings)
