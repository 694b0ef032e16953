#include "config/auth.h"

#include "config/given.h"
#include "config/option.h"

#include <string.h>
#include <strings.h>

#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum { CLAIM_MAX = 128, HEADER_MAX = 128 };

static bool stated(const ra_place *at, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(at->node, name) != NULL;
}

/* ---- the wire API ---- */

static void decode_sigv4(ra_decoder *d, const ra_place *auth, ra_config_sigv4 *s)
{
    ra_place at;
    s->mode = RA_SIGV4_UNSAID;
    ra_decode_presets(d, &ra_section_sigv4, s);
    if (!ra_decode_member(d, auth, "sigv4", &at))
        return;
    s->mode = cJSON_IsObject(at.node) ? RA_SIGV4_KEYS : RA_SIGV4_NONE; /* the only string that is taken */
    if (s->mode == RA_SIGV4_KEYS)
        ra_decode_object(d, &ra_section_sigv4, &at, s);
}

/* ---- tokens ---- */

/* Every pool's id says its region; with another one no token would ever be taken. */
static void check_pool(ra_decoder *d, const ra_place *cognito, const ra_cognito_given *c)
{
    ra_place id;
    size_t n = strlen(c->region);
    if (strncmp(c->user_pool_id, c->region, n) == 0 && c->user_pool_id[n] == '_' && c->user_pool_id[n + 1])
        return;
    ra_decode_member(d, cognito, "user_pool_id", &id);
    ra_decode_error(
        d, &id, "not a user pool's id of this region; accepted: the region, '_', and the pool's own part");
}

static void take_pool(ra_decoder *d, const ra_cognito_given *c, ra_config_jwt *jwt)
{
    jwt->issuer =
        ra_pool_printf(d->pool, "https://cognito-idp.%s.amazonaws.com/%s", c->region, c->user_pool_id);
    jwt->jwks_uri = jwt->issuer ? ra_pool_printf(d->pool, "%s/.well-known/jwks.json", jwt->issuer) : NULL;
    d->no_memory |= !jwt->jwks_uri;
    jwt->client_ids = c->client_ids;
}

static void decode_cognito(ra_decoder *d, const ra_place *jwt, const ra_place *at, ra_config_jwt *out)
{
    static const char *const others[] = {"issuer", "jwks_uri", "client_id"};
    ra_cognito_given given = {0};
    ra_place other;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (ra_decode_member(d, jwt, others[i], &other))
            ra_decode_error(d, &other,
                            "`cognito` says this already; accepted: either \"cognito\", or \"issuer\", "
                            "\"jwks_uri\" and \"client_id\"");
    }
    if (!ra_decode_object(d, &ra_section_cognito, at, &given) || !given.region || !given.user_pool_id)
        return;
    check_pool(d, at, &given);
    take_pool(d, &given, out);
}

/* Without `cognito` all three must be there. */
static void check_provider(ra_decoder *d, const ra_place *jwt)
{
    static const char *const needed[] = {"issuer", "jwks_uri", "client_id"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        ra_place at = {.up = jwt, .name = needed[i]};
        if (!stated(jwt, needed[i]))
            ra_decode_error(d, &at,
                            "it must be given; accepted: \"issuer\", \"jwks_uri\" and \"client_id\", or "
                            "\"cognito\": { \"region\", \"user_pool_id\", \"client_id\" }");
    }
}

static void decode_jwt(ra_decoder *d, const ra_place *auth, ra_config_jwt *jwt)
{
    ra_place at, cognito;
    ra_decode_presets(d, &ra_section_jwt, jwt);
    if (!ra_decode_member(d, auth, "jwt", &at) || !ra_decode_object(d, &ra_section_jwt, &at, jwt))
        return;
    if (!stated(&at, "token_use"))
        jwt->token_use = stated(&at, "cognito") ? RA_TOKEN_USE_ACCESS : RA_TOKEN_USE_ANY;
    if (ra_decode_member(d, &at, "cognito", &cognito))
        decode_cognito(d, &at, &cognito, jwt);
    else if (!cognito.node)
        check_provider(d, &at);
}

/* ---- back ends ---- */

/* What is wrong with the name of a header that is to hold a claim; NULL if nothing is. */
static const char *check_header(const char *name)
{
    /* What they hold must never become part of an item. */
    static const char *const taken[] = {"X-Readaside-Secret", "Authorization", "Cookie"};
    if (!*name || name[strspn(name, LETTERS_AND_DIGITS "!#$%&'*+-.^_`|~")])
        return "not a header's name";
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcasecmp(name, taken[i]) == 0)
            return "this header is a proof itself";
    }
    return NULL;
}

static void decode_claim(ra_decoder *d, const ra_place *at, ra_claim_header *c)
{
    static const ra_option header = {
        .type = RA_OPTION_TEXT, .offset = offsetof(ra_claim_header, header), .min = 1, .max = HEADER_MAX};
    size_t n = strlen(at->name);
    if (n == 0 || n > CLAIM_MAX || at->name[strspn(at->name, LETTERS_AND_DIGITS RA_CLAIM_PUNCTUATION)])
        ra_decode_error(d, at, "not a claim's name; accepted: 1 to %d letters, digits and any of _ - . : /",
                        (int)CLAIM_MAX);
    c->claim = ra_decode_strdup(d, at->name);
    ra_option_set(d, &header, at, c);
    const char *why = c->header ? check_header(c->header) : NULL;
    if (why)
        ra_decode_error(d, at, "%s; accepted: the name of another header, such as \"X-User-Uuid\"", why);
}

static void decode_backend(ra_decoder *d, const ra_place *auth, ra_config_backend *b)
{
    ra_place at, claims;
    if (!ra_decode_member(d, auth, "backend", &at) || !ra_decode_object(d, &ra_section_backend, &at, b) ||
        !ra_decode_member(d, &at, "claims", &claims))
        return;
    ra_decode_repeated(d, &claims);
    b->claims = ra_decode_array(d, (size_t)cJSON_GetArraySize(claims.node), sizeof *b->claims);
    for (const cJSON *c = claims.node->child; c && b->claims; c = c->next) {
        ra_place member = {.up = &claims, .name = c->string, .node = c};
        decode_claim(d, &member, &b->claims[b->nclaims++]);
    }
}

void ra_decode_auth(ra_decoder *d, const ra_place *root, ra_config_auth *out)
{
    ra_place auth;
    if (ra_decode_member(d, root, "auth", &auth))
        ra_decode_object(d, &ra_section_auth, &auth, out);
    decode_sigv4(d, &auth, &out->sigv4);
    decode_jwt(d, &auth, &out->jwt);
    decode_backend(d, &auth, &out->backend);
}
