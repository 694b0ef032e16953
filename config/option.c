#include "config/option.h"

#include "config/address.h"
#include "config/endpoint.h"
#include "config/keys_url.h"
#include "config/momento_key.h"
#include "config/redis_url.h"
#include "config/reference.h"
#include "config/secret_key.h"
#include "config/suggest.h"
#include "config/text.h"
#include "config/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The longest text of any option; a bound for what a file or the environment may bring. */
enum { TEXT_MAX = 4096, LIST_TEXT_MAX = 512 };

/* A value on its way from text to the member. `why`: what is wrong with it, when it is refused. */
typedef struct setting {
    ra_decoder *d;
    const ra_option *o;
    const char *text;
    char *base;
    const char *why; /* NULL: only that it isn't what is accepted */
    const char *nearest;
} setting;

static void store_number(setting *s, int64_t value)
{
    void *member = s->base + s->o->offset;
    if (s->o->type == RA_OPTION_SIZE)
        memcpy(member, &(size_t){(size_t)value}, sizeof(size_t));
    else if (s->o->type == RA_OPTION_DURATION || s->o->type == RA_OPTION_PRICE)
        memcpy(member, &value, sizeof value);
    else if (s->o->type == RA_OPTION_SHARE)
        memcpy(member, &(uint32_t){(uint32_t)value}, sizeof(uint32_t));
    else
        memcpy(member, &(unsigned){(unsigned)value}, sizeof(unsigned));
}

static void store_text(setting *s, const char *text)
{
    char *copy = ra_decode_strdup(s->d, text);
    memcpy(s->base + s->o->offset, &copy, sizeof copy);
}

static bool set_number(setting *s)
{
    int64_t value;
    bool ok;
    if (s->o->type == RA_OPTION_DURATION)
        ok = ra_duration_parse(s->text, &value);
    else if (s->o->type == RA_OPTION_SIZE)
        ok = ra_size_parse(s->text, &value);
    else if (s->o->type == RA_OPTION_SHARE)
        ok = ra_share_parse(s->text, &value);
    else if (s->o->type == RA_OPTION_PRICE)
        ok = ra_price_parse(s->text, &value);
    else
        ok = ra_count_parse(s->text, &value);
    if (!ok)
        return false;
    if (value < s->o->min || value > s->o->max) {
        s->why = "is out of bounds";
        return false;
    }
    store_number(s, value);
    return true;
}

static bool set_choice(setting *s)
{
    size_t n = 0;
    for (; s->o->choices[n]; n++) {
        if (strcmp(s->text, s->o->choices[n]) == 0) {
            memcpy(s->base + s->o->offset, &(unsigned){(unsigned)n}, sizeof(unsigned));
            return true;
        }
    }
    s->nearest = ra_suggest(s->text, s->o->choices, n);
    return false;
}

/* The text, if it is as long as it may be. */
static bool set_bounded(setting *s)
{
    int64_t n = (int64_t)strlen(s->text);
    bool ok = n >= s->o->min && n <= s->o->max;
    if (ok)
        store_text(s, s->text);
    else
        s->why = n < s->o->min ? "is too short" : "is too long";
    return ok;
}

