"""What breaks each invariant, as SQL on the world of `world.sql`: at least one way for each."""

_CATALOGUE = {
    "product-price": ["UPDATE product.products SET price_minor = -1 WHERE sku = 'BOWL'"],
    "cart-product": ["UPDATE cart.cartlines SET sku = 'GONE' WHERE cart_id = '$open_cart'"],
    "order-product": ["DELETE FROM product.products WHERE sku = 'CANDLE'"],
}

_ORDERS = {
    "order-per-cart": ["UPDATE orders.orders SET cart_id = '$cart'"],
    "order-cart-closed": [
        "UPDATE cart.carts SET status = 'open', order_id = NULL WHERE cart_id = '$cart'",
        "UPDATE cart.carts SET order_id = '$cancelled_order' WHERE cart_id = '$cart'",
        "DELETE FROM cart.carts WHERE cart_id = '$cart'",
    ],
    "cart-closed-order": [
        "DELETE FROM orders.orders WHERE order_id = '$pending_order'",
        "UPDATE cart.carts SET status = 'checked_out', order_id = '$order'"
        " WHERE cart_id = '$open_cart'",
    ],
    "order-holds-cart": [
        "UPDATE cart.cartlines SET quantity = 3 WHERE cart_id = '$cart' AND sku = 'CANDLE'",
        "DELETE FROM cart.cartlines WHERE cart_id = '$cart' AND sku = 'BOWL'",
        "DELETE FROM orders.order_lines WHERE order_id = '$order' AND sku = 'BOWL'",
    ],
    "order-customer": [
        "DELETE FROM customer.customers WHERE customer_id = '$customer'",
        "UPDATE cart.carts SET customer_id = '$erased' WHERE cart_id = '$cart'",
    ],
    "order-line-total": ["UPDATE orders.order_lines SET line_total_minor = 2499 WHERE place = 1"],
    "order-total": [
        "UPDATE orders.orders SET total_minor = 3949 WHERE order_id = '$order'",
        "DELETE FROM orders.order_lines WHERE order_id = '$order'",
    ],
    "order-history-last": [
        "UPDATE orders.orders SET status = 'cancelled' WHERE order_id = '$pending_order'",
        "DELETE FROM orders.order_history WHERE order_id = '$pending_order'",
    ],
    "order-history-path": [
        "DELETE FROM orders.order_history WHERE order_id = '$order' AND status = 'pending'",
        "INSERT INTO orders.order_history VALUES ('$order', 'cancelled', '2026-01-04')",
        "INSERT INTO orders.order_history VALUES ('$order', 'fulfilled', '2026-01-04')",
    ],
    "customer-erased": [
        "UPDATE customer.customers SET name = 'Mira' WHERE customer_id = '$erased'",
        "UPDATE customer.customers SET erased_at = now(), name = NULL, email = NULL",
    ],
    "customer-email": [
        "INSERT INTO customer.customers (email, email_key, name)"
        " VALUES ('MIRA@example.org', 'mira@example.org', 'Another')"
    ],
}

