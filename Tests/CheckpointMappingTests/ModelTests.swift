import CheckpointCore
import CheckpointMapping
import TestSupport
import Testing

@Suite("Model documents")
struct ModelTests {
  /// The mapping per tensor, as read off the two frameworks.
  @Test("map every tensor of SAVi-S and SAVi-M as recorded", arguments: ["small", "medium"])
  func recordedMapping(_ size: String) throws {
    let model = try #require(try BuiltInModels.model("savi-\(size)"))
    let mapping = try CompiledMapping(model)
    let recorded = try JSONParser.parse(try fileBytes(fixture("golden/\(size)_mapping.json")))
    guard case .array(let rows) = recorded else {
      Issue.record("not an array")
      return
    }
    #expect(rows.count == mapping.targets.count)
    for (row, target) in zip(rows, mapping.targets) {
      let shape = try #require(target.shape)
      let tensor = target.origin
      #expect(row["torch"] == .name(target.name))
      #expect(row["torch_shape"] == .ints(shape.dimensions))
      let source = try #require(tensor.sourceShape)
      let sources = tensor.sources.map { name in
        JSONValue.object(["name": .name(name), "shape": .ints(source.dimensions)])
      }
      #expect(row["flax"] == .array(sources))
      guard case .string(let formula)? = row["transform"] else { continue }
      #expect(formula.hasPrefix(Self.recorded[tensor.layout.name] ?? "copy"), "\(target.name)")
    }
  }

  /// The recorded formulas name the layouts in their own words.
  private static let recorded = [
    "conv2d.kernel": "W[o,i,a,b] = K[a,b,i,o]",
    "conv_transpose2d.kernel": "W[i,o,a,b] = K[kh-1-a, kw-1-b, i, o]",
    "dense.kernel": "W[o,i] = K[i,o]",
    "attention.projection.kernel": "W[h,i,d] = K[i,h,d]",
    "attention.qkv.kernel": "W[h*3d + s*d + j, i] = K_s[i,h,j]",
    "attention.qkv.bias": "b[h*3d + s*d + j] = B_s[h,j]",
    "attention.output.kernel": "W[o, h*d + j] = K[h,j,o]",
    "gru.input_kernel": "rows: [ir.kernel^T ; iz.kernel^T ; in.kernel^T]",
    "gru.recurrent_kernel": "rows: [hr.kernel^T ; hz.kernel^T ; hn.kernel^T]",
    "gru.input_bias": "[ir.bias | iz.bias | in.bias]",
    "gru.recurrent_bias": "[zeros(S) | zeros(S) | hn.bias]",
  ]

