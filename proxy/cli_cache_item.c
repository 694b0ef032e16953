/* The operation itself says it: a GetItem is made, and planned as a client's is. */
#include "proxy/cli_cache_item.h"

#include "proxy/op.h"

enum { BODY_MAX = 1 << 20, ARENA_MAX = 16 << 20 };

/* A value as ra_markers_value reads it, as a member. */
static void write_member(ra_buf *out, const char *name, const char *value)
{
    ra_buf_add_json_string(out, ra_bytes_z(name));
    ra_buf_add_z(out, *value == '{' ? ": " : ": {\"S\": ");
    if (*value == '{')
        ra_buf_add_z(out, value);
    else
        ra_buf_add_json_string(out, ra_bytes_z(value));
    ra_buf_add_z(out, *value == '{' ? "" : "}");
}

static void write_body(ra_buf *out, const ra_table *t, const ra_markers_key *k)
{
    ra_buf_add_z(out, "{\"TableName\": ");
    ra_buf_add_json_string(out, ra_bytes_z(k->table));
    ra_buf_add_z(out, ", \"Key\": {");
    write_member(out, t->partition_key, k->partition_key);
    if (t->sort_key) {
        ra_buf_add_z(out, ", ");
        write_member(out, t->sort_key, k->sort_key);
    }
    ra_buf_add_z(out, "}}");
}

bool ra_cache_item_name(const ra_table_config *config, ra_table *t, const ra_markers_key *k, ra_key *out)
{
    ra_arena arena;
    ra_buf body;
    ra_op op = {0};
    const char *problem;
    ra_arena_init(&arena, ARENA_MAX);
    ra_buf_init(&body, BODY_MAX);
    write_body(&body, t, k);
    bool ok = ra_buf_ok(&body) && ra_op_open(&op, RA_BYTES("DynamoDB_20120810.GetItem"), ra_buf_bytes(&body),
                                             &arena, &problem) == RA_OP_OK;
    if (ok && op.ntables == 1) {
        op.tables[0].config = config;
        op.tables[0].table = t;
        ok = ra_op_plan(&op) == RA_OP_OK && op.nparts == 1;
    }
    if (ok)
        *out = op.parts[0].look.request;
    ra_op_close(&op);
    ra_buf_free(&body);
    ra_arena_free(&arena);
    return ok;
}
