-- Parcels and their journeys. Applied by shipping_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS shipping;

CREATE TABLE IF NOT EXISTS shipping.shipments (
    shipment_id     uuid PRIMARY KEY,  -- ours, or the caller's choice
    order_id        uuid NOT NULL,
    tracking_number text NOT NULL UNIQUE CHECK (tracking_number ~ '^[0-9A-Z]{8,40}$'),
    carrier         text NOT NULL CHECK (carrier ~ '\S' AND length(carrier) <= 60),
    status          text NOT NULL DEFAULT 'created' CHECK (status IN (
        'created',     -- → dispatched, in_transit, delivered
        'dispatched',  -- → in_transit, delivered, returned
        'in_transit',  -- → delivered, returned
        'delivered',   -- → returned
        'returned'     -- final
    )),
    address         jsonb CHECK (jsonb_typeof(address) = 'object'),
    created_at      timestamptz NOT NULL DEFAULT now()
);
-- GET /shipments, all of them and by order, newest first.
CREATE INDEX IF NOT EXISTS shipments_listed
    ON shipping.shipments (created_at DESC, shipment_id DESC);
CREATE INDEX IF NOT EXISTS shipments_by_order
    ON shipping.shipments (order_id, created_at DESC, shipment_id DESC);

-- Append-only: what happened to a parcel, in order. No status comes twice.
CREATE TABLE IF NOT EXISTS shipping.shipment_events (
    shipment_id uuid NOT NULL REFERENCES shipping.shipments,
    seq         integer NOT NULL CHECK (seq > 0),
    status      text NOT NULL
        CHECK (status IN ('created', 'dispatched', 'in_transit', 'delivered', 'returned')),
    location    text CHECK (location ~ '\S' AND length(location) <= 200),
    note        text CHECK (note ~ '\S' AND length(note) <= 1000),
    at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (shipment_id, seq),
    UNIQUE (shipment_id, status)
);

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
-- Old keys are deleted in batches; rows stand in the order of their age, so a small index does.
CREATE INDEX IF NOT EXISTS shipping_idempotency_keys_age
    ON shipping.shipping_idempotency_keys USING brin (created_at);

GRANT USAGE ON SCHEMA shipping TO shipping_app;
GRANT SELECT, INSERT, UPDATE (status) ON shipping.shipments TO shipping_app;
GRANT SELECT, INSERT ON shipping.shipment_events TO shipping_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON shipping.shipping_idempotency_keys TO shipping_app;
