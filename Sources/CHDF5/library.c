// libhdf5, loaded when it is needed. The functions and constants of its header that are used are
// defined here: each function calls the one that was found in the library, and the constants are
// copied from there.

#include "include/shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

#define FORWARD(result, name, parameters, arguments)                                               \
  static result(*loaded_##name) parameters;                                                        \
  result name parameters { return loaded_##name arguments; }
#define CONSTANT(name) hid_t name;
#include "functions.def"
#undef FORWARD
#undef CONSTANT

// The header's macros call this before all else, and the library's own ends the process where the
// header is of another patch release. `load` asks for the version.
herr_t H5check_version(unsigned major, unsigned minor, unsigned release) {
  (void)major; (void)minor; (void)release;
  return 0;
}

// The second expansion gives the name that a version macro leads to.
#define TEXT(name) #name
#define SYMBOL(name) TEXT(name)

#define FORWARD(result, name, parameters, arguments) {SYMBOL(name), (void **)&loaded_##name},
#define CONSTANT(name)
static const struct { const char *name; void **place; } functions[] = {
#include "functions.def"
};
#undef FORWARD
#undef CONSTANT

#define FORWARD(result, name, parameters, arguments)
#define CONSTANT(name) {#name, &name},
static const struct { const char *name; hid_t *place; } constants[] = {
#include "functions.def"
};

// The library whose structures the header has: its interface changes with the minor version.
static const char *const names[] = {
#if defined(__APPLE__)
    "libhdf5.dylib", "/opt/homebrew/lib/libhdf5.dylib",
#elif H5_VERS_MINOR == 10
    "libhdf5_serial.so.103", "libhdf5.so.103",
#elif H5_VERS_MINOR == 12
    "libhdf5_serial.so.200", "libhdf5.so.200",
#elif H5_VERS_MINOR == 14
    "libhdf5_serial.so.310", "libhdf5.so.310",
#endif
    "libhdf5_serial.so", "libhdf5.so",
};

static char problem[512];

// Lazily: the driver for Amazon S3, which nothing here uses, may come without the libcurl that it
// calls. The library's own symbols come before those of the same names here.
#if defined(RTLD_DEEPBIND) && !__has_feature(address_sanitizer)
enum { binding = RTLD_LAZY | RTLD_LOCAL | RTLD_DEEPBIND };
#else
enum { binding = RTLD_LAZY | RTLD_LOCAL };
#endif

static void load(void) {
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
    library = dlopen(names[i], binding);
    const char *reason = library ? NULL : dlerror();
    if (i == 0 && reason) snprintf(problem, sizeof problem, "%s", reason);
  }
  if (!library) return;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if ((*functions[i].place = dlsym(library, functions[i].name))) continue;
    snprintf(problem, sizeof problem, "it lacks %s", functions[i].name);
    return;
  }
  unsigned major = 0, minor = 0, release = 0;
  if (H5get_libversion(&major, &minor, &release) < 0 || major != H5_VERS_MAJOR ||
      minor != H5_VERS_MINOR) {
    snprintf(problem, sizeof problem, "it is version %u.%u, where %d.%d is needed", major, minor,
        H5_VERS_MAJOR, H5_VERS_MINOR);
    return;
  }
  // Its clean-up at exit would write to a file that could not grow, and crash.
  H5dont_atexit();
  if (H5open() < 0) {
    snprintf(problem, sizeof problem, "it cannot start");
    return;
  }
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    const hid_t *value = dlsym(library, constants[i].name);
    if (!value) {
      snprintf(problem, sizeof problem, "it lacks %s", constants[i].name);
      return;
    }
    *constants[i].place = *value;
  }
  problem[0] = 0;
}

const char *savi_load_hdf5(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return problem[0] ? problem : NULL;
}
