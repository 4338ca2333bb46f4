-- Payments and refunds. Applied by payment_owner; safe to apply again.
-- The schema is shared with transactionService, and neither reads the other's tables.

CREATE SCHEMA IF NOT EXISTS payment;

CREATE TABLE IF NOT EXISTS payment.payments (
    payment_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    order_id        uuid NOT NULL,
    status          text NOT NULL DEFAULT 'processing' CHECK (status IN (
        'processing',  -- written before the provider is asked → unknown, captured, declined
        'unknown',     -- the provider did not answer → captured, declined
        'captured',    -- the money was taken → refunded
        'declined',    -- final
        'refunded'     -- final: all of it was given back
    )),
    amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
    -- Counts a refund from its beginning, so that two at once cannot exceed the payment.
    refunded_minor  bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Kept only for as long as the provider may have to be asked again.
    token           text CHECK ((token IS NULL) = (status IN ('captured', 'declined', 'refunded'))),
    last4           text CHECK (last4 ~ '^[0-9]{4}$'),
    -- The last status that the order has answered to.
    order_told      text CHECK (order_told IN ('captured', 'refunded')),
    -- Nothing is left to be done: what is false here, the sweep takes up.
    settled         boolean GENERATED ALWAYS AS
                        (status = 'declined' OR order_told IS NOT DISTINCT FROM status) STORED,
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),  -- until then somebody is at work on it
    version         integer NOT NULL DEFAULT 1,  -- the fence against who was at work before
    parked          boolean GENERATED ALWAYS AS (attempts >= 24),  -- a person should look
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (refunded_minor = 0 OR status IN ('captured', 'refunded')),
    CHECK (status <> 'refunded' OR refunded_minor = amount_minor)
);

-- The invariant: one payment an order that took its money, or still may.
CREATE UNIQUE INDEX IF NOT EXISTS payments_one_an_order
    ON payment.payments (order_id) WHERE status <> 'declined';
-- GET /payments?order_id=, newest first.
CREATE INDEX IF NOT EXISTS payments_by_order ON payment.payments (order_id, payment_id DESC);
-- The sweep's queue; empty when all is well.
CREATE INDEX IF NOT EXISTS payments_due ON payment.payments (next_attempt_at) WHERE NOT settled;

CREATE TABLE IF NOT EXISTS payment.refunds (
    refund_id       uuid PRIMARY KEY DEFAULT uuidv7(),
    payment_id      uuid NOT NULL REFERENCES payment.payments,
    status          text NOT NULL DEFAULT 'processing' CHECK (status IN (
        'processing',  -- written before the provider is asked → succeeded
        'succeeded'    -- final
    )),
    amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason          text CHECK (reason ~ '\S' AND length(reason) <= 500),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    parked          boolean GENERATED ALWAYS AS (status = 'processing' AND attempts >= 24),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

-- GET /payments/{payment_id}/refunds, newest first; and whether any is still under way.
CREATE INDEX IF NOT EXISTS refunds_by_payment ON payment.refunds (payment_id, refund_id DESC);
-- The sweep's queue; empty when all is well.
CREATE INDEX IF NOT EXISTS refunds_due
    ON payment.refunds (next_attempt_at) WHERE status = 'processing';

-- What the sandbox provider did, in its own words: it stands for another company's books, is
-- only ever added to, and knows no card.
CREATE TABLE IF NOT EXISTS payment.sandbox_charges (
    charge_id    uuid PRIMARY KEY DEFAULT uuidv7(),
    payment_id   uuid NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('captured', 'declined', 'failed')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency     text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);
-- The invariant: a payment is decided once, and fails once at most.
CREATE UNIQUE INDEX IF NOT EXISTS sandbox_charges_once
    ON payment.sandbox_charges (payment_id, (outcome = 'failed'));

CREATE TABLE IF NOT EXISTS payment.sandbox_refunds (
    refund_id    uuid PRIMARY KEY,
    payment_id   uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency     text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS payment.payment_idempotency_keys (
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
CREATE INDEX IF NOT EXISTS payment_idempotency_keys_age
    ON payment.payment_idempotency_keys USING brin (created_at);

GRANT USAGE ON SCHEMA payment TO payment_app;
GRANT SELECT, INSERT, UPDATE ON payment.payments, payment.refunds TO payment_app;
GRANT SELECT, INSERT ON payment.sandbox_charges, payment.sandbox_refunds TO payment_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment.payment_idempotency_keys TO payment_app;
