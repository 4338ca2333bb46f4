-- A service with nothing but plumbing, for the chassis' own tests.

CREATE SCHEMA IF NOT EXISTS sample;

CREATE TABLE IF NOT EXISTS sample.notes (
    note_id uuid PRIMARY KEY DEFAULT uuidv7(),
    content text NOT NULL
);

-- Fails at the commit, not at the INSERT, as a deferred invariant does.
CREATE OR REPLACE FUNCTION sample.refuse_late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE check_violation USING MESSAGE = 'refused at the commit';
END $$;
DROP TRIGGER IF EXISTS late ON sample.notes;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON sample.notes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.content = 'late') EXECUTE FUNCTION sample.refuse_late();

CREATE TABLE IF NOT EXISTS sample.sample_idempotency_keys (
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

GRANT USAGE ON SCHEMA sample TO sample_app;
GRANT SELECT, INSERT ON sample.notes TO sample_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON sample.sample_idempotency_keys TO sample_app;
