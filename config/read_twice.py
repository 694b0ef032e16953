#!/usr/bin/python3
"""The quickstart's demonstration: the same Query twice through the proxy, then a write and a fresh read.

An unchanged boto3; only its endpoint is the proxy's. Exits 1 if the cache doesn't do what is claimed here.
"""
import datetime
import json
import pathlib
import sys
import time
import uuid

import boto3

TABLE = "cruddur-messages"
SEED = pathlib.Path(__file__).with_name("cruddur-messages.seed.json")


def conversation():
    """The partition key of the seed's conversation."""
    items = [r["PutRequest"]["Item"] for r in json.loads(SEED.read_text(encoding="utf-8"))[TABLE]]
    return next(i["pk"]["S"] for i in items if i["pk"]["S"].startswith("MSG#"))


def query(client, partition):
    """The newest messages of the conversation; prints how long it took and where the reply came from."""
    begun = time.perf_counter()
    reply = client.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": partition}},
        ScanIndexForward=False,
        Limit=20,
    )
    took = (time.perf_counter() - begun) * 1000
    cache = reply["ResponseMetadata"]["HTTPHeaders"].get("x-cache", "(none)")
    newest = reply["Items"][0]["message"]["S"]
    print(f"  Query     X-Cache: {cache:<6} {took:7.2f} ms   {reply['Count']} messages, the newest: {newest[:48]}")
    return cache, newest


def main(endpoint):
    client = boto3.client("dynamodb", endpoint_url=endpoint, region_name="us-east-1")
    partition = conversation()
    # Opens the connection and lets the proxy learn the table, so that the times below compare the reads alone.
    client.get_item(TableName=TABLE, Key={"pk": {"S": "nobody"}, "sk": {"S": "nothing"}})

    first = query(client, partition)
    second = query(client, partition)

    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    text = f"Written through the proxy at {now[11:19]} UTC"
    message = {
        "pk": partition,
        "sk": now,
        "message_uuid": str(uuid.uuid4()),
        "message": text,
        "user_uuid": str(uuid.uuid4()),
        "user_display_name": "Quickstart",
        "user_handle": "quickstart",
    }
    client.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in message.items()})
    print(f"  PutItem   a message: {text}")
    third = query(client, partition)

    if (first[0], second[0]) != ("MISS", "HIT") or second[1] != first[1] or third != ("MISS", text):
        print("That is not what the cache promises: MISS, HIT, and a fresh MISS after the write.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
