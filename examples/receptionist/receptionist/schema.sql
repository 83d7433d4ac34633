-- The receptionist's tables. Every statement may be run again.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE IF NOT EXISTS services (
    id      int PRIMARY KEY,
    name    text NOT NULL UNIQUE,
    minutes int NOT NULL CHECK (minutes > 0),
    price   int NOT NULL CHECK (price >= 0),  -- whole currency units
    about   text NOT NULL
);

CREATE TABLE IF NOT EXISTS staff (
    id       int PRIMARY KEY,
    name     text NOT NULL,
    calendar text NOT NULL UNIQUE
);

CREATE TABLE IF NOT EXISTS opening_hours (
    weekday int PRIMARY KEY CHECK (weekday BETWEEN 0 AND 6),  -- Monday is 0
    opens   time NOT NULL,
    closes  time NOT NULL CHECK (closes > opens)
);

CREATE TABLE IF NOT EXISTS customers (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone   text NOT NULL UNIQUE,
    name    text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS messages (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    role        text NOT NULL CHECK (role IN ('user', 'assistant')),
    content     text NOT NULL,
    created     timestamptz NOT NULL DEFAULT now()
);

-- The last few messages of a customer are one short index scan.
CREATE INDEX IF NOT EXISTS messages_of_customer ON messages (customer_id, id DESC);

CREATE TABLE IF NOT EXISTS appointments (
    id          uuid PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES customers,
    service_id  int NOT NULL REFERENCES services,
    staff_id    int NOT NULL REFERENCES staff,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    status      text NOT NULL DEFAULT 'booked' CHECK (status IN ('booked', 'cancelled')),
    created     timestamptz NOT NULL DEFAULT now(),
    -- No practitioner sees two people at once, whatever the calendar says.
    CONSTRAINT one_at_a_time EXCLUDE USING gist
        (staff_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (status = 'booked')
);

CREATE INDEX IF NOT EXISTS appointments_of_customer
    ON appointments (customer_id, starts_at) WHERE status = 'booked';

CREATE TABLE IF NOT EXISTS calendar_events (
    id          text PRIMARY KEY,
    calendar    text NOT NULL,
    summary     text NOT NULL,
    description text NOT NULL DEFAULT '',
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL
);

-- For databases from before there was a description.
ALTER TABLE calendar_events ADD COLUMN IF NOT EXISTS description text NOT NULL DEFAULT '';

CREATE INDEX IF NOT EXISTS calendar_events_by_time ON calendar_events (calendar, starts_at);
