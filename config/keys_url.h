/*
 * Where an issuer's public keys are: "https://issuer.example/.well-known/jwks.json". Who could change them on
 * the way could sign tokens of his own, so that plain HTTP is for a loopback address only. Pure: looks no
 * names up.
 */
#ifndef RA_CONFIG_KEYS_URL_H
#define RA_CONFIG_KEYS_URL_H

/* NULL, or what is wrong with the text in words that don't repeat it. */
const char *ra_keys_url_check(const char *text);

#endif
