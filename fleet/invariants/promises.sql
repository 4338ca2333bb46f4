-- What was acknowledged, and who may do what.

-- acknowledged: Everything that a client was told exists does.
WITH told AS (
    SELECT 'cart' AS what, key, body FROM cart.cart_idempotency_keys
     WHERE status = 201 AND scope = 'POST /carts'
    UNION ALL SELECT 'order', key, body FROM orders.order_idempotency_keys
     WHERE status = 201 AND scope = 'POST /orders'
    UNION ALL SELECT 'transaction', key, body FROM payment.transaction_idempotency_keys
     WHERE status = 201 AND scope = 'POST /transactions'
    UNION ALL SELECT 'customer', key, body FROM customer.customer_idempotency_keys
     WHERE status = 201 AND scope = 'POST /customers'
    UNION ALL SELECT 'payment', key, body FROM payment.payment_idempotency_keys
     WHERE status = 201 AND scope = 'POST /payments'
    UNION ALL SELECT 'refund', key, body FROM payment.payment_idempotency_keys
     WHERE status = 201 AND scope LIKE 'POST /payments/%/refunds'
    UNION ALL SELECT 'shipment', key, body FROM shipping.shipping_idempotency_keys
     WHERE status = 201 AND scope = 'POST /shipments'
    UNION ALL SELECT 'reservation', key, body FROM warehouse.warehouse_idempotency_keys
     WHERE status = 201 AND scope = 'POST /reservations'
    UNION ALL SELECT 'job', key, body FROM fulfilment.fulfilment_idempotency_keys
     WHERE status = 201 AND scope = 'POST /fulfilments'
), standing AS (
    SELECT 'cart' AS what, cart_id AS id FROM cart.carts
    UNION ALL SELECT 'order', order_id FROM orders.orders WHERE status <> 'draft'
    UNION ALL SELECT 'transaction', transaction_id FROM payment.transactions
    UNION ALL SELECT 'customer', customer_id FROM customer.customers
    UNION ALL SELECT 'payment', payment_id FROM payment.payments
    UNION ALL SELECT 'refund', refund_id FROM payment.refunds
    UNION ALL SELECT 'shipment', shipment_id FROM shipping.shipments
    UNION ALL SELECT 'reservation', reservation_id FROM warehouse.reservations
    UNION ALL SELECT 'job', job_id FROM fulfilment.jobs
)
SELECT what, key, id FROM (
    SELECT what, key, (convert_from(body, 'UTF8')::jsonb ->> (what || '_id'))::uuid AS id
      FROM told) said
  LEFT JOIN standing USING (what, id) WHERE standing.id IS NULL;

-- acknowledged-total: An order comes to what its customer was told.
SELECT key, placed.order_id, placed.total_minor, said.body ->> 'total' AS told
  FROM (SELECT key, convert_from(body, 'UTF8')::jsonb AS body FROM orders.order_idempotency_keys
         WHERE status = 201 AND scope = 'POST /orders') said
  JOIN orders.orders placed ON placed.order_id = (said.body ->> 'order_id')::uuid
 WHERE replace(said.body ->> 'total', '.', '')::bigint <> placed.total_minor;

-- answer-whole: An answer that is kept is kept whole.
WITH kept AS (
    SELECT 'product_catalogue' AS service, * FROM product.product_catalogue_idempotency_keys
    UNION ALL SELECT 'cart', * FROM cart.cart_idempotency_keys
    UNION ALL SELECT 'order', * FROM orders.order_idempotency_keys
    UNION ALL SELECT 'transaction', * FROM payment.transaction_idempotency_keys
    UNION ALL SELECT 'customer', * FROM customer.customer_idempotency_keys
    UNION ALL SELECT 'payment', * FROM payment.payment_idempotency_keys
    UNION ALL SELECT 'search', * FROM search.search_idempotency_keys
    UNION ALL SELECT 'shipping', * FROM shipping.shipping_idempotency_keys
    UNION ALL SELECT 'warehouse', * FROM warehouse.warehouse_idempotency_keys
    UNION ALL SELECT 'fulfilment', * FROM fulfilment.fulfilment_idempotency_keys
)
SELECT service, scope, key, status FROM kept
 WHERE num_nonnulls(status, headers, body) NOT IN (0, 3);

