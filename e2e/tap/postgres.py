"""Does the same things with a library of PostgreSQL whatever is in between, and writes down what came back and what was asked."""
import asyncio
import collections
import datetime
import decimal
import hashlib
import io
import json
import sys

asked = collections.Counter()
results = []


def note(*values):
    results.append([repr(v) for v in values])



TABLE = "CREATE TEMP TABLE t (id int PRIMARY KEY, name text, price numeric, at timestamptz, doc jsonb, raw bytea, tags text[])"
TYPES = (7, "Zoë", decimal.Decimal("12.50"), datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc), '{"a": [1, 2]}', bytes(range(256)), ["a", "b,c"])


async def with_asyncpg(url):
    import asyncpg

    c = await asyncpg.connect(url)
    asked["connect"] += 1
    await c.execute(TABLE)
    asked[TABLE] += 1
    insert = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7)"
    shape = "INSERT INTO t VALUES (?...)"
    await c.execute(insert, *TYPES)
    await c.executemany(insert, [(i, *TYPES[1:]) for i in range(100, 150)])
    asked["PREPARE " + shape] += 1  # the statement is kept for the second time
    asked[shape] += 51
    for i in range(20):
        note(await c.fetch("SELECT * FROM t WHERE id = $1", 100 + i))
    asked["PREPARE SELECT * FROM t WHERE id = ?"] += 1
    asked["SELECT * FROM t WHERE id = ?"] += 20
    async with c.transaction():
        asked["BEGIN"] += 1
        rows = [r[0] async for r in c.cursor("SELECT id FROM t ORDER BY id", prefetch=20)]
        note(rows)
    asked["COMMIT"] += 1
    asked["PREPARE SELECT id FROM t ORDER BY id"] += 1
    asked["SELECT id FROM t ORDER BY id"] += 3  # 20, 20, 11 rows of one portal
    try:
        await c.execute(insert, *TYPES)
    except asyncpg.UniqueViolationError as e:
        note(e.sqlstate)
    asked[shape + " (SQLSTATE 23505)"] += 1
    await c.copy_records_to_table("t", records=[(i, *TYPES[1:]) for i in range(1000, 3000)])
    asked["COPY*"] += 1
    asked["PREPARE SELECT * FROM \"t\" LIMIT ?"] += 1  # the types of the columns
    out = io.BytesIO()
    note(await c.copy_from_query("SELECT id, name FROM t ORDER BY id", output=out), hashlib.sha256(out.getvalue()).hexdigest())
    asked["COPY*"] += 1
    heard = asyncio.get_running_loop().create_future()
    await c.add_listener("news", lambda *a: heard.set_result(a[2:]))
    asked["PREPARE LISTEN \"news\""] += 1
    asked["LISTEN \"news\""] += 1
    await c.execute("NOTIFY news, 'hello'")
    asked["NOTIFY news, ?"] += 1
    note(await heard)
    await c.close()
    pool = await asyncpg.create_pool(url, min_size=1, max_size=1)
    note(sorted(await asyncio.gather(*[pool.fetchval("SELECT $1::int * 2", i) for i in range(10)])))
    asked["connect"] += 1
    asked["PREPARE SELECT ?::int * ?"] += 1
    asked["SELECT ?::int * ?"] += 10
    asked["SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL"] += 10
    await pool.close()


