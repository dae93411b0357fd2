/// A format, under the name that `--format` and `--to` take: one of those below, or one that a program
/// has registered.
public struct FormatName: RawRepresentable, Sendable, Hashable {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
}

extension FormatName {
  public static let npz = FormatName(rawValue: "npz")
  public static let npy = FormatName(rawValue: "npy")
  /// PyTorch's files, zipped, legacy and tarred, TorchScript and `torch.export`.
  public static let torch = FormatName(rawValue: "torch")
  /// The folders of `torch.distributed.checkpoint`.
  public static let dcp = FormatName(rawValue: "dcp")
  /// Python pickles of arrays.
  public static let pickle = FormatName(rawValue: "pickle")
  public static let safetensors = FormatName(rawValue: "safetensors")
  /// Flax's msgpack.
  public static let flax = FormatName(rawValue: "flax")
  /// HDF5, Keras' files among them.
  public static let hdf5 = FormatName(rawValue: "hdf5")
  public static let gguf = FormatName(rawValue: "gguf")
  public static let orbax = FormatName(rawValue: "orbax")

  /// The formats that the library itself reads.
  package static let builtIn: [FormatName] = [
    .npz, .npy, .torch, .dcp, .pickle, .safetensors, .flax, .hdf5, .gguf, .orbax,
  ]
}