_PAYMENTS = {
    "payment-per-order": [
        "INSERT INTO payment.payments (order_id, status, amount_minor, currency)"
        " VALUES ('$order', 'captured', 3950, 'EUR')",
        "UPDATE payment.payments SET status = 'unknown', order_id = '$order'"
        " WHERE payment_id = '$declined_payment'",
    ],
    "payment-amount": [
        "UPDATE payment.payments SET amount_minor = 3949 WHERE payment_id = '$payment'",
        "UPDATE payment.payments SET currency = 'USD' WHERE payment_id = '$payment'",
        "UPDATE payment.payments SET order_id = '$nothing' WHERE payment_id = '$declined_payment'",
    ],
    "order-payment": [
        "UPDATE payment.payments SET status = 'declined' WHERE payment_id = '$payment'",
        "UPDATE payment.payments SET order_id = '$pending_order' WHERE payment_id = '$payment'",
        "DELETE FROM payment.payments WHERE payment_id = '$payment'",
    ],
    "order-paid": [
        "UPDATE orders.orders SET status = 'paid' WHERE order_id = '$pending_order'",
        "UPDATE orders.orders SET status = 'refunded' WHERE order_id = '$free_order'",
    ],
    "order-of-nothing": [
        "UPDATE orders.orders SET total_minor = 0 WHERE order_id = '$pending_order'",
    ],
    "order-refunded": [
        "UPDATE payment.payments SET status = 'captured' WHERE payment_id = '$refunded_payment'",
    ],
    "payment-history-last": [
        "UPDATE payment.payments SET history = history - -1 WHERE payment_id = '$payment'",
        "UPDATE payment.payments SET status = 'unknown' WHERE payment_id = '$declined_payment'",
    ],
    "refund-within-payment": [
        "UPDATE payment.payments SET refunded_minor = 0 WHERE payment_id = '$payment'",
        "INSERT INTO payment.refunds (payment_id, amount_minor, currency)"
        " VALUES ('$payment', 1, 'EUR')",
        "UPDATE payment.payments SET amount_minor = 1000 WHERE payment_id = '$payment'",
    ],
    "refund-of-capture": [
        "UPDATE payment.payments SET status = 'unknown' WHERE payment_id = '$payment'",
        "UPDATE payment.refunds SET currency = 'USD' WHERE refund_id = '$refund'",
        "UPDATE payment.refunds SET payment_id = '$nothing' WHERE refund_id = '$refund'",
    ],
    "payment-refunded": [
        "UPDATE payment.payments SET status = 'refunded' WHERE payment_id = '$payment'",
        "UPDATE payment.refunds SET status = 'processing' WHERE refund_id = '$whole_refund'",
    ],
    "provider-charge-per-payment": [
        "INSERT INTO payment.sandbox_charges (payment_id, outcome, amount_minor, currency)"
        " VALUES ('$payment', 'captured', 3950, 'EUR')",
    ],
    "provider-charge-per-order": [
        "UPDATE payment.payments SET order_id = '$order' WHERE payment_id = '$refunded_payment'",
    ],
    "provider-charge-known": [
        "UPDATE payment.sandbox_charges SET payment_id = '$nothing' WHERE outcome = 'captured'",
        "UPDATE payment.sandbox_charges SET amount_minor = 1 WHERE outcome = 'captured'",
        "UPDATE payment.sandbox_charges SET outcome = 'captured'",
    ],
    "payment-captured": [
        "DELETE FROM payment.sandbox_charges WHERE payment_id = '$payment'",
    ],
    "provider-refund-known": [
        "DELETE FROM payment.refunds WHERE refund_id = '$refund'",
        "UPDATE payment.sandbox_refunds SET amount_minor = 1 WHERE refund_id = '$refund'",
    ],
    "refund-succeeded": ["DELETE FROM payment.sandbox_refunds WHERE refund_id = '$refund'"],
    "provider-refund-within-charge": [
        "UPDATE payment.sandbox_refunds SET amount_minor = 9999 WHERE refund_id = '$refund'",
        "DELETE FROM payment.sandbox_charges WHERE payment_id = '$payment'",
    ],
    "card-forgotten": [
        "UPDATE payment.payments SET token = 'tok_ok' WHERE payment_id = '$payment'",
        'UPDATE payment.payment_idempotency_keys SET body = \'{"token": "tok_ok"}\'',
    ],
}

