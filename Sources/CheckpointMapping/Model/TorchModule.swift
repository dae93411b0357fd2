public import CheckpointCore

/// A node of the PyTorch module tree: what `print(model)` shows and `named_parameters()` walks.
public struct TorchModule: Sendable {
  /// A submodule under its attribute name.
  struct Child: Sendable {
    let name: String
    let content: Content
  }

  indirect enum Content: Sendable {
    case module(TorchModule)
    /// The module at another path, registered a second time: its tensors share storage.
    case shared(path: String)
  }

  let className: String
  public let layer: TorchLayer?
  /// Parameters that are attributes of this module itself.
  public let parameters: [(name: String, shape: Shape)]
  let children: [Child]

  /// A tensor of the state dict.
  public struct NamedTensor: Sendable {
    public let name: TensorName
    public let shape: Shape
    /// The first name of the same parameter, where this is not the first.
    public let aliasOf: TensorName?
  }
}

extension TorchModule {
  /// The tensors of `state_dict()`, in its order: a module's own parameters, then its children's.
  public func stateDict() throws -> [NamedTensor] {
    try collect(prefix: "", canonical: "", root: self)
  }

  /// - Parameters:
  ///   - prefix: the path these tensors are named by.
  ///   - canonical: the path they were first registered under.
  private func collect(
    prefix: String, canonical: String, root: TorchModule
  ) throws -> [NamedTensor] {
    var result = parameters.map { parameter in
      NamedTensor(
        name: "\(prefix)\(parameter.name)", shape: parameter.shape,
        aliasOf: prefix == canonical ? nil : "\(canonical)\(parameter.name)")
    }
    for child in children {
      let name = prefix + child.name + "."
      switch child.content {
      case .module(let module):
        result += try module.collect(
          prefix: name, canonical: canonical + child.name + ".", root: root)
      case .shared(let path):
        result += try root.module(at: path).collect(
          prefix: name, canonical: path + ".", root: root)
      }
    }
    return result
  }

  /// The modules among the children, shared ones left out.
  public var submodules: [(name: String, module: TorchModule)] {
    children.compactMap { child in
      if case .module(let module) = child.content { (child.name, module) } else { nil }
    }
  }

  /// The module that `path` names: `decoder.backbone.cnn_layers`.
  public func submodule(_ path: String) -> TorchModule? {
    path.split(separator: ".").reduce(self) { module, part in
      module?.submodules.first { $0.name == part }?.module
    }
  }

  /// The module that `path` names, through modules of their own only: a chain of shared modules
  /// could lead back to itself.
  private func module(at path: String) throws -> TorchModule {
    var module = self
    guard !path.isEmpty else {
      throw CheckpointError(entry: path, "a shared module must name another module")
    }
    for part in path.split(separator: ".") {
      guard let child = module.children.first(where: { $0.name == part }),
        case .module(let next) = child.content, !next.containsShared
      else {
        throw CheckpointError(
          entry: path, "a shared module must name a module that shares nothing itself")
      }
      module = next
    }
    return module
  }

  private var containsShared: Bool {
    children.contains { child in
      switch child.content {
      case .module(let module): module.containsShared
      case .shared: true
      }
    }
  }

  /// The tree as `print(model)` writes it (torch/nn/modules/module.py, `__repr__`).
  public func description() throws -> String { try describe(root: self).joined(separator: "\n") }

  private func describe(root: TorchModule) throws -> [String] {
    if children.isEmpty { return ["\(className)(\(layer?.extraRepresentation ?? ""))"] }
    var lines = ["\(className)("]
    for child in children {
      let inner =
        switch child.content {
        case .module(let module): try module.describe(root: root)
        case .shared(let path): try root.module(at: path).describe(root: root)
        }
      lines.append("  (\(child.name)): \(inner[0])")
      lines += inner.dropFirst().map { "  " + $0 }
    }
    return lines + [")"]
  }
}

extension TorchModule {
  /// - Parameter dimensions: the extents that the document names.
  init(_ node: DocumentNode, _ dimensions: [String: Int]) throws {
    let known = [
      "name", "class", "children", "parameters", "in_channels", "out_channels", "kernel_size",
      "stride", "padding", "in_features", "out_features", "normalized_shape", "eps",
      "input_size", "hidden_size",
    ]
    let members = try node.members(known: known)
    className = try members.require("class", of: node).string()
    layer = try Self.layer(className, members, node, dimensions)
    var own = try (members["parameters"]?.namedMembers() ?? []).map { name, node in
      (name: name, shape: try Self.shape(try node.extents(dimensions), node))
    }
    for (name, extents) in layer?.parameters ?? [] {
      own.append((name, try Self.shape(extents, node)))
    }
    parameters = own
    children = try (members["children"]?.items() ?? []).map { try Child($0, dimensions) }
    var names = Set(parameters.map(\.name))
    for child in children where !names.insert(child.name).inserted {
      throw node.problem("two members are named '\(child.name)'")
    }
  }

  private static func shape(_ extents: [Int], _ node: DocumentNode) throws -> Shape {
    guard let shape = Shape(extents) else { throw node.problem("\(extents) is not a shape") }
    return shape
  }

  private static func layer(
    _ className: String, _ members: [String: DocumentNode], _ node: DocumentNode,
    _ dimensions: [String: Int]
  ) throws -> TorchLayer? {
    func extent(_ key: String) throws -> Int {
      try members.require(key, of: node).extent(dimensions)
    }
    func extents(_ key: String) throws -> [Int] {
      try members.require(key, of: node).extents(dimensions)
    }
    func convolution() throws -> TorchLayer.Convolution {
      let padding = try members.require("padding", of: node)
      return TorchLayer.Convolution(
        inChannels: try extent("in_channels"), outChannels: try extent("out_channels"),
        kernelSize: try extents("kernel_size"), stride: try extents("stride"),
        padding: padding.value == .string("same")
          ? .same : .amounts(try padding.extents(dimensions)))
    }
    switch className {
    case "Conv2d": return .conv2d(try convolution())
    case "ConvTranspose2d": return .convTranspose2d(try convolution())
    case "Linear":
      return .linear(
        inFeatures: try extent("in_features"), outFeatures: try extent("out_features"))
    case "LayerNorm":
      return .layerNorm(
        normalizedShape: try extents("normalized_shape"),
        epsilon: try members.require("eps", of: node).double())
    case "GRUCell":
      return .gruCell(inputSize: try extent("input_size"), hiddenSize: try extent("hidden_size"))
    default: return nil
    }
  }
}

extension TorchModule.Child {
  init(_ node: DocumentNode, _ dimensions: [String: Int]) throws {
    if case .object(let members) = node.value, members.contains(where: { $0.key == "shared" }) {
      let members = try node.members(known: ["name", "shared"])
      name = try members.require("name", of: node).string()
      content = .shared(path: try members.require("shared", of: node).string())
    } else {
      let members = try node.namedMembers()
      guard let named = members.first(where: { $0.name == "name" }) else {
        throw node.problem("the key 'name' is missing")
      }
      name = try named.node.string()
      content = .module(try TorchModule(node, dimensions))
    }
  }
}
