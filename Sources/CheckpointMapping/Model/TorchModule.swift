package import CheckpointCore

/// A node of the PyTorch module tree: what `print(model)` shows and `named_parameters()` walks.
package struct TorchModule: Sendable {
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
  package let layer: TorchLayer?
  /// What the module is built with, where its children do not show it: `pre_norm=True`.
  package let arguments: [Argument]
  /// Parameters that are attributes of this module itself.
  package let parameters: [(name: String, shape: Shape)]
  let children: [Child]

  package struct Argument: Sendable {
    package let name: String
    package let value: Value

    package enum Value: Sendable, Equatable {
      case flag(Bool)
      case texts([String])
    }
  }

  /// A tensor of the state dict.
  package struct NamedTensor: Sendable {
    package let name: TensorName
    package let shape: Shape
    /// The first name of the same parameter, where this is not the first.
    package let aliasOf: TensorName?
  }
}

extension TorchModule {
  /// The tensors of `state_dict()`, in its order: a module's own parameters, then its children's.
  package func stateDict() throws -> [NamedTensor] {
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
  package var submodules: [(name: String, module: TorchModule)] {
    children.compactMap { child in
      if case .module(let module) = child.content { (child.name, module) } else { nil }
    }
  }

  /// The module that `path` names: `decoder.backbone.cnn_layers`.
  package func submodule(_ path: String) -> TorchModule? {
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
  package func description() throws -> String { try describe(root: self).joined(separator: "\n") }

  private func describe(root: TorchModule) throws -> [String] {
    let extra = layer?.extraRepresentation ?? arguments.map(\.description).joined(separator: ", ")
    if children.isEmpty { return ["\(className)(\(extra))"] }
    var lines = ["\(className)("]
    if !extra.isEmpty { lines.append("  " + extra) }
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

extension TorchModule.Argument: CustomStringConvertible {
  /// As Python writes it: `targets=('depth', 'flow')`.
  package var description: String {
    switch value {
    case .flag(let flag): "\(name)=\(flag ? "True" : "False")"
    case .texts(let texts):
      "\(name)=(\(texts.map { "'\($0)'" }.joined(separator: ", "))\(texts.count == 1 ? "," : ""))"
    }
  }
}
