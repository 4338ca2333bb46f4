-- Carts, orders and customers. An order is a draft until its cart is closed for it.

-- order-per-cart: A cart makes one order at most.
SELECT cart_id, count(*) AS orders FROM orders.orders GROUP BY cart_id HAVING count(*) > 1;

-- order-cart-closed: The cart of an order is closed, for that order.
SELECT placed.order_id, placed.cart_id, cart.status, cart.order_id AS closed_for
  FROM orders.orders placed LEFT JOIN cart.carts cart USING (cart_id)
 WHERE placed.status <> 'draft'
   AND (cart.status, cart.order_id) IS DISTINCT FROM ('checked_out', placed.order_id);

-- cart-closed-order: A closed cart was closed for an order that exists, and was made from it.
SELECT cart.cart_id, cart.order_id
  FROM cart.carts cart LEFT JOIN orders.orders USING (order_id, cart_id)
 WHERE cart.status = 'checked_out' AND orders.order_id IS NULL;

-- order-holds-cart: An order holds what was in its cart, no more and no less.
WITH line AS (
    SELECT cart_id, sku, quantity
      FROM orders.orders JOIN orders.order_lines USING (order_id) WHERE status <> 'draft'
), item AS (
    SELECT cart_id, sku, quantity
      FROM cart.carts JOIN cart.cartlines USING (cart_id) WHERE status = 'checked_out'
       AND EXISTS (SELECT FROM orders.orders placed
                    WHERE placed.cart_id = carts.cart_id AND placed.status <> 'draft')
)
SELECT cart_id, sku, item.quantity AS in_cart, line.quantity AS ordered
  FROM line FULL JOIN item USING (cart_id, sku) WHERE line.quantity IS DISTINCT FROM item.quantity;

-- order-customer: An order's customer exists, and is the cart's if that names one.
SELECT placed.order_id, placed.customer_id, cart.customer_id AS cart_customer_id
  FROM orders.orders placed
  LEFT JOIN customer.customers customer USING (customer_id)
  LEFT JOIN cart.carts cart USING (cart_id)
 WHERE customer.customer_id IS NULL OR cart.customer_id <> placed.customer_id;

-- order-line-total: A line's total is its quantity times its price.
SELECT order_id, sku, quantity, unit_price_minor, line_total_minor FROM orders.order_lines
 WHERE line_total_minor <> quantity * unit_price_minor;

-- order-total: An order's total is the exact sum of its lines, and it has some.
SELECT order_id, total_minor, sum(line_total_minor) AS lines
  FROM orders.orders LEFT JOIN orders.order_lines USING (order_id)
 GROUP BY order_id, total_minor HAVING total_minor IS DISTINCT FROM sum(line_total_minor);

-- order-history-last: The last entry of an order's history is its status.
SELECT order_id, placed.status, last.status AS history
  FROM orders.orders placed LEFT JOIN (
      SELECT DISTINCT ON (order_id) order_id, status FROM orders.order_history
       ORDER BY order_id, at DESC) last USING (order_id)
 WHERE placed.status <> 'draft' AND placed.status IS DISTINCT FROM last.status;

-- order-history-path: An order's history begins at pending, and takes only steps that exist.
SELECT order_id, before, status FROM (
    SELECT order_id, status, lag(status) OVER (PARTITION BY order_id ORDER BY at) AS before
      FROM orders.order_history) step
 WHERE (coalesce(before, 'nothing'), status) NOT IN (
    ('nothing', 'pending'), ('pending', 'paid'), ('pending', 'fulfilled'), ('paid', 'fulfilled'),
    ('pending', 'cancelled'), ('paid', 'cancelled'),
    ('paid', 'refunded'), ('fulfilled', 'refunded'), ('cancelled', 'refunded'));

-- customer-erased: Of an erased customer nothing personal is left, nor in any answer that is kept.
SELECT customer_id FROM customer.customers customer
 WHERE erased_at IS NOT NULL
   AND (num_nonnulls(email, email_key, twin_of, name, phone, address) > 0
        OR EXISTS (SELECT FROM customer.customer_idempotency_keys
                    WHERE resource_id = customer.customer_id));

-- customer-email: An e-mail address belongs to one customer, however it is written, but for the twins
-- of an older version (GET /twins).
SELECT email_key, count(*) AS customers FROM customer.customers
 WHERE erased_at IS NULL AND twin_of IS NULL GROUP BY email_key HAVING count(*) > 1;