static bool set_text(setting *s)
{
    if (s->o->type == RA_OPTION_NAME &&
        s->text[strspn(s->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")]) {
        s->why = "holds other characters";
        return false;
    }
    if (ra_text_has_control(s->text)) {
        s->why = "holds control characters";
        return false;
    }
    return set_bounded(s);
}

static bool set_endpoint(setting *s)
{
    char endpoint[RA_ENDPOINT_MAX];
    s->why = ra_endpoint_normalise(s->text, endpoint);
    if (!s->why)
        store_text(s, endpoint);
    return !s->why;
}

static bool set_region(setting *s)
{
    if (!ra_region_valid(s->text))
        return false;
    store_text(s, s->text);
    return true;
}

static bool set_address(setting *s)
{
    ra_config_listen *listen = (ra_config_listen *)(void *)s->base;
    char host[RA_ADDRESS_HOST_MAX];
    enum ra_address_result result = ra_address_parse(s->text, host, &listen->port);
    if (result == RA_ADDRESS_MALFORMED)
        return false;
    listen->host = ra_decode_strdup(s->d, host);
    listen->exposed = result == RA_ADDRESS_EXPOSED; /* whether that may be is for config/check_auth.c */
    return true;
}

static bool set_path(setting *s)
{
    if (!*s->text || ra_text_has_control(s->text)) {
        s->why = *s->text ? "holds control characters" : "is empty";
        return false;
    }
    const char *path = ra_reference_path(s->text, s->d->folder, s->d->pool);
    /* What is in force already was readable when it was read, and whoever reads it anew finds out. */
    bool anew = s->o->type == RA_OPTION_READABLE && !s->d->literal;
    if (path && anew && access(path, R_OK) != 0) {
        s->why = "can't be read";
        return false;
    }
    if (path)
        store_text(s, path);
    else
        s->d->no_memory = true;
    return true;
}

static bool set_output(setting *s)
{
    if (strcmp(s->text, "-") != 0)
        return set_path(s);
    store_text(s, s->text);
    return true;
}

/* It travels in a header, where other characters could be changed or cut off on the way. */
static bool set_secret(setting *s)
{
    for (const char *c = s->text; *c; c++) {
        if (*c <= ' ' || *c > '~') {
            s->why = "holds other characters";
            return false;
        }
    }
    return set_bounded(s);
}

static bool set_keys_url(setting *s)
{
    s->why = ra_keys_url_check(s->text);
    if (!s->why)
        store_text(s, s->text);
    return !s->why;
}

static bool set_redis_url(setting *s)
{
    s->why = ra_redis_url_parse(s->text, s->d->pool, (ra_config_redis *)(void *)s->base);
    return !s->why;
}

static bool set_momento_endpoint(setting *s)
{
    char endpoint[RA_ENDPOINT_MAX];
    s->why = ra_momento_endpoint(s->text, endpoint);
    if (!s->why)
        store_text(s, endpoint);
    return !s->why;
}

static bool set_momento_key(setting *s)
{
    enum ra_momento_key_kind kind;
    char endpoint[RA_ENDPOINT_MAX];
    s->why = ra_momento_key_read(s->text, &kind, endpoint);
    if (!s->why)
        store_text(s, s->text);
    return !s->why;
}

static bool set_key(setting *s)
{
    unsigned char key[RA_ENCRYPTION_KEY_BYTES];
    if (!ra_secret_key_parse(s->text, key))
        return false;
    memcpy(s->base + s->o->offset, key, sizeof key);
    return true;
}

/* A preset: its strings with commas between them. */
static bool set_texts(setting *s)
{
    ra_texts texts = {.v = ra_decode_array(s->d, strlen(s->text) / 2 + 1, sizeof *texts.v)};
    for (const char *at = s->text; texts.v && *at;) {
        size_t n = strcspn(at, ",");
        texts.v[texts.n++] = ra_pool_strndup(s->d->pool, at, n);
        s->d->no_memory |= !texts.v[texts.n - 1];
        at += n + (at[n] == ',');
    }
    memcpy(s->base + s->o->offset, &texts, sizeof texts);
    return true;
}

static bool set(setting *s)
{
    if (strlen(s->text) > TEXT_MAX) {
        s->why = "is too long";
        return false;
    }
    switch (s->o->type) {
    case RA_OPTION_DURATION:
    case RA_OPTION_SIZE:
    case RA_OPTION_SHARE:
    case RA_OPTION_PRICE:
    case RA_OPTION_COUNT:
        return set_number(s);
    case RA_OPTION_CHOICE:
    case RA_OPTION_CHOICE_OR_OBJECT:
        return set_choice(s);
    case RA_OPTION_SECRET:
        return set_secret(s);
    case RA_OPTION_KEYS_URL:
        return set_keys_url(s);
    case RA_OPTION_TEXT:
    case RA_OPTION_NAME:
        return set_text(s);
    case RA_OPTION_TEXTS:
        return set_texts(s);
    case RA_OPTION_REGION:
        return set_region(s);
    case RA_OPTION_ENDPOINT:
        return set_endpoint(s);
    case RA_OPTION_ADDRESS:
        return set_address(s);
    case RA_OPTION_PATH:
    case RA_OPTION_READABLE:
        return set_path(s);
    case RA_OPTION_OUTPUT:
        return set_output(s);
    case RA_OPTION_REDIS_URL:
        return set_redis_url(s);
    case RA_OPTION_MOMENTO_ENDPOINT:
        return set_momento_endpoint(s);
    case RA_OPTION_MOMENTO_KEY:
        return set_momento_key(s);
    case RA_OPTION_KEY:
        return set_key(s);
    case RA_OPTION_BOOL:
        memcpy(s->base + s->o->offset, &(bool){strcmp(s->text, "true") == 0}, sizeof(bool));
        return true;
    default:
        return false;
    }
}

void ra_option_set_preset(ra_decoder *d, const ra_option *o, void *base)
{
    setting s = {.d = d, .o = o, .text = o->preset, .base = base};
    set(&s);
}

void ra_option_refuse(ra_decoder *d, const ra_option *o, const ra_place *at, const char *what)
{
    char accepted[RA_OPTION_ACCEPTED_MAX];
    ra_option_accepted(o, accepted);
    ra_decode_error(d, at, "%s; accepted: %s", what, accepted);
    ra_locator_refuse(d->locator, at->node);
}

static bool may_be_secret(const ra_option *o)
{
    return o->type == RA_OPTION_ENDPOINT || o->type == RA_OPTION_REDIS_URL || o->type == RA_OPTION_KEY ||
           o->type == RA_OPTION_MOMENTO_KEY || o->type == RA_OPTION_MOMENTO_ENDPOINT ||
           o->type == RA_OPTION_SECRET || o->type == RA_OPTION_KEYS_URL;
}

/* A string that was read but not accepted. A value that came by a reference or may hold a secret isn't shown.
 */
static void refuse_text(const setting *s, const ra_place *at, const char *source)
{
    char shown[RA_TEXT_SHOWN_MAX], nearest[96] = "", what[2 * RA_TEXT_SHOWN_MAX + 128];
    const char *why = s->why ? s->why : "isn't accepted";
    if (s->nearest && !source)
        snprintf(nearest, sizeof nearest, " (did you mean \"%s\"?)", s->nearest);
    ra_text_show(source ? source : s->text, shown);
    if (source)
        snprintf(what, sizeof what, "the value of %s %s%s", shown, why, nearest);
    else if (may_be_secret(s->o))
        snprintf(what, sizeof what, "the value %s%s", why, nearest);
    else
        snprintf(what, sizeof what, "%s %s%s", shown, why, nearest);
    ra_option_refuse(s->d, s->o, at, what);
}

static void set_string(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    char error[RA_REFERENCE_ERROR_MAX];
    const char *source = NULL;
    setting s = {.d = d, .o = o, .base = base};
    if (!ra_decode_reference(d, at, &s.text, &source, error))
        ra_option_refuse(d, o, at, error);
    else if (!set(&s))
        refuse_text(&s, at, source);
}

static const char *kind_of(const cJSON *node)
{
    if (cJSON_IsNull(node))
        return "null";
    if (cJSON_IsBool(node))
        return cJSON_IsTrue(node) ? "true" : "false";
    if (cJSON_IsNumber(node))
        return "a number";
    return cJSON_IsArray(node) ? "an array" : "an object";
}

/* What each element of a list is. */
static const ra_option text_element = {.type = RA_OPTION_TEXT, .min = 1, .max = LIST_TEXT_MAX};
static const ra_option key_element = {.type = RA_OPTION_KEY};

static void set_element(ra_decoder *d, const ra_option *o, const ra_place *at, void *to)
{
    if (cJSON_IsString(at->node))
        set_string(d, o, at, to);
    else
        ra_option_refuse(d, o, at, kind_of(at->node));
}

static bool right_count(ra_decoder *d, const ra_option *o, const ra_place *at, size_t *count)
{
    int n = cJSON_GetArraySize(at->node);
    bool ok = n >= o->min && n <= o->max;
    *count = (size_t)n;
    if (!ok)
        ra_option_refuse(d, o, at, n < o->min ? "there are too few" : "there are too many");
    return ok;
}

static void set_list(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    size_t n;
    int i = 0;
    if (!right_count(d, o, at, &n))
        return;
    ra_texts texts = {.v = ra_decode_array(d, n, sizeof *texts.v)};
    for (const cJSON *c = at->node->child; texts.v && c; c = c->next, i++) {
        ra_place place = {.up = at, .index = i, .node = c};
        set_element(d, &text_element, &place, &texts.v[texts.n]);
        texts.n += texts.v[texts.n] != NULL;
    }
    memcpy((char *)base + o->offset, &texts, sizeof texts);
}

static void set_keys(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    size_t n;
    int i = 0;
    if (!right_count(d, o, at, &n))
        return;
    ra_encryption_keys keys = {.v = ra_decode_array(d, n, sizeof *keys.v)};
    for (const cJSON *c = at->node->child; keys.v && c; c = c->next, i++) {
        ra_place place = {.up = at, .index = i, .node = c};
        set_element(d, &key_element, &place, keys.v[keys.n]);
        /* A key that was refused isn't held against another one. */
        keys.n += !ra_locator_refused(d->locator, c);
    }
    memcpy((char *)base + o->offset, &keys, sizeof keys);
}

/* A list of one. */
static void set_one_text(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    ra_texts texts = {.v = ra_decode_array(d, 1, sizeof *texts.v)};
    if (texts.v)
        set_string(d, &text_element, at, texts.v);
    texts.n = texts.v && texts.v[0];
    memcpy((char *)base + o->offset, &texts, sizeof texts);
}

static void set_choices(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    const ra_option one = {.type = RA_OPTION_CHOICE, .choices = o->choices};
    unsigned set_of = 0;
    int i = 0;
    if (!at->node->child) {
        ra_option_refuse(d, o, at, "there is none");
        return;
    }
    for (const cJSON *c = at->node->child; c; c = c->next, i++) {
        ra_place place = {.up = at, .index = i, .node = c};
        unsigned n = 0;
        set_element(d, &one, &place, &n);
        if (!ra_locator_refused(d->locator, c))
            set_of |= 1U << n;
    }
    memcpy((char *)base + o->offset, &set_of, sizeof set_of);
}

/* As a decimal it is one that has a price's few digits: its double is the nearest to it. */
static void set_price(setting *s, const ra_place *at)
{
    int64_t value;
    double given = at->node->valuedouble;
    if (!ra_price_of_number(given, &value))
        ra_option_refuse(s->d, s->o, at, "the number has more than six decimals");
    else if (value < s->o->min || value > s->o->max)
        ra_option_refuse(s->d, s->o, at, "the number is out of bounds");
    else
        store_number(s, value);
}

/* Numbers are taken where no unit could be missing. They come as doubles: only whole ones in bounds pass. */
static void set_json_number(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    setting s = {.d = d, .o = o, .base = base};
    double value = at->node->valuedouble;
    if (o->type == RA_OPTION_PRICE) {
        set_price(&s, at);
    } else if (o->type != RA_OPTION_SIZE && o->type != RA_OPTION_COUNT) {
        bool unit = o->type == RA_OPTION_DURATION || o->type == RA_OPTION_SHARE;
        ra_option_refuse(d, o, at, unit ? "a number without a unit" : "a number");
    } else if (!(value >= (double)o->min && value <= (double)o->max)) {
        ra_option_refuse(d, o, at, "the number is out of bounds");
    } else if (value != (double)(int64_t)value) {
        ra_option_refuse(d, o, at, "the number isn't whole");
    } else {
        store_number(&s, (int64_t)value);
    }
}

static bool takes_no_string(const ra_option *o)
{
    return o->type == RA_OPTION_BOOL || o->type == RA_OPTION_TEXTS || o->type == RA_OPTION_KEYS ||
           o->type == RA_OPTION_CHOICES;
}

static void set_array(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    if (o->type == RA_OPTION_TEXTS || o->type == RA_OPTION_TEXT_OR_TEXTS)
        set_list(d, o, at, base);
    else if (o->type == RA_OPTION_KEYS)
        set_keys(d, o, at, base);
    else if (o->type == RA_OPTION_CHOICES)
        set_choices(d, o, at, base);
    else
        ra_option_refuse(d, o, at, kind_of(at->node));
}

void ra_option_set(ra_decoder *d, const ra_option *o, const ra_place *at, void *base)
{
    if (o->type == RA_OPTION_BOOL && cJSON_IsBool(at->node))
        memcpy((char *)base + o->offset, &(bool){cJSON_IsTrue(at->node)}, sizeof(bool));
    else if (takes_no_string(o) && cJSON_IsString(at->node))
        ra_option_refuse(d, o, at, "a string");
    else if (cJSON_IsArray(at->node))
        set_array(d, o, at, base);
    else if (o->type == RA_OPTION_CHOICE_OR_OBJECT && cJSON_IsObject(at->node))
        return; /* the loader's */
    else if (o->type == RA_OPTION_TEXT_OR_TEXTS && cJSON_IsString(at->node))
        set_one_text(d, o, at, base);
    else if (cJSON_IsString(at->node))
        set_string(d, o, at, base);
    else if (cJSON_IsNumber(at->node))
        set_json_number(d, o, at, base);
    else
        ra_option_refuse(d, o, at, kind_of(at->node));
}
