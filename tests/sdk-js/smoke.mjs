// The AWS SDK for JavaScript v3, unchanged: it finds the proxy by AWS_ENDPOINT_URL_DYNAMODB alone.
// Run by tests/integration/test_sdk_js.py, which sets that variable and makes sure that the table isn't there.
import assert from "node:assert/strict";
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  paginateQuery,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";

assert.ok(process.env.AWS_ENDPOINT_URL_DYNAMODB, "AWS_ENDPOINT_URL_DYNAMODB is not set");
const client = new DynamoDBClient({});

let cache;
client.middlewareStack.add(
  (next) => async (args) => {
    const result = await next(args);
    cache = result.response.headers["x-cache"];
    return result;
  },
  { step: "deserialize", name: "noteXCache", priority: "low" },
);

const TableName = "sdk-js";
const key = (n) => ({ pk: { S: "room" }, sk: { N: String(n) } });
const send = async (expected, command) => {
  const reply = await client.send(command);
  if (expected) assert.equal(cache, expected, `${command.constructor.name}: X-Cache`);
  return reply;
};

async function table() {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 60 }, { TableName });
}

async function batches() {
  const puts = Array.from({ length: 20 }, (_, n) => ({ PutRequest: { Item: { ...key(n), text: { S: `n\u00famero ${n}` } } } }));
  await send(null, new BatchWriteItemCommand({ RequestItems: { [TableName]: puts } }));
  const get = { RequestItems: { [TableName]: { Keys: [key(1), key(2), key(99)] } } };
  const missed = await send("MISS", new BatchGetItemCommand(get));
  const hit = await send("HIT", new BatchGetItemCommand(get));
  const byKey = (a, b) => Number(a.sk.N) - Number(b.sk.N);
  assert.deepEqual(hit.Responses[TableName].sort(byKey), missed.Responses[TableName].sort(byKey));
  assert.equal(hit.Responses[TableName].length, 2);
}

async function items() {
  const get = new GetItemCommand({ TableName, Key: key(5) });
  const missed = await send("MISS", get);
  assert.deepEqual((await send("HIT", get)).Item, missed.Item);
  await send(
    null,
    new UpdateItemCommand({
      TableName,
      Key: key(5),
      UpdateExpression: "SET #t = :t",
      ExpressionAttributeNames: { "#t": "text" },
      ExpressionAttributeValues: { ":t": { S: "changed" } },
    }),
  );
  assert.equal((await send("MISS", get)).Item.text.S, "changed");
  await send(null, new DeleteItemCommand({ TableName, Key: key(5) }));
  assert.equal((await send("MISS", get)).Item, undefined);
  const put = { TableName, Item: { ...key(5), text: { S: "again" } } };
  await send(null, new TransactWriteItemsCommand({ TransactItems: [{ Put: put }] }));
  assert.equal((await send("MISS", get)).Item.text.S, "again");
  const failing = new PutItemCommand({ ...put, ConditionExpression: "attribute_not_exists(pk)" });
  await assert.rejects(client.send(failing), ConditionalCheckFailedException);
}

async function queries() {
  const input = {
    TableName,
    KeyConditionExpression: "pk = :pk",
    ExpressionAttributeValues: { ":pk": { S: "room" } },
  };
  const missed = await send("MISS", new QueryCommand(input));
  assert.deepEqual((await send("HIT", new QueryCommand(input))).Items, missed.Items);
  for (const expected of ["MISS", "HIT"]) {
    const seen = [];
    for await (const page of paginateQuery({ client, pageSize: 6 }, { ...input })) {
      assert.equal(cache, expected);
      seen.push(...page.Items);
    }
    assert.deepEqual(seen, missed.Items);
  }
  await send(null, new PutItemCommand({ TableName, Item: key(1000) }));
  assert.equal((await send("MISS", new QueryCommand(input))).Count, missed.Count + 1);
}

await table();
await batches();
await items();
await queries();
client.destroy();
console.log("1 passed, 0 failed");
