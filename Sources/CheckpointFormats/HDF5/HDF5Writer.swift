#if HDF5
  import Bytes
  import CHDF5
  import CheckpointCore
  import Synchronization

  /// Writes HDF5 files that h5py and Keras read: nested groups, one dataset per tensor, second names
  /// as hard links.
  ///
  /// libhdf5 lays the file out with every dataset's space reserved; the elements are then written
  /// into that space directly and in parallel, for libhdf5 serialises all its calls. With
  /// compression the elements go through libhdf5, row block by row block. No times are stored, so
  /// equal tensors give equal bytes.
  struct HDF5Writer: CheckpointWriter {
    let format = FormatName.hdf5
    /// Deflate level 1 to 9 (with the shuffle filter before it); `nil` for contiguous datasets.
    var compressionLevel: Int?

    /// Bytes per chunk of a compressed dataset: a few reads per tensor, little waste at the edges.
    private static let chunkBytes = 1 << 20
    /// Extents of a dataset (H5S_MAX_RANK).
    private static let maximumRank = 32
    /// Data of at least this size starts on a 64-byte boundary.
    private static let alignmentThreshold: hsize_t = 512

    /// libhdf5 is used by one thread at a time.
    private static let library = Mutex(())

    func prepare(_ tensors: [OutputTensor]) throws -> [String] {
      _ = try NameTree(tensors.map(\.name), separator: "/")
      for tensor in tensors {
        let parts = tensor.name.parts(separator: "/")
        guard !tensor.name.isEmpty, !parts.contains("."), !tensor.name.utf8.contains(0) else {
          throw CheckpointError(
            entry: tensor.name, "HDF5 cannot name a dataset like this",
            advice: "choose another format with --to")
        }
        guard tensor.shape.rank <= Self.maximumRank else {
          throw CheckpointError(
            entry: tensor.name,
            "it has \(tensor.shape.rank) dimensions, and an HDF5 dataset at most \(Self.maximumRank)",
            advice: "choose another format with --to")
        }
      }
      return HDF5Type.opaqueTypes.compactMap { dtype in
        let count = tensors.count { $0.dtype == dtype }
        return count == 0
          ? nil
          : "\(dtype) has no HDF5 type: \(count) tensors are written as opaque bytes with a 'dtype' "
            + "attribute, as Keras does, and read back as \(dtype)"
      }
    }

    /// Text, numbers and bools, as attributes of the file; lists and dicts as JSON.
    func held(_ values: [OutputValue], beside tensors: [OutputTensor]) -> [OutputValue] {
      var keys: Set<TensorName> = []
      return values.filter { item in
        HDF5AttributeWriter.canHold(item.value.value) && !item.key.utf8.contains(0)
          && !item.key.isEmpty && keys.insert(TensorName(item.key)).inserted
      }
    }

    func write(
      _ tensors: [OutputTensor], _ values: [OutputValue], to file: AtomicFile, work: WorkLimits
    ) throws {
      let placed = try Self.library.withLock { _ in
        try layOut(tensors, values, path: file.temporaryPath, output: file.path, work)
      }
      try file.write(placed, work: work)
    }

    /// Makes the file's structure and returns where the elements go that are not written yet.
    private func layOut(
      _ tensors: [OutputTensor], _ values: [OutputValue], path: String, output: String,
      _ work: WorkLimits
    ) throws -> [PlacedTensor] {
      try HDF5Library.require()
      savi_silence_errors()
      var placed: [PlacedTensor] = []
      let layout = try HDF5FileLayout(path: path, named: output)
      for tensor in tensors {
        if let original = tensor.aliasOf {
          try layout.link(tensor.name.text, to: original.text)
        } else if let level = compressionLevel, tensor.shape.rank > 0, tensor.shape.count > 0 {
          try layout.writeCompressed(tensor, level: level, chunkBytes: Self.chunkBytes, work)
        } else if let offset = try layout.reserve(tensor, alignment: Self.alignmentThreshold) {
          placed.append(PlacedTensor(tensor: tensor, offset: offset))
        }
      }
      for value in values { try layout.write(value) }
      try layout.close()
      return placed
    }
  }

  /// An HDF5 file being laid out. Closes what is open when it goes.
  private final class HDF5FileLayout {
    private var file: hid_t
    private let linkCreation: hid_t
    /// The file's final name, for errors.
    private let output: String

    init(path: String, named output: String) throws {
      self.output = output
      let creation = H5Pcreate(savi_h5p_file_create())
      let access = H5Pcreate(savi_h5p_file_access())
      defer {
        H5Pclose(creation)
        H5Pclose(access)
      }
      H5Pset_obj_track_times(creation, false)
      H5Pset_alignment(access, 512, 64)
      // The file is locked already, by the one who writes it.
      H5Pset_file_locking(access, false, true)
      // It would make a new file of one that an interrupt has just removed.
      file = TemporaryFiles.shared.inTurn {
        unsafe H5Fcreate(path, savi_h5f_trunc(), creation, access)
      }
      linkCreation = savi_link_creation()
      guard file >= 0 else { throw CheckpointError(file: output, "libhdf5 cannot create the file") }
    }

    deinit {
      H5Pclose(linkCreation)
      if file >= 0 { H5Fclose(file) }
    }

    /// Writes a plain value as an attribute of the file.
    func write(_ value: OutputValue) throws {
      do {
        try HDF5AttributeWriter.write(value.value.value, value.key, of: file)
      } catch let error as CheckpointError {
        throw error.inFile(output)
      }
    }

    func close() throws {
      defer { file = -1 }
      guard H5Fclose(file) >= 0 else {
        throw CheckpointError(
          file: output, "libhdf5 cannot write the file's structure", advice: "is the disk full?")
      }
    }

    func link(_ name: String, to original: String) throws {
      let status = unsafe H5Lcreate_hard(file, original, file, name, linkCreation, H5P_DEFAULT_ID)
      guard status >= 0 else { throw failure(name, "link") }
    }

    private func failure(_ name: String, _ what: String) -> CheckpointError {
      CheckpointError(
        file: output, entry: name, "libhdf5 cannot make this \(what)",
        advice: "is the disk full, or the name too odd for HDF5?")
    }

    /// Creates a contiguous dataset and returns where its elements go; `nil` where it has none.
    func reserve(_ tensor: OutputTensor, alignment: hsize_t) throws -> Int? {
      let properties = H5Pcreate(savi_h5p_dataset_create())
      defer { H5Pclose(properties) }
      H5Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY)
      let dataset = try create(tensor, properties)
      defer { H5Dclose(dataset) }
      guard tensor.shape.count > 0 else { return nil }
      guard let offset = Int(exactly: H5Dget_offset(dataset)) else {
        throw failure(tensor.name.text, "dataset")
      }
      return offset
    }

    /// A dataset of `tensor`'s type and shape, without times and without fill values being written.
    private func create(_ tensor: OutputTensor, _ properties: hid_t) throws -> hid_t {
      H5Pset_obj_track_times(properties, false)
      H5Pset_fill_time(properties, H5D_FILL_TIME_NEVER)
      let extents = tensor.shape.dimensions.map { hsize_t($0) }
      let space =
        extents.isEmpty
        ? H5Screate(H5S_SCALAR) : unsafe H5Screate_simple(CInt(extents.count), extents, nil)
      let type = HDF5Type.make(tensor.dtype)
      defer {
        H5Sclose(space)
        H5Tclose(type)
      }
      let dataset = unsafe H5Dcreate2(
        file, tensor.name.text, type, space, linkCreation, properties, H5P_DEFAULT_ID)
      guard dataset >= 0 else { throw failure(tensor.name.text, "dataset") }
      if HDF5Type.opaqueTypes.contains(tensor.dtype) {
        try HDF5Type.nameType(tensor.dtype, of: dataset)
      }
      return dataset
    }

    /// Creates a chunked, shuffled and deflated dataset and writes it in blocks of whole rows.
    func writeCompressed(
      _ tensor: OutputTensor, level: Int, chunkBytes: Int, _ work: WorkLimits
    ) throws {
      let dimensions = tensor.shape.dimensions
      let rowBytes = tensor.byteCount / dimensions[0]
      let rows = min(dimensions[0], max(1, chunkBytes / rowBytes))
      let properties = H5Pcreate(savi_h5p_dataset_create())
      defer { H5Pclose(properties) }
      let chunk = ([rows] + dimensions.dropFirst()).map { hsize_t($0) }
      guard unsafe H5Pset_chunk(properties, CInt(chunk.count), chunk) >= 0 else {
        throw failure(
          tensor.name.text, "dataset (a row of \(rowBytes) bytes is more than a chunk holds)")
      }
      H5Pset_shuffle(properties)
      H5Pset_deflate(properties, CUnsignedInt(level))
      let dataset = try create(tensor, properties)
      defer { H5Dclose(dataset) }
      var block: [UInt8] = []
      block.reserveCapacity(rows * rowBytes)
      var written = 0
      try tensor.produce { _, bytes in
        var position = 0
        while position < bytes.count {
          let count = min(bytes.count - position, rows * rowBytes - block.count)
          let part = bytes.extracting(position..<position + count)
          unsafe part.withUnsafeBufferPointer { unsafe block.append(contentsOf: $0) }
          position += count
          if block.count == rows * rowBytes {
            try write(block, rows: written..<written + rows, tensor, dataset)
            written += rows
            block.removeAll(keepingCapacity: true)
          }
        }
        work.progress?.advance(bytes: bytes.count)
      }
      if !block.isEmpty {
        let count = block.count / rowBytes
        try write(block, rows: written..<written + count, tensor, dataset)
        written += count
      }
      guard written == dimensions[0] else {
        throw CheckpointError(
          entry: tensor.name, "\(dimensions[0]) rows expected from its source, \(written) came")
      }
      work.progress?.finishTensor()
    }

    private func write(
      _ block: [UInt8], rows: Range<Int>, _ tensor: OutputTensor, _ dataset: hid_t
    ) throws {
      let dimensions = tensor.shape.dimensions
      let start = [hsize_t(rows.lowerBound)] + dimensions.dropFirst().map { _ in 0 }
      let count = ([rows.count] + dimensions.dropFirst()).map { hsize_t($0) }
      let memory = unsafe H5Screate_simple(CInt(count.count), count, nil)
      let space = H5Dget_space(dataset)
      let type = HDF5Type.make(tensor.dtype)
      defer {
        H5Sclose(memory)
        H5Sclose(space)
        H5Tclose(type)
      }
      let selected = unsafe H5Sselect_hyperslab(space, H5S_SELECT_SET, start, nil, count, nil)
      guard selected >= 0, unsafe H5Dwrite(dataset, type, memory, space, H5P_DEFAULT_ID, block) >= 0
      else { throw failure(tensor.name.text, "write") }
    }
  }

  /// The HDF5 types that h5py gives NumPy's, little-endian.
  enum HDF5Type {
    /// Types without an HDF5 class: raw bytes named by an attribute.
    static let opaqueTypes: [DType] = [
      .bfloat16, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz, .float8_e8m0fnu,
      .float4_e2m1fn_x2,
    ]

    /// A type that the caller closes.
    static func make(_ dtype: DType) -> hid_t {
      switch dtype {
      case .bool: return makeBool()
      case .int8: return H5Tcopy(savi_h5t_std_i8le())
      case .int16: return H5Tcopy(savi_h5t_std_i16le())
      case .int32: return H5Tcopy(savi_h5t_std_i32le())
      case .int64: return H5Tcopy(savi_h5t_std_i64le())
      case .uint8: return H5Tcopy(savi_h5t_std_u8le())
      case .uint16: return H5Tcopy(savi_h5t_std_u16le())
      case .uint32: return H5Tcopy(savi_h5t_std_u32le())
      case .uint64: return H5Tcopy(savi_h5t_std_u64le())
      case .float16: return makeFloat16()
      case .float32: return H5Tcopy(savi_h5t_ieee_f32le())
      case .float64: return H5Tcopy(savi_h5t_ieee_f64le())
      case .complex32: return makeComplex(makeFloat16(), 2)
      case .complex64: return makeComplex(H5Tcopy(savi_h5t_ieee_f32le()), 4)
      case .complex128: return makeComplex(H5Tcopy(savi_h5t_ieee_f64le()), 8)
      case .bfloat16, .float8_e4m3fn, .float8_e5m2, .float8_e4m3fnuz, .float8_e5m2fnuz,
        .float8_e8m0fnu, .float4_e2m1fn_x2:
        return H5Tcreate(H5T_OPAQUE, dtype.itemSize)
      }
    }

    private static func makeBool() -> hid_t {
      let type = H5Tenum_create(savi_h5t_std_i8le())
      for (name, value) in [("FALSE", Int8(0)), ("TRUE", 1)] {
        var value = value
        unsafe H5Tenum_insert(type, name, &value)
      }
      return type
    }

    /// IEEE 754 binary16: the sign in bit 15, five bits of exponent with bias 15, ten of mantissa.
    private static func makeFloat16() -> hid_t {
      let type = H5Tcopy(savi_h5t_ieee_f32le())
      H5Tset_fields(type, 15, 10, 5, 0, 10)
      H5Tset_size(type, 2)
      H5Tset_ebias(type, 15)
      return type
    }

    private static func makeComplex(_ part: hid_t, _ size: Int) -> hid_t {
      defer { H5Tclose(part) }
      let type = H5Tcreate(H5T_COMPOUND, 2 * size)
      unsafe H5Tinsert(type, "r", 0, part)
      unsafe H5Tinsert(type, "i", size, part)
      return type
    }

    /// Writes the `dtype` attribute.
    static func nameType(_ dtype: DType, of dataset: hid_t) throws {
      try HDF5AttributeWriter.write(.string(dtype.name), "dtype", of: dataset)
    }
  }
#endif
