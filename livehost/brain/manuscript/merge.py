"""Put values from a form into a TOML text, and leave its comments and its order alone.

In:  a TOML text, JSON values as `values_of` gave them.   Out: a TOML text with these values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, Table

from livehost.brain.manuscript.arrange import arranged
from livehost.brain.manuscript.lists import like, partners_of, rewritten, written


def values_of(text: str) -> dict[str, Any]:
    """Return a TOML text as JSON values; times become ISO texts. Raises ValueError."""
    return {key: _plain(value) for key, value in tomllib.loads(text).items()}


def merged(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with other values.

    Raises:
        ValueError: it is not TOML, or values cannot stand in it.
    """
    try:
        document = tomlkit.parse(_arranged(text, values))
        _merge(document, values)
        after = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, RecursionError) as error:
        raise ValueError(f"cannot be written as TOML: {error}"[:200]) from error
    if values_of(after) != _without_nulls(values):
        raise ValueError("cannot be written as TOML without a loss; edit the text")
    return after


def _arranged(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with its lists of tables in their new order; new tables are empty."""
    document = tomlkit.parse(text)
    for key, value in values.items():
        old = document.get(key)
        if isinstance(old, AoT) and _tables(value):
            partners = partners_of([_plain(_bare(table)) for table in old], value)
            if partners != list(range(len(old))):
                text = arranged(text, key, len(old), partners)
    return text


def _merge(table: Any, values: Mapping[str, Any]) -> None:
    tail = _cut_tail(table)
    for key in [key for key in table if values.get(key) is None]:
        del table[key]
    for key, value in values.items():
        if value is not None:
            _put(table, key, value)
    if tail:
        table.value.body.extend(tail)


def _cut_tail(table: Any) -> list[Any]:
    """Take off what follows the last key: a comment there is about what follows the table."""
    body = table.value.body if isinstance(table, Table) else []
    least = len(body)
    while least and body[least - 1][0] is None:
        least -= 1
    tail = body[least:]
    del body[least:]
    return tail


def _put(table: Any, key: str, value: Any) -> None:
    old = table.get(key)
    if old is not None and _same(_plain(_bare(old)), value):
        return
    if isinstance(old, Mapping) and isinstance(value, Mapping):
        _merge(old, value)
    elif isinstance(old, AoT) and _tables(value) and len(old) == len(value):
        for inner, wanted in zip(old, value, strict=True):
            _merge(inner, wanted)
    elif isinstance(old, Array) and isinstance(value, list):
        text = rewritten(old.as_string(), _plain(_bare(old)), _without_nulls(value))
        table[key] = tomlkit.value(text)
    else:
        table[key] = _item(old, value)


def _item(old: Any, value: Any) -> Any:
    """Return a value as TOML has it: times where there was a time before, lists over lines."""
    if isinstance(value, Mapping):
        table = tomlkit.table()
        for key, inner in value.items():
            if inner is not None:
                table[key] = _item(None, inner)
        return table
    if isinstance(value, list):
        return tomlkit.value(written(value))
    return like(old.as_string(), value) if hasattr(old, "as_string") else value


# --- JSON -----------------------------------------------------------------------------------------


def _bare(value: Any) -> Any:
    """Return a TOML item as an ordinary value."""
    return value.unwrap() if hasattr(value, "unwrap") else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _same(old: Any, new: Any) -> bool:
    return bool(old == _without_nulls(new)) and isinstance(old, bool) == isinstance(new, bool)
