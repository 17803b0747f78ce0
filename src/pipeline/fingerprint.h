/* fingerprint.h - how a file is known again. */
#ifndef SEINE_PIPELINE_FINGERPRINT_H
#define SEINE_PIPELINE_FINGERPRINT_H

#include "base/digest.h"
#include "base/error.h"

#include <sys/stat.h>

enum { FINGERPRINT_HEX_LEN = 16 };

/* Opens a file to be read, and says what it is. Where it fails *fd may be open, else it is -1. */
enum status file_open(int *fd, struct stat *st, const char *path, struct error *err);

/* XXH3 over size, first and last MiB: 16 hex digits and a NUL. */
enum status fingerprint_file(const char *path, char hex[FINGERPRINT_HEX_LEN + 1],
                             struct error *err);

/* SHA-256 of a whole file. */
enum status hash_file(const char *path, char hex[DIGEST_HEX_LEN + 1], struct error *err);

#endif
