"""Bars as SVG: a name, a bar, a figure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, ROW, NAMES, FIGURES, TOP = 900, 30, 400, 70, 46
OURS, THEIRS = "#0b6e4f", "#9aa5b1"


@dataclass(frozen=True)
class Bar:
    name: str
    value: float
    ours: bool


def svg(title: str, bars: Sequence[Bar]) -> str:
    """The bars in their order, the longest as wide as there is room."""
    height = TOP + ROW * len(bars) + 14
    told = escape(f"{title}: " + ", ".join(f"{bar.name} {bar.value:.0f}" for bar in bars))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
            f' aria-label="{told}" font-family="system-ui, sans-serif" font-size="14">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="16" y="28" font-size="16" font-weight="600" fill="#1f2933">{escape(title)}</text>',
            *_rows(bars),
            "</svg>",
            "",
        ]
    )


def _rows(bars: Sequence[Bar]) -> Iterator[str]:
    longest = max((bar.value for bar in bars), default=0) or 1
    for number, bar in enumerate(bars):
        top, length = TOP + ROW * number, (WIDTH - NAMES - FIGURES) * bar.value / longest
        weight = ' font-weight="600"' if bar.ours else ""
        line = f'fill="#1f2933"{weight}'
        yield f'<text x="{NAMES - 10}" y="{top + 19}" text-anchor="end" {line}>{escape(bar.name)}</text>'
        fill = OURS if bar.ours else THEIRS
        yield f'<rect x="{NAMES}" y="{top + 4}" width="{length:.1f}" height="{ROW - 10}" fill="{fill}"/>'
        yield f'<text x="{NAMES + length + 8:.1f}" y="{top + 19}" {line}>{bar.value:.0f}</text>'
