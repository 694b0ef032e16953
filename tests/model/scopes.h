/* The configurations that are searched. */
#ifndef RA_TESTS_MODEL_SCOPES_H
#define RA_TESTS_MODEL_SCOPES_H

#include "tests/model/search.h"

extern const ra_scope ra_scope_table[];
extern const unsigned ra_scopes;

/* NULL if there is none of this name. */
const ra_scope *ra_scope_find(const char *name);

/* A kind of step that this scope is about and that must have been possible in it, or a search that found
 * nothing has shown nothing; RA_VERBS if all were. */
enum ra_verb ra_scope_unseen(const ra_scope *scope, const ra_result *r);

#endif
