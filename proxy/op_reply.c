/* Upstream's replies: which may be cached, what is stored of them, what a client is given. */
#include "proxy/capacity.h"
#include "proxy/op_plan.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <strings.h>

enum {
    TOP_LEVEL = 1,
    /* ConsumedCapacity: GlobalSecondaryIndexes: name: CapacityUnits, one level more in a batch's list. */
    CAPACITY_DEPTH = 5,
    AT_BITS = 16 /* of a payload's `meta`: where the item begins; the others are its blocks */
};

uint32_t ra_crc32(ra_bytes body)
{
    return libdeflate_crc32(0, body.p ? body.p : "", body.n); /* NULL would ask for the first value */
}

/* ---- reading ---- */

static bool checksum_right(const ra_http_reply *reply)
{
    const char *said = ra_http_reply_header(reply, "x-amz-crc32");
    if (!said)
        return true;
    char *end;
    unsigned long long value = strtoull(said, &end, 10);
    return *said >= '0' && *said <= '9' && *end == 0 && value == ra_crc32(ra_op_reply_body(reply));
}

bool ra_op_reply_intact(const ra_http_reply *reply)
{
    if (reply->result != RA_HTTP_OK || reply->status != 200)
        return false;
    const char *type = ra_http_reply_header(reply, "content-type");
    const char *encoding = ra_http_reply_header(reply, "content-encoding");
    return type && strcasecmp(type, "application/x-amz-json-1.0") == 0 &&
           (!encoding || strcasecmp(encoding, "identity") == 0) && checksum_right(reply);
}

bool ra_op_reply_parse(ra_bytes body, unsigned depth, ra_json *j)
{
    const ra_json_limits limits = {.token_depth = depth};
    size_t at;
    if (ra_json_parse(j, body, &limits, &at) != RA_JSON_OK)
        return false;
    if (ra_json_is(j, 0, RA_JSON_OBJECT))
        return true;
    ra_json_free(j);
    return false;
}

/* ---- consumed capacity ---- */

bool ra_op_zero_capacity(const ra_json *j, ra_arena *a, ra_buf *out)
{
    uint32_t capacity = ra_json_member(j, 0, "ConsumedCapacity");
    if (capacity == RA_JSON_NONE)
        return ra_buf_add_bytes(out, j->text);
    uint32_t end = j->t[capacity].next;
    ra_edit *edits = ra_arena_array(a, end - capacity, sizeof *edits);
    size_t n = 0;
    if (!edits)
        return false;
    for (uint32_t i = capacity; i < end; i++) {
        if (ra_json_is(j, i, RA_JSON_NUMBER))
            edits[n++] = (ra_edit){j->t[i].start, j->t[i].end - j->t[i].start, RA_BYTES("0.0")};
    }
    return ra_edit_apply(j->text, edits, n, out);
}

/* ---- item entries ---- */

static const char ITEM[] = "{\"Item\":";

bool ra_op_meta(uint32_t item_at, uint64_t blocks, uint32_t *meta)
{
    const uint32_t most = UINT32_MAX >> AT_BITS;
    *meta = (uint32_t)(blocks < most ? blocks : most) << AT_BITS | item_at;
    return item_at < 1U << AT_BITS;
}

static uint32_t item_at(const ra_payload *p)
{
    return p->meta & ((1U << AT_BITS) - 1);
}

uint32_t ra_op_payload_blocks(const ra_payload *p)
{
    return p->meta >> AT_BITS;
}

