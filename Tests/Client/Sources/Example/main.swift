import Checkpoints

// HDF5 files are described by a process of their own: this program, run again.
HDF5Helper.runIfAsked()

/// Reads a PyTorch checkpoint, converts it to Flax's names and layouts and back, and compares.
func run(_ input: String, mapping: String, output: String) throws {
  // Listing reads no tensor data. The format is recognised by the content.
  let checkpoint = try Checkpoint(path: input)
  print("\(checkpoint.formatDescription), \(checkpoint.tensors.count) tensors")
  for tensor in checkpoint.tensors { print(tensor.name, tensor.dtype, tensor.shape) }

  // One tensor: its first row, read by itself, and all of it.
  let tensor = try checkpoint.tensor(TensorName("corrector.layernorm_input.weight"))
  let first = try tensor.floats(tensor.rows(0..<1))
  print("\(tensor.name) begins with \(first), and sums to \(try tensor.doubles().reduce(0, +))")

  // A conversion is total, or nothing is written.
  let toFlax = ConversionRecipe(mapping: .named(mapping), direction: .reverse)
  try checkpoint.convert(to: output, by: toFlax, overwrite: true)
  let flax = try Checkpoint(path: output)
  print("\(output): \(flax.tensors.count) tensors, hash \(try flax.hash().root)")

  // And back: what comes is what there was.
  let again = output + ".safetensors"
  try flax.convert(to: again, by: ConversionRecipe(mapping: .named(mapping)), overwrite: true)
  let diff = try checkpoint.differences(from: try Checkpoint(path: again))
  print(DiffVerdict(diff, first: input, second: again).text)
  guard diff.differences.isEmpty else {
    throw CheckpointError(kind: .checkFailed, file: again, "it is not what was converted")
  }
}

let arguments = CommandLine.arguments
do {
  guard arguments.count == 4 else {
    throw CheckpointError(kind: .usage, "usage: Example INPUT MAPPING OUTPUT")
  }
  try run(arguments[1], mapping: arguments[2], output: arguments[3])
} catch {
  CheckpointError.end(with: error)
}
