"""Capacity units: what is asked of DynamoDB and kept from those who haven't asked, what is counted, what it costs."""
import json
import threading

import pytest

from support import access_log, metrics, processes, reloading, tables, waiting

PRICES = {"read_units_per_million": "0.25", "write_units_per_million": 1.25}
LONG = {"ttl": "10m", "ttl_jitter": "0%", "negative_ttl": "10m"}
ROOMS = {"name": "rooms", "partition_key": "ROOM/*"}
SPENT, EXTRA, SAVED, WRITTEN = "spent", "extra", "saved", "written"
NAMES = {
    SPENT: "readaside_capacity_units_spent_total",
    EXTRA: "readaside_capacity_units_extra_total",
    SAVED: "readaside_capacity_units_saved_total",
    WRITTEN: "readaside_write_capacity_units_total",
}


def key(pk="a", sk="1"):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def item(pk="a", sk="1", size=10, **more):
    return {**key(pk, sk), "v": {"S": "x" * size}, **more}


def get(pk="a", sk="1", table="plain", **more):
    return "GetItem", {"TableName": table, "Key": key(pk, sk), **more}


def put(one, table="plain", **more):
    return "PutItem", {"TableName": table, "Item": one, **more}


def query(pk="a", table="plain", **more):
    return "Query", {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": pk}},
        **more,
    }


def batch(*keys, **more):
    return "BatchGetItem", {"RequestItems": {"plain": {"Keys": [key(*k) for k in keys], **more}}}


def units(reply):
    said = reply.json["ConsumedCapacity"]
    return sum(one["CapacityUnits"] for one in (said if isinstance(said, list) else [said]))


def cost(direct, call, consistent=False):
    """What DynamoDB Local says of the same read."""
    operation, body = call
    if operation == "BatchGetItem":
        wanted = {t: {**w, "ConsistentRead": consistent} for t, w in body["RequestItems"].items()}
        return units(direct.ok(operation, {"RequestItems": wanted, "ReturnConsumedCapacity": "TOTAL"}))
    more = {"ReturnConsumedCapacity": "TOTAL", **({"ConsistentRead": True} if consistent else {})}
    return units(direct.ok(operation, {**body, **more}))


