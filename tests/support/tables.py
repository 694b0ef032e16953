"""The tables that the tests use, and how to make them."""
from support import waiting


def attribute(name, kind):
    return {"AttributeName": name, "AttributeType": kind}


def keys(partition, sort=None):
    schema = [{"AttributeName": partition, "KeyType": "HASH"}]
    if sort:
        schema.append({"AttributeName": sort, "KeyType": "RANGE"})
    return schema


def index(name, partition, sort=None, projection="ALL", include=None):
    shape = {"ProjectionType": projection}
    if include:
        shape["NonKeyAttributes"] = include
    return {"IndexName": name, "KeySchema": keys(partition, sort), "Projection": shape}


def definition(name, kinds, partition, sort=None, local=(), world=()):
    """`kinds` is {"pk": "S", …}: the types of all key attributes."""
    made = {
        "TableName": name,
        "AttributeDefinitions": [attribute(n, k) for n, k in kinds.items()],
        "KeySchema": keys(partition, sort),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if local:
        made["LocalSecondaryIndexes"] = list(local)
    if world:
        made["GlobalSecondaryIndexes"] = list(world)
    return made


def chat(name="chat"):
    """String keys, one LSI, one GSI: what most tests use."""
    return definition(
        name,
        {"pk": "S", "sk": "S", "at": "S", "owner": "S"},
        "pk",
        "sk",
        local=[index("by-at", "pk", "at")],
        world=[index("by-owner", "owner", "sk")],
    )


def plain(name="plain"):
    """String keys and no index."""
    return definition(name, {"pk": "S", "sk": "S"}, "pk", "sk")


def create(wire, table):
    """Makes the table anew and waits until it is there."""
    name = table["TableName"]
    wire.call("DeleteTable", {"TableName": name})
    waiting.until(lambda: wire.call("CreateTable", table).status == 200, f"table {name} to be made")
    described = {"TableName": name}
    waiting.until(
        lambda: wire.ok("DescribeTable", described).json["Table"]["TableStatus"] == "ACTIVE",
        f"table {name} to be active",
    )
