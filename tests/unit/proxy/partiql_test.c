/* What PartiQL statements are, and which table they write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/expression.h"

#define WHERE   " WHERE pk='p' AND sk='q'"
#define READ    RA_PARTIQL_READ
#define WRITE   RA_PARTIQL_WRITE
#define UNKNOWN RA_PARTIQL_UNKNOWN

static const struct {
    const char *text;
    enum ra_partiql_kind kind;
    const char *table; /* WRITE; "": it may be any */
} cases[] = {
    /* executed by DynamoDB Local with this meaning */
    {"SELECT * FROM t" WHERE, READ, ""},
    {"select * from \"t\"" WHERE, READ, ""},
    {"-- UPDATE\nSELECT * FROM t" WHERE, READ, ""},
    {"EXISTS(SELECT * FROM t" WHERE ")", READ, ""},
    {"exists (SELECT * FROM t" WHERE ")", READ, ""},
    {"UPDATE t SET v='1'" WHERE, WRITE, "t"},
    {"update \"t\" set v='1'" WHERE, WRITE, "t"},
    {"UPDATE t REMOVE v" WHERE, WRITE, "t"},
    {"UPDATE T SET v='1'" WHERE, WRITE, "T"},
    {" \t\r\n\v\fUPDATE\tt\nSET v='1'" WHERE, WRITE, "t"},
    {"UPDATE\"t\"SET v='1'" WHERE, WRITE, "t"},
    {"UPDATE \"a-b.c_d\" SET v='1'" WHERE, WRITE, "a-b.c_d"},
    {"UPDATE t_1 SET v='1' SET w='2'" WHERE, WRITE, "t_1"},
    {"UPDATE \"arn:aws:dynamodb:eu-west-1:123456789012:table/t\" SET v='1'" WHERE, WRITE,
     "arn:aws:dynamodb:eu-west-1:123456789012:table/t"},
    {"INSERT INTO t VALUE {'pk':'n'}", WRITE, "t"},
    {"insert into \"t\"VALUE{'pk':'n'}", WRITE, "t"},
    {"DELETE FROM t" WHERE, WRITE, "t"},
    {"DELETE FROM\"t\"WHERE pk='p'", WRITE, "t"},
    {"/* c */ -- d\n /* e */ DELETE -- f\r\n FROM t/**/WHERE pk='p'", WRITE, "t"},
    {"/* c */UPDATE/**/t/**/SET v='1'" WHERE, WRITE, "t"},
    {"/***/UPDATE t SET v='1'" WHERE, WRITE, "t"},
    {"/* UPDATE x SET */ UPDATE t SET v='1'" WHERE, WRITE, "t"},
    {"UPDATE \"a\"\"b\" SET v='1'" WHERE, WRITE, "a\"b"},
    /* executed too, but not read here: a write to any table */
    {"(UPDATE t SET v='1'" WHERE ")", UNKNOWN, ""},
    {"(SELECT * FROM t" WHERE ")", UNKNOWN, ""},
    {"FROM t" WHERE " SET v='1'", UNKNOWN, ""},
    {"--c\rUPDATE t SET v='1'" WHERE, UNKNOWN, ""},
    {"/* /* n */UPDATE t SET v='1'" WHERE, UNKNOWN, ""},
    /* writes whose table isn't certain */
    {"UPDATE \"t\".\"i\" SET v='1'" WHERE, WRITE, ""},
    {"UPDATE t.i SET v='1'" WHERE, WRITE, ""},
    {"UPDATE t AS x SET v='1'" WHERE, WRITE, ""},
    {"UPDATE t x SET v='1'" WHERE, WRITE, ""},
    {"UPDATE (t) SET v='1'" WHERE, WRITE, ""},
    {"UPDATE @t SET v='1'" WHERE, WRITE, ""},
    {"UPDATE 't' SET v='1'" WHERE, WRITE, ""},
    {"UPDATE ? SET v='1'" WHERE, WRITE, ""},
    {"UPDATE \"\" SET v='1'" WHERE, WRITE, ""},
    {"UPDATE \"t SET v='1'" WHERE, WRITE, ""},
    {"UPDATE a-b SET v='1'" WHERE, WRITE, ""},
    {"UPDATE t SETv='1'" WHERE, WRITE, ""},
    {"UPDATE t", WRITE, ""},
    {"UPDATE t --\rSET v='1'", WRITE, ""},
    {"UPDATE", WRITE, ""},
    {"INSERT INTO t VALUES {'pk':'n'}", WRITE, ""},
    {"INSERT INTO t << {'pk':'n'} >>", WRITE, ""},
    {"INSERT INTO", WRITE, ""},
    {"DELETE FROM t", WRITE, ""},
    {"DELETE FROM t RETURNING ALL OLD *", WRITE, ""},
    /* nothing that is known */
    {"", UNKNOWN, ""},
    {"  -- only a comment", UNKNOWN, ""},
    {"/* never closed UPDATE t SET v='1'", UNKNOWN, ""},
    {"/*/UPDATE t SET v='1'/**/", UNKNOWN, ""},
    {"/*", UNKNOWN, ""},
    {"/", UNKNOWN, ""},
    {"-", UNKNOWN, ""},
    {"--", UNKNOWN, ""},
    {"UPDATET SET v='1'", UNKNOWN, ""},
    {"SELECTX", UNKNOWN, ""},
    {"EXISTS", UNKNOWN, ""},
    {"EXISTS SELECT", UNKNOWN, ""},
    {"INSERT t VALUE {'pk':'n'}", UNKNOWN, ""},
    {"DELETE t" WHERE, UNKNOWN, ""},
    {"REPLACE INTO t VALUE {'pk':'n'}", UNKNOWN, ""},
    {"UPSERT INTO t VALUE {'pk':'n'}", UNKNOWN, ""},
    {"DROP TABLE t", UNKNOWN, ""},
    {"EXEC x", UNKNOWN, ""},
    {"SET v='1'", UNKNOWN, ""},
    {"\xc2\xa0UPDATE t SET v='1'", UNKNOWN, ""},
    {"\xef\xbb\xbfSELECT * FROM t", UNKNOWN, ""},
    {"\xe3\x80\x80SELECT * FROM t", UNKNOWN, ""},
};

