/*
 * Which HTTP a request leaves in, over TLS: a server on a thread of its own that notes what the client offers
 * (ALPN), takes what the test says, and answers one request in HTTP/1.1. Everything else about transfers is
 * in http_client_test.c.
 */
#include "cache/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONG = 30000 };

static struct {
    int listener;
    uint16_t port;
    SSL_CTX *ctx;
    const char *takes;             /* the protocol, as in ALPN */
    char offered[128], first[128]; /* the names with blanks between them; what came first */
} srv;

static struct event_base *base;

static int choose(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                  unsigned n, void *arg)
{
    (void)ssl;
    (void)arg;
    int chosen = SSL_TLSEXT_ERR_NOACK;
    for (unsigned i = 0; i < n; i += 1u + in[i]) {
        size_t at = strlen(srv.offered);
        snprintf(srv.offered + at, sizeof srv.offered - at, "%.*s ", in[i], (const char *)in + i + 1);
        if (in[i] == strlen(srv.takes) && memcmp(in + i + 1, srv.takes, in[i]) == 0) {
            *out = in + i + 1;
            *out_n = in[i];
            chosen = SSL_TLSEXT_ERR_OK;
        }
    }
    return chosen;
}

/* One connection, one request. */
static void *serve(void *arg)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    (void)arg;
    int fd = accept(srv.listener, NULL, NULL);
    SSL *ssl = SSL_new(srv.ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        int n = SSL_read(ssl, srv.first, sizeof srv.first - 1);
        srv.first[n > 0 ? n : 0] = '\0';
        SSL_write(ssl, reply, sizeof reply - 1);
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
    return NULL;
}

static void make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"test",
                               -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    srv.ctx = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(srv.ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(srv.ctx, key), 1);
    SSL_CTX_set_alpn_select_cb(srv.ctx, choose, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static int setup(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    (void)state;
    memset(&srv, 0, sizeof srv);
    make_certificate();
    srv.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(srv.listener, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(srv.listener, 4), 0);
    assert_int_equal(getsockname(srv.listener, (struct sockaddr *)&a, &n), 0);
    srv.port = ntohs(a.sin_port);
    base = event_base_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    event_base_free(base);
    close(srv.listener);
    SSL_CTX_free(srv.ctx);
    return 0;
}

static void on_done(ra_http_call *call, ra_http_reply *reply, void *arg)
{
    (void)call;
    *(ra_http_reply **)arg = ra_http_reply_ref(reply);
}

/* The result of a request to a server that takes this protocol, and what it has seen. */
static enum ra_http_result request(bool http2, const char *takes)
{
    ra_http_options o = {.http2 = http2};
    pthread_t thread;
    char url[64];
    ra_http_reply *reply = NULL;
    srv.takes = takes;
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
    ra_http *http = ra_http_new(base, &o);
    snprintf(url, sizeof url, "https://127.0.0.1:%u/a", srv.port);
    ra_http_request r = {.method = "GET", .url = url, .deadline = LONG, .max_reply = 100};
    assert_non_null(ra_http_send(http, &r, on_done, &reply));
    while (!reply)
        event_base_loop(base, EVLOOP_ONCE);
    pthread_join(thread, NULL);
    enum ra_http_result result = reply->result;
    ra_http_reply_unref(reply);
    ra_http_free(http);
    return result;
}

static bool curl_has_http2(void)
{
    return curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2;
}

static void test_it_isn_t_offered_unasked(void **state)
{
    (void)state;
    assert_int_equal(request(false, "http/1.1"), RA_HTTP_OK);
    assert_null(strstr(srv.offered, "h2"));
    assert_memory_equal(srv.first, "GET /a HTTP/1.1\r\n", 17);
}

static void test_a_server_that_has_only_the_older(void **state)
{
    (void)state;
    assert_int_equal(request(true, "http/1.1"), RA_HTTP_OK);
    assert_int_equal(strstr(srv.offered, "h2 ") != NULL, curl_has_http2());
    assert_memory_equal(srv.first, "GET /a HTTP/1.1\r\n", 17);
}

static void test_a_server_that_knows_nothing_of_it(void **state)
{
    (void)state;
    assert_int_equal(request(true, "none of these"), RA_HTTP_OK);
    assert_memory_equal(srv.first, "GET /a HTTP/1.1\r\n", 17);
}

/* It speaks HTTP/2 from the first byte on; the answer, which isn't, is an end like any other. */
static void test_a_server_that_takes_it(void **state)
{
    (void)state;
    if (!curl_has_http2())
        skip();
    assert_int_equal(request(true, "h2"), RA_HTTP_CUT);
    assert_memory_equal(srv.first, "PRI * HTTP/2.0\r\n", 16);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_it_isn_t_offered_unasked),
        TEST(test_a_server_that_has_only_the_older),
        TEST(test_a_server_that_knows_nothing_of_it),
        TEST(test_a_server_that_takes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
