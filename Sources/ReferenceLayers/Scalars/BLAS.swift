import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The matrix products of CBLAS (OpenBLAS; Accelerate on Apple systems), loaded when a forward pass
/// first needs them: OpenBLAS starts its threads as it is loaded, which other commands would pay
/// for, and which fails where memory is short.
///
/// Source of the signatures: cblas.h of the reference BLAS (netlib.org/blas).
@safe package struct BLAS: Sendable {
  /// C = alpha·A·B + beta·C: the order, whether A and B are transposed, the rows and columns of C and
  /// the inner extent, then each matrix with the distance of its rows.
  package typealias FloatProduct =
    @convention(c) (
      CInt, CInt, CInt, CInt, CInt, CInt, Float, UnsafePointer<Float>, CInt,
      UnsafePointer<Float>, CInt, Float, UnsafeMutablePointer<Float>, CInt
    ) -> Void
  package typealias DoubleProduct =
    @convention(c) (
      CInt, CInt, CInt, CInt, CInt, CInt, Double, UnsafePointer<Double>, CInt,
      UnsafePointer<Double>, CInt, Double, UnsafeMutablePointer<Double>, CInt
    ) -> Void

  package let floats: FloatProduct
  package let doubles: DoubleProduct

  package static let rowMajor: CInt = 101
  package static let plain: CInt = 111
  package static let transposed: CInt = 112

  /// The library once it is there: `require` comes before every product.
  package static var shared: BLAS {
    guard case .success(let library) = loaded else {
      preconditionFailure("BLAS.require() comes first")
    }
    return library
  }

  /// - Throws: `CheckpointError` where the library cannot be loaded.
  package static func require() throws { _ = try loaded.get() }

  private static let loaded = Result { () throws(CheckpointError) in try BLAS() }

  #if canImport(Glibc)
    private static let names = ["libopenblas.so.0", "libopenblas.so"]
  #else
    private static let names = [
      "/System/Library/Frameworks/Accelerate.framework/Accelerate", "libopenblas.dylib",
    ]
  #endif

  private init() throws(CheckpointError) {
    // The pass runs frames and slots side by side, so each product stays on the thread that asks.
    unsafe setenv("OPENBLAS_NUM_THREADS", "1", 1)
    var found: UnsafeMutableRawPointer?
    for name in Self.names where unsafe found == nil {
      unsafe found = dlopen(name, RTLD_NOW | RTLD_LOCAL)
    }
    guard let handle = unsafe found, let floats = unsafe dlsym(handle, "cblas_sgemm"),
      let doubles = unsafe dlsym(handle, "cblas_dgemm")
    else {
      let reason = unsafe dlerror().map { unsafe String(cString: $0) } ?? "no reason given"
      throw CheckpointError(
        "the forward pass needs OpenBLAS, which cannot be loaded: \(reason)",
        advice: "install libopenblas0, or give the command more memory")
    }
    // The symbols are functions of these types, by the standard's header.
    unsafe self.floats = unsafeBitCast(floats, to: FloatProduct.self)
    unsafe self.doubles = unsafeBitCast(doubles, to: DoubleProduct.self)
  }
}
