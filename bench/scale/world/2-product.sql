INSERT INTO product.products
       (sku, name, description, price_minor, currency, category, attributes)
SELECT sku, name, description, price_minor, 'EUR', category, attributes FROM scale.goods;

INSERT INTO product.product_catalogue_idempotency_keys
       (scope, key, fingerprint, status, headers, body, created_at)
SELECT 'POST /products/bulk', sku, sha256(sku::bytea), 200, '{"Content-Type": "application/json"}',
       convert_to('{"created":1}' || repeat(' ', 200), 'UTF8'),
       now() - ($products - number) * (interval '47 hours' / $products)
  FROM scale.goods WHERE number % 20 = 0;
