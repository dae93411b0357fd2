#if HDF5
  import CHDF5
  import CheckpointCore

  /// Attributes of HDF5 objects: text, numbers and bools, one or a list of them.
  enum HDF5Attributes {
    /// More strings than any model has layers.
    private static let maximumCount = 1_000_000
    private static let maximumStringSize = 1 << 26

    /// A list that Keras keeps in `name`, or split over `name0`, `name1`, … where it is long.
    static func keras(_ name: String, of object: hid_t) -> [String] {
      let whole = strings(name, of: object)
      guard whole.isEmpty else { return whole }
      var result: [String] = []
      for part in 0... {
        let more = strings("\(name)\(part)", of: object)
        if more.isEmpty { break }
        result += more
      }
      return result
    }

    /// The strings of an attribute; none where it does not exist or is of another type.
    static func strings(_ name: String, of object: hid_t) -> [String] {
      guard unsafe H5Aexists(object, name) > 0 else { return [] }
      let attribute = unsafe H5Aopen(object, name, H5P_DEFAULT_ID)
      guard attribute >= 0 else { return [] }
      defer { H5Aclose(attribute) }
      let type = H5Aget_type(attribute)
      let space = H5Aget_space(attribute)
      defer {
        H5Tclose(type)
        H5Sclose(space)
      }
      let count = Int(H5Sget_simple_extent_npoints(space))
      guard H5Tget_class(type) == H5T_STRING, (1...maximumCount).contains(count) else { return [] }
      return strings(attribute, type, count)
    }

    /// What an attribute holds; `nil` where it has another type, other extents than one list, or more
    /// items than anyone reads.
    static func value(_ attribute: hid_t) -> JSONValue? {
      let type = H5Aget_type(attribute)
      let space = H5Aget_space(attribute)
      defer {
        H5Tclose(type)
        H5Sclose(space)
      }
      let count = Int(H5Sget_simple_extent_npoints(space))
      let rank = H5Sget_simple_extent_ndims(space)
      guard (0...1).contains(rank), (1...maximumCount).contains(count) else { return nil }
      let items: [JSONValue]
      if H5Tget_class(type) == H5T_STRING {
        items = strings(attribute, type, count).map(JSONValue.string)
      } else {
        items = numbers(attribute, type, count)
      }
      guard items.count == count else { return nil }
      return rank == 0 ? items[0] : .array(items)
    }

    private static func strings(_ attribute: hid_t, _ type: hid_t, _ count: Int) -> [String] {
      H5Tis_variable_str(type) > 0
        ? variableStrings(attribute, type, count) : fixedStrings(attribute, type, count)
    }

    private static func numbers(
      _ attribute: hid_t, _ type: hid_t, _ count: Int
    ) -> [JSONValue] {
      let size = H5Tget_size(type)
      guard (1...8).contains(size), H5Tget_order(type) != H5T_ORDER_VAX else { return [] }
      var bytes = [UInt8](repeating: 0, count: size * count)
      guard unsafe H5Aread(attribute, type, &bytes) >= 0 else { return [] }
      let isBig = H5Tget_order(type) == H5T_ORDER_BE
      let kind = H5Tget_class(type)
      let isSigned = kind == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2
      return (0..<count).compactMap { index in
        let item = bytes[index * size..<(index + 1) * size]
        let bits = (isBig ? Array(item) : item.reversed()).reduce(UInt64(0)) {
          $0 << 8 | UInt64($1)
        }
        switch kind {
        case H5T_INTEGER:
          let shift = 64 - 8 * size
          return isSigned
            ? .int(Int(Int64(bitPattern: bits << shift) >> shift))
            : Int(exactly: bits).map { .int($0) }
        // What h5py makes of a bool: an enumeration of FALSE and TRUE.
        case H5T_ENUM where size == 1 && bits < 2: return .bool(bits == 1)
        case H5T_FLOAT where size == 8: return number(Double(bitPattern: bits))
        case H5T_FLOAT where size == 4:
          return number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
        default: return nil
        }
      }
    }

    private static func number(_ value: Double) -> JSONValue? {
      value.isFinite ? .double(value) : nil
    }

    private static func variableStrings(
      _ attribute: hid_t, _ type: hid_t, _ count: Int
    ) -> [String] {
      // libhdf5 fills in pointers it allocates; the helper's end frees them.
      var pointers = unsafe [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
      guard unsafe H5Aread(attribute, type, &pointers) >= 0 else { return [] }
      return unsafe pointers.map { pointer in
        unsafe pointer.map { unsafe String(cString: $0) } ?? ""
      }
    }

    private static func fixedStrings(_ attribute: hid_t, _ type: hid_t, _ count: Int) -> [String] {
      let size = H5Tget_size(type)
      guard size > 0, size <= maximumStringSize / count else { return [] }
      var bytes = [UInt8](repeating: 0, count: size * count)
      guard unsafe H5Aread(attribute, type, &bytes) >= 0 else { return [] }
      return (0..<count).map { index in
        String(decoding: bytes[index * size..<(index + 1) * size].prefix { $0 != 0 }, as: UTF8.self)
      }
    }
  }
#endif
