INSERT INTO payment.payments (payment_id, order_id, customer_id, status, amount_minor,
                              refunded_minor, currency, last4, order_told, created_at, updated_at,
                              history)
SELECT id, id, customer_id, told, total_minor,
       CASE told WHEN 'refunded' THEN total_minor ELSE 0 END, 'EUR',
       CASE WHEN NOT erased THEN '4242' END, told, at, at,
       jsonb_build_array(jsonb_build_object('status', 'processing', 'at', at),
                         jsonb_build_object('status', 'captured', 'at', at))
       || CASE told WHEN 'refunded' THEN jsonb_build_object('status', told, 'at', at)
                    ELSE '[]' END
  FROM (SELECT *, CASE status WHEN 'refunded' THEN 'refunded' ELSE 'captured' END AS told
          FROM scale.purchases WHERE status IN ('fulfilled', 'refunded', 'paid')) paid;

INSERT INTO payment.sandbox_charges (charge_id, payment_id, outcome, amount_minor, currency, at)
SELECT id, id, 'captured', total_minor, 'EUR', at
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded', 'paid');

INSERT INTO payment.refunds
       (refund_id, payment_id, status, amount_minor, currency, created_at, updated_at)
SELECT id, id, 'succeeded', total_minor, 'EUR', at, at
  FROM scale.purchases WHERE status = 'refunded';
INSERT INTO payment.sandbox_refunds (refund_id, payment_id, amount_minor, currency, at)
SELECT id, id, total_minor, 'EUR', at FROM scale.purchases WHERE status = 'refunded';

INSERT INTO payment.subject_requests (number, kind, subject, things, created_at)
SELECT number, 'erasure', customer_id, orders, '$end' FROM scale.erasures;

INSERT INTO payment.payment_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body, created_at)
SELECT 'POST /payments', id, sha256(id::text::bytea), id, 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"payment_id":"%s"%s}', id, repeat(' ', 300)), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases
 WHERE status IN ('fulfilled', 'refunded', 'paid') AND number > $orders - $orders / 20;
