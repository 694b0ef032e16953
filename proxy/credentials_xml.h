/*
 * The text of one element of a small XML document, by its path from the root. For the replies of AWS's query
 * protocol: elements, text, the five entities and numeric references. The whole document is read; what such
 * replies never hold (a DTD, comments, CDATA, nesting beyond 16, a tag that doesn't match) is refused.
 * Pure.
 */
#ifndef RA_PROXY_CREDENTIALS_XML_H
#define RA_PROXY_CREDENTIALS_XML_H

#include "cache/buf.h"

/*
 * Appends the decoded text of the element whose ancestors and name are `path` ("A/B/C") to `out`. false: the
 * document isn't well-formed, the element isn't there, is there twice, or holds other elements, or it doesn't
 * fit into `out`.
 */
bool ra_xml_text(ra_bytes xml, const char *path, ra_buf *out);

#endif
