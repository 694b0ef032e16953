/* What loading a private key has in common wherever it is done. Threads: any. */
#ifndef RA_CACHE_TLS_KEY_H
#define RA_CACHE_TLS_KEY_H

/* For SSL_CTX_set_default_passwd_cb: a key with a passphrase is an error; OpenSSL itself would ask for it on
 * the terminal. */
int ra_tls_no_passphrase(char *buf, int size, int rwflag, void *arg);

#endif
