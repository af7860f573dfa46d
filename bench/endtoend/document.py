"""Writes the results into docs/performance.md, between its marks, and draws the picture beside it."""
from endtoend import plot, targets
from endtoend.parties import PARTIES
from endtoend.results import measured_table, short, table

BEGIN, END = "<!-- results: written by ./run bench --write-docs -->", "<!-- end of results -->"
PICTURE = "performance.svg"
# (workload, metric, title, logarithmic)
PANELS = (
    ("bulk 1 up", "mbit_s", "Bulk, 1 stream, Mbit/s", True),
    ("bulk 1 up", "mb_per_cpu_s", "Bulk, 1 stream, MB per CPU-second of all tunnel processes", False),
    ("ping-pong", "p50_us", "64-byte round trip, median, microseconds (shorter is better)", False),
    ("wrk 100", "requests_s", "wrk -c 100, requests a second", False),
    ("udp 1200", "datagrams_s", "Datagrams of 1200 bytes a second, under 0.1 % loss", False),
    ("rtt 50 loss 1", "mbit_s", "50 ms round trip, 1 % loss, 1 stream, Mbit/s", True),
    ("reverse bulk 1", "mbit_s", "Reverse tunnel, bulk, 1 stream, Mbit/s", False),
    ("reverse wrk 100 close", "requests_s", "Reverse tunnel, a connection for each request, requests a second", False),
)


def base_of(parties):
    """The first that ran is what the others are compared with."""
    return next((base for base in ("pion", "nginx", "direct") if base in parties), None)


def kept_lines(about):
    """One line for each earlier run of which groups were kept."""
    runs = {}
    for name, group in about["groups"].items():
        if "time" in group:
            runs.setdefault((group["time"], group["ming"]), []).append(name)
    return "".join(f"\nMeasured {time} with {ming}, and kept: {', '.join(names)}." for (time, ming), names in runs.items())


def report(results, about):
    """Markdown: the conditions, the targets, every workload."""
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items())
    loads = ", ".join(f"{name} {group['load_before']:.2f}" for name, group in about["groups"].items())
    parts = [f"{about['time']}: {about['ming']}; {about['processors']} x {about['processor']}, Linux {about['kernel']}, TCP "
             f"{about['congestion_control']}; medians of as many rounds as each table says, {about['seconds']:g} s each.\n"
             f"Packages: {versions}.\nLoad average at the start of each group: {loads}.{kept_lines(about)}",
             table(targets.rows(results, targets.TUNNEL + targets.REVERSE))]
    parts += [measured_table(results, workload, base_of(results.parties(workload))) for workload in results.workloads()]
    void = [f"- {workload} {party}: {error.splitlines()[0]}" for workload, party, error in results.failures]
    if "interrupted_in" in about:
        parts.append(f"The run was ended in {about['interrupted_in']}: what follows it is missing, and it has fewer rounds.")
    if void:
        parts.append("Void, because of an error:\n\n" + "\n".join(void))
    return "\n\n".join(parts)


def picture(results):
    panels = []
    for workload, metric, title, logarithmic in PANELS:
        bars = []
        for party in results.parties(workload):
            series = results.get(workload, party, metric)
            if series:
                bars.append(plot.Bar(PARTIES[party].about, series.median, short(series.median), plot.COLOURS.get(party, plot.OTHER)))
        if bars:
            panels.append(plot.Panel(title, tuple(bars), logarithmic))
    return plot.svg(panels)


def replace_block(page, text):
    """The page with what stands between its marks replaced; ValueError where it has none."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}"


def write(folder, results, about):
    page = folder / "performance.md"
    page.write_text(replace_block(page.read_text(), report(results, about)))
    (folder / PICTURE).write_text(picture(results))
