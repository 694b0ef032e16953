/* What the tests of BatchGetItem's replies share. */
#ifndef RA_TESTS_OP_BATCH_FIXTURE_H
#define RA_TESTS_OP_BATCH_FIXTURE_H

#include "op_fixture.h"

#define U(id)              "{\"id\":{\"S\":\"" id "\"}}"
#define ITEM(id)           "{\"x\":{\"N\":\"1\"},\"id\":{\"S\":\"" id "\"}}"
#define C(a, b)            "{\"pk\":{\"S\":\"" a "\"},\"sk\":{\"S\":\"" b "\"}}"
#define BATCH(x)           "{\"RequestItems\":{" x "}}"
#define REPLY(items, rest) "{\"Responses\":{" items "},\"UnprocessedKeys\":{" rest "}}"

/* Plans, with '1' for a part that is read upstream, '0' for one that hits and is `ITEM` of its id, '-' for
 * one that hits and is known to be missing. */
static inline ra_op *looked_up(fixture *f, const char *body, const char *which, const char *const *items)
{
    ra_op *op = fixture_plan(f, "BatchGetItem", body);
    assert_int_equal(op->nparts, strlen(which));
    for (size_t i = 0; i < op->nparts; i++) {
        ra_part *p = &op->parts[i];
        p->upstream = which[i] == '1';
        if (p->upstream)
            continue;
        char text[256] = "{}";
        if (which[i] == '0')
            snprintf(text, sizeof text, "{\"Item\":%s}", items[i]);
        p->look.payload = ra_payload_new(ra_bytes_z(text), 0, which[i] == '0' ? 8 : 0, 0);
        assert_non_null(p->look.payload);
    }
    return op;
}

static inline void drop(ra_op *op)
{
    for (size_t i = 0; i < op->nparts; i++) {
        ra_payload_unref(op->parts[i].look.payload);
        op->parts[i].look.payload = NULL;
    }
}

#endif
