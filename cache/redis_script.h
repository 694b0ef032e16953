/*
 * The Lua scripts of the protocol in Redis: each touches one key, so that Redis Cluster needs no hash tags,
 * and each is one step for everybody else. The clock is Redis's own (TIME), in ms.
 *
 * A unit is one hash, in one of two states that exclude each other:
 *
 *   data    field "!" = its generation, fields "r<request>" = entries; the key has a TTL. "?" = the request
 *           whose miss made the generation: who made it is filling that just then.
 *   marker  only fields "w<write id>" = a deadline in ms, and "wsettles", which stands for all the writes
 *           that have ended and let an index follow; the key has no TTL, so that no volatile-* policy evicts
 *           it.
 *
 * A generation begins with E, the epoch of the server it was made on. A marker lives, and an entry is good,
 * while its time is later than now. A marker whose deadline can't be read lives.
 *
 * Those marked allow-oom work at maxmemory; the others fail with OOM there, if eviction makes no room. A key
 * of another type: WRONGTYPE. An argument that should be a number and isn't: an error, and nothing is
 * changed. The scripts call TIME, HEXISTS, HGET, HGETALL, HLEN, HRANDFIELD, HSET, HDEL, PEXPIRE and UNLINK,
 * which an ACL must allow. Redis 7.0 or later (script flags, PEXPIRE GT). Source: Redis's "Scripting with
 * Lua".
 *
 * Sent as EVALSHA, and as EVAL once the server says NOSCRIPT. Threads: any; the texts are constant.
 */
#ifndef RA_CACHE_REDIS_SCRIPT_H
#define RA_CACHE_REDIS_SCRIPT_H

enum ra_redis_script {
    /* KEYS 1; ARGV id hold. Drops data, adds the marker w<id> = now + hold. 1. allow-oom. */
    RA_SCRIPT_BEGIN,
    /* KEYS 1; ARGV id settle. If the marker isn't there: drops data. It goes; with settle > 0 the unit is
     * marked until now + settle at least, whether it was there or not, by the one marker "wsettles" for all
     * such writes. An empty key is gone. 1 if it was there, 0 if not. allow-oom. */
    RA_SCRIPT_END,
    /* KEYS 1; ARGV nonce ttl E [request fresh [first]]. The generation, if it begins with E and was made at
     * `first` or later; one that wasn't is dropped with its data. Expired markers go; while one lives: nil
     * (false). Else a new generation E..now..nonce, with ttl: it; and "?" = request, unless that is "". Of
     * more than 16 markers a few are tried first, and if one lives none goes. Of more than 512 only some go,
     * and nil, too, while there are so many. {generation, since} where it was there already, was made `since`
     * ms ago, less than `fresh`, and "?" is this request: somebody is filling it. Nonces are equally long, so
     * that all find the time in it. */
    RA_SCRIPT_MISS,
    /* KEYS 1; ARGV generation field ttl keep max value. 0 unless the generation is the unit's; -1 at the cap
     * of `max` entries for a new one, once expired ones are gone (those of the unit, or of 8 or 9
     * picked at random where there are more). Else stores field, "r<request>", = (now + ttl)':'(now + ttl +
     * keep)':'value and stretches the key's TTL to at least ttl + keep (PEXPIRE GT): 1. */
    RA_SCRIPT_FILL,
    /* KEYS 1. Drops data: 1; never touches a marker: 0. allow-oom. */
    RA_SCRIPT_INVALIDATE,
    /* KEYS 1. Removes expired markers; the number of those that live. Of more than 512 it removes some; the
     * number of all that are left. Leaves data alone. allow-oom. */
    RA_SCRIPT_CLEAN,
    /* KEYS 1 (a hash of epochs); ARGV E pact ttl. When E was first seen, and now, in ms, and whether all are
     * agreed: {first, now, agreed}. The field "@" = until':'pact, what those agree on who have called lately:
     * agreed is 0, and it stays, if it says something else until later than now; else 1, and it is `pact`
     * until at least now + ttl. It was first seen now if another pact has been there since, or if the
     * clock has gone back. Of more than 100 epochs the oldest goes; should it come back it is new.
     * allow-oom. */
    RA_SCRIPT_EPOCH,
    /* KEYS 1 (a post: "holder", "until", "note" = until':'text, "since", "e"); ARGV holder lease act life E
     * since [note]. {held, taken over, the note as it was or "", the later `since`}. With lease > 0 and act
     * "0": held = 1 if the lease was free, had run out or was the holder's own; it is from now on, until now
     * + lease; taken over = 1 if it was another's. With "2": the same if it was the holder's own. With "1":
     * it is free, if it was the holder's. In these cases the note, if one is given, is left for `life`, and
     * `since` stays if it is later. Else nothing is changed. What isn't of E is as if it weren't there.
     * allow-oom. */
    RA_SCRIPT_POST,
    /* KEYS 1 (an item: "@" = L, "n<image>:<begun>" = replied, "e"; cache/own_writes.h); ARGV image begun E.
     * Notes that a write that was begun then has had its reply by now: 1. Not if it comes too late, was
     * begun up to L, or there are too many: 0. What isn't of E goes first. */
    RA_SCRIPT_OWN,
    /* KEYS 1 (the same); ARGV E images since: each image in hexadecimal, or empty, and "," after each. Of
     * each, in turn, "1" if the change is a noted write, else "0". L is at least `since`, moves on, and notes
     * that count no more go. What isn't of E goes first. allow-oom. */
    RA_SCRIPT_TAKE,
    RA_SCRIPTS
};

enum { RA_SCRIPT_SHA1 = 41 };

const char *ra_redis_script_text(enum ra_redis_script s);
const char *ra_redis_script_name(enum ra_redis_script s); /* "BEGIN", for messages and counters */
/* The hexadecimal SHA-1 of the text, by which EVALSHA names it. Where OpenSSL can't compute it: zeros, which
 * no server knows, so that the text is sent each time. */
void ra_redis_script_sha1(enum ra_redis_script s, char out[RA_SCRIPT_SHA1]);

#endif
