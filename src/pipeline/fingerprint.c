/* fingerprint.c - files known again: all of their bytes hashed, or a little of them. */
#include "pipeline/fingerprint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

/* Feeds [offset, offset + len) of a file to `add`. */
static enum status feed(int fd, const char *path, uint64_t offset, uint64_t len,
                        void (*add)(void *, struct span), void *to, struct error *err)
{
    enum status status = STATUS_OK;
    uint8_t *buffer = malloc(MIB);
    if (!buffer)
        return error_no_memory(err, "reading %s: no memory", path);
    while (len > 0 && status == STATUS_OK) {
        ssize_t got = pread(fd, buffer, len < MIB ? (size_t)len : MIB, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            status = error_set(err, "reading %s at offset %" PRIu64 ": %s", path, offset,
                               strerror(errno));
        else if (got == 0)
            status = error_set(err, "reading %s: it became shorter while it was read", path);
        else
            add(to, span_of(buffer, (size_t)got));
        if (got > 0) {
            offset += (uint64_t)got;
            len -= (uint64_t)got;
        }
    }
    free(buffer);
    return status;
}

static void add_checksum(void *to, struct span bytes)
{
    checksum64_add(to, bytes);
}

static void add_digest(void *to, struct span bytes)
{
    digest_add(to, bytes);
}

enum status file_open(int *fd, struct stat *st, const char *path, struct error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, st) < 0)
        return error_set(err, "opening %s: %s", path, strerror(errno));
    return STATUS_OK;
}

enum status fingerprint_file(const char *path, char hex[FINGERPRINT_HEX_LEN + 1], struct error *err)
{
    int fd = -1;
    struct stat st;
    struct checksum64 *sum = checksum64_new();
    enum status status =
        sum ? file_open(&fd, &st, path, err) : error_no_memory(err, "reading %s: no memory", path);
    if (status == STATUS_OK) {
        uint64_t size = (uint64_t)st.st_size, head = size < MIB ? size : MIB;
        uint8_t size_bytes[8];
        for (int i = 0; i < 8; i++)
            size_bytes[i] = (uint8_t)(size >> (8 * i));
        checksum64_add(sum, span_of(size_bytes, sizeof size_bytes));
        status = feed(fd, path, 0, head, add_checksum, sum, err);
        if (status == STATUS_OK)
            status = feed(fd, path, size - head, head, add_checksum, sum, err);
    }
    if (status == STATUS_OK)
        snprintf(hex, FINGERPRINT_HEX_LEN + 1, "%016" PRIx64, checksum64_end(sum));
    if (fd >= 0)
        close(fd);
    checksum64_free(sum);
    return status;
}

enum status hash_file(const char *path, char hex[DIGEST_HEX_LEN + 1], struct error *err)
{
    int fd = -1;
    struct stat st;
    struct digest digest;
    enum status status = file_open(&fd, &st, path, err);

    digest_start(&digest);
    if (status == STATUS_OK)
        status = feed(fd, path, 0, (uint64_t)st.st_size, add_digest, &digest, err);
    if (status == STATUS_OK)
        digest_end(&digest, hex);
    if (fd >= 0)
        close(fd);
    return status;
}
