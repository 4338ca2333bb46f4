INSERT INTO payment.balances (order_id, currency, charged_minor, refunded_minor)
SELECT id, 'EUR', total_minor, CASE status WHEN 'refunded' THEN total_minor ELSE 0 END
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded', 'paid');

INSERT INTO payment.transactions
       (transaction_id, order_id, kind, amount_minor, currency, created_at)
SELECT id, id, 'charge', total_minor, 'EUR', at
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded', 'paid')
UNION ALL
SELECT scale.id(at, number + $orders), id, 'refund', total_minor, 'EUR', at
  FROM scale.purchases WHERE status = 'refunded';

INSERT INTO payment.entries (transaction_id, account, amount_minor)
SELECT transaction_id, side.account, side.sign * amount_minor
  FROM payment.transactions
  JOIN (VALUES ('charge', 'cash', 1), ('charge', 'sales', -1),
               ('refund', 'sales_returns', 1), ('refund', 'cash', -1))
       AS side (kind, account, sign) USING (kind);

INSERT INTO payment.transaction_idempotency_keys
       (scope, key, fingerprint, status, headers, body, created_at)
SELECT 'POST /transactions', id, sha256(id::text::bytea), 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"transaction_id":"%s"%s}', id, repeat(' ', 200)), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases
 WHERE status IN ('fulfilled', 'refunded', 'paid') AND number > $orders - $orders / 20;
