#include <cblas.h>

// OpenBLAS starts threads when it is loaded, and they spin for some milliseconds before they sleep.
// Where its caller has threads of its own they only take their time. The function is not declared
// in cblas.h, and a build of OpenBLAS without threads does not have it: hence weak.
int blas_thread_shutdown_(void) __attribute__((weak));

static inline void stop_blas_threads(void) {
  if (blas_thread_shutdown_) blas_thread_shutdown_();
}