class Counted:
    """What has been counted since it was made."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.before = metrics.Scrape(proxy)

    def __call__(self, what, **labels):
        now = metrics.Scrape(self.proxy)
        return now.sum(NAMES[what], **labels) - self.before.sum(NAMES[what], **labels)

    def all(self, **labels):
        return {what: self(what, **labels) for what in NAMES}


def counts(spent=0, extra=0, saved=0, written=0):
    return {SPENT: spent, EXTRA: extra, SAVED: saved, WRITTEN: written}


def start(factory, behind, table=None, **changes):
    whole = processes.merged(processes.base_config(behind.endpoint), metrics.admin(changes))
    whole["tables"] = {name: {**LONG, "patterns": [ROOMS], **(table or {})} for name in ("plain", "chat")}
    return factory(None, config=whole)


@pytest.fixture
def proxy(proxy_factory, counting_upstream, plain, chat, direct):
    """Caches two tables."""
    for one in (item(), item("a", "2", 9000), item("ROOM/1", "1", 5000)):
        direct.ok(*put(one))
    return start(proxy_factory, counting_upstream)


@pytest.mark.parametrize(
    "call",
    [get(), get("a", "2"), get("none"), query(), query("none"), get("a", "2", ProjectionExpression="pk")],
    ids=["item", "large", "missing", "query", "empty", "projected"],
)
def test_a_miss_spends_what_dynamodb_says_and_a_hit_saves_what_the_client_would_have_paid(
    proxy, through, direct, call
):
    counted = Counted(proxy)
    own, spent = cost(direct, call), cost(direct, call, consistent=True)
    assert spent == 2 * own
    assert through.ok(*call).cache == "MISS"
    assert counted.all() == counts(spent=spent, extra=spent - own)
    for n in range(1, 4):  # the express way takes the last ones
        assert through.ok(*call).cache == "HIT"
        assert counted.all() == counts(spent=spent, extra=spent - own, saved=n * own)


def test_who_has_not_asked_gets_what_dynamodb_would_have_sent(proxy, through, direct, counting_upstream):
    for call in (get(), get("none"), query(), query("none"), batch(("a", "1"), ("ROOM/1", "1"), ("none", "1"))):
        plainly = direct.ok(*call)
        counting_upstream.forget()
        for _ in range(3):
            reply = through.ok(*call)
            if call[0] == "BatchGetItem":
                assert len(reply.json["Responses"]["plain"]) == 2
                assert set(reply.json) == set(plainly.json)
            else:
                assert reply.body == plainly.body
                assert reply.headers["x-amz-crc32"] == plainly.headers["x-amz-crc32"]
        sent = [json.loads(r.body)["ReturnConsumedCapacity"] for r in counting_upstream.seen(call[0])]
        assert set(sent) <= {"TOTAL"}
    assert counting_upstream.count("BatchGetItem") == 1


@pytest.mark.parametrize("how", ["TOTAL", "INDEXES"])
def test_who_asks_gets_it(proxy, through, direct, how):
    counted = Counted(proxy)
    call = get("a", "2", ReturnConsumedCapacity=how)
    first = through.ok(*call)
    assert first.body == direct.ok(*get("a", "2", ReturnConsumedCapacity=how, ConsistentRead=True)).body
    assert units(first) == 3  # three blocks of 4 KB
    assert counted.all() == counts(spent=3, extra=1.5)
    again = through.ok(*call)
    assert (again.cache, units(again)) == ("HIT", 0)
    assert counted(SAVED) == 1.5


def test_none_is_not_asking(proxy, through, direct):
    assert through.ok(*get(ReturnConsumedCapacity="NONE")).body == direct.ok(*get()).body
    assert Counted(proxy).before.sum(NAMES[SPENT]) == 1


def test_a_consistent_read_that_is_a_hit_saves_the_whole(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(item("a", "1", 5000)))
    proxy = start(
        proxy_factory, counting_upstream, {"serve_consistent_reads": True}, consistency="linearizable",
        upstream={"endpoint": counting_upstream.endpoint, "region": "us-east-1", "request_timeout": "1s"},
        unknown_write_hold="1100ms",
    )  # fmt: skip
    with proxy.wire() as through:
        waiting.until(lambda: through.ok(*get("b")).cache == "HIT", "the quiet time after a start to end")
        counted = Counted(proxy)
        reply = through.ok(*get(ConsistentRead=True))
        assert reply.cache == "MISS", reply
        assert counted.all() == counts(spent=2)
        for n in range(1, 4):
            assert through.ok(*get(ConsistentRead=True)).cache == "HIT"
            assert counted(SAVED) == 2 * n
        through.ok(*get())
    assert counted.all() == counts(spent=2, saved=7)


def test_a_consistent_read_that_bypasses_costs_nothing_more(proxy, through):
    counted = Counted(proxy)
    assert through.ok(*get("a", "2", ConsistentRead=True)).cache == "BYPASS"
    assert counted.all() == counts(spent=3)


def test_fills_that_are_not_consistent_cost_nothing_more(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(item("a", "2", 9000)))
    proxy = start(proxy_factory, counting_upstream, {"consistent_fill": False, "consistency": "eventual"})
    counted = Counted(proxy)
    with proxy.wire() as through:
        for _ in range(2):
            through.ok(*get("a", "2"))
    assert counted.all() == counts(spent=1.5, saved=1.5)


def test_a_batch_counts_each_key_under_its_pattern(proxy, through, direct):
    counted = Counted(proxy)
    call = batch(("a", "1"), ("a", "2"), ("ROOM/1", "1"), ("none", "1"))
    own, spent = cost(direct, call), cost(direct, call, consistent=True)
    through.ok(*call)
    assert counted.all() == counts(spent=spent, extra=spent - own)
    assert counted(SPENT, pattern="rooms") == 2
    through.ok(*call)
    assert counted(SAVED) == own
    assert counted(SAVED, pattern="rooms") == 1
    through.ok(*get("a", "2"))  # the batch has filled it
    assert counted(SAVED) == own + 1.5
    through.ok(*batch(("a", "1"), ("a", "3")))
    assert counted(SAVED) == own + 2
    assert counted(SPENT) == spent + cost(direct, batch(("a", "3")), consistent=True)


@pytest.mark.parametrize("text", ['"' * 5000, "\n\t" * 3000, "\u00e9\u20ac" * 1500, "\x01" * 5000], ids=["quotes", "blanks", "letters", "controls"])
def test_text_that_is_written_longer_than_it_is(proxy_factory, counting_upstream, plain, direct, text):
    """By what it is, as DynamoDB reckons, also where the sizes of a batch's items must do."""
    for n in ("1", "2"):
        direct.ok(*put(item("q", n, t={"S": text})))
    proxy = start(
        proxy_factory, counting_upstream,
        upstream={"endpoint": counting_upstream.endpoint, "region": "us-east-1", "ask_capacity": False},
    )  # fmt: skip
    call = batch(("q", "1"), ("q", "2"))
    own = cost(direct, call)
    counted = Counted(proxy)
    with proxy.wire() as through:
        through.ok(*call)
        through.ok(*call)
    assert counted.all() == counts(spent=2 * own, extra=own, saved=own)


