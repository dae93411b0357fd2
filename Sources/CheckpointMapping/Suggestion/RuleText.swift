import CheckpointCore

extension NamedLayout {
  /// The keys of a rule that say this layout.
  var documentMembers: [JSONValue.Member] {
    let known = Self.builtIn.first { $0.name == name && !name.isEmpty }
    var members = [
      JSONValue.Member(
        "layout",
        .string(known?.name ?? (layout.isCopy ? Self.copyName : layout.formula.description)))
    ]
    if known == nil, !layout.flip.isEmpty {
      members.append(.init("flip", .array(layout.flip.map(JSONValue.string))))
    }
    if !layout.at.isEmpty {
      members.append(
        .init(
          "at",
          .object(
            layout.at.sorted { $0.key < $1.key }.map { axis, index in
              .init(
                axis, index.variable == nil ? .int(index.offset) : .string(index.description))
            })))
    }
    let sizes = layout.sizes.filter { known?.layout.sizes[$0.key] != $0.value }
    if !sizes.isEmpty {
      members.append(
        .init(
          "sizes",
          .object(
            sizes.sorted { $0.key < $1.key }.map { axis, extent in
              switch extent {
              case .number(let number): .init(axis, .int(number))
              case .sibling(let name, let dimension):
                .init(
                  axis, .object(["of": .string(name.description), "axis": .int(dimension)]))
              }
            })))
    }
    if known == nil, let fill = layout.fill {
      members.append(.init("fill", .object([.init(fill.axis, .ints(fill.positions))])))
    }
    if known == nil, !layout.order.isEmpty {
      members.append(
        .init(
          "order",
          .object(layout.order.sorted { $0.key < $1.key }.map { .init($0.key, .ints($0.value)) })))
    }
    if known == nil, let operation = layout.operation {
      members.append(.init("values", .string(operation.description)))
    }
    return members
  }
}

extension DraftRule {
  /// The rule as a document writes it, every number in its names as it is.
  var document: [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    func put(_ key: String, _ names: [TensorName]) {
      let isOne = names.count == 1
      members.append(
        .init(
          isOne ? key : key + "s",
          isOne ? .name(names[0]) : .array(names.map { .name($0) })))
    }
    switch content {
    case .tensors(let sources, let layout):
      put("target", targets)
      put("source", sources)
      members += layout.documentMembers
    case .constant(let constant):
      members.append(.init("constant", .name(targets[0])))
      switch constant.extents {
      case .shape(let shape): members.append(.init("shape", .ints(shape.dimensions)))
      case .like(let name): members.append(.init("like", .string(name.description)))
      }
      members.append(.init("dtype", .string(constant.dtype.name)))
      switch constant.value {
      case .range: members.append(.init("value", .string("range")))
      case .number(let number):
        members.append(.init("value", Int(exactly: number).map(JSONValue.int) ?? .double(number)))
      }
    case .template:
      put("target", targets)
      members.append(.init("from_template", .bool(true)))
    case .alias(let of):
      members.append(.init("alias", .name(targets[0])))
      members.append(.init("of", .name(of)))
    case .drop: members.append(.init("drop", .name(targets[0])))
    }
    members.append(.init("evidence", .string(evidence.rawValue)))
    if let question {
      members.append(.init("confirm", .string(question.text)))
      if !question.alternatives.isEmpty {
        members.append(.init("alternatives", .array(question.alternatives)))
      }
    }
    return members
  }
}
