"""What an operator wrote beside the lines of a script stays, whatever is changed around it."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livehost.brain.manuscript.lists import TOKEN
from livehost.brain.manuscript.merge import merged, values_of

RUNDOWN = """\
# top of the file

forbidden = ["全场清仓"] # behind forbidden

# above the first segment
[[segment]] # behind the header
# first in the segment
id = "a" # behind id
kind = "opening"
# above lines
lines = [ # behind the bracket
  # above one, "quoted", [bracket]
  "one # no", # behind one
  # above two
  # and once more
  { text = "two", emotion = "calm", variants = [
    # above the variant
    "two again", # behind the variant
    'two, "third"' # behind the last variant, no comma
    # below the variants
  ] }, # behind two

  "three", "four", # behind four
  { text = "five" } # behind five, no comma
  # below the lines
] # behind lines
# below the segment

# above the second segment
[[segment]]
id = "b"
kind = "transition"
lines = ["six",
  "seven"]
# below the second segment

# above the filler
[[filler]]
lines = ["eight"] # behind eight
# the end
"""
IN_LINE = {  # comments that belong to a line of the first segment
    0: {"# behind one"},
    1: {"# above the variant", "# behind the variant", "# behind the last variant, no comma",
        "# below the variants", "# behind two"},
    2: set(),
    3: {"# behind four"},
    4: {"# behind five, no comma"},
}  # fmt: skip


def comments(text):
    return [token.rstrip() for token in TOKEN.findall(text) if token.startswith("#")]


def words(line):
    return line if isinstance(line, str) else line["text"]


def test_the_sample_has_comments_everywhere():
    assert len(comments(RUNDOWN)) == 27
    assert merged(RUNDOWN, values_of(RUNDOWN)) == RUNDOWN


CHANGE = st.tuples(
    st.sampled_from(["reword", "insert", "remove", "vary", "mood", "swap"]),
    st.integers(0, 4),
    st.sampled_from(["another line", "two, in other words", "# none", 'a "quoted" one', "五"]),
)


def change(lines, what, n, text):
    """Change lines of the first segment; return which are gone."""
    n = min(n, len(lines) - 1)
    known = words(lines[n])
    match what:
        case "reword":
            lines[n] = {**lines[n], "text": text} if isinstance(lines[n], dict) else text
        case "insert":
            lines.insert(n, text + " of mine")
        case "remove":
            return [words(lines.pop(n))]
        case "vary":
            lines[n] = {"text": known, **(lines[n] if isinstance(lines[n], dict) else {})}
            lines[n]["variants"] = [*lines[n].get("variants", ()), "said otherwise"]
        case "mood":
            lines[n] = {"text": known, **(lines[n] if isinstance(lines[n], dict) else {})}
            lines[n]["emotion"] = "excited"
        case "swap":
            lines[n - 1], lines[n] = lines[n], lines[n - 1]
    return []


@given(CHANGE)
def test_a_change_of_a_line_keeps_every_comment_but_that_of_a_line_taken_out(given):
    what, n, text = given
    values = values_of(RUNDOWN)
    lines = values["segment"][0]["lines"]
    change(lines, what, n, text)
    after = merged(RUNDOWN, values)
    assert values_of(after) == values
    gone = IN_LINE[n] if what == "remove" else set()
    assert set(comments(RUNDOWN)) - set(comments(after)) == gone
    assert len(comments(after)) == len(set(comments(after)))
    if what != "swap":  # a line that is moved takes its comments with it
        assert comments(after) == [c for c in comments(RUNDOWN) if c not in gone]


@given(st.lists(CHANGE, min_size=2, max_size=6))
def test_no_number_of_changes_loses_a_comment_in_a_line_of_its_own(changes):
    text, values = RUNDOWN, values_of(RUNDOWN)
    for what, n, said in changes:
        lines = values["segment"][0]["lines"]
        if what == "remove" and len(lines) == 1:
            continue
        change(lines, what, n, said)
        text = merged(text, values)
        assert values_of(text) == values
    within = set().union(*IN_LINE.values())
    assert set(comments(RUNDOWN)) - within <= set(comments(text))


def test_a_comment_behind_a_line_stays_behind_that_line():
    values = values_of(RUNDOWN)
    lines = values["segment"][0]["lines"]
    lines[0] = {"text": lines[0], "variants": ["one, said otherwise # too", "b"]}
    lines.insert(3, "between")
    lines[-1] = "five, quite different"
    after = merged(RUNDOWN, values)
    rows = after.splitlines()
    assert (
        '  { text = "one # no", variants = ["one, said otherwise # too", "b"] }, # behind one'
        in rows
    )
    assert (
        '  "four", # behind four' in rows
        or '  "three",\n  "between", "four", # behind four' in after
    )
    assert any(re.match(r'  "five, quite different",? # behind five', row) for row in rows)


def test_a_change_touches_no_other_row():
    values = values_of(RUNDOWN)
    values["segment"][0]["lines"][1]["emotion"] = "excited"
    before, after = RUNDOWN.splitlines(), merged(RUNDOWN, values).splitlines()
    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [
        (
            '  { text = "two", emotion = "calm", variants = [',
            '  { text = "two", emotion = "excited", variants = [',
        )
    ]


# --- segments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [[1, 0], [0], [1], [0, None, 1], [None, 0, 1], [0, 1, None]])
def test_segments_move_come_and_go_with_their_comments(order):
    values = values_of(RUNDOWN)
    known, new = values["segment"], {"id": "c", "kind": "opening", "lines": ["nine"]}
    values["segment"] = [copy.deepcopy(new if n is None else known[n]) for n in order]
    after = merged(RUNDOWN, values)
    assert values_of(after) == values
    ours = after.partition("[[filler]]")[0]
    for n, mine in ((0, "# first in the segment"), (1, "# below the second segment")):
        assert (mine in ours) == (n in order)
    for above in ("# above the first segment", "# above the second segment", "# top of the file",
                  "# above the filler\n[[filler]]", "# the end"):  # fmt: skip
        assert above in after
    if sorted(n for n in order if n is not None) == [0, 1]:
        assert set(comments(after)) == set(comments(RUNDOWN))
        assert re.search(r"# above the second segment\n\[\[segment\]\]\nid = \"b\"", after)


def test_a_new_key_stands_above_comments_on_the_next_table():
    values = values_of(RUNDOWN)
    values["segment"][0]["minutes"] = 3
    after = merged(RUNDOWN, values)
    assert "] # behind lines\nminutes = 3\n# below the segment\n" in after


@pytest.mark.parametrize(
    "text",
    [
        'a = ["x"\n  , "y" # y\n  , "z"]\n',
        'a = [\n  "x" # x\n  , "y"\n]\n',
        'a = ["x", # x\n]\n',
        "a = [ # only\n]\n",
        "a = [\"\"\"x # no\n\"\"\", # x\n  '''y''']\n",
        "a = [[1, 2], # x\n  [3]]\n",
        'a = [{ b = 1, "c d" = "e", f.g = 2 }, # x\n]\n',
        "a = [2026-01-01, # x\n  07:00:00 # y\n]\n",
    ],
)
@pytest.mark.parametrize("change", ["append", "first", "drop", "none", "reword"])
def test_lists_written_in_any_way_keep_comments(text, change):
    values = values_of(text)
    lines = values["a"]
    if change == "append":
        lines.append("new")
    elif change == "first":
        lines.insert(0, "new")
    elif change == "drop" and lines:
        lines.pop()
    elif change == "reword" and lines:
        lines[0] = "new"
    after = merged(text, values)
    assert values_of(after) == values
    if change != "drop":
        assert comments(after) == comments(text)
