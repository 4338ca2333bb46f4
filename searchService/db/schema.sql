-- The searchable product index. Applied by search_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS search;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA search;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA search;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA search;

-- English stems. Every word is indexed; words that say nothing are left out of questions only,
-- and not where a question has no other ("The Who").
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_ts_config
                    WHERE cfgname = 'words' AND cfgnamespace = 'search'::regnamespace) THEN
        CREATE TEXT SEARCH DICTIONARY search.stem (TEMPLATE = snowball, Language = english);
        CREATE TEXT SEARCH CONFIGURATION search.words (COPY = pg_catalog.english);
        ALTER TEXT SEARCH CONFIGURATION search.words
            ALTER MAPPING REPLACE english_stem WITH search.stem;
    END IF;
END $$;

-- Text as words: lower case, no accents, no apostrophes, one space between. Collations are named,
-- so that nothing depends on the server's locale. Immutable as long as unaccent's rules are.
CREATE OR REPLACE FUNCTION search.folded(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(
    replace(lower(search.unaccent('search.unaccent', normalize($1, NFKC)) COLLATE pg_c_utf8),
            '''', ''),
    '[^[:alnum:]]+' COLLATE pg_c_utf8, ' ', 'g'));

-- What a text is found by: the stems of its words, and the words themselves for prefixes (the
-- stem of happiness is happi, and happine is a prefix of the word only).
CREATE OR REPLACE FUNCTION search.lexemes(text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_tsvector('search.words', text) || to_tsvector('pg_catalog.simple', text)
      FROM (SELECT search.folded($1) AS text OFFSET 0) folded;  -- OFFSET: folded once, not twice
END;

CREATE TABLE IF NOT EXISTS search.index (
    sku         text COLLATE "C" PRIMARY KEY CHECK (sku ~ '^[A-Za-z0-9._-]{1,64}$'),
    name        text NOT NULL CHECK (name ~ '\S' AND length(name) <= 200),
    description text CHECK (length(description) <= 10000),
    category    text CHECK (category ~ '\S' AND length(category) <= 100),
    price       numeric(14, 4) CHECK (price BETWEEN 0 AND 9999999999.99),  -- major units; no NaN
    currency    text CHECK (currency ~ '^[A-Z]{3}$'),
    attributes  jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    in_stock    boolean NOT NULL DEFAULT true,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    words       tsvector NOT NULL GENERATED ALWAYS AS (
                    setweight(search.lexemes(name), 'A')
                    || setweight(coalesce(search.lexemes(category), ''), 'B')
                    || setweight(coalesce(search.lexemes(description), ''), 'C')) STORED,
    -- What names are sorted by; cut, so that it fits into a cursor.
    name_key    text COLLATE "C" NOT NULL
                GENERATED ALWAYS AS (left(search.folded(name), 64)) STORED,
    -- In the order they came.
    number      bigint GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT price_has_a_currency CHECK ((price IS NULL) = (currency IS NULL))
);

-- There was a time when documents were not numbered.
ALTER TABLE search.index ADD COLUMN IF NOT EXISTS number bigint GENERATED ALWAYS AS IDENTITY;

-- GET /search by words.
CREATE INDEX IF NOT EXISTS index_words ON search.index USING gin (words);
-- The same for parts of the documents, which is all that a common word is looked up in once there
-- are very many: a seventh more to index. Neighbours are taken together, so that a part is on few
-- pages, which stay in memory; and not too many of them, for what came together is alike.
CREATE INDEX IF NOT EXISTS index_words_of_8 ON search.index USING gin (words)
    WHERE number / 128 % 8 = 0;
CREATE INDEX IF NOT EXISTS index_words_of_64 ON search.index USING gin (words)
    WHERE number / 128 % 64 = 0;
CREATE INDEX IF NOT EXISTS index_words_of_256 ON search.index USING gin (words)
    WHERE number / 128 % 256 = 0;
-- Its filter by stock, for the answer that few documents give.
CREATE INDEX IF NOT EXISTS index_in_stock ON search.index (in_stock);
-- Its sorts; what has no price comes last both ways.
CREATE INDEX IF NOT EXISTS index_by_name ON search.index (name_key, sku);
CREATE INDEX IF NOT EXISTS index_by_price
    ON search.index (coalesce(price, 'Infinity'), sku);
CREATE INDEX IF NOT EXISTS index_by_price_falling
    ON search.index (coalesce(-price, 'Infinity'), sku);
-- Its filter by category, with or without one by price.
DROP INDEX IF EXISTS search.index_category;
CREATE INDEX IF NOT EXISTS index_by_category
    ON search.index (category, coalesce(price, 'Infinity'), sku);

-- Every word, and stem, that documents have had: where a word not typed to its end finds how it may
-- go on, and a misspelt one its neighbours. It stays when its last document goes; then it leads
-- nowhere, which harms nobody.
CREATE TABLE IF NOT EXISTS search.vocabulary (
    word text COLLATE "C" PRIMARY KEY CHECK (length(word) BETWEEN 3 AND 40)
);
CREATE INDEX IF NOT EXISTS vocabulary_trigrams
    ON search.vocabulary USING gin (word search.gin_trgm_ops);

-- There was a time when words with digits were not learned.
INSERT INTO search.vocabulary (word)
SELECT word FROM ts_stat('SELECT words FROM search.index')
 WHERE length(word) BETWEEN 3 AND 40 AND word ~ '[0-9]'
   AND NOT EXISTS (SELECT FROM search.vocabulary WHERE word ~ '[0-9]')
ON CONFLICT DO NOTHING;

-- Loads pg_trgm into this session: only then may its owner set the extension's parameter below.
SELECT search.show_limit();

-- Up to five stems that a word which no document has was probably meant to be, as a tsquery; null
-- for a word that is known, too short, too long, or a number. A `prefix` that leads somewhere is a
-- word not typed to its end yet, unless it is long enough to be one.
CREATE OR REPLACE FUNCTION search.neighbours(
    asked text, exact text, prefix text, labels text) RETURNS text
LANGUAGE plpgsql STABLE
-- Low, for transpositions in short words; the edit distance decides.
SET pg_trgm.similarity_threshold = 0.25
-- Whether a word exists is asked of the index: the planner expects it everywhere, and would read
-- the table until it came by.
SET enable_seqscan = off
AS $$ BEGIN
    IF length(asked) NOT BETWEEN 4 AND 40 OR asked ~ '[0-9]'
       OR EXISTS (SELECT FROM search.index WHERE words @@ exact::tsquery)
       OR length(asked) = 4 AND EXISTS (SELECT FROM search.index WHERE words @@ prefix::tsquery)
    THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT string_agg(format('''%s'':%s', stem, labels), ' | ')
          FROM (SELECT (ts_lexize('search.stem', word))[1] AS stem FROM search.vocabulary
                 WHERE word OPERATOR(search.%) asked AND word !~ '[0-9]'
                   AND search.levenshtein_less_equal(word, asked, 2) <= 2
                 GROUP BY stem
                 ORDER BY min(search.levenshtein_less_equal(word, asked, 2)),
                          max(search.similarity(word, asked)) DESC, stem
                 LIMIT 5) nearest);
END $$;

-- The words that begin like this one, as a tsquery; null where every document with one of them has
-- the word's own stem as well. Looking them up one by one lets the index go by the rarest part of a
-- question; a prefix in it makes it list all documents with any of them. That is left to beginnings
-- that too many words have, or that are not in the vocabulary.
DROP FUNCTION IF EXISTS search.continued(text, text);
CREATE OR REPLACE FUNCTION search.continued(asked text, stem text, labels text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$ DECLARE
    ways text[] := ARRAY(
        SELECT word FROM search.vocabulary
         WHERE word >= asked COLLATE "C" AND word < (asked || chr(1114111)) COLLATE "C" LIMIT 17);
BEGIN
    IF length(asked) < 3 OR cardinality(ways) NOT BETWEEN 1 AND 16 THEN
        RETURN format('''%s'':*%s', asked, labels);
    END IF;
    -- A document that has a word has its stem: where that is asked for anyway, the word would only
    -- make the index list the same documents twice.
    RETURN (
        SELECT string_agg(format('''%s'':%s', word, labels), ' | ')
          FROM (SELECT word, (ts_lexize('search.stem', word))[1] AS root
                  FROM unnest(ways) AS word) way
         WHERE root <> stem AND (root = word OR root <> ALL (ways)));
END $$;

-- Whether a word is so common that the first documents that come along have it. Asked before the
-- index is, which would list all documents that have it.
CREATE OR REPLACE FUNCTION search.common(asked text) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM (SELECT words FROM search.index LIMIT 300) sample WHERE words @@ asked::tsquery);

-- What a question means, as two tsqueries: `typed` takes its words as they stand (the last one as
-- a prefix too), `wide` also takes the neighbours of those that are probably misspelt. Null where
-- it has no word. `labels` narrows both to some weights. Its words are letters and digits only,
-- so the quotes here are enough.
CREATE OR REPLACE FUNCTION search.meaning(
    asked text, labels text, OUT typed text, OUT wide text)
LANGUAGE plpgsql STABLE
AS $$ BEGIN
    WITH every_word AS (
        SELECT left(word, 100) AS word, place,
               ts_lexize('pg_catalog.english_stem', word) = '{}' AS says_nothing
          FROM string_to_table(search.folded(asked), ' ') WITH ORDINALITY AS split (word, place)
         WHERE word <> '' AND place <= 16
    ), telling AS (
        SELECT word, place = max(place) OVER () AS is_last
          FROM every_word
         WHERE NOT says_nothing OR (SELECT bool_and(says_nothing) FROM every_word)
    ), stemmed AS (
        SELECT word, is_last, (ts_lexize('search.stem', word))[1] AS stem FROM telling
    ), term AS (
        SELECT word, is_last, format('''%s'':%s', stem, labels) AS exact,
               CASE WHEN is_last THEN search.continued(word, stem, labels) END AS prefix
          FROM stemmed
    ), taken AS (
        SELECT concat_ws(' | ', exact, prefix) AS plain,
               CASE WHEN NOT (search.common(exact)
                              OR is_last AND length(word) = 4 AND search.common(prefix))
                    THEN search.neighbours(word, exact, prefix, labels) END AS near
          FROM term
    )
    SELECT string_agg(format('(%s)', plain), ' & '),
           string_agg(format('(%s)', concat_ws(' | ', plain, near)), ' & ')
      INTO typed, wide FROM taken;
END $$;

CREATE TABLE IF NOT EXISTS search.search_idempotency_keys (
    scope       text NOT NULL,
    key         text NOT NULL,
    fingerprint bytea NOT NULL,
    resource_id uuid,
    status      smallint,  -- null until answered
    headers     jsonb,
    body        bytea,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (scope, key)
);
-- Old keys are deleted in batches, the oldest first. No BRIN: new rows take the places of deleted
-- ones, and then every part of the table holds old and new.
DROP INDEX IF EXISTS search.search_idempotency_keys_age;
CREATE INDEX IF NOT EXISTS search_idempotency_keys_oldest
    ON search.search_idempotency_keys (created_at);
-- Vacuumed long before a fifth of them is dead.
ALTER TABLE search.search_idempotency_keys SET (autovacuum_vacuum_scale_factor = 0.02);

-- Which of the texts in here are personal: tests/personal.py reads it.
-- not personal: index (sku, name, description, category, currency, attributes, words, name_key),
--   vocabulary (word), search_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA search TO search_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON search.index TO search_app;
GRANT SELECT, INSERT ON search.vocabulary TO search_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON search.search_idempotency_keys TO search_app;
