"""Checks that every relative link of the Markdown files leads to a file, and every #fragment to a heading."""

import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#+\s+(.*?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def anchors(text):
    """Returns the fragments a page offers, as GitHub makes them from its headings."""
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower())
        found.add(words.replace(" ", "-"))
    return found


def faults(root, page):
    """Yields what is wrong with the links of a page."""
    text = FENCE.sub("", (root / page).read_text())
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, fragment = link.partition("#")
        goal = (root / page).parent / path if path else root / page
        if not goal.exists():
            yield f"{page}: no file {path}"
        elif fragment and goal.suffix == ".md" and fragment not in anchors(goal.read_text()):
            yield f"{page}: no heading for {link}"


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=root, check=True, capture_output=True, text=True
    )
    found = [fault for page in listed.stdout.split("\n") if page and (root / page).exists() for fault in faults(root, page)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