-- own-tables-only: No service can reach into another one's tables.
WITH service (name, schema) AS (VALUES
    ('product_catalogue', 'product'), ('cart', 'cart'), ('order', 'orders'),
    ('transaction', 'payment'), ('customer', 'customer'), ('payment', 'payment'),
    ('search', 'search'), ('shipping', 'shipping'), ('warehouse', 'warehouse'),
    ('fulfilment', 'fulfilment')
), owned AS (
    -- The two that share a schema do not share tables.
    SELECT relation.oid, nspname || '.' || relname AS relation,
           CASE WHEN nspname <> 'payment' THEN service.name
                WHEN relname LIKE 'transaction%' OR relname IN ('entries', 'balances')
                THEN 'transaction' ELSE 'payment' END AS owner
      FROM pg_catalog.pg_class relation
      JOIN pg_catalog.pg_namespace namespace ON namespace.oid = relnamespace
      JOIN service ON service.schema = nspname
     WHERE relkind IN ('r', 'p', 'v', 'm')
)
SELECT DISTINCT service.name AS service, relation FROM service CROSS JOIN owned
 WHERE owner <> service.name
   AND (has_any_column_privilege(service.name || '_app', owned.oid, 'SELECT, INSERT, UPDATE')
        OR has_table_privilege(service.name || '_app', owned.oid, 'DELETE, TRUNCATE'));

-- append-only: What is only ever added to cannot be changed or deleted by its service.
SELECT role, relation FROM (VALUES
    ('order_app', 'orders.order_lines'), ('order_app', 'orders.order_history'),
    ('transaction_app', 'payment.transactions'), ('transaction_app', 'payment.entries'),
    ('payment_app', 'payment.sandbox_charges'), ('payment_app', 'payment.sandbox_refunds'),
    ('shipping_app', 'shipping.shipment_events'), ('warehouse_app', 'warehouse.movements'),
    ('warehouse_app', 'warehouse.reservation_items'), ('fulfilment_app', 'fulfilment.job_steps')
  ) AS ledger (role, relation)
 WHERE has_any_column_privilege(role, relation::regclass, 'UPDATE')
    OR has_table_privilege(role, relation::regclass, 'DELETE, TRUNCATE');

-- humble-roles: A service's role owns nothing, may create nothing, and is nobody else.
SELECT rolname AS role FROM pg_catalog.pg_roles role
 WHERE rolname IN ('product_catalogue_app', 'cart_app', 'order_app', 'transaction_app',
                   'customer_app', 'payment_app', 'search_app', 'shipping_app', 'warehouse_app',
                   'fulfilment_app', 'auditor')
   AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
        OR has_database_privilege(role.oid, current_database(), 'CREATE')
        OR EXISTS (SELECT FROM pg_catalog.pg_class WHERE relowner = role.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_auth_members
                    WHERE member = role.oid AND roleid <> 'pg_read_all_data'::regrole));

-- auditor-reads: The auditor can change nothing.
SELECT relation::text FROM (
    SELECT relation.oid::regclass AS relation FROM pg_catalog.pg_class relation
     WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text NOT IN
           ('pg_catalog', 'information_schema')) every
 WHERE has_any_column_privilege('auditor', relation::oid, 'INSERT, UPDATE')
    OR has_table_privilege('auditor', relation::oid, 'DELETE, TRUNCATE');

-- durable: The server acknowledges only what survives a power cut, whoever asks it.
SELECT name, setting, 'everybody' AS whom FROM pg_catalog.pg_settings
 WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting <> 'on'
UNION ALL
SELECT name, setting, coalesce(nullif(setrole, 0)::regrole::text, 'this database')
  FROM pg_catalog.pg_db_role_setting
 CROSS JOIN LATERAL unnest(setconfig) AS chosen
 CROSS JOIN LATERAL (SELECT split_part(chosen, '=', 1), split_part(chosen, '=', 2))
       AS parts (name, setting)
 WHERE name = 'synchronous_commit' AND setting <> 'on';
