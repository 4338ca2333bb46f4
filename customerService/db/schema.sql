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
    CHECK (created_at <= updated_at)
);
-- What is the same for two addresses that are one: see customer.email_key, and app/emails.py.
ALTER TABLE customer.customers ADD COLUMN IF NOT EXISTS email_key text;
-- Who had the same address before, where an older version took them for two: a person decides.
ALTER TABLE customer.customers ADD COLUMN IF NOT EXISTS twin_of uuid;

-- An address without what cannot be seen (white space around it, and Unicode's Cf), composed.
CREATE OR REPLACE FUNCTION customer.plain_email(email text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT normalize(btrim(regexp_replace(email, '[\u00AD\u0600-\u0605\u061C\u06DD\u070F\u0890'
        '\u0891\u08E2\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF'
        '\uFFF9-\uFFFB]', '', 'g')), NFC)
$$;
-- The collation is named, so that it does not depend on the server's locale.
CREATE OR REPLACE FUNCTION customer.email_key(email text) RETURNS text
    LANGUAGE sql IMMUTABLE SET search_path = '' AS $$
    SELECT normalize(casefold(customer.plain_email(email) COLLATE pg_catalog.pg_c_utf8), NFC)
$$;
-- Who changes an address is no twin any more. An older version's service writes no key: it gets one
-- here, without IDNA, which the service of today brings in.
CREATE OR REPLACE FUNCTION customer.keep_email_key() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NEW.email IS NULL OR NEW.email_key IS NULL
       OR TG_OP = 'UPDATE' AND NEW.email_key = OLD.email_key
          AND customer.email_key(NEW.email) <> customer.email_key(OLD.email)
    THEN
        NEW.email_key := customer.email_key(NEW.email);
    END IF;
    IF NEW.email IS NULL OR TG_OP = 'UPDATE' AND NEW.email_key <> OLD.email_key THEN
        NEW.twin_of := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER customers_email_key
    BEFORE INSERT OR UPDATE OF email ON customer.customers
    FOR EACH ROW EXECUTE FUNCTION customer.keep_email_key();

-- Rows of an older version come into the form of today, where what was unique by lower case may be
-- twins.
DROP INDEX IF EXISTS customer.customers_email;
ALTER TABLE customer.customers DROP CONSTRAINT IF EXISTS erased_means_no_personal_data;
UPDATE customer.customers SET email = customer.plain_email(email)
 WHERE email <> customer.plain_email(email) AND customer.plain_email(email) ~ '^\S+@\S+$';
UPDATE customer.customers SET email_key = customer.email_key(email)
 WHERE email_key IS NULL AND email IS NOT NULL;
UPDATE customer.customers twin SET twin_of = first.customer_id
  FROM (SELECT DISTINCT ON (email_key) email_key, customer_id FROM customer.customers
         WHERE email_key IS NOT NULL AND twin_of IS NULL
         ORDER BY email_key, created_at, customer_id) AS first
 WHERE twin.email_key = first.email_key AND twin.customer_id <> first.customer_id
   AND twin.twin_of IS NULL;
ALTER TABLE customer.customers ADD CONSTRAINT erased_means_no_personal_data CHECK (
    CASE WHEN erased_at IS NULL THEN num_nulls(email, name, email_key) = 0
         ELSE num_nonnulls(email, name, phone, address, email_key, twin_of) = 0 END);

-- One living customer an address, however it is written, but for twins.
CREATE UNIQUE INDEX IF NOT EXISTS customers_email_key
    ON customer.customers (email_key) WHERE twin_of IS NULL;
-- GET /customers?email=, which finds twins too.
CREATE INDEX IF NOT EXISTS customers_by_email ON customer.customers (email_key);
-- GET /twins, and whose turn it is where the first of them goes. Few, if any.
CREATE INDEX IF NOT EXISTS customers_twins
    ON customer.customers (twin_of, customer_id) WHERE twin_of IS NOT NULL;
-- The sweep that brings domains into IDNA: empty but after an upgrade.
CREATE INDEX IF NOT EXISTS customers_without_idna
    ON customer.customers (customer_id) WHERE email_key ~ '[^\x01-\x7F][^@]*$';

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
    page   integer NOT NULL DEFAULT 0 CHECK (page >= 0),
    last   boolean NOT NULL DEFAULT true,
    PRIMARY KEY (number, holder, page)
);
ALTER TABLE customer.export_parts
    ADD COLUMN IF NOT EXISTS page integer NOT NULL DEFAULT 0 CHECK (page >= 0),
    ADD COLUMN IF NOT EXISTS last boolean NOT NULL DEFAULT true,
    DROP CONSTRAINT export_parts_pkey,
    ADD PRIMARY KEY (number, holder, page);

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

-- Who was erased before, and came back with a restored backup: until they are erased again.
CREATE TABLE IF NOT EXISTS customer.to_erase (
    customer_id uuid PRIMARY KEY REFERENCES customer.customers
);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- personal: customers (email, name, phone, address)
-- copies: customers (email_key), export_parts (held), customer_idempotency_keys (body)
-- not personal: subject_requests (kind), export_parts (holder), customer_idempotency_keys (scope,
--   key, fingerprint, headers)

GRANT USAGE ON SCHEMA customer TO customer_app;
GRANT SELECT, DELETE ON customer.to_erase TO customer_app;
GRANT SELECT, INSERT, UPDATE ON customer.customers TO customer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer.customer_idempotency_keys TO customer_app;
GRANT SELECT, INSERT, DELETE ON customer.subject_requests TO customer_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON customer.export_parts TO customer_app;
