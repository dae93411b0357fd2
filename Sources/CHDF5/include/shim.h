#ifndef SAVI_CKPT_CHDF5_H
#define SAVI_CKPT_CHDF5_H

// The API of 1.10, which later versions keep under the same names. Debian keeps the header of the
// serial library apart from that of MPI.
#define H5_USE_110_API 1
#if __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#else
#include <hdf5.h>
#endif
#include <sys/resource.h>

#include "reader.h"

// Loads libhdf5, once: NULL, or the reason why it cannot be. Until then no function of it may be
// called. It drags in some sixty libraries, which most commands have no use for.
const char *savi_load_hdf5(void);

// RLIMIT_* are enumerators of an anonymous type in glibc, which Swift does not pass on.
static inline void savi_limit(int resource, rlim_t limit) {
  struct rlimit value = {limit, limit};
  setrlimit(resource, &value);
}
static inline void savi_limit_cpu(rlim_t seconds) { savi_limit(RLIMIT_CPU, seconds); }
static inline void savi_limit_memory(rlim_t bytes) { savi_limit(RLIMIT_AS, bytes); }
static inline void savi_no_core_file(void) { savi_limit(RLIMIT_CORE, 0); }

// Comma expressions and casts that Swift does not import.
static inline unsigned savi_h5f_rdonly(void) { return H5F_ACC_RDONLY; }
static inline unsigned savi_h5f_trunc(void) { return H5F_ACC_TRUNC; }
static inline hid_t savi_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t savi_h5p_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t savi_h5p_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t savi_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t savi_h5p_link_access(void) { return H5P_LINK_ACCESS; }
static inline hid_t savi_h5t_c_s1(void) { return H5T_C_S1; }
static inline hid_t savi_h5t_std_i8le(void) { return H5T_STD_I8LE; }
static inline hid_t savi_h5t_std_i16le(void) { return H5T_STD_I16LE; }
static inline hid_t savi_h5t_std_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t savi_h5t_std_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t savi_h5t_std_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t savi_h5t_std_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t savi_h5t_std_u32le(void) { return H5T_STD_U32LE; }
static inline hid_t savi_h5t_std_u64le(void) { return H5T_STD_U64LE; }
static inline hid_t savi_h5t_ieee_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t savi_h5t_ieee_f64le(void) { return H5T_IEEE_F64LE; }
static inline hsize_t savi_h5s_unlimited(void) { return H5S_UNLIMITED; }
static inline haddr_t savi_haddr_undef(void) { return HADDR_UNDEF; }

// Groups named on the way to a dataset are made with it.
static inline hid_t savi_link_creation(void) {
  hid_t list = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(list, 1);
  H5Pset_char_encoding(list, H5T_CSET_UTF8);
  return list;
}

// Functions behind version macros.
static inline herr_t savi_silence_errors(void) { return H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
static inline hid_t savi_object_open(hid_t file, const char *path, hid_t access) {
  return H5Oopen(file, path, access);
}
static inline herr_t savi_object_info(hid_t object, H5O_info_t *info) {
  return H5Oget_info(object, info);
}
static inline herr_t savi_iterate(hid_t group, H5L_iterate_t visit, void *context) {
  hsize_t index = 0;
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, visit, context);
}

// An external link is never followed: its callback refuses.
static inline herr_t savi_refuse_external(const char *file, const char *path, const char *target_file,
    const char *target, unsigned *flags, hid_t access, void *data) {
  (void)file; (void)path; (void)target_file; (void)target; (void)flags; (void)access; (void)data;
  return -1;
}
static inline herr_t savi_refuse_external_links(hid_t access) {
  return H5Pset_elink_cb(access, savi_refuse_external, NULL);
}

#endif
