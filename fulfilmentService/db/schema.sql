-- Fulfilment jobs. Applied by fulfilment_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS fulfilment;

CREATE TABLE IF NOT EXISTS fulfilment.jobs (
    job_id          uuid PRIMARY KEY DEFAULT uuidv7(),
    order_id        uuid NOT NULL,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN (
        'pending',     -- → reserved | failed
        'reserved',    -- → shipped | failed | pending (the reservation expired: another is taken)
        'shipped',     -- → completed
        'completed',   -- final
        'failed')),    -- everything is undone; → pending, by a retry
    next_step       text DEFAULT 'reserve' CHECK (next_step IN (
        'reserve', 'hold_order', 'commit', 'ship', 'mark_fulfilled',  -- forward
        'free_goods', 'give_order_back')),                            -- undoing, because of failure
    lines           jsonb NOT NULL CHECK (jsonb_typeof(lines) = 'array'),  -- an order's never change
    -- Chosen before they are asked for, so that whoever goes on asks for the same ones.
    reservation_id  uuid NOT NULL DEFAULT uuidv7(),
    shipment_id     uuid NOT NULL DEFAULT uuidv7(),
    failure         jsonb,
    -- How often it began anew. With job_id it names the hold on the order: one that was given
    -- back cannot be taken by a request that comes late.
    round           integer NOT NULL DEFAULT 1 CHECK (round > 0),
    attempts        integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    next_attempt_at timestamptz NOT NULL,  -- until then it is leased to a driver, or backs off
    version         integer NOT NULL DEFAULT 1 CHECK (version > 0),  -- the fence: see jobs.py
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK ((next_step IS NULL) = (status IN ('completed', 'failed'))),
    CHECK ((failure IS NOT NULL)
           = (status = 'failed' OR coalesce(next_step, '') IN ('free_goods', 'give_order_back'))),
    CHECK (created_at <= updated_at)
);
-- Of the request that began it: the sweep goes on in its trace.
ALTER TABLE fulfilment.jobs ADD COLUMN IF NOT EXISTS traceparent text;
-- An order has one live job.
CREATE UNIQUE INDEX IF NOT EXISTS jobs_one_an_order
    ON fulfilment.jobs (order_id) WHERE status <> 'failed';
-- The sweep, the longest overdue first.
CREATE INDEX IF NOT EXISTS jobs_due ON fulfilment.jobs (next_attempt_at) WHERE next_step IS NOT NULL;
-- GET /fulfilments by order and by status, newest first.
CREATE INDEX IF NOT EXISTS jobs_by_order ON fulfilment.jobs (order_id, job_id);
CREATE INDEX IF NOT EXISTS jobs_by_status ON fulfilment.jobs (status, job_id);

-- Changed over and over, and what changes is indexed: vacuumed long before a fifth of it is dead.
ALTER TABLE fulfilment.jobs SET (autovacuum_vacuum_scale_factor = 0.02);

-- Append-only: what was done for a job, and how it went.
CREATE TABLE IF NOT EXISTS fulfilment.job_steps (
    job_id  uuid NOT NULL REFERENCES fulfilment.jobs,
    step_id bigint GENERATED ALWAYS AS IDENTITY,
    step    text NOT NULL,
    outcome text NOT NULL CHECK (outcome ~ '\S' AND length(outcome) <= 500),
    at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, step_id)
);

CREATE TABLE IF NOT EXISTS fulfilment.fulfilment_idempotency_keys (
    scope       text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    resource_id uuid,
    status      smallint,  -- null until answered
    headers     jsonb,
    body        bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
);
-- Old keys are deleted in batches, the oldest first. No BRIN: new rows take the places of deleted
-- ones, and then every part of the table holds old and new.
DROP INDEX IF EXISTS fulfilment.fulfilment_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS fulfilment_idempotency_keys_oldest
    ON fulfilment.fulfilment_idempotency_keys (created_at);
-- Room for the answer to a key that was claimed before it; and vacuumed long before a fifth of
-- them is dead.
ALTER TABLE fulfilment.fulfilment_idempotency_keys
    SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: jobs (status, next_step, lines, failure, traceparent), job_steps (step, outcome),
--   fulfilment_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA fulfilment TO fulfilment_app;
GRANT SELECT, INSERT ON fulfilment.jobs TO fulfilment_app;
-- Of which order it is, and of what, never changes.
REVOKE UPDATE ON fulfilment.jobs FROM fulfilment_app;
GRANT UPDATE (status, next_step, reservation_id, failure, round, attempts, next_attempt_at, version,
              updated_at) ON fulfilment.jobs TO fulfilment_app;
GRANT SELECT, INSERT ON fulfilment.job_steps TO fulfilment_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON fulfilment.fulfilment_idempotency_keys TO fulfilment_app;
