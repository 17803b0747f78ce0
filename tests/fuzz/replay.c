/* replay.c - a fuzz target without a fuzzer: runs it over files, or over all files of folders, that
 * are given as arguments. Each input lies in memory of exactly its length, so that a sanitizer sees
 * the first byte read behind it. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned long replayed;

static void replay_file(const char *path)
{
    size_t len;
    uint8_t *bytes = fuzz_read(path, &len);
    uint8_t *exact = fuzz_must(malloc(len > 0 ? len : 1));

    memcpy(exact, bytes, len);
    free(bytes);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    replayed++;
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat file;

    FUZZ_HOLDS(stat(path, &file) == 0, "there is no %s", path);
    if (!S_ISDIR(file.st_mode)) {
        replay_file(path);
        return;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    FUZZ_HOLDS(count >= 0, "%s cannot be read", path);
    for (int i = 0; i < count; i++) {
        char inside[4096];
        snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            replay(inside);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%lu inputs\n", replayed);
    return replayed > 0 ? 0 : 1;
}
