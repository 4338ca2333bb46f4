-- The searchable product index. Applied by search_owner; safe to apply again.

CREATE SCHEMA IF NOT EXISTS search;
CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA search;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA search;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch SCHEMA search;

-- English stems. Every word is indexed; words that say nothing are left out of questions only,
-- and not where a question has no other ("The Who").
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_ts_dict
                    WHERE dictname = 'stem' AND dictnamespace = 'search'::regnamespace) THEN
        CREATE TEXT SEARCH DICTIONARY search.stem (TEMPLATE = snowball, Language = english);
    END IF;
END $$;

-- The letters of the scripts that write few spaces between words, as a class of a regular
-- expression: Thai, Lao, Myanmar, Khmer, Chinese, Japanese, Korean.
CREATE OR REPLACE FUNCTION search.unspaced() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf\u1000-\u104a\u1050-\u109f'
    '\u1100-\u11ff\u1780-\u17d3\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3031-\u3035\u303b'
    '\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff'
    '\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff';

-- Letters as they are compared: no case, no accents or points, nothing invisible, and one form of
-- what has several (full and half width, hiragana as katakana, digits as ASCII). Collations are
-- named, so that nothing depends on the server's locale. Immutable as long as unaccent's rules are.
CREATE OR REPLACE FUNCTION search.letters(text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$ DECLARE
    text text := $1;
BEGIN
    IF octet_length(text) = length(text) THEN  -- ASCII
        RETURN lower(text COLLATE "C");
    END IF;
    -- Between Arabic letters, a joiner stands where others write a hyphen or nothing. Elsewhere, it
    -- says how letters look, as other format characters and variation selectors do.
    text := regexp_replace(text, '(?<=[\u0620-\u06ff])\u200c(?=[\u0620-\u06ff])', '-', 'g');
    text := regexp_replace(text,
        '[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f'
        '\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\ufff9-\ufffb'
        '\U000e0000-\U000e0fff]', '', 'g');
    -- Otherwise, they would become letters.
    text := translate(text, '™℠©®', '    ');
    text := normalize(casefold(normalize(text, NFKC) COLLATE pg_unicode_fast), NFKD);
    -- й and ў are letters of their own.
    text := regexp_replace(text,
        '[\u0300-\u0305\u0307-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7'
        '\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed'
        '\u0711\u0730-\u074a\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc'
        '\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]|(?<![иу])\u0306', '', 'g');
    text := translate(normalize(text, NFKC),
        'ٱىیېةكڪ’ʼ×'
        '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯'
        '๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙၀၁၂၃၄၅၆၇၈၉០១២៣៤៥៦៧៨៩'
        'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとど'
        'なにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖゝゞ',
        'ايييهکک''''x'
        '0123456789012345678901234567890123456789'
        '0123456789012345678901234567890123456789'
        'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトド'
        'ナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶヽヾ');
    RETURN search.unaccent('search.unaccent', text);
END $$;

-- A text cut into its words, with a space between. Parts of a word have `-` between them where it
-- is written with a hyphen, an apostrophe or the like, or where scripts meet: they may stand apart
-- too. They have `~` between them where digits meet letters, and between unspaced letters: those
-- belong together.
CREATE OR REPLACE FUNCTION search.cut(text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$ DECLARE
    cut text := search.letters($1);
    digits boolean := cut ~ '[0-9]';
BEGIN
    IF digits THEN  -- 1,000 is 1000, and 1,5 is 1.5
        cut := regexp_replace(cut, '([0-9])[.,](?=[0-9]{3}(?![0-9]))', '\1', 'g');
        cut := regexp_replace(cut, '([0-9]),(?=[0-9])', '\1.', 'g');
        cut := regexp_replace(cut, '(^|[^0-9])\.|\.(?![0-9])', '\1-', 'g');
    ELSE
        cut := replace(cut, '.', '-');
    END IF;
    cut := translate(cut, '''/&+_·・‐', '--------');
    IF octet_length(cut) = length(cut) THEN
        cut := regexp_replace(cut, '[^a-z0-9.-]+', ' ', 'g');
    ELSE
        cut := regexp_replace(cut,
            -- In scripts that came from India, signs that are no letters are part of a word too.
            '[^[:alnum:].\u0900-\u0963\u0971-\u0df3\u0e01-\u0e3a\u0e40-\u0e4e\u0e80-\u0edf'
            '\u0f18\u0f19\u0f35\u0f37\u0f39\u0f3e-\u0f84\u0f86-\u0fbc\u1000-\u1049\u1050-\u109f'
            '\u1780-\u17d3\u17dd-]+' COLLATE pg_c_utf8, ' ', 'g');
        IF cut ~ format('[%s]', search.unspaced()) THEN
            cut := regexp_replace(
                cut, format('([%1$s])(?=[0-9%1$s])', search.unspaced()), '\1~', 'g');
            cut := regexp_replace(cut, format('([%s])(?=[^ ~-])', search.unspaced()), '\1-', 'g');
            cut := regexp_replace(
                cut, format('([^ ~0-9%1$s-])(?=[%1$s])', search.unspaced()), '\1-', 'g');
        END IF;
    END IF;
    IF digits THEN
        cut := regexp_replace(cut, '([0-9])(?=[^ 0-9.~-])', '\1~', 'g');
        cut := regexp_replace(cut, '([^ 0-9.~-])(?=[0-9])', '\1~', 'g');
    END IF;
    RETURN cut;
END $$;

-- Text as its words: what names are sorted by, and what a beginning is compared with.
CREATE OR REPLACE FUNCTION search.folded(text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(translate(search.cut($1), '-~', ' '));

CREATE OR REPLACE FUNCTION search.stem(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (ts_lexize('search.stem', word))[1];

-- A word and its stem, as a part of a tsvector. A word is letters, digits and points only, so the
-- quotes are enough, here and below. Each cast and operator is immutable: otherwise, it would be called
-- for each word, where it now stands in the statement that asks for it.
CREATE OR REPLACE FUNCTION search.lexeme(word text, place bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '''' || word || ''':' || place::text
    || ' ''' || search.stem(word) || ''':' || place::text;

-- What a text is found by: the stems of its words, and the words themselves for prefixes (the stem
-- of happiness is happi, and happine is a prefix of the word only). A word of parts is found by
-- each of them, and by all in one, and what is unspaced by each letter, and by each two neighbours.
CREATE OR REPLACE FUNCTION search.lexemes(text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET plan_cache_mode = force_generic_plan  -- in a session that makes each plan anew
AS $$ DECLARE
    cut text := search.cut($1);
    found text;
BEGIN
    IF cut !~ '[~-]' THEN
        SELECT string_agg(search.lexeme(left(word, 100), place), ' ') INTO found
          FROM string_to_table(cut, ' ') WITH ORDINALITY AS split (word, place)
         WHERE word <> '';
        RETURN coalesce(found, '')::tsvector;
    END IF;
    WITH word AS (
        SELECT word, CASE WHEN word LIKE '%-%' AND word !~ ('[' || search.unspaced() || ']')
                          THEN left(translate(word, '-~', ''), 100) END AS whole
          FROM (SELECT btrim(written, '-') AS word FROM string_to_table(cut, ' ') AS written) each
    ), part AS (
        SELECT left(part, 100) AS part, row_number() OVER () AS place,
               CASE WHEN number = 1 THEN whole END AS whole,
               CASE WHEN length(part) = 1 AND part >= 'ก' COLLATE "C" THEN part END AS letter
          FROM word, string_to_table(translate(word, '~', '-'), '-')
                         WITH ORDINALITY AS split (part, number)
         WHERE part <> ''
    ), pair AS (
        SELECT *, letter || lead(letter) OVER (ORDER BY place) AS pair FROM part
    )
    SELECT string_agg(concat_ws(' ',
               CASE WHEN letter IS NULL THEN search.lexeme(part, place)
                    ELSE '''' || letter || ''':' || place::text END,
               '''' || pair || ''':' || place::text,
               search.lexeme(whole, place)), ' ')
      INTO found FROM pair;
    RETURN coalesce(found, '')::tsvector;
END $$;

-- There was a time when PostgreSQL's parser said what a word is, by the server's locale.
DROP TEXT SEARCH CONFIGURATION IF EXISTS search.words;

-- An SKU as people type it: in any case, with its dashes or without.
CREATE OR REPLACE FUNCTION search.sku_key(sku text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coalesce(nullif(translate(lower(sku COLLATE "C"), '._-', ''), ''), sku);

-- What reads the same is one category.
CREATE OR REPLACE FUNCTION search.category_key(category text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN casefold(
    normalize(
        btrim(regexp_replace(
            regexp_replace(category,
                '[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]', '', 'g'),
            '\s+', ' ', 'g')),
        NFC) COLLATE pg_c_utf8);

-- The words of a text as a tsquery that wants them all.
CREATE OR REPLACE FUNCTION search.together(text) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT string_agg(DISTINCT format('''%s''', left(part, 100)), ' & ')
      FROM string_to_table(translate(search.cut($1), '-~', '  '), ' ') AS part WHERE part <> '';
END;

-- The texts and numbers among attributes, however deep; their names say nothing.
CREATE OR REPLACE FUNCTION search.texts(attributes jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET plan_cache_mode = force_generic_plan
AS $$ BEGIN
    IF attributes = '{}' THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT left(string_agg(value #>> '{}', E'\n'), 10000)
          FROM jsonb_path_query(
              attributes, 'strict $.** ? (@.type() == "string" || @.type() == "number")') AS value);
END $$;

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
                    -- The mark keeps SKUs and words apart.
                    ('''#' || search.sku_key(sku) || ''':1A')::tsvector
                    || setweight(search.lexemes(name), 'A')
                    || setweight(coalesce(search.lexemes(category), ''), 'B')
                    || setweight(coalesce(search.lexemes(description), ''), 'C')
                    || coalesce(search.lexemes(search.texts(attributes)), '')) STORED,
    -- What names are sorted by; cut, so that it fits into a cursor.
    name_key    text COLLATE "C" NOT NULL
                GENERATED ALWAYS AS (left(search.folded(name), 64)) STORED,
    -- In the order they came.
    number      bigint GENERATED ALWAYS AS IDENTITY,
    sku_key     text COLLATE "C" NOT NULL GENERATED ALWAYS AS (search.sku_key(sku)) STORED,
    category_key text COLLATE "C" GENERATED ALWAYS AS (search.category_key(category)) STORED,
    CONSTRAINT price_has_a_currency CHECK ((price IS NULL) = (currency IS NULL))
);

-- There was a time when documents were not numbered.
ALTER TABLE search.index ADD COLUMN IF NOT EXISTS number bigint GENERATED ALWAYS AS IDENTITY;

-- There was a time when words were what stands between spaces, and SKUs and attributes were none.
-- All documents are read and written once: eight minutes for a million.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
                    WHERE attrelid = 'search.index'::regclass AND attname = 'sku_key') THEN
        DROP INDEX IF EXISTS search.index_category, search.index_by_category;
        ALTER TABLE search.index
            ALTER words SET EXPRESSION AS (
                ('''#' || search.sku_key(sku) || ''':1A')::tsvector
                || setweight(search.lexemes(name), 'A')
                || setweight(coalesce(search.lexemes(category), ''), 'B')
                || setweight(coalesce(search.lexemes(description), ''), 'C')
                || coalesce(search.lexemes(search.texts(attributes)), '')),
            ALTER name_key SET EXPRESSION AS (left(search.folded(name), 64)),
            ADD sku_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (search.sku_key(sku)) STORED,
            ADD category_key text COLLATE "C"
                GENERATED ALWAYS AS (search.category_key(category)) STORED;
    END IF;
END $$;

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
-- Its filters by category and currency, with or without one by price.
CREATE INDEX IF NOT EXISTS index_by_category_key
    ON search.index (category_key, coalesce(price, 'Infinity'), sku);
CREATE INDEX IF NOT EXISTS index_by_currency
    ON search.index (currency, coalesce(price, 'Infinity'), sku);
-- SKUs, and their beginnings.
CREATE INDEX IF NOT EXISTS index_sku_key ON search.index (sku_key);

-- Every word, and stem, that documents have had: where a word not typed to its end finds how it may
-- go on, and a misspelt one its neighbours. It stays when its last document goes; then it leads
-- nowhere, which harms nobody.
CREATE TABLE IF NOT EXISTS search.vocabulary (
    word text COLLATE "C" PRIMARY KEY CHECK (length(word) BETWEEN 1 AND 40)
);
CREATE INDEX IF NOT EXISTS vocabulary_trigrams
    ON search.vocabulary USING gin (word search.gin_trgm_ops);

-- What is no SKU, and no unspaced letters, which are found in the middle of a word anyway.
CREATE OR REPLACE FUNCTION search.learnable(word text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN length(word) <= 40 AND word !~ ('^[#' || search.unspaced() || ']');

-- There was a time when short words were not learned.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_constraint
                WHERE conrelid = 'search.vocabulary'::regclass AND conname = 'vocabulary_word_check'
                  AND pg_get_constraintdef(oid) LIKE '%>= 3%') THEN
        ALTER TABLE search.vocabulary DROP CONSTRAINT vocabulary_word_check,
            ADD CONSTRAINT vocabulary_word_check CHECK (length(word) BETWEEN 1 AND 40);
        INSERT INTO search.vocabulary (word)
        SELECT word FROM ts_stat('SELECT words FROM search.index') WHERE search.learnable(word)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- Loads pg_trgm into this session: only then may its owner set the extension's parameter below.
SELECT search.show_limit();

-- Whether any document answers a tsquery. That is asked of the index: the planner expects a word
-- everywhere, and would read the table until it came by.
CREATE OR REPLACE FUNCTION search.exists(asked text) RETURNS boolean
LANGUAGE sql STABLE
SET enable_seqscan = off
RETURN EXISTS (SELECT FROM search.index WHERE words @@ asked::tsquery);

-- What a word that no document has was probably meant to be, as a tsquery: up to sixteen words that
-- it is the middle or end of (halter of Kerzenhalter), or else up to five stems that are spelt
-- nearly like it. Null for a word that is known, too short, too long, or a number. A `prefix` that
-- leads somewhere is a word not typed to its end yet, unless it is long enough to be one.
CREATE OR REPLACE FUNCTION search.neighbours(
    asked text, exact text, prefix text, labels text) RETURNS text
LANGUAGE plpgsql STABLE
-- Low, for transpositions in short words; the edit distance decides.
SET pg_trgm.similarity_threshold = 0.25
AS $$ DECLARE
    found text;
BEGIN
    IF length(asked) NOT BETWEEN 4 AND 40 OR asked ~ '[0-9]'
       OR search.exists(exact) OR length(asked) = 4 AND search.exists(prefix) THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(format('''%s'':%s', word, labels), ' | ') INTO found
      FROM (SELECT word FROM search.vocabulary WHERE word LIKE '_%' || asked || '%'
             ORDER BY length(word), word LIMIT 16) longer;
    IF found IS NULL THEN
        SELECT string_agg(format('''%s'':%s', stem, labels), ' | ') INTO found
          FROM (SELECT (ts_lexize('search.stem', word))[1] AS stem FROM search.vocabulary
                 WHERE word OPERATOR(search.%) asked AND word !~ '[0-9]'
                   AND search.levenshtein_less_equal(word, asked, 2) <= 2
                   AND ts_lexize('pg_catalog.english_stem', word) <> '{}'
                 GROUP BY stem
                 ORDER BY min(search.levenshtein_less_equal(word, asked, 2)),
                          max(search.similarity(word, asked)) DESC, stem
                 LIMIT 5) nearest;
    END IF;
    RETURN found;
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

-- Parts that belong together, as a tsquery that finds them side by side, wherever else they were
-- cut: 10~mm as '10' <-> 'mm', and 有~机~绿~茶 as '有机' <2> '绿茶'. `tail` is `*` for the beginning of a
-- last part.
CREATE OR REPLACE FUNCTION search.phrase(asked text, labels text, tail text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$ DECLARE
    parts text[] := string_to_array(asked, '~');
    alone boolean[] := ARRAY(
        SELECT length(part) = 1 AND part >= 'ก' COLLATE "C" FROM unnest(parts) AS part);
    last int := cardinality(parts);
    place int := 1;
    before int;
    phrase text := '';
BEGIN
    LOOP
        IF before IS NOT NULL THEN
            phrase := phrase || format(' <%s> ', place - before);
        END IF;
        before := place;
        IF alone[place] AND alone[place + 1] THEN
            phrase := phrase || format('''%s%s'':%s', parts[place], parts[place + 1], labels);
            -- Of three that are left, the one in the middle is in both pairs.
            place := place + CASE WHEN alone[place + 2] AND alone[place + 3] IS NOT TRUE
                                  THEN 1 ELSE 2 END;
        ELSE
            phrase := phrase || format('''%s'':%s%s', parts[place], labels,
                                       CASE WHEN place = last AND NOT alone[place] THEN tail END);
            place := place + 1;
        END IF;
        EXIT WHEN place > last;
    END LOOP;
    RETURN phrase;
END $$;

-- The two words that are written as one, as a tsquery, in each way that there is: tshirt finds t
-- shirt.
CREATE OR REPLACE FUNCTION search.split(asked text, labels text) RETURNS text
LANGUAGE plpgsql STABLE
AS $$ DECLARE
    beginnings text[] := ARRAY(
        SELECT left(asked, n) FROM generate_series(1, length(asked) - 1) AS n);
    ends text[] := ARRAY(
        SELECT substr(asked, n + 1) FROM generate_series(1, length(asked) - 1) AS n);
    known text[] := ARRAY(
        SELECT word FROM search.vocabulary WHERE word = ANY (beginnings || ends));
BEGIN
    RETURN (
        SELECT string_agg(format('''%s'':%s <-> ''%s'':%s', beginning, labels, rest, labels), ' | ')
          FROM unnest(beginnings, ends) AS way (beginning, rest)
         WHERE beginning = ANY (known) AND rest = ANY (known));
END $$;

-- One part of a word as tsqueries: the part itself, `begun` for what it may begin where it is the
-- last one, and `near` for what it was meant to be where no document has it. Null where there is
-- nothing.
CREATE OR REPLACE FUNCTION search.part_meaning(
    asked text, labels text, is_last boolean, OUT exact text, OUT begun text, OUT near text)
LANGUAGE plpgsql STABLE
AS $$ DECLARE
    stem text;
BEGIN
    IF asked LIKE '%~%' OR length(asked) = 1 AND asked >= 'ก' COLLATE "C" THEN
        exact := search.phrase(asked, labels, '');
        IF asked ~ '^[a-z0-9.~]+$' THEN
            exact := format('(%s | ''%s'':%s)', exact, replace(asked, '~', ''), labels);
        END IF;
        IF is_last AND right(asked, 1) < 'ก' COLLATE "C" THEN
            begun := search.phrase(asked, labels, '*');
        END IF;
        -- Chinese words may come in another order, or with others between.
        IF length(asked) > 4 AND asked ~ '^[\u3400-\u4dbf\u4e00-\u9fff~]+$'
           AND NOT search.exists(exact) THEN
            near := '(' || (SELECT string_agg(DISTINCT format('''%s'':%s', letter, labels), ' & ')
                              FROM string_to_table(asked, '~') AS letter) || ')';
        END IF;
        RETURN;
    END IF;
    stem := search.stem(asked);
    exact := format('''%s'':%s', stem, labels);
    IF length(asked) BETWEEN 2 AND 30 AND asked !~ '[0-9]' THEN
        exact := concat_ws(' | ', exact, search.split(asked, labels));
    END IF;
    IF is_last THEN
        begun := search.continued(asked, stem, labels);
    END IF;
    IF NOT (search.common(exact) OR is_last AND length(asked) = 4 AND search.common(begun)) THEN
        near := search.neighbours(asked, exact, begun, labels);
    END IF;
END $$;

-- The SKUs that are one word of a question, as a tsquery, and the longer ones that it may begin.
CREATE OR REPLACE FUNCTION search.sku_meaning(
    asked text, labels text, is_last boolean, OUT exact text, OUT begun text)
LANGUAGE plpgsql STABLE
AS $$ DECLARE
    keys text[];
BEGIN
    IF asked !~ '^[a-z0-9]+$' THEN
        RETURN;
    END IF;
    keys := ARRAY(
        SELECT sku_key FROM search.index
         WHERE sku_key >= asked COLLATE "C" AND sku_key < (asked || chr(127)) COLLATE "C"
         ORDER BY sku_key LIMIT 17);
    IF asked = keys[1] THEN
        exact := format('''#%s'':%s', asked, labels);
    END IF;
    IF length(asked) < 3 OR NOT is_last AND asked !~ '[0-9]' THEN
        RETURN;
    END IF;
    IF cardinality(keys) = 17 THEN
        begun := format('''#%s'':*%s', asked, labels);
    ELSE
        SELECT string_agg(format('''#%s'':%s', key, labels), ' | ') INTO begun
          FROM (SELECT DISTINCT key FROM unnest(keys) AS key WHERE key <> asked) longer;
    END IF;
END $$;

-- Whether a word says something.
CREATE OR REPLACE FUNCTION search.tells(word text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ts_lexize('pg_catalog.english_stem', word) <> '{}';

-- Tsqueries of which any will do, or all are wanted, as one. A null is none.
CREATE OR REPLACE FUNCTION search.any_of(VARIADIC ways text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(array_to_string(ways, ' | '), '');
CREATE OR REPLACE FUNCTION search.all_of(VARIADIC wanted text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(wanted) > 1 THEN '(' || array_to_string(wanted, ') & (') || ')'
            ELSE wanted[1] END;

-- What a question means, as three tsqueries: `exact` takes its words as they stand, `typed` also
-- what they may be the beginnings of (the last one of any word, each with a digit of an SKU), and
-- `wide` also what was perhaps meant by those that no document has. Null where it has no word.
-- `labels` narrows all to some weights.
DROP FUNCTION IF EXISTS search.meaning(text, text);
CREATE OR REPLACE FUNCTION search.meaning(
    asked text, labels text, OUT exact text, OUT typed text, OUT wide text)
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan  -- in a session that makes each plan anew
AS $$ DECLARE
    words text[] := ARRAY(
        SELECT left(btrim(written, '-'), 100)
          FROM string_to_table(search.cut(asked), ' ') WITH ORDINALITY AS split (written, place)
         WHERE written ~ '[^-]' ORDER BY place LIMIT 16);
    last_telling int := (
        SELECT max(place) FROM unnest(words) WITH ORDINALITY AS each (word, place)
         WHERE search.tells(word));
    last int := coalesce(last_telling, cardinality(words));
    place int := 1;
    parts text[];
    part text;
    whole text;
    sku text;
    ways record;
    of_sku record;
    continued text;
    all_exact text[];
    all_typed text[];
    all_wide text[];
    each_exact text[];
    each_typed text[];
    each_wide text[];
BEGIN
    WHILE place <= last LOOP
        parts := string_to_array(words[place], '-');
        sku := translate(words[place], '-~.', '');
        whole := NULL;
        IF cardinality(parts) > 1 AND words[place] !~ format('[%s]', search.unspaced()) THEN
            whole := translate(words[place], '-~', '');
        END IF;
        place := place + 1;
        IF cardinality(parts) = 1 AND place <= cardinality(words)
           AND EXISTS (SELECT FROM search.vocabulary WHERE word = parts[1] || words[place]) THEN
            parts := parts || words[place];  -- t shirt finds tshirt
            whole := array_to_string(parts, '');
            sku := whole;
            place := place + 1;
        END IF;
        all_exact := NULL; all_typed := NULL; all_wide := NULL;
        FOREACH part IN ARRAY parts LOOP
            CONTINUE WHEN part = '' OR last_telling IS NOT NULL AND NOT search.tells(part)
                          AND (length(part) > 1 OR cardinality(parts) = 1);
            ways := search.part_meaning(
                part, labels, place > last AND part = parts[cardinality(parts)]
                              AND (length(part) > 1 OR cardinality(parts) = 1));
            all_exact := all_exact || search.any_of(ways.exact);
            all_typed := all_typed || search.any_of(ways.exact, ways.begun);
            all_wide := all_wide || search.any_of(ways.exact, ways.begun, ways.near);
        END LOOP;
        CONTINUE WHEN all_exact IS NULL AND whole IS NULL;
        of_sku := search.sku_meaning(sku, labels, place > last);
        continued := NULL;
        IF whole IS NOT NULL THEN
            IF place > last THEN
                continued := search.continued(whole, search.stem(whole), labels);
            END IF;
            whole := format('''%s'':%s', search.stem(whole), labels);
        END IF;
        each_exact := each_exact || search.any_of(
            search.all_of(VARIADIC all_exact), whole, of_sku.exact);
        each_typed := each_typed || search.any_of(
            search.all_of(VARIADIC all_typed), whole, of_sku.exact, continued, of_sku.begun);
        each_wide := each_wide || search.any_of(
            search.all_of(VARIADIC all_wide), whole, of_sku.exact, continued, of_sku.begun);
    END LOOP;
    exact := search.all_of(VARIADIC each_exact);
    typed := search.all_of(VARIADIC each_typed);
    wide := search.all_of(VARIADIC each_wide);
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
-- not personal: index (sku, name, description, category, currency, attributes, words, name_key,
--   sku_key, category_key), vocabulary (word),
--   search_idempotency_keys (scope, key, fingerprint, headers, body)

GRANT USAGE ON SCHEMA search TO search_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON search.index TO search_app;
GRANT SELECT, INSERT ON search.vocabulary TO search_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON search.search_idempotency_keys TO search_app;