_LEDGER = {
    "ledger-balances": [
        "UPDATE payment.entries SET amount_minor = 3949"
        " WHERE transaction_id = '$charge' AND account = 'cash'",
        "UPDATE payment.entries SET amount_minor = amount_minor * 2",
        "DELETE FROM payment.entries WHERE transaction_id = '$charge'",
    ],
    "ledger-charge-per-order": [
        "UPDATE payment.transactions SET kind = 'charge'",
    ],
    "ledger-charge-order": [
        "UPDATE payment.transactions SET amount_minor = 3949 WHERE kind = 'charge'",
        "UPDATE payment.transactions SET currency = 'USD' WHERE kind = 'charge'",
        "UPDATE payment.transactions SET order_id = '$nothing'",
    ],
    "ledger-refund-within-charge": [
        "UPDATE payment.transactions SET amount_minor = 3951 WHERE kind = 'refund'",
        "DELETE FROM payment.transactions WHERE kind = 'charge'",
    ],
    "ledger-balance-sums": [
        "UPDATE payment.balances SET refunded_minor = 0",
        "UPDATE payment.balances SET currency = 'USD'",
        "DELETE FROM payment.balances",
        "DELETE FROM payment.transactions",
    ],
}

_GOODS = {
    "stock-bounds": [
        "UPDATE warehouse.stock SET on_hand = -1, reserved = -2",
        "UPDATE warehouse.stock SET reserved = on_hand + 1",
    ],
    "stock-journal": [
        "UPDATE warehouse.stock SET on_hand = on_hand + 1 WHERE sku = 'BOWL'",
        "DELETE FROM warehouse.movements WHERE delta = -2",
    ],
    "stock-reserved": [
        "UPDATE warehouse.stock SET reserved = 4 WHERE sku = 'BOWL'",
        "UPDATE warehouse.reservations SET status = 'expired' WHERE status = 'held'",
        "UPDATE warehouse.reservation_items SET counted = false"
        " WHERE reservation_id = '$held_reservation'",
    ],
    "reservation-items": [
        "DELETE FROM warehouse.reservation_items WHERE reservation_id = '$held_reservation'",
    ],
    "reservation-movements": [
        "DELETE FROM warehouse.movements WHERE delta = -2",
        "UPDATE warehouse.movements SET delta = -4 WHERE delta = -2",
        "UPDATE warehouse.reservations SET status = 'released' WHERE status = 'committed'",
        "UPDATE warehouse.reservations SET status = 'committed' WHERE status = 'returned'",
        "INSERT INTO warehouse.movements (sku, delta, reason, reference)"
        " VALUES ('BOWL', -5, 'shipped', '$held_reservation')",
        "UPDATE warehouse.reservation_items SET counted = false"
        " WHERE reservation_id = '$reservation'",
    ],
    "job-per-order": ["UPDATE fulfilment.jobs SET order_id = '$order', status = 'completed'"],
    "job-order": [
        "UPDATE fulfilment.jobs SET order_id = '$nothing' WHERE job_id = '$failed_job'",
        "UPDATE orders.orders SET status = 'draft' WHERE order_id = '$pending_order'",
    ],
    "job-goods": [
        "UPDATE warehouse.reservations SET status = 'returned' WHERE status = 'committed'",
        "UPDATE warehouse.reservation_items SET quantity = 1 WHERE sku = 'CANDLE'",
        "DELETE FROM warehouse.reservation_items WHERE reservation_id = '$reservation'"
        " AND sku = 'BOWL'",
        "INSERT INTO warehouse.reservation_items VALUES ('$reservation', 'SPOON', 1)",
    ],
    "job-shipment": [
        "DELETE FROM shipping.shipments WHERE shipment_id = '$shipment'",
        "UPDATE shipping.shipments SET order_id = '$pending_order'",
    ],
    "job-completed": [
        "UPDATE orders.orders SET fulfilment_job_id = NULL WHERE order_id = '$order'",
        "UPDATE orders.orders SET shipment_id = '$second_shipment' WHERE order_id = '$order'",
    ],
    "job-steps": [
        "INSERT INTO fulfilment.job_steps (job_id, step, outcome)"
        " SELECT '$job', 'ship', 'done' FROM generate_series(1, 2)",
    ],
    "job-failed": [
        "UPDATE warehouse.reservations SET status = 'held'"
        " WHERE reservation_id = '$returned_reservation'",
    ],
    "order-goods-once": [
        "UPDATE warehouse.reservations SET status = 'committed', order_id = '$order'"
        " WHERE reservation_id = '$returned_reservation'",
    ],
    "order-hold": [
        "UPDATE orders.orders SET fulfilment_job_id = '$nothing' WHERE order_id = '$pending_order'",
        "UPDATE orders.orders SET fulfilment_job_id = '$job' WHERE order_id = '$pending_order'",
    ],
    "order-fulfilled": [
        "UPDATE orders.orders SET shipment_id = NULL WHERE order_id = '$order'",
        "UPDATE fulfilment.jobs SET status = 'reserved' WHERE job_id = '$job'",
        "UPDATE shipping.shipments SET order_id = '$pending_order'",
        # Shipped by hand, and no parcel is there.
        "UPDATE orders.orders SET status = 'fulfilled', shipment_id = '$nothing'"
        " WHERE order_id = '$pending_order'",
    ],
    "shipment-known": [
        "UPDATE orders.orders SET shipment_id = '$second_shipment' WHERE order_id = '$order'",
        # Cancelled behind the back of a parcel that was made by hand.
        "INSERT INTO shipping.shipments (shipment_id, order_id, tracking_number, carrier)"
        " VALUES ('$no_shipment', '$cancelled_order', 'SP00000003', 'Post')",
        "UPDATE orders.orders SET status = 'paid', shipment_id = NULL,"
        " promised_shipment_id = '$no_shipment' WHERE order_id = '$order'",
    ],
    "shipment-per-order": ["UPDATE shipping.shipments SET only_one = true"],
    "shipment-order": [
        "UPDATE shipping.shipments SET order_id = '$nothing'"
        " WHERE shipment_id = '$second_shipment'",
    ],
    "shipment-tracking": ["UPDATE shipping.shipments SET tracking_number = 'SP00000001'"],
    "shipment-last": [
        "UPDATE shipping.shipments SET status = 'delivered'",
        "INSERT INTO shipping.shipment_events (shipment_id, seq, status)"
        " VALUES ('$shipment', 3, 'returned')",
        "DELETE FROM shipping.shipment_events WHERE shipment_id = '$second_shipment'",
    ],
    "shipment-path": [
        "UPDATE shipping.shipment_events SET seq = 3 WHERE seq = 2",
        "UPDATE shipping.shipment_events SET status = 'exception' WHERE seq = 1",
        "UPDATE shipping.shipment_events SET recorded_at = '2026-01-01' WHERE seq = 2",
    ],
}

