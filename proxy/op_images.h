/*
 * What a write has made of its items, where that is certain: so that the records of it, which a followed
 * table's stream brings later, are known for what they are (cache/own_writes.h). Pure.
 *
 * Certain are: a Put, the item that it holds; a Delete; an update whose reply is the whole new image
 * (ReturnValues ALL_NEW, whoever has asked for it). Nothing is certain of a reply that isn't a success to its
 * last byte, of a batch that was done in part, and of a transaction with a ClientRequestToken: said again
 * within ten minutes DynamoDB answers that it was done and does nothing, while the item may be another by
 * then.
 */
#ifndef RA_PROXY_OP_IMAGES_H
#define RA_PROXY_OP_IMAGES_H

#include "proxy/op.h"

typedef struct ra_own_image {
    size_t table;   /* index into op->tables: one that is followed */
    ra_key item;    /* its unit */
    bool has_image; /* false: it is gone, and `image` is the name of that */
    ra_key image;   /* proxy/item_digest.h */
} ra_own_image;

/* Between the reply and ra_op_close. *v is in the arena; *n is 0 where nothing is certain or no table of the
 * write is followed. false: no memory; the write has been made all the same. */
bool ra_op_write_images(ra_op *op, const ra_http_reply *reply, ra_arena *a, ra_own_image **v, size_t *n);

#endif
