import Bytes
import CheckpointCore

/// One way to recognise and open a file.
struct FileFormat: Sendable {
  /// `nil` for an index, whose files may be of several formats.
  let name: FormatName?
  /// Whether the first bytes of a file are this format's.
  let matches: @Sendable (_ prefix: [UInt8]) -> Bool
  /// Opens the file; `nil` where a container turns out to hold another format.
  let open: @Sendable (CandidateFile) throws -> (any CheckpointReader)?
}

/// One way to recognise and open a folder.
struct FolderFormat: Sendable {
  let name: FormatName
  /// Whether the files that are in a folder are this format's, whatever their state.
  let matches: @Sendable (CheckpointFolder) -> Bool
  /// Opens the folder, whose files are reached through it alone.
  let open: @Sendable (CheckpointFolder, ReadOptions) throws -> any CheckpointReader
}

/// Every format that is read. This is the only place that knows them all.
enum FormatRegistry {
  /// In order: what the program has registered, which knows its files best, then ours.
  static var files: [FileFormat] { RegisteredFormats.files + builtInFiles }

  static var names: [FormatName] { FormatName.builtIn + RegisteredFormats.all.map(\.name) }

  /// In order: the formats with a magic number first, the guesses last.
  private static let builtInFiles: [FileFormat] = [
    FileFormat(name: .npy, matches: { $0.starts(with: NpyHeader.magic) }) {
      try NpyReader($0.file, options: $0.options)
    },
    FileFormat(name: .gguf, matches: GGUFReader.matches) { try GGUFReader($0.file) },
    FileFormat(name: .torch, matches: ZipArchive.matches) {
      try TorchZipReader.open(try $0.archive())
    },
    FileFormat(name: .torch, matches: ZipArchive.matches) {
      try TorchExportReader.open(try $0.archive())
    },
    FileFormat(name: .hdf5, matches: ZipArchive.matches) {
      try KerasArchiveReader.open(try $0.archive())
    },
    FileFormat(name: .npz, matches: ZipArchive.matches) {
      try NpzReader.open(try $0.archive(), $0.options)
    },
    FileFormat(name: .hdf5, matches: HDF5Reader.matches) { try HDF5Reader($0.file) },
    FileFormat(name: .safetensors, matches: SafetensorsHeader.matches) {
      try SafetensorsReader($0.file)
    },
    FileFormat(name: nil, matches: ShardIndex.matches) {
      guard let folder = $0.folder else { return nil }
      return try ShardSetReader(try ShardIndex($0.file), in: folder, $0.options)
    },
    FileFormat(name: .torch, matches: TorchLegacyReader.matches) {
      try TorchLegacyReader($0.file)
    },
    FileFormat(name: .torch, matches: TorchTarReader.matches) { try TorchTarReader($0.file) },
    FileFormat(name: .pickle, matches: BarePickleReader.matches, open: BarePickleReader.open),
    FileFormat(name: .flax, matches: FlaxReader.matches) {
      try FlaxReader.open($0.file, prefix: $0.prefix)
    },
  ]

  /// In order: the formats with a file of a certain name first.
  static let folders: [FolderFormat] = [
    FolderFormat(name: .orbax, matches: OrbaxReader.matches) { folder, _ in
      try OrbaxReader(folder)
    },
    FolderFormat(name: .dcp, matches: DCPReader.matches) { folder, _ in try DCPReader(folder) },
    FolderFormat(name: .dcp, matches: DCPSafetensorsReader.matches) { folder, _ in
      try DCPSafetensorsReader(folder)
    },
  ]
}
