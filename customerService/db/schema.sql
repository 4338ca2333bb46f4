-- Who buys. Applied by customer_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS customer;

CREATE TABLE IF NOT EXISTS customer.customers (
    customer_id uuid PRIMARY KEY DEFAULT uuidv7(),
    email       text CHECK (email ~ '^\S+@\S+$' AND length(email) <= 254),
    name        text CHECK (name ~ '\S' AND length(name) <= 200),
    phone       text CHECK (phone ~ '[0-9]' AND length(phone) <= 40),
    address     jsonb CHECK (jsonb_typeof(address) = 'object'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    erased_at   timestamptz,  -- set once, for good; the id stays, since orders point at it
    CHECK (created_at <= updated_at),
    CONSTRAINT erased_means_no_personal_data CHECK (
        CASE WHEN erased_at IS NULL THEN num_nulls(email, name) = 0
             ELSE num_nonnulls(email, name, phone, address) = 0 END)
);

-- One living customer an address, however it is written; it also serves GET /customers?email=.
-- The collation is named, so that it does not depend on the server's locale.
CREATE UNIQUE INDEX IF NOT EXISTS customers_email
    ON customer.customers (lower(email COLLATE pg_c_utf8)) WHERE erased_at IS NULL;

-- What customers ask about their personal data. The services that hold some read it here in the
-- order of the numbers, and bring what they hold.
CREATE TABLE IF NOT EXISTS customer.subject_requests (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id uuid NOT NULL REFERENCES customer.customers,
    kind        text NOT NULL CHECK (kind IN ('erasure', 'export')),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The export that somebody waits for, and the erasure that there is one of.
CREATE INDEX IF NOT EXISTS subject_requests_by_customer
    ON customer.subject_requests (customer_id, number);
CREATE UNIQUE INDEX IF NOT EXISTS subject_requests_one_erasure
    ON customer.subject_requests (customer_id) WHERE kind = 'erasure';
-- Exports that nobody has fetched: few, and forgotten. Erasures stay.
CREATE INDEX IF NOT EXISTS subject_requests_exports
    ON customer.subject_requests (created_at) WHERE kind = 'export';
-- Those who were erased before this was asked of anybody else.
INSERT INTO customer.subject_requests (customer_id, kind)
SELECT customer_id, 'erasure' FROM customer.customers WHERE erased_at IS NOT NULL
ON CONFLICT DO NOTHING;

-- What the services have brought, until it is read: gone with its request.
CREATE TABLE IF NOT EXISTS customer.export_parts (
    number bigint NOT NULL REFERENCES customer.subject_requests ON DELETE CASCADE,
    holder text NOT NULL CHECK (holder IN ('order', 'payment', 'shipping')),
    held   jsonb NOT NULL CHECK (jsonb_typeof(held) = 'array'),
    PRIMARY KEY (number, holder)
);

CREATE TABLE IF NOT EXISTS customer.customer_idempotency_keys (
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
DROP INDEX IF EXISTS customer.customer_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS customer_idempotency_keys_oldest
    ON customer.customer_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE customer.customer_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);
-- Erasing a customer deletes the answers that were kept about them.
CREATE INDEX IF NOT EXISTS customer_idempotency_keys_resource
    ON customer.customer_idempotency_keys (resource_id) WHERE resource_id IS NOT NULL;

GRANT USAGE ON SCHEMA customer TO customer_app;
GRANT SELECT, INSERT, UPDATE ON customer.customers TO customer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer.customer_idempotency_keys TO customer_app;
GRANT SELECT, INSERT, DELETE ON customer.subject_requests TO customer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer.export_parts TO customer_app;
