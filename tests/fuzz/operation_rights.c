/*
 * - A key that is limited to one table touches no other: neither one that the planner sees, nor one that the
 *   body names where DynamoDB looks for names.
 * - A key that may only read plans no write.
 * - The spelling of a request gives nobody rights.
 */
#include "tests/fuzz/operation_rights.h"

#include "proxy/authorize.h"
#include "tests/fuzz/fuzz.h"

enum { ALL, CHAT, READER, KEYS };
static const char *const ids[KEYS] = {[ALL] = "all", [CHAT] = "chat", [READER] = "reader"};
static ra_access_keys *keys;

void fuzz_rights_start(void)
{
    static const char text[] =
        "{\"keys\":[{\"access_key_id\":\"all\",\"secret_access_key\":\"a\"},"
        "{\"access_key_id\":\"chat\",\"secret_access_key\":\"b\",\"tables\":[\"chat\"]},"
        "{\"access_key_id\":\"reader\",\"secret_access_key\":\"c\",\"read_only\":true}]}";
    char why[RA_ACCESS_KEYS_WHY_MAX];
    keys = ra_access_keys_parse(RA_BYTES(text), "keys", why);
    FUZZ_CHECK(keys);
}

static bool may(int which, const ra_op *op)
{
    char why[RA_AUTHORIZE_WHY_MAX] = "";
    enum ra_authorize_result r = ra_authorize(ra_access_keys_find(keys, ra_bytes_z(ids[which])), op, why);
    FUZZ_CHECK(r != RA_AUTHORIZE_NO_MEMORY && memchr(why, '\0', sizeof why));
    FUZZ_CHECK(r == RA_AUTHORIZED || *why);
    for (const char *p = why; *p; p++)
        FUZZ_CHECK(*p >= ' ' && *p <= '~');
    return r == RA_AUTHORIZED;
}

static void check_name(const ra_json *j, uint32_t name, ra_arena *a)
{
    ra_bytes text;
    FUZZ_CHECK(ra_json_string(j, name, a, &text) && ra_bytes_eq_z(ra_table_short_name(text), "chat"));
}

static void check_member(const ra_json *j, uint32_t object, ra_arena *a)
{
    uint32_t name =
        ra_json_is(j, object, RA_JSON_OBJECT) ? ra_json_member(j, object, "TableName") : RA_JSON_NONE;
    if (name != RA_JSON_NONE)
        check_name(j, name, a);
}

/* TableName at the top, RequestItems' names, TransactItems' elements' TableNames: of those operations that
 * have them. */
static void check_body(const ra_op *op, ra_arena *a)
{
    const ra_json *j = &op->json;
    uint32_t map = ra_json_member(j, 0, "RequestItems"), list = ra_json_member(j, 0, "TransactItems");
    bool batch = op->kind == RA_OP_BATCH_GET_ITEM || op->kind == RA_OP_BATCH_WRITE_ITEM;
    bool transaction = op->kind == RA_OP_TRANSACT_GET_ITEMS || op->kind == RA_OP_TRANSACT_WRITE_ITEMS;
    if (!batch && !transaction && op->kind != RA_OP_OTHER && op->kind < RA_OP_EXECUTE_STATEMENT)
        check_member(j, 0, a);
    if (batch && map != RA_JSON_NONE && ra_json_is(j, map, RA_JSON_OBJECT))
        for (uint32_t i = map + 1; i < j->t[map].next; i = j->t[i + 1].next)
            check_name(j, i, a);
    if (!transaction || list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY))
        return;
    for (uint32_t i = list + 1; i < j->t[list].next; i = j->t[i].next)
        if (ra_json_is(j, i, RA_JSON_OBJECT))
            for (uint32_t k = i + 1; k < j->t[i].next; k = j->t[k + 1].next)
                check_member(j, k + 1, a);
}

void fuzz_rights_check(const ra_op *op, const ra_op *other)
{
    bool may_do[KEYS];
    for (int i = 0; i < KEYS; i++) {
        may_do[i] = may(i, op);
        FUZZ_CHECK(!other || may(i, other) == may_do[i]);
    }
    FUZZ_CHECK(may_do[ALL]);
    FUZZ_CHECK(!may_do[READER] || op->class != RA_CLASS_WRITE);
    if (!may_do[CHAT])
        return;
    FUZZ_CHECK(!op->any_table);
    for (size_t i = 0; i < op->ntables; i++)
        FUZZ_CHECK(ra_bytes_eq_z(ra_table_short_name(op->tables[i].given), "chat"));
    if (op->json.n)
        check_body(op, op->arena);
}
