# SPDX-License-Identifier: GPL-2.0
"""The exact figures as a picture: bars for each point, as SVG."""

import html

from points import ALL

COLOURS = {"nbdtarget": "#c0392b", "qemu-nbd": "#7f8fa6", "nbdkit": "#9aa9bd",
           "nbd-server": "#b9c5d4", "nvmet-tcp": "#2e86ab",
           "floor": "#d9d9d9"}
SHOWN = [server for server in ALL if server in COLOURS]

LABELS, BARS, RIGHT = 190, 560, 150     # widths
BAR, GAP, TOP, BOTTOM = 11, 16, 84, 34  # heights


def text(x, y, content, size=12, anchor="start", colour="#333", weight=400):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" fill="{colour}" '
            f'text-anchor="{anchor}" font-weight="{weight}">'
            f"{html.escape(content)}</text>")


def rectangle(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}" fill="{colour}"/>')


def legend():
    x = LABELS
    for server in SHOWN:
        yield rectangle(x, 50, 12, 12, COLOURS[server])
        yield text(x + 17, 60, server)
        x += 34 + 7 * len(server)


def group(figures, name, top):
    """One point's bars; qemu-nbd's is the measure."""
    height = BAR * len(SHOWN)
    unit = figures["qemu-nbd"][name]["iops"]
    yield text(LABELS - 12, top + height / 2 + 4, name, 13, "end", "#111", 600)
    for number, server in enumerate(SHOWN):
        ratio = figures[server][name]["iops"] / unit
        width = BARS * min(ratio / scale(figures), 1)
        y = top + number * BAR
        yield rectangle(LABELS, y, width, BAR - 2, COLOURS[server])
        yield text(LABELS + width + 5, y + BAR - 3,
                   f"{ratio:.2f}  ({figures[server][name]['iops']:.0f}/s)", 9)


def scale(figures):
    """The largest ratio that is shown."""
    return max(figures[server][name]["iops"] /
               figures["qemu-nbd"][name]["iops"]
               for server in SHOWN for name in figures["qemu-nbd"])


def svg(figures, kernel, date):
    step = BAR * len(SHOWN) + GAP
    names = list(figures["nbdtarget"])
    height = TOP + step * len(names) + BOTTOM
    width = LABELS + BARS + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif">',
        rectangle(0, 0, width, height, "#fff"),
        text(LABELS, 24, "I/O per virtual second, qemu-nbd = 1", 16,
             weight=600),
        text(LABELS, 41, f"instructions of client and server together, one "
             f"CPU, RAM disk; Linux {kernel}, {date}", 11, colour="#666"),
        *legend(),
    ]
    for number, name in enumerate(names):
        parts += group(figures, name, TOP + number * step)
    x = LABELS + BARS / scale(figures)
    parts += [f'<line x1="{x:.1f}" y1="{TOP - 6}" x2="{x:.1f}" '
              f'y2="{height - BOTTOM}" stroke="#333" stroke-dasharray="3 3"/>',
              text(LABELS, height - 12, "floor: a kernel thread that answers "
                   "and does nothing else", 11, colour="#666"), "</svg>"]
    return "\n".join(parts) + "\n"
