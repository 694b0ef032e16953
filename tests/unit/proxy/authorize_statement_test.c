/* Which table a PartiQL statement touches, where that is certain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/authorize_parts.h"

#define WHERE " WHERE pk='p'"

static const struct {
    const char *text;
    bool reads;
    const char *table; /* NULL: it can't be told */
} cases[] = {
    {"SELECT * FROM t", true, "t"},
    {"SELECT * FROM t" WHERE, true, "t"},
    {"select a, b.c[1] from \"t-1.x\" where pk=? order by sk desc", true, "t-1.x"},
    {"SELECT * FROM \"t\".\"i\"" WHERE, true, "t"},
    {"SELECT * FROM t.i" WHERE, true, "t"},
    {"SELECT*FROM t ORDER BY sk", true, "t"},
    {"SELECT size(a), (b) FROM t" WHERE, true, "t"},
    {"EXISTS(SELECT * FROM t" WHERE ")", true, "t"},
    {"exists (select * from \"t\" where pk='p' and attribute_type(a, 'S'))", true, "t"},
    {"SELECT * FROM t" WHERE ";", true, "t"},
    {"SELECT * FROM t; -- done\n", true, "t"},
    {"-- FROM x\nSELECT /* FROM y */ * FROM t" WHERE, true, "t"},
    {"SELECT 'FROM x', \"FROM y\" FROM t WHERE a='it''s FROM z'", true, "t"},
    {"SELECT * FROM t WHERE a=' -- '", true, "t"},
    {"SELECT * FROM \"arn:aws:dynamodb:eu-west-1:1:table/t\"", true, "arn:aws:dynamodb:eu-west-1:1:table/t"},
    {"UPDATE t SET a='FROM x'" WHERE, false, "t"},
    {"UPDATE \"t\" REMOVE a" WHERE " RETURNING ALL OLD *", false, "t"},
    {"INSERT INTO t VALUE {'pk':'p','from':'x'}", false, "t"},
    {"DELETE FROM t" WHERE, false, "t"},
    {"/* c */ delete from \"t\"" WHERE, false, "t"},
    /* reads of what can't be told */
    {"SELECT * FROM t, u" WHERE, true, NULL},
    {"SELECT * FROM t AS x" WHERE, true, NULL},
    {"SELECT * FROM t x" WHERE, true, NULL},
    {"SELECT * FROM t JOIN u ON a=b", true, NULL},
    {"SELECT * FROM t WHERE a IN (SELECT b FROM u)", true, NULL},
    {"SELECT (SELECT b FROM u) FROM t", true, NULL},
    {"SELECT a, SELECT b FROM t", true, NULL},
    {"SELECT * FROM (SELECT * FROM u)", true, NULL},
    {"SELECT (a FROM u) WHERE b='c'", true, NULL},
    {"SELECT * FROM t.i.j" WHERE, true, NULL},
    {"SELECT * FROM t." WHERE, true, NULL},
    {"SELECT * FROM t.'i'" WHERE, true, NULL},
    {"SELECT * FROM 't'" WHERE, true, NULL},
    {"SELECT * FROM ?" WHERE, true, NULL},
    {"SELECT * FROM [t]", true, NULL},
    {"SELECT * FROM t[0]", true, NULL},
    {"SELECT * FROM a-b", true, NULL},
    {"SELECT * FROM", true, NULL},
    {"SELECT *", true, NULL},
    {"SELECT * FROM t UNION SELECT * FROM u", true, NULL},
    {"SELECT * FROM t WHERE a=b FROM u", true, NULL},
    {"EXISTS(SELECT * FROM t" WHERE ") OR EXISTS(SELECT * FROM u)", true, NULL},
    /* writes of what can't be told */
    {"UPDATE t SET a=(SELECT b FROM u)" WHERE, false, NULL},
    {"UPDATE t SET a=(SELECT b)" WHERE, false, NULL},
    {"UPDATE t SET a='b' FROM u" WHERE, false, NULL},
    {"INSERT INTO t VALUE (SELECT * FROM u)", false, NULL},
    {"DELETE FROM t WHERE EXISTS (SELECT * FROM u)", false, NULL},
    {"DELETE FROM t" WHERE " FROM u", false, NULL},
    {"UPDATE t.i SET a='b'" WHERE, false, NULL},
    {"(UPDATE t SET a='b'" WHERE ")", false, NULL},
    {"FROM t" WHERE " SET a='b'", false, NULL},
    {"", false, NULL},
    {"DROP TABLE t", false, NULL},
    /* what can be read in two ways, or goes on behind its end */
    {"SELECT * FROM t; DELETE FROM u" WHERE, false, NULL},
    {"SELECT * FROM t;;", false, NULL},
    {"SELECT * FROM t WHERE a='\\' FROM u --'", false, NULL},
    {"SELECT * FROM \"t\\\" WHERE", false, NULL},
    {"SELECT * FROM \"t\"\"\"", false, NULL},
    {"SELECT * FROM t WHERE a='b", false, NULL},
    {"SELECT * FROM \"t", false, NULL},
    {"SELECT * FROM t WHERE a=`b`", false, NULL},
    {"SELECT * FROM t -- c\rFROM u", false, NULL},
    {"SELECT * FROM t /* /* */ FROM u */", false, NULL},
    {"SELECT * FROM t /*", false, NULL},
    {"SELECT * FROM t\xc2\xa0WHERE", false, NULL},
    {"SELECT \xc5\xbfROM FROM t", false, NULL},
    {"SELECT * FROM t\x01", false, NULL},
};

static void test_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].text);
        char *exact = malloc(n ? n : 1);
        ra_statement s;
        ra_arena a;
        ra_arena_init(&a, 1 << 20);
        memcpy(exact, cases[i].text, n);
        ra_statement_read((ra_bytes){exact, n}, &a, &s);
        if (s.reads != cases[i].reads)
            fail_msg("%s: %sa read", cases[i].text, s.reads ? "" : "not ");
        bool same = cases[i].table ? s.table.p && ra_bytes_eq_z(s.table, cases[i].table) : !s.table.p;
        if (!same)
            fail_msg("%s: of %.*s", cases[i].text, (int)s.table.n, s.table.p ? s.table.p : "");
        ra_arena_free(&a);
        free(exact);
    }
}

/* Bytes that no statement holds: whatever is made of them, nothing past their end is read. */
static void test_random_bytes(void **state)
{
    (void)state;
    static const char *const pieces[] = {"SELECT ", "FROM ", "t",      "\"",   "'", "--",     "/*",
                                         "*/",      "\n",    "\r",     ";",    "(", ")",      ".",
                                         "\\",      "`",     "WHERE ", "\xff", " ", "DELETE "};
    uint64_t random = 1;
    unsigned told = 0;
    for (int round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0;
        for (int k = 0; k < 12; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const char *piece = pieces[(random >> 33) % (sizeof pieces / sizeof *pieces)];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        char *exact = malloc(n);
        ra_statement s;
        ra_arena a;
        ra_arena_init(&a, 1 << 20);
        memcpy(exact, text, n);
        ra_statement_read((ra_bytes){exact, n}, &a, &s);
        /* whoever has a table told has a verb and a table's beginning in the text */
        if (s.table.p)
            assert_true(memmem(exact, n, "FROM", 4) &&
                        (memmem(exact, n, "SELECT", 6) || memmem(exact, n, "DELETE", 6)));
        told += s.table.p != NULL;
        ra_arena_free(&a);
        free(exact);
    }
    assert_true(told > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
