"""The tables of the state file, version by version.

In:  an open SQLite connection.   Out: the same, with the newest tables.
"""

from __future__ import annotations

import sqlite3

_VERSIONS: tuple[str, ...] = (
    """
    CREATE TABLE chat (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        kind TEXT NOT NULL,
        user TEXT NOT NULL,
        nickname TEXT NOT NULL,
        text TEXT NOT NULL,
        count INTEGER NOT NULL,
        extra TEXT NOT NULL,
        at TEXT NOT NULL,
        received TEXT NOT NULL,
        outcome TEXT,       -- NULL waits; answered, digest, or why not, see docs/chat.md
        utterance INTEGER   -- that answered it
    );
    CREATE TABLE utterances (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        reason TEXT NOT NULL,
        understood TEXT NOT NULL,   -- what a question was taken for
        intent TEXT NOT NULL,   -- JSON: all that is needed to say the rest of it
        at TEXT NOT NULL,
        state TEXT NOT NULL     -- planned, done, yielded, cut, lost, failed, withdrawn
    );
    CREATE TABLE sentences (
        utterance INTEGER NOT NULL,
        sentence INTEGER NOT NULL,
        text TEXT NOT NULL,
        rule TEXT NOT NULL,     -- of the gate; '' when it let the text pass
        state TEXT NOT NULL,    -- planned, sent, started, heard, interrupted
        samples INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        at TEXT NOT NULL,
        PRIMARY KEY (utterance, sentence)
    ) WITHOUT ROWID;
    CREATE TABLE cursor (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        segment TEXT NOT NULL,
        line INTEGER NOT NULL,
        sentence INTEGER NOT NULL,
        at TEXT NOT NULL
    );
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        kind TEXT NOT NULL,
        what TEXT NOT NULL      -- JSON
    );
    CREATE TABLE rejected (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    "ALTER TABLE cursor ADD COLUMN round INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE chat ADD COLUMN class TEXT NOT NULL DEFAULT '';",  # of a comment, see chat.classes
    """
    CREATE TABLE actions (      -- events that an [[action]] has not got yet
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        target TEXT NOT NULL,
        id TEXT NOT NULL,
        kind TEXT NOT NULL,
        at TEXT NOT NULL,
        body TEXT NOT NULL,     -- JSON, as it is sent
        UNIQUE (target, id)
    );
    CREATE TABLE experiments (
        id TEXT PRIMARY KEY,
        definition TEXT NOT NULL,   -- JSON
        kept TEXT NOT NULL,     -- arm that the operator froze it on; '' while it runs
        at TEXT NOT NULL        -- of the last change
    ) WITHOUT ROWID;
    CREATE TABLE exposures (    -- an arm chosen for a place of the script
        experiment TEXT NOT NULL,
        number INTEGER NOT NULL,    -- of the choice, from 0
        place TEXT NOT NULL,
        arm TEXT NOT NULL,
        share REAL NOT NULL,    -- probability that it was chosen with
        chosen TEXT NOT NULL,
        began TEXT NOT NULL DEFAULT '',     -- first sound; '' when it was never on air
        until TEXT NOT NULL DEFAULT '',     -- what happens from then on does not count; '' open
        viewer_minutes REAL,    -- NULL where no audience was reported
        counts TEXT NOT NULL DEFAULT '{}',  -- JSON: what viewers did, by kind
        PRIMARY KEY (experiment, number)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE acks (     -- answers to commands, for those who ask again after a restart
        user TEXT NOT NULL,
        id TEXT NOT NULL,       -- chosen by the client
        what TEXT NOT NULL,     -- hash of name and arguments
        outcome TEXT NOT NULL,  -- JSON; [] before it is known
        at TEXT NOT NULL,
        PRIMARY KEY (user, id)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(_VERSIONS)


def migrate(base: sqlite3.Connection) -> None:
    """Bring the tables to `VERSION`, each step in its own transaction.

    Raises:
        sqlite3.Error: the file is damaged, locked or full.
        ValueError: it was written by a newer version.
    """
    (version,) = base.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise ValueError(f"written by a newer livehost (version {version}, here {VERSION})")
    for number in range(version, VERSION):
        script = f"BEGIN; {_VERSIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;"
        base.executescript(script)
