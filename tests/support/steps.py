"""Random, seeded requests over a small key space, good and bad, for the differential test.

Few keys and few values: the point is that reads repeat (so that they hit) and that writes meet them.
"""
import base64
import random

from support import tables

STRING = "diff-string"
NUMBER = "diff-number"
BINARY = "diff-binary"
ALONE = "diff-alone"

TABLES = [
    tables.definition(
        STRING,
        {"pk": "S", "sk": "S", "at": "N", "owner": "S"},
        "pk",
        "sk",
        local=[tables.index("by-at", "pk", "at")],
        world=[
            tables.index("by-owner", "owner", "sk"),
            tables.index("by-at-only", "at", projection="KEYS_ONLY"),
        ],
    ),
    tables.definition(
        NUMBER,
        {"pk": "N", "sk": "N", "owner": "S"},
        "pk",
        "sk",
        world=[tables.index("by-owner", "owner", projection="INCLUDE", include=["v"])],
    ),
    tables.definition(BINARY, {"pk": "B", "sk": "B"}, "pk", "sk"),
    tables.definition(ALONE, {"pk": "S"}, "pk"),
]

STRINGS = ["a", "b", "\u00e9\u4e2d", '"\\', "a#b"]
NUMBERS = ["0", "1", "-1", "1.5", "100", "12345678901234567890123456789012345678", "1E-20"]
BYTES = [b"a", b"\x00\xff", b"abc"]
OWNERS = ["ann", "bob", "eve"]


def spelled(rng, number):
    """Another way to write the same number."""
    if number in ("0", "1", "-1", "100", "1.5") and rng.random() < 0.5:
        if "." in number:
            return rng.choice([number, number + "0", "15e-1", "0.15E1", "01.5"])
        return rng.choice([number, number + ".0", number + ".000", number + "e0", number + "0e-1"])
    return number


