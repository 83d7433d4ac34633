"""Does the same things with Redis's library whatever is in between, and writes down what came back and what was asked."""
import collections
import json
import sys
import threading

import redis

asked = collections.Counter()
results = []


def note(*values):
    results.append([repr(v) for v in values])


def connect(url):
    return redis.Redis(connection_pool=redis.ConnectionPool.from_url(url), single_connection_client=True)


def main(url):
    r = connect(url)
    note(r.flushall())
    asked["FLUSHALL"] += 1
    note(r.set("plain", "Zoë"), r.get("plain"), r.get("nothing"), r.set("raw", bytes(range(256))), r.get("raw"))
    asked["SET plain"] += 1
    asked["GET plain"] += 1
    asked["GET nothing"] += 1
    asked["SET raw"] += 1
    asked["GET raw"] += 1
    note(r.hset("h", mapping={"a": 1, "b": 2}), r.hgetall("h"), r.zadd("z", {"x": 1.5, "y": 2}), r.zrange("z", 0, -1, withscores=True))
    asked["HSET h"] += 1
    asked["HGETALL h"] += 1
    asked["ZADD z"] += 1
    asked["ZRANGE z"] += 1
    with r.pipeline(transaction=False) as p:
        for i in range(500):
            p.set("seat", i).get("seat")
        note(p.execute())
    asked["SET seat"] += 500
    asked["GET seat"] += 500
    with r.pipeline() as p:
        p.watch("seat")
        note(p.get("seat"))
        p.multi()
        p.incr("seat").incr("seat")
        note(p.execute())
    asked["WATCH seat"] += 1
    asked["GET seat"] += 1
    asked["MULTI"] += 1
    asked["INCRBY seat"] += 2
    asked["EXEC"] += 1
    try:
        with r.pipeline() as p:
            p.set("plain", 1).lpush("plain", 2)
            p.execute()
    except redis.ResponseError as e:
        note(str(e))
    asked["MULTI"] += 1
    asked["SET plain"] += 1
    asked["LPUSH plain"] += 1
    asked["EXEC"] += 1
    try:
        r.execute_command("NONSENSE", "x")
    except redis.ResponseError as e:
        note(str(e).split(",")[0])
    asked["NONSENSE x (ERR)"] += 1
    note(r.script_flush())
    asked["SCRIPT"] += 1
    script = r.register_script("redis.call('SET', KEYS[1], ARGV[1]); return {1, 'two', {3}}")
    note(script(keys=["lua"], args=["v"]), script(keys=["lua"], args=["w"]), r.get("lua"))
    asked["EVALSHA lua (NOSCRIPT)"] += 1
    asked["SCRIPT"] += 1
    asked["EVALSHA lua"] += 2
    asked["GET lua"] += 1
    note(r.set("big", "x" * 3_000_000), len(r.get("big")))
    asked["SET big"] += 1
    asked["GET big"] += 1
    wait(url, r)
    hear(url, r)
    r.close()


def wait(url, r):
    """A worker that waits for work."""
    worker = connect(url)
    note(worker.ping())
    asked["PING"] += 1
    got = []
    thread = threading.Thread(target=lambda: got.extend(worker.blpop("queue", 30) for _ in range(3)))
    thread.start()
    for i in range(3):
        r.rpush("queue", i)
    thread.join()
    note(got)
    asked["BLPOP queue"] += 3
    asked["RPUSH queue"] += 3
    note(worker.brpop("queue", 1))
    asked["BRPOP queue"] += 1
    worker.close()


def hear(url, r):
    """Subscriptions, with a PING in between."""
    listener = redis.Redis.from_url(url)
    p = listener.pubsub()
    p.subscribe("news", "weather")
    p.psubscribe("all*")
    asked["SUBSCRIBE news"] += 1
    asked["PSUBSCRIBE *"] += 1
    heard = [p.get_message(timeout=10) for _ in range(3)]
    for i in range(50):
        r.publish("news", f"item {i}")
    asked["PUBLISH news"] += 50
    p.ping()
    asked["PING"] += 1
    heard += [p.get_message(timeout=10) for _ in range(51)]
    p.unsubscribe()
    p.punsubscribe()
    asked["UNSUBSCRIBE"] += 1
    asked["PUNSUBSCRIBE"] += 1
    heard += [p.get_message(timeout=10) for _ in range(3)]
    note(sorted(map(repr, heard)))
    p.close()
    listener.close()


main(sys.argv[2])
json.dump({"results": results, "asked": {k: v for k, v in asked.items() if v}}, sys.stdout)
