INSERT INTO search.index
       (sku, name, description, category, price, currency, attributes, in_stock)
SELECT sku, name, description, category, price_minor / 100.0, 'EUR', attributes,
       scale.chance(number, 9) % 10 > 0
  FROM scale.goods;

INSERT INTO search.vocabulary (word)
SELECT word FROM ts_stat('SELECT words FROM search.index')
 WHERE search.learnable(word);

INSERT INTO search.search_idempotency_keys
       (scope, key, fingerprint, status, headers, body, created_at)
SELECT 'POST /index/bulk', sku, sha256(sku::bytea), 200, '{"Content-Type": "application/json"}',
       convert_to('{"indexed":1}' || repeat(' ', 200), 'UTF8'),
       now() - ($products - number) * (interval '47 hours' / $products)
  FROM scale.goods WHERE number % 20 = 0;
