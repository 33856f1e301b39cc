# SPDX-License-Identifier: Apache-2.0
"""npm packages for peers that are programs of Node: of the versions that a package-lock.json names,
installed once into a folder of the build."""

import os
import shutil
import subprocess


def modules(build, name):
    return os.path.join(build, "npm", name, "node_modules")


def install(build, name, pinned):
    """Installs what the lock file in the folder `pinned` names, unless just that is there. Returns what
    is wrong, or nothing."""
    if not shutil.which("npm") or not shutil.which("node"):
        return "npm is not installed"
    folder = os.path.dirname(modules(build, name))
    lock = os.path.join(pinned, "package-lock.json")
    done = os.path.join(folder, "installed-lock.json")
    with open(lock, "rb") as file:
        wanted = file.read()
    if os.path.exists(done) and open(done, "rb").read() == wanted:
        return ""
    os.makedirs(folder, exist_ok=True)
    for file in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(pinned, file), folder)
    words = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    ended = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if ended.returncode:
        return "npm cannot install it"
    shutil.copy(lock, done)
    return ""
