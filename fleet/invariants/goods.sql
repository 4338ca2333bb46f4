-- Stock, reservations, fulfilment jobs and parcels.

-- stock-bounds: Nothing is on hand or reserved below zero, nor reserved beyond what is on hand.
SELECT sku, on_hand, reserved FROM warehouse.stock
 WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand;

-- stock-journal: A SKU's movements add up to what is on hand.
SELECT sku, on_hand, coalesce(sum(delta), 0) AS movements
  FROM warehouse.stock LEFT JOIN warehouse.movements USING (sku)
 GROUP BY sku, on_hand HAVING on_hand <> coalesce(sum(delta), 0);

-- stock-reserved: A SKU's held reservations add up to what is reserved, save for what is not counted.
SELECT sku, reserved, coalesce(sum(held.quantity), 0) AS held
  FROM warehouse.stock LEFT JOIN (
    SELECT sku, quantity
      FROM warehouse.reservations JOIN warehouse.reservation_items USING (reservation_id)
     WHERE status = 'held' AND counted) held USING (sku)
 GROUP BY sku, reserved HAVING reserved <> coalesce(sum(held.quantity), 0);

-- reservation-items: A reservation is for something, unless it was released before it was made.
SELECT reservation_id, status FROM warehouse.reservations
 WHERE status <> 'released' AND NOT EXISTS (
    SELECT FROM warehouse.reservation_items item
     WHERE item.reservation_id = reservations.reservation_id);

-- reservation-movements: A committed reservation's goods have left, once; a returned one's came
-- back, once; no other reservation moves anything, and nothing that is not counted.
WITH due AS (
    SELECT reservation_id, sku, quantity AS out, 0 AS back
      FROM warehouse.reservations JOIN warehouse.reservation_items USING (reservation_id)
     WHERE status = 'committed' AND counted
    UNION ALL
    SELECT reservation_id, sku, quantity, quantity
      FROM warehouse.reservations JOIN warehouse.reservation_items USING (reservation_id)
     WHERE status = 'returned' AND counted
), done AS (
    SELECT reference AS reservation_id, sku,
           -sum(least(delta, 0)) AS out, sum(greatest(delta, 0)) AS back
      FROM warehouse.movements WHERE reference IS NOT NULL GROUP BY reference, sku
)
SELECT reservation_id, sku, due.out AS due, done.out AS left, done.back AS came_back
  FROM due FULL JOIN done USING (reservation_id, sku)
 WHERE (due.out, due.back) IS DISTINCT FROM (done.out, done.back);

-- job-per-order: An order has one fulfilment job at most that has not failed.
SELECT order_id, count(*) AS jobs FROM fulfilment.jobs
 WHERE status <> 'failed' GROUP BY order_id HAVING count(*) > 1;

-- job-order: A job is for an order that exists.
SELECT job_id, job.order_id FROM fulfilment.jobs job
  LEFT JOIN orders.orders placed ON placed.order_id = job.order_id AND placed.status <> 'draft'
 WHERE placed.order_id IS NULL;

-- job-goods: What a job has shipped has left the warehouse: the order's lines, exactly.
WITH shipped AS (
    SELECT job_id, order_id, reservation_id FROM fulfilment.jobs
     WHERE status IN ('shipped', 'completed')
), line AS (
    SELECT job_id, sku, quantity FROM shipped JOIN orders.order_lines USING (order_id)
), item AS (
    SELECT job_id, sku, quantity
      FROM shipped JOIN warehouse.reservations USING (reservation_id)
      JOIN warehouse.reservation_items USING (reservation_id)
     WHERE reservations.status = 'committed'
)
SELECT job_id, sku, line.quantity AS ordered, item.quantity AS taken
  FROM line FULL JOIN item USING (job_id, sku) WHERE line.quantity IS DISTINCT FROM item.quantity;

-- job-shipment: A job that has shipped has its parcel, for its order.
SELECT job_id, job.order_id, job.shipment_id
  FROM fulfilment.jobs job
  LEFT JOIN shipping.shipments parcel USING (shipment_id, order_id)
 WHERE job.status IN ('shipped', 'completed') AND parcel.shipment_id IS NULL;

-- job-completed: A completed job's order was shipped by it.
SELECT job_id, job.order_id, placed.status
  FROM fulfilment.jobs job LEFT JOIN orders.orders placed USING (order_id)
 WHERE job.status = 'completed'
   AND (placed.fulfilment_job_id, placed.shipment_id)
       IS DISTINCT FROM (job.job_id, job.shipment_id);

