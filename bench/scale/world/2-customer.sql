INSERT INTO customer.customers
       (customer_id, email, email_key, name, address, created_at, updated_at, erased_at)
SELECT scale.customer(number), 'c' || number || '@example.org', 'c' || number || '@example.org',
       'Customer ' || number,
       '{"line1": "1 Quay Street", "city": "Cork", "postal_code": "T12 AB34", "country": "IE"}'::jsonb,
       '$end'::timestamptz, '$end'::timestamptz, NULL::timestamptz
  FROM generate_series(1::bigint, $customers) AS number WHERE NOT scale.erased(number)
UNION ALL
SELECT customer_id, NULL, NULL, NULL, NULL, '$end', '$end', '$end' FROM scale.erasures;

INSERT INTO customer.subject_requests (customer_id, kind, created_at)
SELECT customer_id, 'erasure', '$end' FROM scale.erasures ORDER BY number;

INSERT INTO customer.customer_idempotency_keys
       (scope, key, fingerprint, resource_id, status, headers, body, created_at)
SELECT 'POST /customers', 'c' || number, sha256(number::text::bytea), scale.customer(number), 201,
       '{"Content-Type": "application/json"}',
       convert_to(format('{"customer_id":"%s"}', scale.customer(number)), 'UTF8'),
       now() - ($customers - number) * (interval '47 hours' / $customers)
  FROM generate_series(1::bigint, $customers) AS number WHERE number % 20 = 0;