ra_payload *ra_op_item_payload(const ra_bytes *item, uint32_t blocks, int64_t filled_ms)
{
    ra_bytes empty = RA_BYTES("{}");
    uint32_t meta;
    ra_op_meta(item ? sizeof ITEM - 1 : 0, blocks, &meta);
    if (!item)
        return ra_payload_new(empty, ra_crc32(empty), meta, filled_ms);
    ra_buf b;
    ra_buf_init(&b, item->n + sizeof ITEM);
    ra_buf_add_z(&b, ITEM);
    ra_buf_add_bytes(&b, *item);
    ra_payload *p = NULL;
    if (ra_buf_add_char(&b, '}'))
        p = ra_payload_new(ra_buf_bytes(&b), ra_crc32(ra_buf_bytes(&b)), meta, filled_ms);
    ra_buf_free(&b);
    return p;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * By its text, as DynamoDB writes it, for what a network store sends says no more. None of these can stand in
 * a string of the reply, where a quote has a backslash before it, nor name an attribute's value, which is an
 * object. What is longer has more to tell than that there is nothing.
 */
bool ra_op_payload_is_negative(const ra_payload *p)
{
    enum { LONGEST = 1024 };
    if (item_at(p) || p->len > LONGEST || memmem(p->body, p->len, "\"LastEvaluatedKey\":", 19))
        return false;
    if (memmem(p->body, p->len, "\"Count\":", 8))
        return memmem(p->body, p->len, "\"Count\":0,", 10) || memmem(p->body, p->len, "\"Count\":0}", 10);
    return !memmem(p->body, p->len, "\"Item\":", 7);
}

/* In an item entry the item is the only member, so that it ends before the last bracket. */
ra_bytes ra_op_payload_item(const ra_payload *p)
{
    size_t end = p->len, at = item_at(p);
    if (at == 0 || at >= end)
        return (ra_bytes){"", 0};
    while (end > at && is_space(p->body[end - 1]))
        end--;
    end--;
    while (end > at && is_space(p->body[end - 1]))
        end--;
    return (ra_bytes){p->body + at, end - at};
}

/* ---- what to store ---- */

/* A GetItem's reply: nothing but Item and ConsumedCapacity. *item: RA_JSON_NONE where it is missing. */
static bool item_reply(const ra_op *op, const ra_json *j, uint32_t *item)
{
    static const char *const MEMBERS[] = {"Item", "ConsumedCapacity"};
    uint32_t tok[2];
    if (!ra_op_members(j, 0, MEMBERS, 2, tok) ||
        (tok[1] != RA_JSON_NONE && !op->capacity_asked && !op->capacity_added))
        return false;
    *item = tok[0];
    return tok[0] == RA_JSON_NONE || ra_json_is(j, tok[0], RA_JSON_OBJECT);
}

static bool query_reply(const ra_json *j, bool *negative)
{
    uint32_t count = ra_json_member(j, 0, "Count");
    if (count == RA_JSON_NONE || !ra_json_is(j, count, RA_JSON_NUMBER))
        return false;
    *negative =
        ra_bytes_eq_z(ra_json_raw(j, count), "0") && ra_json_member(j, 0, "LastEvaluatedKey") == RA_JSON_NONE;
    return true;
}

/* The payload of a reply that was read; the consumed capacity that its client has asked for is what a hit
 * costs. `body` is the reply's, of which `j` are the tokens where nothing was taken out. NULL: no memory. */
static ra_payload *make_payload(ra_op *op, const ra_json *j, ra_bytes body, uint32_t meta, int64_t filled_ms)
{
    if (!op->capacity_asked)
        return ra_payload_new(body, ra_crc32(body), meta, filled_ms);
    ra_buf b;
    ra_buf_init(&b, j->text.n * 2 + 64);
    ra_payload *p = NULL;
    if (ra_op_zero_capacity(j, op->arena, &b))
        p = ra_payload_new(ra_buf_bytes(&b), ra_crc32(ra_buf_bytes(&b)), meta, filled_ms);
    ra_buf_free(&b);
    return p;
}

/* Reads what was consumed. What only the proxy has asked for is taken out; *item_at is where the item begins
 * then. false: it couldn't be. */
static bool settle_capacity(ra_op *op, ra_http_reply *reply, const ra_json *j, uint32_t *item_at)
{
    ra_edit cut;
    if (!ra_op_measure(op, j, &cut))
        return true;
    if (!ra_op_cut_reply(reply, &cut))
        return false;
    if (*item_at > cut.at)
        *item_at -= (uint32_t)cut.cut;
    return true;
}

/* By the size of what came. */
static void estimate(ra_op *op, const ra_json *j, uint32_t item)
{
    uint32_t found = op->kind == RA_OP_GET_ITEM ? item : ra_json_member(j, 0, "Items");
    size_t size = found == RA_JSON_NONE ? 0 : ra_capacity_text_size(ra_json_raw(j, found));
    op->half_units = ra_capacity_of_read(ra_capacity_item_blocks(size), ra_op_went_consistent(op));
}

/* Of a reply that was understood. false: no memory. */
static bool add_cacheable(ra_op *op, ra_http_reply *reply, const ra_json *j, uint32_t item, bool negative,
                          int64_t filled_ms, ra_cacheable *c, size_t *n)
{
    /* Entries with capacity aren't shared with batches, so where their item begins doesn't count. */
    uint32_t meta, at = item == RA_JSON_NONE || op->capacity_asked ? 0 : j->t[item].start;
    if (!c || !settle_capacity(op, reply, j, &at))
        return false;
    if (ra_op_estimates(op))
        estimate(op, j, item);
    uint64_t blocks = ra_capacity_blocks(op->half_units, ra_op_went_consistent(op));
    if (!ra_op_meta(at, blocks, &meta))
        return true;
    *c = (ra_cacheable){0, negative, make_payload(op, j, ra_op_reply_body(reply), meta, filled_ms),
                        (uint32_t)blocks};
    *n = c->payload != NULL;
    return c->payload != NULL;
}

static bool single_cacheable(ra_op *op, ra_http_reply *reply, int64_t filled_ms, ra_cacheable **out,
                             size_t *n)
{
    ra_json j;
    uint32_t item = RA_JSON_NONE;
    bool negative, understood, ok = true;
    if (!ra_op_reply_parse(ra_op_reply_body(reply), op->capacity_asked ? CAPACITY_DEPTH : TOP_LEVEL, &j))
        return true;
    if (op->kind == RA_OP_GET_ITEM) {
        understood = item_reply(op, &j, &item);
        negative = item == RA_JSON_NONE;
    } else {
        understood = query_reply(&j, &negative);
    }
    if (understood && op->nparts) {
        *out = ra_arena_alloc(op->arena, sizeof **out);
        ok = add_cacheable(op, reply, &j, item, negative, filled_ms, *out, n);
    } else {
        uint32_t nothing = 0;
        settle_capacity(op, reply, &j, &nothing);
    }
    ra_json_free(&j);
    return ok;
}

bool ra_op_read_cacheable(ra_op *op, ra_http_reply *reply, int64_t filled_ms, ra_cacheable **out, size_t *n)
{
    bool measured = op->capacity_added || op->capacity_asked;
    *out = NULL;
    *n = 0;
    if ((op->nparts == 0 && !measured) || !ra_op_reply_intact(reply))
        return true;
    if (ra_op_is_batch_get(op))
        return ra_batch_get_cacheable(op, reply, filled_ms, out, n);
    if (op->nparts && !op->parts[0].upstream)
        return true;
    return single_cacheable(op, reply, filled_ms, out, n);
}

/* ---- what the client is given ---- */

bool ra_op_read_rewrites(const ra_op *op, bool coalesced)
{
    if (ra_op_is_batch_get(op))
        return ra_batch_get_rewrites(op, coalesced);
    return coalesced && op->capacity_asked;
}

bool ra_op_read_reply(ra_op *op, const ra_http_reply *reply, bool coalesced, ra_buf *out)
{
    ra_json j;
    if (ra_op_is_batch_get(op))
        return ra_batch_get_reply(op, reply, coalesced, out);
    if (!reply || !ra_op_reply_parse(ra_op_reply_body(reply), CAPACITY_DEPTH, &j))
        return false;
    bool ok = coalesced && op->capacity_asked ? ra_op_zero_capacity(&j, op->arena, out)
                                              : ra_buf_add_bytes(out, ra_op_reply_body(reply));
    ra_json_free(&j);
    return ok;
}
