import CheckpointCore
import CheckpointFormats

// HDF5 files are described by a process of their own: this program, run again.
HDF5Helper.runIfAsked()

// Usage: CheckpointsExample INPUT NAME OUTPUT.safetensors
let arguments = CommandLine.arguments
guard arguments.count == 4 else {
  throw CheckpointError("usage: CheckpointsExample INPUT NAME OUTPUT.safetensors")
}

// Listing reads no tensor data. The format is recognised by the content.
let checkpoint = try Checkpoint(path: arguments[1])
for tensor in checkpoint.tensors { print(tensor.name, tensor.dtype, tensor.shape) }

// One tensor, as little-endian bytes in C order. Names are compared as their bytes.
let name = TensorName(arguments[2])
guard let tensor = checkpoint.tensors.first(where: { $0.name == name }) else {
  throw CheckpointError(entry: name, "there is no such tensor")
}
let bytes = try checkpoint.reader.read(tensor)

// A tensor to write says how its elements are produced, so that any size streams.
let output = OutputTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape) { sink in
  try sink(0, bytes.span)
}
if let writer = try CheckpointWriters.writer(for: .safetensors) {
  try CheckpointWriters.write(
    [output], to: arguments[3], as: writer, overwrite: true,
    work: WorkLimits(threads: 1, memory: bytes.count))
}
