INSERT INTO warehouse.reservations
       (reservation_id, order_id, status, expires_at, created_at, updated_at)
SELECT id, id, 'committed', at + interval '15 min', at, at
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded');

INSERT INTO warehouse.reservation_items (reservation_id, sku, quantity)
SELECT id, sku, quantity FROM scale.purchases JOIN scale.lines USING (number, id)
 WHERE status IN ('fulfilled', 'refunded');

INSERT INTO warehouse.movements (sku, delta, reason, at)
SELECT sku, $in_stock, 'counted', '$end'::timestamptz - interval '2 years' FROM scale.goods;
INSERT INTO warehouse.movements (sku, delta, reason, reference, at)
SELECT sku, -quantity, 'shipped', id, at
  FROM scale.purchases JOIN scale.lines USING (number, id)
 WHERE status IN ('fulfilled', 'refunded');

INSERT INTO warehouse.stock (sku, on_hand)
SELECT sku, sum(delta) FROM warehouse.movements GROUP BY sku;

-- Of those that were made by hand.
INSERT INTO warehouse.warehouse_idempotency_keys
       (scope, key, fingerprint, status, headers, body, created_at)
SELECT 'POST /reservations', id, sha256(id::text::bytea), 201, '{"Content-Type": "application/json"}',
       convert_to(format('{"reservation_id":"%s"}', id), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases
 WHERE status IN ('fulfilled', 'refunded') AND number > $orders - $orders / 20
   AND number % 20 = 0;
