-- What is not finished and has not moved for ten seconds: somebody should have swept it up. While
-- a service is down this is to be expected; a while after its return it is not.

-- draft-finished: A draft becomes an order, or goes.
SELECT order_id, created_at FROM orders.orders
 WHERE status = 'draft' AND created_at < now() - interval '10 seconds';

-- payment-decided: The outcome of a payment gets known.
SELECT payment_id, status, created_at FROM payment.payments
 WHERE status IN ('processing', 'unknown') AND created_at < now() - interval '10 seconds';

-- payment-told: An order learns of its payment, and of its refund.
SELECT payment_id, order_id, status, order_told FROM payment.payments
 WHERE status IN ('captured', 'refunded') AND NOT settled
   AND updated_at < now() - interval '10 seconds';

-- capture-arrives: Money that was captured made its order paid, or is given back.
SELECT payment.payment_id, order_id, payment.status, placed.status AS order_status
  FROM payment.payments payment JOIN orders.orders placed USING (order_id)
 WHERE payment.status = 'captured' AND placed.payment_id IS DISTINCT FROM payment.payment_id
   AND payment.updated_at < now() - interval '10 seconds';

-- refund-succeeds: A refund reaches the customer.
SELECT refund_id, payment_id, created_at FROM payment.refunds
 WHERE status = 'processing' AND created_at < now() - interval '10 seconds';

-- refund-arrives: An order whose payment was given back is refunded.
SELECT placed.order_id, placed.status
  FROM payment.payments payment JOIN orders.orders placed USING (order_id, payment_id)
 WHERE payment.status = 'refunded' AND placed.status <> 'refunded'
   AND payment.updated_at < now() - interval '10 seconds';

-- cancelled-refunded: A cancelled order gets its money back.
SELECT order_id, payment_id FROM orders.orders
 WHERE status = 'cancelled' AND payment_id IS NOT NULL
   AND updated_at < now() - interval '10 seconds';

-- reservation-expires: A reservation that nobody commits gives its goods back.
SELECT reservation_id, expires_at FROM warehouse.reservations
 WHERE status = 'held' AND expires_at < now() - interval '10 seconds';

-- claim-ends: A parcel made by hand is there, or its order was not to be had for it.
SELECT shipment_id, order_id, attempts FROM shipping.claims
 WHERE created_at < now() - interval '10 seconds';

-- job-ends: A fulfilment job gets on, until it is completed or undone.
SELECT job_id, order_id, status, next_step, attempts FROM fulfilment.jobs job
 WHERE next_step IS NOT NULL
   AND greatest(created_at, CASE WHEN attempts = 1 THEN updated_at END,
                (SELECT max(at) FROM fulfilment.job_steps step
                  WHERE step.job_id = job.job_id AND outcome = 'done'))
       < now() - interval '10 seconds';

-- job-lets-go: A failed job lets go of its order.
SELECT job_id, job.order_id, placed.status
  FROM fulfilment.jobs job JOIN orders.orders placed USING (order_id)
 WHERE job.status = 'failed' AND placed.fulfilment_job_id = job.job_id
   AND placed.updated_at < now() - interval '10 seconds';

-- erased-everywhere: Of a customer who was erased, no service keeps anything personal that it had.
WITH placed AS (
    SELECT order_id, shipping_address, erased_at
      FROM orders.orders JOIN customer.customers USING (customer_id)
     WHERE erased_at < now() - interval '10 seconds' AND orders.created_at < erased_at
)
SELECT 'order' AS what, order_id AS id FROM placed WHERE shipping_address IS NOT NULL
UNION ALL
SELECT 'reason of a cancellation', order_id FROM placed JOIN orders.order_history USING (order_id)
 WHERE reason IS NOT NULL AND at < erased_at
UNION ALL
SELECT 'shipment', shipment_id FROM placed JOIN shipping.shipments USING (order_id)
 WHERE address IS NOT NULL AND created_at < erased_at
UNION ALL
SELECT 'claim of a parcel', shipment_id FROM placed JOIN shipping.claims USING (order_id)
 WHERE address IS NOT NULL AND created_at < erased_at
UNION ALL
SELECT 'note on a shipment', shipment_id FROM placed JOIN shipping.shipments USING (order_id)
  JOIN shipping.shipment_events USING (shipment_id)
 WHERE num_nonnulls(location, note) > 0 AND at < erased_at
UNION ALL
SELECT 'payment', payment_id FROM placed JOIN payment.payments USING (order_id)
 WHERE last4 IS NOT NULL AND updated_at < erased_at
UNION ALL
SELECT 'reason of a refund', refund_id FROM placed JOIN payment.payments USING (order_id)
  JOIN payment.refunds USING (payment_id)
 WHERE reason IS NOT NULL AND refunds.created_at < erased_at
UNION ALL
SELECT 'answer', order_id FROM placed JOIN orders.order_idempotency_keys ON resource_id = order_id
 WHERE status < 300 AND created_at < erased_at
   AND (convert_from(body, 'UTF8')::jsonb ->> 'shipping_address' IS NOT NULL
        OR convert_from(body, 'UTF8')::jsonb @? '$.history[*].reason ? (@ != null)')
UNION ALL
SELECT 'answer', order_id
  FROM placed LEFT JOIN shipping.shipments USING (order_id)
  JOIN shipping.shipping_idempotency_keys kept ON resource_id IN (order_id, shipment_id)
 WHERE kept.status < 300 AND kept.created_at < erased_at
   AND (convert_from(body, 'UTF8')::jsonb ->> 'address' IS NOT NULL
        OR convert_from(body, 'UTF8')::jsonb @? '$.events[*].note ? (@ != null)');
