/*
 * Every script reads its arguments as numbers before it changes anything: Redis doesn't take back what a
 * script did before it failed.
 *
 * What isn't a unit stays by its TTL alone, which the script that made it has given it: posts, and what is
 * known of own writes. It may be evicted.
 *
 * The state of a unit is told by the one field "!". BEGIN drops the whole key where it finds one, MISS makes
 * one only in an empty key, nothing else makes either: so data and markers never share a key, and only MISS
 * gives a new key a TTL.
 *
 * Lua's numbers are doubles: times in ms are exact, and are printed with %.0f, since ".." would round them.
 */
#include "cache/redis_script.h"

#include "cache/own_writes.h"

#include <openssl/evp.h>
#include <string.h>

/* A line of Lua is a line here. */
/* clang-format off */

#define PLAIN     "#!lua\n"
#define ALLOW_OOM "#!lua flags=allow-oom\n"

#define KEY "local k = KEYS[1]\n"

#define NOW \
    "local t = redis.call('TIME')\n" \
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

#define MS "local function ms(n) return string.format('%.0f', n) end\n"

#define DROP_DATA "if redis.call('HEXISTS', k, '!') == 1 then redis.call('UNLINK', k) end\n"

static const char begin_text[] =
    ALLOW_OOM
    KEY NOW MS
    "local deadline = ms(now + ARGV[2])\n"
    DROP_DATA
    "redis.call('HSET', k, 'w' .. ARGV[1], deadline)\n"
    "return 1\n";

/*
 * With settle a marker is set in any case: the index lags behind a write whose marker ran out, too. It is one
 * for all writes of the unit that have ended, at the latest of their times: a busy index that nobody reads
 * would gather one per write. One that can't be read lives for ever, and stays.
 */
static const char end_text[] =
    ALLOW_OOM
    KEY MS
    "local w, settle = 'w' .. ARGV[1], 0 + ARGV[2]\n"
    "local there = redis.call('HEXISTS', k, w)\n"
    "if there == 0 then\n"
    DROP_DATA
    "end\n"
    "if settle > 0 then\n"
    NOW
    "  local settles = redis.call('HGET', k, 'wsettles')\n"
    "  if not settles or (tonumber(settles) or math.huge) < now + settle then\n"
    "    redis.call('HSET', k, 'wsettles', ms(now + settle))\n"
    "  end\n"
    "end\n"
    "if there == 1 then redis.call('HDEL', k, w) end\n"
    "return there\n";

/* A marker's deadline that can't be read: nobody knows when the write is over, so that it never is. */
#define MARKERS \
    "local function is_marker(field) return string.sub(field, 1, 1) == 'w' end\n" \
    "local function lives(deadline)\n" \
    "  local d = tonumber(deadline)\n" \
    "  return not d or d > now\n" \
    "end\n"

/* Of a unit with more markers so many are read at once, at random; unpack() passes on no more than 8000. */
#define MOST "512"

/* Counts those that live, and drops of the other fields those that `goes` says. */
#define DROP_EXPIRED(goes) \
    "local all\n" \
    "if n > " MOST " then all = redis.call('HRANDFIELD', k, -" MOST ", 'WITHVALUES')\n" \
    "else all = redis.call('HGETALL', k) end\n" \
    "local gone, live = {}, 0\n" \
    "for i = 1, #all, 2 do\n" \
    "  if is_marker(all[i]) and lives(all[i + 1]) then live = live + 1\n" \
    "  elseif " goes " then gone[#gone + 1] = all[i] end\n" \
    "end\n" \
    "if #gone > 0 then redis.call('HDEL', k, unpack(gone)) end\n"

/*
 * A unit that is written much (an index) may have thousands of markers, and while upstream fails they gather:
 * reading them all at each miss would stop the server for everybody. Nearly all of them live, so that a few
 * picked at random tell as much. Where those have all expired many more go, and the unit is free once what is
 * left can be read whole. What isn't a marker goes too: it is left over from data that somebody has edited by
 * hand, and must not come to life under a new generation.
 *
 * "?" lives and dies with "!", which is made in the same step: so it needs no time of its own.
 */
