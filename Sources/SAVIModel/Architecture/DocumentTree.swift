import CheckpointCore
import CheckpointMapping

/// The parts of a document's module tree, each asked for by its path.
struct DocumentTree {
  private let document: ModelDocument
  private let root: TorchModule

  init(_ document: ModelDocument) throws {
    guard let root = document.modules else {
      throw CheckpointError(
        entry: document.name, "this document has a mapping but no module tree",
        advice: "the forward pass needs \"modules\" to know the model's sizes and strides")
    }
    self.document = document
    self.root = root
  }

  func refuse(_ path: TensorName, _ message: String) -> CheckpointError {
    CheckpointError(
      entry: path, "the model \(document.name) \(message)",
      advice: "the forward pass runs models with SAVi's module tree; see 'savi-ckpt describe'")
  }

  func dimension(_ name: String) throws -> Int {
    guard let dimension = document.dimensions.first(where: { $0.name == name }) else {
      throw refuse(TensorName(name), "does not say this dimension")
    }
    return dimension.extent
  }

  func has(_ path: TensorName) -> Bool { root.submodule(path.text) != nil }

  private func module(_ path: TensorName) throws -> TorchModule {
    guard let module = root.submodule(path.text) else {
      throw refuse(path, "has no such module")
    }
    return module
  }

  /// The paths of a module's children, in their order.
  func children(_ path: TensorName) throws -> [TensorName] {
    try module(path).submodules.map { "\(path).\($0.name)" }
  }

  /// Whether the module is built with `name` being true.
  func flag(_ path: TensorName, _ name: String) throws -> Bool {
    switch try argument(path, name) {
    case nil: return false
    case .flag(let flag): return flag
    case .texts: throw refuse(path, "has an argument '\(name)' that is neither true nor false")
    }
  }

  /// The strings that the module is built with; `nil` where it is built without.
  func texts(_ path: TensorName, _ name: String) throws -> [String]? {
    switch try argument(path, name) {
    case nil: return nil
    case .texts(let texts): return texts
    case .flag: throw refuse(path, "has an argument '\(name)' that is no list of names")
    }
  }

  private func argument(
    _ path: TensorName, _ name: String
  ) throws -> TorchModule.Argument.Value? {
    try module(path).arguments.first { $0.name == name }?.value
  }

  func parameter(_ path: TensorName, _ name: String, rank: Int) throws -> [Int] {
    let parameter = try module(path).parameters.first { $0.name == name }
    guard let shape = parameter?.shape, shape.rank == rank else {
      throw refuse("\(path).\(name)", "has no parameter of rank \(rank) here")
    }
    return shape.dimensions
  }

  func linear(_ path: TensorName) throws -> (inputs: Int, outputs: Int) {
    guard case .linear(let inputs, let outputs) = try module(path).layer else {
      throw refuse(path, "has no Linear here")
    }
    return (inputs, outputs)
  }

  /// Checks the widths of a Linear.
  func require(_ path: TensorName, inputs: Int, outputs: Int) throws {
    let found = try linear(path)
    guard found == (inputs, outputs) else {
      throw refuse(
        path,
        "has a Linear from \(found.inputs) to \(found.outputs) here, "
          + "which must lead from \(inputs) to \(outputs)")
    }
  }

  func epsilons(_ paths: [TensorName]) throws -> [TensorName: Double] {
    var result: [TensorName: Double] = [:]
    for path in paths {
      guard case .layerNorm(_, let epsilon) = try module(path).layer else {
        throw refuse(path, "has no LayerNorm here")
      }
      result[path] = epsilon
    }
    return result
  }

  func groupNorm(_ path: TensorName) throws -> GroupNormLayer {
    guard case .groupNorm(let groups, let channels, let epsilon) = try module(path).layer else {
      throw refuse(path, "has no GroupNorm here")
    }
    guard groups > 0, channels > 0, channels % groups == 0 else {
      throw refuse(path, "has \(groups) groups here, which do not divide \(channels) channels")
    }
    return GroupNormLayer(path: path, groups: groups, channels: channels, portEpsilon: epsilon)
  }

  /// The convolutions among the children of the module at `path`.
  func convolutions(_ path: TensorName) throws -> [ConvolutionLayer] {
    try children(path).filter { try module($0).layer != nil }.map(convolution)
  }

  func convolution(_ path: TensorName) throws -> ConvolutionLayer {
    switch try module(path).layer {
    case .conv2d(let layer): try convolution(path, layer, isTransposed: false)
    case .convTranspose2d(let layer): try convolution(path, layer, isTransposed: true)
    default: throw refuse(path, "has no convolution here")
    }
  }

  private func convolution(
    _ name: TensorName, _ layer: TorchLayer.Convolution, isTransposed: Bool
  ) throws -> ConvolutionLayer {
    let (kernel, strides) = (layer.kernelSize, layer.stride)
    guard kernel.count == 2, strides.count == 2, kernel.min() ?? 0 > 0,
      strides[0] == strides[1], strides[0] > 0
    else { throw refuse(name, "has a convolution that is not two-dimensional with one stride") }
    let padding: Int
    switch layer.padding {
    case .same where !isTransposed && strides[0] == 1 && kernel[0] == kernel[1]:
      padding = (kernel[0] - 1) / 2
    case .amounts(let amounts)
    where amounts.count == 2 && amounts[0] == amounts[1] && amounts[0] < kernel.min() ?? 0:
      padding = amounts[0]
    default: throw refuse(name, "has a padding that is neither SAME nor one below its kernel")
    }
    // PyTorch's output has stride·n pixels for an output_padding of this many, which must be below
    // the stride (torch/nn/modules/conv.py).
    let outputPadding = strides[0] - kernel[0] + 2 * padding
    guard !isTransposed || (0..<strides[0]).contains(outputPadding) else {
      throw refuse(name, "has a padding with which no output_padding gives \(strides[0])·n pixels")
    }
    return ConvolutionLayer(
      name: name, isTransposed: isTransposed, kernelHeight: kernel[0], kernelWidth: kernel[1],
      inputs: layer.inChannels, outputs: layer.outChannels, stride: strides[0],
      portPadding: padding, hasBias: layer.hasBias)
  }
}
