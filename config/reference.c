#include "config/reference.h"

#include "config/file.h"
#include "config/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *ra_reference_path(const char *path, const char *folder, ra_pool *pool)
{
    if (*path == '/' || *folder == '\0')
        return ra_pool_strdup(pool, path);
    return ra_pool_printf(pool, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
}

static bool fail(char error[RA_REFERENCE_ERROR_MAX], const char *what, const char *name, const char *why)
{
    char shown[RA_TEXT_SHOWN_MAX];
    ra_text_show(name, shown);
    snprintf(error, RA_REFERENCE_ERROR_MAX, "%s %s %s", what, shown, why);
    return false;
}

static bool from_environment(const char *name, const char **value, char error[RA_REFERENCE_ERROR_MAX])
{
    const char *v = *name && !strchr(name, '=') ? getenv(name) : NULL;
    if (!v)
        return fail(error, "the environment variable", name, "isn't set");
    if (v[ra_text_valid(v, strlen(v))])
        return fail(error, "the environment variable", name, "isn't valid UTF-8");
    *value = v;
    return true;
}

static bool from_file(const char *name, const char *folder, ra_pool *pool, const char **value,
                      char error[RA_REFERENCE_ERROR_MAX])
{
    const char *why = "out of memory";
    char reason[160];
    size_t n;
    char *path = ra_reference_path(name, folder, pool);
    char *content = path ? ra_file_read(path, RA_REFERENCE_FILE_MAX, true, &n, &why) : NULL;
    if (!content) {
        snprintf(reason, sizeof reason, "can't be read: %s", why);
        return fail(error, "the file", name, reason);
    }
    if (n && content[n - 1] == '\n')
        n--;
    if (n && content[n - 1] == '\r')
        n--;
    bool ok = !memchr(content, '\0', n) && ra_text_valid(content, n) == n;
    char *copy = ok ? ra_pool_strndup(pool, content, n) : NULL;
    explicit_bzero(content, n);
    free(content);
    *value = copy;
    if (!copy)
        return fail(error, "the file", name, ok ? "can't be read: out of memory" : "isn't UTF-8 text");
    return true;
}

bool ra_reference_resolve(const char *given, const char *folder, ra_pool *pool, const char **value,
                          const char **source, char error[RA_REFERENCE_ERROR_MAX])
{
    *source = NULL;
    *value = given;
    if (strncmp(given, "env:", 4) == 0) {
        const char *v = NULL;
        if (!from_environment(given + 4, &v, error))
            return false;
        /* A copy: the environment may change under us. */
        *value = ra_pool_strdup(pool, v);
        *source = given;
        return *value || fail(error, "the environment variable", given + 4, "can't be read: out of memory");
    }
    if (strncmp(given, "file:", 5) == 0) {
        *source = given;
        return from_file(given + 5, folder, pool, value, error);
    }
    return true;
}