static const char miss_text[] =
    PLAIN
    KEY NOW MS MARKERS
    "local ttl, e, request = ms(ARGV[2]), ARGV[3], ARGV[4] or ''\n"
    "local fresh, first = request == '' and 0 or 0 + ARGV[5], 0 + (ARGV[6] or 0)\n"
    "local g = redis.call('HGET', k, '!')\n"
    "local made = g and string.sub(g, 1, #e) == e and (tonumber(string.sub(g, #e + 1, -#ARGV[1] - 1)) or 0)\n"
    "if made and made >= first then\n"
    "  local since = now - made\n"
    "  if since < 0 or since >= fresh or redis.call('HGET', k, '?') ~= request then return g end\n"
    "  return {g, since}\n"
    "end\n"
    "local n = redis.call('HLEN', k)\n"
    "if not g and n > 16 then\n"
    "  local some = redis.call('HRANDFIELD', k, -8, 'WITHVALUES')\n"
    "  for i = 1, #some, 2 do\n"
    "    if is_marker(some[i]) and lives(some[i + 1]) then return false end\n"
    "  end\n"
    "end\n"
    "if not g and n > 0 then\n"
    DROP_EXPIRED("true")
    "  if live > 0 or n > " MOST " then return false end\n"
    "end\n"
    "if g then redis.call('UNLINK', k) end\n"
    "g = e .. ms(now) .. ARGV[1]\n"
    "redis.call('HSET', k, '!', g)\n"
    "if request ~= '' then redis.call('HSET', k, '?', request) end\n"
    "redis.call('PEXPIRE', k, ttl)\n"
    "return g\n";

/*
 * At the cap a bounded number of entries is looked at: HGET is the only way to an entry's time, and it copies
 * the payload. 9 fields, since one may be "!". "?" is no entry, and by then nobody asks for it any more, or
 * only in vain: it makes room first.
 */
static const char fill_text[] =
    PLAIN
    KEY NOW MS
    "local field, expires, max = ARGV[2], now + ARGV[3], 0 + ARGV[5]\n"
    "local gone = expires + ARGV[4]\n"
    "if redis.call('HGET', k, '!') ~= ARGV[1] then return 0 end\n"
    "if redis.call('HLEN', k) > max and redis.call('HEXISTS', k, field) == 0 then\n"
    "  redis.call('HDEL', k, '?')\n"
    "  for _, f in ipairs(redis.call('HRANDFIELD', k, 9)) do\n"
    "    if f ~= '!' then\n"
    "      local at = tonumber(string.match(redis.call('HGET', k, f), '^%d+:(%d+):') or '')\n"
    "      if not at or at <= now then redis.call('HDEL', k, f) end\n"
    "    end\n"
    "  end\n"
    "  if redis.call('HLEN', k) > max then return -1 end\n"
    "end\n"
    "redis.call('HSET', k, field, ms(expires) .. ':' .. ms(gone) .. ':' .. ARGV[6])\n"
    "redis.call('PEXPIRE', k, ms(gone - now), 'GT')\n"
    "return 1\n";

static const char invalidate_text[] =
    ALLOW_OOM
    KEY
    "if redis.call('HEXISTS', k, '!') == 0 then return 0 end\n"
    "redis.call('UNLINK', k)\n"
    "return 1\n";

/* Asks first, so that it never reads a unit's payloads; takes markers alone, whatever hash it is given. */
static const char clean_text[] =
    ALLOW_OOM
    KEY NOW MARKERS
    "if redis.call('HEXISTS', k, '!') == 1 then return 0 end\n"
    "local n = redis.call('HLEN', k)\n"
    DROP_EXPIRED("is_marker(all[i])")
    "if n > " MOST " then return redis.call('HLEN', k) end\n"
    "return live\n";

/*
 * A server that is made anew has a new epoch each time: the hash must not grow for ever. The pact's end is
 * never brought forward: who calls less often gave it a longer time.
 *
 * An epoch is as new again after another pact: those who kept that one may have written without marks for
 * this one's tables. So it is where the clock has gone back behind it, for then no time is later than it.
 */
