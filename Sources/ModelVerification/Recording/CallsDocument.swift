import CheckpointCore
import ReferenceLayers

/// The JSON document in a recording's metadata (schemas/recording.schema.json).
struct CallsDocument {
  private let root: DocumentNode
  private let tensors: [TensorName: TensorInfo]

  /// The version of the schema that is read.
  private static let schemaVersion = 1

  init(_ text: String, tensors: [TensorInfo]) throws {
    let value: JSONValue
    do throws(JSONParser.Failure) {
      value = try JSONParser.parse(Array(text.utf8))
    } catch {
      throw CheckpointError(
        entry: Recording.callsKey, "its metadata are no JSON: \(error)",
        advice: "record the run again")
    }
    root = DocumentNode(value)
    self.tensors = Dictionary(
      tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func parsed() throws -> (calls: [RecordedCall], notes: [String]) {
    let members = try root.members(known: ["schema_version", "versions", "limit", "notes", "calls"])
    let version = try members.require("schema_version", of: root).int()
    guard version == Self.schemaVersion else {
      throw CheckpointError(
        entry: Recording.callsKey,
        "schema_version \(Self.schemaVersion) expected, \(version) found",
        advice: "record the run with the recorder of this version")
    }
    let calls = try members.require("calls", of: root).items().enumerated().map { index, node in
      try call(node, index)
    }
    return (calls, try members["notes"]?.items().map { try $0.string() } ?? [])
  }

  private func call(_ node: DocumentNode, _ index: Int) throws -> RecordedCall {
    let members = try node.members(known: [
      "path", "class", "bases", "framework", "method", "number", "parent", "completed", "inputs",
      "outputs", "parameters", "attributes",
    ])
    let parent = try members["parent"].flatMap { $0.value == .null ? nil : try $0.int() }
    guard parent.map({ (0..<index).contains($0) }) ?? true else {
      throw node.problem("its parent is no earlier call")
    }
    let facts = try facts(node, members)
    return RecordedCall(
      index: index, path: try members.require("path", of: node).string(),
      method: try members["method"]?.optionalString(),
      number: try members.require("number", of: node).int(), parent: parent,
      inputs: try members["inputs"]?.items().map(tensor) ?? [],
      outputs: try members["outputs"]?.items().map(tensor) ?? [],
      facts: facts, definition: LayerDefinitions.definition(for: facts))
  }

  private func facts(
    _ node: DocumentNode, _ members: [String: DocumentNode]
  ) throws -> LayerFacts {
    let name = try members.require("framework", of: node)
    guard let framework = LayerFacts.Framework(rawValue: try name.string()) else {
      throw name.problem("a framework expected: torch, flax.linen, flax.nnx or keras")
    }
    let own = try members.require("class", of: node).string()
    let bases = try members["bases"]?.items().map { try $0.string() } ?? []
    var attributes: [String: JSONValue] = [:]
    for (name, value) in try members["attributes"]?.namedMembers() ?? [] {
      attributes[name] = value.value
    }
    var parameters: [String: [Int]] = [:]
    for (name, value) in try members["parameters"]?.namedMembers() ?? [] {
      parameters[name] = try value.items().map { try $0.int() }
    }
    return LayerFacts(
      framework: framework, classNames: [own] + bases, attributes: attributes,
      parameters: parameters)
  }

  private func tensor(_ node: DocumentNode) throws -> RecordedTensor {
    let members = try node.members(known: ["name", "tensor", "shape"])
    let name = try members.require("tensor", of: node)
    guard let info = tensors[try name.name()] else {
      throw name.problem("the file holds no such tensor", advice: "record the run again")
    }
    return RecordedTensor(
      name: try members.require("name", of: node).string(), tensor: info,
      fullShape: try members["shape"]?.items().map { try $0.int() } ?? info.shape.dimensions)
  }
}
