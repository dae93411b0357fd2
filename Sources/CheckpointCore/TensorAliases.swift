/// The tensors of `list`, each with the first name that views the same elements, if another does.
package func withAliases(_ list: [TensorInfo]) -> [(tensor: TensorInfo, aliasOf: TensorName?)] {
  struct Identity: Hashable {
    let storage: StorageView
    let dtype: DType
    let shape: Shape

    func hash(into hasher: inout Hasher) { hasher.combine(storage) }
  }
  let beginnings = repeatedBeginnings(of: list)
  var first: [Identity: TensorName] = [:]
  return list.map { tensor in
    // Tensors without elements share nothing, whatever storage they name.
    guard let storage = tensor.storage, tensor.shape.count > 0,
      storage.beginning.map(beginnings.contains) ?? true
    else { return (tensor, nil) }
    let identity = Identity(storage: storage, dtype: tensor.dtype, shape: tensor.shape)
    if let name = first[identity] { return (tensor, name) }
    first[identity] = tensor.name
    return (tensor, nil)
  }
}

/// The bytes of the file where more than one tensor begins: only those can be second names, and
/// most files have none.
private func repeatedBeginnings(of list: [TensorInfo]) -> Set<Int> {
  let beginnings = list.compactMap { $0.storage?.beginning }.sorted()
  return Set(zip(beginnings, beginnings.dropFirst()).lazy.filter { $0 == $1 }.map(\.0))
}

extension StorageView {
  /// The byte of the file where the first element begins; `nil` where the storage is compressed.
  fileprivate var beginning: Int? { fileOffset.map { $0 + offset } }
}
