/* What the files authorize*.c share; nobody else includes it. */
#ifndef RA_PROXY_AUTHORIZE_PARTS_H
#define RA_PROXY_AUTHORIZE_PARTS_H

#include "proxy/authorize.h"

/* ---- authorize.c ---- */

bool ra_authorize_globs_have(const ra_globs *g, ra_bytes text);

/* ---- authorize_tables.c ---- */

enum ra_tables_result {
    RA_TABLES_HAD,
    RA_TABLES_FOREIGN, /* *name is one that the globs don't have */
    RA_TABLES_UNTOLD,  /* which tables the operation touches can't be told with certainty */
    RA_TABLES_NO_MEMORY
};
/* Does the operation touch none but these tables? */
enum ra_tables_result ra_authorize_tables(const ra_globs *allowed, const ra_op *op, ra_bytes *name);

/* ---- authorize_statement.c ---- */

/* What is certain of one PartiQL statement. */
typedef struct ra_statement {
    bool reads;     /* it is a SELECT, and nothing besides */
    ra_bytes table; /* the only one that it touches, as the client wrote it; p NULL: it can't be told */
} ra_statement;

/* Without memory its table can't be told. */
void ra_statement_read(ra_bytes text, ra_arena *a, ra_statement *s);
/*
 * Runs `each` over an operation's statements until it says no. `*all`: there is at least one, each could be
 * found in the body, and `each` said yes to all. false: no memory.
 */
bool ra_statements_each(const ra_op *op, bool (*each)(const ra_statement *s, void *arg), void *arg,
                        bool *all);
static inline bool ra_authorize_is_partiql(const ra_op *op)
{
    return op->kind == RA_OP_EXECUTE_STATEMENT || op->kind == RA_OP_BATCH_EXECUTE_STATEMENT ||
           op->kind == RA_OP_EXECUTE_TRANSACTION;
}

#endif
