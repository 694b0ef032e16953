"""A small back end in Flask with boto3. With REDIS_URL it caches as an application's developers write it by hand, a read
through Redis in front of DynamoDB; without, it asks DynamoDB each time, or what stands at that endpoint.

Like most such code it relies on the TTL alone: nothing here says what a write makes stale."""
import json
import os

import boto3
import flask
import redis
from boto3.dynamodb.conditions import Key

TTL_SECONDS = 600

app = flask.Flask(__name__)
cache = redis.Redis.from_url(os.environ["REDIS_URL"]) if "REDIS_URL" in os.environ else None
dynamodb = boto3.resource("dynamodb", endpoint_url=os.environ["DYNAMODB_ENDPOINT"], region_name="us-east-1")
table = dynamodb.Table("cruddur-messages")


def newest_messages(message_group_uuid):
    found = table.query(
        KeyConditionExpression=Key("pk").eq(f"MSG#{message_group_uuid}"), ScanIndexForward=False, Limit=20
    )
    return [
        {
            "uuid": item["message_uuid"],
            "display_name": item["user_display_name"],
            "handle": item["user_handle"],
            "message": item["message"],
            "created_at": item["sk"],
        }
        for item in reversed(found["Items"])
    ]


def shown(message_group_uuid):
    # Compact and not escaped: the fewest bytes, as from the proxy.
    return json.dumps(newest_messages(message_group_uuid), ensure_ascii=False, separators=(",", ":"))


@app.get("/api/messages/<message_group_uuid>")
def messages(message_group_uuid):
    if cache is None:
        return flask.Response(shown(message_group_uuid), mimetype="application/json")
    key = f"messages:{message_group_uuid}"
    body = cache.get(key)
    hit = body is not None
    if not hit:
        body = shown(message_group_uuid)
        cache.set(key, body, ex=TTL_SECONDS)
    return flask.Response(body, mimetype="application/json", headers={"X-Cache": "HIT" if hit else "MISS"})