static void classifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, cases[i].text, n);
        ra_arena a;
        ra_arena_init(&a, 1 << 16);
        ra_bytes table;
        enum ra_partiql_kind kind = ra_partiql_classify((ra_bytes){exact, n}, &a, &table);
        if (kind != cases[i].kind || !ra_bytes_eq_z(table, cases[i].table))
            fail_msg("'%s': %d '%.*s'", cases[i].text, (int)kind, (int)table.n, table.p);
        ra_arena_free(&a);
        free(exact);
    }
    ra_arena a;
    ra_bytes table;
    ra_arena_init(&a, 1 << 16);
    assert_int_equal(ra_partiql_classify(RA_BYTES("\0SELECT"), &a, &table), UNKNOWN);
    ra_arena_free(&a);
    ra_arena_init(&a, 0); /* no memory: the table can't be told */
    assert_int_equal(ra_partiql_classify(RA_BYTES("UPDATE \"t\" SET v='1'"), &a, &table), WRITE);
    assert_int_equal(table.n, 0);
}

/* Statements cut short at every byte: no read past the end, never a read instead of a write. */
static void cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t n = 0; n <= strlen(cases[i].text); n++) {
            char *exact = malloc(n ? n : 1);
            assert_non_null(exact);
            memcpy(exact, cases[i].text, n);
            ra_arena a;
            ra_arena_init(&a, 1 << 16);
            ra_bytes table;
            enum ra_partiql_kind kind = ra_partiql_classify((ra_bytes){exact, n}, &a, &table);
            assert_true(kind != READ || cases[i].kind == READ || strncmp(cases[i].text, "SELECT", 6) == 0);
            ra_arena_free(&a);
            free(exact);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(classifies), cmocka_unit_test(cut_short)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
