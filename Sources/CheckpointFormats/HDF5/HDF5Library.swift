#if HDF5
  import CHDF5
  import CheckpointCore

  /// libhdf5, which is loaded when an HDF5 file is met, and not before.
  enum HDF5Library {
    /// - Throws: `CheckpointError` where the library cannot be loaded.
    static func require() throws {
      guard let reason = unsafe savi_load_hdf5() else { return }
      throw CheckpointError(
        "HDF5 files need libhdf5, which cannot be loaded: \(unsafe String(cString: reason))",
        advice: "install libhdf5, or use another format")
    }
  }
#endif