def test_a_projected_batch_counts_what_was_read(proxy, through, direct):
    counted = Counted(proxy)
    call = batch(("a", "2"), ("ROOM/1", "1"), ProjectionExpression="pk, sk")
    spent = cost(direct, call, consistent=True)
    through.ok(*call)
    assert counted(SPENT) == spent
    through.ok(*call)
    assert counted(SAVED) == spent / 2


def test_a_batch_whose_client_asks_gets_what_was_consumed(proxy, through):
    _, body = batch(("a", "1"), ("a", "2"))
    assert units(through.ok("BatchGetItem", {**body, "ReturnConsumedCapacity": "TOTAL"})) == 4
    assert units(through.ok("BatchGetItem", {**body, "ReturnConsumedCapacity": "TOTAL"})) == 0
    assert "ConsumedCapacity" not in through.ok("BatchGetItem", body).json


def test_those_who_wait_for_a_miss_save_it(proxy, direct, counting_upstream):
    counted = Counted(proxy)
    plainly = direct.ok(*get("a", "2"))
    gate = counting_upstream.hold("GetItem")
    replies = []

    def read():
        with proxy.wire() as one:
            replies.append(one.ok(*get("a", "2")))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    gate.wait_for()
    waiting.until(lambda: metrics.live(proxy)["in_flight"] == 4, "all wait")
    gate.release()
    for thread in threads:
        thread.join()
    assert {reply.body for reply in replies} == {plainly.body}
    assert counting_upstream.count("GetItem") == 1
    assert counted.all() == counts(spent=3, extra=1.5, saved=4.5)


@pytest.mark.parametrize("asks", [False, True])
def test_writes(proxy, through, direct, asks):
    counted = Counted(proxy)
    more = {"ReturnConsumedCapacity": "TOTAL"} if asks else {}
    update = {"TableName": "plain", "Key": key(), "UpdateExpression": "SET v = :v",
              "ExpressionAttributeValues": {":v": {"S": "y" * 3000}}}  # fmt: skip
    many = {"plain": [{"PutRequest": {"Item": item("b", str(n), 1500)}} for n in range(3)]}
    both = [{"Put": {"TableName": "plain", "Item": item("c", "1", 100)}}]
    calls = [
        put(item("w", "1", 2500)),
        ("UpdateItem", update),
        ("DeleteItem", {"TableName": "plain", "Key": key("w"), "ReturnValues": "ALL_OLD"}),
        ("BatchWriteItem", {"RequestItems": many}),
        ("TransactWriteItems", {"TransactItems": both}),
    ]
    total = 0
    for operation, body in calls:
        reply = through.ok(operation, {**body, **more})
        said = "ConsumedCapacity" in reply.json
        assert said == asks, reply
        written = counted(WRITTEN)
        assert written > total
        if asks:
            assert written - total == units(reply)
        total = written
    assert total >= 3 + 3 + 3 + 6 + 2  # DynamoDB Local reckons more for a transaction
    assert counted.all() == counts(written=total)


