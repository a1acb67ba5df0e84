"""Flat numbers by Prometheus name as a text page for Prometheus.

In:  `{'x_total{output="a"}': 3.0}`.   Out: the exposition format, version 0.0.4.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric

_NAME = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?$", re.DOTALL)
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)', re.DOTALL)
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Numbers = Callable[[], Mapping[str, float]]


class Exposition:
    """The `/metrics` page of one console.

    Args:
        sources: functions that return numbers by name, labels included; a name that ends in
            `_total` is a counter, any other a gauge.
    """

    def __init__(self, *sources: Numbers) -> None:
        self._sources = sources
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self.misnamed = 0
        """Names left out because they are none."""

    def page(self) -> bytes:
        """Return the page."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Return nothing: what there is, is known only when asked (prometheus_client's hook)."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield one family per name (prometheus_client's hook)."""
        families: dict[str, Metric] = {}
        for source in self._sources:
            for full, value in source().items():
                self._add(families, full, float(value))
        yield from families.values()

    def _add(self, families: dict[str, Metric], full: str, value: float) -> None:
        named = _NAME.match(full)
        if named is None:
            self.misnamed += 1
            return
        name = named[1]
        if name not in families:
            kind = "counter" if name.endswith("_total") else "gauge"
            families[name] = Metric(name.removesuffix("_total"), "See the operator API.", kind)
        families[name].add_sample(name, labels(named[2] or ""), value)


def labels(text: str) -> dict[str, str]:
    """Return the labels of `a="1",b="2"`, unescaped."""
    return {
        name: re.sub(r"\\.", lambda m: _ESCAPED.get(m[0], m[0]), value)
        for name, value in _LABEL.findall(text)
    }
