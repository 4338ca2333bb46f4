"""The plumbing that all services share, and the kinds of values that they take: money, texts, SKUs,
addresses.

A package, not a framework, and no business word in it.
"""

from .addresses import Address, NewAddress
from .app import Context, ContextOf, Db, PeersOf, ServiceApp, create_app
from .callers import admits
from .context import may_touch, owner, trace_of
from .database import Connection, Database, constraint_of
from .fields import SKU, Attributes, Changes, Flag, Input, LongText, Output, Sku, Text, Timestamp
from .idempotency import Once, OnceOnly
from .lists import DEFAULT_LIMIT, Cursor, Limit, Page
from .money import Amount, Currency, to_major, to_minor
from .openapi import refusals
from .parked import Parked
from .peers import Answer, Peer, Peers
from .preconditions import Preconditions, PreconditionsOf, Tagged, tag_of
from .problems import DependencyUnavailable, InvalidRequest, NotFound, Problem, invalid
from .queues import Queue
from .settings import Settings
from .strict import Router
from .sweeps import Sweep
from .tracing import resumed

__all__ = [
    "DEFAULT_LIMIT",
    "SKU",
    "Address",
    "Amount",
    "Answer",
    "Attributes",
    "Changes",
    "Connection",
    "Context",
    "ContextOf",
    "Currency",
    "Cursor",
    "Database",
    "Db",
    "DependencyUnavailable",
    "Flag",
    "Input",
    "InvalidRequest",
    "Limit",
    "LongText",
    "NewAddress",
    "NotFound",
    "Once",
    "OnceOnly",
    "Output",
    "Page",
    "Parked",
    "Peer",
    "Peers",
    "PeersOf",
    "Preconditions",
    "PreconditionsOf",
    "Problem",
    "Queue",
    "Router",
    "ServiceApp",
    "Settings",
    "Sku",
    "Sweep",
    "Tagged",
    "Text",
    "Timestamp",
    "admits",
    "constraint_of",
    "create_app",
    "invalid",
    "may_touch",
    "owner",
    "refusals",
    "resumed",
    "tag_of",
    "to_major",
    "to_minor",
    "trace_of",
]
