import Bytes
import CheckpointCore

/// NumPy arrays and scalars inside a pickle, read from what NumPy's own reducers record.
///
///     _reconstruct(ndarray, (0,), b'b')  + state (version, shape, dtype, is_fortran, bytes)
///     _frombuffer(bytes, dtype, shape, 'C' or 'F')
///     scalar(dtype, bytes)
///     dtype('f4', False, True)           + state (version, byte order, …)
///
/// An array of objects, of type 'O8', has a list of them in place of the bytes.
///
/// Source: numpy/_core/src/multiarray, `array_reduce`, `arraydescr_reduce` and `gentype_reduce`.
struct NumPyPickle {
  let tree: PickleTree

  struct Array {
    let layout: ElementLayout
    let bytes: ArraySlice<UInt8>
  }

  struct Unsupported: Error {
    let reason: String
  }

  /// An array of Python objects, which pickles as their list.
  struct Objects {
    let shape: Shape
    /// In C order.
    let elements: [PickleTree.ID]

    /// The index of an element along each dimension.
    func index(of number: Int) -> [Int] {
      zip(shape.strides, shape.dimensions).map { number / $0 % $1 }
    }
  }

  /// `nil` for an array of anything else.
  func objects(_ object: PickleTree.Object) -> Objects? {
    guard let state = tree[object].state.flatMap({ tree.items(ofSequence: $0) }), state.count >= 5,
      let shape = tree.ints(state[1]).flatMap({ Shape($0) }), typeName(state[2]) == "O8",
      case .list(let items) = tree[state[4]], tree[items].count == shape.count,
      // Fortran order would be another list; one-dimensional arrays have both.
      tree.int(state[3]) != 1 || shape.rank < 2
    else { return nil }
    return Objects(shape: shape, elements: tree[items].map(\.self))
  }

  func decode(_ object: PickleTree.Object) -> Result<Array, Unsupported> {
    let parts = tree[object]
    if let state = parts.state.flatMap({ tree.items(ofSequence: $0) }), state.count >= 5,
      let dimensions = tree.ints(state[1]), let shape = Shape(dimensions)
    {
      return make(
        dtype: state[2], shape: shape, isFortran: tree.int(state[3]) == 1, data: state[4])
    }
    let arguments = tree.items(ofSequence: parts.arguments) ?? []
    if arguments.count == 4, let dimensions = tree.ints(arguments[2]), let shape = Shape(dimensions)
    {
      return make(
        dtype: arguments[1], shape: shape, isFortran: tree.text(arguments[3]) == "F",
        data: arguments[0])
    }
    if arguments.count == 2 {
      return make(dtype: arguments[0], shape: .scalar, isFortran: false, data: arguments[1])
    }
    return .failure(Unsupported(reason: "a NumPy array in an unknown form"))
  }

  private func make(
    dtype: PickleTree.ID, shape: Shape, isFortran: Bool, data: PickleTree.ID
  ) -> Result<Array, Unsupported> {
    guard let (type, isBigEndian) = elementType(dtype) else {
      return .failure(
        Unsupported(reason: "a NumPy array whose elements have no type here, shape \(shape)"))
    }
    guard let bytes = rawBytes(data),
      shape.count.multipliedChecked(by: type.itemSize) == bytes.count
    else {
      return .failure(
        Unsupported(reason: "a NumPy array whose bytes do not fit \(type) \(shape)"))
    }
    let strides = isFortran ? shape.fortranStrides : shape.strides
    let layout = ElementLayout(
      dtype: type, shape: shape, byteOffset: 0, strides: strides, isBigEndian: isBigEndian)
    return .success(Array(layout: layout, bytes: bytes))
  }

  /// The first argument of `dtype`.
  private func typeName(_ id: PickleTree.ID) -> String? {
    guard case .object(let object) = tree[id],
      tree.global(of: object)?.description == "numpy.dtype"
    else { return nil }
    return tree.items(ofSequence: tree[object].arguments)?.first.flatMap { tree.text($0) }
  }

  private func elementType(_ id: PickleTree.ID) -> (DType, isBigEndian: Bool)? {
    guard case .object(let object) = tree[id], let name = typeName(id) else { return nil }
    let order = tree[object].state.flatMap { tree.items(ofSequence: $0) }.flatMap { state in
      state.count > 1 ? tree.text(state[1]) : nil
    }
    guard case .elements(let dtype, _) = NpyDescriptor(.string(name), rawTypes: [:]) else {
      return nil
    }
    return (dtype, order == ">")
  }

  /// Bytes, or the Latin-1 text that protocol 2 makes of them: `_codecs.encode(text, 'latin1')`.
  func rawBytes(_ id: PickleTree.ID) -> ArraySlice<UInt8>? {
    switch tree[id] {
    case .bytes(let bytes): return tree[bytes]
    case .string(let text): return latin1(text)
    case .object(let object) where tree.global(of: object)?.description == "_codecs.encode":
      return tree.items(ofSequence: tree[object].arguments)?.first.flatMap { tree.text($0) }
        .flatMap(latin1)
    default: return nil
    }
  }

  private func latin1(_ text: String) -> ArraySlice<UInt8>? {
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    return bytes.count == text.unicodeScalars.count ? bytes[...] : nil
  }
}
