-- A small shop in which everything adds up: one order shipped and refunded in part, one refunded
-- in full after it was cancelled, one whose fulfilment failed, one of nothing, and what was never
-- finished.

INSERT INTO product.products (sku, name, price_minor, currency) VALUES
    ('CANDLE', 'Candle', 1250, 'EUR'), ('BOWL', 'Bowl', 1450, 'EUR');

INSERT INTO customer.customers (customer_id, email, name, erased_at) VALUES
    ('$customer', 'mira@example.org', 'Mira', NULL), ('$erased', NULL, NULL, $long_ago);

INSERT INTO cart.carts (cart_id, customer_id, status, order_id) VALUES
    ('$cart', '$customer', 'checked_out', '$order'),
    ('$cancelled_cart', NULL, 'checked_out', '$cancelled_order'),
    ('$pending_cart', NULL, 'checked_out', '$pending_order'),
    ('$free_cart', NULL, 'checked_out', '$free_order'),
    ('$open_cart', NULL, 'open', NULL);
INSERT INTO cart.cartlines (cart_id, sku, name, quantity, unit_price_minor, currency) VALUES
    ('$cart', 'CANDLE', 'Candle', 2, 1200, 'EUR'), ('$cart', 'BOWL', 'Bowl', 1, 1450, 'EUR'),
    ('$cancelled_cart', 'BOWL', 'Bowl', 1, 1450, 'EUR'),
    ('$pending_cart', 'BOWL', 'Bowl', 3, 1450, 'EUR'),
    ('$free_cart', 'BOWL', 'Bowl', 1, 0, 'EUR'),
    ('$open_cart', 'BOWL', 'Bowl', 1, 1450, 'EUR');

INSERT INTO orders.orders (order_id, customer_id, cart_id, cart_version, status, currency,
                           total_minor, payment_id, fulfilment_job_id, shipment_id) VALUES
    ('$order', '$customer', '$cart', 3, 'draft', 'EUR', 3950, NULL, NULL, NULL),
    ('$cancelled_order', '$erased', '$cancelled_cart', 2, 'draft', 'EUR', 1450, NULL, NULL, NULL),
    ('$pending_order', '$customer', '$pending_cart', 2, 'draft', 'EUR', 4350, NULL, NULL, NULL),
    ('$free_order', '$customer', '$free_cart', 2, 'draft', 'EUR', 0, NULL, NULL, NULL);
INSERT INTO orders.order_lines
       (order_id, sku, place, name, quantity, unit_price_minor, line_total_minor) VALUES
    ('$order', 'CANDLE', 1, 'Candle', 2, 1250, 2500), ('$order', 'BOWL', 2, 'Bowl', 1, 1450, 1450),
    ('$cancelled_order', 'BOWL', 1, 'Bowl', 1, 1450, 1450),
    ('$pending_order', 'BOWL', 1, 'Bowl', 3, 1450, 4350),
    ('$free_order', 'BOWL', 1, 'Bowl', 1, 0, 0);
UPDATE orders.orders SET status = 'fulfilled', payment_id = '$payment',
       fulfilment_job_id = '$job', shipment_id = '$shipment' WHERE order_id = '$order';
UPDATE orders.orders SET status = 'refunded', payment_id = '$refunded_payment',
       created_at = '2026-01-01' WHERE order_id = '$cancelled_order';
UPDATE orders.orders SET status = 'pending' WHERE order_id = '$pending_order';
UPDATE orders.orders SET status = 'paid' WHERE order_id = '$free_order';
INSERT INTO orders.order_history (order_id, status, at) VALUES
    ('$order', 'pending', '2026-01-01'), ('$order', 'paid', '2026-01-02'),
    ('$order', 'fulfilled', '2026-01-03'),
    ('$cancelled_order', 'pending', '2026-01-01'), ('$cancelled_order', 'paid', '2026-01-02'),
    ('$cancelled_order', 'cancelled', '2026-01-03'),
    ('$cancelled_order', 'refunded', '2026-01-04'),
    ('$pending_order', 'pending', '2026-01-01'),
    ('$free_order', 'pending', '2026-01-01'), ('$free_order', 'paid', '2026-01-02');

INSERT INTO payment.payments
       (payment_id, order_id, status, amount_minor, refunded_minor, currency, order_told) VALUES
    ('$payment', '$order', 'captured', 3950, 1250, 'EUR', 'captured'),
    ('$refunded_payment', '$cancelled_order', 'refunded', 1450, 1450, 'EUR', 'refunded'),
    ('$declined_payment', '$pending_order', 'declined', 4350, 0, 'EUR', NULL);
