"""What an upstream says that always says the same: to DescribeTable, and to every Query."""
import json

import workload


def table(schema):
    """DescribeTable's reply for a table that was made so."""
    described = {
        **schema,
        "TableStatus": "ACTIVE",
        "TableArn": f"arn:aws:dynamodb:us-east-1:000000000000:table/{schema['TableName']}",
        "TableId": "3d8a3c04-0d0f-4f55-8a8e-0d5f63c6b1aa",
        "CreationDateTime": 1767225600,
    }
    return json.dumps({"Table": described}).encode()


def replies():
    """Of the shipped table, and its newest messages."""
    schema = json.loads(workload.SCHEMA.read_text(encoding="utf-8"))
    page = {"Items": workload.newest(), "Count": workload.MESSAGES, "ScannedCount": workload.MESSAGES}
    return table(schema), json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
