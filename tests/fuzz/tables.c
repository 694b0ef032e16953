#include "tests/fuzz/tables.h"

#include "tests/fuzz/fuzz.h"

#define PLAIN(name, type)                                                                                    \
    "{\"Table\":{\"AttributeDefinitions\":[{\"AttributeName\":\"id\",\"AttributeType\":\"" type "\"}],"      \
    "\"TableName\":\"" name "\",\"KeySchema\":[{\"AttributeName\":\"id\",\"KeyType\":\"HASH\"}],"            \
    "\"TableStatus\":\"ACTIVE\",\"TableArn\":\"arn:aws:dynamodb:eu-west-1:123456789012:table/" name "\","    \
    "\"TableId\":\"0d4f\"}}"

enum { TABLES = 5 };

static ra_table *tables[TABLES];
static char any[] = "*";
static const ra_table_config config = {.name = any,
                                       .consistency = RA_READ_AFTER_WRITE,
                                       .settle = 5000,
                                       .policy = {.name = any, .ttl = 60000, .consistent_fill = true}};

void fuzz_tables_start(void)
{
    static const char *const texts[TABLES] = {FUZZ_CHAT, PLAIN("users", "S"), PLAIN("numbers", "N"),
                                              PLAIN("blobs", "B"), PLAIN("others", "S")};
    for (size_t i = 0; i < TABLES; i++) {
        tables[i] = ra_table_from_describe(ra_bytes_z(texts[i]), RA_BYTES("p:"), RA_BYTES("http://ddb:8000"));
        FUZZ_CHECK(tables[i]);
    }
}

const ra_table *fuzz_table_chat(void)
{
    return tables[0];
}

void fuzz_tables_set(ra_op *op)
{
    for (size_t i = 0; i < op->ntables; i++) {
        ra_op_table *t = &op->tables[i];
        ra_bytes name = ra_table_short_name(t->given);
        if (!ra_bytes_eq_z(name, "others"))
            t->config = &config;
        for (size_t k = 0; k < TABLES; k++)
            if (ra_bytes_eq_z(name, tables[k]->name))
                t->table = tables[k];
    }
}

void fuzz_reply_make(fuzz_reply *r, int status, char *body, size_t n)
{
    static char type_name[] = "content-type", type[] = "application/x-amz-json-1.0",
                crc_name[] = "x-amz-crc32";
    snprintf(r->crc, sizeof r->crc, "%u", (unsigned)ra_crc32((ra_bytes){body, n}));
    r->headers[0] = (ra_http_header){type_name, type};
    r->headers[1] = (ra_http_header){crc_name, r->crc};
    r->reply = (ra_http_reply){
        .result = RA_HTTP_OK, .status = status, .headers = r->headers, .nheaders = 2, .body = body, .len = n};
}
