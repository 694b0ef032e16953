/* What access keys may do, of an operation that is planned. */
#ifndef RA_TESTS_FUZZ_OPERATION_RIGHTS_H
#define RA_TESTS_FUZZ_OPERATION_RIGHTS_H

#include "proxy/op.h"

void fuzz_rights_start(void);
/* `other` is the same request in another spelling, or NULL. */
void fuzz_rights_check(const ra_op *op, const ra_op *other);

#endif
