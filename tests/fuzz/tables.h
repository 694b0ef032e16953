/* Tables as DynamoDB describes them, and a configuration for all of them, for targets that plan operations.
 */
#ifndef RA_TESTS_FUZZ_TABLES_H
#define RA_TESTS_FUZZ_TABLES_H

#include "proxy/op.h"

/* pk S, sk S; one local index; two global ones, one of them on the table's sort key. */
#define FUZZ_CHAT                                                                                            \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"              \
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"S\"},{\"AttributeName\":\"g\",\"AttributeType\":\"S\"},"  \
    "{\"AttributeName\":\"h\",\"AttributeType\":\"S\"}],\"TableName\":\"chat\",\"KeySchema\":["              \
    "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":\"RANGE\"}],"     \
    "\"TableStatus\":\"ACTIVE\",\"CreationDateTime\":1795354584.767,"                                        \
    "\"TableArn\":\"arn:aws:dynamodb:ddblocal:000000000000:table/chat\",\"LocalSecondaryIndexes\":["         \
    "{\"IndexName\":\"by-h\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"                \
    "{\"AttributeName\":\"h\",\"KeyType\":\"RANGE\"}],\"Projection\":{\"ProjectionType\":\"ALL\"}}],"        \
    "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"by-g\",\"KeySchema\":[{\"AttributeName\":\"g\","           \
    "\"KeyType\":\"HASH\"},{\"AttributeName\":\"h\",\"KeyType\":\"RANGE\"}],\"Projection\":"                 \
    "{\"ProjectionType\":\"ALL\"},\"IndexStatus\":\"ACTIVE\"},{\"IndexName\":\"by-sk\",\"KeySchema\":["      \
    "{\"AttributeName\":\"sk\",\"KeyType\":\"HASH\"}],\"Projection\":{\"ProjectionType\":\"ALL\"},"          \
    "\"IndexStatus\":\"ACTIVE\"}]}}"

/* Knows "chat"; "users", "numbers", "blobs", each with the key attribute `id` of type S, N, B; "others" has
 * no configuration, all else no schema. Once per process; they are never freed. */
void fuzz_tables_start(void);
const ra_table *fuzz_table_chat(void);
/* What a caller does between ra_op_open and ra_op_plan. */
void fuzz_tables_set(ra_op *op);

/* A 200 of DynamoDB's with its checksum, whose memory is the caller's. */
typedef struct fuzz_reply {
    ra_http_reply reply;
    ra_http_header headers[2];
    char crc[16];
} fuzz_reply;
void fuzz_reply_make(fuzz_reply *r, int status, char *body, size_t n);

#endif
