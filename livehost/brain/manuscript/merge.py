"""Put values from a form into a TOML text, and leave its comments and its order alone.

In:  a TOML text, JSON values as `values_of` gave them.   Out: a TOML text with these values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Table

NAMES = ("id", "name")
"""Keys by which a table of a list is known again after it was moved."""


def values_of(text: str) -> dict[str, Any]:
    """Return a TOML text as JSON values; times become ISO texts. Raises ValueError."""
    return {key: _plain(value) for key, value in tomllib.loads(text).items()}


def merged(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with other values.

    Raises:
        ValueError: it is not TOML, or values cannot stand in it.
    """
    try:
        document = tomlkit.parse(text)
        _merge(document, values)
        after = tomlkit.dumps(document)
    except (TOMLKitError, TypeError, RecursionError) as error:
        raise ValueError(f"cannot be written as TOML: {error}"[:200]) from error
    if values_of(after) != _without_nulls(values):
        raise ValueError("cannot be written as TOML without a loss; edit the text")
    return after


def _merge(table: Any, values: Mapping[str, Any]) -> None:
    for key in [key for key in table if values.get(key) is None]:
        del table[key]
    for key, value in values.items():
        if value is None:
            continue
        old = table.get(key)
        if old is not None and _same(_plain(_bare(old)), value):
            continue
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            _merge(old, value)
        elif isinstance(old, AoT) and _tables(value):
            table[key] = _list(old, value)
        else:
            table[key] = _item(_bare(old), value)


def _list(old: AoT, values: Sequence[Mapping[str, Any]]) -> AoT:
    """Return tables with other values, in another order; each keeps its comments."""
    left = list(old)
    new = tomlkit.aot()
    for value in values:
        table = _known(left, value)
        if table is None:
            new.append(_table(value))
            continue
        left.remove(table)
        _merge(table, value)
        new.append(table)
    return new


def _known(tables: list[Table], value: Mapping[str, Any]) -> Table | None:
    """Return the table that a value came from: by its name, else the first one."""
    for name in NAMES:
        if name in value:
            return next((table for table in tables if table.get(name) == value[name]), None)
    return tables[0] if tables else None


def _table(value: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for key, inner in value.items():
        if inner is not None:
            table[key] = _item(None, inner)
    return table


def _item(old: Any, value: Any) -> Any:
    """Return a value as TOML has it: times where there was a time before, lists over lines."""
    if isinstance(value, str):
        return _like(old, value)
    if isinstance(value, Mapping):
        return _table(value)
    if _tables(value):
        return _inline(value)
    if isinstance(value, list):
        array = tomlkit.array()
        array.extend(_of_list(inner) for inner in value)
        return array.multiline(len(value) > 1 and sum(len(str(v)) for v in value) > 60)
    return value


def _inline(values: Sequence[Mapping[str, Any]]) -> Any:
    array = tomlkit.array()
    array.extend(_of_list(value) for value in values)
    return array.multiline(True)


def _of_list(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    table = tomlkit.inline_table()
    table.update({key: inner for key, inner in value.items() if inner is not None})
    return table


def _like(old: Any, value: str) -> Any:
    """Return a text as the kind of time that stood there before."""
    for kind in (datetime, date, time):
        if isinstance(old, kind):
            try:
                return kind.fromisoformat(value)
            except ValueError:
                return value
    return value


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
