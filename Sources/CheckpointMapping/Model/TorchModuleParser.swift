import CheckpointCore

extension TorchModule {
  /// - Parameter dimensions: the extents that the document names.
  init(_ node: DocumentNode, _ dimensions: [String: Int]) throws {
    let known = [
      "name", "class", "children", "parameters", "in_channels", "out_channels", "kernel_size",
      "stride", "padding", "in_features", "out_features", "normalized_shape", "eps",
      "input_size", "hidden_size", "bias", "num_groups", "num_channels", "arguments", "range",
    ]
    let members = try node.members(known: known)
    className = try members.require("class", of: node).string()
    layer = try Self.layer(className, members, node, dimensions)
    arguments = try (members["arguments"]?.namedMembers() ?? []).map {
      Argument(name: $0.name, value: try Argument.Value($0.node))
    }
    var own = try (members["parameters"]?.namedMembers() ?? []).map { name, node in
      (name: name, shape: try Self.shape(try node.extents(dimensions), node))
    }
    for (name, extents) in layer?.parameters ?? [] {
      own.append((name, try Self.shape(extents, node)))
    }
    parameters = own
    children = try (members["children"]?.items() ?? []).flatMap { try Child.family($0, dimensions) }
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
          ? .same : .amounts(try padding.extents(dimensions)),
        hasBias: try members["bias"]?.bool() ?? true)
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
    case "GroupNorm":
      return .groupNorm(
        groups: try extent("num_groups"), channels: try extent("num_channels"),
        epsilon: try members.require("eps", of: node).double())
    case "GRUCell":
      return .gruCell(inputSize: try extent("input_size"), hiddenSize: try extent("hidden_size"))
    default: return nil
    }
  }
}

extension TorchModule.Argument.Value {
  fileprivate init(_ node: DocumentNode) throws {
    self =
      if case .bool(let flag) = node.value { .flag(flag) } else {
        .texts(try node.items().map { try $0.string() })
      }
  }
}

extension TorchModule.Child {
  /// More modules than any model has: the numbers of nested families multiply.
  private static let maximumModules = 100_000

  /// A child, or a numbered family of equal ones: the name then holds the range's variable.
  fileprivate static func family(
    _ node: DocumentNode, _ dimensions: [String: Int]
  ) throws -> [Self] {
    let members = try node.namedMembers()
    func member(_ name: String) -> DocumentNode? { members.first { $0.name == name }?.node }
    guard let named = member("name") else { throw node.problem("the key 'name' is missing") }
    let name = try named.string()
    guard member("shared") == nil else {
      let members = try node.members(known: ["name", "shared"])
      let path = try members.require("shared", of: node).string()
      return [.init(name: name, content: .shared(path: path))]
    }
    let module = try TorchModule(node, dimensions)
    guard let range = member("range") else { return [.init(name: name, content: .module(module))] }
    let (variable, numbers) = try Self.range(range, dimensions)
    guard numbers.count <= maximumModules / module.moduleCount else {
      throw range.problem("it stands for more than \(maximumModules) modules")
    }
    let pattern = try NamePattern(name)
    return try numbers.map { number in
      guard pattern.variables == [variable], let name = pattern.name([variable: number]) else {
        throw named.problem("'\(name)' must hold the range's number {\(variable)}, and no other")
      }
      return .init(name: name.text, content: .module(module))
    }
  }

  /// The variable and its numbers: none where the last is the one before the first.
  private static func range(
    _ node: DocumentNode, _ dimensions: [String: Int]
  ) throws -> (variable: String, numbers: Range<Int>) {
    let members = try node.namedMembers()
    guard members.count == 1 else { throw node.problem("one variable expected") }
    let bounds = try members[0].node.extents(dimensions)
    guard bounds.count == 2, bounds[0] <= bounds[1] + 1 else {
      throw node.problem("two integers, first and last, expected")
    }
    return (members[0].name, bounds[0]..<bounds[1] + 1)
  }
}

extension TorchModule {
  /// This module and all below it.
  fileprivate var moduleCount: Int {
    children.reduce(1) { count, child in
      if case .module(let module) = child.content { count + module.moduleCount } else { count + 1 }
    }
  }
}