def test_a_transaction_with_a_token_is_left_as_it_is(proxy, through, counting_upstream):
    body = {"TransactItems": [{"Put": {"TableName": "plain", "Item": item("c")}}], "ClientRequestToken": "t" * 36}
    sent = json.dumps(body).encode()
    through.ok("TransactWriteItems", sent)
    assert counting_upstream.seen("TransactWriteItems")[0].body == sent


def test_what_is_not_understood_is_left_as_it_is(proxy, through, counting_upstream):
    sent = json.dumps({**get()[1], "Unheard": "of"}).encode()
    through.call("GetItem", sent)
    assert counting_upstream.seen("GetItem")[0].body == sent


def test_writes_whose_old_item_is_asked_for_too(proxy, through, direct, chat):
    """`chat` has a global index, so that the proxy also asks for the old item."""
    one = {"pk": {"S": "MSG#1"}, "sk": {"S": "1"}, "message_group_uuid": {"S": "g"}}
    counted = Counted(proxy)
    plainly = direct.ok(*put(one, "chat"))
    for _ in range(2):
        assert through.ok(*put(one, "chat")).body == plainly.body
    assert counted(WRITTEN, table="chat") >= 2


def test_a_scan_is_counted(proxy, through, direct):
    counted = Counted(proxy)
    body = {"TableName": "plain"}
    plainly = direct.ok("Scan", body)
    own = cost(direct, ("Scan", body))
    assert json.loads(through.ok("Scan", body).body) == plainly.json
    assert counted.all() == counts(spent=2 * own, extra=own)


def test_statements_and_foreign_tables_are_left_alone(proxy, through, direct, counting_upstream):
    tables.create(direct, {**tables.plain(), "TableName": "foreign"})
    counted = Counted(proxy)
    through.ok(*get(table="foreign"))
    through.ok("ExecuteStatement", {"Statement": "SELECT * FROM plain WHERE pk = 'a'"})
    for request in counting_upstream.seen("GetItem") + counting_upstream.seen("ExecuteStatement"):
        assert "ReturnConsumedCapacity" not in json.loads(request.body)
    assert counted.all() == counts()


def test_an_upstream_that_says_nothing_counts_nothing(proxy, through, counting_upstream):
    counted = Counted(proxy)
    counting_upstream.answer(lambda *_: (200, b'{"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}'), "GetItem")
    for cache in ("MISS", "HIT"):
        reply = through.ok(*get())
        assert (reply.cache, reply.body) == (cache, b'{"Item":{"pk":{"S":"a"},"sk":{"S":"1"}}}')
    assert counted.all() == counts()


def test_live_and_money(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(item()))
    proxy = start(proxy_factory, counting_upstream, prices=PRICES)
    with proxy.wire() as through:
        for _ in range(5):
            through.ok(*get())
        through.ok(*put(item()))
    live = metrics.live(proxy)
    upstream = live["upstream"]
    assert (upstream["units_spent"], upstream["units_extra"], upstream["units_saved"]) == (1, 0.5, 2)
    assert upstream["write_units"] == 1
    mine = next(p for p in live["patterns"] if p["table"] == "plain" and p["pattern"] is None)
    assert {name: mine[name] for name in ("units_spent", "units_extra", "units_saved", "write_units")} == {
        "units_spent": 1, "units_extra": 0.5, "units_saved": 2, "write_units": 1}  # fmt: skip
    money = live["money"]
    assert money["currency"] == "USD"
    assert money["per_hour"] > 0 and money["saved_per_hour"] > 0
    assert money["per_hour"] / money["saved_per_hour"] == pytest.approx((0.25 + 1.25) / (0.25 * 1.5), rel=0.01)
    assert money["per_month"] == pytest.approx(730 * money["per_hour"], rel=0.01)
    assert money["saved_per_month"] == pytest.approx(730 * money["saved_per_hour"], rel=0.01)


