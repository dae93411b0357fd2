#if HDF5
  import CHDF5
  import CheckpointCore

  /// Writes plain values as attributes of an HDF5 object, as h5py writes them.
  enum HDF5AttributeWriter {
    /// An attribute in an object's header has at most 64 KiB, its name and description included.
    private static let maximumSize = 60_000

    static func canHold(_ value: JSONValue) -> Bool {
      if case .null = value { return false }
      return text(value).map { $0.count <= maximumSize } ?? true
    }

    /// What is written as text; `nil` for numbers and bools.
    private static func text(_ value: JSONValue) -> [UInt8]? {
      switch value {
      case .string(let text): Array(text.utf8)
      case .array, .object: Array(value.serialized().utf8)
      case .null, .bool, .int, .double: nil
      }
    }

    static func write(_ value: JSONValue, _ name: String, of object: hid_t) throws {
      let type: hid_t
      let bytes: [UInt8]
      switch value {
      case .int(let number): (type, bytes) = (H5Tcopy(savi_h5t_std_i64le()), littleEndian(number))
      case .double(let number):
        type = H5Tcopy(savi_h5t_ieee_f64le())
        bytes = littleEndian(Int(bitPattern: UInt(number.bitPattern)))
      case .bool(let flag):
        type = H5Tenum_create(savi_h5t_std_i8le())
        for (name, member) in [("FALSE", Int8(0)), ("TRUE", 1)] {
          var member = member
          unsafe H5Tenum_insert(type, name, &member)
        }
        bytes = [flag ? 1 : 0]
      default:
        type = H5Tcopy(savi_h5t_c_s1())
        let text = text(value) ?? []
        // A string of no bytes is none to libhdf5.
        bytes = text.isEmpty ? [0] : text
        H5Tset_size(type, bytes.count)
        H5Tset_cset(type, H5T_CSET_UTF8)
      }
      let space = H5Screate(H5S_SCALAR)
      let attribute = unsafe H5Acreate2(
        object, name, type, space, H5P_DEFAULT_ID, H5P_DEFAULT_ID)
      defer {
        H5Tclose(type)
        H5Sclose(space)
        H5Aclose(attribute)
      }
      guard attribute >= 0, unsafe H5Awrite(attribute, type, bytes) >= 0 else {
        throw CheckpointError(entry: name, "libhdf5 cannot write this attribute")
      }
    }

    private static func littleEndian(_ value: Int) -> [UInt8] {
      (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
  }
#endif
