"""Reads a page of metrics as strictly as Prometheus does: families once, heads first, no sample twice."""

import re

_SAMPLE = re.compile(r"([a-z_:]+)(?:\{(.*)\})? (\S+)\Z")
_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(?:,|\Z)')

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Page:
    assert text.endswith("\n")
    page: Page = {}
    families: list[str] = []
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            families.append(line.split(" ")[2])
            assert families.count(families[-1]) == 1, line
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == families[-1]
            assert line.split(" ")[3] in ("counter", "gauge", "histogram")
        else:
            match = _SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            assert name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") == families[
                -1
            ] or (name == families[-1])
            key = (name, frozenset(_LABEL.findall(labels or "")))
            assert _LABEL.sub("", labels or "") == "", line
            assert key not in page, line
            page[key] = float(value)
    return page


def value(page: Page, name: str, **labels: str) -> float:
    """The sum of the samples that have these labels, and perhaps others. KeyError for none."""
    wanted = set(labels.items())
    found = [one for (key, had), one in page.items() if key == name and wanted <= had]
    if not found:
        raise KeyError(f"{name} {labels}")
    return sum(found)


def names(text: str) -> dict[str, str]:
    """Families and their kinds."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.M))
