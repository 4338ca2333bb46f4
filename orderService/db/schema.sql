-- Orders, their lines and their history. Applied by orders_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS orders;

CREATE TABLE IF NOT EXISTS orders.orders (
    order_id          uuid PRIMARY KEY DEFAULT uuidv7(),
    customer_id       uuid NOT NULL,
    cart_id           uuid NOT NULL UNIQUE,  -- any cart makes one order at most
    cart_version      integer NOT NULL CHECK (cart_version > 0),
    -- draft                     → pending    when its cart is closed for it; else it is deleted
    -- draft                     → paid       the same, where there is nothing to pay
    -- pending                   → paid       when its payment is captured
    -- pending, paid             → fulfilled  when the job that holds it has shipped it, or, unheld,
    --                                        when a parcel made by hand claims it
    -- pending, paid             → cancelled  unless a job holds it
    -- paid, fulfilled, cancelled → refunded   when its payment is given back
    status            text NOT NULL DEFAULT 'draft' CHECK (
        status IN ('draft', 'pending', 'paid', 'fulfilled', 'cancelled', 'refunded')),
    currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    total_minor       bigint NOT NULL CHECK (total_minor >= 0),
    shipping_address  jsonb CHECK (jsonb_typeof(shipping_address) = 'object'),
    payment_id        uuid,
    fulfilment_job_id uuid,  -- the job that holds it, or has shipped it
    dropped_holds     text[] NOT NULL DEFAULT '{}',  -- let go, and not to be taken by a late request
    shipment_id       uuid,
    attempts          integer NOT NULL DEFAULT 0,  -- of the sweep, to finish a draft
    -- A draft this old was cut off; a request that is under way is quicker.
    next_attempt_at   timestamptz NOT NULL DEFAULT now() + interval '2 seconds',
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT orders_unpaid_at_first
        CHECK (status NOT IN ('draft', 'pending') OR payment_id IS NULL),
    CONSTRAINT orders_fulfilled_by_a_shipment
        CHECK (status <> 'fulfilled' OR shipment_id IS NOT NULL),
    CONSTRAINT orders_given_up_unheld
        CHECK (status NOT IN ('draft', 'cancelled') OR fulfilment_job_id IS NULL)
);
-- Of the request that drew it up: the sweep goes on in its trace.
ALTER TABLE orders.orders ADD COLUMN IF NOT EXISTS traceparent text;
-- The parcel that the job which holds it will make: shippingService makes that one, and no other.
ALTER TABLE orders.orders ADD COLUMN IF NOT EXISTS promised_shipment_id uuid;
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'orders.orders'::regclass
                      AND conname = 'orders_shipped_on_the_way') THEN
        -- A parcel that was made by hand ships an order which no job holds.
        ALTER TABLE orders.orders
            DROP CONSTRAINT IF EXISTS orders_shipped_once_held,
            ADD CONSTRAINT orders_shipped_on_the_way
                CHECK (shipment_id IS NULL OR status IN ('fulfilled', 'refunded')),
            ADD CONSTRAINT orders_promised_while_held
                CHECK (promised_shipment_id IS NULL OR fulfilment_job_id IS NOT NULL);
    END IF;
END $$;

-- GET /orders, newest first (ids sort by age), of a customer, of a status, and of those with a
-- payment: paymentService looks among these for the cancelled, to give their money back.
-- Of a customer the drafts too: they count where an order is limited, and are erased.
CREATE INDEX IF NOT EXISTS orders_of_customer ON orders.orders (customer_id, order_id);
DROP INDEX IF EXISTS orders.orders_by_customer;
CREATE INDEX IF NOT EXISTS orders_by_status
    ON orders.orders (status, order_id) WHERE status <> 'draft';
CREATE INDEX IF NOT EXISTS orders_with_payment
    ON orders.orders (status, order_id) WHERE payment_id IS NOT NULL;
-- The sweep, which finishes what was cut off.
CREATE INDEX IF NOT EXISTS orders_drafts
    ON orders.orders (next_attempt_at) WHERE status = 'draft';

