/*
 * GetRecords' replies.
 * - What is said of a record is in the reply: numbers are digits, images are objects.
 * - Another spelling is the same records, and marks the same.
 * - Whatever a record is, it marks something: its item and partition, or the whole table.
 */
#include "proxy/stream_record.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/respell.h"
#include "tests/fuzz/tables.h"

enum { ARENA = 64 << 20, OUT = 64 << 20 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_tables_start();
    return 0;
}

static void check_map(const ra_json *j, uint32_t token)
{
    FUZZ_CHECK(token == RA_JSON_NONE || ra_json_is(j, token, RA_JSON_OBJECT));
}

static void check_record(const ra_stream_records *all, const ra_stream_record *r)
{
    size_t digits = strspn(r->sequence, "0123456789");
    FUZZ_CHECK(r->sequence[digits] == '\0' && digits <= RA_SEQUENCE_MAX);
    FUZZ_CHECK(r->created_s >= 0 && r->token > 0);
    FUZZ_CHECK(!r->understood || (digits > 0 && r->keys != RA_JSON_NONE));
    check_map(&all->json, r->keys);
    check_map(&all->json, r->before);
    check_map(&all->json, r->after);
}

static void marks_of(const ra_stream_records *all, const ra_stream_record *r, ra_arena *a, ra_marks *m)
{
    static char name[] = "chat";
    static const ra_table_config config = {.name = name, .consistency = RA_READ_AFTER_WRITE, .settle = 5000};
    ra_op_table t = {.given = RA_BYTES("chat"), .config = &config};
    ra_op op = {.tables = &t, .ntables = 1};
    fuzz_tables_set(&op);
    ra_marks_init(m, a);
    ra_stream_record_marks(r, &all->json, &t, a, m);
    FUZZ_CHECK(ra_marks_end(m, NULL) && m->n > 0);
}

static void check_same(const ra_stream_records *x, size_t i, const ra_stream_records *y, ra_arena *a)
{
    const ra_stream_record *r = &x->v[i], *s = &y->v[i];
    ra_marks m, k;
    FUZZ_CHECK(r->understood == s->understood && strcmp(r->sequence, s->sequence) == 0);
    FUZZ_CHECK(r->created_s == s->created_s && r->event == s->event);
    FUZZ_CHECK(!r->keys == !s->keys && !r->before == !s->before && !r->after == !s->after);
    FUZZ_CHECK(!r->identity == !s->identity);
    marks_of(x, r, a, &m);
    marks_of(y, s, a, &k);
    FUZZ_CHECK(m.n == k.n);
    for (size_t n = 0; n < m.n; n++)
        FUZZ_CHECK(m.v[n].settle == k.v[n].settle && ra_key_eq(&m.v[n].unit, &k.v[n].unit));
}

static void check_respelled(const ra_stream_records *all, ra_arena *a)
{
    ra_stream_records other;
    ra_buf text;
    ra_buf_init(&text, OUT);
    fuzz_respell(&all->json, 0, &text);
    FUZZ_CHECK(ra_stream_records_read(ra_buf_bytes(&text), a, &other));
    FUZZ_CHECK(other.n == all->n && !other.next.p == !all->next.p);
    FUZZ_CHECK(!all->next.p || ra_bytes_eq(all->next, other.next));
    for (size_t i = 0; i < all->n; i++)
        check_same(all, i, &other, a);
    ra_stream_records_free(&other);
    ra_buf_free(&text);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    ra_arena a;
    ra_stream_records all;
    ra_bytes input = {(const char *)data, size};
    char *body = fuzz_copy(input);
    ra_arena_init(&a, ARENA);
    if (ra_stream_records_read((ra_bytes){body, size}, &a, &all)) {
        for (size_t i = 0; i < all.n; i++)
            check_record(&all, &all.v[i]);
        check_respelled(&all, &a);
        ra_stream_records_free(&all);
    }
    ra_arena_free(&a);
    free(body);
    return 0;
}
