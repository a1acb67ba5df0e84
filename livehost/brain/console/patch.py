"""Differences of JSON trees as merge patches (RFC 7396): null takes a key away, lists are replaced.

In:  two trees.   Out: the patch that turns the first into the second.

Null and a missing key are the same here: `lean` takes nulls out before trees are compared.
"""

from __future__ import annotations

from typing import Any

Tree = dict[str, Any]


def lean(tree: Tree) -> Tree:
    """Return `tree` without the keys that are null, at any depth of objects."""
    return {
        key: lean(value) if isinstance(value, dict) else value
        for key, value in tree.items()
        if value is not None
    }


def difference(before: Tree, after: Tree) -> Tree:
    """Return the patch from one lean tree to another; {} when they are the same."""
    patch: Tree = {key: None for key in before if key not in after}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if inner := difference(old, value):
                patch[key] = inner
        elif key not in before or type(old) is not type(value) or old != value:
            patch[key] = value
    return patch


def patched(tree: Tree, patch: Tree) -> Tree:
    """Return `tree` with a patch applied; both stay as they are."""
    after = dict(tree)
    for key, value in patch.items():
        if value is None:
            after.pop(key, None)
        elif isinstance(value, dict):
            old = after.get(key)
            after[key] = patched(old if isinstance(old, dict) else {}, value)
        else:
            after[key] = value
    return after