@pytest.mark.parametrize("size", [10, 4000, 5000, 9000])
def test_not_asked_it_is_reckoned_by_size(proxy_factory, counting_upstream, plain, direct, size):
    for n in range(3):
        direct.ok(*put(item("a", str(n), size)))
    proxy = start(
        proxy_factory, counting_upstream,
        upstream={"endpoint": counting_upstream.endpoint, "region": "us-east-1", "ask_capacity": False},
    )  # fmt: skip
    with proxy.wire() as through:
        for call in (get("a", "0"), query(), batch(("a", "1"), ("a", "2")), get("none")):
            counted = Counted(proxy)
            spent = cost(direct, call, consistent=True)
            for _ in range(2):
                through.ok(*call)
            assert counted.all() == counts(spent=spent, extra=spent / 2, saved=spent / 2), call
        through.ok(*put(item("w")))
        assert counted(WRITTEN) == 0
    for request in counting_upstream.seen():
        assert b"ReturnConsumedCapacity" not in request.body


def test_reloading(proxy_factory, readaside_binary, counting_upstream, plain, direct):
    config = processes.merged(processes.base_config(counting_upstream.endpoint), metrics.admin({"prices": PRICES}))
    proxy = proxy_factory(None, config=config)
    r = reloading.Reloading(proxy, config, readaside_binary)
    with proxy.wire() as through:
        through.ok(*put(item()))
        before = metrics.live(proxy)["money"]["per_hour"]
        assert r.reload({"prices": {"write_units_per_million": "1250"}}) == (["prices.write_units_per_million"], [])
        assert metrics.live(proxy)["money"]["per_hour"] > 2 * before
        assert r.reload({"upstream": {"ask_capacity": False}}) == (["upstream.ask_capacity"], [])
        counting_upstream.forget()
        through.ok(*put(item()))
        assert b"ReturnConsumedCapacity" not in counting_upstream.seen("PutItem")[0].body
        config = {name: value for name, value in r.config.items() if name != "prices"}
        assert r.reload(config=config) == (["prices"], [])
        assert metrics.live(proxy)["money"] is None


@pytest.mark.parametrize(
    "call",
    [
        get("a", "2"),
        get("a", "2", ProjectionExpression="pk"),  # its size doesn't say what it costs
        query(),
        batch(("a", "1"), ("a", "2"), ProjectionExpression="pk, sk"),
    ],
    ids=["get", "projected", "query", "batch"],
)
def test_observed_hits_save_nothing_and_cost_what_they_cost(proxy_factory, counting_upstream, plain, direct, call):
    for one in (item(), item("a", "2", 9000)):
        direct.ok(*put(one))
    own = cost(direct, call)
    proxy = start(proxy_factory, counting_upstream, caching="observe")
    counted = Counted(proxy)
    with proxy.wire() as through:
        plainly = direct.ok(*call)
        for n in range(3):
            assert through.ok(*call).json == plainly.json
            assert counted.all() == counts(spent=(2 + n) * own, extra=own)


def test_what_is_observed_says_what_would_be_saved(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(item("a", "2", 9000)))
    proxy = start(proxy_factory, counting_upstream, caching="observe", prices=PRICES)
    with proxy.wire() as through:
        for _ in range(5):
            through.ok(*get("a", "2"))
    live = metrics.live(proxy)
    assert (live["observed"]["units_saved"], live["upstream"]["units_extra"]) == (6, 1.5)
    money = live["money"]
    assert money["saved_per_hour"] < 0 < money["would_save_per_hour"]
    assert money["would_save_per_hour"] / money["saved_per_hour"] == pytest.approx(-4.5 / 1.5, rel=0.01)
    assert money["would_save_per_month"] == pytest.approx(730 * money["would_save_per_hour"], rel=0.01)


def test_what_is_read_for_comparing_is_extra(proxy_factory, counting_upstream, plain, direct):
    direct.ok(*put(item("a", "2", 9000)))
    proxy = start(proxy_factory, counting_upstream, {"compare": "100%"})
    counted = Counted(proxy)
    with proxy.wire() as through:
        for _ in range(3):
            through.ok(*get("a", "2"))
        waiting.until(lambda: counted(SPENT) == 9, "both hits to be compared")
        assert counted.all() == counts(spent=9, extra=7.5, saved=3)


