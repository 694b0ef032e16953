#include "proxy/ddb_page.h"

#include "proxy/ddb_read.h"

#include <stdlib.h>

enum { NUMBER_MAX = 64 };

/* The number's text, parsed. 0 where there is none. */
static double number_of(const ra_json *j, uint32_t token)
{
    char text[NUMBER_MAX];
    if (token == RA_JSON_NONE || !ra_json_is(j, token, RA_JSON_NUMBER))
        return 0;
    ra_bytes raw = ra_json_raw(j, token);
    size_t n = raw.n < sizeof text - 1 ? raw.n : sizeof text - 1;
    memcpy(text, raw.p, n);
    text[n] = '\0';
    return strtod(text, NULL);
}

static bool make_body(ra_bytes body, const ra_buf *from, ra_buf *out)
{
    ra_buf_add(out, body.p, body.n - 1);
    if (from->n) {
        ra_buf_add_z(out, ",\"ExclusiveStartKey\":");
        ra_buf_add_bytes(out, ra_buf_bytes(from));
    }
    return ra_buf_add_char(out, '}');
}

static bool understand(ra_ddb_page *p, ra_buf *from)
{
    size_t at;
    if (ra_json_parse(&p->json, (ra_bytes){p->reply->body, p->reply->len}, NULL, &at) != RA_JSON_OK)
        return false;
    const ra_json *j = &p->json;
    p->items = ra_json_member(j, 0, "Items");
    p->count = ra_json_is(j, p->items, RA_JSON_ARRAY) ? ra_json_count(j, p->items) : 0;
    p->scanned = (uint64_t)number_of(j, ra_json_member(j, 0, "ScannedCount"));
    uint32_t consumed = ra_json_member(j, 0, "ConsumedCapacity");
    if (consumed != RA_JSON_NONE)
        p->capacity = number_of(j, ra_json_member(j, consumed, "CapacityUnits"));
    uint32_t last = ra_json_member(j, 0, "LastEvaluatedKey");
    ra_buf_clear(from);
    bool ok = p->items != RA_JSON_NONE && ra_json_is(j, p->items, RA_JSON_ARRAY);
    if (ok && ra_json_is(j, last, RA_JSON_OBJECT) && last != RA_JSON_NONE)
        ok = ra_buf_add_bytes(from, ra_json_raw(j, last));
    if (!ok)
        ra_json_free(&p->json);
    return ok;
}

bool ra_ddb_page_read(const ra_ddb_task *t, const char *operation, ra_bytes body, const char *what,
                      ra_buf *from, ra_ddb_page *out)
{
    ra_buf whole;
    ra_buf_init(&whole, RA_DDB_PAGE_BODY_MAX);
    *out = (ra_ddb_page){0};
    if (make_body(body, from, &whole))
        out->reply = ra_ddb_read(t, operation, ra_buf_bytes(&whole), what);
    else
        ra_ddb_task_fail(t, "out of memory");
    ra_buf_free(&whole);
    if (!out->reply)
        return false;
    if (understand(out, from))
        return true;
    ra_ddb_task_fail(t, "%s: the reply to %s can't be read", what, operation);
    ra_http_reply_unref(out->reply);
    out->reply = NULL;
    return false;
}

void ra_ddb_page_free(ra_ddb_page *p)
{
    if (!p->reply)
        return;
    ra_json_free(&p->json);
    ra_http_reply_unref(p->reply);
    p->reply = NULL;
}
