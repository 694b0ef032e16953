/* Which ids of clients are repeated. express_reply_test.c is about those that are made. */
#include "proxy/request_id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void sane_ones(void **state)
{
    (void)state;
    char text[RA_REQUEST_ID_GIVEN_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_false(ra_request_id_is_sane((ra_bytes){NULL, 0}));
    assert_true(ra_request_id_is_sane((ra_bytes){text, 1}));
    assert_true(ra_request_id_is_sane((ra_bytes){text, RA_REQUEST_ID_GIVEN_MAX}));
    assert_false(ra_request_id_is_sane((ra_bytes){text, sizeof text}));
    for (int c = 0; c < 256; c++) {
        static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/+=@-";
        text[64] = (char)c;
        assert_int_equal(ra_request_id_is_sane((ra_bytes){text, 128}),
                         memchr(good, c, sizeof good - 1) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sane_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
