/* Certificates loaded, shown and loaded anew; what can't be loaded changes nothing. */
#include "proxy/tls_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char folder[64], cert[96], key[96];

static X509 *certificate(EVP_PKEY *k, const char *name)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, k);
    X509_NAME *n = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, n);
    assert_true(X509_sign(x, k, EVP_sha256()) > 0);
    return x;
}

/* Writes one or both of the files. */
static void make(const char *name, bool with_cert, bool with_key, const char *passphrase)
{
    EVP_PKEY *k = EVP_EC_gen("P-256");
    X509 *x = certificate(k, name);
    FILE *f = with_cert ? fopen(cert, "we") : NULL;
    if (f) {
        PEM_write_X509(f, x);
        fclose(f);
    }
    f = with_key ? fopen(key, "we") : NULL;
    if (f) {
        PEM_write_PrivateKey(f, k, passphrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)passphrase,
                             passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
        fclose(f);
    }
    X509_free(x);
    EVP_PKEY_free(k);
}

static void spoil(const char *path)
{
    FILE *f = fopen(path, "we");
    fputs("nothing of the kind\n", f);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/readaside-tls-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    make("first", true, true, NULL);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    unlink(cert);
    unlink(key);
    return rmdir(folder);
}

/* A session between it and a client, as far as the certificate's name. */
static void shown(ra_tls_server *t, char name[64])
{
    int fd[2];
    struct event_base *base = event_base_new();
    struct bufferevent *b = ra_tls_server_accept(t, base);
    assert_non_null(b);
    assert_true(ra_tls_is(b));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(bufferevent_setfd(b, fd[0]), 0);
    SSL_CTX *x = SSL_CTX_new(TLS_client_method());
    SSL *s = SSL_new(x);
    SSL_set_fd(s, fd[1]);
    for (int done = 0; (done = SSL_connect(s)) != 1;) {
        int error = SSL_get_error(s, done);
        assert_true(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE);
        event_base_loop(base, EVLOOP_ONCE);
    }
    assert_true(SSL_version(s) >= TLS1_2_VERSION);
    X509 *peer = SSL_get1_peer_certificate(s);
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name, 64);
    X509_free(peer);
    while (!SSL_is_init_finished(s) || event_base_loop(base, EVLOOP_NONBLOCK | EVLOOP_ONCE) != 0)
        continue;
    ra_tls_say_goodbye(b);
    char byte;
    while (SSL_read(s, &byte, 1) > 0)
        continue;
    assert_true(SSL_get_shutdown(s) & SSL_RECEIVED_SHUTDOWN);
    SSL_free(s);
    SSL_CTX_free(x);
    close(fd[1]);
    bufferevent_free(b);
    event_base_free(base); /* and the server's socket with it */
}

static void assert_shows(ra_tls_server *t, const char *name)
{
    char got[64] = "";
    shown(t, got);
    assert_string_equal(got, name);
}

/* As the server does it: what can't be used changes nothing. */
static bool reload(ra_tls_server *t, const ra_config_tls *files)
{
    const char *member;
    char why[RA_TLS_WHY_MAX] = "";
    SSL_CTX *x = ra_tls_context_new(files, &member, why);
    if (x)
        ra_tls_server_show(t, x);
    else
        assert_true(*why);
    return x != NULL;
}

static void new_ones_are_shown(void **state)
{
    (void)state;
    const ra_config_tls files = {.cert_file = cert, .key_file = key};
    ra_tls_server *t = ra_tls_server_new(&files, "listen.tls");
    assert_non_null(t);
    assert_shows(t, "first");
    make("second", true, true, NULL);
    assert_shows(t, "first");
    assert_true(reload(t, &files));
    assert_shows(t, "second");
    ra_tls_server_free(t);
}

static void bad_ones_arent(void **state)
{
    (void)state;
    const ra_config_tls files = {.cert_file = cert, .key_file = key};
    ra_tls_server *t = ra_tls_server_new(&files, "listen.tls");
    make("another", true, false, NULL); /* whose key it isn't */
    assert_false(reload(t, &files));
    make("another", true, true, "secret"); /* which nobody is there to be asked for */
    assert_false(reload(t, &files));
    make("another", true, true, NULL);
    spoil(key);
    assert_false(reload(t, &files));
    make("another", true, true, NULL);
    spoil(cert);
    assert_false(reload(t, &files));
    assert_null(ra_tls_server_new(&files, "listen.tls"));
    unlink(cert);
    assert_false(reload(t, &files));
    assert_int_equal(ERR_peek_error(), 0); /* nothing is left for others to find */
    assert_shows(t, "first");
    ra_tls_server_free(t);
}

static void authorities(void **state)
{
    (void)state;
    ra_config_tls files = {.cert_file = cert, .key_file = key, .client_ca_file = cert};
    ra_tls_server *t = ra_tls_server_new(&files, "listen.tls");
    assert_non_null(t);
    files.client_ca_file = key;
    assert_false(reload(t, &files));
    ra_tls_server_free(t);
    ra_tls_server_free(NULL);
}

static void plain(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct bufferevent *b = bufferevent_socket_new(base, -1, 0);
    assert_false(ra_tls_is(b));
    ra_tls_say_goodbye(b);
    bufferevent_free(b);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_ones_are_shown, set_up, clean_up),
        cmocka_unit_test_setup_teardown(bad_ones_arent, set_up, clean_up),
        cmocka_unit_test_setup_teardown(authorities, set_up, clean_up),
        cmocka_unit_test(plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