static const char epoch_text[] =
    ALLOW_OOM
    KEY NOW MS
    "local e, pact, lasts = ARGV[1], ARGV[2], now + ARGV[3]\n"
    "local first = tonumber(redis.call('HGET', k, e) or '')\n"
    "local ends, theirs = string.match(redis.call('HGET', k, '@') or '', '^(%d+):(.*)$')\n"
    "local holds = ends and tonumber(ends) > now\n"
    "local agreed = (not holds or theirs == pact) and 1 or 0\n"
    "if first and (first > now or (agreed == 1 and ends and theirs ~= pact)) then first = nil end\n"
    "if agreed == 1 and not (holds and tonumber(ends) > lasts) then\n"
    "  redis.call('HSET', k, '@', ms(lasts) .. ':' .. pact)\n"
    "end\n"
    "if first then return {first, now, agreed} end\n"
    "redis.call('HSET', k, e, ms(now))\n"
    "if redis.call('HLEN', k) > 101 then\n"
    "  local all, oldest, since = redis.call('HGETALL', k), nil, nil\n"
    "  for i = 1, #all, 2 do\n"
    "    local at = tonumber(all[i + 1]) or 0\n"
    "    if all[i] ~= e and all[i] ~= '@' and (not since or at < since) then oldest, since = all[i], at end\n"
    "  end\n"
    "  redis.call('HDEL', k, oldest)\n"
    "end\n"
    "return {now, now, agreed}\n";

/*
 * Nothing of another server counts: a promoted replica may lack what its master was told last, and one that
 * was restarted may have gone back in time.
 */
#define KNOWN "local known = redis.call('HGET', k, 'e') == e\n"

/* GT: a note's life isn't cut short by a lease. It takes a key without a TTL for one that lives for ever. */
static const char post_text[] =
    ALLOW_OOM
    KEY NOW MS
    "local me, lease, act, life = ARGV[1], 0 + ARGV[2], ARGV[3], 0 + ARGV[4]\n"
    "local leave, e, since, note = act == '1', ARGV[5], 0 + ARGV[6], ARGV[7]\n"
    KNOWN
    "since = math.max(since, known and tonumber(redis.call('HGET', k, 'since') or '') or 0)\n"
    "local theirs = known and redis.call('HGET', k, 'holder') or ''\n"
    "local lives = theirs ~= '' and (tonumber(redis.call('HGET', k, 'until') or '') or 0) > now\n"
    "local ends, found = string.match(known and redis.call('HGET', k, 'note') or '', '^(%d+):(.*)$')\n"
    "if not ends or tonumber(ends) <= now then found = '' end\n"
    "local held = not leave and lease > 0 and (theirs == me or not lives and act ~= '2')\n"
    "if not held and not (leave and theirs == me) then return {0, 0, found, since} end\n"
    "if not known then redis.call('UNLINK', k) end\n"
    "if leave then redis.call('HDEL', k, 'holder', 'until')\n"
    "else redis.call('HSET', k, 'e', e, 'holder', me, 'until', ms(now + lease)) end\n"
    "if note then redis.call('HSET', k, 'note', ms(now + life) .. ':' .. note) end\n"
    "if since > 0 then redis.call('HSET', k, 'since', ms(since)) end\n"
    "local stays = math.max(leave and 0 or lease, note and life or 0)\n"
    "if not known then redis.call('PEXPIRE', k, ms(stays))\n"
    "elseif stays > 0 then redis.call('PEXPIRE', k, ms(stays), 'GT') end\n"
    "return {held and 1 or 0, held and theirs ~= '' and theirs ~= me and 1 or 0, found, since}\n";

_Static_assert(RA_OWN_WRITES_LIFE_MS == 60000 && RA_OWN_WRITES_LATE_MS == 5000 && RA_OWN_WRITES_PER_ITEM == 16,
               "as in the scripts");
#define LIFE "60000"
#define LATE "5000"
#define NOTES_MOST "16"
/* Longer than LATE, since times are cut to ms. */
#define REMEMBERED "6000"

/* Of the fields: begun, if it is a note. */
#define BEGUN \
    "local function begun_of(field)\n" \
    "  local at = string.match(field, '^n%x+:(%d+)$')\n" \
    "  return at and tonumber(at)\n" \
    "end\n"

