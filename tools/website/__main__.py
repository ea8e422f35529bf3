"""Walks through a site: ``python -m website SITE [FOLDER FOR PICTURES]``."""

from __future__ import annotations

import sys
from pathlib import Path

from website import browser
from website.walk import pictures, walk

program = browser.find()
if program is None:
    sys.exit(f"there is none of {', '.join(browser.PROGRAMS)}; apt-get install chromium")
site, *folder = map(Path, sys.argv[1:])
with browser.Browser(program) as chromium:
    found = walk(chromium, site)
    if folder:
        pictures(chromium, site, folder[0])
for problem in found.problems:
    print(f"error: {problem}", file=sys.stderr)
print(f"{len(found.ids)} pages, {len(found.links)} links, {len(found.problems)} problems")
sys.exit(bool(found.problems))
