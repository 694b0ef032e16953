/* From a file's text to a snapshot, in one go or not at all. */
#include "config/load.h"
#include "config/auth.h"
#include "config/check.h"
#include "config/comments.h"
#include "config/config.h"
#include "config/cors.h"
#include "config/ddb.h"
#include "config/decode.h"
#include "config/defaults.h"
#include "config/file.h"
#include "config/owner.h"
#include "config/problems.h"
#include "config/routes.h"
#include "config/stream_rules.h"
#include "config/tables.h"

#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX = 1024 * 1024 };

static void decode_sections(ra_decoder *d, const ra_place *root, ra_config *c)
{
    const struct {
        const char *name;
        const ra_section *section;
        void *base;
    } sections[] = {{"listen", &ra_section_listen, &c->listen},
                    {"admin", &ra_section_admin, &c->admin},
                    {"upstream", &ra_section_upstream, &c->upstream},
                    {"cache", &ra_section_cache, &c->cache},
                    {"streams", &ra_section_streams, &c->streams},
                    {"access_log", &ra_section_access_log, &c->access_log}};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        ra_place at;
        ra_decode_presets(d, sections[i].section, sections[i].base);
        if (ra_decode_member(d, root, sections[i].name, &at))
            ra_decode_object(d, sections[i].section, &at, sections[i].base);
    }
}

static void decode_prices(ra_decoder *d, const ra_place *root, ra_config_prices *out)
{
    ra_place at;
    out->given = ra_decode_member(d, root, "prices", &at);
    ra_decode_presets(d, &ra_section_prices, out);
    if (out->given)
        ra_decode_object(d, &ra_section_prices, &at, out);
}

/* The object `tls` of a listener. */
static void decode_tls(ra_decoder *d, const ra_place *root, const char *listener, const ra_section *section,
                       ra_config_tls *out)
{
    ra_place in, at;
    ra_decode_member(d, root, listener, &in);
    if (ra_decode_member(d, &in, "tls", &at))
        ra_decode_object(d, section, &at, out);
}

/* The objects in `cache`. */
static void decode_cache(ra_decoder *d, const ra_place *root, ra_config_cache *out)
{
    const struct {
        const char *name;
        const ra_section *section;
        void *base;
    } sections[] = {{"redis", &ra_section_redis, &out->redis},
                    {"momento", &ra_section_momento, &out->momento},
                    {"near", &ra_section_near, &out->near}};
    ra_place cache, at;
    ra_decode_member(d, root, "cache", &cache);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        ra_decode_presets(d, sections[i].section, sections[i].base);
        if (ra_decode_member(d, &cache, sections[i].name, &at))
            ra_decode_object(d, sections[i].section, &at, sections[i].base);
    }
}

static void decode_root(ra_decoder *d, const cJSON *node, ra_config *c)
{
    ra_place root = {.node = node};
    ra_decode_presets(d, &ra_section_root, c);
    if (!ra_decode_object(d, &ra_section_root, &root, c))
        return;
    decode_sections(d, &root, c);
    decode_prices(d, &root, &c->prices);
    decode_tls(d, &root, "listen", &ra_section_listen_tls, &c->listen.tls);
    decode_tls(d, &root, "admin", &ra_section_admin_tls, &c->admin.listen.tls);
    ra_decode_auth(d, &root, &c->auth);
    decode_cache(d, &root, &c->cache);
    ra_decode_default_consistency(d, &root, c);
    ra_decode_tables(d, &root, c);
    ra_decode_routes(d, &root, c);
    ra_decode_stream_rules(d, &root, c);
    ra_decode_ddb(d, &root, c);
    ra_decode_cors(d, &root, c);
    ra_decode_defaults(d, &root, c);
    if (!d->no_memory)
        ra_decode_check(d, &root, c);
}

/* Every string that is a reference becomes what it stands for. false: one can't be had any more. */
static bool resolve_all(ra_decoder *d, cJSON *node)
{
    char error[RA_REFERENCE_ERROR_MAX];
    const char *value, *source;
    for (; node; node = node->next) {
        const ra_place at = {.node = node};
        if (node->child && !resolve_all(d, node->child))
            return false;
        if (!cJSON_IsString(node) || d->literal)
            continue;
        if (!ra_decode_reference(d, &at, &value, &source, error) ||
            (source && !cJSON_SetValuestring(node, value)))
            return false;
    }
    return true;
}