def with_psycopg2(url):
    import psycopg2
    import psycopg2.extras

    c = psycopg2.connect(url)
    asked["connect"] += 1
    cur = c.cursor()
    cur.execute(TABLE)
    asked["BEGIN"] += 1
    asked[TABLE] += 1
    insert = "INSERT INTO t VALUES (%s, %s, %s, %s, %s, %s, %s)"
    cur.executemany(insert, [(i, *TYPES[1:]) for i in range(50)])
    asked["INSERT INTO t VALUES (?...::timestamptz, ?, ?::bytea, ARRAY[?,?])"] += 50
    psycopg2.extras.execute_values(cur, "INSERT INTO t (id, name) VALUES %s", [(i, "x") for i in range(100, 300)], page_size=100)
    asked["INSERT INTO t (id, name) VALUES (?...)"] += 2
    cur.execute("SELECT * FROM t WHERE id < 60 ORDER BY id")
    note(*[[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in cur.fetchall()])
    asked["SELECT * FROM t WHERE id < ? ORDER BY id"] += 1
    with c.cursor(name="many") as many:
        many.itersize = 60
        many.execute("SELECT id FROM t ORDER BY id")
        note([r[0] for r in many])
    asked["DECLARE \"many\" CURSOR WITHOUT HOLD FOR SELECT id FROM t ORDER BY id"] += 1
    asked["FETCH FORWARD ? FROM \"many\""] += 6  # 60 four times, 10, none
    asked["CLOSE \"many\""] += 1
    cur.copy_expert("COPY t (id, name) FROM STDIN", io.StringIO("".join(f"{i}\tcopied\n" for i in range(1000, 3000))))
    note(cur.rowcount)
    out = io.StringIO()
    cur.copy_expert("COPY t (id, name) TO STDOUT", out)
    note(hashlib.sha256(out.getvalue().encode()).hexdigest())
    asked["COPY t (id, name) FROM STDIN"] += 1
    asked["COPY t (id, name) TO STDOUT"] += 1
    try:
        cur.execute("SELECT nonsense")
    except psycopg2.Error as e:
        note(e.pgcode)
    asked["SELECT nonsense (SQLSTATE 42703)"] += 1
    c.rollback()
    asked["ROLLBACK"] += 1
    c.close()


def with_psycopg(url):
    import psycopg

    with psycopg.connect(url, autocommit=True) as c:
        asked["connect"] += 1
        c.execute(TABLE)
        asked[TABLE] += 1
        insert = "INSERT INTO t (id, name) VALUES (%s, %s)"
        for i in range(10):
            c.execute(insert, (i, "x"))
        asked["INSERT INTO t (id, name) VALUES (?...)"] += 10
        asked["PREPARE INSERT INTO t (id, name) VALUES (?...)"] += 1  # from the sixth time on
        with c.pipeline():
            cursors = [c.execute("SELECT name, %s::int FROM t WHERE id = 3", (i,), prepare=False) for i in range(30)]
        note([cur.fetchall() for cur in cursors])
        asked["SELECT name, ?::int FROM t WHERE id = ?"] += 30
        with c.cursor() as cur:
            # libpq sends Sync along with such a COPY, which the server ignores.
            with cur.copy("COPY t (id, name) FROM STDIN") as copy:
                for i in range(1000, 3000):
                    copy.write_row((i, "copied"))
            with cur.copy("COPY (SELECT id FROM t WHERE id > %s ORDER BY id) TO STDOUT", (5,)) as copy:
                note(hashlib.sha256(b"".join(bytes(b) for b in copy)).hexdigest())
        asked["COPY t (id, name) FROM STDIN"] += 1
        asked["COPY (SELECT id FROM t WHERE id > ? ORDER BY id) TO STDOUT"] += 1
        note(c.execute("SELECT count(*), max(id) FROM t").fetchone())
        asked["SELECT count(*), max(id) FROM t"] += 1
        try:
            with c.pipeline():
                c.execute("SELECT 1")
                c.execute("SELECT nonsense")
                c.execute("SELECT 2")
        except psycopg.Error as e:
            note(e.sqlstate)
        asked["SELECT ?"] += 1
        asked["SELECT nonsense (SQLSTATE 42703)"] += 1
        asked["SELECT ? (skipped after an error)"] += 1
        note(c.execute("SELECT 'after'::text").fetchone())
        asked["SELECT ?::text"] += 1


def main():
    library, url = sys.argv[1:]
    if library == "asyncpg":
        asyncio.run(with_asyncpg(url))
    else:
        globals()["with_" + library](url)
    json.dump({"results": results, "asked": {k: v for k, v in asked.items() if v}}, sys.stdout)


main()
