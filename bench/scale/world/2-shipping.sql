INSERT INTO shipping.shipments
       (shipment_id, order_id, customer_id, tracking_number, carrier, status, address, created_at)
SELECT id, id, customer_id, 'SP' || lpad(upper(to_hex(number)), 13, '0'), 'Sandbox Post', 'delivered',
       CASE WHEN NOT erased THEN
       '{"line1": "1 Quay Street", "city": "Cork", "postal_code": "T12 AB34", "country": "IE"}'::jsonb
       END, at
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded');

INSERT INTO shipping.shipment_events (shipment_id, seq, status, at)
SELECT id, seq, event, at + seq * interval '1 day'
  FROM scale.purchases
 CROSS JOIN (VALUES (1, 'created'), (2, 'dispatched'), (3, 'delivered')) AS journey (seq, event)
 WHERE status IN ('fulfilled', 'refunded');

INSERT INTO shipping.subject_requests (number, kind, subject, things, created_at)
SELECT number, 'erasure', customer_id, orders, '$end' FROM scale.erasures;

-- Of those that were made by hand.
INSERT INTO shipping.shipping_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body, created_at)
SELECT 'POST /shipments', id, sha256(id::text::bytea), id, 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"shipment_id":"%s"}', id), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases
 WHERE status IN ('fulfilled', 'refunded') AND number > $orders - $orders / 20
   AND number % 20 = 0;
