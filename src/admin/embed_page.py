# SPDX-License-Identifier: Apache-2.0
"""Makes a C source of a page: its bytes, and the content security policy that allows just its own parts.

usage: embed_page.py PAGE HEADER NAME OUTPUT
"""

import base64
import hashlib
import json
import re
import sys


def digest(part):
    return "'sha256-" + base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() + "'"


def policy(page):
    """Nothing but the page's own style, its own script, and what it asks this server for."""
    style = " ".join(digest(part) for part in re.findall(r"<style>(.*?)</style>", page, re.S))
    script = " ".join(digest(part) for part in re.findall(r"<script>(.*?)</script>", page, re.S))
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def with_policy(page):
    """A page that is read as a file has its policy in itself, where it asks for that; it has no server to ask."""
    own = policy(page).split("; script-src")[0] + "; img-src data:; base-uri 'none'; form-action 'none'"
    return page.replace("<!--policy-->", f'<meta http-equiv="Content-Security-Policy" content="{own}">')


def literal(text):
    """C has the escapes of JSON that ASCII needs, and reads ??( and its kind as something else."""
    return json.dumps(text).replace("??", '?""?')


def main(source, header, name, output):
    with open(source, encoding="ascii") as file:
        page = file.read()
    lines = "\n".join("\t" + literal(line) for line in with_policy(page).splitlines(keepends=True))
    with open(output, "w", encoding="ascii") as file:
        file.write(f'#include "{header}"\n\n')
        file.write(f"const char {name}[] =\n{lines};\n\n")
        file.write(f"const char {name}_policy[] =\n\t{literal(policy(page))};\n")


main(*sys.argv[1:])
