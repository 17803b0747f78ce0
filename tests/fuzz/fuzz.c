/* fuzz.c - a folder, files, and an abort with a sentence. */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void fuzz_broken(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s:%d: ", file, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}

void *fuzz_must(void *memory)
{
    FUZZ_HOLDS(memory, "no memory");
    return memory;
}

uint8_t fuzz_u8(struct fuzz_input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->data++;
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
    uint16_t low = fuzz_u8(in);
    return (uint16_t)(low | fuzz_u8(in) << 8);
}

uint64_t fuzz_u64(struct fuzz_input *in)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)fuzz_u8(in) << 8 * i;
    return value;
}

const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t *len)
{
    const uint8_t *bytes = in->data;
    if (*len > in->len)
        *len = in->len;
    if (*len > 0)
        in->data += *len;
    in->len -= *len;
    return bytes;
}

/* ---- the folder ---- */

static char folder[256];
static pid_t folder_owner;

static void folder_remove(void)
{
    struct dirent *entry;
    DIR *dir = getpid() == folder_owner ? opendir(folder) : NULL;
    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL)
        unlinkat(dirfd(dir), entry->d_name, 0); /* "." and ".." are refused */
    closedir(dir);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (folder[0])
        return folder;
    const char *in = getenv("TMPDIR");
    if (!in || !*in)
        in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/seine-fuzz-XXXXXX", in);
    FUZZ_HOLDS(mkdtemp(folder), "no folder in %s: %s", in, strerror(errno));
    folder_owner = getpid();
    atexit(folder_remove);
    return folder;
}

void fuzz_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_HOLDS(fd >= 0 && write(fd, bytes, len) == (ssize_t)len, "writing %s: %s", path,
               strerror(errno));
    close(fd);
}

void fuzz_remove(const char *path)
{
    FUZZ_HOLDS(unlink(path) == 0 || errno == ENOENT, "removing %s: %s", path, strerror(errno));
}

uint8_t *fuzz_read(const char *path, size_t *len)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    FUZZ_HOLDS(fd >= 0 && fstat(fd, &file) == 0, "reading %s: %s", path, strerror(errno));
    *len = (size_t)file.st_size;
    uint8_t *bytes = fuzz_must(malloc(*len + 1));
    FUZZ_HOLDS(read(fd, bytes, *len) == (ssize_t)*len, "reading %s: %s", path, strerror(errno));
    close(fd);
    return bytes;
}
