#include "proxy/tls_server.h"

#include "cache/tls_key.h"
#include "proxy/log.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ra_tls_server {
    pthread_mutex_t mutex;
    SSL_CTX *context; /* under the mutex; sessions hold references of their own */
};

/* ---- a context ---- */

static bool set_protocol(SSL_CTX *x)
{
    static const unsigned char name[] = "readaside"; /* of sessions: those of other servers aren't resumed */
    SSL_CTX_set_options(x, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Requests say how long they are, so that one that is cut off is never taken for whole. */
    SSL_CTX_set_options(x, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(x, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(x, ra_tls_no_passphrase);
    return SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(x, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 && /* TLS 1.2's */
           SSL_CTX_set_session_id_context(x, name, sizeof name - 1) == 1;
}

static bool ask_for_certificates(SSL_CTX *x, const char *ca_file)
{
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
    if (!names)
        return false;
    SSL_CTX_set_client_CA_list(x, names);
    SSL_CTX_set_verify(x, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return SSL_CTX_load_verify_file(x, ca_file) == 1;
}

/* The member of the configuration that is wrong; NULL: none. */
static const char *load(SSL_CTX *x, const ra_config_tls *f, const char **path)
{
    *path = f->cert_file;
    if (SSL_CTX_use_certificate_chain_file(x, f->cert_file) != 1)
        return ".cert_file";
    *path = f->key_file;
    if (SSL_CTX_use_PrivateKey_file(x, f->key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(x) != 1)
        return ".key_file";
    *path = f->client_ca_file;
    if (f->client_ca_file && !ask_for_certificates(x, f->client_ca_file))
        return ".client_ca_file";
    return NULL;
}

static const char *reason(void)
{
    unsigned long e = ERR_peek_error();
    const char *text = e && ERR_SYSTEM_ERROR(e) ? strerror(ERR_GET_REASON(e)) : ERR_reason_error_string(e);
    return text ? text : "it can't be used";
}

SSL_CTX *ra_tls_context_new(const ra_config_tls *files, const char **member, char why[RA_TLS_WHY_MAX])
{
    ERR_clear_error();
    const char *path = NULL, *wrong = NULL;
    SSL_CTX *x = SSL_CTX_new(TLS_server_method());
    bool ok = x && set_protocol(x);
    if (!ok)
        snprintf(why, RA_TLS_WHY_MAX, "TLS can't be had: %s", reason());
    else if ((wrong = load(x, files, &path)))
        snprintf(why, RA_TLS_WHY_MAX, "%s: %s", path, reason());
    *member = wrong ? wrong : "";
    ERR_clear_error();
    if (ok && !wrong)
        return x;
    SSL_CTX_free(x);
    return NULL;
}

/* ---- the server ---- */

ra_tls_server *ra_tls_server_new(const ra_config_tls *files, const char *option)
{
    ra_tls_server *t = calloc(1, sizeof *t);
    const char *member;
    char why[RA_TLS_WHY_MAX];
    if (!t) {
        ra_log(RA_LOG_ERROR, "%s: out of memory", option);
        return NULL;
    }
    pthread_mutex_init(&t->mutex, NULL);
    t->context = ra_tls_context_new(files, &member, why);
    if (t->context)
        return t;
    ra_log(RA_LOG_ERROR, "%s%s: %s", option, member, why);
    ra_tls_server_free(t);
    return NULL;
}

void ra_tls_server_free(ra_tls_server *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->context);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}

void ra_tls_server_show(ra_tls_server *t, SSL_CTX *context_take)
{
    pthread_mutex_lock(&t->mutex);
    SSL_CTX *old = t->context;
    t->context = context_take;
    pthread_mutex_unlock(&t->mutex);
    SSL_CTX_free(old);
}

/* ---- connections ---- */

struct bufferevent *ra_tls_server_accept(ra_tls_server *t, struct event_base *base)
{
    pthread_mutex_lock(&t->mutex);
    SSL *session = SSL_new(t->context);
    pthread_mutex_unlock(&t->mutex);
    struct bufferevent *b = NULL;
    /* Where it fails it may have freed the session, or not: so it gets a reference of its own. */
    if (session && SSL_up_ref(session) == 1)
        b = bufferevent_openssl_socket_new(base, -1, session, BUFFEREVENT_SSL_ACCEPTING,
                                           BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (b)
        bufferevent_openssl_set_allow_dirty_shutdown(b, 1);
    SSL_free(session);
    ERR_clear_error();
    return b;
}

bool ra_tls_is(struct bufferevent *connection)
{
    return bufferevent_openssl_get_ssl(connection) != NULL;
}

void ra_tls_say_goodbye(struct bufferevent *connection)
{
    SSL *session = bufferevent_openssl_get_ssl(connection);
    ERR_clear_error();
    if (session && SSL_is_init_finished(session))
        SSL_shutdown(session); /* into the socket, if it has room */
    ERR_clear_error();
}