_PROMISES = {
    "acknowledged": [
        "DELETE FROM orders.orders WHERE order_id = '$order'",
        "UPDATE orders.orders SET status = 'draft' WHERE order_id = '$order'",
        "DELETE FROM payment.payments WHERE payment_id = '$payment'",
        "DELETE FROM customer.customers WHERE customer_id = '$customer'",
    ],
    "acknowledged-total": ["UPDATE orders.orders SET total_minor = 3951"],
    "answer-whole": ["UPDATE orders.order_idempotency_keys SET body = NULL"],
    "own-tables-only": [
        "GRANT SELECT ON orders.orders TO cart_app",
        "GRANT UPDATE (status) ON payment.payments TO transaction_app",
        "GRANT SELECT ON payment.balances TO payment_app",
        "GRANT DELETE ON warehouse.stock TO PUBLIC",
    ],
    "append-only": [
        "GRANT UPDATE (delta) ON warehouse.movements TO warehouse_app",
        "GRANT DELETE ON payment.entries TO transaction_app",
    ],
    "humble-roles": [
        "ALTER ROLE cart_app CREATEDB",
        "ALTER TABLE cart.carts OWNER TO cart_app",
        "GRANT orders_owner TO order_app",
    ],
    "auditor-reads": ["GRANT INSERT ON warehouse.movements TO auditor"],
}

