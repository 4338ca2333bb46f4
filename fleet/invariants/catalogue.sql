-- The catalogue, and who points at it. Nothing is ever deleted from it: products are withdrawn.

-- product-price: A product's price is not below zero.
SELECT sku, price_minor FROM product.products WHERE price_minor < 0;

-- cart-product: What lies in a cart is in the catalogue.
SELECT cart_id, sku FROM cart.cartlines LEFT JOIN product.products product USING (sku)
 WHERE product.sku IS NULL;

-- order-product: What was ordered is in the catalogue.
SELECT order_id, sku FROM orders.order_lines LEFT JOIN product.products product USING (sku)
 WHERE product.sku IS NULL;
