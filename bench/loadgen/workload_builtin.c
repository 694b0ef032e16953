/* The workloads that have a name. Their texts are workloads/NAME.json, made into bytes by the build. */
#include "bench/loadgen/workload.h"

#include <string.h>

/* The build defines these from the folder. */
typedef struct builtin {
    const char *name;
    const unsigned char *text;
    size_t len;
} builtin;

#include "bench/loadgen/workload_texts.inc"

const char *ra_workload_builtin(const char *name, size_t *len)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        const char *own = builtins[i].name;
        bool short_ycsb = strlen(name) == 1 && strncmp(own, "ycsb-", 5) == 0 && own[5] == name[0];
        if (strcmp(own, name) == 0 || short_ycsb) {
            *len = builtins[i].len;
            return (const char *)builtins[i].text;
        }
    }
    return NULL;
}

const char *const *ra_workload_names(void)
{
    return builtin_names;
}
