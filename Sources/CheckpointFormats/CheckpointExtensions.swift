import CheckpointCore

/// What the extensions of file names stand for: the format to write, and, in a folder, which files
/// are checkpoints. What a file holds is never told by its name.
enum CheckpointExtensions {
  private static let written: [String: FormatName] = [
    "npz": .npz, "npy": .npy, "pt": .torch, "pth": .torch, "ckpt": .torch, "bin": .torch,
    "safetensors": .safetensors, "flax": .flax, "msgpack": .flax, "h5": .hdf5, "hdf5": .hdf5,
  ]

  private static let onlyRead: Set<String> = ["keras", "pdparams", "gguf", "pt2"]

  /// The lower-case extension without its dot; empty where there is none.
  static func ofPath(_ path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: ".") else { return "" }
    return name[name.index(after: dot)...].lowercased()
  }

  /// The format to write under this name.
  static func format(ofPath path: String) -> FormatName? {
    let end = ofPath(path)
    return RegisteredFormats.name(ofExtension: end) ?? written[end]
  }

  static func isCheckpoint(_ path: String) -> Bool {
    format(ofPath: path) != nil || onlyRead.contains(ofPath(path))
  }
}
