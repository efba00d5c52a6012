"""What a run says: the tables on the terminal, and docs/performance.md with its charts."""
import statistics

import charts
import machine
import proxies

DOCUMENT = proxies.ROOT / "docs/performance.md"
CHARTS = proxies.ROOT / "docs/performance"
BEGIN, END = "<!-- results: written by ./dev bench --write -->", "<!-- end of results -->"
# Columns of the long table: key of the sample, heading, how a value is written, and which of the samples it is of.
COLUMNS = [("us", "CPU us, least", "{:.2f}", min), ("us", "median", "{:.2f}", statistics.median), ("rps", "per second, most", "{:,.0f}", max),
           ("p50", "p50 us", "{:.0f}", min), ("p99", "p99 us", "{:.0f}", min), ("rss", "RSS MiB", "{:.1f}", max),
           ("kib", "KiB each", "{:.2f}", min), ("ready_ms", "ready ms", "{:.1f}", min), ("us_per_kb", "us per KB", "{:.3f}", min),
           ("peak", "peak / body", "{:.2f}", min), ("errors", "errors", "{:.0f}", sum)]


def value_of(samples, key, form, choose):
    values = [sample[key] for sample in samples if key in sample]
    return form.format(choose(values)) if values else ""


def goals_table(rows):
    lines = [["row", "", "target", "measured", ""]]
    for row in rows:
        for number, goal in enumerate(row.goals):
            first = number == 0
            lines.append([row.name if first else "", row.title if first else "", goal.text, goal.reached, "met" if goal.met else "**not met**"])
    return lines


def figures_table(rows):
    """Only the columns that anyone has."""
    used = [column for column in COLUMNS if any(column[0] in sample for row in rows for samples in row.samples.values() for sample in samples)]
    lines = [["row", "who", *(heading for _, heading, *_ in used)]]
    for row in rows:
        for number, (name, samples) in enumerate(row.samples.items()):
            lines.append([row.name if number == 0 else "", name,
                          *(value_of(samples, key, form, choose) for key, _, form, choose in used)])
    return lines


def markdown(lines):
    head, *rest = ("| " + " | ".join(cells) + " |" for cells in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest])


def plain(lines):
    widths = [max(len(cells[column]) for cells in lines) for column in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip().replace("**", "") for cells in lines)


def disturbed(rows):
    return [row for row in rows if row.others() > machine.OTHERS_MAX]


def others_line(rows):
    most = max((row.others() for row in rows), default=0.0)
    line = f"others took {most:.2f} of the two cores in the worst row"
    names = [row.name for row in disturbed(rows)]
    return f"{line}: DISTURBED ({', '.join(names)}); its figures say little" if names else f"{line}: undisturbed"


def how(options):
    return f"{options.rounds} round{'s' * (options.rounds > 1)} of {options.seconds} s, in turns" + (", a smoke run" if options.quick else "")


def show(rows, skipped, options):
    print(f"\n{how(options)}; the proxy on core {machine.PROXY_CORE}, the load on core {machine.LOAD_CORE}\n")
    if rows:
        if any(row.goals for row in rows):
            print(plain(goals_table(rows)), end="\n\n")
        print(plain(figures_table(rows)), end="\n\n")
        for row in rows:
            print(f"{row.name}: {row.note + ' ' if row.note else ''}others: {row.others():.2f} cores")
    for name, why in skipped:
        print(f"{name}: failed: {why}")
    if rows:
        print("\n" + others_line(rows))


def write(rows, options, date):
    """Replaces what stands between the markers, and the charts."""
    about = machine_table()  # the commit, before anything here changes the tree
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    CHARTS.mkdir(exist_ok=True)
    for old in CHARTS.glob("*.svg"):
        old.unlink()
    parts = [f"Measured on {date}, {how(options)}; {others_line(rows)}.", about, markdown(goals_table(rows))]
    for row in rows:
        (CHARTS / f"{row.name}.svg").write_text(charts.bars(row))
        parts.append(f"### {row.title}\n\n![{row.title}: {row.unit}](performance/{row.name}.svg)" + (f"\n\n{row.note}" if row.note else ""))
    parts.append("### All figures\n\n" + markdown(figures_table(rows)))
    DOCUMENT.write_text(before + BEGIN + "\n\n" + "\n\n".join(parts) + "\n\n" + END + after)


def machine_table():
    return markdown([["", ""], *([name, value] for name, value in machine.describe(proxies.BINARY).items())])
