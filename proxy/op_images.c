#include "proxy/op_images.h"

#include "proxy/item_digest.h"
#include "proxy/op_plan.h"

/* Images under way. Each is read in an arena of its own, so that a large item takes nothing from what the
 * request still needs. */
typedef struct images {
    ra_op *op;
    ra_own_image *v;
    size_t n, room;
    size_t scratch; /* the most that reading one image may take */
} images;

static bool is_followed(const ra_op_table *t)
{
    return ra_op_table_marked(t) && t->config->follow;
}

static bool any_followed(const ra_op *op)
{
    for (size_t i = 0; i < op->ntables; i++) {
        if (is_followed(&op->tables[i]))
            return true;
    }
    return false;
}

/* Notes the item whose key is in `map`, and its image (RA_JSON_NONE: it is gone), unless there is something
 * about them that isn't understood. */
static void note(images *w, size_t table, const ra_json *keyed, uint32_t map, bool exact, const ra_json *j,
                 uint32_t image)
{
    const ra_table *t = w->op->tables[table].table;
    ra_own_image own = {.table = table, .has_image = image != RA_JSON_NONE};
    ra_arena scratch;
    ra_scalar pk, sk;
    if (w->n == w->room)
        return;
    ra_arena_init(&scratch, w->scratch);
    bool ok = ra_op_key(keyed, map, t, exact, &scratch, &pk, &sk) &&
              ra_table_item_unit(t, &pk, t->sort_key ? &sk : NULL, &own.item);
    if (ok && own.has_image)
        ok = ra_item_digest(j, image, &scratch, &own.image);
    else if (ok)
        ra_item_digest_removed(&own.image);
    ra_arena_free(&scratch);
    if (ok)
        w->v[w->n++] = own;
}

static void note_put(images *w, size_t table, uint32_t item)
{
    if (item != RA_JSON_NONE)
        note(w, table, &w->op->json, item, false, &w->op->json, item);
}

static void note_delete(images *w, size_t table, uint32_t key)
{
    if (key != RA_JSON_NONE)
        note(w, table, &w->op->json, key, true, NULL, RA_JSON_NONE);
}

/* ---- one item ---- */

/* What ReturnValues was when it was sent: the proxy's own edit, or else the client's. */
static bool sent_all_new(const ra_op *op)
{
    static const char ALL_NEW[] = "\"ALL_NEW\"";
    for (size_t i = 0; i < op->nedits; i++) {
        ra_bytes text = op->edits[i].insert;
        if (text.n && memmem(text.p, text.n, ALL_NEW, sizeof ALL_NEW - 1))
            return true;
    }
    uint32_t asked = ra_json_member(&op->json, 0, "ReturnValues");
    return asked != RA_JSON_NONE && ra_json_string_is(&op->json, asked, "ALL_NEW");
}

static void note_update(images *w, const ra_json *reply)
{
    uint32_t key = ra_json_member(&w->op->json, 0, "Key");
    uint32_t image = ra_json_member(reply, 0, "Attributes");
    if (key != RA_JSON_NONE && image != RA_JSON_NONE && sent_all_new(w->op))
        note(w, 0, &w->op->json, key, true, reply, image);
}

/* ---- several ---- */

/* One element of a table's list in a batch: {"PutRequest": {"Item": …}} or {"DeleteRequest": {"Key": …}}. */
static void note_element(images *w, size_t table, uint32_t element)
{
    const ra_json *j = &w->op->json;
    if (!ra_json_is(j, element, RA_JSON_OBJECT) || ra_json_count(j, element) != 1)
        return;
    if (ra_json_string_is(j, element + 1, "PutRequest"))
        note_put(w, table, ra_json_member(j, element + 2, "Item"));
    else if (ra_json_string_is(j, element + 1, "DeleteRequest"))
        note_delete(w, table, ra_json_member(j, element + 2, "Key"));
}