-- job-steps: A job ships once, and is completed once, whoever drove it.
SELECT job_id, step, count(*) AS times FROM fulfilment.job_steps
 WHERE step IN ('ship', 'mark_fulfilled') AND outcome = 'done'
 GROUP BY job_id, step HAVING count(*) > 1;

-- job-failed: A failed job has kept no goods.
SELECT job_id, job.order_id, reservation.status AS reservation
  FROM fulfilment.jobs job JOIN warehouse.reservations reservation USING (reservation_id)
 WHERE job.status = 'failed' AND reservation.status IN ('held', 'committed');

-- order-goods-once: An order's goods leave the warehouse once, whatever its jobs went through.
SELECT order_id, count(*) AS times
  FROM warehouse.reservations
 WHERE status = 'committed' AND order_id IN (SELECT order_id FROM fulfilment.jobs)
   AND reservation_id IN (SELECT reservation_id FROM fulfilment.jobs)
 GROUP BY order_id HAVING count(*) > 1;

-- order-hold: The job that holds an order, or has shipped it, is a job for that order.
SELECT placed.order_id, placed.fulfilment_job_id
  FROM orders.orders placed
  LEFT JOIN fulfilment.jobs job
    ON job.job_id = placed.fulfilment_job_id AND job.order_id = placed.order_id
 WHERE placed.fulfilment_job_id IS NOT NULL AND job.job_id IS NULL;

-- order-fulfilled: A fulfilled order has its parcel, or will have it at once, and if a job shipped
-- it, that job's.
SELECT placed.order_id, placed.shipment_id, job.status AS job
  FROM orders.orders placed
  LEFT JOIN fulfilment.jobs job
    ON job.job_id = placed.fulfilment_job_id AND job.shipment_id = placed.shipment_id
  LEFT JOIN shipping.shipments parcel
    ON parcel.shipment_id = placed.shipment_id AND parcel.order_id = placed.order_id
  LEFT JOIN shipping.claims claim
    ON claim.shipment_id = placed.shipment_id AND claim.order_id = placed.order_id
 WHERE (placed.status = 'fulfilled' OR placed.shipment_id IS NOT NULL)
   AND (parcel.shipment_id IS NULL AND claim.shipment_id IS NULL
        OR placed.fulfilment_job_id IS NOT NULL
           AND coalesce(job.status, 'none') NOT IN ('shipped', 'completed'));

-- shipment-order: A parcel is for an order that exists.
SELECT parcel.shipment_id, parcel.order_id FROM shipping.shipments parcel
  LEFT JOIN orders.orders placed ON placed.order_id = parcel.order_id AND placed.status <> 'draft'
 WHERE placed.order_id IS NULL;

-- shipment-known: An order knows of its parcel, or is held by the job that made it: it is not
-- cancelled behind the parcel's back. Those from before an order had one parcel are let be.
SELECT parcel.shipment_id, parcel.order_id, placed.status, placed.shipment_id AS known
  FROM shipping.shipments parcel JOIN orders.orders placed USING (order_id)
 WHERE only_one AND placed.shipment_id IS DISTINCT FROM parcel.shipment_id
   AND (placed.fulfilment_job_id IS NULL OR placed.shipment_id IS NOT NULL
        OR placed.promised_shipment_id <> parcel.shipment_id);

-- shipment-per-order: An order has one parcel.
SELECT order_id, count(*) AS parcels FROM shipping.shipments
 WHERE only_one GROUP BY order_id HAVING count(*) > 1;

-- shipment-tracking: A tracking number belongs to one parcel.
SELECT tracking_number, count(*) AS parcels FROM shipping.shipments
 GROUP BY tracking_number HAVING count(*) > 1;

-- shipment-last: A parcel has come as far as any of its events says; an exception says nothing.
WITH told AS (
    SELECT shipment_id, max(array_position(
               ARRAY['created', 'dispatched', 'in_transit', 'delivered', 'returned'], status)) AS far
      FROM shipping.shipment_events GROUP BY shipment_id
)
SELECT shipment_id, status, far
  FROM shipping.shipments LEFT JOIN told USING (shipment_id)
 WHERE array_position(ARRAY['created', 'dispatched', 'in_transit', 'delivered', 'returned'], status)
       IS DISTINCT FROM far;

-- shipment-path: A parcel's events are numbered without a gap, as they became known, from created on.
SELECT shipment_id, seq, status FROM (
    SELECT shipment_id, seq, status, row_number() OVER journey AS place,
           lag(recorded_at) OVER journey > recorded_at AS out_of_turn
      FROM shipping.shipment_events
    WINDOW journey AS (PARTITION BY shipment_id ORDER BY seq)) event
 WHERE seq <> place OR out_of_turn OR (seq = 1 AND status <> 'created');
