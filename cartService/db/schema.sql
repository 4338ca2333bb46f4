-- Carts and their items. Applied by cart_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS cart;

CREATE TABLE IF NOT EXISTS cart.carts (
    cart_id     uuid PRIMARY KEY DEFAULT uuidv7(),
    customer_id uuid,
    -- open        → checked_out  when an order takes it, for good
    -- open        → deleted      by its customer; its row stays, so that its version never starts
    --                            over, and an order drawn up from the old cart never gets the new
    -- deleted     → open         when something is added under its id again
    -- What is not checked out is forgotten, row and all, when nobody has touched it for CART_DAYS.
    -- No order's draft lives as long as that.
    status      text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'checked_out', 'deleted')),
    order_id    uuid,
    version     integer NOT NULL DEFAULT 1 CHECK (version > 0),  -- grows with every change
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    touched_at  timestamptz NOT NULL DEFAULT now(),  -- updated_at, as the sweep last found it
    CONSTRAINT carts_checked_out_by_an_order
        CHECK ((status = 'checked_out') = (order_id IS NOT NULL))
);

-- The sweep looks at carts of earlier versions first.
ALTER TABLE cart.carts ADD COLUMN IF NOT EXISTS touched_at timestamptz NOT NULL DEFAULT '-infinity';
ALTER TABLE cart.carts ALTER COLUMN touched_at SET DEFAULT now();

-- Carts that may have to be forgotten, those that were touched longest ago first.
CREATE INDEX IF NOT EXISTS carts_touched ON cart.carts (touched_at) WHERE status <> 'checked_out';

-- Changed over and over: a new version finds room on its page, and no index changes (HOT).
ALTER TABLE cart.carts SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE IF NOT EXISTS cart.cartlines (
    cart_id          uuid NOT NULL REFERENCES cart.carts,
    sku              text NOT NULL CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    place            bigint GENERATED ALWAYS AS IDENTITY,  -- the order in which they were added
    name             text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (cart_id, sku)
);

CREATE TABLE IF NOT EXISTS cart.cart_idempotency_keys (
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
DROP INDEX IF EXISTS cart.cart_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS cart_idempotency_keys_oldest
    ON cart.cart_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE cart.cart_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: carts (status), cartlines (sku, name, currency), cart_idempotency_keys (scope,
--   key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA cart TO cart_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cart.carts TO cart_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cart.cartlines TO cart_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON cart.cart_idempotency_keys TO cart_app;
