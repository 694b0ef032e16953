#include "cache/redis_refusal.h"

#include <stddef.h>
#include <string.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

bool ra_redis_error_lasts(const char *error)
{
    static const char *const kinds[] = {"ERR ",       "NOPERM ",    "NOAUTH ", "WRONGPASS ",
                                        "WRONGTYPE ", "CROSSSLOT ", "MOVED ",  "DENIED "};
    if (begins(error, "ERR max number of clients"))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (begins(error, kinds[i]))
            return true;
    return false;
}

bool ra_redis_greeting_lasts(const char *why)
{
    static const char *const steps[] = {"AUTH: ", "SELECT: ", "CLIENT SETNAME: ", "INFO: "};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (begins(why, steps[i]))
            return ra_redis_error_lasts(why + strlen(steps[i]));
    return false;
}
