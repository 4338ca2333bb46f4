-- Stock and reservations. Applied by warehouse_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS warehouse;

CREATE TABLE IF NOT EXISTS warehouse.stock (
    sku        text PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    on_hand    bigint NOT NULL CHECK (on_hand BETWEEN 0 AND 1000000000),
    reserved   bigint NOT NULL DEFAULT 0,  -- the sum of the held reservations
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (reserved BETWEEN 0 AND on_hand)
);

-- False: there is always enough of it. Nothing is held of it or leaves; what is on hand stays as it
-- was counted last, save for what reservations from before still hold.
ALTER TABLE warehouse.stock ADD COLUMN IF NOT EXISTS tracked boolean NOT NULL DEFAULT true;

-- Changed over and over: a new version finds room on its page, and no index changes (HOT).
ALTER TABLE warehouse.stock SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- Append-only. A SKU's deltas add up to what is on hand: they are written by the statement that
-- changes it.
CREATE TABLE IF NOT EXISTS warehouse.movements (
    movement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku         text NOT NULL REFERENCES warehouse.stock,
    delta       bigint NOT NULL CHECK (delta <> 0),
    reason      text NOT NULL CHECK (reason ~ '\S' AND length(reason) <= 200),
    reference   uuid,  -- the reservation that the goods left by, or came back from
    at          timestamptz NOT NULL DEFAULT now()
);
-- GET /stock/{sku}/movements, newest first.
CREATE INDEX IF NOT EXISTS movements_by_sku ON warehouse.movements (sku, movement_id);
-- A reservation's goods leave once, and come back once.
CREATE UNIQUE INDEX IF NOT EXISTS movements_once
    ON warehouse.movements (reference, sku, reason) WHERE reference IS NOT NULL;

CREATE TABLE IF NOT EXISTS warehouse.reservations (
    reservation_id uuid PRIMARY KEY,  -- the caller's choice
    order_id       uuid,
    status         text NOT NULL CHECK (status IN (
        'held',         -- counted in stock.reserved; → committed | released | expired
        'committed',    -- the goods have left; → returned
        'released',     -- final; also the tombstone of a reservation that never was
        'expired',      -- final
        'returned')),   -- final: the goods are on hand again
    expires_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    CHECK (expires_at IS NOT NULL OR status = 'released'),
    CHECK (created_at <= updated_at)
);
-- The expiry sweep, the longest overdue first.
CREATE INDEX IF NOT EXISTS reservations_due
    ON warehouse.reservations (expires_at) WHERE status = 'held';

-- Who holds it, as a digest, where the number of open ones is limited.
ALTER TABLE warehouse.reservations ADD COLUMN IF NOT EXISTS caller text;
CREATE INDEX IF NOT EXISTS reservations_open_by_caller
    ON warehouse.reservations (caller) WHERE status = 'held' AND caller IS NOT NULL;

-- Append-only: what a reservation is for never changes.
CREATE TABLE IF NOT EXISTS warehouse.reservation_items (
    reservation_id uuid NOT NULL REFERENCES warehouse.reservations,
    sku            text NOT NULL REFERENCES warehouse.stock,
    quantity       bigint NOT NULL CHECK (quantity BETWEEN 1 AND 1000000000),
    PRIMARY KEY (reservation_id, sku)
);
-- Whether it is counted: false where the SKU was not tracked when it was reserved. It stays so,
-- whatever becomes of the SKU, so that what is given back is what was taken.
ALTER TABLE warehouse.reservation_items
    ADD COLUMN IF NOT EXISTS counted boolean NOT NULL DEFAULT true;

CREATE TABLE IF NOT EXISTS warehouse.warehouse_idempotency_keys (
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
DROP INDEX IF EXISTS warehouse.warehouse_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS warehouse_idempotency_keys_oldest
    ON warehouse.warehouse_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE warehouse.warehouse_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: stock (sku), movements (sku, reason), reservations (status, caller),
--   reservation_items (sku), warehouse_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA warehouse TO warehouse_app;
GRANT SELECT, INSERT, UPDATE ON warehouse.stock TO warehouse_app;
GRANT SELECT, INSERT ON warehouse.reservations TO warehouse_app;
-- Whose it is, and until when, never changes.
REVOKE UPDATE ON warehouse.reservations FROM warehouse_app;
GRANT UPDATE (status, updated_at) ON warehouse.reservations TO warehouse_app;
GRANT SELECT, INSERT ON warehouse.movements, warehouse.reservation_items TO warehouse_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON warehouse.warehouse_idempotency_keys TO warehouse_app;
