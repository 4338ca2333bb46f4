-- Parcels and their journeys. Applied by shipping_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS shipping;

CREATE TABLE IF NOT EXISTS shipping.shipments (
    shipment_id     uuid PRIMARY KEY,  -- ours, or the caller's choice
    order_id        uuid NOT NULL,
    customer_id     uuid,  -- whose order that is; null in rows older than this column
    tracking_number text NOT NULL UNIQUE CHECK (tracking_number ~ '^[0-9A-Z]{8,40}$'),
    carrier         text NOT NULL CHECK (carrier ~ '\S' AND length(carrier) <= 60),
    status          text NOT NULL DEFAULT 'created' CHECK (status IN (
        'created',     -- → dispatched, in_transit, delivered, returned
        'dispatched',  -- → in_transit, delivered, returned
        'in_transit',  -- → delivered, returned
        'delivered',   -- → returned
        'returned'     -- final
    )),
    address         jsonb CHECK (jsonb_typeof(address) = 'object'),
    created_at      timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE shipping.shipments ADD COLUMN IF NOT EXISTS customer_id uuid;

-- A parcel that somebody makes by hand, until its order says whether it is shipped by it: then it is
-- a shipment, or nothing.
CREATE TABLE IF NOT EXISTS shipping.claims (
    shipment_id     uuid PRIMARY KEY,  -- what it will be
    order_id        uuid NOT NULL,
    carrier         text NOT NULL CHECK (carrier ~ '\S' AND length(carrier) <= 60),
    address         jsonb CHECK (jsonb_typeof(address) = 'object'),
    traceparent     text,  -- of the request that began it: the sweep goes on in its trace
    attempts        integer NOT NULL DEFAULT 0,  -- of the sweep
    -- A claim this old was cut off; a request that is under way is quicker.
    next_attempt_at timestamptz NOT NULL DEFAULT now() + interval '2 seconds',
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS claims_due ON shipping.claims (next_attempt_at);
CREATE INDEX IF NOT EXISTS claims_parked ON shipping.claims (created_at) WHERE attempts >= 12;

-- An order has one parcel. In rows from before that was so, `only_one` is false; the orders of those
-- that somebody made by hand have not been told, and are claimed now.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shipping.shipments'::regclass
                      AND attname = 'only_one') THEN
        ALTER TABLE shipping.shipments ADD COLUMN only_one boolean NOT NULL DEFAULT false;
        ALTER TABLE shipping.shipments ALTER COLUMN only_one SET DEFAULT true;
        INSERT INTO shipping.claims (shipment_id, order_id, carrier, address)
        SELECT shipment_id, order_id, carrier, address FROM shipping.shipments
         WHERE status <> 'returned';
    END IF;
END $$;
CREATE UNIQUE INDEX IF NOT EXISTS shipments_one_an_order
    ON shipping.shipments (order_id) WHERE only_one;

-- GET /shipments, all of them, by order, by status and by customer, newest first.
CREATE INDEX IF NOT EXISTS shipments_listed
    ON shipping.shipments (created_at DESC, shipment_id DESC);
CREATE INDEX IF NOT EXISTS shipments_by_order
    ON shipping.shipments (order_id, created_at DESC, shipment_id DESC);

CREATE INDEX IF NOT EXISTS shipments_by_status
    ON shipping.shipments (status, created_at DESC, shipment_id DESC);
CREATE INDEX IF NOT EXISTS shipments_by_customer
    ON shipping.shipments (customer_id, created_at DESC, shipment_id DESC);

-- Append-only: what happened to a parcel, numbered as it became known.
CREATE TABLE IF NOT EXISTS shipping.shipment_events (
    shipment_id uuid NOT NULL REFERENCES shipping.shipments,
    seq         integer NOT NULL CHECK (seq > 0),
    status      text NOT NULL,
    location    text CHECK (location ~ '\S' AND length(location) <= 200),
    note        text CHECK (note ~ '\S' AND length(note) <= 1000),
    at          timestamptz NOT NULL DEFAULT now(),  -- as the carrier says
    PRIMARY KEY (shipment_id, seq)
);
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'shipping.shipment_events'::regclass
                      AND attname = 'recorded_at') THEN
        -- A status came once before carriers were taken at their word.
        ALTER TABLE shipping.shipment_events
            DROP CONSTRAINT IF EXISTS shipment_events_shipment_id_status_key,
            DROP CONSTRAINT IF EXISTS shipment_events_status_check,
            ADD CONSTRAINT shipment_events_status_known CHECK (status IN (
                'created', 'dispatched', 'in_transit', 'delivered', 'returned', 'exception')),
            ADD COLUMN recorded_at timestamptz;
        UPDATE shipping.shipment_events SET recorded_at = at;
        ALTER TABLE shipping.shipment_events
            ALTER COLUMN recorded_at SET DEFAULT now(),
            ALTER COLUMN recorded_at SET NOT NULL;
    END IF;
END $$;

