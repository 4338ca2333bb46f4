-- The master catalogue. Applied by product_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS product;

CREATE TABLE IF NOT EXISTS product.products (
    sku         text PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    name        text NOT NULL CHECK (name ~ '\S' AND length(name) <= 200),
    description text CHECK (length(description) <= 10000),
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    category    text CHECK (category ~ '\S' AND length(category) <= 100),
    attributes  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    active      boolean NOT NULL DEFAULT true,  -- false: withdrawn, no longer sold or listed
    version     integer NOT NULL DEFAULT 1 CHECK (version > 0),  -- the ETag
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK (created_at <= updated_at)
);

-- Older rows come into the form in which texts are kept now: NFC, with nothing invisible in them and
-- no space around them, names and categories on one line. A row that would not fit then stays as
-- it is.
CREATE OR REPLACE FUNCTION product.tidy(text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN nullif(regexp_replace(
    normalize(regexp_replace(
        $1,
        '[\u0080-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]',
        '', 'g')),
    '^[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+'
    '|[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$', '', 'g'), '');
WITH tidy AS (
    SELECT sku, product.tidy(translate(name, E'\t\r\n', '')) AS name,
           product.tidy(description) AS description,
           product.tidy(translate(category, E'\t\r\n', '')) AS category
      FROM product.products
)
UPDATE product.products product
   SET name = tidy.name, description = tidy.description, category = tidy.category,
       version = version + 1, updated_at = clock_timestamp()
  FROM tidy
 WHERE tidy.sku = product.sku
   AND (tidy.name, tidy.description, tidy.category)
       IS DISTINCT FROM (product.name, product.description, product.category)
   AND length(tidy.name) <= 200 AND coalesce(length(tidy.description), 0) <= 10000
   AND coalesce(length(tidy.category), 0) <= 100;
DROP FUNCTION product.tidy(text);

-- GET /products, all of them and by category, in SKU order.
CREATE INDEX IF NOT EXISTS products_listed ON product.products (sku) WHERE active;
DROP INDEX IF EXISTS product.products_by_category;
CREATE INDEX IF NOT EXISTS products_by_folded_category
    ON product.products (casefold(category COLLATE pg_c_utf8), sku) WHERE active;

CREATE TABLE IF NOT EXISTS product.product_catalogue_idempotency_keys (
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
DROP INDEX IF EXISTS product.product_catalogue_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS product_catalogue_idempotency_keys_oldest
    ON product.product_catalogue_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE product.product_catalogue_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: products (sku, name, description, currency, category, attributes),
--   product_catalogue_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA product TO product_catalogue_app;
GRANT SELECT, INSERT, UPDATE ON product.products TO product_catalogue_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON product.product_catalogue_idempotency_keys
    TO product_catalogue_app;
