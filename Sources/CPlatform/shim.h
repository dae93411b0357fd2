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

/* The processors that sched_getaffinity(2) names; 0 where it names none. */
static inline int savi_allowed_processors(void) {
  unsigned char set[1 << 13];
  long size = syscall(SYS_sched_getaffinity, 0, sizeof(set), set);
  int count = 0;
  for (long index = 0; index < size; index++) count += __builtin_popcount(set[index]);
  return count;
}
#else
static inline int savi_allowed_processors(void) { return 0; }

/* renamex_np(2). */
static inline int savi_rename_noreplace(const char *from, const char *to) {
  return renamex_np(from, to, RENAME_EXCL);
}
#endif
