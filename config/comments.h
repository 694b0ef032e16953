/* Taking the comments out of JSON with comments, in place, without moving anything. */
#ifndef RA_CONFIG_COMMENTS_H
#define RA_CONFIG_COMMENTS_H

#include <stddef.h>

/*
 * Overwrites comments (to the end of the line, and bracketed) and a byte-order mark with spaces; line ends
 * stay, so that every offset and every line number is as in the file. Returns 0, or the line of a comment
 * that isn't closed.
 */
int ra_comments_blank(char *text, size_t len);

#endif
