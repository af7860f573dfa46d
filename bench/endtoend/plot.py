"""Draws results as SVG: bars beside one another, on one scale for each panel. No library: the file is small and diffs well."""
import dataclasses
import math

WIDTH, LABEL, BAR, GAP, HEAD, FOOT = 760, 190, 18, 6, 34, 12
COLOURS = {"ming": "#1f6feb", "ming-1200": "#79b8ff", "reverse": "#1f6feb", "reverse-copy": "#79b8ff"}
OTHER = "#8c959f"


@dataclasses.dataclass(frozen=True)
class Bar:
    label: str
    value: float
    text: str
    colour: str = OTHER


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    bars: tuple
    logarithmic: bool = False


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def length(value, bars, logarithmic, room):
    """How long a bar is, of `room`; a logarithmic one begins a decade below the smallest."""
    largest = max(bar.value for bar in bars)
    if largest <= 0 or value <= 0:
        return 0.0
    if not logarithmic:
        return room * value / largest
    start = math.floor(math.log10(min(bar.value for bar in bars if bar.value > 0))) - 0.3
    return room * (math.log10(value) - start) / (math.log10(largest) - start)


def svg(panels):
    """The whole picture, panels from top to bottom."""
    lines, y = [], 8
    room = WIDTH - LABEL - 130
    for panel in panels:
        scale = ", logarithmic" if panel.logarithmic else ""
        lines.append(f'<text x="8" y="{y + 18}" class="title">{escape(panel.title + scale)}</text>')
        y += HEAD
        for bar in panel.bars:
            long = length(bar.value, panel.bars, panel.logarithmic, room)
            lines.append(f'<text x="{LABEL - 8}" y="{y + 13}" class="label">{escape(bar.label)}</text>'
                         f'<rect x="{LABEL}" y="{y}" width="{long:.1f}" height="{BAR}" fill="{bar.colour}"/>'
                         f'<text x="{LABEL + long + 6:.1f}" y="{y + 13}">{escape(bar.text)}</text>')
            y += BAR + GAP
        y += FOOT
    style = ("text{font:12px sans-serif;fill:#24292f}.title{font-weight:bold;font-size:13px}.label{text-anchor:end}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}">\n<style>{style}</style>\n'
            f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n' + "\n".join(lines) + "\n</svg>\n")