/* What stands there already is the older of two such writes, whose reply came first: that is as good. */
static const char own_text[] =
    PLAIN
    KEY NOW MS BEGUN
    "local begun, e = 0 + ARGV[2], ARGV[3]\n"
    KNOWN
    "if begun > now or now - begun >= " LATE " then return 0 end\n"
    "if not known then redis.call('UNLINK', k) end\n"
    "if begun <= (tonumber(redis.call('HGET', k, '@') or '') or 0) then return 0 end\n"
    "local all, gone, n = redis.call('HGETALL', k), {}, 0\n"
    "for i = 1, #all, 2 do\n"
    "  local at = begun_of(all[i])\n"
    "  if at and at <= now - " LIFE " then gone[#gone + 1] = all[i]\n"
    "  elseif at then n = n + 1 end\n"
    "end\n"
    "if #gone > 0 then redis.call('HDEL', k, unpack(gone)) end\n"
    "if n >= " NOTES_MOST " then return 0 end\n"
    "local field = 'n' .. ARGV[1] .. ':' .. ms(begun)\n"
    "if redis.call('HEXISTS', k, field) == 0 then redis.call('HSET', k, 'e', e, field, ms(now)) end\n"
    "redis.call('PEXPIRE', k, " LIFE ")\n"
    "return 1\n";

/*
 * That a note of before `last` doesn't count is looked at for each change anew: each moves `last` on.
 */
static const char take_text[] =
    ALLOW_OOM
    KEY NOW MS BEGUN
    "local e, out, last = ARGV[1], {}, 0 + ARGV[3]\n"
    KNOWN
    "local all, notes = known and redis.call('HGETALL', k) or {}, {}\n"
    "for i = 1, #all, 2 do\n"
    "  local begun, value = begun_of(all[i]), tonumber(all[i + 1])\n"
    "  if all[i] == '@' then last = math.max(last, value or now)\n"
    "  elseif begun and value then\n"
    "    local image = string.match(all[i], '^n(%x+):')\n"
    "    notes[#notes + 1] = {field = all[i], image = image, begun = begun, replied = value}\n"
    "  end\n"
    "end\n"
    "for image in string.gmatch(ARGV[2], '(%x*),') do\n"
    "  local own\n"
    "  for _, n in ipairs(notes) do\n"
    "    if n.image == image and n.begun > last and n.begun > now - " LIFE " and\n"
    "      (not own or n.replied < own.replied) then own = n end\n"
    "  end\n"
    "  last = math.max(last, own and own.replied or now)\n"
    "  out[#out + 1] = own and '1' or '0'\n"
    "end\n"
    "if not known then redis.call('UNLINK', k) end\n"
    "local left = 0\n"
    "for _, n in ipairs(notes) do\n"
    "  if n.begun > last then left = left + 1 else redis.call('HDEL', k, n.field) end\n"
    "end\n"
    "redis.call('HSET', k, 'e', e, '@', ms(last))\n"
    "if left == 0 then redis.call('PEXPIRE', k, " REMEMBERED ")\n"
    "else redis.call('PEXPIRE', k, " REMEMBERED ", 'GT') end\n"
    "return table.concat(out)\n";

/* clang-format on */

static const struct {
    const char *name, *text;
} scripts[RA_SCRIPTS] = {
    [RA_SCRIPT_BEGIN] = {"BEGIN", begin_text},
    [RA_SCRIPT_END] = {"END", end_text},
    [RA_SCRIPT_MISS] = {"MISS", miss_text},
    [RA_SCRIPT_FILL] = {"FILL", fill_text},
    [RA_SCRIPT_INVALIDATE] = {"INVALIDATE", invalidate_text},
    [RA_SCRIPT_CLEAN] = {"CLEAN", clean_text},
    [RA_SCRIPT_EPOCH] = {"EPOCH", epoch_text},
    [RA_SCRIPT_POST] = {"POST", post_text},
    [RA_SCRIPT_OWN] = {"OWN", own_text},
    [RA_SCRIPT_TAKE] = {"TAKE", take_text},
};

const char *ra_redis_script_text(enum ra_redis_script s)
{
    return scripts[s].text;
}

const char *ra_redis_script_name(enum ra_redis_script s)
{
    return scripts[s].name;
}

void ra_redis_script_sha1(enum ra_redis_script s, char out[RA_SCRIPT_SHA1])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    unsigned n = 0;
    const char *text = ra_redis_script_text(s);
    if (EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL) != 1)
        memset(digest, 0, sizeof digest);
    for (size_t i = 0; i < RA_SCRIPT_SHA1 / 2; i++) {
        out[i * 2] = digits[digest[i] >> 4];
        out[i * 2 + 1] = digits[digest[i] & 15];
    }
    out[RA_SCRIPT_SHA1 - 1] = 0;
}
