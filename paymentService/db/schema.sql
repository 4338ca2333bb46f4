-- Payments and refunds. Applied by payment_owner; safe to apply again.
-- The schema is shared with transactionService, and neither reads the other's tables.

CREATE SCHEMA IF NOT EXISTS payment;

CREATE TABLE IF NOT EXISTS payment.payments (
    payment_id      uuid PRIMARY KEY DEFAULT uuidv7(),
    order_id        uuid NOT NULL,
    customer_id     uuid,  -- whose order that is; null in rows older than this column
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
-- Of the request that began it: the sweep goes on in its trace.
ALTER TABLE payment.payments ADD COLUMN IF NOT EXISTS traceparent text;

ALTER TABLE payment.payments ADD COLUMN IF NOT EXISTS customer_id uuid;

-- [{status, at}], each status that it came to. Only the trigger writes it: no statement can forget
-- to, and none can change what has been written.
ALTER TABLE payment.payments ADD COLUMN IF NOT EXISTS history jsonb NOT NULL DEFAULT '[]';
-- Of older rows as much as is known: when they began, and when they last changed.
UPDATE payment.payments
   SET history = jsonb_build_array(
           jsonb_build_object('status', 'processing', 'at', created_at)) || CASE
           WHEN status = 'processing' THEN '[]'
           ELSE jsonb_build_array(jsonb_build_object('status', status, 'at', updated_at)) END
 WHERE history = '[]';

CREATE OR REPLACE FUNCTION payment.note_status() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.history = coalesce(OLD.history, '[]')
        || jsonb_build_object('status', NEW.status, 'at', clock_timestamp());
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payments_begin_a_history BEFORE INSERT ON payment.payments
    FOR EACH ROW EXECUTE FUNCTION payment.note_status();
CREATE OR REPLACE TRIGGER payments_note_their_status BEFORE UPDATE OF status ON payment.payments
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION payment.note_status();

-- The invariant: one payment an order that took its money, or still may.
CREATE UNIQUE INDEX IF NOT EXISTS payments_one_an_order
    ON payment.payments (order_id) WHERE status <> 'declined';
-- GET /payments?order_id=, newest first.
CREATE INDEX IF NOT EXISTS payments_by_order ON payment.payments (order_id, payment_id DESC);
-- GET /payments for a customer, newest first.
CREATE INDEX IF NOT EXISTS payments_by_customer
    ON payment.payments (customer_id, payment_id DESC);
-- How many of an order were declined of late.
CREATE INDEX IF NOT EXISTS payments_declined
    ON payment.payments (order_id, updated_at) WHERE status = 'declined';
-- The sweep's queue; empty when all is well.
CREATE INDEX IF NOT EXISTS payments_due ON payment.payments (next_attempt_at) WHERE NOT settled;

-- Changed over and over, and what changes is indexed: vacuumed long before a fifth of it is dead.
ALTER TABLE payment.payments SET (autovacuum_vacuum_scale_factor = 0.02);

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
ALTER TABLE payment.refunds ADD COLUMN IF NOT EXISTS traceparent text;

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

-- What customers have asked about their personal data, as far as it is done here: see
-- chassis/subjects.py.
CREATE TABLE IF NOT EXISTS payment.subject_requests (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('erasure', 'export')),
    subject    uuid NOT NULL,
    things     uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE payment.subject_requests
    ADD COLUMN IF NOT EXISTS open boolean NOT NULL DEFAULT false,  -- something is left to be done
    ADD COLUMN IF NOT EXISTS page integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS done_to uuid,  -- the last thing of the page before
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,  -- in vain, one after the other
    ADD COLUMN IF NOT EXISTS next_attempt_at timestamptz NOT NULL DEFAULT now();
-- The sweep, and those that it has given up.
CREATE INDEX IF NOT EXISTS subject_requests_open
    ON payment.subject_requests (next_attempt_at) WHERE open;
DROP INDEX IF EXISTS payment.subject_requests_erasures;
-- Who is erased, when an outcome comes late.
CREATE INDEX IF NOT EXISTS subject_requests_erased
    ON payment.subject_requests (subject) WHERE kind = 'erasure';
-- Once more for those whose answers may still be kept: an older version passed over some.
UPDATE payment.subject_requests SET open = true, page = 0, done_to = NULL, next_attempt_at = now()
 WHERE kind = 'erasure' AND created_at > now() - interval '50 hours';

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
-- Old keys are deleted in batches, the oldest first. No BRIN: new rows take the places of deleted
-- ones, and then every part of the table holds old and new.
DROP INDEX IF EXISTS payment.payment_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS payment_idempotency_keys_oldest
    ON payment.payment_idempotency_keys (created_at);
-- Room for the answer to a key that was claimed before it; and vacuumed long before a fifth of
-- them is dead.
ALTER TABLE payment.payment_idempotency_keys
    SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- What was answered about a thing, once its customer is erased.
CREATE INDEX IF NOT EXISTS payment_idempotency_keys_resource
    ON payment.payment_idempotency_keys (resource_id) WHERE resource_id IS NOT NULL;

-- All that is personal about these payments is blanked, in the answers that were kept
-- too. They are kept otherwise: who repeats a request still does nothing twice.
DROP FUNCTION IF EXISTS payment.erase(uuid[]);
CREATE OR REPLACE FUNCTION payment.erase_payments(ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE payment.payments SET last4 = NULL WHERE payment_id = ANY (ids) AND last4 IS NOT NULL;
    UPDATE payment.refunds SET reason = NULL WHERE payment_id = ANY (ids) AND reason IS NOT NULL;
    UPDATE payment.payment_idempotency_keys answered
       SET body = convert_to(CASE WHEN said.body ? 'refund_id'
               THEN said.body || '{"reason": null}'
               ELSE said.body || '{"method": {"type": "card", "last4": null}}' END::text, 'UTF8')
      FROM (SELECT unnest(ids) AS id
            UNION ALL SELECT refund_id FROM payment.refunds WHERE payment_id = ANY (ids)) AS thing,
           payment.payment_idempotency_keys kept,
           LATERAL (SELECT convert_from(kept.body, 'UTF8')::jsonb AS body) said
     WHERE kept.resource_id = thing.id AND kept.status < 300
       AND answered.scope = kept.scope AND answered.key = kept.key
       AND (said.body #>> '{method,last4}' IS NOT NULL OR said.body ->> 'reason' IS NOT NULL);
$$;
REVOKE ALL ON FUNCTION payment.erase_payments FROM PUBLIC;

-- Which of the texts in here are personal: tests/personal.py reads it.
-- personal: payments (last4), refunds (reason)
-- copies: payments (token), payment_idempotency_keys (body)
-- not personal: payments (status, currency, order_told, traceparent, history), refunds (status,
--   currency, traceparent), sandbox_charges (outcome, currency), sandbox_refunds (currency),
--   subject_requests (kind), payment_idempotency_keys (scope, key, fingerprint, headers)

GRANT USAGE ON SCHEMA payment TO payment_app;
GRANT SELECT, INSERT ON payment.payments, payment.refunds TO payment_app;
-- Of which order, whose and for how much a payment or refund is never changes; nor does what has been
-- in its history.
REVOKE UPDATE ON payment.payments, payment.refunds FROM payment_app;
GRANT UPDATE (status, refunded_minor, token, last4, order_told, attempts, next_attempt_at, version,
              updated_at) ON payment.payments TO payment_app;
GRANT UPDATE (status, attempts, next_attempt_at, updated_at) ON payment.refunds TO payment_app;
GRANT SELECT, INSERT ON payment.sandbox_charges, payment.sandbox_refunds TO payment_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment.payment_idempotency_keys TO payment_app;
GRANT SELECT, INSERT, UPDATE (open, page, done_to, attempts, next_attempt_at)
    ON payment.subject_requests TO payment_app;
GRANT EXECUTE ON FUNCTION payment.erase_payments TO payment_app;
