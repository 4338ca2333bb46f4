"""The audit bites: for every invariant, something that breaks it is planted, and found."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from string import Template
from uuid import NAMESPACE_OID, uuid5

import asyncpg
import pytest

from chassis import schema
from conftest import PASSWORD, run_sql, with_database
from fleet import audit
from fleet.services import ROOT, SERVICES

EVERYTHING = [*audit.safety(), *audit.liveness()]
WORLD = Path(__file__).with_name("world.sql")
# What a throwaway server does without, and the audit says so.
NOT_DURABLE = "durable"

# Triggers and foreign keys are off in the tests' sessions; these would still refuse.
LAWLESS = """
DO $$ DECLARE law record; BEGIN
    FOR law IN SELECT conrelid::regclass AS relation, conname FROM pg_constraint
                WHERE connamespace::regnamespace::text = ANY ($1) AND contype IN ('f', 'c', 'u', 'p')
                ORDER BY contype = 'p' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE',
                       law.relation, law.conname);
    END LOOP;
END $$
"""
