/// A format, under the name that `--format` and `--to` take: one of those below, or one that a program
/// has registered.
public struct FormatName: RawRepresentable, Sendable, Hashable {
  /// The name, in lower case.
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
}

extension FormatName {
  /// NumPy's archives of arrays.
  public static let npz = FormatName(rawValue: "npz")
  /// A single array of NumPy's.
  public static let npy = FormatName(rawValue: "npy")
  /// PyTorch's files, zipped, legacy and tarred, TorchScript and `torch.export`.
  public static let torch = FormatName(rawValue: "torch")
  /// The folders of `torch.distributed.checkpoint`.
  public static let dcp = FormatName(rawValue: "dcp")
  /// Python pickles of arrays.
  public static let pickle = FormatName(rawValue: "pickle")
  /// Hugging Face's files, single or behind the index of a set of shards.
  public static let safetensors = FormatName(rawValue: "safetensors")
  /// Flax's msgpack.
  public static let flax = FormatName(rawValue: "flax")
  /// HDF5, Keras' files among them.
  public static let hdf5 = FormatName(rawValue: "hdf5")
  /// The files of llama.cpp and its relatives, which are only read.
  public static let gguf = FormatName(rawValue: "gguf")
  /// JAX's folders, which are only read.
  public static let orbax = FormatName(rawValue: "orbax")

  /// The formats that the library itself reads.
  package static let builtIn: [FormatName] = [
    .npz, .npy, .torch, .dcp, .pickle, .safetensors, .flax, .hdf5, .gguf, .orbax,
  ]
}
