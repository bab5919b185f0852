"""The tables of a database of results, and a result as a row of them."""

from __future__ import annotations

from engine.results import Result
from engine.sinks.dated_results import DatedResult
from engine.sinks.result_lines import result_to_row

COLUMNS = ("at_s", "run", *(f for f in Result._fields if f != "box"), "x", "y", "width", "height")

SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
    id INTEGER PRIMARY KEY,         -- in the order of their coming
    at_s REAL NOT NULL,             -- time of day, seconds since 1970 (UTC): datetime(at_s, 'unixepoch')
    run TEXT NOT NULL,              -- with source, window and app it identifies a request
    t_s REAL NOT NULL,              -- on the source's clock
    source TEXT NOT NULL,
    window TEXT NOT NULL,
    app TEXT NOT NULL,
    answer TEXT,                    -- NULL where unserved
    confidence REAL,
    variant TEXT,
    place TEXT,                     -- device, cloud, split or reused
    latency_s REAL,
    energy_j REAL,
    energy_origin TEXT NOT NULL,    -- measured, modelled or given
    cost_usd REAL,
    served INTEGER NOT NULL,        -- 1 or 0
    reason TEXT NOT NULL,           -- why not, or a note
    truth TEXT,
    track INTEGER,                  -- of the thing in the window, or NULL
    x INTEGER, y INTEGER, width INTEGER, height INTEGER  -- box, in pixels of the frame
);
CREATE INDEX IF NOT EXISTS results_by_time ON results (at_s);
CREATE INDEX IF NOT EXISTS results_by_app ON results (app, at_s);
"""


def dated_to_values(dated: DatedResult) -> tuple[object, ...]:
    """Return a row's values, in the order of COLUMNS."""
    row = result_to_row(dated.result)
    box = row.pop("box")
    return (round(dated.at_s, 3), dated.run, *map(_plain, row.values()), *box)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, str) else value
