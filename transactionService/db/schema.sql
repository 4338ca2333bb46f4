-- An append-only double-entry ledger. The schema is shared with paymentService, the tables are
-- not. Applied by payment_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS payment;

-- One row an order, made by its charge. The only rows here that ever change: each refund takes
-- from what is left, and waits here for the refund before it.
CREATE TABLE IF NOT EXISTS payment.balances (
    order_id       uuid PRIMARY KEY,
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    charged_minor  bigint NOT NULL CHECK (charged_minor > 0),
    refunded_minor bigint NOT NULL DEFAULT 0
        CHECK (refunded_minor BETWEEN 0 AND charged_minor),
    UNIQUE (order_id, currency)  -- for the foreign key: one order's money has one currency
);

CREATE TABLE IF NOT EXISTS payment.transactions (
    transaction_id uuid PRIMARY KEY DEFAULT uuidv7(),
    order_id       uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('charge', 'refund')),
    amount_minor   bigint NOT NULL CHECK (amount_minor > 0),
    currency       text NOT NULL,
    reference      text CHECK (reference ~ '\S' AND length(reference) <= 200),
    created_at     timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (order_id, currency) REFERENCES payment.balances (order_id, currency)
);
-- An order is charged once.
CREATE UNIQUE INDEX IF NOT EXISTS transactions_one_charge
    ON payment.transactions (order_id) WHERE kind = 'charge';
-- GET /transactions?order_id=, newest first: the ids sort by time.
CREATE INDEX IF NOT EXISTS transactions_by_order
    ON payment.transactions (order_id, transaction_id DESC);

-- Debits are positive, credits negative. A charge debits cash and credits sales; a refund debits
-- sales_returns (what is set against sales) and credits cash.
CREATE TABLE IF NOT EXISTS payment.entries (
    transaction_id uuid NOT NULL REFERENCES payment.transactions,
    account        text NOT NULL CHECK (account IN ('cash', 'sales', 'sales_returns')),
    amount_minor   bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (transaction_id, account)
);

-- Looked at when a unit of work ends, for entries come one by one: a transaction has at least
-- two, they cancel out, and what they move is its amount.
CREATE OR REPLACE FUNCTION payment.check_entries() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF NOT (
        SELECT count(*) >= 2 AND sum(entry.amount_minor) = 0
               AND sum(entry.amount_minor) FILTER (WHERE entry.amount_minor > 0)
                   = (SELECT amount_minor FROM payment.transactions
                       WHERE transaction_id = NEW.transaction_id)
          FROM payment.entries entry WHERE entry.transaction_id = NEW.transaction_id
    ) THEN
        RAISE EXCEPTION 'the entries of transaction % do not balance', NEW.transaction_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'entries_balance';
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS entries_balance ON payment.transactions;
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON payment.transactions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payment.check_entries();
DROP TRIGGER IF EXISTS entries_balance ON payment.entries;
CREATE CONSTRAINT TRIGGER entries_balance AFTER INSERT ON payment.entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payment.check_entries();

-- What is written stays, whoever asks: the owner as well.
CREATE OR REPLACE FUNCTION payment.refuse_ledger_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment.transactions
    FOR EACH STATEMENT EXECUTE FUNCTION payment.refuse_ledger_change();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment.entries
    FOR EACH STATEMENT EXECUTE FUNCTION payment.refuse_ledger_change();

CREATE TABLE IF NOT EXISTS payment.transaction_idempotency_keys (
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
DROP INDEX IF EXISTS payment.transaction_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS transaction_idempotency_keys_oldest
    ON payment.transaction_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE payment.transaction_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: balances (currency), transactions (kind, currency, reference), entries (account),
--   transaction_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA payment TO transaction_app;
GRANT SELECT, INSERT ON payment.transactions, payment.entries TO transaction_app;
GRANT SELECT, INSERT, UPDATE (refunded_minor) ON payment.balances TO transaction_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payment.transaction_idempotency_keys TO transaction_app;
