/* Does a projection name the whole attribute? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/expression.h"

static const struct {
    const char *text;
    bool has; /* pk */
} cases[] = {
    {"pk", true},
    {"sk, pk", true},
    {"pk,sk", true},
    {" pk\n,\tsk\r", true},
    {"#p", true},
    {"ss[0], m.k[0].j, pk", true},
    {"#p, m.#p", true},
    {"sk", false},
    {"PK", false},
    {"m.pk", false},
    {"#d", false}, /* an attribute named "pk.x" */
    {"pk[0]", false},
    {"pk.x", false},
    {"#p.x", false},
    /* none that DynamoDB takes */
    {"", false},
    {" ", false},
    {"pk,", false},
    {",pk", false},
    {"pk,,sk", false},
    {"(pk)", false},
    {"pk sk", false},
    {"pk, :v", false},
    {"pk, #z", false},
    {"pk, sk[01]", false},
    {"pk, sk[", false},
    {"pk, sk.", false},
    {"pk, 1a", false},
    {"pk;", false},
    {"pk, \xc3\xa9", false},
    {"pk = sk", false},
};

static void names_it_or_not(void **state)
{
    (void)state;
    ra_json j; /* the map must be a member: token 0 means that there is none */
    size_t at;
    ra_arena a;
    ra_expr e;
    ra_arena_init(&a, 1 << 20);
    assert_int_equal(ra_json_parse(&j, RA_BYTES("{\"n\":{\"#p\":\"pk\",\"#d\":\"pk.x\"}}"), NULL, &at),
                     RA_JSON_OK);
    assert_true(ra_expr_init(&e, &j, ra_json_member(&j, 0, "n"), RA_JSON_NONE, &a));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ra_projection_has(&e, ra_bytes_z(cases[i].text), RA_BYTES("pk")) != cases[i].has)
            fail_msg("'%s'", cases[i].text);
    ra_json_free(&j);
    ra_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_it_or_not)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
