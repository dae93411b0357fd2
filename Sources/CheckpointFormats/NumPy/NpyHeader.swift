import Bytes
import CheckpointCore

/// The header of an npy file.
///
///     0   6   magic "\x93NUMPY"
///     6   2   major, minor version: 1.0, 2.0 or 3.0
///     8   2|4 header length, little-endian: 2 bytes in version 1, 4 in versions 2 and 3
///     10|12   a Python dict with the keys 'descr', 'fortran_order' and 'shape', in any order,
///             ASCII (Latin-1 before version 3, UTF-8 in it), padded with spaces, ending in "\n"
///     then    the elements, in C order or Fortran order
///
/// Source: NEP 1 and the documentation of numpy.lib.format.
struct NpyHeader {
  let descriptor: NpyDescriptor
  let isFortranOrder: Bool
  let shape: Shape
  /// Bytes before the first element.
  let dataOffset: Int

  static let magic: [UInt8] = [0x93] + "NUMPY".utf8
  /// NumPy itself refuses headers over 10,000 characters unless told otherwise; a structured dtype
  /// with thousands of fields may be longer.
  private static let maximumLength = 1 << 20

  /// Reads the header through `prefix`, which returns up to so many bytes from the start.
  init(rawTypes: [Int: DType], _ prefix: (Int) throws -> [UInt8]) throws {
    var bytes = try prefix(4096)
    guard bytes.starts(with: Self.magic) else {
      throw CheckpointError(
        "it does not begin with the npy magic string",
        advice: "the file is damaged or was not written by NumPy")
    }
    do {
      var reader = ByteReader(bytes)
      try reader.skip(Self.magic.count)
      let (major, minor) = (try reader.readByte(), try reader.readByte())
      guard (1...3).contains(major), minor == 0 else {
        throw CheckpointError(
          "npy format version \(major).\(minor) is not known (1.0, 2.0 and 3.0 are)")
      }
      let length =
        major == 1
        ? Int(try reader.readLittleEndian(UInt16.self))
        : Int(try reader.readLittleEndian(UInt32.self))
      guard length <= Self.maximumLength else {
        throw CheckpointError(
          "its header claims \(length) bytes; at most \(Self.maximumLength) are read",
          advice: "the file is damaged or was not written by NumPy")
      }
      dataOffset = reader.position + length
      if dataOffset > bytes.count {
        bytes = try prefix(dataOffset)
        let position = reader.position
        reader = ByteReader(bytes)
        try reader.skip(position)
      }
      let fields = try Self.fields(try reader.read(length))
      descriptor = NpyDescriptor(fields.descr, rawTypes: rawTypes)
      (isFortranOrder, shape) = (fields.isFortranOrder, fields.shape)
    } catch let error as ByteReader.Truncated {
      throw CheckpointError(error, reading: "the npy header")
    }
  }

  private static func fields(
    _ text: ArraySlice<UInt8>
  ) throws -> (descr: PythonLiteral, isFortranOrder: Bool, shape: Shape) {
    let literal = try PythonLiteral.parse(text)
    guard case .dict(let items) = literal,
      items.map(\.key).sorted() == ["descr", "fortran_order", "shape"],
      let descr = items.first(where: { $0.key == "descr" })?.value,
      case .bool(let isFortranOrder)? = items.first(where: { $0.key == "fortran_order" })?.value,
      case .tuple(let extents)? = items.first(where: { $0.key == "shape" })?.value
    else {
      throw CheckpointError(
        "its header should hold 'descr', 'fortran_order' (a bool) and 'shape' (a tuple); found "
          + String(literal.description.prefix(200)),
        advice: "the file is damaged or was not written by NumPy")
    }
    let dimensions = extents.compactMap { if case .int(let extent) = $0 { extent } else { nil } }
    guard dimensions.count == extents.count, let shape = Shape(dimensions) else {
      throw CheckpointError(
        "its shape \(PythonLiteral.tuple(extents)) is not one of sizes that fit 64 bits",
        advice: "the file is damaged or was not written by NumPy")
    }
    return (descr, isFortranOrder, shape)
  }

  /// Adds the array, or the arrays among its objects, to `contents`; checks the entry's size.
  ///
  /// - Parameter source: the npy file, from its header on.
  func add(
    _ name: TensorName, in source: some StorageSource, key: String, to contents: inout StoredTensors
  ) throws {
    switch descriptor {
    case .elements(let dtype, let isBigEndian):
      let layout = try layout(dtype, isBigEndian: isBigEndian, entrySize: source.size)
      try contents.add(name, layout, in: source, key: key)
    case .unsupported(let reason):
      try contents.addPlaceholder(name, .data, "\(reason), shape \(shape)")
    case .objects:
      let pickle = try source.read(dataOffset..<max(dataOffset, source.size))
      let (tree, length) = try PickleMachine.decode(pickle[...])
      guard length == pickle.count else {
        throw CheckpointError(
          entry: name, "\(pickle.count - length) bytes follow the pickle of its objects",
          advice: "the file is damaged; fetch or save it again")
      }
      try contents.addPickled(tree, name: name, separator: "/")
    }
  }

  private func layout(
    _ dtype: DType, isBigEndian: Bool, entrySize: Int
  ) throws -> ElementLayout {
    guard let byteCount = shape.count.multipliedChecked(by: dtype.itemSize),
      byteCount == entrySize - dataOffset
    else {
      throw CheckpointError(
        "\(dtype) \(shape) takes \(shape.count) × \(dtype.itemSize) bytes, but "
          + "\(entrySize - dataOffset) follow its header",
        advice: "the file is truncated or damaged; fetch or save it again")
    }
    let strides = isFortranOrder ? shape.fortranStrides : shape.strides
    return ElementLayout(
      dtype: dtype, shape: shape, byteOffset: dataOffset, strides: strides,
      isBigEndian: isBigEndian)
  }

  /// The header NumPy writes before an array of `dtype` and `shape` in C order, to the byte:
  /// padded to a multiple of 64, with room for the first extent to grow to 21 digits.
  static func bytes(dtype: DType, shape: Shape) -> [UInt8] {
    var text =
      "{'descr': '\(NpyDescriptor.descr(of: dtype))', 'fortran_order': False, "
      + "'shape': \(shape), }"
    if let first = shape.dimensions.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).count))
    }
    let isLong = text.utf8.count + 1 + 10 + 64 > 0xFFFF
    let fixed = magic.count + 2 + (isLong ? 4 : 2)
    let padded = (fixed + text.utf8.count + 1).roundedUp(toMultipleOf: 64)
    text += String(repeating: " ", count: padded - fixed - text.utf8.count - 1) + "\n"
    var bytes = magic + [isLong ? 2 : 1, 0]
    if isLong {
      bytes.appendLittleEndian(UInt32(text.utf8.count))
    } else {
      bytes.appendLittleEndian(UInt16(text.utf8.count))
    }
    return bytes + text.utf8
  }
}