  @Test(
    "consume exactly the leaves of the published Flax configurations",
    arguments: [
      ("savi-small", "small"), ("savi-medium", "medium"), ("savi-large", "large"),
      ("savi-plus-plus", "savipp"), (fixture("models/savi-tiny.json"), "tiny"),
    ])
  func leaves(_ document: String, _ size: String) throws {
    let model = try ModelDocument.load(document)
    let mapping = try CompiledMapping(model)
    let recorded = try JSONParser.parse(
      try fileBytes(fixture("golden/\(size)_flax_param_shapes.json")))
    guard case .object(let leaves)? = recorded["params"] else {
      Issue.record("no params")
      return
    }
    var found: [TensorName: JSONValue] = [:]
    for tensor in mapping.tensors {
      let shape = try #require(tensor.sourceShape)
      for name in tensor.sources { found[name] = .ints(shape.dimensions) }
    }
    #expect(
      found == Dictionary(uniqueKeysWithValues: leaves.map { (TensorName($0.key), $0.value) }))
  }

  @Test(
    "have the state dicts of the four configurations",
    arguments: [
      ("savi-small", 82, 59, 895_524), ("savi-medium", 82, 59, 1_140_996),
      ("savi-large", 182, 159, 22_273_668), ("savi-plus-plus", 234, 211, 23_132_421),
    ])
  func stateDict(_ name: String, keys: Int, tensors: Int, elements: Int) throws {
    let model = try #require(try BuiltInModels.model(name))
    let state = try #require(model.modules).stateDict()
    let own = state.filter { $0.aliasOf == nil }
    #expect(state.count == keys)
    #expect(own.count == tensors)
    #expect(own.reduce(0) { $0 + $1.shape.count } == elements)
  }

  @Test(
    "each configuration is found among all models, wherever a trainer puts its parameters",
    arguments: [
      ("savi-small", "small"), ("savi-medium", "medium"), ("savi-large", "large"),
      ("savi-plus-plus", "savipp"),
    ], ["", "params/", "optimizer/target/"])
  func found(_ model: (name: String, leaves: String), _ root: String) throws {
    let recorded = try JSONParser.parse(
      try fileBytes(fixture("golden/\(model.leaves)_flax_param_shapes.json")))
    guard case .object(let leaves)? = recorded["params"] else {
      Issue.record("no params")
      return
    }
    let entries = try leaves.map { leaf -> CheckpointEntry in
      let extents = try DocumentNode(leaf.value).extents([:])
      return .tensor(
        TensorInfo(
          name: "\(root)\(leaf.key)", dtype: .float32, shape: try #require(Shape(extents))))
    }
    let plan = try ModelMatcher.plan(
      entries, models: try BuiltInModels.all(), direction: .forward)
    #expect(plan.model.name == model.name)
    let state = try #require(plan.model.modules).stateDict().map {
      CheckpointEntry.tensor(TensorInfo(name: $0.name, dtype: .float32, shape: $0.shape))
    }
    let back = try ModelMatcher.plan(
      state, models: try BuiltInModels.all(), direction: .reverse)
    #expect(back.model.name == model.name)
  }

  @Test("equal modules are written once, under the numbers of a range")
  func families() throws {
    let block = #"{"name": "{n-1}", "range": {"n": [1, "depth"]}, "class": "Linear","#
    func tree(_ depth: Int) throws -> TorchModule {
      let text = """
        {"schema_version": 1, "name": "m", "title": "t", "dimensions": {"depth": \(depth)},
         "modules": {"class": "M", "arguments": {"pre_norm": true, "targets": ["a", "b"]},
          "children": [\(block) "in_features": 2, "out_features": 3}]}, "rules": []}
        """
      return try #require(try ModelDocument(json: Array(text.utf8)).modules)
    }
    #expect(
      try tree(2).description() == """
        M(
          pre_norm=True, targets=('a', 'b')
          (0): Linear(in_features=2, out_features=3, bias=True)
          (1): Linear(in_features=2, out_features=3, bias=True)
        )
        """)
    #expect(try tree(0).stateDict().isEmpty)
    #expect {
      try tree(200_000)
    } throws: {
      "\($0)" == "modules.children[0].range: it stands for more than 100000 modules"
    }
  }

  @Test("print the published module tree, character for character")
  func tree() throws {
    let model = try #require(try BuiltInModels.model("savi-small"))
    let text = try #require(model.modules).description()
    #expect(text + "\n" == (try fixtureText("golden/module-tree.txt")))
  }

  @Test("have no lint findings", arguments: BuiltInModels.names)
  func lint(_ name: String) throws {
    let model = try #require(try BuiltInModels.model(name))
    #expect(try MappingLint.findings(in: model).isEmpty)
  }

  private func document(
    rules: String, modules: String? = #"{"class": "M", "parameters": {"a": [2, 3], "b": [3]}}"#
  ) throws -> ModelDocument {
    let tree = modules.map { "\"modules\": \($0)," } ?? ""
    let text = """
      {"schema_version": 1, "name": "m", "title": "t", \(tree) "rules": [\(rules)]}
      """
    return try ModelDocument(json: Array(text.utf8))
  }

  @Test(
    "lint finds overlapping, dead, missing and impossible rules",
    arguments: [
      (
        #"{"target": "a", "source": "x", "role": "dense.kernel"}"#,
        "b: no rule makes this tensor of the model"
      ),
      (
        #"{"target": "a", "source": "x", "role": "copy"}, {"target": "a", "source": "y", "role": "copy"}"#,
        "a: rules 1 and 2 both make this tensor"
      ),
      (
        #"{"target": "a", "source": "x", "role": "copy"}, {"target": "b", "source": "x", "role": "copy"}"#,
        "x: rules 1 and 2 both consume this tensor"
      ),
      (
        #"{"target": "c", "source": "x", "role": "copy"}"#,
        "c: rule 1 makes a tensor that the model does not have"
      ),
      (
        #"{"target": "b", "source": "x", "role": "dense.kernel"}"#,
        "b: rule 1: a tensor of shape (3,) cannot be a dense.kernel: a target of 2 dimensions expected, (3,) found"
      ),
      (
        #"{"target": "a", "source": "x/y", "role": "copy"}, {"drop": "x"}"#,
        "x/y: a rule drops what rule 1 consumes"
      ),
      (#"{"alias": "p", "of": "q"}"#, "p: rule 1 is dead: it gives no tensor of the model a name"),
      (
        #"{"drop": "opt"}"#,
        "opt: rule 1 is not invertible: what is dropped comes back from a template alone"
      ),
    ])
  func lintFindings(_ rules: String, _ finding: String) throws {
    let findings = try MappingLint.findings(in: try document(rules: rules))
    #expect(findings.map { "\($0.subject): \($0.message)" }.contains(finding))
  }

  @Test(
    "mistakes are reported where they stand",
    arguments: [
      (
        #"{"target": "a", "source": "x", "role": "dense.kernal"}"#,
        "rules[0].role: 'dense.kernal' is not a role; did you mean dense.kernel?"
      ),
      (
        #"{"target": "a", "sorce": "x", "role": "copy"}"#,
        "rules[0]: 'sorce' is not a key here; did you mean source?"
      ),
      (#"{"target": "a", "source": "x"}"#, "rules[0]: the key 'layout' is missing"),
      (
        #"{"target": "a", "sources": ["x", "y"], "role": "gru.input_bias"}"#,
        "rules[0]: gru.input_bias: it takes 3 sources, 2 given"
      ),
      (
        #"{"target": "a", "source": "x", "role": "dense.kernel", "heads": 4}"#,
        "rules[0].heads: 'heads' is the size of the axis 'h', which dense.kernel has not"
      ),
      (
        #"{"target": "a", "source": "x", "layout": "i o -> o (i"}"#,
        "rules[0].layout: 'i o -> o (i': a '(' is not closed; a layout is written as einops writes it: kh kw i o -> o i kh kw"
      ),
      (
        #"{"target": "a", "source": "x", "layout": "i o -> o j"}"#,
        "rules[0]: i o -> o j: the axis 'i' stands on the left side only"
      ),
      (
        #"{"target": "a_{n", "source": "x", "layout": "copy"}"#,
        "rules[0].target: '{n' is no number of a family; write {n}, {n+1} or {2n+1}"
      ),
      (
        #"{"target": "a", "source": 3, "role": "copy"}"#,
        "rules[0].source: a string expected, an integer found"
      ),
      (
        #"{"target": "a", "source": "x", "role": "copy", "range": {"n": [3, 1]}}"#,
        "rules[0].range.n: two integers, first and last, expected"
      ),
    ])
  func mistakes(_ rules: String, _ message: String) {
    #expect {
      try document(rules: rules)
    } throws: {
      "\($0)" == message
    }
  }

  @Test("ranges without end are refused")
  func ranges() throws {
    let rules =
      #"{"target": "a_{n}", "source": "x_{n}", "role": "copy", "range": {"n": [0, 1000000000]}}"#
    #expect(throws: CheckpointError.self) {
      try MappingLint.findings(in: try document(rules: rules, modules: nil))
    }
  }
}
