#include "proxy/text_table.h"

#include "proxy/text_cell.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    HELD_BYTES = 8 << 20, /* rows that wait are printed when they are more, */
    HELD_CELLS = 1 << 16, /* or these */
    TEXT_MAX = 64 << 20,  /* they and one more row */
    GAP = 2,
    LEAST_WIDTH = 4, /* a column isn't made narrower than that */
    PIPED_WIDTH = 64 /* nor, where nothing is cut, wider than that by one cell of the first rows */
};

typedef struct cell {
    size_t start, n; /* in the text */
    size_t width;
} cell;

typedef struct column {
    cell title;
    size_t width;
    bool number;
} column;

struct ra_text_table {
    FILE *out;
    size_t terminal; /* columns, 0: none */
    column columns[RA_TEXT_TABLE_COLUMNS];
    size_t ncolumns;
    ra_buf titles;
    ra_buf text; /* of the cells that wait */
    cell *cells;
    size_t ncells, size;
    bool flowing; /* the header is out and the widths are fixed */
};

ra_text_table *ra_text_table_new(FILE *out, size_t width)
{
    ra_text_table *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->out = out;
    t->terminal = width;
    ra_buf_init(&t->titles, TEXT_MAX);
    ra_buf_init(&t->text, TEXT_MAX);
    return t;
}

void ra_text_table_free(ra_text_table *t)
{
    if (!t)
        return;
    ra_buf_free(&t->titles);
    ra_buf_free(&t->text);
    free(t->cells);
    free(t);
}

size_t ra_text_table_terminal(FILE *out)
{
    struct winsize size = {0};
    if (!isatty(fileno(out)))
        return 0;
    if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return RA_TEXT_TABLE_WIDTH;
    return size.ws_col;
}

static bool add_text(ra_buf *to, ra_bytes text, cell *out)
{
    out->start = to->n;
    bool ok = !text.p       ? ra_buf_add_z(to, "-")
              : text.n == 0 ? ra_buf_add_z(to, "\"\"")
                            : ra_text_cell_add(text, to);
    out->n = to->n - out->start;
    out->width = ok ? ra_text_cell_width((ra_bytes){to->p + out->start, out->n}) : 0;
    return ok;
}

bool ra_text_table_column(ra_text_table *t, ra_bytes title, bool number)
{
    if (t->ncolumns == RA_TEXT_TABLE_COLUMNS)
        return false;
    column *c = &t->columns[t->ncolumns];
    *c = (column){.number = number};
    if (!add_text(&t->titles, title, &c->title))
        return false;
    t->ncolumns++;
    return true;
}

static void pad(FILE *out, size_t n)
{
    for (; n > 0; n--)
        fputc(' ', out);
}

static void print_cell(const ra_text_table *t, const column *c, ra_bytes text, size_t width, bool last)
{
    bool cut = t->terminal && width > c->width;
    if (cut)
        text.n = ra_text_cell_fit(text, c->width - 1, &width);
    width += cut;
    size_t space = c->width > width ? c->width - width : 0;
    if (c->number)
        pad(t->out, space);
    fwrite(text.p, 1, text.n, t->out);
    if (cut)
        fputs("…", t->out);
    if (last)
        fputc('\n', t->out);
    else
        pad(t->out, (c->number ? 0 : space) + GAP);
}

static void print_rows(ra_text_table *t)
{
    for (size_t i = 0; i < t->ncells; i++) {
        const cell *c = &t->cells[i];
        size_t at = i % t->ncolumns;
        print_cell(t, &t->columns[at], (ra_bytes){t->text.p + c->start, c->n}, c->width,
                   at + 1 == t->ncolumns);
    }
    t->ncells = 0;
    ra_buf_clear(&t->text);
}

/* Takes a column off the widest one until a row fits, or nothing more can be taken. */
static void fit(ra_text_table *t)
{
    size_t all = 0;
    for (size_t i = 0; i < t->ncolumns; i++)
        all += t->columns[i].width + (i ? GAP : 0);
    while (all > t->terminal) {
        column *widest = &t->columns[0];
        for (size_t i = 1; i < t->ncolumns; i++) {
            if (t->columns[i].width > widest->width)
                widest = &t->columns[i];
        }
        if (widest->width <= LEAST_WIDTH)
            return;
        widest->width--;
        all--;
    }
}

static void fix_widths(ra_text_table *t)
{
    size_t most = t->terminal ? t->terminal : PIPED_WIDTH;
    for (size_t i = 0; i < t->ncolumns; i++)
        t->columns[i].width = t->columns[i].title.width;
    for (size_t i = 0; i < t->ncells; i++) {
        column *c = &t->columns[i % t->ncolumns];
        size_t width = t->cells[i].width < most ? t->cells[i].width : most;
        c->width = width > c->width ? width : c->width;
    }
    if (t->terminal)
        fit(t);
}

bool ra_text_table_flush(ra_text_table *t)
{
    if (!t->flowing) {
        t->flowing = true;
        fix_widths(t);
        for (size_t i = 0; i < t->ncolumns; i++) {
            const column *c = &t->columns[i];
            print_cell(t, c, (ra_bytes){t->titles.p + c->title.start, c->title.n}, c->title.width,
                       i + 1 == t->ncolumns);
        }
    }
    print_rows(t);
    return ra_buf_ok(&t->titles);
}

static bool make_room(ra_text_table *t)
{
    if (t->ncells < t->size)
        return true;
    size_t size = t->size ? t->size * 2 : 64;
    cell *cells = realloc(t->cells, size * sizeof *cells);
    if (!cells)
        return false;
    t->cells = cells;
    t->size = size;
    return true;
}

bool ra_text_table_cell(ra_text_table *t, ra_bytes text)
{
    if (t->ncolumns == 0 || !make_room(t) || !add_text(&t->text, text, &t->cells[t->ncells]))
        return false;
    t->ncells++;
    bool row = t->ncells % t->ncolumns == 0;
    if (row && (t->flowing || t->text.n > HELD_BYTES || t->ncells > HELD_CELLS))
        return ra_text_table_flush(t);
    return true;
}
