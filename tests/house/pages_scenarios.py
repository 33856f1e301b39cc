# SPDX-License-Identifier: Apache-2.0
"""README and its neighbours: their length, their links, and the commands that they show."""

import os
import re

from harness import limit, temporary
from repository import *

README_LINES = 120


def runnable(page):
    """The blocks that are marked ```sh test."""
    return re.findall(r"(?ms)^```sh test\n(.*?)^```", text(ROOT / page))


def test_readme_is_short():
    count = len(text(ROOT / "README.md").splitlines())
    assert count < README_LINES, f"README.md has {count} lines"


@limit(180)
def test_commands_of_the_pages_work():
    """Each block runs by itself in a shell that stops at the first failure, in an empty folder."""
    blocks = [(page, block) for page in PAGES for block in runnable(page)]
    assert any(page == "README.md" for page, _ in blocks), "README.md has no block that is marked sh test"
    path = f"{BUILD}:{os.environ['PATH']}"
    for number, (page, block) in enumerate(blocks):
        folder = temporary(f"block-{number}")
        os.mkdir(folder)
        code, out, err = finished(["sh", "-eu", "-c", block], 60, cwd=folder, env={**os.environ, "PATH": path, "C_INCLUDE_PATH": str(ROOT / "include")})
        assert code == 0, f"{page}: exit code {code} of\n{block}\n{out}{err}"


def test_commands_of_dev_exist():
    code, out, _ = finished(["./dev"], cwd=ROOT)
    assert code == 0
    there = set(re.findall(r"(?m)^  ([\w-]+) ", out))
    named = {word for page in PAGES for word in re.findall(r"\./dev ([\w-]+)", text(ROOT / page))}
    assert named <= there, f"./dev has no {named - there}"


def test_links_lead_somewhere():
    wrong = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text(ROOT / page)):
            if "://" not in target and not (ROOT / page).parent.joinpath(target).exists():
                wrong.append(f"{page}: {target}")
    assert_none(wrong, "links that lead nowhere")


def test_architecture_has_a_line_for_each_folder():
    page = text(ROOT / "ARCHITECTURE.md")
    folders = [f"src/{path.name}/" for path in sorted((ROOT / "src").iterdir()) if path.is_dir()]
    folders += [f"{path.name}/" for path in sorted(ROOT.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    missing = [folder for folder in folders if not generated((folder.strip("/"),)) and folder not in page]
    assert_none(missing, "folders that ARCHITECTURE.md does not have")
