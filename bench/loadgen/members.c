#include "bench/loadgen/members.h"

#include "config/suggest.h"
#include "config/text.h"
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ACCEPTED_MAX = 512, NAMES_MAX = 32 };

static void list(const char *const *names, char out[ACCEPTED_MAX])
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; names[i] && n < ACCEPTED_MAX; i++)
        n += (size_t)snprintf(out + n, ACCEPTED_MAX - n, "%s%s", i ? ", " : "", names[i]);
}

static size_t count(const char *const *names)
{
    size_t n = 0;
    while (names[n])
        n++;
    return n;
}

static void refuse(ra_decoder *d, const ra_place *at, const char *const *names)
{
    char accepted[ACCEPTED_MAX];
    const char *nearest = ra_suggest(at->name, names, count(names));
    list(names, accepted);
    if (nearest)
        ra_decode_error(d, at, "there is no such member (did you mean \"%s\"?); accepted: %s", nearest,
                        accepted);
    else
        ra_decode_error(d, at, "there is no such member; accepted: %s", accepted);
}

bool ra_members_check(ra_decoder *d, const ra_place *at, const char *const *names)
{
    if (!cJSON_IsObject(at->node)) {
        ra_decode_error(d, at, "not an object; accepted: { ... }");
        return false;
    }
    for (const cJSON *c = at->node->child; c; c = c->next) {
        ra_place member = {.up = at, .name = c->string, .node = c};
        size_t i = 0;
        while (names[i] && strcmp(names[i], c->string) != 0)
            i++;
        if (!names[i])
            refuse(d, &member, names);
    }
    ra_decode_repeated(d, at);
    return true;
}

const char *ra_members_text(ra_decoder *d, const ra_place *in, const char *name, const char *preset)
{
    ra_place at;
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    const char *text = cJSON_IsString(at.node) ? at.node->valuestring : "";
    if (*text && !ra_text_has_control(text))
        return ra_decode_strdup(d, text);
    ra_decode_error(d, &at, "accepted: a text that isn't empty, without control characters");
    return preset;
}

uint64_t ra_members_whole(ra_decoder *d, const ra_place *in, const char *name, uint64_t least, uint64_t most,
                          uint64_t preset)
{
    ra_place at;
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    double value = cJSON_IsNumber(at.node) ? at.node->valuedouble : -1;
    if (value >= (double)least && value <= (double)most && value == (double)(uint64_t)value)
        return (uint64_t)value;
    ra_decode_error(d, &at, "accepted: a whole number from %" PRIu64 " to %" PRIu64, least, most);
    return preset;
}

double ra_members_number(ra_decoder *d, const ra_place *in, const char *name, double most, double preset)
{
    ra_place at;
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    if (cJSON_IsNumber(at.node) && at.node->valuedouble >= 0 && at.node->valuedouble <= most)
        return at.node->valuedouble;
    ra_decode_error(d, &at, "accepted: a number from 0 to %g", most);
    return preset;
}

bool ra_members_bool(ra_decoder *d, const ra_place *in, const char *name, bool preset)
{
    ra_place at;
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    if (!cJSON_IsBool(at.node))
        ra_decode_error(d, &at, "accepted: true or false");
    return cJSON_IsTrue(at.node);
}

uint64_t ra_members_part(ra_decoder *d, const ra_place *in, const char *name, uint64_t all, uint64_t preset)
{
    ra_place at;
    int64_t ppm;
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    if (cJSON_IsString(at.node) && ra_share_parse(at.node->valuestring, &ppm))
        return all * (uint64_t)ppm / 1000000;
    double value = cJSON_IsNumber(at.node) ? at.node->valuedouble : -1;
    if (value >= 0 && value <= (double)all && value == (double)(uint64_t)value)
        return (uint64_t)value;
    ra_decode_error(d, &at, "accepted: a whole number of keys up to %" PRIu64 ", or a share such as \"10%%\"",
                    all);
    return preset;
}

int ra_members_choice(ra_decoder *d, const ra_place *in, const char *name, const char *const *choices,
                      int preset)
{
    ra_place at;
    char accepted[ACCEPTED_MAX];
    if (!ra_decode_member(d, in, name, &at))
        return preset;
    for (int i = 0; cJSON_IsString(at.node) && choices[i]; i++) {
        if (strcmp(choices[i], at.node->valuestring) == 0)
            return i;
    }
    list(choices, accepted);
    ra_decode_error(d, &at, "accepted: one of %s", accepted);
    return preset;
}

size_t ra_members_array(ra_decoder *d, const ra_place *in, const char *name, size_t most, ra_place *at)
{
    if (!ra_decode_member(d, in, name, at))
        return 0;
    int n = cJSON_IsArray(at->node) ? cJSON_GetArraySize(at->node) : -1;
    if (n >= 0 && (size_t)n <= most)
        return (size_t)n;
    ra_decode_error(d, at, "accepted: an array of at most %zu elements", most);
    return 0;
}