/* `text` is writable: comments are blanked in place. */
static void decode_text(ra_decoder *d, char *text, size_t len, ra_config *c)
{
    char error[RA_SCAN_ERROR_MAX];
    int line = ra_comments_blank(text, len);
    cJSON *root = NULL;
    if (line)
        ra_problems_add_file(d->problems, line,
                             "the comment that begins here isn't closed; accepted: /* ... */");
    else if (!ra_locator_read(d->locator, text, len, &line, error))
        ra_problems_add_file(d->problems, line, "%s", error);
    else if (!(root = cJSON_ParseWithLength(text, len)) || !ra_locator_bind(d->locator, root))
        ra_problems_add_file(d->problems, 0, "it can't be read; there may not be enough memory");
    else
        decode_root(d, root, c);
    ra_locator_free(d->locator);
    if (root && !d->problems->errors && !d->no_memory && !resolve_all(d, root))
        ra_problems_add_file(d->problems, 0, "what it refers to has changed while it was read; try again");
    ra_config_owner_keep(c, root);
}

static char *folder_of(ra_decoder *d, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (slash == path)
        n = 1; /* the root itself */
    char *folder = ra_pool_strndup(d->pool, path, n);
    d->no_memory |= !folder;
    return folder;
}

static void parse_into(ra_config *c, ra_pool *pool, const char *text, size_t len, const char *path,
                       bool literal, ra_problems *problems)
{
    ra_locator locator = {0};
    ra_decoder d = {.pool = pool, .problems = problems, .locator = &locator, .literal = literal};
    char *copy = malloc(len + 1);
    d.folder = folder_of(&d, path);
    c->path = ra_decode_strdup(&d, path);
    if (copy && d.folder) {
        memcpy(copy, text, len);
        copy[len] = '\0';
        decode_text(&d, copy, len, c);
    }
    if (!copy || d.no_memory)
        ra_problems_add_file(problems, 0, "out of memory");
    if (copy)
        explicit_bzero(copy, len);
    free(copy);
}

static ra_config *parse(const char *text, size_t len, const char *path, bool literal, ra_problems *problems)
{
    ra_pool *pool;
    ra_config *c = ra_config_owner_new(&pool);
    if (!c) {
        ra_problems_add_file(problems, 0, "out of memory");
        return NULL;
    }
    parse_into(c, pool, text, len, path, literal, problems);
    ra_problems_sort(problems);
    if (problems->errors == 0) {
        ra_config_owner_seal(c);
        return c;
    }
    ra_config_unref(c);
    return NULL;
}

ra_config *ra_config_parse(const char *text, size_t len, const char *path, ra_problems *problems)
{
    *problems = (ra_problems){0};
    if (len <= CONFIG_MAX)
        return parse(text, len, path, false, problems);
    ra_problems_add_file(problems, 0, "the file is too large; accepted: at most 1MiB");
    return NULL;
}

ra_config *ra_config_of_document(const cJSON *document, const char *path, ra_problems *problems)
{
    *problems = (ra_problems){0};
    char *text = cJSON_PrintUnformatted(document);
    if (!text) {
        ra_problems_add_file(problems, 0, "out of memory");
        return NULL;
    }
    size_t len = strlen(text);
    ra_config *c = parse(text, len, path, true, problems);
    explicit_bzero(text, len);
    cJSON_free(text);
    return c;
}

ra_config *ra_config_load(const char *path, ra_problems *problems)
{
    const char *error;
    size_t len;
    char *text = ra_file_read(path, CONFIG_MAX, false, &len, &error);
    if (!text) {
        *problems = (ra_problems){0};
        ra_problems_add_file(problems, 0, "%s; accepted: a file of at most 1MiB that can be read", error);
        return NULL;
    }
    ra_config *c = ra_config_parse(text, len, path, problems);
    free(text);
    return c;
}
