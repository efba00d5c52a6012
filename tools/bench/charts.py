"""Bar charts in plain SVG. They carry their own colours for light and for dark, which an <img> takes from the reader's system."""
import statistics
from xml.sax.saxutils import escape

WIDTH, LABEL_WIDTH, VALUE_WIDTH, BAR, GAP, TOP = 720, 210, 130, 22, 12, 58

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-size: 15px; font-weight: 600 }
  .unit { fill: #57606a } .bar { fill: #8c959f } .ours { fill: #0969da } .us { font-weight: 600 } .median { stroke: #24292f; stroke-width: 2 }
  .axis { stroke: #d0d7de }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .unit { fill: #9198a1 } .bar { fill: #6e7681 } .ours { fill: #4493f8 } .median { stroke: #e6edf3 } .axis { stroke: #3d444d }
  }
"""
# Whose bars are ours: the gateway's, and where it is alone all of them.
OURS = "AI Proxy"


def written(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def bars(row):
    """One bar for each contender: its least figure, with a mark at the median."""
    figures = {name: [sample[row.figure] for sample in samples] for name, samples in row.samples.items() if samples}
    longest = max(max(min(values), statistics.median(values), 0) for values in figures.values()) or 1
    scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / longest
    height = TOP + len(figures) * (BAR + GAP) + 6
    alone = OURS not in figures
    rounds = max(len(values) for values in figures.values())
    legend = f"least of {rounds} rounds, mark: median" if rounds > 1 else "one round"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
             f"<title>{escape(row.title)}</title>", f"<style>{STYLE}</style>",
             f'<text class="title" x="0" y="16">{escape(row.title)}</text>',
             f'<text class="unit" x="0" y="36">{escape(row.unit)}; less is better. Bar: {legend}</text>']
    for number, (name, values) in enumerate(figures.items()):
        y = TOP + number * (BAR + GAP)
        least, median = min(values), statistics.median(values)
        ours = alone or name == OURS
        weight = ' class="us"' if ours and not alone else ""
        length, mark = max(1.0, least * scale), LABEL_WIDTH + max(0.0, median * scale)
        parts += [f'<text{weight} x="{LABEL_WIDTH - 10}" y="{y + 16}" text-anchor="end">{escape(name)}</text>',
                  f'<rect class="{"bar ours" if ours else "bar"}" x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
                  f'<line class="median" x1="{mark:.1f}" x2="{mark:.1f}" y1="{y - 2}" y2="{y + BAR + 2}"/>',
                  f'<text{weight} x="{max(mark, LABEL_WIDTH + length) + 8:.1f}" y="{y + 16}">{written(least)}'
                  f' ({written(median)})</text>']
    parts += [f'<line class="axis" x1="{LABEL_WIDTH}" x2="{LABEL_WIDTH}" y1="{TOP - 6}" y2="{height - 6}"/>', "</svg>"]
    return "\n".join(parts) + "\n"
