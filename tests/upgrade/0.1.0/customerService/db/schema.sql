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
-- Old keys are deleted in batches; rows stand in the order of their age, so a small index does.
CREATE INDEX IF NOT EXISTS customer_idempotency_keys_age
    ON customer.customer_idempotency_keys USING brin (created_at);
-- Erasing a customer deletes the answers that were kept about them.
CREATE INDEX IF NOT EXISTS customer_idempotency_keys_resource
    ON customer.customer_idempotency_keys (resource_id) WHERE resource_id IS NOT NULL;

GRANT USAGE ON SCHEMA customer TO customer_app;
GRANT SELECT, INSERT, UPDATE ON customer.customers TO customer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer.customer_idempotency_keys TO customer_app;
