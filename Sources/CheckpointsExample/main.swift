import Checkpoints

// HDF5 files are described by a process of their own: this program, run again.
HDF5Helper.runIfAsked()

/// Lists a checkpoint, reads one tensor, converts all by a mapping and compares with what was made.
func run(_ input: String, _ name: String, _ mapping: String, _ output: String) throws {
  // Listing reads no tensor data. The format is recognised by the content.
  let checkpoint = try Checkpoint(path: input)
  for tensor in checkpoint.tensors { print(tensor.name, tensor.dtype, tensor.shape) }

  // One tensor: all of it, or the first of its rows, read by themselves.
  let tensor = try checkpoint.tensor(TensorName(name))
  let first = try tensor.floats(tensor.rows(0..<1))
  print("\(name) begins with \(first.prefix(3)), and sums to \(try tensor.doubles().reduce(0, +))")

  // A conversion is total, or nothing is written.
  let converted = try checkpoint.converted(by: .named(mapping))
  try Checkpoint.write(converted, to: output, overwrite: true)
  let written = try Checkpoint(path: output)
  print("\(written.tensors.count) tensors written, hash \(try written.hash().root)")

  // A tensor of one's own.
  let mean = try OutputTensor(
    name: "mean", shape: .scalar, elements: [first.reduce(0, +) / Float(first.count)])
  try Checkpoint.write([mean], to: output + ".mean.npz", overwrite: true)
}

let arguments = CommandLine.arguments
do {
  guard arguments.count == 5 else {
    throw CheckpointError(kind: .usage, "usage: CheckpointsExample INPUT NAME MAPPING OUTPUT")
  }
  try run(arguments[1], arguments[2], arguments[3], arguments[4])
} catch {
  CheckpointError.end(with: error)
}
