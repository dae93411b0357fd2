/// The tensors of `list`, each with the first name that views the same elements, if another does.
package func withAliases(_ list: [TensorInfo]) -> [(tensor: TensorInfo, aliasOf: TensorName?)] {
  struct Identity: Hashable {
    let storage: StorageView
    let dtype: DType
    let shape: Shape

    func hash(into hasher: inout Hasher) { hasher.combine(storage) }
  }
  var first: [Identity: TensorName] = [:]
  first.reserveCapacity(list.count)
  return list.map { tensor in
    // Tensors without elements share nothing, whatever storage they name.
    guard let storage = tensor.storage, tensor.shape.count > 0 else { return (tensor, nil) }
    let identity = Identity(storage: storage, dtype: tensor.dtype, shape: tensor.shape)
    if let name = first[identity] { return (tensor, name) }
    first[identity] = tensor.name
    return (tensor, nil)
  }
}
