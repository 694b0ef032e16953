/*
 * Templates and documents from a configuration's JSON. Their strings may be references ("env:NAME") like
 * every other string; what a reference brought is never shown. Threads: none.
 */
#ifndef RA_CONFIG_DOCUMENT_H
#define RA_CONFIG_DOCUMENT_H

#include "config/decode.h"
#include "config/template.h"

/* The longest document, its templates' text included; a bound for what references may bring. */
enum { RA_DOCUMENT_MAX = 1024 * 1024 };

/* The string at this place. false: reported. */
bool ra_decode_template(ra_decoder *d, const ra_place *at, const ra_template_names *names, ra_template *out);
/*
 * The value at this place. Members' names are taken as they are, numbers must be whole: what is printed is
 * then what was read, to the digit. false: reported, *out is empty.
 */
bool ra_decode_document(ra_decoder *d, const ra_place *at, const ra_template_names *names, ra_document *out);

#endif
