#include "cache/redis_reader.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAGIC = 0x72727264,
    KEPT = 256 << 10, /* a buffer that has held more than this isn't kept for the next reply */
};

struct ra_redis_reader {
    unsigned magic;
    redisReader *hiredis;
    size_t taken;    /* bytes fed that belong to no whole reply yet */
    size_t most;     /* of them, since `hiredis` was made */
    size_t elements; /* of arrays in the reply that is being read */
    const char *why; /* set: broken */
};

/* ---- what hiredis calls to make replies ---- */

static redisReply *element_new(const redisReadTask *task, int type)
{
    redisReply *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->type = type;
    if (task->parent) {
        redisReply *parent = task->parent->obj;
        parent->element[task->idx] = e;
    }
    return e;
}

static void element_free(void *p)
{
    redisReply *e = p;
    if (!e)
        return;
    for (size_t i = 0; i < e->elements; i++)
        element_free(e->element[i]);
    free(e->element);
    free(e->str);
    free(e);
}

/* An element that can't be finished is left to its parent, if it has one: hiredis frees the whole reply then.
 */
static void *give_up(const redisReadTask *task, redisReply *e)
{
    if (!task->parent)
        element_free(e);
    return NULL;
}

static void *string_new(const redisReadTask *task, char *p, size_t n)
{
    bool resp2 = task->type == REDIS_REPLY_STRING || task->type == REDIS_REPLY_STATUS ||
                 task->type == REDIS_REPLY_ERROR;
    redisReply *e = resp2 ? element_new(task, task->type) : NULL;
    if (!e)
        return NULL;
    e->str = malloc(n + 1);
    if (!e->str)
        return give_up(task, e);
    memcpy(e->str, p, n);
    e->str[n] = '\0';
    e->len = n;
    return e;
}

static void *array_of(const redisReadTask *task, size_t n)
{
    ra_redis_reader *r = task->privdata;
    if (r->magic != MAGIC) {
        fputs("redis_reader: corrupted\n", stderr);
        abort();
    }
    if (n > RA_REDIS_ELEMENTS_MAX - r->elements) {
        r->why = "a reply has too many elements";
        return NULL;
    }
    r->elements += n;
    redisReply *e = task->type == REDIS_REPLY_ARRAY ? element_new(task, REDIS_REPLY_ARRAY) : NULL;
    if (!e || n == 0)
        return e;
    e->element = calloc(n, sizeof *e->element); /* of pointers. NOLINT(bugprone-sizeof-expression) */
    if (!e->element)
        return give_up(task, e);
    e->elements = n;
    return e;
}

static void *integer_new(const redisReadTask *task, long long value)
{
    redisReply *e = element_new(task, REDIS_REPLY_INTEGER);
    if (e)
        e->integer = value;
    return e;
}

static void *nil_new(const redisReadTask *task)
{
    return element_new(task, REDIS_REPLY_NIL);
}

#if HIREDIS_MAJOR >= 1
static void *array_new(const redisReadTask *task, size_t n)
{
    return array_of(task, n);
}

/* RESP3's types: nobody has asked for them. NULL breaks the reader. */
static void *double_new(const redisReadTask *task, double value, char *p, size_t n)
{
    (void)task;
    (void)value;
    (void)p;
    (void)n;
    return NULL;
}

static void *bool_new(const redisReadTask *task, int value)
{
    (void)task;
    (void)value;
    return NULL;
}
#else
static void *array_new(const redisReadTask *task, int n)
{
    return array_of(task, (size_t)n);
}
#endif

static redisReplyObjectFunctions functions = {
    .createString = string_new,
    .createArray = array_new,
    .createInteger = integer_new,
    .createNil = nil_new,
#if HIREDIS_MAJOR >= 1
    .createDouble = double_new,
    .createBool = bool_new,
#endif
    .freeObject = element_free,
};

void ra_redis_reply_free(struct redisReply *reply)
{
    element_free(reply);
}

/* ---- the reader ---- */

static redisReader *hiredis_new(ra_redis_reader *r)
{
    redisReader *h = redisReaderCreateWithFunctions(&functions);
    if (!h)
        return NULL;
    h->privdata = r;
    h->maxbuf = 0; /* 0.14 aborts if there is no memory when it makes its buffer smaller; see renew */
    return h;
}

ra_redis_reader *ra_redis_reader_new(void)
{
    ra_redis_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->magic = MAGIC;
    r->hiredis = hiredis_new(r);
    if (r->hiredis)
        return r;
    free(r);
    return NULL;
}

void ra_redis_reader_free(ra_redis_reader *r)
{
    if (!r)
        return;
    redisReaderFree(r->hiredis);
    r->magic = 0;
    free(r);
}

bool ra_redis_reader_feed(ra_redis_reader *r, ra_bytes piece)
{
    if (!r->why && piece.n > RA_REDIS_REPLY_MAX - r->taken)
        r->why = "a reply is too large";
    if (!r->why && redisReaderFeed(r->hiredis, piece.p, piece.n) != REDIS_OK)
        r->why = "no memory for a reply";
    if (r->why)
        return false;
    r->taken += piece.n;
    if (r->most < r->taken)
        r->most = r->taken;
    return true;
}

/* Every item of RESP2 begins with a line; hiredis would look for the end of one for ever. */
static bool line_too_long(const redisReader *h)
{
    return h->len - h->pos > RA_REDIS_LINE_MAX && !memchr(h->buf + h->pos, '\n', RA_REDIS_LINE_MAX);
}

/* After a large reply the buffer is as large. Without memory for another one it stays. */
static void renew(ra_redis_reader *r)
{
    redisReader *h = hiredis_new(r);
    if (!h)
        return;
    redisReaderFree(r->hiredis);
    r->hiredis = h;
    r->most = 0;
}

static enum ra_redis_read broken(ra_redis_reader *r)
{
    const redisReader *h = r->hiredis;
    if (!r->why && h->err == REDIS_ERR_OOM)
        r->why = "no memory for a reply, or a type that RESP2 doesn't have";
    if (!r->why)
        r->why = h->err ? h->errstr : "what came isn't RESP: a line has no end";
    return RA_REDIS_READ_BROKEN;
}

enum ra_redis_read ra_redis_reader_next(ra_redis_reader *r, struct redisReply **reply)
{
    *reply = NULL;
    void *got = NULL;
    if (r->why || redisReaderGetReply(r->hiredis, &got) != REDIS_OK)
        return broken(r);
    if (!got)
        return line_too_long(r->hiredis) ? broken(r) : RA_REDIS_READ_MORE;
    r->elements = 0;
    r->taken = r->hiredis->len - r->hiredis->pos;
    if (r->taken == 0 && r->most > KEPT)
        renew(r);
    *reply = got;
    return RA_REDIS_READ_REPLY;
}

const char *ra_redis_reader_why(const ra_redis_reader *r)
{
    return r->why ? r->why : "";
}
