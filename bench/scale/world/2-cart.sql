-- One more in ten is still open.
INSERT INTO cart.carts (cart_id, customer_id, status, order_id, version, created_at, updated_at)
SELECT id, customer_id, 'checked_out', id, 3, at, at FROM scale.purchases
UNION ALL
SELECT scale.id(at, number + $orders), NULL, 'open', NULL, 3, at, at
  FROM scale.purchases WHERE number % 10 = 0;

INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency)
SELECT id, sku, name, quantity, price_minor, 'EUR' FROM scale.lines
UNION ALL
SELECT scale.id(at, number + $orders), sku, name, quantity, price_minor, 'EUR'
  FROM scale.purchases JOIN scale.lines USING (number) WHERE number % 10 = 0;

INSERT INTO cart.cart_idempotency_keys (scope, key, fingerprint, status, headers, body, created_at)
SELECT 'POST /carts/' || id || '/items', id || '-' || sku, sha256(sku::bytea), 200,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"cart_id":"%s","items":%s}', id, repeat(' ', 400)), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.lines WHERE number > $orders - $orders / 20;
