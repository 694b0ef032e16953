/* ProjectionExpression: paths with commas between them; DynamoDB takes no brackets here, and no two paths
 * that overlap. */
#include "proxy/expr_lexer.h"

bool ra_projection_has(ra_expr *e, ra_bytes text, ra_bytes attr)
{
    ra_lexer x;
    bool found = false;
    ra_lexer_init(&x, text);
    do {
        ra_path path;
        if (!ra_path_read(e, &x, &path))
            return false;
        found = found || (path.whole && ra_bytes_eq(path.attribute, attr));
    } while (ra_lexer_take_sign(&x, ","));
    return found && x.type == RA_TOKEN_END;
}
