"""What was measured: rounds, medians, ratios, verdicts, tables."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Series:
    """One metric of one party in one workload, round by round."""
    values: tuple

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        return min(self.values), max(self.values)


class Results:
    def __init__(self):
        self._values = {}  # (workload, party, metric) -> [value of each round]
        self.failures = []  # (workload, party, text)

    @classmethod
    def from_json(cls, stored):
        """What as_json() gave."""
        results = cls()
        for one in stored["measured"]:
            results._values[one["workload"], one["party"], one["metric"]] = one["rounds"]
        results.failures = [tuple(failed.values()) for failed in stored["failures"]]
        return results

    def replace(self, newer):
        """Every workload that `newer` holds is as there."""
        measured = set(newer.workloads()) | {failed[0] for failed in newer.failures}
        self._values = {key: values for key, values in self._values.items() if key[0] not in measured}
        self._values.update(newer._values)
        self.failures = [failed for failed in self.failures if failed[0] not in measured] + newer.failures

    def add(self, workload, party, metrics):
        for metric, value in metrics.items():
            self._values.setdefault((workload, party, metric), []).append(value)

    def fail(self, workload, party, error):
        self.failures.append((workload, party, str(error)))

    def void(self, workload, party):
        """True where a run failed: then none of them counts."""
        return any(failed[:2] == (workload, party) for failed in self.failures)

    def get(self, workload, party, metric):
        """A Series, or None where it was not measured or is void."""
        values = self._values.get((workload, party, metric))
        return Series(tuple(values)) if values and not self.void(workload, party) else None

    def workloads(self):
        return list(dict.fromkeys(workload for workload, _, _ in self._values))

    def parties(self, workload):
        return list(dict.fromkeys(party for of, party, _ in self._values if of == workload))

    def metrics(self, workload):
        return list(dict.fromkeys(metric for of, _, metric in self._values if of == workload))

    def as_json(self):
        listing = [{"workload": workload, "party": party, "metric": metric, "median": statistics.median(values), "rounds": values,
                    "void": self.void(workload, party)} for (workload, party, metric), values in self._values.items()]
        return {"measured": listing, "failures": [dict(zip(("workload", "party", "error"), failed)) for failed in self.failures]}


def merged(stored, results, about):
    """What was stored, with all workloads that were measured now in place of the old ones; groups that stay say when and with what."""
    kept = Results.from_json(stored)
    kept.replace(results)
    origin = {key: stored["about"][key] for key in ("time", "ming")}
    older = {name: {**origin, **group} for name, group in stored["about"]["groups"].items()}
    return kept, {**about, "groups": {**older, **about["groups"]}}


def short(value):
    """Three digits that say something."""
    if value is None:
        return "-"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def table(rows):
    """Lines of Markdown, columns aligned. The first row is the head; numbers stand to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]

    def line(row):
        cells = [text.ljust(width) if at == 0 else text.rjust(width) for at, (text, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"
    ruler = "|" + "|".join("-" * (width + 2) if at == 0 else "-" * (width + 1) + ":" for at, width in enumerate(widths)) + "|"
    return "\n".join([line(rows[0]), ruler, *map(line, rows[1:])])


def measured_table(results, workload, base=None):
    """The parties of one workload: median of each metric, how many rounds, the spread of the first metric, the ratio to `base`."""
    metrics = results.metrics(workload)
    rows = [[workload, *metrics, "rounds", "min-max", *([f"x {base}"] if base else [])]]
    reference = results.get(workload, base, metrics[0]) if base else None
    for party in results.parties(workload):
        series = [results.get(workload, party, metric) for metric in metrics]
        row = [party, *(short(one.median) if one else "-" for one in series)]
        row += [str(len(series[0].values)), "-".join(map(short, series[0].spread))] if series[0] else ["-", "void"]
        if base:
            row.append(short(series[0].median / reference.median) if series[0] and reference else "-")
        rows.append(row)
    return table(rows)
