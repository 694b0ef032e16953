/* Where the proxy is, by its own configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proxy/cli_stream.h"

static void endpoints(void **state)
{
    (void)state;
    static char certificate[] = "cert.pem";
    static const struct {
        const char *host;
        uint16_t port;
        bool tls;
        const char *endpoint; /* NULL: refused */
    } cases[] = {
        {"127.0.0.1", 8080, false, "http://127.0.0.1:8080"},
        {"0.0.0.0", 8080, false, "http://127.0.0.1:8080"},
        {"::", 8080, true, "https://[::1]:8080"},
        {"::1", 80, false, "http://[::1]"},
        {"10.1.2.3", 443, true, "https://10.1.2.3"},
        {"localhost", 9000, false, "http://localhost:9000"},
        {"127.0.0.1", 0, false, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char host[32], out[RA_ENDPOINT_MAX];
        snprintf(host, sizeof host, "%s", cases[i].host);
        const ra_config_listen l = {
            .host = host, .port = cases[i].port, .tls = {.cert_file = cases[i].tls ? certificate : NULL}};
        const char *wrong = ra_stream_proxy_endpoint(&l, out);
        if (cases[i].endpoint) {
            assert_null(wrong);
            assert_string_equal(out, cases[i].endpoint);
        } else {
            assert_non_null(wrong);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(endpoints)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
