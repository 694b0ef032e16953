/*
 * A page of text, line by line: cut to a terminal's width, in colours or without. Text from outside becomes
 * harmless. Threads: main's only. Errors: sticky, in the buffer that the page goes to.
 */
#ifndef RA_PROXY_CLI_TOP_PAGE_H
#define RA_PROXY_CLI_TOP_PAGE_H

#include "cache/buf.h"

/* Within a line: how what follows looks, as one byte that takes no room. ra_text_cell_add lets none through.
 */
#define RA_LOOK_PLAIN "\1"
#define RA_LOOK_TITLE "\2"
#define RA_LOOK_BAD   "\3"
#define RA_LOOK_CURVE "\4"
#define RA_LOOK_FAINT "\5"

enum { RA_TOP_LINE_MAX = 16 * 1024, RA_TOP_NUMBER_MAX = 40, RA_TOP_CURVE_MAX = 60 };

typedef struct ra_top_page {
    size_t width;  /* columns; 0: nothing is cut */
    size_t height; /* lines; 0: all */
    bool utf8, colour;
    size_t lines; /* so far */
    ra_buf line;  /* the one that is being made */
    ra_buf *out;  /* lines that end with '\n' */
} ra_top_page;

void ra_top_page_begin(ra_top_page *p, ra_buf *out);
void ra_top_page_end(ra_top_page *p);

/* The line's end; a line too many is left away. */
void ra_top_line(ra_top_page *p);
size_t ra_top_lines_left(const ra_top_page *p); /* SIZE_MAX: there is no end */

/* printf of our own words, which may hold looks. */
void ra_top_add(ra_top_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Text from outside (NULL: a dash), padded to `column` columns, and cut to them where the page is cut. 0: as
 * it is. */
void ra_top_add_text(ra_top_page *p, const char *text, size_t column);
/* Up to the line's `column`th column. */
void ra_top_pad(ra_top_page *p, size_t column);
/* A line of little bars, for numbers from 0 to `most` (0: to the largest of them). Nothing where the locale
 * has no such characters. */
void ra_top_add_curve(ra_top_page *p, const double *v, size_t n, double most);

/* Numbers as people read them; NAN is a dash. */
const char *ra_top_number(double x, char out[RA_TOP_NUMBER_MAX]);    /* 0.25, 12.3, 123, 12.3k, 4.56M */
const char *ra_top_whole(double x, char out[RA_TOP_NUMBER_MAX]);     /* of a count: 1234567, 12.3M */
const char *ra_top_percent(double x, char out[RA_TOP_NUMBER_MAX]);   /* of a part: "93.1%" */
const char *ra_top_bytes(double x, char out[RA_TOP_NUMBER_MAX]);     /* "12.3 MiB" */
const char *ra_top_ms(double us, char out[RA_TOP_NUMBER_MAX]);       /* of microseconds: "0.25" */
const char *ra_top_duration(double ms, char out[RA_TOP_NUMBER_MAX]); /* "12 ms", "3 h 5 min" */
const char *ra_top_clock(double at, char out[RA_TOP_NUMBER_MAX]);    /* ms since 1970: "14:03:11" */

#endif
