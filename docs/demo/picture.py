"""Draws what `make demo` printed in a terminal as an SVG, for the README.

Usage: picture.py CAPTURE PICTURE

CAPTURE is a typescript of `script`. Times and sizes that differ from run to run are replaced, so that the picture changes only if the
output does. `make demo-picture` runs this.
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

COLUMNS = 112

# What differs from run to run, and what stands for it in the picture.
SCRUBBED = [
    (r" \(\d+\.\d s\)$", ""),  # how long a step took
    (r"^(.*(first time|once)\)): \d+ s $", r"\1"),  # how long compiling took
    (r"expires in \d+ min \d+ s", "expires in 59 min 59 s"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "2026-01-01T12:00:00.000Z"),
    (r"204 in \d+ ms", "204 in … ms"),
    (r"\d+ bytes", "… bytes"),
]

# Rich's own format loads a font from the internet.
FORMAT = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>
    .{unique_id}-matrix {{
        font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
    }}
    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: Helvetica, Arial, "DejaVu Sans", sans-serif;
    }}
    {styles}
    </style>
    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>
    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""


def shown(line):
    """Returns what a line of the terminal shows at the end: a spinner writes over itself after each carriage return."""
    visible = re.sub(r"\x1b\[[0-9;?]*[A-Za-ln-z]", "", line).split("\r")
    return next((part for part in reversed(visible) if part), "")


def scrubbed(line):
    """Replaces what differs from run to run."""
    for pattern, replacement in SCRUBBED:
        line = re.sub(pattern, replacement, line)
    return line.rstrip()


def main(capture, picture):
    with open(capture, encoding="utf-8", newline="") as file:  # carriage returns matter
        lines = [line for line in file.read().split("\n") if not re.match(r"Script (started|done) on\b", line)]
    text = "\n".join(scrubbed(shown(line)) for line in lines).strip("\n")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi("$ make demo\n" + text))
    svg = console.export_svg(title="make demo", theme=MONOKAI, code_format=FORMAT, unique_id="demo")
    Path(picture).write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
