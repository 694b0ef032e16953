#include "proxy/credentials_chain.h"

#include "proxy/credentials_renewed.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    enum ra_source_result (*look)(ra_credentials_lookup *l, ra_credentials **out);
} sources[RA_CREDENTIALS_SOURCES] = {
    {"environment", ra_credentials_from_environment}, {"web identity", ra_credentials_from_web_identity},
    {"shared files", ra_credentials_from_profile},    {"container", ra_credentials_from_container},
    {"instance metadata", ra_credentials_from_imds},
};

void ra_credentials_chain_init(ra_credentials_chain *c, const char *region)
{
    *c = (ra_credentials_chain){.region = region, .chosen = RA_CREDENTIALS_SOURCES};
}

static enum ra_source_result look_at(ra_credentials_chain *c, size_t i, ra_credentials **out)
{
    ra_credentials_lookup l = {.region = c->region, .background = c->background};
    ra_credentials_look *look = &c->looks[c->nlooks++];
    look->source = sources[i].name;
    look->result = sources[i].look(&l, out);
    memcpy(look->why, l.why, sizeof look->why);
    return look->result;
}

ra_credentials *ra_credentials_chain_look(ra_credentials_chain *c)
{
    ra_credentials *found = NULL;
    bool first = c->chosen == RA_CREDENTIALS_SOURCES;
    c->nlooks = 0;
    if (!first) {
        look_at(c, c->chosen, &found);
        return found;
    }
    for (size_t i = 0; i < RA_CREDENTIALS_SOURCES; i++) {
        enum ra_source_result r = look_at(c, i, &found);
        if (r == RA_SOURCE_FOUND)
            c->chosen = i;
        if (r != RA_SOURCE_ABSENT)
            break;
    }
    return found;
}

void ra_credentials_chain_why(const ra_credentials_chain *c, char why[RA_CHAIN_WHY_MAX])
{
    const ra_credentials_look *last = &c->looks[c->nlooks - 1];
    if (last->result == RA_SOURCE_FAILED || c->nlooks == 1)
        snprintf(why, RA_CHAIN_WHY_MAX, "%s: %s", last->source, last->why);
    else
        snprintf(
            why, RA_CHAIN_WHY_MAX,
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY aren't set, and no other source of AWS's chain has "
            "any (web identity, shared files, container, instance metadata); `readaside credentials` tells "
            "why each has none");
}

/* ---- a provider ---- */

typedef struct owned {
    ra_credentials_chain chain;
    char *region;
} owned;

static ra_credentials *look(void *arg, const ra_background *b, char why[RA_CHAIN_WHY_MAX])
{
    owned *o = arg;
    o->chain.background = b;
    ra_credentials *c = ra_credentials_chain_look(&o->chain);
    if (!c)
        ra_credentials_chain_why(&o->chain, why);
    return c;
}

static void free_owned(void *arg)
{
    owned *o = arg;
    free(o->region);
    free(o);
}

ra_credentials_provider *ra_credentials_chain_provider(const char *region, char why[RA_CHAIN_WHY_MAX])
{
    snprintf(why, RA_CHAIN_WHY_MAX, "out of memory");
    owned *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->region = strdup(region);
    ra_credentials_chain_init(&o->chain, o->region);
    ra_credentials *first = o->region ? look(o, NULL, why) : NULL;
    if (!first) {
        free_owned(o);
        return NULL;
    }
    return ra_credentials_renewed_new(
        &(ra_credentials_renewed_options){.first = first, .look = look, .free_arg = free_owned, .arg = o});
}
