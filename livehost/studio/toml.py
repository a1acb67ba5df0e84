"""Write product cards and rundowns as the TOML files that people go on with.

In:  values.   Out: text that `livehost.config.load_toml` reads back as the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from livehost.brain.manuscript.merge import merged, values_of
from livehost.brain.product import Product
from livehost.errors import ConfigError
from livehost.studio.draft import Draft, DraftLine, DraftSegment
from livehost.table import toml_string

_TABLES = ("details", "delivery", "returns")
_LISTS = ("variant", "size", "faq", "promotion")


def product_toml(product: Product) -> str:
    """Return the file of a product card; what is not set is left out."""
    values = {
        key: value
        for key, value in product.model_dump(exclude_defaults=True).items()
        if value not in (None, (), {})
    }
    lines = ["# One product. Every key is explained in docs/scripts.md.", ""]
    lines += _pairs({k: v for k, v in values.items() if k not in (*_TABLES, *_LISTS)})
    for key in _TABLES:
        if given := values.get(key):
            lines += ["", f"[{key}]", *_pairs(given)]
    for key in _LISTS:
        for entry in values.get(key, ()):
            lines += ["", f"[[{key}]]", *_pairs(entry)]
    return "\n".join(lines) + "\n"


def rundown_toml(draft: Draft, heading: Iterable[str] = ()) -> str:
    """Return the file of a rundown."""
    lines = [*(f"# {line}" for line in heading), ""]
    if draft.forbidden:
        lines += [f"forbidden = {_value(draft.forbidden)}", ""]
    for segment in draft.segments:
        lines += [*_segment(segment), ""]
    return "\n".join(lines).rstrip() + "\n"


def with_wordings(text: str, draft: Draft) -> str:
    """Return a rundown file with the draft's wordings; all else stands as it stood.

    Args:
        text: the file that `draft` was read from.

    Raises:
        ConfigError: the file cannot be written without a loss.
    """
    values = values_of(text)
    for segment, drafted in zip(values.get("segment", ()), draft.segments, strict=True):
        lines = zip(segment.get("lines", ()), drafted.lines, strict=True)
        segment["lines"] = [_worded(line, new.texts) for line, new in lines]
    try:
        return merged(text, values)
    except ValueError as error:
        raise ConfigError(f"the rundown {error}") from error


def _worded(line: Any, texts: list[str]) -> Any:
    said = line if isinstance(line, Mapping) else {"text": line}
    if len(texts) < 2 or said.get("variants") == texts[1:]:
        return line
    return {**said, "variants": texts[1:]}


def _segment(segment: DraftSegment) -> Iterable[str]:
    yield "[[segment]]"
    yield f"id = {_value(segment.id)}"
    yield f"kind = {_value(segment.kind)}"
    if segment.product:
        yield f"product = {_value(segment.product)}"
    yield "lines = ["
    for line in segment.lines:
        yield f"  {_line(line)},"
    yield "]"


def _line(line: DraftLine) -> str:
    keys = ("emotion", "promotion", "show")
    more = [f"{key} = {_value(getattr(line, key))}" for key in keys if getattr(line, key)]
    text, *variants = line.texts
    if not variants and not more:
        return _value(text)
    if variants:
        wordings = "".join(f"    {_value(other)},\n" for other in variants)
        more.append(f"variants = [\n{wordings}  ]")
    return "{ " + ", ".join([f"text = {_value(text)}", *more]) + " }"


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{_key(key)} = {_value(value)}"
        for key, value in values.items()
        if value is not None and value != ()
    ]


def _key(key: str) -> str:
    plain = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if plain else _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | Path():
            return toml_string(str(value))
        case Decimal():
            return f'"{value}"'
        case int() | float():
            return f"{value:.12g}"
        case datetime():
            return value.isoformat()
        case tuple() | list():
            return _array(value)
    raise TypeError(f"{type(value).__name__} has no TOML form here")


def _array(values: Iterable[Any]) -> str:
    written = [_value(value) for value in values]
    row = f"[{', '.join(written)}]"
    if len(row) <= 80:
        return row
    return "[\n" + "".join(f"  {item},\n" for item in written) + "]"
