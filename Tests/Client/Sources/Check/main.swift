import Checkpoints

HDF5Helper.runIfAsked()

/// Ends the program where something does not hold.
func check(_ holds: Bool, _ claim: String) throws {
  guard holds else { throw CheckpointError(kind: .checkFailed, "it does not hold: \(claim)") }
}

/// Uses all of the library once.
///
/// - Parameters:
///   - samples: the folder of this repository's samples.
///   - folder: where files may be written.
func run(samples: String, folder: String) throws {
  // Tensors of one's own, as every format that is written keeps them.
  guard let shape = Shape([2, 3]) else { throw CheckpointError("there is no such shape") }
  let tensors = [
    try OutputTensor(name: "layer.weight", shape: shape, elements: [1, 2, 3, 4, 5, 6] as [Float]),
    try OutputTensor(name: "layer.bias", shape: .scalar, elements: [0.5] as [Float16]),
  ]
  Checkpoint.register(textTensors)
  var roots: Set<String> = []
  for name in ["x.npz", "x.pt", "x.safetensors", "x.msgpack", "x.tensors"] {
    let path = "\(folder)/\(name)"
    try Checkpoint.write(tensors, to: path)
    let checkpoint = try Checkpoint(path: path)
    try check(checkpoint.tensors.count == 2, "\(name) has both tensors")
    let weight = try checkpoint.tensor("layer.weight")
    try check(try weight.floats(weight.rows(1..<2)) == [4, 5, 6], "a row of \(name) is read")
    let halves: [Float16]? = try checkpoint["layer.bias"]?.elements()
    try check(halves == [0.5], "the elements of \(name) are read as they are")
    roots.insert(try checkpoint.hash().root)
  }
  try check(roots.count == 1, "the hash is the same in every format")

  // A format of one's own is recognised by its content, and converted like any other.
  let registered = try Checkpoint(path: folder + "/x.tensors")
  try check(registered.format == textTensors.name, "the registered format is recognised")
  try registered.convert(
    to: folder + "/y.npz", by: ConversionRecipe(mapping: .formatAlone, dtype: .float64),
    certificate: folder + "/y.json")
  try check(try CertificateReplay(folder + "/y.json").holds, "the certificate holds")
  let cast = try registered.differences(from: try Checkpoint(path: folder + "/y.npz"))
  let verdict = DiffVerdict(cast, first: "x", second: "y")
  try check(verdict.kind == .otherDtype, "another dtype is all that differs: \(verdict.text)")

  // So are names that share their elements.
  let tied = try Checkpoint(path: samples + "/savi-small.flax.npz")
  try tied.convert(to: folder + "/z.tensors")
  try tied.convert(to: folder + "/z.pt")
  let (ours, torch) = (
    try Checkpoint(path: folder + "/z.tensors"), try Checkpoint(path: folder + "/z.pt")
  )
  try check(try ours.hash().root == torch.hash().root, "aliases have their original's elements")

  // Statistics and a schema.
  let flax = try Checkpoint(path: samples + "/savi-small.flax.npz")
  let table = ParameterTable(try flax.statistics(), style: .clu).text()
  try check(table.contains("SlotAttention_0"), "the table lists the parameters")
  let findings = try flax.findings(of: try CheckpointSchema.load("savi-small"))
  try check(findings.map(\.kind) == [.otherLayout], "the schema tells the other layout")

  // Recordings of two models.
  let verification = try RecordingVerification(
    source: samples + "/vit-tiny.flax.run.safetensors",
    converted: samples + "/vit-tiny.port.run.safetensors")
  try check(
    verification.faults.first?.causes.first?.id == "gelu_approximation", "the fault is found")
}

let arguments = CommandLine.arguments
do {
  guard arguments.count == 3 else {
    throw CheckpointError(kind: .usage, "usage: Check SAMPLES FOLDER")
  }
  try run(samples: arguments[1], folder: arguments[2])
  print("all of it works")
} catch {
  CheckpointError.end(with: error)
}
