#include "cache/memory_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_MALLOC 1
#endif
#endif

#ifdef IS_MALLOC
void *ra_pool_take(size_t n)
{
    return malloc(n ? n : 1);
}

void ra_pool_give(void *p, size_t n)
{
    (void)n;
    free(p);
}

size_t ra_pool_bytes(size_t *idle)
{
    return *idle = 0;
}
#else

enum {
    REGION = 2 << 20, /* a huge page of x86-64 and of most others */
    PIECES = REGION / RA_POOL_PIECE,
    FINE = 1024, /* up to here a class for each multiple of 16, beyond it one for each number in a piece */
    CLASSES = FINE / 16 + RA_POOL_ROOM / FINE + 1
};

typedef struct block {
    struct block *next;
} block;

/* At the beginning of each piece. The last three are the region's, in its first piece, used or not. */
typedef struct piece {
    struct piece *prev, *next;               /* of its class, those with room */
    block *given;                            /* blocks that were given back */
    uint32_t live, fresh;                    /* blocks taken; where those begin that never were */
    uint32_t size;                           /* of a block */
    uint32_t unused;                         /* the region's pieces, one bit each */
    struct piece *region_prev, *region_next; /* regions with an unused piece */
} piece;

_Static_assert(sizeof(piece) <= RA_POOL_HEADER, "blocks begin behind it");
_Static_assert(PIECES == 32, "`unused` has a bit for each");

typedef struct pool_class {
    pthread_mutex_t lock;
    piece *room; /* pieces with room */
} pool_class;

/* A class's lock is taken before that of the regions. */
static pool_class classes[CLASSES] = {[0 ... CLASSES - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};
static pthread_mutex_t regions_lock = PTHREAD_MUTEX_INITIALIZER;
static piece *regions; /* with an unused piece */
static atomic_size_t bytes_in_use;

static void *aligned_down(void *p, uintptr_t to)
{
    return (char *)p - ((uintptr_t)p & (to - 1));
}

/* ---- regions ---- */

static piece *map_region(void)
{
    char *p = mmap(NULL, (size_t)2 * REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    char *region = aligned_down(p + REGION - 1, REGION);
    if (region > p)
        munmap(p, (size_t)(region - p));
    munmap(region + REGION, (size_t)(p + REGION - region));
    madvise(region, REGION, MADV_HUGEPAGE); /* without it only slower */
    return (piece *)(void *)region;
}

static void link_region(piece *r)
{
    r->region_prev = NULL;
    r->region_next = regions;
    if (regions)
        regions->region_prev = r;
    regions = r;
}

static void unlink_region(piece *r)
{
    if (r->region_prev)
        r->region_prev->region_next = r->region_next;
    else
        regions = r->region_next;
    if (r->region_next)
        r->region_next->region_prev = r->region_prev;
}

static piece *take_piece(void)
{
    pthread_mutex_lock(&regions_lock);
    piece *r = regions, *p = NULL;
    if (!r && (r = map_region()) != NULL) {
        r->unused = UINT32_MAX;
        link_region(r);
    }
    if (r) {
        unsigned i = (unsigned)__builtin_ctz(r->unused);
        r->unused &= r->unused - 1;
        if (!r->unused)
            unlink_region(r);
        p = (piece *)(void *)((char *)r + (size_t)i * RA_POOL_PIECE);
        atomic_fetch_add_explicit(&bytes_in_use, RA_POOL_PIECE, memory_order_relaxed);
    }
    pthread_mutex_unlock(&regions_lock);
    return p;
}

static void give_piece(piece *p)
{
    piece *r = aligned_down(p, REGION);
    pthread_mutex_lock(&regions_lock);
    if (!r->unused)
        link_region(r);
    r->unused |= 1U << (((char *)p - (char *)r) / RA_POOL_PIECE);
    atomic_fetch_sub_explicit(&bytes_in_use, RA_POOL_PIECE, memory_order_relaxed);
    if (r->unused == UINT32_MAX && (r->region_prev || r->region_next)) {
        unlink_region(r);
        munmap(r, REGION);
    }
    pthread_mutex_unlock(&regions_lock);
}

/* ---- blocks ---- */

/* The class of blocks of this size, and what size they really have. */
static pool_class *class_of(size_t n, size_t *size)
{
    *size = n ? (n + 15) / 16 * 16 : 16;
    if (*size <= FINE)
        return &classes[*size / 16 - 1];
    size_t blocks = RA_POOL_ROOM / *size;
    *size = RA_POOL_ROOM / blocks / 16 * 16;
    return &classes[FINE / 16 + blocks];
}

static bool is_full(const piece *p)
{
    return !p->given && p->fresh + p->size > RA_POOL_PIECE;
}

static void link_room(pool_class *c, piece *p)
{
    p->prev = NULL;
    p->next = c->room;
    if (c->room)
        c->room->prev = p;
    c->room = p;
}

static void unlink_room(pool_class *c, piece *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        c->room = p->next;
    if (p->next)
        p->next->prev = p->prev;
}

static piece *add_piece(pool_class *c, size_t size)
{
    piece *p = take_piece();
    if (!p)
        return NULL;
    p->given = NULL;
    p->live = 0;
    p->fresh = RA_POOL_HEADER;
    p->size = (uint32_t)size;
    link_room(c, p);
    return p;
}

void *ra_pool_take(size_t n)
{
    if (n > RA_POOL_BLOCK_MAX)
        return malloc(n);
    size_t size;
    pool_class *c = class_of(n, &size);
    pthread_mutex_lock(&c->lock);
    piece *p = c->room ? c->room : add_piece(c, size);
    block *b = NULL;
    if (p) {
        b = p->given;
        if (b) {
            p->given = b->next;
        } else {
            b = (block *)(void *)((char *)p + p->fresh);
            p->fresh += p->size;
        }
        p->live++;
        if (is_full(p))
            unlink_room(c, p);
    }
    pthread_mutex_unlock(&c->lock);
    return b;
}

void ra_pool_give(void *block_taken, size_t n)
{
    if (n > RA_POOL_BLOCK_MAX) {
        free(block_taken);
        return;
    }
    size_t size;
    pool_class *c = class_of(n, &size);
    piece *p = aligned_down(block_taken, RA_POOL_PIECE);
    block *b = block_taken;
    pthread_mutex_lock(&c->lock);
    if (is_full(p))
        link_room(c, p);
    b->next = p->given;
    p->given = b;
    if (--p->live == 0) {
        unlink_room(c, p);
        give_piece(p);
    }
    pthread_mutex_unlock(&c->lock);
}

size_t ra_pool_bytes(size_t *idle)
{
    *idle = 0;
    for (pool_class *c = classes; c < classes + CLASSES; c++) {
        pthread_mutex_lock(&c->lock);
        for (const piece *p = c->room; p; p = p->next)
            *idle += RA_POOL_PIECE - (size_t)p->live * p->size;
        pthread_mutex_unlock(&c->lock);
    }
    return atomic_load_explicit(&bytes_in_use, memory_order_relaxed);
}
#endif