-- Changed over and over, and what changes is indexed: vacuumed long before a fifth of it is dead.
ALTER TABLE orders.orders SET (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE IF NOT EXISTS orders.order_lines (
    order_id         uuid NOT NULL REFERENCES orders.orders ON DELETE CASCADE,
    sku              text NOT NULL CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    place            integer NOT NULL CHECK (place > 0),  -- as in the cart
    name             text NOT NULL,
    quantity         integer NOT NULL CHECK (quantity BETWEEN 1 AND 999),
    unit_price_minor bigint NOT NULL CHECK (unit_price_minor >= 0),
    line_total_minor bigint NOT NULL CHECK (line_total_minor = quantity * unit_price_minor),
    PRIMARY KEY (order_id, sku)
);

CREATE TABLE IF NOT EXISTS orders.order_history (
    order_id uuid NOT NULL REFERENCES orders.orders,
    status   text NOT NULL CHECK (
        status IN ('pending', 'paid', 'fulfilled', 'cancelled', 'refunded')),
    -- Not now(): a move that waited for another one's lock began before that one was done.
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason   text CHECK (reason ~ '\S' AND length(reason) <= 1000),
    PRIMARY KEY (order_id, status)  -- no order comes to a status twice
);
-- Of the request that cancelled it: the refund goes on in its trace.
ALTER TABLE orders.order_history ADD COLUMN IF NOT EXISTS traceparent text;

-- An order of nothing has no payment, and is paid as soon as it is placed. Those that waited for a
-- payment of nothing, as they once had to, are paid now.
ALTER TABLE orders.orders
    DROP CONSTRAINT IF EXISTS orders_paid_by_a_payment,
    ADD CONSTRAINT orders_paid_by_a_payment CHECK (
        status NOT IN ('paid', 'refunded') OR payment_id IS NOT NULL
        OR status = 'paid' AND total_minor = 0);
WITH settled AS (
    UPDATE orders.orders SET status = 'paid', updated_at = clock_timestamp()
     WHERE status = 'pending' AND total_minor = 0
    RETURNING order_id, status
)
INSERT INTO orders.order_history (order_id, status) SELECT order_id, status FROM settled;
ALTER TABLE orders.orders
    DROP CONSTRAINT IF EXISTS orders_of_nothing_are_paid,
    ADD CONSTRAINT orders_of_nothing_are_paid CHECK (status <> 'pending' OR total_minor > 0);

-- What no CHECK can say: the total is the exact sum of the lines, and there are some.
CREATE OR REPLACE FUNCTION orders.check_total() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NEW.total_minor IS DISTINCT FROM (
        SELECT sum(line_total_minor) FROM orders.order_lines WHERE order_id = NEW.order_id)
    THEN
        RAISE 'the total of order % is not the sum of its lines', NEW.order_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'orders_total_is_sum_of_lines';
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS orders_total_is_sum_of_lines ON orders.orders;
-- At commit, when the lines are there too; and once more when the draft becomes an order, which is
-- paid at once where the total is nothing.
CREATE CONSTRAINT TRIGGER orders_total_is_sum_of_lines
    AFTER INSERT OR UPDATE OF status ON orders.orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status IN ('draft', 'pending') OR NEW.total_minor = 0)
    EXECUTE FUNCTION orders.check_total();

CREATE OR REPLACE FUNCTION orders.refuse() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE '% refused on %: %', TG_OP, TG_TABLE_NAME, TG_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
END $$;
CREATE OR REPLACE TRIGGER orders_only_drafts_are_deleted
    BEFORE DELETE ON orders.orders
    FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION orders.refuse();

CREATE OR REPLACE FUNCTION orders.check_lines_of_drafts() RETURNS trigger
    LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN orders.orders placed USING (order_id) WHERE status <> 'draft')
    THEN
        RAISE 'lines are added to drafts only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'order_lines_added_to_drafts';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER order_lines_added_to_drafts
    AFTER INSERT ON orders.order_lines REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION orders.check_lines_of_drafts();