def test_without_prices_there_is_no_money(proxy):
    assert metrics.live(proxy)["money"] is None


def test_the_access_log_says_what_a_request_consumed(proxy_factory, counting_upstream, plain, direct, tmp_path):
    direct.ok(*put(item()))
    proxy = start(proxy_factory, counting_upstream, {"consistent_fill": False, "consistency": "eventual"},
                  access_log={"path": str(tmp_path / "log")})  # fmt: skip
    log = access_log.AccessLog(tmp_path / "log")
    with proxy.wire() as through:
        for call in (get(), get(), put(item())):
            through.ok(*call)
    assert [line.get("units") for line in log.next(3)] == [0.5, None, 1]


BY_OWNER = {
    "TableName": "chat",
    "IndexName": "by-owner",
    "KeyConditionExpression": "#o = :g",
    "ExpressionAttributeNames": {"#o": "owner"},
    "ExpressionAttributeValues": {":g": {"S": "g"}},
}


@pytest.fixture
def owned(proxy, direct):
    """Rows that an index has, one of them larger than a block."""
    for n in range(3):
        direct.ok(*put(item("MSG#1", str(n), 3000, owner={"S": "g"}), "chat"))


def test_a_query_of_a_global_index_is_no_dearer_and_is_saved_whole(proxy, through, direct, owned):
    counted = Counted(proxy)
    own = cost(direct, ("Query", BY_OWNER))
    assert own >= 1
    for n in range(3):
        assert through.ok("Query", BY_OWNER).cache == ("HIT" if n else "MISS")
        assert counted.all() == counts(spent=own, saved=n * own)


def by_table(reply):
    """What is said of each table, in an order of its own."""
    said = reply.json.get("ConsumedCapacity", [])
    return sorted(said if isinstance(said, list) else [said], key=lambda one: one["TableName"])


@pytest.mark.parametrize("how", ["NONE", "TOTAL", "INDEXES"])
def test_who_asks_of_an_index_or_of_tables_gets_it_in_its_form(proxy, through, direct, owned, how):
    asks = {"ReturnConsumedCapacity": how}
    index = {**BY_OWNER, **asks}
    assert through.ok("Query", index).body == direct.ok("Query", index).body
    direct.ok(*put(item("a", "1"), "chat"))

    def both(**more):
        return {"RequestItems": {name: {"Keys": [key("a", "1")], **more} for name in ("plain", "chat")}, **asks}

    plainly = by_table(direct.ok("BatchGetItem", both(ConsistentRead=True)))
    assert len(plainly) == (0 if how == "NONE" else 2)
    assert by_table(through.ok("BatchGetItem", both())) == plainly
    nothing = json.loads(json.dumps(plainly).replace("1.0", "0.0"))
    assert by_table(through.ok("BatchGetItem", both())) == nothing


@pytest.mark.parametrize("how", ["NONE", "TOTAL", "INDEXES"])
def test_who_asks_what_writes_to_an_index_take_gets_it_in_its_form(proxy, through, direct, how):
    asks = {"ReturnConsumedCapacity": how}
    rows = [item("MSG#2", str(n), 100, owner={"S": "g"}) for n in range(2)]
    puts = [{"Put": {"TableName": "chat", "Item": row}} for row in rows]
    calls = [
        put(rows[0], "chat", **asks),
        ("DeleteItem", {"TableName": "chat", "Key": key("MSG#2", "0"), **asks}),
        ("BatchWriteItem", {"RequestItems": {"chat": [{"PutRequest": {"Item": row}} for row in rows]}, **asks}),
        ("TransactWriteItems", {"TransactItems": puts, **asks}),
    ]

    def all_of(wire):
        tables.create(direct, tables.chat())
        return [by_table(wire.ok(*call)) for call in calls]

    plainly = all_of(direct)
    assert all(bool(one) == (how != "NONE") for one in plainly)
    assert all_of(through) == plainly
