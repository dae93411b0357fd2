import Checkpoints

/// A tensor larger than this is listed, not read: a few bytes may stand for gigabytes (a stride of
/// zero, a fill value, a deflated run), which is no fault.
let readableSize = 1 << 20

/// Opens `bytes` as a file of `format`, or of the one its content tells, and reads every tensor.
func readCheckpoint(_ bytes: [UInt8], as format: FormatName?) {
  readCheckpoint(at: InputFile.write(bytes), as: format)
}

/// Opens what is at `path`, and reads every tensor.
func readCheckpoint(at path: String, as format: FormatName?) {
  refusing {
    let checkpoint = try Checkpoint(path: path, options: ReadOptions(format: format))
    for tensor in checkpoint.tensors where tensor.byteCount <= readableSize {
      refusing {
        let elements = try checkpoint.reader.read(tensor)
        guard elements.count == tensor.byteCount else {
          fatalError("\(tensor.name): \(elements.count) of \(tensor.byteCount) bytes were read")
        }
      }
    }
  }
}
