"""Where DynamoDB Local isn't as DynamoDB is."""


def says_capacity_unasked(operation, body):
    """It says what a DeleteItem that finds nothing consumes, asked or not. DynamoDB doesn't, and the proxy takes out of a
    reply what its client hasn't asked for."""
    return operation == "DeleteItem" and body.get("ReturnConsumedCapacity", "NONE") == "NONE"