-- What customers have asked about their personal data, as far as it is done here: see
-- chassis/subjects.py.
CREATE TABLE IF NOT EXISTS shipping.subject_requests (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('erasure', 'export')),
    subject    uuid NOT NULL,
    things     uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE shipping.subject_requests
    ADD COLUMN IF NOT EXISTS open boolean NOT NULL DEFAULT false,  -- something is left to be done
    ADD COLUMN IF NOT EXISTS page integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS done_to uuid,  -- the last thing of the page before
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,  -- in vain, one after the other
    ADD COLUMN IF NOT EXISTS next_attempt_at timestamptz NOT NULL DEFAULT now();
-- The sweep, and those that it has given up.
CREATE INDEX IF NOT EXISTS subject_requests_open
    ON shipping.subject_requests (next_attempt_at) WHERE open;
DROP INDEX IF EXISTS shipping.subject_requests_erasures;
-- Whether a parcel's customer is erased.
CREATE INDEX IF NOT EXISTS subject_requests_erased
    ON shipping.subject_requests (subject) WHERE kind = 'erasure';
-- Once more for those whose answers may still be kept: an older version passed over some.
UPDATE shipping.subject_requests SET open = true, page = 0, done_to = NULL, next_attempt_at = now()
 WHERE kind = 'erasure' AND created_at > now() - interval '50 hours';

CREATE TABLE IF NOT EXISTS shipping.shipping_idempotency_keys (
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
DROP INDEX IF EXISTS shipping.shipping_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS shipping_idempotency_keys_oldest
    ON shipping.shipping_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE shipping.shipping_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- What was answered about a thing, once its customer is erased.
CREATE INDEX IF NOT EXISTS shipping_idempotency_keys_resource
    ON shipping.shipping_idempotency_keys (resource_id) WHERE resource_id IS NOT NULL;
-- Or about its path, where an older version kept it. Where nearly all keys have one, a sample knows
-- of no other, and the planner reads them all to find those of another.
ALTER TABLE shipping.shipping_idempotency_keys ALTER COLUMN scope SET (n_distinct = -0.1);

-- All that is personal about these parcels is blanked, in the answers that were kept
-- too. They are kept otherwise: who repeats a request still does nothing twice.
DROP FUNCTION IF EXISTS shipping.erase(uuid[]);
CREATE OR REPLACE FUNCTION shipping.erase_shipments(ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE shipping.shipments SET address = NULL
     WHERE shipment_id = ANY (ids) AND address IS NOT NULL;
    UPDATE shipping.claims SET address = NULL
     WHERE shipment_id = ANY (ids) AND address IS NOT NULL;
    UPDATE shipping.shipment_events SET location = NULL, note = NULL
     WHERE shipment_id = ANY (ids) AND num_nonnulls(location, note) > 0;
    UPDATE shipping.shipping_idempotency_keys answered
       SET body = convert_to((said.body || jsonb_build_object(
               'address', NULL,
               'events', (SELECT jsonb_agg(event || '{"location": null, "note": null}')
                            FROM jsonb_array_elements(said.body -> 'events') event)
           ))::text, 'UTF8')
      FROM shipping.shipments parcel, shipping.shipping_idempotency_keys kept,
           LATERAL (SELECT convert_from(kept.body, 'UTF8')::jsonb AS body) said
     WHERE parcel.shipment_id = ANY (ids) AND kept.status < 300
       AND (kept.resource_id IN (parcel.order_id, parcel.shipment_id)
            OR kept.scope = 'POST /shipments/' || parcel.shipment_id || '/events')
       AND answered.scope = kept.scope AND answered.key = kept.key
       AND (said.body ->> 'address' IS NOT NULL
            OR said.body @? '$.events[*] ? (@.note != null || @.location != null)');
$$;
REVOKE ALL ON FUNCTION shipping.erase_shipments FROM PUBLIC;

-- Which of the texts in here are personal: tests/personal.py reads it.
-- personal: shipments (address), shipment_events (location, note)
-- copies: claims (address), shipping_idempotency_keys (body)
-- not personal: shipments (tracking_number, carrier, status), claims (carrier, traceparent),
--   shipment_events (status), subject_requests (kind), shipping_idempotency_keys (scope, key,
--   fingerprint, headers)

GRANT USAGE ON SCHEMA shipping TO shipping_app;
GRANT SELECT, INSERT, UPDATE (status) ON shipping.shipments TO shipping_app;
GRANT SELECT, INSERT ON shipping.shipment_events TO shipping_app;
GRANT SELECT, INSERT, DELETE, UPDATE (attempts, next_attempt_at) ON shipping.claims TO shipping_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON shipping.shipping_idempotency_keys TO shipping_app;
GRANT SELECT, INSERT, UPDATE (open, page, done_to, attempts, next_attempt_at)
    ON shipping.subject_requests TO shipping_app;
GRANT EXECUTE ON FUNCTION shipping.erase_shipments TO shipping_app;
