import CHDF5

/// Text attributes of HDF5 objects.
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
    return H5Tis_variable_str(type) > 0
      ? variableStrings(attribute, type, count) : fixedStrings(attribute, type, count)
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