/* Where a part of it wasn't done, which one could be told; it is rare, and then none of it is noted. */
static void note_batch(images *w, const ra_json *reply)
{
    const ra_json *j = &w->op->json;
    uint32_t rest = ra_json_member(reply, 0, "UnprocessedItems");
    if (rest != RA_JSON_NONE && (!ra_json_is(reply, rest, RA_JSON_OBJECT) || ra_json_count(reply, rest) > 0))
        return;
    for (size_t i = 0; i < w->op->ntables; i++) {
        const ra_op_table *t = &w->op->tables[i];
        if (!is_followed(t) || !ra_json_is(j, t->token, RA_JSON_ARRAY))
            continue;
        for (uint32_t e = t->token + 1; e < j->t[t->token].next; e = j->t[e].next)
            note_element(w, i, e);
    }
}

/* One request of a transaction, {"Put": {"TableName": …, "Item": …}}; of an update nothing is known. */
static void note_request(images *w, uint32_t element)
{
    const ra_json *j = &w->op->json;
    uint32_t name = element + 1, request = element + 2;
    ra_bytes given;
    size_t table;
    if (!ra_json_is(j, element, RA_JSON_OBJECT) || ra_json_count(j, element) != 1 ||
        !ra_op_table_name(w->op, request, "TableName", &given) || !given.p ||
        !ra_op_find_table(w->op, given, &table) || !is_followed(&w->op->tables[table]))
        return;
    if (ra_json_string_is(j, name, "Put"))
        note_put(w, table, ra_json_member(j, request, "Item"));
    else if (ra_json_string_is(j, name, "Delete"))
        note_delete(w, table, ra_json_member(j, request, "Key"));
}

static void note_transaction(images *w)
{
    const ra_json *j = &w->op->json;
    uint32_t list = ra_json_member(j, 0, "TransactItems");
    if (list == RA_JSON_NONE || !ra_json_is(j, list, RA_JSON_ARRAY) ||
        ra_json_member(j, 0, "ClientRequestToken") != RA_JSON_NONE)
        return;
    for (uint32_t e = list + 1; e < j->t[list].next; e = j->t[e].next)
        note_request(w, e);
}

/* ---- all ---- */

static void note_all(images *w, const ra_json *reply)
{
    const ra_json *j = &w->op->json;
    switch (w->op->kind) {
    case RA_OP_PUT_ITEM:
        note_put(w, 0, ra_json_member(j, 0, "Item"));
        break;
    case RA_OP_DELETE_ITEM:
        note_delete(w, 0, ra_json_member(j, 0, "Key"));
        break;
    case RA_OP_UPDATE_ITEM:
        note_update(w, reply);
        break;
    case RA_OP_BATCH_WRITE_ITEM:
        note_batch(w, reply);
        break;
    case RA_OP_TRANSACT_WRITE_ITEMS:
        note_transaction(w);
        break;
    default: /* statements: which items they touch isn't known */
        break;
    }
}

bool ra_op_write_images(ra_op *op, const ra_http_reply *reply, ra_arena *a, ra_own_image **v, size_t *n)
{
    bool several = op->kind == RA_OP_BATCH_WRITE_ITEM || op->kind == RA_OP_TRANSACT_WRITE_ITEMS;
    images w = {.op = op, .room = several ? RA_OP_MAX_KEYS : 1};
    ra_json j;
    *v = NULL;
    *n = 0;
    if (op->class != RA_CLASS_WRITE || op->json.n == 0 || !any_followed(op) || !ra_op_reply_intact(reply) ||
        !ra_op_reply_parse(ra_op_reply_body(reply), 0, &j))
        return true;
    size_t most = op->body.n > reply->len ? op->body.n : reply->len;
    w.scratch = most < SIZE_MAX / 32 ? most * 16 + 65536 : most;
    w.v = ra_arena_array(a, w.room, sizeof *w.v);
    if (w.v)
        note_all(&w, &j);
    ra_json_free(&j);
    *v = w.v;
    *n = w.n;
    return w.v != NULL;
}
