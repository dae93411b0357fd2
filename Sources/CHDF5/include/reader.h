#ifndef SAVI_CKPT_CHDF5_READER_H
#define SAVI_CKPT_CHDF5_READER_H

#include <errno.h>
#include <fcntl.h>
#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A read-only file driver for libhdf5 that can tell where a chunk lies.
//
// libhdf5 1.10 and 1.12 tell a chunk's place only by walking the dataset's whole index, for each one.
// H5Dread_chunk finds it by one descent and then asks the driver for the bytes: a driver that is
// watching notes the place and leaves them unread. It counts from the start of the file, a user block
// included, and takes no file locks.
struct savi_reader {
  H5FD_t base; // what libhdf5 keeps of every open file: must come first
  int descriptor;
  haddr_t allocated_end;
  haddr_t file_end;
  int is_watching;
  haddr_t watched_address;
};

static H5FD_t *savi_reader_open(const char *name, unsigned flags, hid_t access, haddr_t limit) {
  (void)flags; (void)access; (void)limit;
  struct stat status;
  struct savi_reader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->descriptor = open(name, O_RDONLY | O_CLOEXEC);
  if (reader->descriptor < 0 || fstat(reader->descriptor, &status) < 0) {
    if (reader->descriptor >= 0) close(reader->descriptor);
    free(reader);
    return NULL;
  }
  reader->file_end = (haddr_t)status.st_size;
  return &reader->base;
}

static herr_t savi_reader_close(H5FD_t *file) {
  struct savi_reader *reader = (struct savi_reader *)file;
  close(reader->descriptor);
  free(reader);
  return 0;
}

static int savi_reader_compare(const H5FD_t *a, const H5FD_t *b) {
  return a < b ? -1 : a > b;
}

static herr_t savi_reader_query(const H5FD_t *file, unsigned long *flags) {
  (void)file;
  if (flags) *flags = H5FD_FEAT_ACCUMULATE_METADATA;
  return 0;
}

static haddr_t savi_reader_allocated_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const struct savi_reader *)file)->allocated_end;
}

static herr_t savi_reader_set_allocated_end(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((struct savi_reader *)file)->allocated_end = end;
  return 0;
}

static haddr_t savi_reader_file_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const struct savi_reader *)file)->file_end;
}

static herr_t savi_reader_handle(H5FD_t *file, hid_t access, void **handle) {
  (void)access;
  *handle = file;
  return 0;
}

static herr_t savi_reader_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
    size_t size, void *buffer) {
  (void)transfer;
  struct savi_reader *reader = (struct savi_reader *)file;
  if (reader->is_watching && type == H5FD_MEM_DRAW) {
    reader->watched_address = address;
    return 0;
  }
  char *target = buffer;
  while (size > 0) {
    ssize_t count = pread(reader->descriptor, target, size, (off_t)address);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) { // libhdf5's own drivers read zeros behind the end
      memset(target, 0, size);
      return 0;
    }
    target += count;
    address += (haddr_t)count;
    size -= (size_t)count;
  }
  return 0;
}

static herr_t savi_reader_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address,
    size_t size, const void *buffer) {
  (void)file; (void)type; (void)transfer; (void)address; (void)size; (void)buffer;
  return -1;
}

static const H5FD_class_t savi_reader_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 511, // the last of the numbers that are kept for testing
#endif
    .name = "savi-ckpt reader",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_WEAK,
    .open = savi_reader_open,
    .close = savi_reader_close,
    .cmp = savi_reader_compare,
    .query = savi_reader_query,
    .get_eoa = savi_reader_allocated_end,
    .set_eoa = savi_reader_set_allocated_end,
    .get_eof = savi_reader_file_end,
    .get_handle = savi_reader_handle,
    .read = savi_reader_read,
    .write = savi_reader_write,
};

// A file access property list with this driver.
static inline hid_t savi_reader_access(void) {
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  hid_t driver = H5FDregister(&savi_reader_class);
  if (list < 0 || driver < 0 || H5Pset_driver(list, driver, NULL) < 0) return -1;
  return list;
}

// Whether the innermost error says that a chunk was never written: to libhdf5 that is a failure.
static herr_t savi_note_unwritten(unsigned index, const H5E_error2_t *error, void *is_unwritten) {
  (void)index;
  *(int *)is_unwritten = error->desc && strstr(error->desc, "chunk storage is not allocated");
  return 1;
}

static inline int savi_is_unwritten(void) {
  int is_unwritten = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, savi_note_unwritten, &is_unwritten);
  return is_unwritten;
}

// Where the chunk at `origin` lies: 1, or 0 where it was never written; negative on failure.
static inline int savi_chunk_place(hid_t dataset, void *handle, const hsize_t *origin,
    haddr_t *address, hsize_t *size, uint32_t *filter_mask) {
  struct savi_reader *reader = handle;
  unsigned char unread;
  *size = 0;
  if (H5Dget_chunk_storage_size(dataset, origin, size) < 0) return savi_is_unwritten() ? 0 : -1;
  if (*size == 0) return 0;
  reader->watched_address = HADDR_UNDEF;
  reader->is_watching = 1;
  herr_t status = H5Dread_chunk(dataset, H5P_DEFAULT, origin, filter_mask, &unread);
  reader->is_watching = 0;
  *address = reader->watched_address;
  return status < 0 || *address == HADDR_UNDEF ? -1 : 1;
}

#endif
