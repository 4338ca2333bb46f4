-- Payments, the provider's own log, and the ledger. What the provider says is checked against what
-- we say, both ways.

-- payment-per-order: An order has one payment at most that took its money, or still may.
SELECT order_id, count(*) AS payments FROM payment.payments
 WHERE status <> 'declined' GROUP BY order_id HAVING count(*) > 1;

-- payment-amount: A payment is for an order that exists, and for exactly its total.
SELECT payment.payment_id, payment.order_id, amount_minor, total_minor
  FROM payment.payments payment
  LEFT JOIN orders.orders placed ON placed.order_id = payment.order_id AND placed.status <> 'draft'
 WHERE (placed.total_minor, placed.currency)
       IS DISTINCT FROM (payment.amount_minor, payment.currency);

-- order-payment: The payment that an order names is its own, and took the money.
SELECT placed.order_id, placed.payment_id, payment.status
  FROM orders.orders placed LEFT JOIN payment.payments payment USING (payment_id, order_id)
 WHERE placed.payment_id IS NOT NULL
   AND coalesce(payment.status, 'missing') NOT IN ('captured', 'refunded');

-- order-paid: An order that is paid or refunded names its payment, unless it is paid and comes to
-- nothing.
SELECT order_id, status FROM orders.orders
 WHERE status IN ('paid', 'refunded') AND payment_id IS NULL
   AND (status = 'refunded' OR total_minor > 0);

-- order-of-nothing: An order that comes to nothing does not wait for a payment.
SELECT order_id, total_minor FROM orders.orders WHERE status = 'pending' AND total_minor = 0;

-- order-refunded: A refunded order got all of its money back.
SELECT placed.order_id, placed.payment_id, payment.status
  FROM orders.orders placed LEFT JOIN payment.payments payment USING (payment_id)
 WHERE placed.status = 'refunded' AND payment.status IS DISTINCT FROM 'refunded';

-- payment-history-last: The last entry of a payment's history is its status.
SELECT payment_id, status, history -> -1 ->> 'status' AS history FROM payment.payments
 WHERE status IS DISTINCT FROM history -> -1 ->> 'status';

-- refund-within-payment: What a payment says was refunded is the sum of its refunds, and no more
-- than was paid.
SELECT payment_id, payment.amount_minor, refunded_minor, sum(refund.amount_minor) AS refunds
  FROM payment.payments payment LEFT JOIN payment.refunds refund USING (payment_id)
 GROUP BY payment_id, payment.amount_minor, refunded_minor
HAVING refunded_minor <> coalesce(sum(refund.amount_minor), 0)
    OR refunded_minor NOT BETWEEN 0 AND payment.amount_minor;

-- refund-of-capture: Only a captured payment is refunded, in its own currency.
SELECT refund_id, payment_id, payment.status, refund.currency
  FROM payment.refunds refund LEFT JOIN payment.payments payment USING (payment_id)
 WHERE coalesce(payment.status, 'missing') NOT IN ('captured', 'refunded')
    OR refund.currency <> payment.currency;

-- payment-refunded: A payment is refunded when all of it is, by refunds that have succeeded.
SELECT payment_id, payment.amount_minor, sum(refund.amount_minor) AS refunds
  FROM payment.payments payment
  LEFT JOIN payment.refunds refund USING (payment_id)
 WHERE payment.status = 'refunded'
 GROUP BY payment_id, payment.amount_minor
HAVING payment.amount_minor IS DISTINCT FROM
       sum(refund.amount_minor) FILTER (WHERE refund.status = 'succeeded');

-- provider-charge-per-payment: The provider took a payment once at most.
SELECT payment_id, count(*) AS charges FROM payment.sandbox_charges
 WHERE outcome = 'captured' GROUP BY payment_id HAVING count(*) > 1;

-- provider-charge-per-order: The provider took an order's money once at most.
SELECT order_id, count(*) AS charges
  FROM payment.sandbox_charges JOIN payment.payments USING (payment_id)
 WHERE outcome = 'captured' GROUP BY order_id HAVING count(*) > 1;