INSERT INTO payment.refunds (refund_id, payment_id, status, amount_minor, currency) VALUES
    ('$refund', '$payment', 'succeeded', 1250, 'EUR'),
    ('$whole_refund', '$refunded_payment', 'succeeded', 1450, 'EUR');
INSERT INTO payment.sandbox_charges (payment_id, outcome, amount_minor, currency) VALUES
    ('$payment', 'failed', 3950, 'EUR'), ('$payment', 'captured', 3950, 'EUR'),
    ('$refunded_payment', 'captured', 1450, 'EUR'), ('$declined_payment', 'declined', 4350, 'EUR');
INSERT INTO payment.sandbox_refunds (refund_id, payment_id, amount_minor, currency) VALUES
    ('$refund', '$payment', 1250, 'EUR'), ('$whole_refund', '$refunded_payment', 1450, 'EUR');

INSERT INTO payment.balances (order_id, currency, charged_minor, refunded_minor) VALUES
    ('$order', 'EUR', 3950, 1250);
INSERT INTO payment.transactions (transaction_id, order_id, kind, amount_minor, currency) VALUES
    ('$charge', '$order', 'charge', 3950, 'EUR'), ('$ledger_refund', '$order', 'refund', 1250, 'EUR');
INSERT INTO payment.entries (transaction_id, account, amount_minor) VALUES
    ('$charge', 'cash', 3950), ('$charge', 'sales', -3950),
    ('$ledger_refund', 'sales_returns', 1250), ('$ledger_refund', 'cash', -1250);

INSERT INTO warehouse.stock (sku, on_hand, reserved) VALUES ('CANDLE', 98, 0), ('BOWL', 49, 5);
INSERT INTO warehouse.reservations (reservation_id, order_id, status, expires_at) VALUES
    ('$reservation', '$order', 'committed', now()), ('$tombstone', NULL, 'released', NULL),
    ('$returned_reservation', '$pending_order', 'returned', now()),
    ('$held_reservation', NULL, 'held', now() + interval '15 minutes');
INSERT INTO warehouse.reservation_items (reservation_id, sku, quantity) VALUES
    ('$reservation', 'CANDLE', 2), ('$reservation', 'BOWL', 1),
    ('$returned_reservation', 'BOWL', 3), ('$held_reservation', 'BOWL', 5);
INSERT INTO warehouse.movements (sku, delta, reason, reference) VALUES
    ('CANDLE', 100, 'counted', NULL), ('BOWL', 50, 'counted', NULL),
    ('CANDLE', -2, 'shipped', '$reservation'), ('BOWL', -1, 'shipped', '$reservation'),
    ('BOWL', -3, 'shipped', '$returned_reservation'),
    ('BOWL', 3, 'returned', '$returned_reservation');

INSERT INTO fulfilment.jobs (job_id, order_id, status, next_step, lines, reservation_id,
                             shipment_id, failure, next_attempt_at) VALUES
    ('$job', '$order', 'completed', NULL, '[]', '$reservation', '$shipment', NULL, now()),
    ('$failed_job', '$pending_order', 'failed', NULL, '[]', '$returned_reservation',
     '$no_shipment', '{}', now());

-- The second is from before an order had one parcel.
INSERT INTO shipping.shipments
       (shipment_id, order_id, tracking_number, carrier, status, only_one) VALUES
    ('$shipment', '$order', 'SP00000001', 'Sandbox Post', 'dispatched', true),
    ('$second_shipment', '$order', 'SP00000002', 'Sandbox Post', 'created', false);
INSERT INTO shipping.shipment_events (shipment_id, seq, status) VALUES
    ('$shipment', 1, 'created'), ('$shipment', 2, 'dispatched'), ('$second_shipment', 1, 'created');

INSERT INTO orders.order_idempotency_keys (scope, key, fingerprint, status, headers, body) VALUES
    ('POST /orders', 'key', '', 201, '{}', '{"order_id": "$order", "total": "39.50"}');
INSERT INTO payment.payment_idempotency_keys (scope, key, fingerprint, status, headers, body) VALUES
    ('POST /payments', 'key', '', 201, '{}', '{"payment_id": "$payment"}');
INSERT INTO customer.customer_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body) VALUES
    ('POST /customers', 'key', '', '$customer', 201, '{}', '{"customer_id": "$customer"}');
