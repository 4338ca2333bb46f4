INSERT INTO fulfilment.jobs (job_id, order_id, status, next_step, lines, reservation_id,
                             shipment_id, next_attempt_at, version, created_at, updated_at)
SELECT id, id, 'completed', NULL, lines::jsonb, id, id, at, 6, at, at
  FROM scale.purchases WHERE status IN ('fulfilled', 'refunded');

INSERT INTO fulfilment.job_steps (job_id, step, outcome, at)
SELECT id, step, 'done', at
  FROM scale.purchases
 CROSS JOIN (VALUES ('reserve'), ('hold_order'), ('commit'), ('ship'), ('mark_fulfilled'))
       AS saga (step)
 WHERE status IN ('fulfilled', 'refunded');

INSERT INTO fulfilment.fulfilment_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body, created_at)
SELECT 'POST /fulfilments', id, sha256(id::text::bytea), id, 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"job_id":"%s"%s}', id, repeat(' ', 700)), 'UTF8'),
       now() - ($orders - number) * (interval '47 hours' * 20 / $orders)
  FROM scale.purchases
 WHERE status IN ('fulfilled', 'refunded') AND number > $orders - $orders / 20;
