#if HDF5
  import Bytes
  import CHDF5
  import CheckpointCore

  /// Describes one dataset: type, extent, layout, filters, and where its bytes are.
  @safe struct HDF5DatasetScanner {
    let dataset: hid_t
    /// The driver's own file, which tells where chunks lie.
    let reader: UnsafeMutableRawPointer?

    struct Unsupported: Error {
      let kind: Placeholder.Kind
      let reason: String
    }

    func describe() throws(Unsupported) -> HDF5Index.Dataset {
      let properties = H5Dget_create_plist(dataset)
      guard properties >= 0 else { throw Unsupported(kind: .data, reason: "a damaged dataset") }
      defer { H5Pclose(properties) }
      // Before anything else: what points at other files must not be touched.
      let layout = H5Pget_layout(properties)
      if layout == H5D_VIRTUAL {
        throw Unsupported(
          kind: .data, reason: "a virtual dataset: its data is in other files, never followed")
      }
      if H5Pget_external_count(properties) > 0 {
        throw Unsupported(
          kind: .data, reason: "external storage: its data is in other files, never followed")
      }
      let dimensions = try extent()
      let type = H5Dget_type(dataset)
      defer { H5Tclose(type) }
      let (dtype, isBigEndian) = try elementType(type)
      return HDF5Index.Dataset(
        dtype: dtype, isBigEndian: isBigEndian, dimensions: dimensions,
        storage: try storage(layout, properties, type, dimensions),
        fill: fillValue(properties, type))
    }

    private func extent() throws(Unsupported) -> [Int] {
      let space = H5Dget_space(dataset)
      guard space >= 0 else { throw Unsupported(kind: .data, reason: "a damaged dataspace") }
      defer { H5Sclose(space) }
      switch H5Sget_simple_extent_type(space) {
      case H5S_SCALAR: return []
      case H5S_SIMPLE:
        let rank = Int(H5Sget_simple_extent_ndims(space))
        guard (0...32).contains(rank) else {
          throw Unsupported(kind: .data, reason: "a dataspace of rank \(rank)")
        }
        var extents = [hsize_t](repeating: 0, count: rank)
        unsafe H5Sget_simple_extent_dims(space, &extents, nil)
        return try extents.map { (extent) throws(Unsupported) in
          guard let extent = Int(exactly: extent) else {
            throw Unsupported(kind: .data, reason: "an extent of \(extent)")
          }
          return extent
        }
      default: throw Unsupported(kind: .value, reason: "a null dataspace: no elements, no shape")
      }
    }

    // MARK: Types

    private func elementType(_ type: hid_t) throws(Unsupported) -> (DType, isBigEndian: Bool) {
      let size = H5Tget_size(type)
      let isBigEndian = H5Tget_order(type) == H5T_ORDER_BE
      switch H5Tget_class(type) {
      case H5T_INTEGER:
        if let dtype = integer(type, size) { return (dtype, isBigEndian) }
      case H5T_FLOAT:
        if let dtype = floatingPoint(type, size) { return (dtype, isBigEndian) }
      case H5T_ENUM: return try enumeration(type)
      case H5T_COMPOUND:
        if let complex = try complexType(type, size) { return complex }
        throw Unsupported(kind: .data, reason: "a compound of \(H5Tget_nmembers(type)) members")
      case H5T_OPAQUE:
        if let dtype = namedType(), dtype.itemSize == size { return (dtype, false) }
        throw Unsupported(
          kind: .data, reason: "opaque elements of \(size) bytes without a 'dtype' attribute")
      case H5T_STRING: throw Unsupported(kind: .value, reason: "strings")
      case H5T_REFERENCE: throw Unsupported(kind: .value, reason: "references to objects")
      case H5T_VLEN: throw Unsupported(kind: .data, reason: "lists of varying length")
      case H5T_ARRAY: throw Unsupported(kind: .data, reason: "elements that are arrays")
      default: break
      }
      throw Unsupported(kind: .data, reason: "elements of \(size) bytes of an unknown type")
    }

    private func integer(_ type: hid_t, _ size: Int) -> DType? {
      guard H5Tget_precision(type) == 8 * size, H5Tget_offset(type) == 0 else { return nil }
      let isSigned = H5Tget_sign(type) != H5T_SGN_NONE
      switch size {
      case 1: return isSigned ? .int8 : .uint8
      case 2: return isSigned ? .int16 : .uint16
      case 4: return isSigned ? .int32 : .uint32
      case 8: return isSigned ? .int64 : .uint64
      default: return nil
      }
    }

    /// IEEE types, and bfloat16 where a writer gave its bit fields.
    private func floatingPoint(_ type: hid_t, _ size: Int) -> DType? {
      var (sign, exponent, exponentSize, mantissa, mantissaSize) = (0, 0, 0, 0, 0)
      guard
        unsafe H5Tget_fields(type, &sign, &exponent, &exponentSize, &mantissa, &mantissaSize) >= 0
      else { return nil }
      let bias = Int(H5Tget_ebias(type))
      switch (size, sign, exponent, exponentSize, mantissa, mantissaSize, bias) {
      case (2, 15, 10, 5, 0, 10, 15): return .float16
      case (2, 15, 7, 8, 0, 7, 127): return .bfloat16
      case (4, 31, 23, 8, 0, 23, 127): return .float32
      case (8, 63, 52, 11, 0, 52, 1023): return .float64
      default: return nil
      }
    }

    /// h5py's bool is an enumeration of FALSE and TRUE; any other is its integers.
    private func enumeration(_ type: hid_t) throws(Unsupported) -> (DType, isBigEndian: Bool) {
      let base = H5Tget_super(type)
      defer { H5Tclose(base) }
      let size = H5Tget_size(base)
      guard let dtype = integer(base, size) else {
        throw Unsupported(kind: .data, reason: "an enumeration of an unknown type")
      }
      if size == 1, H5Tget_nmembers(type) == 2, unsafe H5Tget_member_index(type, "FALSE") >= 0,
        unsafe H5Tget_member_index(type, "TRUE") >= 0
      {
        return (.bool, false)
      }
      return (dtype, H5Tget_order(base) == H5T_ORDER_BE)
    }

    /// h5py's complex is a compound of two equal floats, r and i.
    private func complexType(
      _ type: hid_t, _ size: Int
    ) throws(Unsupported) -> (DType, isBigEndian: Bool)? {
      guard H5Tget_nmembers(type) == 2, unsafe H5Tget_member_index(type, "r") == 0,
        unsafe H5Tget_member_index(type, "i") == 1, H5Tget_member_offset(type, 0) == 0,
        H5Tget_member_offset(type, 1) == size / 2
      else { return nil }
      let parts = [H5Tget_member_type(type, 0), H5Tget_member_type(type, 1)]
      defer { for part in parts { H5Tclose(part) } }
      guard H5Tequal(parts[0], parts[1]) > 0, H5Tget_class(parts[0]) == H5T_FLOAT else {
        return nil
      }
      let isBigEndian = H5Tget_order(parts[0]) == H5T_ORDER_BE
      switch floatingPoint(parts[0], H5Tget_size(parts[0])) {
      case .float16: return (.complex32, isBigEndian)
      case .float32: return (.complex64, isBigEndian)
      case .float64: return (.complex128, isBigEndian)
      default: return nil
      }
    }

    /// The `dtype` attribute that Keras gives types HDF5 has no name for.
    private func namedType() -> DType? {
      HDF5Attributes.strings("dtype", of: dataset).first.flatMap { DType(rawValue: $0) }
    }

    // MARK: Storage

    private func storage(
      _ layout: H5D_layout_t, _ properties: hid_t, _ type: hid_t, _ dimensions: [Int]
    ) throws(Unsupported) -> HDF5Index.Storage {
      switch layout {
      case H5D_CONTIGUOUS:
        let offset = H5Dget_offset(dataset)
        return .contiguous(
          address: offset == savi_haddr_undef() ? nil : Int(exactly: offset) ?? .max)
      case H5D_COMPACT: return try compact(type)
      case H5D_CHUNKED: return try chunked(properties, dimensions)
      default: throw Unsupported(kind: .data, reason: "an unknown storage layout")
      }
    }

    /// At most 64 KiB, in the object header; libhdf5 reads it without conversion.
    private func compact(_ type: hid_t) throws(Unsupported) -> HDF5Index.Storage {
      let size = H5Dget_storage_size(dataset)
      guard size <= 1 << 16 else {
        throw Unsupported(kind: .data, reason: "compact storage of \(size) bytes")
      }
      var bytes = [UInt8](repeating: 0, count: Int(size))
      let space = H5Dget_space(dataset)
      defer { H5Sclose(space) }
      let needed = Int(H5Sget_simple_extent_npoints(space)).multipliedReportingOverflow(
        by: H5Tget_size(type))
      guard !needed.overflow, needed.partialValue <= bytes.count else {
        throw Unsupported(kind: .data, reason: "compact storage that is too small")
      }
      let status = bytes.isEmpty ? 0 : unsafe H5Dread(dataset, type, 0, 0, 0, &bytes)
      guard status >= 0 else {
        throw Unsupported(kind: .data, reason: "compact storage that cannot be read")
      }
      return .compact(bytes)
    }

    private func chunked(_ properties: hid_t, _ dimensions: [Int]) throws(Unsupported)
      -> HDF5Index.Storage
    {
      var extents = [hsize_t](repeating: 0, count: max(1, dimensions.count))
      let rank = unsafe H5Pget_chunk(properties, CInt(extents.count), &extents)
      let shape = extents.compactMap { Int(exactly: $0) }
      guard rank == dimensions.count, shape.count == dimensions.count, shape.allSatisfy({ $0 > 0 })
      else { throw Unsupported(kind: .data, reason: "chunks of an impossible shape") }
      return .chunked(
        shape: shape, filters: try filters(properties), chunks: try chunks(shape, dimensions))
    }

    /// Scale-offset has 20.
    private static let maximumParameters = 32

    private func filters(_ properties: hid_t) throws(Unsupported) -> [HDF5FilterStep] {
      try (0..<max(0, H5Pget_nfilters(properties))).map { (position) throws(Unsupported) in
        var flags: CUnsignedInt = 0
        var values = [CUnsignedInt](repeating: 0, count: Self.maximumParameters)
        var count = values.count
        var name = [CChar](repeating: 0, count: 64)
        var configuration: CUnsignedInt = 0
        let id = unsafe H5Pget_filter2(
          properties, CUnsignedInt(position), &flags, &count, &values, name.count, &name,
          &configuration)
        guard let filter = HDF5Filter(rawValue: Int(id)) else {
          let text = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
          throw Unsupported(
            kind: .data,
            reason:
              "compressed with the filter \(text.isEmpty ? "number" : text) (\(id)), which is "
              + "not available")
        }
        return HDF5FilterStep(
          filter: filter, parameters: values.prefix(min(count, values.count)).map { Int($0) })
      }
    }

    /// Every chunk of the grid that was written.
    private func chunks(_ shape: [Int], _ dimensions: [Int]) throws(Unsupported) -> [HDF5Index
      .Chunk]
    {
      let grid = zip(dimensions, shape).map { ($0 + $1 - 1) / $1 }
      guard !dimensions.contains(0), let total = Shape(grid)?.count,
        total <= StructureLimits.chunks
      else {
        guard dimensions.contains(0) else {
          throw Unsupported(kind: .data, reason: "a grid of \(grid) chunks")
        }
        return []
      }
      var result: [HDF5Index.Chunk] = []
      var position = [Int](repeating: 0, count: grid.count)
      for _ in 0..<total {
        if let chunk = try chunk(at: zip(position, shape).map { $0 * $1 }) { result.append(chunk) }
        for axis in grid.indices.reversed() {
          position[axis] += 1
          if position[axis] < grid[axis] { break }
          position[axis] = 0
        }
      }
      return result
    }

    /// `nil` where it was never written.
    private func chunk(at origin: [Int]) throws(Unsupported) -> HDF5Index.Chunk? {
      var (mask, address, size): (UInt32, haddr_t, hsize_t) = (0, 0, 0)
      let found = unsafe savi_chunk_place(
        dataset, reader, origin.map { hsize_t($0) }, &address, &size, &mask)
      guard found >= 0 else {
        throw Unsupported(kind: .data, reason: "its index of chunks is damaged")
      }
      guard found > 0 else { return nil }
      return HDF5Index.Chunk(
        origin: origin, address: Int(exactly: address) ?? .max, size: Int(exactly: size) ?? .max,
        filterMask: Int(mask))
    }

    private func fillValue(_ properties: hid_t, _ type: hid_t) -> [UInt8] {
      var status = H5D_FILL_VALUE_UNDEFINED
      guard unsafe H5Pfill_value_defined(properties, &status) >= 0,
        status == H5D_FILL_VALUE_USER_DEFINED
      else { return [] }
      var bytes = [UInt8](repeating: 0, count: min(H5Tget_size(type), 16))
      return unsafe H5Pget_fill_value(properties, type, &bytes) >= 0 ? bytes : []
    }
  }
#endif
