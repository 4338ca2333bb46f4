-- How the world is made up: everything follows from a number, so that each size has the same kinds
-- of rows, and tables are filled side by side. $products, $customers and $orders are how many.

CREATE SCHEMA scale;

CREATE FUNCTION scale.chance(number bigint, salt integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashint8extended(number, salt) & 2147483647;

-- An id as uuidv7() would have minted it at that time. One purchase has one id, and its row in each
-- table has that id: no two of a table are alike.
CREATE FUNCTION scale.id(at timestamptz, number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008'
        || lpad(to_hex(number), 15, '0'))::uuid;

-- Two years of purchases, the last one an hour ago.
CREATE FUNCTION scale.bought_at(number bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '$end'::timestamptz - ($orders - number + 1) * (interval '2 years' / $orders);

CREATE FUNCTION scale.customer(number bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN scale.id('$end'::timestamptz - interval '2 years' - ($customers - number) * interval '10 s',
                number);

-- One in fifty has been erased.
CREATE FUNCTION scale.erased(number bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN number % 50 = 7;

CREATE FUNCTION scale.picked(words text, number bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (string_to_array(words, ' '))
       [(1 + number % cardinality(string_to_array(words, ' ')))::integer];

-- A maker's name, of three syllables: twenty products have it, however many there are. The other
-- words of a name are common: the more products, the more have them.
CREATE FUNCTION scale.maker(number bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN initcap(scale.picked('$syllables', number % 64)
               || scale.picked('$syllables', number / 64 % 64)
               || scale.picked('$syllables', number * 31 / 4096 % 64) || 'r');

CREATE UNLOGGED TABLE scale.goods AS
SELECT number, upper(left(thing, 3)) || '-' || lpad(number::text, 7, '0') AS sku,
       concat_ws(' ', scale.maker(number % greatest($products / 20, 1)), style, material, thing)
           AS name,
       format('A %s %s of %s, made by hand in small numbers. Lovely beside any %s.',
              lower(style), lower(thing), lower(material), lower(beside)) AS description,
       material AS category, 100 + scale.chance(number, 5) % 49900 AS price_minor,
       jsonb_build_object('material', lower(material),
                          'grams', 50 + scale.chance(number, 6) % 4950) AS attributes
  FROM (SELECT number, scale.picked('$styles', scale.chance(number, 1)) AS style,
               scale.picked('$materials', scale.chance(number, 2)) AS material,
               scale.picked('$things', scale.chance(number, 3)) AS thing,
               scale.picked('$things', scale.chance(number, 4)) AS beside
          FROM generate_series(0::bigint, $products - 1) AS number) chosen;
CREATE UNIQUE INDEX ON scale.goods (number);
ANALYZE scale.goods;

-- One to three lines a purchase, of different goods.
CREATE UNLOGGED TABLE scale.lines AS
SELECT purchase.number, scale.id(scale.bought_at(purchase.number), purchase.number) AS id, place,
       sku, name, quantity, price_minor
  FROM (SELECT number, place, 1 + (number + place) % 3 AS quantity,
               (scale.chance(number, 7) + place * 7919) % $products AS good
          FROM generate_series(1::bigint, $orders) AS number
         CROSS JOIN generate_series(1, 3) AS place WHERE place <= 1 + number % 3) purchase
  JOIN scale.goods ON goods.number = good;

-- Of a hundred purchases 88 are fulfilled, and three each cancelled, refunded, paid and pending.
CREATE UNLOGGED TABLE scale.purchases AS
SELECT number, id, scale.bought_at(number) AS at, total_minor,
       scale.customer(buyer) AS customer_id, scale.erased(buyer) AS erased,
       CASE WHEN number % 100 < 88 THEN 'fulfilled' WHEN number % 100 < 91 THEN 'cancelled'
            WHEN number % 100 < 94 THEN 'refunded' WHEN number % 100 < 97 THEN 'paid'
            ELSE 'pending' END AS status,
       lines
  FROM (SELECT number, id, 1 + scale.chance(number, 8) % $customers AS buyer,
               sum(quantity * price_minor)::bigint AS total_minor,
               '[' || string_agg(format('{"sku":"%s","quantity":%s}', sku, quantity), ',') || ']'
                   AS lines
          FROM scale.lines GROUP BY number, id) summed
 ORDER BY number;
ANALYZE scale.lines, scale.purchases;

-- What was asked of every service that holds something of the erased.
CREATE UNLOGGED TABLE scale.erasures AS
SELECT row_number() OVER (ORDER BY number) AS number, scale.customer(number) AS customer_id,
       coalesce(orders, '{}') AS orders
  FROM generate_series(1::bigint, $customers) AS number
  LEFT JOIN (SELECT customer_id, array_agg(id) AS orders FROM scale.purchases WHERE erased
              GROUP BY customer_id) placed ON placed.customer_id = scale.customer(number)
 WHERE scale.erased(number);
