"""The spool: records of spans on disk until they are in the database, whatever dies meanwhile.

A process appends to segment files of its own (`Spool`), a thread stores and deletes them (`Drainer`), and
what a dead process left is adopted by whoever comes by.
"""

from image_tracing_postgres.spool.counts import REASONS, Counts
from image_tracing_postgres.spool.drainer import Drainer
from image_tracing_postgres.spool.folder import spool_folder
from image_tracing_postgres.spool.keeper import Keeper
from image_tracing_postgres.spool.payloads import SpooledSpan, payload_of, span_from
from image_tracing_postgres.spool.room import LIMIT_BYTES
from image_tracing_postgres.spool.spool import Durability, Spool
from image_tracing_postgres.spool.state import SpoolState, spool_state

__all__ = [
    "LIMIT_BYTES",
    "REASONS",
    "Counts",
    "Drainer",
    "Durability",
    "Keeper",
    "Spool",
    "SpoolState",
    "SpooledSpan",
    "payload_of",
    "span_from",
    "spool_folder",
    "spool_state",
]