_LIVENESS = {
    "draft-finished": ["UPDATE orders.orders SET status = 'draft', created_at = $long_ago"],
    "payment-decided": [
        "UPDATE payment.payments SET status = 'unknown', created_at = $long_ago",
        "UPDATE payment.payments SET status = 'processing', created_at = $long_ago",
    ],
    "payment-told": [
        "UPDATE payment.payments SET order_told = NULL, updated_at = $long_ago",
        "UPDATE payment.payments SET order_told = 'captured', updated_at = $long_ago",
    ],
    "capture-arrives": [
        "UPDATE payment.payments SET updated_at = $long_ago;"
        "UPDATE orders.orders SET payment_id = NULL",
    ],
    "refund-succeeds": ["UPDATE payment.refunds SET status = 'processing', created_at = $long_ago"],
    "refund-arrives": [
        "UPDATE payment.payments SET updated_at = $long_ago;"
        "UPDATE orders.orders SET status = 'cancelled'",
    ],
    "cancelled-refunded": ["UPDATE orders.orders SET status = 'cancelled', updated_at = $long_ago"],
    "reservation-expires": [
        "UPDATE warehouse.reservations SET expires_at = $long_ago WHERE status = 'held'"
    ],
    "claim-ends": [
        "INSERT INTO shipping.claims (shipment_id, order_id, carrier, created_at)"
        " VALUES ('$no_shipment', '$pending_order', 'Post', $long_ago)"
    ],
    "job-ends": [
        "UPDATE fulfilment.jobs SET next_step = 'ship', attempts = 5, created_at = $long_ago"
    ],
    "job-lets-go": [
        "UPDATE orders.orders SET fulfilment_job_id = '$failed_job',"
        " updated_at = $long_ago WHERE order_id = '$pending_order'"
    ],
}

# Of the one who was erased long ago, and whose order is older still.
_LIVENESS["erased-everywhere"] = [
    "UPDATE orders.orders SET shipping_address = '{}' WHERE customer_id = '$erased'",
    "UPDATE orders.order_history SET reason = 'x' WHERE order_id = '$cancelled_order'",
    "UPDATE payment.payments SET last4 = '4242', updated_at = '2026-01-01'"
    " WHERE payment_id = '$refunded_payment'",
    "UPDATE payment.refunds SET reason = 'x', created_at = '2026-01-01'"
    " WHERE refund_id = '$whole_refund'",
    "INSERT INTO shipping.shipments"
    " (shipment_id, order_id, tracking_number, carrier, address, created_at) VALUES"
    " ('$no_shipment', '$cancelled_order', 'SP00000003', 'Post', '{}', '2026-01-01')",
    "INSERT INTO shipping.claims (shipment_id, order_id, carrier, address, created_at)"
    " VALUES ('$no_shipment', '$cancelled_order', 'Post', '{}', '2026-01-01')",
    "INSERT INTO shipping.shipments"
    " (shipment_id, order_id, tracking_number, carrier, created_at) VALUES"
    " ('$no_shipment', '$cancelled_order', 'SP00000003', 'Post', '2026-01-01');"
    "INSERT INTO shipping.shipping_idempotency_keys"
    " (scope, key, fingerprint, resource_id, status, headers, body, created_at) VALUES"
    " ('POST /shipments', 'old', '', '$no_shipment', 201, '{}',"
    """ '{"address": {"city": "Cork"}}', '2026-01-01')""",
    "INSERT INTO orders.order_idempotency_keys"
    " (scope, key, fingerprint, resource_id, status, headers, body, created_at) VALUES"
    " ('POST /orders', 'old', '', '$cancelled_order', 201, '{}',"
    """ '{"shipping_address": {"city": "Cork"}}', '2026-01-01')""",
    "INSERT INTO orders.order_idempotency_keys"
    " (scope, key, fingerprint, resource_id, status, headers, body, created_at) VALUES"
    " ('POST /cancel', 'old', '', '$cancelled_order', 200, '{}',"
    """ '{"history": [{"reason": "x"}]}', '2026-01-01')""",
]

VIOLATIONS: dict[str, list[str]] = {
    **_CATALOGUE,
    **_ORDERS,
    **_PAYMENTS,
    **_LEDGER,
    **_GOODS,
    **_PROMISES,
    **_LIVENESS,
}
