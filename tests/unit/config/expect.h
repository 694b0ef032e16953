/* Loading a configuration from a test's text, and looking for a problem in what was found. */
#ifndef RA_TESTS_UNIT_CONFIG_EXPECT_H
#define RA_TESTS_UNIT_CONFIG_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline ra_config *parse(const char *text, ra_problems *problems)
{
    return ra_config_parse(text, strlen(text), "folder/test.jsonc", problems);
}

static inline const ra_problem *problem_at(const ra_problems *p, const char *path)
{
    for (size_t i = 0; i < p->n; i++) {
        if (strcmp(p->v[i].path, path) == 0)
            return &p->v[i];
    }
    return NULL;
}

/* A configuration without any error; warnings pass. */
static inline ra_config *parse_good(const char *text)
{
    ra_problems p;
    ra_config *c = parse(text, &p);
    if (!c)
        ra_problems_print(&p, "test.jsonc", stderr);
    ra_problems_free(&p);
    assert_non_null(c);
    return c;
}

/* Refused with exactly one error, which stands at the path and the line and holds the words. */
static inline void expect_error(const char *text, const char *path, int line, const char *words)
{
    ra_problems p;
    ra_config *c = parse(text, &p);
    const ra_problem *v = problem_at(&p, path);
    if (c || !v || v->warning || v->line != line || !strstr(v->message, words) || p.errors != 1) {
        ra_problems_print(&p, "test.jsonc", stderr);
        fail_msg("expected one error at %d: %s with \"%s\" of: %s", line, path, words, text);
    }
    assert_null(c);
    ra_problems_free(&p);
}

/* Accepted with exactly one warning. */
static inline void expect_warning(const char *text, const char *path, int line, const char *words)
{
    ra_problems p;
    ra_config *c = parse(text, &p);
    const ra_problem *v = problem_at(&p, path);
    if (!c || !v || !v->warning || v->line != line || !strstr(v->message, words) || p.n != 1) {
        ra_problems_print(&p, "test.jsonc", stderr);
        fail_msg("expected one warning at %d: %s with \"%s\" of: %s", line, path, words, text);
    }
    ra_config_unref(c);
    ra_problems_free(&p);
}

/* Accepted without any warning. */
static inline ra_config *parse_clean(const char *text)
{
    ra_problems p;
    ra_config *c = parse(text, &p);
    if (p.n)
        ra_problems_print(&p, "test.jsonc", stderr);
    assert_int_equal(p.n, 0);
    ra_problems_free(&p);
    assert_non_null(c);
    return c;
}

#endif
