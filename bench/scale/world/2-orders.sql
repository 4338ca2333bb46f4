INSERT INTO orders.orders
       (order_id, customer_id, cart_id, cart_version, status, currency, total_minor,
        shipping_address, payment_id, fulfilment_job_id, promised_shipment_id, shipment_id,
        created_at, updated_at)
SELECT id, customer_id, id, 3, status, 'EUR', total_minor,
       CASE WHEN NOT erased THEN
       '{"line1": "1 Quay Street", "city": "Cork", "postal_code": "T12 AB34", "country": "IE"}'::jsonb
       END,
       CASE WHEN status IN ('fulfilled', 'refunded', 'paid') THEN id END,
       shipped, shipped, shipped, at, at
  FROM (SELECT *, CASE WHEN status IN ('fulfilled', 'refunded') THEN id END AS shipped
          FROM scale.purchases) placed;

INSERT INTO orders.order_lines
       (order_id, sku, place, name, quantity, unit_price_minor, line_total_minor)
SELECT id, sku, place, name, quantity, price_minor, quantity * price_minor FROM scale.lines;

INSERT INTO orders.order_history (order_id, status, at)
SELECT id, step.status, at + step.after
  FROM scale.purchases purchase
  JOIN (VALUES ('pending', 'pending', interval '0'), ('paid', 'pending', '0'),
               ('paid', 'paid', '10 s'), ('fulfilled', 'pending', '0'),
               ('fulfilled', 'paid', '10 s'), ('fulfilled', 'fulfilled', '1 h'),
               ('refunded', 'pending', '0'), ('refunded', 'paid', '10 s'),
               ('refunded', 'fulfilled', '1 h'), ('refunded', 'refunded', '1 day'),
               ('cancelled', 'pending', '0'), ('cancelled', 'cancelled', '1 min'))
       AS step (whose, status, after) ON step.whose = purchase.status;

INSERT INTO orders.subject_requests (number, kind, subject, things, created_at)
SELECT number, 'erasure', customer_id, '{}', '$end' FROM scale.erasures;

INSERT INTO orders.order_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body, created_at)
SELECT 'POST /orders', id, sha256(id::text::bytea), id, 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"order_id":"%s","total":"%s.%s","lines":%s}', id, total_minor / 100,
                         lpad((total_minor % 100)::text, 2, '0'), lines), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases WHERE number > $orders - $orders / 20;
