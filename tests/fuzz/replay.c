/* Runs a fuzz target over files and folders of them: the corpus and what was found, in any build. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 20 };

static unsigned long run;

static void replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *bytes = f ? malloc(INPUT_MAX) : NULL;
    if (!bytes) {
        perror(path);
        exit(2);
    }
    size_t n = fread(bytes, 1, INPUT_MAX, f);
    fclose(f);
    /* The last line that is printed before a crash. */
    fprintf(stderr, "%s\n", path);
    char *input = fuzz_copy((ra_bytes){bytes, n});
    free(bytes);
    LLVMFuzzerTestOneInput((const unsigned char *)input, n);
    free(input);
    run++;
}

static void replay(const char *path)
{
    struct stat s;
    struct dirent **entries;
    if (stat(path, &s) != 0) {
        perror(path);
        exit(2);
    }
    if (!S_ISDIR(s.st_mode)) {
        replay_file(path);
        return;
    }
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay_file(inner);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu inputs\n", run);
    return run ? 0 : 2;
}