-- What customers have asked about their personal data, as far as it is done here: see
-- chassis/subjects.py.
CREATE TABLE IF NOT EXISTS orders.subject_requests (
    number     bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('erasure', 'export')),
    subject    uuid NOT NULL,
    things     uuid[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE orders.subject_requests
    ADD COLUMN IF NOT EXISTS open boolean NOT NULL DEFAULT false,  -- something is left to be done
    ADD COLUMN IF NOT EXISTS page integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS done_to uuid,  -- the last thing of the page before
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,  -- in vain, one after the other
    ADD COLUMN IF NOT EXISTS next_attempt_at timestamptz NOT NULL DEFAULT now();
-- The sweep, and those that it has given up.
CREATE INDEX IF NOT EXISTS subject_requests_open
    ON orders.subject_requests (next_attempt_at) WHERE open;
DROP INDEX IF EXISTS orders.subject_requests_erasures;
-- Once more for those whose answers may still be kept: an older version passed over some.
UPDATE orders.subject_requests SET open = true, page = 0, done_to = NULL, next_attempt_at = now()
 WHERE kind = 'erasure' AND created_at > now() - interval '50 hours';
-- Whether an order's customer is erased.
CREATE INDEX IF NOT EXISTS subject_requests_erased
    ON orders.subject_requests (subject) WHERE kind = 'erasure';

CREATE TABLE IF NOT EXISTS orders.order_idempotency_keys (
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
DROP INDEX IF EXISTS orders.order_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS order_idempotency_keys_oldest
    ON orders.order_idempotency_keys (created_at);
-- Room for the answer to a key that was claimed before it; and vacuumed long before a fifth of
-- them is dead.
ALTER TABLE orders.order_idempotency_keys
    SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);

-- What was answered about a thing, once its customer is erased.
CREATE INDEX IF NOT EXISTS order_idempotency_keys_resource
    ON orders.order_idempotency_keys (resource_id) WHERE resource_id IS NOT NULL;
-- Or about its path, where an older version kept it. Where nearly all keys have one, a sample knows
-- of no other, and the planner reads them all to find those of another.
ALTER TABLE orders.order_idempotency_keys ALTER COLUMN scope SET (n_distinct = -0.1);

-- All that is personal about these orders is blanked, in the answers that were kept too. They
-- are kept otherwise: who repeats a request still does nothing twice.
DROP FUNCTION IF EXISTS orders.erase(uuid);
CREATE OR REPLACE FUNCTION orders.erase_orders(ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE orders.orders SET shipping_address = NULL
     WHERE order_id = ANY (ids) AND shipping_address IS NOT NULL;
    UPDATE orders.order_history SET reason = NULL
     WHERE order_id = ANY (ids) AND reason IS NOT NULL;
    UPDATE orders.order_idempotency_keys answered
       SET body = convert_to((said.body || jsonb_build_object(
               'shipping_address', NULL,
               'history', (SELECT jsonb_agg(entry || '{"reason": null}')
                             FROM jsonb_array_elements(said.body -> 'history') entry)
           ))::text, 'UTF8')
      FROM orders.orders placed, orders.order_idempotency_keys kept,
           LATERAL (SELECT convert_from(kept.body, 'UTF8')::jsonb AS body) said
     WHERE placed.order_id = ANY (ids) AND kept.status < 300
       AND (kept.resource_id = placed.order_id
            OR kept.scope IN ('POST /orders/' || placed.order_id || '/cancel',
                              'POST /orders/' || placed.order_id || '/cancel ' ||
                                  placed.customer_id))
       AND answered.scope = kept.scope AND answered.key = kept.key
       AND (said.body ->> 'shipping_address' IS NOT NULL
            OR said.body @? '$.history[*].reason ? (@ != null)');
$$;
REVOKE ALL ON FUNCTION orders.erase_orders FROM PUBLIC;

-- Which of the texts in here are personal: tests/personal.py reads it.
-- personal: orders (shipping_address), order_history (reason)
-- copies: order_idempotency_keys (body)
-- not personal: orders (status, currency, dropped_holds, traceparent), order_lines (sku, name),
--   order_history (status, traceparent), subject_requests (kind), order_idempotency_keys (scope,
--   key, fingerprint, headers)

GRANT USAGE ON SCHEMA orders TO order_app;
GRANT SELECT, INSERT, DELETE ON orders.orders TO order_app;
-- Whose it is, of which cart and for how much never changes.
GRANT UPDATE (status, payment_id, shipping_address, fulfilment_job_id, promised_shipment_id,
              dropped_holds, shipment_id, attempts, next_attempt_at, updated_at) ON orders.orders TO order_app;
GRANT SELECT, INSERT ON orders.order_lines, orders.order_history TO order_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders.order_idempotency_keys TO order_app;
GRANT SELECT, INSERT, UPDATE (open, page, done_to, attempts, next_attempt_at)
    ON orders.subject_requests TO order_app;
GRANT EXECUTE ON FUNCTION orders.erase_orders TO order_app;