-- provider-charge-known: What the provider took is a payment of ours, of that amount, and not one
-- that we call declined.
SELECT charge_id, payment_id, charge.amount_minor, payment.status
  FROM payment.sandbox_charges charge LEFT JOIN payment.payments payment USING (payment_id)
 WHERE charge.outcome = 'captured'
   AND (payment.status IS NULL OR payment.status = 'declined'
        OR (payment.amount_minor, payment.currency) <> (charge.amount_minor, charge.currency));

-- payment-captured: What we call captured, the provider took.
SELECT payment_id, payment.status FROM payment.payments payment
 WHERE status IN ('captured', 'refunded') AND NOT EXISTS (
    SELECT FROM payment.sandbox_charges charge
     WHERE charge.payment_id = payment.payment_id AND charge.outcome = 'captured');

-- provider-refund-known: What the provider gave back is a refund of ours, of that amount.
SELECT refund_id, payment_id, given.amount_minor, ours.amount_minor AS ours
  FROM payment.sandbox_refunds given LEFT JOIN payment.refunds ours USING (refund_id, payment_id)
 WHERE (given.amount_minor, given.currency)
       IS DISTINCT FROM (ours.amount_minor, ours.currency);

-- refund-succeeded: What we call refunded, the provider gave back.
SELECT refund_id FROM payment.refunds refund
 WHERE status = 'succeeded' AND NOT EXISTS (
    SELECT FROM payment.sandbox_refunds given WHERE given.refund_id = refund.refund_id);

-- provider-refund-within-charge: The provider never gave back more than it took.
SELECT payment_id, sum(given.amount_minor) AS refunded
  FROM payment.sandbox_refunds given
 GROUP BY payment_id
HAVING sum(given.amount_minor) > coalesce((
    SELECT sum(charge.amount_minor) FROM payment.sandbox_charges charge
     WHERE charge.payment_id = given.payment_id AND charge.outcome = 'captured'), 0);

-- card-forgotten: The card's token goes when its payment is decided, and is in no answer kept.
SELECT payment_id::text AS payment, status FROM payment.payments
 WHERE token IS NOT NULL AND status IN ('captured', 'declined', 'refunded')
UNION ALL
SELECT key, status::text FROM payment.payment_idempotency_keys
 WHERE scope = 'POST /payments' AND position('tok_'::bytea IN body) > 0;

-- ledger-balances: A ledger transaction has two entries or more, which cancel each other out and
-- move its amount.
SELECT transaction_id, count(account) AS entries, sum(entry.amount_minor) AS difference
  FROM payment.transactions LEFT JOIN payment.entries entry USING (transaction_id)
 GROUP BY transaction_id, transactions.amount_minor
HAVING count(account) < 2 OR sum(entry.amount_minor) <> 0
    OR sum(greatest(entry.amount_minor, 0)) <> transactions.amount_minor;

-- ledger-charge-per-order: An order is charged once at most.
SELECT order_id, count(*) AS charges FROM payment.transactions
 WHERE kind = 'charge' GROUP BY order_id HAVING count(*) > 1;

-- ledger-charge-order: A charge is for an order that exists, and for exactly its total.
SELECT transaction_id, charge.order_id, amount_minor, total_minor
  FROM payment.transactions charge
  LEFT JOIN orders.orders placed ON placed.order_id = charge.order_id AND placed.status <> 'draft'
 WHERE kind = 'charge' AND (placed.total_minor, placed.currency)
       IS DISTINCT FROM (charge.amount_minor, charge.currency);

-- ledger-refund-within-charge: An order's refunds come to no more than its charge.
SELECT order_id, charged, refunded FROM (
    SELECT order_id,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'charge'), 0) AS charged,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0) AS refunded
      FROM payment.transactions GROUP BY order_id) book
 WHERE refunded > charged;

-- ledger-balance-sums: An order's balance is what its transactions add up to, in their currency.
SELECT order_id, balance.charged_minor, booked.charged, balance.refunded_minor, booked.refunded
  FROM payment.balances balance FULL JOIN (
    SELECT order_id, currency,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'charge'), 0) AS charged,
           coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0) AS refunded
      FROM payment.transactions GROUP BY order_id, currency) booked USING (order_id, currency)
 WHERE (balance.charged_minor, balance.refunded_minor)
       IS DISTINCT FROM (booked.charged, booked.refunded);
