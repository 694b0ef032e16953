#include "cache/redis_tls.h"

#include "cache/tls_key.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

static bool own_certificate(SSL_CTX *tls, const char *cert_file, const char *key_file)
{
    if (!cert_file)
        return true;
    return SSL_CTX_use_certificate_chain_file(tls, cert_file) == 1 &&
           SSL_CTX_use_PrivateKey_file(tls, key_file ? key_file : cert_file, SSL_FILETYPE_PEM) == 1 &&
           SSL_CTX_check_private_key(tls) == 1;
}

static const char *configure(SSL_CTX *tls, const char *ca_file, const char *cert_file, const char *key_file)
{
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_passwd_cb(tls, ra_tls_no_passphrase);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return "TLS 1.2 can't be had";
    if ((ca_file ? SSL_CTX_load_verify_file(tls, ca_file) : SSL_CTX_set_default_verify_paths(tls)) != 1)
        return "the authorities can't be loaded";
    if (key_file && !cert_file)
        return "a key needs its certificate";
    return own_certificate(tls, cert_file, key_file) ? NULL : "the certificate or its key can't be loaded";
}

SSL_CTX *ra_redis_tls_new(const char *ca_file, const char *cert_file, const char *key_file, char *why,
                          size_t size)
{
    ERR_clear_error();
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    const char *wrong = tls ? configure(tls, ca_file, cert_file, key_file) : "no memory";
    if (!wrong)
        return tls;
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    snprintf(why, size, "%s%s%s", wrong, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    SSL_CTX_free(tls);
    return NULL;
}

/* A server's certificate names it by address or by name; SNI is for names only (RFC 6066 section 3). */
static bool is_to_be(SSL *s, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(s);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return *host && X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
           SSL_set_tlsext_host_name(s, host) == 1;
}

SSL *ra_redis_tls_session(SSL_CTX *tls, const char *host)
{
    SSL *s = SSL_new(tls);
    if (s && is_to_be(s, host))
        return s;
    ERR_clear_error();
    SSL_free(s);
    return NULL;
}

bool ra_redis_tls_why(struct bufferevent *bev, char *why, size_t size)
{
    SSL *s = bufferevent_openssl_get_ssl(bev);
    unsigned long error = bufferevent_get_openssl_error(bev);
    long verified = s ? SSL_get_verify_result(s) : X509_V_OK;
    const char *reason = error ? ERR_reason_error_string(error) : NULL;
    while (bufferevent_get_openssl_error(bev))
        continue; /* else libevent would find them at the next one's error */
    if (verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    if (!reason)
        return false;
    snprintf(why, size, "TLS: %s", reason);
    return true;
}