class Steps:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.writing = False

    # ---- values ----

    def one(self, choices):
        return self.rng.choice(choices)

    def chance(self, p):
        return self.rng.random() < p

    def key_value(self, kind):
        if kind == "S":
            return {"S": self.one(STRINGS)}
        if kind == "N":
            return {"N": spelled(self.rng, self.one(NUMBERS))}
        return {"B": base64.b64encode(self.one(BYTES)).decode()}

    def kind(self, table):
        return {NUMBER: "N", BINARY: "B"}.get(table, "S")

    def key(self, table):
        kind = self.kind(table)
        key = {"pk": self.key_value(kind)}
        if table != ALONE:
            key["sk"] = self.key_value(kind)
        if self.chance(0.03):
            self.spoil(key)
        return key

    def spoil(self, key):
        """Makes a key that DynamoDB refuses, most of the time."""
        name = self.one(list(key))
        bad = [
            {"S": ""},
            {"N": "1"},
            {"N": "one"},
            {"N": ""},
            {"BOOL": True},
            {"NULL": True},
            {"S": "a", "N": "1"},
            {},
        ]
        if not self.writing:
            # DynamoDB Local answers these with a 500, which leaves a write's fate unknown and its units
            # uncached for a while: in a write they would keep the cache out of the comparison.
            bad += ["a", None, 7, {"B": "===="}]
        how = self.rng.randrange(3)
        if how == 0:
            del key[name]
        elif how == 1:
            key["extra"] = {"S": "x"}
        else:
            key[name] = self.one(bad)

    def value(self):
        return self.one(
            [
                {"S": self.one(STRINGS)},
                {"S": ""},
                {"N": self.one(NUMBERS)},
                {"B": "AAE="},
                {"BOOL": self.chance(0.5)},
                {"NULL": True},
                {"L": [{"N": "1"}, {"M": {"x": {"S": "y"}}}]},
                {"M": {"a": {"L": []}, "size": {"N": "3"}}},
                {"SS": ["x", "y"]},
                {"NS": ["1", "2.0"]},
                {"BS": ["AA==", "AQ=="]},
            ]
            + ([{"SS": []}, {"NS": ["1", "1.0"]}, {"N": "1e200"}, {"N": "0x1"}] if self.chance(0.1) else [])
        )

    def item(self, table):
        item = self.key(table)
        if self.chance(0.7):
            item["owner"] = {"S": self.one(OWNERS)}
        if self.chance(0.7):
            item["at"] = {"N": spelled(self.rng, self.one(NUMBERS))}
        if self.chance(0.02):
            item["owner"] = self.value()
        item["v"] = {"N": str(self.rng.randrange(1000))}
        if self.chance(0.5):
            item["w"] = self.value()
        return item

    def table(self):
        return self.rng.choices([STRING, NUMBER, BINARY, ALONE], [5, 3, 2, 1])[0]

    # ---- what can be added to a request ----

    def capacity(self, body):
        if self.chance(0.05):
            # An unknown value in a write is not sent: DynamoDB Local then answers 400 and writes all the same.
            unknown = [] if self.writing else ["SOME"]
            body["ReturnConsumedCapacity"] = self.one(["NONE", "TOTAL", "INDEXES", *unknown])

    def names(self, body, name):
        """A placeholder for `name`, now and then not the usual one."""
        placeholder = "#" + self.one([name, "x", "y", "n1"])
        known = body.setdefault("ExpressionAttributeNames", {})
        while known.get(placeholder, name) != name:
            placeholder += "z"
        known[placeholder] = name
        return placeholder

    def placed(self, body, value):
        known = body.setdefault("ExpressionAttributeValues", {})
        placeholder = ":" + self.one(["v", "a", "b"])
        while placeholder in known:
            placeholder += "z"
        known[placeholder] = value
        return placeholder

    def mentioned(self, body, name):
        """By its own name or by a placeholder; a reserved word seldom by its own."""
        placed = 0.95 if name == "owner" else 0.4
        return self.names(body, name) if self.chance(placed) else name

    def projection(self, body, legacy=False):
        if legacy:
            body["AttributesToGet"] = self.rng.sample(["pk", "sk", "v", "w", "owner", "nothing"], self.rng.randrange(1, 4))
            return
        wanted = self.rng.sample(["pk", "sk", "v", "w", "owner"], self.rng.randrange(1, 4))
        body["ProjectionExpression"] = ", ".join(self.mentioned(body, n) for n in wanted)

    def mistakes(self, body):
        """Now and then something that DynamoDB refuses or that means nothing."""
        if not self.chance(0.03):
            return
        how = self.rng.randrange(8)
        if how == 0:
            body.setdefault("ExpressionAttributeNames", {})["#unused"] = "z"
        elif how == 1:
            body.setdefault("ExpressionAttributeValues", {})[":unused"] = {"S": "z"}
        elif how == 2:
            body["TableName"] = "no-such-table"
        elif how == 3:
            body["ProjectionExpression"] = "name, value"
        elif how == 4:
            body["ConsistentRead"] = "yes"
        elif how == 5:
            body["Nonsense"] = {"a": [1, 2, None]}
        elif how == 6:
            body["ExpressionAttributeNames"] = {}
        else:
            body["TableName"] = 5

    # ---- reads ----

    def get_item(self):
        table = self.table()
        body = {"TableName": table, "Key": self.key(table)}
        if self.chance(0.3):
            self.projection(body, legacy=self.chance(0.3))
        if self.chance(0.1):
            body["ConsistentRead"] = self.chance(0.5)
        self.capacity(body)
        self.mistakes(body)
        return "GetItem", body

    def batch_get_item(self):
        requests = {}
        for table in self.rng.sample([STRING, NUMBER, BINARY, ALONE], self.rng.randrange(1, 3)):
            keys = []
            for _ in range(self.rng.randrange(1, 6)):
                key = self.key(table)
                if key not in keys or self.chance(0.05):
                    keys.append(key)
            requests[table] = {"Keys": keys}
            if self.chance(0.25):
                self.projection(requests[table], legacy=self.chance(0.3))
            if self.chance(0.1):
                requests[table]["ConsistentRead"] = self.chance(0.5)
        body = {"RequestItems": requests}
        self.capacity(body)
        if self.chance(0.02):
            body["RequestItems"] = self.one([{}, None, [], {"no-such-table": {"Keys": [{"pk": {"S": "a"}}]}}])
        return "BatchGetItem", body

    def query_target(self, body, table):
        """Chooses table or index; returns the names of its partition and sort key and their types."""
        kind = self.kind(table)
        found = ("pk", kind, "sk", kind)
        if table == ALONE:
            found = ("pk", kind, None, None)
        elif table == STRING and self.chance(0.5):
            body["IndexName"] = self.one(["by-at", "by-owner", "by-at-only"])
            found = {
                "by-at": ("pk", "S", "at", "N"),
                "by-owner": ("owner", "S", "sk", "S"),
                "by-at-only": ("at", "N", None, None),
            }[body["IndexName"]]
        elif table == NUMBER and self.chance(0.4):
            body["IndexName"] = "by-owner"
            found = ("owner", "S", None, None)
        if self.chance(0.01):
            body["IndexName"] = "no-such-index"
        return found

    def typed(self, name, kind):
        return {"S": self.one(OWNERS)} if name == "owner" else self.key_value(kind)

    def sort_condition(self, body, name, kind):
        mention = self.mentioned(body, name)
        how = self.one(["=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"])
        if how == "BETWEEN":
            return f"{mention} BETWEEN {self.placed(body, self.typed(name, kind))} AND {self.placed(body, self.typed(name, kind))}"
        if how == "begins_with":
            return f"begins_with({mention}, {self.placed(body, self.typed(name, kind))})"
        return f"{mention} {how} {self.placed(body, self.typed(name, kind))}"

    def query(self):
        if self.chance(0.15):
            return self.legacy_query()
        table = self.table()
        body = {"TableName": table}
        pk, pk_kind, sk, sk_kind = self.query_target(body, table)
        parts = [f"{self.mentioned(body, pk)} = {self.placed(body, self.typed(pk, pk_kind))}"]
        if sk and self.chance(0.4):
            parts.append(self.sort_condition(body, sk, sk_kind))
            self.rng.shuffle(parts)
        parts = [f"({p})" if self.chance(0.2) else p for p in parts]
        body["KeyConditionExpression"] = self.one([" AND ", " and "]).join(parts)
        if self.chance(0.2):
            body["FilterExpression"] = f"{self.mentioned(body, 'v')} > {self.placed(body, {'N': '500'})}"
        if self.chance(0.2):
            self.projection(body)
        self.query_options(body, table)
        self.mistakes(body)
        return "Query", body

    def legacy_query(self):
        table = self.table()
        body = {"TableName": table}
        pk, pk_kind, sk, sk_kind = self.query_target(body, table)
        conditions = {pk: {"ComparisonOperator": "EQ", "AttributeValueList": [self.typed(pk, pk_kind)]}}
        if sk and self.chance(0.4):
            how = self.one(["EQ", "LT", "GE", "BETWEEN", "BEGINS_WITH"])
            values = [self.typed(sk, sk_kind) for _ in range(2 if how == "BETWEEN" else 1)]
            conditions[sk] = {"ComparisonOperator": how, "AttributeValueList": values}
        body["KeyConditions"] = conditions
        if self.chance(0.3):
            body["QueryFilter"] = {"v": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "500"}]}}
        if self.chance(0.3):
            self.projection(body, legacy=True)
        self.query_options(body, table)
        return "Query", body

    def query_options(self, body, table):
        if self.chance(0.3):
            body["ScanIndexForward"] = self.chance(0.5)
        if self.chance(0.3):
            body["Limit"] = self.one([1, 2, 3, 1000] if self.chance(0.95) else [0, -1, "2", 1.5])
        if self.chance(0.1):
            body["ConsistentRead"] = self.chance(0.5)
        if self.chance(0.05):
            body["Select"] = self.one(["ALL_ATTRIBUTES", "COUNT", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"])
        if self.chance(0.05):
            body["ExclusiveStartKey"] = self.key(table)
        self.capacity(body)

    # ---- writes ----

    def condition(self, body):
        body["ConditionExpression"] = self.one(["attribute_exists({0})", "attribute_not_exists({0})", "size({0}) > {0}"]).format(
            self.mentioned(body, "v")
        )
        if self.chance(0.3):
            body["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"

    def put_item(self):
        table = self.table()
        body = {"TableName": table, "Item": self.item(table)}
        if self.chance(0.2):
            self.condition(body)
        elif self.chance(0.1):
            body["Expected"] = {"v": {"Exists": False}}
        if self.chance(0.2):
            body["ReturnValues"] = self.one(["NONE", "ALL_OLD", "ALL_NEW"])
        self.capacity(body)
        return "PutItem", body

    def delete_item(self):
        table = self.table()
        body = {"TableName": table, "Key": self.key(table)}
        if self.chance(0.2):
            self.condition(body)
        if self.chance(0.2):
            body["ReturnValues"] = self.one(["NONE", "ALL_OLD"])
        self.capacity(body)
        return "DeleteItem", body

    def update_item(self):
        table = self.table()
        body = {"TableName": table, "Key": self.key(table)}
        if self.chance(0.15):
            body["AttributeUpdates"] = {
                "v": {"Action": "ADD", "Value": {"N": "1"}},
                "owner": self.one([{"Action": "DELETE"}, {"Action": "PUT", "Value": {"S": self.one(OWNERS)}}]),
            }
        else:
            self.update_expression(body)
            if self.chance(0.15):
                self.condition(body)
        if self.chance(0.3):
            body["ReturnValues"] = self.one(["NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"])
        self.capacity(body)
        self.mistakes(body)
        return "UpdateItem", body

    def update_expression(self, body):
        clauses = []
        sets = []
        if self.chance(0.7):
            sets.append(f"{self.mentioned(body, 'v')} = {self.placed(body, {'N': str(self.rng.randrange(1000))})}")
        if self.chance(0.4):
            new = self.placed(body, {"S": self.one(OWNERS)})
            owner = self.names(body, "owner")
            sets.append(f"{owner} = " + self.one([new, f"if_not_exists({owner}, {new})", f"if_not_exists(w.none, {new})"]))
        if self.chance(0.3):
            sets.append(f"{self.names(body, 'at')} = {self.placed(body, self.key_value('N'))}")
        if sets:
            clauses.append("SET " + ", ".join(sets))
        if not sets or self.chance(0.2):
            clauses.append(f"{self.one(['REMOVE', 'remove'])} {self.mentioned(body, 'w')}")
        if not sets and self.chance(0.4):
            clauses.append(f"ADD {self.names(body, 'at')} {self.placed(body, {'N': '1'})}")
        self.rng.shuffle(clauses)
        body["UpdateExpression"] = " ".join(clauses)

    def batch_write_item(self):
        requests = {}
        for table in self.rng.sample([STRING, NUMBER, BINARY, ALONE], self.rng.randrange(1, 3)):
            requests[table] = []
            for _ in range(self.rng.randrange(1, 5)):
                if self.chance(0.6):
                    requests[table].append({"PutRequest": {"Item": self.item(table)}})
                else:
                    requests[table].append({"DeleteRequest": {"Key": self.key(table)}})
        body = {"RequestItems": requests}
        self.capacity(body)
        return "BatchWriteItem", body

    def transact_write_items(self):
        actions = []
        for _ in range(self.rng.randrange(1, 4)):
            how = self.rng.randrange(4)
            table = self.table()
            if how == 0:
                actions.append({"Put": {"TableName": table, "Item": self.item(table)}})
            elif how == 1:
                actions.append({"Delete": {"TableName": table, "Key": self.key(table)}})
            elif how == 2:
                update = {"TableName": table, "Key": self.key(table)}
                self.update_expression(update)
                actions.append({"Update": update})
            else:
                check = {"TableName": table, "Key": self.key(table)}
                check["ConditionExpression"] = "attribute_exists(pk)"
                actions.append({"ConditionCheck": check})
        return "TransactWriteItems", {"TransactItems": actions}

    def partiql(self):
        pk, sk = self.one(STRINGS[:2]), self.one(STRINGS[:2])
        where = {"Parameters": [{"S": pk}, {"S": sk}]}
        statement = self.one(
            [
                f'UPDATE "{STRING}" SET v=1 SET "owner"=\'ann\' WHERE pk=? AND sk=?',
                f'DELETE FROM "{STRING}" WHERE pk=? AND sk=?',
                f'SELECT * FROM "{STRING}" WHERE pk=? AND sk=?',
                f"INSERT INTO \"{STRING}\" VALUE {{'pk':?,'sk':?,'owner':'bob'}}",
            ]
        )
        if self.chance(0.3):
            return "BatchExecuteStatement", {"Statements": [{"Statement": statement, **where}]}
        return "ExecuteStatement", {"Statement": statement, **where}

    # ---- one step ----

    def read(self, operation):
        return {"GetItem": self.get_item, "BatchGetItem": self.batch_get_item, "Query": self.query}[operation]()

    def write(self):
        makers = [
            self.put_item,
            self.update_item,
            self.delete_item,
            self.batch_write_item,
            self.transact_write_items,
            self.partiql,
        ]
        self.writing = True
        made = self.rng.choices(makers, [8, 8, 4, 3, 2, 1])[0]()
        self.writing = False
        return made
