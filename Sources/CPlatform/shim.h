#pragma once

/* System calls that the C library declares for GNU sources only, which Swift does not import. */

#include <errno.h>
#include <stdio.h>

#ifdef __linux__
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* renameat2(2) with RENAME_NOREPLACE, which is 1 (linux/fs.h). */
static inline int savi_rename_noreplace(const char *from, const char *to) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1);
}
#else
/* renamex_np(2). */
static inline int savi_rename_noreplace(const char *from, const char *to) {
  return renamex_np(from, to, RENAME_EXCL);
}
#endif
